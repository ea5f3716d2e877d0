"""How good predictions are, whatever the loss says: against the best constant prediction."""

import math
from collections.abc import Callable, Mapping

import torch

from latih.doctor.fact_records import OutputFacts
from latih.tensors import unhalved

Score = Callable[[OutputFacts, torch.Tensor, torch.Tensor], torch.Tensor]

UNKNOWN = math.nan

MOST_APART = 16
"""Of more numbers in an example, as in a picture, the variances are taken together: each alone,
those that hardly ever change would decide."""


def scores(output: OutputFacts, targets: torch.Tensor, predictions: torch.Tensor) -> torch.Tensor:
    """Return skill and accuracy of the predictions of one output, as two numbers on the device.

    Skill is 1 for perfect predictions and 0 for what the best constant prediction reaches: of
    accuracy, in which all classes that there are count alike, or of the variance explained.
    Accuracy is the plain one; NaN for a regression. What cannot be told is NaN.

    Args:
        output: what is known of it.
        targets: what should come out.
        predictions: what comes out.

    Shapes:
        targets: ``(n, ...)``; predictions: ``(n, ...)``; returns: ``(2,)``.

    Example:
        >>> binary = OutputFacts("y", "binary", activation="sigmoid", most=1.0)
        >>> targets = torch.tensor([0, 0, 0, 1])
        >>> scores(binary, targets, torch.tensor([[0.1], [0.2], [0.9], [0.8]])).tolist()
        [0.666..., 0.75]
    """
    return SCORES[output.task](output, targets, unhalved(predictions.detach()))


def _regression(
    output: OutputFacts, targets: torch.Tensor, predictions: torch.Tensor
) -> torch.Tensor:
    del output
    unknown = predictions.new_tensor(UNKNOWN)
    if targets.numel() != predictions.numel():
        return torch.stack([unknown, unknown])
    # As rows of columns: (n,) and (n, 1) are the same numbers.
    rows = predictions.reshape(len(predictions), -1)
    wanted = targets.reshape(rows.shape).to(rows.dtype)
    total = (wanted - wanted.mean(0)).square().sum(0)
    left = (wanted - rows).square().sum(0)
    if total.numel() > MOST_APART:
        total, left = total.sum(), left.sum()
    explained = torch.where(total > 0, 1 - left / total, UNKNOWN)
    return torch.stack([explained.nanmean(), unknown])


def _binary(output: OutputFacts, targets: torch.Tensor, predictions: torch.Tensor) -> torch.Tensor:
    if predictions.numel() != targets.numel():  # two columns for two classes
        return _multi_class(output, targets, predictions)
    # Halfway between the two labels, which may be -1 and 1; of raw scores at 0.
    middle = (output.least + output.most) / 2
    chosen = (predictions.reshape(-1) > (0.0 if _is_raw(output) else middle)).long()
    return _of_classes((targets.reshape(-1) > middle).long(), chosen, 2)


def _multi_class(
    output: OutputFacts, targets: torch.Tensor, predictions: torch.Tensor
) -> torch.Tensor:
    del output
    classes = predictions.shape[-1]
    chosen = predictions.argmax(-1).reshape(-1)
    if targets.numel() == predictions.numel() and classes > 1:
        right = targets.argmax(-1).reshape(-1)
    elif targets.numel() == chosen.numel():
        right = targets.reshape(-1).long()
    else:
        return predictions.new_full((2,), UNKNOWN)
    # A label out of range is never predicted rightly; it counts as a class of its own.
    right = torch.where((right < 0) | (right >= classes), classes, right)
    return _of_classes(right, chosen, classes + 1)


def _multi_label(
    output: OutputFacts, targets: torch.Tensor, predictions: torch.Tensor
) -> torch.Tensor:
    if targets.numel() != predictions.numel():
        return predictions.new_full((2,), UNKNOWN)
    columns = predictions.shape[-1]
    middle = (output.least + output.most) / 2
    chosen = predictions.reshape(-1, columns) > (0.0 if _is_raw(output) else middle)
    wanted = targets.reshape(-1, columns) > middle
    right = chosen == wanted
    # The share of the ones that are found, and of the zeros, in each column.
    found = [(right & of).sum(0) / of.sum(0) for of in (wanted, ~wanted)]
    skill = (found[0] + found[1] - 1).nanmean()  # of a column without both, 0 / 0 is NaN
    return torch.stack([skill, right.to(skill.dtype).mean()])


SCORES: Mapping[str, Score] = {
    "regression": _regression,
    "binary": _binary,
    "multi-class": _multi_class,
    "multi-label": _multi_label,
}


def _is_raw(output: OutputFacts) -> bool:
    """Say whether the outputs are raw scores; of a loss that nobody knows, by the activation."""
    return output.from_logits or (output.loss == "?" and output.activation in (None, "linear"))


def _of_classes(right: torch.Tensor, chosen: torch.Tensor, classes: int) -> torch.Tensor:
    hits = (right == chosen).float()
    count = torch.zeros(classes, device=hits.device).index_add_(0, right, torch.ones_like(hits))
    found = torch.zeros_like(count).index_add_(0, right, hits)
    there = (count > 0).sum()
    recall = (found / count).nansum() / there
    constant = 1 / there  # what one class for all is worth
    # With one class alone nobody can be better than a constant.
    skill = torch.where(there > 1, (recall - constant) / (1 - constant), UNKNOWN)
    return torch.stack([skill, hits.mean()])
