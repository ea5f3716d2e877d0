"""All that is known to be done by kernels, put into a step."""

from collections.abc import Collection, Sequence

from latih.engine.capture.dataflow import Entry
from latih.engine.capture.native import (
    activation,
    bias,
    dropout,
    frozen_normalization,
    head,
    library,
    normalization,
    pooling,
    softmax,
    transpose,
)
from latih.engine.capture.native.fused import Row
from latih.engine.capture.native.template import Kind
from latih.engine.capture.recorder import Operation

# Longer runs before the shorter ones that they contain.
KINDS = (
    *head.KINDS,
    *dropout.KINDS,
    *pooling.KINDS,
    *normalization.KINDS,
    *frozen_normalization.KINDS,
    *bias.KINDS,
    *activation.KINDS,
    *softmax.KINDS,
    *transpose.KINDS,
)


def fused(entries: Sequence[Entry], wanted: Collection[int]) -> list[Entry]:
    """Return a step in which kernels do what they can, in the place of runs of operations.

    Args:
        entries: the step, without what need not be done again.
        wanted: memories that are read after it.
    """
    entries = list(entries)
    if not library.available():
        return entries
    for kind in KINDS:
        entries = _with(kind, entries, wanted)
    return entries


def _with(kind: Kind, entries: list[Entry], wanted: Collection[int]) -> list[Entry]:
    """Put one kind of kernel into a step."""
    present = {entry.function for entry in entries if isinstance(entry, Operation)}
    if not kind.template.functions <= present:
        return entries
    instead: dict[int, Sequence[Entry]] = {}
    left_out: set[int] = set()
    spans: list[tuple[int, int]] = []
    again = False
    for match in kind.template.matches(Row(entries, wanted)):
        replacement = kind.replacement(match)
        if replacement is None:
            continue
        own = [(min(part), max(part)) for part in match.parts]
        if any(low <= end and start <= high for low, high in own for start, end in spans):
            # It may move over what has just been moved itself: it is looked at anew.
            again = True
            continue
        spans += own
        left_out.update(match.found)
        instead.update(zip(match.places, replacement, strict=True))
    kept: list[Entry] = []
    for number, entry in enumerate(entries):
        if number in instead:
            kept.extend(instead[number])
        elif number not in left_out:
            kept.append(entry)
    return _with(kind, kept, wanted) if again else kept
