"""RESULTS.md, from what was measured."""

import collections
import statistics
from collections.abc import Callable, Iterable
from typing import Any

import old_experiments
from contestants import CONTESTANTS, FLOOR, OURS, OURS_BF16
from workloads import WORKLOADS

Records = list[dict[str, Any]]
Best = dict[tuple[str, str], float]

STEP = "microseconds_a_step"
BF16_AIMS = {"wide": 1.7, "wide1024": 3.0, "cnn": 2.0}
"""How many times as fast as the fastest float32 peer mixed_bfloat16 is to be."""


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    header = list(header)
    lines = [header, ["---"] * len(header), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def gathered(records: Records, figure: str, choose: Callable[[list[float]], float] = min) -> Best:
    """One number for each workload and peer, from those of all rounds."""
    values: dict[tuple[str, str], list[float]] = {}
    for record in records:
        if figure in record:
            values.setdefault((record["workload"], record["peer"]), []).append(record[figure])
    return {key: choose(found) for key, found in values.items()}


def peers_table(
    records: Records, workloads: list[str], best: Best, form: str, bold: bool = True
) -> list[str]:
    """Return a row a peer and a column a workload; the least of a column is bold."""
    failed = {
        (record["workload"], record["peer"]): record["failed"]
        for record in records
        if "failed" in record
    }
    rows = []
    for name, contestant in CONTESTANTS.items():
        if contestant.bf16 or not any(record["peer"] == name for record in records):
            continue
        row = [contestant.label]
        for workload in workloads:
            key = workload, name
            if key not in best:
                row.append(failed.get(key, ""))
                continue
            told = format(best[key], form)
            least = min(best[workload, other] for other in float32(best, workload, [*CONTESTANTS]))
            row.append(f"**{told}**" if bold and best[key] == least else told)
        rows.append(row)
    return table(["", *workloads], rows)


def float32(best: Best, workload: str, names: Iterable[str]) -> list[str]:
    """Return those of the names that were measured on a workload in float32."""
    return [name for name in names if (workload, name) in best and not CONTESTANTS[name].bf16]


def peers_of(best: Best, workload: str, keras: bool = False) -> list[str]:
    """Return the float32 peers measured on a workload, the fastest first."""
    names = [name for name in CONTESTANTS if name not in (OURS, OURS_BF16)]
    found = float32(best, workload, names)
    kept = [name for name in found if CONTESTANTS[name].keras or not keras]
    return sorted(kept, key=lambda name: best[workload, name])


def paired(records: Records, workload: str, peer: str, ours: str = OURS) -> str:
    """How many times as fast as a peer: the median over the rounds in which both were measured.

    Within a round they run minutes apart. A machine that others share is at times twice as fast as
    at others: the best of all rounds may be luck, a ratio within a round is not.
    """
    steps = {
        (record["round"], record["peer"]): record[STEP]
        for record in records
        if record["workload"] == workload and STEP in record
    }
    rounds = [number for number, name in steps if name == ours and (number, peer) in steps]
    found = [steps[number, peer] / steps[number, ours] for number in rounds]
    # Of a peer that was measured in one round only, it was hardly at the same hour.
    return f"{statistics.median(found):.2f} ({len(found)})" if len(found) > 1 else ""


def ratios(records: Records, best: Best, workloads: list[str]) -> list[str]:
    """How many times as fast as the best, and how far above the floor."""
    rows = []
    for workload in workloads:
        ours, floor = best.get((workload, OURS)), best.get((workload, FLOOR))
        row = [workload]
        for keras in (False, True):
            ranked = peers_of(best, workload, keras)
            if ours and ranked:
                times = f"{best[workload, ranked[0]] / ours:.2f}"
                row += [CONTESTANTS[ranked[0]].label, times, paired(records, workload, ranked[0])]
            else:
                row += ["", "", ""]
        rows.append(
            [
                *row,
                f"{floor:,.0f}" if floor else "",
                f"{ours / floor:.2f}" if ours and floor else "",
            ]
        )
    faster = ("Latih: times as fast", "median of the rounds (how many)")
    header = ["", "fastest peer", *faster, "fastest Keras", *faster]
    return table([*header, "floor (µs)", "Latih / floor"], rows)


def floor_parts(records: Records, workloads: list[str]) -> list[str]:
    """Where the floor's time goes, in the round where it was lowest."""
    lowest: dict[str, dict[str, Any]] = {}
    for record in records:
        if record["peer"] == FLOOR and STEP in record:
            known = lowest.setdefault(record["workload"], record)
            if record[STEP] < known[STEP]:
                lowest[record["workload"]] = record
    names = list(dict.fromkeys(part for record in lowest.values() for part in record["parts"]))
    rows = [
        [
            name,
            *(_cell(lowest.get(workload, {}).get("parts", {}).get(name)) for workload in workloads),
        ]
        for name in names
    ]
    totals = ["all", *(_cell(lowest.get(workload, {}).get(STEP)) for workload in workloads)]
    threads = ["threads", *(str(lowest.get(name, {}).get("threads", "")) for name in workloads)]
    return table(["", *workloads], [*rows, totals, threads])


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def bf16(records: Records, best: Best, accuracy: Records, workloads: list[str]) -> list[str]:
    """Latih in mixed_bfloat16 against the fastest that anybody is in float32."""
    rows = []
    for workload in workloads:
        ours = best.get((workload, OURS_BF16))
        ranked = peers_of(best, workload)
        if ours is None or not ranked:
            continue
        fastest = best[workload, ranked[0]]
        scores = [_scores(accuracy, workload, name) for name in (OURS, OURS_BF16)]
        difference = (
            f"{100 * (statistics.mean(scores[1]) - statistics.mean(scores[0])):+.2f}"
            if all(scores)
            else ""
        )
        aim = BF16_AIMS.get(workload)
        rows.append(
            [
                workload,
                f"{CONTESTANTS[ranked[0]].label}, {fastest:,.0f}",
                _cell(best.get((workload, "raw-torch-bf16"))),
                _cell(best.get((workload, OURS))),
                f"{ours:,.0f}",
                f"{fastest / ours:.2f}",
                paired(records, workload, ranked[0], OURS_BF16),
                f"{aim}" if aim else "",
                *(", ".join(f"{100 * score:.2f}" for score in found) for found in scores),
                difference,
            ]
        )
    header = [
        *("", "fastest float32 peer", "raw torch, autocast", "Latih, float32", "Latih, bfloat16"),
        *("against the float32 peer", "median of the rounds (how many)", "aim"),
        "test accuracy, float32 (%)",
        *("test accuracy, bfloat16 (%)", "points between the means"),
    ]
    return table(header, rows)


def _scores(accuracy: Records, workload: str, name: str) -> list[float]:
    return [
        record["test_accuracy"]
        for record in accuracy
        if (record["workload"], record["peer"]) == (workload, name) and "test_accuracy" in record
    ]


def started(figures: dict[str, float]) -> list[str]:
    torch, latih = figures["torch"], figures["latih"]
    first, demo = figures["first_epoch"], figures["demo"]
    rows = [
        ["`python -c 'import torch'`", f"{torch:.2f}", "1.00"],
        ["`python -c 'import latih'`", f"{latih:.2f}", f"{latih / torch:.2f} times"],
        [
            "`latih train --epochs 1`, the page included",
            f"{first:.2f}",
            f"{first - torch:.2f} s more",
        ],
        ["what `make demo` runs, `latih train --epochs 10`", f"{demo:.2f}", ""],
    ]
    return [
        "## Starting, and memory",
        "",
        *table(["what", "seconds", "against `import torch`"], rows),
        "The textbook's script on the whole Fashion-MNIST (`benchmarks/script.py`) holds at most "
        f"{figures['peak_megabytes']:,.0f} MiB.",
        "",
    ]


def described(workloads: list[str]) -> list[str]:
    rows = [
        [
            name,
            WORKLOADS[name].described,
            f"{WORKLOADS[name].steps:,}",
            f"{WORKLOADS[name].images:,}",
            str(WORKLOADS[name].epochs),
        ]
        for name in workloads
    ]
    return table(["", "net", "steps an epoch", "images", "epochs"], rows)


def notes(held: dict[str, Any], records: Records) -> list[str]:
    machine = held["machine"]
    counts = collections.Counter((one["workload"], one["peer"]) for one in records).values()
    least, most = min(counts), max(counts)
    rounds = f"{most} rounds" if least == most else f"{least} to {most} rounds"
    return [
        "# Results",
        "",
        f"Written by `make bench` on {machine['date']}: {machine['cores']} cores, "
        f"{machine['processor']}, Python {machine['python']}. Best of {rounds}, the peers "
        "in turns, a process each. Timings of one machine: quote the ratios. What was measured "
        "stands in [RESULTS.json](RESULTS.json), round by round.",
        "",
    ]


def page(held: dict[str, Any], reproduced: dict[str, Any]) -> str:
    """Write the page.

    Args:
        held: RESULTS.json.
        reproduced: REPRODUCED.json, of ``make reproduce``; empty if it has not been run.
    """
    records = held["records"]
    measured = {record["workload"] for record in records}
    workloads = [name for name in WORKLOADS if name in measured]

    def peers(figure: str, form: str, choose=min, bold: bool = True) -> list[str]:
        return peers_table(records, workloads, gathered(records, figure, choose), form, bold)

    best = gathered(records, STEP)
    lines = [
        *notes(held, records),
        "Same layers, batch, initialisation, Adam and images of Fashion-MNIST for all, shuffled "
        "each epoch; loss and accuracy are tracked. float32, unless it says otherwise.",
        "",
        *described(workloads),
        "## A training step",
        "",
        "Microseconds, data handling and metrics included: the time between the ends of two epochs "
        "of one `fit`, through its number of steps; the best epoch from the second on.",
        "",
        *peers(STEP, ",.0f"),
        *ratios(records, best, workloads),
        "## The floor",
        "",
        "Microseconds of the bare kernels of one step, each called by itself in a loop on memory "
        "that is there already, in the same run.",
        "",
        *floor_parts(records, workloads),
        "## Cold start",
        "",
        "Seconds from the start of the process to the end of the first epoch: imports, compilation "
        "and that epoch.",
        "",
        *peers("cold_start_seconds", ".1f"),
        "## Predicting",
        "",
        "Microseconds for 1,000 images, in batches of 256, logits or probabilities as the peer "
        "gives them.",
        "",
        *peers("predict_microseconds_per_1000", ",.0f"),
        "## Peak memory",
        "",
        "MiB of the process that trained, its images included; the most of the rounds.",
        "",
        *peers("peak_megabytes", ",.0f", max),
        "## Final loss",
        "",
        "Of the last epoch's batches as they were trained on; the mean of the rounds, each with a "
        "seed of its own. Who draws other numbers ends elsewhere; the peers on torch draw the "
        "same.",
        "",
        *peers("loss", ".4f", statistics.mean, bold=False),
    ]
    if any((name, OURS_BF16) in best for name in workloads):
        lines += [
            "## bfloat16",
            "",
            '`config.set_dtype_policy("mixed_bfloat16")`, microseconds a step. The accuracies are '
            "of longer runs, on all images for three epochs with three seeds.",
            "",
            *bf16(records, best, held["accuracy"], workloads),
        ]
    if held["starting"]:
        lines += started(held["starting"])
    return "\n".join([*lines, *old_experiments.section(reproduced)])
