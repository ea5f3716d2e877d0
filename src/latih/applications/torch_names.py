"""What files of PyTorch call the weights of a known network, and those weights put into it.

Programs name the same modules differently: ``layer1.0.conv1`` is torchvision's and timm's,
``_blocks.0._depthwise_conv`` another port's. Each such way is a dialect here: by which of the
model's layers each of its modules is meant. Which one a file speaks is read off its names.
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from latih.archive import load_torch_weights
from latih.errors import FileFormatError
from latih.layers import DepthwiseConv2D, Layer

IN_TORCH = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""What PyTorch calls the weights of convolutions, batch normalisation and Dense layers."""

NOT_A_WEIGHT = "num_batches_tracked"
WRAPPED = "module."
"""What stands before every name of a module that was trained on several devices."""

MOST_TOLD = 10


@dataclass(frozen=True)
class Names:
    """The dialects of a network.

    Args:
        dialects: for each, what its files call the module of each layer with weights.
        head: the layers that a model may lack, whose weights in a file are then left.
    """

    dialects: tuple[Mapping[str, str], ...]
    head: tuple[str, ...] = ()

    def know(self, model: Layer) -> bool:
        """Say whether a model has this network's layers with weights and no others."""
        own, known = {layer.name for layer in _weighted(model)}, set(self.dialects[0])
        return own - set(self.head) == known - set(self.head) and own <= known

    def spoken_by(self, names: Sequence[str]) -> Mapping[str, str] | None:
        """Return the dialect that most of the names belong to; None if none knows one of them."""
        modules = {name.rpartition(".")[0] for name in names}
        best = max(self.dialects, key=lambda dialect: len(modules & set(dialect.values())))
        return best if modules & set(best.values()) else None


def fill_by_names(
    model: Layer, tensors: Mapping[str, torch.Tensor], names: Names, source: str
) -> None:
    """Put the tensors of a file into a known network by their names; all, or none is changed.

    Args:
        model: the network, with its top or without.
        tensors: what the file holds, by its names.
        names: what its layers may be called there.
        source: the file, for the sentence of an error.

    Raises:
        FileFormatError: tensors are missing, surplus, or of other shapes: the sentence names them.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(1, name="predictions", input_shape=[2])])
        >>> names = Names(({"predictions": "fc"},))
        >>> fill_by_names(model, torch.nn.ModuleDict({"fc": torch.nn.Linear(2, 1)}).state_dict(),
        ...               names, "a module")
    """
    if tensors and all(name.startswith(WRAPPED) for name in tensors):
        tensors = {name.removeprefix(WRAPPED): tensor for name, tensor in tensors.items()}
    given = {n: t for n, t in tensors.items() if n.rpartition(".")[2] != NOT_A_WEIGHT}
    dialect = names.spoken_by(list(given))
    if dialect is None:
        known = ", ".join(repr(next(iter(d.values()))) for d in names.dialects)
        raise FileFormatError(
            f"the weights in {source!r} are those of another network",
            expected=f"names that begin with {known}",
            got=", ".join(map(repr, list(given)[:3])) or "none",
            fix="Load them into the network that they were trained in.",
        )
    wanted = dict(_wanted(model, dialect))
    _refuse_misfits(wanted, given, [dialect[name] for name in names.head], source)
    load_torch_weights(model, {name: given[name] for name in wanted})


def _wanted(model: Layer, dialect: Mapping[str, str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the name in the file and PyTorch's shape of each weight, in the model's order."""
    for layer in _weighted(model):
        for weight in layer.own_weights():
            shape = tuple(layer.kept_weight(weight.attribute).shape)
            if isinstance(layer, DepthwiseConv2D) and weight.attribute == "kernel":
                shape = (math.prod(shape[-2:]), 1, *shape[:-2])
            elif weight.attribute == "kernel":
                shape = (shape[-1], shape[-2], *shape[:-2])
            yield f"{dialect[layer.name]}.{IN_TORCH[weight.attribute]}", shape


def _weighted(model: Layer) -> list[Layer]:
    return [layer for layer in model.layers if layer.own_weights()]


def _refuse_misfits(
    wanted: Mapping[str, tuple[int, ...]],
    given: Mapping[str, torch.Tensor],
    head: Sequence[str],
    source: str,
) -> None:
    wrong = [
        *(f"{name!r} is missing" for name in wanted if name not in given),
        *(
            f"{name!r} of shape {tuple(tensor.shape)} is surplus"
            for name, tensor in given.items()
            if name not in wanted and name.rpartition(".")[0] not in head
        ),
        *(
            f"{name!r} of shape {tuple(given[name].shape)}, not {shape}"
            for name, shape in wanted.items()
            if name in given and tuple(given[name].shape) != shape
        ),
    ]
    if not wrong:
        return
    of_head = all(any(f"'{one}." in told for one in head) for told in wrong)
    raise FileFormatError(
        f"the weights in {os.fspath(source)!r} do not fit the network",
        expected=f"its {len(wanted)} tensors",
        got="; ".join(wrong[:MOST_TOLD])
        + (f"; and {len(wrong) - MOST_TOLD} more" if wrong[MOST_TOLD:] else ""),
        fix="Give include_top=False, and put a top of your own on it."
        if of_head
        else "Take the file of this very network.",
    )
