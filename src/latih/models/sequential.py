"""Layers one after the other."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from torch import nn

from latih import registry
from latih.errors import InputError
from latih.layers import LAYERS, Input, InputLayer, Layer
from latih.layers.base import numbered_by_class
from latih.models.graph import as_given
from latih.models.model import Model
from latih.structures import flatten, is_nested, map_structure
from latih.symbolic import SymbolicTensor
from latih.tensors import is_shape


class Sequential(Model):
    """A stack of layers, each of which takes what the one before it gives.

    The input's shape comes from an ``Input`` at the start, from ``input_shape=`` of the first
    layer, or from the first batch.

    Args:
        layers: the layers, from the input on; more may be added.
        trainable: whether training may change the weights.
        name: what the model is called.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: the first layer's; out: the last layer's.

    Raises:
        InputError: something that is no layer, or two layers of one name.

    Example:
        >>> from latih.layers import Dense, Flatten
        >>> model = Sequential([Flatten(input_shape=[28, 28]), Dense(10, activation="softmax")])
        >>> model.output_shape, model.count_params()
        ((None, 10), 7850)
    """

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=trainable, name=name, **kwargs)
        self.leave_inputs_to_layers()
        self.stack = nn.ModuleList()
        self._input: SymbolicTensor | None = None
        self._output: Any = None
        self._names: set[str] = set()
        for layer in layers or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    def add(self, layer: Any) -> None:
        """Put a layer on top; once the input's shape is known, its weights are made at once.

        Args:
            layer: a layer, or what ``Input`` returns.

        Raises:
            InputError: it is no layer, or its name is taken.
        """
        if isinstance(layer, InputLayer):
            layer = layer.output
        if isinstance(layer, SymbolicTensor) and isinstance(layer.node.layer, InputLayer):
            self._begin(layer)
            return
        if not isinstance(layer, Layer):
            raise InputError(
                "Sequential takes layers",
                expected="a layer such as Dense(10), or Input(shape)",
                got=repr(layer),
                fix=f"Write {layer.__name__}(...) with what it needs."
                if isinstance(layer, type)
                else "For a plain torch module write a Layer whose call() uses it.",
            )
        if layer.name in self._names:
            raise InputError(
                f"two layers of {self.name!r} are called {layer.name!r}",
                expected="a name of its own for each",
                got="the same layer twice" if layer in self.layers else "the same name twice",
                fix="Give one of them another name=.",
            )
        first = layer.input_shape if isinstance(layer, Model) else layer.batch_input_shape
        if self._input is None and first is not None and not len(self.stack):
            self._begin(Input(batch_shape=first))
        outputs = None if self._input is None else layer(self._output)
        self._names.add(layer.name)
        self.stack.append(layer)
        self._output = outputs

    def _begin(self, given: SymbolicTensor) -> None:
        if self._input is not None or len(self.stack):
            raise InputError(
                "an Input stands in the middle of a Sequential",
                expected="at most one, at the start",
                got=given.name,
            )
        self._input = self._output = given
        Layer.build(self, given.shape)

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off and return it."""
        del rebuild
        if not len(self.stack):
            raise InputError(
                f"{self.name!r} has no layer to take off", expected="at least one", got="none"
            )
        layer = self.layers[-1]
        self._names.discard(layer.name)
        del self.stack[-1]
        if self._input is not None:
            self._output = self.layers[-1].calls[-1].structure if self.layers else self._input
        return layer

    def build(self, input_shape: Any) -> None:
        """Make the weights of every layer for inputs of this shape."""
        if self._input is not None:
            return
        if not is_shape(input_shape):
            raise _several(self.name, len(input_shape))
        self._input = Input(batch_shape=input_shape)
        self._output = self._input
        for layer in self.layers:
            self._output = layer(self._output)

    def call(self, inputs: Any) -> Any:
        """Return what the last layer makes of a batch."""
        outputs = inputs
        # Bytes and whole numbers are cast a batch at a time, so that they are kept small.
        if self._input is not None and not isinstance(inputs, SymbolicTensor):
            if is_nested(inputs):
                outputs = self._only(inputs)
            outputs = as_given(outputs, self._input)
        for layer in self.stack:
            outputs = layer(outputs)
        return outputs

    def _only(self, inputs: Any) -> Any:
        given = flatten(inputs)
        if len(given) != 1:
            raise _several(self.name, len(given))
        return given[0]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs."""
        shape = tuple(input_shape)
        if self._input is not None and shape == self._input.shape:
            return map_structure(lambda tensor: tensor.shape, self._output)
        for layer in self.layers:
            shape = layer.compute_output_shape(shape)
        return shape

    @property
    def is_symbolic(self) -> bool:
        """Whether it is known, without data, what the inputs and outputs are."""
        return self._input is not None

    @property
    def input(self) -> Any:
        """The symbolic tensor that it begins with."""
        return super().input if self._input is None else self._input

    @property
    def output(self) -> Any:
        """The symbolic tensor that it ends with."""
        return super().output if self._input is None else self._output

    def saved_children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers under the names that they have in Keras's files."""
        for name, layer in numbered_by_class(self.layers):
            yield f"layers/{name}", layer

    def get_config(self) -> dict[str, Any]:
        """Return the layers and their arguments as data that JSON can hold."""
        config = self.base_config()
        first = [] if self._input is None else [self._input.node.layer]
        config["layers"] = [registry.serialize(layer) for layer in [*first, *self.layers]]
        if self._build_shape is not None:
            config["build_input_shape"] = list(self._build_shape)
        return config

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Make the model again from :meth:`get_config`'s data, with new weights.

        Args:
            config: the data.
            custom_objects: names in it and the user's classes or functions that they mean.
        """
        reading = registry.reading("the description of a Sequential")
        with registry.custom_object_scope(custom_objects or {}), reading:
            described = {**config}
            described.pop("build_input_shape", None)
            layers = described.pop("layers", ())
            return cls([LAYERS.deserialize(data) for data in layers], **described)


def _several(name: str, count: int) -> InputError:
    return InputError(
        f"the Sequential {name!r} takes one input",
        expected="one tensor",
        got=f"{count}",
        fix="For several inputs write keras.Model([a, b], outputs), or join them before.",
    )
