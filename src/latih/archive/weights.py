"""Weights in HDF5, in the layout of Keras: ``layers/dense/vars/0`` and so on."""

import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch

from latih.archive import guard, hdf5
from latih.errors import FileFormatError, LatihWarning
from latih.files import write_atomically
from latih.layers import Layer
from latih.optimizers import Optimizer
from latih.tensors import as_tensor


def write_weights(file: h5py.Group, model: Layer, optimizer: Optimizer | None) -> None:
    """Write a model's weights and, if there is one, its optimizer's state."""
    for path, layer in located(model):
        group = file.create_group(f"{path}/vars" if path else "vars")
        group.attrs["name"] = layer.name
        for number, (_, weight) in enumerate(_own_weights(layer)):
            group[str(number)] = weight.detach().cpu().numpy()
    if optimizer is not None and optimizer.flat is not None:
        group = file.create_group("optimizer/vars")
        group.attrs["name"] = optimizer.name
        # What a reader will ask for: that of the weights that are trainable now.
        for number, variable in enumerate(optimizer.variables_for(model.trainable_weights)):
            group[str(number)] = variable.detach().cpu().numpy()


def read_weights(file: h5py.Group, model: Layer) -> None:
    """Read a model's weights; all of them, or none is changed.

    Raises:
        FileFormatError: one is missing, surplus, or of another shape.
    """
    fresh: list[tuple[torch.Tensor, np.ndarray]] = []
    known: set[str] = set()
    for path, layer in located(model):
        what = f"the weights of layer {layer.name!r}"
        own = list(_own_weights(layer))
        group = hdf5.plain_group(file, f"{path}/vars" if path else "vars", what)
        stored = 0 if group is None else len(group)
        if stored != len(own):
            raise FileFormatError(
                f"{what} do not fit the model",
                expected=f"{len(own)} arrays",
                got=str(stored),
                fix="Build the model as it was when the weights were saved.",
            )
        for number, (attribute, weight) in enumerate(own):
            assert group is not None
            array = hdf5.read_array(
                group, str(number), weight.shape, f"`{attribute}` of layer {layer.name!r}"
            )
            fresh.append((weight, array))
            known.add(f"{path}/vars/{number}" if path else f"vars/{number}")
    hdf5.refuse_surplus(file, known, apart=("optimizer",))
    with torch.no_grad():
        for weight, array in fresh:
            weight.copy_(as_tensor(array))
    for _, layer in located(model):
        layer.is_read = True


def read_optimizer(file: h5py.Group, optimizer: Optimizer) -> None:
    """Read an optimizer's state, if the file has one.

    One of more or fewer weights, as Keras writes when layers were frozen after training, is told
    and left out; so is another optimizer's, if it has more or fewer arrays.

    Raises:
        FileFormatError: it is damaged.

    Warns:
        LatihWarning: it is of other weights, or another optimizer's.
    """
    what = f"the state of the optimizer {optimizer.name!r}"
    group = hdf5.plain_group(file, "optimizer/vars", what)
    if group is None:
        return
    own = optimizer.variables
    if len(group) not in (len(own), optimizer.counters):
        if set(group) != {str(number) for number in range(len(group))}:
            raise FileFormatError(
                f"{what} does not fit",
                expected=f"{len(own)} arrays",
                got=str(len(group)),
                fix="Load with compile=False to go without it.",
            )
        warnings.warn(
            f"{what} is left out, and begins anew: the file has {len(group)} arrays of it, and the "
            f"model needs {len(own)}. Layers were frozen or freed before it was saved, or it is "
            "another optimizer's.",
            LatihWarning,
            stacklevel=4,  # at the line that calls load_model()
        )
        return
    # A model that was compiled and never trained has counters only: its slots begin anew.
    optimizer.load_variables(
        [
            as_tensor(_state(group, number, variable, what))
            for number, variable in enumerate(own[: len(group)])
        ]
    )


def _state(group: h5py.Group, number: int, own: torch.Tensor, what: str) -> np.ndarray:
    array = hdf5.read_array(group, str(number), own.shape, what)
    if own.ndim == 0:
        # Counters and rates steer all that follows; a slot's numbers only their own weights.
        largest = torch.finfo(torch.float32).max if own.is_floating_point() else 2**31 - 1
        if not (np.isfinite(array) and abs(float(array)) <= largest):
            raise FileFormatError(f"{what} holds a number that cannot be", got=str(array))
    return array


def write_weights_file(model: Layer, path: str | os.PathLike[str]) -> None:
    """Write a model's weights to a ``.weights.h5`` file."""
    with write_atomically(path) as target:
        target.write(weights_as_bytes(model, None))


def read_weights_file(model: Layer, path: str | os.PathLike[str]) -> None:
    """Read a model's weights from a ``.weights.h5`` file.

    Raises:
        FileFormatError: it is none, or another model's.
    """
    guard.require_file(Path(path), "a .weights.h5 file")
    with hdf5.damage_told(os.fspath(path)), h5py.File(os.fspath(path), "r") as file:
        if "model_config" in file.attrs or "layer_names" in file.attrs or "model_weights" in file:
            raise FileFormatError(
                f"{os.fspath(path)!r} is in the form of Keras 2, which is not read",
                expected="a file that save_weights('name.weights.h5') of Latih or Keras 3 wrote",
                got="a whole model or weights by layers' names",
                fix="Load it in Keras, and save its weights with model.save_weights() there.",
            )
        read_weights(file, model)


def weights_as_bytes(model: Layer, optimizer: Optimizer | None) -> bytes:
    """Return what a weights file holds."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write_weights(file, model, optimizer)
    return buffer.getvalue()


def located(layer: Layer) -> Iterator[tuple[str, Layer]]:
    """Yield every layer under its path; one that is shared under the first of its paths."""
    seen: set[int] = set()
    waiting = [("", layer)]
    while waiting:
        path, here = waiting.pop()
        if id(here) not in seen:
            seen.add(id(here))
            yield path, here
            children = [(f"{path}/{n}" if path else n, child) for n, child in here.saved_children()]
            waiting.extend(reversed(children))


def _own_weights(layer: Layer) -> Iterator[tuple[str, torch.Tensor]]:
    for weight in layer.own_weights():
        yield weight.attribute, getattr(layer, weight.attribute)
