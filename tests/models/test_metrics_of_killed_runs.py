"""A run goes on to the same bits also with metrics that make their sums when they see outputs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih
from latih import layers, metrics

DICE = np.random.default_rng(8)
KINDS = DICE.integers(0, 3, 90)
X = (DICE.normal(size=(90, 6, 6, 3)) + KINDS[:, None, None, None]).astype("float32")
Y = np.eye(3, dtype="float32")[KINDS]


class AsItIsUpdated(latih.metrics.Metric):
    """Counts each class, as a metric of a user's does that says nothing of its sums."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count."""
        if not self.variables:
            self.seen = self.add_variable(y_pred.shape[1:], name="seen")
        self.seen += y_true.sum(dim=0)

    def result(self) -> Any:
        """Return how often the last class was seen."""
        return self.seen[-1].clone()


class Killed(latih.callbacks.Callback):
    def __init__(self, step: int | None) -> None:
        super().__init__()
        self.last = step

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """End the run as a crash does."""
        if self.model.optimizer.iterations == self.last:
            raise KeyboardInterrupt


def trained(run_dir: Path, metric: Any, step: int | None = None) -> tuple[Any, list[np.ndarray]]:
    latih.utils.set_random_seed(3)
    model = latih.Sequential(
        [
            layers.Input((6, 6, 3)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy", metric])
    given = {"x": X, "y": Y, "epochs": 5, "batch_size": 16, "verbose": 0, "validation_split": 0.2}
    callbacks = [] if step is None else [Killed(step)]
    history = model.fit(**given, run_dir=run_dir, snapshot_every=1, callbacks=callbacks)
    return history.history, model.get_weights()


@pytest.mark.parametrize("step", [7, 10])  # amid an epoch of five steps, and where one begins
@pytest.mark.parametrize(
    "made",
    [
        metrics.BalancedAccuracy,
        lambda: metrics.F1Score(average="macro"),
        metrics.R2Score,
        lambda: metrics.AUC(multi_label=True),
        AsItIsUpdated,
    ],
    ids=["balanced accuracy", "F1", "R2", "AUC of labels", "a user's"],
)
def test_it_is_as_if_it_had_not_been_killed(tmp_path: Path, made: Any, step: int) -> None:
    whole, weights = trained(tmp_path / "whole", made())
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", made(), step)
    history, again = trained(tmp_path / "killed", made())
    assert all(np.array_equal(one, other) for one, other in zip(weights, again, strict=True))
    if made is AsItIsUpdated:  # its first step is not recorded, and rounds as PyTorch does
        history, whole = ({n: np.round(v, 5) for n, v in one.items()} for one in (history, whole))
    np.testing.assert_equal(history, whole)


def test_sums_that_do_not_fit_are_refused() -> None:
    latih.utils.set_random_seed(0)
    metric = metrics.BalancedAccuracy()
    with pytest.raises(latih.errors.InputError, match="do not fit"):
        metric.go_on_from([np.zeros(3)])
    metric.go_on_from([])
    assert metric.result().item() == 0
