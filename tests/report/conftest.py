"""What the tests of the report share."""

import importlib.util
import sys
from pathlib import Path

# The tests run with importlib's import mode, in which a test's folder is on no path.
for _name in ("runs", "reading"):
    _spec = importlib.util.spec_from_file_location(
        f"report_{_name}", Path(__file__).parent / f"{_name}.py"
    )
    assert _spec is not None and _spec.loader is not None
    _module = importlib.util.module_from_spec(_spec)
    sys.modules[f"report_{_name}"] = _module
    _spec.loader.exec_module(_module)
