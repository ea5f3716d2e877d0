"""Convolutions, poolings and their kin against Keras's: outputs, gradients, shapes, files."""

import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.profiler import ProfilerActivity, profile

import latih
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning",
    # Keras's own pad() of torch, for windows that PyTorch's kernels cannot pad.
    "ignore:.*replication_pad.*:UserWarning",
)

some = settings(max_examples=40)
FORMATS = ("channels_last", "channels_first")


def numbers(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def shaped(data_format: str, batch: int, space: tuple[int, ...], channels: int) -> tuple[int, ...]:
    if data_format == "channels_last":
        return (batch, *space, channels)
    return (batch, channels, *space)


def outputs_and_gradients(layer: Any, x: np.ndarray, weights: Any = None) -> list[np.ndarray]:
    """What a layer gives, and the gradients of an uneven sum of it: of inputs and weights."""
    inputs = torch.tensor(x, requires_grad=True)
    if not layer.built:
        layer.build(x.shape)
    if weights is not None:
        layer.set_weights(weights)
    outputs = layer(inputs)
    factors = torch.linspace(0.5, 1.5, outputs.numel()).reshape(outputs.shape)
    trained = [getattr(weight, "value", weight) for weight in layer.trainable_weights]
    gradients = torch.autograd.grad((outputs * factors).sum(), [inputs, *trained])
    return [outputs.detach().numpy(), *(gradient.numpy() for gradient in gradients)]


def assert_alike(name: str, arguments: dict[str, Any], shape: tuple[int, ...], seed: int) -> None:
    """Compare a layer with Keras's of the same name, arguments, inputs and weights."""
    ours = getattr(latih.layers, name)(**arguments)
    theirs = getattr(keras.layers, name)(**arguments)
    x = numbers(seed, shape)
    theirs.build(shape)
    weights = [numbers(seed + n, w.shape) for n, w in enumerate(theirs.get_weights(), start=1)]
    wanted = outputs_and_gradients(theirs, x, weights)
    got = outputs_and_gradients(ours, x, weights)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in weights]
    foretold = ours.compute_output_shape(shape)
    assert foretold == tuple(theirs.compute_output_shape(shape)) == got[0].shape
    unknown = (None, *(None if size == max(shape) else size for size in shape[1:]))
    if unknown[ours._channel_axis] is not None:
        assert ours.compute_output_shape(unknown) == tuple(theirs.compute_output_shape(unknown))
    for one, other in zip(got, wanted, strict=True):
        # A sum of many products of either sign may come out near zero: what rounding leaves there
        # is to be measured by the size of the products, so by the largest of the sums.
        atol = 1e-6 * max(1.0, float(np.abs(other).max(initial=0)))
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=atol)


@st.composite
def a_convolution(draw: Any, rank: int, *, transposed: bool = False) -> dict[str, Any]:
    """Arguments that convolutions share."""
    strides = draw(st.tuples(*[st.integers(1, 3)] * rank))
    dilation = (1,) * rank
    if max(strides) == 1 and draw(st.booleans()):
        dilation = draw(st.tuples(*[st.integers(1, 3)] * rank))
    paddings = ["valid", "same", *(["causal"] if rank == 1 and not transposed else [])]
    return {
        "kernel_size": draw(st.tuples(*[st.integers(1, 4)] * rank)),
        "strides": strides,
        "dilation_rate": dilation,
        "padding": draw(st.sampled_from(paddings)),
        "data_format": draw(st.sampled_from(FORMATS)),
        "activation": draw(st.sampled_from([None, "tanh"])),
        "use_bias": draw(st.booleans()),
    }


