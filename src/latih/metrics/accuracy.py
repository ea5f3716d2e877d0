"""How often the prediction is right."""

from typing import Any

import torch

from latih.arguments import number, whole
from latih.losses import squeeze_or_expand_to_same_rank
from latih.metrics.base import MeanMetricWrapper
from latih.tensors import as_tensor


def accuracy(y_true: Any, y_pred: Any) -> torch.Tensor:
    """One where prediction and target are the same number.

    Example:
        >>> accuracy([1, 2], [1, 3])
        tensor([1., 0.])
    """
    y_pred = as_tensor(y_pred)
    y_true, y_pred = squeeze_or_expand_to_same_rank(as_tensor(y_true).to(y_pred.dtype), y_pred)
    return (y_true == y_pred).to(torch.float32)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> torch.Tensor:
    """One where a probability lies on its label's side of the threshold.

    Example:
        >>> binary_accuracy([[1], [1]], [[0.9], [0.5]])
        tensor([[1.],
                [0.]])
    """
    y_true, y_pred = squeeze_or_expand_to_same_rank(as_tensor(y_true), as_tensor(y_pred))
    return (y_true == (y_pred > threshold).to(y_true.dtype)).to(torch.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> torch.Tensor:
    """One where the most probable class is the one-hot target's.

    Example:
        >>> categorical_accuracy([[0, 1]], [[0.2, 0.8]])
        tensor([1.])
    """
    right = as_tensor(y_true).argmax(dim=-1) == as_tensor(y_pred).argmax(dim=-1)
    return right.to(torch.float32)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> torch.Tensor:
    """One where the most probable class is the target's number.

    Example:
        >>> sparse_categorical_accuracy([1], [[0.2, 0.8]])
        tensor([1.])
    """
    y_true, y_pred = _labels(y_true, as_tensor(y_pred))
    return (y_true == y_pred.argmax(dim=-1)).to(torch.float32)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> torch.Tensor:
    """One where the one-hot target's class is among the k most probable.

    Example:
        >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.5, 0.2, 0.3]], k=2)
        tensor([1.])
    """
    return sparse_top_k_categorical_accuracy(as_tensor(y_true).argmax(dim=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> torch.Tensor:
    """One where the target's class is among the k most probable; equals of the kth are among them.

    Example:
        >>> sparse_top_k_categorical_accuracy([2], [[0.5, 0.2, 0.3]], k=2)
        tensor([1.])
    """
    labels, y_pred = _labels(y_true, as_tensor(y_pred))
    kth = y_pred.topk(min(k, y_pred.shape[-1]), dim=-1).values[..., -1]
    of_target = y_pred.gather(-1, labels.long().unsqueeze(-1)).squeeze(-1)
    return (of_target >= kth).to(torch.float32)


def _labels(y_true: Any, y_pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    labels = as_tensor(y_true)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        labels = labels.squeeze(-1)
    return labels, y_pred


class Accuracy(MeanMetricWrapper):
    """How often prediction and target are the same number.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Example:
        >>> Accuracy()([1, 2, 3, 4], [0, 2, 3, 4])
        tensor(0.7500)
    """

    def __init__(self, name: str | None = "accuracy", dtype: str | None = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """How often a probability lies on its label's side of the threshold.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.
        threshold: above it, strictly, the answer is yes; 0..1.

    Shapes:
        y_true, y_pred: ``(n, 1)`` or ``(n,)``; several outputs in further columns.

    Example:
        >>> BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]])
        tensor(0.7500)
    """

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: str | None = None,
        threshold: float = 0.5,
    ) -> None:
        self.threshold = number(threshold, "threshold", "BinaryAccuracy", least=0, most=1)
        super().__init__(binary_accuracy, name, dtype, threshold=self.threshold)


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the one-hot target's.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, ..., K)``.

    Example:
        >>> CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        tensor(0.5000)
    """

    def __init__(self, name: str | None = "categorical_accuracy", dtype: str | None = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the most probable class is the target's number.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: ``(n, ...)`` or ``(n, ..., 1)``; y_pred: ``(n, ..., K)``.

    Example:
        >>> SparseCategoricalAccuracy()([[2], [1]], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]])
        tensor(0.5000)
    """

    def __init__(
        self, name: str | None = "sparse_categorical_accuracy", dtype: str | None = None
    ) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the one-hot target's class is among the k most probable.

    Args:
        k: how many count, >= 1.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true, y_pred: ``(n, K)``.

    Example:
        >>> TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        tensor(0.5000)
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "top_k_categorical_accuracy",
        dtype: str | None = None,
    ) -> None:
        self.k = whole(k, "k", "TopKCategoricalAccuracy", least=1)
        super().__init__(top_k_categorical_accuracy, name, dtype, k=self.k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the target's class is among the k most probable.

    Args:
        k: how many count, >= 1.
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: ``(n,)`` or ``(n, 1)``; y_pred: ``(n, K)``.

    Example:
        >>> SparseTopKCategoricalAccuracy(k=1)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
        tensor(0.5000)
    """

    neutral_config = {"from_sorted_ids": False}

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: str | None = None,
    ) -> None:
        self.k = whole(k, "k", "SparseTopKCategoricalAccuracy", least=1)
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=self.k)
