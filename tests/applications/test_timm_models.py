"""Networks of timm as models: the module's own outputs, and images as they come."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import latih
from latih.applications import from_timm
from latih.errors import InputError, MissingExtraError


def test_a_network_of_timm_is_a_model(peers: SimpleNamespace) -> None:
    model = from_timm("resnet18", classes=3, input_shape=(64, 64, 3))
    assert model.output_shape == (None, 3) and model.name == "resnet18"
    x = torch.randn(2, 64, 64, 3)
    with torch.no_grad():
        torch.testing.assert_close(model(x), model.module(x.permute(0, 3, 1, 2)))
    own = sum(parameter.numel() for parameter in model.module.parameters())
    assert sum(weight.numel() for weight in model.trainable_weights) == own
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile("adam", latih.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    model.fit(x, np.array([0, 2]), verbose=0)
    after = model.module.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"fc.weight", "fc.bias"}


def test_it_may_take_images_as_they_come(peers: SimpleNamespace) -> None:
    model = from_timm("mobilenetv2_100", classes=0, include_preprocessing=True)
    assert model.input_shape == (None, 224, 224, 3) and model.output_shape == (None, 1280)
    network = model.layers[-1].module
    images = torch.randint(0, 256, (1, 224, 224, 3), dtype=torch.uint8)
    settings = network.pretrained_cfg
    x = (images / 255 - torch.tensor(settings["mean"])) / torch.tensor(settings["std"])
    with torch.no_grad():
        wanted = network(x.permute(0, 3, 1, 2))
    found = model.predict(images, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_what_timm_does_not_have_is_refused(
    peers: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="Did you mean 'resnet18'"):
        from_timm("resnet-18")
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r'pip install "latih\[timm\]"'):
        from_timm("resnet18")
