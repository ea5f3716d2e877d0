"""Layers and models of the policy ``mixed_bfloat16``, beside real Keras of the same policy.

bfloat16 keeps 8 bits: what is rounded in another order differs by as much, so that numbers are
compared within 2**-6 of the largest. What types come out, and of what, must be the same.
"""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.datasets import fashion_mnist

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROUNDING = 2.0**-6
POLICY = "mixed_bfloat16"


@pytest.fixture(autouse=True)
def mixed() -> Iterator[None]:
    for k in (latih, keras):
        k.config.set_dtype_policy(POLICY)
    yield
    for k in (latih, keras):
        k.config.set_dtype_policy("float32")


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.2, 1.0, shape).astype("float32")


def assert_near(ours: Any, theirs: Any, within: float = ROUNDING) -> None:
    ours, theirs = (np.asarray(one.detach().float()) for one in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=within * max(np.abs(theirs).max(), 1e-3))


LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "Dense": (lambda k: k.layers.Dense(5, "tanh"), (6, 4)),
    "Dense of grids": (lambda k: k.layers.Dense(5, use_bias=False), (6, 3, 4)),
    "Conv1D": (lambda k: k.layers.Conv1D(4, 3, padding="causal"), (3, 7, 2)),
    "Conv2D": (lambda k: k.layers.Conv2D(4, 3, padding="same", activation="relu"), (3, 6, 5, 2)),
    "Conv2DTranspose": (lambda k: k.layers.Conv2DTranspose(4, 3, 2), (3, 4, 5, 2)),
    "DepthwiseConv2D": (lambda k: k.layers.DepthwiseConv2D(3), (3, 6, 5, 2)),
    "SeparableConv2D": (lambda k: k.layers.SeparableConv2D(4, 3), (3, 6, 5, 2)),
    "BatchNormalization": (lambda k: k.layers.BatchNormalization(momentum=0.5), (32, 4)),
    "BatchNormalization of images": (lambda k: k.layers.BatchNormalization(), (4, 5, 6, 3)),
    "BatchNormalization, bare": (
        lambda k: k.layers.BatchNormalization(center=False, scale=False, momentum=0.5),
        (32, 4),
    ),
    "LayerNormalization": (lambda k: k.layers.LayerNormalization(), (6, 8)),
    "GroupNormalization": (lambda k: k.layers.GroupNormalization(2), (4, 5, 6, 4)),
    "PReLU": (lambda k: k.layers.PReLU("ones"), (6, 4)),
    "Softmax": (lambda k: k.layers.Softmax(), (6, 4)),
    "Dropout": (lambda k: k.layers.Dropout(0.0), (6, 4)),
    "MaxPooling2D": (lambda k: k.layers.MaxPooling2D(), (3, 6, 4, 2)),
    "AveragePooling2D": (lambda k: k.layers.AveragePooling2D(2, 1, "same"), (3, 6, 4, 2)),
    "GlobalAveragePooling2D": (lambda k: k.layers.GlobalAveragePooling2D(), (3, 6, 4, 2)),
    "Rescaling": (lambda k: k.layers.Rescaling(0.5, 1.0), (6, 4)),
    "Normalization": (lambda k: k.layers.Normalization(mean=0.5, variance=2.0), (6, 4)),
    "float32 in between": (lambda k: k.layers.Activation("softmax", dtype="float32"), (6, 4)),
    "float32 with weights": (lambda k: k.layers.Dense(3, dtype="float32"), (6, 4)),
}


def twins(make: Callable[[Any], Any], shape: Any) -> tuple[Any, Any]:
    ours, theirs = make(latih), make(keras)
    for layer in (ours, theirs):
        layer.build(shape)
    weights = [np.abs(numbers(*w.shape, seed=i)) / 2 + 0.1 for i, w in enumerate(ours.weights)]
    for layer in (ours, theirs):
        layer.set_weights(weights)
    return ours, theirs


def trained(layer: Any) -> list[torch.Tensor]:
    return [getattr(w, "value", w) for w in layer.trainable_weights]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_keras_numbers_types_and_gradients(name: str, training: bool) -> None:
    make, shape = LAYERS[name]
    ours, theirs = twins(make, shape)
    outputs, gradients = [], []
    for layer in (ours, theirs):
        x = torch.tensor(numbers(*shape, seed=9), requires_grad=True)
        y = layer(x, training=training)
        factors = torch.linspace(-1, 1, y.numel()).reshape(y.shape)
        outputs.append(y)
        gradients.append(torch.autograd.grad((y.float() * factors).sum(), [x, *trained(layer)]))
    assert outputs[0].dtype == outputs[1].dtype
    assert_near(*outputs)
    for mine, keras_own in zip(*gradients, strict=True):
        assert mine.dtype == keras_own.dtype == torch.float32
        assert_near(mine, keras_own, within=2 * ROUNDING)
    for mine, keras_own in zip(ours.weights, theirs.weights, strict=True):
        assert mine.dtype == torch.float32
        assert_near(mine, keras_own.value, within=1e-5)  # running statistics are of float32


