"""Going on with a run through ``fit``: what is gone on with, what is refused, what is forced."""

import datetime
import threading
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import layers
from latih.errors import InputError, LatihWarning
from latih.run_directory import RunDirectory

pytestmark = pytest.mark.usefixtures("without_curves")

_draw = np.random.default_rng(5)
X = _draw.normal(size=(40, 6)).astype("float32")
LABELS = _draw.integers(0, 3, 40)
STEPS = 5
adam, sgd = keras.optimizers.Adam, keras.optimizers.SGD


def net(optimizer: Any = None, units: int = 8, mask: Any = layers.Dropout) -> Any:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(units, activation="relu"),
            layers.BatchNormalization(),
            mask(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer or adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(model: Any, run_dir: Any, epochs: int = 4, **asked: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        **{"x": X, "y": LABELS, "validation_data": (X, LABELS), "batch_size": 8, "verbose": 0},
        **asked,
    }
    return model.fit(epochs=epochs, run_dir=run_dir, **given).history


class Killed(BaseException):
    """Stands for the end of the process."""


def die(epoch: int, step: int) -> Any:
    """A listener that ends the run in the midst of that step, both counted from 0."""
    now = [-1]

    def begin(number: int, logs: Any) -> None:
        now[0] = number

    def end(number: int, logs: Any) -> None:
        if (now[0], number) == (epoch, step):
            raise Killed

    return keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_train_batch_begin=end)


def killed(
    model: Any, run_dir: Any, at: tuple[int, int] = (2, 3), epochs: int = 4, **asked: Any
) -> None:
    listeners = [*asked.pop("callbacks", []), die(*at)]
    with pytest.raises(Killed):
        fit(model, run_dir, epochs, callbacks=listeners, **{"snapshot_every": 1, **asked})


def state_of(model: Any) -> dict[str, torch.Tensor]:
    return {
        **{name: tensor.clone() for name, tensor in model.state_dict().items()},
        **{f"slot {name}": slot.clone() for name, slot in model.optimizer.slots.items()},
        "iterations": torch.tensor(int(model.optimizer.iterations)),
    }


def assert_same(one: Any, other: Any) -> None:
    wanted, got = state_of(one), state_of(other)
    assert wanted.keys() == got.keys()
    for name, value in wanted.items():
        assert torch.equal(value, got[name]), name


