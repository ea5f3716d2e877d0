"""Parquet files as batches."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from latih.data.file_datasets import FileDataset
from latih.data.parquet_files import GroupReader, ParquetFiles
from latih.data.windows import WINDOW_BYTES, Span, WindowReader, Windows
from latih.errors import InputError

_WORD = 8


class ParquetDataset(FileDataset):
    """Batches of the rows of Parquet files, of which a window is in memory at a time.

    Args:
        files: the files.
        target: the column, or columns, to predict; None for none.
        columns: those to predict it from; None for all others.
        batch_size: how many rows a batch has.
        shuffle: whether each pass has an order of its own.
        seed: what these orders follow from; None for the seed of ``fit()``.
        window_bytes: how much is mixed at a time.
    """

    def __init__(
        self,
        files: ParquetFiles,
        target: str | Sequence[str] | None,
        columns: Sequence[str] | None,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        window_bytes: int = WINDOW_BYTES,
    ) -> None:
        super().__init__(files.rows, batch_size, shuffle, seed)
        self._is_single = isinstance(target, str)
        self.targets = [target] if isinstance(target, str) else list(target or ())
        given = files.schema.names if columns is None else columns
        self.columns = [name for name in given if name not in self.targets]
        """What the columns of a batch are called."""
        if not self.columns or not files.rows:
            raise InputError(
                f"there is nothing to learn from in {str(files.paths[0])!r}",
                expected="at least one row, and one column beside the target",
                got=f"{files.rows} rows, {len(self.columns)} columns",
            )
        self._names = [*self.columns, *self.targets]
        files.require_numbers(self._names)
        self._files = files
        whole_numbers = all(self._kind(name) in "biu" for name in self.targets)
        self._target_kind = np.int64 if whole_numbers else np.float32
        self._windows = Windows(
            files.lengths, int(batch_size), window_bytes // (_WORD * len(self._names)), self.shuffle
        )

    def fingerprint(self) -> dict[str, Any]:
        """Return a hash of the files' names, sizes and groups, and the columns."""
        told = [(path.name, os.path.getsize(path)) for path in self._files.paths]
        digest = hashlib.sha256(repr((told, self._files.lengths)).encode())
        return {"files": digest.hexdigest(), "columns": self.columns, "targets": self.targets}

    def _read(self, seed: int, epoch: int, first: int) -> Iterator[Any]:
        reader = WindowReader(self._windows, _Rows(self).load)
        for window, rows in reader.batches(seed, epoch, first, self._windows.steps):
            taken = [torch.index_select(part, 0, rows) for part in window.parts]
            yield taken[0] if len(taken) == 1 else tuple(taken)

    def arrays(self, rows: int) -> tuple[list[torch.Tensor], list[np.ndarray]]:
        """Return empty tensors of inputs and targets, and the column of each name in them."""
        inputs = torch.empty((rows, len(self.columns)), dtype=torch.float32)
        parts, columns = [inputs], list(inputs.numpy().T)
        if self.targets:
            targets = np.empty((rows, len(self.targets)), self._target_kind)
            columns += list(targets.T)
            parts.append(torch.from_numpy(targets[:, 0] if self._is_single else targets))
        return parts, columns

    def open(self, group: int) -> GroupReader:
        """Return what reads the rows of a group."""
        return self._files.read(group, self._names)

    def _kind(self, name: str) -> str:
        try:
            return np.dtype(self._files.schema.field(name).type.to_pandas_dtype()).kind
        except (NotImplementedError, TypeError):
            return "f"


class _Rows:
    """Fills windows; a group that lies in several is read on, and not from its beginning."""

    def __init__(self, dataset: ParquetDataset) -> None:
        self._dataset = dataset
        self._group = -1
        self._reader: GroupReader | None = None

    def load(
        self, spans: list[Span], permutation: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        parts, columns = self._dataset.arrays(sum(span.stop - span.start for span in spans))
        place = 0
        for span in spans:
            reader, count = self._at(span), span.stop - span.start
            reader.read_into([column[place : place + count] for column in columns])
            place += count
        return parts, permutation

    def _at(self, span: Span) -> GroupReader:
        reader = self._reader
        if reader is None or self._group != span.block or reader.at > span.start:
            reader = self._dataset.open(span.block)
            self._group, self._reader = span.block, reader
        reader.skip(span.start - reader.at)
        return reader


def table_dataset_from_parquet(
    path: str | os.PathLike[str],
    target: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int | None = None,
) -> ParquetDataset:
    """Read a Parquet file, or a directory of them, batch by batch.

    The rows stay on the disk: a thread reads the next ones while a batch is trained on. In each
    pass the groups of rows come in another order, and rows are mixed within windows of 64 MB; so
    write a large file with many groups (``row_group_size=10_000``, say), or in an order that says
    nothing.

    Args:
        path: the file, or a directory of ``.parquet`` files with the same columns.
        target: the column to predict, or several; None for none, as ``predict`` needs none.
        columns: those to predict it from; by default all others.
        batch_size: how many rows a batch has, >= 1.
        shuffle: whether each pass has an order of its own.
        seed: what these orders follow from; None for the seed of ``fit()``.

    Shapes:
        a batch: x ``(n, columns)`` float32; y ``(n,)``, or ``(n, targets)`` where a list was
        given, int64 for whole numbers and truths, else float32.

    Returns:
        What ``fit``, ``evaluate`` and ``predict`` take and what can be iterated.

    Raises:
        InputError: a column is missing, or holds text, categories, dates or missing values.
        FileFormatError: a file is none of Parquet's.
        MissingExtraError: the package pyarrow is not installed.

    Example:
        >>> import tempfile
        >>> import pandas
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     file = f"{directory}/data.parquet"
        ...     table = {"age": [30, 41], "dose": [0.5, 1.0], "well": [0, 1]}
        ...     pandas.DataFrame(table).to_parquet(file)
        ...     data = table_dataset_from_parquet(file, target="well", shuffle=False)
        ...     list(data)
        [(tensor([[30.0000,  0.5000],
                  [41.0000,  1.0000]]), tensor([0, 1]))]
    """
    return ParquetDataset(
        ParquetFiles(path), target, columns, batch_size=batch_size, shuffle=shuffle, seed=seed
    )
