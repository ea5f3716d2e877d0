"""Arithmetic, indexing and ops on symbolic tensors are layers, with Keras's numbers and names."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import latih
from latih.errors import InputError, LatihError
from latih.layers.operation import FUNCTIONS, MODULES, Operation

# Keras's own code, with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.random.default_rng(3).normal(size=(5, 4, 6)).astype("float32")


def arithmetic(k: Any, x: Any) -> Any:
    y = k.layers.Dense(6)(x)
    return -(2.0 * x + y * y - 1.0) / 3.0


def indexing(k: Any, x: Any) -> Any:
    return k.ops.concatenate([x[:, 0], x[:, -1, :], x[..., 1:, 2]], axis=-1)


def reductions(k: Any, x: Any) -> Any:
    return k.ops.mean(x, axis=1) + k.ops.sum(x, axis=1, keepdims=False) - k.ops.max(x, axis=1)


def elementwise(k: Any, x: Any) -> Any:
    return k.ops.sqrt(k.ops.abs(x)) ** 2.0 + k.ops.relu(x) * k.ops.sigmoid(1.0 - x)


def shapes(k: Any, x: Any) -> Any:
    y = k.ops.reshape(k.ops.transpose(x, axes=(0, 2, 1)), (-1, 24))
    return k.ops.matmul(k.ops.expand_dims(y, 1), k.ops.expand_dims(y, 2))


def choices(k: Any, x: Any) -> Any:
    return k.ops.where(k.ops.greater(x, 0.0), x, k.ops.clip(x, -0.5, 0.5))


GRAPHS = [arithmetic, indexing, reductions, elementwise, shapes, choices]


def model_of(k: Any, graph: Any) -> Any:
    x = k.Input((4, 6), name="x")
    return k.Model(x, k.layers.Dense(2)(k.layers.Flatten()(graph(k, x))))


@pytest.mark.parametrize("graph", GRAPHS)
def test_the_outputs_are_keras_and_files_cross_over(graph: Any, tmp_path: Path) -> None:
    ours, theirs = model_of(latih, graph), model_of(keras, graph)
    ours.set_weights(theirs.get_weights())
    wanted = theirs.predict(X, verbose=0)
    np.testing.assert_allclose(ours.predict(X, verbose=0), wanted, rtol=1e-5, atol=1e-5)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    for again in (
        keras.models.load_model(tmp_path / "ours.keras"),
        latih.models.load_model(tmp_path / "theirs.keras"),
    ):
        np.testing.assert_allclose(again.predict(X, verbose=0), wanted, rtol=1e-5, atol=1e-5)


def test_every_operation_has_a_class_of_keras() -> None:
    assert FUNCTIONS.keys() == MODULES.keys()
    for name in MODULES:
        identity = Operation(name).keras_identity()
        module = __import__(identity["module"], fromlist=["x"])
        assert hasattr(module, identity["class_name"]), name


def test_an_operation_learns() -> None:
    x = latih.Input((6,))
    weight = latih.layers.Dense(6, use_bias=False, kernel_initializer="zeros")(x)
    model = latih.Model(x, latih.ops.sum(weight * weight, axis=-1, keepdims=True) + 1.0)
    assert float(model.predict(X[:, 0], verbose=0)[0, 0]) == 1.0
    model.layers[1].set_weights([np.full((6, 6), 0.1, "float32")])
    model.compile(latih.optimizers.SGD(0.001), loss="mse")
    history = model.fit(X[:, 0], np.zeros((5, 1)), epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_what_is_in_no_table_is_refused() -> None:
    x = latih.Input((4,))
    with pytest.raises(InputError, match=r"svd\(\) cannot be part of a model"):
        latih.ops.svd(x)
    with pytest.raises(LatihError, match="unknown operation 'Popen'"):
        Operation.of_keras({"module": "keras.src.ops.numpy", "class_name": "Popen", "config": {}})


def test_what_would_be_huge_is_only_reckoned() -> None:
    assert latih.ops.tile(latih.Input((4, 4)), [1, 10**6, 10**6]).shape[1:] == (
        4_000_000,
        4_000_000,
    )


def test_the_shape_of_a_symbolic_tensor_is_told() -> None:
    assert latih.ops.shape(latih.Input((4, 6))) == (None, 4, 6)
