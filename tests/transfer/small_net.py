"""A small net that was not trained, pictures that it can learn, and a fine-tuning of it."""

from typing import Any

import numpy as np

import latih
from latih import layers, transfer

KINDS = np.repeat([0, 1, 2], [40, 24, 12])
IMAGES = np.random.default_rng(4).integers(0, 120, (len(KINDS), 16, 16, 3)).astype("uint8")
for place, kind in enumerate(KINDS):  # a bar of a place, and a colour, for each class
    IMAGES[place, :, 4 * kind : 4 * kind + 4, kind] += 90
FIRST, LAST = np.arange(0, len(KINDS), 2), np.arange(1, len(KINDS), 2)


def base(seed: int = 1) -> Any:
    latih.utils.set_random_seed(seed)
    inputs = latih.Input((16, 16, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(inputs)
    for name in ("low", "high"):
        x = layers.Conv2D(8, 3, strides=2, use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
        x = layers.Activation("relu", name=f"{name}_bend")(x)
    return latih.Model(inputs, layers.GlobalAveragePooling2D()(x), name="small")


def tuned(**more: Any) -> Any:
    given: dict[str, Any] = {"epochs": 3, "seed": 5, "verbose": 0, **more}
    held = {"validation_data": (IMAGES[LAST], KINDS[LAST])}
    return transfer.fine_tune(base(), IMAGES[FIRST], KINDS[FIRST], **{**held, **given})


class Killed(latih.callbacks.Callback):
    """Ends a run as a crash does."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.last = epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Raise."""
        if epoch == self.last:
            raise KeyboardInterrupt
