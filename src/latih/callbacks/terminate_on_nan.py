"""Ending a run whose loss is no number any more."""

import math
from typing import Any

from latih.engine.events import Callback


class TerminateOnNaN(Callback):
    """End training at the step after which the mean loss is NaN or infinite.

    It reads the loss after every step, which makes each wait for the device.

    Example:
        >>> TerminateOnNaN().state_dict()
        {}
    """

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Read the loss of this step."""
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            print(f"Batch {batch}: the loss is {loss}; training ends.")
            self.model.stop_training = True
            self.model.stop_reason = f"the loss became {loss} at batch {batch}"
