"""Do two old experiments on the whole of MNIST again, and write what came: ``make reproduce``.

The deep belief net of Hinton, Osindero & Teh (2006), 784-500-500-2000, trained on with labels; and
the autoencoder of Hinton & Salakhutdinov (2006), 784-1000-500-250-30, pretrained by RBMs and not.
An hour or two: each part is a run, and the same command goes on where one was broken off; what is
known so far stands in REPRODUCED.json after each part, and in RESULTS.md in the end. ``--share
0.1`` does a tenth of the epochs.
"""

import argparse
import os
import platform
import time
from pathlib import Path

import numpy as np
import torch
from kept import Kept
from old_experiments import PARTS

import latih as keras
from latih.datasets.idx import read_idx_directory

HERE = Path(__file__).parent
SEED = 42
BATCH = 100
BATCH_OF_AUTOENCODER = 500
EPOCHS = {
    "dbn machines": 30,
    "dbn": 60,
    "autoencoder machines": 6,
    "autoencoder": 60,
    "unpretrained": 60,
}


class Results(Kept):
    """What is known so far, part by part.

    Args:
        path: a JSON file.
        about: what holds for all of it.
    """

    def __init__(self, path, about):
        super().__init__(path)
        self.known["about"] = about

    def put(self, part, **values):
        self.known.setdefault(part, {}).update(values)
        self.write()
        told = ", ".join(f"{name} {value}" for name, value in values.items())
        print(f"[{time.strftime('%H:%M:%S')}] {part}: {told}", flush=True)


class AfterSomeEpochs(keras.callbacks.Callback):
    """Writes down every few epochs how far a part has come.

    Args:
        results: where.
        part: which part.
        measure: what is measured.
        every: after how many epochs.
    """

    def __init__(self, results, part, measure, every):
        super().__init__()
        self.results, self.part, self.measure, self.every = results, part, measure, every

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % self.every == 0:
            measured = self.measure(self.model)
            self.results.put(self.part, epochs=epoch + 1, so_far=measured, loss=logs["loss"])


def error_an_image(net, x):
    """The squared error of an image, summed over its pixels, as the paper counts."""
    made = net.predict(x, batch_size=1000, verbose=0)
    return float(np.square(made - x).sum(1).mean())


def pca(data, results):
    x, x_test = data["x"], data["x_test"]
    mean = x.mean(0)
    covariance = (x - mean).T.astype(np.float64) @ (x - mean) / len(x)
    components = np.linalg.eigh(covariance)[1][:, -30:].astype(np.float32)
    rest = (x_test - mean) - (x_test - mean) @ components @ components.T
    results.put("pca", error_an_image=float(np.square(rest).sum(1).mean()))


def fine_tuned(net, part, data, results, runs, share, measure, targets):
    """Train a net on, to the end of a schedule that falls as a cosine."""
    epochs = max(1, round(EPOCHS[part] * share))
    batch = BATCH if part == "dbn" else BATCH_OF_AUTOENCODER
    steps = epochs * -(-len(data["x"]) // batch)
    warm = steps // 20
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warm, alpha=0.0, warmup_target=1e-3, warmup_steps=warm
    )
    loss = {"loss": "sparse_categorical_crossentropy"} if part == "dbn" else {}
    net.compile(keras.optimizers.Adam(rate), **loss)
    began = time.perf_counter()
    net.fit(
        data["x"],
        targets,
        batch_size=batch,
        epochs=epochs,
        verbose=2,
        run_dir=runs / part,
        callbacks=[AfterSomeEpochs(results, part, measure, 10)],
    )
    return epochs, time.perf_counter() - began


def dbn(data, results, runs, share):
    x, y, x_test, y_test = (data[name] for name in ("x", "y", "x_test", "y_test"))
    keras.utils.set_random_seed(SEED)
    net = keras.pretraining.DBN([500, 500, 2000], learning_rate=0.05, weight_decay=2e-4)
    epochs = max(1, round(EPOCHS["dbn machines"] * share))
    net.fit(x, epochs=epochs, batch_size=BATCH, verbose=2, run_dir=runs / "dbn-machines")
    results.put("dbn", epochs_of_each_machine=epochs)
    model = net.to_model(10, dropout=0.3)

    def test_error(model):
        guessed = model.predict(x_test, batch_size=1000, verbose=0).argmax(1)
        return round(100 * float((guessed != y_test).mean()), 3)

    done, seconds = fine_tuned(model, "dbn", data, results, runs, share, test_error, y)
    results.put("dbn", epochs=done, test_error_percent=test_error(model), seconds=round(seconds))


def autoencoder(data, results, runs, share):
    keras.utils.set_random_seed(SEED)
    settings = {"reconstruction": "mean", "weight_decay": 2e-4}
    machines = [keras.pretraining.RBM(units, **settings) for units in (1000, 500, 250)]
    machines.append(keras.pretraining.RBM(30, hidden="gaussian", **settings))
    net = keras.pretraining.DBN(machines)
    epochs = max(1, round(EPOCHS["autoencoder machines"] * share))
    net.fit(data["x"], epochs=epochs, batch_size=BATCH, verbose=2, run_dir=runs / "machines")
    deep = net.unroll()
    before = error_an_image(deep, data["x_test"])
    results.put("autoencoder", epochs_of_each_machine=epochs, before_fine_tuning=before)
    _train_autoencoder(deep, "autoencoder", data, results, runs, share)


def unpretrained(data, results, runs, share):
    keras.utils.set_random_seed(SEED)
    dense = keras.layers.Dense
    up = [*(dense(units, "sigmoid") for units in (1000, 500, 250)), dense(30)]
    down = [dense(units, "sigmoid") for units in (250, 500, 1000, 784)]
    net = keras.pretraining.Autoencoder(up, down)
    net.build((None, 784))
    _train_autoencoder(net, "unpretrained", data, results, runs, share)


def _train_autoencoder(net, part, data, results, runs, share):
    def measure(model):
        return error_an_image(model, data["x_test"])

    done, seconds = fine_tuned(net, part, data, results, runs, share, measure, None)
    results.put(part, epochs=done, error_an_image=measure(net), seconds=round(seconds))
    on_training = error_an_image(net, data["x"][:10_000])
    results.put(part, error_an_image_of_training=on_training)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a directory with MNIST's files")
    parser.add_argument("--runs", type=Path, default=Path("runs/reproduce"))
    parser.add_argument("--out", type=Path, default=HERE / "REPRODUCED.json")
    parser.add_argument("--share", type=float, default=1.0, help="the part of the epochs to do")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    asked = parser.parse_args()
    data = read_idx_directory(asked.data)
    for name in ("x", "x_test"):
        data[name] = data[name].reshape(-1, 784) / np.float32(255)
    about = {
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "latih": keras.__version__,
    }
    results = Results(asked.out, about)
    for part in asked.parts or PARTS:
        if part == "pca":
            pca(data, results)
        else:
            ways = {"dbn": dbn, "autoencoder": autoencoder, "unpretrained": unpretrained}
            ways[part](data, results, asked.runs, asked.share)


if __name__ == "__main__":
    main()
