"""``latih doctor``, and what the doctor does at ``latih train``."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.doctor import read
from latih.recipes.dense import initializer_of

DICE = np.random.default_rng(0)
X = DICE.normal(size=(1200, 8)).astype("float32")
LABELS = (X @ DICE.normal(size=(8, 3))).argmax(axis=1)
SICK = (
    *("--hidden", "12x16", "--activation", "sigmoid", "--initializer", "random_normal:stddev=10"),
    *("--no-batch-norm", "--optimizer", "sgd", "--epochs", "20", "--run-dir", "run"),
)
SOUND = ("--hidden", "16", "--no-batch-norm", "--lr", "0.01", "--epochs", "9", "--run-dir", "run")


@pytest.fixture
def data(tmp_path: Path) -> str:
    np.savez(tmp_path / "data.npz", x=X, y=LABELS)
    return "data.npz"


def test_it_looks_on_unless_told_not_to(command: Any, data: str, tmp_path: Path) -> None:
    done = command("train", data, *SOUND)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run" / "facts.json").is_file()
    told = tomllib.loads((tmp_path / "run" / "run.toml").read_text(encoding="utf-8"))
    assert told["run"]["doctor"] == "watch"
    assert "fault" not in done.stdout
    other = command("train", data, *SOUND[:-1], "other", "--doctor", "off")
    assert other.returncode == 0 and not (tmp_path / "other" / "facts.json").exists()
    unseen = command("doctor", "other").stdout
    assert "No doctor watched this run" in unseen and "No fault found" not in unseen
    weights = [
        keras.models.load_model(tmp_path / name / "final.keras").get_weights()
        for name in ("run", "other")
    ]
    assert all(np.array_equal(one, two) for one, two in zip(*weights, strict=True))


def test_treat_mends_a_deep_sigmoid_net_and_tells_the_story(
    command: Any, data: str, tmp_path: Path
) -> None:
    done = command("train", data, *SICK, "--doctor", "treat")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    marks = (
        "fault ",
        "The training waits",
        "Found: ",
        "Untreated, ",
        "1. ",
        "The training goes on",
    )
    places = [next(n for n, one in enumerate(lines) if one.startswith(mark)) for mark in marks]
    assert places == sorted(places)
    later = [n for n, one in enumerate(lines) if one.startswith("Epoch ")][-1]
    assert places[-1] < later < next(n for n, one in enumerate(lines) if one.startswith("Then "))
    (accuracy,) = (one for one in lines if one.startswith("Test accuracy"))
    assert float(accuracy.split()[2]) > 0.8
    treatment = json.loads((tmp_path / "run" / "treatment.json").read_text())
    assert any(trial["kept"] for trial in treatment["trials"])
    model = keras.models.load_model(tmp_path / "run" / "best.keras")
    assert (model.predict(X, verbose=0).argmax(1) == LABELS).mean() > 0.8
    # And trained on, as what it has become.
    more = command("resume", "run", data, "--epochs", "22")
    assert more.returncode == 0, more.stderr
    assert "Epoch 22/22" in more.stdout


def test_stop_ends_a_run_at_its_first_fault(command: Any, data: str) -> None:
    # Early stopping must not come first.
    done = command("train", data, *SICK, "--patience", "20", "--doctor", "stop")
    assert "Stopped: the doctor found " in done.stdout
    assert "Epoch 20/20" not in done.stdout


def test_a_run_is_judged_by_its_files(command: Any, data: str, tmp_path: Path) -> None:
    command("train", data, *SICK)
    done = command("doctor", "run")
    assert (done.returncode, done.stderr) == (0, "")
    cause = read(tmp_path / "run").cause
    assert cause is not None and cause.code in done.stdout
    told = json.loads(command("doctor", "run", "--json").stdout)
    assert told == json.loads(json.dumps(read(tmp_path / "run").to_dict()))


def test_a_model_is_tried_on_its_data(command: Any, data: str, tmp_path: Path) -> None:
    command("train", data, *SOUND)
    model = str(tmp_path / "run" / "best.keras")
    before = Path(model).read_bytes()
    done = command("doctor", model, data, "--steps", "100")
    assert (done.returncode, done.stderr) == (0, "")
    assert "No fault found" in done.stdout or "fault" not in done.stdout
    assert Path(model).read_bytes() == before
    alone = command("doctor", model)
    assert alone.returncode == 1 and "nothing to try" in alone.stderr


def test_a_training_is_watched(command: Any, data: str) -> None:
    done = command("doctor", "train", data, *SICK, "--seed", "3")
    assert done.returncode == 0, done.stderr
    assert "fault " in done.stdout
    again = command("doctor", "train", data, *SICK[:-1], "again", "--seed", "3")
    assert again.stdout.count("fault ") == done.stdout.count("fault ")


def test_what_is_no_run_is_refused(command: Any) -> None:
    done = command("doctor", "nowhere")
    assert done.returncode == 1 and "not a run directory" in done.stderr
    assert command("doctor", "run", "--surgeon").returncode == 2


def test_a_run_without_a_model_names_none_and_fails(
    command: Any, data: str, tmp_path: Path
) -> None:
    done = command("train", data, *SOUND, "--optimizer", "sgd", "--lr", "1e20")
    assert done.returncode == 1
    assert "the run has no model" in done.stderr and "latih doctor run" in done.stderr
    assert "Model: " not in done.stdout
    assert not (tmp_path / "run" / "best.keras").exists()


def test_initializers_take_arguments(command: Any, data: str) -> None:
    made = initializer_of("random_normal: mean=0.5, stddev=1e-3")
    assert made.get_config() == keras.initializers.RandomNormal(0.5, 1e-3).get_config()
    assert type(initializer_of("he_normal")) is keras.initializers.HeNormal
    assert initializer_of("variance_scaling:scale=2,mode=fan_out").mode == "fan_out"
    for wrong, told in (
        ("random_normal:stddev", "cannot be read"),
        ("random_normal:scale=1", "does not take"),
        ("random_norma:stddev=1", "Did you mean"),
        ("random_normal:stddev=wide", "stddev"),
    ):
        done = command("train", data, "--initializer", wrong, "--run-dir", "run")
        assert done.returncode == 1 and told in done.stderr, done.stderr
