"""A layer around a layer."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from latih.errors import FileFormatError, InputError
from latih.layers.base import Layer
from latih.registry import Table
from latih.tensors import Shape


class Wrapper(Layer):
    """The base of layers that hold another and change what it does.

    A subclass defines ``call``, and reaches the other as ``self.layer``. Its weights come after the
    wrapper's own, and in files lie under ``layer``.

    Args:
        layer: the layer inside.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: the inner layer's.

    Raises:
        InputError: it is no layer.

    Example:
        >>> from latih.layers import Dense
        >>> class Doubled(Wrapper):
        ...     def call(self, inputs):
        ...         return 2 * self.layer(inputs)
        >>> Doubled(Dense(3)).compute_output_shape((None, 4))
        (None, 3)
    """

    table: ClassVar[Table[Layer]]
    """Where the inner layer's name is looked up. The table of layers lists wrappers, so it stands
    above them, and puts itself here."""

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        if not isinstance(layer, Layer):
            raise InputError(
                f"`layer` of {type(self).__name__} cannot be used",
                expected="a layer such as Dense(10)",
                got=repr(layer),
            )
        super().__init__(**kwargs)
        self.layer = layer

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        self.build_inner(input_shape)

    def build_inner(self, input_shape: Shape) -> None:
        """Build the inner layer, if it is not built yet: the first line of a subclass's build."""
        if not self.layer.built:
            self.layer.build(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return self.layer.compute_output_shape(input_shape)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the layer again from :meth:`get_config`'s data, with new weights."""
        described = cls._without_neutral(config)
        inner = described.pop("layer", None)
        if not isinstance(inner, Mapping):
            raise FileFormatError(
                f"the description of {cls.__name__} cannot be read",
                expected="the description of a layer under `layer`",
                got=type(inner).__name__,
            )
        return cls(Wrapper.table.deserialize(inner), **described)
