"""What may be recorded, and what would make a record untrue."""

import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as every_module

from latih import config
from latih.engine.capture.purity import Reader, is_own
from latih.engine.capture.settings import Settings
from latih.layers import Layer
from latih.registry import Configured

NOT_SETTINGS = frozenset(
    (
        *("added_losses", "calls", "training", "stop_training", "stop_reason", "completed"),
        *("optimizer", "objective", "history", "recorded"),
    )
)
"""Attributes of models and layers that say where a run is, and not what a step does."""

NOT_CALLED = ("initializer", "constraint")
"""How the names of attributes end whose code a recorded step does not call."""

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Where PyTorch keeps what is called beside a module."""


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
        self._outside: list[Any] = []
        self._kinds: list[type] = []
        self._watched: list[Callable[[], Any]] = []
        self._modules: list[nn.Module] = []

    def obstacle(self) -> str | None:
        """Say what stands in the way; None if nothing does."""
        if self.asked is False:
            return "compile() was told so (jit_compile=False or run_eagerly=True)"
        # Read in any case: what the code reads from outside must be known, to be watched.
        told = self._read()
        if any(getattr(every_module, f"_global{hooks}") for hooks in HOOKS):
            return "there are hooks for all modules"
        for part in self.parts():
            if isinstance(part, nn.Module) and _has_hooks(part):
                return f"the layer {_name(part)!r} has hooks"
        return told if self.asked == "auto" else None

    def settle(self) -> None:
        """Let the layers read now what their calls would read in Python."""
        for module in self.model.modules():
            if isinstance(module, Layer) and module.built:
                module.settle()

    def settings(self) -> Settings:
        """Return what must hold for a record to be true: where weights lie, and settings."""
        settings = Settings()
        self._modules = [part for part in self.parts() if isinstance(part, nn.Module)]
        for part in self.parts():
            settings.note(partial(type, part))
            if not isinstance(part, nn.Module | Configured):
                settings.note(partial(_itself, part))
                continue
            settings.note_attributes(part, NOT_SETTINGS)
        for kind in self._kinds:
            settings.note(partial(_attributes, kind))
        for read in (*self._watched, self._modes, self._loss_scale, _of_process):
            settings.note(read)
        for hooks in HOOKS:
            settings.note(partial(getattr, every_module, f"_global{hooks}"))
        return settings

    def _modes(self) -> list[bool]:
        """Say of each module whether it is in the model's mode, or was put into another."""
        training = self.model.training
        return [module.training is training for module in self._modules]

    def _loss_scale(self) -> float | None:
        return getattr(getattr(self.model, "optimizer", None), "loss_scale_factor", None)

    def _read(self) -> str | None:
        """Say what code does besides calculating, with that of objects that it finds outside."""
        self._outside = []
        while True:
            reader = Reader(list(self.parts()))
            obstacle = next(iter(list(reader.obstacles())), None)
            self._watched, self._kinds = reader.watched, reader.kinds
            if not reader.found:
                return obstacle
            self._outside += reader.found

    def parts(self) -> Iterator[Any]:
        """Yield all objects whose code runs in a step, or whose settings it reads."""
        outside = (_with_those_inside(one) for one in self._outside)
        owners = (*self.model.modules(), *self.others, *(one for some in outside for one in some))
        seen: set[int] = set()
        waiting = list(reversed(owners))
        while waiting:
            part = waiting.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            yield part
            waiting.extend(_held(part))


def _itself(one: Any) -> Any:
    return one


def _of_process() -> tuple[Any, ...]:
    """Return the settings of the whole process that decide what a layer asks of PyTorch."""
    kinds = [kind for kind in ("cpu", "cuda") if torch.is_autocast_enabled(kind)]
    autocast = [(kind, str(torch.get_autocast_dtype(kind))) for kind in kinds]
    return config.epsilon(), str(torch.get_default_dtype()), tuple(autocast)


def _attributes(kind: type) -> dict[str, Any]:
    return dict(vars(kind))


def _with_those_inside(one: Any) -> Iterable[Any]:
    return one.modules() if isinstance(one, nn.Module) else (one,)


def _held(owner: Any) -> Iterator[Any]:
    """Yield what an object holds that has code or settings of its own."""
    if not isinstance(owner, nn.Module | Configured):
        return
    for name, value in vars(owner).items():
        if name in NOT_SETTINGS or name.endswith(NOT_CALLED):
            continue
        if isinstance(value, Configured | types.FunctionType | types.MethodType | partial):
            yield value
        elif callable(value) and not isinstance(value, type) and not is_own(type(value)):
            yield value
    if isinstance(owner, nn.Module):
        for weight in vars(owner)["_parameters"].values():
            regularizer = getattr(weight, "regularizer", None)
            if regularizer is not None:
                yield regularizer


def _has_hooks(module: nn.Module) -> bool:
    weights = vars(module)["_parameters"].values()
    return any(vars(module).get(kind) for kind in HOOKS) or any(
        weight is not None and weight._backward_hooks for weight in weights
    )


def _name(module: nn.Module) -> str:
    return str(getattr(module, "name", type(module).__name__))
