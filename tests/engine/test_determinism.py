"""One seed gives the same bits: in one process, in two, and another seed gives others."""

import hashlib
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import torch

import latih as keras

_draw = np.random.default_rng(3)
X = _draw.normal(size=(50, 6)).astype("float32")
LABELS = _draw.integers(0, 3, 50)

# What a run is made of: initial weights, dropout, batch normalisation, the order of the data.
RUN = """
import numpy as np
import latih as keras

def run(seed, **asked):
    dice = np.random.default_rng(3)
    x, y = dice.normal(size=(50, 6)).astype("float32"), dice.integers(0, 3, 50)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([
        keras.Input([6]),
        keras.layers.Dense(16, kernel_initializer="he_normal"),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(3, activation="softmax", kernel_initializer="truncated_normal"),
    ])
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    given = {"epochs": 3, "batch_size": 16, "verbose": 0, "validation_split": 0.2, **asked}
    history = model.fit(x, y, **given)
    return model.get_weights(), history.history
"""
exec(RUN)  # the same lines here and in other processes


def bits(seed: int, **asked: Any) -> tuple[str, dict[str, list[float]]]:
    weights, history = run(seed, **asked)  # type: ignore[name-defined]  # noqa: F821
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in weights))
    return digest.hexdigest(), history


def test_a_run_is_the_same_again_to_the_bit() -> None:
    assert bits(42) == bits(42)


def test_another_seed_gives_another_run() -> None:
    (first, log), (second, other_log) = bits(42), bits(43)
    assert first != second
    assert log["loss"] != other_log["loss"]


def test_two_processes_give_the_same_bits_as_this_one() -> None:
    script = (
        RUN
        + """
import hashlib, json
weights, history = run(42)
digest = hashlib.sha256(b"".join(weight.tobytes() for weight in weights))
print(json.dumps([digest.hexdigest(), history]))
"""
    )
    said = []
    for hash_seed in ("1", "2"):  # and the order of sets has no part in it
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": str(torch.get_num_threads())},
        )
        said.append(tuple(json.loads(done.stdout)))
    assert said[0] == said[1] == bits(42)


def test_what_the_seed_does_not_know_of_changes_nothing() -> None:
    # Other generators that a script may use between seeding and fitting are not Latih's.
    def disturbed() -> tuple[str, dict[str, list[float]]]:
        noisy = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: (torch.rand(3), np.random.rand(3))
        )
        return bits(42, callbacks=[noisy])

    assert disturbed() == bits(42)


def test_watching_a_run_does_not_change_it() -> None:
    watching = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: dict(logs))
    assert bits(7, callbacks=[watching]) == bits(7)


class Order(keras.layers.Layer):
    """Passes on what comes, and keeps the first column: which example stood where."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.seen: list[int] = []

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        if training:
            self.seen += inputs[:, 0].int().tolist()
        return inputs


def orders(epochs: int = 3, seed: int = 1, **asked: Any) -> list[list[int]]:
    numbered = np.stack([np.arange(20), np.zeros(20)], axis=1).astype("float32")
    keras.utils.set_random_seed(seed)
    watch = Order()
    model = keras.Sequential([keras.Input([2]), watch, keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), loss="mse")
    model.fit(numbered, np.zeros(20), epochs=epochs, batch_size=6, verbose=0, **asked)
    return [watch.seen[start : start + 20] for start in range(0, len(watch.seen), 20)]


def test_every_epoch_has_an_order_of_its_own_with_every_example_once() -> None:
    seen = orders()
    assert [sorted(epoch) for epoch in seen] == [list(range(20))] * 3
    assert len({tuple(epoch) for epoch in [*seen, range(20)]}) == 4


def test_the_order_follows_the_seed() -> None:
    assert orders(seed=1) == orders(seed=1) != orders(seed=2)


def test_without_shuffling_the_order_is_that_of_the_data() -> None:
    assert orders(shuffle=False) == [list(range(20))] * 3


def test_the_order_of_an_epoch_depends_on_its_number_and_not_on_those_before() -> None:
    assert orders(epochs=3, initial_epoch=2) == orders(epochs=3)[2:]


def test_the_rows_held_back_are_the_last_and_are_never_learnt_from() -> None:
    numbered = np.stack([np.arange(20), np.zeros(20)], axis=1).astype("float32")
    watch = Order()
    model = keras.Sequential([keras.Input([2]), watch, keras.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    model.fit(numbered, np.zeros(20), validation_split=0.25, verbose=0)
    assert sorted(watch.seen) == list(range(15))


# What torch has kernels of both kinds for: convolutions, pooling, upsampling, embeddings, indices.
DETERMINISTIC = """
import hashlib, json, os, sys
import numpy as np
import torch
import latih as keras

