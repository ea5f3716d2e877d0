"""Biases of matrix products, with the ReLU after them, and their gradients."""

from collections.abc import Mapping
from functools import partial

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.template import Kind, Match
from latih.engine.capture.recorder import Operation

aten = torch.ops.aten


def _trace(has_relu: bool) -> Mapping[str, torch.Tensor]:
    bias, inputs, kernel = torch.zeros(11), torch.zeros(7, 5), torch.zeros(5, 11)
    outputs = aten.addmm(bias, inputs, kernel)
    if has_relu:
        outputs = aten.relu(outputs)
    return {"bias": bias, "inputs": inputs, "kernel": kernel, "outputs": outputs}


def _replacement(has_relu: bool, match: Match) -> list[list[Entry]]:
    # PyTorch would write the bias into the outputs, and let the product add to it: a third more of
    # the time of a small product than adding the bias afterwards.
    bias, outputs = match.tensor("bias"), match.tensor("outputs")
    product = [match.tensor("inputs"), match.tensor("kernel")]
    arguments = [bias, outputs, *outputs.shape, int(has_relu)]
    added = Fused("add_bias", arguments, {"changed": [outputs]}, [])
    return [[Operation(aten.mm.default, product, {}, [outputs]), added]]


def _trace_sums() -> Mapping[str, torch.Tensor]:
    gradients = torch.zeros(7, 5)
    return {"gradients": gradients, "sums": aten.sum(gradients, [0], True)}


def _sums(match: Match) -> list[list[Entry]]:
    gradients = match.tensor("gradients")
    return [[Fused("column_sums", [gradients, *gradients.shape], {}, [match.tensor("sums")])]]


KINDS = (
    *(
        Kind(partial(_trace, has_relu), ["outputs"], partial(_replacement, has_relu))
        for has_relu in (True, False)
    ),
    Kind(_trace_sums, ["sums"], _sums),
)
