"""Lets the tests import the parts of the benchmarks by their plain names."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
for place in (ROOT / "benchmarks" / "clinic", ROOT / "tests" / "clinic"):
    if str(place) not in sys.path:
        sys.path.append(str(place))