def files_of(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def resumed(directory: Path) -> Any:
    return tomllib.loads((directory / "run.toml").read_text())["run"].get("resumed")


# What `resume` means


def test_auto_begins_where_nothing_is_and_goes_on_where_something_is(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    whole = net()
    history = fit(whole, tmp_path / "whole")
    keras.utils.set_random_seed(1)
    killed(net(), tmp_path / "run")
    keras.utils.set_random_seed(9)
    model = net()
    assert fit(model, tmp_path / "run", resume="auto") == history
    assert_same(whole, model)
    assert len(RunDirectory.open(tmp_path / "run").log.read()) == 4


def test_true_refuses_where_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    model = net()
    before = model.get_weights()
    with pytest.raises(InputError) as caught:
        fit(model, tmp_path / "run", resume=True)
    assert str(caught.value) == (
        f"there is no snapshot in {str(tmp_path / 'run')!r} to go on from: expected "
        "the directory of a run that was begun, got none. Give resume='auto' to begin if there is "
        "none."
    )
    assert files_of(tmp_path) == {}
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    fit(model, tmp_path / "run", resume="auto")
    assert len(fit(net(), tmp_path / "run", resume=True)["loss"]) == 4


@pytest.mark.parametrize("asked", [{"resume": False}, {"snapshot_every": False}], ids=str)
@pytest.mark.parametrize("is_torn", [False, True], ids=["whole", "without run.toml"])
def test_a_directory_that_holds_a_run_is_not_written_over(
    asked: dict[str, Any], is_torn: bool, tmp_path: Path
) -> None:
    killed(net(), tmp_path / "run")
    if is_torn:
        (tmp_path / "run" / "run.toml").unlink()
    before = files_of(tmp_path)
    with pytest.raises(InputError, match="holds a run already"):
        fit(net(), tmp_path / "run", **asked)
    assert files_of(tmp_path) == before
    fit(net(), tmp_path / "run")


def test_false_begins_in_an_empty_directory(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert len(fit(net(), tmp_path / "run", epochs=2, resume=False)["loss"]) == 2


@pytest.mark.parametrize("value", ["yes", None, "False", 2, "FORCE"])
def test_another_value_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`resume` of fit"):
        fit(net(), tmp_path / "run", resume=value)
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize(
    "every", [1, 7, "30s", "5m", datetime.timedelta(seconds=1), "epoch", "0.001s"], ids=str
)
def test_every_interval_leaves_a_run_that_can_be_gone_on_with(every: Any, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    history = fit(net(), tmp_path / "whole", snapshot_every=every)
    keras.utils.set_random_seed(1)
    killed(net(), tmp_path / "run", snapshot_every=every)
    names = sorted(path.name for path in (tmp_path / "run" / "snapshots").iterdir())
    assert 1 <= len(names) <= 2 and all(name.isdecimal() for name in names)
    assert fit(net(), tmp_path / "run", resume=True, snapshot_every=every) == history


def test_false_keeps_no_snapshots_and_says_nothing_of_what_they_would_hold(
    tmp_path: Path,
) -> None:
    listeners = [Forgetful(), Unstorable()]
    loader = workers()
    model = net()
    model.fit(loader, verbose=0, callbacks=listeners)
    fit(net(), tmp_path / "run", snapshot_every=False, callbacks=listeners)
    assert not (tmp_path / "run" / "snapshots").exists()
    assert (tmp_path / "run" / "final.keras").is_file()


@pytest.mark.parametrize("value", [0, -3, True, 1.5, None, "0s", "often", "5 days"], ids=repr)
def test_an_interval_that_means_nothing_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`snapshot_every` of fit\(\) cannot be used"):
        fit(net(), tmp_path / "run", snapshot_every=value)
    assert not (tmp_path / "run").exists()


# More of the same


def test_the_same_script_again_does_nothing_and_returns_the_whole_history(tmp_path: Path) -> None:
    model = net()
    heard: list[str] = []
    history = fit(model, tmp_path / "run")
    before = files_of(tmp_path)
    again = net()
    listener = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: heard.append("epoch"),
        on_train_batch_begin=lambda batch, logs: heard.append("step"),
    )
    assert fit(again, tmp_path / "run", callbacks=[listener]) == history
    assert heard == []
    assert_same(model, again)
    assert again.stop_reason == "all epochs done" and again.completed
    after = files_of(tmp_path)
    for name in before:
        if "snapshots" in name or name.endswith(("best.keras", "log.jsonl")):
            assert after[name] == before[name], name


class Stops(keras.callbacks.Callback):
    """Asks for the end without a reason."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = epoch == 1


def early() -> Any:
    # Nothing is ever so much better: it ends after three epochs.
    return keras.callbacks.EarlyStopping(
        "loss", patience=2, min_delta=100.0, restore_best_weights=True
    )


@pytest.mark.parametrize(
    ("listener", "epochs", "told"),
    [
        (Stops, 2, "a callback asked for it"),
        (early, 3, "early stopping: loss did not improve for 2 epochs"),
    ],
)
def test_what_was_stopped_stays_stopped(
    listener: Callable[[], Any], epochs: int, told: str, tmp_path: Path
) -> None:
    model = net()
    history = fit(model, tmp_path / "run", epochs=9, callbacks=[listener()])
    assert len(history["loss"]) == epochs and model.stop_reason == told
    again = net()
    assert fit(again, tmp_path / "run", epochs=9, callbacks=[listener()]) == history
    assert again.stop_reason == told
    assert_same(model, again)
    # Who asks for more than what had ended gets more.
    more = fit(net(), tmp_path / "run", epochs=10, callbacks=[listener()])
    assert len(more["loss"]) > epochs
    assert more["loss"][:epochs] == history["loss"]


@pytest.mark.parametrize("patience", [3, 50])
def test_more_epochs_are_as_if_they_had_been_asked_for(patience: int, tmp_path: Path) -> None:
    def listeners() -> list[Any]:
        return [
            keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, cooldown=1),
            keras.callbacks.EarlyStopping(patience=patience, restore_best_weights=True),
        ]

    keras.utils.set_random_seed(1)
    whole = net(adam(0.2))
    wanted = fit(whole, tmp_path / "whole", epochs=30, callbacks=listeners())
    done = len(wanted["loss"])
    assert (done < 30) == (patience == 3)
    model: Any = None
    got: dict[str, Any] = {}
    for epochs in (1, 3, done - 1, 30):
        keras.utils.set_random_seed(1)
        model = net(adam(0.2))
        got = fit(model, tmp_path / "run", epochs=epochs, callbacks=listeners())
    assert got == wanted
    assert_same(whole, model)
    for file in ("best.keras", "final.keras"):
        one, other = (
            keras.models.load_model(tmp_path / name / file).get_weights()
            for name in ("whole", "run")
        )
        for first, second in zip(one, other, strict=True):
            np.testing.assert_array_equal(first, second)


def test_fewer_epochs_than_are_done_change_nothing(tmp_path: Path) -> None:
    model = net()
    history = fit(model, tmp_path / "run", epochs=4)
    again = net()
    assert fit(again, tmp_path / "run", epochs=2) == history
    assert_same(model, again)


def test_the_seconds_add_up(tmp_path: Path) -> None:
    slow = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: pause(0.02))
    for epochs in (1, 2, 3):
        fit(net(), tmp_path / "run", epochs=epochs, callbacks=[slow], validation_data=None)
    told = tomllib.loads((tmp_path / "run" / "run.toml").read_text())["run"]
    lines = RunDirectory.open(tmp_path / "run").log.read()
    assert told["seconds"] >= 0.3
    assert told["seconds"] >= sum(line["seconds"] for line in lines) >= 0.3
    assert told["epochs_done"] == 3 and len(told["resumed"]) == 2
    assert [one["epochs_done"] for one in told["resumed"]] == [1, 2]


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


# Refused


class Remembers(keras.callbacks.Callback):
    """Has a state, so that it counts among what decides a run."""

    def state_dict(self) -> dict[str, Any]:
        return {"any": 1}

    def load_state_dict(self, state: Any) -> None:
        pass


OTHER_X = X.copy()
OTHER_X[7, 3] += 1.0
REFUSED: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "architecture": (lambda: net(units=9), {}, "the layer 1 (Dense): units 8 -> 9"),
    "a layer": (
        lambda: net(mask=layers.GaussianNoise),
        {},
        "the layer 3: Dropout -> GaussianNoise",
    ),
    "optimizer": (lambda: net(sgd(0.01)), {}, "the optimizer: Adam -> SGD"),
    "rate": (lambda: net(adam(0.02)), {}, "the learning rate: 0.01 -> 0.02"),
    "batch size": (net, {"batch_size": 10}, "batch_size: 8 -> 10"),
    "length": (net, {"x": X[:32], "y": LABELS[:32]}, "the training examples: 40 -> 32 rows"),
    "a value": (
        net,
        {"x": OTHER_X},
        "the training examples x: other values (their fingerprints differ)",
    ),
    "validation": (net, {"validation_data": None}, "the validation examples are missing"),
    "shuffle": (net, {"shuffle": False}, "shuffle: True -> False"),
    "class weight": (net, {"class_weight": {0: 2.0}}, "class_weight: none -> {0: 2.0}"),
    "steps": (net, {"steps_per_epoch": 3}, "steps_per_epoch: none -> 3"),
    "a callback": (net, {"callbacks": [Remembers()]}, "callbacks: Remembers is new"),
    "a source": (
        net,
        {"x": torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(LABELS)), "y": None},
        "the training data: arrays -> TensorDataset",
    ),
}


@pytest.mark.parametrize("change", REFUSED)
@pytest.mark.parametrize("resume", ["auto", True])
def test_a_difference_is_refused_and_nothing_is_changed(
    change: str, resume: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    build, asked, sentence = REFUSED[change]
    killed(net(), "run")
    before = files_of(tmp_path)
    model = build()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    python, drawn = np.random.get_state()[1].copy(), torch.get_rng_state()  # type: ignore[index]
    with pytest.raises(InputError) as caught:
        fit(model, "run", resume=resume, **asked)
    assert str(caught.value).startswith(
        "the run in 'run' cannot be gone on with: it was begun with something else: got "
    )
    assert sentence in str(caught.value)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, weights[name])
    assert int(model.optimizer.iterations) == 0
    assert np.array_equal(np.random.get_state()[1], python)  # type: ignore[index]
    assert torch.equal(torch.get_rng_state(), drawn)
    assert files_of(tmp_path) == before
    # It can still be gone on with as it was.
    assert len(fit(net(), "run", resume=True)["loss"]) == 4


# Forced


def forced(model: Any, run_dir: Any, told: str, **asked: Any) -> dict[str, Any]:
    with pytest.warns(LatihWarning, match="the run goes on although this was changed") as warned:
        history = fit(model, run_dir, resume="force", **asked)
    assert any(told in str(one.message) for one in warned)
    (noted,) = resumed(Path(run_dir))
    assert told in "; ".join(noted["in_spite_of"])
    assert noted["epochs_done"] == 2
    # From now on that is what was asked.
    assert fit(asked_again(model), run_dir, **asked) == history
    return history


def asked_again(model: Any) -> Any:
    again = keras.models.clone_model(model)
    optimizer = type(model.optimizer).from_config(
        {**model.optimizer.get_config(), "learning_rate": model.optimizer.given_rate()}
    )
    again.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return again


class Spy:
    """Looks at the first step."""

    def __init__(self) -> None:
        self.began: dict[str, Any] = {}
        self.rate = 0.0
        self.listener = keras.callbacks.LambdaCallback(on_train_batch_begin=self._look)

    def _look(self, batch: int, logs: Any) -> None:
        if not self.began:
            self.began = {"batch": batch, **state_of(self.listener.model)}
            self.rate = self.listener.model.optimizer.current_rate()


def at_the_kill(run_dir: Path) -> dict[str, torch.Tensor]:
    """The state of a run that is killed at the second epoch's fourth step."""
    model = net()
    killed(model, run_dir)
    return state_of(model)


def spied(model: Any, run_dir: Path, told: str, **asked: Any) -> Spy:
    spy = Spy()
    forced(model, run_dir, told, callbacks=[spy.listener], **asked)
    return spy


def test_another_rate_is_taken_and_the_memory_is_kept(tmp_path: Path) -> None:
    left = at_the_kill(tmp_path / "run")
    spy = spied(net(adam(0.003)), tmp_path / "run", "the learning rate: 0.01 -> 0.003")
    assert spy.rate == pytest.approx(0.003)
    assert spy.began.pop("batch") == 3
    assert spy.began.keys() == left.keys()
    for name, tensor in left.items():
        assert torch.equal(tensor, spy.began[name]), name


def test_another_setting_of_the_optimizer_is_taken(tmp_path: Path) -> None:
    at_the_kill(tmp_path / "run")
    model = net(adam(0.01, beta_1=0.5))
    spy = spied(model, tmp_path / "run", "the optimizer: beta_1 0.9 -> 0.5")
    assert model.optimizer.beta_1 == 0.5 and int(spy.began["iterations"]) == 13


def test_another_optimizer_begins_anew(tmp_path: Path) -> None:
    left = at_the_kill(tmp_path / "run")
    model = net(keras.optimizers.RMSprop(0.02))
    spy = spied(model, tmp_path / "run", "the optimizer: Adam -> RMSprop")
    assert spy.rate == pytest.approx(0.02)
    for name, tensor in model.state_dict().items():
        assert torch.equal(left[name], spy.began[name])
        assert not torch.equal(tensor, left[name])


CHANGED_DATA = {
    "batch size": ({"batch_size": 10}, "batch_size: 8 -> 10"),
    "fewer rows": ({"x": X[:32], "y": LABELS[:32]}, "the training examples: 40 -> 32 rows"),
    "other values": ({"x": OTHER_X}, "other values"),
    "the order": ({"shuffle": False}, "shuffle: True -> False"),
    "a loader": (
        {
            "x": torch.utils.data.DataLoader(
                torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(LABELS)), 8
            ),
            "y": None,
            "batch_size": None,
        },
        "the training data: arrays -> DataLoader",
    ),
}


@pytest.mark.parametrize("change", CHANGED_DATA)
def test_with_other_data_the_epoch_under_way_begins_anew(change: str, tmp_path: Path) -> None:
    left = at_the_kill(tmp_path / "run")
    asked, told = CHANGED_DATA[change]
    spy = spied(net(), tmp_path / "run", told, **asked)
    assert spy.began.pop("batch") == 0
    for name, tensor in left.items():
        assert torch.equal(tensor, spy.began[name]), name


def test_another_architecture_is_refused_even_by_force(tmp_path: Path) -> None:
    killed(net(), tmp_path / "run")
    before = files_of(tmp_path)
    model = net(units=9)
    weights = model.get_weights()
    with pytest.raises(InputError, match="the weights of the run do not fit the model"):
        fit(model, tmp_path / "run", resume="force")
    for one, other in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)
    after = files_of(tmp_path)
    for name in before:
        if "snapshots" in name or name.endswith((".keras", ".jsonl")):
            assert after[name] == before[name], name
    assert len(fit(net(), tmp_path / "run")["loss"]) == 4


def test_force_without_a_difference_says_nothing(tmp_path: Path) -> None:
    killed(net(), tmp_path / "run")
    fit(net(), tmp_path / "run", resume="force")
    (noted,) = resumed(tmp_path / "run")
    assert "in_spite_of" not in noted


def test_other_circumstances_are_told_and_not_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(net(), tmp_path / "run")
    monkeypatch.setattr(keras.config, "_threads", 3)
    monkeypatch.setattr(torch, "__version__", "9.9.0")
    with pytest.warns(LatihWarning) as warned:
        fit(net(), tmp_path / "run")
    (told,) = [str(one.message) for one in warned]
    assert told.startswith("the run goes on as it would have, but not to the same bits: ")
    assert "-> 3" in told and "-> 9.9" in told


# Callbacks


class Forgetful(keras.callbacks.Callback):
    """Keeps what no snapshot holds."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen += 1


class Unstorable(keras.callbacks.Callback):
    """Has a state that is no data."""

    def state_dict(self) -> dict[str, Any]:
        return {"table": {"handles": [1, object()]}}


class Counts(keras.callbacks.Callback):
    """Counts what it hears, over kills."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs = self.steps = 0
        self.heard: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epochs += 1
        self.heard.append(epoch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs, "steps": self.steps}

    def load_state_dict(self, state: Any) -> None:
        self.epochs, self.steps = state["epochs"], state["steps"]


def workers() -> Any:
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(LABELS))
    return torch.utils.data.DataLoader(data, 8, num_workers=1, persistent_workers=True)


