"""The tables of ``run.toml`` as rows of a name and a value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from latih.report.phrases import phrase
from latih.report.record import Record
from latih.report.words import clean, write_value

# Shown in places of their own.
ELSEWHERE = frozenset({"model", "versions"})
ORDER = ("run", "data", "compile", "fit")
MOST_ROWS = 200
DEEPEST = 4


@dataclass(frozen=True)
class Sheet:
    """One table.

    Args:
        name: the table's name in the file.
        rows: names and values; names of nested tables are joined by dots.
    """

    name: str
    rows: tuple[tuple[str, str], ...]


def sheets(record: Record) -> list[Sheet]:
    """Make the sheets of what was asked; tables that this Latih does not know are shown too."""
    known = [name for name in ORDER if record.table(name)]
    others = [name for name in record.tables if name not in {*ORDER, *ELSEWHERE}]
    return [sheet(name, record.table(name)) for name in known + others[:20]]


def sheet(name: str, table: Mapping[str, object]) -> Sheet:
    """Make one sheet.

    Example:
        >>> sheet("fit", {"epochs": 3, "decay": {"rate": 0.1}}).rows
        (('epochs', '3'), ('decay.rate', '0.1'))
    """
    rows = tuple(_rows(table))
    if len(rows) > MOST_ROWS:
        rows = (*rows[:MOST_ROWS], ("…", phrase("more_rows", count=f"{len(rows) - MOST_ROWS:,}")))
    return Sheet(clean(name), rows)


def _rows(
    table: Mapping[str, object], prefix: str = "", depth: int = 1
) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        full = f"{prefix}{clean(name)}"
        if isinstance(value, dict) and value and depth < DEEPEST:
            yield from _rows(value, f"{full}.", depth + 1)
        else:
            yield full, write_value(value)
