"""Lets the tests, the trios and the benchmark import each other's parts by their plain names."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
for place in (HERE, HERE.parents[1] / "benchmarks" / "clinic"):
    if str(place) not in sys.path:
        sys.path.append(str(place))
