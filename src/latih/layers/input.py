"""Where a model begins: the shape of what it takes."""

from collections.abc import Sequence
from typing import Any

from latih.arguments import one_of, whole
from latih.errors import InputError
from latih.layers.base import Layer
from latih.registry import auto_name
from latih.symbolic import Node, SymbolicTensor
from latih.tensors import Shape

DTYPES = ("float32", "bfloat16", "int32", "int64", "uint8", "bool")


class InputLayer(Layer):
    """The first layer of a model: passes its inputs on, and knows their shape.

    Args:
        shape: the shape of one example, without the batch.
        batch_size: how many examples come at once; None for any.
        dtype: the type that inputs are cast to: ``"float32"``, or whole numbers for an Embedding.
        name: what the layer is called.
        batch_shape: the shape with the batch, instead of ``shape``.
        input_shape: Keras 2's name of ``shape``.

    Shapes:
        in and out: ``batch_shape``.

    Example:
        >>> InputLayer(shape=(28, 28)).batch_shape
        (None, 28, 28)
    """

    neutral_config = {"sparse": False, "ragged": False, "optional": False}

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        name: str | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name or auto_name("InputLayer"), autocast=False)
        kind = "float32" if dtype is None else str(dtype).removeprefix("torch.")
        self._dtype: str = one_of(kind, "dtype", "Input", DTYPES)
        one_example = shape if shape is not None else input_shape
        if (one_example is None) == (batch_shape is None):
            raise InputError(
                "an input needs its shape once",
                expected="`shape` (one example) or `batch_shape` (with the batch)",
                got="both" if batch_shape is not None else "neither",
                fix="Write Input(shape=(28, 28)).",
            )
        self.batch_shape = (
            _sizes(batch_shape) if one_example is None else (batch_size, *_sizes(one_example))
        )
        self.build(self.batch_shape)
        symbolic = SymbolicTensor(self.batch_shape, self.dtype, self.name)
        self.calls.append(Node(self, (), {}, symbolic))

    @property
    def dtype(self) -> str:
        """The type that inputs are cast to, whatever layers then calculate in."""
        return self._dtype

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": self.dtype,
            "name": self.name,
            **self.neutral_config,
        }

    def get_build_config(self) -> None:
        """Return nothing: the shape stands in the config."""


def _sizes(shape: Any) -> Shape:
    if not isinstance(shape, Sequence) or isinstance(shape, str):
        raise InputError(
            "`shape` of Input cannot be used",
            expected="a tuple or list of sizes, such as (28, 28)",
            got=repr(shape),
            fix=f"Write ({shape},) for examples with one axis.",
        )
    return tuple(None if size is None else whole(size, "shape", "Input", least=1) for size in shape)


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
    batch_shape: Sequence[int | None] | None = None,
) -> SymbolicTensor:
    """Say what a model takes.

    Args:
        shape: the shape of one example, without the batch.
        batch_size: how many examples come at once; None for any.
        dtype: the type that inputs are cast to: ``"float32"``, or whole numbers for an Embedding.
        name: what the input is called.
        batch_shape: the shape with the batch, instead of ``shape``.

    Returns:
        A tensor without numbers: what a ``Sequential`` begins with, or layers are called on.

    Example:
        >>> Input((28, 28)).shape
        (None, 28, 28)
    """
    return InputLayer(shape, batch_size, dtype, name, batch_shape).output
