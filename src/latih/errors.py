"""Every exception and warning that Latih raises.

An error is four things said in a sentence each: what happened, what was expected, what came, what
to do next. The constructor takes them by name; what has nothing to add may be left out.
"""

import difflib
import signal
from collections.abc import Iterable
from typing import Self


class LatihError(Exception):
    """The root of all that Latih raises on purpose.

    Args:
        what: what happened, naming the argument or the file; no full stop.
        expected: what would have been right.
        got: what came instead.
        fix: the next thing to do, as an imperative sentence.

    Example:
        >>> print(InputError("`rate` of Dropout is out of range", expected="0 <= rate < 1",
        ...                  got="1.5", fix="Give the fraction to drop, for example 0.2."))
        `rate` of Dropout is out of range: expected 0 <= rate < 1, got 1.5. Give the fraction to
        drop, for example 0.2.
    """

    def __init__(self, what: str, *, expected: str = "", got: str = "", fix: str = "") -> None:
        self.what, self.expected, self.got, self.fix = what, expected, got, fix
        details = [f"expected {expected}" if expected else "", f"got {got}" if got else ""]
        told = ", ".join(filter(None, details))
        sentence = f"{what}: {told}." if told else f"{what}."
        super().__init__(f"{sentence} {fix}".rstrip())


class InputError(LatihError, ValueError):
    """An argument or the data given cannot be used as they are."""


class UnknownNameError(LatihError, ValueError):
    """A name that no table of Latih holds."""


class NotReadyError(LatihError, ValueError):
    """A model was asked for something before it was compiled or built."""


class FileFormatError(LatihError, ValueError):
    """A file is not what its name promises, or says more than a file may say."""


class UnwritableError(LatihError, OSError):
    """A place that must be written cannot be."""


class DataUnavailableError(LatihError, OSError):
    """A data set is neither on this machine nor to be had from the network."""


class MissingExtraError(LatihError, ImportError):
    """A feature needs a package that an extra of Latih installs."""

    @classmethod
    def of(cls, what: str, package: str, extra: str, error: ImportError) -> Self:
        """Return the error of a package that could not be imported.

        Args:
            what: what cannot be done without it.
            package: what it is called.
            extra: the extra of Latih that installs it.
            error: what the import said.

        Example:
            >>> MissingExtraError.of("no images", "pillow", "data", ImportError()).fix
            'Install it: pip install "latih[data]".'
        """
        return cls(
            what,
            expected=f"the package {package}",
            got=str(error),
            fix=f'Install it: pip install "latih[{extra}]".',
        )


class Terminated(SystemExit):
    """SIGTERM came: the program ends with the usual code once its files are whole.

    Args:
        code: what the shell is told: 128 and the signal's number.

    Example:
        >>> Terminated().code
        143
    """

    def __init__(self, code: int = 128 + signal.SIGTERM) -> None:
        super().__init__(code)


class LatihWarning(UserWarning):
    """Something that will train, and probably not as its author meant."""


def near_matches(name: str, known: Iterable[str]) -> str:
    """Say which known names look like ``name``, for the end of an error's sentence.

    Args:
        name: the name that was not found.
        known: the names there are.

    Returns:
        A sentence such as ``Did you mean 'relu' or 'selu'?``, or the sorted list of all names when
        none is near.

    Example:
        >>> near_matches("reul", ["relu", "tanh"])
        "Did you mean 'relu'?"
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name.lower(), [n.lower() for n in names], n=3, cutoff=0.6)
    if near:
        spelled = [next(n for n in names if n.lower() == lowered) for lowered in near]
        return f"Did you mean {' or '.join(repr(n) for n in dict.fromkeys(spelled))}?"
    return f"The names there are: {', '.join(names)}."
