"""Activations, shapes, normalisations by example and tables as layers, against Keras's."""

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import latih
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LAYERS: dict[str, tuple[Callable[[Any], Any], list[tuple[int, ...]]]] = {
    "PReLU": (lambda k: k.layers.PReLU(), [(4, 5), (4, 2, 3), (4, 2, 3, 2)]),
    "PReLU of channels": (
        lambda k: k.layers.PReLU(shared_axes=[1, 2]),
        [(4, 2, 3, 2), (4, 2, 3)],
    ),
    "PReLU of rows": (lambda k: k.layers.PReLU("ones", shared_axes=2), [(4, 2, 3)]),
    "Softmax": (lambda k: k.layers.Softmax(), [(4, 5), (4, 2, 3)]),
    "Softmax of axis 1": (lambda k: k.layers.Softmax(axis=1), [(4, 5), (4, 2, 3)]),
    "Softmax of two": (lambda k: k.layers.Softmax(axis=(1, 2)), [(4, 2, 3), (4, 2, 3, 2)]),
    "Softmax of a list": (lambda k: k.layers.Softmax(axis=[-1]), [(4, 2, 3)]),
    "Permute": (lambda k: k.layers.Permute((2, 1)), [(4, 2, 3)]),
    "Permute of three": (lambda k: k.layers.Permute((3, 1, 2)), [(4, 2, 3, 5)]),
    "LayerNormalization": (
        lambda k: k.layers.LayerNormalization(),
        [(4, 5), (4, 2, 3), (4, 2, 3, 2), (1, 5)],
    ),
    "LayerNormalization of axis 1": (
        lambda k: k.layers.LayerNormalization(axis=1, epsilon=0.1),
        [(4, 5)],
    ),
    "LayerNormalization of an example": (
        lambda k: k.layers.LayerNormalization(axis=[1, 2, 3]),
        [(4, 2, 3, 2)],
    ),
    "LayerNormalization of the last two": (
        lambda k: k.layers.LayerNormalization(axis=(-1, -2)),
        [(4, 2, 3), (4, 2, 3, 2)],
    ),
    "LayerNormalization of two apart": (
        lambda k: k.layers.LayerNormalization(axis=[3, 1]),
        [(4, 2, 5, 3)],
    ),
    "LayerNormalization without scale": (
        lambda k: k.layers.LayerNormalization(scale=False),
        [(4, 5), (4, 2, 3)],
    ),
    "LayerNormalization without centre": (
        lambda k: k.layers.LayerNormalization(center=False, axis=(1, 2)),
        [(4, 5, 3)],
    ),
    "LayerNormalization of neither": (
        lambda k: k.layers.LayerNormalization(center=False, scale=False),
        [(4, 5)],
    ),
    "GroupNormalization": (
        lambda k: k.layers.GroupNormalization(2),
        [(4, 6), (4, 3, 6), (4, 3, 2, 6), (1, 2, 4)],
    ),
    "GroupNormalization of axis 1": (
        lambda k: k.layers.GroupNormalization(3, axis=1, epsilon=0.1),
        [(4, 6), (4, 6, 2), (4, 6, 2, 3)],
    ),
    "GroupNormalization of axis 2": (
        lambda k: k.layers.GroupNormalization(2, axis=-2),
        [(4, 3, 4, 2)],
    ),
    "GroupNormalization of one": (lambda k: k.layers.GroupNormalization(1), [(4, 2, 6)]),
    "GroupNormalization of each": (lambda k: k.layers.GroupNormalization(-1), [(4, 5, 3)]),
    "GroupNormalization of 32": (lambda k: k.layers.GroupNormalization(), [(2, 3, 64)]),
    "GroupNormalization of neither": (
        lambda k: k.layers.GroupNormalization(2, center=False, scale=False),
        [(4, 3, 6)],
    ),
    "Embedding": (lambda k: k.layers.Embedding(7, 3), [(4,), (4, 5), (4, 2, 3)]),
}
CASES = [(name, shape) for name, (_, shapes) in LAYERS.items() for shape in shapes]


def twins(name: str, shape: tuple[int, ...]) -> tuple[Any, Any]:
    ours, theirs = LAYERS[name][0](latih), LAYERS[name][0](keras)
    for layer in (ours, theirs):
        layer.build(shape)
    dice = np.random.default_rng(5)
    weights = [dice.uniform(0.5, 1.5, w.shape).astype("float32") for w in ours.weights]
    for layer in (ours, theirs):
        layer.set_weights(weights)
    return ours, theirs


