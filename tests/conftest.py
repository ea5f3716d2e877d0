"""What all tests share: real Keras, the outside truth, computes on PyTorch as Latih does."""

import importlib.util
import os
import signal
import sys
from collections.abc import Callable

# A shell that starts the tests in the background lets them, and what they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["KERAS_BACKEND"] = "torch"  # before anybody imports keras

# The nets of tests are so small that a second thread only waits, and long when the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anybody imports torch

import pytest
from hypothesis import settings

# The same examples every time: a test that fails, fails for everybody.
settings.register_profile("latih", deadline=None, derandomize=True, database=None)
settings.load_profile("latih")


@pytest.fixture(scope="session")
def without_torch() -> Callable[[str], list[str]]:
    """Give the command that runs a script in a process that never imports PyTorch.

    Such a script may import the rooms that need none, and those only: what the package itself
    imports takes seconds, and nothing in it locks a file or writes one.
    """
    found = importlib.util.find_spec("latih")
    assert found is not None and found.submodule_search_locations is not None
    package = (
        "import sys, types; sys.modules['latih'] = types.ModuleType('latih'); "
        f"sys.modules['latih'].__path__ = {list(found.submodule_search_locations)!r}\n"
    )
    return lambda script: [sys.executable, "-c", package + script]


@pytest.fixture
def without_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pages of runs show no curves, whose drawing takes longer than a small run itself."""
    monkeypatch.setattr("latih.report.page.make_plots", lambda epochs: [])
