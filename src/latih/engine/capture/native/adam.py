"""Adam on gradients in bfloat16, where they lie, to the bit as PyTorch's kernel on float32."""

import math
from collections.abc import Sequence
from functools import cache

import torch

from latih.engine.capture.native import library
from latih.engine.capture.native.cast import nan_bits
from latih.optimizers.short import Pace

LINE = 16
"""Elements: PyTorch parts them among threads by so many, of which its vectors hold all or half."""


def update(
    weights: torch.Tensor,
    runs: Sequence[tuple[int, torch.Tensor]],
    slots: Sequence[torch.Tensor],
    copy: torch.Tensor | None,
    pace: Pace,
) -> None:
    """Move weights, in place.

    Args:
        weights: in float32, without gaps.
        runs: their gradients, in bfloat16 and in float32 by turns, and where each run begins.
        slots: the means of the gradients and of their squares; changed in place.
        copy: where the weights go in bfloat16, too; None for nowhere.
        pace: the numbers of the update.
    """
    moved = (weights, *slots)
    whole = weights.numel() // LINE * LINE
    for start, gradients in runs:
        part = slice(start, min(start + gradients.numel(), whole))
        if part.start >= part.stop:
            continue
        is_short = gradients.dtype == torch.bfloat16
        arguments = [
            *(weights[part], gradients if is_short else None, None if is_short else gradients),
            *(slot[part] for slot in slots),
            *(None if copy is None else copy[part], part.stop - part.start, nan_bits()),
            *(pace.beta_1, pace.beta_2, math.sqrt(1 - pace.beta_2**pace.step), pace.epsilon),
            pace.rate / (1 - pace.beta_1**pace.step),
        ]
        library.bind("adam", part.stop - part.start, arguments)()
    if whole < weights.numel():
        # PyTorch has another loop for what fills no vector, which rounds in another way.
        last = [one[max(whole - start, 0) :].to(weights.dtype) for start, one in runs]
        rest = [one[whole:] for one in moved]
        by_pytorch(rest, torch.cat(last), pace)
        if copy is not None:
            copy[whole:].copy_(rest[0])


def by_pytorch(moved: Sequence[torch.Tensor], gradients: torch.Tensor, pace: Pace) -> None:
    """Do an update by PyTorch's kernel.

    Args:
        moved: weights, means of the gradients and of their squares; changed in place.
        gradients: in the weights' type.
        pace: the numbers of the update.
    """
    torch._fused_adam_(  # pyright: ignore[reportPrivateImportUsage, reportPrivateUsage]
        [moved[0]],
        [gradients],
        [moved[1]],
        [moved[2]],
        [],
        [torch.tensor(float(pace.step))],
        lr=pace.rate,
        beta1=pace.beta_1,
        beta2=pace.beta_2,
        weight_decay=0.0,
        eps=pace.epsilon,
        amsgrad=False,
        maximize=False,
    )


def same_bits(threads: int) -> bool:
    """Tell whether the kernel gives what PyTorch's gives on the same gradients in float32.

    Args:
        threads: how many there are.
    """
    return library.available() and is_same_as_pytorch(threads, flushes())


def flushes() -> bool:
    """Tell whether this thread takes denormal numbers for 0."""
    return not (torch.full((1,), 1e-30, device="cpu") * 1e-10).any()


@cache
def is_same_as_pytorch(threads: int, flushing: bool) -> bool:
    """Try what :func:`same_bits` tells.

    PyTorch's kernel is another for each kind of processor, and has changed between its releases. It
    is tried on sums of two products that nearly are 0, of which rounding leaves something else for
    each order, and on denormal numbers: threads that PyTorch has started already may flush them,
    or not, unlike the first one, which the native kernels follow.

    Args:
        threads: how many there are.
        flushing: whether the first of them flushes.
    """
    del flushing
    count, pace = 100 * threads + 37, Pace(0.01, 0.9, 0.999, 1e-6, 3)
    dice = torch.Generator().manual_seed(threads)
    with torch.device("cpu"):
        gradients = torch.randn(count, generator=dice).bfloat16()
        weights, noise = torch.randn(2, count, generator=dice)
        long = gradients.float()
        means = -(1 - pace.beta_1) / pace.beta_1 * long * (1 + noise * 1e-7)
        squares = -(1 - pace.beta_2) / pace.beta_2 * long.square() * (1 + noise * 1e-7)
        means[::3], squares[::3] = noise[::3], noise[::3].square()  # and some usual ones
        gradients[::7] = means[::7] = squares[::7] = 1e-40
        long = gradients.float()
        usual = [weights.clone(), means.clone(), squares.clone()]
        copy = torch.empty_like(gradients)
        runs = [(0, gradients[:40]), (40, long[40:70]), (70, gradients[70:])]
        update(weights, runs, (means, squares), copy, pace)
        by_pytorch(usual, long, pace)
    same = copy.view(torch.int16).equal(usual[0].bfloat16().view(torch.int16))
    pairs = zip((weights, means, squares), usual, strict=True)
    return same and all(one.view(torch.int32).equal(two.view(torch.int32)) for one, two in pairs)
