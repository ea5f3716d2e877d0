"""Numbers of layers as drawings: a row each, from the first to the last."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from latih.report.drawing import (
    BAND,
    BEST,
    PAPER,
    SINGLE,
    as_svg,
    bare,
    own_settings,
    power_tick,
    stand_in,
    tick,
)

WIDTH = 5.2
"""Of a drawing, in inches."""

ROW = 0.19
"""What a layer takes, in inches."""

ZERO, NOT_FINITE = (213, 94, 0), (204, 121, 167)
"""Vermilion and reddish purple after Okabe and Ito: cividis has neither."""

LEAST_DECADES = 2.0
"""Differences below a hundredfold are not to look like more."""

MOST_DECADES = 14.0


@dataclass(frozen=True)
class Span:
    """What is drawn in one layer's row.

    Args:
        least: where the line begins.
        middle: where the dot is.
        most: where the line ends.
        last: where the ring is; None for no ring, 0 for an arrow at the edge.
    """

    least: float
    middle: float
    most: float
    last: float | None = None


def draw_heat_map(
    names: Sequence[str],
    steps: Sequence[int],
    values: NDArray[np.float64],
    *,
    identity: str,
    along: str,
    unit: str,
) -> str:
    """Draw positive numbers by layer and look, on a logarithmic scale of colours.

    Args:
        names: of the layers.
        steps: at which was looked; a column each, however far apart they are.
        values: (layers, steps); NaN where nothing was measured, infinite for what was no finite
            number, 0 for what has no logarithm and a colour of its own.
        identity: goes before every id.
        along: what the numbers below count.
        unit: what the colours tell.

    Returns:
        An ``<svg>`` element.
    """
    least, most = _bounds(values)
    with own_settings():
        colours = matplotlib.colormaps["cividis"]
        figure = Figure(figsize=(WIDTH, _height(len(names))), layout="constrained")
        grid = figure.add_gridspec(1, 2, width_ratios=(34, 1))
        axes = figure.add_subplot(grid[0])
        with np.errstate(divide="ignore", invalid="ignore"):
            places = (np.log10(values) - least) / (most - least)
        cells = (255 * colours(np.clip(np.nan_to_num(places), 0, 1))).round().astype(np.uint8)
        cells[values == 0, :3] = ZERO
        cells[np.isinf(values), :3] = NOT_FINITE
        cells[np.isnan(values)] = 0
        axes.imshow(cells, aspect="auto", interpolation="none")
        _name_rows(axes, names)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(along)
        shown = sorted({round(one) for one in np.linspace(0, len(steps) - 1, min(7, len(steps)))})
        axes.set_xticks(shown, [f"{steps[one]:,}" for one in shown])
        _draw_scale(figure.add_subplot(grid[1]), colours, least, most, unit)
        return as_svg(figure, identity, names)


def draw_spans(
    names: Sequence[str],
    spans: Sequence[Span | None],
    *,
    identity: str,
    label: str,
    band: tuple[float, float],
    usual: float,
) -> str:
    """Draw how far numbers range in each layer, on a logarithmic axis, over a band.

    Args:
        names: of the layers.
        spans: one each; None for a layer whose numbers were all 0.
        identity: goes before every id.
        label: what is drawn.
        band: from where to where numbers are as they should be.
        usual: where most are.

    Returns:
        An ``<svg>`` element.
    """
    with own_settings():
        axes = _rows(names, label)
        axes.set_xscale("log")
        ends = [end for one in spans if one is not None for end in (one.least, one.most)]
        axes.set_xlim(min(*ends, band[0]) / 3, max(*ends, band[1]) * 3)
        axes.xaxis.set_major_locator(LogLocator(numticks=7))
        axes.xaxis.set_major_formatter(FuncFormatter(power_tick))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_minor_locator(NullLocator())
        axes.axvspan(*band, color=BAND, linewidth=0, zorder=0)
        axes.axvline(usual, color=BEST, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        there = [(row, one) for row, one in enumerate(spans) if one is not None]
        at = [row for row, _ in there]
        axes.hlines(at, [one.least for _, one in there], [one.most for _, one in there],
                    colors=SINGLE, linewidth=1.6)  # fmt: skip
        _dots(axes, [(one.middle, row) for row, one in there], SINGLE)
        _rings(axes, [(one.last, row) for row, one in there if one.last], SINGLE, "none")
        # Farther out than any axis goes.
        still = [row for row, one in enumerate(spans) if one is None or one.last == 0]
        axes.plot([0.015] * len(still), still, marker="<", linestyle="", color=SINGLE,
                  markersize=5, transform=axes.get_yaxis_transform())  # fmt: skip
        return as_svg(_figure_of(axes), identity, names)


def draw_shares(
    names: Sequence[str],
    kinds: Sequence[tuple[str, Sequence[tuple[float, float] | None]]],
    *,
    identity: str,
    label: str,
) -> str:
    """Draw a share of the units of each layer as a bar, and what it was at first as a ring.

    Args:
        names: of the layers.
        kinds: a colour, and the shares at the first look and at the last of each layer, 0..1; None
            where it was not measured.
        identity: goes before every id.
        label: what is drawn.

    Returns:
        An ``<svg>`` element.
    """
    with own_settings():
        axes = _rows(names, label)
        axes.set_xlim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:.0f} %"))
        for colour, shares in kinds:
            others = [other for _, other in kinds if other is not shares]
            there: list[tuple[float, float, float, float]] = []
            for row, pair in enumerate(shares):
                if pair is None:
                    continue
                # A layer of which two kinds were measured has a bar above the other.
                shared = any(other[row] is not None for other in others)
                side = (-0.17 if shares is kinds[0][1] else 0.17) if shared else 0.0
                first, last = (min(max(share, 0.0), 1.0) for share in pair)
                there.append((first, last, row + side, 0.3 if shared else 0.6))
            places = [place for _, _, place, _ in there]
            axes.barh(places, [last for _, last, _, _ in there], color=colour, linewidth=0,
                      height=[height for *_, height in there])  # fmt: skip
            _rings(axes, [(first, place) for first, _, place, _ in there], colour, PAPER)
        return as_svg(_figure_of(axes), identity, names)


def draw_deviations(
    names: Sequence[str],
    kinds: Sequence[tuple[str, Sequence[tuple[float, float] | None]]],
    *,
    identity: str,
    label: str,
) -> str:
    """Draw means with a standard deviation to each side.

    Args:
        names: of the layers.
        kinds: a colour, and the mean and deviation of each layer; None where there is none.
        identity: goes before every id.
        label: what is drawn.

    Returns:
        An ``<svg>`` element.
    """
    with own_settings():
        axes = _rows(names, label)
        drawn = [pair for _, pairs in kinds for pair in pairs if pair is not None]
        sizes = [deviation for _, deviation in drawn if deviation > 0]
        if sizes and max(sizes) > 100 * min(sizes):
            # Where deviations differ as much, a common linear axis would show one alone.
            exponent = max(math.floor(math.log10(min(sizes))), -3)
            axes.set_xscale("symlog", linthresh=10.0**exponent)
            axes.xaxis.set_minor_locator(NullLocator())
            axes.xaxis.set_major_formatter(FuncFormatter(_signed_tick))
            _thin_ticks(axes, drawn, exponent)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
            axes.xaxis.set_major_formatter(FuncFormatter(tick))
        axes.axvline(0, color=BEST, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        apart = 0.34 if len(kinds) > 1 else 0.0
        for place, (colour, pairs) in enumerate(kinds):
            side = (place - (len(kinds) - 1) / 2) * apart
            there = [(row + side, *pair) for row, pair in enumerate(pairs) if pair is not None]
            axes.hlines(
                [at for at, _, _ in there],
                [mean - deviation for _, mean, deviation in there],
                [mean + deviation for _, mean, deviation in there],
                colors=colour,
                linewidth=1.6,
            )
            _dots(axes, [(mean, at) for at, mean, _ in there], colour)
        return as_svg(_figure_of(axes), identity, names)


def _rows(names: Sequence[str], label: str) -> Axes:
    figure = Figure(figsize=(WIDTH, _height(len(names))), layout="constrained")
    axes = figure.add_subplot()
    bare(axes, "x")
    _name_rows(axes, names)
    axes.set_xlabel(label)
    return axes


def _figure_of(axes: Axes) -> Figure:
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [stand_in(n, name) for n, name in enumerate(names)])
    axes.tick_params(which="both", length=0)


def _dots(axes: Axes, points: Sequence[tuple[float, float]], colour: str) -> None:
    axes.plot(*_apart(points), marker="o", linestyle="", markersize=4, color=colour,
              markeredgewidth=0)  # fmt: skip


def _rings(axes: Axes, points: Sequence[tuple[float, float]], colour: str, inside: str) -> None:
    axes.plot(*_apart(points), marker="o", linestyle="", markersize=5.5, markerfacecolor=inside,
              markeredgecolor=colour, markeredgewidth=1.2)  # fmt: skip


def _apart(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _height(rows: int) -> float:
    return 0.75 + ROW * max(rows, 4)


def _bounds(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return between which powers of ten the colours run."""
    positive = np.log10(values[np.isfinite(values) & (values > 0)])
    if not positive.size:
        return -LEAST_DECADES, 0.0
    most = float(positive.max())
    least = max(float(positive.min()), most - MOST_DECADES)
    missing = max(0.0, LEAST_DECADES - (most - least)) / 2
    return least - missing, most + missing


