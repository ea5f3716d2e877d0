"""Who trains in float32 where bfloat16 would be faster is told so, once."""

import time
from typing import Any

from latih import config
from latih.data.batches import ArrayBatches
from latih.engine import precision
from latih.engine.events import Callback

LEAST_SECONDS = 3e-3
"""Steps that take less have little in them that bfloat16 would make faster."""

MOST_OF_THE_RUN = 0.02
"""How much of a run the measurement may cost."""

WORTH_TELLING = 1.2
"""From how many times as fast on it is told."""


class PrecisionTip(Callback):
    """After the first epoch, measure a few steps in bfloat16, and say what they would gain.

    It does so where the device multiplies bfloat16 fast, for a model all of whose layers are of
    float32 because nobody asked for anything, if its steps take long enough to gain, and if the run
    is so long that the measurement costs next to nothing. ``set_dtype_policy("float32")`` is an
    answer: who has called it is not told.

    Args:
        batches: what is trained on.
        compare: what times the two types; see :func:`latih.engine.precision.compare`.

    Example:
        >>> import torch
        >>> tip = PrecisionTip(ArrayBatches(torch.zeros(4, 1)))
        >>> tip.text(precision.Comparison(float32=0.039, bfloat16=0.0195))
        'In bfloat16 a step of this model would take 19.5 ms in place of 39.0, 2.0 times as ...'
    """

    _told = False

    def __init__(self, batches: ArrayBatches, compare: Any = precision.compare) -> None:
        super().__init__()
        self._batches, self._compare = batches, compare
        self._began = 0.0

    @classmethod
    def may_help(cls, model: Any) -> bool:
        """Say whether it is worth a look: the device, the types, and whether it was told before."""
        return (
            not cls._told
            and not config.dtype_policy_was_set()
            and config.has_fast_bfloat16(model.device)
            and precision.may_be_tried(model)
        )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Measure, after the first epoch, and tell."""
        if epoch != self.params["initial_epoch"] or PrecisionTip._told:
            return
        steps = self._batches.steps
        seconds = (time.perf_counter() - self._began) / steps
        planned = steps * (self.params["epochs"] - epoch)
        if seconds < LEAST_SECONDS or precision.STEPS > MOST_OF_THE_RUN * planned:
            return
        PrecisionTip._told = True
        try:
            compared = self._compare(self.model, self._batches.peek())
        except Exception:  # a tip is not worth a training: there may be no memory for a copy
            return
        if compared.times_as_fast >= WORTH_TELLING:
            print(self.text(compared))

    def text(self, compared: precision.Comparison) -> str:
        """Return what is told of a comparison."""
        slow, fast = 1e3 * compared.float32, 1e3 * compared.bfloat16
        return (
            f"In bfloat16 a step of this model would take {fast:.1f} ms in place of {slow:.1f}, "
            f"{compared.times_as_fast:.1f} times as fast: call "
            'keras.config.set_dtype_policy("mixed_bfloat16") before the model is made. '
            '(set_dtype_policy("float32") keeps this from being measured.)'
        )
