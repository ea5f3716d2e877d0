"""Looking at a model and leaving no trace: no draw, no statistic, no sum is another afterwards."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from latih import random
from latih.engine.capture.purity import is_own
from latih.engine.sums import load_sums_state, sums_state
from latih.layers.base import changed_by_calls, mode
from latih.layers.kept import kept_by_layers
from latih.layers.seeds import seed_generators
from latih.losses import LossFunctionWrapper
from latih.metrics import Metric

PLAIN = (bool, int, float, str, type(None))


class Untouched:
    """What of a model a call may change beside its outputs, found once.

    Args:
        model: a model whose layers are built.
        others: what else is called in the block, such as losses.

    Example:
        >>> from latih.layers import BatchNormalization
        >>> layer = BatchNormalization()
        >>> layer.build((None, 1))
        >>> with Untouched(layer).kept(training=True):
        ...     _ = layer(torch.tensor([[1.0], [3.0]]))
        >>> layer.moving_mean.numpy(), layer.training
        (array([0.], dtype=float32), False)
    """

    def __init__(self, model: Any, others: Iterable[Any] = ()) -> None:
        self.model = model
        # Those that layers keep, and update in their calls.
        self._metrics = list(kept_by_layers(model, Metric).values())
        self._generators = list(seed_generators(model).values())
        # Code of the user's may count its calls.
        self._strangers = [one for one in model.modules() if not is_own(type(one))]
        # Latih's own layers draw from generators of their own, and from no other.
        self._may_turn_dice = not all(map(_is_of_latih, (*model.modules(), *others)))

    @contextmanager
    def kept(self, training: bool = False) -> Generator[None]:
        """Call the model in the block, without gradients, as if it were not called.

        Args:
            training: whether it is in training mode there.
        """
        model = self.model
        draws = [generator.draws for generator in self._generators]
        dice = random.state_dict() if self._may_turn_dice else None
        buffers = list(changed_by_calls(model))
        values = [buffer.detach().clone() for buffer in buffers]
        sums = [[part.clone() for part in parts] for parts in sums_state(self._metrics)]
        added = vars(model).get("added_losses")
        noted = [dict(vars(module)) for module in self._strangers]
        try:
            with mode(model, training), torch.no_grad():
                yield
        finally:
            for generator, count in zip(self._generators, draws, strict=True):
                generator.draws = count
            if dice is not None:
                random.load_state_dict(dice)
            with torch.no_grad():
                for buffer, value in zip(buffers, values, strict=True):
                    buffer.copy_(value)
            load_sums_state(self._metrics, sums)
            if added is not None:
                vars(model)["added_losses"] = added
            for module, attributes in zip(self._strangers, noted, strict=True):
                held = vars(module)
                held.update((k, v) for k, v in attributes.items() if isinstance(v, PLAIN))


@contextmanager
def undisturbed(model: nn.Module) -> Generator[None]:
    """Let the block call a model once in inference mode, and put back whatever that changes.

    Every random generator of the process stands where it stood, too.

    Args:
        model: a model, or any module.

    Example:
        >>> from latih.layers import Dropout
        >>> layer = Dropout(0.5)
        >>> _ = layer.train()
        >>> with undisturbed(layer):
        ...     layer(torch.ones(3))
        tensor([1., 1., 1.])
        >>> layer.training
        True
    """
    with random.drawing_from(random.state_dict()), Untouched(model).kept():
        yield


def _is_of_latih(one: Any) -> bool:
    told = one.fn if isinstance(one, LossFunctionWrapper) else type(one)
    module = getattr(told, "__module__", "")
    return module.partition(".")[0] == "latih" or module == nn.ModuleList.__module__
