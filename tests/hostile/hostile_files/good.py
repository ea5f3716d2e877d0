"""The good files of which the hostile ones are made."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

import latih
from latih.archive import write_safetensors

WEIGHTS = "model.weights.h5"
CONFIG = "config.json"

OBEYED = str(Path(tempfile.gettempdir()) / "latih-obeyed-a-file")
"""What the files that name code would make, if anybody obeyed."""


def model() -> Any:
    """Return a small net with a net inside it, that needs all that files can hold."""
    layers = latih.layers
    net = latih.Sequential(
        [
            latih.Input([6], name="numbers"),
            layers.Dense(5, "relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5, name="drop"),
            latih.Sequential([layers.Dense(4, "tanh", name="within")], name="inner"),
            layers.Dense(3, name="last"),
        ],
        name="good",
    )
    net.compile("adam", loss="mse", metrics=["mae"])
    return net


def module() -> torch.nn.Module:
    """Return the same net in PyTorch."""
    return torch.nn.Sequential(
        torch.nn.Linear(6, 5),
        torch.nn.ReLU(),
        torch.nn.BatchNorm1d(5),
        torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh()),
        torch.nn.Linear(4, 3),
    )


@dataclass(frozen=True)
class Good:
    """Bytes of good files, and the folder in which a secret lies."""

    members: Mapping[str, bytes]
    weights: bytes
    safetensors: bytes
    pt: bytes
    outside: Path

    @property
    def config(self) -> Any:
        """A copy of the config that may be changed."""
        return json.loads(self.members[CONFIG])


def make_good(folder: Path) -> Good:
    """Train the net for a step and save it in every way; lay the canary outside."""
    latih.utils.set_random_seed(1)
    outside = folder / "outside"
    outside.mkdir()
    (outside / "canary.txt").write_text("untouched")
    (outside / "secret.bin").write_bytes(np.full((6, 5), 7.0, "float32").tobytes())
    with h5py.File(outside / "secret.h5", "w") as file:
        file["data"] = np.full((6, 5), 7.0, "float32")
        file["group/vars/0"] = np.full((6, 5), 7.0, "float32")
        file["group/vars/1"] = np.full(5, 7.0, "float32")
    net = model()
    inputs = np.random.default_rng(1).normal(size=(32, 6)).astype("float32")
    net.fit(inputs, inputs[:, :3], verbose=0, shuffle=False)
    files = folder / "good"
    files.mkdir()
    net.save(files / "good.keras")
    net.save_weights(files / "good.weights.h5")
    write_safetensors(net, files / "good.safetensors")
    torch.save(module().state_dict(), files / "good.pt")
    return Good(
        members=unzipped((files / "good.keras").read_bytes()),
        weights=(files / "good.weights.h5").read_bytes(),
        safetensors=(files / "good.safetensors").read_bytes(),
        pt=(files / "good.pt").read_bytes(),
        outside=outside,
    )


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_config(good: Good, change: Callable[[Any], Any]) -> bytes:
    """Return the good archive with another config; a change that returns one replaces it."""
    config = good.config
    replaced = change(config)
    content = json.dumps(config if replaced is None else replaced).encode()
    return zipped({**good.members, CONFIG: content})


def with_weights(good: Good, change: Callable[[h5py.File], Any]) -> bytes:
    """Return the good archive with other weights."""
    return zipped({**good.members, WEIGHTS: changed_hdf5(good.members[WEIGHTS], change)})


def changed_hdf5(content: bytes, change: Callable[[h5py.File], Any]) -> bytes:
    buffer = io.BytesIO(content)
    with h5py.File(buffer, "r+") as file:
        change(file)
    return buffer.getvalue()


def layer(config: Any, number: int = 1) -> Any:
    """Return the description of a layer; 0 is the input."""
    return config["config"]["layers"][number]
