"""Batch normalisation in training, with the ReLU after it, its moving statistics and gradients."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.template import Kind, Match

aten = torch.ops.aten
ROWS: Sequence[tuple[int, ...]] = ((7,), (7, 11, 13))
"""The axes before the features: of plain rows, and of images with their channels last."""
FEATURES = 5
EPSILON, SHARE = 0.0625, 0.375


def inputs_of(rows: Sequence[int], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return inputs as PyTorch wants them, with the features in the second axis."""
    return torch.zeros(*rows, FEATURES, dtype=dtype).movedim(-1, 1)


def _trace(rows: Sequence[int], has_relu: bool) -> Mapping[str, torch.Tensor]:
    named = {
        name: torch.zeros(FEATURES) for name in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    inputs = inputs_of(rows)
    outputs, mean, inverse_deviation = aten.native_batch_norm(
        inputs, named["gamma"], named["beta"], None, None, True, 0.0, EPSILON
    )
    variance = aten.pow(inverse_deviation, -2)
    aten.sub_(variance, EPSILON)
    aten.lerp_(named["moving_mean"], mean, SHARE)
    aten.lerp_(named["moving_variance"], variance, SHARE)
    if has_relu:
        outputs = aten.relu(outputs.movedim(1, -1))
    made = {"outputs": outputs, "mean": mean, "inverse_deviation": inverse_deviation}
    return {**named, **made, "inputs": inputs}


def _replacement(has_relu: bool, match: Match) -> list[list[Entry]]:
    inputs = match.tensor("inputs")
    features = inputs.shape[1]
    changed = [match.tensor("moving_mean"), match.tensor("moving_variance")]
    arguments = [
        inputs,
        match.tensor("gamma"),
        match.tensor("beta"),
        *changed,
        inputs.numel() // features,
        features,
        int(has_relu),
        match.number("epsilon"),
        match.number("share"),
    ]
    results = [match.tensor(name) for name in ("outputs", "mean", "inverse_deviation")]
    return [[Fused("normalize", arguments, {"changed": changed}, results)]]


def _trace_backward(
    rows: Sequence[int], has_relu: bool, of_inputs: bool
) -> Mapping[str, torch.Tensor]:
    named = {name: torch.zeros(FEATURES) for name in ("gamma", "mean", "inverse_deviation")}
    gradients, seen = torch.zeros(*rows, FEATURES), torch.zeros(*rows, FEATURES)
    named |= {"seen": seen, "inputs": inputs_of(rows)}
    of_outputs = aten.threshold_backward(gradients, seen, 0) if has_relu else gradients
    of_outputs = of_outputs.movedim(-1, 1)
    named["gradients"] = gradients if has_relu else of_outputs
    results = aten.native_batch_norm_backward(
        of_outputs,
        named["inputs"],
        named["gamma"],
        None,
        None,
        named["mean"],
        named["inverse_deviation"],
        True,
        EPSILON,
        [of_inputs, True, True],
    )
    names = ("inputs_gradient", "gamma_gradient", "beta_gradient")
    return named | {name: one for name, one in zip(names, results, strict=True) if one is not None}


def _backward(has_relu: bool, of_inputs: bool, match: Match) -> list[list[Entry]]:
    inputs = match.tensor("inputs")
    features = inputs.shape[1]
    arguments = [
        match.tensor("gradients"),
        inputs,
        match.tensor("gamma"),
        match.tensor("mean"),
        match.tensor("inverse_deviation"),
        match.tensor("seen") if has_relu else None,
        inputs.numel() // features,
        features,
        *([] if of_inputs else [None]),
    ]
    results = [match.tensor(name) for name in _gradients(of_inputs)]
    return [[Fused("normalize_backward", arguments, {}, results)]]


def _gradients(of_inputs: bool) -> list[str]:
    return [*(["inputs_gradient"] if of_inputs else []), "gamma_gradient", "beta_gradient"]


KINDS = (
    *(
        Kind(
            partial(_trace, rows, has_relu),
            ["outputs", "mean", "inverse_deviation"],
            partial(_replacement, has_relu),
            {EPSILON: "epsilon", SHARE: "share"},
        )
        for rows in ROWS
        for has_relu in (True, False)
    ),
    *(
        Kind(
            partial(_trace_backward, rows, has_relu, of_inputs),
            _gradients(of_inputs),
            partial(_backward, has_relu, of_inputs),
            {EPSILON: "epsilon"},
        )
        for rows in ROWS
        for has_relu in (True, False)
        for of_inputs in (True, False)
    ),
)
