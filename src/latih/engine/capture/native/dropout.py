"""Dropout: its mask and the product with it in one call, and products of two tensors."""

from collections.abc import Mapping
from functools import partial

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.template import Kind, Match

aten = torch.ops.aten
SIZES = (5, 7, 11, 13)
THRESHOLD, KEPT = 12345, 1.25


def _trace(ndim: int) -> Mapping[str, torch.Tensor]:
    """What :func:`latih.random.keep_mask` does, and a product of its mask."""
    inputs = torch.zeros(SIZES[:ndim])
    index = torch.arange(inputs.numel(), dtype=torch.int32)
    low, high = torch.zeros(2, dtype=torch.int32).unbind()
    x = aten.bitwise_xor(index, low)
    aten.bitwise_xor_(x, aten.__rshift__(x, 16))
    aten.mul_(x, 0x7FEB352D)
    aten.add_(x, high)
    aten.bitwise_xor_(x, aten.__rshift__(x, 15))
    aten.mul_(x, 0x846CA68B - 2**32)
    aten.bitwise_xor_(x, aten.__rshift__(x, 16))
    mask = aten.mul(aten.ge(x, THRESHOLD).view(inputs.shape), KEPT)
    outputs = aten.mul(inputs, mask)
    return {
        **{"inputs": inputs, "index": index, "low": low, "high": high},
        **{"mask": mask, "outputs": outputs},
    }


def _replacement(match: Match) -> list[list[Entry]] | None:
    inputs, index = match.tensor("inputs"), match.tensor("index")
    # It was made anew in the step, always the same: that is why it stands there, and is not made.
    if not torch.equal(index, torch.arange(inputs.numel(), dtype=torch.int32)):
        return None
    arguments = [
        inputs,
        match.tensor("low"),
        match.tensor("high"),
        inputs.numel(),
        match.number("threshold"),
        match.number("kept"),
    ]
    return [[Fused("drop_out", arguments, {}, [match.tensor("mask"), match.tensor("outputs")])]]


def _trace_product(ndim: int) -> Mapping[str, torch.Tensor]:
    first, second = torch.zeros(SIZES[:ndim]), torch.zeros(SIZES[:ndim])
    return {"first": first, "second": second, "product": aten.mul(first, second)}


def _product(match: Match) -> list[list[Entry]]:
    first = match.tensor("first")
    arguments = [first, match.tensor("second"), first.numel()]
    return [[Fused("multiply", arguments, {}, [match.tensor("product")])]]


KINDS = (
    *(
        Kind(
            partial(_trace, ndim),
            ["mask", "outputs"],
            _replacement,
            {THRESHOLD: "threshold", KEPT: "kept"},
        )
        for ndim in (2, 3, 4)
    ),
    *(Kind(partial(_trace_product, ndim), ["product"], _product) for ndim in (2, 3, 4)),
)