if sys.argv[1] == "on":
    assert keras.config.enable_determinism() is None
print(json.dumps({
    "algorithms": torch.are_deterministic_algorithms_enabled(),
    "warns only": torch.is_deterministic_algorithms_warn_only_enabled(),
    "cudnn": torch.backends.cudnn.deterministic,
    "tries": torch.backends.cudnn.benchmark,
    "fills": torch.utils.deterministic.fill_uninitialized_memory,
    "cublas": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
}))

def run():
    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = keras.Input([8, 8, 2])
    x = layers.RandomRotation(0.1)(layers.RandomFlip()(image))
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.UpSampling2D(interpolation="bilinear")(layers.MaxPooling2D()(x))
    x = layers.SeparableConv2D(4, 3)(layers.Conv2DTranspose(4, 2)(layers.ZeroPadding2D(1)(x)))
    x = layers.GlobalMaxPooling2D()(layers.AveragePooling2D(2)(layers.SpatialDropout2D(0.2)(x)))
    words = keras.Input([5], dtype="int32")
    y = layers.Conv1D(4, 2)(layers.Embedding(20, 6)(words))
    y = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(y))
    out = layers.Dense(3, activation="softmax")(layers.Dropout(0.3)(layers.Concatenate()([x, y])))
    model = keras.Model([image, words], out)
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    dice = np.random.default_rng(0)
    pictures = dice.normal(size=[24, 8, 8, 2]).astype("float32")
    model.fit([pictures, dice.integers(0, 20, [24, 5])], dice.integers(0, 3, 24), epochs=2,
              batch_size=8, verbose=0, validation_split=0.25, class_weight={0: 1.0, 1: 2.0, 2: 1.0})
    return hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()

print(run(), run())
"""


def settings_and_bits(*how: str, **environment: str) -> tuple[dict[str, Any], set[str]]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DETERMINISTIC, *how],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2", **environment},
    )
    assert done.returncode == 0, done.stderr
    settings, digests = done.stdout.splitlines()
    return json.loads(settings), set(digests.split())


def test_determinism_sets_what_torch_offers_and_every_kind_of_layer_runs_with_it() -> None:
    settings, digests = settings_and_bits("on")
    assert settings == {
        "algorithms": True,
        "warns only": False,
        "cudnn": True,
        "tries": False,
        "fills": False,
        "cublas": ":4096:8",
    }
    assert len(digests) == 1
    again, same = settings_and_bits("on", CUBLAS_WORKSPACE_CONFIG=":16:8")
    assert again == {**settings, "cublas": ":16:8"}
    assert same == digests


def test_a_run_on_a_cpu_is_the_same_bits_without_asking() -> None:
    settings, digests = settings_and_bits("off")
    assert not settings["algorithms"]
    assert len(digests) == 1
    assert settings_and_bits("off")[1] == digests


def test_determinism_that_comes_too_late_for_cublas_is_warned_of() -> None:
    script = """
import warnings, torch
import latih
torch.cuda.is_initialized = lambda: True
with warnings.catch_warnings(record=True) as warned:
    latih.config.enable_determinism()
    latih.config.enable_determinism()
print([(w.category.__name__, str(w.message)) for w in warned])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.count("LatihWarning") == 1, done.stderr
    assert "Call enable_determinism() at the top of the script." in done.stdout
