"""What the page says of treatments is counted by hand, and a treatment is a fair one."""

import json

import numpy as np
import outcomes
import pytest
import treatments
from data import Data
from making import adam, dense, of_moons
from score import balanced_score_of

from latih.doctor.remedies import REMEDIES


def run(name, untreated, treated, by_lot, twin, cost=1.5, trials=1, **more):
    tried = [{"remedy": "relu", "finding": "vanishing-gradient", "kept": True, "skill": treated}]
    return {
        **{"name": name, "seed": 0, "origin": "own", "found": ["vanishing-gradient"]},
        **{"untreated": untreated, "treated": treated, "by_lot": by_lot, "twin": twin},
        **{"cost": cost, "trials": trials * tried, **more},
    }


def test_the_page_counts_what_was_mended_and_what_was_made_worse():
    lines = outcomes.section(
        [
            run("mended", 0.10, 0.80, 0.40, 0.84, cost=1.4),
            run("not mended", 0.10, 0.70, 0.80, 0.84, cost=1.6, trials=3),
            run("worse", 0.85, 0.80, 0.10, 0.84, cost=1.8, trials=2),
            run("hardly worse", 0.81, 0.80, 0.10, 0.84, cost=1.2, trials=2),
            {"name": "broke", "seed": 0, "broke": "ZeroDivisionError: by hand"},
        ]
    )
    row = next(line for line in lines if line.startswith("| **all**"))
    cells = [cell.strip() for cell in row.split("|")[2:-1]]
    assert cells[0].startswith("75.0% (3/4;") and cells[1].startswith("25.0% (1/4;")
    # Means of the columns; one is worse; (1.4 + 1.6 + 1.8 + 1.2) / 4; the median of 1, 2, 2, 3.
    assert cells[2:] == ["46.5", "77.5", "35.0", "84.0", "1", "1.50", "2"]
    text = "\n".join(lines)
    assert "- not mended (seed 0): untreated 10, treated 70, twin 84;" in text
    assert "- broke (seed 0): ZeroDivisionError: by hand" in text
    assert outcomes.section([]) == []


class Fixed:
    """Predicts what it is told to."""

    def __init__(self, predictions):
        self.predictions = predictions

    def predict(self, x, verbose):
        return np.asarray(self.predictions, dtype="float32")


def test_a_balanced_score_counts_each_class_alike():
    x = np.zeros((4, 1))
    # Of class 0 two of three are right, of class 1 the one: (2/3 + 1) / 2.
    labels = np.array([[0], [0], [0], [1]])
    score = balanced_score_of(Fixed([[0.1], [0.2], [0.9], [0.8]]), x, labels)
    assert score == pytest.approx(5 / 6)
    rows = np.eye(2)[[0, 0, 0, 1]]
    always_first = Fixed([[0.9, 0.1]] * 4)
    assert balanced_score_of(always_first, x, rows) == 0.5
    # 1 - 1/5 of values whose squares around the mean add up to 5.
    values = np.array([[0.0], [1.0], [2.0], [3.0]]) + 0.25
    assert balanced_score_of(
        Fixed(values + np.array([[1], [0], [0], [0]])), x, values
    ) == pytest.approx(0.8)
    assert balanced_score_of(Fixed([[np.nan]] * 4), x, values) == 0.0
    assert balanced_score_of(Fixed([[99.0]] * 4), x, values) == 0.0


def test_what_is_judged_by_is_not_what_is_scored():
    data = Data(np.arange(2), np.arange(2), np.arange(5), 10 * np.arange(5))
    shown, (x, y) = treatments.parted_in_two(data)
    assert (shown.x_val.tolist(), x.tolist()) == ([0, 2, 4], [1, 3])
    assert (shown.y_val.tolist(), y.tolist()) == ([0, 20, 40], [10, 30])


def test_a_lot_has_every_remedy_once_and_is_another_for_each_program():
    def order(name, seed=0):
        return [one.remedies[0] for one in treatments.drawn(name, seed).faults]

    there = {name for name, remedy in REMEDIES.items() if remedy.changes}
    assert {*order("a")} == there and len(order("a")) == len(there)
    assert order("a") == order("a")
    assert order("a") != order("b") and order("a") != order("a", 1)


def test_a_sick_program_is_treated_beside_a_lot():
    sick = of_moons(dense(16), optimizer=adam(1e-6)).but(name="slow", codes=("?",))
    record = treatments.treated(sick, of_moons(dense(16), optimizer=adam(1e-2)), 0, 20.0)
    record = json.loads(json.dumps(record))
    assert record["untreated"] < 0.75 < record["twin"]
    assert record["treated"] > record["untreated"]
    assert len(record["lot"]) <= max(1, len(record["trials"]))
    assert record["cost"] > 1


def test_a_program_that_breaks_is_told():
    def break_off(seed):
        raise ZeroDivisionError("by hand")

    broken = of_moons(dense(4)).but(make_data=break_off)
    assert treatments.treated(broken, broken, 0, 1.0)["broke"] == "ZeroDivisionError: by hand"
