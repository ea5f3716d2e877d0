"""What a layer may be called: a name goes into files, graphs and pages, and is never a path."""

import re
from typing import Any

from latih.errors import InputError

LONGEST_NAME = 200

# What separates paths, and what a terminal would obey instead of showing it.
_FORBIDDEN = re.compile(r"[/\\\x00-\x1f\x7f-\x9f]|^\.*$|\.\.")


def checked_name(name: Any, owner: str) -> str | None:
    r"""Return a name that is one, or None where none was given.

    Args:
        name: what was given.
        owner: the class of the layer, for the error's sentence.

    Raises:
        InputError: it is no text, too long, or could be taken for a path.

    Example:
        >>> checked_name("conv 1_bn", "Layer")
        'conv 1_bn'
        >>> checked_name("../secret", "Layer")
        Traceback (most recent call last):
        ...
        latih.errors.InputError: `name` of Layer cannot be used: expected text without '/', '\',
        '..' and control characters, of at most 200 letters, got '../secret'.
    """
    if name is None or name == "":
        return None
    if isinstance(name, str) and len(name) <= LONGEST_NAME and not _FORBIDDEN.search(name):
        return name
    raise InputError(
        f"`name` of {owner} cannot be used",
        expected=(
            "text without '/', '\\', '..' and control characters, "
            f"of at most {LONGEST_NAME} letters"
        ),
        got=repr(name)[:LONGEST_NAME],
    )
