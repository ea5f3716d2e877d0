"""How far predicted regions cover the true ones."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch

from latih import config
from latih.arguments import number, whole
from latih.errors import InputError, LatihWarning
from latih.metrics.base import WHOLE, Metric
from latih.tensors import as_tensor, unhalved


class IoU(Metric):
    """``TP / (TP + FP + FN)`` of each class: intersection over union, and the mean over classes.

    A class that is neither among the targets nor the predictions is left out of the mean. What lies
    outside 0..K-1 does not count.

    Args:
        num_classes: how many classes there are, K >= 1.
        target_class_ids: the classes whose mean is taken, 0..K-1.
        name: what the metric is called in logs.
        dtype: how the counts are kept; None for whole numbers, with which weights are cut down to
            whole ones, as in Keras; ``"float32"`` for weights that are fractions.
        ignore_class: a label whose examples do not count; None for none.
        sparse_y_true: the targets are class numbers; else one-hot.
        sparse_y_pred: the predictions are class numbers; else a score a class.
        axis: the axis of the classes where there is one.

    Shapes:
        y_true, y_pred: ``(n, ...)`` of class numbers; with K more values each where not sparse.

    Raises:
        InputError: a class or the dtype is not to be had.

    Example:
        >>> IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])
        tensor(0.3333)
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name)
        self._dtype = dtype or WHOLE[1]
        if self.dtype not in (*WHOLE, "float32"):
            raise InputError(
                f"`dtype` of {type(self).__name__} is not to be had",
                expected=f"None, 'float32' or one of {WHOLE}",
                got=repr(dtype),
            )
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        self.target_class_ids = list(target_class_ids)
        owner = type(self).__name__
        self.num_classes = whole(num_classes, "num_classes", owner, least=1)
        self.ignore_class = (
            None if ignore_class is None else whole(ignore_class, "ignore_class", owner)
        )
        self.axis = whole(axis, "axis", owner)
        for target in self.target_class_ids:
            if not 0 <= target < self.num_classes:
                raise InputError(
                    f"`target_class_ids` of {type(self).__name__} is out of range",
                    expected=f"0..{self.num_classes - 1}",
                    got=repr(target),
                )
        self.total_cm = self.add_variable((self.num_classes, self.num_classes), dtype=self.dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        y_true, y_pred = as_tensor(y_true), as_tensor(y_pred).detach()
        if not self.sparse_y_true:
            y_true = y_true.argmax(dim=self.axis)
        if not self.sparse_y_pred:
            y_pred = y_pred.argmax(dim=self.axis)
        self._count(y_true.to(y_pred.device), y_pred, sample_weight)

    def _count(self, y_true: torch.Tensor, y_pred: torch.Tensor, sample_weight: Any) -> None:
        self.move_to(y_pred.device)
        if y_true.numel() != y_pred.numel():
            raise InputError(
                "targets and predictions cannot be counted against each other",
                expected=f"targets of shape {tuple(y_pred.shape)}",
                got=str(tuple(y_true.shape)),
            )
        weights = self._weights(sample_weight, y_true).reshape(-1)
        y_true, y_pred = y_true.reshape(-1).long(), y_pred.reshape(-1).long()
        classes = self.num_classes
        counted = (y_true >= 0) & (y_true < classes) & (y_pred >= 0) & (y_pred < classes)
        if self.ignore_class is not None:
            counted &= y_true != self.ignore_class
        cells = (y_true * classes + y_pred).masked_fill(~counted, 0)
        self.total_cm.view(-1).index_add_(0, cells, weights * counted)

    def _weights(self, sample_weight: Any, y_true: torch.Tensor) -> torch.Tensor:
        counts = self.total_cm
        if sample_weight is None:
            return torch.ones(y_true.shape, dtype=counts.dtype, device=counts.device)
        weights = as_tensor(sample_weight)
        if weights.is_floating_point() and not counts.is_floating_point():
            warnings.warn(
                f"{self.name} counts in whole numbers, and cuts down weights that are fractions; "
                "make it with dtype='float32' to keep them",
                LatihWarning,
                stacklevel=4,
            )
        weights = weights.to(counts)
        if weights.numel() == y_true.numel():
            return weights
        missing = max(y_true.ndim - weights.ndim, 0)
        return weights.reshape(*weights.shape, *[1] * missing).broadcast_to(y_true.shape)

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        right = self.total_cm.diagonal()
        union = (self.total_cm.sum(dim=0) + self.total_cm.sum(dim=1) - right).float()
        targets = self.target_class_ids
        right, union = right.float()[targets], union[targets]
        seen = union > 1e-9
        values = (right / (union + config.epsilon())).masked_fill(~seen, 0)
        return values.sum() / (seen.sum() + config.epsilon())


class BinaryIoU(IoU):
    """Intersection over union of yes and no, for probabilities.

    A region's size does not matter, where accuracy would praise a prediction of nothing.

    Args:
        target_class_ids: ``[1]`` for yes, ``[0]`` for no, both for their mean.
        threshold: from it on, the answer is yes; 0..1.
        name: what the metric is called in logs.
        dtype: how the counts are kept; None for whole numbers, with which weights are cut down to
            whole ones, as in Keras; ``"float32"`` for weights that are fractions.

    Shapes:
        y_true, y_pred: ``(n, ...)``.

    Raises:
        InputError: a class or the dtype is not to be had.

    Example:
        >>> BinaryIoU(target_class_ids=[0, 1], threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
        tensor(0.3333)
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = number(threshold, "threshold", type(self).__name__, least=0, most=1)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        y_pred = unhalved(as_tensor(y_pred).detach()) >= self.threshold
        self._count(as_tensor(y_true).to(y_pred.device), y_pred, sample_weight)


class MeanIoU(IoU):
    """The mean over all classes of intersection over union.

    A class that is neither among the targets nor the predictions is left out of the mean.

    Args:
        num_classes: how many classes there are, K >= 1.
        name: what the metric is called in logs.
        dtype: how the counts are kept; None for whole numbers, with which weights are cut down to
            whole ones, as in Keras; ``"float32"`` for weights that are fractions.
        ignore_class: a label whose examples do not count; None for none.
        sparse_y_true: the targets are class numbers; else one-hot.
        sparse_y_pred: the predictions are class numbers; else a score a class.
        axis: the axis of the classes where there is one.

    Shapes:
        y_true, y_pred: ``(n, ...)`` of class numbers; with K more values each where not sparse.

    Raises:
        InputError: a class or the dtype is not to be had.

    Example:
        >>> MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])
        tensor(0.3333)
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )


