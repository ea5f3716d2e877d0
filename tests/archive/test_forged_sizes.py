"""A file's word for its own size is not believed; many layers are no more than many layers."""

import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.errors import LatihError
from latih.layers import Layer

WEIGHTS = "model.weights.h5"
ALMOST_4_GIB = 2**32 - 2  # the largest size that the plain fields of a zip can say
MIB = 2**20

# In a process of its own: the most memory that one ever had only grows, whoever it was for.
LOADING = """
import resource, sys
from pathlib import Path
import latih
from latih.errors import LatihError

def most():
    status = Path("/proc/self/status")  # elsewhere than in Linux exec() keeps no parent's number
    if status.exists():
        (line,) = [one for one in status.read_text().splitlines() if one.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

latih.models.load_model(sys.argv[1])
before = most()
try:
    latih.models.load_model(sys.argv[2])
except LatihError as error:
    print("refused", most() - before, error)
"""


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(path: Path, content: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.fixture
def honest(tmp_path: Path) -> Path:
    path = tmp_path / "honest.keras"
    keras.Sequential([keras.Input([6]), keras.layers.Dense(3)]).save(path)
    return path


def asking_for(units: int, honest: Path) -> dict[str, bytes]:
    content = members(honest)
    config = json.loads(content["config.json"])
    config["config"]["layers"][1]["config"]["units"] = units
    return {**content, "config.json": json.dumps(config).encode()}


def forge_sizes(path: Path, size: int, *, local: bool) -> None:
    """Let the directory at the end of a zip, and the header of the member, tell of this size."""
    forged = bytearray(path.read_bytes())
    name = WEIGHTS.encode()
    entry = forged.rindex(b"PK\x01\x02", 0, forged.rindex(name))
    struct.pack_into("<II", forged, entry + 20, size, size)
    if local:
        header = forged.rindex(b"PK\x03\x04", 0, forged.index(name))
        struct.pack_into("<II", forged, header + 18, size, size)
    path.write_bytes(forged)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(WEIGHTS)
        assert member.file_size == member.compress_size == size


@pytest.mark.parametrize("local", [False, True], ids=["directory", "directory and header"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_forged_size_buys_no_memory(
    compression: int, local: bool, honest: Path, tmp_path: Path
) -> None:
    forged = tmp_path / "forged.keras"
    write(forged, asking_for(20_000_000, honest), compression)  # 6 x 20 M weights: 458 MiB
    forge_sizes(forged, ALMOST_4_GIB, local=local)
    with subprocess.Popen(
        [sys.executable, "-c", LOADING, str(honest), str(forged)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    told, grown, sentence = out.split(maxsplit=2)
    assert told == "refused"
    assert "forged.keras" in sentence or "more weights than it holds" in sentence
    assert int(grown) < 60 * MIB


def test_a_forged_size_of_weights_that_fit_is_refused(honest: Path, tmp_path: Path) -> None:
    forged = tmp_path / "forged.keras"
    write(forged, members(honest))
    forge_sizes(forged, ALMOST_4_GIB, local=True)
    with pytest.raises(LatihError, match=r"forged\.keras"):
        keras.models.load_model(forged)


LAYERS = 3_000


def test_thousands_of_layers_are_looked_at_a_few_times_each(
    honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = members(honest)
    config: dict[str, Any] = json.loads(content["config.json"])
    described = keras.Sequential([keras.Input([6]), keras.layers.Flatten(name="flat")]).get_config()
    flatten = described["layers"][1]
    config["config"]["layers"][1:1] = [
        {**flatten, "config": {**flatten["config"], "name": f"flat_{number}"}}
        for number in range(LAYERS)
    ]
    many = tmp_path / "many.keras"
    write(many, {**content, "config.json": json.dumps(config).encode()})
    looked_at = 0
    layers = Layer.layers.fget
    assert layers is not None

    def counted(layer: Layer) -> list[Layer]:
        nonlocal looked_at
        found = layers(layer)
        looked_at += len(found)
        return found

    monkeypatch.setattr(Layer, "layers", property(counted))
    model = keras.models.load_model(many)
    # The square of it would be 4.5 million.
    assert looked_at < 20 * LAYERS
    assert len(model.layers) == LAYERS + 1
    x = np.ones((2, 6), "float32")
    np.testing.assert_array_equal(
        model.predict(x, verbose=0), keras.models.load_model(honest).predict(x, verbose=0)
    )
