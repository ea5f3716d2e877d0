"""Numbers over epochs as an SVG drawing that takes its colours from the page."""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

# Stand-ins that matplotlib writes out and that become the page's own colours, so that one drawing
# reads in light, in dark and on paper.
INK, GRID, PAPER, BEST = "#010101", "#020202", "#030303", "#040404"
TRAINING, VALIDATION, SINGLE = "#050505", "#060606", "#070707"
PAGE_COLOURS = {
    INK: "var(--muted)",
    GRID: "var(--line)",
    PAPER: "var(--card)",
    BEST: "var(--best)",
    TRAINING: "var(--training)",
    VALIDATION: "var(--validation)",
    SINGLE: "var(--accent)",
}
# Any, since matplotlib types the keys only from the release on that lists them.
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "latih",
    "font.size": 9.0,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.unicode_minus": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "path.simplify": True,
}
MOST_MARKERS = 60


@dataclass(frozen=True)
class Line:
    """One line of a drawing.

    Args:
        points: epochs and values; None leaves a gap, an epoch left out does not.
        colour: one of the stand-ins.
        dashed: whether to dash it, so that lines differ without colour.
    """

    points: Sequence[tuple[int, float | None]]
    colour: str
    dashed: bool = False


def draw_curves(lines: Sequence[Line], *, identity: str, best: int | None, decades: float) -> str:
    """Draw lines over epochs.

    No string of the run goes into the drawing: names stand in the page around it, where they are
    escaped, and where matplotlib neither reads them as formulas nor misses their glyphs.

    Args:
        lines: what to draw, the last on top.
        identity: goes before every id, so that the drawings of one page do not share any.
        best: the epoch to mark.
        decades: how many powers of ten positive values must span for a logarithmic axis.

    Returns:
        An ``<svg>`` element, the same for the same arguments.
    """
    # Everything that a user's matplotlibrc may have set is put aside, and put back afterwards.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        figure = Figure(figsize=(3.9, 2.5), layout="constrained")
        axes = figure.add_subplot()
        _draw_axes(axes, logarithmic=spans_decades(lines, decades))
        for line in lines:
            _draw_line(axes, line)
        if best is not None:
            _mark_best(axes, best, lines)
        written = io.BytesIO()
        figure.savefig(
            written,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return _fit_for_page(written.getvalue().decode("utf-8"), identity)


def spans_decades(lines: Sequence[Line], decades: float) -> bool:
    """Tell whether all numbers are positive and spread over so many powers of ten."""
    numbers = [value for line in lines for _, value in line.points if value is not None]
    return (
        bool(numbers)
        and min(numbers) > 0
        and (math.log10(max(numbers)) - math.log10(min(numbers)) >= decades - 1e-9)
    )


def _draw_axes(axes: Axes, *, logarithmic: bool) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter(FuncFormatter(_tick))
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _tick(value: float, _position: int | None = None) -> str:
    return f"{value:.6g}".replace("-", "\u2212")


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


def _fit_for_page(svg: str, identity: str) -> str:
    element = svg[svg.index("<svg") :]
    # Inlined, the style would hold for the whole page, and name spaces are the parser's business.
    element = re.sub(r"<style\b.*?</style>", "", element, flags=re.DOTALL)
    element = re.sub(r' xmlns(:\w+)?="[^"]*"', "", element)
    element = element.replace("xlink:href=", "href=")
    element = re.sub(r' (width|height)="[\d.]+pt"', "", element, count=2)
    element = re.sub(r'\bid="', f'id="{identity}-', element)
    element = element.replace('href="#', f'href="#{identity}-')
    element = element.replace("url(#", f"url(#{identity}-")
    for stand_in, colour in PAGE_COLOURS.items():
        element = element.replace(stand_in, colour)
    return element.strip()
