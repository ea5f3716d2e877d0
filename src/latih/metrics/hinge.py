"""How far the prediction fails to keep a margin."""

from latih import losses
from latih.metrics.wrapper import MeanMetricWrapper


class Hinge(MeanMetricWrapper):
    """``mean(max(1 - yŷ, 0))`` over all that was seen, for targets of -1 and 1, or 0 and 1.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> Hinge()([[1.0], [-1.0]], [[0.5], [-2.0]])
        tensor(0.2500)
    """

    def __init__(self, name: str | None = "hinge", dtype: str | None = None) -> None:
        super().__init__(losses.hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """``mean(max(1 - yŷ, 0)²)`` over all that was seen, for targets of -1 and 1, or 0 and 1.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> SquaredHinge()([[1.0], [-1.0]], [[0.5], [1.0]])
        tensor(2.1250)
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: str | None = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """By how much the right class fails to lead the best wrong one by one, in the mean.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: one-hot, ``(n, ..., K)``; y_pred: ``(n, ..., K)``.

    Example:
        >>> CategoricalHinge()([[0.0, 1.0]], [[0.5, 0.75]])
        tensor(0.7500)
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: str | None = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
