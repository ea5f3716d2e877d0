"""What a process leaves that was killed: nothing that a reader could take for whole is not."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from .outcome import content_of, kept, read_log, snapshots_of


@dataclass(frozen=True)
class Alone:
    """What the run that was left alone tells of every moment of the others.

    Args:
        log: its lines.
        bests: for each content that its best file had, in order, the steps done by then.
    """

    log: list[object]
    bests: dict[str, int]


def has_snapshot(place: Path) -> bool:
    """Say whether there is a snapshot to go on from."""
    folder = snapshots_of(place)
    return folder.is_dir() and any(path.name.isdecimal() for path in folder.iterdir())


def wrong_remains(place: Path, alone: Alone, done: int) -> list[str]:
    """Return what is wrong with the files that a killed process has left.

    Args:
        place: where.
        alone: what they must be a part of.
        done: how many steps were done, by whichever process came furthest.
    """
    return [*_wrong_snapshots(place), *_wrong_best(place, alone, done), *_wrong_log(place, alone)]


def _wrong_snapshots(place: Path) -> list[str]:
    folder = snapshots_of(place)
    wrong = list[str]()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.isdecimal() and not _is_whole(path):
            wrong.append(f"the snapshot {path.name} is not whole")
        if path.name.startswith("damaged"):
            wrong.append(f"the snapshot {path.name} was set aside")
    return wrong


def _is_whole(snapshot: Path) -> bool:
    if not (snapshot / "manifest.json").exists():
        return False
    files = json.loads((snapshot / "manifest.json").read_text())["files"]
    return all(
        hashlib.sha256((snapshot / name).read_bytes()).hexdigest() == entry["sha256"]
        for name, entry in files.items()
    )


def _wrong_best(place: Path, alone: Alone, done: int) -> list[str]:
    # Epochs of which a later step was done have been judged and saved: the best of them at least
    # must be there. One under way may have come to be the best, too.
    owed = [content for content, steps in alone.bests.items() if steps < done]
    file = kept(place) / "best.keras"
    if not file.exists():
        return ["the best file is not there"] if owed else []
    content = content_of(file)
    if content not in alone.bests:
        return ["the best file is none that the run left alone ever had"]
    known = list(alone.bests)
    if owed and known.index(content) < known.index(owed[-1]):
        return ["the best file was replaced by a worse one"]
    return []


def _wrong_log(place: Path, alone: Alone) -> list[str]:
    # Null is what JSON has for NaN, so == is enough.
    log = read_log(place)
    return [] if log == alone.log[: len(log)] else ["the log has other lines"]


def leftovers(place: Path) -> list[str]:
    """Return the files of an ended run that are no part of it."""
    named = [path for path in place.rglob("*") if path.name.startswith(".")]
    folder = snapshots_of(place)
    strange = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if not re.fullmatch("[0-9]{6}|lock", path.name)
    ]
    return sorted({str(path.relative_to(place)) for path in [*named, *strange]})
