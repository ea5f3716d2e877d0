"""The best weights are back however a run ends, and they are those of the best epoch."""

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.errors import Terminated

_draw = np.random.default_rng(5)
X = _draw.normal(size=(48, 4)).astype("float32")
LABELS = (X[:, 0] > 0).astype("int64")
LAST = 4  # the epoch, counted from 0, in which whatever ends the run happens


def at_last(what: Callable[[], Any]) -> Any:
    """A callback that does something in the middle of that epoch."""
    told = [0]

    def begin(epoch: int, logs: Any) -> None:
        told[0] = epoch

    def step(batch: int, logs: Any) -> None:
        if told[0] == LAST and batch == 1:
            what()

    return keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_train_batch_begin=step)


def fail() -> None:
    raise RuntimeError("the callback's own")


def breaking(model: Any) -> Iterator[Any]:
    for number in range(3 * LAST + 2):
        yield X[number % 3 * 16 :][:16], LABELS[number % 3 * 16 :][:16]
    raise OSError("the disk is gone")


class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = epoch == LAST


# Who ends the run: the callbacks, the data, what comes out, and what is said of it.
EXITS: dict[str, tuple[Callable[[Any], list[Any]], Any, type[BaseException] | None, str]] = {
    "patience": (lambda model: [], None, None, "early stopping: loss did not improve"),
    "the last epoch": (lambda model: [], None, None, "all epochs done"),
    "another callback": (lambda model: [Stop()], None, None, "a callback asked for it"),
    "NaN": (
        lambda model: [
            keras.callbacks.TerminateOnNaN(),
            at_last(lambda: model.set_weights([w * np.nan for w in model.get_weights()])),
        ],
        None,
        None,
        "the loss became nan",
    ),
    "Ctrl-C": (
        lambda model: [at_last(lambda: os.kill(os.getpid(), signal.SIGINT))],
        None,
        KeyboardInterrupt,
        "interrupted by Ctrl-C",
    ),
    "Ctrl-C twice": (
        lambda model: [at_last(lambda: [os.kill(os.getpid(), signal.SIGINT) for _ in range(2)])],
        None,
        KeyboardInterrupt,
        "interrupted by Ctrl-C",
    ),
    "SIGTERM": (
        lambda model: [at_last(lambda: os.kill(os.getpid(), signal.SIGTERM))],
        None,
        Terminated,
        "ended by SIGTERM",
    ),
    "an error of a callback": (
        lambda model: [at_last(fail)],
        None,
        RuntimeError,
        "RuntimeError: the callback's own",
    ),
    "an error of the data": (lambda model: [], breaking, OSError, "OSError: the disk is gone"),
}


@pytest.mark.parametrize(("others", "data", "error", "told"), EXITS.values(), ids=EXITS)
@pytest.mark.parametrize("first", [True, False], ids=["first in the list", "last in the list"])
def test_the_best_weights_are_back(
    others: Callable[[Any], list[Any]],
    data: Callable[[Any], Iterator[Any]] | None,
    error: type[BaseException] | None,
    told: str,
    first: bool,
) -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.05), loss="sparse_categorical_crossentropy")
    after_epochs: list[list[np.ndarray]] = []
    # The loss falls, so that with "max" the first epoch is the best one.
    best = keras.callbacks.EarlyStopping(
        "loss",
        mode="max",
        patience=LAST if told.startswith("early") else 10**6,
        restore_best_weights=True,
    )
    listener = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: after_epochs.append(model.get_weights())
    )
    rest = [listener, *others(model)]
    epochs = LAST + 1 if told == "all epochs done" else 20
    asked: dict[str, Any] = {"epochs": epochs, "verbose": 0}
    given = (X, LABELS) if data is None else (data(model),)
    asked |= {"batch_size": 16, "shuffle": False} if data is None else {"steps_per_epoch": 3}
    caught: BaseException | None = None
    try:
        model.fit(*given, callbacks=[best, *rest] if first else [*rest, best], **asked)
    except BaseException as raised:
        caught = raised
    assert (None if caught is None else type(caught)) is error
    assert model.stop_reason is not None and model.stop_reason.startswith(told)
    assert len(after_epochs) >= LAST and best.best_epoch == 0
    for got, wanted, last in zip(
        model.get_weights(), after_epochs[0], after_epochs[-1], strict=True
    ):
        np.testing.assert_array_equal(got, wanted)
        assert not np.array_equal(got, last)
    assert not model.training
