"""Every layer keeps the contract of layers."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

import latih
from latih import layers
from latih.errors import InputError, LatihError
from latih.layers import LAYERS, Layer
from latih.registry import serialize

MERGED = [[(3, 4), (3, 4)], [(3, 4), (3, 2, 4), (3, 1, 4)]]
IMAGES = [(4, 6, 2), (3, 4, 6, 2)]

# A way to make it, and a shape of each rank that it takes; a list of shapes for several inputs.
CASES: dict[str, tuple[Callable[[], Layer], list[Any]]] = {
    "InputLayer": (lambda: layers.InputLayer((4,)), [(3, 4)]),
    "Flatten": (lambda: layers.Flatten(), [(3,), (3, 4), (3, 4, 2), (3, 4, 2, 2)]),
    "Reshape": (lambda: layers.Reshape((2, -1)), [(3, 4), (3, 4, 2), (3, 4, 2, 2)]),
    "Permute": (lambda: layers.Permute((1,)), [(3, 4)]),
    "Embedding": (lambda: layers.Embedding(5, 2), [(3,), (3, 4), (3, 4, 2)]),
    "Dense": (
        lambda: layers.Dense(5, "tanh", kernel_regularizer="l2", kernel_constraint="max_norm"),
        [(3, 4), (3, 2, 4), (3, 2, 2, 4)],
    ),
    "Activation": (lambda: layers.Activation("tanh"), [(3,), (3, 4), (3, 4, 2)]),
    "ReLU": (lambda: layers.ReLU(6.0, 0.1, 0.5), [(3,), (3, 4), (3, 4, 2)]),
    "LeakyReLU": (lambda: layers.LeakyReLU(0.1), [(3,), (3, 4), (3, 4, 2)]),
    "ELU": (lambda: layers.ELU(0.5), [(3,), (3, 4), (3, 4, 2)]),
    "PReLU": (lambda: layers.PReLU("ones"), [(3,), (3, 4), (3, 4, 2)]),
    "Softmax": (lambda: layers.Softmax(), [(3,), (3, 4), (3, 4, 2)]),
    "Conv1D": (
        lambda: layers.Conv1D(
            4, 2, padding="causal", dilation_rate=2, kernel_constraint="max_norm"
        ),
        [(3, 5, 2)],
    ),
    "Conv2D": (
        lambda: layers.Conv2D(4, (2, 3), 2, "same", groups=2, activation="tanh"),
        [(3, 5, 4, 2)],
    ),
    "Conv3D": (lambda: layers.Conv3D(4, 2, kernel_regularizer="l2"), [(3, 3, 4, 5, 2)]),
    "Conv1DTranspose": (lambda: layers.Conv1DTranspose(4, 3, 2, "same"), [(3, 5, 2)]),
    "Conv2DTranspose": (
        lambda: layers.Conv2DTranspose(4, 3, 2, "same", (1, 0), activation="tanh"),
        [(3, 5, 4, 2)],
    ),
    "Conv3DTranspose": (lambda: layers.Conv3DTranspose(4, 2), [(3, 3, 4, 5, 2)]),
    "DepthwiseConv2D": (
        lambda: layers.DepthwiseConv2D(2, depth_multiplier=2, depthwise_regularizer="l1"),
        [(3, 5, 4, 2)],
    ),
    "SeparableConv2D": (
        lambda: layers.SeparableConv2D(4, 2, pointwise_constraint="max_norm"),
        [(3, 5, 4, 2)],
    ),
    "MaxPooling1D": (lambda: layers.MaxPooling1D(), [(3, 5, 2)]),
    "MaxPooling2D": (lambda: layers.MaxPooling2D(2, (1, 2), "same"), [(3, 5, 4, 2)]),
    "MaxPooling3D": (lambda: layers.MaxPooling3D(), [(3, 3, 4, 5, 2)]),
    "AveragePooling1D": (lambda: layers.AveragePooling1D(2), [(3, 5, 2)]),
    "AveragePooling2D": (lambda: layers.AveragePooling2D(2, (1, 2), "same"), [(3, 5, 4, 2)]),
    "AveragePooling3D": (lambda: layers.AveragePooling3D(2), [(3, 3, 4, 5, 2)]),
    "GlobalMaxPooling1D": (lambda: layers.GlobalMaxPooling1D(), [(3, 5, 2)]),
    "GlobalMaxPooling2D": (lambda: layers.GlobalMaxPooling2D(keepdims=True), [(3, 5, 4, 2)]),
    "GlobalMaxPooling3D": (lambda: layers.GlobalMaxPooling3D(), [(3, 3, 4, 5, 2)]),
    "GlobalAveragePooling1D": (lambda: layers.GlobalAveragePooling1D(), [(3, 5, 2)]),
    "GlobalAveragePooling2D": (
        lambda: layers.GlobalAveragePooling2D("channels_first", True),
        [(3, 5, 4, 2)],
    ),
    "GlobalAveragePooling3D": (lambda: layers.GlobalAveragePooling3D(), [(3, 3, 4, 5, 2)]),
    "ZeroPadding2D": (lambda: layers.ZeroPadding2D(((0, 1), 2)), [(3, 5, 4, 2)]),
    "UpSampling2D": (lambda: layers.UpSampling2D((2, 3), None, "bilinear"), [(3, 5, 4, 2)]),
    "SpatialDropout2D": (lambda: layers.SpatialDropout2D(0.5, seed=1), [(3, 5, 4, 2)]),
    "BatchNormalization": (
        lambda: layers.BatchNormalization(momentum=0.9, beta_regularizer="l1"),
        [(3, 4), (3, 2, 4), (3, 2, 2, 4), (3, 2, 2, 2, 4)],
    ),
    "LayerNormalization": (
        lambda: layers.LayerNormalization(gamma_regularizer="l2"),
        [(3, 4), (3, 2, 4), (3, 2, 2, 4), (3, 2, 2, 2, 4)],
    ),
    "GroupNormalization": (
        lambda: layers.GroupNormalization(2, beta_constraint="non_neg"),
        [(3, 4), (3, 2, 4), (3, 2, 2, 4), (3, 2, 2, 2, 4)],
    ),
    "WeightNormalization": (
        lambda: layers.WeightNormalization(layers.Dense(5, "tanh", kernel_regularizer="l2")),
        [(3, 4), (3, 2, 4)],
    ),
    "SpectralNormalization": (
        lambda: layers.SpectralNormalization(layers.Dense(5, "tanh"), power_iterations=2),
        [(3, 4), (3, 2, 4)],
    ),
    "Dropout": (lambda: layers.Dropout(0.5, seed=3), [(3,), (3, 4), (3, 4, 2)]),
    "MCDropout": (lambda: layers.MCDropout(0.5, seed=3), [(3,), (3, 4), (3, 4, 2)]),
    "AlphaDropout": (lambda: layers.AlphaDropout(0.5, seed=3), [(3,), (3, 4), (3, 4, 2)]),
    "GaussianNoise": (lambda: layers.GaussianNoise(0.5, seed=3), [(3,), (3, 4), (3, 4, 2)]),
    "GaussianDropout": (lambda: layers.GaussianDropout(0.5, seed=3), [(3,), (3, 4), (3, 4, 2)]),
    "Rescaling": (lambda: layers.Rescaling(2.0, [1.0, 2, 3, 4]), [(3, 4), (3, 2, 4)]),
    "Resizing": (lambda: layers.Resizing(3, 6, antialias=True), [(2, 5, 4, 3)]),
    "Normalization": (lambda: layers.Normalization(), [(3, 4), (3, 2, 4)]),
    "Add": (lambda: layers.Add(), MERGED),
    "Subtract": (lambda: layers.Subtract(), [[(3, 4), (3, 4)], [(3, 4), (3, 2, 4)]]),
    "Multiply": (lambda: layers.Multiply(), MERGED),
    "Average": (lambda: layers.Average(), MERGED),
    "Maximum": (lambda: layers.Maximum(), MERGED),
    "Minimum": (lambda: layers.Minimum(), MERGED),
    "Concatenate": (
        lambda: layers.Concatenate(),
        [[(3, 4), (3, 2)], [(3, 4), (3, 2), (3, 1)], [(3, 2, 4), (3, 2, 1)]],
    ),
    "Dot": (
        lambda: layers.Dot(-1, normalize=True),
        [[(3, 4), (3, 4)], [(3, 2, 4), (3, 4)], [(3, 2, 4), (3, 5, 4)]],
    ),
    "RandomFlip": (lambda: layers.RandomFlip("vertical", seed=3), IMAGES),
    "RandomRotation": (lambda: layers.RandomRotation((-0.1, 0.3), "wrap", seed=3), IMAGES),
    "RandomTranslation": (lambda: layers.RandomTranslation(0.2, (0.1, 0.3), seed=3), IMAGES),
    "RandomZoom": (lambda: layers.RandomZoom(0.2, (-0.3, 0.1), "constant", seed=3), IMAGES),
    "RandomCrop": (lambda: layers.RandomCrop(3, 5, seed=3), [(3, 4, 6, 2), (3, 2, 8, 2)]),
    "RandomContrast": (lambda: layers.RandomContrast((0.2, 0.5), (-9, 9), seed=3), IMAGES),
    "RandomBrightness": (lambda: layers.RandomBrightness(0.2, [9, -9], seed=3), IMAGES),
    "MixUp": (lambda: layers.MixUp(0.5, seed=3), IMAGES),
    "CutMix": (lambda: layers.CutMix((0.5, 1.0), seed=3), IMAGES),
}
# What draws in inference too gives other outputs for the same inputs.
STEADY = [name for name in CASES if name != "MCDropout"]
# What reads its inputs as whole numbers has no gradient for them.
READING = {"Embedding"}
RANKS = [(name, shape) for name, (_, shapes) in CASES.items() for shape in shapes]

each = pytest.mark.parametrize("name", CASES)
each_rank = pytest.mark.parametrize(("name", "shape"), RANKS)


def make(name: str) -> Layer:
    return CASES[name][0]()


def inputs_of(shape: Any, first: float = 1.0, last: float = 1.0, reading: bool = False) -> Any:
    """A batch of numbers from first to last; a list of them for a list of shapes."""
    if isinstance(shape, list):
        return [inputs_of(one, first, last) for one in shape]
    count = math.prod(shape)
    numbers = torch.arange(count) % 5.0 if reading else torch.linspace(first, last, count)
    return numbers.reshape(shape)


def example(name: str, first: float = 1.0, last: float = 1.0) -> Any:
    """A batch that the layer takes: of shape (3, 4) if it can."""
    shapes = CASES[name][1]
    return inputs_of((3, 4) if (3, 4) in shapes else shapes[0], first, last, name in READING)


def of_open_length(shape: Any) -> Any:
    if isinstance(shape, list):
        return [of_open_length(one) for one in shape]
    return (None, *shape[1:])


def test_every_layer_is_in_the_table_and_here(public_classes: Any) -> None:
    assert {cls.__name__ for cls in LAYERS.classes} == set(CASES)
    assert public_classes(layers, Layer) == {*LAYERS.classes, layers.Wrapper}


@each_rank
@pytest.mark.parametrize("training", [False, True])
def test_a_layer_runs_and_its_outputs_have_the_shape_foretold(
    name: str, shape: Any, training: bool
) -> None:
    layer = make(name)
    outputs = layer(inputs_of(shape), training=training)
    assert layer.built
    assert outputs.dtype == torch.float32
    assert tuple(outputs.shape) == layer.compute_output_shape(shape)
    if len(shape) > 1:
        foretold = layer.compute_output_shape(of_open_length(shape))
        assert foretold == (None, *tuple(outputs.shape)[1:])


@each_rank
def test_a_layer_takes_lists_and_float64(name: str, shape: Any) -> None:
    inputs = inputs_of(shape, -1, 1, name in READING)
    layer = make(name)
    if name not in STEADY:
        layer.rate = 0.0  # type: ignore[assignment]
    wanted = layer(inputs)
    if isinstance(shape, list):  # of lists of numbers nobody can tell which are the inputs
        assert torch.equal(layer([one.double().numpy() for one in inputs]), wanted)
    else:
        assert torch.equal(layer(inputs.double().numpy()), wanted)
        assert torch.equal(layer(inputs.tolist()), wanted)


@each
def test_gradients_go_through_a_layer_to_its_inputs_and_weights(name: str) -> None:
    layer = make(name)
    inputs = example(name, -2, -0.6) if name == "PReLU" else example(name, 0.6, 2)
    several = inputs if isinstance(inputs, list) else [] if name in READING else [inputs]
    for one in several:
        one.requires_grad_()
    outputs = layer(inputs, training=True)
    gradients = torch.autograd.grad(
        (outputs * torch.arange(outputs.numel()).reshape(outputs.shape)).sum(),
        [*several, *layer.trainable_weights],
    )
    assert all(torch.isfinite(g).all() and g.abs().sum() > 0 for g in gradients)


@each_rank
@pytest.mark.parametrize("training", [False, True])
def test_a_mixed_layer_gives_bfloat16_and_keeps_float32(
    name: str, shape: Any, training: bool
) -> None:
    latih.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = make(name)
    finally:
        latih.config.set_dtype_policy("float32")
    inputs = inputs_of(shape, -2, 2, name in READING)
    outputs = layer(inputs, training=training)
    # What says what a model takes gives it on as it is; layers after it see to its type.
    wanted = torch.float32 if name == "InputLayer" else torch.bfloat16
    assert outputs.dtype == wanted
    assert tuple(outputs.shape) == layer.compute_output_shape(shape)
    assert torch.isfinite(outputs).all()
    assert all(weight.dtype == torch.float32 for weight in layer.weights)
    if layer.trainable_weights:
        total = (outputs.float() * torch.arange(outputs.numel()).reshape(outputs.shape)).sum()
        for gradient in torch.autograd.grad(total, layer.trainable_weights):
            assert gradient.dtype == torch.float32
            assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("name", STEADY)
def test_a_mixed_layer_is_near_what_it_is_in_float32(name: str) -> None:
    plain = make(name)
    inputs = example(name, -1, 1)
    wanted = plain(inputs)
    described = serialize(plain)
    if name == "InputLayer":
        return
    described["config"]["dtype"] = "mixed_bfloat16"
    if "layer" in described["config"]:
        described["config"]["layer"]["config"]["dtype"] = "mixed_bfloat16"
    mixed = LAYERS.deserialize(described)
    mixed(inputs)
    mixed.set_weights(plain.get_weights())
    assert mixed.compute_dtype == "bfloat16"
    error = (mixed(inputs).float() - wanted).abs().max()
    assert error <= 0.03 * max(wanted.abs().max(), 1)


@each
def test_a_layer_comes_back_from_its_config(name: str, assert_comes_back: Any) -> None:
    layer = make(name)
    again = assert_comes_back(LAYERS, layer)
    assert again.name == layer.name
    assert not again.weights or again.built


@pytest.mark.parametrize("name", STEADY)
def test_a_layer_comes_back_with_its_weights(name: str) -> None:
    layer = make(name)
    layer(example(name))
    data = serialize(layer)
    again = LAYERS.deserialize(data)
    if not again.built:
        again.build(tuple(data["build_config"]["input_shape"]))
    again.set_weights(layer.get_weights())
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]
    x = example(name, -1, 1)
    assert torch.equal(again(x), layer(x))


@each
def test_a_layer_can_be_frozen(name: str) -> None:
    layer = make(name)
    layer(example(name))
    weights = len(layer.weights)
    layer.trainable = False
    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == weights
    assert not any(w.requires_grad for w in layer.weights)


@each
def test_a_layer_starts_in_inference_mode_and_a_call_leaves_the_mode(name: str) -> None:
    layer = make(name)
    assert layer.training is False
    layer(example(name), training=True)
    assert layer.training is False


@each
def test_a_layer_is_named_after_its_class_and_counted(name: str) -> None:
    if name == "InputLayer":
        first, second = latih.layers.InputLayer((4,)), latih.layers.InputLayer((4,))
    else:
        first, second = make(name), make(name)
    assert first.name != second.name
    assert first.name.startswith(latih.registry.to_snake_case(name))


@each
def test_a_layer_refuses_what_it_does_not_know_by_its_name(name: str) -> None:
    arguments = {
        "InputLayer": {"shape": (4,)},
        "Dense": {"units": 5},
        "Reshape": {"target_shape": (2,)},
        "Permute": {"dims": (2, 1)},
        "Embedding": {"input_dim": 5, "output_dim": 2},
        "GaussianNoise": {"stddev": 0.1},
        **{name: {"layer": layers.Dense(2)} for name in CASES if name.endswith("tNormalization")},
        "SpectralNormalization": {"layer": layers.Dense(2)},
        **{name: {"rate": 0.1} for name in CASES if name.endswith("Dropout")},
    }
    arguments |= {"Activation": {"activation": "relu"}}
    arguments |= {"Rescaling": {"scale": 1.0}, "Dot": {"axes": 1}}
    arguments |= {"Resizing": {"height": 3, "width": 2}}
    arguments |= {f"Random{what}": {"factor": 0.1} for what in ("Rotation", "Contrast")}
    arguments |= {"RandomBrightness": {"factor": 0.1}}
    arguments |= {"RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1}}
    arguments |= {"RandomZoom": {"height_factor": 0.1}, "RandomCrop": {"height": 2, "width": 2}}
    arguments |= {
        f"{kind}{rank}D{transpose}": {"filters": 1, "kernel_size": 1}
        for kind in ("Conv", "SeparableConv")
        for rank in (1, 2, 3)
        for transpose in ("", "Transpose")
    }
    arguments |= {f"AveragePooling{rank}D": {"pool_size": 2} for rank in (1, 2, 3)}
    arguments |= {"DepthwiseConv2D": {"kernel_size": 1}, "SpatialDropout2D": {"rate": 0.1}}
    cls = getattr(layers, name)
    if name != "InputLayer":
        with pytest.raises(InputError, match=r"`nmae`.*'name'"):
            cls(**arguments.get(name, {}), nmae="x")
    with pytest.raises(InputError, match="`dtype`"):
        cls(**arguments.get(name, {}), dtype="float64")


@pytest.mark.parametrize("cls", LAYERS.classes)
def test_a_layer_is_documented(cls: type, assert_documented: Any) -> None:
    assert_documented(cls, "Args", "Shapes")


REFUSED: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    (layers.Dense, {"units": 0}, "units"),
    (layers.Dense, {"units": -3}, "units"),
    (layers.Dense, {"units": 2.5}, "units"),
    (layers.Dense, {"units": True}, "units"),
    (layers.Dense, {"units": "ten"}, "units"),
    (layers.Dense, {"units": None}, "units"),
    (layers.Dense, {"units": float("inf")}, "units"),
    (layers.Dense, {"units": 3, "activation": "reul"}, "relu"),
    (layers.Dense, {"units": 3, "kernel_initializer": "he_nromal"}, "he_normal"),
    (layers.Dense, {"units": 3, "kernel_regularizer": "l3"}, "l2"),
    (layers.Dense, {"units": 3, "kernel_constraint": "maxnrom"}, "MaxNorm"),
    (layers.Flatten, {"data_format": "channels_first"}, "data_format"),
    (layers.Reshape, {"target_shape": (-1, -1)}, "target_shape"),
    (layers.Reshape, {"target_shape": (-2, 3)}, "target_shape"),
    (layers.Reshape, {"target_shape": ("a",)}, "target_shape"),
    (layers.ReLU, {"max_value": -1.0}, "max_value"),
    (layers.ReLU, {"negative_slope": -0.1}, "negative_slope"),
    (layers.ReLU, {"negative_slope": None}, "negative_slope"),
    (layers.ReLU, {"threshold": -1}, "threshold"),
    (layers.ReLU, {"threshold": "high"}, "threshold"),
    (layers.LeakyReLU, {"negative_slope": -0.1}, "negative_slope"),
    (layers.LeakyReLU, {"negative_slope": None}, "negative_slope"),
    (layers.LeakyReLU, {"negative_slope": "steep"}, "negative_slope"),
    (layers.ELU, {"alpha": "steep"}, "alpha"),
    (layers.Conv2D, {"filters": 0, "kernel_size": 3}, "filters"),
    (layers.Conv2D, {"filters": 4, "kernel_size": 0}, "kernel_size"),
    (layers.Conv2D, {"filters": 4, "kernel_size": (3, 3, 3)}, "kernel_size"),
    (layers.Conv2D, {"filters": 4, "kernel_size": "33"}, "kernel_size"),
    (layers.Conv2D, {"filters": 4, "kernel_size": 3, "strides": (1, 0)}, "strides"),
    (layers.Conv2D, {"filters": 4, "kernel_size": 3, "padding": "causal"}, "padding"),
    (layers.Conv2D, {"filters": 4, "kernel_size": 3, "padding": 1}, "padding"),
    (layers.Conv2D, {"filters": 4, "kernel_size": 3, "data_format": "nhwc"}, "data_format"),
    (layers.Conv2D, {"filters": 4, "kernel_size": 3, "data_format": 1}, "data_format"),
    (layers.Conv2D, {"filters": 4, "kernel_size": 3, "groups": 3}, "groups"),
    (layers.Conv2D, {"filters": 4, "kernel_size": 3, "groups": 0}, "groups"),
    (
        layers.Conv2D,
        {"filters": 4, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
        "dilation_rate",
    ),
    (layers.Conv2DTranspose, {"filters": 4, "kernel_size": 3, "output_padding": 1}, "strides"),
    (layers.Conv2DTranspose, {"filters": 4, "kernel_size": 3, "output_padding": -1}, "padding"),
    (layers.DepthwiseConv2D, {"kernel_size": 3, "depth_multiplier": 0}, "depth_multiplier"),
    (layers.SeparableConv2D, {"filters": 1, "kernel_size": 3, "depth_multiplier": 0}, "depth_"),
    (layers.MaxPooling2D, {"pool_size": 0}, "pool_size"),
    (layers.MaxPooling2D, {"strides": -1}, "strides"),
    (layers.MaxPooling2D, {"padding": "full"}, "padding"),
    (layers.GlobalMaxPooling2D, {"data_format": "last"}, "data_format"),
    (layers.ZeroPadding2D, {"padding": -1}, "padding"),
    (layers.ZeroPadding2D, {"padding": (1, 2, 3)}, "padding"),
    (layers.ZeroPadding2D, {"padding": "11"}, "padding"),
    (layers.UpSampling2D, {"size": 0}, "size"),
    (layers.UpSampling2D, {"interpolation": "lanczos3"}, "bicubic"),
    (layers.UpSampling2D, {"interpolation": "linear"}, "bilinear"),
    (layers.SpatialDropout2D, {"rate": 1.5}, "rate"),
    (layers.SpatialDropout2D, {"rate": 0.5, "seed": "x"}, "seed"),
    (layers.BatchNormalization, {"momentum": 1.5}, "momentum"),
    (layers.BatchNormalization, {"momentum": -0.1}, "momentum"),
    (layers.BatchNormalization, {"momentum": "high"}, "momentum"),
    (layers.BatchNormalization, {"epsilon": -1.0}, "epsilon"),
    (layers.BatchNormalization, {"axis": 0.5}, "axis"),
    (layers.PReLU, {"alpha_initializer": "zreos"}, "(?i)zeros"),
    (layers.PReLU, {"shared_axes": [0]}, "shared_axes"),
    (layers.PReLU, {"shared_axes": -1}, "shared_axes"),
    (layers.Softmax, {"axis": "last"}, "axis"),
    (layers.Softmax, {"axis": (1, 0.5)}, "axis"),
    (layers.Permute, {"dims": (0, 1)}, "dims"),
    (layers.Permute, {"dims": (1, 1)}, "dims"),
    (layers.Permute, {"dims": (2,)}, "dims"),
    (layers.Permute, {"dims": "ab"}, "dims"),
    (layers.LayerNormalization, {"axis": "last"}, "axis"),
    (layers.LayerNormalization, {"epsilon": -1.0}, "epsilon"),
    (layers.LayerNormalization, {"gamma_initializer": "oens"}, "(?i)ones"),
    (layers.GroupNormalization, {"groups": 0}, "groups"),
    (layers.GroupNormalization, {"groups": -2}, "groups"),
    (layers.GroupNormalization, {"groups": 2.5}, "groups"),
    (layers.GroupNormalization, {"axis": None}, "axis"),
    (layers.GroupNormalization, {"epsilon": "x"}, "epsilon"),
    (layers.Embedding, {"input_dim": 0, "output_dim": 2}, "input_dim"),
    (layers.Embedding, {"input_dim": 2.5, "output_dim": 2}, "input_dim"),
    (layers.Embedding, {"input_dim": 3, "output_dim": True}, "output_dim"),
    (layers.Embedding, {"input_dim": 3, "output_dim": 2, "mask_zero": True}, "mask_zero"),
    (layers.Embedding, {"input_dim": 3, "output_dim": 2, "weights": [[[0.0, 1.0]]]}, "embeddings"),
    (layers.SpectralNormalization, {"layer": "dense"}, "layer"),
    (
        layers.SpectralNormalization,
        {"layer": layers.Dense(2), "power_iterations": 0},
        "power_iterations",
    ),
    (layers.WeightNormalization, {"layer": torch.nn.Linear(2, 2)}, "layer"),
    (layers.MCDropout, {"rate": 1.5}, "rate` of MCDropout"),
    (layers.AlphaDropout, {"rate": 1.0}, "rate"),
    (layers.AlphaDropout, {"rate": 0.5, "noise_shape": "ab"}, "noise_shape"),
    (layers.AlphaDropout, {"rate": 0.5, "seed": 1.5}, "seed"),
    (layers.GaussianNoise, {"stddev": -0.1}, "stddev"),
    (layers.GaussianNoise, {"stddev": 0.1, "seed": "x"}, "seed"),
    (layers.GaussianDropout, {"rate": 1.0}, "rate"),
    (layers.GaussianDropout, {"rate": "half"}, "rate"),
    (layers.Dropout, {"rate": 0.5, "noise_shape": (None, 0)}, "noise_shape"),
    (layers.Dropout, {"rate": 1.5}, "rate"),
    (layers.Dropout, {"rate": -0.1}, "rate"),
    (layers.Dropout, {"rate": "half"}, "rate"),
    (layers.Dropout, {"rate": float("nan")}, "rate"),
    (layers.Dropout, {"rate": 0.5, "seed": "x"}, "seed"),
    (layers.Dropout, {"rate": 0.5, "seed": 1.5}, "seed"),
    (layers.Rescaling, {"scale": "large"}, "scale"),
    (layers.Resizing, {"height": 0, "width": 1}, "height"),
    (layers.Resizing, {"height": 1, "width": 1, "interpolation": "cubic"}, "interpolation"),
    (layers.Normalization, {"axis": (1, 2)}, "axis"),
    (layers.Normalization, {"mean": 0.0}, "variance"),
    (layers.Normalization, {"mean": 0.0, "variance": -1.0}, "variance"),
    (layers.Concatenate, {"axis": 1.5}, "axis"),
    (layers.Dot, {"axes": 0}, "axes"),
    (layers.Dot, {"axes": (1, 2, 3)}, "axes"),
    (layers.Dot, {"axes": "last"}, "axes"),
    (layers.RandomFlip, {"mode": "diagonal"}, "mode"),
    (layers.RandomFlip, {"data_format": "channels_middle"}, "data_format"),
    (layers.RandomFlip, {"seed": 0.5}, "seed"),
    (layers.RandomRotation, {"factor": 1.5}, "factor"),
    (layers.RandomRotation, {"factor": (0.1, 0.2, 0.3)}, "factor"),
    (layers.RandomRotation, {"factor": 0.1, "fill_mode": "mirrored"}, "fill_mode"),
    (layers.RandomRotation, {"factor": 0.1, "interpolation": "cubic"}, "interpolation"),
    (layers.RandomRotation, {"factor": 0.1, "fill_value": "black"}, "fill_value"),
    (layers.RandomTranslation, {"height_factor": 2, "width_factor": 0}, "height_factor"),
    (layers.RandomTranslation, {"height_factor": 0, "width_factor": (-2, 0)}, "width_factor"),
    (layers.RandomZoom, {"height_factor": -1.0}, "height_factor"),
    (layers.RandomZoom, {"height_factor": 0, "width_factor": (-1, 0)}, "width_factor"),
    (layers.RandomCrop, {"height": 0, "width": 2}, "height"),
    (layers.RandomCrop, {"height": 2, "width": 2.5}, "width"),
    (layers.RandomContrast, {"factor": -0.1}, "factor"),
    (layers.RandomContrast, {"factor": 0.1, "value_range": (1, 0)}, "value_range"),
    (layers.RandomBrightness, {"factor": 2}, "factor"),
    (layers.RandomBrightness, {"factor": 0.1, "value_range": 255}, "value_range"),
    (layers.MixUp, {"alpha": 0}, "alpha"),
    (layers.CutMix, {"factor": -0.5}, "factor"),
    (layers.Input, {}, "shape"),
    (layers.Input, {"shape": (4,), "batch_shape": (None, 4)}, "batch_shape"),
    (layers.Input, {"shape": (-4,)}, "shape"),
    (layers.Input, {"shape": 4}, "shape"),
    (layers.Input, {"shape": (2.5,)}, "shape"),
]


def told(value: Any) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize(("make_it", "arguments", "named"), REFUSED, ids=told)
def test_bad_arguments_are_refused_by_their_name(
    make_it: Callable[..., Any], arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(LatihError, match=named):
        make_it(**arguments)


UNFIT: list[tuple[Callable[[], Layer], Any]] = [
    (lambda: layers.Dense(3), (4,)),
    (lambda: layers.Dense(3), (None, None)),
    (lambda: layers.Conv1D(3, 2), (None, 4)),
    (lambda: layers.Conv2D(3, 2), (None, 4, 4)),
    (lambda: layers.Conv2D(3, 2), (None, 4, 4, None)),
    (lambda: layers.Conv2D(4, 2, groups=2), (None, 4, 4, 3)),
    (lambda: layers.Conv2D(3, 3), (None, None, 2, 1)),
    (lambda: layers.Conv1D(3, 2, dilation_rate=3), (None, 3, 1)),
    (lambda: layers.Conv2DTranspose(3, 2), (None, 4, 4)),
    (lambda: layers.Conv2DTranspose(3, 2, 2, "same", 0), (None, 1, 4, 1)),
    (lambda: layers.DepthwiseConv2D(2), (None, 4, 4, None)),
    (lambda: layers.SeparableConv2D(3, 2), (None, 4, 4, 4, 4)),
    (lambda: layers.BatchNormalization(), (4,)),
    (lambda: layers.BatchNormalization(), (None, None)),
    (lambda: layers.BatchNormalization(axis=0), (3, 4)),
    (lambda: layers.BatchNormalization(axis=5), (3, 4)),
    (lambda: layers.PReLU(), (None, None, 3)),
    (lambda: layers.PReLU(shared_axes=3), (None, 2, 3)),
    (lambda: layers.LayerNormalization(), (4,)),
    (lambda: layers.LayerNormalization(), (None, None)),
    (lambda: layers.LayerNormalization(axis=(1, 5)), (3, 4, 2)),
    (lambda: layers.LayerNormalization(axis=(1, -1)), (3, 4)),
    (lambda: layers.LayerNormalization(axis=(0, 1)), (3, 4)),
    (lambda: layers.GroupNormalization(3), (None, 4)),
    (lambda: layers.GroupNormalization(), (None, 4)),
    (lambda: layers.GroupNormalization(1), (None, None)),
    (lambda: layers.GroupNormalization(1, axis=0), (3, 4)),
    (lambda: layers.WeightNormalization(layers.BatchNormalization()), (3, 4)),
    (lambda: layers.WeightNormalization(layers.Embedding(3, 2)), (3, 4)),
    (lambda: layers.SpectralNormalization(layers.BatchNormalization()), (3, 4)),
    (lambda: layers.Normalization(), (None, None)),
    (lambda: layers.Normalization(axis=5), (3, 4)),
    (lambda: layers.Add(), (3, 4)),
    (lambda: layers.Add(), [(3, 4)]),
    (lambda: layers.Add(), [(None, 4), (None, 5)]),
    (lambda: layers.Add(), [(2, 4), (3, 4)]),
    (lambda: layers.Subtract(), [(3, 4), (3, 4), (3, 4)]),
    (lambda: layers.Concatenate(), [(None, 4), (None, 2, 4)]),
    (lambda: layers.Concatenate(axis=3), [(None, 4), (None, 4)]),
    (lambda: layers.Dot(1), [(None, 4), (None, 5)]),
    (lambda: layers.Dot(2), [(None, 4), (None, 4)]),
    (lambda: layers.Dot(-2), [(None, 4), (None, 4)]),
    (lambda: layers.RandomFlip(), (None, 4)),
    (lambda: layers.MixUp(), {"labels": (None, 4)}),
]


@pytest.mark.parametrize(("make_it", "shape"), UNFIT)
def test_a_shape_that_a_layer_cannot_take_is_refused_by_the_layers_name(
    make_it: Callable[[], Layer], shape: Any
) -> None:
    layer = make_it()
    with pytest.raises(LatihError, match=layer.name):
        layer.build(shape)
    assert not layer.built


UNFIT_INPUTS: list[tuple[Callable[[], Layer], tuple[int, ...]]] = [
    (lambda: layers.MaxPooling1D(), (2, 4)),
    (lambda: layers.MaxPooling2D(3), (2, 4, 2, 1)),
    (lambda: layers.GlobalAveragePooling2D(), (2, 4, 4)),
    (lambda: layers.GlobalMaxPooling1D(), (2, 4)),
    (lambda: layers.ZeroPadding2D(), (2, 4, 4)),
    (lambda: layers.UpSampling2D(), (2, 4, 4)),
    (lambda: layers.SpatialDropout2D(0.5), (2, 4)),
    (lambda: layers.Reshape((3,)), (2, 4)),
    (lambda: layers.Reshape((3, -1)), (2, 4)),
    (lambda: layers.Dropout(0.5, noise_shape=(None, 1, 1)), (2, 4)),
    (lambda: layers.AlphaDropout(0.5, noise_shape=(None,)), (2, 4)),
    (lambda: layers.Permute((2, 1)), (2, 4)),
    (lambda: layers.Embedding(1, 2), (2, 4)),
]


@pytest.mark.parametrize(("make_it", "shape"), UNFIT_INPUTS)
def test_inputs_that_a_layer_cannot_take_are_refused_by_the_layers_name(
    make_it: Callable[[], Layer], shape: tuple[int, ...]
) -> None:
    layer = make_it()
    with pytest.raises(LatihError, match=layer.name):
        layer(torch.ones(shape), training=True)


def test_other_inputs_than_it_was_built_for_are_refused_by_the_layers_name() -> None:
    for layer in (
        layers.Dense(3),
        layers.BatchNormalization(),
        layers.LayerNormalization(),
        layers.GroupNormalization(2),
        layers.Reshape((2, 2)),
    ):
        layer.build((None, 4))
        with pytest.raises(LatihError, match=layer.name):
            layer(torch.ones(2, 5))


NOT_REPLAYED = {
    "MixUp": "draws in Python how the images are mixed, by rejection",
    "CutMix": "draws in Python how large the boxes are, by rejection",
    "RandomCrop": "draws in Python where it cuts, which decides what a view looks at",
}


@each_rank
def test_a_replayed_step_trains_a_layer_to_the_same_bits(
    name: str, shape: Any, assert_replay_changes_nothing: Any
) -> None:
    several = isinstance(shape, list)
    shapes = shape if several else [shape]
    inputs = [
        inputs_of((11, *one[1:]), -1 - number, 1 + number, name in READING)
        for number, one in enumerate(shapes)
    ]
    targets = torch.linspace(-1, 1, 22).reshape(11, 2)

    def train(**way: Any) -> Any:
        ends = [layers.Input(one[1:]) for one in shapes]
        # Something to learn on both sides, so that gradients go through the layer.
        through = [
            layers.Dense(one[-1])(end) if len(one) > 1 and name not in READING else end
            for one, end in zip(shapes, ends, strict=True)
        ]
        layer = make(name) if name != "InputLayer" else layers.Activation("linear")
        outputs = layer(through if several else through[0])
        model = latih.Model(ends, layers.Dense(2)(layers.Flatten()(outputs)))
        model.compile(latih.optimizers.Adam(0.01), "mse", metrics=["mae"], **way)
        model.fit(inputs, targets, batch_size=4, epochs=3, verbose=0, validation_split=0.0)
        scores = model.evaluate(inputs, targets, batch_size=4, verbose=0)
        return model, scores, model.predict(inputs, batch_size=4, verbose=0)

    told = assert_replay_changes_nothing(train)
    assert told.startswith("A step is replayed") == (name not in NOT_REPLAYED), told