class OneHotIoU(IoU):
    """Intersection over union where targets are one-hot.

    The class predicted is the one of the highest score.

    Args:
        num_classes: how many classes there are, K >= 1.
        target_class_ids: the classes whose mean is taken, 0..K-1.
        name: what the metric is called in logs.
        dtype: how the counts are kept; None for whole numbers, with which weights are cut down to
            whole ones, as in Keras; ``"float32"`` for weights that are fractions.
        ignore_class: a label whose examples do not count; None for none.
        sparse_y_pred: the predictions are class numbers; else a score a class.
        axis: the axis of the classes where there is one.

    Shapes:
        y_true: ``(n, ..., K)``; y_pred: ``(n, ..., K)``, or ``(n, ...)`` of class numbers.

    Raises:
        InputError: a class or the dtype is not to be had.

    Example:
        >>> OneHotIoU(2, target_class_ids=[0])([[1, 0], [0, 1]], [[0.9, 0.1], [0.7, 0.3]])
        tensor(0.5000)
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


class OneHotMeanIoU(MeanIoU):
    """The mean over all classes of intersection over union, where targets are one-hot.

    The class predicted is the one of the highest score.

    Args:
        num_classes: how many classes there are, K >= 1.
        name: what the metric is called in logs.
        dtype: how the counts are kept; None for whole numbers, with which weights are cut down to
            whole ones, as in Keras; ``"float32"`` for weights that are fractions.
        ignore_class: a label whose examples do not count; None for none.
        sparse_y_pred: the predictions are class numbers; else a score a class.
        axis: the axis of the classes where there is one.

    Shapes:
        y_true: ``(n, ..., K)``; y_pred: ``(n, ..., K)``, or ``(n, ...)`` of class numbers.

    Raises:
        InputError: a class or the dtype is not to be had.

    Example:
        >>> OneHotMeanIoU(num_classes=2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.7, 0.3]])
        tensor(0.2500)
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: str | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
