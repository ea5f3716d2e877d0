"""The end of a classifier in one call: softmax, sparse cross-entropy, gradient, loss, accuracy."""

from collections.abc import Callable, Mapping
from functools import partial

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.template import Kind, Match

aten = torch.ops.aten
LOW, HIGH = 0.25, 0.75


def _trace(is_training: bool, has_accuracy: bool) -> Mapping[str, torch.Tensor]:
    """What :class:`~latih.losses.SparseCategoricalCrossentropy` of a softmax does, and accuracy."""
    examples, classes = 7, 5
    logits, labels = torch.zeros(examples, classes), torch.zeros(examples, dtype=torch.int64)
    named = {name: torch.zeros(()) for name in ("total", "count", "right", "right_count")}
    chosen = labels.unsqueeze(-1)
    probabilities = aten._softmax(logits, -1, False)
    sums = aten.sum(probabilities, [-1], True)
    shares = aten.gather(probabilities, -1, chosen)
    aten.div_(shares, sums)
    kept = aten.clamp(shares, LOW, HIGH)
    losses = aten.log(kept)
    aten.neg_(losses)
    loss = aten.div(aten.sum(losses.squeeze(-1)), examples)
    if is_training:
        named["gradient"] = torch.zeros(()).expand(examples).unsqueeze(-1)
        rest = aten.div(named["gradient"], sums)
        rest = aten.masked_fill(rest, aten.ne(shares, kept), 0)
        of_chosen = aten.div(aten.neg(rest), kept)
        gradients = aten.scatter_add(rest.expand(examples, classes), -1, chosen, of_chosen)
        named["logits_gradient"] = aten._softmax_backward_data(
            gradients, probabilities, -1, torch.float32
        )
    aten.add_(named["total"], loss, alpha=examples)
    aten.add_(named["count"], examples)
    if has_accuracy:
        right = aten.eq(labels, aten.argmax(probabilities, -1))
        aten.add_(named["right"], aten.sum(aten._to_copy(right, dtype=torch.float32)))
        aten.add_(named["right_count"], examples)
    return {
        **named,
        "logits": logits,
        "labels": chosen,
        "probabilities": probabilities,
        "loss": loss,
    }


def _replacement(is_training: bool, has_accuracy: bool, match: Match) -> list[list[Entry]]:
    logits = match.tensor("logits")
    changed = [match.tensor(name) for name in ("total", "count")]
    if has_accuracy:
        changed += [match.tensor(name) for name in ("right", "right_count")]
    arguments = [
        logits,
        match.tensor("labels"),
        *([match.tensor("gradient")] if is_training else []),
        *changed,
        *([] if has_accuracy else [None, None]),
        *logits.shape,
        match.number("low"),
        match.number("high"),
    ]
    names = ("probabilities", "loss", "logits_gradient")[: 3 if is_training else 2]
    results = [match.tensor(name) for name in names]
    return [[Fused("head" if is_training else "score", arguments, {"changed": changed}, results)]]


def _kind(is_training: bool, has_accuracy: bool) -> Kind:
    outputs = ("probabilities", "loss", *(["logits_gradient"] if is_training else []))
    trace: Callable[[], Mapping[str, torch.Tensor]] = partial(_trace, is_training, has_accuracy)
    replacement = partial(_replacement, is_training, has_accuracy)
    return Kind(trace, outputs, replacement, {LOW: "low", HIGH: "high"})


KINDS = tuple(
    _kind(is_training, has_accuracy)
    for is_training in (True, False)
    for has_accuracy in (True, False)
)
