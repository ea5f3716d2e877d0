"""Which numbers are drawn together, and what is said under each drawing."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from latih.report.curves import Line, draw_curves
from latih.report.drawing import SINGLE, TRAINING, VALIDATION
from latih.report.metrics import LEARNING_RATE, Metric, Series, find_metrics, history
from latih.report.phrases import phrase
from latih.report.record import Epoch
from latih.report.words import write_number

MOST_METRICS = 24
MOST_POINTS = 2000


@dataclass(frozen=True)
class Plot:
    """One drawing with what is said about it.

    Args:
        title: the metric's name.
        drawing: an SVG element; empty when there was no number to draw.
        legend: pairs of a line's kind and its name.
        notes: sentences under the drawing.
    """

    title: str
    drawing: Markup
    legend: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def make_plots(epochs: Sequence[Epoch], best: Epoch | None) -> list[Plot]:
    """Draw every metric, then the learning rate.

    Args:
        epochs: the lines of the log.
        best: the one that is marked.

    Returns:
        The plots in the page's order, the loss first.
    """
    marked = None if best is None else best.number
    plots = [
        _metric_plot(metric, marked, identity=f"plot{number}")
        for number, metric in enumerate(find_metrics(epochs)[:MOST_METRICS])
    ]
    rates = history(epochs, LEARNING_RATE)
    if rates:
        kinds = {"single": (phrase("learning_rate"), Line(rates, SINGLE))}
        # A schedule usually runs over powers of ten, and its small steps matter as its large ones.
        plots.append(_plot(phrase("learning_rate"), kinds, None, identity="rate", decades=1.0))
    return plots


def _metric_plot(metric: Metric, best: int | None, identity: str) -> Plot:
    kinds: dict[str, tuple[str, Line]] = {}
    if metric.training:
        kinds["training"] = (phrase("training"), Line(metric.training, TRAINING, dashed=True))
    if metric.validation:
        kinds["validation"] = (phrase("validation"), Line(metric.validation, VALIDATION))
    # A loss that fell a thousandfold, or exploded, is a flat line on a linear axis.
    return _plot(metric.name, kinds, best, identity=identity, decades=3.0)


def _plot(
    title: str,
    kinds: dict[str, tuple[str, Line]],
    best: int | None,
    *,
    identity: str,
    decades: float,
) -> Plot:
    notes = [note for name, line in kinds.values() for note in _gap_notes(name, line.points)]
    if not any(value is not None for _, line in kinds.values() for _, value in line.points):
        return Plot(title, Markup(), (), (phrase("nothing_to_draw"), *notes))
    lines: list[Line] = []
    for name, line in kinds.values():
        stride = -(-len(line.points) // MOST_POINTS)
        if stride > 1:
            count = f"{len(line.points):,}"
            notes.append(phrase("one_in", count=count, name=name, stride=stride))
        lines.append(Line(_thin(line.points, stride, best), line.colour, line.dashed))
    drawing = draw_curves(
        lines, identity=identity, best=best, decades=decades, along=phrase("epoch")
    )
    # Markup is right here: the drawing holds no string that came from a file.
    return Plot(title, Markup(drawing), _legend(kinds, best), tuple(notes))


def _legend(kinds: dict[str, tuple[str, Line]], best: int | None) -> tuple[tuple[str, str], ...]:
    if best is None:
        return tuple((kind, name) for kind, (name, _) in kinds.items()) if len(kinds) > 1 else ()
    named = [
        (kind, f"{name} {write_number(dict(line.points).get(best))}")
        for kind, (name, line) in kinds.items()
    ]
    return (*named, ("best", phrase("at_best", number=best)))


def _thin(points: Sequence[tuple[int, float | None]], stride: int, best: int | None) -> Series:
    return tuple(
        point for place, point in enumerate(points) if place % stride == 0 or point[0] == best
    )


def _gap_notes(name: str, points: Sequence[tuple[int, float | None]]) -> list[str]:
    missing = [epoch for epoch, value in points if value is None]
    if not missing:
        return []
    told = ", ".join(str(number) for number in missing[:5])
    if len(missing) > 5:
        told = phrase("and_more", told=told, count=f"{len(missing) - 5:,}")
    return [phrase("gap" if len(missing) == 1 else "gaps", name=name, epochs=told)]
