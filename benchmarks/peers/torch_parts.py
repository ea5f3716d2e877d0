"""What the peers on torch share: the net, its initialisation, Adam, and batches by index."""

import math
from collections.abc import Iterator

import torch
import workloads
from torch import nn
from workloads import Workload

ACTIVATIONS = {"relu": nn.ReLU, "elu": nn.ELU}
TRUNCATED_DEVIATION = 0.87962566
"""The standard deviation of a standard normal cut off at two."""


def he_(weight: torch.Tensor) -> None:
    fan_in = weight[0].numel()
    deviation = math.sqrt(2 / fan_in) / TRUNCATED_DEVIATION
    nn.init.trunc_normal_(weight, std=deviation, a=-2 * deviation, b=2 * deviation)


def build(workload: Workload) -> nn.Sequential:
    """Build the net, from a batch of images (channels first, if it has them) to logits."""
    modules: list[nn.Module] = []
    channels, side, features = 1, 28, 28 * 28
    for layer in workload.layers:
        match layer:
            case workloads.Dense(units, activation):
                dense = nn.Linear(features, units)
                if units == workloads.CLASSES:
                    nn.init.xavier_uniform_(dense.weight)
                else:
                    he_(dense.weight)
                nn.init.zeros_(dense.bias)
                modules.append(dense)
                if activation:
                    modules.append(ACTIVATIONS[activation]())
                features = units
            case workloads.Convolution(filters):
                convolution = nn.Conv2d(channels, filters, 3, padding="same")
                he_(convolution.weight)
                nn.init.zeros_(convolution.bias)
                modules.append(convolution)
                channels, features = filters, side * side * filters
            case workloads.BatchNormalization():
                options = {
                    "eps": workloads.BATCH_NORMALIZATION_EPSILON,
                    "momentum": 1 - workloads.BATCH_NORMALIZATION_MOMENTUM,
                }
                on_images = features == side * side * channels and workload.has_convolutions
                modules.append(
                    nn.BatchNorm2d(channels, **options)
                    if on_images
                    else nn.BatchNorm1d(features, **options)
                )
            case workloads.Activation(name):
                modules.append(ACTIVATIONS[name]())
            case workloads.MaxPooling():
                modules.append(nn.MaxPool2d(2))
                side //= 2
                features = side * side * channels
            case workloads.Dropout(rate):
                modules.append(nn.Dropout(rate))
            case workloads.Flatten():
                modules.append(nn.Flatten())
    net = nn.Sequential(*modules)
    # Convolutions of oneDNN are fastest, and need no reordering, with the channels last in memory.
    return net.to(memory_format=torch.channels_last) if workload.has_convolutions else net


def images(array, workload: Workload) -> torch.Tensor:
    """Turn the images into a tensor, channels first in shape and last in memory."""
    tensor = torch.from_numpy(array)
    return tensor.permute(0, 3, 1, 2) if workload.has_convolutions else tensor


def adam(parameters) -> torch.optim.Adam:
    return torch.optim.Adam(
        parameters, lr=workloads.LEARNING_RATE, eps=workloads.ADAM_EPSILON, fused=True
    )


class Batches:
    """Batches of two tensors: one ``index_select`` each, the images' into a buffer used again.

    The labels' is new each time, since skorch keeps them for its scoring.

    Args:
        x: the images.
        y: their labels.
        batch_size: how many a batch.
        shuffle: a new order an epoch.
    """

    def __init__(
        self, x: torch.Tensor, y: torch.Tensor, batch_size: int, shuffle: bool = True
    ) -> None:
        self.x, self.y, self.batch_size, self.shuffle = x, y, batch_size, shuffle
        # `empty_like` keeps the memory format, which index_select(out=) then writes.
        self.batch_x = torch.empty_like(x[:batch_size])

    def __len__(self) -> int:
        return len(self.x) // self.batch_size

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if not self.shuffle:
            yield from zip(
                self.x.split(self.batch_size), self.y.split(self.batch_size), strict=True
            )
            return
        for index in torch.randperm(len(self.x)).split(self.batch_size):
            yield (
                torch.index_select(self.x, 0, index, out=self.batch_x),
                torch.index_select(self.y, 0, index),
            )
