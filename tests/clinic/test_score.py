"""Scores of models that answer what they are told to: worked by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from data import Data
from score import score_of


def scored(predicted, y):
    x = np.zeros((len(y), 1))
    model = SimpleNamespace(predict=lambda rows, verbose: np.array(predicted))
    return score_of(model, Data(x, np.array(y), x, np.array(y)))


@pytest.mark.parametrize(
    ("predicted", "y", "wanted"),
    [
        ([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]], [1, 0, 1], 2 / 3),
        ([[0.1, 0.9], [0.8, 0.2]], [[0.0, 1.0], [0.0, 1.0]], 0.5),
        ([[0.6], [0.4]], [[1.0], [1.0]], 0.5),
        ([[0.9, 0.9], [0.1, 0.2]], [[1.0, 1.0], [0.0, 1.0]], 0.75),  # tags
        ([[1.0], [4.0]], [[1.5], [3.5]], 0.75),  # 1 - (0.25 + 0.25) / (1 + 1)
    ],
)
def test_a_score_is_the_share_that_is_right(predicted, y, wanted):
    assert scored(predicted, y) == pytest.approx(wanted)


def test_there_is_none_of_what_is_no_number_or_of_another_shape():
    assert np.isnan(scored([[np.nan], [1.0]], [[1.0], [0.0]]))
    assert np.isnan(scored([[0.5, 0.5, 0.5]] * 2, [[1.5, 2.0], [0.3, 1.0]]))
