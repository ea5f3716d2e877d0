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


def full_facts(depth: int = 20) -> dict[str, Any]:
    names = [f"dense_{place}" for place in range(depth)]
    return {
        "facts": {
            "layers": [{"name": "flatten"}, *({"name": name} for name in names)],
            "outputs": [{"name": "output", "trivial_loss": 2.303}],
            "steps": 100,
            "epochs": 20,
        },
        "not_finite": None,
    }


def full_looks(depth: int = 20) -> list[dict[str, Any]]:
    chance = random.Random(5)
    steps = [0, 1, 2, 5, 10, 20, 50, 100, 150, *range(200, 2001, 40)]
    return [
        {
            "step": step,
            "epoch": step // 100,
            "loss": 0.3 + 2.1 * math.exp(-step / 600) + chance.uniform(-0.03, 0.03),
            "skill": 0.9 - 0.9 * math.exp(-step / 600),
            "accuracy": 0.91 - 0.81 * math.exp(-step / 600),
            "training_loss": None,
            "gradient_norm": None if step == 0 else 0.4 + chance.uniform(0, 0.5),
            "clipped_norm": None if step == 0 else 0.4,
            "learning_rate": 0.01,
            "layers": {
                f"dense_{place}": {
                    "gradient": None if step == 0 else 10.0 ** (-7 + 0.3 * place - step / 3000),
                    "update": None
                    if step == 0
                    else 10.0 ** (-6 + 0.2 * place + chance.uniform(-0.4, 0.4)),
                    "weight": 0.1,
                    "mean": 0.1 * place - 0.5,
                    "deviation": 1.4 - 0.06 * place + step / 4000,
                    "largest": 4.0,
                    "silent": min(1.0, 0.02 * place + step / 4000) if place % 2 else None,
                    "saturated": None if place % 2 else 0.03 * place,
                    "finite": True,
                }
                for place in range(depth)
            },
        }
        for step in steps
    ]


def finding(code: str = "vanishing-gradient", **changes: Any) -> dict[str, Any]:
    return {
        "moment": "run",
        "at_step": 240,
        "code": code,
        "severity": "fault",
        "probability": 0.85,
        "layer": "dense_0",
        "step": 200,
        "evidence": [
            {"name": "gradient ratio", "value": 2.5e-7, "relation": "<", "threshold": 1e-3},
            {"name": "skill", "value": 0.0125, "relation": "", "threshold": None},
        ],
        "remedies": ["relu", "batch-normalisation"],
        "text": "Vanishing gradient (dense_0): it gets smaller by the layer",
        "words": {
            "name": {"en": "Vanishing gradient", "id": "Gradien menghilang"},
            "cause": {"en": "It gets smaller by the layer.", "id": "Makin kecil tiap lapisan."},
            "doubt": {"en": "If the net learns all the same.", "id": "Jika tetap belajar."},
            "evidence": [
                {"en": "gradient of first over last layer", "id": "gradien pertama per terakhir"},
                {"en": "skill", "id": "skill"},
            ],
            "remedies": [
                {"en": "Use ReLU.", "id": "Pakai ReLU."},
                {"en": "Put BatchNormalization in.", "id": "Pasang BatchNormalization."},
            ],
        },
    } | changes


def full_findings() -> list[dict[str, Any]]:
    return [
        finding("unnormalised-inputs", severity="advice", step=None, moment="before", at_step=0),
        finding(),
        finding("learning-rate-too-low", probability=0.4, step=280, layer=None),
        finding("class-imbalance", severity="note", step=None, moment="end", at_step=2000),
    ]


def full_treatment() -> dict[str, Any]:
    return {
        "diagnosis": {"healthy": False, "findings": []},
        "trials": [
            {
                "remedy": "initialise",
                "finding": "vanishing-gradient",
                "skill": 0.031,
                "needed": 0.08,
                "kept": False,
                "steps": 200,
                "reason": "",
                "words": {"en": "Initialise by the activation.", "id": "Inisialisasi."},
            },
            {
                "remedy": "more-units",
                "finding": "vanishing-gradient",
                "skill": -1.0,
                "needed": 0.08,
                "kept": False,
                "steps": 0,
                "reason": "the layers do not fit each other",
                "words": {"en": "Give the hidden layers more units.", "id": "Lebih banyak unit."},
            },
            {
                "remedy": "relu",
                "finding": "vanishing-gradient",
                "skill": 0.713,
                "needed": 0.08,
                "kept": True,
                "steps": 200,
                "reason": "",
                "words": {"en": "Use ReLU.", "id": "Pakai ReLU."},
            },
        ],
        "changes": [
            "layers.dense_0.activation: 'sigmoid' → 'relu'",
            "layers.dense_0.kernel_initializer: 'RandomNormal' → 'HeNormal'",
        ],
        "code": "model = keras.Sequential([\n    keras.layers.Dense(10, activation='relu'),\n])\n",
        "given_skill": 0.0,
        "untreated_skill": 0.01,
        "noise": 0.004,
        "skill": 0.861,
        "trial_epochs": 2,
        "steps": 2600,
        "planned_steps": 2000,
        "cost": 1.3,
    }


def write_watched_run(directory: Path) -> RunDirectory:
    run = write_full_run(directory)
    run.facts.write(full_facts())
    run.layers.start(full_looks())
    run.findings.start(full_findings())
    run.treatment.write(full_treatment())
    return run
