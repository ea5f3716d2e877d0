"""Measure Latih beside Keras on torch, and write RESULTS.md: ``make bench``.

Every figure comes from a process of its own. The two packages take turns, so that a machine that
slows down slows both; the best of the rounds is quoted, and ratios are of figures of one run.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
WORKLOADS = {
    "tiny": "784-32-16-10, ReLU, batch 32",
    "mlp": "784-300-100-10, ReLU, batch 32",
    "mlp256": "the same, batch 256",
    "chapter": "the same with three batch normalisations and dropout, batch 32",
    "deep20": "twenty times dense 100, batch normalisation, ELU, batch 32",
}
PACKAGES = ("latih", "keras-torch")


def seconds(*command, cwd=None):
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=cwd)
    return time.perf_counter() - began


def step_times(rounds):
    best = {}
    for round_number in range(rounds):
        for workload in WORKLOADS:
            for package in PACKAGES:
                told = subprocess.run(
                    [sys.executable, HERE / "workloads.py", package, workload],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout
                figures = json.loads(told)
                known = best.setdefault((workload, package), figures)
                for name, value in figures.items():
                    known[name] = min(known[name], value)
                print(round_number, workload, package, figures, flush=True)
    return best


def starts(rounds):
    torch, latih, first_epoch, demo = [], [], [], []
    for _ in range(rounds):
        torch.append(seconds(sys.executable, "-c", "import torch"))
        latih.append(seconds(sys.executable, "-c", "import latih"))
        with tempfile.TemporaryDirectory() as directory:
            command = (sys.executable, "-m", "latih", "train", "--run-dir")
            first_epoch.append(seconds(*command, f"{directory}/one", "--epochs", "1"))
            demo.append(seconds(*command, f"{directory}/ten", "--epochs", "10"))
    return min(torch), min(latih), min(first_epoch), min(demo)


def peak_of_the_script():
    told = subprocess.run(
        [sys.executable, HERE / "script.py"], check=True, capture_output=True, text=True
    )
    return float(told.stdout)


def page(best, started, peak, rounds):
    torch, latih, first_epoch, demo = started
    lines = [
        "# Results",
        "",
        f"Written by `make bench` on {datetime.date.today()}: {os.cpu_count()} cores, "
        f"{platform.machine()}, Python {platform.python_version()}. Best of {rounds} rounds, the "
        "packages in turns, a process each. Timings of one machine: quote the ratios.",
        "",
        "## A training step",
        "",
        "Microseconds a step of a whole `fit` on the 5,000 embedded images, data handling and "
        "metrics included, float32, Adam, accuracy tracked.",
        "",
        "| workload | | Latih | Keras on torch | times as fast | cold start, Latih (s) | "
        "cold start, Keras (s) |",
        "|---|---|---|---|---|---|---|",
    ]
    for workload, described in WORKLOADS.items():
        ours, theirs = (best[workload, package] for package in PACKAGES)
        ratio = theirs["microseconds_a_step"] / ours["microseconds_a_step"]
        lines.append(
            f"| {workload} | {described} | {ours['microseconds_a_step']:,.0f} | "
            f"{theirs['microseconds_a_step']:,.0f} | {ratio:.1f} | "
            f"{ours['seconds_to_end_of_first_epoch']:.1f} | "
            f"{theirs['seconds_to_end_of_first_epoch']:.1f} |"
        )
    lines += [
        "",
        "Cold start: from the start of the process to the end of the first epoch.",
        "",
        "## Starting, and memory",
        "",
        "| what | seconds | against `import torch` |",
        "|---|---|---|",
        f"| `python -c 'import torch'` | {torch:.2f} | 1.00 |",
        f"| `python -c 'import latih'` | {latih:.2f} | {latih / torch:.2f} times |",
        f"| `latih train --epochs 1`, the page included | {first_epoch:.2f} | "
        f"{first_epoch - torch:.2f} s more |",
        f"| what `make demo` runs, `latih train --epochs 10` | {demo:.2f} | |",
        "",
        f"The textbook's script on the whole Fashion-MNIST (`benchmarks/script.py`) holds at most "
        f"{peak:,.0f} MiB.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    started = starts(rounds)
    peak = peak_of_the_script()
    (HERE / "RESULTS.md").write_text(page(step_times(rounds), started, peak, rounds))
