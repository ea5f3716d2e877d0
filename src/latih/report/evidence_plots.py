"""The plots that the doctor's findings rest on: of the net over steps, and of its layers."""

import math
from collections.abc import Sequence
from statistics import median
from typing import TypeVar

import numpy as np
from markupsafe import Markup

from latih.report.curves import Line, Mark, draw_curves
from latih.report.drawing import ADVICE, FAULT, NOTE, SINGLE, TRAINING, VALIDATION
from latih.report.findings import Finding
from latih.report.layer_drawings import (
    Span,
    draw_deviations,
    draw_heat_map,
    draw_shares,
    draw_spans,
)
from latih.report.looks import Values, Watch
from latih.report.metrics import VALIDATION as HELD_BACK
from latih.report.metrics import history
from latih.report.phrases import phrase
from latih.report.plots import Plot
from latih.report.record import Epoch

Item = TypeVar("Item")

MOST_ROWS = 40
MOST_LOOKS = 120
BAND = (1e-5, 0.1)
"""Between these update ratios neither of the rules on learning rates speaks."""

USUAL = 1e-3
COLOURS = {"fault": FAULT, "advice": ADVICE, "note": NOTE}


def net_plots(
    watch: Watch, findings: Sequence[Finding], epochs: Sequence[Epoch], identity: str
) -> tuple[Plot, ...]:
    """Draw what the doctor measured of the whole net; what it did not measure has no plot.

    Args:
        watch: what was seen.
        findings: what was found, in the order of the cards.
        epochs: the lines of the log.
        identity: goes before every id.

    Returns:
        The plots in the page's order.
    """
    drawn = (
        _loss_plot(watch, findings, epochs, identity),
        _skill_plot(watch, identity),
        _norm_plot(watch, identity),
    )
    return tuple(plot for plot in drawn if plot is not None)


def layer_plots(watch: Watch, findings: Sequence[Finding], identity: str) -> tuple[Plot, ...]:
    """Draw what the doctor measured of the layers, a row each.

    Args:
        watch: what was seen.
        findings: what was found; the layers that they name are drawn however many there are.
        identity: goes before every id.

    Returns:
        The plots in the page's order.
    """
    drawn = (
        _flow_plot(watch, findings, identity),
        _update_plot(watch, findings, identity),
        _unit_plot(watch, findings, identity),
        _activation_plot(watch, findings, identity),
    )
    return tuple(plot for plot in drawn if plot is not None)


# Of the whole net


def _loss_plot(
    watch: Watch, findings: Sequence[Finding], epochs: Sequence[Epoch], identity: str
) -> Plot | None:
    kinds = {"single": (phrase("on_the_probe"), Line(watch.of_net("loss"), SINGLE))}
    of_epochs = {
        "training": (phrase("in_training"), "loss", TRAINING),
        "validation": (phrase("held_back"), f"{HELD_BACK}loss", VALIDATION),
    }
    for kind, (name, column, colour) in of_epochs.items():
        ends = [(watch.end_of(number), value) for number, value in history(epochs, column)]
        points = [(step, value) for step, value in ends if step is not None and step > 0]
        kinds[kind] = (name, Line(points, colour, dashed=kind == "training"))
    marks = [
        Mark(one.place, number, COLOURS[one.severity])
        for number, one in enumerate(findings, start=1)
        if one.place is not None
    ]
    level = watch.trivial_loss
    notes = [] if level is None else [phrase("best_guess_line")]
    notes += [phrase("numbers_are_findings")] if marks else []
    return _net_plot(
        "loss_title", kinds, "loss", notes, identity, decades=3.0, level=level, marks=marks
    )


def _skill_plot(watch: Watch, identity: str) -> Plot | None:
    kinds = {
        "single": (phrase("skill"), Line(watch.of_net("skill"), SINGLE)),
        "training": (phrase("accuracy"), Line(watch.of_net("accuracy"), TRAINING, dashed=True)),
    }
    return _net_plot(
        "skill_title", kinds, "skill", [phrase("skill_note")], identity, decades=math.inf, level=0.0
    )