@pytest.mark.parametrize("name", ["Add", "Multiply", "Average", "Maximum", "Concatenate", "Dot"])
def test_what_merges_gives_keras_numbers(name: str) -> None:
    given = {"Dot": {"axes": 1}}.get(name, {})
    both = [torch.tensor(numbers(6, 4, seed=i)) for i in range(2)]
    ours, theirs = (getattr(k.layers, name)(**given)(both) for k in (latih, keras))
    assert ours.dtype == theirs.dtype == torch.bfloat16
    assert_near(ours, theirs)


def test_numbers_of_rows_stay_exact_and_their_vectors_are_keras() -> None:
    ours, theirs = twins(lambda k: k.layers.Embedding(1000, 3), (None,))
    for rows in (torch.tensor([257.0, 999.0, 513.0]), torch.tensor([257, 999, 513])):
        found = [layer(rows) for layer in (ours, theirs)]
        assert found[0].dtype == found[1].dtype == torch.bfloat16
        assert torch.equal(*found)
    gradient = torch.autograd.grad(ours(rows).sum(), ours.trainable_weights)[0]
    assert gradient.dtype == torch.float32
    assert torch.equal(gradient[257], torch.ones(3))


class OfOnesOwn:
    """A layer as people write it for Keras, for either of the two."""

    def __new__(cls, k: Any) -> Any:
        class Scaled(k.layers.Layer):
            def build(self, input_shape: Any) -> None:
                self.w = self.add_weight((input_shape[-1], 3), "glorot_uniform", name="w")
                self.offset = self.add_weight((3,), "ones", trainable=False, name="offset")
                self.seen = self.add_weight((), "zeros", trainable=False, name="seen")
                self.built = True

            def call(self, inputs: Any) -> Any:
                self.types = {k.backend.standardize_dtype(t.dtype) for t in (inputs, self.w)}
                self.seen.assign_add(0.001)
                return k.ops.matmul(inputs, self.w) * self.seen + self.offset

        return Scaled()


def test_a_layer_of_the_users_own_sees_what_it_sees_in_keras() -> None:
    ours, theirs = twins(OfOnesOwn, (None, 4))
    for layer in (ours, theirs):
        layer.set_weights([numbers(4, 3), np.ones(3), np.float32(1.0)])
    x = torch.tensor(numbers(6, 4, seed=3))
    for _ in range(3):
        outputs = [layer(x) for layer in (ours, theirs)]
        assert outputs[0].dtype == outputs[1].dtype == torch.bfloat16
        assert_near(*outputs)
    assert ours.types == theirs.types == {"bfloat16"}
    # Keras adds to the copy that a call sees, and so rounds the 0.001 away.
    assert float(ours.seen) == pytest.approx(1.003, abs=1e-6)
    assert ours.w.dtype == torch.float32 == theirs.w.value.dtype  # no call is under way


def net(k: Any) -> Any:
    model = k.Sequential(
        [
            k.layers.Input((6, 6, 1)),
            k.layers.Conv2D(4, 3, kernel_initializer=k.initializers.HeNormal(seed=1)),
            k.layers.BatchNormalization(),
            k.layers.Activation("relu"),
            k.layers.Flatten(),
            k.layers.Dense(8, "relu", kernel_regularizer="l2", activity_regularizer="l1"),
            k.layers.Dense(3),
            k.layers.Activation("softmax", dtype="float32"),
        ]
    )
    return model


def branched(k: Any) -> Any:
    wide, deep = k.Input((4,), name="wide"), k.Input((5,), name="deep")
    hidden = k.layers.Dense(6, "relu")(deep)
    hidden = k.layers.LayerNormalization()(hidden) * 0.5
    joined = k.layers.Concatenate()([wide, hidden])
    return k.Model([wide, deep], k.layers.Dense(3, "softmax")(joined))


