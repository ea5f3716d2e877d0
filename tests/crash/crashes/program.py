"""The program that is killed: a script as people write it, with all that a resume could forget.

Its data follow from a seed of their own. The global seed need not be the same after a crash: what
it decided is in the snapshots. Only a run that was killed before there was any begins anew, and a
program that shall then be the same run must begin with the same seed, as this one is made to.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

import latih as keras

EXAMPLES, BATCH_SIZE, EPOCHS = 75, 8, 6
STEPS = -(-EXAMPLES // BATCH_SIZE)
SHAPE, CLASSES = (8, 8, 1), 3
NAN_EPOCH = 3


@dataclass(frozen=True)
class Variant:
    """A way to train and to keep the run.

    Args:
        name: what the table calls it.
        data: ``"arrays"``, ``"memory map"``, ``"data set"``, ``"loader"``, which has two workers,
            or ``"generator"``.
        every: the interval of snapshots: steps, ``"epoch"`` or a time.
        backup: whether ``BackupAndRestore`` keeps the run, and no ``run_dir``.
        nan: whether an epoch's validation loss is NaN, after the best one.
        patience: after how many epochs without an improvement training stops.
    """

    name: str
    data: str
    every: Any
    backup: bool = False
    nan: bool = False
    patience: int = EPOCHS

    @property
    def interval(self) -> int | None:
        """How many steps may be repeated at most; None where it is a time."""
        if self.every == "epoch":
            return STEPS
        return self.every if isinstance(self.every, int) else None


VARIANTS = (
    Variant("arrays, NaN in an epoch", "arrays", every=7, nan=True),
    Variant("memory map, early stop", "memory map", every="epoch", patience=1),
    Variant("loader, two workers", "loader", every=4),
    Variant("data set, every step", "data set", every=1),
    Variant("generator, 0.1 s", "generator", every="0.1s"),
    Variant("BackupAndRestore", "arrays", every=5, backup=True),
)


class Noisy(Dataset[Any]):
    """Images that every generator of the process makes noisy as they are read."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        noise = torch.rand(SHAPE) + random.random() + float(np.random.normal())
        return torch.from_numpy(self.images[row]) + 0.1 * noise, torch.tensor(self.labels[row])


class Drawing(keras.callbacks.Callback):
    """A user's: it counts, draws, logs what it drew, and once says that the loss was NaN."""

    def __init__(self, nan: bool) -> None:
        super().__init__()
        self.nan = nan
        self.steps, self.walk = 0, torch.zeros(2)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps += 1
        self.walk += torch.randn(2) * random.random()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["noise"] = float(np.random.normal())
        if self.nan and epoch == NAN_EPOCH:
            logs["val_loss"] = float("nan")

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "walk": self.walk}

    def load_state_dict(self, state: Any) -> None:
        self.steps, self.walk = state["steps"], state["walk"].clone()


@dataclass(frozen=True)
class Trained:
    """What is left in the process when training has ended."""

    model: Any
    stopping: Any
    plateau: Any
    drawing: Drawing


def write_data(folder: Path) -> None:
    """Write the images into files: those of the memory map must stand somewhere."""
    draw = np.random.default_rng(7)
    labels = draw.integers(0, CLASSES, EXAMPLES)
    images = draw.normal(size=(EXAMPLES, *SHAPE)).astype("float32")
    images[np.arange(EXAMPLES), labels] += 0.7  # a bright row tells the class
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)


def train(
    variant: Variant, place: Path, data: Path, seed: int, listeners: Sequence[Any] = ()
) -> Trained:
    """Train, from the beginning or from where the last process was killed.

    Args:
        variant: in which way.
        place: where the run is kept.
        data: where :func:`write_data` wrote.
        seed: the global one.
        listeners: callbacks that change nothing.
    """
    keras.utils.set_random_seed(seed)
    model = net()
    stopping = keras.callbacks.EarlyStopping(patience=variant.patience, restore_best_weights=True)
    plateau = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.2, cooldown=2)
    drawing = Drawing(variant.nan)
    callbacks = [*listeners, drawing, plateau, stopping]
    callbacks.append(keras.callbacks.CSVLogger(place / "table.csv"))
    if variant.backup:
        best = place / "best.keras"
        callbacks.append(keras.callbacks.ModelCheckpoint(best, save_best_only=True))
        callbacks.append(
            keras.callbacks.BackupAndRestore(place / "backup", save_freq=variant.every)
        )
        kept = {}
    else:
        kept = {"run_dir": place / "run", "snapshot_every": variant.every}
    images = np.load(data / "images.npy", "r" if variant.data == "memory map" else None)
    labels = np.load(data / "labels.npy")
    model.fit(
        **_examples(variant.data, images, labels),
        epochs=EPOCHS,
        verbose=0,
        callbacks=callbacks,
        class_weight={0: 1.0, 1: 0.5, 2: 2.0},
        validation_data=(images * np.float32(0.8), labels),
        validation_batch_size=3,
        **kept,
    )
    return Trained(model, stopping, plateau, drawing)


def net() -> Any:
    """Return a compiled net that draws, averages and remembers wherever a net can."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.0, 0.2),
            layers.Conv2D(3, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.25),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(
        0.3,
        use_ema=True,
        ema_momentum=0.9,
        ema_overwrite_frequency=5,
        gradient_accumulation_steps=3,
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _examples(data: str, images: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    if data == "loader":
        noisy = Noisy(images, labels)
        return {"x": DataLoader(noisy, BATCH_SIZE, shuffle=True, num_workers=2)}
    if data == "data set":
        return {"x": Noisy(images, labels), "batch_size": BATCH_SIZE}
    if data == "generator":
        return {"x": _batches(images, labels), "steps_per_epoch": STEPS}
    return {"x": images, "y": labels, "batch_size": BATCH_SIZE}


def _batches(images: np.ndarray, labels: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    # A generator has a past: who makes it anew must be able to make the same.
    draw = np.random.default_rng(11)
    while True:
        rows = draw.integers(0, EXAMPLES, BATCH_SIZE)
        yield images[rows], labels[rows]
