"""What a model is made of, told by sending one batch through it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import latih as keras
from latih.doctor.anatomy import identical_units, layers_of
from latih.doctor.fact_records import LayerFacts
from latih.doctor.flow import flow_of
from latih.doctor.kinds import kernel_of
from latih.layers.seeds import seed_state
from latih.structures import is_same

L = keras.layers


def told(model: nn.Module, x: torch.Tensor, sign: str = "activation") -> list[Any]:
    """One sign of each layer with a kernel."""
    return [getattr(layer, sign) for layer in layers_of(model, x) if layer.kernel_deviation]


def by_name(model: nn.Module, x: torch.Tensor) -> dict[str, LayerFacts]:
    return {layer.name: layer for layer in layers_of(model, x)}


def sequential(*layers: Any, shape: tuple[int, ...] = (6,)) -> Any:
    return keras.Sequential([keras.Input(shape), *layers])


# Activations

BENT: dict[str, tuple[Callable[[], list[Any]], list[str | None]]] = {
    "by an argument": (lambda: [L.Dense(4, "relu"), L.Dense(1)], ["relu", None]),
    "by a layer": (lambda: [L.Dense(4), L.ReLU(), L.Dense(1)], ["relu", None]),
    "by a layer after a norm": (
        lambda: [L.Dense(4), L.BatchNormalization(), L.Activation("tanh"), L.Dense(1)],
        ["tanh", None],
    ),
    "after dropout": (lambda: [L.Dense(4), L.Dropout(0.5), L.ELU(), L.Dense(1)], ["elu", None]),
    "by a layer as an argument": (
        lambda: [L.Dense(4, activation=L.LeakyReLU()), L.Dense(1)],
        ["leaky_relu", None],
    ),
    "with a slope of its own": (lambda: [L.Dense(4), L.PReLU(), L.Dense(1)], ["prelu", None]),
    "by torch's function": (
        lambda: [L.Dense(4, activation=torch.tanh), L.Dense(1)],
        ["tanh", None],
    ),
    "by a lambda": (
        lambda: [L.Dense(4, activation=lambda x: x * torch.sigmoid(x)), L.Dense(1)],
        ["?", None],
    ),
    "by nothing": (lambda: [L.Dense(4, "linear"), L.Flatten(), L.Dense(1)], [None, None]),
    "at the end": (lambda: [L.Dense(4, "selu"), L.Dense(1), L.Softmax()], ["selu", "softmax"]),
    "inside a wrapper": (
        lambda: [L.WeightNormalization(L.Dense(4)), L.ReLU(), L.Dense(1, "sigmoid")],
        ["relu", "sigmoid"],
    ),
    "in a model inside": (
        lambda: [sequential(L.Dense(4), L.ReLU()), sequential(L.Dense(1), shape=(4,))],
        ["relu", None],
    ),
}


@pytest.mark.parametrize("case", BENT)
def test_a_layer_is_told_with_what_bends_its_sums(case: str) -> None:
    make, wanted = BENT[case]
    assert told(sequential(*make()), torch.randn(3, 6)) == wanted


class Functional(nn.Module):
    """A net as people write it for torch."""

    def __init__(self, end: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
        self.first, self.drop = nn.Linear(4 * 3 * 3, 5), nn.Dropout(0.2)
        self.last, self.end = nn.Linear(5, 3), end

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.norm(self.convolution(x))), 2)
        x = self.drop(self.first(x.view(x.size(0), -1))).relu()
        return self.end(self.last(x))


@pytest.mark.parametrize(
    ("end", "wanted"),
    [
        (lambda x: x, None),
        (lambda x: F.log_softmax(x, dim=1), "log_softmax"),
        (torch.sigmoid, "sigmoid"),
        (lambda x: torch.softmax(x, 1).squeeze(), "softmax"),
        (lambda x: 30 * x.sigmoid(), "?"),  # it lies in another range
        (lambda x: x.abs().sqrt(), "?"),
    ],
)
def test_functions_of_torch_are_seen(end: Any, wanted: str | None) -> None:
    model, x = Functional(end), torch.randn(5, 1, 8, 8)
    assert told(model, x)[:2] == ["relu", "relu"]
    assert flow_of(model, x).activations == (wanted,)
    assert [layer.name for layer in layers_of(model, x) if layer.is_output] == ["last"]


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.last = nn.LSTM(6, 4, batch_first=True), nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.cell(x)[0][:, -1])


def test_what_bends_inside_is_not_taken_for_straight() -> None:
    assert told(Recurrent(), torch.randn(2, 3, 6)) == ["?", None]


class Subclassed(keras.Model):
    """Called in another order than made, and with a branch."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.gate = L.Dense(2), L.Dense(4, "sigmoid")
        self.first, self.unused = L.Dense(4), L.Dense(9)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.first(inputs / 255))
        return self.last(hidden * self.gate(inputs))


def test_layers_are_told_in_the_order_of_the_calls() -> None:
    model = Subclassed()
    model(torch.zeros(1, 4))
    names = [layer.name for layer in layers_of(model, torch.randn(3, 4))]
    assert names == [model.first.name, model.gate.name, model.last.name]
    assert told(model, torch.randn(3, 4)) == ["tanh", "sigmoid", None]


