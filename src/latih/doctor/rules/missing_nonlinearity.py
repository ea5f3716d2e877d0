"""Layers in a row without a nonlinearity between them: together they are one linear map."""

from collections.abc import Iterator, Mapping
from itertools import pairwise

from latih.doctor.evidence import Evidence
from latih.doctor.expectations import is_linear
from latih.doctor.fact_records import LayerFacts
from latih.doctor.finding import Measured, Sign
from latih.doctor.rule import rule
from latih.doctor.words import Words

LAYERS = Words(
    "layers with weights, and no nonlinearity among them", "lapisan berbobot tanpa nonlinearitas"
)
ROW = Words("linear layers in a row", "lapisan linear berturut-turut")
SKILL = Words("skill", "kemampuan")

LINEAR = frozenset(
    """
    Dense EinsumDense Linear Bilinear Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose
    Conv3DTranspose DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D Conv1d
    Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d
    """.split()
)
"""Layers that are a linear map unless they have an activation."""

AFFINE = frozenset(
    """
    BatchNormalization Normalization BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm
    """.split()
)
"""Normalisations that scale by numbers of their own, and not by what comes."""

PLAIN = {"Dense", "Linear"}
"""Layers that in a row are one; convolutions and attention have linear maps in a row on purpose."""


@rule(
    code="missing-nonlinearity",
    name=Words("No activation between the layers", "Tanpa fungsi aktivasi di antara lapisan"),
    cause=Words(
        "without a nonlinearity between them several layers can do no more than one",
        "tanpa nonlinearitas di antaranya, beberapa lapisan tidak lebih mampu daripada satu",
    ),
    doubt=Words(
        "the net is linear on purpose, or a nonlinear one of the same size learns no more",
        "jaringan memang sengaja linear, atau jaringan nonlinear seukurannya tidak belajar lebih "
        "banyak",
    ),
    remedies=["nonlinearity", "relu"],
    thresholds={"layers": 1, "row": 1, "enough": 0.7},
    source="NeuraLint, TOSEM 2021 (rule of missing activations); UMLAUT, CHI 2021; Goodfellow et "
    "al. 2016, 'Deep Learning', section 6.1",
)
def missing_nonlinearity(evidence: Evidence, thresholds: Mapping[str, float]) -> Iterator[Sign]:
    """Look for a net that is linear though it has hidden layers; its outcome decides."""
    layers = evidence.facts.layers
    weighted = [one for one in layers if one.kind in LINEAR]
    hidden = [one for one in weighted if not one.is_output]
    if not hidden:
        return
    if _is_linear_net(layers) and len(weighted) > thresholds["layers"]:
        told = [Measured(LAYERS, len(weighted), ">", thresholds["layers"])]
        if evidence.is_failing() or evidence.ends_below(thresholds["enough"]):
            told.append(Measured(SKILL, evidence.skill))
            yield Sign("fault", 0.75, told, hidden[0].name, evidence.steps)
        else:
            yield Sign("advice", 0.5, told, hidden[0].name)
    elif all(one.kind in PLAIN for one in layers if one.fan_in):
        row = _longest_row(layers)
        if len(row) > thresholds["row"]:
            told = [Measured(ROW, len(row), ">", thresholds["row"])]
            severity = "advice" if evidence.is_failing() else "note"
            yield Sign(severity, 0.4, told, row[0].name)


def _is_linear_net(layers: tuple[LayerFacts, ...]) -> bool:
    """Say whether nothing bends between input and output."""
    return not any(_bends(one) for one in layers if not one.is_output)


def _bends(one: LayerFacts) -> bool:
    """Say whether a layer is no linear map; of what nobody knows one assumes that it is none."""
    normalises = one.is_normalization and one.kind not in AFFINE
    return (
        normalises or not is_linear(one.activation) or (one.fan_in > 0 and one.kind not in LINEAR)
    )


def _longest_row(layers: tuple[LayerFacts, ...]) -> list[LayerFacts]:
    """Return the most layers that follow each other with nothing that bends between."""
    told = [one for one in layers if one.fan_in or _bends(one)]
    row: list[LayerFacts] = []
    longest: list[LayerFacts] = []
    for before, one in pairwise(told):
        # An output leads to no other layer: two of them stand side by side.
        is_followed = before.kind in PLAIN and one.kind in PLAIN and not before.is_output
        if is_followed and not _bends(before):
            row = [*row, one] if row else [before, one]
        else:
            row = []
        longest = max(longest, row, key=len)
    return longest
