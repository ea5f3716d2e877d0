"""What the command line lists."""

import dataclasses

import numpy as np
import pytest

from latih.datasets import DATASETS, fashion_mnist, find
from latih.errors import UnknownNameError


def test_lists_the_whole_set_and_the_embedded_one() -> None:
    assert [(dataset.name, dataset.training, dataset.test) for dataset in DATASETS] == [
        ("fashion-mnist", 60_000, 10_000),
        ("fashion-mnist-embedded", 5_000, 1_000),
    ]
    for dataset in DATASETS:
        assert dataset.class_names == fashion_mnist.CLASS_NAMES
        assert dataset.licence.startswith("MIT")
        assert dataset.title


def test_what_is_promised_of_the_embedded_set_is_loaded() -> None:
    dataset = find("fashion-mnist-embedded")
    (x_train, y_train), (x_test, y_test) = dataset.load()
    assert (len(x_train), len(x_test)) == (dataset.training, dataset.test)
    assert np.unique(y_train).tolist() == list(range(len(dataset.class_names)))
    assert np.unique(y_test).tolist() == list(range(len(dataset.class_names)))


def test_the_embedded_set_is_in_the_package() -> None:
    place = find("fashion-mnist-embedded").where()
    assert place is not None
    assert (place / "LICENSE").is_file()


def test_an_unknown_name_is_answered_with_a_near_one() -> None:
    with pytest.raises(UnknownNameError, match=r"got 'fashon-mnist'\. Did you mean 'fashion-mnist"):
        find("fashon-mnist")
    with pytest.raises(UnknownNameError, match="The names there are: fashion-mnist, "):
        find("zzz")


def test_a_data_set_cannot_be_changed_by_accident() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        find("fashion-mnist").training = 3  # type: ignore[misc]
