"""Whether code of the user's does nothing but calculate, as far as its bytecode tells.

What is replayed is kernels: a counter that ``call`` raises in Python, a list that it fills or a
number that it draws from NumPy would stand still. So code that is not Latih's is read first, with
all that it calls, and recorded only if it stores nothing and asks nobody but PyTorch and Latih.

What cannot be read so, or may be anything, counts as more than calculating. What code does to lists
that it holds is not seen here: :mod:`~latih.engine.capture.settings` sees that they have changed.
"""

import builtins
import dis
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import nn

from latih.engine.capture.settings import GROUPS, MOST_BYTES, PLAIN
from latih.optimizers import Optimizer
from latih.random import SeedGenerator
from latih.registry import Configured

OWN = ("latih", "torch", "math")
"""Packages whose code is known: it calculates by PyTorch's operations, or is caught not to."""

METHODS = ("call", "forward", "update_state")
"""What a step calls of layers, modules, metrics, losses and regularizers, besides operators."""

NOT_IN_A_STEP = frozenset(
    (
        *("__init__", "__new__", "__init_subclass__", "__class_getitem__", "__del__"),
        *("__repr__", "__str__", "__hash__", "__reduce__", "__reduce_ex__", "__getstate__"),
        *("__setstate__", "__copy__", "__deepcopy__"),
    )
)
"""What Python calls by itself, but not in a step; its other such methods stand for operators."""

NOT_OF_A_STEP = frozenset(
    (
        *("build", "compute_output_shape", "get_config", "from_config", "get_build_config"),
        *("build_from_config", "save_own_variables", "load_own_variables", "result", "reset_state"),
        *("compile", "fit", "evaluate", "predict", "summary", "train_step", "test_step"),
        *("train", "eval", "reset_parameters", "extra_repr", "state_dict", "load_state_dict"),
    )
)
"""What Latih and PyTorch call of a class of the user's, but not in a step."""

