"""The few numbers that stand at the top of the page."""

from collections.abc import Mapping
from dataclasses import dataclass

from latih.report.checks import finite_or_none, is_measure
from latih.report.metrics import VALIDATION, kept_epoch
from latih.report.phrases import phrase
from latih.report.record import Record
from latih.report.words import write_count, write_duration, write_number, write_share, write_value


@dataclass(frozen=True)
class Tile:
    """One headline.

    Args:
        label: what it is.
        value: the number, large.
        note: what else belongs to it, small.
    """

    label: str
    value: str
    note: str = ""


def headline(record: Record) -> list[Tile]:
    """Choose the headlines that the run can fill.

    Args:
        record: the run.

    Returns:
        Tiles in the order of interest.
    """
    tiles = [_test_tile(record), _best_tile(record), _parameters_tile(record), _time_tile(record)]
    return [tile for tile in tiles if tile is not None]


def ending(record: Record) -> str:
    """Say why the run stopped, or that it does not say so; and what was trained after it."""
    return f"{_own_ending(record)} {_second_cycle(record)}".rstrip()


def _second_cycle(record: Record) -> str:
    kept = record.table("run").get("second_cycle_kept")
    if kept is True:
        return phrase("second_cycle")
    return phrase("second_cycle_taken_back") if kept is False else ""


def _own_ending(record: Record) -> str:
    run = record.table("run")
    done = write_value(run.get("epochs_done", len(record.epochs)))
    asked = record.table("fit").get("epochs", done)
    if asked != done:
        epochs = phrase("epochs_of", count=done, asked=write_value(asked))
    else:
        epochs = phrase("one_epoch") if done == "1" else phrase("epochs", count=done)
    if "stopped" in run:
        return phrase("stopped", epochs=epochs, reason=write_value(run["stopped"]))
    return phrase("no_end", epochs=epochs)


def write_score(name: str, score: float | None) -> str:
    """Write a score: an accuracy as a percentage, anything else as a number."""
    if score is not None and "accuracy" in name and 0 <= score <= 1:
        return write_share(score)
    return write_number(score)


def _test_tile(record: Record) -> Tile | None:
    scores = record.evaluation.scores
    if not scores:
        return None
    others = [name for name in scores if name != "loss"]
    accuracies = [name for name in others if "accuracy" in name]
    first = (accuracies or others or ["loss"])[0]
    notes = [f"{name}\u00a0{write_number(scores[name])}" for name in scores if name != first][:3]
    test = record.table("data").get("test")
    if test is not None:
        notes.append(phrase("samples", count=write_count(test)).replace(" ", "\u00a0"))
    judged_by = "cross_validated_score" if record.evaluation.folds else "test_score"
    label = phrase(judged_by, name=first.replace("_", " "))
    value = phrase("no_number") if scores[first] is None else write_score(first, scores[first])
    return Tile(label, value, " · ".join(notes))


def _best_tile(record: Record) -> Tile | None:
    best = kept_epoch(record)
    if best is None:
        return _probe_tile(record)
    epoch, column = best
    names = [column] + [n for n in epoch.values if n.startswith(VALIDATION) and n != column]
    notes = [f"{name}\u00a0{write_number(epoch.values[name])}" for name in names[:3]]
    return Tile(phrase("best_epoch"), str(epoch.number), " · ".join(notes))


def _probe_tile(record: Record) -> Tile | None:
    accuracy = _measure(record.table("run"), "probe_accuracy")
    if accuracy is None:
        return None
    note = phrase("probe_kept", accuracy=write_number(accuracy))
    return Tile(phrase("best_epoch"), phrase("none"), note)


def _parameters_tile(record: Record) -> Tile | None:
    model = record.table("model")
    if "parameters" not in model:
        return None
    trainable = model.get("trainable")
    note = "" if trainable is None else phrase("trainable_count", count=write_count(trainable))
    return Tile(phrase("parameters"), write_count(model["parameters"]), note)


def _time_tile(record: Record) -> Tile | None:
    run = record.table("run")
    seconds = _measure(run, "seconds")
    if seconds is None:
        return None
    seconds += _measure(run, "seconds_of_second_cycle") or 0.0
    notes = [phrase("on", name=write_value(run["device"]))] if "device" in run else []
    speeds = sorted(
        speed
        for epoch in record.epochs
        if (speed := epoch.values.get("samples_per_second")) is not None
    )
    if speeds:
        notes.append(phrase("speed", count=write_number(speeds[len(speeds) // 2])))
    return Tile(phrase("time"), write_duration(seconds), " · ".join(notes))


def _measure(table: Mapping[str, object], name: str) -> float | None:
    value = table.get(name)
    number = finite_or_none(value) if isinstance(value, int | float) and is_measure(value) else None
    return number if number is not None and 0 <= number < 1e12 else None
