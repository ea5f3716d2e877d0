"""Whether code of the user's does nothing but calculate, as far as its bytecode tells.

What is replayed is kernels: a counter that ``call`` raises in Python, a list that it fills or a
number that it draws from NumPy would stand still. So code that is not Latih's is read first, with
all that it calls, and recorded only if it stores nothing and asks nobody but PyTorch and Latih.
"""

import builtins
import dis
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch

OWN = ("latih", "torch", "math")
"""Packages whose code is known: it calculates by PyTorch's operations, or is caught not to."""

STORES = frozenset(
    (
        *("STORE_ATTR", "DELETE_ATTR", "STORE_GLOBAL", "DELETE_GLOBAL", "STORE_SUBSCR"),
        *("DELETE_SUBSCR", "IMPORT_NAME", "YIELD_VALUE", "SEND"),
    )
)
LEAVES_PYTORCH = frozenset(("numpy", "tolist", "__array__", "data_ptr", "__dict__", "__setattr__"))
HARMLESS = tuple(
    getattr(builtins, name)
    for name in (
        *(
            "abs",
            "all",
            "any",
            "bool",
            "callable",
            "dict",
            "enumerate",
            "filter",
            "float",
            "getattr",
        ),
        *("hasattr", "int", "isinstance", "issubclass", "len", "list", "map", "max", "min", "pow"),
        *("range", "reversed", "round", "set", "slice", "sorted", "str", "sum", "super", "tuple"),
        *("type", "zip", "repr"),
    )
)
PLAIN = (int, float, bool, str, bytes, type(None))


class Reader:
    """Reads code, and the code that it calls.

    Attributes:
        watched: what it reads from outside that may be changed: where, and under which name.
    """

    def __init__(self) -> None:
        self.watched: list[Callable[[], Any]] = []
        self._read: set[types.CodeType] = set()

    def obstacle(self, function: Any, owner: type | None = None) -> str | None:
        """Say why a function may do more than calculate; None if it does not.

        Args:
            function: the function.
            owner: the class whose method it is.
        """
        function = getattr(function, "__func__", function)
        function = getattr(function, "__wrapped__", function)
        if is_own(function):
            return None
        code = getattr(function, "__code__", None)
        if code is None:
            return f"what {getattr(function, '__name__', repr(function))} does cannot be read"
        if code in self._read:
            return None
        self._read.add(code)
        return next(self._obstacles(function, code, owner), None)

    def _obstacles(self, function: Any, code: types.CodeType, owner: type | None) -> Iterator[str]:
        where = f"{function.__qualname__}()"
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=False))
        for inner in _codes(code):
            for step in dis.get_instructions(inner):
                name = step.argval
                if step.opname in STORES:
                    yield f"{where} stores more than local variables"
                elif step.opname == "STORE_DEREF" and name in inner.co_freevars:
                    yield f"{where} stores {name!r}, which is not its own"
                elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                    if name in LEAVES_PYTORCH:
                        yield f"{where} leaves PyTorch by .{name}"
                    method = getattr(owner, name, None)
                    if isinstance(method, types.FunctionType):
                        told = self.obstacle(method, owner)
                        if told:
                            yield told
                elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                    told = self._of_global(function, name)
                    if told:
                        yield f"{where} {told}" if told.startswith("uses") else told
                elif step.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF") and name in cells:
                    told = self._of_cell(name, cells[name])
                    if told:
                        yield f"{where} {told}" if told.startswith("uses") else told

    def _of_global(self, function: Any, name: str) -> str | None:
        space = function.__globals__
        if name in space:
            self.watched.append(lambda: space.get(name))
            return self._of_value(name, space[name])
        value = getattr(builtins, name, None)
        if _is_harmless(value) or (isinstance(value, type) and issubclass(value, BaseException)):
            return None
        return f"uses {name}"

    def _of_cell(self, name: str, cell: types.CellType) -> str | None:
        if name == "__class__":  # what super() asks for
            return None
        self.watched.append(lambda: cell.cell_contents)
        try:
            return self._of_value(name, cell.cell_contents)
        except ValueError:
            return f"uses {name}, which is empty as yet"

    def _of_value(self, name: str, value: Any) -> str | None:
        if isinstance(value, PLAIN) or is_plain(value) or isinstance(value, torch.Tensor):
            return None
        if isinstance(value, types.ModuleType):
            return None if value.__name__.split(".")[0] in OWN else f"uses the module {name}"
        if is_own(value) or _is_harmless(value):
            return None
        if isinstance(value, types.FunctionType | types.MethodType):
            return self.obstacle(value)
        if isinstance(value, type) and issubclass(value, torch.nn.Module):
            return None  # for super(A, self), or isinstance(); its objects are read as well
        return f"uses {name}, and what that does is not known"


def is_own(value: Any) -> bool:
    """Say whether a function, class or object is of a package whose code is known.

    Example:
        >>> is_own(torch.relu), is_own(print)
        (True, False)
    """
    module = getattr(value, "__module__", None)
    if not isinstance(module, str):
        module = getattr(type(value), "__module__", "")
        if module == "builtins" and callable(value):  # PyTorch's own, written in C
            module = str(getattr(getattr(value, "__self__", None), "__module__", "torch"))
    return module.split(".")[0] in OWN


def _is_harmless(value: Any) -> bool:
    return any(value is one for one in HARMLESS)


def is_plain(value: Any) -> bool:
    """Say whether a value is a number or a name, or a tuple or list of those.

    Example:
        >>> is_plain((1, "a", None)), is_plain([object()])
        (True, False)
    """
    if isinstance(value, list | tuple):
        return all(is_plain(one) for one in value)
    return isinstance(value, PLAIN)


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
