"""EfficientNet-Lite0 with its real weights: what it sees in real photographs."""

import numpy as np
import pytest
import torch
from PIL import Image
from reference_networks.lite0 import Lite0

from latih.applications import EfficientNetLite0, decode_predictions, efficientnet_lite
from latih.applications.efficientnet_lite import preprocess_input
from latih.transfer import fine_tune

CATS = slice(281, 294)
"""ImageNet's cats: tabby, tiger cat, Persian, Siamese, Egyptian, then the wild ones."""

skimage = pytest.importorskip("skimage.data", reason="scikit-image is not installed")


@pytest.fixture(scope="module")
def photographs() -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = {}
    for name in ("chelsea", "coffee"):
        picture = Image.fromarray(getattr(skimage, name)())
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side)).resize((224, 224))
        found[name] = torch.from_numpy(np.array(square))[None]
    return found


def test_real_weights_name_a_cat_and_an_espresso(photographs: dict[str, torch.Tensor]) -> None:
    model = EfficientNetLite0()
    seen = {
        name: model.predict(preprocess_input(picture), verbose=0)
        for name, picture in photographs.items()
    }
    said = {name: decode_predictions(one, top=3)[0] for name, one in seen.items()}
    assert {name for _, name, _ in said["chelsea"]} == {"Egyptian_cat", "tiger_cat", "tabby"}
    assert seen["chelsea"][0, CATS].sum() >= 0.9
    assert said["coffee"][0][1] == "espresso" and said["coffee"][0][2] >= 0.9


def test_real_logits_are_those_of_the_reference(photographs: dict[str, torch.Tensor]) -> None:
    path = efficientnet_lite.PRETRAINED.found()
    module = Lite0()
    module.load_state_dict(torch.load(path, weights_only=True))
    module.eval()
    model = EfficientNetLite0(classifier_activation=None)
    x = torch.cat([preprocess_input(picture) for picture in photographs.values()])
    with torch.no_grad():
        assert (model(x) - module(x.permute(0, 3, 1, 2))).abs().max() <= 1e-4


def test_the_name_of_a_network_is_a_base_that_takes_pictures_as_they_come() -> None:
    dice = np.random.default_rng(1)

    def cut(picture: np.ndarray, count: int) -> list[np.ndarray]:
        heights, widths = (dice.integers(0, side - 128, count) for side in picture.shape[:2])
        return [picture[h : h + 128, w : w + 128] for h, w in zip(heights, widths, strict=True)]

    x = np.stack(
        [part for name in ("chelsea", "coffee") for part in cut(getattr(skimage, name)(), 12)]
    )
    names = np.repeat(["cat", "coffee"], 12)
    tuned = fine_tune("efficientnet-lite0", x, names, epochs=1, image_size=96, seed=1, verbose=0)
    assert tuned.class_names == ("cat", "coffee")
    assert tuned.score >= tuned.probe_score >= 0.75
    assert (tuned.model.predict(x, verbose=0).argmax(axis=1) == (names == "coffee")).mean() >= 0.9
