"""The losses and metrics of a run as a table that any program reads."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from latih.callbacks.memory import Remembering
from latih.engine.events import LogNames
from latih.errors import InputError, UnwritableError
from latih.files import require_writable


class CSVLogger(Remembering):
    """Write a line of comma-separated values after every epoch.

    The first column is ``epoch``, counted from 0; then come the names that the first epoch logs,
    sorted, and if it is not followed by an evaluation the same with ``val_``: what is not there
    yet is ``NA``. Each line is on the disk when its epoch ends, so that Ctrl-C takes nothing away.
    A run that goes on after a crash cuts off the lines of the epochs that it does again.

    Args:
        filename: where.
        separator: what stands between two values, one character.
        append: whether a file that is there is continued, without a second heading.

    Raises:
        InputError: the separator is not one character.
        UnwritableError: before the first step, when the file cannot be written.

    Example:
        >>> import pathlib, tempfile
        >>> logger = CSVLogger(pathlib.Path(tempfile.mkdtemp()) / "log.csv")
        >>> logger.on_train_begin()
        >>> logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
        >>> pathlib.Path(logger.filename).read_text().splitlines()
        ['epoch,loss,val_loss', '0,0.5,0.75']
    """

    remembers = ("keys", "size")

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise InputError(
                "`separator` of CSVLogger cannot be used",
                expected="one character, such as ',' or ';', no quote and no end of line",
                got=repr(separator),
            )
        self.separator = separator
        self.append = append
        self.forget()

    def forget(self) -> None:
        """Begin with no columns."""
        self.keys: list[str] | None = None
        self.size: int | None = None

    def check(self, log_names: LogNames) -> None:
        """Refuse a place that cannot be written."""
        path = Path(self.filename)
        require_writable(path.parent, argument=self.filename)
        if path.exists():
            try:
                path.open("ab").close()
            except OSError as error:
                raise UnwritableError(
                    f"cannot write the file {self.filename!r}",
                    expected="a file that can be written",
                    got=f"{type(error).__name__}: {error.strerror}",
                    fix="Choose another name, or change its permissions.",
                ) from error

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin the file, or cut off what comes after the state that the run goes on from."""
        super().on_train_begin(logs)
        path = Path(self.filename)
        if self.size is None and not self.append:
            path.write_bytes(b"")
        elif self.size is not None and path.exists() and path.stat().st_size > self.size:
            os.truncate(path, self.size)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a line."""
        values = logs or {}
        if self.keys is None:
            self.keys = sorted(values)
            if not any(name.startswith("val_") for name in self.keys):
                self.keys += [f"val_{name}" for name in self.keys]
        # Opened for each line, so that nothing is left open, or unwritten, when the run breaks off.
        # The module csv writes its own ends of lines.
        with open(self.filename, "a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if not os.fstat(file.fileno()).st_size:
                writer.writerow(["epoch", *self.keys])
            writer.writerow([epoch, *(_cell(values.get(name, "NA")) for name in self.keys)])
        self.size = os.stat(self.filename).st_size


def _cell(value: Any) -> Any:
    # A metric with a number for each class is one cell, in quotes of its own, as Keras has it.
    several = isinstance(value, Iterable) and getattr(value, "ndim", 1) != 0
    if several and not isinstance(value, str):
        return f'"[{", ".join(map(str, value))}]"'
    return value
