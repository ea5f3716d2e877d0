"""Batches of memory maps that are larger than memory may be."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from latih.arguments import whole
from latih.data.batches import ArrayBatches, Batch
from latih.data.maps import Bounds, MappedRows, map_of, map_under
from latih.data.windows import BLOCK_BYTES, WINDOW_BYTES, Span, WindowReader, Windows
from latih.structures import flatten

LARGE = 2**30
"""From so many bytes on a map is read in windows. No machine's memory decides: the same seed shall
give the same order wherever a run goes on."""

WINDOWS_IN_MEMORY = 4
"""After so many windows the pages leave the process's memory: a quarter of a gigabyte."""


class MappedBatches(ArrayBatches):
    """Batches of arrays that are mapped into memory and may be larger than it.

    They are read in windows (see :class:`~latih.data.windows.Windows`), the next one while one is
    used, and now and then the pages leave the process's memory. What is in memory beside the maps,
    as labels are, is taken in the same order.

    Args:
        inputs: as :class:`ArrayBatches` takes them.
        targets: as there.
        weights: as there.
        block_bytes: how much is read in one place.
        window_bytes: how much is mixed at a time.
        options: as there.

    Raises:
        InputError: as there.

    Example:
        >>> batches = MappedBatches(torch.arange(5), batch_size=2, window_bytes=16)
        >>> [batch.inputs.tolist() for batch in batches.epoch(0)]
        [[0, 1], [2, 3], [4]]
    """

    kind = "large memory maps"

    def __init__(
        self,
        inputs: Any,
        targets: Sequence[torch.Tensor | None] = (),
        weights: Sequence[torch.Tensor | None] = (),
        *,
        block_bytes: int = BLOCK_BYTES,
        window_bytes: int = WINDOW_BYTES,
        **options: Any,
    ) -> None:
        super().__init__(inputs, targets, weights, **options)
        # Labels may lie elsewhere: rows are taken where the maps are.
        self._parts = [part.cpu() for part in self._parts]
        self._row_bytes = max(1, sum(p[0].numel() * p.element_size() for p in self._parts))
        self._set_windows(block_bytes, window_bytes)

    def order(self, epoch: int) -> torch.Tensor:
        """Return the order of the examples in a pass over them: a function of the seed and it."""
        windows = self._reader.windows
        numbers = range(windows.count)
        spans = [windows.spans(self.seed, epoch, number) for number in numbers]
        orders = [windows.permutation(self.seed, epoch, number) for number in numbers]
        return torch.cat(
            [_rows_of(_places(s, self._block))[o] for s, o in zip(spans, orders, strict=True)]
        )

    def state_dict(self) -> dict[str, Any]:
        """Return what the orders follow from: any batch of any pass can be made at once."""
        sizes = {"block_bytes": self._block_bytes, "window_bytes": self._window_bytes}
        return {**super().state_dict(), **sizes}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the orders of the run in which :meth:`state_dict` was called.

        Raises:
            InputError: the state is none of large memory maps.
        """
        super().load_state_dict(state)
        sizes = [
            whole(state.get(name), name, "the state of large memory maps", least=1)
            for name in ("block_bytes", "window_bytes")
        ]
        self._set_windows(*sizes)

    def _set_windows(self, block_bytes: int, window_bytes: int) -> None:
        self._block_bytes, self._window_bytes = block_bytes, window_bytes
        self._block = block = max(1, block_bytes // self._row_bytes)
        full, rest = divmod(self.examples, block)
        windows = Windows(
            [block] * full + [rest] * bool(rest),
            self.batch_size,
            window_bytes // self._row_bytes,
            self.shuffle,
        )
        self._reader = WindowReader(windows, _Maps(self._parts, block).load)

    def _part(self, epoch: int, start: int, end: int) -> Iterator[Batch]:
        for window, rows in self._reader.batches(self.seed, epoch, start, end):
            yield self._gathered(window.parts, rows)


class _Maps:
    """Brings windows into memory, and lets them leave it.

    Args:
        parts: all arrays; those that lie in maps are read.
        block: how many rows a block has.
    """

    def __init__(self, parts: list[torch.Tensor], block: int) -> None:
        self._parts, self._block = parts, block
        self._mapped = [MappedRows(part) for part in parts if map_of(part) is not None]
        self._brought = 0
        self._used: list[Bounds] = []

    def load(
        self, spans: list[Span], permutation: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Bring rows into memory. They are not copied: batches are gathered from the maps."""
        places = _places(spans, self._block)
        for rows in self._mapped:
            if self._brought % WINDOWS_IN_MEMORY == 0:
                # All at once: each call makes every core forget where the pages were.
                rows.give_back(0, len(self._parts[0]))
                rows.bring(self._used)
            rows.ask_for(places)
            rows.bring(places)
        self._brought += 1
        self._used = places
        return self._parts, _rows_of(places)[permutation]


def _places(spans: list[Span], block: int) -> list[Bounds]:
    """Return where the rows of spans of blocks lie among all rows."""
    return [(one.block * block + one.start, one.block * block + one.stop) for one in spans]


def _rows_of(places: list[Bounds]) -> torch.Tensor:
    return torch.cat([torch.arange(*place) for place in places])


def is_large(*arrays: Any) -> bool:
    """Say whether tensors or NumPy arrays lie in memory maps and have :data:`LARGE` bytes there.

    Example:
        >>> is_large(torch.zeros(3), torch.zeros(5))
        False
    """
    mapped = 0
    for array in arrays:
        under = map_of(array) if isinstance(array, torch.Tensor) else map_under(array)
        mapped += array.nbytes if under is not None else 0
    return mapped >= LARGE


def batches_of_arrays(
    inputs: Any,
    targets: Sequence[torch.Tensor | None] = (),
    weights: Sequence[torch.Tensor | None] = (),
    **options: Any,
) -> ArrayBatches:
    """Return the batches of arrays: in windows, if there are memory maps of :data:`LARGE` bytes.

    Args:
        inputs: as :class:`ArrayBatches` takes them.
        targets: as there.
        weights: as there.
        options: as there.
    """
    parts = [part for part in flatten([inputs, *targets, *weights]) if part is not None]
    kind = MappedBatches if is_large(*parts) else ArrayBatches
    return kind(inputs, targets, weights, **options)
