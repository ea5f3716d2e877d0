"""A layer of the user's own: its weights are where they are assigned to, whatever their names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih.errors import InputError

_draw = np.random.default_rng(5)
X = _draw.normal(size=(24, 4)).astype("float32")
Y = _draw.normal(size=(24, 4)).astype("float32")
registered = keras.saving.register_keras_serializable("test_custom_layers")


@registered
class TwoOfOneName(keras.layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="w")
        self.shift = self.add_weight((input_shape[-1],), "zeros", name="w")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.scale * inputs + self.shift


@registered
class TwoMadeBeforeTheyAreKept(TwoOfOneName):
    def build(self, input_shape: Any) -> None:
        scale = self.add_weight((input_shape[-1],), "ones", name="w")
        shift = self.add_weight((input_shape[-1],), "zeros", name="w")
        self.shift, self.scale = shift, scale


@registered
class SwappedNames(TwoOfOneName):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="shift")
        self.shift = self.add_weight((input_shape[-1],), "zeros", name="scale")


@registered
class NoNames(TwoOfOneName):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones")
        self.shift = self.add_weight((input_shape[-1],), "zeros")


@registered
class DotsAndSlashes(TwoOfOneName):
    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="gate/scale.a")
        self.shift = self.add_weight((input_shape[-1],), "zeros", name="gate.shift")


@registered
class NoneHeldThePlace(TwoOfOneName):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = None
        self.shift = None

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")
        self.shift = self.add_weight((input_shape[-1],), "zeros", name="bias")


@registered
class NameOfAnArgument(TwoOfOneName):
    def __init__(self, factor: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight((input_shape[-1],), "ones", name="factor")
        self.shift = self.add_weight((input_shape[-1],), "zeros", name="name")


@registered
class NamesThatLatihGives(TwoOfOneName):
    def build(self, input_shape: Any) -> None:
        self.weight_1 = self.add_weight((input_shape[-1],), "ones", name="scale")
        self.shift = self.add_weight((input_shape[-1],), "zeros")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.weight_1 * inputs + self.shift


@registered
class NeverAssigned(TwoOfOneName):
    def build(self, input_shape: Any) -> None:
        self.add_weight((input_shape[-1],), "ones", name="scale")
        self.add_weight((input_shape[-1],), "zeros", name="gate/shift")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        scale, shift = self.weights
        return scale * inputs + shift


KINDS: dict[str, Callable[[], Any]] = {
    cls.__name__: cls
    for cls in (
        TwoOfOneName,
        TwoMadeBeforeTheyAreKept,
        SwappedNames,
        NoNames,
        DotsAndSlashes,
        NoneHeldThePlace,
        NameOfAnArgument,
        NamesThatLatihGives,
        NeverAssigned,
    )
}


def fitted(layer: Any) -> Any:
    model = keras.Sequential([keras.Input([4]), layer])
    model.compile("adam", loss="mse")
    model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_both_weights_are_kept_trained_saved_and_read_back(kind: str, tmp_path: Path) -> None:
    layer = KINDS[kind]()
    model = fitted(layer)
    scale, shift = layer.weights
    assert [id(weight) for weight in layer.trainable_weights] == [id(scale), id(shift)]
    assert {id(weight) for weight in layer.parameters()} == {id(scale), id(shift)}
    assert len(layer.state_dict()) == 2
    if kind not in ("NeverAssigned", "NamesThatLatihGives"):
        assert layer.scale is scale and layer.shift is shift
        assert set(layer.state_dict()) == {"scale", "shift"}
    # The one began at ones and the other at zeros: neither stands where it began, nor for both.
    assert (scale != 1).all() and (shift != 0).all()
    assert float(scale.detach().mean()) == pytest.approx(1, abs=0.1)
    assert float(shift.detach().mean()) == pytest.approx(0, abs=0.1)
    model.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras")
    assert type(read.layers[0]) is type(layer)
    for one, other in zip(read.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(read.predict(X, verbose=0), model.predict(X, verbose=0))
    assert read.layers[0].state_dict().keys() == layer.state_dict().keys()


def test_a_layer_of_two_weights_learns_as_the_arithmetic_has_it() -> None:
    layer = TwoOfOneName()
    model = keras.Sequential([keras.Input([4]), layer])
    model.compile(keras.optimizers.SGD(0.5), loss="mse")
    model.train_on_batch(X, Y)
    off = 2 * (X - Y) / X.size
    np.testing.assert_allclose(
        layer.scale.detach().numpy(), 1 - 0.5 * (off * X).sum(axis=0), rtol=1e-5
    )
    np.testing.assert_allclose(
        layer.shift.detach().numpy(), -0.5 * off.sum(axis=0), rtol=1e-4, atol=1e-7
    )


@registered
class Counting(keras.layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.seen = self.add_weight(initializer="zeros", trainable=False, name="count")

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        if training:
            self.seen.add_(len(inputs))
        return inputs


def test_a_buffer_under_another_name_is_saved(tmp_path: Path) -> None:
    counting = Counting()
    model = keras.Sequential([keras.Input([4]), counting, keras.layers.Dense(4)])
    model.compile("sgd", loss="mse")
    model.fit(X, Y, epochs=3, verbose=0)
    assert float(counting.seen) == 72
    assert dict(counting.named_buffers()).keys() == {"seen"}
    assert counting.trainable_weights == []
    model.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras")
    assert float(read.layers[0].seen) == 72
    assert read.layers[0].weights[0] is read.layers[0].seen


@pytest.mark.parametrize(
    "moved",
    [lambda layer: layer.double(), lambda layer: layer.to(torch.float64)],
    ids=["double", "to"],
)
def test_a_buffer_under_another_name_goes_where_the_layer_goes(moved: Any) -> None:
    layer = Counting()
    layer.build((None, 4))
    layer = moved(layer)
    assert layer.seen.dtype == torch.float64
    assert layer.seen is layer.get_buffer("seen") is layer.weights[0]
    layer(torch.zeros(7, 4), training=True)
    assert float(layer.seen) == 7 == float(layer.state_dict()["seen"])


def test_a_buffer_may_be_assigned_anew() -> None:
    layer = Counting()
    layer.build((None, 4))
    layer.seen = layer.seen + 3
    assert float(layer.weights[0]) == 3
    assert layer.weights[0] is layer.seen


@registered
class OfAnotherSelf(keras.layers.Layer):
    def __init__(this, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        this.factor = factor

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.factor * inputs


def test_self_may_have_another_name(tmp_path: Path) -> None:
    layer = OfAnotherSelf(2.5, name="mine")
    config = layer.get_config()
    assert config["factor"] == 2.5 and "this" not in config
    assert OfAnotherSelf.from_config(config).get_config() == config
    model = keras.Sequential([keras.Input([4]), layer])
    model.save(tmp_path / "m.keras")
    read = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(read.predict(X, verbose=0), 2.5 * X)


class ForgetfulLayer(keras.layers.Layer):
    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class ForgetfulLoss(keras.losses.Loss):
    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)


class ForgetfulOptimizer(keras.optimizers.Optimizer):
    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)


FORGETFUL: dict[str, Callable[[], Any]] = {
    "layer": lambda: ForgetfulLayer(3),
    "loss": lambda: ForgetfulLoss(3),
    "optimizer": lambda: ForgetfulOptimizer(3, learning_rate=0.1),
}


@pytest.mark.parametrize("kind", FORGETFUL)
def test_an_argument_that_is_not_kept_is_named(kind: str) -> None:
    thing = FORGETFUL[kind]()
    with pytest.raises(InputError, match=f"{type(thing).__name__}.*`width`.*self.width.*Keep it"):
        thing.get_config()
