"""What every peer trains: the layers, the batch, the number of images and of epochs.

It knows no framework. Run as a program, by the project's own Python, it writes the images as NumPy
files for peers that have no Latih: ``python workloads.py DIRECTORY``.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CLASSES = 10
LEARNING_RATE = 1e-3
ADAM_EPSILON = 1e-7
BATCH_NORMALIZATION_EPSILON = 1e-3
BATCH_NORMALIZATION_MOMENTUM = 0.99
"""What Keras has by default, given to the others too."""

PREDICT_BATCH = 256
PREDICTED = 39 * PREDICT_BATCH
"""The first images of the test set, in whole batches: nobody compiles a second shape."""


@dataclass(frozen=True)
class Dense:
    """A dense layer with He's initialisation, or Glorot's where it gives the classes."""

    units: int
    activation: str | None = None


@dataclass(frozen=True)
class Convolution:
    """A 3x3 convolution that keeps the image's size, with He's initialisation."""

    filters: int


@dataclass(frozen=True)
class BatchNormalization:
    """Over all axes but the last, the channels."""


@dataclass(frozen=True)
class Activation:
    """ReLU or ELU, in a layer of its own."""

    name: str


@dataclass(frozen=True)
class MaxPooling:
    """2x2, without overlap."""


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout."""

    rate: float


@dataclass(frozen=True)
class Flatten:
    """All but the batch's axis into one."""


Layer = Dense | Convolution | BatchNormalization | Activation | MaxPooling | Dropout | Flatten


@dataclass(frozen=True)
class Workload:
    """A net and how it is fed.

    Args:
        name: what the tables call it.
        described: the same in words.
        layers: from the images to what the softmax gets.
        batch: images a step.
        steps: steps an epoch; each batch is whole.
        epochs: the first is the cold start's; the best of the others is quoted.
    """

    name: str
    described: str
    layers: tuple[Layer, ...]
    batch: int
    steps: int
    epochs: int

    @property
    def images(self) -> int:
        """How many images an epoch has."""
        return self.batch * self.steps

    @property
    def has_convolutions(self) -> bool:
        """Whether images keep their shape and get an axis of one channel."""
        return any(isinstance(layer, Convolution) for layer in self.layers)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one image, channels last."""
        return (28, 28, 1) if self.has_convolutions else (28, 28)


def _dense(*units: int) -> tuple[Layer, ...]:
    return tuple(Dense(count, "relu") for count in units)


_CHAPTER = (
    Flatten(),
    BatchNormalization(),
    Dense(300, "relu"),
    BatchNormalization(),
    Dense(100, "relu"),
    BatchNormalization(),
    Dropout(0.2),
    Dense(CLASSES),
)
_DEEP = (Dense(100), BatchNormalization(), Activation("elu"))
_CONVOLUTIONAL = (
    Convolution(32),
    BatchNormalization(),
    Activation("relu"),
    MaxPooling(),
    Convolution(64),
    BatchNormalization(),
    Activation("relu"),
    MaxPooling(),
    Flatten(),
    Dense(128, "relu"),
    Dropout(0.5),
    Dense(CLASSES),
)
_MLP = (Flatten(), *_dense(300, 100), Dense(CLASSES))
_WIDE = (Flatten(), *_dense(2048, 2048, 2048), Dense(CLASSES))

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "tiny",
            "784-32-16-10, ReLU, batch 32",
            (Flatten(), *_dense(32, 16), Dense(CLASSES)),
            batch=32,
            steps=600,
            epochs=6,
        ),
        Workload("mlp", "784-300-100-10, ReLU, batch 32", _MLP, batch=32, steps=600, epochs=5),
        Workload("mlp256", "the same, batch 256", _MLP, batch=256, steps=100, epochs=6),
        Workload(
            "chapter",
            "the same with three batch normalisations and dropout, batch 32",
            _CHAPTER,
            batch=32,
            steps=400,
            epochs=5,
        ),
        Workload(
            "deep20",
            "twenty times dense 100, batch normalisation, ELU, batch 32",
            (Flatten(), *(_DEEP * 20), Dense(CLASSES)),
            batch=32,
            steps=150,
            epochs=5,
        ),
        Workload("wide", "784-2048-2048-2048-10, ReLU, batch 128", _WIDE, 128, steps=40, epochs=4),
        Workload("wide1024", "the same, batch 1024", _WIDE, batch=1024, steps=10, epochs=4),
        Workload(
            "cnn",
            "28×28, conv 32, BN, ReLU, pool, conv 64, BN, ReLU, pool, dense 128, dropout, dense 10,"
            " batch 64",
            _CONVOLUTIONAL,
            batch=64,
            steps=60,
            epochs=4,
        ),
    )
}


@dataclass(frozen=True)
class Data:
    """Images in 0..1, float32, channels last, and labels in 0..9, int64."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load(directory: Path, workload: Workload, images: int) -> Data:
    """Read as much of the images as a workload wants into memory."""

    def part(name: str, count: int) -> tuple[np.ndarray, np.ndarray]:
        x = np.load(directory / f"x_{name}.npy", mmap_mode="r")[:count]
        y = np.load(directory / f"y_{name}.npy", mmap_mode="r")[:count]
        return np.array(x).reshape(-1, *workload.input_shape), np.array(y)

    return Data(*part("train", images), *part("test", PREDICTED))


def write(directory: Path) -> None:
    """Write the whole of Fashion-MNIST as four NumPy files."""
    # The peers import this file, and their environments have no Latih.
    from latih.datasets import fashion_mnist

    for name, (x, y) in zip(("train", "test"), fashion_mnist.load_data(), strict=True):
        np.save(directory / f"x_{name}.npy", (x / np.float32(255)).astype("float32"))
        np.save(directory / f"y_{name}.npy", y.astype("int64"))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
