"""Softmax over few classes: fewer than fill a vector of the processor's."""

from collections.abc import Mapping

import torch

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.native.template import Kind, Match

aten = torch.ops.aten

MOST_CLASSES = 15
"""More fill a vector of the processor's, and PyTorch is as fast."""


def _trace() -> Mapping[str, torch.Tensor]:
    logits = torch.zeros(7, 5)
    return {"logits": logits, "probabilities": aten._softmax(logits, -1, False)}


def _replacement(match: Match) -> list[list[Entry]] | None:
    logits = match.tensor("logits")
    if logits.shape[1] > MOST_CLASSES:
        return None
    return [[Fused("softmax", [logits, *logits.shape], {}, [match.tensor("probabilities")])]]


KINDS = (Kind(_trace, ["probabilities"], _replacement),)
