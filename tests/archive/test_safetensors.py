"""Weights as safetensors: read by the format's own library, and back into a model built anew."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from safetensors import safe_open

import latih
from latih.archive import read_safetensors, write_safetensors
from latih.errors import FileFormatError, UnwritableError


def net(units: int = 4) -> Any:
    layers = latih.layers
    return latih.Sequential(
        [
            latih.Input([6]),
            layers.Dense(5, name="called_by_the_user"),
            layers.BatchNormalization(),
            latih.Sequential([layers.Dense(units), layers.Dense(units)]),
            layers.Normalization(),
            layers.Dense(3),
        ]
    )


NAMES = [
    *("dense/kernel", "dense/bias"),
    *(f"batch_normalization/{x}" for x in ("gamma", "beta", "moving_mean", "moving_variance")),
    *(f"sequential/{layer}/{x}" for layer in ("dense", "dense_1") for x in ("kernel", "bias")),
    *(f"normalization/{x}" for x in ("adapt_mean", "adapt_variance", "count")),
    *("dense_1/kernel", "dense_1/bias"),
]


def test_the_formats_own_library_reads_the_weights_under_their_names(tmp_path: Path) -> None:
    model = net()
    write_safetensors(model, tmp_path / "m.safetensors")
    stored = safetensors.numpy.load_file(tmp_path / "m.safetensors")
    assert sorted(stored) == sorted(NAMES)
    for name, weight in zip(NAMES, model.get_weights(), strict=True):
        np.testing.assert_array_equal(stored[name], weight)
    with safe_open(tmp_path / "m.safetensors", "np") as opened:
        assert opened.metadata()["format"] == "latih"


def test_a_net_built_again_finds_its_weights_whatever_its_layers_are_called(tmp_path: Path) -> None:
    model, again = net(), net()
    assert [layer.name for layer in model.layers] != [layer.name for layer in again.layers]
    write_safetensors(model, tmp_path / "m.safetensors")
    read_safetensors(again, tmp_path / "m.safetensors")
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16, torch.int64])
def test_numbers_of_another_type_are_read_by_their_value(tmp_path: Path, kind: Any) -> None:
    layer = latih.layers.Dense(3)
    layer.build((None, 2))
    stored = {"kernel": torch.arange(6).reshape(2, 3).to(kind), "bias": torch.ones(3)}
    (tmp_path / "m.safetensors").write_bytes(safetensors.torch.save(stored))
    read_safetensors(layer, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(layer.get_weights()[0], [[0, 1, 2], [3, 4, 5]])


def _less(stored: dict[str, Any]) -> None:
    del stored["dense/bias"]


def _more(stored: dict[str, Any]) -> None:
    stored["dense_9/kernel"] = np.zeros(3, "float32")


def _another(stored: dict[str, Any]) -> None:
    stored["dense_1/bias"] = np.zeros(4, "float32")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_less, "'dense/bias' is missing"),
        (_more, "'dense_9/kernel' is surplus"),
        (_another, r"'dense_1/bias' of shape \(4,\), not \(3,\)"),
    ],
)
def test_another_models_weights_are_refused_by_name_and_change_nothing(
    tmp_path: Path, change: Any, told: str
) -> None:
    path = tmp_path / "m.safetensors"
    write_safetensors(net(), path)
    stored = safetensors.numpy.load_file(path)
    change(stored)
    safetensors.numpy.save_file(stored, path)
    model = net()
    before = model.get_weights()
    with pytest.raises(FileFormatError, match=told):
        read_safetensors(model, path)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnwritableError):
        write_safetensors(net(), tmp_path / "file" / "m.safetensors")


def test_nothing_and_a_directory_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.safetensors"):
        with pytest.raises(FileFormatError, match="there is no file"):
            read_safetensors(net(), path)
