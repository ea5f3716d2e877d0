"""Every callback keeps the contract of callbacks: above all, its state survives a kill."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih
from latih import callbacks
from latih.archive import copied, encode
from latih.archive.state_tree import decode
from latih.callbacks import CALLBACKS, Callback
from latih.callbacks.memory import Remembering
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
    "RunLog": lambda folder: callbacks.RunLog(RunDirectory.create(folder / "run")),
    "CSVLogger": lambda folder: callbacks.CSVLogger(folder / "log.csv"),
    "TensorBoard": lambda folder: callbacks.TensorBoard(folder / "logs", update_freq=2),
    "BackupAndRestore": lambda folder: callbacks.BackupAndRestore(folder / "backup"),
    "SwapEMAWeights": lambda folder: callbacks.SwapEMAWeights(swap_on_epoch=True),
    "OneCycle": lambda folder: callbacks.OneCycle(0.5),
    "StochasticWeightAveraging": lambda folder: callbacks.StochasticWeightAveraging(
        1, learning_rate=0.2, x=X
    ),
    "GradualUnfreezing": lambda folder: callbacks.GradualUnfreezing(),
    "Doctor": lambda folder: callbacks.Doctor(),
}
# What decides, and so must be the same after a kill.
DECIDES = ["wait", "best", "best_epoch", "cooldown_counter", "history", "epoch", "steps", "keys"]
VALUES = [1.0, 0.5, 0.6, 0.4, 0.7, 0.8]
each = pytest.mark.parametrize("name", CASES)


def model() -> Any:
    latih.utils.set_random_seed(1)
    layers = latih.layers
    made = latih.Sequential(
        [latih.Input((4,)), layers.BatchNormalization(), layers.Dense(3, "softmax")]
    )
    optimizer = latih.optimizers.SGD(0.1, momentum=0.9, use_ema=True)
    made.compile(optimizer, "sparse_categorical_crossentropy")
    made.optimizer.build(made.trainable_weights)
    return made


def begin(callback: Callback, owner: Any) -> None:
    callback.set_model(owner)
    callback.set_params(
        {"epochs": EPOCHS, "initial_epoch": 0, "steps": 1, "verbose": 0, "examples": 24}
    )
    callback.check(LogNames(("loss", "val_loss")))
    callback.on_train_begin()


def lead(callback: Callback, epochs: range, owner: Any) -> list[tuple[bool, float]]:
    seen = []
    for epoch in epochs:
        callback.on_epoch_begin(epoch)
        callback.on_train_batch_begin(0)
        owner.train_on_batch(X, Y)
        callback.on_train_batch_end(0, {"loss": VALUES[epoch]})
        callback.on_epoch_end(epoch, {"loss": VALUES[epoch], "val_loss": VALUES[epoch]})
        seen.append((owner.stop_training, owner.optimizer.current_rate()))
    return seen


def stored(state: dict[str, Any]) -> dict[str, Any]:
    """What a snapshot gives back of a state."""
    value, tensors = encode(copied(state))
    return decode(json.loads(json.dumps(value)), tensors)


def resumed_from(owner: Any) -> Any:
    """A new model that stands where the killed one stood."""
    again = model()
    again.set_weights(owner.get_weights())
    again.optimizer.load_variables([variable.clone() for variable in owner.optimizer.variables])
    again.optimizer.learning_rate = owner.optimizer.current_rate()
    again.stop_training = owner.stop_training
    return again


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
    callback, owner = CASES[name](tmp_path), model()
    begin(callback, owner)
    lead(callback, range(3), owner)
    state = stored(callback.state_dict())
    again = CASES[name](tmp_path / "again")
    again.load_state_dict(state)
    clocks = ("seconds", "epoch_seconds")  # they go on
    for key, value in again.state_dict().items():
        assert str(value) == str(state[key]) or (key in clocks and value >= state[key])


@pytest.mark.parametrize("killed_after", [1, 3, 4])
@pytest.mark.parametrize("name", [name for name in CASES if name != "RunLog"])
def test_a_callback_decides_after_a_kill_as_it_would_have(
    name: str, killed_after: int, tmp_path: Path
) -> None:
    whole, wanted = CASES[name](tmp_path / "whole"), model()
    begin(whole, wanted)
    decisions = lead(whole, range(EPOCHS), wanted)
    before, owner = CASES[name](tmp_path / "parts"), model()
    begin(before, owner)
    first = lead(before, range(killed_after), owner)
    after, resumed = CASES[name](tmp_path / "parts"), resumed_from(owner)
    after.load_state_dict(stored(before.state_dict()))
    # What the killed one did after the snapshot was taken is done again, and no second time.
    lead(before, range(killed_after, EPOCHS), owner) if name == "CSVLogger" else None
    begin(after, resumed)
    assert first + lead(after, range(killed_after, EPOCHS), resumed) == decisions
    for attribute in DECIDES:
        assert getattr(after, attribute, None) == getattr(whole, attribute, None)
    wanted.completed = resumed.completed = False
    whole.on_train_end()
    after.on_train_end()
    for ours, theirs in zip(resumed.get_weights(), wanted.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    for file in (tmp_path / "whole").rglob("*.csv"):
        assert (tmp_path / "parts" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau", "CSVLogger"])
def test_a_state_is_gone_on_from_once_and_forgotten_by_the_run_after(
    name: str, tmp_path: Path
) -> None:
    callback, owner = CASES[name](tmp_path), model()
    begin(callback, owner)
    fresh = str(callback.state_dict())
    lead(callback, range(3), owner)
    state = stored(callback.state_dict())
    callback.load_state_dict(state)
    begin(callback, owner)
    assert str(callback.state_dict()) == str(state) != fresh
    begin(callback, owner)
    assert str(callback.state_dict()) == fresh


@each
def test_a_state_of_another_callback_is_refused(name: str, tmp_path: Path) -> None:
    callback = CASES[name](tmp_path)
    if isinstance(callback, Remembering):
        with pytest.raises(InputError, match=f"not one of {name}"):
            callback.load_state_dict({"colour": "red"})


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
    ("CSVLogger", {"filename": "x.csv", "separator": ""}, "separator"),
    ("CSVLogger", {"filename": "x.csv", "separator": "||"}, "separator"),
    ("CSVLogger", {"filename": "x.csv", "separator": "\n"}, "separator"),
    ("TensorBoard", {"histogram_freq": -1}, "histogram_freq"),
    ("TensorBoard", {"update_freq": "often"}, "update_freq"),
    ("TensorBoard", {"update_freq": 0}, "update_freq"),
    ("TensorBoard", {"profile_batch": 2}, "profile_batch"),
    ("TensorBoard", {"embeddings_freq": 1}, "embeddings_freq"),
    ("TensorBoard", {"embeddings_metadata": "names.tsv"}, "embeddings_metadata"),
    ("BackupAndRestore", {"backup_dir": ""}, "backup_dir"),
    ("BackupAndRestore", {"backup_dir": None}, "backup_dir"),
    ("BackupAndRestore", {"backup_dir": "b", "save_freq": 0}, "save_freq"),
    ("BackupAndRestore", {"backup_dir": "b", "save_freq": False}, "save_freq"),
    ("BackupAndRestore", {"backup_dir": "b", "save_freq": "batch"}, "save_freq"),
    ("OneCycle", {"max_learning_rate": 0}, "max_learning_rate"),
    ("OneCycle", {"max_learning_rate": 1, "warmup_fraction": 1.0}, "warmup_fraction"),
    ("OneCycle", {"max_learning_rate": 1, "start_divisor": 0.5}, "start_divisor"),
    ("OneCycle", {"max_learning_rate": 1, "end_divisor": 0}, "end_divisor"),
    ("OneCycle", {"max_learning_rate": 1, "annealing": "step"}, "annealing"),
    ("OneCycle", {"max_learning_rate": 1, "momentum": 0.9}, "momentum"),
    ("OneCycle", {"max_learning_rate": 1, "momentum": (0.95, 0.85)}, "momentum"),
    ("StochasticWeightAveraging", {"start_epoch": -1}, "start_epoch"),
    ("StochasticWeightAveraging", {"start_epoch": 1, "learning_rate": 0}, "learning_rate"),
    ("StochasticWeightAveraging", {"start_epoch": 1, "batch_size": 0}, "batch_size"),
    ("Doctor", {"action": "mend"}, "action"),
    ("Doctor", {"share": -0.1}, "share"),
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


@pytest.mark.parametrize(
    "name",
    ["ReduceLROnPlateau", "LearningRateScheduler", "OneCycle", "StochasticWeightAveraging"],
)
def test_a_rate_that_follows_a_schedule_is_refused_before_the_first_step(
    name: str, tmp_path: Path
) -> None:
    owner = model()
    decay = latih.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    owner.compile(latih.optimizers.SGD(decay), "sparse_categorical_crossentropy")
    before = owner.get_weights()
    with pytest.raises(InputError, match="schedule"):
        owner.fit(
            X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[CASES[name](tmp_path)]
        )
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
