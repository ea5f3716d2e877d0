"""One call from a pretrained base to a net of one's own, and what it promises."""

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih import applications, layers, random, transfer
from latih.callbacks import GradualUnfreezing, OneCycle
from latih.data.batches import order
from latih.data.strata import stratified_split
from latih.errors import InputError, LatihError, LatihWarning, UnknownNameError
from latih.pretraining import DBN, Autoencoder
from latih.run_directory import RunDirectory
from latih.transfer.best_epoch import BestEpoch
from latih.transfer.features import cached_features
from latih.transfer.keeping import Keeping
from latih.transfer.mixing import MixedBatches
from latih.transfer.networks import find_base
from latih.transfer.options import epochs_for, views_for
from latih.transfer.probing import fit_head
from latih.transfer.scores import judge, of_confusion
from latih.transfer.whole_net import train_whole

DICE = np.random.default_rng(4)
KINDS = np.repeat([0, 1, 2], [40, 24, 12])
IMAGES = DICE.integers(0, 120, (len(KINDS), 16, 16, 3)).astype("uint8")
for place, kind in enumerate(KINDS):  # a bar of a place, and a colour, for each class
    IMAGES[place, :, 4 * kind : 4 * kind + 4, kind] += 90
FIRST, LAST = np.arange(0, len(KINDS), 2), np.arange(1, len(KINDS), 2)


