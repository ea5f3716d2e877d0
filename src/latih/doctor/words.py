"""What the doctor says, in the two languages that it speaks."""

import os
from dataclasses import dataclass

INDONESIAN = "id"
VARIABLE = "LATIH_LANG"


def language() -> str:
    """Return the language that the environment asks for: ``"id"`` or ``"en"``."""
    return INDONESIAN if os.environ.get(VARIABLE, "").lower().startswith(INDONESIAN) else "en"


@dataclass(frozen=True)
class Words:
    """A sentence in English and in Indonesian.

    Args:
        en: English; ``{name}`` stands where a number or a name is put in.
        id: Indonesian, with the same names.

    Example:
        >>> str(Words("Dead units in {layer}", "Unit mati di {layer}").of(layer="dense"))
        'Dead units in dense'
    """

    en: str
    id: str

    def of(self, **values: object) -> "Words":
        """Return the sentence with values put in."""
        return Words(self.en.format(**values), self.id.format(**values))

    def to_dict(self) -> dict[str, str]:
        """Return it in both languages, for files whose readers may ask for either."""
        return {"en": self.en, "id": self.id}

    def __str__(self) -> str:
        """Return the sentence in the language that ``LATIH_LANG`` asks for."""
        return self.id if language() == INDONESIAN else self.en
