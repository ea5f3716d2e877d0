"""Layers around layers: spectral normalisation is Keras's, weight normalisation is torch's."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations

import latih
from latih.errors import LatihError
from latih.layers import Dense, SpectralNormalization, WeightNormalization

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Grid(latih.Layer):
    """A convolution written in a few lines: its kernel has four axes, the last its outputs."""

    def __init__(self, filters: int, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.activation = latih.activations.get(activation)

    def build(self, input_shape: Any) -> None:
        shape = (2, 3, input_shape[-1], self.filters)
        self.kernel = self.add_weight(shape, "he_normal", name="kernel")
        self.bias = self.add_weight((self.filters,), "zeros", name="bias")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs = torch.nn.functional.conv2d(
            inputs.movedim(-1, 1), self.kernel.permute(3, 2, 0, 1), self.bias
        )
        return self.activation(outputs.movedim(1, -1))


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.2, 1.5, shape).astype("float32")


# Spectral normalisation

INNER = {
    "Dense": (lambda k: k.layers.Dense(3, "tanh"), (6, 4)),
    "Dense of grids": (lambda k: k.layers.Dense(5, use_bias=False), (6, 2, 4)),
    "Embedding": (lambda k: k.layers.Embedding(7, 4), (6, 3)),
}


def spectral_twins(name: str, power_iterations: int = 1) -> tuple[Any, Any, Any]:
    make, shape = INNER[name]
    layers = [k.layers.SpectralNormalization(make(k), power_iterations) for k in (latih, keras)]
    for layer in layers:
        layer.build(shape)
    weights = [numbers(*w.shape, seed=i) for i, w in enumerate(layers[0].weights)]
    for layer in layers:
        layer.set_weights(weights)
    # As floats: Keras would cast the outputs to the inputs' type, and so round them away.
    x = (
        np.float32(np.arange(18).reshape(shape) % 7)
        if name == "Embedding"
        else numbers(*shape, seed=9)
    )
    return *layers, torch.tensor(x)


@pytest.mark.parametrize("power_iterations", [1, 3])
@pytest.mark.parametrize("name", INNER)
def test_spectral_normalization_takes_keras_steps(name: str, power_iterations: int) -> None:
    ours, theirs, x = spectral_twins(name, power_iterations)
    for training in (False, True, True, False):
        both = []
        for layer in (ours, theirs):
            outputs = layer(x, training=training)
            trained = [getattr(w, "value", w) for w in layer.trainable_weights]
            gradients = torch.autograd.grad(
                (outputs * torch.arange(outputs.shape[-1])).sum(), trained
            )
            both.append([t.detach().numpy() for t in (outputs, *gradients)] + layer.get_weights())
        assert len(both[0]) == len(both[1])
        for one, other in zip(*both, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_kernel_of_zeros_stays_as_in_keras() -> None:
    ours, theirs, x = spectral_twins("Dense")
    for layer in (ours, theirs):
        weights = layer.get_weights()
        layer.set_weights([np.zeros_like(weights[0]), *weights[1:]])
        before = layer.get_weights()
        layer(x, training=True)
        for one, other in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(one, other)


def test_its_weights_are_told_once_and_lie_in_files_as_keras_has_them(tmp_path: Path) -> None:
    dense, grids = (INNER[name][0] for name in ("Dense", "Dense of grids"))
    models = []
    for k in (latih, keras):
        model = k.Sequential(
            [
                k.Input([4]),
                k.layers.SpectralNormalization(dense(k)),
                k.layers.SpectralNormalization(grids(k), 2),
            ]
        )
        model.compile("sgd", loss="mse")
        models.append(model)
    ours, theirs = models
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    assert len(ours.trainable_weights) == len(theirs.trainable_weights) == 3
    assert ours.count_params() == theirs.count_params()
    x = numbers(5, 4)
    ours.fit(x, numbers(5, 5), verbose=0)
    theirs.fit(x, numbers(5, 5), verbose=0)
    for writer, reader in ((ours, keras), (theirs, latih)):
        path = str(tmp_path / f"{writer is ours}.keras")
        writer.save(path)
        again = reader.models.load_model(path)
        for one, other in zip(again.get_weights(), writer.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(
            again.predict(x, verbose=0), writer.predict(x, verbose=0), rtol=1e-5, atol=1e-6
        )


def test_penalties_bounds_and_freezing_reach_the_kernel_inside() -> None:
    inner = Dense(3, kernel_regularizer="l2", kernel_constraint="non_neg")
    layer = SpectralNormalization(inner)
    assert layer.weights == []
    layer.build((None, 4))
    assert [weight is inner.kernel for _, weight in layer.penalties()] == [True]
    assert inner.kernel.constraint is inner.kernel_constraint
    inner.trainable = False
    theirs = keras.layers.SpectralNormalization(keras.layers.Dense(3))
    theirs.build((None, 4))
    theirs.layer.trainable = False
    assert len(layer.trainable_weights) == len(theirs.trainable_weights) == 0


# Weight normalisation


def torch_twin(layer: WeightNormalization) -> torch.nn.Module:
    """The same net with torch's parametrisation, its weights copied."""
    inner = layer.layer
    kernel = inner.kernel.detach()  # type: ignore[operator]
    if kernel.ndim == 2:
        twin: Any = torch.nn.Linear(*kernel.shape)
        turned = kernel.T
    else:
        twin = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], tuple(kernel.shape[:2]))
        turned = kernel.permute(3, 2, 0, 1)
    twin = parametrizations.weight_norm(twin)
    with torch.no_grad():
        twin.parametrizations.weight.original0.copy_(layer.g.reshape(-1, *[1] * (kernel.ndim - 1)))
        twin.parametrizations.weight.original1.copy_(turned)
        twin.bias.copy_(inner.bias)  # type: ignore[arg-type]
    return twin


