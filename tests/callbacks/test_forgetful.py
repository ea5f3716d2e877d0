"""Callbacks that keep what no snapshot holds are named, and those that keep nothing are not."""

import collections
import dataclasses
import time
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih.callbacks.forgetful import kept_without_state_dict, warn_of_forgetful
from latih.engine.events import Callback
from latih.errors import LatihWarning

KEEPING: list[tuple[list[str], Any]] = []
QUIET: list[Any] = []


def keeps(*names: str) -> Any:
    def take(kind: Any) -> Any:
        KEEPING.append((list(names), kind))
        return kind

    return take


def quiet(kind: Any) -> Any:
    QUIET.append(kind)
    return kind


@keeps("seen")
class Counter(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.every = 10

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen += self.every


@keeps("losses")
class LossHistory(Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.losses.append((logs or {})["loss"])


@keeps("best")
class Best(Callback):
    best = float("inf")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs["loss"] < self.best:
            self.best = logs["loss"]


@keeps("epochs")
class CountsBeginnings(Callback):
    epochs = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epochs += 1


@keeps("epochs")
class CountsBeginningsAtLength(Callback):
    epochs = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epochs = self.epochs + 1


@keeps("began")
class BeganOnce(Callback):
    began: float | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        if self.began is None:
            self.began = time.monotonic()


@keeps("counts")
class Items(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.counts = np.zeros(3)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.counts[epoch % len(self.counts)] = 1


@keeps("counts")
class Slices(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.counts = [0, 0, 0]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.counts[epoch : epoch + 1] = [1]


@keeps("counts")
class AddsToItems(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.counts = torch.zeros(3)
        self.step = [1]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.counts[epoch % 3] += self.step[0] if epoch else 2


@keeps("table")
class ItemsOfItems(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.table: dict[str, Any] = {"loss": {"a": []}}
        self.key = "a"

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name in ("loss",):
            self.table[name][self.key].append(logs[name])


@keeps("table")
class DeletesItems(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.table = {0: 1, 1: 1}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        del self.table[epoch]


@keeps("names", "seen")
class Containers(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen = {1}
        self.names = collections.deque(["a"], maxlen=3)

    def on_test_end(self, logs: Any = None) -> None:
        self.seen.add(2)
        self.names.appendleft("x")


@keeps("mean")
class InPlace(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.ones(3)
        self.rate = 0.5

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.mean.mul_(self.rate).add_(1)


@keeps("seen")
class ByAnotherName(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seen = self.seen
        seen.append(epoch)


@keeps("count")
class Helper(Callback):
    def __init__(self) -> None:
        super().__init__()
        self._reset()

    def _reset(self) -> None:
        self.count = 0
        self.width = 3

    def on_train_begin(self, logs: Any = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._add(epoch)

    def _add(self, number: int) -> None:
        self.count += number


@keeps("count", "extra")
class Inheriting(Helper):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        self.extra = epoch


@keeps("mine")
class OwnStopping(keras.callbacks.EarlyStopping):
    def __init__(self) -> None:
        super().__init__("loss")
        self.mine = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, logs)
        self.wait = 0
        self.mine += 1


@keeps("a", "b", "c")
class AtOnce(Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.a, self.b = 1, 2
        self.c = [[self.a] * width for width in (1, 2)]


@keeps("rows")
class Nested(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.rows = [0]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        _ = [self.rows.append(number) for number in range(epoch)]


@keeps("total")
class Getter(Callback):
    base = 0

    @property
    def next(self) -> int:
        self.total = self.base + 1
        return self.total

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print(self.next)


@keeps("count")
class Slots(Callback):
    __slots__ = ("count",)

    def __init__(self) -> None:
        super().__init__()
        self.count: list[int] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print(self.count)


@keeps("found")
@dataclasses.dataclass
class Data(Callback):
    size: int = 3
    found: list[int] = dataclasses.field(default_factory=list)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.found.extend(range(self.size))


@keeps("calls")
class InItsPlace(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.on_train_batch_end = self._count  # type: ignore[method-assign]

    def _count(self, batch: int, logs: Any = None) -> None:
        self.calls += 1


@keeps("weights")
class LaterSet(Callback):
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        print(self.weights)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.weights = self.model.get_weights()


@quiet
class Nothing(Callback):
    pass


@quiet
class Configured(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.every, self.name, self.say = 3, "loss", print
        self.names = ["loss", "accuracy"]
        self.table = {"loss": 1.0}
        self.x = np.zeros([4, 3])
        self.mean = torch.ones(3)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        scores = {name: self.table.get(name) for name in self.names}
        scores[self.name] = self.mean.mean() + self.x.sum()
        if epoch % self.every == 0:
            self.say(scores, self.model.predict(self.x), len(self.names), self.x[0])


@quiet
class Stops(Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = True
        self.model.optimizer.learning_rate = 0.1
        self.model.optimizer.learning_rate *= 0.5
        self.params["epochs"] = 3


@quiet
class Timer(Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        self.start = time.monotonic()
        self.rows = []
        self.rows.append(0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch
        self.began = time.monotonic()
        print(self.began)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.batch = batch

    def on_test_begin(self, logs: Any = None) -> None:
        self.testing = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["seconds"] = time.monotonic() - self.began
        logs["all"] = time.monotonic() - self.start

    def on_train_end(self, logs: Any = None) -> None:
        self.ended = time.monotonic()


class Bar:
    def update(self, number: int) -> None: ...
    def add(self, number: int) -> None: ...


@quiet
class Progress(Callback):
    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.bar = Bar()
        self.other = Bar()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.bar.update(1)
        self.other.add(1)


@quiet
class Remembers(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen += 1

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}


@quiet
class RemembersToo(Remembers):
    pass


@quiet
class Counting(keras.callbacks.History):
    """Adds nothing of its own."""


@quiet
class Unused(Callback):
    total = 0

    def read_after_the_run(self) -> int:
        self.total += 1
        return self.total


@quiet
class Static(Callback):
    @staticmethod
    def on_epoch_end(epoch: Any, logs: Any = None) -> None:
        epoch.seen = 3


@quiet
class ReadsAProperty(Callback):
    @property
    def boom(self) -> int:
        raise RuntimeError("code of the user's was run")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print(self.boom)


@quiet
def collecting() -> Any:
    seen: list[Any] = []
    return keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs))


@pytest.mark.parametrize(
    ("names", "kind"), KEEPING, ids=lambda given: getattr(given, "__name__", "")
)
def test_what_is_kept_is_named(names: list[str], kind: Any) -> None:
    assert kept_without_state_dict(kind()) == names


@pytest.mark.parametrize("kind", QUIET)
def test_what_is_not_kept_is_not_named(kind: Any) -> None:
    assert kept_without_state_dict(kind()) == []


@pytest.mark.parametrize("kind", keras.callbacks.CALLBACKS)
def test_those_of_latih_are_not_read(kind: type[Callback]) -> None:
    assert kept_without_state_dict(kind.__new__(kind)) == []


def test_no_source_is_needed() -> None:
    space: dict[str, Any] = {"Callback": Callback}
    exec(
        "class Made(Callback):\n"
        "    def on_epoch_end(me, epoch, logs=None):\n"
        "        me.n = me.m = epoch\n",
        space,
    )
    assert kept_without_state_dict(space["Made"]()) == ["m", "n"]


def test_one_sentence_tells_of_a_class() -> None:
    with pytest.warns(LatihWarning) as warned:
        warn_of_forgetful([Counter(), Timer(), Counter()])
    assert [str(one.message) for one in warned] == [
        "Counter keeps `seen`, which no snapshot holds: after a crash it begins anew. Define "
        "state_dict() and load_state_dict() in it."
    ]


def test_one_sentence_tells_of_all_classes() -> None:
    with pytest.warns(LatihWarning) as warned:
        warn_of_forgetful([AtOnce(), Containers()])
    assert [str(one.message) for one in warned] == [
        "AtOnce keeps `a`, `b` and `c`; Containers keeps `names` and `seen`, which no snapshot "
        "holds: after a crash they begin anew. Define state_dict() and load_state_dict() in them."
    ]


def test_where_nothing_is_kept_nothing_is_said() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_forgetful([kind() for kind in QUIET])
        warn_of_forgetful([])
