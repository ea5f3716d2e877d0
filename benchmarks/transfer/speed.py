"""How fast fine-tuning is: an epoch beside a plain loop over timm's net, and the head on its cache.

    python benchmarks/transfer/speed.py --timm FOLDER

``FOLDER`` is where ``pip install --target`` put timm and torchvision. The ways take turns in one
process; the median of the ratios within the rounds is what counts.
"""

import argparse
import importlib
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))  # before torch is imported

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import latih as keras
from latih import transfer

TABLE = Path(__file__).resolve().parent.parent / "TRANSFER_SPEED.md"
SIZE, IMAGES, CLASSES, BATCH = 128, 256, 4, 32
EPOCHS = 4  # of one training: the first step of each is the dearest, and told of apart
SEED = 1

Way = Callable[[], list[float]]
"""Trains, and returns the seconds of each epoch."""


class Clock(keras.callbacks.Callback):
    """Takes the time of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write down how long it took; the first began with the training."""
        now = time.perf_counter()
        self.seconds.append(now - self.began)
        self.began = now


def trained(model: Any, x: np.ndarray, y: np.ndarray) -> list[float]:
    """Return the seconds of each epoch of a training."""
    clock = Clock()
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=0, callbacks=[clock])
    return clock.seconds


def images() -> tuple[np.ndarray, np.ndarray]:
    """Return what nobody can learn, which costs as much as what everybody can."""
    dice = np.random.default_rng(SEED)
    x = dice.integers(0, 256, (IMAGES, SIZE, SIZE, 3), dtype=np.uint8)
    return x, np.arange(IMAGES) % CLASSES


def of_latih(x: np.ndarray, y: np.ndarray, policy: str, *, is_frozen: bool) -> Way:
    """Return what trains some epochs of the net with a new head, its statistics kept."""
    keras.utils.set_random_seed(SEED)
    keras.config.set_dtype_policy(policy)
    base = keras.applications.EfficientNetLite0(
        include_top=False, weights=None, pooling="avg", input_shape=(SIZE, SIZE, 3)
    )
    if is_frozen:
        transfer.freeze(base)
    inputs = keras.Input((SIZE, SIZE, 3))
    scaled = keras.layers.Rescaling(1 / 128, offset=-127 / 128)(inputs)
    outputs = keras.layers.Dense(CLASSES, "softmax")(base(scaled, training=False))
    model = keras.Model(inputs, outputs)
    keras.config.set_dtype_policy("float32")
    model.compile(keras.optimizers.AdamW(1e-5), "sparse_categorical_crossentropy")
    return lambda: trained(model, x, y)


def of_timm(x: np.ndarray, y: np.ndarray, is_short: bool) -> Way:
    """Return what trains some epochs of timm's net in a plain loop, channels last."""
    torch.manual_seed(SEED)
    net = importlib.import_module("timm").create_model("tf_efficientnet_lite0", num_classes=CLASSES)
    net = net.to(memory_format=torch.channels_last).train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-5)
    given, targets = torch.from_numpy(x), torch.from_numpy(y)

    def epoch() -> float:
        began = time.perf_counter()
        for rows in torch.randperm(len(x)).split(BATCH):
            batch = given[rows].permute(0, 3, 1, 2).float().sub(127).div(128)
            batch = batch.contiguous(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16, enabled=is_short):
                loss = F.cross_entropy(net(batch).float(), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.perf_counter() - began

    return lambda: [epoch() for _ in range(EPOCHS)]


def head_on_cache(x: np.ndarray, y: np.ndarray) -> Way:
    """Return what trains some epochs of the head alone, on features that were reckoned before."""
    keras.utils.set_random_seed(SEED)
    base = keras.applications.EfficientNetLite0(
        include_top=False, weights=None, pooling="avg", input_shape=(SIZE, SIZE, 3)
    )
    features = base.predict(x, verbose=0)
    model = keras.Sequential(
        [keras.Input(features.shape[1:]), keras.layers.Dense(CLASSES, "softmax")]
    )
    model.compile(keras.optimizers.AdamW(1e-5), "sparse_categorical_crossentropy")
    return lambda: trained(model, features, y)


def in_turns(ways: dict[str, Way], rounds: int) -> dict[str, list[list[float]]]:
    """Return the epochs' seconds of each way in each round, after a training nobody measures."""
    for way in ways.values():
        way()
    taken: dict[str, list[list[float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(way())
    return taken


def row(what: str, ours: list[list[float]], theirs: list[list[float]]) -> str:
    """Return a row of the table: the milliseconds an image, and how many times as fast ours is."""
    own, other = ([statistics.median(epochs) for epochs in one] for one in (ours, theirs))
    ratios = [b / a for a, b in zip(own, other, strict=True)]
    whole = [sum(b) / sum(a) for a, b in zip(ours, theirs, strict=True)]
    cells = [
        what,
        f"{1000 * statistics.median(own) / IMAGES:.3g}",
        f"{1000 * statistics.median(other) / IMAGES:.3g}",
        f"{statistics.median(ratios):.2f}",
        f"{min(ratios):.2f} to {max(ratios):.2f}",
        f"{statistics.median(whole):.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timm", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    sys.path.append(str(asked.timm))
    for kernel in ("nms", "qnms"):  # torchvision's are built for another PyTorch; none is called
        arguments = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        torch.library.define(f"torchvision::{kernel}", arguments)
    x, y = images()
    taken = in_turns(
        {
            "latih": of_latih(x, y, "float32", is_frozen=False),
            "timm": of_timm(x, y, is_short=False),
            "latih short": of_latih(x, y, "mixed_bfloat16", is_frozen=False),
            "timm short": of_timm(x, y, is_short=True),
            "frozen": of_latih(x, y, "float32", is_frozen=True),
            "cached": head_on_cache(x, y),
        },
        asked.rounds,
    )
    lines = [
        "# How fast fine-tuning is\n",
        f"EfficientNet-Lite0, {IMAGES} images of {SIZE} x {SIZE}, batch {BATCH}, AdamW, batch "
        f"normalisation frozen; {asked.rounds} trainings of {EPOCHS} epochs of each, in turns, "
        "after one that is not measured; "
        "milliseconds an image in an epoch, medians; how many times as fast is the median of the "
        f"ratios within the rounds. In a whole training of {EPOCHS} epochs all epochs count, the "
        f"first with its dearer first step too. PyTorch {torch.__version__}, "
        f"{torch.get_num_threads()} threads.\n",
        "`make bench-transfer-speed`\n",
        "| | Latih | the other | times as fast | rounds | a whole training |",
        "|---|---:|---:|---:|---:|---:|",
        row("float32, beside a plain loop over timm's", taken["latih"], taken["timm"]),
        row("bfloat16, beside that with autocast", taken["latih short"], taken["timm short"]),
        row("the head on its cache, beside a frozen base", taken["cached"], taken["frozen"]),
    ]
    TABLE.write_text("\n".join([*lines, ""]), encoding="utf-8")
    print("\n".join(lines[-3:]))


if __name__ == "__main__":
    main()
