"""The end of a net: the layer that names classes, taken off and put on."""

from typing import Any

from latih.arguments import number, whole
from latih.errors import InputError
from latih.layers import (
    Activation,
    Dense,
    Dropout,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    Input,
    Layer,
    Softmax,
)
from latih.models import Model
from latih.symbolic import SymbolicTensor

POOLING = {3: GlobalAveragePooling1D, 4: GlobalAveragePooling2D, 5: GlobalAveragePooling3D}
"""What makes one row of features of each example, by how many axes there are."""

DROPOUT = "head_dropout"


def replace_head(
    model: Model, classes: int, *, dropout: float = 0.0, activation: Any = "softmax"
) -> Model:
    """Return a model with a new last layer on the features of another.

    The last ``Dense``, and what follows it, is taken off; a model that ends otherwise is kept
    whole, and its maps are averaged. The layers are shared: training one model trains both.

    Args:
        model: a built model; a ``Sequential`` or a functional one, if its head is to be taken off.
        classes: how many units the new layer has, >= 1.
        dropout: the fraction of features dropped before it, 0..1.
        activation: what makes of its outputs what is asked for; None for logits.

    Returns:
        A functional model; it is not compiled.

    Raises:
        InputError: the model is not built, or an argument is out of range.

    Example:
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(8, "relu", input_shape=[4]), Dense(10, "softmax")])
        >>> replace_head(model, classes=3).output_shape
        (None, 3)

    Reference:
        Donahue et al. 2014, "DeCAF: A Deep Convolutional Activation Feature", section 3.
    """
    if not isinstance(model, Model):
        raise InputError(
            "`model` of replace_head() cannot be used",
            expected="a model",
            got=f"a {type(model).__name__}",
        )
    units = whole(classes, "classes", "replace_head()", least=1)
    if units == 1 and activation == "softmax":
        raise InputError(
            "`classes` of replace_head() cannot be used: a softmax of one unit is always 1",
            expected="2 or more; for one yes or no, activation='sigmoid'",
            got="1",
        )
    fraction = number(dropout, "dropout", "replace_head()", least=0, below=1)
    inputs, features = ends(model, head_of(model))
    return Model(inputs, with_head(features, units, fraction, activation))


def with_head(features: Any, classes: int, dropout: float, activation: Any) -> Any:
    """Return the symbolic outputs of a new head on symbolic features."""
    pooled = pool(features)
    if dropout:
        pooled = Dropout(dropout, name=DROPOUT)(pooled)
    return Dense(classes, activation=activation, name="head")(pooled)


def pool(features: Any) -> Any:
    """Return one row of features for each example, by averaging over all other axes."""
    made = POOLING.get(len(features.shape))
    return features if made is None else made(name="head_pooling")(features)


def head_of(model: Model) -> Dense | None:
    """Return the layer that ends a model, if it is a ``Dense`` and nothing with weights follows."""
    for layer in reversed(model.layers):
        if isinstance(layer, Dense):
            return layer
        if layer.weights:
            return None
    return None


def names_classes(model: Model) -> bool:
    """Say whether the head of a model gives probabilities, and so is no encoder's last layer.

    Several sigmoids may be the features of a Boltzmann machine: only one alone tells two classes
    apart.

    Example:
        >>> from latih.models import Sequential
        >>> [names_classes(Sequential([Dense(units, activation, input_shape=[4])]))
        ...  for units, activation in ((3, "softmax"), (1, "sigmoid"), (3, "sigmoid"))]
        [True, True, False]
    """
    head = head_of(model)
    if head is None:
        return False
    telling = ("softmax", "log_softmax", *(["sigmoid"] if head.units == 1 else []))
    after = model.layers[model.layers.index(head) :]
    return any(
        isinstance(layer, Softmax)
        or (
            isinstance(layer, Dense | Activation)
            and getattr(layer.activation, "__name__", "") in telling
        )
        for layer in after
    )


def ends(model: Model, head: Layer | None) -> tuple[Any, Any]:
    """Return the symbolic inputs of a model, and what goes into its head or else comes out.

    Raises:
        InputError: the model is not built.
    """
    if model.is_symbolic:
        if head is None:
            return model.input, model.output
        return model.input, _into(head, model)
    shape = model.input_shape
    if not shape:
        raise InputError(
            f"the head of {model.name!r} cannot be replaced",
            expected="a built model",
            got="one without weights",
            fix="Give its first layer an input shape.",
        )
    inputs = Input(batch_shape=shape)
    return inputs, model(inputs)


def _into(head: Layer, model: Model) -> Any:
    """Return what a layer takes in a model; it may stand in others, too."""
    inside = _tensors_of(model)
    for node in head.calls:
        if any(id(output) in inside for output in node.outputs):
            into = node.args[0]
            # What was put before a head by this module goes with it.
            return into.node.args[0] if into.node.layer.name == DROPOUT else into
    return head.input


def _tensors_of(model: Model) -> set[int]:
    seen: set[int] = set()
    waiting = [tensor for tensor in model.outputs if isinstance(tensor, SymbolicTensor)]
    while waiting:
        tensor = waiting.pop()
        if id(tensor) not in seen:
            seen.add(id(tensor))
            waiting += list(tensor.node.inputs)
    return seen
