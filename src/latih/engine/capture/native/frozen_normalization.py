"""Batch normalisation by statistics that stay, as in fine-tuning, with the activation after it.

In float32, or in bfloat16 with statistics in float32. The gradient of ReLU6 is taken from what goes
into it, which is worked out anew: so what lies between the two is never written to memory.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.cast import nan_bits
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.normalization import EPSILON, FEATURES, ROWS, inputs_of
from latih.engine.capture.native.template import Kind, Match

aten = torch.ops.aten
MOMENTUM = 0.1
"""Any does: the statistics stay."""

NUMBERS = {EPSILON: "epsilon", MOMENTUM: "momentum"}

NAMES = {torch.float32: "normalize_frozen", torch.bfloat16: "normalize_frozen_short"}
"""The kernels, by the type of what they normalise."""

GIVEN = "gamma", "beta", "mean", "variance"
GRADIENTS = "inputs_gradient", "gamma_gradient", "beta_gradient"


class Activation(NamedTuple):
    """What follows.

    Args:
        forward: takes what comes.
        backward: takes the gradient, what came, and what was made of it.
        bounds: what it cuts off at, below and above; NaN for nothing.
    """

    forward: Callable[[torch.Tensor], torch.Tensor]
    backward: Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
    bounds: tuple[float, float]


RELU = Activation(
    aten.relu, lambda g, before, after: aten.threshold_backward(g, after, 0), (0.0, math.nan)
)
RELU6 = Activation(
    lambda x: aten.hardtanh(x, 0, 6),
    lambda g, before, after: aten.hardtanh_backward(g, before, 0, 6),
    (0.0, 6.0),
)
UNBOUNDED = math.nan, math.nan


def _forward(named: Mapping[str, torch.Tensor]) -> Sequence[torch.Tensor]:
    statistics = named["mean"], named["variance"]
    return aten.native_batch_norm(
        named["inputs"], named["gamma"], named["beta"], *statistics, False, MOMENTUM, EPSILON
    )


def _backward(
    named: Mapping[str, torch.Tensor], gradient: torch.Tensor, saved: Sequence[torch.Tensor]
) -> Mapping[str, torch.Tensor]:
    results = aten.native_batch_norm_backward(
        gradient,
        *(named[name] for name in ("inputs", "gamma", "mean", "variance")),
        *saved,
        False,
        EPSILON,
        [True, True, True],
    )
    return dict(zip(GRADIENTS, results, strict=True))


def _given(rows: Sequence[int], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    return {**{name: torch.zeros(FEATURES) for name in GIVEN}, "inputs": inputs_of(rows, dtype)}


def _trace_alone(
    rows: Sequence[int], dtype: torch.dtype, activation: Activation
) -> Mapping[str, torch.Tensor]:
    """Return what is made where no gradient is wanted."""
    named = _given(rows, dtype)
    outputs, *_ = _forward(named)
    return {**named, "outputs": activation.forward(outputs.movedim(1, -1))}


def _trace(
    rows: Sequence[int], dtype: torch.dtype, activation: Activation
) -> Mapping[str, torch.Tensor]:
    named = _given(rows, dtype)
    outputs, *saved = _forward(named)
    before = outputs.movedim(1, -1)
    after = activation.forward(before)
    gradients = torch.zeros(*rows, FEATURES, dtype=dtype)
    of_outputs = activation.backward(gradients, before, after).movedim(-1, 1)
    made = {"outputs": after, "gradients": gradients}
    return {**named, **made, **_backward(named, of_outputs, saved)}


def _trace_bare(rows: Sequence[int], dtype: torch.dtype) -> Mapping[str, torch.Tensor]:
    """Return what is made with no activation behind: only its gradients are worth a kernel."""
    named, gradients = _given(rows, dtype), inputs_of(rows, dtype)
    saved = torch.zeros(0), torch.zeros(0)
    return {**named, "gradients": gradients, **_backward(named, gradients, saved)}


def _forward_kernel(activation: Activation, match: Match) -> list[Entry]:
    inputs = match.tensor("inputs")
    arguments = [
        inputs,
        *(match.tensor(name) for name in GIVEN),
        *_sizes(inputs),
        match.number("epsilon"),
        *activation.bounds,
        nan_bits(),
    ]
    return [Fused(NAMES[inputs.dtype], arguments, {}, [match.tensor("outputs")])]


def _backward_kernel(
    match: Match, beta: torch.Tensor | None, bounds: tuple[float, float]
) -> list[Entry]:
    inputs = match.tensor("inputs")
    arguments = [
        match.tensor("gradients"),
        inputs,
        match.tensor("gamma"),
        beta,
        match.tensor("mean"),
        match.tensor("variance"),
        *_sizes(inputs),
        match.number("epsilon"),
        *bounds,
        nan_bits(),
    ]
    results = [match.tensor(name) for name in GRADIENTS]
    return [Fused(f"{NAMES[inputs.dtype]}_backward", arguments, {}, results)]


def _sizes(inputs: torch.Tensor) -> tuple[int, int]:
    features = inputs.shape[1]
    return inputs.numel() // features, features


def _both(activation: Activation, match: Match) -> list[list[Entry]]:
    return [
        _forward_kernel(activation, match),
        _backward_kernel(match, match.tensor("beta"), activation.bounds),
    ]


def _alone(activation: Activation, match: Match) -> list[list[Entry]]:
    return [_forward_kernel(activation, match)]


def _bare(match: Match) -> list[list[Entry]]:
    # Without an activation the shift has no part in the gradients.
    return [_backward_kernel(match, None, UNBOUNDED)]


KINDS = tuple(
    kind
    for rows in ROWS
    for dtype in NAMES
    for kind in (
        *(
            Kind(
                partial(_trace, rows, dtype, one),
                ["outputs", *GRADIENTS],
                partial(_both, one),
                NUMBERS,
                first=2,
            )
            for one in (RELU, RELU6)
        ),
        *(
            Kind(
                partial(_trace_alone, rows, dtype, one),
                ["outputs"],
                partial(_alone, one),
                NUMBERS,
            )
            for one in (RELU, RELU6)
        ),
        Kind(partial(_trace_bare, rows, dtype), GRADIENTS, _bare, NUMBERS),
    )
)
