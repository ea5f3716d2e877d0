"""A variable: numbers that training changes, with Keras's face on a parameter of PyTorch."""

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from latih import initializers
from latih.dtypes import standardize_dtype, torch_dtype
from latih.errors import InputError
from latih.ops.conversion import convert_to_tensor
from latih.registry import auto_name

_scope: ContextVar[tuple[str, ...]] = ContextVar("names above a variable", default=())


class Variable(nn.Parameter):
    """Numbers that stay where they are while their values change.

    It is a :class:`torch.nn.Parameter`: modules register it, torch's optimizers move it, gradients
    come to it, and what is calculated from it is a plain tensor. ``dtype`` is torch's object, as
    torch's own code reads it; compare by :func:`latih.backend.standardize_dtype`.

    A variable that is not trainable is kept by a module as a buffer. ``Module.to`` puts new tensors
    in the place of buffers, where it keeps parameters, so whoever registers a variable as a buffer
    must put it back with the moved numbers: ``variable.data = moved``.

    Args:
        initializer: the numbers; or a name of an initializer, or a function of shape and type.
        shape: the shape that an initializer fills; left out when the numbers are given.
        dtype: the type; by default the numbers' own, float32 for Python's.
        trainable: whether gradients are taken; numbers without a fraction have none.
        autocast: whether calls of a layer of a mixed policy see it in the type that they
            calculate in.
        aggregation: taken for Keras's sake, as all replicas hold the same numbers.
        synchronization: taken for Keras's sake.
        name: what it is called; ``variable``, ``variable_1``, ... by default.
        path: the name with those of what holds it; by default those of :func:`name_scope`.

    Raises:
        InputError: an initializer has no shape to fill, or the numbers have another shape.

    Example:
        >>> weight = Variable([1.0, 2.0], name="weight")
        >>> weight.assign_add([1.0, 1.0])
        tensor([2., 3.])
        >>> (weight * weight).sum().backward()
        >>> weight.grad, weight.numpy()
        (tensor([4., 6.]), array([2., 3.], dtype=float32))
    """

    # A value on the class, since torch's own `name` of tensors, for its old graphs, cannot be set.
    name: str = "variable"  # pyright: ignore[reportIncompatibleVariableOverride]
    path: str
    autocast: bool
    constraint: Any
    regularizer: Any

    def __new__(
        cls,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
        path: str | None = None,
    ) -> Self:
        """Make the parameter; torch's own class does its work here, too."""
        del aggregation, synchronization
        values = _start(initializer, shape, dtype)
        learns = bool(trainable) and values.is_floating_point()
        variable = super().__new__(cls, values, requires_grad=learns)
        variable.name = name or auto_name(cls.__name__)
        variable.path = path or "/".join((*_scope.get(), variable.name))
        variable.autocast = bool(autocast)
        variable.constraint = variable.regularizer = None
        return variable

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        del args, kwargs  # __new__ has read them; object's own would refuse them

    # Its face

    @property
    def trainable(self) -> bool:
        """Whether gradients are taken of it; set it to freeze or to thaw."""
        return self.requires_grad

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.requires_grad_(bool(value) and self.is_floating_point())

    @property
    def value(self) -> torch.Tensor:
        """The numbers, through which gradients find the variable."""
        return self

    def numpy(self, *, force: bool = True) -> np.ndarray:
        """Return a copy of the numbers as an array, whether or not gradients are taken."""
        del force
        return self.detach().cpu().numpy().copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the numbers for NumPy's functions."""
        del copy  # always one: the numbers change, an array of them should not
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def assign(self, value: Any) -> torch.Tensor:
        """Put other numbers in the place of these.

        Args:
            value: as many numbers, in the same shape.

        Returns:
            Those numbers as a tensor.

        Raises:
            InputError: the shape is another.
        """
        given = convert_to_tensor(value, self.dtype).detach().to(self.device)
        if given.shape != self.shape:
            raise InputError(
                f"the variable {self.path!r} cannot be assigned to",
                expected=f"shape {tuple(self.shape)}",
                got=f"shape {tuple(given.shape)}",
            )
        with torch.no_grad():
            self.copy_(given)
        return given

    def assign_add(self, value: Any) -> torch.Tensor:
        """Add numbers to these, in place."""
        return self.assign(self.detach() + convert_to_tensor(value, self.dtype).to(self.device))

    def assign_sub(self, value: Any) -> torch.Tensor:
        """Take numbers from these, in place."""
        return self.assign(self.detach() - convert_to_tensor(value, self.dtype).to(self.device))

    def __float__(self) -> float:
        """Return the only number, without torch's warning that its gradient is lost."""
        return float(self.detach().item())

    def __int__(self) -> int:
        """Return the only number, cut down to a whole one."""
        return int(self.detach().item())

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a variable of its own memory, with all that was said of this one."""
        if id(self) in memo:
            return memo[id(self)]
        values = self.detach().clone(memory_format=torch.preserve_format)
        copied = type(self)(values, trainable=self.requires_grad, name=self.name, path=self.path)
        memo[id(self)] = copied
        vars(copied).update(vars(self))
        return copied

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Say how the variable is made again by what copies objects between processes."""
        del protocol
        return _again, (type(self), self.detach().clone(), self.requires_grad, dict(vars(self)))

    def __repr__(self, **kwargs: Any) -> str:
        """Return its path, shape, type and numbers."""
        del kwargs
        kind = standardize_dtype(self.dtype)
        shape = tuple(self.shape)
        return f"<Variable path={self.path}, shape={shape}, dtype={kind}, value={self.numpy()}>"


@contextmanager
def name_scope(name: str) -> Generator[None]:
    """Put a name before those of the variables that are made inside the block.

    Example:
        >>> with name_scope("dense"):
        ...     Variable(0.0, name="bias").path
        'dense/bias'
    """
    token = _scope.set((*_scope.get(), name))
    try:
        yield
    finally:
        _scope.reset(token)


def _start(initializer: Any, shape: Sequence[int] | None, dtype: Any) -> torch.Tensor:
    made = isinstance(initializer, str) or (
        callable(initializer) and not isinstance(initializer, torch.Tensor)
    )
    if made:
        if shape is None:
            raise InputError(
                "a variable cannot be made of an initializer alone",
                expected="`shape`, for the initializer to fill",
                got="None",
            )
        found = initializers.get(initializer)
        values = convert_to_tensor(found(tuple(shape), dtype=torch_dtype(dtype)), dtype)
    else:
        values = convert_to_tensor(initializer, dtype)
    if shape is not None and math.prod(shape) != values.numel():
        raise InputError(
            "the numbers of a variable do not fit its shape",
            expected=f"shape {tuple(shape)}",
            got=f"shape {tuple(values.shape)}",
        )
    # Memory of its own, dense: an array of the caller's must not change with the variable.
    values = values.detach().clone(memory_format=torch.contiguous_format)
    return values if shape is None else values.reshape(tuple(shape))


def _again(
    cls: type[Variable], values: torch.Tensor, trainable: bool, said: dict[str, Any]
) -> Variable:
    variable = cls(values, trainable=trainable, name=said["name"], path=said["path"])
    vars(variable).update(said)
    return variable
