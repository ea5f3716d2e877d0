"""The illness that deep learning began with, mended by one word on the command line."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_twenty_layers_of_saturated_sigmoids_are_mended(tmp_path: Path) -> None:
    arguments = (
        *("--hidden", "20x100", "--activation", "sigmoid", "--no-batch-norm"),
        *("--initializer", "random_normal:stddev=1", "--doctor", "treat", "--run-dir", "run"),
    )
    done = subprocess.run(
        [sys.executable, "-m", "latih", "train", "fashion-mnist-embedded", *arguments],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads((tmp_path / "run" / "evaluation.json").read_text())["scores"]
    assert scores["accuracy"] > 0.8, done.stdout
    said = done.stdout
    # Whether a fifth of the training makes a fault of the advice depends on the last bits.
    marks = (
        r"^(fault|advice) ",
        "The training waits",
        "^Found: |what is advised is tried",
        "^Untreated, ",
        r"^1\. ",
        "goes on with",
        "^Then ",
    )
    found = [re.search(mark, said, re.MULTILINE) for mark in marks]
    places = [one.start() if one else -1 for one in found]
    assert places == sorted(places) and -1 not in places, said
    assert " of the model as it was given" not in said
    treatment = json.loads((tmp_path / "run" / "treatment.json").read_text())
    assert any(trial["kept"] for trial in treatment["trials"])
