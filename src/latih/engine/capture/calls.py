"""The cheapest way to call each kernel on memory that is there already."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from latih.engine.capture.memory import Place
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.recorder import Operation, memories, memory_of
from latih.ops.log_loss import log_loss_into

aten = torch.ops.aten
Call = Callable[[], Any]
Views = Mapping[int, Sequence[torch.Tensor]]

# Through PyTorch's own functions a call costs half of what it costs through torch.ops (1.2 against
# 2.5 microseconds). These take the arguments of the overload as they are, and `out`.
SHORT = {
    overload: getattr(torch, overload.overloadpacket.__name__)
    for overload in (
        aten.add.Tensor,
        aten.add.Scalar,
        aten.addcdiv.default,
        aten.addcmul.default,
        aten.addmm.default,
        aten.abs.default,
        aten.argmax.default,
        aten.baddbmm.default,
        aten.bitwise_and.Tensor,
        aten.bitwise_and.Scalar,
        aten.bitwise_not.default,
        aten.bitwise_or.Tensor,
        aten.bitwise_xor.Tensor,
        aten.bitwise_xor.Scalar,
        aten.bmm.default,
        aten.cat.default,
        aten.clamp.default,
        aten.clamp_min.default,
        aten.clamp_max.default,
        aten.cos.default,
        aten.div.Tensor,
        aten.eq.Tensor,
        aten.eq.Scalar,
        aten.exp.default,
        aten.gather.default,
        aten.ge.Tensor,
        aten.ge.Scalar,
        aten.gt.Tensor,
        aten.gt.Scalar,
        aten.index_select.default,
        aten.le.Tensor,
        aten.le.Scalar,
        aten.lerp.Scalar,
        aten.lerp.Tensor,
        aten.log.default,
        aten.log1p.default,
        aten.logical_and.default,
        aten.logical_not.default,
        aten.logical_or.default,
        aten.lt.Tensor,
        aten.lt.Scalar,
        aten.maximum.default,
        aten.mean.dim,
        aten.minimum.default,
        aten.mm.default,
        aten.mul.Tensor,
        aten.ne.Tensor,
        aten.ne.Scalar,
        aten.neg.default,
        aten.pow.Tensor_Scalar,
        aten.pow.Tensor_Tensor,
        aten.reciprocal.default,
        aten.rsqrt.default,
        aten.scatter_add.default,
        aten.sigmoid.default,
        aten.sign.default,
        aten.sin.default,
        aten.sqrt.default,
        aten.square.default,
        aten.sub.Tensor,
        aten.sum.dim_IntList,
        aten.tanh.default,
        aten.where.self,
        aten._softmax.default,
        aten._log_softmax.default,
    )
    if hasattr(torch, overload.overloadpacket.__name__)
}
"""Overloads, and the functions that do the same with less ado."""

OF_TWO = frozenset(
    getattr(getattr(aten, name), overload)
    for name in ("add", "sub", "mul", "div", "ge", "gt", "le", "lt", "eq", "ne", "bitwise_xor")
    for name, overload in ((name, "Tensor"), (name, "Scalar"), (f"{name}_", "Tensor"))
    if overload in getattr(aten, name).overloads()
)
"""Operations of two operands, of which the second may be a number."""

EXACT = frozenset((torch.float32, torch.float64, torch.int32, torch.int64))
"""Types in which PyTorch calculates, so that a number is rounded to them in any case."""


def call_of(operation: Operation, views: Views | None = None) -> Call:
    """Return a function without arguments that does an operation again, on its own memory.

    Args:
        operation: the operation.
        views: for memories that are made anew each time, all tensors that look at them.

    Example:
        >>> x, y = torch.tensor([1.0]), torch.zeros(1)
        >>> again = call_of(Operation(aten.neg.default, [x], {}, [y]))
        >>> _ = again()
        >>> y
        tensor([-1.])
    """
    if isinstance(operation, Fused):
        return operation.call(views or {})
    operation = _with_tensors_for_numbers(operation)
    function, arguments, keywords = operation.function, operation.arguments, operation.keywords
    if function._schema.is_mutable:
        return _in_place(operation)
    special = SPECIAL.get(function)
    if special is not None:
        return special(operation)
    short = SHORT.get(function)
    if short is not None:
        results = operation.results
        out = results[0] if len(results) == 1 else tuple(results)
        return partial(short, *arguments, **keywords, out=out)
    if views and any(views.get(memory_of(result)) for result in operation.results):
        return _Rebound(operation, views)
    into = _overload_with_out(function)
    if into is None or len(into.names) != len(operation.results):
        return partial(_copied, function, arguments, keywords, operation.results)
    named = dict(zip(into.names, operation.results, strict=True))
    return partial(into.function._op, *arguments, **keywords, **named)


def brings_memory(operation: Operation) -> bool:
    """Say whether an operation always makes memory of its own, from which results are copied.

    PyTorch has an overload with ``out`` of every operation, but for some it is only for show.
    """
    if isinstance(operation, Fused):
        return False
    function = _with_tensors_for_numbers(operation).function
    if (
        function._schema.is_mutable
        or function in SPECIAL
        or function in ONLY_MEMORY
        or function in SHORT
    ):
        return False
    into = _overload_with_out(function)
    return into is None or torch.Tag.generated in into.function.tags


class _Rebound:
    """An operation that brings its own memory: whoever reads its results is turned to it.

    To copy a large result costs more than to tell some views where it lies now.

    Args:
        operation: the operation.
        views: all tensors that look at results of it; those of other memories are copied.
    """

    def __init__(self, operation: Operation, views: Views) -> None:
        self._do = partial(operation.function._op, *operation.arguments, **operation.keywords)
        # Of what is turned the memory that it was recorded with is not held.
        self._turned: list[Sequence[Place]] = []
        self._copied: list[tuple[int, torch.Tensor]] = []
        for number, result in enumerate(operation.results):
            looking = views.get(memory_of(result))
            self._turned.append([Place(view) for view in looking or ()])
            if looking is None:
                self._copied.append((number, result))

    def __call__(self) -> None:
        """Do it again."""
        made = self._do()
        made = [made] if isinstance(made, torch.Tensor) else [m for m in made if m is not None]
        for places, one in zip(self._turned, made, strict=True):
            storage = one.untyped_storage()
            for place in places:
                place.turn_to(storage)
        for number, result in self._copied:
            result.copy_(made[number])


def letting_go(call: Call, views: Sequence[torch.Tensor]) -> Call:
    """Return a function that does what another does, and then lets memory go.

    What comes after it may take that memory, which the processor's cache still holds.

    Args:
        call: the last one that needs the memory, which is made anew each time.
        views: all tensors that look at it.
    """
    places = [Place(view) for view in views]

    def call_and_let_go() -> None:
        call()
        for place in places:
            place.give_back()

    return call_and_let_go


def _with_tensors_for_numbers(operation: Operation) -> Operation:
    """Return an operation of two operands with a tensor in the place of a Python number.

    PyTorch would make one of it, at each call, which costs more than the kernel (3.9 against 1.3
    microseconds). The type is that in which it calculates.
    """
    if operation.function not in OF_TWO or len(operation.arguments) != 2:
        return operation
    first, second = operation.arguments
    if isinstance(second, torch.Tensor | bool | complex) or first.dtype not in EXACT:
        return operation
    if not first.is_floating_point() and (not isinstance(second, int) or abs(second) >= 2**31):
        return operation
    number = torch.tensor(second, dtype=first.dtype, device=first.device)
    function = getattr(operation.function.overloadpacket, "Tensor", operation.function)
    return replace(operation, function=function, arguments=[first, number])


def _in_place(operation: Operation) -> Call:
    """Return what changes an argument, and copies what else comes of it."""
    read = memories(operation.read)
    if any(memory_of(result) not in read for result in operation.results):
        function, results = operation.function, operation.results
        return partial(_copied, function, operation.arguments, operation.keywords, results)
    short = _short_in_place(operation)
    return short or partial(operation.function._op, *operation.arguments, **operation.keywords)


def _short_in_place(operation: Operation) -> Call | None:
    """Return a method of tensors that changes the first argument, as the operation does."""
    name = operation.function.overloadpacket.__name__
    short = getattr(torch.Tensor, name, None)
    if short is None or not name.endswith("_") or name.startswith("_") or not operation.arguments:
        return None
    first, *rest = operation.arguments
    return partial(getattr(first, name), *rest, **operation.keywords)


class _Into:
    """An overload that writes into given memory, and what it calls it."""

    def __init__(self, function: Any, names: Sequence[str]) -> None:
        self.function, self.names = function, names


_found: dict[Any, _Into | None] = {}


def _overload_with_out(function: Any) -> _Into | None:
    """Return the overload that does the same into memory that is given."""
    if function not in _found:
        _found[function] = _search(function)
    return _found[function]


def _search(function: Any) -> _Into | None:
    wanted = [(one.name, str(one.type)) for one in function._schema.arguments]
    packet = function.overloadpacket
    for name in packet.overloads():
        candidate = getattr(packet, name)
        arguments = candidate._schema.arguments
        out = [one.name for one in arguments if one.is_out]
        if out and [(one.name, str(one.type)) for one in arguments if not one.is_out] == wanted:
            return _Into(candidate, out)
    return None


def _copied(
    function: Any,
    arguments: Sequence[Any],
    keywords: Mapping[str, Any],
    results: Sequence[torch.Tensor],
) -> None:
    """Do what knows of no given memory, and copy what came of it."""
    made = function(*arguments, **keywords)
    made = [made] if isinstance(made, torch.Tensor) else [one for one in made if one is not None]
    for result, one in zip(results, made, strict=True):
        result.copy_(one)


def _relu(operation: Operation) -> Call:
    # What relu is, in PyTorch too; it has no `out` of its own.
    return partial(torch.clamp_min, operation.arguments[0], 0, out=operation.results[0])


def _normalize(operation: Operation) -> Call:
    function, arguments, results = operation.function, operation.arguments, operation.results
    if arguments[0].ndim == 3:  # PyTorch's overload with `out` gives other numbers for these
        return partial(_copied, function, arguments, {}, results)
    return partial(torch.native_batch_norm, *arguments, out=tuple(results))


def _copy(operation: Operation) -> Call:
    return partial(operation.results[0].copy_, operation.arguments[0])


def _shift(operation: Operation) -> Call:
    left, right = operation.arguments
    return partial(torch.bitwise_right_shift, left, right, out=operation.results[0])


def _sum(operation: Operation) -> Call:
    summed = operation.arguments[0]
    return partial(torch.sum, summed, list(range(summed.ndim)), out=operation.results[0])


def _log_loss(operation: Operation) -> Call:
    function, arguments, results = operation.function, operation.arguments, operation.results
    probability, target, *rest = arguments
    if rest not in ([], [None], [None, 0]):
        return partial(_copied, function, arguments, {}, results)
    return partial(log_loss_into, probability, target, results[0])


def _zeros(operation: Operation) -> Call:
    return operation.results[0].zero_


def _ones(operation: Operation) -> Call:
    return partial(operation.results[0].fill_, 1)


SPECIAL: Mapping[Any, Callable[[Operation], Call]] = {
    aten.relu.default: _relu,
    aten.native_batch_norm.default: _normalize,
    aten._to_copy.default: _copy,
    aten.clone.default: _copy,
    aten.__rshift__.Scalar: _shift,
    aten.sum.default: _sum,
    aten.binary_cross_entropy.default: _log_loss,
    aten.zeros.default: _zeros,
    aten.zeros_like.default: _zeros,
    aten.new_zeros.default: _zeros,
    aten.ones.default: _ones,
    aten.ones_like.default: _ones,
}
"""Operations that are best done by another name."""

ONLY_MEMORY = frozenset((aten.empty.memory_format, aten.empty_like.default, aten.new_empty.default))
"""Operations that only ask for memory, which is there already: they are not called."""
