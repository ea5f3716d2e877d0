"""The ``.keras`` archive: a zip of what a model is, what it was compiled for, and its weights."""

import datetime
import io
import json
import os
import zipfile
from typing import Any

import h5py

from latih.archive import guard, hdf5, weights
from latih.errors import FileFormatError, LatihError
from latih.files import write_atomically
from latih.layers.budget import weight_budget
from latih.registry import Table
from latih.tensors import map_shapes
from latih.version import __version__

# The release of Keras whose form is written; later ones read it.
KERAS_FORMAT = "3.10.0"


def write_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Write a model, whole or not at all.

    Args:
        model: a built model.
        path: where; ends in ``.keras``.
    """
    described = model.describe()
    metadata = {
        "keras_version": KERAS_FORMAT,
        "latih_version": __version__,
        "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"),
    }
    with write_atomically(path) as target, zipfile.ZipFile(target, "w") as archive:
        archive.writestr(_member("metadata.json"), json.dumps(metadata))
        archive.writestr(_member("config.json"), json.dumps(described))
        content = weights.weights_as_bytes(model, model.optimizer)
        archive.writestr(_member("model.weights.h5"), content)


def _member(name: str) -> zipfile.ZipInfo:
    # No clock is asked: of a machine that has none it says 1970, which a ZIP file cannot hold.
    member = zipfile.ZipInfo(name)
    member.external_attr = 0o644 << 16
    return member


def read_model(
    path: str | os.PathLike[str], table: Table[Any], kind: type, *, compile: bool = True
) -> Any:
    """Read a model.

    Args:
        path: a ``.keras`` file, of Latih or of Keras.
        table: the layers and models that may be built.
        kind: the class that the whole must be of.
        compile: whether to compile it as it was, with the optimizer's state.

    Returns:
        The model, with its weights.

    Raises:
        FileFormatError: it is no such file, is damaged, or names what is in no table.
    """
    with guard.open_archive(path) as archive:
        config = guard.read_json(archive, "config.json", guard.LARGEST_CONFIG)
        content = guard.read_weights_member(archive, "model.weights.h5")
    # A weight takes four bytes of the file: a config that asks for more has none to fill them.
    with weight_budget(len(content) // 4):
        model = _rebuild(path, config, table, kind)
    with hdf5.damage_told(os.fspath(path)), h5py.File(io.BytesIO(content), "r") as file:
        weights.read_weights(file, model)
        if compile and config.get("compile_config"):
            _compile(path, model, config["compile_config"])
            if model.optimizer is not None and model.trainable_weights:
                model.optimizer.build(model.trainable_weights)
                weights.read_optimizer(file, model.optimizer)
    return model


def _rebuild(
    path: str | os.PathLike[str], config: dict[str, Any], table: Table[Any], kind: type
) -> Any:
    try:
        model = table.deserialize(config)
        if not isinstance(model, kind):
            raise FileFormatError(
                f"{os.fspath(path)!r} holds no model",
                expected="a model",
                got=f"a {type(model).__name__}",
            )
        build_config = config.get("build_config")
        if not model.built and build_config:
            model.build(map_shapes(tuple, build_config["input_shape"]))
        return model
    except LatihError:
        raise
    except Exception as error:
        # A config is the file's word, and may hold anything where a constructor expects something.
        raise _misdescribed(path, error) from error


def _compile(path: str | os.PathLike[str], model: Any, compile_config: Any) -> None:
    try:
        guard.refuse_many_values(compile_config)
        model.compile_from_config(compile_config)
    except LatihError:
        raise
    except Exception as error:
        raise _misdescribed(path, error) from error


def _misdescribed(path: str | os.PathLike[str], error: Exception) -> FileFormatError:
    return FileFormatError(
        f"{os.fspath(path)!r} describes a model that cannot be built",
        expected="the arguments that its layers take",
        got=f"{type(error).__name__}: {error}",
        fix="Save the model again.",
    )
