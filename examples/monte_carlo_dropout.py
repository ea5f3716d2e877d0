"""Monte Carlo dropout: a network that says when it does not know.

Dropout that stays on makes every prediction another one. The mean of a hundred is a better
prediction than any; their spread tells how sure the network is (Gal & Ghahramani 2016, "Dropout as
a Bayesian Approximation"). Clothes with their colours inverted, and noise, are like nothing that it
has seen: it must be less sure of them.
"""

import numpy as np

import latih as keras
from latih.layers import Dense, Flatten, LayerNormalization, MCDropout

keras.utils.set_random_seed(42)
(x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_embedded()
x_test, y_test = x_test[:400], y_test[:400]  # each is predicted a hundred times
noise = np.random.default_rng(42).integers(0, 256, size=x_test.shape)

model = keras.Sequential(
    [
        keras.Input((28, 28)),
        Flatten(),
        # Each image is brought to one brightness and contrast. Without it the many bright pixels of
        # an inverted image make every sum large, and a softmax of large numbers is always sure.
        LayerNormalization(center=False, scale=False),
        Dense(200, activation="relu", kernel_initializer="he_normal"),
        MCDropout(0.3),
        Dense(100, activation="relu", kernel_initializer="he_normal"),
        MCDropout(0.3),
        Dense(10, activation="softmax"),
    ]
)
model.compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=8, verbose=2)


def spread_of(images):
    """How far the chance of the favourite class wanders, on average over the images."""
    mean, deviation = model.predict(images, batch_size=400, verbose=0, samples=100)
    favourites = mean.argmax(axis=-1)[:, np.newaxis]
    return favourites[:, 0], float(np.take_along_axis(deviation, favourites, axis=-1).mean())


answers, known_spread = spread_of(x_test)
accuracy = float((answers == y_test).mean())
_, inverted_spread = spread_of(255 - x_test)
_, noise_spread = spread_of(noise)

print(f"it knows {accuracy:.1%} of the test images")
print(f"the chances of its answers wander by {known_spread:.3f} on clothes")
print(f"by {inverted_spread:.3f} on clothes with their colours inverted")
print(f"and by {noise_spread:.3f} on noise")
