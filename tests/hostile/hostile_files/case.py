"""One hostile file: what it does, how its bytes are made, and who must refuse it."""

from collections.abc import Callable
from dataclasses import dataclass

from .good import Good


@dataclass(frozen=True)
class Case:
    """A file that should not be obeyed.

    Args:
        kind: the CVE, or what was done to a good file.
        name: what is special about this one.
        suffix: the file's ending; it decides which entry points are tried.
        make: returns the bytes.
        must: who must refuse it: ``"all"`` (what is wrong stands in the config), ``"files"`` (it
            stands elsewhere, so that the config alone may be fine), ``"compiled"`` (it stands in
            what is read only to compile), or ``"maybe"`` (nobody, as long as nothing is obeyed).
    """

    kind: str
    name: str
    suffix: str
    make: Callable[[Good], bytes]
    must: str = "files"
