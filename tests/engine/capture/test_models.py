"""Whole models, trained in all the ways there are: replayed to the same bits."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import latih as keras
from latih import layers, optimizers
from latih.engine.capture.captured import MOST_SHAPES

_draw = np.random.default_rng(11)
X = _draw.normal(size=(46, 6)).astype("float32")
Y = _draw.normal(size=(46, 2)).astype("float32")
LABELS = _draw.integers(0, 3, 46)
Build = Callable[..., Any]

# What is trained


def simple(*inside: Any, **more: Any) -> Build:
    def build(**way: Any) -> Any:
        parts = [make() for make in inside] or [layers.Dense(8, "tanh")]
        model = keras.Sequential([keras.Input((6,)), *parts, layers.Dense(2)])
        arguments = {"optimizer": optimizers.Adam(0.01), "loss": "mse", **more, **way}
        model.compile(**{k: v() if callable(v) else v for k, v in arguments.items()})
        return model

    return build


def several(**way: Any) -> Any:
    """Two inputs, two outputs with weights, a layer that is used twice."""
    one, two = keras.Input((6,), name="one"), keras.Input((4,), name="two")
    shared = layers.Dense(4, "tanh", activity_regularizer="l2")
    first = shared(layers.Dense(4)(one))
    second = shared(layers.BatchNormalization()(two))
    joined = layers.Concatenate()([first, second, layers.Dropout(0.3)(first)])
    outputs = [
        layers.Dense(2, name="values")(joined),
        layers.Dense(3, "softmax", name="classes")(joined),
    ]
    model = keras.Model([one, two], outputs)
    model.compile(
        optimizers.Adam(0.01),
        {"values": "mse", "classes": "sparse_categorical_crossentropy"},
        loss_weights={"values": 0.3, "classes": 2.0},
        metrics={"values": ["mae"], "classes": ["accuracy"]},
        **way,
    )
    return model


def nested(**way: Any) -> Any:
    inner = keras.Sequential([keras.Input((6,)), layers.Dense(5, "relu"), layers.Dropout(0.2)])
    twice = keras.Sequential([inner, layers.BatchNormalization(), layers.Dense(6)])
    model = keras.Sequential([keras.Input((6,)), twice, inner, layers.Dense(2)])
    model.compile("sgd", "mse", **way)
    return model


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = [layers.Dense(6, "tanh"), layers.Dense(6)]
        self.inside = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU())
        self.drop, self.out = layers.Dropout(0.3), layers.Dense(2)
        self.unused = layers.Dense(6)
        self.size = keras.metrics.Mean(name="size")

    def encode(self, x: Any) -> Any:
        for block in self.blocks:
            x = x + block(x)
        return x

    def call(self, x: Any, training: Any = None) -> Any:
        x = self.inside(self.encode(x))
        if not training:
            x = self.unused(x) * 0 + x
        self.add_loss(1e-2 * x.square().mean())
        self.size.update_state(x.abs().mean(1))
        return self.out(self.drop(x, training=training))


def subclassed(**way: Any) -> Any:
    model = Subclassed()
    model.compile(optimizers.AdamW(0.01), "mse", metrics=["mae"], **way)
    return model


def frozen(**way: Any) -> Any:
    model = simple(layers.BatchNormalization, lambda: layers.Dense(5, "relu"))(**way)
    model.layers[0].trainable = False
    model.compile(optimizers.Adam(0.01), "mse", **way)
    return model


def noisy() -> Any:
    return layers.GaussianNoise(0.1)


def large() -> Any:
    return layers.Dense(2100, "relu", kernel_regularizer="l2")


class Twins(layers.Layer):
    """Two weights that have one gradient."""

    def build(self, shape: Any) -> None:
        self.one = self.add_weight((shape[-1],), "ones", name="one")
        self.two = self.add_weight((shape[-1],), "ones", name="two")

    def call(self, x: Any) -> Any:
        return x * (self.one + self.two)


def wide(**way: Any) -> Any:
    """Large outputs, of which the first is there while more is calculated."""
    inputs = keras.Input((6,))
    first = layers.Dense(2500, name="first")(inputs)
    second = layers.Dense(2500, name="second")(
        layers.Activation("tanh")(layers.Dense(2500)(inputs))
    )
    model = keras.Model(inputs, [first, second])
    model.compile("sgd", "mse", **way)
    return model


MODELS: dict[str, tuple[Build, Any, Any]] = {
    "several inputs and outputs": (several, [X, X[:, :4]], [Y, LABELS]),
    "models in models": (nested, X, Y),
    "a class": (subclassed, X, Y),
    "frozen": (frozen, X, Y),
    "noise": (simple(noisy, lambda: layers.Dropout(0.4), lambda: layers.AlphaDropout(0.1)), X, Y),
    "results larger than a cache's line": (simple(large, lambda: layers.Dropout(0.2)), X, Y),
    "large with normalisation": (
        simple(large, layers.BatchNormalization, lambda: layers.Dense(3), large),
        X,
        Y,
    ),
    "twins": (simple(Twins), X, Y),
    "large outputs": (wide, X, [np.repeat(Y, 1250, 1)] * 2),
    "clipped": (simple(optimizer=lambda: optimizers.Adam(global_clipnorm=0.1)), X, Y),
    "constrained": (
        simple(lambda: layers.Dense(4, kernel_constraint="max_norm", bias_regularizer="l1")),
        X,
        Y,
    ),
    "accumulated": (
        simple(
            layers.BatchNormalization,
            optimizer=lambda: optimizers.Adam(
                gradient_accumulation_steps=3, use_ema=True, weight_decay=0.01
            ),
        ),
        X,
        Y,
    ),
    "scheduled": (
        simple(optimizer=lambda: optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 20))),
        X,
        Y,
    ),
    "a scaled loss": (simple(optimizer=lambda: optimizers.SGD(0.1, loss_scale_factor=16)), X, Y),
    "bytes": (simple(layers.Flatten), (X * 20 + 99).astype("uint8"), Y),
    "doubles": (simple(), X.astype("float64"), Y.astype("float64")),
    "turned": (simple(), np.asfortranarray(X), np.asfortranarray(Y)),
    "every other": (simple(), np.repeat(X, 2, 0)[::2], np.repeat(Y, 2, 1)[:, ::2]),
}
# What is left unused has no gradient, and says so.
quiet = pytest.mark.filterwarnings("ignore:.*have no gradient.*")


@quiet
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_model_trains_to_the_same_bits(
    name: str, shuffle: bool, assert_replay_changes_nothing: Any
) -> None:
    build, x, y = MODELS[name]

    def train(**way: Any) -> Any:
        model = build(**way)
        given = {"batch_size": 8, "verbose": 0, "shuffle": shuffle}
        first = model.fit(x, y, epochs=2, validation_split=0.25, **given)
        scores = model.evaluate(x, y, batch_size=8, verbose=0)
        predicted = model.predict(x, batch_size=8, verbose=0)
        model.fit(x, y, epochs=2, **given)
        further = [model.train_on_batch(x, y) for _ in range(3)]
        again = model.predict(x, batch_size=8, verbose=0)
        return model, first.history, scores, predicted, further, again

    told = assert_replay_changes_nothing(train)
    assert told.startswith("A step is replayed"), told


WEIGHTINGS: dict[str, dict[str, Any]] = {
    "examples": {"sample_weight": np.linspace(0, 2, 46, dtype="float32")},
    "classes": {"class_weight": {0: 0.5, 1: 1.0, 2: 3.0}},
}


@pytest.mark.parametrize("name", WEIGHTINGS)
def test_weights_of_examples_count_in_a_replayed_step(
    name: str, assert_replay_changes_nothing: Any
) -> None:
    def train(**way: Any) -> Any:
        model = keras.Sequential([keras.Input((6,)), layers.Dense(3, "softmax")])
        loss = "sparse_categorical_crossentropy"
        model.compile("adam", loss, weighted_metrics=["accuracy"], **way)
        model.fit(X, LABELS, batch_size=8, epochs=3, verbose=0, **WEIGHTINGS[name])
        # Without them it is another step.
        model.fit(X, LABELS, batch_size=8, epochs=2, verbose=0)
        model.fit(X, LABELS, batch_size=8, epochs=2, verbose=0, **WEIGHTINGS[name])
        return model

    assert assert_replay_changes_nothing(train).startswith("A step is replayed")


def batches(sizes: Any) -> Iterator[Any]:
    start = 0
    for size in sizes:
        rows = np.arange(start, start + size) % len(X)
        yield X[rows], Y[rows]
        start += size


def test_batches_of_many_shapes_are_right_recorded_or_not(
    assert_replay_changes_nothing: Any,
) -> None:
    sizes = [*range(1, MOST_SHAPES + 5), 3, 1, 2, 9, 12, 3, 1] * 3

    def train(**way: Any) -> Any:
        model = simple(layers.BatchNormalization)(**way)
        model.fit(batches(sizes), steps_per_epoch=len(sizes) // 3, epochs=3, verbose=0)
        scores = model.evaluate(batches(sizes), steps=len(sizes), verbose=0)
        return model, scores, model.predict(X, batch_size=5, verbose=0)

    assert_replay_changes_nothing(train)


def test_batches_of_as_many_examples_but_other_shapes_do_not_share_memory(
    assert_replay_changes_nothing: Any,
) -> None:
    lengths = [3, 5, 3, 5, 5, 3, 4, 4, 3] * 4

    def sequences() -> Iterator[Any]:
        for number, length in enumerate(lengths):
            rows = np.arange(number, number + 8 * length * 2).reshape(8, length, 2)
            yield np.sin(rows, dtype="float32"), Y[:8]

    def train(**way: Any) -> Any:
        model = keras.Sequential(
            [keras.Input((None, 2)), layers.Dense(4), layers.GlobalAveragePooling1D()]
        )
        model.add(layers.Dense(2))
        model.compile("adam", "mse", metrics=["mae"], **way)
        model.fit(sequences(), steps_per_epoch=9, epochs=4, verbose=0)
        return model

    assert assert_replay_changes_nothing(train).startswith("A step is replayed")


def test_a_data_loader_gives_the_same_bits(assert_replay_changes_nothing: Any) -> None:
    def train(**way: Any) -> Any:
        data = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
        dice = torch.Generator().manual_seed(3)
        model = simple(lambda: layers.Dropout(0.3))(**way)
        loader = DataLoader(data, batch_size=8, shuffle=True, generator=dice)
        model.fit(loader, epochs=3, verbose=0)
        return model, model.evaluate(loader, verbose=0)

    assert assert_replay_changes_nothing(train).startswith("A step is replayed")


def test_what_is_left_out_of_fit_is_done_again_later(assert_replay_changes_nothing: Any) -> None:
    def train(**way: Any) -> Any:
        model = simple(lambda: layers.Dense(5), layers.BatchNormalization)(**way)
        told = []
        for layer in (model.layers[0], model.layers[1], model.layers[0]):
            layer.trainable = not layer.trainable
            model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
            told.append(model.train_on_batch(X[:8], Y[:8]))
        model.compile(optimizers.SGD(0.1), "mae", **way)
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        return model, told

    assert_replay_changes_nothing(train)


def test_weights_come_from_a_file_within_a_run(
    assert_replay_changes_nothing: Any, tmp_path: Any
) -> None:
    path = str(tmp_path / "some.weights.h5")

    def train(**way: Any) -> Any:
        model = simple(layers.BatchNormalization)(**way)

        class Going(keras.callbacks.Callback):
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                if batch == 2:
                    model.save_weights(path, overwrite=True)
                if batch == 4:
                    model.load_weights(path)

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                logs["seen"] = model.evaluate(X, Y, batch_size=8, verbose=0)
                logs["sum"] = float(model.predict(X, batch_size=8, verbose=0).sum())

        model.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[Going()])
        return model

    assert assert_replay_changes_nothing(train).startswith("A step is replayed")


CALLBACKS: dict[str, Callable[[], Any]] = {
    "plateau": lambda: keras.callbacks.ReduceLROnPlateau("loss", patience=0, factor=0.5),
    "schedule": lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7),
    "stopping": lambda: keras.callbacks.EarlyStopping(
        "loss", patience=0, baseline=0.0, restore_best_weights=True
    ),
    "averages": lambda: keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_does_what_it_did(name: str, assert_replay_changes_nothing: Any) -> None:
    def train(**way: Any) -> Any:
        build = simple(
            lambda: layers.Dropout(0.2), optimizer=lambda: optimizers.Adam(0.05, use_ema=True)
        )
        model = build(**way)
        listeners = [CALLBACKS[name]()]
        model.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=listeners)
        return model

    assert assert_replay_changes_nothing(train).startswith("A step is replayed")


def test_a_copy_trains_apart_from_its_model(assert_replay_changes_nothing: Any) -> None:
    def train(**way: Any) -> Any:
        model = simple(layers.BatchNormalization)(**way)
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        other = copy.deepcopy(model)
        other.fit(X, -Y, batch_size=8, epochs=3, verbose=0)
        model.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        return model, other.get_weights()

    assert assert_replay_changes_nothing(train).startswith("A step is replayed")


def test_mixed_precision_trains_to_the_same_bits(assert_replay_changes_nothing: Any) -> None:
    def train(**way: Any) -> Any:
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = simple(
                lambda: layers.Dense(40, "gelu"),
                layers.BatchNormalization,
                lambda: layers.Dense(40, "elu"),
                lambda: layers.LeakyReLU(0.1),
                lambda: layers.Dropout(0.1),
                layers.LayerNormalization,
            )(**way)
            model.fit(X, Y, batch_size=8, epochs=4, verbose=0)
            return model
        finally:
            keras.config.set_dtype_policy(before)

    assert assert_replay_changes_nothing(train).startswith("A step is replayed")
