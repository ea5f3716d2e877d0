"""What a function does with the attributes of ``self``, read from its byte code.

The code is read from above to below as if it had no branches, which is right for what is asked
here: names that occur, and which of two occurs first.
"""

import dis
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType

# What changes the object whose method it is. The first are methods of containers alone; a progress
# bar too has an `update`, so the others count if the object is known to be a container.
OF_CONTAINERS_ALONE = frozenset({"append", "appendleft", "extend", "extendleft", "setdefault"})
CHANGING = OF_CONTAINERS_ALONE | {
    *("add", "update", "insert", "pop", "popleft", "popitem", "remove", "discard", "clear"),
    *("fill", "sort", "reverse", "rotate", "subtract", "resize", "put", "itemset"),
}


@dataclass
class Use:
    """What functions do with the attributes of ``self``.

    Args:
        stored: those that are set.
        kept: those that are set to what follows from what they were.
        loaded: those that are read.
        changed: those whose value is changed in its place.
        changed_if_container: the same, if the value is a container.
    """

    stored: set[str] = field(default_factory=set[str])
    kept: set[str] = field(default_factory=set[str])
    loaded: set[str] = field(default_factory=set[str])
    changed: set[str] = field(default_factory=set[str])
    changed_if_container: set[str] = field(default_factory=set[str])

    def add(self, other: "Use") -> None:
        """Take in what another function does."""
        for name, names in vars(self).items():
            names |= getattr(other, name)


def use_of(code: CodeType, me: str) -> Use:
    """Return what a function does with the attributes of one of its names.

    Args:
        code: the function's.
        me: the name: ``self``.

    Example:
        >>> def hook(self, loss):
        ...     self.losses.append(loss)
        ...     self.steps += self.size
        ...     self.last = loss
        >>> use = use_of(hook.__code__, "self")
        >>> sorted(use.changed), sorted(use.kept), sorted(use.stored)
        (['losses'], ['steps'], ['last', 'steps'])
    """
    use = Use()
    steps = list(dis.get_instructions(code))
    for place, step in enumerate(steps):
        if step.opname == "STORE_ATTR" and place:
            if _is(me, steps[place - 1]):
                use.stored.add(step.argval)
                if step.argval in use.loaded:
                    use.kept.add(step.argval)
            elif steps[place - 1].opname == "SWAP" and _is_augmented(
                steps[:place], me, step.argval
            ):
                use.stored.add(step.argval)
                use.kept.add(step.argval)
        elif step.opname in ("STORE_SUBSCR", "DELETE_SUBSCR", "STORE_SLICE"):
            use.changed |= _changed_item(steps, place, me) - use.stored
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and place:
            if _is(me, steps[place - 1]) or (
                steps[place - 1].opname == "COPY" and _is(me, steps[place - 2])
            ):
                if step.argval not in use.stored:
                    use.loaded.add(step.argval)
            elif step.argval in OF_CONTAINERS_ALONE:
                use.changed |= _base(steps, place - 1, me) - use.stored
            elif step.argval in CHANGING or _is_in_place(step.argval):
                use.changed_if_container |= _base(steps, place - 1, me) - use.stored
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and me in inner.co_freevars:
            use.add(use_of(inner, me))
    return use


def _is(me: str, step: dis.Instruction) -> bool:
    # Newer Pythons load or store two names at once: what is on top is the last.
    name = step.argval[-1] if isinstance(step.argval, tuple) else step.argval
    return "LOAD_" in step.opname and name == me and step.opname != "LOAD_ATTR"


def _is_in_place(method: str) -> bool:
    # torch's way to name them: `add_`, `copy_`.
    return method.endswith("_") and not method.startswith("_")


def _is_augmented(before: Sequence[dis.Instruction], me: str, name: str) -> bool:
    """Say whether ``self.name += ...`` has begun: ``self`` was copied, then the name loaded."""
    for place in range(len(before) - 1, 1, -1):
        loads = before[place].opname == "LOAD_ATTR" and before[place].argval == name
        if loads and before[place - 1].opname == "COPY":
            return _is(me, before[place - 2])
    return False


def _changed_item(steps: Sequence[dis.Instruction], place: int, me: str) -> set[str]:
    """Return the attribute of which an item is set or deleted: ``self.name[key] = value``."""
    end = place - 1  # where the key is made
    if steps[place].opname == "STORE_SLICE":  # of Python 3.12 on: a beginning and an end
        end = _start(steps, end) - 1
    if steps[end].opname == "SWAP":
        # `self.name[key] += ...` has copied the container and the key, and stores into them later.
        while end > 0 and not (steps[end].opname == steps[end - 1].opname == "COPY"):
            end -= 1
        end -= 2
    return _base(steps, _start(steps, end) - 1, me)


def _base(steps: Sequence[dis.Instruction], end: int, me: str) -> set[str]:
    """Return the attribute from which a value comes, itself or as an item of it."""
    while end > 0:
        step = steps[end]
        if step.opname == "LOAD_ATTR":
            return {step.argval} if _is(me, steps[end - 1]) else set()
        # In Python 3.14 an item is an operation of two like any other.
        if step.opname != "BINARY_SUBSCR" and not (
            step.opname == "BINARY_OP" and step.argrepr == "[]"
        ):
            break
        end = _start(steps, end - 1) - 1
    return set()


def _start(steps: Sequence[dis.Instruction], end: int) -> int:
    """Return where the expression begins whose value is on top of the stack after a step."""
    height, place = 0, end
    while place > 0:
        height += dis.stack_effect(steps[place].opcode, steps[place].arg, jump=False)
        if height >= 1:
            break
        place -= 1
    return place
