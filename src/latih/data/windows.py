"""The order of rows that do not fit into memory: blocks of them, mixed within windows."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

import numpy as np
import torch

from latih import random

BLOCK_BYTES = 2**18
"""How much of a file is read in one place: a disk without moving parts is then near its best."""

WINDOW_BYTES = 2**26
"""How much is in memory and mixed at a time; with the next, which is being read, twice that."""


Key = tuple[int, int, int]
"""The seed, the pass and the number of a window."""


@dataclass(frozen=True)
class Span:
    """Neighbouring rows of a block: from ``start`` to before ``stop``, counted within it."""

    block: int
    start: int
    stop: int


class Windows:
    """In which order rows are read that no memory holds.

    A full permutation would read a disk at as many places as there are rows. Instead blocks of
    neighbouring rows are put in a random order, cut into windows of many blocks each, and the rows
    of a window are permuted. So a window is a sample of the whole file, whatever order the file is
    in. All of it is a pure function of (seed, pass), and any batch can be the first.

    Args:
        lengths: how many rows each block has.
        batch_size: how many rows a batch has; a window has whole batches.
        window: how many rows a window has, about.
        shuffle: whether each pass has an order of its own; else it is the file's.

    Example:
        >>> windows = Windows([4, 4, 2], batch_size=2, window=6, shuffle=False)
        >>> windows.count, windows.spans(0, 0, 1)
        (2, [Span(block=1, start=2, stop=4), Span(block=2, start=0, stop=2)])
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, window: int, shuffle: bool) -> None:
        self._lengths = np.asarray(lengths, np.int64)
        self.rows = int(self._lengths.sum())
        self.batch_size, self.shuffle = batch_size, shuffle
        self.steps = -(-self.rows // batch_size)
        self.steps_each = max(1, window // batch_size)
        """How many batches a window has."""
        self.count = -(-self.steps // self.steps_each)
        self._drawn: tuple[tuple[int, int], np.ndarray, np.ndarray] | None = None

    def spans(self, seed: int, epoch: int, number: int) -> list[Span]:
        """Return what a window of a pass holds, in the order in which it is read."""
        order, ends = self._blocks(seed, epoch)
        each = self.steps_each * self.batch_size
        first, last = number * each, min((number + 1) * each, self.rows)
        spans: list[Span] = []
        place = int(np.searchsorted(ends, first, side="right"))
        while first < last:
            block, end = int(order[place]), int(ends[place])
            begin = end - int(self._lengths[block])
            spans.append(Span(block, first - begin, min(last, end) - begin))
            first, place = end, place + 1
        return spans

    def permutation(self, seed: int, epoch: int, number: int) -> torch.Tensor:
        """Return the order in which the rows of a window are used."""
        each = self.steps_each * self.batch_size
        rows = min(each, self.rows - number * each)
        if not self.shuffle:
            return torch.arange(rows)
        return torch.randperm(rows, generator=random.generator(seed, epoch, number + 1))

    def _blocks(self, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the order of the blocks in a pass, and where each ends among the rows."""
        drawn = self._drawn
        if drawn is None or (self.shuffle and drawn[0] != (seed, epoch)):
            blocks = len(self._lengths)
            order = np.arange(blocks)
            if self.shuffle:
                dice = random.generator(seed, epoch, 0)
                order = torch.randperm(blocks, generator=dice).numpy()
            drawn = self._drawn = (seed, epoch), order, np.cumsum(self._lengths[order])
        return drawn[1], drawn[2]


@dataclass(frozen=True)
class Window:
    """Rows that are in memory, and in which order they are used.

    Args:
        key: which window of which pass it is.
        parts: one tensor for each array; those of a map hold other rows too.
        order: the numbers of the window's rows within the parts.
    """

    key: Key
    parts: Sequence[torch.Tensor]
    order: torch.Tensor


Load = Callable[[list[Span], torch.Tensor], tuple[Sequence[torch.Tensor], torch.Tensor]]
"""Reads the rows of spans: it is given how they are permuted, and returns what a window holds."""


class WindowReader:
    """Reads the windows of an order, the next one in a thread while one is used.

    A thread lives while it reads one window, and ends by itself: there is none to be stopped when
    a training ends early. What goes wrong in it is raised where its window is asked for. The last
    window is kept, so that epochs that are shorter than a window do not read it again.

    Args:
        windows: the order.
        load: reads the rows of spans.
    """

    def __init__(self, windows: Windows, load: Load) -> None:
        self.windows, self._load = windows, load
        self._held: Window | None = None
        self._begun: tuple[Key, Future[Window]] | None = None

    def batches(
        self, seed: int, epoch: int, start: int, end: int
    ) -> Iterator[tuple[Window, torch.Tensor]]:
        """Yield for each of some steps of a pass the window, and which rows of its parts it takes.

        Args:
            seed: what the orders follow from.
            epoch: the pass, counted from 0.
            start: the first step.
            end: the step after the last.
        """
        windows = self.windows
        step = start
        while step < end:
            number, offset = divmod(step, windows.steps_each)
            held = self._window(seed, epoch, number)
            stop = min(windows.steps_each, offset + end - step)
            for rows in held.order.split(windows.batch_size)[offset:stop]:
                yield held, rows
            step += stop - offset

    def _window(self, seed: int, epoch: int, number: int) -> Window:
        key = (seed, epoch, number) if self.windows.shuffle else (0, 0, number)
        if self._held is None or self._held.key != key:
            self._held = None  # its memory first, if the next is not there yet
            (begun_key, begun), self._begun = self._begun or (None, None), None
            if begun is not None and begun_key != key:
                # Another place was asked for. Two threads would hold three windows.
                begun.exception()
            self._held = begun.result() if begun and begun_key == key else self._read(*key)
        if self._begun is None and number + 1 < self.windows.count:
            following = (key[0], key[1], number + 1)
            self._begun = following, _in_a_thread(lambda: self._read(*following))
        return self._held

    def _read(self, seed: int, epoch: int, number: int) -> Window:
        windows = self.windows
        permutation = windows.permutation(seed, epoch, number)
        parts, order = self._load(windows.spans(seed, epoch, number), permutation)
        return Window((seed, epoch, number), parts, order)


def _in_a_thread(work: Callable[[], Window]) -> Future[Window]:
    future: Future[Window] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="latih-reader").start()
    return future
