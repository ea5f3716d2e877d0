"""The outside truth of these tests: torchvision's and timm's networks, and one in plain PyTorch."""

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

# The tests run with importlib's import mode, in which a test's folder is on no path.
sys.path.insert(0, str(Path(__file__).parent))

# Beside the packages that are installed: torchvision's kernels are built for one build of PyTorch,
# and its networks, which need none of them, run with any.
TIMM = Path(sys.prefix) / "timm"


@pytest.fixture(scope="session")
def peers() -> SimpleNamespace:
    """Give the modules timm and torchvision."""
    if not (TIMM / "timm").is_dir():
        pytest.skip("timm is not there: `make test` installs it into .venv/timm")
    sys.path.append(str(TIMM))
    try:
        importlib.import_module("torchvision")
    except RuntimeError:  # its kernels are not for this PyTorch: their names alone will do
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for kernel in ("nms", "qnms"):
            arguments = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            torch.library.define(f"torchvision::{kernel}", arguments)
        importlib.import_module("torchvision")
    models = importlib.import_module("torchvision.models")
    return SimpleNamespace(timm=importlib.import_module("timm"), torchvision=models)
