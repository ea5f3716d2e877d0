"""Where data are read, and how a run that was killed comes back to that very place."""

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from latih import random
from latih.data.sources import Source
from latih.errors import InputError, LatihWarning
from latih.structures import is_same

END = object()


class Reader:
    """Takes the items of a source, pass after pass, and knows how to come back to where it is.

    What can begin anew is brought back by a replay: as the iterator of the pass under way is made,
    and its items up to the position are read and left, every generator stands where it stood when
    the pass began. So samplers draw the same order, and workers get the same seeds. From there on
    the generators stand where they stood at the position. The replay waits for the first read: a
    validation set, which begins anew each time, is not read for nothing.

    A replay reads without pause, where in the run others drew between the batches. What a batch is
    drawn from may be so mixed, since all that follows the position is drawn from the true state.
    Only a sampler of one's own that keeps what it drew at several batches from the process's
    generators, in a run in which others draw from them too, comes out otherwise: let it draw all
    at its beginning, as torch's do, or from a generator of its own.

    Args:
        source: what is read.
        seed: what its orders follow from, where they are not its own.

    Example:
        >>> from latih.data.sources import source_of
        >>> reader = Reader(source_of((n for n in range(5)), None, False, 0), seed=0)
        >>> reader.take(), reader.take()
        (0, 1)
        >>> again = Reader(source_of((n for n in range(5)), None, False, 0), seed=0)
        >>> again.load_state_dict(reader.state_dict())
        >>> again.take()
        2
    """

    def __init__(self, source: Source, seed: int) -> None:
        self.source, self.seed = source, seed
        # The pass, how many of its items were taken, and of all passes.
        self.epoch = self.offset = self.taken = 0
        self.exhausted = False
        # Where every generator stood when the iterator of this pass was made. While there is no
        # iterator though it was made once, the pass is to be replayed.
        self._began: dict[str, Any] | None = None
        self._items: Iterator[Any] | None = None
        # The next item was looked at, and is held till it is taken.
        self._looked = False
        self._held: Any = None
        self._drew_at_first = False

    def take(self) -> Any:
        """Take the next item of this pass, or its END, after which comes the next pass.

        Raises:
            InputError: the pass has no item, or ends before the position.
        """
        first = self._items is None
        items = self._open() if self._items is None else self._items
        item = self._held if self._looked else _next(items, self.offset)
        self._held, self._looked = None, False
        if first and not self.source.repeats:
            self._drew_at_first = not is_same(self._began, self._beginning())
        if item is not END:
            self.offset += 1
            self.taken += 1
            return item
        if self.offset == 0:
            raise InputError(
                "the data give no batch",
                expected="at least one in each pass",
                got="none",
                fix="Check how the data set is filtered, or that the generator is a fresh one.",
            )
        if self.source.repeats:
            self.begin(self.epoch + 1, 0)
        else:
            self.exhausted = True
        return END

    def give_back(self, item: Any) -> None:
        """Hold the item that was taken last: it is the next again."""
        self._held, self._looked = item, True
        self.offset -= 1
        self.taken -= 1

    def end_pass(self) -> bool:
        """End the pass if its last item was just taken, and say so.

        It is not left to the next read: a run that is killed at the end of a pass, where most
        snapshots are taken, would else replay the whole of it to meet its end.
        """
        if not self.source.ends_with_steps or self.offset != self.source.steps:
            return False
        item = self.take()
        if item is not END:
            self.give_back(item)
        return item is END

    def begin(self, epoch: int, offset: int) -> None:
        """Go to an item of a pass, which begins anew."""
        self.epoch, self.offset = epoch, offset
        self._items = self._began = self._held = None
        self._looked = False

    def seek(self, first: int) -> None:
        """Go to an item of the endless stream of passes, counted from 0."""
        steps = self.source.steps
        if steps is not None:
            if first != self.epoch * steps + self.offset:
                self.begin(*divmod(first, steps))
        elif first != self.taken:
            # Where the passes begin is known to who reads them.
            self.begin(0, 0)
            self.taken = 0
            while self.taken < first:
                self.take()

    def state_dict(self) -> dict[str, Any]:
        """Return the position, and what it takes to come back to it: JSON values and tensors."""
        return {
            "kind": self.source.kind,
            "seed": self.seed,
            "epoch": self.epoch,
            "offset": self.offset,
            "taken": self.taken,
            "exhausted": self.exhausted,
            "looked": self._looked,
            "began": self._began,
            "own_generators": self.source.own_generators.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go to where :meth:`state_dict` found another reader of the same data.

        The process's generators are left where they are.

        Raises:
            InputError: the data are of another kind or shorter, or the state is none of a reader.
        """
        self._require_fits(state)
        self.seed = state["seed"]
        if not self.source.repeats:
            self._skip_to(state)
            return
        self.epoch, self.offset, self.taken = state["epoch"], state["offset"], state["taken"]
        self.exhausted, self._looked = state["exhausted"], state["looked"]
        self._items = self._held = None
        self._began = state["began"]
        self.source.own_generators.load_state_dict(state["own_generators"])

    def _open(self) -> Iterator[Any]:
        """Make the iterator of this pass, and bring it to the position."""
        source, began = self.source, self._began
        if began is None:
            self._began = self._beginning() if source.may_draw else None
            self._items = self._at_position()
        else:
            with random.drawing_from(began["process"]):
                source.use_workers(kept=began["workers_are_kept"])
            with (
                random.drawing_from(began["process"]),
                source.own_generators.drawing_from(began["own_generators"]),
            ):
                self._items = self._at_position()
        return self._items

    def _at_position(self) -> Iterator[Any]:
        start = self.offset if self.source.starts_anywhere else 0
        items = self.source.items(self.seed, self.epoch, start)
        wanted = self.offset + self._looked
        for number in range(start, wanted):
            self._held = _next(items, number)
            if self._held is END:
                raise _ended_early(wanted, number)
        return items

    def _beginning(self) -> dict[str, Any]:
        return {
            "process": random.state_dict(),
            "own_generators": self.source.own_generators.state_dict(),
            "workers_are_kept": self.source.workers_are_kept,
        }

    def _skip_to(self, state: Mapping[str, Any]) -> None:
        """Bring a generator, of which one item at most was looked at, to a position."""
        wanted, began = state["taken"], state["began"]
        if self.taken > wanted:
            raise InputError(
                "the generator cannot go back to where the run was",
                expected=f"one that is new, or was read {wanted} times at most",
                got=f"one that was read {self.taken} times",
                fix="Make it anew before you resume.",
            )
        if began is None:  # It had not been read.
            return
        if self._drew_at_first and not is_same(self._began, began):
            warnings.warn(
                "the generator that is resumed drew random numbers as it began, from another seed "
                "than in the run before, so its batches may be others. Call set_random_seed with "
                "a fixed number at the top of the script, before the generator is made.",
                LatihWarning,
                stacklevel=4,
            )
        with random.drawing_from(began["process"]):
            while self.taken < wanted:
                if self.take() is END:
                    raise _ended_early(wanted, self.taken)
            if state["looked"] and not self._looked:
                self.give_back(self.take())
        self._began, self.exhausted = began, state["exhausted"]

    def _require_fits(self, state: Mapping[str, Any]) -> None:
        missing = [name for name in self.state_dict() if name not in state]
        if missing:
            raise InputError(
                "the state is none of data that are iterated",
                expected=", ".join(self.state_dict()),
                got="no " + ", ".join(missing),
            )
        if state["kind"] != self.source.kind:
            raise InputError(
                "the data are of another kind than those of the run that is resumed",
                expected=state["kind"],
                got=self.source.kind,
            )
        steps = self.source.steps
        if steps is not None and state["offset"] > steps:
            raise _ended_early(state["offset"], steps)


def _next(items: Iterator[Any], number: int) -> Any:
    try:
        return next(items, END)
    except Exception as error:
        error.add_note(f"while batch {number + 1} was read from the data")
        raise


def _ended_early(wanted: int, came: int) -> InputError:
    return InputError(
        "the data end before the place where the run goes on",
        expected=f"at least {wanted} batches",
        got=f"{came}",
        fix="Give the data that the run began with.",
    )
