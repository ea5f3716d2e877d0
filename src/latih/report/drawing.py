"""A matplotlib figure as an SVG element that takes its colours and its names from the page."""

import io
import re
import unicodedata
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
from markupsafe import escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latih.report.words import clean

# Stand-ins that matplotlib writes out and that become the page's own colours, so that one drawing
# reads in light, in dark and on paper.
INK, GRID, PAPER, BEST = "#010101", "#020202", "#030303", "#040404"
TRAINING, VALIDATION, SINGLE = "#050505", "#060606", "#070707"
FAULT, ADVICE, NOTE, BAND = "#080808", "#090909", "#0a0a0a", "#0b0b0b"
PAGE_COLOURS = {
    INK: "var(--muted)",
    GRID: "var(--line)",
    PAPER: "var(--card)",
    BEST: "var(--best)",
    TRAINING: "var(--training)",
    VALIDATION: "var(--validation)",
    SINGLE: "var(--accent)",
    FAULT: "var(--fault)",
    ADVICE: "var(--advice)",
    NOTE: "var(--note)",
    BAND: "var(--band)",
}
# Any, since matplotlib types the keys only from the release on that lists them.
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "latih",
    "image.composite_image": False,
    "font.size": 9.0,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "axes.unicode_minus": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "path.simplify": True,
}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LONGEST_NAME = 28


@contextmanager
def own_settings() -> Generator[None]:
    """Put aside everything that a user's matplotlibrc may have set, and put it back afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)
        yield


def as_svg(figure: Figure, identity: str, names: Sequence[str] = ()) -> str:
    """Write a figure out.

    Args:
        figure: what to write.
        identity: goes before every id, so that the drawings of one page do not share any.
        names: what :func:`stand_in` stands for, by number: strings of the run, which are escaped.

    Returns:
        An ``<svg>`` element, the same for the same figure.
    """
    written = io.BytesIO()
    figure.savefig(
        written,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    return _fit_for_page(written.getvalue().decode("utf-8"), identity, names)


def stand_in(number: int, name: str) -> str:
    """Return what matplotlib is given for a string of the run.

    It would read some as formulas and miss the glyphs of others. What stands in is about as wide,
    so that there is room for it.

    Example:
        >>> stand_in(3, "hidden_dense")
        'N0003nnnnnnn'
    """
    width = sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in shortened(name))
    return f"N{number:04d}".ljust(width, "n")


def shortened(name: str) -> str:
    """Return a name fit for a drawing, its middle left out if it is long: ends often differ.

    Example:
        >>> shortened("stage_3_block_11_depthwise_convolution")
        'stage_3_block_…se_convolution'
    """
    half = LONGEST_NAME // 2
    kept = name if len(name) <= LONGEST_NAME else f"{name[:half]}…{name[-half:]}"
    return clean(kept)


def tick(value: float, _position: int | None = None) -> str:
    """Write a number beside an axis."""
    return f"{value:.6g}".replace("-", "\u2212")


def power_tick(value: float, _position: int | None = None) -> str:
    """Write a power of ten beside a logarithmic axis.

    Example:
        >>> power_tick(1e-5), power_tick(0.1), power_tick(100.0)
        ('10⁻⁵', '0.1', '100')
    """
    mantissa, exponent = f"{value:e}".split("e")
    if -3 <= int(exponent) <= 3 or float(mantissa) != 1:
        return tick(value)
    return f"10{str(int(exponent)).translate(RAISED)}"


def bare(axes: Axes, grid: str) -> None:
    """Leave of an axes what reads well: the line below, and a grid.

    Args:
        axes: the axes.
        grid: along which axis the grid's numbers lie, ``"x"`` or ``"y"``.
    """
    axes.grid(axis="x" if grid == "x" else "y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _fit_for_page(svg: str, identity: str, names: Sequence[str]) -> str:
    element = svg[svg.index("<svg") :]
    # Inlined, the style would hold for the whole page, and name spaces are the parser's business.
    element = re.sub(r"<style\b.*?</style>", "", element, flags=re.DOTALL)
    element = re.sub(r' xmlns(:\w+)?="[^"]*"', "", element)
    element = element.replace("xlink:href=", "href=")
    element = re.sub(r' (width|height)="[\d.]+pt"', "", element, count=2)
    element = re.sub(r'\bid="', f'id="{identity}-', element)
    element = element.replace('href="#', f'href="#{identity}-')
    element = element.replace("url(#", f"url(#{identity}-")
    # Comments repeat every text.
    element = re.sub(r"<!--.*?-->", "", element, flags=re.DOTALL)
    for place, colour in PAGE_COLOURS.items():
        element = element.replace(place, colour)
    # Last, so that no name is read as anything.
    return re.sub(
        r">N(\d{4})n*<", lambda found: f">{escape(shortened(names[int(found[1])]))}<", element
    ).strip()
