"""Activations and their gradients, on tensors whose elements lie in their order."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.template import Kind, Match

aten = torch.ops.aten
RELU, LEAKY_RELU, ELU, SIGMOID, TANH = range(5)  # as in activation.c
ALPHA, SCALE = 0.3, 0.7
SIZES = (5, 7, 11, 13)

Function = Callable[..., torch.Tensor]


def _trace(function: Function, of_gradient: bool, ndim: int) -> Mapping[str, torch.Tensor]:
    given = torch.zeros(SIZES[:ndim])
    if not of_gradient:
        return {"given": given, "result": function(given)}
    gradient = torch.zeros(SIZES[:ndim])
    return {"given": given, "gradient": gradient, "result": function(gradient, given)}


def _replacement(
    kind: int, numbers: Sequence[float | str], of_gradient: bool, match: Match
) -> list[list[Entry]]:
    given, result = match.tensor("given"), match.tensor("result")
    values = [match.number(one) if isinstance(one, str) else one for one in numbers]
    # An ELU's outputs below 0 are scaled by both.
    a, b, c = (*values, 0.0, 0.0, 0.0)[:3]
    if kind == ELU:
        a, b, c = a * b, b, 1.0
    arguments = [given, given.numel(), kind, float(a), float(b), float(c)]
    if not of_gradient:
        return [[Fused("activate", arguments, {}, [result])]]
    return [[Fused("activate_backward", [match.tensor("gradient"), *arguments], {}, [result])]]


def _of(
    kind: int, function: Function, numbers: Sequence[float | str] = (), of_gradient: bool = False
) -> list[Kind]:
    return [
        Kind(
            partial(_trace, function, of_gradient, ndim),
            ["result"],
            partial(_replacement, kind, numbers, of_gradient),
            {ALPHA: "alpha", SCALE: "scale"},
        )
        for ndim in (2, 4)
    ]


KINDS = (
    *_of(RELU, aten.relu),
    *_of(RELU, lambda g, y: aten.threshold_backward(g, y, 0), (), True),
    *_of(LEAKY_RELU, lambda x: aten.leaky_relu(x, ALPHA), ["alpha"]),
    *_of(
        LEAKY_RELU,
        lambda g, x: aten.leaky_relu_backward(g, x, ALPHA, False),
        ["alpha"],
        True,
    ),
    *_of(ELU, lambda x: aten.elu(x, ALPHA), ["alpha", 1.0]),
    *_of(ELU, lambda g, x: aten.elu_backward(g, ALPHA, 1, 1, False, x), ["alpha", 1.0], True),
    *_of(ELU, lambda x: aten.elu(x, ALPHA, SCALE), ["alpha", "scale"]),
    *_of(
        ELU,
        lambda g, x: aten.elu_backward(g, ALPHA, SCALE, 1, False, x),
        ["alpha", "scale"],
        True,
    ),
    *_of(SIGMOID, aten.sigmoid_backward, (), True),
    *_of(TANH, aten.tanh_backward, (), True),
)
