"""Names, order and defaults of arguments: a call that people already wrote means what it meant."""

import inspect
from itertools import takewhile
from typing import Any

import keras
import pytest
from keras.src.losses import losses as keras_losses  # keras.losses shows all but one

import latih
from latih.registry import constructor_arguments

PAIRS: dict[str, tuple[Any, Any]] = {
    f"{family}.{cls.__name__}": (cls, getattr(getattr(keras, family), cls.__name__))
    for family, classes in {
        "layers": latih.layers.LAYERS.classes,
        "initializers": latih.initializers.INITIALIZERS.classes,
        "regularizers": latih.regularizers.REGULARIZERS.classes,
        "constraints": latih.constraints.CONSTRAINTS.classes,
        "losses": latih.losses.LOSSES.classes,
        "metrics": latih.metrics.METRICS.classes,
        "optimizers": latih.optimizers.OPTIMIZERS.classes,
        "callbacks": (
            latih.callbacks.EarlyStopping,
            latih.callbacks.ModelCheckpoint,
            latih.callbacks.ReduceLROnPlateau,
            latih.callbacks.LearningRateScheduler,
            latih.callbacks.TerminateOnNaN,
            latih.callbacks.CSVLogger,
            latih.callbacks.TensorBoard,
            latih.callbacks.BackupAndRestore,
            latih.callbacks.SwapEMAWeights,
        ),
    }.items()
    for cls in classes
    if not getattr(cls, "keras_module", "keras").startswith("latih.")  # those are Latih's own
}
PAIRS |= {
    f"optimizers.schedules.{cls.__name__}": (
        cls,
        getattr(keras.optimizers.schedules, cls.__name__),
    )
    for cls in latih.optimizers.schedules.SCHEDULES.classes
    if cls.keras_module.startswith("keras.")  # the others are Latih's own
}
FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "Input": (latih.Input, keras.Input),
    **{
        f"layers.{name}": (getattr(latih.layers, name), getattr(keras.layers, name))
        for name in (
            *("add", "subtract", "multiply", "average", "maximum", "minimum"),
            *("concatenate", "dot"),
        )
    },
    "load_model": (latih.models.load_model, keras.models.load_model),
    "to_categorical": (latih.utils.to_categorical, keras.utils.to_categorical),
    **{
        f"Sequential.{name}": (getattr(latih.Sequential, name), getattr(keras.Sequential, name))
        for name in (
            *("compile", "fit", "evaluate", "predict", "train_on_batch", "test_on_batch"),
            *("predict_on_batch", "add", "pop", "get_layer", "summary", "save"),
            *("save_weights", "load_weights", "set_weights", "get_weights"),
        )
    },
    **{
        f"activations.{f.__name__}": (f, getattr(keras.activations, f.__name__))
        for f in latih.activations.ACTIVATIONS.functions
    },
    **{
        f"losses.{f.__name__}": (f, getattr(keras_losses, f.__name__))
        for f in latih.losses.LOSSES.functions
    },
}

# What Keras has and Latih, on purpose, has not.
LEFT_OUT = {
    "layers.Dense": {"lora_alpha"},
    "layers.InputLayer": {"input_tensor", "optional", "sparse", "ragged"},
    "callbacks.TerminateOnNaN": {"raise_error"},
    "Input": {"tensor", "optional", "sparse", "ragged"},
    "Sequential.add": {"rebuild"},
    "Sequential.save": {"zipped"},
    "Sequential.save_weights": {"max_shard_size"},
    "Sequential.load_weights": {"skip_mismatch"},
}


def positional(thing: Any) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in inspect.signature(thing).parameters.values() if p.kind in kinds]


def told(parameters: list[inspect.Parameter]) -> list[tuple[str, Any]]:
    return [(p.name, p.default) for p in parameters]


def assert_alike(got: list[tuple[str, Any]], wanted: list[tuple[str, Any]]) -> set[str]:
    """Check that what both have is alike; return what only Keras has."""
    ours, theirs = dict(got), dict(wanted)
    leading = list(takewhile(lambda argument: argument[0] in ours, wanted))
    assert [argument for argument, _ in got[: len(leading)]] == [a for a, _ in leading]
    for argument in ours.keys() & theirs.keys() - {"name"}:
        assert ours[argument] == theirs[argument], argument
    return theirs.keys() - ours.keys()


@pytest.mark.parametrize("name", PAIRS)
def test_a_constructor_takes_keras_arguments_in_their_order_with_their_defaults(name: str) -> None:
    ours, theirs = PAIRS[name]
    rest = assert_alike(told(positional(ours)), told(positional(theirs)))
    # What is left may be given by its name, or is known to have one value only.
    known = {*constructor_arguments(ours), *getattr(ours, "neutral_config", ())}
    assert rest - known == LEFT_OUT.get(name, set()) - known


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_keras_arguments_in_their_order_with_their_defaults(name: str) -> None:
    ours, theirs = FUNCTIONS[name]
    rest = assert_alike(told(positional(ours)), told(positional(theirs)))
    named = set(inspect.signature(ours).parameters)
    if "kwargs" not in named:
        assert rest - named == LEFT_OUT.get(name, set())
