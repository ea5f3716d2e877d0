"""The script that a textbook prints runs as it stands, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import latih
from latih.datasets import fashion_mnist
from latih.datasets.idx import write_idx

SCRIPT = """
import latih as keras
(X_train_full, y_train_full), (X_test, y_test) = keras.datasets.fashion_mnist.load_data()
X_valid, X_train = X_train_full[:5000] / 255.0, X_train_full[5000:] / 255.0
y_valid, y_train = y_train_full[:5000], y_train_full[5000:]
model = keras.models.Sequential([
    keras.layers.Flatten(input_shape=[28, 28]),
    keras.layers.BatchNormalization(),
    keras.layers.Dense(100, activation="relu", kernel_initializer="he_normal"),
    keras.layers.BatchNormalization(),
    keras.layers.Dropout(rate=0.2),
    keras.layers.Dense(10, activation="softmax"),
])
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
checkpoint_cb = keras.callbacks.ModelCheckpoint("my_model.keras", save_best_only=True)
early_stopping_cb = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
lr_scheduler_cb = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=5)
def schedule(epoch):
    return 0.01 * 0.1**(epoch / 20)
lr_cb = keras.callbacks.LearningRateScheduler(schedule)
model.fit(X_train, y_train, validation_data=(X_valid, y_valid), epochs=100,
          callbacks=[checkpoint_cb, early_stopping_cb, lr_scheduler_cb])
"""


def run_script(directory: Path, data: Path | None) -> str:
    script = directory / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "LATIH_DATA"}
    if data is not None:
        environment["LATIH_DATA"] = str(data)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_the_textbooks_script_trains_on_the_images_that_the_package_carries(tmp_path: Path) -> None:
    # The script holds back the first 5,000 of 6,000 images, so it learns from 1,000.
    (x, y), (x_test, y_test) = fashion_mnist.load_embedded()
    data = tmp_path / "data"
    for part, images, labels in (
        ("train", np.concatenate([x, x_test]), np.concatenate([y, y_test])),
        ("t10k", x_test, y_test),
    ):
        write_idx(data / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(data / f"{part}-labels-idx1-ubyte.gz", labels)
    # Learnt from are the very 1,000 that the script loads as its test images, so what it scores is
    # told by the 5,000 that it has not learnt from.
    said = run_script(tmp_path, data)
    assert said.startswith("Epoch 1/100 - ")
    model = latih.models.load_model(tmp_path / "my_model.keras")
    _, unseen = model.evaluate(x / 255.0, y, verbose=0)
    _, seen = model.evaluate(x_test / 255.0, y_test, verbose=0)
    assert unseen > 0.78
    assert seen > 0.80


def test_the_checkpoint_holds_the_best_epoch_that_was_printed(tmp_path: Path) -> None:
    (x, y), _ = fashion_mnist.load_embedded()
    data = tmp_path / "data"
    few = slice(4500, 5000)
    for part, images, labels in (
        ("train", np.concatenate([x, x[few]]), np.concatenate([y, y[few]])),
        ("t10k", x[few], y[few]),
    ):
        write_idx(data / f"{part}-images-idx3-ubyte.gz", images)
        write_idx(data / f"{part}-labels-idx1-ubyte.gz", labels)
    lines = [line.split(" - ") for line in run_script(tmp_path, data).splitlines()]
    losses = [
        float(part.removeprefix("val_loss: "))
        for line in lines
        for part in line
        if part.startswith("val_loss: ")
    ]
    assert len(losses) == len(lines)
    # Patience 10: ten epochs after the best, and not one more.
    assert len(losses) == int(np.argmin(losses)) + 1 + 10
    model = latih.models.load_model(tmp_path / "my_model.keras")
    loss, _ = model.evaluate(x / 255.0, y, verbose=0)
    assert round(loss, 4) == pytest.approx(min(losses), abs=1.1e-4)


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/usr/share/datasets/fashion-mnist").is_dir(),
    reason="the whole of Fashion-MNIST: apt-get install dataset-fashion-mnist",
)
def test_the_textbooks_script_trains_on_the_whole_set(tmp_path: Path) -> None:
    said = run_script(tmp_path, Path("/usr/share/datasets/fashion-mnist"))
    _, (x_test, y_test) = fashion_mnist.load_data()
    model = latih.models.load_model(tmp_path / "my_model.keras")
    _, accuracy = model.evaluate(x_test / 255.0, y_test, verbose=0)
    print(f"{len(said.splitlines())} epochs, test accuracy {accuracy:.4f}")
    assert accuracy > 0.87
