"""The page: everything the record says, laid out by the template."""

from collections.abc import Mapping, Sequence
from importlib import resources

from jinja2 import Environment, StrictUndefined

from latih.doctor.words import language
from latih.report.asked import sheet, sheets
from latih.report.cards import make_chapters, make_story
from latih.report.confusion import (
    MOST_COLUMNS,
    confusion_picture,
    confusion_rows,
    most_confused,
)
from latih.report.evaluation import Evaluation
from latih.report.headline import ending, headline
from latih.report.metrics import find_metrics, kept_epoch
from latih.report.phrases import phrase
from latih.report.pictures import picture_address
from latih.report.plots import MOST_METRICS, make_plots
from latih.report.record import Epoch, Record
from latih.report.words import (
    MISSING,
    clean,
    write_count,
    write_number,
    write_shape,
    write_share,
    write_value,
)

MOST_LAYERS = 1000
MOST_EPOCHS_IN_TABLE = 200


def render_page(record: Record) -> str:
    """Lay out the page of a run.

    Args:
        record: what the run's files say.

    Returns:
        The page as HTML, which refers to nothing outside itself.
    """
    environment = Environment(
        # Names of layers and classes come from files that others wrote: every one is text.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    chapters, chapters_after = make_chapters(record)
    kept = kept_epoch(record)
    best = None if kept is None else kept[0]
    template = resources.files("latih.report").joinpath("template.html.j2")
    return environment.from_string(template.read_text(encoding="utf-8")).render(
        language=language(),
        say=phrase,
        title=_title(record),
        subtitle=_subtitle(record),
        tiles=headline(record),
        ending=ending(record),
        chapters=chapters,
        chapters_after=chapters_after,
        story=None if record.treatment is None else make_story(record.treatment),
        plots=make_plots(record.epochs, best),
        metrics_left_out=max(0, len(find_metrics(record.epochs)) - MOST_METRICS),
        layers=[_layer_cells(layer) for layer in record.layers[:MOST_LAYERS]],
        layers_left_out=max(0, len(record.layers) - MOST_LAYERS),
        parameters=_parameters(record),
        judged_by=phrase("folds" if record.evaluation.folds else "test_set"),
        judged_note=phrase("folds_note") if record.evaluation.folds else "",
        scores=[(name, write_number(score)) for name, score in record.evaluation.scores.items()],
        score_tables=_score_tables(record.evaluation),
        confusion=_confusion(record),
        mistakes=_mistakes(record),
        sheets=sheets(record),
        versions=sheet("versions", record.table("versions")).rows,
        history=_history(record.epochs, best),
    )


def _title(record: Record) -> str:
    for table in ("run", "model"):
        name = record.table(table).get("name")
        if name:
            return write_value(name)
    return phrase("training_run")


def _subtitle(record: Record) -> list[str]:
    run, model, data = record.table("run"), record.table("model"), record.table("data")
    parts = [write_value(model["name"])] if "name" in model and "name" in run else []
    parts += [phrase("on", name=write_value(data["name"]))] if "name" in data else []
    parts += [write_value(run["started"]).replace("T", " ")] if "started" in run else []
    parts += [phrase("seed", seed=write_value(run["seed"]))] if "seed" in run else []
    return parts


def _layer_cells(layer: Mapping[str, object]) -> dict[str, str]:
    trainable = layer.get("trainable")
    return {
        "name": write_value(layer.get("name")),
        "type": write_value(layer.get("type")),
        "shape": write_shape(layer.get("output_shape")),
        "parameters": write_count(layer.get("parameters")),
        "trainable": _yes_or_no(trainable),
    }


def _yes_or_no(value: object) -> str:
    return phrase("yes" if value else "no") if isinstance(value, bool) else MISSING


def _parameters(record: Record) -> list[str]:
    model = record.table("model")
    told = {
        "parameters": "in_all",
        "trainable": "are_trainable",
        "non_trainable": "are_not_trainable",
    }
    return [
        phrase(words, count=write_count(model[name]))
        for name, words in told.items()
        if name in model
    ]


def _score_tables(evaluation: Evaluation) -> list[dict[str, object]]:
    """Return what else was judged: what was chosen between, and each fold."""
    folds = {
        phrase("fold", number=str(number)): scores
        for number, scores in enumerate(evaluation.folds, start=1)
    }
    choice = {phrase(name): scores for name, scores in evaluation.choice.items()}
    return [
        _score_table(phrase(title), rows)
        for title, rows in (("choice", choice), ("each_fold", folds))
        if rows
    ]


def _score_table(title: str, rows: Mapping[str, Mapping[str, float | None]]) -> dict[str, object]:
    names = list(dict.fromkeys(name for scores in rows.values() for name in scores))[:MOST_METRICS]
    return {
        "title": title,
        "names": names,
        "rows": [
            (called, [write_number(scores.get(name)) for name in names])
            for called, scores in rows.items()
        ],
    }


def _confusion(record: Record) -> dict[str, object] | None:
    counts = record.evaluation.confusion
    if not counts:
        return None
    names = [record.class_name(number) for number in range(len(counts))]
    small = len(counts) <= MOST_COLUMNS
    return {
        "names": names,
        "rows": confusion_rows(counts, names) if small else [],
        "picture": "" if small else confusion_picture(counts),
        "pairs": most_confused(counts, names),
    }


def _mistakes(record: Record) -> list[dict[str, str]]:
    return [
        {
            "called": phrase("sample", index=mistake.index)
            if mistake.name is None
            else mistake.name,
            "index": str(mistake.index),
            "true": record.class_name(mistake.true),
            "predicted": record.class_name(mistake.predicted),
            "confidence": MISSING
            if mistake.confidence is None
            else write_share(mistake.confidence),
            "picture": "" if mistake.image is None else picture_address(mistake.image),
        }
        for mistake in record.evaluation.mistakes
    ]


def _history(epochs: Sequence[Epoch], best: Epoch | None) -> dict[str, object]:
    names = list(dict.fromkeys(name for epoch in epochs for name in epoch.values))
    shown = names[: 2 * MOST_METRICS + 3]
    stride = -(-len(epochs) // MOST_EPOCHS_IN_TABLE) or 1
    return {
        "names": [clean(name) for name in shown],
        "rows": [
            {
                "number": epoch.number,
                "cells": [write_number(epoch.values.get(name)) for name in shown],
                "best": epoch is best,
            }
            for place, epoch in enumerate(epochs)
            if place % stride == 0 or place == len(epochs) - 1
        ],
        "epochs": len(epochs),
        "stride": stride,
    }
