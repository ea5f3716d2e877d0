"""Known networks: the same outputs as torchvision's, timm's and the published ports'."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import safetensors.torch
import torch
from reference_networks.lite0 import Lite0
from reference_networks.statistics import trained
from torch import nn

import latih
from latih.applications import APPLICATIONS, EfficientNetLite0, MobileNetV2, ResNet18, ResNet50
from latih.applications import find as find_application
from latih.errors import FileFormatError, InputError, UnknownNameError

TOLERANCE = 1e-4

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def images(height: int, width: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(2, height, width, 3, generator=torch.Generator().manual_seed(seed))


def of_torch(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return module(x.permute(0, 3, 1, 2))


def assert_same(model: Any, module: nn.Module, x: torch.Tensor) -> None:
    wanted = of_torch(module, x)
    with torch.no_grad():
        found = model(x)
    assert (found - wanted).abs().max() <= TOLERANCE * max(1, wanted.abs().max())


OF_PEERS = [
    ("resnet18", "torchvision", "resnet18"),
    ("resnet34", "torchvision", "resnet34"),
    ("resnet50", "torchvision", "resnet50"),
    ("resnet50", "timm", "resnet50"),
    ("mobilenet-v2", "torchvision", "mobilenet_v2"),
    ("mobilenet-v2", "timm", "mobilenetv2_100"),
    ("efficientnet-lite0", "timm", "tf_efficientnet_lite0"),
]


@pytest.mark.parametrize(("name", "peer", "theirs"), OF_PEERS)
def test_outputs_are_those_of_the_origin(
    peers: SimpleNamespace, tmp_path: Path, name: str, peer: str, theirs: str
) -> None:
    if peer == "timm":
        module = trained(peers.timm.create_model(theirs, num_classes=7))
    else:
        module = trained(getattr(peers.torchvision, theirs)(num_classes=7))
    # timm hands its weights on as safetensors, torchvision by torch.save().
    path = tmp_path / ("weights.safetensors" if peer == "timm" else "weights.pth")
    if peer == "timm":
        safetensors.torch.save_file(module.state_dict(), path)
    else:
        torch.save(module.state_dict(), path)
    model = find_application(name).build(
        weights=path, input_shape=(None, None, 3), classes=7, classifier_activation=None
    )
    assert_same(model, module, images(64, 64))
    assert_same(model, module, images(65, 47))  # what "same" lays around depends on the size


def test_lite0_is_the_plain_one(tmp_path: Path) -> None:
    module = trained(Lite0(classes=5))
    torch.save(module.state_dict(), tmp_path / "lite0.pt")
    model = EfficientNetLite0(
        weights=tmp_path / "lite0.pt",
        input_shape=(None, None, 3),
        classes=5,
        classifier_activation=None,
    )
    for size in ((64, 64), (33, 50)):
        assert_same(model, module, images(*size))


def test_gradients_are_those_of_the_origin(tmp_path: Path) -> None:
    module = trained(Lite0(classes=3))
    torch.save(module.state_dict(), tmp_path / "lite0.pth")
    model = EfficientNetLite0(
        weights=tmp_path / "lite0.pth",
        input_shape=(32, 32, 3),
        classes=3,
        classifier_activation=None,
    )
    x = images(32, 32)
    module(x.permute(0, 3, 1, 2)).square().sum().backward()
    model(x).square().sum().backward()
    stem = model.get_layer("stem_conv").kernel.grad
    wanted = module._conv_stem.weight.grad.permute(2, 3, 1, 0)
    assert (stem - wanted).abs().max() <= 1e-3 * wanted.abs().max()
    last = model.get_layer("predictions").kernel.grad
    torch.testing.assert_close(last, module._fc.weight.grad.T, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_without_a_top_the_map_comes_out_or_its_pool(tmp_path: Path, pooling: str | None) -> None:
    module = trained(Lite0())
    torch.save(module.state_dict(), tmp_path / "lite0.pth")
    model = EfficientNetLite0(include_top=False, weights=tmp_path / "lite0.pth", pooling=pooling)
    x = images(64, 96)
    with torch.no_grad():
        features = module.features(x.permute(0, 3, 1, 2))
        wanted = {
            None: features.permute(0, 2, 3, 1),
            "avg": features.mean((2, 3)),
            "max": features.amax((2, 3)),
        }[pooling]
        torch.testing.assert_close(model(x), wanted, rtol=1e-4, atol=1e-4)


SLOW = ("mobilenet-v2", "resnet34", "resnet50")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(one.name, marks=[pytest.mark.slow] if one.name in SLOW else [])
        for one in APPLICATIONS
    ],
)
def test_a_network_trains_is_saved_and_read_by_keras(name: str, tmp_path: Path) -> None:
    application = find_application(name)
    model = application.build(weights=None, input_shape=(32, 32, 3), classes=3)
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(images(32, 32), torch.tensor([0, 2]), verbose=0)
    model.save(tmp_path / "net.keras")
    x = images(32, 32, seed=2).numpy()
    wanted = model.predict(x, verbose=0)
    there = keras.models.load_model(tmp_path / "net.keras", compile=False)
    np.testing.assert_allclose(there.predict(x, verbose=0), wanted, atol=1e-5)
    there.save_weights(tmp_path / "net.weights.h5")
    there.save(tmp_path / "of_keras.keras")
    for file in ("net.weights.h5", "of_keras.keras"):
        again = application.build(weights=tmp_path / file, input_shape=(32, 32, 3), classes=3)
        np.testing.assert_allclose(again.predict(x, verbose=0), wanted, atol=1e-6)
    base = application.build(include_top=False, weights=tmp_path / "net.keras", pooling="avg")
    assert base.output_shape == (None, application.features)
    same = model.get_layer("avg_pool").output
    wanted = latih.Model(model.input, same).predict(x, verbose=0)
    np.testing.assert_allclose(base.predict(x, verbose=0), wanted, atol=1e-6)


def test_its_own_safetensors_are_read(tmp_path: Path) -> None:
    model = ResNet18(weights=None, input_shape=(32, 32, 3), classes=2)
    model.save_weights(tmp_path / "own.safetensors")
    again = ResNet18(weights=tmp_path / "own.safetensors", input_shape=(32, 32, 3), classes=2)
    for own, theirs in zip(model.weights, again.weights, strict=True):
        assert torch.equal(own, theirs)


def test_weights_are_loaded_into_a_network_that_is_there() -> None:
    module = trained(Lite0(classes=6))
    model = EfficientNetLite0(weights=None, input_shape=(40, 40, 3), classes=6)
    on_several_devices = {f"module.{name}": one for name, one in module.state_dict().items()}
    for state in (module.state_dict(), on_several_devices):
        latih.applications.load_torch_weights(model, state)
    x = images(40, 40)
    wanted = of_torch(module, x).softmax(-1)
    torch.testing.assert_close(model(x).detach(), wanted, rtol=1e-4, atol=1e-5)
    base = EfficientNetLite0(False, weights=None, pooling="avg")
    latih.applications.load_torch_weights(base, module.state_dict())  # its top is left
    wanted = module.features(x.permute(0, 3, 1, 2)).mean((2, 3))
    torch.testing.assert_close(base(x), wanted, rtol=1e-4, atol=1e-4)
    other = latih.Sequential([latih.layers.Dense(2, input_shape=[3])])
    linear = nn.Linear(3, 2)
    latih.applications.load_torch_weights(other, linear.state_dict())
    assert torch.equal(other.weights[0], linear.weight.T)


def test_mobilenet_may_be_wider_or_narrower(peers: SimpleNamespace) -> None:
    for alpha in (0.35, 0.75, 1.4):
        wanted = sum(
            parameter.numel()
            for parameter in peers.torchvision.mobilenet_v2(width_mult=alpha).parameters()
        )
        model = MobileNetV2(alpha=alpha, weights=None)
        assert sum(weight.numel() for weight in model.trainable_weights) == wanted


def test_kerass_mobilenet_is_another_and_refused(tmp_path: Path) -> None:
    theirs = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=2)
    theirs.save(tmp_path / "theirs.keras")
    with pytest.raises(FileFormatError, match=r"is not this network.*epsilon=0\.001"):
        MobileNetV2((32, 32, 3), weights=tmp_path / "theirs.keras", classes=2)
    x = images(32, 32).numpy()
    whole = latih.models.load_model(tmp_path / "theirs.keras", compile=False)
    np.testing.assert_allclose(whole.predict(x, verbose=0), theirs.predict(x, verbose=0), atol=1e-5)


def test_a_network_goes_on_from_a_tensor() -> None:
    x = latih.Input((40, 40, 3))
    rescaled = latih.layers.Rescaling(1 / 255)(x)
    base = ResNet18(False, weights=None, input_tensor=rescaled, pooling="avg")
    model = latih.Model(x, latih.layers.Dense(2)(base(rescaled)))
    assert model.output_shape == (None, 2)


# What is refused


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 3).state_dict(), tmp_path / "linear.pth")
    with pytest.raises(FileFormatError, match=r"another network.*got 'weight', 'bias'"):
        ResNet18(weights=tmp_path / "linear.pth")


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    state = Lite0(classes=10).state_dict()
    torch.save(state, tmp_path / "ten.pth")
    with pytest.raises(FileFormatError, match=r"'_fc.weight' of shape \(10, 1280\), not") as told:
        EfficientNetLite0(weights=tmp_path / "ten.pth", input_shape=(32, 32, 3), classes=4)
    assert "include_top=False" in str(told.value)
    del state["_blocks.3._bn1.running_var"]
    state["_blocks.2._project_conv.weight"] = torch.zeros(1, 2, 3, 4)
    state["_blocks.2._se_reduce.weight"] = torch.zeros(8)
    torch.save(state, tmp_path / "wrong.pth")
    model = EfficientNetLite0(weights=None, input_shape=(32, 32, 3), classes=10)
    before = [weight.clone() for weight in model.weights]
    with pytest.raises(FileFormatError) as told:
        EfficientNetLite0(weights=tmp_path / "wrong.pth", input_shape=(32, 32, 3), classes=10)
    for words in (
        "'_blocks.3._bn1.running_var' is missing",
        "'_blocks.2._se_reduce.weight' of shape (8,) is surplus",
        "'_blocks.2._project_conv.weight' of shape (1, 2, 3, 4), not (24, 144, 1, 1)",
    ):
        assert words in str(told.value)
    assert all(map(torch.equal, before, model.weights))


def test_a_file_of_resnet50_does_not_fit_resnet18(tmp_path: Path) -> None:
    model = ResNet50(weights=None, include_top=False)
    model.save(tmp_path / "fifty.keras")
    with pytest.raises(FileFormatError, match="'conv2_block1_1_conv' of shapes"):
        ResNet18(weights=tmp_path / "fifty.keras")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"input_shape": (31, 64, 3)}, "at least 32"),
        ({"input_shape": (64, 64)}, "height, width, channels"),
        ({"input_shape": (64, 64, None)}, "height, width, channels"),
        ({"input_shape": 64}, "height, width, channels"),
        ({"pooling": "mean"}, "`pooling`"),
        ({"classes": 0}, "`classes`"),
        ({"include_top": 1}, "`include_top`"),
        ({"input_tensor": np.zeros((1, 64, 64, 3))}, "`input_tensor`"),
        ({"weights": 3}, "`weights`"),
        ({"weights": "imagnet"}, "Did you mean 'imagenet'"),
        ({"weights": "gone.pth"}, "which is no file"),
        ({"weights": "imagenet", "classes": 10}, "classes=1000"),
        ({"weights": "imagenet", "input_shape": (64, 64, 1)}, "3 channels"),
    ],
)
def test_what_cannot_be_is_refused(arguments: dict[str, Any], told: str) -> None:
    for build in (EfficientNetLite0, MobileNetV2, ResNet18):
        with pytest.raises(InputError, match=told):
            build(**{"weights": None, **arguments})


def test_grey_images_go_through_a_fresh_network() -> None:
    model = ResNet18(weights=None, input_shape=(32, 32, 1), include_top=False, pooling="max")
    assert model.predict(np.zeros((1, 32, 32, 1)), verbose=0).shape == (1, 512)


def test_a_textbooks_names_are_there() -> None:
    here = latih.applications
    for module in (here.mobilenet_v2, here.resnet, here.resnet50, here.efficientnet_lite):
        assert module.decode_predictions is here.decode_predictions
        assert module.preprocess_input(np.zeros((1, 2, 2, 3))).shape == (1, 2, 2, 3)
    assert here.resnet50.ResNet50 is here.ResNet50


def test_an_unknown_network_is_told_with_those_that_look_like_it() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet"):
        find_application("resnet")
    assert find_application("EfficientNet_Lite0") is find_application("efficientnet-lite0")


@pytest.mark.parametrize("application", APPLICATIONS, ids=lambda one: one.name)
def test_preprocessing_is_the_origins(peers: SimpleNamespace, application: Any) -> None:
    x = torch.randint(0, 256, (1, 4, 4, 3), generator=torch.Generator().manual_seed(3))
    if application.name == "efficientnet-lite0":
        wanted = (x - 127) / 128
    else:
        chosen = peers.torchvision.ResNet18_Weights.IMAGENET1K_V1.transforms()
        wanted = (x / 255 - torch.tensor(chosen.mean)) / torch.tensor(chosen.std)
    found = latih.applications.preprocess_input(x, application)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        latih.applications.preprocess_input(x, application.name), found, rtol=0, atol=0
    )
