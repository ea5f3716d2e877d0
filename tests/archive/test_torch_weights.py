"""Weights from PyTorch: the module's outputs are the model's, once they are loaded."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

import latih
from latih.archive import load_torch_weights
from latih.archive.torch_file import read_state_dict
from latih.errors import FileFormatError, InputError
from latih.layers import Layer

layers = latih.layers


class Convolution(Layer):
    """A convolution with Keras's layout of the kernel, channels last."""

    def __init__(self, shape: tuple[int, ...], groups: int = 1) -> None:
        super().__init__()
        self.shape, self.groups = shape, groups

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(self.shape, name="kernel")
        self.bias = self.add_weight((self.outputs,), name="bias")

    @property
    def outputs(self) -> int:
        return self.shape[-1]

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        axes = len(self.shape) - 2
        convolve = (F.conv1d, F.conv2d, F.conv3d)[axes - 1]
        kernel = self.kernel.permute(axes + 1, axes, *range(axes))
        return convolve(inputs.movedim(-1, 1), kernel, self.bias, groups=self.groups).movedim(1, -1)


class TransposedConvolution(Convolution):
    @property
    def outputs(self) -> int:
        return self.shape[-2]

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        kernel = self.kernel.permute(3, 2, 0, 1)
        return F.conv_transpose2d(inputs.movedim(-1, 1), kernel, self.bias).movedim(1, -1)


class DepthwiseConvolution(Convolution):
    """Keras's layout: (*spatial, inputs, multiplier)."""

    @property
    def outputs(self) -> int:
        return self.shape[-1] * self.shape[-2]

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        rows, columns, channels, multiplier = self.shape
        kernel = self.kernel.reshape(rows, columns, 1, channels * multiplier).permute(3, 2, 0, 1)
        return F.conv2d(inputs.movedim(-1, 1), kernel, self.bias, groups=channels).movedim(1, -1)


EPSILON = 1e-5  # PyTorch's


def batch_normalization() -> Any:
    return layers.BatchNormalization(epsilon=EPSILON)


# A module, the model of the same shape, and the shape of one example with channels last.
PAIRS: dict[str, tuple[Any, Any, tuple[int, ...]]] = {
    "dense": (
        lambda: nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5, bias=False)),
        lambda: [layers.Dense(5, "relu"), layers.Dense(5, use_bias=False)],
        (6,),
    ),
    "square": (lambda: nn.Linear(4, 4), lambda: [layers.Dense(4)], (4,)),
    "batch normalization": (
        lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)),
        lambda: [layers.Dense(4), batch_normalization(), layers.Dense(2)],
        (3,),
    ),
    "nets inside": (
        lambda: nn.Sequential(nn.Sequential(nn.Linear(3, 4), nn.Tanh()), nn.Linear(4, 2)),
        lambda: [latih.Sequential([layers.Dense(4, "tanh")]), layers.Dense(2)],
        (3,),
    ),
    "one axis": (lambda: nn.Conv1d(3, 4, 2), lambda: [Convolution((2, 3, 4))], (7, 3)),
    "images": (lambda: nn.Conv2d(3, 4, (2, 3)), lambda: [Convolution((2, 3, 3, 4))], (5, 6, 3)),
    "volumes": (lambda: nn.Conv3d(2, 3, 2), lambda: [Convolution((2, 2, 2, 2, 3))], (3, 4, 5, 2)),
    "groups": (
        lambda: nn.Conv2d(4, 6, 2, groups=2),
        lambda: [Convolution((2, 2, 2, 6), groups=2)],
        (4, 4, 4),
    ),
    "transposed": (
        lambda: nn.ConvTranspose2d(3, 4, 2),
        lambda: [TransposedConvolution((2, 2, 4, 3))],
        (4, 5, 3),
    ),
    "depthwise": (
        lambda: nn.Conv2d(3, 6, 2, groups=3),
        lambda: [DepthwiseConvolution((2, 2, 3, 2))],
        (4, 5, 3),
    ),
    "flattened images": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 2), nn.Flatten(), nn.BatchNorm1d(48), nn.Linear(48, 5), nn.Linear(5, 2)
        ),
        lambda: [
            Convolution((2, 2, 3, 4)),
            layers.Flatten(),
            batch_normalization(),
            layers.Dropout(0.5),
            layers.Dense(5),
            layers.Dense(2),
        ],
        (5, 4, 3),
    ),
    "flattened rows": (
        lambda: nn.Sequential(nn.Conv1d(3, 4, 2), nn.Flatten(), nn.Linear(20, 2)),
        lambda: [Convolution((2, 3, 4)), layers.Flatten(), layers.Dense(2)],
        (6, 3),
    ),
}


def pair(name: str) -> tuple[nn.Module, Any, torch.Tensor]:
    """Return a module that has seen some data, a new model, and examples."""
    torch.manual_seed(3)
    make_module, make_layers, shape = PAIRS[name]
    module = make_module()
    examples = torch.randn(4, *shape)
    module.train()
    module(examples.movedim(-1, 1))  # so that running statistics are not what they begin with
    return module.eval(), latih.Sequential([latih.Input(shape), *make_layers()]), examples


