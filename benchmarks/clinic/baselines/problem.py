"""What a system says is wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that a system reports.

    Args:
        says: its own name for it.
        codes: what that is in the doctor's words; any of them counts as named.
        epoch: after how many epochs; 0 is before the first.
    """

    says: str
    codes: tuple[str, ...]
    epoch: int
