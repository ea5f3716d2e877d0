"""How often something is saved, and that no more than so much is ever unsaved."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latih.archive import SnapshotStore
from latih.callbacks import snapshots
from latih.callbacks.interval import Interval, Pace
from latih.callbacks.snapshots import Snapshots
from latih.errors import InputError, LatihWarning

READ: dict[Any, Interval | None] = {
    1: Interval(1.0, is_time=False),
    250: Interval(250.0, is_time=False),
    "30s": Interval(30.0, is_time=True),
    "0.5s": Interval(0.5, is_time=True),
    "5m": Interval(300.0, is_time=True),
    "1.5 h": Interval(5400.0, is_time=True),
    datetime.timedelta(minutes=2): Interval(120.0, is_time=True),
    datetime.timedelta(milliseconds=5): Interval(0.005, is_time=True),
    "epoch": None,
}


@pytest.mark.parametrize(("value", "wanted"), READ.items(), ids=map(str, READ))
def test_what_a_user_means_is_read(value: Any, wanted: Interval | None) -> None:
    assert Interval.read(value, "snapshot_every", "fit()") == wanted


BAD = [
    *(0, -1, True, 1.5, None, 10**400),
    *("", "5", "s", "0s", "-5s", "5 days", "1e3s", "5ss", "inf s", "Epoch", "9" * 400 + "s"),
    *(datetime.timedelta(0), datetime.timedelta(seconds=-1), [60], {"s": 60}, b"60s"),
]


@pytest.mark.parametrize("value", BAD, ids=lambda value: repr(value)[:20])
def test_what_means_nothing_is_refused(value: Any) -> None:
    with pytest.raises(InputError) as caught:
        Interval.read(value, "snapshot_every", "fit()")
    assert str(caught.value).startswith(
        "`snapshot_every` of fit() cannot be used: expected a number of steps, a time such as "
        "'60s', '5m' or '1h', or 'epoch', got "
    )


def test_without_an_interval_nothing_is_ever_due() -> None:
    pace = Pace(None)
    pace.begin(0.0)
    assert not pace.is_due(1e9) and not pace.must_wait(1e9)


def test_a_write_begins_the_earlier_the_longer_the_last_one_took() -> None:
    pace = Pace(Interval(60.0, is_time=True))
    pace.begin(1000.0)
    assert not pace.is_due(1059.9) and pace.is_due(1060.0)
    pace.write_begins(1060.0)
    pace.write_ended(1065.0, well=True)
    assert not pace.is_due(1109.9) and pace.is_due(1110.0)  # 1060 + 60 - 2 * 5
    pace.write_begins(1110.0)
    pace.write_ended(1160.0, well=True)
    assert not pace.is_due(1139.9) and pace.is_due(1140.0)  # never earlier than half of it


def test_after_a_write_that_failed_the_next_is_tried_an_interval_later() -> None:
    pace = Pace(Interval(10.0, is_time=True))
    pace.begin(0.0)
    pace.write_begins(10.0)
    pace.write_ended(11.0, well=False)
    assert not pace.is_due(12.0) and not pace.must_wait(12.0)
    assert pace.is_due(21.0)


class Disk:
    """Stands for the writer's thread: each write takes so long by a clock that only tests move."""

    def __init__(self, durations: list[float], now: Any, pass_time: Any) -> None:
        self.durations, self.now, self.pass_time = durations, now, pass_time
        self.ends = 0.0
        self.writing: Any = None
        self.saved: Any = None
        self.count = 0

    def start(self, state: Any) -> None:
        assert not self.busy, "two writes at once"
        self._note()
        self.writing = state
        self.ends = self.now() + self.durations[self.count % len(self.durations)]
        self.count += 1

    @property
    def busy(self) -> bool:
        return self.writing is not None and self.now() < self.ends

    def wait(self) -> None:
        self.pass_time(max(self.ends - self.now(), 0.0))

    def failure(self) -> None:
        return None

    def _note(self) -> None:
        if self.writing is not None and not self.busy:
            self.saved, self.writing = self.writing, None

    @property
    def whole(self) -> Any:
        """What stands on the disk."""
        self._note()
        return self.saved


class Work:
    """Stands for a training: what was done is all its state."""

    def __init__(self) -> None:
        self.steps_done, self.seconds = 0, 0.0

    @property
    def position(self) -> dict[str, Any]:
        return {"epoch": 0, "steps_done": self.steps_done, "logs": None}

    def state_dict(self) -> dict[str, float]:
        return {"steps": self.steps_done, "seconds": self.seconds}


seconds = st.integers(0, 40_000).map(lambda value: value / 1000)  # whole: denormals are flushed


@given(
    amount=st.integers(1, 12),
    is_time=st.booleans(),
    steps=st.lists(seconds.filter(bool), min_size=1, max_size=60),
    writes=st.lists(seconds, min_size=1, max_size=10),
    epochs=st.sets(st.integers(0, 59)),
)
def test_never_is_more_unsaved_than_the_interval_when_the_next_step_begins(
    amount: int, is_time: bool, steps: list[float], writes: list[float], epochs: set[int]
) -> None:
    clock = [1000.0]

    def pass_time(by: float) -> None:
        clock[0] += by

    disk = Disk(writes, lambda: clock[0], pass_time)
    work = Work()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshots.time, "monotonic", lambda: clock[0])
        keeper = Snapshots(SnapshotStore("nowhere"), Interval(float(amount), is_time=is_time))
        keeper._writer = disk  # type: ignore[assignment]
        keeper.begin_keeping(work)
        keeper._wait()
        assert disk.whole == {"steps": 0, "seconds": 0.0}
        for number, took in enumerate(steps):
            saved = disk.whole
            # A crash in the step that begins now costs what is unsaved, and it.
            if is_time:
                assert work.seconds - saved["seconds"] <= amount + 1e-6
            else:
                assert work.steps_done + 1 - saved["steps"] <= amount
            pass_time(took)
            work.steps_done += 1
            work.seconds += took
            keeper.after_step(work)
            if number in epochs:
                keeper.after_epoch(work)
        keeper.keep(work)
    assert disk.whole == work.state_dict()


def test_on_a_fast_disk_there_is_one_write_an_interval() -> None:
    disk = Disk([0.0], lambda: 0.0, lambda by: None)
    keeper = Snapshots(SnapshotStore("nowhere"), Interval(10.0, is_time=False))
    keeper._writer = disk  # type: ignore[assignment]
    work = Work()
    keeper.begin_keeping(work)
    for _ in range(100):
        work.steps_done += 1
        keeper.after_step(work)
    assert 100 // 10 <= disk.count - 1 <= 100 // 7  # a step to write, one more, and the next


def test_who_fails_to_write_says_so_once_and_tries_again() -> None:
    told: list[str] = []
    keeper = Snapshots(SnapshotStore("nowhere"), Interval(2.0, is_time=False))
    failing = [True]

    def write(state: Any) -> None:
        told.append(f"step {state['steps']}")
        if failing[0]:
            raise OSError("no room")

    keeper._writer = snapshots.BackgroundWriter(write)
    work = Work()
    with pytest.warns(LatihWarning, match="no room Training goes on"):
        keeper.begin_keeping(work)
    failing[0] = False
    for _ in range(6):
        work.steps_done += 1
        keeper.after_step(work)
        keeper._writer.wait()
    keeper.keep(work)
    assert told[0] == "step 0" and told[-1] == "step 6"
    assert len(told) == 1 + len(dict.fromkeys(told[1:])) and len(told) >= 4
