"""Numbers over epochs or steps as a drawing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from latih.report.drawing import BEST, PAPER, as_svg, bare, own_settings, power_tick, tick

MOST_MARKERS = 60
MOST_MARKS = 12
NEAR = 0.07
"""Marks that are nearer to each other than this share of the axis stand above one another."""

MOST_ABOVE = 4
"""But no more than so many."""


@dataclass(frozen=True)
class Line:
    """One line of a drawing.

    Args:
        points: epochs or steps, and values; None leaves a gap, an epoch left out does not.
        colour: one of the stand-ins.
        dashed: whether to dash it, so that lines differ without colour.
    """

    points: Sequence[tuple[int, float | None]]
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class Mark:
    """Something that is told of an epoch or a step.

    Args:
        place: which.
        number: of what is told, which stands beside the drawing.
        colour: one of the stand-ins.
    """

    place: int
    number: int
    colour: str


def draw_curves(
    lines: Sequence[Line],
    *,
    identity: str,
    decades: float,
    along: str,
    unit: str = "",
    best: int | None = None,
    level: float | None = None,
    marks: Sequence[Mark] = (),
) -> str:
    """Draw lines over epochs or steps.

    No string of the run goes into the drawing: names stand in the page around it, where they are
    escaped, and where matplotlib neither reads them as formulas nor misses their glyphs.

    Args:
        lines: what to draw, the last on top.
        identity: goes before every id, so that the drawings of one page do not share any.
        decades: how many powers of ten positive values must span for a logarithmic axis.
        along: what the numbers below count: epochs or steps.
        unit: what the numbers at the side are.
        best: the epoch to mark.
        level: a value that the others are to be seen against.
        marks: what is told of where.

    Returns:
        An ``<svg>`` element, the same for the same arguments.
    """
    with own_settings():
        figure = Figure(figsize=(3.9, 2.5), layout="constrained")
        axes = figure.add_subplot(ylabel=unit)
        _draw_axes(axes, along, logarithmic=spans_decades(lines, decades))
        for line in lines:
            _draw_line(axes, line)
        if level is not None:
            axes.axhline(level, color=BEST, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        if best is not None:
            _mark_best(axes, best, lines)
        _draw_marks(axes, marks[:MOST_MARKS])
        return as_svg(figure, identity)


def spans_decades(lines: Sequence[Line], decades: float) -> bool:
    """Tell whether all numbers are positive and spread over so many powers of ten."""
    numbers = [value for line in lines for _, value in line.points if value is not None]
    return (
        bool(numbers)
        and min(numbers) > 0
        and (math.log10(max(numbers)) - math.log10(min(numbers)) >= decades - 1e-9)
    )


def _draw_axes(axes: Axes, along: str, *, logarithmic: bool) -> None:
    axes.set_xlabel(along)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.yaxis.set_major_formatter(FuncFormatter(power_tick))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.yaxis.set_major_formatter(FuncFormatter(tick))
    bare(axes, "y")


def _draw_line(axes: Axes, line: Line) -> None:
    there = [value is not None for _, value in line.points]
    # A number between two gaps has no neighbour to be joined to: only a point can show it.
    before, after = [False, *there[:-1]], [*there[1:], False]
    alone = [t and not b and not a for t, b, a in zip(there, before, after, strict=True)]
    marked = there if len(there) <= MOST_MARKERS else alone
    axes.plot(
        [epoch for epoch, _ in line.points],
        [math.nan if value is None else value for _, value in line.points],
        color=line.colour,
        linewidth=1.7,
        linestyle=(0, (4, 2)) if line.dashed else "solid",
        marker="o" if any(marked) else "",
        markersize=3 if any(there[1:]) else 5,
        markeredgewidth=0,
        markevery=[place for place, mark in enumerate(marked) if mark],
    )


def _mark_best(axes: Axes, best: int, lines: Sequence[Line]) -> None:
    axes.axvline(best, color=BEST, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
    for line in lines:
        value = dict(line.points).get(best)
        if value is not None:
            axes.plot(
                [best],
                [value],
                color=line.colour,
                marker="o",
                markersize=6.5,
                markerfacecolor=PAPER,
                markeredgecolor=line.colour,
                markeredgewidth=1.7,
            )


def _draw_marks(axes: Axes, marks: Sequence[Mark]) -> None:
    if not marks:
        return
    least, most = axes.get_xlim()
    rows: list[float] = []
    for mark in sorted(marks, key=lambda one: (one.place, one.number)):
        # In the lowest row in which the number before is far enough away.
        free = (row for row, last in enumerate(rows) if mark.place - last > NEAR * (most - least))
        row = next(free, len(rows))
        rows[row : row + 1] = [mark.place]
        row = min(row, MOST_ABOVE - 1)
        axes.axvline(mark.place, color=mark.colour, linewidth=1.1, zorder=1.5)
        axes.annotate(
            str(mark.number),
            xy=(mark.place, 1),
            xycoords=axes.get_xaxis_transform(),
            xytext=(0, 8 + 13 * row),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            color=PAPER,
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": mark.colour, "linewidth": 0},
        )
