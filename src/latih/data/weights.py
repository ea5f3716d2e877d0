"""How much each example counts."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from latih.arguments import number as number_of
from latih.data.arrays import as_array
from latih.data.outputs import for_each_output
from latih.errors import InputError, LatihWarning


class ClassWeights:
    """A weight for each class, as a weight for each example. Classes not named count 1.

    Args:
        class_weight: the weight, >= 0, of each class number.

    Raises:
        InputError: a key is no class number, or a weight no such number.

    Example:
        >>> ClassWeights({1: 5.0})(torch.tensor([0, 1, 2]))
        tensor([1., 5., 1.])
    """

    def __init__(self, class_weight: Mapping[Any, float]) -> None:
        if not isinstance(class_weight, Mapping):
            raise InputError(
                "`class_weight` cannot be used",
                expected="a weight for each class number, as {0: 1.0, 1: 5.0}",
                got=f"a {type(class_weight).__name__}",
            )
        by_class = {
            _class_number(key): number_of(weight, "class_weight", "fit()", least=0)
            for key, weight in class_weight.items()
        }
        self.classes = sorted(by_class)
        self._keys = torch.tensor(self.classes, dtype=torch.int64)
        self._values = torch.tensor([by_class[key] for key in self.classes], dtype=torch.float32)

    def __call__(self, targets: torch.Tensor) -> torch.Tensor:
        """Return a weight for each example.

        Args:
            targets: class numbers, ``(n,)`` or ``(n, 1)``, or one-hot rows ``(n, K)``.

        Shapes:
            returns: ``(n,)``.

        Raises:
            InputError: the targets are of another shape.
        """
        labels = class_numbers(targets)
        if not self.classes:
            return torch.ones(len(labels), device=labels.device)
        keys, values = self._keys.to(labels.device), self._values.to(labels.device)
        nearest = torch.searchsorted(keys, labels).clamp_(max=len(keys) - 1)
        return torch.where(keys[nearest] == labels, values[nearest], 1.0)

    def absent(self, targets: torch.Tensor) -> list[int]:
        """Return the classes that have a weight and no example."""
        present = set(class_numbers(targets).unique().tolist())
        return [number for number in self.classes if number not in present]


def class_weights_as_sample_weights(
    targets: torch.Tensor, class_weight: Mapping[Any, float]
) -> torch.Tensor:
    """Return a weight for each example of a whole data set from a weight for each class.

    A class with a weight and without an example is warned of: its number is probably mistaken.

    Args:
        targets: class numbers, ``(n,)`` or ``(n, 1)``, or one-hot rows ``(n, K)``.
        class_weight: the weight of each class number; classes not named count 1.

    Shapes:
        returns: ``(n,)``.

    Raises:
        InputError: a key is no class number, or the targets are of another shape.

    Example:
        >>> class_weights_as_sample_weights(torch.tensor([0, 1, 2]), {1: 5.0})
        tensor([1., 5., 1.])
    """
    weights = ClassWeights(class_weight)
    absent = weights.absent(targets)
    if absent:
        warnings.warn(
            f"`class_weight` names {', '.join(map(str, absent[:10]))}, and no example is of "
            f"{'this class' if len(absent) == 1 else 'these classes'}. "
            "Give the numbers as they are in y.",
            LatihWarning,
            stacklevel=2,
        )
    return weights(targets)


def class_numbers(targets: torch.Tensor) -> torch.Tensor:
    """Return the class number of each example.

    Shapes:
        targets: ``(n,)``, ``(n, 1)`` or, one-hot, ``(n, K)``; returns: ``(n,)``.

    Raises:
        InputError: the targets are of another shape.
    """
    if targets.ndim == 2 and targets.shape[1] > 1:
        return targets.argmax(dim=1)
    if targets.ndim not in (1, 2):
        raise InputError(
            "`class_weight` needs one class an example",
            expected="y of shape (n,), (n, 1) or (n, classes)",
            got=f"shape {tuple(targets.shape)}",
            fix="Give sample_weight instead.",
        )
    labels = targets.reshape(-1)
    return (labels.round() if labels.is_floating_point() else labels).long()


def sample_weights_as_list(
    given: Any,
    argument: str,
    outputs: int,
    names: Sequence[str] | None = None,
    read: Callable[[Any, str], torch.Tensor] = as_array,
) -> list[torch.Tensor | None]:
    """Return the weights of the examples for each output.

    Args:
        given: one array for all outputs; a list with an array or None for each; a dict by the
            outputs' names, in which those not named count 1; or None.
        argument: how the user calls it.
        outputs: how many outputs there are.
        names: what the model calls them, in their order, if that is known.
        read: what makes each a tensor.

    Returns:
        A tensor of float32 or None for each output.

    Raises:
        InputError: they do not fit the outputs.

    Example:
        >>> sample_weights_as_list({"b": [1.0, 2.0]}, "sample_weight", 2, names=["a", "b"])
        [None, tensor([1., 2.])]
    """
    if given is None:
        return [None] * outputs
    arrays = for_each_output(given, argument, names)
    labels = [argument] if len(arrays) == 1 else [f"{argument}[{i}]" for i in range(len(arrays))]
    weights = [
        None if array is None else _as_weights(read(array, label))
        for array, label in zip(arrays, labels, strict=True)
    ]
    if len(weights) == 1 and outputs > 1 and not isinstance(given, list | tuple | dict):
        (shared,) = weights
        if shared is not None and shared.ndim > 1:
            raise InputError(
                f"`{argument}` weighs the parts of an example, and the model has several outputs",
                expected="one weight an example, or a list with an array for each output",
                got=f"shape {tuple(shared.shape)}",
            )
        return weights * outputs
    if len(weights) != outputs:
        raise InputError(
            f"`{argument}` does not fit the outputs of the model",
            expected=f"one array, or {outputs}, one for each output",
            got=str(len(weights)),
        )
    return weights


def _as_weights(weights: torch.Tensor) -> torch.Tensor:
    return (weights[:, 0] if weights.shape[1:] == (1,) else weights).float()


def _class_number(key: Any) -> int:
    try:
        number = int(key)
        if isinstance(key, str) or number == key:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(
        "`class_weight` cannot be used", expected="class numbers as keys", got=repr(key)
    )