def fitted(k: Any, make: Callable[[Any], Any], x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
    model = make(k)
    if weights is not None:
        model.set_weights(weights)
    start = model.get_weights()
    model.compile(k.optimizers.SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0).history
    return model, (start, history)


@pytest.mark.parametrize(
    ("make", "shapes"), [(net, [(48, 6, 6, 1)]), (branched, [(48, 4), (48, 5)])]
)
def test_a_fit_goes_as_in_keras(make: Any, shapes: list[tuple[int, ...]]) -> None:
    x: Any = [numbers(*shape, seed=i) for i, shape in enumerate(shapes)]
    x = x if len(x) > 1 else x[0]
    y = np.random.default_rng(5).integers(0, 3, 48)
    ours, (start, history) = fitted(latih, make, x, y, None)
    theirs, (_, wanted) = fitted(keras, make, x, y, start)
    np.testing.assert_allclose(history["loss"], wanted["loss"], rtol=5e-3)
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert mine.dtype == np.float32
        np.testing.assert_allclose(mine, keras_own, rtol=0, atol=6e-3)
    predicted = ours.predict(x, verbose=0)
    assert predicted.dtype == np.float32  # NumPy itself has no bfloat16
    np.testing.assert_allclose(
        predicted, theirs.predict(x, verbose=0).astype("float32"), rtol=0, atol=2e-2
    )
    assert ours.outputs[0].dtype == theirs.outputs[0].dtype
    assert ours(x).dtype == theirs(x).dtype


@pytest.mark.parametrize("make", [net, branched])
def test_files_of_either_are_read_by_the_other(make: Any, tmp_path: Path) -> None:
    shapes = [(5, 6, 6, 1)] if make is net else [(5, 4), (5, 5)]
    x: Any = [numbers(*shape) for shape in shapes]
    x = x if len(x) > 1 else x[0]
    models = {k: make(k) for k in (latih, keras)}
    for k in (latih, keras):
        k.config.set_dtype_policy("float32")  # the file says which policy, and not what is set
    for writer, reader in ((latih, keras), (keras, latih)):
        path = tmp_path / f"{writer.__name__}.keras"
        models[writer].save(path)
        read = reader.models.load_model(path)
        for layer in models[writer].layers:
            if layer.weights or "softmax" in str(layer.get_config().get("activation")):
                assert read.get_layer(layer.name).dtype_policy.name == layer.dtype_policy.name
        before, after = (np.float32(m.predict(x, verbose=0)) for m in (models[writer], read))
        np.testing.assert_allclose(before, after, rtol=0, atol=1e-2)


@pytest.mark.parametrize(
    "name", ["mean_squared_error", "SparseCategoricalCrossentropy", "BinaryCrossentropy", "Huber"]
)
def test_a_loss_is_calculated_in_float32(name: str) -> None:
    y_pred = torch.rand(16, 1 if name == "BinaryCrossentropy" else 4).softmax(-1).bfloat16()
    y_true = torch.zeros(16) if name[0] == "S" else torch.zeros_like(y_pred)
    ours, theirs = (k.losses.get(name)(y_true, y_pred) for k in (latih, keras))
    if name == "mean_squared_error":  # a function gives a value an example
        assert ours.dtype == torch.float32
        assert_near(ours, theirs)
        return
    assert ours.dtype == theirs.dtype == torch.float32
    assert_near(ours, theirs, within=1e-5)


def test_clearing_the_session_puts_the_policy_back() -> None:
    for k in (latih, keras):
        k.backend.clear_session()
        assert k.config.dtype_policy().name == "float32"
        assert k.config.dtype_policy() == k.mixed_precision.global_policy()
        k.mixed_precision.set_global_policy(POLICY)
        assert k.layers.Dense(1).dtype_policy.name == POLICY == k.DTypePolicy().name


def test_a_training_comes_as_far_as_in_float32() -> None:
    (x, y), (x_test, y_test) = fashion_mnist.load_embedded()
    scores = {}
    for policy in ("float32", POLICY):
        latih.config.set_dtype_policy(policy)
        latih.utils.set_random_seed(3)
        model = latih.Sequential(
            [
                latih.layers.Flatten(input_shape=[28, 28]),
                latih.layers.Rescaling(1 / 255),
                latih.layers.Dense(100, "relu", kernel_initializer="he_normal"),
                latih.layers.BatchNormalization(),
                latih.layers.Dense(50, "relu", kernel_initializer="he_normal"),
                latih.layers.Dense(10),
                latih.layers.Activation("softmax", dtype="float32"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=4, verbose=0).history
        scores[policy] = (history["loss"][-1], *model.evaluate(x_test, y_test, verbose=0))
    loss, test_loss, accuracy = scores["float32"]
    assert scores[POLICY][0] < 1.1 * loss
    assert scores[POLICY][1] < 1.1 * test_loss
    assert scores[POLICY][2] > accuracy - 0.03
    assert accuracy > 0.7
    assert copy.deepcopy(model).layers[2].compute_dtype == "bfloat16"