def test_several_outputs_have_an_activation_each() -> None:
    given = keras.Input((6,))
    hidden = L.Dense(4, "relu")(given)
    shares = L.Dense(3, "softmax", name="shares")(hidden)
    price = L.Dense(1, name="price")(hidden)
    is_there = L.Activation("sigmoid")(L.Dense(1, name="is_there")(hidden))
    model = keras.Model(given, [shares, price, is_there])
    assert flow_of(model, torch.randn(3, 6)).activations == ("softmax", None, "sigmoid")
    outputs = [one.name for one in layers_of(model, torch.randn(3, 6)) if one.is_output]
    assert outputs[:3] == ["shares", "price", "is_there"] and len(outputs) == 4


def test_a_shortcut_is_followed() -> None:
    given = keras.Input((6,))
    branch = L.Dense(6, name="branch")(given)
    model = keras.Model(given, L.Dense(1)(L.ReLU()(L.Add()([branch, given]))))
    assert by_name(model, torch.randn(3, 6))["branch"].activation == "relu"


class Weighing(keras.layers.Layer):
    """A layer of the user's own, with weights."""

    __module__ = "theirs"

    def build(self, input_shape: Any) -> None:
        self.matrix = self.add_weight((input_shape[-1], 4), name="matrix")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.relu(inputs @ self.matrix)


def test_a_layer_of_ones_own_is_told() -> None:
    model = sequential(Weighing(name="mine"), L.Dense(1))
    mine = by_name(model, torch.randn(3, 6))["mine"]
    assert (mine.kind, mine.activation, mine.fan_in, mine.weights) == ("Weighing", "relu", 6, 24)


# Numbers


def test_numbers_of_a_layer() -> None:
    drop = L.Dropout(0.3)
    model = sequential(
        L.Dense(50, kernel_initializer="he_normal", kernel_regularizer=keras.regularizers.L2(0.02)),
        L.BatchNormalization(name="norm"),
        drop,
        L.Dense(2, trainable=False, name="last"),
    )
    layers = by_name(model, torch.randn(3, 6))
    first, norm, last = next(iter(layers.values())), layers["norm"], layers["last"]
    kernel = model.layers[0].get_weights()[0]
    assert (first.fan_in, first.weights, first.frozen) == (6, 350, 0)
    assert first.kernel_deviation == pytest.approx(kernel.std(), rel=1e-5)
    assert (first.initializer, first.decay) == ("he_normal", 0.02)
    assert (norm.is_normalization, norm.weights) == (True, 100)
    assert layers[drop.name].dropout == 0.3
    assert (last.weights, last.frozen) == (0, 102)


@pytest.mark.parametrize(
    ("layer", "fan_in", "units"),
    [
        (L.Conv2D(8, 3), 27, 8),
        (L.Conv2D(8, (3, 2), groups=1), 18, 8),
        (L.Conv2DTranspose(5, 2), 12, 5),
        (L.DepthwiseConv2D(3, depth_multiplier=2), 9, 6),
        (L.SeparableConv2D(7, 3), 3, 7),
    ],
)
def test_a_unit_of_a_convolution_is_a_row_of_what_it_sums(
    layer: Any, fan_in: int, units: int
) -> None:
    model = sequential(layer, shape=(8, 8, 3))
    kernel = kernel_of(layer)
    assert kernel is not None and kernel.units.shape == (units, fan_in)
    assert told(model, torch.randn(2, 8, 8, 3), "fan_in") == [fan_in]
    # A unit whose row is 0 gives the same everywhere.
    index = {"DepthwiseConv2D": (..., 0, 0), "Conv2DTranspose": (..., 0, slice(None))}
    weights = layer.get_weights()
    place = 1 if type(layer).__name__ == "SeparableConv2D" else 0
    weights[place][index.get(type(layer).__name__, (..., 0))] = 0.0
    layer.set_weights(weights)
    assert (kernel_of(layer).units == 0).all(dim=1).nonzero().flatten().tolist() == [0]
    assert layer(torch.randn(2, 8, 8, 3))[..., 0].abs().max() == 0


@pytest.mark.parametrize(
    ("module", "fan_in"),
    [
        (nn.Conv2d(3, 8, 5), 75),
        (nn.ConvTranspose2d(3, 8, 2), 12),
        (nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 5)), 75),
    ],
)
def test_modules_of_torch_have_their_own_layout(module: nn.Module, fan_in: int) -> None:
    layers = layers_of(nn.Sequential(module), torch.randn(2, 3, 9, 9))
    assert [layer.fan_in for layer in layers] == [fan_in]


@pytest.mark.parametrize(
    ("initializer", "wanted"),
    [
        ("zeros", "zeros"),
        ("glorot_uniform", "glorot_uniform"),
        (keras.initializers.RandomNormal(stddev=1.0), "random_normal"),
        (keras.initializers.Constant(0.5), "constant"),
        (keras.initializers.VarianceScaling(2.0, "fan_in", "uniform"), "he_uniform"),
        (keras.initializers.VarianceScaling(3.0), "variance_scaling"),
        ("lecun_normal", "lecun_normal"),
    ],
)
def test_initializers_go_by_their_names(initializer: Any, wanted: str) -> None:
    model = sequential(L.Dense(3, kernel_initializer=initializer))
    assert [one.initializer for one in layers_of(model, torch.randn(2, 6))] == [wanted]


