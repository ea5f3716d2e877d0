"""Parquet files: which columns and groups of rows they have, and their rows as numbers."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latih.errors import FileFormatError, InputError, MissingExtraError

_ROWS_AT_ONCE = 2**16


class ParquetFiles:
    """A Parquet file, or all those of a directory in the order of their names, as one table.

    Args:
        path: the file or the directory.

    Raises:
        InputError: there is none.
        FileFormatError: a file is none of Parquet's, or has other columns than the first.
        MissingExtraError: the package pyarrow is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._arrow, self._parquet = _pyarrow()
        place = Path(path)
        self.paths = sorted(place.glob("*.parquet")) if place.is_dir() else [place]
        if not self.paths or not self.paths[0].is_file():
            raise InputError(
                f"there is no Parquet file at {os.fspath(path)!r}",
                expected="a .parquet file, or a directory of them",
                got="none",
            )
        self._files = [self._opened(file) for file in self.paths]
        self.schema: Any = self._files[0].schema_arrow
        for file, opened in zip(self.paths, self._files, strict=True):
            if opened.schema_arrow.names != self.schema.names:
                raise FileFormatError(
                    f"{str(file)!r} has other columns than {str(self.paths[0])!r}",
                    expected=", ".join(self.schema.names),
                    got=", ".join(opened.schema_arrow.names),
                )
        counts = [
            (file, group, opened.metadata.row_group(group).num_rows)
            for file, opened in enumerate(self._files)
            for group in range(opened.metadata.num_row_groups)
        ]
        self._groups = [(file, group) for file, group, rows in counts if rows]
        self.lengths = [rows for _, _, rows in counts if rows]
        """How many rows each group has."""

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return sum(self.lengths)

    def require_numbers(self, columns: Sequence[str]) -> None:
        """Refuse columns that are missing, hold no numbers, or lack some.

        Raises:
            InputError: one is such; the sentence says which.
        """
        types = self._arrow.types
        for name in columns:
            if name not in self.schema.names:
                raise InputError(
                    f"there is no column {name!r} in {str(self.paths[0])!r}",
                    expected="one of " + ", ".join(map(repr, self.schema.names)),
                    got=repr(name),
                )
            kind = self.schema.field(name).type
            known = types.is_boolean, types.is_integer, types.is_floating, types.is_decimal
            if not any(is_kind(kind) for is_kind in known):
                raise InputError(
                    f"the column {name!r} holds no numbers",
                    expected="numbers, or truths",
                    got=str(kind),
                    fix="Encode it as numbers in the file, or leave it out by `columns`.",
                )
            missing = sum(self._told_missing(file, group, name) for file, group in self._groups)
            if missing:
                raise _missing(name, missing)

    def read(self, group: int, columns: Sequence[str]) -> "GroupReader":
        """Return what reads the rows of a group from the first on."""
        file, number = self._groups[group]
        # A file of its own, as the one before may still be read by another thread; and no further
        # threads, as this one works beside the one that trains.
        opened = self._parquet.ParquetFile(self.paths[file], metadata=self._files[file].metadata)
        return GroupReader(
            opened.iter_batches(
                batch_size=_ROWS_AT_ONCE,
                row_groups=[number],
                columns=list(columns),
                use_threads=False,
            ),
            columns,
        )

    def _told_missing(self, file: int, group: int, name: str) -> int:
        told = self._files[file].metadata.row_group(group)
        column = next(
            told.column(place)
            for place in range(told.num_columns)
            if told.column(place).path_in_schema == name
        )
        statistics = column.statistics
        return statistics.null_count if statistics is not None and statistics.has_null_count else 0

    def _opened(self, path: Path) -> Any:
        try:
            return self._parquet.ParquetFile(path)
        except (OSError, ValueError, self._arrow.ArrowException) as error:
            raise FileFormatError(
                f"{str(path)!r} cannot be read",
                expected="a Parquet file",
                got=str(error),
            ) from error


class GroupReader:
    """Reads the rows of a group piece by piece, so that a large group is never in memory whole.

    Args:
        batches: pyarrow's pieces of it.
        columns: which columns they have.
    """

    def __init__(self, batches: Any, columns: Sequence[str]) -> None:
        self._batches, self._columns = batches, columns
        self._rest: Any = None
        self.at = 0
        """How many rows were read."""

    def skip(self, count: int) -> None:
        """Leave the next rows."""
        while count:
            count -= self._piece(count).num_rows

    def read_into(self, columns: Sequence[np.ndarray]) -> None:
        """Fill arrays with the next rows, one for each column; the type is theirs.

        Raises:
            InputError: a value is missing.
        """
        place, count = 0, len(columns[0])
        while place < count:
            piece = self._piece(count - place)
            for name, target, column in zip(self._columns, columns, piece.columns, strict=True):
                if column.null_count:
                    raise _missing(name, column.null_count)
                target[place : place + piece.num_rows] = column.to_numpy(zero_copy_only=False)
            place += piece.num_rows

    def _piece(self, most: int) -> Any:
        batch = self._rest if self._rest is not None else next(self._batches)
        piece = batch.slice(0, most)
        self._rest = batch.slice(most) if most < batch.num_rows else None
        self.at += piece.num_rows
        return piece


def _missing(name: str, count: int) -> InputError:
    return InputError(
        f"the column {name!r} holds missing values",
        expected="a number in each row",
        got=f"{count} missing at least",
        fix="Fill them, for example with the column's median, or drop these rows.",
    )


def _pyarrow() -> tuple[Any, Any]:
    try:
        # Deferred because pyarrow is an extra: whoever never reads Parquet must not need it.
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError.of(
            "Parquet files cannot be read", "pyarrow", "data", error
        ) from error
    return pyarrow, pyarrow.parquet
