"""What may be recorded, and what would make a record untrue."""

import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import nn

from latih.engine.capture.purity import Reader, is_own, is_plain
from latih.registry import Configured

METHODS = ("call", "forward", "update_state", "__call__")
"""What a step calls of layers, modules, metrics, losses and regularizers."""

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Where PyTorch keeps what is called beside a module."""

NOT_SETTINGS = frozenset(
    (
        *("added_losses", "calls", "training", "stop_training", "stop_reason", "completed"),
        *("optimizer", "objective", "history"),
    )
)
"""Attributes of models and layers that say where a run is, and not what a step does."""


class Permission:
    """Whether what a step runs may be recorded, and whether it is still what it was.

    Args:
        model: its layers, with their activations, regularizers and metrics.
        others: losses and metrics.
        asked: ``"auto"`` to read code that is not Latih's; True to take the user's word for it;
            False to record nothing.
    """

    def __init__(self, model: nn.Module, others: Sequence[Any], asked: bool | str) -> None:
        self.model, self.others, self.asked = model, others, asked
        self._watched: list[Callable[[], Any]] = []

    def obstacle(self) -> str | None:
        """Say what stands in the way; None if nothing does."""
        if self.asked is False:
            return "compile() was told so (jit_compile=False or run_eagerly=True)"
        reader = Reader()
        for part in self._parts():
            if isinstance(part, nn.Module) and _has_hooks(part):
                return f"the layer {_name(part)!r} has hooks"
            if self.asked != "auto":
                continue
            told = _obstacle_of(part, reader)
            if told:
                return told
        self._watched = reader.watched
        return None

    def state(self) -> tuple[Any, ...]:
        """Return what must be the same for a record to be true: where weights lie, and settings."""
        return (
            *(_settings(part) for part in self._parts()),
            *(_identity(read()) for read in self._watched),
        )

    def _parts(self) -> Iterator[Any]:
        """Yield all objects whose code runs in a step, or whose settings it reads."""
        for owner in (*self.model.modules(), *self.others):
            yield owner
            for _, value in _held(owner):
                if isinstance(value, Configured | types.FunctionType):
                    yield value


def _obstacle_of(part: Any, reader: Reader) -> str | None:
    if isinstance(part, types.FunctionType):
        return reader.obstacle(part)
    kind = type(part)
    for method in METHODS:
        # Whichever class in its line defines it: the user's, or Latih's.
        found = getattr(kind, method, None)
        if found is None or (is_own(kind) and is_own(found)):
            continue
        told = reader.obstacle(found, kind)
        if told:
            return told
    return None


def _settings(part: Any) -> tuple[Any, ...]:
    if isinstance(part, types.FunctionType):
        return (id(part),)
    told = tuple((name, _frozen(value)) for name, value in _held(part) if is_plain(value))
    if not isinstance(part, nn.Module):
        return told
    held = vars(part)
    tensors = (*held["_parameters"].values(), *held["_buffers"].values())
    lying = tuple((id(one), one.data_ptr()) for one in tensors if one is not None)
    return (*told, *lying, _has_hooks(part))


def _held(owner: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes that say what an object does, by their names."""
    for name, value in vars(owner).items() if hasattr(owner, "__dict__") else ():
        if name not in NOT_SETTINGS:
            yield name, value


def _identity(value: Any) -> Any:
    return _frozen(value) if is_plain(value) else id(value)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list | tuple) else value


def _has_hooks(module: nn.Module) -> bool:
    return any(vars(module).get(kind) for kind in HOOKS)


def _name(module: nn.Module) -> str:
    return str(getattr(module, "name", type(module).__name__))
