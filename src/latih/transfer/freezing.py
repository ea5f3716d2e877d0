"""Which layers of a net that was trained before go on learning."""

from numbers import Integral
from typing import TypeVar

from latih.errors import InputError, near_matches
from latih.layers import Layer
from latih.layers.depth import in_depth

Net = TypeVar("Net", bound=Layer)
Place = int | str | Layer
"""A layer: by itself, by its name, or by its number among those of the model, counted from 0."""


def freeze(model: Net, until: Place | None = None) -> Net:
    """Let a model, or its layers up to one, keep what they know.

    What is frozen gets no gradient and is not moved, bit by bit. A frozen batch normalisation
    normalises by its moving statistics and leaves them, as Keras has it.

    Args:
        model: the model; those inside it are opened.
        until: the first layer that goes on learning, with all that come after it; None to freeze
            every layer. A number counts as ``model.layers`` does, and may be negative.

    Returns:
        The model itself. Its optimizer hears of it at the next ``fit``.

    Raises:
        InputError: it is no model, or there is no such layer.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(3, input_shape=[2], name="low"), Dense(1, name="head")])
        >>> [weight.path for weight in freeze(model, until="head").trainable_weights]
        ['head/kernel', 'head/bias']

    Reference:
        Yosinski et al. 2014, "How transferable are features in deep neural networks?", section 3.
    """
    leaves = in_depth(model)
    end = len(leaves) if until is None else _place(model, leaves, until)
    if until is None:
        model.trainable = False
    for layer in leaves[:end]:
        layer.trainable = False
    return model


def unfreeze(model: Net, since: Place | None = None, *, batch_norm: bool = True) -> Net:
    """Let a model, or its layers from one on, learn again; those before it stay as they are.

    Args:
        model: the model; those inside it are opened.
        since: the first layer that learns; None for every layer. As in :func:`freeze`.
        batch_norm: whether batch normalisations learn too. On few images they should not: their
            statistics are better known from the data that they were made on.

    Returns:
        The model itself.

    Raises:
        InputError: there is no such layer.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> model = freeze(Sequential([Dense(3, input_shape=[2]), Dense(1)]))
        >>> len(unfreeze(model, since=-1).trainable_weights)
        2
    """
    leaves = in_depth(model)
    start = 0 if since is None else _place(model, leaves, since)
    learning = [
        layer.trainable
        if place < start
        else batch_norm or layer.trainable or not layer.keeps_statistics()
        for place, layer in enumerate(leaves)
    ]
    model.trainable = True  # for a layer of a frozen model has no say
    for layer, learns in zip(leaves, learning, strict=True):
        layer.trainable = learns
    return model


def _place(model: Layer, leaves: list[Layer], wanted: Place) -> int:
    """Return the place, among the innermost layers, where one begins."""
    found = _layer(model, leaves, wanted)
    inside = {id(layer) for layer in in_depth(found)}
    for place, layer in enumerate(leaves):
        if id(layer) in inside:
            return place
    raise InputError(
        f"the model {model.name!r} does not hold the layer {found.name!r}",
        expected="a layer of the model",
        got=found.name,
    )


def _layer(model: Layer, leaves: list[Layer], wanted: Place) -> Layer:
    if isinstance(wanted, Layer):
        return wanted
    if isinstance(wanted, str):
        known = {layer.name: layer for layer in [*leaves, *model.every_layer()]}
        if wanted in known:
            return known[wanted]
        raise InputError(
            f"the model {model.name!r} has no layer {wanted!r}",
            fix=near_matches(wanted, list(known)),
        )
    is_whole = isinstance(wanted, Integral) and not isinstance(wanted, bool)
    if not is_whole or not -len(model.layers) <= wanted < len(model.layers):
        raise InputError(
            f"the model {model.name!r} has no layer {wanted}",
            expected=f"{-len(model.layers)}..{len(model.layers) - 1}, a name or a layer",
            got=repr(wanted),
        )
    return model.layers[wanted]
