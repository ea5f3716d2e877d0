"""What people get wrong is told in a sentence: what happened, what was expected, what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih.errors import LatihError

X = np.ones((6, 4), "float32")
Y = np.ones((6, 1), "float32")
IMAGES = np.ones((6, 28, 28), "float32")
LABELS = np.arange(6)
layers = keras.layers


def tensor(size: int = 4, name: str | None = None) -> Any:
    return keras.Input((size,), name=name)


def small() -> Any:
    model = keras.Sequential([tensor(), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def two_inputs() -> Any:
    a, b = tensor(name="a"), tensor(name="b")
    return keras.Model([a, b], layers.Add()([a, b]))


def two_outputs(**compiled: Any) -> Any:
    x = tensor()
    outputs = [layers.Dense(1, name="u")(x), layers.Dense(1, name="v")(x)]
    model = keras.Model(x, outputs)
    model.compile("sgd", **{"loss": "mse", **compiled})
    return model


def without_flatten(units: int, loss: str, y: Any, *first: Any) -> Any:
    model = keras.Sequential([*(first or [keras.Input((28, 28))]), layers.Dense(units)])
    model.compile("sgd", loss)
    return model.fit(IMAGES[..., None] if first else IMAGES, y, verbose=0)


def not_connected() -> Any:
    a, b = tensor(), tensor(name="forgotten")
    return keras.Model(a, layers.Dense(1)(layers.Add()([a, b])))


def same_names() -> Any:
    return keras.Model(x := tensor(), layers.Dense(1, name="d")(layers.Dense(1, name="d")(x)))


def called_otherwise() -> Any:
    return small()(np.ones((6, 5), "float32"))


class Scaled(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale


def own_layer_otherwise() -> Any:
    return keras.Sequential([tensor(), Scaled(name="scaled")])(np.ones((6, 5), "float32"))


def shared_over_sizes() -> Any:
    layer = layers.Dense(1)
    layer(tensor(4))
    return layer(np.ones((2, 5), "float32"))


MISTAKES: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "wrong rank, symbolic": (
        lambda: layers.Conv2D(3, 3)(keras.Input((28, 28))),
        ["conv2d", "4 axes", r"\(None, 28, 28\)", "Add an axis"],
    ),
    "wrong rank, data": (
        lambda: small()(np.ones(4)),
        ["number of axes", r"\(None, 4\)", r"\(4,\)"],
    ),
    "a column that is none": (
        lambda: keras.Sequential([keras.Input((9, 9, 1)), layers.Flatten()])(np.ones((9, 9, 3))),
        ["number of axes", r"\(None, 9, 9, 1\)", r"\(9, 9, 3\)"],
    ),
    "wrong size": (called_otherwise, ["dense", "4 numbers", r"\(6, 5\)"]),
    "wrong size, where torch is the first to see it": (
        own_layer_otherwise,
        ["'scaled'", r"built for, \(None, 4\)", r"\(None, 5\)", "torch says"],
    ),
    "a shared layer of another size": (shared_over_sizes, ["4 numbers", r"\(2, 5\)"]),
    "not connected": (not_connected, ["do not follow", "Add 'forgotten' to the inputs"]),
    "same names": (same_names, ["called 'd'", "another name="]),
    "shapes to concatenate": (
        lambda: layers.Concatenate()([keras.Input((4, 3)), keras.Input((5, 3))]),
        ["differ at axis -1 only", r"\(None, 4, 3\)", r"\(None, 5, 3\)"],
    ),
    "shapes to add": (lambda: layers.Add()([tensor(4), tensor(5)]), [r"\(None, 5\)"]),
    "one tensor to merge": (lambda: layers.Add()(tensor()), ["list of tensors", "one tensor"]),
    "weights of another shape": (
        lambda: small().set_weights([np.ones((3, 1)), np.ones(1)]),
        ["kernel", r"\(4, 1\)", r"\(3, 1\)"],
    ),
    "too few weights": (lambda: small().set_weights([np.ones((4, 1))]), ["2 arrays, got 1"]),
    "one y for two outputs": (
        lambda: two_outputs().fit(X, Y, verbose=0),
        ["`y` does not fit the outputs", "'u', 'v'", "got 1|one array"],
    ),
    "y missing for an output": (
        lambda: two_outputs().fit(X, {"u": Y}, verbose=0),
        ["no targets for the output 'v'"],
    ),
    "y for no output": (
        lambda: two_outputs().fit(X, {"u": Y, "w": Y}, verbose=0),
        ["'u' or 'v', got 'w'"],
    ),
    "no y": (lambda: two_outputs().fit(X, verbose=0), ["`y` is missing"]),
    "a loss for no output": (
        lambda: two_outputs(loss={"u": "mse", "w": "mse"}),
        ["`loss`", "'u' or 'v'", "'w'", "name= of the layer"],
    ),
    "too many losses": (lambda: two_outputs(loss=["mse"] * 3), ["one entry for each of 'u', 'v'"]),
    "metrics for nobody": (
        lambda: two_outputs(metrics=["mae"]),
        ["`metrics`", "one entry for each of 'u', 'v'", "got 1", "'u': "],
    ),
    "a metric for no output": (
        lambda: two_outputs(metrics={"w": "mae"}),
        ["`metrics`", "'u' or 'v'", "'w'"],
    ),
    "too few inputs": (
        lambda: two_inputs().predict(X, verbose=0),
        ["list of 2 arrays", "'a', 'b'", "by their names"],
    ),
    "too few in a list": (lambda: two_inputs().predict([X], verbose=0), ["2 arrays", "got 1"]),
    "too few by name": (lambda: two_inputs().predict({"a": X}, verbose=0), ["'a', 'b', got 'a'"]),
    "too few in a call": (lambda: two_inputs()([X]), ["cannot take its inputs", "'a', 'b', got 1"]),
    "layers for tensors": (
        lambda: keras.Model(layers.Dense(1), layers.Dense(2)),
        ["what Input", "got a Dense", "Write x = Input"],
    ),
    "a layer for an output": (
        lambda: keras.Model(tensor(), layers.Dense(2)),
        ["`outputs`", "Dense"],
    ),
    "no outputs": (lambda: keras.Model(tensor()), ["`outputs`", "NoneType"]),
    "inputs misnamed": (
        lambda: keras.Model(input=(x := tensor()), output=x),
        ["no argument `input`", "Did you mean 'inputs'"],
    ),
    "two inputs for a Sequential": (
        lambda: keras.Sequential([layers.Dense(1)])([X, X]),
        ["takes one input", "got 2", "keras.Model"],
    ),
    "two for a built Sequential": (lambda: small()([X, X]), ["takes one input", "got 2"]),
    "two tensors for a Sequential": (
        lambda: keras.Sequential([layers.Dense(1)])([tensor(), tensor()]),
        ["takes one input", "got 2"],
    ),
    "a class for a layer": (
        lambda: keras.Sequential([layers.Flatten, layers.Dense(1)]),
        ["Write Flatten"],
    ),
    "numpy on a symbolic tensor": (lambda: np.exp(tensor()), ["no numbers yet", "keras.Model"]),
    "torch on a symbolic tensor": (lambda: torch.relu(tensor()), ["relu", "latih.ops.relu"]),
    "an if on a symbolic tensor": (lambda: bool(tensor()), ["cannot decide an `if`", "own"]),
    "no Flatten, class numbers": (
        lambda: without_flatten(10, "sparse_categorical_crossentropy", LABELS),
        [r"\(n, 28, 10\)", "Flatten"],
    ),
    "no Flatten, one-hot": (
        lambda: without_flatten(
            10, "categorical_crossentropy", np.eye(10, dtype="float32")[LABELS]
        ),
        [r"\(n, 28, 10\)", "Flatten"],
    ),
    "no Flatten, numbers": (lambda: without_flatten(1, "mse", Y), [r"\(n, 28, 1\)", "Flatten"]),
    "no Flatten, yes or no": (
        lambda: without_flatten(1, "binary_crossentropy", Y),
        [r"\(n, 28, 1\)", "Flatten"],
    ),
    "no Flatten after a convolution": (
        lambda: without_flatten(
            10,
            "sparse_categorical_crossentropy",
            LABELS,
            keras.Input((28, 28, 1)),
            layers.Conv2D(2, 3),
        ),
        [r"\(n, 26, 26, 10\)", "Flatten"],
    ),
    "epoch": (lambda: small().fit(X, Y, epoch=3), ["no argument `epoch`. Did you mean 'epochs'"]),
    "batchsize": (lambda: small().evaluate(X, Y, batchsize=3), ["Did you mean 'batch_size'"]),
    "batch": (lambda: small().predict(X, batch=3), ["no argument `batch`", "batch_size"]),
    "lr": (lambda: keras.optimizers.Adam(lr=0.1), ["no argument `lr`. Write learning_rate="]),
    "decay": (lambda: keras.optimizers.SGD(decay=0.1), ["InverseTimeDecay", "weight_decay"]),
    "no such file": (lambda: keras.models.load_model("nothing.keras"), ["no file"]),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told(mistake: str) -> None:
    do, sentences = MISTAKES[mistake]
    with pytest.raises(LatihError) as caught:
        do()
    for sentence in sentences:
        caught.match(sentence)


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    small().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(LatihError, match=r"holds weights alone.*load_weights"):
        keras.models.load_model(tmp_path / "m.weights.h5")


def test_a_class_that_is_not_registered_is_named(tmp_path: Path) -> None:
    class Mine(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    keras.Sequential([tensor(), Mine()]).save(tmp_path / "m.keras")
    with pytest.raises(LatihError) as caught:
        keras.models.load_model(tmp_path / "m.keras")
    for sentence in ("unknown layer 'Mine'", "@keras.saving.register_keras", "'Mine': Mine"):
        assert sentence in str(caught.value)


def test_torchs_own_errors_are_left_as_they_are() -> None:
    class Broken(layers.Layer):
        def call(self, inputs: Any) -> Any:
            raise RuntimeError("out of patience")

    with pytest.raises(RuntimeError, match="out of patience"):
        Broken()(X)


@pytest.mark.filterwarnings("ignore:.*have no gradient:latih.errors.LatihWarning")
def test_one_target_will_do_where_one_output_is_compared() -> None:
    model = two_outputs(loss=[None, "mse"])
    other = two_outputs(loss=[None, "mse"])
    other.set_weights(model.get_weights())
    one, several = (m.fit(X, y, verbose=0).history for m, y in ((model, Y), (other, [Y, Y])))
    assert one == several


def test_a_file_with_a_loss_of_ones_own_says_how_to_register_it(tmp_path: Path) -> None:
    def own_loss(y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred).abs().mean(-1)

    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile("sgd", loss=own_loss)
    model.save(tmp_path / "m.keras")
    with pytest.raises(LatihError, match=r"own_loss.*register.*custom_objects.*compile=False"):
        keras.models.load_model(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", custom_objects={"own_loss": own_loss})
    assert again.loss is own_loss