def a_shape(draw: Any, arguments: dict[str, Any], channels: int) -> tuple[int, ...]:
    """A shape of inputs that are not smaller than the window."""
    reach = [
        dilation * (size - 1) + 1
        for size, dilation in zip(arguments["kernel_size"], arguments["dilation_rate"], strict=True)
    ]
    space = tuple(
        draw(st.integers(size if arguments["padding"] == "valid" else 1, size + 4))
        for size in reach
    )
    # Of one example PyTorch's slow kernels refuse some gradients that Keras asks for; see below.
    return shaped(arguments["data_format"], draw(st.integers(2, 3)), space, channels)


@some
@given(data=st.data(), groups=st.integers(1, 3), seed=st.integers(0, 99))
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolutions(rank: int, data: Any, groups: int, seed: int) -> None:
    arguments = data.draw(a_convolution(rank))
    arguments |= {"filters": groups * data.draw(st.integers(1, 3)), "groups": groups}
    shape = a_shape(data.draw, arguments, groups * data.draw(st.integers(1, 3)))
    assert_alike(f"Conv{rank}D", arguments, shape, seed)


@some
@given(data=st.data(), filters=st.integers(1, 3), seed=st.integers(0, 99))
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transposed_convolutions(rank: int, data: Any, filters: int, seed: int) -> None:
    arguments = data.draw(a_convolution(rank, transposed=True)) | {"filters": filters}
    if data.draw(st.booleans()):
        more = tuple(data.draw(st.integers(0, stride - 1)) for stride in arguments["strides"])
        arguments["output_padding"] = more
    shape = shaped(
        arguments["data_format"],
        data.draw(st.integers(2, 3)),
        tuple(data.draw(st.integers(1, 4)) for _ in range(rank)),
        data.draw(st.integers(1, 3)),
    )
    theirs = getattr(keras.layers, f"Conv{rank}DTranspose")(**arguments)
    assume(min(theirs.compute_output_shape(shape)) > 0)  # Keras gives images without pixels
    assert_alike(f"Conv{rank}DTranspose", arguments, shape, seed)


@some
@given(data=st.data(), multiplier=st.integers(1, 3), seed=st.integers(0, 99))
@pytest.mark.parametrize("name", ["DepthwiseConv2D", "SeparableConv2D"])
def test_separable_convolutions(name: str, data: Any, multiplier: int, seed: int) -> None:
    arguments = data.draw(a_convolution(2)) | {"depth_multiplier": multiplier}
    if name == "SeparableConv2D":
        arguments["filters"] = data.draw(st.integers(1, 3))
    assert_alike(name, arguments, a_shape(data.draw, arguments, data.draw(st.integers(1, 3))), seed)


