"""One call from a pretrained base to a net of one's own, and what it promises."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_net import FIRST, IMAGES, KINDS, LAST, base, tuned

import latih
from latih import layers, random, transfer
from latih.errors import InputError, LatihError, LatihWarning, UnknownNameError
from latih.run_directory import RunDirectory
from latih.transfer.scores import judge


def test_it_is_never_worse_than_the_frozen_probe_and_says_so() -> None:
    done = tuned(epochs=8, learning_rate=0.02)
    scores = judge(KINDS[LAST], done.model.predict(IMAGES[LAST], verbose=0))
    assert (done.score, done.scores.balanced_accuracy) == (
        scores.accuracy,
        scores.balanced_accuracy,
    )
    assert done.score >= done.probe_score
    assert done.scores.balanced_accuracy >= done.probe_scores.balanced_accuracy
    assert 1 <= done.best_epoch <= 8
    assert done.score > 0.8
    assert len(done.history.history["val_loss"]) == 8
    assert done.class_names == ("0", "1", "2")
    assert repr(done) == (
        f"FineTuned('fine_tuned_small', 3 classes: '0', '1', '2'; probe_score="
        f"{done.probe_score:.4f}, score={done.score:.4f}, best_epoch={done.best_epoch})"
    )


def test_a_rate_that_wrecks_the_net_gives_back_the_probe() -> None:
    with pytest.warns(LatihWarning, match="lost what it knew"):
        done = tuned(learning_rate=50.0)
    probe = tuned(epochs=0)
    assert done.best_epoch == 0 and done.score == done.probe_score == probe.score
    for ours, theirs in zip(done.model.get_weights(), probe.model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_the_probe_knows_the_weights_of_classes_and_learns_from_everything_in_the_end() -> None:
    usual, heavy = tuned(epochs=0), tuned(epochs=0, class_weight={2: 50.0})
    rare = [one.model.predict(IMAGES, verbose=0)[:, 2].mean() for one in (usual, heavy)]
    assert rare[1] > 1.2 * rare[0]
    given: Any = {"epochs": 0, "seed": 5, "verbose": 0}
    refit = transfer.fine_tune(base(), IMAGES, KINDS, **given)
    kept = transfer.fine_tune(base(), IMAGES, KINDS, refit=False, **given)
    ours, theirs = (one.model.get_layer("head").get_weights()[0] for one in (refit, kept))
    assert np.abs(ours - theirs).max() > 1e-3


def test_all_classes_count_alike_in_the_validation_loss() -> None:
    weights: list[Any] = []

    class End(latih.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            weights.append(self.model.get_weights())

    done = tuned(epochs=1, label_smoothing=0.0, callbacks=[End()])
    done.model.set_weights(weights[0])
    given = done.model.predict(IMAGES[LAST], verbose=0)[np.arange(len(LAST)), KINDS[LAST]]
    by_class = [-np.log(given[KINDS[LAST] == kind]).mean() for kind in range(3)]
    assert done.history.history["val_loss"][0] == pytest.approx(np.mean(by_class), rel=1e-4)


def test_one_seed_gives_the_same_bits_and_the_base_stays() -> None:
    own = base()
    before = own.get_weights()
    held = (IMAGES[LAST], KINDS[LAST])
    given: Any = {"epochs": 2, "seed": 7, "verbose": 0, "validation_data": held}
    one, two = (
        transfer.fine_tune(own, IMAGES[FIRST], KINDS[FIRST], **given).model.get_weights()
        for _ in range(2)
    )
    assert all(map(np.array_equal, one, two))
    assert all(map(np.array_equal, own.get_weights(), before))


def test_what_is_drawn_afterwards_is_not_disturbed() -> None:
    latih.utils.set_random_seed(8)
    wanted = np.random.rand(), torch.rand(()), random.make_seed()
    latih.utils.set_random_seed(8)
    own = layers.RandomFlip(seed=1)
    one = tuned(epochs=1, augmentation=own).model.get_weights()
    latih.utils.set_random_seed(8)
    two = tuned(epochs=1, augmentation=own).model.get_weights()
    assert all(map(np.array_equal, one, two))  # a layer of the user's is copied, too
    latih.utils.set_random_seed(8)
    net, kinds = latih.Sequential([layers.Dense(2, input_shape=[3])]), [0, 1] * 4
    x = np.random.default_rng(4).normal(size=(8, 3))
    latih.utils.set_random_seed(8)
    transfer.fine_tune(net, x, kinds, epochs=1, seed=3, verbose=0)
    assert (np.random.rand(), torch.rand(()), random.make_seed()) == wanted


def test_numbers_of_classes_may_go_on_in_the_validation_data() -> None:
    for shape in ((-1,), (-1, 1)):
        y = np.array([0, 1] * 4).reshape(shape)
        dice = np.random.default_rng(4)
        x = dice.normal(size=(8, 3))
        held = dice.normal(size=(3, 3)), np.arange(3).reshape(shape)
        net = latih.Sequential([layers.Dense(2, input_shape=[3])])
        done = transfer.fine_tune(net, x, y, validation_data=held, epochs=0, seed=1, verbose=0)
        assert done.class_names == ("0", "1", "2")


def test_the_probe_leaves_the_base_bit_for_bit() -> None:
    done = tuned(epochs=0)
    inside = next(layer for layer in done.model.layers if layer.name == "small")
    for ours, theirs in zip(inside.get_weights(), base().get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert done.best_epoch == 0 and done.scores is done.probe_scores


@pytest.mark.parametrize("epochs", [0, 2])
def test_the_model_is_evaluated_with_labels_as_they_were_given(epochs: int, tmp_path: Path) -> None:
    rows, names = np.eye(3)[KINDS], np.array(["ant", "bee", "cow"])[KINDS]
    for y in (KINDS, KINDS[:, None], rows):
        done = transfer.fine_tune(base(), IMAGES, y, epochs=epochs, seed=5, verbose=0)
        probabilities = done.model.predict(IMAGES, verbose=0)
        wanted = -np.log(probabilities[np.arange(len(KINDS)), KINDS]).mean()
        loss, accuracy = done.model.evaluate(IMAGES, y, verbose=0)
        assert loss == pytest.approx(wanted, abs=1e-5)  # of labels that are not smoothed
        assert accuracy == pytest.approx((probabilities.argmax(1) == KINDS).mean())
    run = tmp_path / "run"
    done = transfer.fine_tune(base(), IMAGES, names, epochs=epochs, verbose=0, run_dir=run)
    loaded = latih.models.load_model(RunDirectory.open(run).best_file)
    for model in (done.model, loaded):
        right = (model.predict(IMAGES, verbose=0).argmax(1) == KINDS).mean()
        assert model.evaluate(IMAGES, KINDS, verbose=0)[1] == pytest.approx(right)


def test_the_model_may_be_trained_on() -> None:
    for epochs in (0, 2):
        model = transfer.fine_tune(base(), IMAGES, KINDS, epochs=epochs, seed=5, verbose=0).model
        before = model.get_weights()
        model.fit(IMAGES, KINDS, epochs=1, verbose=0)
        moved = [
            np.abs(one - other).max()
            for one, other in zip(model.get_weights(), before, strict=True)
        ]
        assert max(moved) > 1e-4  # and not by the rate that a cycle ends with


@pytest.mark.parametrize(
    ("given", "rate"),
    # 76 examples, three steps an epoch: (6 / 10)³ of 0.001, but a tenth of it at least.
    [
        ({"epochs": 2}, 0.000216),
        ({"epochs": 2, "refit": False}, 0.0001),  # of the 61 that are not held back
        ({"epochs": 0}, 0.001),
        ({"epochs": 2, "learning_rate": 0.5}, 0.5),
    ],
)
@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_it_is_trained_on_at_the_rate_that_it_was_trained_at(
    given: dict[str, Any], rate: float
) -> None:
    model = transfer.fine_tune(base(), IMAGES, KINDS, seed=5, verbose=0, **given).model
    assert float(model.optimizer.learning_rate) == pytest.approx(rate, rel=1e-5)


def test_the_drift_of_every_layer_is_told() -> None:
    done = tuned(epochs=8, learning_rate=0.02)
    assert done.best_epoch
    inside = next(layer for layer in done.model.layers if layer.name == "small")
    for name in ("low", "high"):
        new, old = inside.get_layer(name).kernel, base().get_layer(name).kernel
        wanted = float(((new - old).norm() / old.norm()).detach())
        assert done.drift[name] == pytest.approx(wanted, rel=1e-3) and wanted > 0
    assert set(done.drift) == {"low", "low_norm", "high", "high_norm"}
    assert set(tuned(epochs=0).drift.values()) == {0.0}


def test_copies_among_the_validation_examples_are_told_of() -> None:
    held = (IMAGES[[*LAST, 0, 2]], KINDS[[*LAST, 0, 2]])
    for kind in ("uint8", "float32"):
        with pytest.warns(LatihWarning, match="copies of some that were trained on"):
            done = tuned(epochs=0, validation_data=(held[0].astype(kind), held[1]))
        (found,) = done.findings
        assert found.evidence[0].value == pytest.approx(2 / 40)


REFUSED: list[tuple[Any, Any, Any, dict[str, Any], str]] = [
    ("resnet19", IMAGES, KINDS, {}, "resnet18"),
    (3, IMAGES, KINDS, {}, "`base`"),
    (None, IMAGES, KINDS[:5], {}, "length|number|examples"),
    (None, IMAGES, np.zeros(len(KINDS), int), {}, "two classes"),
    (None, IMAGES[:3], [0, 0, 1], {}, "too few examples"),
    (None, IMAGES[:, 0, 0], KINDS, {}, "does not fit the base"),
    (None, IMAGES, KINDS, {"epochs": -1}, "`epochs`"),
    (None, IMAGES, KINDS, {"epoch": 3}, "no argument `epoch`"),
    (None, IMAGES, KINDS, {"validation_data": 3}, "`validation_data`"),
    (None, IMAGES, KINDS, {"augmentation": "some"}, "`augmentation`"),
    (None, IMAGES, KINDS, {"class_weight": {3: 2.0}}, "expected 0..2, got 3"),
    (None, IMAGES, KINDS, {"class_weight": {"1": 2.0}}, "class numbers"),
    (None, IMAGES, KINDS, {"class_weight": {1: -2.0}}, "`class_weight`"),
    (None, IMAGES, KINDS, {"class_weight": {0: 0, 1: 0}}, "nothing to tell apart"),
    (None, IMAGES, KINDS, {"validation_data": (IMAGES[:4] + 1, [*"abcd"])}, "not known"),
    (None, IMAGES, np.eye(3)[KINDS], {"validation_data": (IMAGES[:1], [3])}, "not known"),
    (None, IMAGES, KINDS, {"validation_data": (IMAGES[:4, 1:], KINDS[:4])}, "does not fit `x`"),
    (None, IMAGES, KINDS, {"resume": "yes"}, "`resume`"),
    (None, IMAGES, KINDS, {"snapshot_every": "often"}, "`snapshot_every`"),
    ("efficientnet-lite0", IMAGES / 255.0, KINDS, {}, "0 to 255"),
    (
        *("efficientnet-lite0", IMAGES, KINDS),
        {"validation_data": (IMAGES[:4] / 255.0, KINDS[:4])},
        "0 to 255",
    ),
    ("efficientnet-lite0", KINDS[:, None] * 1.0, KINDS, {}, "does not fit the base"),
]


@pytest.mark.parametrize(
    ("given", "x", "y", "more", "told"), REFUSED, ids=lambda value: str(value)[:20]
)
def test_what_cannot_be_used_is_refused(
    given: Any, x: Any, y: Any, more: dict[str, Any], told: str
) -> None:
    kind = UnknownNameError if given == "resnet19" else LatihError
    with pytest.raises(kind, match=told):
        transfer.fine_tune(base() if given is None else given, x, y, verbose=0, **more)


def test_class_numbers_that_no_example_has_are_told_of_before_the_first_step() -> None:
    given: Any = {"epochs": 0, "seed": 5, "verbose": 0}
    with pytest.warns(LatihWarning, match=r"no example of 1 of 4 classes \(0\): .* from 0"):
        done = transfer.fine_tune(base(), IMAGES, KINDS + 1, **given)
    assert done.class_names == ("0", "1", "2", "3")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = transfer.fine_tune(base(), IMAGES, (KINDS + 1).astype(str), **given)
    assert done.class_names == ("1", "2", "3")


@pytest.mark.parametrize("x", ["pictures", Path("a.png"), ["a.png", "b.png"], (Path("a.png"),)])
def test_names_of_files_are_not_taken_for_what_is_in_them(x: Any) -> None:
    with pytest.raises(InputError, match=r"names of files.*latih finetune FOLDER"):
        transfer.fine_tune(base(), x, [0, 1])
