"""Does learning without labels pay where labels are few? ``make bench-pretraining`` (hours).

Fashion-MNIST with 100, 500 and 2,000 labels and the other images without: nets from scratch, dense
and convolutional, beside the same nets pretrained by each method on all 60,000 images. Each way has
the same budget, but for 200 steps of the new head alone where there is a pretrained net below:
every configuration of one grid (learning rate, augmentation, and dropout before the head, or for
convolutions pooling) is tried on a fifth of one draw of 500 labels that is held back, as in
practice, and the best is trained on five other draws of each number and judged on the 10,000 test
images. Convolutions calculate in bfloat16, pretrained or not. What is known so far stands in the
JSON file after each training, and the same command goes on from there.
"""

import argparse
import itertools
import os
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from kept import Kept

import latih as keras
from latih.datasets import fashion_mnist

layers, pretraining = keras.layers, keras.pretraining
LABELS = (500, 100, 2000)
SEEDS = (1, 2, 3, 4, 5)
TUNING_SEED, TUNING_LABELS = 0, 500
STEPS, BATCH = 600, 50
GRID = [
    {"rate": rate, "augmented": augmented, "pooled_or_dropped": third}
    for rate, augmented, third in itertools.product((1e-3, 3e-4), (False, True), (False, True))
]
EPOCHS = {"denoising": 30, "dbn": 20, "masked": 8, "simclr": 40}
WAYS = ("dense", "convolutional", "denoising", "dbn", "simclr", "masked")
FROM_SCRATCH = ("dense", "convolutional")
CONVOLUTIONAL = ("convolutional", "simclr", "masked")
PAGE = Path(__file__).parent / "PRETRAINING.md"


