"""What a recorded step leaves behind, and how to tell it from other steps."""

import hashlib
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from latih.engine.capture.recorder import Operation, memory_of
from latih.structures import flatten


@dataclass(frozen=True)
class Effects:
    """What is different after a step was replayed: sums, moving statistics, gradients, dice.

    Args:
        tensors: all that it writes and that somebody reads after it; several may lie in one memory.
        generators: PyTorch's generators that its kernels may draw from.
    """

    tensors: Sequence[torch.Tensor] = ()
    generators: Sequence[torch.Generator] = ()

    @contextmanager
    def undone(self) -> Generator[None]:
        """Put all of it back, byte for byte, in the end to what it was before the block.

        Example:
            >>> total = torch.zeros(2)
            >>> with Effects([total]).undone():
            ...     _ = total.add_(1)
            >>> total
            tensor([0., 0.])
        """
        back = self.kept()
        try:
            yield
        finally:
            back()

    def kept(self) -> Callable[[], None]:
        """Keep all of it as it is now, and return what puts it back."""
        # Bytes and not numbers: a copy of numbers might flush a denormal.
        storages = {memory_of(one): one.untyped_storage() for one in self.tensors}
        before = {memory: storage.clone() for memory, storage in storages.items()}
        states = [one.get_state() for one in self.generators]

        def back() -> None:
            for memory, storage in storages.items():
                storage.copy_(before[memory])
            for one, state in zip(self.generators, states, strict=True):
                one.set_state(state)

        return back


def effects_of(
    operations: Iterable[Operation], outside: Collection[int], returned: Sequence[torch.Tensor]
) -> Effects:
    """Return what replaying operations changes.

    Args:
        operations: what is done, on the memory where it is done.
        outside: the memories that the step has not made itself: others know of them.
        returned: tensors that are read afterwards.
    """
    changed = {(one.data_ptr(), one.shape): one for one in returned}
    generators: dict[int, torch.Generator] = {}
    for operation in operations:
        for tensor in (*operation.changed, *operation.results):
            if memory_of(tensor) in outside:
                changed.setdefault((tensor.data_ptr(), tensor.shape), tensor)
        if torch.Tag.nondeterministic_seeded in getattr(operation.function, "tags", ()):
            given = flatten([*operation.arguments, *operation.keywords.values()])
            own = [one for one in given if isinstance(one, torch.Generator)]
            for one in own or [torch.default_generator]:
                generators[id(one)] = one
    return Effects(list(changed.values()), list(generators.values()))


def signature_of(operations: Iterable[Operation]) -> str:
    """Return what is the same for steps that cost the same: their operations and shapes.

    It is also the same in another process.
    """
    digest = hashlib.sha256()
    for operation in operations:
        digest.update(str(operation.function).encode())
        for one in (*operation.read, *operation.results):
            digest.update(f" {one.dtype} {tuple(one.shape)} {one.stride()}".encode())
        digest.update(b"\n")
    return digest.hexdigest()[:32]
