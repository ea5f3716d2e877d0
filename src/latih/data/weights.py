"""How much each example counts."""

from collections.abc import Mapping

import torch

from latih.arguments import number as number_of
from latih.errors import InputError


def class_weights_as_sample_weights(
    targets: torch.Tensor, class_weight: Mapping[int, float]
) -> torch.Tensor:
    """Return a weight for each example from a weight for each class; classes not named count 1.

    Args:
        targets: class numbers, ``(n,)`` or ``(n, 1)``, or one-hot rows ``(n, K)``.
        class_weight: the weight of each class number.

    Shapes:
        returns: ``(n,)``.

    Raises:
        InputError: a key is no class number, or the targets are of another shape.

    Example:
        >>> class_weights_as_sample_weights(torch.tensor([0, 1, 2]), {1: 5.0})
        tensor([1., 5., 1.])
    """
    if not isinstance(class_weight, Mapping):
        raise InputError(
            "`class_weight` cannot be used",
            expected="a weight for each class number, as {0: 1.0, 1: 5.0}",
            got=f"a {type(class_weight).__name__}",
        )
    if targets.ndim == 2 and targets.shape[1] > 1:
        labels = targets.argmax(dim=1)
    elif targets.ndim in (1, 2):
        labels = targets.reshape(-1).long()
    else:
        raise InputError(
            "`class_weight` needs one class an example",
            expected="y of shape (n,), (n, 1) or (n, classes)",
            got=f"shape {tuple(targets.shape)}",
            fix="Give sample_weight instead.",
        )
    weights = torch.ones(len(labels), device=labels.device)
    for key, weight in class_weight.items():
        try:
            number = int(key)
        except (TypeError, ValueError):
            raise InputError(
                "`class_weight` cannot be used", expected="class numbers as keys", got=repr(key)
            ) from None
        weights[labels == number] = number_of(weight, "class_weight", "fit()", least=0)
    return weights
