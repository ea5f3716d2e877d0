"""A run that is killed and started again ends with the same bits as one that was left alone.

A process of its own trains, and is killed on the way by the signal that no program hears: so it
ends when memory runs out or a job's time is over. `fit` with the same `run_dir` then goes on from
the last snapshot: weights, the optimizer, patience, dropout and the order of the examples.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import latih as keras
from latih.layers import BatchNormalization, Dense, Dropout, Flatten


def train(run_dir, verbose):
    """The script of a run: it does not know whether it begins or goes on."""
    keras.utils.set_random_seed(42)
    (images, labels), _ = keras.datasets.fashion_mnist.load_embedded()
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            Flatten(),
            Dense(100, activation="relu", kernel_initializer="he_normal"),
            BatchNormalization(),
            Dropout(0.2),
            Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        images / 255.0,
        labels,
        validation_split=0.1,
        epochs=5,
        verbose=verbose,
        callbacks=[
            keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1),
            keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        ],
        run_dir=run_dir,
        snapshot_every=20,  # steps; an epoch has 141
    )
    return model, history


def train_and_be_killed(run_dir):
    """Start this script in a process, kill it once it wrote 20 snapshots, and say how it ended."""
    child = subprocess.Popen([sys.executable, __file__, "--train", run_dir])
    snapshots = Path(run_dir) / "snapshots"
    while child.poll() is None and not list(snapshots.glob("00002?")):
        time.sleep(0.001)
    child.kill()
    return child.wait()


if __name__ == "__main__" and sys.argv[1:2] == ["--train"]:
    train(sys.argv[2], verbose=0)

elif __name__ == "__main__":
    killed_by = -train_and_be_killed("runs/killed")
    print(f"the process was ended by signal {killed_by}; the same once more:")
    resumed, its_history = train("runs/killed", verbose=2)
    print("and a run that was left alone:")
    left_alone, history = train("runs/left_alone", verbose=2)

    same_weights = all(
        np.array_equal(one, other)
        for one, other in zip(resumed.get_weights(), left_alone.get_weights(), strict=True)
    )
    same_moments = all(
        bool((one == other).all())
        for one, other in zip(
            resumed.optimizer.variables, left_alone.optimizer.variables, strict=True
        )
    )
    same_history = its_history.history == history.history
    print(f"the same weights: {same_weights}, of the optimizer: {same_moments}")
    print(f"the same losses, accuracies and learning rates in all epochs: {same_history}")