@pytest.mark.parametrize("data_init", [False, True])
@pytest.mark.parametrize("kind", ["dense", "grid"])
def test_weight_normalization_has_torchs_outputs_and_gradients(kind: str, data_init: bool) -> None:
    inner: Any = Dense(3) if kind == "dense" else Grid(3)
    layer = WeightNormalization(inner, data_init=data_init)
    x = torch.tensor(numbers(6, 4) if kind == "dense" else numbers(2, 5, 6, 4))
    layer(x, training=True)
    with torch.no_grad():
        layer.g.mul_(torch.tensor([0.5, 2.0, -1.0]))
    twin = torch_twin(layer)
    outputs = layer(x, training=True)
    wanted = twin(x) if kind == "dense" else twin(x.movedim(-1, 1)).movedim(1, -1)
    torch.testing.assert_close(outputs, wanted, rtol=1e-5, atol=1e-5)
    factors = torch.linspace(-1, 1, outputs.numel()).reshape(outputs.shape)
    got = torch.autograd.grad((outputs * factors).sum(), layer.trainable_weights)
    g, v = twin.parametrizations.weight.original0, twin.parametrizations.weight.original1  # type: ignore
    theirs = torch.autograd.grad((wanted * factors).sum(), [g, v, twin.bias])  # type: ignore
    turned = theirs[1].T if kind == "dense" else theirs[1].permute(2, 3, 1, 0)
    wanted_gradients = (theirs[0].reshape(-1), turned, theirs[2])
    torch.testing.assert_close(got, wanted_gradients, rtol=1e-4, atol=1e-4)


def test_without_a_start_from_data_the_layer_is_what_it_was() -> None:
    inner = Dense(3, "relu")
    x = torch.tensor(numbers(6, 4))
    wanted = inner(x)
    layer = WeightNormalization(inner, data_init=False)
    torch.testing.assert_close(layer(x, training=True), wanted)
    assert [w.shape for w in layer.get_weights()] == [(3,), (4, 3), (3,)]


