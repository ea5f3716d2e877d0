"""``latih train``: what it says, and what it leaves behind."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.datasets import fashion_mnist

# A normalisation learns its statistics over hundreds of steps, which few examples do not give.
FAST = ("--no-batch-norm", "--lr", "0.01", "--batch-size", "8")
SMALL = ("--epochs", "1", "--hidden", "20", "--run-dir", "run")


def test_the_images_that_the_package_carries_are_learnt_without_an_argument(
    shell: Any, tmp_path: Path
) -> None:
    done = shell("train", "--epochs", "1")
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines = done.stdout.splitlines()
    assert first == (
        "fashion-mnist-embedded: 4,500 examples of 28 x 28 to train on, 500 to validate, "
        "1,000 to test; 10 classes."
    )
    assert lines[0].startswith("Epoch 1/1 - ")
    assert lines[1].startswith("Test accuracy: 0.") and lines[1].endswith(" on 1,000 examples.")
    (directory,) = (tmp_path / "runs").iterdir()
    assert directory.name.startswith("fashion-mnist-embedded-20")
    assert lines[2].split() == ["Model:", f"runs/{directory.name}/best.keras"]
    assert lines[3].split() == ["Page:", f"runs/{directory.name}/report.html"]


def test_the_files_say_what_was_asked_and_what_came_of_it(command: Any, tmp_path: Path) -> None:
    options = (
        *("--hidden", "30,20", "--activation", "elu", "--initializer", "he_uniform"),
        *("--batch-norm", "--dropout", "0.1", "--l2", "0.001", "--optimizer", "rmsprop"),
        *("--lr", "0.002", "--epochs", "2", "--patience", "3", "--batch-size", "64"),
        *("--seed", "7", "--run-dir", "run", "--quiet"),
    )
    done = command("train", "fashion-mnist-embedded", *options)
    assert (done.returncode, done.stderr) == (0, "")
    run = tmp_path / "run"
    assert sorted(path.name for path in run.iterdir()) == [
        "best.keras",
        "evaluation.json",
        "facts.json",
        "final.keras",
        "findings.jsonl",
        "layers.jsonl",
        "lock",
        "log.jsonl",
        "report.html",
        "run.toml",
        "snapshots",
    ]
    settings = tomllib.loads((run / "run.toml").read_text(encoding="utf-8"))
    assert settings["run"]["seed"] == 7
    assert settings["run"]["command"] == " ".join(
        ["latih", "train", "fashion-mnist-embedded", *options]
    )
    assert settings["run"]["epochs_done"] == 2 and settings["run"]["stopped"] == "all epochs done"
    assert settings["recipe"] == {
        "name": "dense",
        "hidden": [30, 20],
        "activation": "elu",
        "initializer": "he_uniform",
        "batch_norm": True,
        "dropout": 0.1,
        "l2": 0.001,
        "optimizer": "rmsprop",
        "learning_rate": 0.002,
        "epochs": 2,
        "patience": 3,
        "batch_size": 64,
    }
    assert settings["fit"]["epochs"] == 2 and settings["fit"]["batch_size"] == 64
    assert settings["compile"]["optimizer"]["config"]["learning_rate"] == 0.002
    assert settings["data"]["training"] == 4500 and settings["data"]["test"] == 1000
    assert settings["data"]["classes"] == list(fashion_mnist.CLASS_NAMES)
    # 784*30, normalised without a bias; 30*20; 20*10 + 10; four numbers a normalised unit.
    assert settings["model"]["parameters"] == 784 * 30 + 30 * 20 + 210 + 4 * 50
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]
    for line in log:
        assert sorted(line) == [
            "accuracy",
            "epoch",
            "learning_rate",
            "loss",
            "samples_per_second",
            "seconds",
            "val_accuracy",
            "val_loss",
        ]
        assert line["learning_rate"] == 0.002

    # What was judged is what the saved model of the best epoch makes of the test images.
    _, (x_test, y_test) = fashion_mnist.load_embedded()
    model = keras.models.load_model(run / "best.keras")
    evaluation = json.loads((run / "evaluation.json").read_text())
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    assert evaluation["scores"] == pytest.approx({"loss": loss, "accuracy": accuracy}, rel=1e-5)
    predicted = model.predict(x_test, verbose=0)
    confusion = np.zeros((10, 10), int)
    for true, found in zip(y_test, predicted.argmax(axis=1), strict=True):
        confusion[true, found] += 1
    assert evaluation["confusion"] == confusion.tolist()
    assert len(evaluation["mistakes"]) == 12
    for mistake in evaluation["mistakes"]:
        index = mistake["index"]
        assert mistake["true"] == y_test[index] != mistake["predicted"]
        assert mistake["confidence"] == pytest.approx(float(predicted[index].max()), rel=1e-4)
        assert mistake["image"] == x_test[index].tolist()
    confidences = [mistake["confidence"] for mistake in evaluation["mistakes"]]
    assert confidences == sorted(confidences, reverse=True)
    assert done.stdout.splitlines()[0] == f"Test accuracy: {accuracy:.4f} on 1,000 examples."


def test_one_seed_gives_the_same_weights_again(command: Any, tmp_path: Path) -> None:
    weights = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        options = ("--epochs", "1", "--hidden", "10", "--seed", seed, "--run-dir", name, "--quiet")
        assert command("train", *options).returncode == 0
        weights.append(keras.models.load_model(tmp_path / name / "final.keras").get_weights())
    one, same, other = weights
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True) if a.any())


def blobs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points, so far apart that any net can tell them apart."""
    dice = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centres = np.array([[0, 0, 50], [8, 0, 50], [0, 8, 50]])
    return centres[labels] + dice.normal(size=(count, 3)), labels


