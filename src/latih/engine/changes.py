"""How two values of a config differ, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from latih.data.fingerprint import is_fingerprint

LONGEST_VALUE = 60
"""So many letters of a value are shown."""


def changes(before: Any, now: Any, where: str, key: str = "") -> Iterator[str]:
    """Yield in what two values of a config differ, as deep inside as they are of one kind.

    Args:
        before: the one.
        now: the other.
        where: what they belong to.
        key: what they are called there.

    Example:
        >>> list(changes({"torch": "2.8", "threads": 2}, {"torch": "2.9", "threads": 2}, "here"))
        ['here: torch 2.8 -> 2.9']
    """
    if before == now:
        return
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        if is_fingerprint(before) and is_fingerprint(now):
            yield f"{where}: {key or 'it'} has other values"
            return
        if before.get("class_name") == now.get("class_name") and _name(before) == _name(now):
            yield from _parts(before, now, where, key)
            return
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        if any(isinstance(part, Mapping | list) for part in [*before, *now]):
            for place, (one, other) in enumerate(zip(before, now, strict=True)):
                yield from changes(one, other, where, f"{key}[{place}]")
            return
    yield changed(where, shown(before), shown(now), key)


def _parts(
    before: Mapping[str, Any], now: Mapping[str, Any], where: str, key: str
) -> Iterator[str]:
    if "class_name" in before:
        yield from changes(before.get("config"), now.get("config"), where, key)
        before, now = ({k: v for k, v in one.items() if k != "config"} for one in (before, now))
    for part in dict.fromkeys([*before, *now]):
        inner = f"{key}.{part}" if key else str(part)
        yield from changes(before.get(part), now.get(part), where, inner)


def changed(where: str, before: str, now: str, key: str = "") -> str:
    """Return the sentence that something was the one and is the other.

    Example:
        >>> changed("the optimizer", "SGD", "Adam")
        'the optimizer: SGD -> Adam'
    """
    what = f"{where}: {key} " if key else f"{where}: "
    return f"{what}{before} -> {now}" if before != now else f"{what}another {now}"


def shown(value: Any) -> str:
    """Return a value as a sentence shows it.

    Example:
        >>> shown({"class_name": "Dense", "config": {"units": 3}}), shown([1, None]), shown(0.5)
        ('Dense', '[1, none]', '0.5')
    """
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        text = _name(value) or f"{{{', '.join(f'{k}: {shown(v)}' for k, v in value.items())}}}"
    elif isinstance(value, list):
        text = f"[{', '.join(map(shown, value))}]"
    else:
        text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def _name(value: Mapping[str, Any]) -> str | None:
    """Return what an object that is described is called: its class, or a function's own name."""
    if "class_name" not in value:
        return None
    is_function = value["class_name"] == "function"
    return str(value.get("config") if is_function else value["class_name"])
