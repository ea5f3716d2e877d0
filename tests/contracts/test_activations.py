"""Every activation keeps the contract of activations."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih import activations
from latih.activations import ACTIVATIONS
from latih.errors import InputError, UnknownNameError
from latih.registry import serialize

# A number and what becomes of it, reckoned by hand from the formula.
CASES: dict[str, tuple[float, float]] = {
    "linear": (-2.0, -2.0),
    "relu": (-2.0, 0.0),
    "relu6": (7.0, 6.0),
    "leaky_relu": (-2.0, -0.4),
    "elu": (-2.0, np.expm1(-2.0)),
    "selu": (-2.0, 1.0507009873554805 * 1.6732632423543772 * np.expm1(-2.0)),
    "celu": (-2.0, np.expm1(-2.0)),
    "gelu": (1.0, 0.8413447460685429),
    "silu": (1.0, 1 / (1 + np.exp(-1.0))),
    "mish": (1.0, np.tanh(np.log1p(np.e))),
    "sigmoid": (1.0, 1 / (1 + np.exp(-1.0))),
    "hard_sigmoid": (1.0, 4 / 6),
    "tanh": (1.0, np.tanh(1.0)),
    "softplus": (1.0, np.log1p(np.e)),
    "softsign": (-3.0, -0.75),
    "softmax": (1.0, 1 / (1 + np.exp(-1.0))),
    "log_softmax": (1.0, -np.log1p(np.exp(-1.0))),
    "exponential": (1.0, np.e),
    "hard_silu": (1.0, 4 / 6),
    "glu": (3.0, 1.5),
    "soft_shrink": (-2.0, -1.5),
    "hard_shrink": (-0.25, 0.0),
    "tanh_shrink": (1.0, 1 - np.tanh(1.0)),
    "threshold": (2.0, 2.0),
    "hard_tanh": (-3.0, -1.0),
    "log_sigmoid": (-1.0, -np.log1p(np.e)),
    "squareplus": (3.0, (3 + 13**0.5) / 2),
    "sparse_plus": (0.5, 1.5**2 / 4),
    "sparse_sigmoid": (0.5, 0.75),
}
# What an activation must be told beside its input.
TOLD: dict[str, tuple[float, ...]] = {"threshold": (1.0, 0.0)}
each = pytest.mark.parametrize("name", CASES)


def test_every_activation_is_in_the_table_and_here() -> None:
    assert [f.__name__ for f in ACTIVATIONS.functions] == list(CASES)
    shown = {
        thing.__name__
        for name, thing in vars(activations).items()
        if inspect.isfunction(thing)
        and thing.__module__.startswith(activations.__name__)
        and not name.startswith("_")
    }
    assert shown - {"get"} == set(CASES)


@each
def test_an_activation_follows_its_formula(name: str) -> None:
    given, wanted = CASES[name]
    outputs = getattr(activations, name)(torch.tensor([given, 0.0]), *TOLD.get(name, ()))
    assert outputs[0].item() == pytest.approx(wanted, rel=1e-5)


@each
def test_an_activation_takes_lists_and_arrays_of_any_rank(name: str) -> None:
    function, told = getattr(activations, name), TOLD.get(name, ())
    values = np.linspace(-2, 2, 12).reshape(2, 3, 2)
    outputs = function(torch.tensor(values, dtype=torch.float32), *told)
    assert outputs.shape == ((2, 3, 1) if name == "glu" else (2, 3, 2))
    assert outputs.dtype == torch.float32
    assert torch.equal(function(values, *told), outputs)
    assert torch.equal(function(values.tolist(), *told), outputs)


@each
def test_an_activation_is_found_by_its_name_and_goes_by_it(name: str) -> None:
    function = getattr(activations, name)
    assert activations.get(name) is function
    assert activations.get(function) is function
    assert serialize(function) == name
    assert activations.deserialize(name) is function


@pytest.mark.parametrize("function", ACTIVATIONS.functions, ids=lambda f: f.__name__)
def test_an_activation_is_documented(function: Callable[..., Any]) -> None:
    told = inspect.getdoc(function) or ""
    assert "Example:" in told and ">>>" in told
    own = inspect.signature(function).parameters
    if len(own) > 1:
        assert all(f"    {argument}: " in told for argument in own)


def test_none_is_linear_and_other_names_of_swish_are_known() -> None:
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.get("hard_swish") is activations.hard_silu


def test_a_name_that_is_none_is_refused_with_those_that_look_like_it() -> None:
    with pytest.raises(UnknownNameError, match="'relu'"):
        activations.get("reul")
    with pytest.raises(InputError, match="activation"):
        activations.get(3)


@each
def test_a_replayed_step_learns_through_an_activation_to_the_same_bits(
    name: str, assert_replay_changes_nothing: Any
) -> None:
    told_beside = TOLD.get(name, ())
    function = getattr(activations, name)
    inputs = np.linspace(-3, 3, 33, dtype="float32").reshape(11, 3)

    def train(**way: Any) -> Any:
        class Through(latih.layers.Layer):
            def call(self, x: Any) -> Any:
                return function(x, *told_beside)

        # Of what it makes of the shape a layer knows nothing that has it by name.
        by_name = [] if told_beside or name == "glu" else [latih.layers.Activation(name)]
        inside = [latih.layers.Dense(8), Through(), *by_name]
        model = latih.Sequential([latih.layers.Input((3,)), *inside])
        model.compile(latih.optimizers.SGD(0.05), "mse", **way)
        targets = np.zeros(tuple(model(inputs).shape), "float32")
        model.fit(inputs, targets, batch_size=4, epochs=3, verbose=0)
        return model

    told = assert_replay_changes_nothing(train)
    assert told.startswith("A step is replayed"), told
