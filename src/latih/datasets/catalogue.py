"""The data sets that Latih knows by name, for the command line and for whoever chooses at run time.

A new data set is one more row of `DATASETS`; nothing registers itself by being imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from latih.datasets import fashion_mnist
from latih.errors import UnknownNameError, near_matches


@dataclass(frozen=True)
class Dataset:
    """A data set: what it is, where it would be read from, and how to load it.

    Args:
        name: the name on the command line.
        title: one line for a human.
        training: the number of training examples.
        test: the number of test examples.
        class_names: what each label means, by its number.
        licence: the licence of the data, and whose they are.
        where: tells the directory that `load` would read, or None if it would have to download or
            would fail.
        load: gives ``(x_train, y_train), (x_test, y_test)``.
    """

    name: str
    title: str
    training: int
    test: int
    class_names: tuple[str, ...]
    licence: str
    where: Callable[[], Path | None]
    load: Callable[[], tuple[fashion_mnist.Part, fashion_mnist.Part]]


DATASETS = (
    Dataset(
        name="fashion-mnist",
        title="Fashion-MNIST: grey images of clothes, 28x28, 10 classes",
        training=60_000,
        test=10_000,
        class_names=fashion_mnist.CLASS_NAMES,
        licence="MIT, Copyright (c) 2017 Zalando SE",
        where=fashion_mnist.where,
        load=fashion_mnist.load_data,
    ),
    Dataset(
        name="fashion-mnist-embedded",
        title="The balanced piece of Fashion-MNIST that the package carries",
        training=5_000,
        test=1_000,
        class_names=fashion_mnist.CLASS_NAMES,
        licence="MIT, Copyright (c) 2017 Zalando SE",
        where=fashion_mnist.where_embedded,
        load=fashion_mnist.load_embedded,
    ),
)


def find(name: str) -> Dataset:
    """Look a data set up by its name.

    Args:
        name: the name, as `DATASETS` spells it.

    Returns:
        The data set.

    Raises:
        UnknownNameError: there is none of that name.

    Example:
        >>> find("fashion-mnist-embedded").training
        5000
    """
    for dataset in DATASETS:
        if dataset.name == name:
            return dataset
    raise UnknownNameError(
        "there is no such data set",
        expected="a name that `latih datasets` lists",
        got=repr(name),
        fix=near_matches(name, [dataset.name for dataset in DATASETS]),
    )
