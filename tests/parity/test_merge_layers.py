"""Merge layers against Keras's: values, gradients, shapes and what is refused."""

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latih import layers
from latih.errors import InputError
from latih.layers.merging import Merge

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

few = settings(max_examples=15)
ELEMENTWISE = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
each = pytest.mark.parametrize("name", ELEMENTWISE)
sizes = st.integers(1, 4)


def test_every_merge_layer_is_compared() -> None:
    family = {cls.__name__ for cls in layers.LAYERS.classes if issubclass(cls, Merge)}
    assert family == {*ELEMENTWISE, "Concatenate", "Dot"}


def arrays_of(shapes: list[tuple[int, ...]], seed: int) -> list[np.ndarray]:
    dice = np.random.default_rng(seed)
    return [dice.normal(size=shape).astype(np.float32) for shape in shapes]


def value_and_gradients(
    function: Callable[..., torch.Tensor], inputs: list[np.ndarray]
) -> list[np.ndarray]:
    """What a function gives, and the gradients of a sum of it, uneven so that none cancels."""
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    outputs = function(tensors)
    factors = torch.linspace(0.5, 1.5, outputs.numel()).reshape(outputs.shape)
    gradients = torch.autograd.grad((outputs * factors).sum(), tensors)
    return [outputs.detach().numpy(), *(g.numpy() for g in gradients)]


def assert_alike(ours: Any, theirs: Any, shapes: list[tuple[int, ...]], seed: int) -> None:
    inputs = arrays_of(shapes, seed)
    got, wanted = value_and_gradients(ours, inputs), value_and_gradients(theirs, inputs)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for given_shapes in (shapes, [(None, *shape[1:]) for shape in shapes]):
        assert ours.compute_output_shape(given_shapes) == theirs.compute_output_shape(given_shapes)


@st.composite
def stretching(draw: Any, count: int | None = None) -> list[tuple[int, ...]]:
    """Shapes of one batch that fit together: of fewer axes, with sizes of 1."""
    full = draw(st.lists(sizes, min_size=1, max_size=3))
    length = draw(sizes)
    shapes: list[tuple[int, ...]] = []
    for _ in range(count or draw(st.integers(2, 4))):
        axes = draw(st.integers(1, len(full)))
        ones = draw(st.lists(st.booleans(), min_size=axes, max_size=axes))
        own = [1 if one else size for one, size in zip(ones, full[-axes:], strict=True)]
        shapes.append((length, *own))
    return shapes


@few
@given(data=st.data(), seed=st.integers(0, 99))
@each
def test_elementwise_merges_have_keras_values_and_slopes(
    name: str, data: st.DataObject, seed: int
) -> None:
    shapes = data.draw(stretching(2 if name == "Subtract" else None))
    assert_alike(getattr(layers, name)(), getattr(keras.layers, name)(), shapes, seed)


@each
def test_equal_numbers_share_the_gradient_as_in_keras(name: str) -> None:
    inputs = [np.ones((2, 3), np.float32)] * 2
    for one, other in zip(
        value_and_gradients(getattr(layers, name)(), inputs),
        value_and_gradients(getattr(keras.layers, name)(), inputs),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "shapes",
    [
        [(None, None, 4), (None, 3, 4)],
        [(None, None, 4), (None, 1, 1)],
        [(None, 4), (8, 4)],
        [(None, 2, None), (None, 4)],
    ],
)
@each
def test_open_sizes_stay_as_open_as_in_keras(name: str, shapes: Any) -> None:
    ours, theirs = getattr(layers, name)(), getattr(keras.layers, name)()
    assert ours.compute_output_shape(shapes) == theirs.compute_output_shape(shapes)


@few
@given(data=st.data(), seed=st.integers(0, 99))
def test_concatenate_has_keras_values_and_slopes(data: st.DataObject, seed: int) -> None:
    full = data.draw(st.lists(sizes, min_size=2, max_size=4))
    axis = data.draw(st.integers(-len(full), len(full) - 1).filter(lambda a: a % len(full)))
    joined = data.draw(st.lists(sizes, min_size=2, max_size=4))
    shapes = [
        tuple(own if i == axis % len(full) else size for i, size in enumerate(full))
        for own in joined
    ]
    assert_alike(layers.Concatenate(axis), keras.layers.Concatenate(axis), shapes, seed)


