"""Lets the tests of this folder import the evidence that is made by hand."""

import sys
from pathlib import Path

# The tests run with importlib's import mode, in which a test's folder is on no path.
sys.path.insert(0, str(Path(__file__).parent))
