"""However an evaluation, a prediction or a run ends: what was begun is ended, nothing is hidden."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih.errors import FileFormatError, LatihWarning
from latih.run_directory import RunDirectory

_draw = np.random.default_rng(4)
X = _draw.normal(size=(32, 4)).astype("float32")
LABELS = _draw.integers(0, 2, 32)


class Trap(keras.layers.Layer):
    """Raises at the third batch after it is set."""

    left: int | None = None

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.left is not None and len(inputs) == 8:  # two examples only look at the shapes
            self.left -= 1
            if not self.left:
                raise RuntimeError("in the middle")
        return inputs


class Heard(keras.callbacks.Callback):
    """Writes down which hooks of an evaluation or a prediction it heard."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks: list[str] = []
        for hook in ("test_begin", "test_end", "predict_begin", "predict_end"):
            setattr(self, f"on_{hook}", lambda *given, hook=hook: self.hooks.append(hook))
        for hook in ("test_batch_end", "predict_batch_end"):
            setattr(self, f"on_{hook}", lambda *given, hook=hook: self.hooks.append(hook))


def net(*between: Any) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input([4]),
            keras.layers.Dense(6, activation="relu"),
            *between,
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy")
    return model


def ask(model: Any, what: str, **arguments: Any) -> Any:
    given = (X, LABELS) if what == "evaluate" else (X,)
    return getattr(model, what)(*given, batch_size=8, verbose=0, **arguments)


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize(("what", "hook"), [("evaluate", "test"), ("predict", "predict")])
def test_an_error_in_the_middle_ends_it(what: str, hook: str, training: bool) -> None:
    trap, heard = Trap(), Heard()
    model = net(trap)
    model.train(training)
    model.layers[0].train(not training)
    modes = [module.training for module in model.modules()]
    trap.left = 3
    with pytest.raises(RuntimeError, match="in the middle"):
        ask(model, what, callbacks=[heard])
    batches = [f"{hook}_batch_end"] * 2
    assert heard.hooks == [f"{hook}_begin", *batches, f"{hook}_end"]
    assert [module.training for module in model.modules()] == modes
    trap.left = None
    heard.hooks.clear()
    ask(model, what, callbacks=[heard])
    assert heard.hooks == [f"{hook}_begin", *batches * 2, f"{hook}_end"]
    assert [module.training for module in model.modules()] == modes


def test_every_listener_hears_the_end_though_one_raises() -> None:
    trap, heard = Trap(), Heard()
    model = net(trap)
    trap.left = 3

    class Raising(keras.callbacks.Callback):
        def on_test_end(self, logs: Any = None) -> None:
            raise ValueError("at the end")

    with pytest.raises(ValueError, match="at the end"):
        ask(model, "evaluate", callbacks=[Raising(), heard])
    assert heard.hooks[-1] == "test_end"


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
def test_train_on_batch_leaves_the_mode_as_it_was(training: bool) -> None:
    model = net()
    model.train(training)
    model.train_on_batch(X, LABELS)
    assert {module.training for module in model.modules()} == {training}


@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_train_batch_end"])
def test_train_on_batch_in_a_hook_of_fit_leaves_fit_training(hook: str) -> None:
    modes: list[bool] = []

    class Spy(keras.layers.Layer):
        def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
            modes.append(training)
            return inputs

    class Twice(keras.callbacks.Callback):
        def once_more(self, batch: int, logs: Any = None) -> None:
            self.model.train_on_batch(X[:4], LABELS[:4])

    twice = Twice()
    setattr(twice, hook, twice.once_more)
    model = net(Spy())
    modes.clear()
    model.fit(X, LABELS, batch_size=8, epochs=2, verbose=0, callbacks=[twice])
    # Looking at the shapes of outputs is no training; every step of it is.
    assert modes.count(True) == 16
    assert not model.training


def no_page(run: RunDirectory) -> None:
    raise FileFormatError(f"no page can be made of {run.path.name!r}")


def test_a_page_that_cannot_be_built_is_told_and_the_history_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latih.models.kept_run.report.build_report", no_page)
    model = net()
    with pytest.warns(LatihWarning, match="no page can be made of 'run'"):
        history = model.fit(X, LABELS, epochs=2, verbose=0, run_dir=tmp_path / "run")
    assert len(history.history["loss"]) == 2
    run = RunDirectory.open(tmp_path / "run")
    assert run.read_settings()["run"]["stopped"] == "all epochs done"
    assert len(run.log.read()) == 2
    assert run.final_file.is_file()


@pytest.mark.parametrize(
    "error", [RuntimeError("the run's own"), KeyboardInterrupt()], ids=lambda e: type(e).__name__
)
def test_a_page_that_cannot_be_built_hides_no_error_of_the_training(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("latih.models.kept_run.report.build_report", no_page)

    class Raising(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise error

    with warnings.catch_warnings(), pytest.raises(type(error)) as caught:
        warnings.simplefilter("error")
        net().fit(X, LABELS, verbose=0, callbacks=[Raising()], run_dir=tmp_path / "run")
    assert caught.value is error
