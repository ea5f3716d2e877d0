"""Max pooling of 2 x 2 pixels, with the ReLU before it, and its gradient."""

from collections.abc import Mapping
from functools import partial

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.template import Kind, Match

aten = torch.ops.aten
IMAGES, HEIGHT, WIDTH, CHANNELS = 7, 22, 26, 5
PAIR = [2, 2]


def _trace(has_relu: bool, is_training: bool) -> Mapping[str, torch.Tensor]:
    """What a layer does with channels last: PyTorch is shown them as the second axis."""
    inputs = torch.zeros(IMAGES, HEIGHT, WIDTH, CHANNELS)
    seen = aten.relu(inputs) if has_relu else inputs
    images = seen.movedim(-1, 1)
    outputs, indices = aten.max_pool2d_with_indices(images, PAIR, PAIR)
    named = {"inputs": inputs if has_relu else images, "outputs": outputs}
    if not is_training:
        return named
    upstream = torch.zeros(IMAGES, HEIGHT // 2, WIDTH // 2, CHANNELS).movedim(-1, 1)
    gradient = aten.max_pool2d_with_indices_backward(
        upstream, images, PAIR, PAIR, [0, 0], [1, 1], False, indices
    )
    if has_relu:
        gradient = aten.threshold_backward(gradient.movedim(1, -1), seen, 0)
    return named | {"upstream": upstream, "gradient": gradient}


def _replacement(has_relu: bool, is_training: bool, match: Match) -> list[list[Entry]] | None:
    inputs, outputs = match.tensor("inputs"), match.tensor("outputs")
    pixels = inputs if has_relu else inputs.movedim(1, -1)
    if not pixels.is_contiguous():  # a window of larger images
        return None
    images, height, width, channels = pixels.shape
    sizes = [images, height, width, channels]
    # Which of four pixels was taken: a byte, where PyTorch's index takes eight.
    codes = torch.empty(outputs.numel(), dtype=torch.uint8)
    parts: list[list[Entry]] = [
        [Fused("pool", [inputs, *sizes, int(has_relu)], {}, [outputs, codes])]
    ]
    if is_training:
        arguments = [match.tensor("upstream"), codes, *sizes]
        parts.append([Fused("pool_backward", arguments, {}, [match.tensor("gradient")])])
    return parts


KINDS = tuple(
    Kind(
        partial(_trace, has_relu, is_training),
        ["outputs", *(["gradient"] if is_training else [])],
        partial(_replacement, has_relu, is_training),
        first=1 + has_relu,
    )
    for has_relu in (True, False)
    for is_training in (True, False)
)
