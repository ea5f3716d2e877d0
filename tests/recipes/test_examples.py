"""Examples are split by class, reproducibly, and none stands in two parts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latih.datasets import fashion_mnist
from latih.errors import FileFormatError, InputError, UnknownNameError
from latih.recipes import load_examples
from latih.recipes.examples import _split


def written(directory: Path, **arrays: np.ndarray) -> Path:
    np.savez(directory / "data.npz", **arrays)
    return directory / "data.npz"


def numbered(count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(count)[:, None].astype("float32"), np.arange(count) % classes


def test_every_example_stands_in_one_part(tmp_path: Path) -> None:
    x, y = numbered(200, 4)
    examples = load_examples(written(tmp_path, x=x, y=y), seed=1)
    parts = [examples.training, examples.validation, examples.test]
    seen = np.concatenate([part[0][:, 0] for part in parts])
    assert sorted(seen) == list(range(200))
    for inputs, targets in parts:
        np.testing.assert_array_equal(targets, inputs[:, 0] % 4)


def test_every_part_has_every_class_in_its_proportion(tmp_path: Path) -> None:
    # A tenth of each class is tested on, and a tenth of what is left validates.
    labels = np.repeat([0, 1, 2], [100, 40, 20])
    examples = load_examples(written(tmp_path, x=np.zeros((160, 2)), y=labels), seed=3)
    assert np.bincount(examples.test[1]).tolist() == [10, 4, 2]
    assert np.bincount(examples.validation[1]).tolist() == [9, 4, 2]
    assert np.bincount(examples.training[1]).tolist() == [81, 32, 16]
    assert examples.class_names == ("0", "1", "2")


def test_the_split_follows_the_seed(tmp_path: Path) -> None:
    x, y = numbered(100, 2)
    path = written(tmp_path, x=x, y=y)
    held = [load_examples(path, seed).validation[0].tolist() for seed in (1, 1, 2)]
    assert held[0] == held[1] != held[2]


def test_the_seed_does_not_choose_the_test_images_of_a_known_data_set() -> None:
    _, (x_test, y_test) = fashion_mnist.load_embedded()
    for seed in (1, 2):
        examples = load_examples("fashion-mnist-embedded", seed)
        np.testing.assert_array_equal(examples.test[0], x_test)
        np.testing.assert_array_equal(examples.test[1], y_test)
        assert np.bincount(examples.validation[1]).tolist() == [50] * 10


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=60),
    st.floats(0.01, 0.9),
    st.integers(0, 1000),
)
def test_a_class_is_never_held_back_whole(labels: list[int], fraction: float, seed: int) -> None:
    y = np.array(labels)
    x = np.arange(len(y))
    if max(np.bincount(y)) < 2:
        with pytest.raises(InputError, match="too few examples"):
            _split(x, y, fraction, seed, stratify=True)
        return
    kept, held = _split(x, y, fraction, seed, stratify=True)
    assert set(kept[1]) == set(labels)
    assert sorted([*kept[0], *held[0]]) == x.tolist()
    for label, count in enumerate(np.bincount(y)):
        got = int((held[1] == label).sum())
        assert got == (0 if count < 2 else min(max(1, round(fraction * count)), count - 1))


KINDS = {
    "whole numbers are classes": (np.array([0, 1, 2] * 10), 3),
    "whole numbers in a column too": (np.array([[0], [1]] * 10), 2),
    "truths are two classes": (np.array([True, False] * 10), 2),
    "bytes are classes": (np.array([0, 4] * 10, "uint8"), 5),
    "fractions are a quantity": (np.array([0.0, 1.0] * 10), 0),
    "rows are quantities": (np.zeros((20, 2)), 0),
}


@pytest.mark.parametrize(("y", "classes"), KINDS.values(), ids=KINDS)
def test_targets_say_what_they_are(y: np.ndarray, classes: int, tmp_path: Path) -> None:
    examples = load_examples(written(tmp_path, x=np.zeros((len(y), 2)), y=y), seed=1)
    assert len(examples.class_names) == classes
    assert examples.name == "data.npz"


@pytest.mark.parametrize("labels", [[-1, 0] * 10, [0, 1000] * 10])
def test_whole_numbers_that_cannot_be_classes_are_refused(
    labels: list[int], tmp_path: Path
) -> None:
    path = written(tmp_path, x=np.zeros((20, 2)), y=np.array(labels))
    with pytest.raises(InputError, match="Number the classes from 0, or give a quantity as floats"):
        load_examples(path, seed=1)


def test_a_file_that_would_run_code_is_not_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (str(tmp_path / "owned"),))

    np.savez(tmp_path / "data.npz", x=np.array([Evil()], object), y=np.zeros(1))
    with pytest.raises(FileFormatError, match="holds no arrays that can be read"):
        load_examples(tmp_path / "data.npz", seed=1)
    assert not (tmp_path / "owned").exists()


def test_a_name_that_is_neither_a_file_nor_a_data_set_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'fashion-mnist-embedded'"):
        load_examples("fashion-mnist-embeded", seed=1)