def test_concatenate_joins_batches_too() -> None:
    inputs = arrays_of([(2, 3), (4, 3)], 0)
    got = layers.Concatenate(axis=0)(inputs)
    np.testing.assert_array_equal(got, np.concatenate(inputs))
    assert layers.Concatenate(axis=0).compute_output_shape([(2, 3), (4, 3)]) == (6, 3)
    assert layers.Concatenate(axis=0).compute_output_shape([(None, 3), (4, 3)]) == (None, 3)


def test_concatenate_leaves_a_joined_size_open() -> None:
    shapes = [(None, None, 3), (None, 5, 3)]
    assert layers.Concatenate(1).compute_output_shape(shapes) == (None, None, 3)


@few
@given(data=st.data(), seed=st.integers(0, 99), normalize=st.booleans())
def test_dot_has_keras_values_and_slopes(data: st.DataObject, seed: int, normalize: bool) -> None:
    length, size = data.draw(sizes), data.draw(sizes)
    shapes: list[tuple[int, ...]] = []
    axes: list[int] = []
    for _ in range(2):
        rest = data.draw(st.lists(sizes, max_size=2))
        axis = data.draw(st.integers(1, len(rest) + 1))
        shapes.append((length, *rest[: axis - 1], size, *rest[axis - 1 :]))
        axes.append(data.draw(st.sampled_from([axis, axis - len(rest) - 2])))
    assert_alike(
        layers.Dot(axes, normalize=normalize),
        keras.layers.Dot(axes, normalize=normalize),
        shapes,
        seed,
    )


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_dot_takes_one_axis_for_both(axis: int) -> None:
    assert_alike(layers.Dot(axis), keras.layers.Dot(axis), [(2, 3, 3), (2, 3, 3)], 0)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate", "Dot"])
def test_the_function_beside_a_class_is_keras_function(name: str) -> None:
    ours, theirs = getattr(layers, name.lower()), getattr(keras.layers, name.lower())
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    inputs = arrays_of([(3, 4), (3, 4)], 1)
    tensors = [torch.tensor(x) for x in inputs]
    np.testing.assert_allclose(ours(tensors), theirs(tensors), rtol=1e-5)
    np.testing.assert_allclose(ours(inputs, name="merged"), theirs(tensors), rtol=1e-5)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate", "Dot"])
def test_config_is_keras_config(name: str) -> None:
    arguments = {"axes": (1, 2)} if name == "Dot" else {}
    ours = getattr(layers, name)(**arguments, name="merge")
    theirs = getattr(keras.layers, name)(**arguments, name="merge")
    wanted = {k: list(v) if isinstance(v, tuple) else v for k, v in theirs.get_config().items()}
    assert ours.get_config() == wanted
    assert type(theirs).from_config(ours.get_config()).get_config().keys() == wanted.keys()


# What is refused


def test_concatenate_names_the_shapes_and_the_axis() -> None:
    layer = layers.Concatenate(axis=-1, name="joined")
    with pytest.raises(
        InputError, match=r"'joined'.*axis -1 only, got shapes \(None, 3, 4\) and \(None, 2, 4\)"
    ):
        layer([torch.ones(5, 3, 4), torch.ones(5, 2, 4)])


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate", "Dot"])
def test_what_is_no_list_of_tensors_is_refused(name: str) -> None:
    arguments = {"axes": 1} if name == "Dot" else {}
    layer = getattr(layers, name)(**arguments)
    with pytest.raises(InputError, match=r"list of (2|at least 2) tensors, got a list of 1"):
        layer([torch.ones(2, 3)])
    with pytest.raises(InputError, match=r"a list of tensors, got one tensor of shape \(None, 3\)"):
        layer(torch.ones(2, 3))


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate", "Dot"])
def test_other_shapes_than_it_was_built_for_are_refused_by_the_layers_name(name: str) -> None:
    arguments = {"axes": 1} if name == "Dot" else {}
    layer = getattr(layers, name)(**arguments)
    layer([torch.ones(2, 3), torch.ones(2, 3)])
    with pytest.raises(InputError, match=layer.name):
        layer([torch.ones(2, 3), torch.ones(4, 3)])
    other = (2, 3, 5) if name == "Concatenate" else (2, 4)
    with pytest.raises(InputError, match=layer.name):
        layer([torch.ones(2, 3), torch.ones(other)])


@each
def test_a_batch_of_one_is_not_stretched_in_silence(name: str) -> None:
    with pytest.raises(InputError, match=r"one length.*\(1, 3\) and \(4, 3\)"):
        getattr(layers, name)()([torch.ones(1, 3), torch.ones(4, 3)])