@st.composite
def a_pooling(draw: Any, rank: int) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Arguments of a pooling, and a shape that it takes."""
    size = draw(st.tuples(*[st.integers(1, 4)] * rank))
    strides = draw(st.none() | st.tuples(*[st.integers(1, 5)] * rank))
    padding = draw(st.sampled_from(["valid", "same"]))
    data_format = draw(st.sampled_from(FORMATS))
    space = tuple(draw(st.integers(k if padding == "valid" else 1, k + 5)) for k in size)
    arguments = {"pool_size": size, "strides": strides, "padding": padding}
    return arguments | {"data_format": data_format}, shaped(data_format, 2, space, 3)


@some
@given(data=st.data(), seed=st.integers(0, 99))
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_max_poolings(rank: int, data: Any, seed: int) -> None:
    arguments, shape = data.draw(a_pooling(rank))
    assert_alike(f"MaxPooling{rank}D", arguments, shape, seed)


def means_of_what_is_there(inputs: torch.Tensor, arguments: dict[str, Any]) -> torch.Tensor:
    """Means of windows, one at a time, as TensorFlow's padding="same" defines them."""
    if arguments["data_format"] == "channels_last":
        inputs = inputs.movedim(-1, 1)
    strides = arguments["strides"] or arguments["pool_size"]
    ranges = []
    for size, window, stride in zip(inputs.shape[2:], arguments["pool_size"], strides, strict=True):
        count, laid = (size - window) // stride + 1, 0
        if arguments["padding"] == "same":
            count = -(-size // stride)
            laid = max(0, (count - 1) * stride + window - size) // 2
        starts = [place * stride - laid for place in range(count)]
        ranges.append([slice(max(0, start), start + window) for start in starts])
    places = [
        inputs[(slice(None), slice(None), *seen)].flatten(2).mean(-1) for seen in product(*ranges)
    ]
    outputs = torch.stack(places, -1).unflatten(-1, [len(slices) for slices in ranges])
    return outputs.movedim(1, -1) if arguments["data_format"] == "channels_last" else outputs


@some
@given(data=st.data(), seed=st.integers(0, 99))
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_average_poolings(rank: int, data: Any, seed: int) -> None:
    arguments, shape = data.draw(a_pooling(rank))
    layer = getattr(latih.layers, f"AveragePooling{rank}D")(**arguments)
    x = numbers(seed, shape)
    outputs, slopes = outputs_and_gradients(layer, x)
    inputs = torch.tensor(x, requires_grad=True)
    wanted = means_of_what_is_there(inputs, arguments)
    factors = torch.linspace(0.5, 1.5, wanted.numel()).reshape(wanted.shape)
    (wanted_slopes,) = torch.autograd.grad((wanted * factors).sum(), [inputs])
    np.testing.assert_allclose(outputs, wanted.detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slopes, wanted_slopes, rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape(shape) == outputs.shape
    # Where more must be laid behind than before, Keras on PyTorch counts copies of the last pixel
    # into the mean; on TensorFlow and JAX, and here, a mean is of what is there. And it fails where
    # PyTorch's kernel for volumes does: at windows larger than the inputs.
    space = [shape[axis] for axis in layer._space_axes]
    even = layer.window.split_pads([1, *space] if rank == 1 else space)[1] is None
    fits = all(size >= window for size, window in zip(space, layer.pool_size, strict=True))
    if even and (rank < 3 or fits):
        assert_alike(f"AveragePooling{rank}D", arguments, shape, seed)


@some
@given(
    space=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    data_format=st.sampled_from(FORMATS),
    keepdims=st.booleans(),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_global_poolings(
    kind: str, rank: int, space: list[int], data_format: str, keepdims: bool, seed: int
) -> None:
    arguments = {"data_format": data_format, "keepdims": keepdims}
    shape = shaped(data_format, 2, tuple(space[:rank]), 3)
    assert_alike(f"Global{kind}Pooling{rank}D", arguments, shape, seed)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("filters", [1, 2])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", ["Conv1D", "Conv2D", "Conv1DTranspose", "Conv2DTranspose"])
def test_one_example_has_the_gradients_that_it_has_among_others(
    name: str, channels: int, filters: int, data_format: str
) -> None:
    # PyTorch takes other kernels for one small example, which tell layouts apart by strides: of
    # one filter or channel these are ambiguous.
    rank = int(name[4])
    layer = getattr(latih.layers, name)(filters, 2, 2, data_format=data_format)
    x = numbers(1, shaped(data_format, 1, (6, 4)[:rank], channels))
    alone = outputs_and_gradients(layer, x)
    inputs = torch.tensor(np.concatenate([x, numbers(2, x.shape)]), requires_grad=True)
    outputs = layer(inputs)[:1]
    factors = torch.linspace(0.5, 1.5, outputs.numel()).reshape(outputs.shape)
    gradients = torch.autograd.grad((outputs * factors).sum(), [inputs, *layer.trainable_weights])
    np.testing.assert_allclose(alone[0], outputs.detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(alone[1], gradients[0][:1], rtol=1e-5, atol=1e-6)
    for one, other in zip(alone[2:], gradients[1:], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


sides = st.integers(0, 3) | st.tuples(st.integers(0, 3), st.integers(0, 3))


@some
@given(
    padding=st.integers(0, 3) | st.tuples(sides, sides),
    data_format=st.sampled_from(FORMATS),
    seed=st.integers(0, 99),
)
def test_zero_padding(padding: Any, data_format: str, seed: int) -> None:
    arguments = {"padding": padding, "data_format": data_format}
    assert_alike("ZeroPadding2D", arguments, shaped(data_format, 2, (3, 4), 2), seed)


@some
@given(
    size=st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3)),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic"]),
    data_format=st.sampled_from(FORMATS),
    space=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 99),
)
def test_up_sampling(
    size: Any, interpolation: str, data_format: str, space: tuple[int, int], seed: int
) -> None:
    arguments = {"size": size, "data_format": data_format, "interpolation": interpolation}
    assert_alike("UpSampling2D", arguments, shaped(data_format, 2, space, 2), seed)


@pytest.mark.parametrize("data_format", FORMATS)
def test_spatial_dropout_drops_whole_channels_of_an_example(data_format: str) -> None:
    shape = shaped(data_format, 50, (4, 5), 40)
    layer = latih.layers.SpatialDropout2D(0.3, data_format, seed=1)
    outputs = layer(torch.ones(shape), training=True)
    if data_format == "channels_last":
        outputs = outputs.movedim(-1, 1)
    channels = outputs.flatten(2)
    assert (channels == channels[:, :, :1]).all()
    kept = channels[:, :, 0] != 0
    assert torch.allclose(channels[:, :, 0][kept], torch.tensor(1 / 0.7))
    # 2000 decisions: the deviation of their mean is 0.0102.
    assert abs(kept.float().mean().item() - 0.7) < 0.04
    # Neither a channel nor an example decides for the others.
    assert 0 < kept[0].float().mean() < 1 and 0 < kept[:, 0].float().mean() < 1
    assert not torch.equal(layer(torch.ones(shape), training=True).movedim(-1, 1), outputs)
    assert torch.equal(layer(torch.ones(shape)), torch.ones(shape))


CROSSING: list[tuple[str, dict[str, Any]]] = [
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu", "kernel_regularizer": "l2"}),
    ("Conv3D", {"filters": 4, "kernel_size": (1, 2, 3), "groups": 2}),
    ("Conv1DTranspose", {"filters": 4, "kernel_size": 3}),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 3, "strides": 2, "output_padding": 1}),
    ("Conv3DTranspose", {"filters": 4, "kernel_size": 3, "padding": "same"}),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2, "bias_constraint": "max_norm"}),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "pointwise_initializer": "he_normal"}),
    *((f"MaxPooling{rank}D", {"strides": 3, "padding": "same"}) for rank in (1, 2, 3)),
    *((f"AveragePooling{rank}D", {"pool_size": 3}) for rank in (1, 2, 3)),
    *((f"GlobalMaxPooling{rank}D", {"keepdims": True}) for rank in (1, 2, 3)),
    *((f"GlobalAveragePooling{rank}D", {}) for rank in (1, 2, 3)),
    ("ZeroPadding2D", {"padding": (1, (2, 3))}),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}),
    ("SpatialDropout2D", {"rate": 0.3, "seed": 3}),
]