@pytest.mark.parametrize("kind", ["dense", "grid"])
def test_the_first_training_batch_gives_sums_of_mean_0_and_variance_1(kind: str) -> None:
    inner: Any = Dense(3, "relu") if kind == "dense" else Grid(3, "relu")
    layer = WeightNormalization(inner)
    x = torch.tensor(numbers(50, 4) if kind == "dense" else numbers(8, 5, 6, 4))
    before = layer(x)  # inference does not start it
    assert layer.is_started == 0
    layer(x, training=True)
    assert layer.is_started == 1 and not torch.equal(layer(x), before)
    inner.activation = latih.activations.linear
    sums = layer(x).flatten(0, -2)
    torch.testing.assert_close(sums.mean(dim=0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(sums.std(dim=0, correction=0), torch.ones(3), atol=1e-4, rtol=0)


def test_a_start_from_data_is_the_papers_by_hand() -> None:
    layer = WeightNormalization(Dense(2))
    layer.build((None, 2))
    v, x = np.array([[3.0, 1.0], [4.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 5.0], [2.0, 1.0]])
    layer.layer.set_weights([v, [7.0, 7.0]])
    layer(torch.tensor(x, dtype=torch.float32), training=True)
    sums = x @ (v / np.linalg.norm(v, axis=0))
    np.testing.assert_allclose(layer.g.detach(), 1 / sums.std(0), rtol=1e-5)
    np.testing.assert_allclose(layer.layer.get_weights()[1], -sums.mean(0) / sums.std(0), rtol=1e-5)


def test_the_start_happens_once_and_again_when_the_weights_are_put_back() -> None:
    layer = WeightNormalization(Dense(3))
    layer.build((None, 4))
    fresh = layer.get_weights()
    x, other = torch.tensor(numbers(20, 4)), torch.tensor(5 * numbers(20, 4, seed=1))
    layer(x, training=True)
    started = layer.get_weights()
    layer(other, training=True)
    for one, two in zip(layer.get_weights(), started, strict=True):
        np.testing.assert_array_equal(one, two)
    layer.set_weights(fresh)
    layer(x, training=True)
    for one, two in zip(layer.get_weights(), started, strict=True):
        np.testing.assert_array_equal(one, two)


def test_weights_that_were_started_and_saved_are_not_started_again(tmp_path: Path) -> None:
    model = latih.Sequential([latih.Input([4]), WeightNormalization(Dense(3))])
    model.compile("sgd", loss="mse")
    model.fit(numbers(20, 4), numbers(20, 3), verbose=0)
    path = str(tmp_path / "one.keras")
    model.save(path)
    again = latih.models.load_model(path)
    data = 9 * numbers(20, 4, seed=3), numbers(20, 3)
    for one in (model, again):
        latih.random.set_random_seed(1)
        one.fit(*data, epochs=2, verbose=0)
    for one, two in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("kernel", ["one example", "dead unit"])
def test_a_unit_that_does_not_vary_stays_as_it_was(kernel: str) -> None:
    layer = WeightNormalization(Dense(2))
    layer.build((None, 4))
    before = layer.get_weights()
    x = torch.tensor(numbers(1 if kernel == "one example" else 5, 4))
    if kernel == "dead unit":
        x[:] = x[0]
    layer(x, training=True)
    for one, two in zip(layer.get_weights()[:1], before[:1], strict=True):
        np.testing.assert_array_equal(one, two)
    assert torch.isfinite(layer(x)).all()


def test_a_frozen_layer_is_not_started() -> None:
    layer = WeightNormalization(Dense(2))
    layer.build((None, 4))
    layer.trainable = False
    before = layer.get_weights()
    layer(torch.tensor(numbers(5, 4)), training=True)
    for one, two in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_deep_net_with_it_learns() -> None:
    latih.random.set_random_seed(0)
    x = numbers(200, 4)
    y = (x[:, :1] * x[:, 1:2] > 0).astype("float32")
    hidden = [WeightNormalization(Dense(20, "relu")) for _ in range(3)]
    model = latih.Sequential([latih.Input([4]), *hidden, Dense(1, "sigmoid")])
    model.compile(latih.optimizers.Adam(0.01), loss="binary_crossentropy")
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


# The base


class Doubled(latih.layers.Wrapper):
    """Twice what the layer inside gives."""

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return 2 * self.layer(inputs)


def test_a_wrapper_of_the_users_comes_back_from_a_file(tmp_path: Path) -> None:
    model = latih.Sequential([latih.Input([4]), Doubled(Dense(3))])
    path = str(tmp_path / "one.keras")
    model.save(path)
    again = latih.models.load_model(path, custom_objects={"Doubled": Doubled})
    x = numbers(5, 4)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    "inner",
    [None, "dense", 3, {}, {"class_name": "Nonesuch", "config": {}}, {"class_name": "Dense"}],
)
def test_a_description_without_a_layer_inside_is_refused(inner: Any) -> None:
    config = json.loads(json.dumps(WeightNormalization(Dense(3)).get_config()))
    with pytest.raises(LatihError):
        WeightNormalization.from_config({**config, "layer": inner})