def _norm_plot(watch: Watch, identity: str) -> Plot | None:
    kinds = {
        "single": (phrase("before_clipping"), Line(watch.of_net("gradient_norm"), SINGLE)),
        "training": (
            phrase("after_clipping"),
            Line(watch.of_net("clipped_norm"), TRAINING, dashed=True),
        ),
    }
    return _net_plot("norm_title", kinds, "norm", [], identity, decades=1.0)


def _net_plot(
    title: str,
    kinds: dict[str, tuple[str, Line]],
    unit: str,
    notes: Sequence[str],
    identity: str,
    *,
    decades: float,
    level: float | None = None,
    marks: Sequence[Mark] = (),
) -> Plot | None:
    there = {
        kind: named
        for kind, named in kinds.items()
        if any(value is not None for _, value in named[1].points)
    }
    if not there:
        return None
    lines = [
        Line(_thinned(line.points, MOST_LOOKS), line.colour, line.dashed)
        for _, line in there.values()
    ]
    drawing = draw_curves(
        lines,
        identity=f"{identity}-{unit}",
        decades=decades,
        along=phrase("step"),
        unit=phrase(unit),
        level=level,
        marks=marks,
    )
    legend = tuple((kind, name) for kind, (name, _) in there.items())
    # Markup is right here: the drawing holds no string that came from a file.
    return Plot(phrase(title), Markup(drawing), legend, tuple(notes))


# Of the layers


def _flow_plot(watch: Watch, findings: Sequence[Finding], identity: str) -> Plot | None:
    names, notes = _rows(watch, findings, "gradient")
    if not names:
        return None
    seen = [one for one in watch.looks if any("gradient" in s for s in one.layers.values())]
    looks = _thinned(seen, MOST_LOOKS)
    values = np.array(
        [[_cell(look.layers.get(name, {}), "gradient") for look in looks] for name in names]
    )
    drawing = draw_heat_map(
        names,
        [look.step for look in looks],
        values,
        identity=f"{identity}-flow",
        along=phrase("step"),
        unit=phrase("flow_unit"),
    )
    legend = [("zero", phrase("exactly_zero"))] if (values == 0).any() else []
    legend += [("not-finite", phrase("not_finite"))] if np.isinf(values).any() else []
    return _layer_plot("flow_title", drawing, legend, [phrase("flow_note"), *notes])


def _update_plot(watch: Watch, findings: Sequence[Finding], identity: str) -> Plot | None:
    names, notes = _rows(watch, findings, "update")
    ratios = {name: [ratio for _, ratio in watch.of_layer(name, "update")] for name in names}
    shown = [name for name in names if any(ratio is not None for ratio in ratios[name])]
    spans = [_span(ratios[name]) for name in shown]
    if not any(spans):
        return None
    drawing = draw_spans(
        shown,
        spans,
        identity=f"{identity}-updates",
        label=phrase("update_axis"),
        band=BAND,
        usual=USUAL,
    )
    legend = [
        ("range", phrase("update_range")),
        ("ring", phrase("at_the_last_look")),
        ("band", phrase("update_band")),
    ]
    return _layer_plot("update_title", drawing, legend, [phrase("update_note"), *notes])


def _unit_plot(watch: Watch, findings: Sequence[Finding], identity: str) -> Plot | None:
    names, notes = _rows(watch, findings, "silent", "saturated")
    kinds = {
        "dead": ("silent", TRAINING, phrase("dead_units")),
        "saturated": ("saturated", VALIDATION, phrase("saturated_units")),
    }
    there = {
        kind: (colour, [_ends(watch, name, sign) for name in names], told)
        for kind, (sign, colour, told) in kinds.items()
    }
    there = {kind: one for kind, one in there.items() if any(one[1])}
    if not there:
        return None
    drawing = draw_shares(
        names,
        [(colour, shares) for colour, shares, _ in there.values()],
        identity=f"{identity}-units",
        label=phrase("unit_axis"),
    )
    legend = [(kind, told) for kind, (_, _, told) in there.items()]
    legend += [("ring", phrase("at_the_first_look"))]
    return _layer_plot("unit_title", drawing, legend, [phrase("unit_note"), *notes])


