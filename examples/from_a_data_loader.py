"""Data that come in batches: a torch ``DataLoader`` and a generator, straight into ``fit``.

What does not fit into memory is read as it is needed. A ``DataLoader`` knows its length; a
generator may go on for ever, so an epoch is as many steps as one says.
"""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

import latih as keras
from latih.layers import Conv2D, Dense, Flatten, MaxPooling2D, ReLU

keras.utils.set_random_seed(42)
(x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_embedded()


class Clothes(Dataset):
    """One image at a time, as floats in 0..1 with an axis for its one channel."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = torch.from_numpy(self.images[index]).unsqueeze(-1) / 255
        return image, int(self.labels[index])


def mirrored_half(images, labels, batch_size, seed):
    """Batches without end, every second image mirrored."""
    random = np.random.default_rng(seed)
    while True:
        chosen = random.integers(len(labels), size=batch_size)
        batch = images[chosen, ..., np.newaxis].astype("float32") / 255
        batch[::2] = batch[::2, :, ::-1]
        yield batch, labels[chosen]


model = keras.Sequential(
    [
        keras.Input((28, 28, 1)),
        Conv2D(16, 3, kernel_initializer="he_normal"),
        ReLU(),
        MaxPooling2D(),
        Flatten(),
        Dense(64, activation="relu", kernel_initializer="he_normal"),
        Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

loader = DataLoader(
    Clothes(x_train, y_train),
    batch_size=32,
    shuffle=True,
    generator=torch.Generator().manual_seed(42),
)
tests = DataLoader(Clothes(x_test, y_test), batch_size=250)
model.fit(loader, epochs=3, validation_data=tests, verbose=2)

generator = mirrored_half(x_train, y_train, batch_size=32, seed=42)
model.fit(generator, steps_per_epoch=150, epochs=5, initial_epoch=3, verbose=2)

loss, accuracy = model.evaluate(tests, verbose=0)
mirrored = DataLoader(Clothes(x_test[:, :, ::-1].copy(), y_test), batch_size=250)
_, mirrored_accuracy = model.evaluate(mirrored, verbose=0)
print(f"it knows {accuracy:.1%} of the test images, {mirrored_accuracy:.1%} of them mirrored")
