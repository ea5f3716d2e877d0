"""A deep dense net, built as the chapter teaches, trained, judged and written down."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latih import report
from latih.callbacks import EarlyStopping, ModelCheckpoint, RunLog
from latih.callbacks.progress import Verbose
from latih.errors import InputError
from latih.layers import (
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
    Normalization,
    Rescaling,
)
from latih.models import Sequential
from latih.optimizers import OPTIMIZERS
from latih.recipes.examples import Examples
from latih.regularizers import L2
from latih.run_directory import RunDirectory

MISTAKES_SHOWN = 12
# Which initialisation keeps the signal's variance through layers of which activation.
INITIALIZER_FOR = {"selu": "lecun_normal", "tanh": "glorot_uniform", "sigmoid": "glorot_uniform"}


@dataclass(frozen=True)
class DenseSettings:
    """What the net is and how it is trained.

    Args:
        hidden: the units of each hidden layer.
        activation: theirs.
        initializer: how their kernels start; None takes what fits the activation.
        batch_norm: whether each is normalised before its activation.
        dropout: the fraction of each layer's outputs that is dropped.
        l2: the price of their squared weights.
        optimizer: its name.
        learning_rate: None takes the optimizer's default.
        epochs: how many at most.
        patience: after how many epochs without a better validation loss to end; None for never.
        batch_size: how many examples a step takes.

    Example:
        >>> DenseSettings(hidden=(300, 100)).activation
        'relu'
    """

    hidden: Sequence[int] = (300, 100)
    activation: str = "relu"
    initializer: str | None = None
    batch_norm: bool = True
    dropout: float = 0.0
    l2: float = 0.0
    optimizer: str = "adam"
    learning_rate: float | None = None
    epochs: int = 20
    patience: int | None = 5
    batch_size: int = 32


@dataclass(frozen=True)
class TrainedRun:
    """What a recipe gives back: the best model, its scores on the test examples, the directory."""

    model: Sequential
    scores: dict[str, float]
    run: RunDirectory
    page: Path


def build_dense(settings: DenseSettings, examples: Examples) -> Sequential:
    """Build and compile the net.

    Args:
        settings: what it is.
        examples: what it shall learn; their shape, scale and classes shape its two ends.

    Raises:
        UnknownNameError: an activation, initializer or optimizer that is in no table.
        InputError: a number of units, a rate or a price out of range.
    """
    chosen = settings.initializer or INITIALIZER_FOR.get(settings.activation, "he_normal")
    layers: list[Any] = [Input(examples.input_shape), Flatten(), _scaling(examples.training[0])]
    for units in settings.hidden:
        layers.append(
            Dense(
                units,
                # A bias before a normalisation is taken off again by it.
                use_bias=not settings.batch_norm,
                kernel_initializer=chosen,
                kernel_regularizer=L2(settings.l2) if settings.l2 else None,
            )
        )
        if settings.batch_norm:
            layers.append(BatchNormalization())
        layers.append(Activation(settings.activation))
        if settings.dropout:
            layers.append(Dropout(settings.dropout))
    classes = len(examples.class_names)
    targets = examples.training[1]
    if classes:
        layers.append(Dense(classes, activation="softmax"))
    else:
        layers.append(Dense(1 if targets.ndim == 1 else targets.shape[-1]))
    optimizer = OPTIMIZERS.get(settings.optimizer)
    if settings.learning_rate is not None:
        optimizer.learning_rate = settings.learning_rate
    model = Sequential(layers)
    if classes:
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    else:
        model.compile(optimizer, loss="mse", metrics=["mae"])
    return model


def train_dense(
    settings: DenseSettings,
    examples: Examples,
    run_dir: str | os.PathLike[str],
    *,
    verbose: Verbose = "auto",
    asked: dict[str, Any] | None = None,
) -> TrainedRun:
    """Train the net, judge the best epoch's on the test examples, and write the run down.

    Args:
        settings: what the net is and how it is trained.
        examples: what it shall learn.
        run_dir: where the run is written; a new or an empty directory.
        verbose: 0 for silence.
        asked: further entries of ``run.toml``'s table ``run``, such as the seed and the command.

    Returns:
        The best model with its scores.

    Raises:
        LatihError: what was asked cannot be done; said before the first step.
    """
    if settings.epochs < 1:
        raise InputError("`epochs` is out of range", expected=">= 1", got=str(settings.epochs))
    model = build_dense(settings, examples)
    run = RunDirectory.create(run_dir)
    about = {
        "run": asked or {},
        "data": {
            "name": examples.name,
            "test": len(examples.test[0]),
            "classes": list(examples.class_names),
        },
        "recipe": {"name": "dense", **asdict(settings)},
    }
    patience = settings.epochs if settings.patience is None else settings.patience
    try:
        model.fit(
            *examples.training,
            validation_data=examples.validation,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            callbacks=[
                EarlyStopping(patience=patience, restore_best_weights=True),
                ModelCheckpoint(run.best_file, save_best_only=True),
                RunLog(run, about),
            ],
            verbose=verbose,
        )
    except KeyboardInterrupt:
        # What it has learnt so far is there to be seen.
        if run.settings_file.is_file():
            _judge(model, examples, run)
            report.build_report(run)
        raise
    return TrainedRun(model, _judge(model, examples, run), run, report.build_report(run))


def _scaling(inputs: np.ndarray) -> Layer:
    if inputs.dtype == np.uint8:
        return Rescaling(1.0 / 255.0)
    layer = Normalization()
    layer.adapt(inputs.reshape(len(inputs), -1))
    return layer


def _judge(model: Sequential, examples: Examples, run: RunDirectory) -> dict[str, float]:
    x, y = examples.test
    scores = model.evaluate(x, y, batch_size=256, verbose=0, return_dict=True)
    evaluation: dict[str, Any] = {"scores": scores}
    if examples.class_names:
        probabilities = model.predict(x, batch_size=256, verbose=0)
        predicted = probabilities.argmax(axis=1)
        evaluation["confusion"] = _confusion(y, predicted, len(examples.class_names))
        evaluation["mistakes"] = _mistakes(x, y, predicted, probabilities.max(axis=1))
    run.write_evaluation(evaluation)
    return scores


def _confusion(true: np.ndarray, predicted: np.ndarray, classes: int) -> list[list[int]]:
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (true.astype(np.int64), predicted), 1)
    return counts.tolist()


def _mistakes(
    x: np.ndarray, true: np.ndarray, predicted: np.ndarray, confidence: np.ndarray
) -> list[dict[str, Any]]:
    wrong = np.flatnonzero(predicted != true)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES_SHOWN]
    shown: list[dict[str, Any]] = []
    for index in worst.tolist():
        mistake: dict[str, Any] = {
            "index": index,
            "true": int(true[index]),
            "predicted": int(predicted[index]),
            "confidence": float(confidence[index]),
        }
        if x.dtype == np.uint8 and x.ndim == 3:
            mistake["image"] = x[index].tolist()
        shown.append(mistake)
    return shown
