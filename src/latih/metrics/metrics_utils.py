"""The ways in which an area under a curve may be asked for, under Keras's name for their room."""

from enum import StrEnum


class AUCCurve(StrEnum):
    """The curves.

    Example:
        >>> AUCCurve.PR == "PR"
        True
    """

    ROC = "ROC"
    PR = "PR"
    PRGAIN = "PRGAIN"


class AUCSummationMethod(StrEnum):
    """The heights of the strips under them."""

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"
