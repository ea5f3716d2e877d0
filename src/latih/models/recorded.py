"""The steps of a model, kept from one call of ``fit`` to the next with what they have recorded."""

import threading
from typing import Any, Self, TypeVar

from latih.engine.capture import native
from latih.engine.step import Step
from latih.engine.threads import Threads

Kind = TypeVar("Kind", bound=Step)


class RecordedSteps:
    """One step of each kind; a copy of the model, or a file, takes none of them.

    Each thread has its own: two that predict by one model must not write into one memory.
    """

    def __init__(self) -> None:
        self._steps: dict[tuple[int, type[Step]], Step] = {}
        self.threads: Threads | None = None
        """How many threads the last training took."""

    @property
    def known_threads(self) -> int | None:
        """How many threads the steps of the last training took; None if it is not known."""
        return None if self.threads is None else self.threads.number

    def like(self, step: Kind) -> Kind:
        """Return a step that does the same and has recorded it already; else this one."""
        key = threading.get_ident(), type(step)
        known = self._steps.get(key)
        if isinstance(known, type(step)) and step.is_like(known):
            return known
        living = {thread.ident for thread in threading.enumerate()}
        kept = {one: its for one, its in self._steps.items() if one[0] in living}
        self._steps = {**kept, key: step}
        return step

    def told(self, step: Step) -> str:
        """Say how a step like this one is done, in a sentence."""
        captured = self.like(step).captured
        obstacle = captured.obstacle or captured.permission.obstacle()
        if obstacle is not None:
            return f"A step is done by PyTorch's usual way: {obstacle}."
        if not captured.kernels:
            return "A step will be recorded when batches come, and replayed then."
        kernels = ", ".join(
            f"{number} kernels for batches of {size}" for size, number in captured.kernels.items()
        )
        number = self.known_threads
        threads = f", on {number} thread{'' if number == 1 else 's'}" if number else ""
        told = f"A step is replayed from a record{threads}: {kernels}."
        why = native.why_not()
        return told if why is None else f"{told} Native kernels are not used: {why}."

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        del memo
        return type(self)()

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        return type(self), ()
