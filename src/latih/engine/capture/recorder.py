"""What a step does, as PyTorch is asked for it: the operations below autograd, in their order."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from latih import random
from latih.random import Draw
from latih.structures import flatten

NOT_IN_SCHEMA = {
    torch.ops.aten.native_batch_norm.default: (3, 4),
    torch.ops.aten.cudnn_batch_norm.default: (3, 4),
    torch.ops.aten.miopen_batch_norm.default: (3, 4),
}
"""Places of arguments that an operation changes though its schema does not tell."""


@dataclass(eq=False, slots=True)
class Operation:
    """One call of an ATen operation, with the memory that it read and wrote.

    Args:
        function: the operation, with its overload.
        arguments: its arguments; every tensor among them a plain view of the memory it had.
        keywords: the same by name.
        results: the tensors that came of it.
    """

    function: Any
    arguments: Sequence[Any]
    keywords: Mapping[str, Any]
    results: Sequence[torch.Tensor]

    @property
    def read(self) -> Iterator[torch.Tensor]:
        """The tensors that it was given, those that it changed too."""
        yield from tensors_in([*self.arguments, *self.keywords.values()])

    @property
    def changed(self) -> Iterator[torch.Tensor]:
        """The tensors among those given that it changed."""
        for number, argument in enumerate(self.function._schema.arguments):
            if argument.alias_info is None or not argument.alias_info.is_write:
                continue
            if number < len(self.arguments):
                yield from tensors_in(self.arguments[number])
            elif argument.name in self.keywords:
                yield from tensors_in(self.keywords[argument.name])
        for number in NOT_IN_SCHEMA.get(self.function, ()):
            yield from tensors_in(self.arguments[number])

    def moved(self, move: Any) -> Self:
        """Return the same operation on other memory: ``move`` is asked about every tensor."""
        return type(self)(
            self.function,
            _replaced(self.arguments, move),
            _replaced(dict(self.keywords), move),
            [move(result) for result in self.results],
        )


class Recorder(TorchDispatchMode):
    """Writes down every operation that is done while it is entered, on this thread.

    Args:
        on_operation: is told of each operation.

    Attributes:
        entries: the operations, and between them the draws of random bits.
        obstacle: why what was done cannot be done again by the same calls; None if it can.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # To hide a mode from the compiler, PyTorch imports all of the compiler at the first
        # operation: more than a second, at the start of every process that trains.
        return False

    def __init__(self, on_operation: Callable[[Operation], None] = lambda operation: None) -> None:
        super().__init__()
        self.on_operation = on_operation
        self.entries: list[Operation | Draw] = []
        self.obstacle: str | None = None
        self._found: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._made: set[int] = set()
        self._dice = torch.default_generator.get_state()

    def __enter__(self) -> Self:
        self._hearing = random.hearing_draws(self._on_draw)
        self._hearing.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        self._hearing.__exit__(*error)
        super().__exit__(*error)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do one operation, and write it down."""
        del types
        kwargs = kwargs or {}
        if self.obstacle is None and not _are_plain((args, kwargs)):
            self.obstacle = f"it calls {func} on tensors that are no arrays of numbers"
        if self.obstacle is not None:
            return func(*args, **kwargs)
        given = _replaced(list(args), plain), _replaced(dict(kwargs), plain)
        if func._schema.is_mutable or func in NOT_IN_SCHEMA:
            self._keep(Operation(func, *given, []).changed)
        results = func(*args, **kwargs)
        if func.namespace != "aten":
            self.obstacle = f"it calls {func}, which is not PyTorch's own"
        elif torch.Tag.data_dependent_output in func.tags:
            self.obstacle = f"it reads numbers in Python (by {_called(func)})"
        elif torch.Tag.dynamic_output_shape in func.tags and not _is_by_number(func, args):
            self.obstacle = f"a shape depends on numbers (by {_called(func)})"
        elif not _are_plain(results):
            self.obstacle = f"{_called(func)} makes tensors that are no arrays of numbers"
        else:
            operation = Operation(func, *given, [plain(one) for one in tensors_in(results)])
            self.entries.append(operation)
            self._made |= memories(operation.results) - memories(operation.read)
            self.on_operation(operation)
        return results

    def rewind(self) -> None:
        """Put all memory that was changed, and PyTorch's generator, where they were found."""
        with torch.no_grad():
            for tensor, found in reversed(self._found):
                tensor.copy_(found)
        torch.default_generator.set_state(self._dice)

    def _keep(self, changed: Iterable[torch.Tensor]) -> None:
        for tensor in changed:
            if memory_of(tensor) not in self._made:
                self._found.append((tensor, tensor.clone()))

    def _on_draw(self, draw: Draw | None) -> None:
        if draw is None:
            self.obstacle = self.obstacle or "it draws random numbers in Python"
        else:
            self.entries.append(draw)


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """Return a view of a tensor's memory that knows of no gradients and is of PyTorch's class."""
    return tensor.detach().as_subclass(torch.Tensor)


def tensors_in(values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in a structure of lists."""
    return (one for one in flatten(values) if isinstance(one, torch.Tensor))


def memory_of(tensor: torch.Tensor) -> int:
    """Return what tells the memory of a tensor, all views of it alike, from other memory."""
    return tensor.untyped_storage().data_ptr()


def memories(tensors: Iterable[torch.Tensor]) -> set[int]:
    """Return the memories of some tensors."""
    return {memory_of(tensor) for tensor in tensors}


def _are_plain(values: Any) -> bool:
    """Say whether all tensors lie in memory as arrays: sparse ones and oneDNN's own do not."""
    return all(one.layout is torch.strided for one in tensors_in(values))


def _replaced(values: Any, replace: Any) -> Any:
    if isinstance(values, torch.Tensor):
        return replace(values)
    if isinstance(values, list | tuple):
        return [_replaced(one, replace) for one in values]
    if isinstance(values, dict):
        return {name: _replaced(one, replace) for name, one in values.items()}
    return values


def _is_by_number(func: Any, args: Sequence[Any]) -> bool:
    """Say whether something is indexed by whole numbers, not by yes and no: the shape is known."""
    if func is not torch.ops.aten.index.Tensor:
        return False
    return all(one.dtype not in (torch.bool, torch.uint8) for one in tensors_in(list(args[1])))


def _called(func: Any) -> str:
    name = str(func.overloadpacket.__name__)
    return "item(), float() or a branch on a tensor" if name == "_local_scalar_dense" else name
