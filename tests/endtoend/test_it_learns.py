"""On the whole of Fashion-MNIST the chapter's remedies work, and without them a deep net fails."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/usr/share/datasets/fashion-mnist").is_dir(),
        reason="the whole of Fashion-MNIST: apt-get install dataset-fashion-mnist",
    ),
]

EPOCHS = 10


@pytest.fixture(scope="module")
def images() -> Any:
    """Training and test images in 0..1, with their labels."""
    (x, y), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    return (x.astype("float32") / 255.0, y), (x_test.astype("float32") / 255.0, y_test)


def accuracies_of(layers: list[Any], images: Any, epochs: int = EPOCHS) -> np.ndarray:
    """Train with Adam as it comes; return the accuracy on the test images after each epoch."""
    training, test = images
    model = keras.Sequential(
        [
            keras.layers.Flatten(input_shape=[28, 28]),
            *layers,
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(*training, epochs=epochs, validation_data=test, verbose=0).history
    print("test accuracies", np.round(history["val_accuracy"], 4))
    return np.array(history["val_accuracy"])


def dense(units: int, activation: str, initializer: Any, normalised: bool) -> list[Any]:
    layers = [keras.layers.Dense(units, kernel_initializer=initializer, use_bias=not normalised)]
    if normalised:
        layers.append(keras.layers.BatchNormalization())
    return [*layers, keras.layers.Activation(activation)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_normalised_300_100_net_passes_88_percent(seed: int, images: Any) -> None:
    keras.utils.set_random_seed(seed)
    layers = [layer for units in (300, 100) for layer in dense(units, "relu", "he_normal", True)]
    assert accuracies_of(layers, images).max() > 0.88


def twenty(activation: str, initializer: Any, normalised: bool) -> list[Any]:
    """Twenty hidden layers of 100 units, each with initial weights of its own."""
    keras.utils.set_random_seed(42)
    blocks = [dense(100, activation, initializer(), normalised) for _ in range(20)]
    return [layer for block in blocks for layer in block]


def test_twenty_layers_learn_with_elu_he_and_normalisation(images: Any) -> None:
    layers = twenty("elu", keras.initializers.HeNormal, True)
    assert accuracies_of(layers, images).max() > 0.86


def test_twenty_layers_of_sigmoids_on_small_normal_weights_stay_near_chance(images: Any) -> None:
    # Keras's RandomNormal as it comes has the deviation 0.05: each layer passes back about
    # 100 * 0.05² / 16 of the square of a gradient, a sixty-fourth, and twenty layers nothing.
    layers = twenty("sigmoid", keras.initializers.RandomNormal, False)
    assert accuracies_of(layers, images).max() < 0.30
