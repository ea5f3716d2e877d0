"""Which epoch is kept, and whether the run ended near the probe."""

from typing import Any

import numpy as np
import pytest
from small_net import KINDS, base

from latih.errors import InputError
from latih.transfer.best_epoch import BestEpoch
from latih.transfer.scores import judge, of_confusion


def test_standard_errors_are_those_worked_out_by_hand() -> None:
    # (11/14)(3/14)/12; the classes' (10/12)(2/12)/10 and (2/4)(2/4)/2.
    found = of_confusion(np.array([[9, 1], [1, 1]])).standard_errors
    assert found == pytest.approx((0.118451, 0.186339), abs=1e-6)
    assert of_confusion(np.zeros((2, 2), np.int64)).standard_errors == (0.0, 0.0)


@pytest.mark.parametrize(("accuracy", "is_near"), [(0.72, True), (0.70, False), (np.nan, False)])
def test_the_end_may_be_below_the_floor_by_chance_and_no_more(
    accuracy: float, is_near: bool
) -> None:
    floor = of_confusion(np.array([[9, 1], [1, 1]]))  # 0.833 ± 0.118, balanced 0.7 ± 0.186
    best = BestEpoch(floor, None)
    best.set_model(base())
    best.set_params({"epochs": 2})
    for epoch, right in enumerate((0.9, accuracy)):
        logs = {"val_loss": 1.0, "val_accuracy": right, "val_balanced_accuracy": 0.7}
        best.on_epoch_end(epoch, logs)
    assert best.best_epoch == 0
    assert best.ends_near is is_near


def test_how_a_run_ended_survives_a_crash() -> None:
    best = BestEpoch(judge(KINDS, np.eye(3)[KINDS]), None)
    best.ends_near = True
    other = BestEpoch(best.floor, None)
    other.load_state_dict(best.state_dict())
    other.on_train_begin()
    assert other.ends_near


def test_the_best_epoch_is_one_that_keeps_the_promise() -> None:
    class Net:
        stop_training = False
        weights = 0

        def get_weights(self) -> list[np.ndarray]:
            return [np.array(self.weights)]

    best = BestEpoch(judge(np.array([0, 1]), [[1, 0], [1, 0]]), patience=2)
    net: Any = Net()
    best.set_model(net)
    best.on_train_begin()
    logged = [(0.1, 0.4, 0.5), (0.9, 0.5, 0.5), (0.2, 0.5, 0.4), (0.8, 0.6, 0.5), (1, 1, 1)]
    for epoch, (loss, accuracy, balanced) in enumerate(logged):
        net.weights = epoch
        best.on_epoch_end(
            epoch,
            {"val_loss": loss, "val_accuracy": accuracy, "val_balanced_accuracy": balanced},
        )
    assert best.best_epoch == 3 and best.best_weights == [np.array(3)]
    assert not net.stop_training
    with pytest.raises(InputError, match="`patience`"):
        BestEpoch(best.floor, -1)
