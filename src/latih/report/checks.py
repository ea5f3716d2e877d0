"""What every file of a run must satisfy before anything of it is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from latih.errors import FileFormatError
from latih.report.words import clean, write_value

Content = TypeVar("Content")

LARGEST_NUMBER = 1e100
# A log of a hundred thousand epochs, or a confusion matrix of two thousand classes, is smaller.
LARGEST_FILE = 64 * 2**20


def damaged(file: Path, where: str, *, expected: str, got: str) -> FileFormatError:
    """Make the error for a file that says something it cannot mean."""
    return FileFormatError(
        f"{where} in {str(file)!r} cannot be shown",
        expected=expected,
        got=clean(got, longest=80),
        fix="Train into this directory again, or remove that file and build the report without it.",
    )


def read_whole(file: Path, read: Callable[[], Content]) -> Content:
    """Read a file, and let nothing but a FileFormatError come of what it holds.

    Parsers answer hostile files in many ways: a bad character, an integer of a million digits, a
    nesting deeper than the stack.

    Args:
        file: the file that ``read`` will read.
        read: what reads it.

    Returns:
        What ``read`` returned.

    Raises:
        FileFormatError: the file is too large, unreadable, or not what its name promises.
    """
    try:
        if file.exists() and file.stat().st_size > LARGEST_FILE:
            raise damaged(
                file,
                "what is written",
                expected=f"at most {LARGEST_FILE // 2**20} MiB",
                got=f"{file.stat().st_size // 2**20} MiB",
            )
        return read()
    except FileFormatError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(
            file,
            "what is written",
            expected="a file as a run writes it",
            got=f"{type(error).__name__}: {error}",
        ) from error


def require_table(value: object, file: Path, where: str) -> dict[str, Any]:
    """Return ``value`` if it is a table (a JSON object); an absent one is empty."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise damaged(file, where, expected="a table", got=write_value(value))
    return value


def require_list(value: object, file: Path, where: str) -> list[Any]:
    """Return ``value`` if it is a list; an absent one is empty."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise damaged(file, where, expected="a list", got=write_value(value))
    return value


def require_count(value: object, file: Path, where: str) -> int:
    """Return ``value`` if it is a number of things, which no float and no negative number is."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise damaged(file, where, expected="a whole number, zero or more", got=write_value(value))
    return value


def is_measure(value: object) -> bool:
    """Tell whether ``value`` is what a measured number is written as: a number or null."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def finite_or_none(value: float | None) -> float | None:
    """Return a measured number, or None for one that was NaN, infinite or out of all measure."""
    # No NaN passes a comparison; an integer of a thousand digits, which cannot become a float,
    # can be compared; and what is larger overflows in the sums that an axis is laid out by.
    if value is None or not -LARGEST_NUMBER < value < LARGEST_NUMBER:
        return None
    return float(value)