def base(seed: int = 1) -> Any:
    latih.utils.set_random_seed(seed)
    inputs = latih.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    for name in ("low", "high"):
        x = layers.Conv2D(8, 3, strides=2, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
        x = layers.Activation("relu", name=f"{name}_bend")(x)
    return latih.Model(inputs, layers.GlobalAveragePooling2D()(x), name="small")


def tuned(**more: Any) -> Any:
    given: dict[str, Any] = {"epochs": 3, "seed": 5, "verbose": 0, **more}
    held = {"validation_data": (IMAGES[LAST], KINDS[LAST])}
    return transfer.fine_tune(base(), IMAGES[FIRST], KINDS[FIRST], **{**held, **given})


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
    latih.utils.set_random_seed(8)
    transfer.fine_tune(net, DICE.normal(size=(8, 3)), kinds, epochs=1, seed=3, verbose=0)
    assert (np.random.rand(), torch.rand(()), random.make_seed()) == wanted


def test_penalties_of_the_base_stay() -> None:
    net = latih.Sequential([layers.Dense(4, kernel_regularizer="l2", input_shape=[3])])
    x, y = DICE.normal(size=(8, 3)), [0, 1] * 4
    given: Any = {"validation_data": (x + 1, y), "epochs": 1, "seed": 3, "verbose": 0}
    (penalty,) = transfer.fine_tune(net, x, y, **given).model.losses
    assert float(penalty.detach()) > 0


def test_frozen_layers_stay_frozen() -> None:
    frozen = transfer.freeze(base(), until="high")
    given: Any = {"validation_data": (IMAGES[LAST], KINDS[LAST]), "seed": 5, "verbose": 0}
    done = transfer.fine_tune(
        frozen, IMAGES[FIRST], KINDS[FIRST], epochs=8, learning_rate=0.02, **given
    )
    assert done.best_epoch
    assert done.drift["low"] == done.drift["low_norm"] == 0 < done.drift["high"]


def test_numbers_of_classes_may_go_on_in_the_validation_data() -> None:
    for shape in ((-1,), (-1, 1)):
        y = np.array([0, 1] * 4).reshape(shape)
        x, held = DICE.normal(size=(8, 3)), (DICE.normal(size=(3, 3)), np.arange(3).reshape(shape))
        net = latih.Sequential([layers.Dense(2, input_shape=[3])])
        done = transfer.fine_tune(net, x, y, validation_data=held, epochs=0, seed=1, verbose=0)
        assert done.class_names == ("0", "1", "2")


def test_the_features_of_a_belief_net_are_no_head() -> None:
    x = DICE.random((20, 5)).astype("float32")
    net = DBN([4, 3], seed=1)
    net.fit(x, epochs=1, verbose=0)
    done = transfer.fine_tune(net.encoder, x, [0, 1] * 10, epochs=0, seed=1, verbose=0)
    assert done.model.get_layer("head").kernel.shape == (3, 2)


def test_of_what_learned_without_labels_the_encoder_is_the_base() -> None:
    x = DICE.random((20, 6)).astype("float32")
    parts = ([layers.Dense(2, name="code")], [layers.Dense(6)])
    net, belief = Autoencoder(*parts), DBN([4, 3], seed=1)
    for one in (net, belief):
        one.fit(x, epochs=1, verbose=0)
    given: Any = {"epochs": 0, "seed": 1, "verbose": 0}
    for one, features in ((net, 2), (belief, 3)):
        done = transfer.fine_tune(one, x, [0, 1] * 10, **given)
        assert done.model.get_layer("head").kernel.shape == (features, 2)


def test_grey_images_without_an_axis_for_it_fit_a_base_that_has_one() -> None:
    net = latih.Sequential([layers.Conv2D(4, 3, input_shape=[16, 16, 1])])
    grey = IMAGES[..., 0].astype("float32")
    given: Any = {"epochs": 1, "seed": 1, "verbose": 0}
    done = transfer.fine_tune(net, grey, KINDS, **given)
    same = transfer.fine_tune(net, grey[..., None], KINDS, **given)
    assert done.model.input_shape == (None, 16, 16)
    outputs = same.model.predict(grey[..., None], verbose=0)
    np.testing.assert_allclose(done.model.predict(grey, verbose=0), outputs, atol=1e-6)


@pytest.mark.parametrize(("flips", "wanted"), [(True, 4), (False, 1)])
def test_views_are_made_where_they_differ(
    flips: bool, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def spied(features: Any, x: Any, *, views: int) -> Any:
        asked.append(views)
        return cached_features(features, x, views=views)

    monkeypatch.setattr("latih.transfer.phases.cached_features", spied)
    tuned(epochs=0, augmentation=layers.RandomFlip() if flips else None)
    assert asked == [wanted]


def test_mixed_batches_are_told_from_those_of_other_pictures() -> None:
    x, y = np.zeros((4, 2), np.float32), np.eye(4, dtype=np.float32)
    one, other = MixedBatches(x, y, None, 1.0, 4), MixedBatches(x + 1, y, None, 1.0, 4)
    assert one.fingerprint() == MixedBatches(x.copy(), y, None, 1.0, 4).fingerprint()
    assert one.fingerprint() != other.fingerprint()


def test_the_probe_leaves_the_base_bit_for_bit() -> None:
    done = tuned(epochs=0)
    inside = next(layer for layer in done.model.layers if layer.name == "small")
    for ours, theirs in zip(inside.get_weights(), base().get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert done.best_epoch == 0 and done.scores is done.probe_scores


@pytest.mark.parametrize("learns", [False, True])
def test_statistics_stay_unless_they_are_asked_to_move(learns: bool) -> None:
    done = tuned(batch_norm=learns, epochs=8, learning_rate=0.02)
    assert done.best_epoch  # else the base is as it was
    inside = next(layer for layer in done.model.layers if layer.name == "small")
    norm, old = inside.get_layer("low_norm"), base().get_layer("low_norm")
    stayed = torch.equal(norm.moving_mean, old.moving_mean)
    assert stayed is not learns
    assert not torch.equal(norm.gamma, old.gamma)


@pytest.mark.parametrize(
    "options",
    [
        {"class_weight": "balanced"},
        {"class_weight": {2: 3.0}},
        {"mixup": 0.4},
        {"pull": 0.01},
        {"unfreeze_every": 1},
        {"groups": None, "factor": 1.2},
        {"augmentation": "strong"},
        {"augmentation": layers.RandomFlip(seed=1)},
        {"augmentation": None, "views": 1},
        {"patience": 1},
        {"label_smoothing": 0.0, "dropout": 0.0, "weight_decay": 0.0},
    ],
    ids=str,
)
def test_every_option_trains(options: dict[str, Any]) -> None:
    done = tuned(epochs=2, **options)
    assert done.score >= done.probe_score
    assert np.isfinite(done.history.history["loss"]).all()


@pytest.mark.filterwarnings("ignore:GradualUnfreezing leaves")
@pytest.mark.parametrize(
    ("options", "look"),
    [
        ({}, lambda model, given: given["sample_weight"] is None),
        (
            {"class_weight": {2: 3.0}},
            lambda model, given: (
                given["sample_weight"].tolist()
                == [3.0 if kind == 2 else 1.0 for kind in KINDS[FIRST]]
            ),
        ),
        ({"mixup": 0.4}, lambda model, given: given["x"].alpha == 0.4),
        ({"label_smoothing": 0.3}, lambda model, given: model.loss.label_smoothing == 0.3),
        ({"weight_decay": 0.2}, lambda model, given: model.optimizer.weight_decay == 0.2),
        ({"batch_size": 5}, lambda model, given: given["batch_size"] == 5),
        ({"dropout": 0.6}, lambda model, given: model.get_layer("head_dropout").rate == 0.6),
        (
            {"unfreeze_every": 1},
            lambda model, given: (
                [one.every for one in given["callbacks"] if isinstance(one, GradualUnfreezing)]
                == [1]
            ),
        ),
        (
            {"patience": 1},
            lambda model, given: (
                [one.patience for one in given["callbacks"] if isinstance(one, BestEpoch)] == [1]
            ),
        ),
        (
            {"learning_rate": 0.02, "warmup": 0.5},
            lambda model, given: (
                [one.rates(4)[1:3] for one in given["callbacks"] if isinstance(one, OneCycle)]
                == [OneCycle(0.02, warmup_fraction=0.5).rates(4)[1:3]]
            ),
        ),
        (
            {"groups": 3, "factor": 4.0},
            lambda model, given: (
                [group.learning_rate for group in model.optimizer.groups] == [1 / 16, 1 / 4, 1]
            ),
        ),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_every_option_reaches_the_training(
    options: dict[str, Any], look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    fit = latih.Model.fit

    def spied(self: Any, *data: Any, **given: Any) -> Any:
        if not data:  # not the head's own
            seen.append(look(self, given))
        return fit(self, *data, **given)

    monkeypatch.setattr(latih.Model, "fit", spied)
    tuned(epochs=1, **options)
    assert seen == [True]


def test_without_validation_data_the_net_learns_from_everything_in_the_end() -> None:
    names = np.array(["ant", "bee", "cow"])[KINDS]
    given: Any = {"epochs": 2, "seed": 5, "verbose": 0}
    done = transfer.fine_tune(base(), IMAGES, names, **given)
    assert done.class_names == ("ant", "bee", "cow")
    assert "val_balanced_accuracy" in done.history.history
    assert int(done.scores.confusion.sum()) == 8 + 5 + 2
    kept = transfer.fine_tune(base(), IMAGES, np.eye(3)[KINDS], refit=False, **given)
    assert kept.score == done.score
    assert not all(map(np.array_equal, kept.model.get_weights(), done.model.get_weights()))


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Gather of how many features each head was fitted, and what it became."""
    seen: list[Any] = []

    def spied(head: Any, features: Any, *rest: Any) -> None:
        fit_head(head, features, *rest)
        seen.append((len(features), head.get_weights()))

    monkeypatch.setattr("latih.transfer.phases.fit_head", spied)
    return seen


def test_the_second_cycle_begins_anew_with_everything(
    fitted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    stayed: list[bool] = []
    starts: list[torch.Tensor] = []

    class Look(latih.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch < 2:  # one group wakes at the start, and another one after an epoch
                inside = self.model.get_layer("small").get_weights()
                stayed.append(all(map(np.array_equal, inside, base().get_weights())))

    def spied(network: Any, training: Any, validation: Any, *rest: Any) -> Any:
        epochs, options, callbacks, keeping = rest
        features, head = network.features.get_weights(), network.head.get_weights()
        begun.append((len(training.x), features, head))
        pulled = network.features.get_layer("small").get_layer("high").kernel
        starts.append(pulled.regularizer.start.clone())
        listeners = [*callbacks, Look()]
        return train_whole(network, training, validation, epochs, options, listeners, keeping)

    monkeypatch.setattr("latih.transfer.phases.train_whole", spied)
    given: Any = {"seed": 5, "verbose": 0, "learning_rate": 0.02, "unfreeze_every": 1}
    done = transfer.fine_tune(base(), IMAGES, KINDS, pull=0.01, epochs=8, **given)
    assert done.best_epoch and done.second_cycle_kept
    assert [count for count, _, _ in begun] == [61, 76]
    assert stayed == [True, False] * 2
    for _, features, _ in begun:
        assert all(map(np.array_equal, features, base().get_weights()))
    assert [count for count, _ in fitted] == [4 * 61, 4 * 76]  # of four views each
    for (_, _, head), (_, fit) in zip(begun, fitted, strict=True):
        parts = [np.median(one / other) for one, other in zip(head, fit, strict=True)]
        assert 0.1 < parts[0] < 1 and parts[1] == pytest.approx(parts[0], rel=1e-4)
    kernel = base().get_layer("high").kernel
    assert len(starts) == 2 and all(torch.equal(start, kernel) for start in starts)
    pulled = done.model.get_layer("small").get_layer("high").kernel
    assert pulled.regularizer is None and not torch.equal(pulled, kernel)


@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_where_the_first_cycle_was_worth_nothing_the_probe_learns_from_everything(
    fitted: list[Any],
) -> None:
    given: Any = {"epochs": 3, "learning_rate": 50.0, "seed": 5, "verbose": 0}
    done = transfer.fine_tune(base(), IMAGES, KINDS, **given)
    assert done.best_epoch == 0 and not done.second_history.epoch
    count, head = fitted[-1]
    assert count == 4 * 76
    wanted = [*base().get_weights(), *head]
    assert all(map(np.array_equal, done.model.get_weights(), wanted))


def test_a_first_cycle_that_is_below_the_probe_by_chance_does_not_keep_from_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        BestEpoch, "keeps_promise", lambda self, logs, errors=0.0: errors > 0
    )  # no epoch is as good as the probe, and the last is near
    given: Any = {"seed": 5, "verbose": 0, "learning_rate": 0.02}
    done = transfer.fine_tune(base(), IMAGES, KINDS, epochs=8, **given)
    assert done.best_epoch == 0 and done.score == done.probe_score
    assert len(done.second_history.epoch) == 8 and done.second_cycle_kept


@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_a_second_cycle_that_wrecks_the_net_is_taken_back() -> None:
    x = DICE.normal(size=(60, 6)).astype("float32")
    y = (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int)
    net = latih.Sequential([layers.Dense(8, "relu", input_shape=[6]), layers.Dense(8, "relu")])
    given: Any = {"epochs": 8, "learning_rate": 3.0, "warmup": 0.9, "verbose": 0}
    taken_back = 0
    for seed in range(3):
        done = transfer.fine_tune(net, x, y, seed=seed, **given)
        taken_back += bool(done.second_history.epoch) and not done.second_cycle_kept
        _, held = stratified_split(y, 0.2, random.mix(seed, 1))
        after = judge(y[held], done.model.predict(x[held], verbose=0))
        assert after.no_worse_than(done.probe_scores)
    assert taken_back


def test_whether_the_second_cycle_was_kept_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: Any = {"epochs": 4, "seed": 5, "learning_rate": 0.02}
    assert transfer.fine_tune(base(), IMAGES, KINDS, verbose=0, **given).second_cycle_kept
    assert not tuned(epochs=4).second_cycle_kept  # there was none
    kept = transfer.fine_tune(base(), IMAGES, KINDS, verbose=0, refit=False, **given)

    def wrecking(network: Any, training: Any, validation: Any, *rest: Any) -> Any:
        history = train_whole(network, training, validation, *rest)
        if validation is None:
            network.model.set_weights([np.zeros_like(w) for w in network.model.get_weights()])
        return history

    monkeypatch.setattr("latih.transfer.phases.train_whole", wrecking)
    done = transfer.fine_tune(base(), IMAGES, KINDS, verbose=2, **given)
    assert not done.second_cycle_kept and len(done.second_history.epoch) == 4
    assert "is taken back" in capsys.readouterr().out
    assert all(map(np.array_equal, done.model.get_weights(), kept.model.get_weights()))


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
    # 76 examples, three steps an epoch: six of forty.
    [({"epochs": 2}, 0.00015), ({"epochs": 0}, 0.001), ({"epochs": 2, "learning_rate": 0.5}, 0.5)],
)
@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_it_is_trained_on_at_the_rate_that_it_was_trained_at(
    given: dict[str, Any], rate: float
) -> None:
    model = transfer.fine_tune(base(), IMAGES, KINDS, seed=5, verbose=0, **given).model
    assert float(model.optimizer.learning_rate) == pytest.approx(rate, rel=1e-5)


def test_a_second_cycle_has_as_many_epochs_as_the_first_came_to() -> None:
    class Stop(latih.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch == 3

    given: Any = {"seed": 5, "verbose": 0, "learning_rate": 0.02, "callbacks": Stop()}
    done = transfer.fine_tune(base(), IMAGES, KINDS, epochs=8, **given)
    assert len(done.history.epoch) == len(done.second_history.epoch) == 4


def test_a_probe_that_knows_everything_and_is_worse_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads: list[Any] = []

    def fit(head: Any, features: Any, targets: Any, weights: Any) -> None:
        fit_head(head, features, targets, weights)
        if heads:  # the second time
            head.set_weights([-one for one in head.get_weights()])
        heads.append(head.get_weights())

    monkeypatch.setattr("latih.transfer.phases.fit_head", fit)
    done = transfer.fine_tune(base(), IMAGES, KINDS, epochs=0, seed=5, verbose=0)
    assert len(heads) == 2
    kept = done.model.get_layer("head").get_weights()
    assert all(map(np.array_equal, kept, heads[0]))


def test_standard_errors_are_those_worked_out_by_hand() -> None:
    # (11/14)(3/14)/12; the classes' (10/12)(2/12)/10 and (2/4)(2/4)/2.
    found = of_confusion(np.array([[9, 1], [1, 1]])).standard_errors
    assert found == pytest.approx((0.118451, 0.186339), abs=1e-6)
    assert of_confusion(np.zeros((2, 2), np.int64)).standard_errors == (0.0, 0.0)


@pytest.mark.parametrize(("accuracy", "is_near"), [(0.72, True), (0.70, False), (np.nan, False)])
def test_the_end_may_be_below_the_floor_by_chance_and_no_more(
    accuracy: float, is_near: bool
) -> None:
    floor = of_confusion(np.array([[9, 1], [1, 1]]))  # 0.833 ± 0.118, balanced 0.7 ± 0.186
    best = BestEpoch(floor, None)
    best.set_model(base())
    best.set_params({"epochs": 2})
    for epoch, right in enumerate((0.9, accuracy)):
        logs = {"val_loss": 1.0, "val_accuracy": right, "val_balanced_accuracy": 0.7}
        best.on_epoch_end(epoch, logs)
    assert best.best_epoch == 0
    assert best.ends_near is is_near


@pytest.mark.usefixtures("without_curves")
@pytest.mark.parametrize("rate", [None, 0.02])
def test_a_fine_tuning_that_is_given_more_epochs_has_them_in_both_cycles(
    rate: float | None, tmp_path: Path
) -> None:
    given: Any = {"seed": 5, "verbose": 0, "learning_rate": rate}
    given |= {"run_dir": tmp_path / "run", "snapshot_every": "epoch"}
    transfer.fine_tune(base(), IMAGES, KINDS, epochs=3, **given)
    second = RunDirectory(tmp_path / "run").second_cycle
    assert len(second.log.read()) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LatihWarning)
        longer = transfer.fine_tune(base(), IMAGES, KINDS, epochs=6, **given)
    assert len(longer.history.epoch) == 6
    assert len(second.log.read()) == len(longer.second_history.epoch) == 6


def test_how_a_run_ended_survives_a_crash() -> None:
    best = BestEpoch(judge(KINDS, np.eye(3)[KINDS]), None)
    best.ends_near = True
    other = BestEpoch(best.floor, None)
    other.load_state_dict(best.state_dict())
    other.on_train_begin()
    assert other.ends_near


def test_rows_of_numbers_are_fine_tuned_too() -> None:
    x = DICE.normal(size=(90, 6)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    encoder = latih.Sequential([layers.Dense(16, "relu", input_shape=[6]), layers.Dense(8, "relu")])
    done = transfer.fine_tune(
        encoder, x[:60], y[:60], validation_data=(x[60:], y[60:]), epochs=20, seed=1, verbose=0
    )
    assert done.score >= done.probe_score
    assert done.model.output_shape == (None, 2)
    assert done.model.layers[1].layers[-1].activation.__name__ == "relu"  # no head was taken off


def test_a_head_that_names_classes_is_taken_off() -> None:
    old = latih.Sequential([base(), layers.Dense(7, activation="softmax", name="seven")])
    done = transfer.fine_tune(old, IMAGES, KINDS, epochs=1, seed=1, verbose=0)
    assert done.model.output_shape == (None, 3)
    assert all(layer.name != "seven" for layer in done.model.every_layer())


def test_grey_images_and_other_sizes_are_made_to_fit() -> None:
    grey = np.repeat(IMAGES.mean(axis=3, keepdims=True), 2, axis=1).astype("uint8")
    done = transfer.fine_tune(base(), grey, KINDS, epochs=1, seed=1, verbose=0)
    assert done.model.input_shape == (None, 32, 16, 1)
    assert done.model.predict(grey[:2], verbose=0).shape == (2, 3)


def test_grey_images_without_channels_may_be_augmented() -> None:
    grey = IMAGES[..., :1]
    inputs = latih.Input((16, 16, 1))
    net = latih.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs)))
    given: Any = {"epochs": 1, "seed": 5, "verbose": 0, "augmentation": "strong"}
    flat = transfer.fine_tune(net, grey[..., 0], KINDS, **given)
    wanted = transfer.fine_tune(net, grey, KINDS, **given)
    assert flat.model.input_shape == (None, 16, 16)
    assert all(map(np.array_equal, flat.model.get_weights(), wanted.model.get_weights()))
    rows = latih.Sequential([layers.Flatten(input_shape=[16, 16]), layers.Dense(3)])
    with pytest.raises(InputError, match="needs images"):
        transfer.fine_tune(rows, grey[..., 0], KINDS, **given)


@pytest.mark.usefixtures("without_curves")
def test_a_run_is_written_down_and_is_a_base_itself(tmp_path: Path) -> None:
    done = tuned(run_dir=tmp_path / "run", epochs=2)
    run = RunDirectory.open(tmp_path / "run")
    assert run.report_file.is_file() and len(run.log.read()) >= 2
    loaded = latih.models.load_model(run.best_file)
    np.testing.assert_array_equal(
        loaded.predict(IMAGES, verbose=0), done.model.predict(IMAGES, verbose=0)
    )
    for given in (tmp_path / "run", os.fspath(run.best_file)):
        again = transfer.fine_tune(given, IMAGES, KINDS % 2, epochs=1, seed=1, verbose=0)
        assert again.model.output_shape == (None, 2)
    base(seed=3).save(run.path / "encoder.keras")
    again = transfer.fine_tune(run.path, IMAGES, KINDS % 2, epochs=0, seed=1, verbose=0)
    inside = next(layer for layer in again.model.layers if layer.name == "small")
    assert all(map(np.array_equal, inside.get_weights(), base(seed=3).get_weights()))


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


@pytest.mark.parametrize(
    ("count", "own", "seen"),
    [
        (4, (28, 28), (160, 160)),
        (2001, (28, 28), (96, 96)),
        (2001, (128, 128), (128, 128)),
        (4, (200, 200), (200, 200)),
        (4, (300, 200), (224, 149)),
        (4, (500, 500), (224, 224)),
        (4, (50, 1000), (32, 224)),
    ],
)
def test_an_application_sees_images_at_their_own_scale(
    count: int, own: tuple[int, int], seen: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = applications.find("resnet18")
    fresh = replace(known, build=lambda **given: known.build(**{**given, "weights": None}))
    monkeypatch.setattr(applications, "find", lambda name: fresh)
    found = find_base("resnet18", (count, *own, 3), None)
    assert found.size == seen and found.model.input_shape == (None, *seen, 3)


def test_copies_among_the_validation_examples_are_told_of() -> None:
    held = (IMAGES[[*LAST, 0, 2]], KINDS[[*LAST, 0, 2]])
    for kind in ("uint8", "float32"):
        with pytest.warns(LatihWarning, match="copies of some that were trained on"):
            done = tuned(epochs=0, validation_data=(held[0].astype(kind), held[1]))
        (found,) = done.findings
        assert found.evidence[0].value == pytest.approx(2 / 40)


class Killed(latih.callbacks.Callback):
    """Ends a run as a crash does."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.last = epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Raise."""
        if epoch == self.last:
            raise KeyboardInterrupt


@pytest.mark.usefixtures("without_curves")
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    given: Any = {"epochs": 8, "learning_rate": 0.02}
    whole = tuned(**given)
    with pytest.raises(KeyboardInterrupt):
        tuned(**given, run_dir=tmp_path / "run", callbacks=[Killed(2)])
    done = tuned(**given, run_dir=tmp_path / "run", callbacks=[Killed(99)])
    assert done.best_epoch == whole.best_epoch
    for ours, theirs in zip(done.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("asked", "wanted"), [(True, "auto"), ("auto", "auto"), ("force", "force"), (False, False)]
)
def test_a_second_cycle_may_have_to_begin_where_the_first_must_go_on(
    asked: Any, wanted: Any, tmp_path: Path
) -> None:
    assert Keeping(0, RunDirectory(tmp_path), asked).second().resume == wanted


@pytest.mark.usefixtures("without_curves")
@pytest.mark.parametrize("change", [{"pull": 0.1}, {"views": 2}, {"base": base(seed=2)}])
def test_a_run_that_began_with_another_base_or_pull_or_views_is_not_gone_on_with(
    change: dict[str, Any], tmp_path: Path
) -> None:
    given: Any = {"base": base(), "epochs": 4, "seed": 5, "verbose": 0}
    given |= {"snapshot_every": "epoch", "run_dir": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        transfer.fine_tune(x=IMAGES, y=KINDS, callbacks=[Killed(2)], **given)
    (name,) = change
    with pytest.raises(InputError, match=rf"cannot be gone on with.*Beginning: {name} "):
        transfer.fine_tune(x=IMAGES, y=KINDS, callbacks=[Killed(9)], **{**given, **change})


@pytest.mark.usefixtures("without_curves")
def test_a_second_cycle_that_is_killed_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: Any = {"epochs": 6, "seed": 5, "verbose": 0, "learning_rate": 0.02}
    whole = transfer.fine_tune(base(), IMAGES, KINDS, **given)
    assert whole.best_epoch and len(whole.second_history.epoch) == 6
    given |= {"run_dir": tmp_path / "run", "snapshot_every": "epoch"}

    def killed_in_the_second(network: Any, training: Any, validation: Any, *rest: Any) -> Any:
        epochs, options, callbacks, keeping = rest
        listeners = [*callbacks, *([] if validation else [Killed(3)])]
        return train_whole(network, training, validation, epochs, options, listeners, keeping)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("latih.transfer.phases.train_whole", killed_in_the_second)
        transfer.fine_tune(base(), IMAGES, KINDS, **given)
    second = RunDirectory.open(tmp_path / "run").second_cycle
    assert len(second.log.read()) == 3 and second.report_file.is_file()
    begun: list[int] = []
    original = OneCycle.on_epoch_begin

    def spied(self: OneCycle, epoch: int, logs: Any = None) -> None:
        if self.params["epochs"] == 6:  # and not the probe's
            begun.append(epoch)
        original(self, epoch, logs)

    monkeypatch.setattr(OneCycle, "on_epoch_begin", spied)
    done = transfer.fine_tune(base(), IMAGES, KINDS, **given)
    assert begun == [3, 4, 5]  # no epoch of the first cycle, and of the second what was left
    assert done.history.history == whole.history.history
    assert done.second_history.history["loss"] == whole.second_history.history["loss"]
    assert all(map(np.array_equal, done.model.get_weights(), whole.model.get_weights()))
    assert len(second.log.read()) == 6
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "once more from the beginning, with the held-back examples too; that net is kept" in page


@pytest.mark.usefixtures("without_curves")
def test_a_run_keeps_its_seed_the_names_of_its_classes_and_what_was_found(tmp_path: Path) -> None:
    names = np.array(["ant", "bee", "cow"])[KINDS]
    run = RunDirectory(tmp_path / "run")
    given: Any = {"epochs": 3, "verbose": 0, "snapshot_every": "epoch", "run_dir": run.path}
    with pytest.raises(KeyboardInterrupt):
        transfer.fine_tune(base(), IMAGES, names, callbacks=[Killed(2)], **given)
    seed = run.read_settings()["run"]["seed"]
    # No seed is given, and the same rows are held back: else it would be refused as another run.
    done = transfer.fine_tune(base(), IMAGES, names, callbacks=[Killed(9)], **given)
    whole = transfer.fine_tune(base(), IMAGES, names, epochs=3, verbose=0, seed=seed)
    assert all(map(np.array_equal, done.model.get_weights(), whole.model.get_weights()))
    assert run.read_settings()["data"]["classes"] == ["ant", "bee", "cow"]
    assert run.findings.read() == []
    with pytest.warns(LatihWarning, match="lost what it knew"):
        tuned(learning_rate=50.0, run_dir=tmp_path / "wrecked")
    (found,) = RunDirectory(tmp_path / "wrecked").findings.read()
    assert found["code"] == "learning-rate-too-high"
    assert found["code"] in RunDirectory(tmp_path / "wrecked").report_file.read_text("utf-8")


@pytest.mark.usefixtures("without_curves")
def test_the_probe_alone_is_written_down_too(tmp_path: Path) -> None:
    done = tuned(epochs=0, run_dir=tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    assert run.log.read() == []
    loaded = latih.models.load_model(run.best_file)
    np.testing.assert_array_equal(
        loaded.predict(IMAGES, verbose=0), done.model.predict(IMAGES, verbose=0)
    )
    with pytest.raises(InputError, match="holds a run already"):
        tuned(epochs=0, run_dir=tmp_path / "run")


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


def test_cached_features_train_a_head_as_the_whole_net_does() -> None:
    def with_head() -> tuple[Any, Any]:
        frozen = transfer.freeze(base())
        latih.utils.set_random_seed(9)
        head = layers.Dense(3, activation="softmax")
        return frozen, latih.Sequential([frozen, head])

    def fitted(model: Any, x: np.ndarray) -> list[np.ndarray]:
        model.compile("adam", loss="sparse_categorical_crossentropy")
        latih.utils.set_random_seed(2)
        model.fit(x, KINDS, batch_size=19, epochs=5, verbose=0)
        return model.layers[-1].get_weights()

    _, whole = with_head()
    wanted = fitted(whole, IMAGES)
    frozen, again = with_head()
    features = transfer.cached_features(frozen, IMAGES, batch_size=19)
    cached = latih.Sequential([latih.Input((8,)), again.layers[-1]])
    for ours, theirs in zip(fitted(cached, features), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_views_are_the_example_and_changed_ones() -> None:
    model = latih.Sequential([layers.RandomFlip("horizontal", seed=3), base()])
    model.build((None, 16, 16, 3))
    views = transfer.cached_features(model, IMAGES, views=3).reshape(3, len(IMAGES), -1)
    np.testing.assert_array_equal(views[0], model.predict(IMAGES, verbose=0))
    mirrored = model.predict(IMAGES[:, :, ::-1], verbose=0)
    for view in views[1:]:
        near = [np.abs(view - one).max(axis=1) < 1e-5 for one in (views[0], mirrored)]
        assert (near[0] | near[1]).all() and near[0].any() and near[1].any()


def test_a_prediction_over_views_is_their_mean() -> None:
    model = latih.Sequential(
        [layers.RandomFlip("horizontal", seed=3), base(), layers.Dense(2, "softmax")]
    )
    model.build((None, 16, 16, 3))
    plain = model.predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(transfer.predict_views(model, IMAGES, views=1), plain)
    both = (plain + model.predict(IMAGES[:, :, ::-1], verbose=0)) / 2
    found = transfer.predict_views(model, IMAGES, views=2)
    near = [np.abs(found - one).max(axis=1) < 1e-5 for one in (plain, both)]
    assert (near[0] | near[1]).all() and near[1].any()
    behind = latih.Sequential(
        [layers.Rescaling(1 / 255.0), layers.RandomCrop(8, 8), layers.Flatten(), layers.Dense(2)]
    )
    behind.build((None, 16, 16, 3))
    assert transfer.predict_views(behind, IMAGES, views=2).shape == (len(IMAGES), 2)
    unchanged = transfer.predict_views(base(), IMAGES, views=3)
    np.testing.assert_array_equal(unchanged, base().predict(IMAGES, verbose=0))


def test_mixed_batches_are_mixed_alike_in_examples_and_labels() -> None:
    x = np.eye(6, dtype="float32")
    data = MixedBatches(x, x, None, 0.5, 4)
    batches = list(data.items(1, 0, 0))
    assert [len(one[0]) for one in batches] == [4, 2]
    for mixed, targets, weights in batches:
        assert torch.equal(mixed, targets) and torch.equal(weights, torch.ones(len(mixed)))
        torch.testing.assert_close(targets.sum(1), torch.ones(len(mixed)))
    later = list(data.items(1, 0, 1))
    assert torch.equal(later[0][0], batches[1][0])
    assert not torch.equal(next(data.items(1, 1, 0))[0], batches[0][0])


@pytest.mark.parametrize(
    ("rate", "epochs", "part"),
    # In n steps of a cycle a weight moves by half of the rate times n, and an output by that times
    # the sum of the features, 4; fitted it is 4 or -4. In 4 steps of 0.1, that is 0.8 of 4.
    [(0.1, 2, 1 - 0.8 / 4), (0.01, 2, 1 - 0.08 / 4), (0.1, 8, 1 - 3.2 / 4), (5.0, 2, 0.1)],
)
def test_the_whole_net_begins_with_what_of_the_head_its_steps_cannot_give_back(
    rate: float, epochs: int, part: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    x, y = np.array([[3.0, 1.0], [1.0, 3.0]] * 4, np.float32), [0, 1] * 4
    same = layers.Dense(2, kernel_initializer="identity", input_shape=[2])

    def fit(head: Any, *rest: Any) -> None:
        head.set_weights([np.array([[1.25, -1.25], [1.25, -1.25]]), np.array([-1.0, 1.0])])

    def spied(network: Any, *rest: Any) -> Any:
        begun.append(network.head.get_weights())
        return train_whole(network, *rest)

    monkeypatch.setattr("latih.transfer.phases.fit_head", fit)
    monkeypatch.setattr("latih.transfer.phases.train_whole", spied)
    given: Any = {"epochs": epochs, "learning_rate": rate, "batch_size": 4, "verbose": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LatihWarning)
        transfer.fine_tune(latih.Sequential([same]), x, y, validation_data=(x + 9, y), **given)
    ((kernel, bias),) = begun
    np.testing.assert_allclose(kernel, part * np.array([[1.25, -1.25], [1.25, -1.25]]), rtol=1e-5)
    np.testing.assert_allclose(bias, part * np.array([-1.0, 1.0]), rtol=1e-5)


@pytest.mark.parametrize(
    ("epochs", "batch_size", "given", "rate"),
    # 38 examples: two steps an epoch, of forty that a rate of 0.001 asks for.
    [
        (5, 19, {}, 0.00025),
        (20, 19, {}, 0.001),
        (3, 1, {}, 0.001),
        (5, 19, {"learning_rate": 3}, 3),
    ],
)
@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_a_run_of_few_steps_has_a_lower_rate_unless_one_is_given(
    epochs: int, batch_size: int, given: dict[str, Any], rate: float
) -> None:
    highest: list[float] = []

    class Look(latih.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            highest.append(float(self.model.optimizer.learning_rate))

    tuned(epochs=epochs, batch_size=batch_size, callbacks=[Look()], **given)
    assert max(highest) == pytest.approx(rate, rel=0.05)


def test_the_first_of_a_mixed_pair_weighs_more() -> None:
    data = MixedBatches(np.eye(64, dtype="float32"), np.eye(64, dtype="float32"), None, 1.0, 64)
    ((_, targets, _),) = data.items(1, 0, 0)
    rows = next(iter(order(64, True, 1, 0).split(64)))
    assert (targets[torch.arange(64), rows] >= 0.5).all()
    assert (targets.max(dim=1).values < 0.999).any()


@pytest.mark.parametrize(
    ("examples", "epochs", "views"),
    [(10, 20, 4), (2000, 20, 4), (2001, 20, 1), (4000, 10, 1), (4001, 10, 1), (100_000, 4, 1)],
)
def test_large_sets_are_seen_less_often(examples: int, epochs: int, views: int) -> None:
    assert (epochs_for(examples), views_for(examples)) == (epochs, views)


def test_biases_and_normalisations_are_spared_the_decay() -> None:
    after: list[dict[str, np.ndarray]] = []

    class Step(latih.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            weights = self.model.trainable_weights
            after.append({one.path: one.detach().numpy().copy() for one in weights})

    for decay in (0.0, 0.5):
        given: dict[str, Any] = {"weight_decay": decay, "batch_norm": True, "learning_rate": 0.001}
        tuned(epochs=1, batch_size=64, callbacks=[Step()], **given)
    without, decayed = after
    assert {path.split("/")[-1] for path in without} == {"kernel", "gamma", "beta", "bias"}
    for path, weight in without.items():
        if path.endswith("kernel"):
            assert np.abs(decayed[path] - weight).max() > 1e-6
        else:
            assert np.array_equal(decayed[path], weight)


def test_the_best_epoch_is_one_that_keeps_the_promise() -> None:
    class Net:
        stop_training = False
        weights = 0

        def get_weights(self) -> list[np.ndarray]:
            return [np.array(self.weights)]

    best = BestEpoch(judge(np.array([0, 1]), [[1, 0], [1, 0]]), patience=2)
    net: Any = Net()
    best.set_model(net)
    best.on_train_begin()
    logged = [(0.1, 0.4, 0.5), (0.9, 0.5, 0.5), (0.2, 0.5, 0.4), (0.8, 0.6, 0.5), (1, 1, 1)]
    for epoch, (loss, accuracy, balanced) in enumerate(logged):
        net.weights = epoch
        best.on_epoch_end(
            epoch,
            {"val_loss": loss, "val_accuracy": accuracy, "val_balanced_accuracy": balanced},
        )
    assert best.best_epoch == 3 and best.best_weights == [np.array(3)]
    assert not net.stop_training
    with pytest.raises(InputError, match="`patience`"):
        BestEpoch(best.floor, -1)


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


def test_another_seed_is_named_and_not_called_other_data(tmp_path: Path) -> None:
    given: Any = {"epochs": 1, "verbose": 0, "run_dir": tmp_path / "run"}
    first = transfer.fine_tune(base(), IMAGES, KINDS, seed=5, **given)
    with pytest.raises(InputError, match="seed: 5 -> 6"):
        transfer.fine_tune(base(), IMAGES, KINDS, seed=6, **given)
    again = transfer.fine_tune(base(), IMAGES, KINDS, **given)  # of the run's own seed
    assert all(map(np.array_equal, again.model.get_weights(), first.model.get_weights()))