def _activation_plot(watch: Watch, findings: Sequence[Finding], identity: str) -> Plot | None:
    names, notes = _rows(watch, findings, "deviation")
    ends = {name: _moments(watch, name) for name in names}
    shown = [name for name in names if ends[name]]
    if not shown:
        return None
    kinds: list[tuple[str, Sequence[tuple[float, float] | None]]] = [
        (TRAINING, [ends[name][0] for name in shown]),
        (VALIDATION, [ends[name][1] if len(ends[name]) > 1 else None for name in shown]),
    ]
    is_twice = any(kinds[1][1])
    drawing = draw_deviations(
        shown,
        kinds if is_twice else kinds[:1],
        identity=f"{identity}-activations",
        label=phrase("activation_axis"),
    )
    legend = [("first", phrase("at_the_first_look"))]
    legend += [("last", phrase("at_the_last_look"))] if is_twice else []
    return _layer_plot("activation_title", drawing, legend, [phrase("activation_note"), *notes])


def _layer_plot(
    title: str, drawing: str, legend: Sequence[tuple[str, str]], notes: Sequence[str]
) -> Plot:
    # Markup is right here: the names of layers in the drawing were escaped when they were put in.
    return Plot(phrase(title), Markup(drawing), tuple(legend), tuple(notes))


# What is drawn of much


def _rows(watch: Watch, findings: Sequence[Finding], *signs: str) -> tuple[list[str], list[str]]:
    """Return the layers to draw, with a sentence if they are not all that were measured."""
    names = watch.measured(*signs)
    if len(names) <= MOST_ROWS:
        return names, []
    named = {finding.layer for finding in findings}
    stride = -(-len(names) // max(MOST_ROWS - len(named), 1))
    kept = [
        name
        for place, name in enumerate(names)
        if place % stride == 0 or name in named or place == len(names) - 1
    ]
    told = phrase("layers_left_out", shown=f"{len(kept):,}", all=f"{len(names):,}")
    return kept, [told]


def _thinned(items: Sequence[Item], most: int) -> list[Item]:
    """Return so many at most, evenly, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    places = np.linspace(0, len(items) - 1, most).round().astype(int)
    return [items[place] for place in places]


def _cell(signs: Values, sign: str) -> float:
    """Return a cell of a heat map: NaN if it was not measured, infinite if it was no number."""
    value = signs.get(sign, math.nan)
    return math.inf if value is None else value


def _span(values: Sequence[float | None]) -> Span | None:
    """Return the range of the positive numbers among some; None if there is none."""
    positive = [value for value in values if value is not None and value > 0]
    if not positive:
        return None
    last = values[-1]
    ring = None if last is None else max(last, 0.0)
    return Span(min(positive), median(positive), max(positive), ring)


def _ends(watch: Watch, name: str, sign: str) -> tuple[float, float] | None:
    """Return the first and the last number of a sign."""
    known = [value for _, value in watch.of_layer(name, sign) if value is not None]
    return (known[0], known[-1]) if known else None


def _moments(watch: Watch, name: str) -> list[tuple[float, float]]:
    """Return mean and deviation at the first look and at the last, if these are two."""
    found: list[tuple[float, float]] = []
    for look in watch.looks:
        signs = look.layers.get(name, {})
        mean, deviation = signs.get("mean"), signs.get("deviation")
        if mean is not None and deviation is not None:
            found.append((mean, deviation))
    return found if len(found) < 2 else [found[0], found[-1]]
