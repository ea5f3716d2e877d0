"""Labels of all kinds, scores against scikit-learn's, and parts with every class in them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latih.data.strata import stratified_folds, stratified_split
from latih.errors import InputError
from latih.transfer.labels import Labels, read_labels, require_learnable
from latih.transfer.options import Options, epochs_for
from latih.transfer.scores import balanced_weights, judge

metrics = pytest.importorskip("sklearn.metrics")

NUMBERS = st.lists(st.integers(0, 4), min_size=2, max_size=60).map(np.array)


@pytest.mark.parametrize(
    ("given_", "numbers", "names"),
    [
        ([0, 2, 1], [0, 2, 1], ("0", "1", "2")),
        (np.array([[0.0], [1.0]]), [0, 1], ("0", "1")),
        (["dog", "cat", "dog"], [1, 0, 1], ("cat", "dog")),
        (np.array(["b", "a"], object), [1, 0], ("a", "b")),
        (np.eye(3, dtype="float32")[[2, 0]], [2, 0], ("0", "1", "2")),
        (np.array([True, False]), [1, 0], ("0", "1")),
    ],
    ids=str,
)
def test_labels_are_read(given_: Any, numbers: list[int], names: tuple[str, ...]) -> None:
    found, called = read_labels(given_)
    assert (found.tolist(), called) == (numbers, names)


@pytest.mark.parametrize(
    "wrong", [[0.5, 1], [-1, 0], [float("nan"), 1], np.ones((2, 3)), np.zeros((2, 2, 2)), [None, 1]]
)
def test_what_names_no_class_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="`y`"):
        read_labels(wrong)


@pytest.mark.parametrize("wrong", [["cat", "bird"], [0, 2]])
def test_a_class_that_was_never_learnt_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="not known"):
        read_labels(wrong, ("cat", "dog"))


def test_one_class_and_lonely_examples_are_refused() -> None:
    with pytest.raises(InputError, match="two classes or more, got 1 class"):
        require_learnable(Labels(np.zeros(3, int), ("cat",)), 1)
    with pytest.raises(InputError, match=r"'dog' \(1\)"):
        require_learnable(Labels(np.array([0, 0, 1]), ("cat", "dog")), 2)
    require_learnable(Labels(np.array([0, 0, 1]), ("cat", "dog")), 1)


@given(NUMBERS, st.integers(0, 5))
def test_scores_are_those_of_scikit_learn(true: np.ndarray, seed: int) -> None:
    outputs = np.random.default_rng(seed).random((len(true), 5))
    scores, predicted = judge(true, outputs), outputs.argmax(1)
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(true, predicted))
    recall = metrics.recall_score(
        true, predicted, labels=np.unique(true), average="macro", zero_division=0
    )
    assert scores.balanced_accuracy == pytest.approx(recall)
    wanted = metrics.confusion_matrix(true, predicted, labels=range(5))
    assert np.array_equal(scores.confusion, wanted)


@given(NUMBERS)
def test_balanced_weights_let_classes_count_alike(numbers: np.ndarray) -> None:
    weights = balanced_weights(numbers, 5)
    sums = np.bincount(numbers, weights[numbers], 5)
    present = np.bincount(numbers, minlength=5) > 0
    np.testing.assert_allclose(sums[present], len(numbers) / present.sum())


@given(NUMBERS, st.floats(0.05, 0.9), st.integers(0, 9))
def test_a_split_has_every_class_on_either_side(
    numbers: np.ndarray, fraction: float, seed: int
) -> None:
    kept, held = stratified_split(numbers, fraction, seed)
    assert sorted([*kept, *held]) == list(range(len(numbers)))
    for one in np.unique(numbers):
        count = int((numbers == one).sum())
        back = int((numbers[held] == one).sum())
        assert abs(back - fraction * count) <= 1 and back < count
        assert back > 0 or count == 1


@given(NUMBERS, st.integers(2, 5), st.integers(0, 9))
def test_folds_share_every_class_evenly(numbers: np.ndarray, count: int, seed: int) -> None:
    if len(numbers) < count:
        with pytest.raises(InputError, match="fewer examples than folds"):
            stratified_folds(numbers, count, seed)
        return
    folds = stratified_folds(numbers, count, seed)
    for rows in [folds, *(folds[numbers == one] for one in np.unique(numbers))]:
        sizes = np.bincount(rows, minlength=count)
        assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"learning_rate": 0}, "learning_rate"),
        ({"factor": 0.5}, "factor"),
        ({"label_smoothing": 1}, "label_smoothing"),
        ({"class_weight": "equal"}, "class_weight"),
        ({"views": 0}, "views"),
        ({"mixup": -1}, "mixup"),
        ({"validation_split": 1}, "validation_split"),
        ({"label_smothing": 0.1}, "label_smoothing"),
    ],
    ids=str,
)
def test_bad_options_are_refused_by_their_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        Options.of(wrong)


def test_small_sets_are_seen_more_often() -> None:
    assert epochs_for(200) == 20 > epochs_for(5000) > epochs_for(10**6) >= 1
