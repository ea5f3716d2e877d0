"""How a batch flows through a model: which modules calculate, and what becomes of their outputs.

A list of modules does not say it: a net of torch's applies its activations as functions, and a
graph has branches. So one batch is sent through, and who takes what from whom is written down.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from latih.doctor import kinds
from latih.doctor.calls import Node, Pass
from latih.doctor.kinds import UNKNOWN
from latih.layers import Layer
from latih.registry import to_snake_case


@dataclass(frozen=True)
class Part:
    """A module that calculates by itself.

    Args:
        name: what it is called; of two of one name the second goes by its place in the model.
        module: itself.
        activation: what bends its sums: its own, or the one that is applied to its outputs before
            they are multiplied again. None if nothing does; ``"?"`` if nobody knows.
        is_output: whether it makes one of the model's outputs, or is only followed by the
            activation that does.
    """

    name: str
    module: nn.Module
    activation: str | None = None
    is_output: bool = False


@dataclass(frozen=True)
class Flow:
    """What one batch showed.

    Args:
        parts: in the order in which they are called.
        outputs: what the model made of the batch.
        activations: what each output came out of: ``"softmax"`` and so on; None for sums.
        are_scaled: of each input, whether it is scaled or looked up before it is multiplied.
    """

    parts: tuple[Part, ...]
    outputs: tuple[torch.Tensor, ...] = ()
    activations: tuple[str | None, ...] = ()
    are_scaled: tuple[bool, ...] = ()


def flow_of(model: nn.Module, inputs: Any) -> Flow:
    """Send a batch through a model, and say which way it went.

    Args:
        model: a built model, or any module; it is left as it was.
        inputs: a tensor, or a list or dict of them.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid())
        >>> flow = flow_of(net, torch.ones(2, 3))
        >>> [(type(part.module).__name__, part.activation) for part in flow.parts]
        [('Linear', 'relu'), ('ReLU', 'relu'), ('Linear', 'sigmoid'), ('Sigmoid', 'sigmoid')]
        >>> flow.activations
        ('sigmoid',)
    """
    once = Pass(model, inputs)
    outputs = once.run()
    return _Reading(once, outputs).flow()


class _Reading:
    """What follows from the calls that were written down."""

    def __init__(self, once: Pass, outputs: tuple[torch.Tensor, ...]) -> None:
        self._pass, self._outputs = once, outputs
        self._nodes = once.nodes
        self._takers: dict[int, list[int]] = {}
        self._makers: dict[int, int] = {}
        for place, node in enumerate(self._nodes):
            for number in node.takes:
                self._takers.setdefault(number, []).append(place)
            for number in node.gives:
                self._makers[number] = place
        self._last = once.known(list(outputs))
        self._makes_outputs: set[int] = set()

    def flow(self) -> Flow:
        activations = tuple(self._activation_before(number) for number in self._last)
        are_scaled = tuple(self._is_scaled(number) for number in self._pass.inputs)
        return Flow(tuple(self._parts()), self._outputs, activations, are_scaled)

    def _parts(self) -> Iterator[Part]:
        told: list[tuple[Node, int]] = []
        met: set[int] = set()
        for place, node in enumerate(self._nodes):
            if node.module is not None and id(node.module) not in met and _is_told(node):
                met.add(id(node.module))
                told.append((node, place))
        modules = [node.module for node, _ in told if node.module is not None]
        names = names_of(self._pass.model, modules)
        for name, module, (node, place) in zip(names, modules, told, strict=True):
            activation = node.activation
            if node.role == "kernel" and activation is None:
                activation = self._activation_after(place)
            yield Part(name, module, activation, place in self._makes_outputs)

    def _activation_after(self, place: int) -> str | None:
        """Return what bends the outputs of a call before they are multiplied again."""
        seen: set[int] = set()
        waiting, ends = list(self._nodes[place].gives), False
        unknown = False
        while waiting:
            number = waiting.pop(0)
            if number in seen:
                continue
            seen.add(number)
            ends |= number in self._last
            for taker in self._takers.get(number, ()):
                node = self._nodes[taker]
                if node.role == "activation":
                    return node.activation
                ends |= node.role == "kernel"
                unknown |= node.role == "other"
                if node.role in ("range", "linear"):
                    waiting += node.gives
        return None if ends and not unknown else UNKNOWN

    def _activation_before(self, number: int) -> str | None:
        """Return what a tensor came out of, and note which calls made it."""
        found: set[str | None] = set()
        seen: set[tuple[int, bool, bool]] = set()
        waiting = [(number, False, False)]
        while waiting:
            number, scaled, bent = asked = waiting.pop()
            place = self._makers.get(number)
            if place is None or asked in seen:
                if place is None and not bent:
                    found.add(None)
                continue
            seen.add(asked)
            node = self._nodes[place]
            if node.role in ("kernel", "activation") and not (bent and node.activation):
                self._makes_outputs.add(place)
            if node.role in ("kernel", "activation", "other") and not bent:
                found.add(UNKNOWN if scaled and node.activation else node.activation)
            if node.role == "other" or (node.role == "activation" and not bent):
                waiting += [(before, scaled, True) for before in node.takes]
            elif node.role in ("range", "linear"):
                scaled = scaled or node.role == "linear"
                waiting += [(before, scaled, bent) for before in node.takes]
        return found.pop() if len(found) == 1 else UNKNOWN if found else None

    def _is_scaled(self, number: int) -> bool:
        waiting, seen = [number], set[int]()
        while waiting:
            number = waiting.pop()
            for taker in self._takers.get(number, ()):
                node = self._nodes[taker]
                if node.role == "kernel" and not node.is_table:
                    return False
                if node.role == "range" and taker not in seen:
                    seen.add(taker)
                    waiting += node.gives
        return True


def _is_told(node: Node) -> bool:
    """Say whether a call is one of a layer that is told of: those that only reshape are not."""
    module = node.module
    if module is None:
        return False
    return (
        node.role in ("kernel", "activation")
        or kinds.is_normalization(module)
        or kinds.class_of(module) in (*kinds.DROPOUTS, "Rescaling")
    )


def names_of(model: nn.Module, modules: Sequence[nn.Module]) -> list[str]:
    """Return a name for each of some modules of a model, each another.

    A layer's is its own, a module's of torch the way to it; of layers of one name those around them
    are told too.

    Args:
        model: the model.
        modules: each once.
    """
    paths = {id(module): path for path, module in model.named_modules()}
    given = dict(model.named_modules())
    names: list[str] = []
    for module in modules:
        path = paths.get(id(module), "").replace(".", "/")
        own = module.name if isinstance(module, Layer) else path
        names.append(own or to_snake_case(type(module).__name__))
    count = Counter(names)
    return [
        name if count[name] == 1 else way_to(given, paths.get(id(module), "")) or name
        for name, module in zip(names, modules, strict=True)
    ]


def way_to(modules: Mapping[str, nn.Module], path: str) -> str:
    """Return the names of the layers on the way to a module."""
    steps = path.split(".")
    told: list[str] = []
    for length, step in enumerate(steps, 1):
        module = modules[".".join(steps[:length])] if path else None
        if isinstance(module, Layer):
            told.append(module.name)
        elif not isinstance(module, nn.ModuleList):
            told.append(step)
    return "/".join(told)
