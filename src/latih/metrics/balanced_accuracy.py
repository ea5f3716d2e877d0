"""How often right, a rare class counting as much as a frequent one."""

from typing import Any

import torch

from latih.losses.base import alike
from latih.metrics.base import Metric
from latih.metrics.correlation import require_rows
from latih.tensors import as_tensor


class BalancedAccuracy(Metric):
    """``mean over classes of (right of the class / all of the class)``.

    Where nine of ten examples are of one class, who always names that one has an accuracy of 0.9,
    and a balanced one of 0.5. Classes that were not met are left out of the mean.

    Args:
        name: what the metric is called in logs.
        dtype: taken for Keras's sake; only ``"float32"``.

    Shapes:
        y_true: one-hot rows ``(n, K)``, or shares of classes, of which the largest counts; y_pred:
        ``(n, K)``.

    Raises:
        InputError: the data have not two axes.

    Example:
        >>> always_the_first = [[1.0, 0.0]] * 4
        >>> BalancedAccuracy()([[1, 0], [1, 0], [1, 0], [0, 1]], always_the_first)
        tensor(0.5000)

    Reference:
        Brodersen et al. 2010, "The Balanced Accuracy and Its Posterior Distribution", section I.
    """

    keras_module = "latih.metrics"

    def __init__(self, name: str | None = "balanced_accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def make_sums(self, outputs: tuple[int, ...]) -> None:
        """Make a sum for each class."""
        self.right = self.add_variable(outputs, name="right")
        self.met = self.add_variable(outputs, name="met")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in."""
        y_true, y_pred = alike(y_true, as_tensor(y_pred).detach().to(torch.float32))
        require_rows(type(self).__name__, y_true, y_pred)
        self.get_ready(tuple(y_pred.shape[1:]))
        self.move_to(y_pred.device)
        true = y_true.argmax(dim=1)
        weights = torch.ones(len(true), device=true.device)
        if sample_weight is not None:
            weights = weights * as_tensor(sample_weight).to(weights).reshape(-1)
        self.met.index_add_(0, true, weights)
        self.right.index_add_(0, true, weights * (y_pred.argmax(dim=1) == true))

    def result(self) -> torch.Tensor:
        """Return the metric of all that was taken in since the last reset."""
        if not self.variables:
            return torch.zeros(())
        met = self.met > 0
        parts = torch.where(met, self.right / self.met.clamp(min=1e-30), 0.0)
        return parts.sum() / met.sum().clamp(min=1)
