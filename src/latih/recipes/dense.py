"""A deep dense net, built as the chapter teaches, trained, judged and written down."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from latih.callbacks import Callback, EarlyStopping
from latih.callbacks.progress import Verbose
from latih.data.mapped import is_large
from latih.errors import InputError
from latih.initializers import INITIALIZERS, Initializer
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
from latih.models.kept_run import Resume
from latih.optimizers import OPTIMIZERS
from latih.recipes.examples import Examples
from latih.recipes.judging import evaluation_of_classes
from latih.recipes.settings import settings_of
from latih.registry import constructor_arguments
from latih.regularizers import L2
from latih.run_directory import RunDirectory
from latih.transfer.scores import judge

SCALED_BY = 2**26
"""How many bytes of a large memory map its scale is measured on."""

NEVER = sys.maxsize
# Which initialisation keeps the signal's variance through layers of which activation.
INITIALIZER_FOR = {"selu": "lecun_normal", "tanh": "glorot_uniform", "sigmoid": "glorot_uniform"}


@dataclass(frozen=True)
class DenseSettings:
    """What the net is and how it is trained.

    Args:
        hidden: the units of each hidden layer.
        activation: theirs.
        initializer: how their kernels start, as ``"he_uniform"`` or, with arguments,
            ``"random_normal:stddev=1"``; None takes what fits the activation.
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

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> "DenseSettings":
        """Return the settings that ``run.toml`` holds; what is None is not in it.

        Raises:
            InputError: an entry is unknown, or of another kind.

        Example:
            >>> DenseSettings.of_table({"hidden": [30], "dropout": 0.5}).patience is None
            True
        """
        return settings_of(cls, table, "a dense net")


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
                kernel_initializer=initializer_of(chosen),
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


def initializer_of(text: str) -> Initializer:
    """Make an initializer of its name and its arguments, if any are given.

    Args:
        text: as ``"he_normal"``, or ``"random_normal:mean=0.1,stddev=1"``.

    Raises:
        UnknownNameError: no initializer is called so.
        InputError: it takes no such argument, or not this value.

    Example:
        >>> initializer_of("random_normal:stddev=1").stddev
        1.0
    """
    name, _, given = text.partition(":")
    arguments: dict[str, Any] = {}
    for part in filter(None, (one.strip() for one in given.split(","))):
        argument, is_told, value = part.partition("=")
        if not is_told:
            raise InputError(
                "the arguments of the initializer cannot be read",
                expected="as random_normal:stddev=1, with commas between several",
                got=repr(text),
            )
        arguments[argument.strip()] = _number_or_word(value.strip())
    made = INITIALIZERS.get(name.strip())
    if not arguments:
        return made
    try:
        return type(made)(**arguments)
    except TypeError as error:
        raise InputError(
            f"the initializer {name!r} does not take these arguments",
            expected=", ".join(constructor_arguments(type(made))) or "none",
            got=", ".join(arguments),
        ) from error


def _number_or_word(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def train_dense(
    settings: DenseSettings,
    examples: Examples,
    run_dir: str | os.PathLike[str],
    *,
    verbose: Verbose = "auto",
    asked: dict[str, Any] | None = None,
    resume: Resume = "auto",
    snapshot_every: int | str = "60s",
    doctor: Literal["watch", "stop", "treat", False] = "watch",
) -> TrainedRun:
    """Train the net, judge the best epoch's on the test examples, and write the run down.

    Args:
        settings: what the net is and how it is trained.
        examples: what it shall learn.
        run_dir: where the run is written; if one is there that was asked for in the same way, it
            is gone on with.
        verbose: 0 for silence.
        asked: further entries of ``run.toml``'s table ``run``, such as the seed and the command.
        resume: as in ``fit()``.
        snapshot_every: as in ``fit()``.
        doctor: as in ``fit()``.

    Returns:
        The best model with its scores.

    Raises:
        LatihError: what was asked cannot be done; said before the first step.
    """
    if settings.epochs < 1:
        raise InputError("`epochs` is out of range", expected=">= 1", got=str(settings.epochs))
    model = build_dense(settings, examples)
    about = {
        "run": asked or {},
        "data": {
            "name": examples.name,
            "test": len(examples.test[0]),
            "classes": list(examples.class_names),
        },
        "recipe": {"name": "dense", **asdict(settings)},
    }
    run = RunDirectory(Path(run_dir), about)
    patience = NEVER if settings.patience is None else settings.patience
    # The best weights come back first, so that it is they that are judged.
    judge = Judge(examples, run)
    model.fit(
        *examples.training,
        validation_data=examples.validation,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        callbacks=[EarlyStopping(patience=patience, restore_best_weights=True), judge],
        verbose=verbose,
        run_dir=run,
        resume=resume,
        snapshot_every=snapshot_every,
        doctor=doctor,
    )
    return TrainedRun(model, judge.scores, run, run.report_file)


class Judge(Callback):
    """Judges the net on the test examples when training ends, however it ends.

    Args:
        examples: the data set.
        run: where the judgement is written.
    """

    def __init__(self, examples: Examples, run: RunDirectory) -> None:
        super().__init__()
        self.examples, self.run = examples, run
        self.scores: dict[str, float] = {}

    def on_train_end(self, logs: Any = None) -> None:
        """Write the scores, the confusion matrix and the worst mistakes."""
        if self.run.settings_file.is_file():  # else training never began
            self.scores = _judge(self.model, self.examples, self.run)


def _scaling(inputs: np.ndarray) -> Layer:
    if inputs.dtype == np.uint8:
        return Rescaling(1.0 / 255.0)
    layer = Normalization()
    # Of what no memory may hold, evenly spread rows tell the scale.
    rows = inputs[:: max(1, inputs.nbytes // SCALED_BY)] if is_large(inputs) else inputs
    layer.adapt(np.ascontiguousarray(rows).reshape(len(rows), -1))
    return layer


def _judge(model: Any, examples: Examples, run: RunDirectory) -> dict[str, float]:
    x, y = examples.test
    scores = model.evaluate(x, y, batch_size=256, verbose=0, return_dict=True)
    evaluation: dict[str, Any] = {"scores": scores}
    if examples.class_names:
        probabilities = model.predict(x, batch_size=256, verbose=0)
        confusion = judge(y.astype(np.int64), probabilities).confusion
        evaluation = evaluation_of_classes(scores, confusion, x, y, probabilities)
    run.evaluation.write(evaluation)
    return scores