def test_classes_in_a_file_of_arrays_are_learnt(command: Any, tmp_path: Path) -> None:
    x, y = blobs(300, 0)
    np.savez(tmp_path / "blobs.npz", x=x, y=y)
    done = command("train", "blobs.npz", *SMALL, "--epochs", "10", *FAST)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(
        "blobs.npz: 243 examples of 3 to train on, 27 to validate, 30 to test; 3 classes."
    )
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert evaluation["scores"]["accuracy"] == 1.0
    assert evaluation["confusion"] == [[10, 0, 0], [0, 10, 0], [0, 0, 10]]
    x_new, y_new = blobs(90, 1)
    model = keras.models.load_model(tmp_path / "run" / "best.keras")
    assert (model.predict(x_new, verbose=0).argmax(axis=1) == y_new).mean() > 0.98


def test_a_quantity_in_a_file_of_arrays_is_learnt(command: Any, tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    x = dice.normal(size=(400, 2)) * [1, 100] + [0, 1000]
    y = x[:, 0] + x[:, 1] / 100 - 10
    np.savez(tmp_path / "sums.npz", x=x, y=y)
    done = command("train", "sums.npz", *SMALL, "--epochs", "20", *FAST)
    assert (done.returncode, done.stderr) == (0, "")
    assert "to test; a quantity." in done.stdout
    scores = json.loads((tmp_path / "run" / "evaluation.json").read_text())["scores"]
    assert scores["loss"] < 0.1 * y.var()
    assert f"Test: mean absolute error {scores['mae']:.4g}, loss " in (done.stdout)


def test_test_examples_of_ones_own_are_judged_by(command: Any, tmp_path: Path) -> None:
    (x, y), (x_test, y_test) = blobs(90, 0), blobs(12, 2)
    np.savez(tmp_path / "blobs.npz", x=x, y=y, x_test=x_test, y_test=y_test)
    done = command("train", "blobs.npz", *SMALL)
    assert done.stdout.startswith("blobs.npz: 81 examples of 3 to train on, 9 to validate, 12 to")
    evaluation = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert np.sum(evaluation["confusion"]) == 12
