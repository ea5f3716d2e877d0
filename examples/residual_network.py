"""A small residual network: the functional API, convolutions, and a file that keeps it all.

A block adds what it computes to what it was given, so that a gradient always finds the short way
back, and depth costs nothing (He et al. 2016, "Deep Residual Learning for Image Recognition"). The
images are the piece of Fashion-MNIST that the package carries: no download.
"""

import numpy as np

import latih as keras
from latih.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    RandomFlip,
    ReLU,
    Rescaling,
)


def normalised(x, filters, kernel_size=3, strides=1):
    """A convolution without a bias, since the normalisation after it has one."""
    x = Conv2D(
        filters,
        kernel_size,
        strides,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
    )(x)
    return BatchNormalization(momentum=0.9)(x)


def residual_block(x, filters, strides=1):
    """Two convolutions beside a short way, which is as it is where the shapes allow it."""
    skip = x
    if strides > 1 or x.shape[-1] != filters:
        skip = normalised(x, filters, kernel_size=1, strides=strides)
    x = ReLU()(normalised(x, filters, strides=strides))
    x = normalised(x, filters)
    return ReLU()(Add()([x, skip]))


keras.utils.set_random_seed(42)
(x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_embedded()
x_train, x_test = x_train[..., np.newaxis], x_test[..., np.newaxis]

images = keras.Input((28, 28, 1), name="images")
x = Rescaling(1 / 255)(images)
x = RandomFlip("horizontal")(x)  # in training only
x = ReLU()(normalised(x, 16, strides=2))
for filters, strides in [(16, 1), (32, 2)]:
    x = residual_block(x, filters, strides)
x = GlobalAveragePooling2D()(x)
model = keras.Model(images, Dense(10, activation="softmax")(x), name="small_resnet")
model.summary()

epochs, batch_size = 3, 64
schedule = keras.optimizers.schedules.CosineDecay(0.005, epochs * len(x_train) // batch_size)
model.compile(
    keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x_train, y_train, batch_size, epochs, verbose=2, validation_data=(x_test, y_test))

model.save("small_resnet.keras")
again = keras.models.load_model("small_resnet.keras")
loss, accuracy = again.evaluate(x_test, y_test, verbose=0)
print(f"read from its file, it knows {accuracy:.1%} of the test images")
