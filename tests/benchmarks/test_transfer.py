"""The page of the transfer benchmark says what the kept predictions say."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def page_of(kept: Path, tmp_path: Path) -> str:
    script = BENCHMARKS / "transfer" / "run.py"
    asked = [sys.executable, script, "--kept", kept, "--page", tmp_path / "page.md"]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(asked, check=True, capture_output=True, env=one_thread)
    return (tmp_path / "page.md").read_text(encoding="utf-8")


def test_the_page_is_of_the_kept_predictions(tmp_path: Path) -> None:
    page = page_of(BENCHMARKS / "TRANSFER.json", tmp_path)
    assert page == (BENCHMARKS / "TRANSFER.md").read_text("utf-8")


@pytest.mark.parametrize("seeds", [[0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]])
def test_a_row_is_what_is_counted_by_hand(seeds: list[int], tmp_path: Path) -> None:
    # Two images of each class, of which a fold judges one or none: nine of ten labels are 0.
    labels = [0] * 9 + [1]
    known: dict[str, Any] = {
        "about": {"size": 128, "torch": "2", "threads": 1},
        "sets": {"Toys": {"labels": " ".join(map(str, labels)), "learns_from_one": False}},
    }
    nets = {str(seed): {"predicted": "0 0", "seconds": 3.0, "code": "x"} for seed in seeds}
    known["sets"]["Toys"]["ways"] = {"probe": nets, "naive": {"0": nets["0"]}}
    (tmp_path / "kept.json").write_text(json.dumps(known), encoding="utf-8")
    rows = [line for line in page_of(tmp_path / "kept.json", tmp_path).splitlines() if "|" in line]
    told = "0-4" if len(seeds) == 5 else "0-4, 10-14"
    # The rare one is always named wrong: 0.9, of the classes 1 and 0; the nets have 1, or 0.5 once.
    deviation = {5: "0.224", 10: "0.211"}[len(seeds)]
    assert rows[2:] == [
        "| logistic regression on frozen features "
        f"| 0.900 ({deviation}) | 0.500 | {len(seeds)} | {told} | 3 |"
    ]