STORES = frozenset(
    (
        *("STORE_ATTR", "DELETE_ATTR", "STORE_GLOBAL", "DELETE_GLOBAL", "STORE_SUBSCR"),
        *("DELETE_SUBSCR", "STORE_SLICE", "IMPORT_NAME", "YIELD_VALUE", "SEND"),
    )
)
LOADS = frozenset(("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "LOAD_SUPER_METHOD"))

LEAVES_PYTORCH = frozenset(
    ("numpy", "tolist", "tensor_split", "__array__", "data_ptr", "__dict__", "__setattr__")
)
TURNS_DICE = frozenset(("Generator", "manual_seed", "set_rng_state", "fork_rng", "checkpoint"))
"""What begins random numbers anew, which a replay goes on with; a checkpoint does so to draw what
it drew before."""
ASKS_THE_RUN = frozenset(("optimizer", "iterations"))
"""What changes with each step, and is a number in Python."""

HARMLESS = tuple(
    getattr(builtins, name)
    for name in (
        *("abs", "all", "any", "bool", "callable", "dict", "enumerate", "filter", "float"),
        *("hasattr", "int", "isinstance", "issubclass", "len", "list", "map", "max", "min", "pow"),
        *("range", "reversed", "round", "set", "slice", "sorted", "str", "sum", "super", "tuple"),
        *("type", "zip", "repr"),
    )
)
KNOWN_OBJECTS = (
    *(torch.Tensor, torch.Generator, torch.dtype, torch.device, torch.memory_format, torch.layout),
    *(torch.distributions.Distribution, SeedGenerator, np.generic),
)
"""Objects that hold nothing a step could change but by operations and draws that are recorded."""


class Reader:
    """Reads the code of objects, and the code that it calls.

    Args:
        parts: the objects; what the code asks for by a name may be held by any of them.

    Attributes:
        watched: what it reads from outside that may be changed.
        found: objects that it uses and that are not among the parts.
        kinds: the classes of parts that are not Latih's or PyTorch's, with those above them.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        self.watched: list[Callable[[], Any]] = []
        self.found: list[Any] = []
        self._parts = parts
        self._known = {id(part) for part in parts}
        objects = [part for part in parts if isinstance(part, nn.Module | Configured)]
        lines = dict.fromkeys(kind for part in objects for kind in type(part).__mro__)
        self.kinds = [kind for kind in lines if not is_own(kind) and kind is not object]
        self._strange = [part for part in objects if not is_own(type(part))]
        self._read: set[int] = set()
        self._asked: set[str] = set()

    def obstacles(self) -> Iterator[str]:
        """Say why their code may do more than calculate; nothing if it does not."""
        for part in self._parts:
            if not isinstance(part, nn.Module | Configured):
                yield from self._of_value(getattr(part, "__name__", type(part).__name__), part)
                continue
            for name in METHODS:  # where the object itself has it, and not its class
                if name in vars(part):
                    yield from self._of_value(name, vars(part)[name])
        for kind in self.kinds:
            for name, member in list(vars(kind).items()):
                if _is_called_by_others(kind, name):
                    yield from self._of_member(name, member)

    def _of_function(self, function: Any) -> Iterator[str]:
        while is_own(function):
            if not hasattr(function, "__wrapped__"):
                return
            function = function.__wrapped__  # code of the user's within no_grad(), for example
        if not isinstance(function, types.FunctionType):
            yield f"what {getattr(function, '__name__', repr(function))} does cannot be read"
            return
        if id(function) in self._read:
            return
        self._read.add(id(function))
        self.watched.append(lambda: function)  # which keeps its id its own, too
        where = f"{function.__qualname__}()"
        defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        for default in defaults:
            yield from _in(where, self._of_value("a default", default))
        for name, value in vars(function).items():
            yield from _in(where, self._of_value(name, value))
        yield from self._of_code(function, where)

    def _of_code(self, function: types.FunctionType, where: str) -> Iterator[str]:
        code = function.__code__
        cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=False))
        for inner in _codes(code):
            for step in dis.get_instructions(inner):
                name = step.argval
                if step.opname in STORES:
                    yield f"{where} stores more than local variables"
                elif step.opname == "STORE_DEREF" and name in inner.co_freevars:
                    yield f"{where} stores {name!r}, which is not its own"
                elif step.opname in LOADS:
                    yield from _in(where, self._of_name(name))
                elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                    yield from _in(where, self._of_global(function, name))
                elif step.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF") and name in cells:
                    yield from _in(where, self._of_cell(name, cells[name]))

    def _of_name(self, name: str) -> Iterator[str]:
        """Read whatever may be meant by an attribute's name, as it is not known whose it is."""
        if name in self._asked:
            return
        self._asked.add(name)
        if name in LEAVES_PYTORCH:
            yield f"leaves PyTorch by .{name}"
        if name in TURNS_DICE:
            yield f"begins random numbers anew by .{name}"
        if name in ASKS_THE_RUN:
            yield f"asks for .{name}, which changes with each step"
        for kind in self.kinds:
            if name in vars(kind):
                yield from self._of_member(name, vars(kind)[name])
        for part in self._strange:
            if name in vars(part):
                yield from self._of_value(name, vars(part)[name])

    def _of_member(self, name: str, member: Any) -> Iterator[str]:
        if isinstance(member, staticmethod | classmethod):
            member = member.__func__
        elif isinstance(member, property):
            member = member.fget
        elif isinstance(member, cached_property):
            member = member.func
        if isinstance(member, types.FunctionType):
            yield from self._of_function(member)
        else:
            yield from self._of_value(name, member)

    def _of_global(self, function: types.FunctionType, name: str) -> Iterator[str]:
        space = function.__globals__
        if name in space:
            self.watched.append(lambda: space.get(name))
            yield from self._of_value(name, space[name])
            return
        value = getattr(builtins, name, None)
        if not _is_harmless(value):
            yield f"uses {name}"

    def _of_cell(self, name: str, cell: types.CellType) -> Iterator[str]:
        if name == "__class__":  # what super() asks for
            return
        self.watched.append(lambda: _content(cell))
        if _content(cell) is NOTHING:
            yield f"uses {name}, which is empty as yet"
        else:
            yield from self._of_value(name, _content(cell))

    def _of_value(self, name: str, value: Any) -> Iterator[str]:
        if isinstance(value, GROUPS):
            for one in value:
                yield from self._of_value(name, one)
        elif isinstance(value, Mapping):
            for one in value.values():
                yield from self._of_value(name, one)
        elif isinstance(value, types.FunctionType):
            yield from self._of_function(value)
        elif isinstance(value, types.MethodType):
            yield from self._of_function(value.__func__)
            yield from self._of_value(name, value.__self__)
        elif isinstance(value, partial):
            for one in (value.func, value.args, value.keywords):
                yield from self._of_value(name, one)
        elif isinstance(value, nn.Module | Configured) and not isinstance(value, Optimizer):
            if id(value) not in self._known:
                self.found.append(value)
        elif not self._is_harmless(value):
            yield f"uses {name}, and what that does is not known"

    def _is_harmless(self, value: Any) -> bool:
        if isinstance(value, PLAIN) or isinstance(value, KNOWN_OBJECTS) or _is_harmless(value):
            return True
        if isinstance(value, np.ndarray):
            return value.nbytes <= MOST_BYTES
        if isinstance(value, types.ModuleType):
            return value.__name__.split(".")[0] in OWN
        if isinstance(value, type):
            return is_own(value) or value in self.kinds
        return callable(value) and type(value).__module__ == "builtins" and is_own(value)


def _is_called_by_others(kind: type, name: str) -> bool:
    """Say whether Python, Latih or PyTorch may call a member of a class in a step."""
    if name.startswith("__") and name.endswith("__"):
        return isinstance(vars(kind)[name], types.FunctionType) and name not in NOT_IN_A_STEP
    if name in NOT_OF_A_STEP:
        return False
    # A property may stand for what a class above sets as an attribute.
    takes_the_place = any(name in vars(above) for above in kind.__mro__ if is_own(above))
    return name in METHODS or takes_the_place or isinstance(vars(kind)[name], property)


NOTHING = object()


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return NOTHING


def _in(where: str, told: Iterator[str]) -> Iterator[str]:
    """Put the name of a function before what it does, where that is not said yet."""
    return (
        f"{where} {one}" if one.startswith(("uses", "asks", "leaves", "begins")) else one
        for one in told
    )


def is_own(value: Any) -> bool:
    """Say whether a function or class is of a package whose code is known.

    Example:
        >>> is_own(torch.relu), is_own(print), is_own([].append)
        (True, False, False)
    """
    if isinstance(value, types.FunctionType):
        # What decorates a function takes its name, and that of its module, but not its globals.
        module = value.__globals__.get("__name__")
    else:
        module = getattr(value, "__module__", None)
        if not isinstance(module, str):  # a method written in C says only whose it is
            module = getattr(
                value, "__objclass__", type(getattr(value, "__self__", None))
            ).__module__
    return isinstance(module, str) and module.split(".")[0] in OWN


def _is_harmless(value: Any) -> bool:
    return any(value is one for one in HARMLESS) or (
        isinstance(value, type) and issubclass(value, BaseException)
    )


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)
