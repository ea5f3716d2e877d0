"""Batches of memory maps that are larger than memory may be."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from latih.arguments import whole
from latih.data.batches import ArrayBatches, Batch
from latih.data.maps import MappedRows, map_of, map_under
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
        self._mapped = [MappedRows(part) for part in self._parts if map_of(part) is not None]
        self._brought = 0
        self._used: list[tuple[int, int]] = []
        self._row_bytes = max(1, sum(p[0].numel() * p.element_size() for p in self._parts))
        self._set_windows(block_bytes, window_bytes)

    def order(self, epoch: int) -> torch.Tensor:
        """Return the order of the examples in a pass over them: a function of the seed and it."""
        windows, rows = self._reader.windows, torch.arange(self.examples)
        parts: list[torch.Tensor] = []
        for number in range(windows.count):
            spans = windows.spans(self.seed, epoch, number)
            held = torch.cat([rows[self._slice(span)] for span in spans])
            parts.append(held[windows.permutation(self.seed, epoch, number)])
        return torch.cat(parts)

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
        self._reader = WindowReader(windows, self._load)

    def _part(self, epoch: int, start: int, end: int) -> Iterator[Batch]:
        for window, places in self._reader.batches(self.seed, epoch, start, end):
            yield self._gathered(self._parts, window.parts[0][places])

    def _load(self, spans: list[Span]) -> list[torch.Tensor]:
        """Bring the rows of a window into memory, and return their numbers.

        They are not copied: each batch is gathered from the map itself.
        """
        bounds = [(one.start, one.stop) for one in map(self._slice, spans)]
        for rows in self._mapped:
            if self._brought % WINDOWS_IN_MEMORY == 0:
                # All at once: each call makes every core forget where the pages were.
                rows.give_back(0, self.examples)
                rows.bring(self._used)
            rows.ask_for(bounds)
            rows.bring(bounds)
        self._brought += 1
        self._used = bounds
        return [torch.cat([torch.arange(*one) for one in bounds])]

    def _slice(self, span: Span) -> slice:
        first = span.block * self._block
        return slice(first + span.start, first + span.stop)


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
