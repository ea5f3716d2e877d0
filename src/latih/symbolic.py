"""Tensors of which only the shape is known, and the calls that made them.

A model of the functional kind is written by calling layers on such tensors. What is kept points
backwards only, from a tensor to the call that made it and to that call's inputs: so a copy of a
deep model, made layer by layer, never has to follow the whole chain at once.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar, TypeVar

from latih.errors import InputError
from latih.structures import flatten
from latih.tensors import Shape


class SymbolicTensor:
    """A tensor without numbers: what ``Input`` and layers called on it return.

    Layers, the functions of ``latih.ops``, arithmetic and indexing take it, and each becomes a
    layer of the model; functions of torch and NumPy have their place in the ``call`` of a layer.

    Args:
        shape: its shape, None where any size will do.
        dtype: the type of its numbers, such as ``"float32"``.
        name: what it is called.

    Example:
        >>> SymbolicTensor((None, 3), "float32", "x").shape
        (None, 3)
    """

    operate: ClassVar[Callable[..., Any]]
    """Records a function of ``latih.ops`` as a layer; the room of layers, above, sets it."""

    def __init__(self, shape: Shape, dtype: str, name: str) -> None:
        self.shape = shape
        self.dtype = dtype
        self.name = name
        self._node: Node | None = None
        self.place = 0

    @property
    def node(self) -> "Node":
        """The call that made it."""
        assert self._node is not None
        return self._node

    @property
    def ndim(self) -> int:
        """How many axes it has, the batch's among them."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<SymbolicTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"

    def __bool__(self) -> bool:
        raise InputError(
            f"{self!r} has no value yet, and cannot decide an `if`",
            fix="Write the decision in the call() of a layer of your own.",
        )

    def __iter__(self) -> Any:
        raise InputError(
            f"{self!r} cannot be iterated over", fix="Take parts of it by index: x[:, 0]."
        )

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise InputError(
            f"{self!r} has no numbers yet",
            expected="an array",
            got="a tensor that stands for what a model will be given",
            fix="Build keras.Model(inputs, outputs) and call it on data.",
        )

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Refuse a function of torch that was called on it."""
        del types, args, kwargs
        name = getattr(function, "__name__", "a function")
        raise InputError(
            f"{name}() of torch cannot be called on a symbolic tensor",
            expected="a layer, or a function of latih.ops",
            got="a function of numbers, and it has none yet",
            fix=f"Use latih.ops.{name}() if there is one, or write a Layer whose call() does it.",
        )

    def __add__(self, other: Any) -> Any:
        return self.operate("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.operate("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.operate("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.operate("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.operate("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.operate("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.operate("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.operate("divide", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return self.operate("floor_divide", self, other)

    def __mod__(self, other: Any) -> Any:
        return self.operate("mod", self, other)

    def __pow__(self, other: Any) -> Any:
        return self.operate("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.operate("power", other, self)

    def __matmul__(self, other: Any) -> Any:
        return self.operate("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return self.operate("matmul", other, self)

    def __gt__(self, other: Any) -> Any:
        return self.operate("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return self.operate("greater_equal", self, other)

    def __lt__(self, other: Any) -> Any:
        return self.operate("less", self, other)

    def __le__(self, other: Any) -> Any:
        return self.operate("less_equal", self, other)

    def __neg__(self) -> Any:
        return self.operate("negative", self)

    def __abs__(self) -> Any:
        return self.operate("absolute", self)

    def __getitem__(self, key: Any) -> Any:
        return self.operate("get_item", self, key)


class Node:
    """One call of a layer on symbolic tensors.

    Args:
        layer: the layer.
        args: what it was called with, symbolic tensors and others, nested.
        kwargs: the same, by name.
        outputs: the tensors that it gave.
    """

    def __init__(
        self, layer: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], outputs: Any
    ) -> None:
        self.layer = layer
        self.args = args
        self.kwargs = dict(kwargs)
        self.inputs = [t for t in flatten([*args, self.kwargs]) if isinstance(t, SymbolicTensor)]
        self.structure = outputs
        self.outputs: list[SymbolicTensor] = flatten(outputs)
        for place, tensor in enumerate(self.outputs):
            tensor._node, tensor.place = self, place  # type: ignore[reportPrivateUsage]


def holds_symbolic(*values: Any) -> bool:
    """Say whether there is a symbolic tensor among some values, however nested."""
    return any(isinstance(leaf, SymbolicTensor) for leaf in flatten(values))


Function = TypeVar("Function", bound=Callable[..., Any])


def recordable(function: Function) -> Function:
    """Return a function that, called on symbolic tensors, becomes a layer of the model.

    Args:
        function: of tensors; known to the room of layers by its name.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        for value in (*args, *kwargs.values()):
            kind = type(value)
            if kind is SymbolicTensor or (kind in (list, tuple) and holds_symbolic(value)):
                return SymbolicTensor.operate(function.__name__, *args, **kwargs)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]
