"""A layer: weights and what they do to a batch. A PyTorch module that speaks Keras."""

import inspect
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from latih import constraints, initializers, registry, regularizers
from latih.constraints import Constraint
from latih.errors import InputError, near_matches
from latih.layers import budget
from latih.layers.names import checked_name
from latih.registry import Configured, auto_name, to_snake_case
from latih.regularizers import Regularizer
from latih.tensors import Shape, as_tensor, shape_of

FLOAT32_POLICY = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}


@dataclass(frozen=True)
class Weight:
    """What is known of one weight beside its numbers."""

    attribute: str
    trainable: bool
    regularizer: Regularizer | None
    constraint: Constraint | None


class Layer(nn.Module, Configured):
    """The base of layers: define ``build`` (make the weights) and ``call`` (use them).

    A layer is a :class:`torch.nn.Module`, so that ``state_dict``, ``to``, hooks and whatever else
    PyTorch offers work on it. It starts in inference mode, as Keras has it; ``training=True`` in a
    call holds for that call, :meth:`~torch.nn.Module.train` until it is changed.

    Args:
        name: what the layer is called; by default its class in snake case, with a number.
        trainable: whether training may change the weights.
        dtype: taken for Keras's sake; only ``"float32"``.
        activity_regularizer: a penalty on the outputs, divided by the batch's length.
        input_shape: the shape of one example; makes the layer the first of a ``Sequential``.
        input_dim: the same for examples with one axis.
        batch_size: how many examples come at once; None for any.

    Example:
        >>> class Doubled(Layer):
        ...     def call(self, inputs):
        ...         return 2 * inputs
        >>> Doubled()(torch.ones(2))
        tensor([2., 2.])
    """

    keras_module = "keras.layers"
    not_described = frozenset(
        (
            *("name", "trainable", "dtype", "activity_regularizer"),  # base_config() has them
            *("input_shape", "input_dim", "batch_size"),  # the build config has them
        )
    )

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        activity_regularizer: Any = None,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
        batch_size: int | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            wrong = next(iter(unknown))
            known = [n for n in registry.constructor_arguments(type(self)) if n != "unknown"]
            raise InputError(
                f"{type(self).__name__} has no argument `{wrong}`", fix=near_matches(wrong, known)
            )
        registry.require_float32(dtype, type(self).__name__)
        super().__init__()
        self.training = False
        self.name = checked_name(name, type(self).__name__) or auto_name(type(self).__name__)
        budget.admit_layer(self.name)
        self.built = False
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.activity_penalty: torch.Tensor | None = None
        self._trainable = trainable
        self._weights: dict[str, Weight] = {}
        self._build_shape: Shape | None = None
        given = (input_dim,) if input_shape is None and input_dim is not None else input_shape
        self.batch_input_shape: Shape | None = None if given is None else (batch_size, *given)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _building(vars(cls)["build"])  # type: ignore[method-assign]
        if "call" in vars(cls):
            parameters = inspect.signature(vars(cls)["call"]).parameters
            cls._call_takes_training = "training" in parameters

    _call_takes_training = False

    # Making the weights

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape; a layer without weights need not define it."""
        self._build_shape = input_shape
        self.built = True

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> torch.Tensor:
        """Make a weight; keep it as an attribute of the layer under ``name``.

        Args:
            shape: its shape.
            initializer: a name or an object; by default Glorot's for matrices, zeros else.
            dtype: taken for Keras's sake; only ``"float32"``.
            trainable: whether gradients change it; if not, it is a buffer that ``call`` may change.
            regularizer: a penalty on it.
            constraint: where it is put back after each update.
            name: the attribute's name; by default ``weight_0``, ``weight_1``, ...

        Returns:
            The parameter or buffer.
        """
        registry.require_float32(dtype, type(self).__name__)
        attribute = name or f"weight_{len(self._weights)}"
        number = len(self._weights)
        while not attribute.isidentifier() or getattr(self, attribute, None) is not None:
            # The name is only a label: what the user assigns the weight to becomes its attribute.
            attribute, number = f"weight_{number}", number + 1
        if vars(self).get(attribute, self) is None:
            delattr(self, attribute)  # a None that held the place
        budget.spend(shape, attribute, self.name)
        if initializer is None:
            initializer = "glorot_uniform" if len(shape) > 1 else "zeros"
        values = initializers.get(initializer)(tuple(shape)).to(_device_of(self))
        self._weights[attribute] = Weight(
            attribute, trainable, regularizers.get(regularizer), constraints.get(constraint)
        )
        if trainable:
            self.register_parameter(attribute, nn.Parameter(values, requires_grad=self._trainable))
        else:
            self.register_buffer(attribute, values)
        return getattr(self, attribute)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a weight is kept under the name that it is assigned to."""
        if isinstance(value, torch.Tensor):
            for weight in vars(self).get("_weights", {}).values():
                if weight.attribute != name and getattr(self, weight.attribute) is value:
                    self._rename(weight, name)
                    return
        super().__setattr__(name, value)

    def _rename(self, weight: Weight, attribute: str) -> None:
        kept = self._parameters if weight.trainable else self._buffers
        values = kept.pop(weight.attribute)
        vars(self).pop(attribute, None)
        kept[attribute] = values  # type: ignore[assignment]
        renamed = replace(weight, attribute=attribute)
        self._weights = {
            known.attribute: known
            for known in (renamed if one is weight else one for one in self._weights.values())
        }

    # Using them

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs of a batch; take ``training`` as an argument if it matters."""
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")

    def forward(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build the layer at the first call, and run :meth:`call` in the mode asked for."""
        if training is not None and training != self.training:
            with mode(self, training):
                return self.forward(inputs, *args, **kwargs)
        if not isinstance(inputs, torch.Tensor):
            inputs = _tensors(inputs)
        if not self.built:
            self.build(_shapes(inputs))
        if self._call_takes_training:
            kwargs["training"] = self.training
        outputs = self.call(inputs, *args, **kwargs)
        if self.activity_regularizer is not None:
            self.activity_penalty = self.activity_regularizer(outputs) / len(outputs)
        return outputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs; by default as one example of zeros comes out."""
        with mode(self, False), torch.no_grad():
            # Two examples, since some layers cannot take the statistics of one.
            shape = [2, *(size or 1 for size in input_shape[1:])]
            budget.allow_probe(shape, self.name)
            outputs = self(torch.zeros(shape).to(_device_of(self)))
        return (input_shape[0], *tuple(outputs.shape)[1:])

    # What it holds

    @property
    def trainable(self) -> bool:
        """Whether training may change the weights of this layer and of those inside it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.modules():
            if isinstance(layer, Layer):
                layer._trainable = bool(value)
                for weight in layer._weights.values():
                    if weight.trainable:
                        getattr(layer, weight.attribute).requires_grad_(bool(value))

    @property
    def layers(self) -> list["Layer"]:
        """The layers directly inside this one."""
        return list(_inner(self))

    def own_weights(self) -> list[Weight]:
        """Return what is known of this layer's own weights, trainable ones first."""
        return sorted(self._weights.values(), key=lambda weight: not weight.trainable)

    def saved_children(self) -> Iterator[tuple[str, "Layer"]]:
        """Yield the layers inside this one, under the names that they have in Keras's files."""
        for attribute, child in sorted(self.named_children()):
            if isinstance(child, Layer):
                yield attribute, child
            else:
                for name, layer in numbered_by_class(_inner(child)):
                    yield f"{attribute}/{name}", layer

    def _located_weights(self) -> Iterator[tuple["Layer", Weight]]:
        # Keras's order: a layer's own weights, then those inside it.
        yield from ((self, weight) for weight in self.own_weights())
        for layer in _inner(self):
            yield from layer._located_weights()

    def _located_trainable_weights(self) -> Iterator[tuple["Layer", Weight]]:
        # As in Keras: a frozen layer has none, and else it matters what each weight's owner says.
        if self._trainable:
            for layer, weight in self._located_weights():
                if weight.trainable and layer.trainable:
                    yield layer, weight

    @property
    def weights(self) -> list[torch.Tensor]:
        """All weights, in Keras's order."""
        return [getattr(layer, w.attribute) for layer, w in self._located_weights()]

    variables = weights

    @property
    def trainable_weights(self) -> list[torch.Tensor]:
        """The weights that training changes."""
        return [getattr(layer, w.attribute) for layer, w in self._located_trainable_weights()]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[torch.Tensor]:
        """The weights that training leaves: frozen ones and running statistics."""
        changed = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in changed]

    non_trainable_variables = non_trainable_weights

    def penalties(self) -> Iterator[tuple[Regularizer, torch.Tensor]]:
        """Yield each trainable weight that has a regularizer, with it."""
        for layer, weight in self._located_trainable_weights():
            if weight.regularizer is not None:
                yield weight.regularizer, getattr(layer, weight.attribute)

    def bounds(self) -> Iterator[tuple[Constraint, torch.Tensor]]:
        """Yield each trainable weight that has a constraint, with it."""
        for layer, weight in self._located_trainable_weights():
            if weight.constraint is not None:
                yield weight.constraint, getattr(layer, weight.attribute)

    def penalised_outputs(self) -> Iterator["Layer"]:
        """Yield each layer whose outputs are penalised; its ``activity_penalty`` is the last."""
        for layer in self.modules():
            if isinstance(layer, Layer) and layer.activity_regularizer is not None:
                yield layer

    @property
    def losses(self) -> list[torch.Tensor]:
        """The penalties on weights as they are now, and on the outputs of the last call."""
        on_outputs = [layer.activity_penalty for layer in self.penalised_outputs()]
        on_weights = [regularizer(weight) for regularizer, weight in self.penalties()]
        return on_weights + [penalty for penalty in on_outputs if penalty is not None]

    def count_params(self) -> int:
        """Return how many numbers the weights hold."""
        return sum(weight.numel() for weight in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, in Keras's order and layout."""
        return [weight.detach().cpu().numpy().copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights.

        Args:
            weights: arrays as :meth:`get_weights` gives them.

        Raises:
            InputError: their number or a shape is another.
        """
        located = list(self._located_weights())
        if len(weights) != len(located):
            raise InputError(
                f"set_weights() of {self.name!r} was given another number of arrays",
                expected=f"{len(located)} arrays",
                got=str(len(weights)),
                fix="Build the model first, and take the arrays from get_weights().",
            )
        arrays = [as_tensor(value) for value in weights]
        for (layer, weight), array in zip(located, arrays, strict=True):
            own = getattr(layer, weight.attribute)
            if own.shape != array.shape:
                raise InputError(
                    f"set_weights() cannot fill `{weight.attribute}` of {layer.name!r}",
                    expected=f"shape {tuple(own.shape)}",
                    got=f"shape {tuple(array.shape)}",
                )
        with torch.no_grad():
            for (layer, weight), array in zip(located, arrays, strict=True):
                getattr(layer, weight.attribute).copy_(array)

    # What goes into files

    def base_config(self) -> dict[str, Any]:
        """Return the arguments that every layer has, as data that JSON can hold."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": FLOAT32_POLICY,
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = registry.serialize(self.activity_regularizer)
        return config

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        return {**self.base_config(), **super().get_config()}

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shape that the layer was built for, or None."""
        if self._build_shape is None:
            return None
        return {"input_shape": list(self._build_shape)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the layer again from :meth:`get_config`'s data, with new weights."""
        return cls(**cls._without_neutral(config))

    def extra_repr(self) -> str:
        """Return what PyTorch prints of the module."""
        return f"name={self.name!r}"


@contextmanager
def mode(module: nn.Module, training: bool) -> Generator[None]:
    """Put a module and all inside it into training or inference mode for the block."""
    before = [(inner, inner.training) for inner in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for inner, was in before:
            inner.training = was


def numbered_by_class(layers: Iterable[Layer]) -> Iterator[tuple[str, Layer]]:
    """Yield layers under ``dense``, ``dense_1``, ...: their class, counted, whatever their names.

    Example:
        >>> [name for name, _ in numbered_by_class([Layer(), Layer()])]
        ['layer', 'layer_1']
    """
    seen: Counter[str] = Counter()
    for layer in layers:
        kind = to_snake_case(type(layer).__name__)
        yield f"{kind}_{seen[kind]}" if seen[kind] else kind, layer
        seen[kind] += 1


def _building(build: Callable[..., None]) -> Callable[..., None]:
    def build_and_mark(self: Layer, input_shape: Shape) -> None:
        build(self, input_shape)
        Layer.build(self, input_shape)

    build_and_mark.__doc__ = build.__doc__
    return build_and_mark


def _inner(module: nn.Module) -> Iterator[Layer]:
    # A container of PyTorch's between a layer and those inside it is looked through.
    for child in module.children():
        if isinstance(child, Layer):
            yield child
        else:
            yield from _inner(child)


def _device_of(layer: nn.Module) -> torch.device:
    return next((w.device for w in layer.parameters()), torch.get_default_device())


def _tensors(inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return {name: as_tensor(value) for name, value in inputs.items()}
    if isinstance(inputs, list | tuple) and any(isinstance(v, torch.Tensor) for v in inputs):
        return [as_tensor(value) for value in inputs]
    return as_tensor(inputs)


def _shapes(inputs: Any) -> Any:
    if isinstance(inputs, torch.Tensor):
        return shape_of(inputs)
    if isinstance(inputs, Mapping):
        return {name: shape_of(value) for name, value in inputs.items()}
    return [shape_of(value) for value in inputs]
