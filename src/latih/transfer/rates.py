"""Learning rates by depth, and the pull back to where the weights came from."""

from collections.abc import Sequence
from typing import Any

import torch

from latih.arguments import number
from latih.errors import InputError
from latih.layers import Layer
from latih.layers.depth import by_depth
from latih.optimizers.groups import Group
from latih.regularizers import Regularizer

FACTOR = 2.6
"""How many times slower each group learns than the one above it."""


def groups(model: Layer, count: int | None = None) -> list[list[Layer]]:
    """Return the layers with weights in groups, from the inputs on; the head is the last.

    Args:
        model: a built model; those inside it are opened.
        count: how many groups at most; None for one a kernel.

    Raises:
        InputError: there are no weights, or the count is none.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(3, input_shape=[2], name="low"), Dense(3, name="middle"),
        ...                     Dense(3, name="high"), Dense(1, name="head")])
        >>> [[layer.name for layer in group] for group in groups(model, 3)]
        [['low', 'middle'], ['high'], ['head']]
    """
    return by_depth(model, count)


def rates_by_depth(
    divided: Sequence[Sequence[Layer]], factor: float = FACTOR, top: float = 1.0
) -> list[Group]:
    """Return groups for :meth:`~latih.optimizers.Optimizer.set_groups`, each slower than the next.

    ``η_l = top · factor^(l - L) · η``: low layers hold what every picture has, edges and colours,
    and shall hardly move; the head is new. With a group a layer and ``factor=1 / decay`` it is
    layer-wise decay.

    Args:
        divided: what :func:`groups` returns.
        factor: how many times slower a group learns than the one above it, >= 1.
        top: what multiplies the rate of the last group, > 0.

    Raises:
        InputError: a number is out of range, or a model is given in the place of its groups.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(3, input_shape=[2]), Dense(3), Dense(1)])
        >>> [round(group.learning_rate, 3) for group in rates_by_depth(groups(model))]
        [0.148, 0.385, 1.0]

    Reference:
        Howard & Ruder 2018, "Universal Language Model Fine-tuning", section 3.2, equation 2.
    """
    if isinstance(divided, Layer):
        raise InputError(
            "`divided` of rates_by_depth() cannot be used",
            expected="groups of layers",
            got=f"a {type(divided).__name__}",
            fix="Give rates_by_depth(groups(model)).",
        )
    number(factor, "factor", "rates_by_depth()", least=1)
    number(top, "top", "rates_by_depth()", above=0)
    last = len(divided) - 1
    return [
        Group(tuple(group), learning_rate=top * factor ** (place - last))
        for place, group in enumerate(divided)
    ]


class PullToStart(Regularizer):
    """``strength Σ (w - w₀)²``: what was learned before is kept unless the data pay for leaving it.

    Weight decay pulls towards zero, and so away from the pretrained weights; this pulls towards
    them.

    Args:
        start: w₀.
        strength: the price, >= 0.
        displaced: the penalty whose place this takes; None for none.

    Example:
        >>> pull = PullToStart(torch.tensor([1.0, 2.0]), strength=0.5)
        >>> pull(torch.tensor([1.0, 4.0]))
        tensor(2.)

    Reference:
        Li, Grandvalet & Davoine 2018, "Explicit Inductive Bias for Transfer Learning with
        Convolutional Networks", equation 2 (L2-SP), with α = 2 · strength.
    """

    def __init__(self, start: torch.Tensor, strength: float, displaced: Any = None) -> None:
        self.start = start.detach().clone()
        self.displaced = displaced
        self.strength = number(strength, "strength", "PullToStart", least=0)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return the penalty of this weight."""
        return self.strength * (x - self.start.to(x)).square().sum()


def pull_to_start(layers: Layer | Sequence[Layer], strength: float) -> None:
    """Let the trainable weights of some layers be pulled back to what they are now (L2-SP).

    It takes the place of the penalties that these weights had until it is taken away; no file holds
    it.

    Args:
        layers: the base, or layers of it; not the head, which has no past.
        strength: the price of a squared distance, >= 0; 0 takes the pull away, and gives back
            the penalties that were there before.

    Example:
        >>> from latih.layers import Dense
        >>> layer = Dense(1, input_shape=[2])
        >>> layer.build((None, 2))
        >>> pull_to_start([layer], 0.01)
        >>> [loss.item() for loss in layer.losses]
        [0.0, 0.0]
    """
    for layer in [layers] if isinstance(layers, Layer) else layers:
        weights: list[Any] = layer.trainable_weights
        for weight in weights:
            own = getattr(weight, "regularizer", None)
            if isinstance(own, PullToStart):
                own = own.displaced
            weight.regularizer = PullToStart(weight, strength, own) if strength else own