@contextmanager
def calculating_in(policy):
    """Make what is made inside calculate so."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def convolutional():
    made = [keras.Input((28, 28, 1))]
    for filters, strides in ((32, 1), (64, 2), (128, 2), (128, 1)):
        made += [
            layers.Conv2D(
                filters, 3, strides, "same", use_bias=False, kernel_initializer="he_normal"
            ),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    return keras.Sequential(made)


def dense():
    he = {"kernel_initializer": "he_normal"}
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            *(layers.Dense(1000, "relu", **he), layers.Dense(500, "relu", **he)),
            layers.Dense(250, "relu", **he),
        ]
    )


def changes(strong):
    kept = {"fill_mode": "constant"}
    turn, move, zoom = (0.04, 0.12, 0.25) if strong else (0.02, 0.07, 0.1)
    return [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(turn, **kept),
        layers.RandomTranslation(move, move, **kept),
        layers.RandomZoom((-zoom, zoom / 2), **kept),
        *([layers.RandomContrast(0.5, value_range=(0, 1))] if strong else []),
    ]


def learn_without_labels(way, x, share, runs):
    """Return an encoder pretrained on all images."""
    epochs = max(1, round(EPOCHS[way] * share))
    kept = {"epochs": epochs, "verbose": 2}
    if way == "denoising":
        settings = {"noise": 0.3, "optimizer": "adam", "batch_size": 128}
        return pretraining.greedy(dense(), x, run_dir=runs / way, **settings, **kept).encoder
    if way == "dbn":
        net = pretraining.DBN([1000, 500, 250], weight_decay=2e-4)
        net.fit(x, batch_size=100, run_dir=runs / way, **kept)
        return net.encoder
    changed = changes(strong=True)  # in full precision, whatever the net calculates in
    with calculating_in("mixed_bfloat16"):
        if way == "masked":
            model = pretraining.MaskedAutoencoder(convolutional(), masked=0.6, patch=4)
        else:
            model = pretraining.Contrastive(
                convolutional(), changed, method=way, projection=(256, 64), temperature=0.2
            )
    steps = epochs * -(-len(x) // 256)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)))
    model.fit(x, batch_size=256, run_dir=runs / way, **kept)
    return model.encoder


def draw(y, count, seed):
    """Return so many places, the same number of each class."""
    dice = np.random.default_rng(seed)
    return np.concatenate(
        [dice.permutation(np.flatnonzero(y == c))[: count // 10] for c in range(10)]
    )


def net_of(way, encoder, configuration):
    """Return a net: the encoder, or a new one, with a head."""
    body = encoder
    if body is None and way == "dense":
        body = dense()
    elif body is None:
        with calculating_in("mixed_bfloat16"):
            body = convolutional()
    parts = changes(strong=False) if configuration["augmented"] else []
    pooled_or_dropped = configuration["pooled_or_dropped"]
    if len(body.output_shape) == 4:
        pooling = layers.GlobalAveragePooling2D if pooled_or_dropped else layers.Flatten
        before_head = [pooling(), layers.Dropout(0.5)]
    else:
        before_head = [layers.Dropout(0.5)] if pooled_or_dropped else []
    head = layers.Dense(10, "softmax")
    return keras.Sequential([keras.Input((28, 28, 1)), *parts, body, *before_head, head])


def trained(way, encoder_file, x, y, configuration, seed):
    """Train with labels: the head first where there is something to keep, then all of it."""
    keras.utils.set_random_seed(1000 + seed)
    encoder = None if encoder_file is None else keras.models.load_model(encoder_file)
    net = net_of(way, encoder, configuration)
    steps_an_epoch = -(-len(x) // BATCH)
    kept = {"batch_size": BATCH, "verbose": 0}
    loss = "sparse_categorical_crossentropy"
    if encoder is not None:
        encoder.trainable = False
        features = net.layers[-1].kernel.shape[0]
        net.compile(keras.optimizers.Adam(1e-2 if features <= 250 else 1e-3), loss)
        net.fit(x, y, epochs=-(-(STEPS // 3) // steps_an_epoch), **kept)
        encoder.trainable = True
    epochs = -(-STEPS // steps_an_epoch)
    rate = keras.optimizers.schedules.CosineDecay(configuration["rate"], epochs * steps_an_epoch)
    net.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    net.fit(x, y, epochs=epochs, **kept)
    return net


def accuracy(net, x, y):
    return float((net.predict(x, batch_size=1000, verbose=0).argmax(1) == y).mean())


class Results(Kept):
    """What is known so far, by way and number of labels."""

    def of(self, way, count):
        return self.known.setdefault(way, {}).setdefault(str(count), {"tuning": {}, "test": {}})

    def add(self, about):
        """Write what is known, and by what it was measured."""
        self.known.setdefault("about", {}).update(about)
        self.write()


def tune(way, data, encoder_file, results, about):
    """Return the best configuration, judged on what is held back of one draw of labels."""
    (x, y), _ = data
    known = results.of(way, TUNING_LABELS)
    order = np.random.default_rng(TUNING_SEED).permutation(draw(y, TUNING_LABELS, TUNING_SEED))
    held, kept = np.split(order, [TUNING_LABELS // 5])
    for place, configuration in enumerate(GRID):
        if str(place) not in known["tuning"]:
            net = trained(way, encoder_file, x[kept], y[kept], configuration, TUNING_SEED)
            known["tuning"][str(place)] = accuracy(net, x[held], y[held])
            results.add(about)
    best = int(max(known["tuning"], key=lambda place: known["tuning"][place]))
    known["best"] = GRID[best]
    return GRID[best]


def measure(way, count, data, encoder_file, results, about):
    """Train with draws of labels, and judge on the test images; go on from what is known."""
    configuration = tune(way, data, encoder_file, results, about)
    (x, y), (x_test, y_test) = data
    known = results.of(way, count)
    for seed in SEEDS:
        if str(seed) not in known["test"]:
            places = draw(y, count, seed)
            net = trained(way, encoder_file, x[places], y[places], configuration, seed)
            known["test"][str(seed)] = accuracy(net, x_test, y_test)
            results.add(about)
    scores = np.array(list(known["test"].values()))
    told = f"{100 * scores.mean():.1f} ± {100 * scores.std(ddof=1):.1f}"
    print(f"[{time.strftime('%H:%M:%S')}] {way}, {count} labels: {told}", flush=True)


def table(results):
    """Return what is known as a table of Markdown."""
    lines = ["| way | " + " | ".join(f"{c} labels" for c in sorted(LABELS)) + " |"]
    lines.append("|---" * (1 + len(LABELS)) + "|")
    for way in WAYS:
        cells = []
        for count in sorted(LABELS):
            scores = list(results.of(way, count)["test"].values())
            told = f"{100 * np.mean(scores):.1f}" if scores else "-"
            if len(scores) > 1:
                told += f" ± {100 * np.std(scores, ddof=1):.1f}"
            cells.append(told + ("" if len(scores) in (0, len(SEEDS)) else f" ({len(scores)})"))
        lines.append(f"| {way} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def gains(results):
    """Return how far the best pretrained net is above the best from scratch, for each number."""
    told = []
    for count in sorted(LABELS):
        means = {
            way: 100 * np.mean(list(scores.values()))
            for way in WAYS
            if (scores := results.of(way, count)["test"])
        }
        scratch = [mean for way, mean in means.items() if way in FROM_SCRATCH]
        learned = [mean for way, mean in means.items() if way not in FROM_SCRATCH]
        if scratch and learned:
            told.append(f"{max(learned) - max(scratch):+.1f} with {count}")
    return ", ".join(told)


def page(results):
    """Return the page: the table, and what was chosen for it."""
    about = results.known["about"]
    taken = [
        f"{way} {about[name] / 60:.0f}" for way in WAYS if (name := f"seconds of {way}") in about
    ]
    chosen = [
        f"- {way}: rate {best['rate']:g}"
        + (", augmented" if best["augmented"] else "")
        + ((", pooled" if way in CONVOLUTIONAL else ", dropout") * best["pooled_or_dropped"])
        for way in WAYS
        if (best := results.of(way, TUNING_LABELS).get("best"))
    ]
    return "\n".join(
        [
            "# What pretraining pays where labels are few",
            "",
            f"Fashion-MNIST: test accuracy in percent, mean and deviation over {len(SEEDS)} draws "
            f"of labels; fewer draws are given in brackets. All {len(GRID)} configurations were "
            f"tried for each way, on a fifth of one more draw of {TUNING_LABELS}. What is "
            "pretrained learned from all 60,000 images without labels: "
            f"{', '.join(taken)} minutes on {about['threads']} of {about['cores']} cores, for "
            f"{', '.join(f'{count} epochs of {way}' for way, count in EPOCHS.items())}. How many "
            "epochs was not tuned by that grid: those of simclr were doubled after 20 had come out "
            f"below the aim. PyTorch {about['torch']}.",
            "",
            "`make bench-pretraining`",
            "",
            table(results),
            "",
            f"Points of the best pretrained net over the best from scratch: {gains(results)} "
            "labels. The aim is 4 with 500.",
            "",
            "What was chosen:",
            "",
            *chosen,
            "",
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/pretraining"))
    parser.add_argument("--out", type=Path, default=Path("runs/pretraining.json"))
    parser.add_argument("--share", type=float, default=1.0, help="the part of the epochs to do")
    parser.add_argument("--labels", type=int, nargs="*", default=list(LABELS))
    parser.add_argument("ways", nargs="*", default=list(WAYS))
    asked = parser.parse_args()
    data = tuple((x[..., None] / np.float32(255), y) for x, y in fashion_mnist.load_data())
    asked.runs.mkdir(parents=True, exist_ok=True)
    results = Results(asked.out)
    share = results.known.get("about", {}).get("share", asked.share)
    if share != asked.share:
        parser.error(f"{asked.out} is of --share {share}: give another --out, and other --runs")
    epochs = results.known.get("about", {}).get("epochs", EPOCHS)
    if epochs != EPOCHS:
        parser.error(f"{asked.out} is of {epochs} epochs: give another --out, and other --runs")
    about = {
        "share": asked.share,
        "epochs": EPOCHS,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "latih": keras.__version__,
    }
    for count in asked.labels:
        for way in asked.ways:
            encoder_file = None
            if way not in FROM_SCRATCH:
                encoder_file = asked.runs / f"{way}.keras"
                if not encoder_file.is_file():
                    keras.utils.set_random_seed(TUNING_SEED)
                    began = time.perf_counter()
                    encoder = learn_without_labels(way, data[0][0], asked.share, asked.runs)
                    encoder.save(encoder_file)
                    about[f"seconds of {way}"] = round(time.perf_counter() - began)
            measure(way, count, data, encoder_file, results, about)
            print(table(results), flush=True)
    results.add(about)
    PAGE.write_text(page(results), encoding="utf-8")


if __name__ == "__main__":
    main()