@pytest.mark.parametrize(("name", "arguments"), CROSSING, ids=lambda value: str(value))
def test_configs_cross_over_both_ways(name: str, arguments: dict[str, Any]) -> None:
    ours = getattr(latih.layers, name)(**arguments)
    theirs = getattr(keras.layers, name)(**arguments)
    assert ours.get_config().keys() == theirs.get_config().keys()
    back = type(theirs).from_config(ours.get_config())
    assert back.get_config() == theirs.get_config() | {"name": ours.name}
    there = type(ours).from_config(keras.saving.serialize_keras_object(theirs)["config"])
    assert there.get_config() == ours.get_config() | {"name": theirs.name}


def a_net(library: Any) -> Any:
    """A small net with most of the layers."""
    layers = library.layers
    return library.Sequential(
        [
            library.Input((12, 11, 1)),
            layers.Conv2D(6, 3, padding="same", activation="relu"),
            layers.MaxPool2D(),
            layers.BatchNormalization(),
            layers.SpatialDropout2D(0.0),
            layers.DepthwiseConv2D(3, strides=2, padding="same", activation="relu"),
            layers.SeparableConv2D(4, 3, padding="same"),
            layers.UpSampling2D(),
            layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
            layers.ZeroPadding2D(1),
            layers.AvgPool2D(2),
            layers.GlobalAvgPool2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_a_net_trains_as_in_keras_and_its_file_crosses_over_both_ways(tmp_path: Path) -> None:
    ours, theirs = a_net(latih), a_net(keras)
    theirs.set_weights(ours.get_weights())
    x = numbers(1, (16, 12, 11, 1))
    y = np.arange(16) % 3
    for net, library in ((ours, latih), (theirs, keras)):
        sgd = library.optimizers.SGD(0.1, momentum=0.9)
        net.compile(optimizer=sgd, loss="sparse_categorical_crossentropy")
        for _ in range(3):
            net.train_on_batch(x, y)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        # Three steps pass the rounding of each on to the next.
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    wanted = ours.predict(x, verbose=0)
    crossed = keras.models.load_model(tmp_path / "ours.keras").predict(x, verbose=0)
    np.testing.assert_allclose(crossed, wanted, rtol=1e-5, atol=1e-6)
    wanted = theirs.predict(x, verbose=0)
    crossed = latih.models.load_model(tmp_path / "theirs.keras").predict(x, verbose=0)
    np.testing.assert_allclose(crossed, wanted, rtol=1e-5, atol=1e-6)


# Nothing is copied that need not be.

LAYOUTS: list[tuple[str, dict[str, Any], int]] = [
    ("Conv1D", {"filters": 4, "kernel_size": 3}, 1),
    ("Conv1D", {"filters": 4, "kernel_size": 3, "padding": "same"}, 1),
    ("Conv2D", {"filters": 4, "kernel_size": 3}, 1),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "same"}, 1),
    ("Conv2D", {"filters": 4, "kernel_size": 5, "strides": 2, "padding": "same"}, 1),
    ("Conv3D", {"filters": 4, "kernel_size": 3, "padding": "same"}, 1),
    ("DepthwiseConv2D", {"kernel_size": 3, "padding": "same"}, 1),
    ("SeparableConv2D", {"filters": 4, "kernel_size": 3}, 2),
    ("Conv2DTranspose", {"filters": 4, "kernel_size": 2, "strides": 2}, 1),
    ("MaxPooling1D", {"padding": "same"}, 0),
    ("MaxPooling2D", {}, 0),
    ("MaxPooling2D", {"padding": "same"}, 0),
    ("AveragePooling2D", {"pool_size": 2, "padding": "same"}, 0),
    ("UpSampling2D", {}, 0),
    ("UpSampling2D", {"interpolation": "bilinear"}, 0),
    ("BatchNormalization", {}, 0),
]


