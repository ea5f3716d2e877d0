"""What all schedules share."""

from typing import Any

import torch

from latih.registry import Configured

LATIH_MODULE = "latih.optimizers.schedules"
"""What goes into files as the module of the schedules that Keras does not have."""


class LearningRateSchedule(Configured):
    """The base of schedules: an object that, called with the updates done, gives a rate.

    Define :meth:`rate_at`, or ``__call__`` itself as with Keras.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def rate_at(self, step):
        ...         return 0.5**step
        >>> Halving()(2), Halving()(torch.tensor([0, 1]))
        (0.25, tensor([1.0000, 0.5000]))
    """

    keras_module = "keras.optimizers.schedules"

    def rate_at(self, step: float) -> float:
        """Return the learning rate after ``step`` updates; 0 before the first."""
        raise NotImplementedError(f"{type(self).__name__} must define rate_at(step)")

    def __call__(self, step: Any) -> Any:
        """Return the learning rate after ``step`` updates.

        Args:
            step: a number, or a tensor of any shape.

        Returns:
            A number for a number, a tensor of the same shape for a tensor.
        """
        if not isinstance(step, torch.Tensor):
            return self.rate_at(float(step))
        rates = [self.rate_at(float(one)) for one in step.reshape(-1).tolist()]
        dtype = step.dtype if step.is_floating_point() else torch.get_default_dtype()
        return torch.tensor(rates, dtype=dtype, device=step.device).reshape(step.shape)
