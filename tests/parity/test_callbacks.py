"""Callbacks against Keras's, fed with the same made-up runs: what they decide, and when."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import latih
from latih.callbacks.monitor import Monitor

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:EarlyStopping watches:latih.errors.LatihWarning"),
]
some = settings(max_examples=60)

# Sixty-fourths: float32 holds sums and differences of them exactly, and Keras compares in it.
sixty_fourths = st.integers(-12, 12).map(lambda n: n / 64)
runs = st.lists(sixty_fourths, min_size=1, max_size=12)
min_deltas = st.sampled_from([0, 1 / 64, -1 / 64, 1 / 16])
modes = st.sampled_from(["min", "max", "auto"])
NAN = float("nan")


class Model:
    """What a callback sees of a model: a rate, weights that say which epoch it is, and files."""

    def __init__(self, k: Any, rate: float = 0.5) -> None:
        self.optimizer = k.optimizers.SGD(rate)
        self.metrics: list[Any] = []
        self.stop_training = False
        self.stop_reason = None
        self.weights = [np.array([-1])]
        self.saved: list[tuple[str, str]] = []

    def get_weights(self) -> list[np.ndarray]:
        return self.weights

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.weights = weights

    def save(self, path: str, overwrite: bool = True) -> None:
        self.saved.append(("model", str(path)))

    def save_weights(self, path: str, overwrite: bool = True) -> None:
        self.saved.append(("weights", str(path)))


def run(k: Any, callback: Any, values: list[float | None], steps: int = 0) -> tuple[Model, list]:
    """Lead a callback through a run; return the model, and the rate logged after each epoch."""
    model = Model(k)
    rates = []
    callback.set_model(model)
    callback.set_params({"epochs": len(values), "steps": steps, "verbose": 0})
    callback.on_train_begin({})
    for epoch, value in enumerate(values):
        model.weights = [np.array([epoch])]
        callback.on_epoch_begin(epoch, {})
        for step in range(steps):
            callback.on_train_batch_begin(step, {})
            callback.on_train_batch_end(step, {"loss": value})
        logs = {"loss": 0.25} if value is None else {"loss": 0.25, "val_loss": value}
        callback.on_epoch_end(epoch, logs)
        rates.append(logs.get("learning_rate"))
        if model.stop_training:
            break
    callback.on_train_end({})
    return model, rates


@some
@given(
    values=runs,
    patience=st.integers(0, 4),
    min_delta=min_deltas,
    mode=modes,
    baseline=st.one_of(st.none(), sixty_fourths),
    restore=st.booleans(),
    start=st.integers(0, 3),
)
def test_early_stopping_stops_and_restores_when_keras_does(
    values: list[float], patience: int, min_delta: float, mode: str, baseline: Any, **more: Any
) -> None:
    seen = []
    for k in (latih, keras):
        callback = k.callbacks.EarlyStopping(
            patience=patience,
            min_delta=min_delta,
            mode=mode,
            baseline=baseline,
            restore_best_weights=more["restore"],
            start_from_epoch=more["start"],
        )
        model, rates = run(k, callback, values)
        seen.append(
            (
                len(rates),
                model.stop_training,
                model.weights[0].item(),
                callback.stopped_epoch,
                callback.best,
                callback.best_epoch,
                callback.wait,
            )
        )
    assert seen[0] == seen[1]


@some
@given(
    values=runs,
    factor=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    patience=st.integers(0, 4),
    min_delta=min_deltas,
    mode=modes,
    cooldown=st.integers(0, 3),
    min_lr=st.sampled_from([0.0, 0.01, 0.2, 0.5, 1.0]),
)
def test_reduce_lr_on_plateau_reduces_when_keras_does(
    values: list[float], **arguments: Any
) -> None:
    seen = []
    for k in (latih, keras):
        callback = k.callbacks.ReduceLROnPlateau(**arguments)
        model, rates = run(k, callback, values)
        seen.append([*rates, float(model.optimizer.learning_rate)])
        seen.append([callback.best, callback.wait, callback.cooldown_counter])
    assert seen[0] == pytest.approx(seen[2], rel=1e-6)
    assert seen[1] == seen[3]


SCHEDULES: list[Callable[..., float]] = [
    lambda epoch: 0.1 * 0.5**epoch,
    lambda epoch, rate: rate * 0.9,
    lambda epoch, rate: rate if epoch < 2 else rate * math.exp(-0.1),
    lambda epoch, rate=0.3: rate / (epoch + 1),
    lambda epoch: np.float32(0.25) / (epoch + 1),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_learning_rate_scheduler_sets_keras_rates(schedule: Callable[..., float]) -> None:
    (ours, our_rates), (theirs, their_rates) = (
        run(k, k.callbacks.LearningRateScheduler(schedule), [0.0] * 5) for k in (latih, keras)
    )
    assert our_rates == pytest.approx(their_rates, rel=1e-6)
    assert float(ours.optimizer.learning_rate) == pytest.approx(
        float(theirs.optimizer.learning_rate), rel=1e-6
    )


@some
@given(
    values=runs,
    mode=modes,
    best_only=st.booleans(),
    weights_only=st.booleans(),
    threshold=st.one_of(st.none(), sixty_fourths),
    save_freq=st.sampled_from(["epoch", 1, 2, 3, 5, 7]),
)
def test_model_checkpoint_saves_when_and_where_keras_does(
    values: list[float], mode: str, best_only: bool, weights_only: bool, threshold: Any, **more: Any
) -> None:
    each_epoch = more["save_freq"] == "epoch"
    path = "m-{epoch:02d}-" + ("{val_loss:.2f}" if each_epoch else "{batch:02d}")
    seen = []
    for k in (latih, keras):
        callback = k.callbacks.ModelCheckpoint(
            path + (".weights.h5" if weights_only else ".keras"),
            mode=mode,
            # In the middle of an epoch there is no val_loss yet to be best by.
            save_best_only=best_only and each_epoch,
            save_weights_only=weights_only,
            initial_value_threshold=threshold,
            save_freq=more["save_freq"],
        )
        model, _ = run(k, callback, values, steps=3)
        seen.append((model.saved, callback.best))
    assert seen[0] == seen[1]


@given(
    values=st.lists(st.sampled_from([1.0, 2.0, NAN, math.inf, -math.inf]), min_size=1, max_size=6)
)
def test_terminate_on_nan_ends_where_keras_does(values: list[float]) -> None:
    ended = []
    for k in (latih, keras):
        callback = k.callbacks.TerminateOnNaN()
        callback.set_model(model := Model(k))
        for step, value in enumerate(values):
            callback.on_train_batch_end(step, {"loss": value})
            if model.stop_training:
                break
        ended.append((step, model.stop_training))
    assert ended[0] == ended[1]


# The same in real runs

DICE = np.random.default_rng(0)
X = DICE.normal(size=(48, 5)).astype("float32")
Y = DICE.integers(0, 3, 48)


def twins() -> list[tuple[Any, Any]]:
    made: list[tuple[Any, Any]] = []
    for k in (keras, latih):
        model = k.Sequential(
            [k.Input((5,)), k.layers.Dense(16, "relu"), k.layers.Dense(3, "softmax")]
        )
        model.compile(
            k.optimizers.SGD(1.0), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        made.append((k, model))
    made[1][1].set_weights(made[0][1].get_weights())
    return made


def test_the_usual_callbacks_together_lead_a_run_as_in_keras(tmp_path: Any) -> None:
    seen = []
    for k, model in twins():
        folder = tmp_path / k.__name__
        callbacks = [
            k.callbacks.ModelCheckpoint(
                folder / "{epoch:02d}.weights.h5", save_best_only=True, save_weights_only=True
            ),
            k.callbacks.EarlyStopping(patience=4, restore_best_weights=True),
            k.callbacks.ReduceLROnPlateau(patience=1, factor=0.3),
        ]
        history = model.fit(
            X, Y, 16, 30, 0, callbacks, validation_split=0.25, shuffle=False
        ).history
        seen.append((history, sorted(p.name for p in folder.iterdir()), model.get_weights()))
    (wanted, their_files, their_weights), (got, our_files, our_weights) = seen
    assert 5 <= len(wanted["loss"]) < 30
    assert sorted(got) == sorted(wanted)
    for name in wanted:
        np.testing.assert_allclose(got[name], np.array(list(map(float, wanted[name]))), rtol=1e-4)
    assert our_files == their_files
    for one, other in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


HOOKS = [
    f"on_{what}_{when}"
    for what in ("epoch", "train", "test", "predict", "train_batch", "test_batch", "predict_batch")
    for when in ("begin", "end")
]


def listener(k: Any, heard: list[Any], hooks: list[str]) -> Any:
    def hook(name: str) -> Callable[..., None]:
        def hear(self: Any, *arguments: Any, logs: Any = None) -> None:
            *number, logs = (*arguments, logs) if logs is not None else arguments
            heard.append((name, *number, sorted(logs or {})))

        return hear

    return type("Listener", (k.callbacks.Callback,), {name: hook(name) for name in hooks})()


def test_hooks_are_called_in_keras_order_with_keras_logs() -> None:
    seen = []
    for k, model in twins():
        heard: list[Any] = []
        callbacks = [listener(k, heard, HOOKS)]
        model.fit(X, Y, 20, 2, 0, callbacks, validation_data=(X, Y), validation_freq=2)
        model.evaluate(X, Y, 20, 0, callbacks=callbacks)
        model.predict(X, 20, 0, callbacks=callbacks)
        seen.append(heard)
    assert seen[1] == seen[0]


def test_the_old_names_of_the_batch_hooks_are_heard_as_in_keras() -> None:
    seen = []
    for k, model in twins():
        heard: list[Any] = []
        callbacks = [listener(k, heard, ["on_batch_begin", "on_batch_end"])]
        model.fit(X, Y, 20, 2, 0, callbacks, validation_data=(X, Y))
        seen.append(heard)
    assert len(seen[0]) == 12
    assert seen[1] == seen[0]


NEEDED: dict[str, dict[str, Any]] = {
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
    "IoU": {"num_classes": 2, "target_class_ids": [0]},
    "OneHotIoU": {"num_classes": 2, "target_class_ids": [0]},
    "MeanIoU": {"num_classes": 2},
    "OneHotMeanIoU": {"num_classes": 2},
}


@pytest.mark.parametrize(
    "name",
    [
        cls.__name__
        for cls in latih.metrics.METRICS.classes
        if cls.keras_module.startswith("keras.")  # the others are Latih's own
    ],
)
def test_which_way_is_better_is_told_by_the_name_as_by_keras_metric(name: str) -> None:
    theirs = getattr(keras.metrics, name)(**NEEDED.get(name, {}))
    if (
        getattr(theirs, "_direction", None) is None
    ):  # a sum or a count, of which neither way is better by itself
        return
    monitor = Monitor(f"val_{theirs.name}", "auto", 0.0, "EarlyStopping")
    assert monitor.larger_is_better == (theirs._direction == "up")


# Where Latih differs on purpose: what is no number is never best


@pytest.mark.parametrize("values", [[NAN, 2.0, 1.0, 3.0, 4.0], [math.inf, 2.0, 1.0, NAN, 4.0]])
def test_early_stopping_never_takes_nan_for_the_best(values: list[float]) -> None:
    callback = latih.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model, rates = run(latih, callback, values)
    assert (callback.best, callback.best_epoch, len(rates)) == (1.0, 2, 5)
    assert model.stop_training
    assert model.weights[0].item() == 2


def test_early_stopping_counts_nan_as_no_improvement() -> None:
    callback = latih.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    model, rates = run(latih, callback, [NAN] * 9)
    assert (len(rates), callback.best) == (3, None)
    assert model.weights[0].item() == 2  # there is no best to go back to


@pytest.mark.parametrize("patience", [0, 1])
def test_early_stopping_never_ends_a_run_at_its_first_epoch(patience: int) -> None:
    _, rates = run(latih, latih.callbacks.EarlyStopping(patience=patience), [NAN] * 3)
    assert len(rates) == 2


def test_reduce_lr_on_plateau_counts_nan_as_no_improvement() -> None:
    callback = latih.callbacks.ReduceLROnPlateau(patience=2, factor=0.5)
    _, rates = run(latih, callback, [NAN, NAN, NAN, 1.0, 0.5, NAN])
    assert rates == [0.5, 0.5, 0.25, 0.25, 0.25, 0.25]
    assert callback.best == 0.5


@pytest.mark.parametrize("mode", ["min", "max"])
def test_model_checkpoint_never_keeps_nan_as_the_best(mode: str) -> None:
    callback = latih.callbacks.ModelCheckpoint("{epoch}.keras", mode=mode, save_best_only=True)
    model, _ = run(latih, callback, [NAN, 1.0, math.inf, -math.inf, NAN])
    assert model.saved == [("model", "2.keras")]


def test_an_epoch_without_the_value_is_not_judged() -> None:
    early = latih.callbacks.EarlyStopping(patience=1)
    _, rates = run(latih, early, [1.0, None, None, None, 0.5])
    assert (len(rates), early.best) == (5, 0.5)
    checkpoint = latih.callbacks.ModelCheckpoint("{epoch}.keras", save_best_only=True)
    model, _ = run(latih, checkpoint, [None, 1.0, None])
    assert model.saved == [("model", "2.keras")]
