"""Hooks from plain functions."""

from collections.abc import Callable
from typing import Any

from latih.engine.events import Callback
from latih.errors import InputError, near_matches

HOOKS = tuple(hook for hook in vars(Callback) if hook.startswith("on_"))


class LambdaCallback(Callback):
    """A callback made of functions, one a hook.

    Args:
        hooks: ``on_epoch_end=lambda epoch, logs: ...`` and so on, by the names of the hooks.

    Raises:
        InputError: there is no hook of that name.

    Example:
        >>> said = []
        >>> LambdaCallback(on_epoch_end=lambda epoch, logs: said.append(epoch)).on_epoch_end(0, {})
        >>> said
        [0]
    """

    runs_user_code = True

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        super().__init__()
        for hook, function in hooks.items():
            if hook not in HOOKS:
                raise InputError(f"there is no hook `{hook}`", fix=near_matches(hook, HOOKS))
            if function is not None and not callable(function):
                raise InputError(
                    f"`{hook}` of LambdaCallback cannot be used",
                    expected="a function",
                    got=repr(function),
                )
            if function is not None:
                setattr(self, hook, function)
