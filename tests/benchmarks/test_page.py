"""The benchmark's page says what was measured: figures worked by hand."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


def record(peer, round_number, microseconds, **more):
    figures = {"microseconds_a_step": microseconds, "cold_start_seconds": 3.0, "loss": 0.5}
    figures |= {"predict_microseconds_per_1000": 700.0, "peak_megabytes": 300.0, **more}
    return {"round": round_number, "workload": "wide", "peer": peer, **figures}


@pytest.fixture
def page(tmp_path):
    parts = {"matrix products": 150.0, "Adam": 50.0}
    held = {
        "machine": {"date": "2026-01-01", "cores": 2, "processor": "x", "python": "3.11"},
        "records": [
            record("latih", 0, 400.0),
            record("latih", 1, 300.0, loss=0.7),
            record("keras-jax", 0, 900.0),
            record("keras-torch", 0, 1200.0),
            record("raw-torch", 0, 600.0, peak_megabytes=250.0),
            record("raw-torch", 1, 750.0),
            record("latih-bf16", 0, 200.0),
            {"round": 0, "workload": "wide", "peer": "fastai", "failed": "timed out"},
            record("floor", 0, 200.0, parts=parts, threads=2),
        ],
        "accuracy": [
            {"seed": seed, "workload": "wide", "peer": peer, "test_accuracy": accuracy}
            for peer, accuracies in {"latih": (0.8, 0.82), "latih-bf16": (0.8, 0.81)}.items()
            for seed, accuracy in enumerate(accuracies)
        ],
        "starting": {},
    }
    (tmp_path / "RESULTS.json").write_text(json.dumps(held))
    command = [sys.executable, str(RUN), "--reprint", "--output", str(tmp_path)]
    subprocess.run(command, check=True)
    return (tmp_path / "RESULTS.md").read_text().splitlines()


def test_the_best_of_the_rounds_is_quoted_and_the_least_of_all_is_bold(page):
    assert "| Latih | **300** |" in page
    assert "| raw torch loop | 600 |" in page


def test_a_peer_that_timed_out_is_said_to_have(page):
    assert page.count("| fastai | timed out |") == 5


def test_ratios_are_to_the_fastest_peer_the_fastest_keras_and_the_floor(page):
    # 600 / 300; 600 / 400 and 750 / 300 within the rounds; 900 / 300, in one round; 300 / 200.
    told = "| wide | raw torch loop | 2.00 | 2.00 (2) | Keras on JAX | 3.00 |  | 200 | 1.50 |"
    assert told in page


def test_the_floor_is_told_in_parts(page):
    assert {"| matrix products | 150 |", "| Adam | 50 |", "| all | 200 |"} <= {*page}


def test_memory_is_the_most_and_loss_the_mean_of_the_rounds(page):
    assert "| raw torch loop | **300** |" in page
    assert "| Latih | 0.6000 |" in page


def test_bfloat16_stands_beside_the_fastest_float32_peer(page):
    row = next(line for line in page if line.startswith("| wide | raw torch loop, 600 |"))
    # 600 / 200, and means of 81 and 80.5 per cent.
    assert "| 200 | 3.00 |  | 1.7 |" in row
    assert row.endswith("| 80.00, 82.00 | 80.00, 81.00 | -0.50 |")
