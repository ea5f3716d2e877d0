"""An array of 20 GB trains in a process that never holds more than 1.5 GB."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

GIGABYTE = 10**9
ROW = 784 * 4
MOST = 1.5 * GIGABYTE

# What is read, 4 GB, would be the process's if its pages were not given back.
SCRIPT = """
import sys
import numpy as np
import latih as keras

x = np.load(sys.argv[1], mmap_mode="r")
y = np.zeros(len(x), np.uint8)
keras.utils.set_random_seed(1)
model = keras.Sequential([
    keras.Input([784]),
    keras.layers.Dense(16, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=256, epochs=2, steps_per_epoch=2000, verbose=0,
                    validation_data=(x[-400_000:], y[-400_000:]), validation_steps=200)
assert model.predict(x, batch_size=1024, steps=200, verbose=0).shape == (204_800, 10)
assert np.isfinite(history.history["loss"]).all()
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.slow
def test_a_map_of_20_gb_trains_within_a_gigabyte_and_a_half(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells the peak of a process's memory")
    path = tmp_path / "x.npy"
    rows = 20 * GIGABYTE // ROW
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, 784)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + rows * ROW)  # a hole: it takes no place on the disk
    assert path.stat().st_size > 19.9 * GIGABYTE
    told = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)], check=True, capture_output=True, text=True
    ).stdout
    assert int(told) < MOST
