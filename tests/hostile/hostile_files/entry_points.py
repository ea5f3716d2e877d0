"""Every way by which a file, or what stands in one, comes in. A row is a way."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import latih
from latih.archive import load_torch_weights, read_safetensors

from . import good

# What a caller reads himself he has room for: it is taken as it is.
LARGEST_CONFIG = 2**20

NotReadable = (OSError, ValueError, KeyError, RecursionError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class EntryPoint:
    """A way in.

    Args:
        name: what a report calls it.
        suffixes: the endings of the files that it takes.
        prepare: what is done before, unwatched: returns None if the file is nothing for it.
        enter: what is watched; returns a model.
        from_config: whether only the config is read, so that weights begin anew.
        compiles: whether the optimizer and its state are read too.
        may_not_look: whether it may leave the config unread, and return the good model.
    """

    name: str
    suffixes: tuple[str, ...]
    prepare: Callable[[Path], Any]
    enter: Callable[[Any], Any]
    from_config: bool = False
    compiles: bool = False
    may_not_look: bool = False


def _path(path: Path) -> Path:
    return path


def _model_and_path(path: Path) -> tuple[Any, Path]:
    return good.model(), path


def _config(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > LARGEST_CONFIG:
                return None
            return json.loads(archive.read("config.json"))
    except (*NotReadable, zipfile.BadZipFile, EOFError, MemoryError):
        return None
    except Exception as error:  # zlib.error
        assert type(error).__module__ == "zlib"
        return None


def _of_model(path: Path) -> Any:
    config = _config(path)
    return config.get("config") if isinstance(config, dict) else None


def _model_of(config: Any) -> Any:
    """Return a good model that describes itself as the file does: what clone_model() asks."""
    model = good.model()
    object.__setattr__(model, "get_config", lambda: config)
    return model


def _filled(fill: Callable[[Any, Path], Any]) -> Callable[[Any], Any]:
    def enter(given: tuple[Any, Path]) -> Any:
        model, path = given
        fill(model, path)
        return model

    return enter


def _cloned(path: Path) -> Any:
    config = _of_model(path)
    return None if config is None else _model_of(config)


ENTRY_POINTS = [
    EntryPoint("load_model", (".keras", ".h5"), _path, latih.models.load_model, compiles=True),
    EntryPoint(
        "load_model, not compiled",
        (".keras",),
        _path,
        lambda path: latih.models.load_model(path, compile=False),
    ),
    EntryPoint("from_config", (".keras",), _of_model, latih.Sequential.from_config, True),
    EntryPoint("deserialize", (".keras",), _config, latih.layers.deserialize, True),
    EntryPoint(
        "load_weights",
        (".weights.h5", ".h5"),
        _model_and_path,
        _filled(lambda model, path: model.load_weights(path)),
    ),
    EntryPoint("safetensors", (".safetensors",), _model_and_path, _filled(read_safetensors)),
    EntryPoint(
        "load_torch_weights",
        (".pt", ".safetensors"),
        _model_and_path,
        _filled(lambda model, path: load_torch_weights(model, path)),
    ),
]

if hasattr(latih.models, "clone_model"):
    ENTRY_POINTS.append(
        EntryPoint(
            "clone_model",
            (".keras",),
            _cloned,
            latih.models.clone_model,
            from_config=True,
            may_not_look=True,  # it may ask each layer, not the model, what it is
        )
    )


def entry_points_of(path: str) -> list[EntryPoint]:
    """Return the ways that a file of this name is tried on."""
    suffix = ".weights.h5" if path.endswith(".weights.h5") else Path(path).suffix
    return [entry for entry in ENTRY_POINTS if suffix in entry.suffixes]