def _draw_scale(axes: Axes, colours: Colormap, least: float, most: float, unit: str) -> None:
    cells = (255 * colours(np.linspace(0, 1, 64))).round().astype(np.uint8)[:, np.newaxis]
    axes.imshow(
        cells, aspect="auto", interpolation="none", origin="lower", extent=(0, 1, least, most)
    )
    axes.set_xticks([])
    whole = range(math.ceil(least), math.floor(most) + 1)
    shown = [one for one in whole if (one - whole[0]) % (-(-len(whole) // 6)) == 0]
    axes.set_yticks(shown, [power_tick(10.0**one) for one in shown])
    axes.yaxis.tick_right()
    axes.yaxis.set_label_position("right")
    axes.set_ylabel(unit)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _thin_ticks(axes: Axes, drawn: Sequence[tuple[float, float]], least: int) -> None:
    """Set ticks at powers of ten to both sides of 0, so few that they do not run together."""
    ends = [end for mean, deviation in drawn for end in (mean - deviation, mean + deviation)]
    most = math.ceil(math.log10(max(map(abs, ends))))
    stride = -(-(most - least) // 3) or 1
    powers = [10.0**one for one in range(most, least, -stride)]
    below = [-one for one in powers if -one >= min(ends) * 1.5]
    above = [one for one in reversed(powers) if one <= max(ends) * 1.5]
    axes.set_xticks([*below, 0.0, *above])


def _signed_tick(value: float, _position: int | None = None) -> str:
    return f"\u2212{power_tick(-value)}" if value < 0 else power_tick(value) if value else "0"
