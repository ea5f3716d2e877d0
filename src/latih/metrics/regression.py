"""How far the prediction is off."""

import torch

from latih import losses
from latih.arguments import whole
from latih.losses.base import alike
from latih.metrics.wrapper import MeanMetricWrapper


class MeanSquaredError(MeanMetricWrapper):
    """``mean((y - ŷ)²)`` over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> MeanSquaredError()([[0.0], [0.0]], [[1.0], [3.0]])
        tensor(5.)
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


class MeanAbsoluteError(MeanMetricWrapper):
    """``mean(|y - ŷ|)`` over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> MeanAbsoluteError()([[0.0], [0.0]], [[1.0], [3.0]])
        tensor(2.)
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: str | None = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """``100·mean(|y - ŷ| / max(|y|, ε))`` over all that was seen, in percent.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> MeanAbsolutePercentageError()([[4.0], [10.0]], [[3.0], [10.0]])
        tensor(12.5000)
    """

    def __init__(
        self, name: str | None = "mean_absolute_percentage_error", dtype: str | None = None
    ) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """``mean((log(1 + y) - log(1 + ŷ))²)`` over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> MeanSquaredLogarithmicError()([[0.0], [1.0]], [[1.718282], [1.0]])
        tensor(0.5000)
    """

    def __init__(
        self, name: str | None = "mean_squared_logarithmic_error", dtype: str | None = None
    ) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


class RootMeanSquaredError(MeanMetricWrapper):
    """``√mean((y - ŷ)²)`` over all that was seen: in the unit of the targets.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> RootMeanSquaredError()([[0.0], [0.0]], [[3.0], [4.0]])
        tensor(3.5355)
    """

    def __init__(
        self, name: str | None = "root_mean_squared_error", dtype: str | None = None
    ) -> None:
        super().__init__(_squared_differences, name, dtype)

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        return super().result().sqrt()


class LogCoshError(MeanMetricWrapper):
    """``mean(log cosh(ŷ - y))`` over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> LogCoshError()([[0.0], [0.0]], [[0.0], [2.0]])
        tensor(0.6625)
    """

    def __init__(self, name: str | None = "logcosh", dtype: str | None = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angle between target and prediction: 1 where they point alike.

    Not negated, as the loss of the name is.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.
        axis: the axis along which the vectors lie.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Raises:
        InputError: the axis is no whole number.

    Example:
        >>> CosineSimilarity()([[0.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [1.0, 1.0]])
        tensor(0.5000)
    """

    def __init__(
        self, name: str | None = "cosine_similarity", dtype: str | None = None, axis: int = -1
    ) -> None:
        self.axis = whole(axis, "axis", type(self).__name__)
        super().__init__(_similarity, name, dtype, axis=self.axis)


def _squared_differences(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    y_true, y_pred = alike(y_true, y_pred)
    return (y_true - y_pred).square()


def _similarity(y_true: torch.Tensor, y_pred: torch.Tensor, axis: int) -> torch.Tensor:
    return -losses.cosine_similarity(y_true, y_pred, axis)
