"""Weights pulled towards zero at every update, apart from the gradient."""

import re
from collections.abc import Iterable, Sequence

import torch

from latih.errors import InputError
from latih.optimizers.flat import FlatParameters


class WeightDecay:
    """``w ← w - λ η w`` for all weights but those that are spared.

    Args:
        var_list: weights that are spared.
        var_names: regular expressions; a weight in whose name one is found is spared.

    Example:
        >>> weights = [torch.ones(1), torch.ones(1)]
        >>> flat = FlatParameters(weights)
        >>> WeightDecay(var_names=["bias"]).apply(flat, 0.25, ["kernel", "bias"])
        >>> weights
        [tensor([0.7500]), tensor([1.])]

    Reference:
        Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization", algorithms 1 and 2.
    """

    def __init__(
        self,
        var_list: Iterable[torch.Tensor] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        self.var_list = list(var_list or ())
        self.var_names = list(var_names or ())

    def apply(self, flat: FlatParameters, fraction: float, names: Sequence[str] | None) -> None:
        """Shrink the weights, in place.

        Args:
            flat: the weights.
            fraction: λ η, the part to take away.
            names: what the weights are called, if that is known.

        Raises:
            InputError: weights are spared by their names, which are not known.
        """
        if not self.var_list and not self.var_names:
            flat.values.mul_(1.0 - fraction)
            return
        self.apply_each(flat, [fraction] * len(flat.parameters), names)

    def apply_each(
        self, flat: FlatParameters, fractions: Sequence[float], names: Sequence[str] | None
    ) -> None:
        """Shrink each weight by a fraction of its own, in place; see :meth:`apply`."""
        spared = {id(variable) for variable in self.var_list} | self._spared_by_name(flat, names)
        views = flat.views(flat.values)
        for parameter, view, fraction in zip(flat.parameters, views, fractions, strict=True):
            if fraction and id(parameter) not in spared:
                view.mul_(1.0 - fraction)

    def _spared_by_name(self, flat: FlatParameters, names: Sequence[str] | None) -> set[int]:
        if not self.var_names:
            return set()
        if names is None or len(names) != len(flat.parameters):
            raise InputError(
                "exclude_from_weight_decay(var_names=...) needs the names of the weights",
                expected=f"build(variables, names) with {len(flat.parameters)} names",
                got="no names" if names is None else f"{len(names)} names",
                fix="Give the weights themselves: var_list=[layer.bias, ...].",
            )
        pattern = re.compile("|".join(self.var_names))
        named = zip(flat.parameters, names, strict=True)
        return {id(parameter) for parameter, name in named if pattern.search(name)}
