"""How far predicted distributions are off."""

from typing import Any

from latih import losses
from latih.arguments import number, whole
from latih.metrics.wrapper import MeanMetricWrapper
from latih.tensors import as_tensor


class KLDivergence(MeanMetricWrapper):
    """``Σ y log(y / ŷ)``, in the mean over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., K)``.

    Example:
        >>> KLDivergence()([[0.0, 1.0]], [[0.5, 0.5]])
        tensor(0.6931)
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: str | None = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """``mean(ŷ - y log(ŷ + ε))`` over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Example:
        >>> Poisson()([[2.0], [0.0]], [[1.0], [3.0]])
        tensor(2.0000)
    """

    def __init__(self, name: str | None = "poisson", dtype: str | None = None) -> None:
        super().__init__(losses.poisson, name, dtype)


class BinaryCrossentropy(MeanMetricWrapper):
    """``-mean(y log p + (1 - y) log(1 - p))`` over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.
        from_logits: the predictions are before the sigmoid.
        label_smoothing: s in 0..1; targets become ``y(1 - s) + s/2``.

    Shapes:
        y_true, y_pred: ``(n, ..., d)``.

    Raises:
        InputError: the smoothing is not in 0..1.

    Example:
        >>> BinaryCrossentropy()([[1.0], [0.0]], [[0.5], [0.5]])
        tensor(0.6931)
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        self.label_smoothing = number(
            label_smoothing, "label_smoothing", type(self).__name__, least=0, most=1
        )
        super().__init__(
            losses.binary_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=self.label_smoothing,
        )
        self.from_logits = from_logits


class CategoricalCrossentropy(MeanMetricWrapper):
    """``-Σ y log p`` for one-hot targets, in the mean over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.
        from_logits: the predictions are before the softmax.
        label_smoothing: s in 0..1; targets become ``y(1 - s) + s/K``.
        axis: the axis of the classes.

    Shapes:
        y_true, y_pred: ``(n, ..., K)``.

    Raises:
        InputError: the smoothing is not in 0..1, or the axis no whole number.

    Example:
        >>> CategoricalCrossentropy()([[1.0, 0.0]], [[0.5, 0.5]])
        tensor(0.6931)
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        owner = type(self).__name__
        self.label_smoothing = number(label_smoothing, "label_smoothing", owner, least=0, most=1)
        self.axis = whole(axis, "axis", owner)
        super().__init__(
            losses.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=self.label_smoothing,
            axis=self.axis,
        )
        self.from_logits = from_logits


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """``-log p[y]`` for class numbers ``0..K-1``, in the mean over all that was seen.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.
        from_logits: the predictions are before the softmax.
        ignore_class: a label whose examples are worth zero; with sample weights, as in Keras, they
            are not counted either. None for none.
        axis: the axis of the classes.

    Shapes:
        y_true: ``(n, ...)`` or ``(n, ..., 1)``; y_pred: ``(n, ..., K)``.

    Raises:
        InputError: the class or the axis is no whole number.

    Example:
        >>> SparseCategoricalCrossentropy()([0], [[0.5, 0.5]])
        tensor(0.6931)
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: str | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        owner = type(self).__name__
        self.ignore_class = (
            None if ignore_class is None else whole(ignore_class, "ignore_class", owner)
        )
        self.axis = whole(axis, "axis", owner)
        super().__init__(
            losses.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=self.ignore_class,
            axis=self.axis,
        )
        self.from_logits = from_logits

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        if self.ignore_class is not None and sample_weight is not None:
            weights = as_tensor(sample_weight)
            counts, weights = losses.squeeze_or_expand_to_same_rank(
                as_tensor(y_true) != self.ignore_class, weights
            )
            # A weight an example, and several targets each.
            weights = weights.reshape(*weights.shape, *[1] * (counts.ndim - weights.ndim))
            sample_weight = weights.to(counts.device) * counts
        super().update_state(y_true, y_pred, sample_weight)