def inputs_of(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    if name == "Embedding":
        return torch.tensor(np.random.default_rng(6).integers(0, 7, shape))
    return torch.tensor(np.random.default_rng(6).normal(0.3, 2, shape), dtype=torch.float32)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("name", "shape"), CASES)
def test_layers_give_keras_outputs_and_gradients(
    name: str, shape: tuple[int, ...], training: bool
) -> None:
    both = []
    for layer in twins(name, shape):
        x = inputs_of(name, shape).requires_grad_(name != "Embedding")
        outputs = layer(x, training=training)
        trained = [getattr(w, "value", w) for w in layer.trainable_weights]
        learned = [*([x] if x.requires_grad else []), *trained]
        factors = torch.linspace(0.5, 1.5, outputs.numel()).reshape(outputs.shape)
        gradients = torch.autograd.grad((outputs * factors).sum(), learned)
        both.append([t.detach().numpy() for t in (outputs, *gradients)])
    for one, other in zip(*both, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_layers_foretell_the_shape_that_keras_foretells(name: str, shape: tuple[int, ...]) -> None:
    ours, theirs = twins(name, shape)
    whole = (None, *shape[1:])
    assert ours.compute_output_shape(whole) == tuple(theirs.compute_output_shape(whole))
    assert tuple(ours(inputs_of(name, shape)).shape) == ours.compute_output_shape(shape)


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_descriptions_cross_over_in_both_directions(name: str, shape: tuple[int, ...]) -> None:
    ours, theirs = twins(name, shape)
    x = inputs_of(name, shape)
    for layer, there in ((ours, keras.layers), (theirs, latih.layers)):
        library = latih.layers if layer is ours else keras.layers
        data = json.loads(json.dumps(library.serialize(layer)))
        again = there.deserialize(data)
        if not again.built:
            again.build(shape)
        again.set_weights(layer.get_weights())
        torch.testing.assert_close(again(x).detach(), layer(x).detach(), rtol=1e-4, atol=1e-5)
    described, wanted = ours.get_config(), theirs.get_config()
    left_out = {"rms_scaling", "quantization_config"}
    assert described.keys() == wanted.keys() - left_out
    assert all(wanted[key] in (None, False) for key in left_out & wanted.keys())


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
@pytest.mark.parametrize("shape", [(4, 2, 3), (2, 3), (1, 1, 3), (4, 2, 1), (3,)])
@pytest.mark.parametrize("kind", ["bool", "float32", "int64"])
def test_masked_classes_get_nothing_as_in_keras(axis: Any, shape: Any, kind: str) -> None:
    x = torch.tensor(np.random.default_rng(1).normal(size=(4, 2, 3)), dtype=torch.float32)
    mask = torch.tensor(np.random.default_rng(2).integers(0, 2, shape).astype(kind))
    both = []
    for library in (latih, keras):
        leaf = x.clone().requires_grad_()
        outputs = library.layers.Softmax(axis=axis)(leaf, mask=mask)
        (gradient,) = torch.autograd.grad((outputs * torch.arange(24).view(4, 2, 3)).sum(), leaf)
        both.append((outputs.detach(), gradient))
    torch.testing.assert_close(both[0], both[1], rtol=1e-4, atol=1e-5)
    kept = mask.broadcast_to(x.shape).bool()
    assert (both[0][0][~kept] == 0).all()


@pytest.mark.parametrize("shape", [(4, 2, 2), (1, 4, 2, 3), (2,)])
def test_a_mask_that_does_not_broadcast_is_refused_as_in_keras(shape: Any) -> None:
    for library in (latih, keras):
        with pytest.raises(ValueError, match="broadcast"):
            library.layers.Softmax()(torch.ones(4, 2, 3), mask=torch.ones(shape))


@settings(max_examples=25)
@given(data=st.data())
def test_layer_normalization_of_any_axes_follows_its_formula(data: Any) -> None:
    # Not Keras: on PyTorch it refuses one axis that is not the last, or, where the sizes happen to
    # agree, silently takes the last.
    rank = data.draw(st.integers(2, 5))
    shape = tuple(data.draw(st.integers(1, 4)) for _ in range(rank))
    axes = data.draw(st.lists(st.integers(1, rank - 1), min_size=1, unique=True))
    signs = data.draw(st.lists(st.booleans(), min_size=len(axes), max_size=len(axes)))
    x = np.random.default_rng(3).normal(size=shape)
    given_axes = [axis - rank if sign else axis for axis, sign in zip(axes, signs, strict=True)]
    layer = latih.layers.LayerNormalization(axis=given_axes)
    layer.build(shape)
    sizes = [shape[axis] for axis in sorted(axes)]
    gamma, beta = (np.random.default_rng(i).normal(size=sizes) for i in (4, 5))
    layer.set_weights([gamma, beta])
    over = tuple(axes)
    spread = [shape[axis] if axis in axes else 1 for axis in range(rank)]
    wanted = (x - x.mean(over, keepdims=True)) / np.sqrt(x.var(over, keepdims=True) + 1e-3)
    wanted = wanted * gamma.reshape(spread) + beta.reshape(spread)
    np.testing.assert_allclose(layer(x).detach().numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_layer_normalization_ends_where_the_batch_does_not_matter() -> None:
    layer = latih.layers.LayerNormalization()
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(layer(x)[2:3], layer(x[2:3]))


def test_a_description_that_asks_for_rms_scaling_is_refused() -> None:
    layer = latih.layers.LayerNormalization()
    with pytest.raises(ValueError, match="rms_scaling"):
        latih.layers.LayerNormalization.from_config({**layer.get_config(), "rms_scaling": True})


# Reshape


def test_reshape_takes_another_size_than_it_was_built_for_as_keras_does() -> None:
    for library in (latih, keras):
        layer = library.layers.Reshape((-1, 2))
        assert tuple(layer(torch.zeros(3, 6)).shape) == (3, 3, 2)
        assert tuple(layer(torch.zeros(5, 6)).shape) == (5, 3, 2)
    open_size = latih.layers.Reshape((-1, 2))
    open_size.build((None, None, 4))
    assert tuple(open_size(torch.zeros(2, 3, 4)).shape) == (2, 6, 2)
    assert tuple(open_size(torch.zeros(0, 5, 4)).shape) == (0, 10, 2)
    with pytest.raises(InputError, match=open_size.name):
        latih.layers.Reshape((3,), name=open_size.name)(torch.zeros(2, 4))


# Embedding


@pytest.mark.parametrize("kind", ["int32", "int64", "uint8", "float32", "float64"])
def test_a_row_is_found_by_a_whole_number_of_any_type_as_in_keras(kind: str) -> None:
    numbers = np.array([[0, 6], [3, 3]]).astype(kind)
    table = np.random.default_rng(1).normal(size=(7, 2)).astype("float32")
    outputs = []
    for library in (latih, keras):
        layer = library.layers.Embedding(7, 2, weights=[table])
        outputs.append(layer(numbers).detach())
    assert torch.equal(*outputs)
    assert torch.equal(outputs[0], torch.tensor(table)[numbers.astype("int64")])


@pytest.mark.parametrize("number", [7, -1, 1e12, float("nan")])
def test_a_number_without_a_row_is_refused_in_a_sentence(number: float) -> None:
    layer = latih.layers.Embedding(7, 2)
    with pytest.raises(InputError, match=rf"{layer.name}.*from 0 to 6.*input_dim"):
        layer(torch.tensor([[0.0, number]]))


def test_the_table_starts_as_widely_as_keras() -> None:
    tables = []
    for library in (latih, keras):
        layer = library.layers.Embedding(300, 100)
        layer.build((None,))
        tables.append(np.asarray(layer.get_weights()[0]))
    for table in tables:
        assert np.abs(table).max() <= 0.05
        assert table.std() == pytest.approx(0.05 / 3**0.5, rel=0.02)


def test_a_table_that_is_given_is_used_and_kept_out_of_the_description() -> None:
    table = np.arange(6, dtype="float32").reshape(3, 2)
    for given_table in (table, [table], torch.tensor(table)):
        layer = latih.layers.Embedding(3, 2, weights=given_table)
        np.testing.assert_array_equal(layer.get_weights()[0], table)
        assert "weights" not in layer.get_config()


def test_a_net_that_begins_with_a_table_learns_as_kerass_does() -> None:
    dice = np.random.default_rng(2)
    x, y = dice.integers(0, 6, (32, 3)), dice.normal(size=(32, 1)).astype("float32")
    start = [dice.normal(size=s).astype("float32") for s in ((6, 2), (6, 1), (1,))]
    ends = []
    for library in (latih, keras):
        model = library.Sequential(
            [
                library.Input([3]),
                library.layers.Embedding(6, 2, embeddings_regularizer="l2"),
                library.layers.Flatten(),
                library.layers.Dense(1),
            ]
        )
        model.set_weights(start)
        model.compile(library.optimizers.SGD(0.1), loss="mse")
        model.fit(x, y, epochs=3, batch_size=32, verbose=0)
        ends.append(model.get_weights())
    for one, other in zip(*ends, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
