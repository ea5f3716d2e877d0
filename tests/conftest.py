"""What all tests share: real Keras, the outside truth, computes on PyTorch as Latih does."""

import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

# A shell that starts the tests in the background lets them, and what they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["KERAS_BACKEND"] = "torch"  # before anybody imports keras

# The nets of tests are so small that a second thread only waits, and long when the machine is busy.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anybody imports torch

# What is measured on a busy machine is nothing to remember.
os.environ["LATIH_MEASUREMENTS"] = os.devnull

import numpy as np
import pytest
import torch
from hypothesis import settings

import latih
from latih.engine.capture.native import library
from latih.layers.seeds import seed_state
from latih.structures import named_leaves
from latih.transfer.whole_net import train_whole

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
def wrecked_second_cycles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second cycle of a fine-tuning end with weights that know nothing."""

    def wrecking(network: Any, training: Any, validation: Any, *rest: Any) -> Any:
        history = train_whole(network, training, validation, *rest)
        if validation is None:
            network.model.set_weights([np.zeros_like(w) for w in network.model.get_weights()])
        return history

    monkeypatch.setattr("latih.transfer.phases.train_whole", wrecking)


@pytest.fixture
def without_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the pages of runs show no curves, whose drawing takes longer than a small run itself."""
    monkeypatch.setattr("latih.report.page.make_plots", lambda epochs, best: [])


@pytest.fixture
def without_native(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every recorded operation be done by the kernel of PyTorch's that did it first.

    Native kernels round differently, and a comparison to the bit would say no more than that.
    """
    monkeypatch.setattr(library, "_library", SimpleNamespace(kernels=None, obstacle="to the bit"))


WAYS: tuple[dict[str, Any], ...] = ({"run_eagerly": True}, {"jit_compile": "auto"})


@pytest.fixture
def assert_replay_changes_nothing(without_native: None) -> Callable[..., str]:
    """Train twice, by PyTorch's usual way and replayed: all numbers must be equal to the bit."""

    def check(train: Callable[..., Any], *, tolerance: float | None = None) -> str:
        """Return what explain_step() says of the second; train(**way) gives a model and more."""
        (model, *eager), (replayed, *further) = (_trained(train, way) for way in WAYS)
        _assert_same(_numbers(model, eager), _numbers(replayed, further), tolerance)
        return replayed.explain_step()

    return check


def _trained(train: Callable[..., Any], way: dict[str, Any]) -> tuple[Any, ...]:
    latih.utils.set_random_seed(7)
    result = train(**way)
    return result if isinstance(result, tuple) else (result,)


def _numbers(model: Any, further: list[Any]) -> dict[str, Any]:
    """Everything that training leaves behind."""
    metrics = [] if model.objective is None else model.objective.all_metrics
    return {
        "weights": list(model.weights),
        "tensors": [tensor for _, tensor in sorted(model.state_dict().items())],
        "optimizer": list(model.optimizer.variables),
        "sums": [list(metric.variables) for metric in metrics],
        "kept sums": [list(metric.variables) for metric in model.metrics],
        "history": [] if model.history is None else dict(model.history.history),
        "draws": [draws for _, draws in sorted(seed_state(model).items())],
        "further": further,
    }


def _assert_same(wanted: Any, got: Any, tolerance: float | None) -> None:
    wanted, got = list(named_leaves(wanted, "")), list(named_leaves(got, ""))
    assert [name for name, _ in wanted] == [name for name, _ in got]
    for (name, one), (_, other) in zip(wanted, got, strict=True):
        one, other = _array(one), _array(other)
        assert one.dtype == other.dtype and one.shape == other.shape, name
        if tolerance is None:
            np.testing.assert_array_equal(other, one, err_msg=name)
        else:
            np.testing.assert_allclose(other, one, rtol=tolerance, atol=tolerance, err_msg=name)


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach().numpy() if isinstance(value, torch.Tensor) else value)
