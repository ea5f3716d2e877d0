"""What is timed: nets of the chapter on Fashion-MNIST, in the language that both packages speak.

Run as a program it trains one workload in one package, in a process of its own, and prints one
line of JSON; ``run.py`` does so in turns.
"""

import argparse
import json
import os
import resource
import sys
import time

START = time.perf_counter()


def build(keras, name):
    layers = keras.layers

    def dense(units):
        return layers.Dense(units, activation="relu", kernel_initializer="he_normal")

    stacks = {
        "tiny": [dense(32), dense(16)],
        "mlp": [dense(300), dense(100)],
        "mlp256": [dense(300), dense(100)],
        "chapter": [
            layers.BatchNormalization(),
            dense(300),
            layers.BatchNormalization(),
            dense(100),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
        ],
        "deep20": [
            layer
            for _ in range(20)
            for layer in (
                layers.Dense(100, kernel_initializer="he_normal"),
                layers.BatchNormalization(),
                layers.Activation("elu"),
            )
        ],
    }
    return keras.Sequential(
        [
            keras.Input([28, 28]),
            layers.Flatten(),
            *stacks[name],
            layers.Dense(10, activation="softmax"),
        ]
    )


def measure(package, name, epochs):
    if package == "keras-torch":
        os.environ["KERAS_BACKEND"] = "torch"
        import keras
    else:
        import latih as keras
    imported = time.perf_counter() - START
    from latih.datasets import fashion_mnist

    (x, y), _ = fashion_mnist.load_embedded()
    x = (x / 255.0).astype("float32")
    batch = 256 if name == "mlp256" else 32
    keras.utils.set_random_seed(42)
    model = build(keras, name)
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    steps = -(-len(x) // batch)
    seconds, loss = [], None
    for _ in range(epochs):
        began = time.perf_counter()
        loss = model.fit(x, y, batch_size=batch, epochs=1, verbose=0).history["loss"][-1]
        seconds.append(time.perf_counter() - began)
        if len(seconds) == 1:
            first_epoch = time.perf_counter() - START
    return {
        "microseconds_a_step": min(seconds) / steps * 1e6,
        "import_seconds": imported,
        "seconds_to_end_of_first_epoch": first_epoch,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "final_loss": float(loss),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("package", choices=["latih", "keras-torch"])
    parser.add_argument("workload")
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    json.dump(measure(arguments.package, arguments.workload, arguments.epochs), sys.stdout)
