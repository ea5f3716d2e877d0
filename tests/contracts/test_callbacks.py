"""Every callback keeps the contract of callbacks: above all, its state survives a kill."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih
from latih import callbacks
from latih.callbacks import CALLBACKS, Callback
from latih.engine.events import LogNames
from latih.errors import InputError, LatihError
from latih.run_directory import RunDirectory

X = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 24)
EPOCHS = 6

CASES: dict[str, Callable[[Path], Callback]] = {
    "History": lambda folder: callbacks.History(),
    "ProgbarLogger": lambda folder: callbacks.ProgbarLogger(verbose=2),
    "EarlyStopping": lambda folder: callbacks.EarlyStopping(
        patience=2, min_delta=0.01, restore_best_weights=True
    ),
    "ModelCheckpoint": lambda folder: callbacks.ModelCheckpoint(
        folder / "m.keras", save_best_only=True
    ),
    "ReduceLROnPlateau": lambda folder: callbacks.ReduceLROnPlateau(patience=2, cooldown=1),
    "LearningRateScheduler": lambda folder: callbacks.LearningRateScheduler(
        lambda epoch, rate: rate * 0.9
    ),
    "TerminateOnNaN": lambda folder: callbacks.TerminateOnNaN(),
    "LambdaCallback": lambda folder: callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: None
    ),
    "RunLog": lambda folder: callbacks.RunLog(RunDirectory.create(folder / "run"), {}),
}
# What decides, and so must be the same after a kill.
DECIDES = ["wait", "best", "best_epoch", "cooldown_counter", "history", "epoch"]
VALUES = [1.0, 0.5, 0.6, 0.4, 0.7, 0.8]
each = pytest.mark.parametrize("name", CASES)


def model() -> Any:
    made = latih.Sequential([latih.Input((4,)), latih.layers.Dense(3, "softmax")])
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


def lead(callback: Callback, epochs: range, owner: Any) -> list[bool]:
    stops = []
    callback.set_model(owner)
    callback.set_params({"epochs": EPOCHS, "steps": 1, "verbose": 0, "examples": 24})
    for epoch in epochs:
        callback.on_epoch_begin(epoch)
        callback.on_train_batch_begin(0)
        callback.on_train_batch_end(0, {"loss": VALUES[epoch]})
        callback.on_epoch_end(epoch, {"loss": VALUES[epoch], "val_loss": VALUES[epoch]})
        stops.append(owner.stop_training)
    return stops


def test_every_callback_is_in_the_list_and_here(public_classes: Any) -> None:
    assert {cls.__name__ for cls in CALLBACKS} == set(CASES)
    assert public_classes(callbacks, Callback) == set(CALLBACKS)


@each
@pytest.mark.filterwarnings("ignore:.*watches:latih.errors.LatihWarning")
def test_a_callback_goes_through_a_run(name: str, tmp_path: Path, capsys: Any) -> None:
    history = model().fit(
        X,
        Y,
        epochs=2,
        verbose=0,
        validation_data=(X, Y),
        callbacks=[CASES[name](tmp_path)],
    )
    assert len(history.history["loss"]) == 2


@each
def test_the_state_is_data_and_comes_back(name: str, tmp_path: Path) -> None:
    callback = CASES[name](tmp_path)
    callback.set_model(model())
    callback.set_params({"epochs": EPOCHS, "steps": 1, "verbose": 0, "examples": 24})
    callback.on_train_begin()
    lead(callback, range(3), callback.model)
    state = json.loads(json.dumps(callback.state_dict()))
    again = CASES[name](tmp_path / "again")
    again.load_state_dict(state)
    assert again.state_dict() == callback.state_dict()


@pytest.mark.parametrize("killed_after", range(1, EPOCHS))
@pytest.mark.parametrize(
    "name", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "History"]
)
def test_a_callback_decides_after_a_kill_as_it_would_have(
    name: str, killed_after: int, tmp_path: Path
) -> None:
    whole, owner = CASES[name](tmp_path / "whole"), model()
    whole.set_model(owner)
    whole.on_train_begin()
    stops = lead(whole, range(EPOCHS), owner)
    before, owner = CASES[name](tmp_path / "parts"), model()
    before.set_model(owner)
    before.on_train_begin()
    first = lead(before, range(killed_after), owner)
    state = json.dumps(before.state_dict())
    after, resumed = CASES[name](tmp_path / "parts"), model()
    resumed.optimizer.learning_rate = owner.optimizer.current_rate()
    resumed.stop_training = owner.stop_training
    after.set_model(resumed)
    after.on_train_begin()
    after.load_state_dict(json.loads(state))
    assert first + lead(after, range(killed_after, EPOCHS), resumed) == stops
    for attribute in DECIDES:
        assert getattr(after, attribute, None) == getattr(whole, attribute, None)


@pytest.mark.parametrize("cls", CALLBACKS)
def test_a_callback_is_documented(cls: type, assert_documented: Any) -> None:
    assert_documented(cls)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("EarlyStopping", {"mode": "best"}, "mode"),
    ("EarlyStopping", {"patience": -1}, "patience"),
    ("EarlyStopping", {"patience": "x"}, "patience"),
    ("EarlyStopping", {"min_delta": "x"}, "min_delta"),
    ("ReduceLROnPlateau", {"mode": "best"}, "mode"),
    ("ReduceLROnPlateau", {"factor": 1.0}, "factor"),
    ("ReduceLROnPlateau", {"factor": -0.1}, "factor"),
    ("ReduceLROnPlateau", {"factor": "x"}, "factor"),
    ("ReduceLROnPlateau", {"patience": "x"}, "patience"),
    ("ReduceLROnPlateau", {"cooldown": -1}, "cooldown"),
    ("ReduceLROnPlateau", {"min_lr": -1.0}, "min_lr"),
    ("ModelCheckpoint", {"filepath": "m.h5"}, "filepath"),
    ("ModelCheckpoint", {"filepath": "m.keras", "save_weights_only": True}, "filepath"),
    ("ModelCheckpoint", {"filepath": "m.weights.h5"}, "filepath"),
    ("ModelCheckpoint", {"filepath": "m.keras", "mode": "best"}, "mode"),
    ("ModelCheckpoint", {"filepath": "m.keras", "save_freq": 0}, "save_freq"),
    ("ModelCheckpoint", {"filepath": "m.keras", "save_freq": "batch"}, "save_freq"),
    ("ModelCheckpoint", {"filepath": "m.keras", "save_freq": 2.5}, "save_freq"),
    ("LearningRateScheduler", {"schedule": 0.1}, "schedule"),
    ("LambdaCallback", {"on_epoch_edn": print}, "on_epoch_end"),
    ("LambdaCallback", {"on_epoch_end": 3}, "on_epoch_end"),
]


@pytest.mark.parametrize(("name", "arguments", "named"), REFUSED, ids=str)
def test_bad_arguments_are_refused_by_their_name(
    name: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(LatihError, match=f"`{named}`|'{named}'"):
        getattr(callbacks, name)(**arguments)


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint"])
def test_a_number_that_will_not_be_logged_is_refused_before_the_first_step(
    name: str, tmp_path: Path
) -> None:
    callback, owner = CASES[name](tmp_path), model()
    before = owner.get_weights()
    with pytest.raises(InputError, match=r"val_loss.*validation_data"):
        owner.fit(X, Y, verbose=0, callbacks=[callback])
    assert all(np.array_equal(a, b) for a, b in zip(owner.get_weights(), before, strict=True))
    assert list(tmp_path.iterdir()) == []
    callback.check(LogNames(("loss", "val_loss")))
    callback.check(LogNames(("loss",), complete=False))


@pytest.mark.parametrize("name", ["ReduceLROnPlateau", "LearningRateScheduler"])
def test_a_rate_that_follows_a_schedule_is_refused_before_the_first_step(
    name: str, tmp_path: Path
) -> None:
    owner = model()
    decay = latih.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    owner.compile(latih.optimizers.SGD(decay), "sparse_categorical_crossentropy")
    before = owner.get_weights()
    with pytest.raises(InputError, match="schedule"):
        owner.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[CASES[name](tmp_path)])
    assert all(np.array_equal(a, b) for a, b in zip(owner.get_weights(), before, strict=True))


def test_the_best_weights_are_put_back_however_the_run_ends() -> None:
    early, owner = callbacks.EarlyStopping("loss", restore_best_weights=True), model()
    seen = []

    def fail(epoch: int, logs: Any) -> None:
        seen.append(owner.get_weights())
        if epoch == 2:
            raise KeyboardInterrupt

    worse = callbacks.LambdaCallback(on_epoch_end=fail)
    owner.optimizer.learning_rate = 0.01
    with pytest.raises(KeyboardInterrupt):
        owner.fit(X, Y, epochs=9, verbose=0, callbacks=[early, worse])
    for one, other in zip(owner.get_weights(), seen[early.best_epoch], strict=True):
        assert np.array_equal(one, other)
