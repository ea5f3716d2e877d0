"""The running sums of metrics, as what a snapshot holds of an epoch under way."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from latih.errors import InputError
from latih.metrics import Metric


def sums_state(metrics: Iterable[Metric]) -> list[list[torch.Tensor]]:
    """Return the sums of each metric; they are the metrics' own, which change with a batch."""
    return [[variable.detach() for variable in metric.variables] for metric in metrics]


def load_sums_state(metrics: Iterable[Metric], state: Sequence[Sequence[Any]]) -> None:
    """Put the sums of each metric where :func:`sums_state` found them.

    Raises:
        InputError: these are other metrics.
    """
    own = list(metrics)
    if len(own) != len(state):
        raise InputError(
            "the state is not one of these metrics",
            expected=f"sums for {len(own)} metrics",
            got=f"sums of {len(state)}",
        )
    for metric, sums in zip(own, state, strict=True):
        metric.go_on_from(sums)
