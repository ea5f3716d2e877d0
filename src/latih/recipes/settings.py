"""What ``run.toml`` says of a recipe, as its settings again."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args, get_type_hints

from latih.errors import InputError

Settings = TypeVar("Settings")


def settings_of(kind: type[Settings], table: Mapping[str, Any], of: str) -> Settings:
    """Return the settings that ``run.toml`` holds; what is None is not in it.

    Args:
        kind: a dataclass of settings.
        table: what the file says.
        of: whose settings they are, for the error's sentence.

    Raises:
        InputError: an entry is unknown, of another kind, or cannot be.
    """
    kinds = get_type_hints(kind)
    for name, value in table.items():
        if name not in kinds or not _is_of_kind(value, kinds[name]):
            raise InputError(
                f"`{name}` is no setting of {of}",
                expected=", ".join(kinds),
                got=repr(value)[:60],
            )
    optional = (name for name, hint in kinds.items() if type(None) in get_args(hint))
    absent = dict.fromkeys(optional)
    lists = {name: tuple(value) for name, value in table.items() if isinstance(value, list)}
    return kind(**{**absent, **table, **lists})


def _is_of_kind(value: Any, kind: Any) -> bool:
    if kind == Sequence[int]:
        return isinstance(value, list) and all(type(units) is int for units in value)
    if isinstance(value, int) and not isinstance(value, bool) and float in (kind, *get_args(kind)):
        return True
    return type(value) in (kind, *get_args(kind))
