"""Make the piece of Fashion-MNIST that the package carries, out of the whole set.

Run ``python benchmarks/make_embedded_subset.py`` at the root of the repository: it finds the whole
set as `latih.datasets.fashion_mnist.load_data` does, and writes four files of the same names and
format. The same bytes come out each time (with the same zlib), so the files in the repository can
be checked by making them again.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from latih.datasets import fashion_mnist
from latih.datasets.idx import write_idx

SEED = 20170831
TRAINING_PER_CLASS = 500
TEST_PER_CLASS = 100
EMBEDDED = Path(fashion_mnist.__file__).parent / "embedded"


def choose(labels: NDArray[np.uint8], per_class: int, seed: int) -> NDArray[np.intp]:
    """Choose as many examples of each class, in one shuffled order.

    Args:
        labels: the label of each example there is.
        per_class: how many of each class to take.
        seed: the same seed gives the same choice.

    Returns:
        The chosen positions: those that come first in a random order, in a second random order. In
        the first one the last examples would be of the classes whose share was full last, and the
        rows that ``validation_split`` holds back of other classes than the rest.
    """
    # NumPy promises that RandomState's stream will never change (NEP 19); Generator's may.
    draw = np.random.RandomState(seed)
    order = draw.permutation(len(labels))
    first_of_each = [
        np.flatnonzero(labels[order] == label)[:per_class] for label in np.unique(labels)
    ]
    return draw.permutation(order[np.sort(np.concatenate(first_of_each))])


def main() -> None:
    """Write the four files and say how large they are."""
    parser = argparse.ArgumentParser(description="Make the embedded piece of Fashion-MNIST.")
    parser.add_argument("--into", type=Path, default=EMBEDDED, help="the directory to write")
    into: Path = parser.parse_args().into
    training, test = fashion_mnist.load_data()
    total = 0
    for part, (images, labels), per_class in (
        ("train", training, TRAINING_PER_CLASS),
        ("t10k", test, TEST_PER_CLASS),
    ):
        chosen = choose(labels, per_class, SEED)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = into / f"{part}-{name}-ubyte.gz"
            write_idx(path, array[chosen])
            total += path.stat().st_size
            print(f"{path.stat().st_size:>9,} bytes  {path.name}")
    print(f"{total:>9,} bytes  in all")


if __name__ == "__main__":
    main()