def assert_same_outputs(module: nn.Module, model: Any, examples: torch.Tensor) -> None:
    wanted = module(examples.movedim(-1, 1))
    if wanted.ndim > 2:
        wanted = wanted.movedim(1, -1)
    torch.testing.assert_close(model(examples), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_outputs_of_the_module_are_those_of_the_model(tmp_path: Path, name: str) -> None:
    module, model, examples = pair(name)
    torch.save(module.state_dict(), tmp_path / "m.pt")
    load_torch_weights(model, tmp_path / "m.pt")
    assert_same_outputs(module, model, examples)


@pytest.mark.parametrize("wrapping", ["state_dict", "model_state_dict", "model"])
def test_weights_are_found_beside_what_else_was_saved(tmp_path: Path, wrapping: str) -> None:
    module, model, examples = pair("dense")
    torch.save({"epoch": 3, wrapping: module.state_dict(), "losses": [1.0]}, tmp_path / "m.pth")
    load_torch_weights(model, tmp_path / "m.pth")
    assert_same_outputs(module, model, examples)


@pytest.mark.parametrize("name", ["batch normalization", "nets inside", "flattened images"])
def test_safetensors_whose_names_are_numbers_tell_the_order(tmp_path: Path, name: str) -> None:
    module, model, examples = pair(name)
    safetensors.torch.save_file(module.state_dict(), tmp_path / "m.safetensors")
    load_torch_weights(model, tmp_path / "m.safetensors")
    assert_same_outputs(module, model, examples)


class Named(nn.Module):
    """A module whose names are in another order than its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Linear(4, 4)
        self.first = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.first(self.second(x))


def test_safetensors_whose_names_tell_no_order_need_to_be_told(tmp_path: Path) -> None:
    module = Named()
    model = latih.Sequential([latih.Input([4]), layers.Dense(4), layers.Dense(4)])
    path = tmp_path / "m.safetensors"
    safetensors.torch.save_file(module.state_dict(), path)
    with pytest.raises(InputError, match=r"order=list\(module.state_dict\(\)\)"):
        load_torch_weights(model, path)
    load_torch_weights(model, path, order=list(module.state_dict()))
    assert_same_outputs(module, model, torch.randn(2, 4))
    with pytest.raises(InputError, match="other names"):
        load_torch_weights(model, path, order=["first.weight"])


def test_images_that_the_module_flattened_channels_last_keep_their_order() -> None:
    module = nn.Linear(24, 2)
    model = latih.Sequential([latih.Input([4, 3, 2]), layers.Flatten(), layers.Dense(2)])
    load_torch_weights(model, module.state_dict(), flattened="channels_last")
    x = torch.randn(3, 4, 3, 2)
    torch.testing.assert_close(model(x), module(x.flatten(1)))


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (nn.Linear(6, 5), r"missing|dense.*/kernel"),
        (nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 5), nn.Linear(5, 5)), r"2\.weight \(5, 5\)"),
        (nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 6, bias=False)), "'1.weight' does not fit"),
        (nn.Sequential(nn.Linear(5, 6), nn.Linear(5, 5, bias=False)), "'0.weight' does not fit"),
    ],
)
def test_another_modules_weights_are_refused_and_change_nothing(
    module: nn.Module, told: str
) -> None:
    _, model, _ = pair("dense")
    before = model.get_weights()
    with pytest.raises(InputError, match=told):
        load_torch_weights(model, module.state_dict())
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


class Sneaky:
    def __reduce__(self) -> Any:
        return print, ("obeyed",)


def saved_before_zips(tensors: dict[str, torch.Tensor], path: Path) -> bytes:
    torch.save(tensors, path, _use_new_zipfile_serialization=False)
    return path.read_bytes()


def test_a_file_from_before_zips_is_read(tmp_path: Path) -> None:
    module, model, examples = pair("flattened images")
    saved_before_zips(module.state_dict(), tmp_path / "m.pth")
    load_torch_weights(model, tmp_path / "m.pth")
    assert_same_outputs(module, model, examples)


def test_views_of_one_storage_count_once(tmp_path: Path) -> None:
    whole = torch.arange(4000.0)
    views = {f"part_{n}": whole[n * 4 : n * 4 + 4] for n in range(1000)}
    saved_before_zips(views, tmp_path / "m.pth")
    assert torch.equal(read_state_dict(tmp_path / "m.pth")["part_7"], whole[28:32])


def test_an_old_file_that_declares_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    content = saved_before_zips({"a": torch.zeros(70_000)}, path)
    number = b"J" + (70_000).to_bytes(4, "little")
    path.write_bytes(content.replace(number, b"J" + (2**31 - 1).to_bytes(4, "little")))
    with pytest.raises(FileFormatError, match="2147483647 numbers declared"):
        read_state_dict(path)
    # A number that is remembered and asked for again does not tell its size where it stands.
    path.write_bytes(content.replace(number + b"N", b"h\x00N", 1))
    with pytest.raises(FileFormatError, match="does not tell its size plainly"):
        read_state_dict(path)


def test_a_piece_of_an_old_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.pth"
    content = saved_before_zips({"a": torch.zeros(300), "b": torch.ones(2, 3)}, path)
    for length in (0, 10, 14, 30, 200, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(FileFormatError, match="holds no weights"):
            read_state_dict(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_calls_is_refused(
    tmp_path: Path, zipped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    _, model, _ = pair("dense")
    path = tmp_path / "m.pt"
    torch.save({"a": Sneaky()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(FileFormatError, match="print"):
        load_torch_weights(model, path)
    assert "obeyed" not in capsys.readouterr().out


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    module, model, _ = pair("dense")
    torch.save(module, tmp_path / "m.pt")
    with pytest.raises(FileFormatError, match="a call of"):
        load_torch_weights(model, tmp_path / "m.pt")


def test_what_is_no_state_dict_is_refused() -> None:
    _, model, _ = pair("dense")
    for given in ({}, {"a": 1}, {1: torch.zeros(2)}, {"a": torch.zeros(2).to_sparse()}):
        with pytest.raises(FileFormatError, match="holds no weights"):
            load_torch_weights(model, given)
