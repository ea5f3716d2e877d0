"""exploding-gradient: signals that grow from layer to layer, or gradients from step to step."""

from collections.abc import Iterator, Mapping
from statistics import median

from latih.doctor.causes import (
    exponential_layers,
    gradient_flows,
    has_broken_data,
    has_wild_inputs,
    was_thrown,
)
from latih.doctor.curves import PERSISTENT, finite, persists
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.look_records import Check
from latih.doctor.rule import rule
from latih.doctor.terms import DEVIATION, FLOW, SKILL
from latih.doctor.words import Words

GROWTH = Words("gradient's norm over that of the start", "norma gradien dibanding saat awal")
DEPTH = Words("deviation in the last layer over the first", "simpangan lapisan akhir per pertama")
EXPONENTIALS = Words("hidden layers with e^x", "lapisan tersembunyi dengan e^x")
LARGEST = Words("largest pre-activation", "pra-aktivasi terbesar")


@rule(
    code="exploding-gradient",
    name=Words("Exploding gradient", "Gradien meledak"),
    cause=Words(
        "Each layer multiplies what it is given by more than 1, forwards or backwards: over many "
        "layers or steps that overflows, or drowns what the others learn.",
        "Setiap lapisan mengalikan masukannya dengan lebih dari 1, maju atau mundur: setelah "
        "banyak lapisan atau langkah hasilnya meluap, atau menenggelamkan yang lain.",
    ),
    doubt=Words(
        "If the gradients are calm at the first step and at a tenth of the learning rate, the "
        "rate is the reason.",
        "Jika gradien tenang pada langkah pertama dan pada sepersepuluh laju belajar, sebabnya "
        "laju belajar.",
    ),
    remedies=("initialise", "clip-gradients", "relu", "batch-normalisation", "lower-learning-rate"),
    thresholds={
        "ratio": 70.0,
        "growth": 1e3,
        "deviation": 100.0,
        "depth": 10.0,
        "exponentials": 0.0,
        "skill": 0.05,
    },
    source="Pascanu et al., On the difficulty of training recurrent neural networks, ICML 2013; "
    "Zhang et al., AutoTrainer, ICSE 2021, beta3 = 70",
)
def exploding_gradient(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """Find growth over the layers, before training or in it, and growth over the steps."""
    if has_broken_data(evidence) or not evidence.checks:
        return
    ruined = evidence.not_finite is not None
    bad = ruined or evidence.is_stuck(limit["skill"])
    yield from _exponential(evidence, limit, bad or evidence.is_poor())
    yield from _growing_forwards(evidence, limit, bad)
    yield from _growing_over_steps(evidence, limit, ruined)
    if bad and not ruined:
        yield from _growing_backwards(evidence, limit)


def _exponential(evidence: Evidence, limit: Mapping[str, float], bad: bool) -> Iterator[Sign]:
    """e^x behind e^x overflows at the third layer."""
    names = exponential_layers(evidence)
    if names:
        measured = [Measured(EXPONENTIALS, len(names), ">", limit["exponentials"])]
        largest = finite(
            signs.largest for check in evidence.checks for signs in check.layers.values()
        )
        measured += [Measured(LARGEST, max(largest))] if largest else []
        several = len(names) > 1  # the second takes e to what is e^x already
        sure = (0.93 if several else 0.7) if bad else 0.5
        yield Sign("fault" if bad or several else "advice", sure, measured, names[0])


def _growing_forwards(evidence: Evidence, limit: Mapping[str, float], bad: bool) -> Iterator[Sign]:
    """Pre-activations that are huge before the first step and grow with depth."""
    known = _deviations(evidence.checks[0], evidence)
    if len(known) < 3:
        return
    (_, first), (_, deepest) = known[0], known[-1]
    name, huge = next((pair for pair in known if pair[1] > limit["deviation"]), ("", 0.0))
    depth = deepest / max(first, 1e-12)
    if name and depth > limit["depth"]:
        measured = [
            Measured(DEVIATION, huge, ">", limit["deviation"]),
            Measured(DEPTH, depth, ">", limit["depth"]),
        ]
        wide = max(one.kernel_deviation * one.fan_in**0.5 for one in evidence.weighted_layers) > 3
        yield Sign("fault" if bad else "advice", 0.65 if wide else 0.8, measured, name, 0)


def _deviations(check: Check, evidence: Evidence) -> list[tuple[str, float]]:
    """Return the deviation of the pre-activations of each layer with a kernel."""
    signs = [(one.name, check.layers.get(one.name)) for one in evidence.weighted_layers]
    known = [(name, one.deviation) for name, one in signs if one is not None]
    return [(name, value) for name, value in known if value is not None and value == value]


def _growing_over_steps(
    evidence: Evidence, limit: Mapping[str, float], ruined: bool
) -> Iterator[Sign]:
    """A gradient a thousand times that of the start, to the end or up to a NaN."""
    known = [(c.step, c.gradient_norm) for c in evidence.checks if c.gradient_norm is not None]
    known = [(step, norm) for step, norm in known if norm == norm and norm > 0]
    if len(known) < 2:
        return
    start = median(norm for _, norm in known[:PERSISTENT] if norm <= 10 * known[0][1])
    flags = [norm > limit["growth"] * start for _, norm in known]
    grown = persists(flags) or (ruined and flags[-1])
    lost = evidence.skill < 0.5 * evidence.best_skill
    if not grown or not (ruined or lost or evidence.is_stuck(limit["skill"])):
        return
    step = known[flags.index(True)][0]
    measured = [Measured(GROWTH, known[-1][1] / start, ">", limit["growth"])]
    followed = was_thrown(evidence) or has_wild_inputs(evidence)
    yield Sign("fault", 0.5 if followed else 0.7, measured, step=step)


def _growing_backwards(evidence: Evidence, limit: Mapping[str, float]) -> Iterator[Sign]:
    """A first layer whose gradient is many times that of the last."""
    known = gradient_flows(evidence)
    flags = [flow[0] > limit["ratio"] for _, flow in known]
    if persists(flags):
        measured = [
            Measured(FLOW, median(flow[0] for _, flow in known[-PERSISTENT:]), ">", limit["ratio"]),
            Measured(SKILL, evidence.skill, "<", limit["skill"]),
        ]
        followed = was_thrown(evidence) or has_wild_inputs(evidence)
        step = known[flags.index(True)][0]
        yield Sign(
            "fault", 0.5 if followed else 0.75, measured, evidence.weighted_layers[0].name, step
        )