def test_a_state_that_cannot_be_stored_is_refused_before_the_first_step(tmp_path: Path) -> None:
    model = net()
    before = model.get_weights()
    with pytest.raises(InputError) as caught:
        fit(model, tmp_path / "run", callbacks=[Unstorable()])
    assert "callbacks" in str(caught.value) and "Unstorable" in str(caught.value)
    assert "handles" in str(caught.value)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_that_forgets_and_a_loader_that_cannot_repeat_are_told_of(tmp_path: Path) -> None:
    with pytest.warns(LatihWarning) as warned:
        fit(net(), tmp_path / "run", callbacks=[Forgetful()], x=workers(), y=None, batch_size=None)
    told = " ".join(str(one.message) for one in warned)
    assert "Forgetful keeps `seen`, which no snapshot holds" in told
    assert "persistent" in told


def test_an_epoch_begins_once_more_and_is_counted_once(tmp_path: Path) -> None:
    killed(net(), tmp_path / "run", at=(2, 3), callbacks=[Counts()])
    counts = Counts()
    fit(net(), tmp_path / "run", callbacks=[counts])
    assert counts.heard == [2, 3]
    assert (counts.epochs, counts.steps) == (4, 4 * STEPS)


def test_the_same_objects_may_be_used_again_in_one_process(tmp_path: Path) -> None:
    model = net()
    listeners = [
        Counts(),
        keras.callbacks.EarlyStopping(patience=50, restore_best_weights=True),
        keras.callbacks.ModelCheckpoint(tmp_path / "mine.keras", save_best_only=True),
    ]
    first = fit(model, tmp_path / "run", epochs=2, callbacks=listeners)
    longer = fit(model, tmp_path / "run", epochs=5, callbacks=listeners)
    assert len(longer["loss"]) == 5 and longer["loss"][:2] == first["loss"]
    assert (listeners[0].epochs, listeners[0].steps) == (5, 5 * STEPS)
    keras.utils.set_random_seed(1)
    with pytest.raises(Killed):
        fit(model, tmp_path / "run", epochs=9, callbacks=[*listeners, die(6, 2)])
    assert len(fit(model, tmp_path / "run", epochs=9, callbacks=listeners)["loss"]) == 9
    assert listeners[0].steps == 9 * STEPS
    # Another directory is another run.
    assert len(fit(net(), tmp_path / "other", epochs=1)["loss"]) == 1


