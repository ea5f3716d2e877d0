"""Weights that were trained in PyTorch, put into a model of the same shape.

Names differ between any two programs, so that weights are matched in order: PyTorch's in the order
in which its modules were made, the model's layer by layer. What differs is the layout::

    Linear             (out, in)               Dense           (in, out)
    Conv               (out, in/groups, *s)    Conv            (*s, in/groups, out)
    ConvTranspose      (in, out/groups, *s)    ConvTranspose   (*s, out/groups, in)
    Conv, groups = in  (in·m, 1, *s)           DepthwiseConv   (*s, in, m)
    flattened          (channels, *s)          Flatten         (*s, channels)
"""

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from latih.archive import safetensors_file, torch_file
from latih.arguments import one_of
from latih.errors import InputError
from latih.layers import Layer

NOT_A_WEIGHT = "num_batches_tracked"

# The order in which PyTorch's modules make their own weights.
WITHIN_A_MODULE = ("weight", "bias", "running_mean", "running_var")

# Layers that change no place of a feature, so that a Flatten before them is still to be heeded.
DENSE = "Dense"
FORGETS_THE_ORDER = ("Reshape", "Permute", "RepeatVector")


@dataclass(frozen=True)
class _Place:
    """A weight of the model, and what stands before it."""

    layer: Layer
    attribute: str
    weight: torch.Tensor
    flattened: torch.Tensor | None
    """Where each feature of a Flatten stood when the channels came first."""

    @property
    def name(self) -> str:
        return f"{self.layer.name}/{self.attribute}"


def load_torch_weights(
    model: Layer,
    source: str | os.PathLike[str] | Mapping[str, Any],
    *,
    order: Sequence[str] | None = None,
    flattened: str = "channels_first",
) -> None:
    """Fill a model with the weights of a PyTorch module of the same shape; all, or none is changed.

    What is no weight stays as the model has it: mind that BatchNormalization's epsilon is 1e-3
    here and 1e-5 in PyTorch.

    Args:
        model: a built model.
        source: a ``.pt``, ``.pth`` or ``.safetensors`` file, or a ``state_dict()``.
        order: the names in the source in the order of the model's layers; by default the source's
            own. A safetensors file keeps none, so that it is needed there, unless all names are
            numbers as those of ``nn.Sequential`` are.
        flattened: how the module flattened images: ``"channels_first"``, PyTorch's way, or
            ``"channels_last"``, if it moved the channels to the end before.

    Raises:
        FileFormatError: the file is none of these, or says more than a file may say.
        InputError: weights are missing, surplus, or of other shapes: the sentence names them.

    Example:
        >>> from latih.layers import Dense
        >>> module, layer = torch.nn.Linear(3, 2), Dense(2)
        >>> layer.build((None, 3))
        >>> load_torch_weights(layer, module.state_dict())
        >>> x = torch.ones(1, 3)
        >>> torch.allclose(layer(x), module(x))
        True
    """
    one_of(flattened, "flattened", "load_torch_weights", ("channels_first", "channels_last"))
    places = list(_places(model, heed_flatten=flattened == "channels_first"))
    stored = _in_order(read_torch_tensors(source), order, needs_order=_is_safetensors(source))
    _refuse_other_numbers(places, stored)
    fresh = [_converted(place, *item) for place, item in zip(places, stored, strict=True)]
    with torch.no_grad():
        for place, values in zip(places, fresh, strict=True):
            place.weight.copy_(values)
            place.layer.is_read = True


# What the source holds


def _is_safetensors(source: Any) -> bool:
    return not isinstance(source, Mapping) and Path(source).suffix == ".safetensors"


def read_torch_tensors(
    source: str | os.PathLike[str] | Mapping[str, Any],
) -> Mapping[str, torch.Tensor]:
    """Return the tensors of a file of PyTorch, or of a ``state_dict()``, by their names there.

    Args:
        source: a ``.pt``, ``.pth`` or ``.safetensors`` file, or the mapping.

    Raises:
        FileFormatError: it is none of these, or says more than a file may say.
    """
    if isinstance(source, Mapping):
        return torch_file.state_dict_of(source, "the state_dict")
    if _is_safetensors(source):
        return safetensors_file.read_tensors(source, safetensors_file.read_header(source))
    return torch_file.read_state_dict(source)


def _in_order(
    tensors: Mapping[str, torch.Tensor], order: Sequence[str] | None, *, needs_order: bool
) -> list[tuple[str, torch.Tensor]]:
    names = [name for name in tensors if name.split(".")[-1] != NOT_A_WEIGHT]
    if order is not None:
        asked = [name for name in order if name.split(".")[-1] != NOT_A_WEIGHT]
        if sorted(asked) != sorted(names):
            raise InputError(
                "`order` of load_torch_weights() has other names than the source",
                expected=f"each once of {', '.join(sorted(names))}",
                got=", ".join(sorted(asked)),
            )
        names = asked
    elif needs_order:
        names = sorted(names, key=_by_numbers)
    return [(name, tensors[name]) for name in names]


