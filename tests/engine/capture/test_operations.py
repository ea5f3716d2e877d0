"""Operations of PyTorch, in layers of the user's: replayed to the same bits, or not recorded."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import latih as keras
from latih import layers

_draw = np.random.default_rng(3)
SMALL, LARGE = (11, 4, 4), (420, 16, 128)
"""Examples of two batches and a smaller one; large results are laid where others lay."""


def of_function(
    function: Callable[[Any], Any], shape: Any, loss: Any = "mse"
) -> Callable[..., Any]:
    examples, batch, width = shape
    x = _draw.normal(size=(examples, width)).astype("float32")
    y = _draw.normal(size=(examples, 2)).astype("float32")

    class Calculating(layers.Layer):
        def call(self, x: Any) -> Any:
            return function(x)

    def train(**way: Any) -> Any:
        model = keras.Sequential(
            [keras.Input((width,)), layers.Dense(width), Calculating(), layers.Dense(2)]
        )
        model.compile(keras.optimizers.SGD(0.01), loss, **way)
        model.fit(x, y, batch_size=batch, epochs=3, verbose=0)
        return model, model.predict(x, batch_size=batch, verbose=0)

    return train


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "a boolean times a whole number": lambda x: x + (x > 0) * 3,
    "a boolean and a whole number": lambda x: x + ((x > 0) + 1),
    "a boolean less one": lambda x: x + (1 - (x > 0).int()),
    "bytes below zero": lambda x: x + (x > 0).to(torch.uint8) * -1,
    "bytes and a large number": lambda x: x + ((x > 0).to(torch.uint8) < 300),
    "whole numbers divided": lambda x: x + x.long() / 3,
    "whole numbers and a fraction": lambda x: x + x.long() * 0.7,
    "a number less a tensor": lambda x: 1.5 - x,
    "a number by a tensor": lambda x: 1.0 / (2 + x.abs()),
    "a remainder": lambda x: x % 0.7 + torch.remainder(x, 3) + x.detach() // 0.3,
    "powers": lambda x: x.abs() ** 1.5 + x**2 + 2 ** x.clamp(-2, 2),
    "halves": lambda x: (x.half() * 0.1 + 0.3).float(),
    "brain floats": lambda x: (x.bfloat16() * 0.1 + 0.3).float() * (x.bfloat16() > 0.1),
    "doubles": lambda x: (x.double() * 0.1).float(),
    "complex numbers": lambda x: torch.fft.irfft(torch.fft.rfft(x) * 1j, n=x.shape[-1]),
    "parts of complex numbers": lambda x: torch.fft.fft(x).real + torch.fft.fft(x).imag,
    "bits": lambda x: x + x.detach().clone().view(torch.int32).bitwise_and(1).float(),
    "a product": lambda x: x + (0.5 + x.sigmoid()).prod(-1, keepdim=True),
    "products so far": lambda x: (0.5 + x.sigmoid()).cumprod(-1),
    "a norm": lambda x: x / (1 + x.norm(dim=-1, keepdim=True)),
    "the largest": lambda x: x.max(-1, keepdim=True).values + x.amax(0) + x.max(),
    "the median": lambda x: x + x.median(-1, keepdim=True).values,
    "sorted": lambda x: x.sort(-1).values + x.argsort(-1),
    "the best": lambda x: F.pad(x.topk(2).values, (0, x.shape[1] - 2)),
    "gathered": lambda x: x.gather(1, x.argsort(1)),
    "chosen": lambda x: x[:, torch.arange(x.shape[1]).flip(0)],
    "chosen by booleans": lambda x: x + x[x > 0].sum(),
    "put": lambda x: x.index_put((torch.tensor([0, 1]),), torch.ones(2, x.shape[1])),
    "put by booleans": lambda x: x.clone().masked_fill_(x > 0, 0.5).masked_scatter(x < -1, x),
    "scattered": lambda x: torch.zeros_like(x).scatter_add(1, x.argsort(1), x),
    "where": lambda x: torch.where(x > 0, x, torch.zeros(())) + torch.where(x > 0, 1.0, 2.0),
    "sums": lambda x: x + x.sum() + x.sum(0) + x.mean((0, 1)) + x.var(0) + x.logsumexp(0),
    "matrices": lambda x: x @ (x.T @ x) / 100 + torch.outer(x[:, 0], x[0]),
    "the same twice": lambda x: (
        torch.einsum("ij,ij->ij", x, x)
        + torch.bilinear(x, x, torch.ones(x.shape[1], x.shape[1], x.shape[1]) / 100, None)
    ),
    "tiles": lambda x: x.repeat(2, 2)[: len(x), : x.shape[1]] + x.expand(3, -1, -1).sum(0),
    "turned": lambda x: x.roll(1, 0) + x.flip(1) + x.T.contiguous().T + x.rot90(2),
    "parts": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1) + torch.stack(x.unbind(1), 1),
    "in place": lambda x: x.clone().add_(1).mul_(x).sub_(0.5, alpha=2).clamp_(-1, 1).tanh_(),
    "in a part": lambda x: _in_a_part(x.clone()),
    "an output given": lambda x: x + _into(x.detach()),
    "joined into columns": lambda x: x + _joined(x.detach()),
    "thresholds": lambda x: torch.searchsorted(torch.linspace(-1, 1, 9), x.detach()) + x,
    "one-hot": lambda x: x + F.one_hot((x.detach() > 0).long().sum(1) % 2, x.shape[1]),
    "made of nothing": lambda x: x + torch.eye(x.shape[1])[0] + torch.arange(x.shape[1]) * 0.1,
    "dice": lambda x: x + torch.randn_like(x) + torch.rand(x.shape) + F.dropout(x, 0.5),
    "dice for nothing": lambda x: (torch.rand(3), x + torch.rand(x.shape))[1],
    "dice in place": lambda x: x + torch.empty_like(x).normal_() + torch.empty_like(x).uniform_(),
    "draws by probability": lambda x: (
        x
        + torch.bernoulli(x.detach().tanh() / 2 + 0.5) / 9
        + torch.multinomial(x.detach().tanh() + 1.1, x.shape[1], replacement=True) / 99
    ),
    "a leaky draw": lambda x: F.rrelu(x, training=True),
    "a Gumbel draw": lambda x: F.gumbel_softmax(x, hard=True),
    "attention": lambda x: F.scaled_dot_product_attention(x[None], x[None], x[None])[0],
    "attention with dropout": lambda x: F.scaled_dot_product_attention(
        x[None], x[None], x[None], dropout_p=0.3
    )[0],
    "gradients inside": lambda x: _gradients(x),
    "split where a tensor says": lambda x: torch.cat(
        torch.tensor_split(x, 1 + (x.detach() > 0).sum().reshape(1) % 3, dim=1)[::-1], 1
    ),
    "the distance": lambda x: x + torch.cdist(x, x).mean(1, keepdim=True),
    "inverses": lambda x: x @ torch.linalg.inv(x.T @ x + 10 * torch.eye(x.shape[1])),
}


def _in_a_part(x: Any) -> Any:
    x.narrow(1, 0, 2).mul_(2)
    x.select(1, 1).copy_(x.select(1, 0))
    return x


def _into(x: Any) -> Any:
    return torch.add(x, x, alpha=2, out=torch.empty_like(x))


def _joined(x: Any) -> Any:
    half = x.shape[1] // 2
    made = torch.empty_like(x)
    return torch.cat([x[:, :half] * 2, x[:, half:] * 3], dim=1, out=made)


def _gradients(x: Any) -> Any:
    with torch.enable_grad():
        y = x.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(y.pow(3).sum(), y)
    return x + slope * 0.01


ROUNDED = {
    "a product": "PyTorch's gradient of prod() goes another way, without a branch on zeros, while "
    "a recorder listens",
}
"""What is equal to 1e-6, and not to the bit."""


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_operation_is_done_again(
    name: str, size: Any, assert_replay_changes_nothing: Any, request: Any
) -> None:
    tolerance = 1e-6 if name in ROUNDED else None
    assert_replay_changes_nothing(of_function(FUNCTIONS[name], size), tolerance=tolerance)


def of_module(make: Callable[[], nn.Module], shape: Any = (4,)) -> Callable[..., Any]:
    x = _draw.normal(size=(11, *shape)).astype("float32")
    y = _draw.normal(size=(11, 2)).astype("float32")

    class Holding(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = make()

        def call(self, x: Any) -> Any:
            outputs = self.inner(x)
            return outputs[0] if isinstance(outputs, tuple) else outputs

    def train(**way: Any) -> Any:
        model = keras.Sequential([keras.Input(shape), Holding(), layers.Flatten(), layers.Dense(2)])
        model.compile(keras.optimizers.SGD(0.01), "mse", **way)
        model.fit(x, y, batch_size=4, epochs=3, verbose=0, validation_split=0.3)
        return model, model.predict(x, batch_size=4, verbose=0)

    return train


class Packed(nn.Module):
    """A recurrent net over sequences that end where their numbers say."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.GRU(3, 4, batch_first=True)

    def forward(self, x: Any) -> Any:
        lengths = 1 + (x[:, :, 0] > 0).sum(1).clamp(max=x.shape[1] - 1)
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        return self.inner(packed)[1].transpose(0, 1)


