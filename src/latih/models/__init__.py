"""Models: layers that can be trained, saved and read back."""

import os
from collections.abc import Mapping
from typing import Any

from latih import archive
from latih.errors import FileFormatError, InputError
from latih.layers import LAYERS
from latih.models.cloning import clone_model as clone_model
from latih.models.model import FUNCTIONAL
from latih.models.model import Model as Model
from latih.models.sequential import Sequential as Sequential
from latih.models.unit_variance import lsuv as lsuv
from latih.registry import custom_object_scope

# A model is a layer: it stands in their table, so that one may be part of another.
LAYERS.include(Sequential, Model, aliases={FUNCTIONAL: Model})


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a model from a ``.keras`` file, of Latih or of Keras.

    A file is data: it is built from Latih's own tables, and nothing that it names is imported,
    opened or run. There is no way to ask for less, so ``safe_mode`` must stay True.

    Args:
        filepath: the file.
        custom_objects: names in the file and the user's classes or functions that they mean.
        compile: whether to compile the model as it was, with the optimizer's state.
        safe_mode: taken for Keras's sake; only True.

    Returns:
        The model, with its weights.

    Raises:
        FileFormatError: it is no such file, or is damaged.
        UnknownNameError: it names what is in no table.

    Example:
        >>> import tempfile
        >>> from latih.layers import Dense
        >>> path = tempfile.mkdtemp() + "/small.keras"
        >>> Sequential([Dense(1, input_shape=[2])]).save(path)
        >>> load_model(path).input_shape
        (None, 2)
    """
    if not safe_mode:
        raise InputError(
            "`safe_mode` of load_model() cannot be switched off",
            expected="True: a model file never runs code",
            got=repr(safe_mode),
            fix="Register the classes that the file names, or give custom_objects.",
        )
    if str(filepath).endswith(".weights.h5"):
        raise FileFormatError(
            f"{str(filepath)!r} holds weights alone, and no model",
            expected="a .keras file",
            got="a .weights.h5 file",
            fix="Build the model by its code and call model.load_weights(path).",
        )
    with custom_object_scope(custom_objects or {}):
        return archive.read_model(filepath, LAYERS, Model, compile=compile)


def save_model(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Save a model: the same as ``model.save(filepath)``."""
    model.save(filepath, overwrite)
