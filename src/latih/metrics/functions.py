"""What a metric takes the mean of: functions of targets and predictions, one value an example.

The losses' functions are of the kind, too.
"""

from typing import Any

import torch

from latih import config
from latih.losses import LOSSES, squeeze_or_expand_to_same_rank
from latih.losses.base import alike
from latih.registry import Table
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


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> torch.Tensor:
    """One where the target's class is among the k most probable; equals of the kth are among them.

    Args:
        y_true: class numbers.
        y_pred: a score a class; or, with ``from_sorted_ids``, the classes, the most probable first.
        k: how many count.
        from_sorted_ids: which of the two.

    Example:
        >>> sparse_top_k_categorical_accuracy([2], [[0.5, 0.2, 0.3]], k=2)
        tensor([1.])
    """
    labels, y_pred = _labels(y_true, as_tensor(y_pred))
    if from_sorted_ids:
        return (labels.unsqueeze(-1) == y_pred[..., :k]).any(dim=-1).to(torch.float32)
    kth = y_pred.topk(min(k, y_pred.shape[-1]), dim=-1).values[..., -1]
    of_target = y_pred.gather(-1, labels.long().unsqueeze(-1)).squeeze(-1)
    return (of_target >= kth).to(torch.float32)


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> torch.Tensor:
    """Pearson's r along an axis; not a number where targets or predictions do not vary.

    Example:
        >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])
        tensor([1.0000])
    """
    y_true, y_pred = alike(y_true, y_pred)
    y_true, y_pred = _centred(y_true, axis), _centred(y_pred, axis)
    scales = [y.square().mean(dim=axis, keepdim=True).sqrt() for y in (y_true, y_pred)]
    return (y_true / scales[0] * (y_pred / scales[1])).mean(dim=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> torch.Tensor:
    """Lin's concordance along an axis: Pearson's r that falls with a shift and a stretch, too.

    Example:
        >>> concordance_correlation([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]])
        tensor([0.5714])
    """
    y_true, y_pred = alike(y_true, y_pred)
    shift = y_true.mean(dim=axis) - y_pred.mean(dim=axis)
    y_true, y_pred = _centred(y_true, axis), _centred(y_pred, axis)
    spread = y_true.square().mean(dim=axis) + y_pred.square().mean(dim=axis) + shift.square()
    return 2.0 * (y_true * y_pred).mean(dim=axis) / (spread + config.epsilon())


def _labels(y_true: Any, y_pred: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    labels = as_tensor(y_true)
    if labels.ndim == y_pred.ndim and labels.shape[-1] == 1:
        labels = labels.squeeze(-1)
    return labels, y_pred


def _centred(y: torch.Tensor, axis: int) -> torch.Tensor:
    return y - y.mean(dim=axis, keepdim=True)


FUNCTIONS: Table[object] = Table(
    "function of targets and predictions",
    object,
    functions=[
        *LOSSES.functions,
        accuracy,
        binary_accuracy,
        categorical_accuracy,
        sparse_categorical_accuracy,
        top_k_categorical_accuracy,
        sparse_top_k_categorical_accuracy,
        pearson_correlation,
        concordance_correlation,
    ],
)
