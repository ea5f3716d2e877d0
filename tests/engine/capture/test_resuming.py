"""A run that goes on elsewhere after any step comes to the same bits, replayed or not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keeping import Taking

import latih as keras
from latih import layers, optimizers
from latih.structures import is_same

_draw = np.random.default_rng(5)
X = _draw.normal(size=(44, 6, 6, 1)).astype("float32")
LABELS = _draw.integers(0, 3, 44)
EPOCHS = 4


def images() -> list[Any]:
    return [
        layers.RandomFlip(),
        layers.RandomTranslation(0.2, 0.2),
        layers.SpectralNormalization(layers.Conv2D(4, 3)),
        layers.BatchNormalization(),
        layers.SpatialDropout2D(0.2),
        layers.Flatten(),
    ]


def noise() -> list[Any]:
    return [
        layers.Flatten(),
        layers.GaussianNoise(0.1),
        layers.Dense(8, "selu"),
        layers.AlphaDropout(0.2),
        layers.BatchNormalization(),
        layers.GaussianDropout(0.2),
        layers.Dropout(0.4),
    ]


def started_from_data() -> list[Any]:
    # In its first step it reads from a weight whether it has started: in that of a process that
    # goes on, too.
    return [layers.Flatten(), layers.WeightNormalization(layers.Dense(8, "relu"))]


PARTS: dict[str, Callable[[], list[Any]]] = {
    "images": images,
    "noise": noise,
    "started from data": started_from_data,
}
EAGER, REPLAYED = {"run_eagerly": True}, {"jit_compile": "auto"}


def run(name: str, way: Any, state: Any = None) -> Any:
    keras.utils.set_random_seed(1 if state is None else 9)
    model = keras.Sequential([keras.Input((6, 6, 1)), *PARTS[name](), layers.Dense(3, "softmax")])
    optimizer = optimizers.Adam(1e-2, use_ema=True, gradient_accumulation_steps=2)
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer, loss, metrics=["accuracy"], **way)
    keeper = Taking(state)
    given = {"batch_size": 8, "epochs": EPOCHS, "verbose": 0, "validation_split": 0.2}
    model.fit(X, LABELS, **given, callbacks=[keeper])
    assert model.explain_step().startswith("A step is replayed") == (way is REPLAYED)
    return model, keeper


@pytest.mark.parametrize("name", PARTS)
def test_every_state_of_a_replayed_run_is_that_of_the_usual_one(name: str) -> None:
    (model, eager), (other, replayed) = run(name, EAGER), run(name, REPLAYED)
    assert len(eager.taken) == len(replayed.taken) > 10
    for one, two in zip([*eager.taken, eager.last], [*replayed.taken, replayed.last], strict=True):
        # Only when it was taken differs.
        assert is_same(_numbers(one), _numbers(two))
    assert is_same(model.get_weights(), other.get_weights())


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("before", [EAGER, REPLAYED], ids=["usual", "replayed"])
@pytest.mark.parametrize("after", [EAGER, REPLAYED], ids=["usual", "replayed"])
def test_a_run_goes_on_from_any_step_to_the_same_bits(name: str, before: Any, after: Any) -> None:
    goes_on(name, before, after)


@pytest.mark.native
@pytest.mark.parametrize("name", PARTS)
def test_so_does_one_with_native_kernels(name: str) -> None:
    goes_on(name, REPLAYED, REPLAYED)


def goes_on(name: str, before: Any, after: Any) -> None:
    model, keeper = run(name, before)
    for state in keeper.taken[1:-9:5]:  # so early that there is something to replay
        other, resumed = run(name, after, state)
        assert is_same(other.get_weights(), model.get_weights())
        assert is_same(_numbers(resumed.last), _numbers(keeper.last))
        assert (
            other.history.history["loss"]
            == model.history.history["loss"][-len(other.history.history["loss"]) :]
        )


def _numbers(state: Any) -> dict[str, Any]:
    return {part: state[part] for part in ("weights", "optimizers", "sums", "data", "seeds")}
