"""Which runs thresholds may be tuned on, and which they are judged by: written in a file.

Within an origin the names are put in the order of their hash, and every other one goes to the half
that is looked at. A name keeps its half for ever: new ones are added where the halves are uneven.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

FILE = Path(__file__).with_name("split.json")
HALVES = ("tuning", "judging")


def read(file: Path = FILE) -> dict[str, str]:
    """Return the half of each name."""
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def extended(known: Mapping[str, str], names: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the halves of these names too.

    Args:
        known: the halves so far.
        names: each with its origin.
    """
    halves = dict(known)
    origins: dict[str, list[str]] = {}
    for name, origin in names:
        origins.setdefault(origin, []).append(name)
    for members in origins.values():
        counts = {half: sum(halves.get(name) == half for name in members) for half in HALVES}
        for name in sorted({*members} - {*halves}, key=_hash):
            half = min(HALVES, key=lambda one: counts[one])
            halves[name] = half
            counts[half] += 1
    return halves


def write(halves: Mapping[str, str], file: Path = FILE) -> None:
    """Write the halves, in the order of the names."""
    file.write_text(json.dumps(halves, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
