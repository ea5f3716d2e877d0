"""Lets the tests of this folder import what they train, and compare to the bit."""

import sys
from pathlib import Path

import pytest

# The tests run with importlib's import mode, in which a test's folder is on no path.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def to_the_bit(request: pytest.FixtureRequest) -> None:
    """Leave native kernels out, but in the tests that are marked as theirs."""
    if request.node.get_closest_marker("native") is None:
        request.getfixturevalue("without_native")