class Aligned(nn.Module):
    """Adds a loss whose kernel reads lengths as numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.loss = nn.Linear(3, 5), nn.CTCLoss()

    def forward(self, x: Any) -> Any:
        scores = self.inner(x)
        lengths = 1 + (x[:, :, 0] > 0).sum(1).clamp(max=x.shape[1] - 1)
        targets = torch.ones(len(x), 1, dtype=torch.long)
        ones = torch.ones(len(x), dtype=torch.long)
        loss = self.loss(scores.transpose(0, 1).log_softmax(-1), targets, lengths, ones)
        return scores + loss


MODULES: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "BatchNorm1d": (lambda: nn.BatchNorm1d(4), (4,)),
    "BatchNorm1d of sequences": (lambda: nn.BatchNorm1d(4), (4, 5)),
    "BatchNorm1d of means so far": (lambda: nn.BatchNorm1d(4, momentum=None), (4,)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), (3, 4, 4)),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(3, affine=True), (3, 5)),
    "InstanceNorm1d with statistics": (
        lambda: nn.InstanceNorm1d(3, track_running_stats=True),
        (3, 5),
    ),
    "LayerNorm": (lambda: nn.LayerNorm(4), (4,)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), (4, 3)),
    "RMSNorm": (lambda: nn.RMSNorm(4), (4,)),
    "LSTM": (lambda: nn.LSTM(3, 4, 2, batch_first=True, dropout=0.2), (5, 3)),
    "GRU": (lambda: nn.GRU(3, 4, batch_first=True, bidirectional=True), (5, 3)),
    "RNN": (lambda: nn.RNN(3, 4, batch_first=True), (5, 3)),
    "sequences of their own lengths": (Packed, (5, 3)),
    "alignments": (Aligned, (5, 3)),
    "TransformerEncoderLayer": (
        lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
        (5, 4),
    ),
    "RReLU": (lambda: nn.RReLU(), (4,)),
    "Dropout": (lambda: nn.Sequential(nn.Dropout(0.5), nn.AlphaDropout(0.2)), (4,)),
    "Conv2d": (lambda: nn.Conv2d(3, 4, 2, bias=False), (3, 4, 4)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(3, 2, 2), (3, 5)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), (3, 4, 4)),
    "FractionalMaxPool2d": (lambda: nn.FractionalMaxPool2d(2, output_ratio=0.7), (3, 8, 8)),
    "spectral norm": (
        lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)),
        (4,),
    ),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), (4,)),
    "Bilinear and PReLU": (lambda: nn.Sequential(nn.Linear(4, 3), nn.PReLU(3)), (4,)),
}


@pytest.mark.filterwarnings("ignore:.*")
@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_pytorch_is_done_again(
    name: str, assert_replay_changes_nothing: Any, request: Any
) -> None:
    assert_replay_changes_nothing(of_module(*MODULES[name]))
