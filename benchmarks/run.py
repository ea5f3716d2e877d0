"""Measure Latih beside its peers, and write RESULTS.md: ``make bench``.

Every figure comes from a process of its own. The peers take turns, so that a machine that slows
down slows all of them; the best of the rounds is quoted, and ratios are of figures of one run. What
was measured stands in RESULTS.json as it came, so that the page can be written again, and a run
that was broken off can go on with ``--resume``.

This process stays small (it imports no framework): a child's peak memory counts from its parent's.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from contestants import CONTESTANTS, FLOOR, HERE, OURS, OURS_BF16, PYTHONS, floor, train
from kept import Kept
from page import page
from workloads import WORKLOADS

ACCURACY_STEPS = {"wide": 468, "wide1024": 58, "cnn": 937}
"""An epoch of the whole of Fashion-MNIST, for the accuracy in bfloat16."""
ACCURACY_EPOCHS = 3
ACCURACY_SEEDS = (1, 2, 3)


class Results(Kept):
    """What was measured, on disk after every process.

    Args:
        file: RESULTS.json.
        resume: go on with what it holds.
    """

    def __init__(self, file: Path, resume: bool) -> None:
        super().__init__(file)
        if not (resume and self.known):
            self.known = {"machine": machine(), "records": [], "accuracy": [], "starting": {}}

    def has(self, kind: str, **key: Any) -> bool:
        """Tell whether this was measured already."""
        return any(key.items() <= record.items() for record in self.known[kind])

    def add(self, kind: str, figures: dict[str, Any], **key: Any) -> None:
        """Keep a record, and say it."""
        self.known[kind].append({**key, **figures})
        self.write()
        told = figures.get("failed") or ", ".join(
            f"{name} {figures[name]:.4g}"
            for name in ("microseconds_a_step", "cold_start_seconds", "loss", "test_accuracy")
            if name in figures
        )
        print(time.strftime("%H:%M:%S"), *key.values(), told, flush=True)


def machine() -> dict[str, Any]:
    processor = platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        flags = next((line for line in lines if line.startswith("flags")), "")
        found = [flag for flag in ("amx_bf16", "avx512_bf16") if flag in flags.split()]
        processor = ", ".join([*names[:1], *found])
    return {
        "date": str(datetime.date.today()),
        "cores": os.cpu_count(),
        "processor": processor,
        "python": platform.python_version(),
    }


def side_by_side(results: Results, told: argparse.Namespace, data: Path) -> None:
    """Every workload in every peer, in rounds; a peer that timed out once is not asked again."""
    options = [
        *(("--epochs", str(told.epochs)) if told.epochs else ()),
        *(("--steps", str(told.steps)) if told.steps else ()),
    ]
    for round_number in range(told.rounds):
        seed = ("--seed", str(42 + round_number))
        for workload in told.workloads:
            # Another one first each round.
            turn = round_number * 5 % len(told.peers)
            for name in (*told.peers[turn:], *told.peers[:turn]):
                key = {"round": round_number, "workload": workload, "peer": name}
                late = results.has("records", workload=workload, peer=name, failed="timed out")
                if late or results.has("records", **key):
                    continue
                if name == FLOOR:
                    results.add("records", floor(workload), **key)
                elif CONTESTANTS[name].runs(workload):
                    figures = train(name, workload, data, *seed, *options)
                    results.add("records", figures, **key)


def accuracy(results: Results, told: argparse.Namespace, data: Path) -> None:
    """Latih in float32 and in mixed_bfloat16 on all images, with three seeds."""
    for seed in ACCURACY_SEEDS:
        for workload in (name for name in told.workloads if name in ACCURACY_STEPS):
            for name in (OURS, OURS_BF16):
                key = {"seed": seed, "workload": workload, "peer": name}
                if results.has("accuracy", **key):
                    continue
                steps, epochs = told.steps or ACCURACY_STEPS[workload], ACCURACY_EPOCHS
                options = ("--seed", str(seed), "--steps", str(steps), "--epochs", str(epochs))
                results.add("accuracy", train(name, workload, data, *options), **key)


def seconds(*command: str | Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def starting(rounds: int) -> dict[str, float]:
    """How long imports and the command line take, and what the textbook's script holds."""
    python, best = PYTHONS["own"], {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as directory:
            command = (python, "-m", "latih", "train", "--run-dir")
            taken = {
                "torch": seconds(python, "-c", "import torch"),
                "latih": seconds(python, "-c", "import latih"),
                "first_epoch": seconds(*command, f"{directory}/one", "--epochs", "1"),
                "demo": seconds(*command, f"{directory}/ten", "--epochs", "10"),
            }
        best = {name: min(value, best.get(name, value)) for name, value in taken.items()}
    script = [python, str(HERE / "script.py")]
    told = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    return {**best, "peak_megabytes": float(told)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    names = (FLOOR, *CONTESTANTS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=[*WORKLOADS])
    parser.add_argument("--peers", nargs="+", choices=names, default=names)
    parser.add_argument("--epochs", type=int, help="in place of each workload's own")
    parser.add_argument("--steps", type=int, help="steps an epoch, in place of each workload's own")
    parser.add_argument("--resume", action="store_true", help="go on with what RESULTS.json holds")
    parser.add_argument("--reprint", action="store_true", help="only write the page again")
    parser.add_argument("--no-accuracy", action="store_true", help="leave bfloat16's accuracy out")
    parser.add_argument("--no-starting", action="store_true", help="leave starting and memory out")
    parser.add_argument("--output", type=Path, default=HERE, help="where the two files are put")
    return parser.parse_args()


def main() -> None:
    told = arguments()
    results = Results(told.output / "RESULTS.json", told.resume or told.reprint)
    if not told.reprint:
        with tempfile.TemporaryDirectory() as directory:
            writer = [PYTHONS["own"], str(HERE / "workloads.py"), directory]
            subprocess.run(writer, check=True)
            side_by_side(results, told, Path(directory))
            if not told.no_accuracy:
                accuracy(results, told, Path(directory))
        if not told.no_starting and not results.known["starting"]:
            results.known["starting"] = starting(told.rounds)
            results.write()
    reproduced = Kept(HERE / "REPRODUCED.json").known
    (told.output / "RESULTS.md").write_text(page(results.known, reproduced))


if __name__ == "__main__":
    sys.exit(main())
