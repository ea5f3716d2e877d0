"""What the targets ask for, and how well one could do without looking at the inputs."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from latih import losses
from latih.doctor.fact_records import Task
from latih.losses import Loss, LossFunctionWrapper
from latih.registry import to_snake_case

MOST_CLASSES = 65_536
MOST_IN_ORDER = 1 << 20
"""So many rows say whether neighbours are alike."""

MOST_FOR_A_MEDIAN = 1 << 18
"""So many numbers are sorted."""

TAKE_CLASS_NUMBERS = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
TAKE_SHARES = ("categorical_crossentropy", "categorical_focal_crossentropy", "kl_divergence")
TAKE_YES_OR_NO = ("binary_crossentropy", "binary_focal_crossentropy")
TAKE_SIGNS = ("hinge", "squared_hinge")
SMALLEST_SHARE = 1e-7


@dataclass(frozen=True)
class Asked:
    """What targets ask for.

    Args:
        task: the kind of question.
        labels: the class of each answer, of one of several classes or of two; else None.
        counts: how many answers each class has; of several yes-or-no answers the number of yes.

    Shapes:
        labels: ``(answers,)``, more than examples where each has several.
    """

    task: Task
    labels: torch.Tensor | None = None
    counts: tuple[int, ...] = ()


def asked(targets: torch.Tensor, width: int = 1, loss: str = "?") -> Asked:
    """Say what targets ask for, by what they are.

    Args:
        targets: of all examples, or of many.
        width: how many numbers stand in the last axis of the outputs.
        loss: what they are compared by, where the numbers alone do not tell.

    Shapes:
        targets: ``(n, ...)``.

    Example:
        >>> asked(torch.tensor([0, 1, 1])).task, asked(torch.eye(3)).task
        ('binary', 'multi-class')
        >>> asked(torch.tensor([[1, 1], [0, 1]])).task, asked(torch.tensor([0.5, 7.0])).task
        ('multi-label', 'regression')
        >>> asked(torch.tensor([0, 3, 1]), width=4, loss="sparse_categorical_crossentropy").counts
        (1, 1, 0, 1)
    """
    columns = targets.shape[-1] if targets.ndim > 1 else 1
    if loss in TAKE_CLASS_NUMBERS or (columns == 1 and width > 1):
        labels = class_numbers(targets)
        if labels is not None:
            return _classes("multi-class", labels, width)
    zeros_and_ones = bool(((targets == 0) | (targets == 1)).all())
    if columns == 1:
        flat = targets.reshape(-1)
        if zeros_and_ones or (loss in TAKE_SIGNS and bool((flat.abs() == 1).all())):
            return _classes("binary", (flat > 0).long(), 2)
        return Asked("regression")
    rows = targets.reshape(-1, columns)
    sums = rows.sum(dim=1)
    if zeros_and_ones:
        if bool((sums == 1).all()):
            return _classes("multi-class", rows.argmax(dim=1), columns)
        return Asked("multi-label", counts=tuple(rows.sum(dim=0).long().tolist()))
    if loss in TAKE_SHARES and bool((rows >= 0).all()) and bool(((sums - 1).abs() < 1e-3).all()):
        return _classes("multi-class", rows.argmax(dim=1), columns)
    return Asked("regression")


def counted(targets: torch.Tensor, loss: Loss | None) -> torch.Tensor:
    """Return the targets that count: all, but for a class that the loss is told to ignore.

    Shapes:
        targets: ``(n, ...)``; returns: the same, or ``(m,)`` where some are left out.
    """
    given = loss.kwargs if isinstance(loss, LossFunctionWrapper) else {}
    ignored = given.get("ignore_class", getattr(loss, "ignore_class", None))
    if ignored is None or not bool((targets == ignored).any()):
        return targets
    return targets[targets != ignored]


def class_numbers(targets: torch.Tensor) -> torch.Tensor | None:
    """Return whole numbers from 0 on as one class for each answer; None if they are none.

    Rows of which one number is 1 and the others are 0 are classes, too.
    """
    if targets.numel() == 0:
        return None
    if targets.ndim == 2 and targets.shape[1] > 1:
        one_hot = bool(((targets == 0) | (targets == 1)).all())
        if one_hot and bool((targets.sum(dim=1) == 1).all()):
            return targets.argmax(dim=1)
    flat = targets.reshape(-1)
    flat = flat.long() if flat.dtype == torch.bool else flat
    if flat.is_floating_point() and not torch.equal(flat, flat.round()):
        return None
    least, most = (int(extreme) for extreme in torch.aminmax(flat))
    return flat.long() if 0 <= least and most < MOST_CLASSES else None


def _classes(task: Task, labels: torch.Tensor, least: int) -> Asked:
    counts = torch.bincount(labels, minlength=min(least, MOST_CLASSES))
    return Asked(task, labels, tuple(counts.tolist()))


def loss_name(loss: Loss | None) -> str:
    """Return a loss's name in snake case: ``"?"`` for one of the user's, ``"none"`` for none.

    Example:
        >>> loss_name(losses.MeanSquaredError()), loss_name(LossFunctionWrapper(losses.huber))
        ('mean_squared_error', 'huber')
        >>> loss_name(LossFunctionWrapper(lambda y_true, y_pred: y_pred))
        '?'
    """
    if loss is None:
        return "none"
    if isinstance(loss, LossFunctionWrapper):
        return loss.fn.__name__ if loss.fn in losses.LOSSES.functions else "?"
    return to_snake_case(type(loss).__name__) if type(loss) in losses.LOSSES.classes else "?"


def takes_logits(loss: Loss | None) -> bool:
    """Say whether a loss takes raw scores and no probabilities."""
    if isinstance(loss, LossFunctionWrapper):
        return bool(loss.kwargs.get("from_logits", False))
    return bool(getattr(loss, "from_logits", False))


def surprise_of_order(targets: torch.Tensor, labels: torch.Tensor | None) -> float:
    """Say how much more often a target is like the one before it than in a random order.

    Of classes it is the number of equal neighbours, of quantities their correlation; both in
    standard deviations of what a random order gives.

    Shapes:
        targets: ``(n, ...)``; labels: ``(n,)``, or None for quantities.

    Example:
        >>> sorted_labels = torch.arange(10).repeat_interleave(100)
        >>> surprise_of_order(sorted_labels, sorted_labels) > 90
        True
        >>> shuffled = sorted_labels[torch.randperm(1000, generator=torch.manual_seed(0))]
        >>> abs(surprise_of_order(shuffled, shuffled)) < 4
        True
    """
    count = min(len(targets), MOST_IN_ORDER)
    if count < 4:
        return 0.0
    if labels is None:
        column = targets[:count].reshape(count, -1)[:, 0].double()
        column = column - column.mean()
        power = column.square().sum().item()
        if not power > 0:
            return 0.0
        return (column[1:] * column[:-1]).sum().item() / power * math.sqrt(count)
    if len(labels) != len(targets):  # each example has several
        return 0.0
    labels = labels[:count]
    equal = (labels[1:] == labels[:-1]).sum().item()
    expected, variance = _equal_neighbours(torch.bincount(labels), count)
    return (equal - expected) / math.sqrt(variance) if variance > 1e-9 else 0.0


def _equal_neighbours(counts: torch.Tensor, n: int) -> tuple[float, float]:
    """Return the mean and the variance of how many neighbours are equal in a random order."""
    c = counts.double()
    pairs = c * (c - 1)
    both = pairs.sum().item() / (n * (n - 1))
    three = (pairs * (c - 2)).sum().item() / (n * (n - 1) * (n - 2))
    four = (pairs * (c - 2) * (c - 3)).sum() + pairs.sum().square() - pairs.square().sum()
    two_pairs = four.item() / (n * (n - 1) * (n - 2) * (n - 3))
    mean = (n - 1) * both
    square = mean + 2 * (n - 2) * three + (n - 2) * (n - 3) * two_pairs
    return mean, square - mean * mean


def trivial_loss(
    loss: Loss,
    targets: torch.Tensor,
    weights: torch.Tensor | None,
    shape: Sequence[int],
    question: Asked,
    all_targets: torch.Tensor,
) -> float:
    """Return the loss of the best prediction that is the same for all examples.

    Of some constants that are the best one for some loss, the one that this loss likes best.

    Args:
        loss: the compiled loss.
        targets: of the probe.
        weights: of the probe.
        shape: of the model's predictions for the probe.
        question: what the targets ask for.
        all_targets: what the constants follow from.

    Returns:
        The loss; NaN if it takes none of them.

    Example:
        >>> y = torch.tensor([0, 0, 0, 1])
        >>> loss = losses.SparseCategoricalCrossentropy()
        >>> round(trivial_loss(loss, y, None, (4, 2), asked(y, 2), y), 4)
        0.5623
    """
    found: list[float] = []
    for constant in _constants(question, all_targets, shape):
        try:
            predictions = constant.to(targets.device).expand(tuple(shape)).contiguous()
            value = loss(targets, predictions, weights).float().mean().item()
        except Exception:  # a loss of the user's may take no such predictions
            continue
        if math.isfinite(value):
            found.append(value)
    return min(found, default=math.nan)


def least_loss(
    loss: Loss,
    targets: torch.Tensor,
    weights: torch.Tensor | None,
    shape: Sequence[int],
    question: Asked,
) -> float:
    """Return the loss of predictions that equal the targets, where that is not 0.

    Shares of 0..1 have an entropy, which no cross-entropy goes below.

    Args:
        loss: the compiled loss.
        targets: of the probe.
        weights: of the probe.
        shape: of the model's predictions for the probe.
        question: what the targets ask for.

    Example:
        >>> y = torch.full((4, 1), 0.5)
        >>> loss = losses.BinaryCrossentropy()
        >>> round(least_loss(loss, y, None, (4, 1), asked(y)), 4)
        0.6931
    """
    shares = question.task == "regression" and loss_name(loss) in TAKE_YES_OR_NO + TAKE_SHARES
    if not shares or targets.numel() != math.prod(shape):
        return 0.0
    kept = targets.reshape(tuple(shape)).float().clamp(SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    if takes_logits(loss):
        kept = kept.logit() if loss_name(loss) in TAKE_YES_OR_NO else kept.log()
    value = loss(targets, kept, weights).float().mean().item()
    return value if math.isfinite(value) else 0.0


def _constants(
    question: Asked, targets: torch.Tensor, shape: Sequence[int]
) -> Iterator[torch.Tensor]:
    width = shape[-1] if len(shape) > 1 else 1
    counts = torch.tensor(question.counts, dtype=torch.float64)
    if question.task in ("multi-class", "binary") and len(counts) > 1:
        shares = counts / counts.sum()
        if width == 1:
            shares = shares[1:2]
        yield from _as_scores(torch.nn.functional.pad(shares, (0, width))[:width])
    rows = targets.reshape(len(targets), -1)
    rows = rows[:: -(-rows.numel() // MOST_FOR_A_MEDIAN)].double()
    means, medians = rows.mean(dim=0), rows.median(dim=0).values
    if question.task == "multi-label":
        yield from _as_scores(_fitted(means, shape))
    for one in (means, medians, rows.amin(dim=0), rows.amax(dim=0)):
        yield _fitted(one, shape).float()
    if bool((rows >= 0).all()):
        yield _fitted(rows.log1p().mean(dim=0).expm1(), shape).float()
    for number in (0.0, 0.5, 1.0, -1.0):
        yield torch.tensor(number)


def _as_scores(shares: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield probabilities as they are, and as the scores of which softmax and sigmoid make them."""
    kept = shares.clamp(SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    yield shares.float()
    yield kept.log().float()
    yield kept.logit().float()


def _fitted(values: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return one value for each number of an example in its shape; if they differ, the mean."""
    if values.numel() != math.prod(shape[1:]):
        return values.mean()
    return values.reshape(tuple(shape[1:]))