@pytest.mark.parametrize(("name", "arguments", "kernels"), LAYOUTS, ids=lambda value: str(value))
def test_a_batch_is_computed_in_the_memory_it_lies_in(
    name: str, arguments: dict[str, Any], kernels: int
) -> None:
    rank = next((int(mark) for mark in name if mark.isdigit()), 2)
    layer = getattr(latih.layers, name)(**arguments)
    batch = 7
    x = torch.randn(batch, *(9, 9, 9)[:rank], 3, requires_grad=True)
    layer(x)
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as record:
        outputs = layer(x, training=True)
    copied = [event.input_shapes for event in record.events() if event.name == "aten::copy_"]
    # Those of a bias into the outputs, and of single numbers, are not meant.
    whole = [shapes[0] for shapes in copied if shapes[0] == shapes[1] and len(shapes[0]) > 2]
    assert not [shape for shape in whole if shape[0] == batch]
    assert len(whole) == kernels
    assert outputs.is_contiguous()


def test_what_comes_out_of_a_padded_convolution_lies_as_what_went_in() -> None:
    images = torch.randn(2, 8, 8, 3)
    outputs = latih.layers.Conv2D(4, 2, padding="same")(images)
    assert outputs.is_contiguous()
    assert outputs.permute(0, 3, 1, 2).is_contiguous(memory_format=torch.channels_last)


