"""How values are written on the page: numbers, durations, shapes, and whatever a file held."""

import math
import unicodedata
from datetime import date, datetime, time

LONGEST_TEXT = 400
MOST_ITEMS = 40
DEEPEST = 4
TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MISSING = "—"


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    r"""Make a string of a file fit for a page: no control characters, not endless.

    Control characters and lone surrogates (JSON can spell both) are no legal HTML, and
    direction overrides could make the page show one name for another.

    Args:
        text: the string as the file had it.
        longest: how many characters to keep.

    Returns:
        The string, each unfit character replaced by U+FFFD.

    Example:
        >>> clean("a\x00b") == "a\ufffdb"
        True
    """
    kept = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join("\ufffd" if _is_unfit(character) else character for character in kept)


def write_number(number: float | None) -> str:
    """Write a measured number with five significant digits, or a dash when it is none.

    Example:
        >>> write_number(0.88120001554), write_number(12345.6), write_number(None)
        ('0.8812', '12,346', '—')
    """
    if number is None or not math.isfinite(number):
        return MISSING
    if 10_000 <= abs(number) < 1e15:
        return f"{number:,.0f}"
    return f"{number:.5g}"


def write_count(count: object) -> str:
    """Write a number of things with its thousands apart; anything else as it is.

    Example:
        >>> write_count(266610), write_count("many")
        ('266,610', 'many')
    """
    if isinstance(count, int) and not isinstance(count, bool) and abs(count) < 10**30:
        return f"{count:,}"
    return write_value(count)


def write_share(share: float, digits: int = 2) -> str:
    """Write a fraction of one as a percentage.

    Never rounds up to a hundred nor down to nothing: "100 %" must mean all.

    Args:
        share: from 0 to 1.
        digits: how many to write behind the point.

    Returns:
        The percentage with its sign.

    Example:
        >>> write_share(0.8812), write_share(0.96, 1), write_share(1.0), write_share(0.99999)
        ('88.12 %', '96.0 %', '100 %', '> 99.99 %')
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    smallest = 10.0**-digits
    if share * 100 >= 100 - smallest / 2:
        return f"> {100 - smallest:.{digits}f} %"
    if share * 100 < smallest / 2:
        return f"< {smallest:.{digits}f} %"
    return f"{share * 100:.{digits}f} %"


def write_duration(seconds: float) -> str:
    """Write seconds the way people say them.

    Example:
        >>> write_duration(12.34), write_duration(75), write_duration(7384)
        ('12.3 s', '1 min 15 s', '2 h 3 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min"


def write_shape(shape: object) -> str:
    """Write a shape as Keras's summary does; several outputs stand side by side.

    Example:
        >>> write_shape(["None", 28, 28]), write_shape([["None", 3], ["None", 1]])
        ('(None, 28, 28)', '(None, 3), (None, 1)')
    """
    if not isinstance(shape, list):
        return write_value(shape)
    if shape and all(isinstance(part, list) for part in shape):
        return ", ".join(write_shape(part) for part in shape[:MOST_ITEMS])
    written = [write_value(size) for size in shape[:MOST_ITEMS]]
    return f"({written[0]},)" if len(written) == 1 else f"({', '.join(written)})"


def write_value(value: object, depth: int = 0) -> str:
    """Write whatever TOML or JSON can hold, shortened where it is endless.

    Example:
        >>> write_value(True), write_value(1e-07), write_value(["accuracy", 3])
        ('true', '1e-07', '[accuracy, 3]')
    """
    if value is None:
        return MISSING
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Python refuses to write integers of thousands of digits; TOML's hexadecimals can be such.
        return str(value) if abs(value) < 10**30 else "an integer of more than 30 digits"
    if isinstance(value, list | dict) and depth >= DEEPEST:
        return "…"
    if isinstance(value, list):
        written = [write_value(item, depth + 1) for item in value[:MOST_ITEMS]]
        if len(value) > MOST_ITEMS:
            written.append(f"… {len(value) - MOST_ITEMS:,} more")
        return f"[{', '.join(written)}]"
    if isinstance(value, dict):
        items = list(value.items())
        written = [
            f"{clean(str(key))} = {write_value(item, depth + 1)}"
            for key, item in items[:MOST_ITEMS]
        ]
        if len(items) > MOST_ITEMS:
            written.append(f"… {len(items) - MOST_ITEMS:,} more")
        return f"{{{', '.join(written)}}}"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return clean(repr(value))


def _is_unfit(character: str) -> bool:
    if character in "\n\t":
        return False
    return character in TURNING or unicodedata.category(character) in {"Cc", "Cs"}