def test_the_best_weights_of_before_the_kill_come_back(tmp_path: Path) -> None:
    def listeners(seen: list[Any], model: Any) -> list[Any]:
        return [
            # The loss falls, so that with "max" the first epoch is the best.
            keras.callbacks.EarlyStopping(
                "loss", mode="max", patience=50, restore_best_weights=True
            ),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
            ),
        ]

    seen: list[Any] = []
    keras.utils.set_random_seed(1)
    model = net(sgd(0.05), mask=layers.GaussianNoise)
    killed(model, tmp_path / "run", callbacks=listeners(seen, model))
    again = net(sgd(0.05), mask=layers.GaussianNoise)
    history = fit(again, tmp_path / "run", callbacks=listeners([], again))
    assert np.argmax(history["loss"]) == 0
    for got, wanted in zip(again.get_weights(), seen[0], strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("first", ["the run's", "the backup's"])
def test_a_backup_beside_the_run_directory_is_as_good(first: str, tmp_path: Path) -> None:
    """Whichever of the two is farther is gone on from."""
    keras.utils.set_random_seed(1)
    whole = net()
    history = fit(whole, tmp_path / "whole")
    every: Any = 1 if first == "the run's" else "epoch"
    often: Any = "epoch" if first == "the run's" else 1

    def backup() -> Any:
        return keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=often)

    keras.utils.set_random_seed(1)
    killed(net(), tmp_path / "run", callbacks=[backup()], snapshot_every=every)
    spy, model = Spy(), net()
    got = fit(
        model,
        tmp_path / "run",
        callbacks=[spy.listener, backup()],
        snapshot_every=every,
        resume=True,
    )
    assert got == history
    assert_same(whole, model)
    assert spy.began["batch"] == 3
    assert not list((tmp_path / "backup").glob("0*"))