def test_identical_units_are_counted() -> None:
    draws = torch.randn(40, 30, generator=torch.manual_seed(1))
    assert identical_units(draws) == 0.0
    assert identical_units(torch.full((40, 30), 0.3)) == 1.0
    assert identical_units(torch.zeros(1, 30)) == 1.0
    draws[:10] = draws[0]
    assert identical_units(draws) == pytest.approx(0.25)
    draws[5] *= 2  # along the same line, and longer
    assert identical_units(draws) == pytest.approx(9 / 40)
    assert identical_units(torch.ones(5000, 9000)) == 1.0


def test_inputs_that_the_model_scales_itself() -> None:
    def are_scaled(*layers: Any) -> tuple[bool, ...]:
        return flow_of(sequential(*layers), torch.ones(2, 6)).are_scaled

    assert are_scaled(L.Flatten(), L.Dropout(0.1), L.Dense(3)) == (False,)
    assert are_scaled(L.Rescaling(1 / 255), L.Dense(3)) == (True,)
    assert are_scaled(L.BatchNormalization(), L.Dense(3)) == (True,)
    assert are_scaled(L.Embedding(9, 2), L.Flatten(), L.Dense(3)) == (True,)
    given = keras.Input((6,))
    assert flow_of(keras.Model(given, L.Dense(1)(given / 255)), torch.ones(2, 6)).are_scaled == (
        True,
    )


def test_layers_of_one_name_are_told_apart() -> None:
    one, other = (sequential(L.Dense(6, name="same")) for _ in range(2))
    names = [layer.name for layer in layers_of(sequential(one, other), torch.randn(2, 6))]
    assert names == [f"{one.name}/same", f"{other.name}/same"]


def test_a_layer_that_is_called_twice_is_told_once() -> None:
    given, shared = keras.Input((6,)), L.Dense(6, "relu")
    model = keras.Model(given, shared(shared(given)))
    assert len(layers_of(model, torch.randn(2, 6))) == 1


def test_without_examples_zeros_are_taken_or_the_order_of_making() -> None:
    assert told_without(sequential(L.Dense(4), L.ReLU(), L.Dense(1))) == ["relu", None]
    assert told_without(nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))) == [
        "tanh",
        None,
    ]


def told_without(model: nn.Module) -> list[Any]:
    return [layer.activation for layer in layers_of(model) if layer.kernel_deviation]


# The model is left as it was


class Restless(keras.layers.Layer):
    """Counts its calls, draws from everywhere, adds a loss, and measures."""

    def __init__(self) -> None:
        super().__init__()
        self.dice = keras.random.SeedGenerator(3)
        self.mean = keras.metrics.Mean(name="mean")

    def build(self, input_shape: Any) -> None:
        self.calls_made = self.add_weight((), "zeros", trainable=False, name="calls_made")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        self.calls_made.add_(1)
        self.dice.next()
        self.mean.update_state(inputs)
        self.add_loss(inputs.sum() + torch.rand(()) + np.random.rand())
        return inputs


def test_nothing_is_left_behind() -> None:
    restless = Restless()
    model = sequential(restless, L.BatchNormalization(), L.MCDropout(0.5), L.Dense(2))
    model.train()
    model(torch.ones(4, 6))
    before = [weight.copy() for weight in model.get_weights()]
    penalties, sums = list(model.losses), float(restless.mean.result())
    seeds, drawn = seed_state(model), keras.random.state_dict()
    layers_of(model, torch.ones(3, 6))
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for module in model.modules():
        assert module.training and not module._forward_hooks and not module._forward_pre_hooks
    assert [float(one) for one in model.losses] == [float(one) for one in penalties]
    assert float(restless.mean.result()) == sums
    assert seed_state(model) == seeds and is_same(keras.random.state_dict(), drawn)


def test_hooks_are_gone_even_if_the_call_fails() -> None:
    model = sequential(L.Dense(2))
    with pytest.raises(Exception, match="6"):
        flow_of(model, torch.ones(2, 5))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert torch.relu(torch.ones(1)).item() == 1  # and nobody listens to functions any more


def test_a_step_is_recorded_all_the_same() -> None:
    x, y = np.random.default_rng(0).normal(size=(40, 6)).astype("float32"), np.zeros(40)

    def trained(look: bool) -> list[np.ndarray]:
        keras.utils.set_random_seed(4)
        model = sequential(L.Dense(4, "relu"), L.Dropout(0.4), L.Dense(1))
        model.compile("adam", "mse")
        for _ in range(2):
            if look:
                layers_of(model, torch.from_numpy(x))
            model.fit(x, y, batch_size=10, epochs=2, verbose=0)
        assert "replayed" in model.explain_step()
        return model.get_weights()

    for one, other in zip(trained(False), trained(True), strict=True):
        np.testing.assert_array_equal(one, other)