def _by_numbers(name: str) -> list[tuple[int, int]]:
    *modules, own = name.split(".")
    if own not in WITHIN_A_MODULE or not all(module.isdecimal() for module in modules):
        raise InputError(
            "a safetensors file does not keep the order of its weights",
            expected="names whose numbers tell it, such as '0.weight' and '2.bias'",
            got=repr(name),
            fix="Give order=list(module.state_dict()), or load a .pt file.",
        )
    return [*((1, int(module)) for module in modules), (0, WITHIN_A_MODULE.index(own))]


# Where it goes


def _places(model: Layer, *, heed_flatten: bool) -> Iterator[_Place]:
    flattened: torch.Tensor | None = None
    convolved = False
    for layer in _in_order_of_making(model):
        kind = type(layer).__name__
        if kind == "Flatten" and heed_flatten:
            flattened = _places_of_channels_first(layer, convolved)
        elif kind in FORGETS_THE_ORDER:
            flattened = None
        for weight in layer.own_weights():
            values = getattr(layer, weight.attribute)
            convolved = convolved or ("kernel" in weight.attribute and values.ndim > 2)
            yield _Place(layer, weight.attribute, values, flattened)
        if kind == DENSE:
            flattened = None


def _in_order_of_making(model: Layer) -> list[Layer]:
    found: dict[int, Layer] = {}

    def visit(layer: Layer) -> None:
        if id(layer) not in found:  # a layer that is used twice has its weights once
            found[id(layer)] = layer
            for inner in layer.layers:
                visit(inner)

    visit(model)
    return list(found.values())


def _places_of_channels_first(layer: Layer, convolved: bool) -> torch.Tensor | None:
    build_config = layer.get_build_config()
    sizes = None if build_config is None else build_config["input_shape"][1:]
    # Two axes are rows and columns, the same in both, unless a convolution made channels of one.
    if sizes is None or None in sizes or len(sizes) < (2 if convolved else 3):
        return None
    *spatial, channels = sizes
    places = torch.arange(math.prod(sizes)).reshape(channels, *spatial)
    return places.movedim(0, -1).reshape(-1)


# How its numbers are turned


def _converted(place: _Place, name: str, stored: torch.Tensor) -> torch.Tensor:
    if stored.is_floating_point() or stored.dtype in (torch.int64, torch.int32):
        values = _turned(place, stored)
        if values.shape == place.weight.shape:
            return values
    raise InputError(
        f"{name!r} does not fit `{place.attribute}` of layer {place.layer.name!r}",
        expected=f"what becomes shape {tuple(place.weight.shape)}",
        got=f"shape {tuple(stored.shape)} of {stored.dtype}",
        fix="Build the model as the module is built, its layers in the same order.",
    )


def _turned(place: _Place, stored: torch.Tensor) -> torch.Tensor:
    own, features = place.weight, place.flattened
    is_kernel = place.attribute.endswith("kernel")
    if is_kernel and stored.ndim != own.ndim:
        return stored
    if _is_depthwise(place):
        inputs, multiplier = own.shape[-2:]
        if stored.shape[0] != inputs * multiplier or stored.shape[1] != 1:
            return stored
        split = stored.reshape(inputs, multiplier, *stored.shape[2:])
        return split.permute(*range(2, split.ndim), 0, 1)
    if is_kernel:
        turned = stored.permute(*range(2, stored.ndim), 1, 0)
        if features is not None and len(turned) == len(features):
            return turned[features]
        return turned
    if place.attribute == "alpha" and stored.numel() in (1, own.numel()):  # of PReLU
        return stored.reshape(-1).expand(own.numel()).reshape(own.shape)
    if features is not None and stored.ndim == 1 and len(stored) == len(features):
        if type(place.layer).__name__ != DENSE:  # a bias of Dense is of its outputs
            return stored[features]
    return stored


def _is_depthwise(place: _Place) -> bool:
    owner = type(place.layer).__name__
    return place.attribute == "depthwise_kernel" or (
        place.attribute == "kernel" and owner.startswith("Depthwise")
    )


def _refuse_other_numbers(
    places: Sequence[_Place], stored: Sequence[tuple[str, torch.Tensor]]
) -> None:
    if len(places) == len(stored):
        return
    pairs = list(zip(places, stored, strict=False))
    # What follows the first pair that cannot belong together is where they part.
    alike = next(
        (n for n, (p, (_, s)) in enumerate(pairs) if p.weight.numel() != s.numel()), len(pairs)
    )
    missing = ", ".join(place.name for place in places[alike:]) or "none"
    surplus = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in stored[alike:])
    raise InputError(
        "the weights of PyTorch do not fit the model",
        expected=f"{len(places)} weights, from the first that differs {missing}",
        got=f"{len(stored)} weights, from there {surplus or 'none'}",
        fix="Build the model as the module is built, its layers in the same order.",
    )
