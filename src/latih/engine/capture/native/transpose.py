"""Gradients of kernels in bfloat16: the inputs are turned before the product, and not in it."""

from collections.abc import Mapping
from functools import cache

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.template import Kind, Match
from latih.engine.capture.recorder import Operation

aten = torch.ops.aten
LEAST_ROWS, LEAST = 32, 1 << 20
"""Examples, and numbers that come of them: from these on it pays to turn the inputs first (128
examples, 2048 inputs and outputs: 1.0 instead of 2.0 milliseconds)."""


def _trace() -> Mapping[str, torch.Tensor]:
    columns = torch.zeros(7, 5, dtype=torch.bfloat16).t()
    gradients = torch.zeros(7, 11, dtype=torch.bfloat16)
    product = aten.mm(columns, gradients)
    return {"columns": columns, "gradients": gradients, "product": product}


def _replacement(match: Match) -> list[list[Entry]] | None:
    inputs, gradients = match.tensor("columns").t(), match.tensor("gradients")
    (rows, columns), outputs = inputs.shape, gradients.shape[1]
    if rows < LEAST_ROWS or columns * outputs < LEAST:
        return None
    if not same_bits(rows, columns, outputs, torch.get_num_threads()):
        return None
    turned = inputs.new_empty(columns, rows)
    product = match.tensor("product")
    return [
        [
            Fused("transpose", [inputs, rows, columns], {}, [turned]),
            Operation(aten.mm.default, [turned, gradients], {}, [product]),
        ]
    ]


@cache
def same_bits(rows: int, columns: int, outputs: int, threads: int) -> bool:
    """Tell whether a product adds in the same order, whichever way its left operand lies.

    In bfloat16 another order is another last place now and then, which is more than a replay may
    differ. It is tried on sums that are 0 but for what rounding leaves of them, which is something
    else for each order: for every term there is its opposite, at another place. One product
    is evidence and no proof, and for this number of threads only.

    Args:
        rows: over how many examples is added.
        columns: the inputs of each.
        outputs: the gradients of each.
        threads: how many there are, by which PyTorch's library chooses the order too.
    """
    del threads
    dice = torch.Generator().manual_seed(rows)
    half = rows // 2
    with torch.device("cpu"):
        places = torch.randperm(rows, generator=dice)
        inputs, gradients = torch.zeros(rows, columns), torch.zeros(rows, outputs)
        for numbers, sign in ((inputs, 1.0), (gradients, -1.0)):
            terms = torch.randn(half, 1, generator=dice)
            terms = terms * torch.randn(numbers.shape[1], generator=dice)
            numbers[places[:half]] = terms
            numbers[places[half : 2 * half]] = sign * terms
        inputs, gradients = inputs.bfloat16(), gradients.bfloat16()
        turned = inputs.t().contiguous()
        return torch.equal(torch.mm(inputs.t(), gradients), torch.mm(turned, gradients))


KINDS = (Kind(_trace, ["product"], _replacement),)