# What is refused, in whose words.


def test_a_missing_channel_axis_is_told_with_the_remedy() -> None:
    for name, arguments, shape, told in (
        ("Conv2D", {"filters": 1, "kernel_size": 3}, (2, 8, 8), r"4 axes.*x\[\.\.\., None\]"),
        ("MaxPooling1D", {}, (2, 8), r"3 axes.*x\[\.\.\., None\]"),
        ("UpSampling2D", {"data_format": "channels_first"}, (2, 8, 8), r"x\[:, None\]"),
        ("Conv1D", {"filters": 1, "kernel_size": 3}, (2, 8, 8, 1), r"\(n, steps, channels\)"),
    ):
        layer = getattr(latih.layers, name)(**arguments)
        with pytest.raises(InputError, match=told) as raised:
            layer(torch.zeros(shape))
        assert layer.name in str(raised.value)


@pytest.mark.parametrize("channels", [3, 4, 8, 16])
def test_a_window_of_a_pixel_steps(channels: int) -> None:
    # In a process of its own: with 4 and 8 channels PyTorch's own backward pass ends it.
    code = f"""
import numpy as np, torch, latih
x = torch.rand((32, 12, 12, {channels}), requires_grad=True)
layer = latih.layers.Conv2D(16, 1, strides=2)
(layer(x) ** 2).sum().backward()
apart = x.detach().clone().requires_grad_()
kernel = layer.kernel.detach()[0, 0]
(torch.einsum("nhwc,cd->nhwd", apart[:, ::2, ::2], kernel) ** 2).sum().backward()
np.testing.assert_allclose(x.grad, apart.grad, rtol=1e-4, atol=1e-4)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("Conv2D", {"filters": 1, "kernel_size": 3}), ("MaxPooling2D", {"pool_size": 3})],
)
def test_inputs_smaller_than_the_window_are_refused_before_and_after_building(
    name: str, arguments: dict[str, Any]
) -> None:
    layer = getattr(latih.layers, name)(**arguments, name="narrow")
    told = r"'narrow' cannot take its inputs: expected at least 3 x 3.*padding=\"same\""
    with pytest.raises(InputError, match=told):
        layer.compute_output_shape((None, 8, 2, 1))
    layer(torch.zeros(1, 8, 8, 1))
    with pytest.raises(InputError, match=told):
        layer(torch.zeros(1, 8, 2, 1))


def test_other_channels_than_it_was_built_for_are_refused() -> None:
    for name in ("Conv2D", "Conv2DTranspose", "SeparableConv2D"):
        layer = getattr(latih.layers, name)(2, 3)
        layer(torch.zeros(1, 8, 8, 3))
        with pytest.raises(InputError, match=f"'{layer.name}'.*3 channels in axis 3"):
            layer(torch.zeros(1, 8, 8, 4))


def test_a_window_and_its_kernel_mean_what_they_mean_in_torch() -> None:
    layer = latih.layers.Conv2D(4, 3, activation="relu")
    x = torch.randn(2, 8, 7, 3)
    wanted = F.relu(F.conv2d(x.movedim(-1, 1), layer_kernel(layer, x), layer.bias)).movedim(1, -1)
    torch.testing.assert_close(layer(x), wanted, rtol=1e-5, atol=1e-6)


def layer_kernel(layer: Any, x: torch.Tensor) -> torch.Tensor:
    layer(x)
    return torch.tensor(layer.get_weights()[0]).permute(3, 2, 0, 1)
