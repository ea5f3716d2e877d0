"""A run that really goes NaN: the last finite best is kept, by every callback that keeps one."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras

_draw = np.random.default_rng(1)
X = _draw.normal(size=(64, 5)).astype("float32")
LABELS = (X[:, 0] > 0).astype("int64") + (X[:, 1] > 0)
EXPLODES_AT = 3  # the epoch, counted from 0, from which the learning rate is absurd


def explode(epoch: int) -> float:
    return 1e30 if epoch >= EXPLODES_AT else 0.1


def net() -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input([5]),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Weights(keras.callbacks.Callback):
    """Keeps the weights of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[list[np.ndarray]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch:
            self.epochs.append(self.model.get_weights())

    def state_dict(self) -> dict[str, Any]:
        return {}  # none of these runs is gone on with


def ruin(*callbacks: Any, epochs: int = 6, **asked: Any) -> tuple[Any, dict[str, list[float]], Any]:
    model, weights = net(), Weights()
    history = model.fit(
        X,
        LABELS,
        epochs=epochs,
        batch_size=16,
        verbose=0,
        validation_data=(X, LABELS),
        callbacks=[keras.callbacks.LearningRateScheduler(explode), weights, *callbacks],
        **asked,
    )
    return model, history.history, weights.epochs


def assert_same(got: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_run_really_goes_nan() -> None:
    model, history, _ = ruin()
    assert np.isfinite(history["val_loss"][:EXPLODES_AT]).all()
    assert np.isnan(history["val_loss"][EXPLODES_AT:]).all()
    assert all(np.isnan(weight).any() for weight in model.get_weights())


@pytest.mark.parametrize("monitor", ["val_loss", "loss"])
def test_early_stopping_restores_the_last_finite_best(monitor: str) -> None:
    stopping = keras.callbacks.EarlyStopping(monitor, patience=2, restore_best_weights=True)
    model, history, weights = ruin(stopping, epochs=20)
    finite = history[monitor][:EXPLODES_AT]
    assert stopping.best == min(finite)
    assert stopping.best_epoch == int(np.argmin(finite))
    assert len(history["loss"]) == stopping.best_epoch + 1 + 2
    assert_same(model.get_weights(), weights[stopping.best_epoch])


def test_the_checkpoint_of_the_best_stays_the_finite_one(tmp_path: Path) -> None:
    checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    _, history, weights = ruin(checkpoint)
    finite = history["val_loss"][:EXPLODES_AT]
    assert checkpoint.best == min(finite)
    loaded = keras.models.load_model(tmp_path / "best.keras")
    assert_same(loaded.get_weights(), weights[int(np.argmin(finite))])
    assert loaded.evaluate(X, LABELS, verbose=0)[0] == pytest.approx(min(finite), rel=1e-5)


def test_the_rate_is_halved_while_the_loss_is_nan_and_the_best_stays() -> None:
    class Set(keras.callbacks.Callback):
        """Explodes once, so that the rate afterwards is what the plateau makes of it."""

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if epoch == EXPLODES_AT:
                self.model.optimizer.learning_rate = 1e30

    plateau = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2)
    model = net()
    history = model.fit(
        X,
        LABELS,
        epochs=EXPLODES_AT + 5,
        batch_size=16,
        verbose=0,
        validation_data=(X, LABELS),
        callbacks=[Set(), plateau],
    ).history
    finite = history["val_loss"][:EXPLODES_AT]
    assert plateau.best == min(finite)
    assert np.isnan(history["val_loss"][EXPLODES_AT:]).all()
    # The best is the last finite epoch; then patience 2 halves after each second epoch.
    assert int(np.argmin(finite)) == EXPLODES_AT - 1
    rates = np.array(history["learning_rate"][EXPLODES_AT:]) / 1e30
    np.testing.assert_allclose(rates, [1, 1, 0.5, 0.5, 0.25], rtol=1e-6)


def test_a_run_that_is_nan_from_the_first_epoch_has_no_best(tmp_path: Path) -> None:
    file = tmp_path / "best.keras"
    stopping = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    checkpoint = keras.callbacks.ModelCheckpoint(file, save_best_only=True)
    model = net()
    model.compile(keras.optimizers.SGD(1e30), loss="sparse_categorical_crossentropy")
    history = model.fit(
        X,
        LABELS,
        epochs=9,
        verbose=0,
        validation_data=(X, LABELS),
        callbacks=[stopping, checkpoint],
    ).history
    assert np.isnan(history["val_loss"]).all()
    assert stopping.best is None and checkpoint.best is None
    assert not file.exists()
    assert len(history["loss"]) == 2


@pytest.mark.parametrize("first", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["val_loss", "val_accuracy"])
def test_what_is_not_finite_never_beats_anything(first: float, name: str) -> None:
    from latih.callbacks.monitor import Monitor

    monitor = Monitor(name, "auto", 0.0, "EarlyStopping")
    assert not monitor.is_better(first, than=None)
    assert not monitor.is_better(first, than=0.5)
    assert monitor.is_better(0.5, than=None)


def test_terminate_on_nan_ends_at_the_step_that_went_wrong() -> None:
    model, history, _ = ruin(keras.callbacks.TerminateOnNaN())
    assert len(history["loss"]) == EXPLODES_AT + 1
    assert not math.isfinite(history["loss"][-1])
    # The first step at the absurd rate still has a finite loss; the second has none.
    assert int(model.optimizer.iterations) == EXPLODES_AT * 4 + 2
    assert model.stop_reason == "the loss became nan at batch 1"


def test_terminate_on_nan_leaves_a_healthy_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    model = net()
    model.fit(X, LABELS, epochs=2, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()])
    assert model.stop_reason == "all epochs done"
    assert capsys.readouterr().out == ""


@pytest.mark.filterwarnings("ignore:Weights keeps:latih.errors.LatihWarning")
def test_a_run_directory_of_a_ruined_run_can_be_read(tmp_path: Path) -> None:
    from latih.run_directory import RunDirectory

    _, history, weights = ruin(run_dir=tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    log = run.log.read()
    assert [line["loss"] for line in log[:EXPLODES_AT]] == history["loss"][:EXPLODES_AT]
    assert [line["val_loss"] for line in log[EXPLODES_AT:]] == [None] * 3
    best = int(np.argmin(history["val_loss"][:EXPLODES_AT]))
    assert_same(keras.models.load_model(run.best_file).get_weights(), weights[best])
    assert run.report_file.is_file()