# Where and what is trained


def test_a_run_in_another_thread_is_kept_too(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    history = fit(net(), tmp_path / "whole")
    killed_in_thread: list[Any] = []

    def work() -> None:
        keras.utils.set_random_seed(1)
        killed(net(), tmp_path / "run")
        keras.utils.set_random_seed(3)
        killed_in_thread.append(fit(net(), tmp_path / "run", resume=True))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert killed_in_thread == [history]


class Own(keras.Model):
    """A model with a step of its own, and an optimizer beside the first."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = layers.Dense(5, activation="tanh"), layers.Dense(3)
        self.masked = layers.Dropout(0.4)
        self.slow = sgd(0.01, momentum=0.9)

    def call(self, x: Any, training: Any = None) -> Any:
        return self.outer(self.masked(self.inner(x), training=training))

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True))
        weights = self.trainable_weights
        gradients = torch.autograd.grad(loss, weights)
        self.optimizer.apply(gradients[:2], weights[:2])
        self.slow.apply(gradients[2:], weights[2:])
        return {"loss": loss.detach()}


@pytest.mark.parametrize("at", [(0, 1), (1, 0), (2, 4)])
def test_a_step_of_the_users_own_goes_on(at: tuple[int, int], tmp_path: Path) -> None:
    def model() -> Any:
        own = Own()
        own.compile(adam(0.02), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return own

    keras.utils.set_random_seed(1)
    whole = model()
    history = fit(whole, tmp_path / "whole")
    keras.utils.set_random_seed(1)
    killed(model(), tmp_path / "run", at=at)
    again = model()
    assert fit(again, tmp_path / "run", resume=True) == history
    assert_same(whole, again)
    for name, slot in whole.slow.slots.items():
        assert torch.equal(slot, again.slow.slots[name])


def test_nothing_is_said_where_all_is_well(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        killed(net(), tmp_path / "run", callbacks=[Counts()])
        fit(net(), tmp_path / "run", callbacks=[Counts()])
