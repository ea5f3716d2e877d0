"""Initial weights scaled on data, layer after layer."""

from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from latih.arguments import number, whole
from latih.errors import InputError
from latih.initializers import LSUV
from latih.layers import Layer
from latih.layers.base import mode
from latih.layers.preactivation import preactivation
from latih.tensors import as_tensor


def lsuv(
    model: Layer, x: Any, tolerance: float = 0.1, max_iterations: int = 10
) -> dict[str, float]:
    """Scale a model's orthonormal weights until each layer's sums on a batch have variance one.

    Formulas for initial weights know the widths of layers, not what activations, pooling and
    shortcuts between them do to a signal. This measures it: ``K ← K / √Var[sums]``, from the first
    layer to the last, each on what the layers before it, already scaled, make of the batch. Call it
    once, before ``fit``.

    The layers are those made with ``kernel_initializer="lsuv"`` and not frozen. Each is scaled at
    the moment when the batch reaches it, so one pass through the model does them all, whatever its
    form.

    Args:
        model: a model, or any layer with such layers inside; it is built if need be.
        x: a batch of examples; a few hundred will do.
        tolerance: how far from one a variance may stay, > 0.
        max_iterations: how often a layer is scaled at most, >= 1.

    Shapes:
        x: ``(n, ...)``, as the model takes it.

    Returns:
        The variance that each layer, by its name, had before it was scaled.

    Raises:
        InputError: no layer is marked, or one gives the same for everything.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(50, "relu", kernel_initializer="lsuv") for _ in range(9)])
        >>> x = 100 * torch.randn(200, 50)
        >>> before = lsuv(model, x)
        >>> 0.2 < model(x).square().mean().item() < 1.5
        True

    Reference:
        Mishkin & Matas 2016, "All You Need Is a Good Init", algorithm 1.
    """
    tolerance = number(tolerance, "tolerance", "lsuv", above=0)
    max_iterations = whole(max_iterations, "max_iterations", "lsuv", least=1)
    examples = as_tensor(x)
    before: dict[str, float] = {}
    hooks: dict[nn.Module, RemovableHandle] = {}

    def scale(layer: Any, arguments: tuple[Any, ...]) -> None:
        hooks.pop(layer).remove()  # scaling calls the layer; and one that is used twice is done
        before[layer.name] = _scale(layer, arguments[0], tolerance, max_iterations)

    with mode(model, False), torch.no_grad():
        model(examples[:1])  # builds what is not built
        marked = [layer for layer in model.modules() if _is_marked(layer)]
        if not marked:
            raise InputError(
                f"lsuv() finds nothing to scale in {model.name!r}",
                expected="at least one trainable layer made with kernel_initializer='lsuv'",
                got="none",
                fix="Give it to the Dense and convolution layers.",
            )
        hooks |= {layer: layer.register_forward_pre_hook(scale) for layer in marked}
        try:
            model(examples)
        finally:
            for hook in hooks.values():
                hook.remove()
    return before


def _is_marked(layer: nn.Module) -> bool:
    initializer = getattr(layer, "kernel_initializer", None)
    return isinstance(layer, Layer) and layer.trainable and isinstance(initializer, LSUV)


def _scale(layer: Layer, inputs: torch.Tensor, tolerance: float, most: int) -> float:
    first = variance = preactivation(layer, inputs).var(correction=0).item()
    for _ in range(most):
        if not 0 < variance < float("inf"):
            raise InputError(
                f"lsuv() cannot scale {layer.name!r}",
                expected="sums that differ from example to example",
                got=f"a variance of {variance:g}",
                fix="Give several different examples, without NaN, in a sound range.",
            )
        if abs(variance - 1) < tolerance:
            break
        layer.kernel.div_(variance**0.5)  # type: ignore[operator]
        variance = preactivation(layer, inputs).var(correction=0).item()
    return first
