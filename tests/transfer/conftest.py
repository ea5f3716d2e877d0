"""Lets the tests of this folder import the small net that they fine-tune."""

import sys
from pathlib import Path

# The tests run with importlib's import mode, in which a test's folder is on no path.
sys.path.append(str(Path(__file__).parent))
