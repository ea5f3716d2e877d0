"""Where packages that hold real data lie: ``make clinic`` puts them there, not installed."""

import os
from pathlib import Path

VARIABLE = "LATIH_CLINIC_DATA"
USUAL = Path(__file__).parents[2] / ".venv" / "clinic-data"


def folder() -> Path:
    """The directory of the packages; it need not exist."""
    return Path(os.environ.get(VARIABLE) or USUAL)


def file_of(pattern: str) -> Path | None:
    """Return the last file in it of such a name; None if there is none."""
    found = sorted(folder().glob(pattern)) if folder().is_dir() else []
    return found[-1] if found else None
