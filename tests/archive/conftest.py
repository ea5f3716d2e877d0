"""Where the tests of files find the models that cross over, which also run by themselves."""

import sys
from pathlib import Path

# The tests run with importlib's import mode, in which a test's folder is on no path.
sys.path.append(str(Path(__file__).parent))

# They are run in processes of their own, with one or another release of Keras.
collect_ignore_glob = ["crossing_*.py"]
