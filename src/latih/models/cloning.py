"""The same model once more, with weights of its own."""

from collections.abc import Callable
from typing import Any

from latih.errors import InputError
from latih.layers import Layer
from latih.models.model import Model
from latih.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
) -> Any:
    """Return a model of the same layers, made anew, with new weights; it is not compiled.

    Args:
        model: a ``Sequential``, a functional model, or one with ``get_config``.
        input_tensors: taken for Keras's sake; only None.
        clone_function: makes each layer's copy; by default ``from_config`` of its config.

    Returns:
        A model of the same kind.

    Raises:
        InputError: a subclassed model with a ``clone_function``, or it gives no layer.

    Example:
        >>> from latih.layers import Dense
        >>> model = Sequential([Dense(1, input_shape=[2])])
        >>> clone_model(model).output_shape
        (None, 1)
    """
    if input_tensors is not None:
        raise InputError(
            "`input_tensors` of clone_model() is not to be had", fix="Call the clone on them."
        )

    copied = (lambda layer: layer.again()) if clone_function is None else clone_function
    if isinstance(model, Sequential):
        given = [] if model.graph is None and not model.built else [model.input]
        layers = [copied(layer) for layer in model.layers]
        return type(model)([*given, *layers], name=model.name, trainable=model.trainable)
    if model.graph is not None:
        inputs, outputs = model.graph.rebuilt(copied)
        return type(model)(inputs, outputs, name=model.name, trainable=model.trainable)
    if clone_function is not None:
        raise InputError(
            f"the layers of {model.name!r} cannot be cloned one by one",
            expected="a Sequential or a functional model",
            got="a subclassed one",
            fix="Leave out `clone_function`.",
        )
    return model.again()
