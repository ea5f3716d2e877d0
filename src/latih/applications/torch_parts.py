"""The modules inside a module of PyTorch, told as layers: what may be frozen, counted and saved."""

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase  # pyright: ignore[reportPrivateUsage]

from latih.layers import Layer
from latih.layers.base import Weight

COUNTER = "num_batches_tracked"


class TorchPart(Layer):
    """A module of PyTorch as a layer: its weights are the module's own, not copies.

    So ``part.trainable = False`` freezes the module, and ``get_weights`` and the files see what it
    holds. It is the module that runs; the part tells of it.

    Args:
        module: the module.
        name: what it is called where it stands.
        known: the parts that were made already, by the identity of their modules: one that is
            used twice has its weights once.
        alone: whether to leave out the modules inside it.

    Example:
        >>> part = TorchPart(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "block", {})
        >>> [layer.name for layer in part.layers], part.count_params()
        (['0', '1'], 21)
        >>> part.layers[0].trainable = False
        >>> part.of[0].weight.requires_grad
        False
    """

    def __init__(
        self, module: nn.Module, name: str, known: dict[int, Layer], alone: bool = False
    ) -> None:
        super().__init__(name=name)
        held = vars(self)
        held["of"] = module  # around PyTorch's list of modules, which has it already
        # The very dictionaries of the module: whatever is put there is seen from both sides.
        held["_parameters"], held["_buffers"] = module._parameters, module._buffers
        for attribute, parameter in module._parameters.items():
            if parameter is not None:
                self._weights[attribute] = Weight(attribute, trainable=True)
        passed_over = set(module._non_persistent_buffers_set)
        if isinstance(module, _NormBase) and module.momentum is not None:
            passed_over.add(COUNTER)  # which nothing reads then
        for attribute, buffer in module._buffers.items():
            if buffer is not None and attribute not in passed_over:
                self._weights[attribute] = Weight(attribute, trainable=False, autocast=False)
        own = [p for p in module._parameters.values() if p is not None]
        self._trainable = not own or any(parameter.requires_grad for parameter in own)
        if not alone:
            for within, part in parts_of(module, known):
                self._modules[within] = part  # a name there may be that of an attribute here
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return what the module makes of a batch, in PyTorch's layout."""
        return vars(self)["of"](inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs, in PyTorch's layout."""
        return Layer.compute_output_shape(self, input_shape)

    def keras_identity(self) -> dict[str, Any]:
        """Return the module's class: what summaries call it, and files number it by."""
        return {**super().keras_identity(), "class_name": type(vars(self)["of"]).__name__}

    def keeps_statistics(self) -> bool:
        """Say whether training changes what no gradient does, as batch normalisation."""
        return isinstance(vars(self)["of"], _NormBase)


def parts_of(module: nn.Module, known: dict[int, Layer]) -> Iterator[tuple[str, Layer]]:
    """Yield the modules directly inside one as parts, with the names that they have there.

    Args:
        module: the module.
        known: the parts that were made already; those that are made are added.
    """
    for name, child in module.named_children():
        if isinstance(child, Layer):
            yield name, child
            continue
        if id(child) not in known:
            known[id(child)] = TorchPart(child, name, known)
        yield name, known[id(child)]
