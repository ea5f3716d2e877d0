"""What a process must not do before its first epoch has ended."""

import subprocess
import sys

SCRIPT = """
import sys
import numpy as np
import latih as keras

model = keras.Sequential([keras.Input([8]), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
x, y = np.zeros((64, 8), "float32"), np.zeros((64, 1), "float32")
model.fit(x, y, validation_data=(x, y), epochs=2, verbose=0)
model.predict(x, verbose=0)
assert "replayed" in str(model.explain_step()), model.explain_step()
print(*(name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules))
"""


def test_a_recorded_fit_does_not_import_the_compiler_of_pytorch() -> None:
    """It takes more than a second: a third of what a process takes to its first epoch's end."""
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True
    ).stdout
    assert told.split() == []
