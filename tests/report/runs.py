"""Fabricated run directories for the tests of the report."""

import json
import math
import random
from pathlib import Path
from typing import Any

from latih.run_directory import RunDirectory

CLASSES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]


def full_settings() -> dict[str, Any]:
    return {
        "run": {
            "name": "fashion, two hidden layers",
            "started": "2026-11-21T22:51:00",
            "seconds": 72.3,
            "epochs_done": 20,
            "stopped": "early stopping: val_loss did not improve for 5 epochs",
            "device": "cpu",
            "seed": 42,
            "command": "latih train fashion-mnist --epochs 30",
        },
        "versions": {"latih": "0.1.0", "torch": "2.13.0", "numpy": "2.4.6", "python": "3.11.7"},
        "data": {
            "name": "fashion-mnist",
            "training": 55000,
            "validation": 5000,
            "test": 10000,
            "input_shape": [28, 28],
            "classes": CLASSES,
        },
        "model": {
            "name": "sequential",
            "parameters": 266610,
            "trainable": 266410,
            "non_trainable": 200,
            "layers": [
                layer("flatten", "Flatten", ["None", 784], 0),
                layer("dense", "Dense", ["None", 300], 235500),
                layer("dense_1", "Dense", ["None", 100], 30100, trainable=False),
                layer("dense_2", "Dense", ["None", 10], 1010),
            ],
        },
        "compile": {
            "optimizer": "adam",
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy"],
            "learning_rate": 0.001,
            "schedule": {"kind": "cosine", "warmup": {"epochs": 2}},
        },
        "fit": {"epochs": 30, "batch_size": 32, "shuffle": True},
    }


def layer(name: str, kind: str, shape: list[Any], count: int, trainable: bool = True) -> dict:
    return {
        "name": name,
        "type": kind,
        "output_shape": shape,
        "parameters": count,
        "trainable": trainable,
    }


def full_log() -> list[dict[str, Any]]:
    chance = random.Random(7)
    lines = []
    for epoch in range(1, 21):
        fitted = 0.18 + 0.55 * math.exp(-epoch / 5)
        lines.append(
            {
                "epoch": epoch,
                "loss": fitted,
                "accuracy": 1 - 0.35 * fitted,
                "val_loss": fitted + 0.05 + 0.0009 * epoch**2 + chance.uniform(-0.01, 0.01),
                "val_accuracy": 0.93 - 0.32 * fitted - 0.0002 * epoch**2,
                "learning_rate": 0.001 * math.exp(-epoch / 4),
                "seconds": 3.6 + chance.uniform(-0.2, 0.2),
                "samples_per_second": 15200 + chance.uniform(-500, 500),
            }
        )
    return lines


def full_evaluation() -> dict[str, Any]:
    chance = random.Random(3)
    confusion = []
    for true in range(10):
        row = [chance.choice([0, 0, 1, 3, 8, 15]) for _ in range(10)]
        row[true] = 0
        if true == 6:
            row[0], row[2], row[4] = 112, 83, 71
        row[true] = 1000 - sum(row)
        confusion.append(row)
    mistakes = [
        {
            "index": 17 + 311 * place,
            "true": place % 10,
            "predicted": (place * 3 + 6) % 10,
            "confidence": 0.9993 - 0.011 * place,
            "image": shirt(chance, place),
        }
        for place in range(12)
    ]
    return {
        "scores": {"loss": 0.3312, "accuracy": 0.8817},
        "confusion": confusion,
        "mistakes": mistakes,
    }


def shirt(chance: random.Random, place: int) -> list[list[int]]:
    def pixel(row: int, column: int) -> int:
        inside = 8 <= column < 20 or (4 <= row < 9 + place % 5 and 2 <= column < 26)
        return chance.randrange(120, 255) if inside and 3 <= row < 26 else 0

    return [[pixel(row, column) for column in range(28)] for row in range(28)]


def write_run(
    directory: Path,
    settings: dict[str, Any] | None = None,
    log: list[dict[str, Any]] | None = None,
    evaluation: object = None,
) -> RunDirectory:
    """Write a run; an evaluation goes into its file as it is, however wrong."""
    run = RunDirectory.create(directory)
    run.write_settings(settings or {})
    for line in log or []:
        run.log.append(line)
    if evaluation is not None:
        run.evaluation.path.write_text(json.dumps(evaluation), encoding="utf-8")
    return run


def write_full_run(directory: Path) -> RunDirectory:
    return write_run(directory, full_settings(), full_log(), full_evaluation())
