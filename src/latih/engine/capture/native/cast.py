"""Casts of large memory between float32 and bfloat16."""

from functools import cache

import torch

from latih.engine.capture.native import library
from latih.engine.capture.native.fused import Fused

LEAST = 1 << 20
"""Elements: fewer are still in a cache when they are read, and here they are written past it."""


def cast(source: torch.Tensor, result: torch.Tensor) -> Fused | None:
    """Return a call that writes numbers in another type, to the bit as PyTorch; None if none can.

    Args:
        source: the numbers.
        result: where they go; both lie in memory in the same order, without gaps.
    """
    count = source.numel()
    if not library.available() or count < LEAST or source.device.type != "cpu":
        return None
    if (source.dtype, result.dtype) == (torch.float32, torch.bfloat16):
        return Fused("shorten", [source, count, nan_bits()], {}, [result])
    if (source.dtype, result.dtype) == (torch.bfloat16, torch.float32):
        return Fused("lengthen", [source, count], {}, [result])
    return None


@cache
def nan_bits() -> int:
    """Return the bits of what PyTorch makes of NaN, which is not the same on all processors."""
    numbers = torch.full((64,), torch.nan, dtype=torch.float32, device="cpu").to(torch.bfloat16)
    return int(numbers.view(torch.int16)[0]) & 0xFFFF
