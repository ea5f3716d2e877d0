"""What is known of inputs, targets and rows that are held back, by closed forms."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latih import losses
from latih.data.batches import Batch
from latih.doctor import data_facts, targets
from latih.doctor.rows import spread

DRAW = np.random.default_rng(5)


def batch(x: Any, y: Any = None) -> Batch:
    x = torch.as_tensor(np.asarray(x, dtype=np.float32))
    return Batch(x, [y], [None], len(x))


# Inputs


def test_features_are_those_that_numpy_finds() -> None:
    x = DRAW.normal([0, 50, -3], [1, 2, 0.01], size=(400, 3)).astype("float32")
    facts = data_facts.input_facts("x", torch.from_numpy(x))
    means, deviations = x.mean(axis=0), x.std(axis=0)
    assert facts.largest_mean == pytest.approx((abs(means) / deviations).max(), rel=1e-3)
    assert facts.deviation_ratio == pytest.approx(deviations.max() / deviations.min(), rel=1e-3)
    assert facts.mean == pytest.approx(x.mean(), rel=1e-4)
    assert facts.deviation == pytest.approx(x.std(), rel=1e-4)
    assert (facts.least, facts.most) == (x.min(), x.max())
    assert (facts.shape, facts.constant, facts.is_whole) == ((3,), 0.0, False)


def test_constant_features_are_counted_and_no_ratio_is_taken_of_them() -> None:
    x = DRAW.normal(size=(100, 4))
    x[:, 1:] = [0, 7, 1e6]
    facts = data_facts.input_facts("x", torch.from_numpy(x))
    assert facts.constant == 0.75 and facts.deviation_ratio == 1.0 and facts.largest_mean < 1


def test_a_pixel_that_is_hardly_ever_set_says_nothing_of_the_scale() -> None:
    x = DRAW.integers(0, 256, size=(2000, 20)).astype("float32")
    x[:, 0] = 0
    x[7, 0] = 3
    facts = data_facts.input_facts("x", torch.from_numpy(x))
    assert facts.deviation_ratio < 2 and facts.is_whole and facts.most == 255


@pytest.mark.parametrize("flaw", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_told_and_left_out(flaw: float) -> None:
    x = torch.ones(50, 2)
    x[::2] = 3.0
    x[9, 1] = flaw
    facts = data_facts.input_facts("x", x)
    assert not facts.finite and (facts.least, facts.most) == (1.0, 3.0)
    assert not data_facts.is_finite(x) and data_facts.is_finite(torch.full((9,), 3e38))


def test_channels_are_features_of_images() -> None:
    x = torch.randn(20, 8, 8, 3, generator=torch.manual_seed(0)) * torch.tensor([1.0, 10.0, 100.0])
    facts = data_facts.input_facts("x", x)
    assert facts.shape == (8, 8, 3) and 80 < facts.deviation_ratio < 120


# What targets ask for

TASKS: dict[str, tuple[Any, dict[str, Any], str, int]] = {
    "one-hot": (np.eye(3)[[0, 1, 2, 1]], {"width": 3}, "multi-class", 3),
    "numbers": (
        [0, 2, 1],
        {"width": 3, "loss": "sparse_categorical_crossentropy"},
        "multi-class",
        3,
    ),
    "numbers in a column": ([[0], [2]], {"width": 3}, "multi-class", 2),
    "numbers of floats": ([0.0, 2.0], {"width": 4, "loss": "?"}, "multi-class", 2),
    "two numbers for two outputs": ([0, 1, 1], {"width": 2}, "multi-class", 2),
    "yes or no": ([0, 1, 1], {}, "binary", 2),
    "yes or no in a column": ([[0.0], [1.0]], {"loss": "mean_squared_error"}, "binary", 2),
    "signs for a hinge": ([-1, 1], {"loss": "hinge"}, "binary", 2),
    "signs for a distance": ([-1, 1], {"loss": "mean_squared_error"}, "regression", 0),
    "several yes or no": ([[1, 1], [0, 1]], {"width": 2}, "multi-label", 2),
    "quantities": ([0.5, 1.0], {}, "regression", 0),
    "few whole quantities": ([3, 4, 5, 3], {"loss": "mean_squared_error"}, "regression", 0),
    "rows of quantities": ([[0.5, 1.0], [0.1, 3.0]], {"width": 2}, "regression", 0),
    "shares": ([[0.25, 0.75], [0.5, 0.5]], {"loss": "categorical_crossentropy"}, "multi-class", 2),
    "a map of classes": (
        np.array([[[0, 1], [2, 2]]]),
        {"width": 3, "loss": "sparse_categorical_crossentropy"},
        "multi-class",
        3,
    ),
    "a mask": (np.array([[[[0], [1]], [[1], [1]]]]), {"width": 1}, "binary", 2),
}


@pytest.mark.parametrize("case", TASKS)
def test_a_task_is_told_by_the_targets(case: str) -> None:
    given_targets, options, wanted, classes = TASKS[case]
    y = torch.as_tensor(np.asarray(given_targets))
    question = targets.asked(y, **options)
    assert question.task == wanted
    facts, _ = data_facts.output_facts("y", y, None, options.get("width", 1))
    if "loss" not in options:
        assert facts.classes == classes and facts.task == wanted


def test_classes_are_counted() -> None:
    y = torch.tensor([0] * 90 + [2] * 10)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    facts, _ = data_facts.output_facts("y", y, loss, 4)
    assert (facts.counts, facts.classes, facts.trivial_score) == ((90, 0, 10, 0), 2, 0.9)
    assert (facts.loss, facts.from_logits) == ("sparse_categorical_crossentropy", True)
    assert facts.reduction == "sum"
    facts, _ = data_facts.output_facts("y", torch.tensor([[1, 0], [1, 1], [1, 0], [0, 0]]))
    assert facts.counts == (3, 1) and facts.trivial_score == 0.75


def test_a_class_that_the_loss_ignores_is_no_class() -> None:
    y = torch.tensor([[0, -1], [2, -1], [2, 1]])
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    facts, question = data_facts.output_facts("y", y, loss, 3)
    assert facts.task == "multi-class" and facts.counts == (1, 1, 2) and question is not None
    facts, question = data_facts.output_facts("y", torch.full((4,), -1), loss, 3)
    assert question is None and facts.counts == ()


def test_truths_are_classes() -> None:
    facts, _ = data_facts.output_facts("y", torch.tensor([True, False, True]))
    assert (facts.task, facts.counts) == ("binary", (1, 2))
    facts, _ = data_facts.output_facts("y", torch.tensor([[True, False], [True, True]]), None, 2)
    assert (facts.task, facts.counts) == ("multi-label", (2, 1))


def test_targets_that_are_not_finite_are_told() -> None:
    facts, _ = data_facts.output_facts("y", torch.tensor([1.5, math.nan, 2.5]))
    assert not facts.finite and (facts.least, facts.most, facts.mean) == (1.5, 2.5, 2.0)


# The best constant


def test_the_best_constant_of_squares_is_the_mean_and_of_distances_the_median() -> None:
    y = torch.from_numpy(DRAW.exponential(3, size=(501, 1)))
    question = targets.asked(y)

    def best(loss: Any) -> float:
        return targets.trivial_loss(loss, y, None, (501, 1), question, y)

    variance = y.var(correction=0).item()
    assert best(losses.MeanSquaredError()) == pytest.approx(variance, rel=1e-4)
    wanted = (y - y.median()).abs().mean().item()
    assert best(losses.MeanAbsoluteError()) == pytest.approx(wanted, rel=1e-4)
    assert best(losses.Huber(delta=100.0)) == pytest.approx(
        y.var(correction=0).item() / 2, rel=1e-3
    )
    # Of other losses it is near the best, which a search finds.
    for loss in (losses.MeanSquaredLogarithmicError(), losses.LogCosh(), losses.Poisson()):
        grid = [loss(y, torch.full_like(y, c)).item() for c in np.linspace(0.05, 9, 300)]
        assert best(loss) <= min(grid) + 0.05 * abs(min(grid))


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [0.2, 0.3, 0.5]])
def test_the_best_constant_of_cross_entropy_is_the_entropy(
    from_logits: bool, shares: list[float]
) -> None:
    labels = torch.arange(len(shares)).repeat_interleave(
        torch.tensor(shares).mul(100).round().int()
    )
    entropy = -sum(p * math.log(p) for p in shares)
    wide = (100, len(shares))
    y = torch.eye(len(shares))[labels]

    def best(loss: Any, y: torch.Tensor, shape: tuple[int, int]) -> float:
        question = targets.asked(y, shape[1], targets.loss_name(loss))
        return targets.trivial_loss(loss, y, None, shape, question, y)

    sparse = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    assert best(sparse, labels, wide) == pytest.approx(entropy, abs=1e-3)
    dense = losses.CategoricalCrossentropy(from_logits=from_logits)
    assert best(dense, y, wide) == pytest.approx(entropy, abs=1e-3)
    if len(shares) == 2:
        binary = losses.BinaryCrossentropy(from_logits=from_logits)
        assert best(binary, labels[:, None], (100, 1)) == pytest.approx(entropy, abs=1e-3)


def test_the_best_constant_of_several_answers_is_one_each() -> None:
    y = torch.tensor([[1, 1], [1, 0], [1, 1], [0, 0]])
    loss = losses.BinaryCrossentropy()
    wanted = (-0.75 * math.log(0.75) - 0.25 * math.log(0.25) + math.log(2)) / 2
    got = targets.trivial_loss(loss, y, None, (4, 2), targets.asked(y, 2), y)
    assert got == pytest.approx(wanted, abs=1e-4)


def test_a_loss_of_the_users_may_take_no_constant() -> None:
    def picky(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        raise ValueError("no")

    y = torch.ones(4, 1)
    got = targets.trivial_loss(
        losses.LossFunctionWrapper(picky), y, None, (4, 1), targets.asked(y), y
    )
    assert math.isnan(got)


# Order


@given(st.integers(0, 2**16), st.integers(2, 6))
@settings(max_examples=10)
def test_a_random_order_surprises_as_chance_says(seed: int, classes: int) -> None:
    draw = np.random.default_rng(seed)
    labels = torch.from_numpy(draw.integers(0, classes, 60))
    scores = [
        targets.surprise_of_order(mixed, mixed)
        for mixed in (labels[torch.from_numpy(draw.permutation(60))] for _ in range(400))
    ]
    assert abs(np.mean(scores)) < 0.25 and 0.8 < np.std(scores) < 1.2


def test_sorted_targets_surprise_and_turns_the_other_way() -> None:
    labels = torch.arange(4).repeat_interleave(50)
    assert targets.surprise_of_order(labels, labels) > 20
    turns = torch.arange(200) % 4
    assert targets.surprise_of_order(turns, turns) < -3
    one = torch.zeros(50, dtype=torch.long)
    assert targets.surprise_of_order(one, one) == 0.0
    quantities = torch.linspace(0, 1, 400)
    assert targets.surprise_of_order(quantities, None) > 15
    mixed = quantities[torch.from_numpy(DRAW.permutation(400))]
    assert abs(targets.surprise_of_order(mixed, None)) < 4


# What is held back


def test_twins_are_found_however_few_rows_are_compared() -> None:
    x = DRAW.normal(size=(12_000, 7)).astype("float32")
    held = np.concatenate([x[:500], DRAW.normal(size=(1500, 7))])
    assert data_facts.duplicates(batch(x), batch(held)) == pytest.approx(0.25, abs=0.06)
    assert data_facts.duplicates(batch(x), batch(x[:900])) > 0.85
    assert data_facts.duplicates(batch(x), batch(held[500:])) == 0.0


def test_rows_that_are_alike_by_chance_are_no_twins() -> None:
    whole = DRAW.integers(0, 5, size=(500, 2))
    assert data_facts.duplicates(batch(whole[:400]), batch(whole[400:])) == 0.0
    yes_or_no = DRAW.integers(0, 2, size=(800, 6))
    assert data_facts.duplicates(batch(yes_or_no[:600]), batch(yes_or_no[600:])) == 0.0


def test_a_pair_or_two_that_a_split_parts_are_no_leak() -> None:
    dice = np.random.default_rng(1)
    x = dice.normal(size=(120, 4))
    for count, share in ((0, 0.0), (2, 0.0), (3, 0.1)):
        held = np.concatenate([x[:count], dice.normal(size=(30 - count, 4))])
        assert data_facts.duplicates(batch(x), batch(held)) == pytest.approx(share)


def test_a_leak_in_many_rows_is_found_though_few_are_compared() -> None:
    dice = np.random.default_rng(2)
    x = dice.normal(size=(60_000, 6)).astype("float32")
    held = np.concatenate([x[::60], dice.normal(size=(9000, 6)).astype("float32")])
    found = [
        data_facts.duplicates(
            batch(x[dice.permutation(60_000)]), batch(held[dice.permutation(10_000)])
        )
        for _ in range(3)
    ]
    assert max(found) > 0.02


def test_rows_that_differ_in_few_places_are_no_twins() -> None:
    sparse = np.zeros((600, 5000), dtype="float32")
    sparse[np.arange(600), DRAW.permutation(5000)[:600]] = DRAW.normal(size=600)
    assert data_facts.duplicates(batch(sparse[:500]), batch(sparse[500:])) < 0.02


def test_a_shift_is_told_and_chance_is_not() -> None:
    x = torch.from_numpy(DRAW.normal(size=(3000, 30))).float()
    one, other = x[:2000], x[2000:]
    assert data_facts.shift(one, other) == 0.0
    assert data_facts.shift(one, other[:12]) < 0.1
    assert data_facts.shift(one, other + 2) == pytest.approx(2.0, abs=0.4)
    assert data_facts.shift(one, 50 * other) > 20  # as wide as that, about the same mean
    assert data_facts.shift(255 * (one + 3), other + 3) > 2  # scaled on one side only


def test_a_shift_is_not_made_by_rare_features_and_outliers() -> None:
    rare = torch.zeros(4000, 50)
    rare[torch.from_numpy(DRAW.integers(0, 4000, 100)), torch.arange(50).repeat(2)] = 1.0
    mixed = rare[torch.from_numpy(DRAW.permutation(4000))]
    assert data_facts.shift(mixed[:3960], mixed[3960:]) == 0.0
    heavy = torch.from_numpy(DRAW.standard_t(1.5, size=(4000, 20))).float()
    assert data_facts.shift(heavy[:3000], heavy[3000:]) < 0.5
    constant = torch.ones(100, 3)
    assert data_facts.shift(constant, constant * 2) == 0.0


def test_a_trace_of_noise_on_pixels_that_hardly_change_is_no_shift() -> None:
    images = torch.from_numpy(DRAW.random(size=(3000, 40))).float()
    images[:, :10] = 0
    images[:2, :10] = 0.5  # seen in two images alone
    images[:, 10:20] *= 1e-5
    held = images[2000:] + 0.01 * torch.from_numpy(DRAW.normal(size=(1000, 40))).float()
    assert data_facts.shift(images[:2000], held) < 5.0
    assert data_facts.shift(images[:2000], 255 * held) > 100


# Rows to look at


@given(st.integers(1, 5000), st.integers(1, 600))
@settings(max_examples=50)
def test_rows_lie_evenly(examples: int, count: int) -> None:
    rows = spread(examples, count)
    assert len(rows) == min(examples, count) == len(rows.unique())
    assert rows.equal(rows.sort().values) and 0 <= int(rows[0]) and int(rows[-1]) < examples
    assert rows.equal(spread(examples, count))
    if count < examples:
        assert (rows - torch.arange(count) * examples / count).abs().max() <= examples / count + 1


def test_rows_are_of_all_classes_even_if_these_take_turns() -> None:
    classes = torch.bincount(spread(2560, 256) % 10, minlength=10)
    assert int(classes.min()) > 10
