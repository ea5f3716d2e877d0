"""Every choice reaches the training, and those that nobody makes suit the examples."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from small_net import FIRST, KINDS, base, tuned

import latih
from latih import layers, transfer
from latih.callbacks import GradualUnfreezing, OneCycle
from latih.errors import LatihWarning
from latih.transfer.best_epoch import BestEpoch
from latih.transfer.features import cached_features
from latih.transfer.options import epochs_for, views_for
from latih.transfer.whole_net import train_whole


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
    # 38 examples: two steps an epoch, of ten that a rate of 0.001 asks for; the cube of that part.
    [
        (3, 19, {}, 0.000216),
        (1, 38, {}, 0.000001),  # a step alone, which has no cycle
        (1, 38, {"learning_rate": 3}, 3),
        (6, 19, {}, 0.001),
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
