"""What a call sees of the weights: the same numbers, in the type that the layer calculates in.

A layer of a mixed policy keeps its weights in float32 and calculates in bfloat16. Its ``call`` is
not to know: ``self.kernel`` gives, while a call is under way, the kernel cast by one ``to()``
through which gradients find the variable, and the variable itself at any other time. Three ways
lead there.

- The variable casts itself wherever it is used, as in Keras: a subclass of tensors that PyTorch
  asks at every operation on it, in the optimizer and in files too, several microseconds each time.
- The layer's attributes are exchanged before its call and put back after it: two threads that
  predict by one layer then take the weights out of each other's hands.
- The layer's attributes are looked up by a function (PyTorch keeps weights out of the instance's
  dictionary, so there is one anyway), which hands out the cast of a weight while a call is under
  way. Nothing has to be put back; a weight that is not read is not cast; a layer of one type
  alone pays nothing. That is done here.

The casts are kept with the outermost call that is under way, so that each weight is cast once in
it, however often it is read and the layer used; and since that call is a context variable, each
thread has its own.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch


class Call:
    """The outermost call of a layer that is under way.

    Args:
        losses: where the losses go that it and those inside it add.
    """

    __slots__ = ("_casts", "losses")

    def __init__(self, losses: list[torch.Tensor]) -> None:
        self.losses = losses
        self._casts: dict[int, _Cast] = {}

    def cast(self, weight: torch.Tensor, kind: torch.dtype, is_buffer: bool) -> torch.Tensor:
        """Return a weight in another type: what was made of it before in this call, if it still is.

        Args:
            weight: the variable.
            kind: the type to have.
            is_buffer: whether a call may change it.
        """
        known = self._casts.get(id(weight))
        if known is None or not known.holds(weight, kind):
            known = self._casts[id(weight)] = _Cast(weight, kind, is_buffer)
        return known.cast


under_way: ContextVar[Call | None] = ContextVar("the outermost call under way", default=None)


@contextmanager
def no_call() -> Generator[None]:
    """Let the block see weights as they are kept, though a call be under way: one builds there."""
    token = under_way.set(None)
    try:
        yield
    finally:
        under_way.reset(token)


class _Cast:
    __slots__ = ("_version", "cast", "weight")

    def __init__(self, weight: torch.Tensor, kind: torch.dtype, is_buffer: bool) -> None:
        self.weight = weight  # held, so that no other tensor gets its id
        self._version = _version(weight)
        self.cast: torch.Tensor = weight.to(kind)
        if is_buffer:
            self.cast = CastVariable.of(weight, self.cast)

    def holds(self, weight: torch.Tensor, kind: torch.dtype) -> bool:
        """Say whether it is still the weight's cast, and gradients go through it if they are to."""
        if self.cast.dtype is not kind or self._version != _version(weight):
            return False
        needed = weight.requires_grad and torch.is_grad_enabled()
        return self.cast.requires_grad or not needed


def _version(tensor: torch.Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


class CastVariable(torch.Tensor):
    """The cast of a weight that calls may change: what changes it changes the variable.

    ``assign`` and its kin do so by their meaning; functions of torch that work in place would
    write to the copy, and are handed the variable in its stead.
    """

    variable: Any

    @classmethod
    def of(cls, variable: torch.Tensor, cast: torch.Tensor) -> torch.Tensor:
        """Return a cast as one that remembers its variable."""
        found = cast.detach().as_subclass(cls)
        found.variable = variable
        return found

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do what a function of torch does; if it works in place, to the variable."""
        del types
        name = func.__name__
        in_place = (name.endswith("_") and not name.endswith("__")) or name in _IN_PLACE
        with torch._C.DisableTorchFunctionSubclass():  # pyright: ignore[reportPrivateUsage]
            if in_place and isinstance(args[0], CastVariable):
                args = (args[0].variable, *args[1:])
            return func(*args, **(kwargs or {}))

    @property
    def value(self) -> torch.Tensor:
        """The numbers."""
        return self

    def assign(self, value: Any) -> torch.Tensor:
        """Put other numbers in the place of the variable's."""
        return self.variable.assign(value)

    def assign_add(self, value: Any) -> torch.Tensor:
        """Add numbers to the variable's, in place."""
        return self.variable.assign_add(value)

    def assign_sub(self, value: Any) -> torch.Tensor:
        """Take numbers from the variable's, in place."""
        return self.variable.assign_sub(value)


_IN_PLACE = frozenset(
    (
        *("__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__", "__imod__"),
        *("__ipow__", "__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__"),
        "__setitem__",
    )
)
