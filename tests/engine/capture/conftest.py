"""Lets the tests of this folder import what they train, and compare to the bit."""

import sys
from pathlib import Path

import pytest

# The tests run with importlib's import mode, in which a test's folder is on no path.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def to_the_bit(request: pytest.FixtureRequest) -> None:
    """Leave native kernels out, but in their own tests."""
    if not request.path.name.startswith("test_native"):
        request.getfixturevalue("without_native")
