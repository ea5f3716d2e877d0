"""From what a model is given to what it gives: the calls between, in the order to run them."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch

from latih.errors import InputError
from latih.layers import InputLayer, Layer
from latih.layers import input as input_layer
from latih.structures import flatten, map_structure, unflatten
from latih.symbolic import Node, SymbolicTensor
from latih.tensors import Shape, map_shapes


class Graph:
    """The calls that lead from some symbolic tensors to others.

    Args:
        inputs: a symbolic tensor, or a list or dict of them.
        outputs: the same; each must follow from the inputs.
        owner: what the model is called, for sentences.

    Raises:
        InputError: these are no symbolic tensors, an output does not follow from the inputs, or two
            layers have one name.
    """

    def __init__(self, inputs: Any, outputs: Any, owner: str) -> None:
        self.inputs, self.outputs, self.owner = inputs, outputs, owner
        self.input_tensors = _symbolic(inputs, "inputs", owner)
        self.output_tensors = _symbolic(outputs, "outputs", owner)
        self.nodes, self.layers = _in_order(self.input_tensors, self.output_tensors, owner)
        _refuse_equal_names(self.layers, owner)
        self._plan()

    @classmethod
    def between(cls, inputs: Any, outputs: Any, owner: str) -> "Graph":
        """Return the graph; where it begins in the middle of another, with inputs of its own.

        Args:
            inputs: a symbolic tensor, or a list or dict of them.
            outputs: the same.
            owner: what the model is called.
        """
        graph = cls(inputs, outputs, owner)
        if all(isinstance(tensor.node.layer, InputLayer) for tensor in graph.input_tensors):
            return graph
        return cls(*graph.rebuilt(lambda layer: layer), owner)

    def _plan(self) -> None:
        self._shapes: dict[tuple[Shape, ...], Any] = {}
        # Each tensor gets a place in a list, so that a step looks nothing up by name.
        places = {id(tensor): place for place, tensor in enumerate(self.input_tensors)}
        self._steps: list[_Step] = []
        for node in self.nodes:
            if all(id(output) in places for output in node.outputs):
                continue  # an input
            arguments = map_structure(
                lambda leaf: _Place(places[id(leaf)]) if isinstance(leaf, SymbolicTensor) else leaf,
                [list(node.args), node.kwargs],
            )
            made = [places.setdefault(id(output), len(places)) for output in node.outputs]
            self._steps.append(_Step(node.layer, arguments[0], arguments[1], made))
        self._results = [places[id(tensor)] for tensor in self.output_tensors]
        self._size = len(places)
        self._forget_after_last_use()

    def _forget_after_last_use(self) -> None:
        kept = set(self._results)
        for step in reversed(self._steps):
            used = set(step.places()) - kept
            step.forgotten = sorted(used)
            kept |= used

    @property
    def input_names(self) -> list[str]:
        """What the inputs are called."""
        return [tensor.name for tensor in self.input_tensors]

    def taken(self, inputs: Any) -> list[Any]:
        """Return what the model is given in the order of the graph's inputs, cast to their types.

        Args:
            inputs: a tensor, a list in the inputs' order, or a dict by the inputs' names.

        Raises:
            InputError: there are more or fewer, or others.
        """
        tensors = self.input_tensors
        if isinstance(inputs, torch.Tensor) and len(tensors) == 1:
            return [as_given(inputs, tensors[0])]
        names = sorted(self.inputs) if isinstance(self.inputs, Mapping) else self.input_names
        if isinstance(inputs, Mapping):
            given = [inputs[name] for name in names if name in inputs]
        else:
            given = flatten(inputs)
        if len(given) != len(tensors):
            raise InputError(
                f"the model {self.owner!r} cannot take its inputs",
                expected=f"{len(tensors)}: {', '.join(map(repr, names))}",
                got=", ".join(map(repr, inputs))
                if isinstance(inputs, Mapping)
                else str(len(given)),
            )
        return [as_given(one, tensor) for one, tensor in zip(given, tensors, strict=True)]

    def run(self, inputs: list[Any]) -> Any:
        """Return the outputs, in their structure, for the inputs in their order."""
        values: list[Any] = [*inputs, *[None] * (self._size - len(inputs))]
        for step in self._steps:
            step.run(values)
        return self._given_out([values[place] for place in self._results])

    def _given_out(self, outputs: list[Any]) -> Any:
        # As in Keras a list of one output is given out as that output.
        if len(outputs) == 1 and not isinstance(self.outputs, Mapping):
            return outputs[0]
        return unflatten(self.outputs, outputs)

    def output_shapes(self, input_shapes: Any) -> Any:
        """Return the shapes of the outputs for inputs of other shapes than those of the graph."""
        flat: list[Shape] = []
        map_shapes(flat.append, input_shapes)
        if flat == [tensor.shape for tensor in self.input_tensors]:
            return self._given_out([tensor.shape for tensor in self.output_tensors])
        inputs = [
            SymbolicTensor(shape, tensor.dtype, tensor.name)
            for shape, tensor in zip(flat, self.input_tensors, strict=True)
        ]
        asked = tuple(flat)
        if asked in self._shapes:  # a model within a model is asked again and again
            return self._shapes[asked]
        before = [len(layer.calls) for layer in self.layers]
        outputs = self.run(inputs)
        for layer, calls in zip(self.layers, before, strict=True):
            del layer.calls[calls:]  # asked for their shapes only
        self._shapes[asked] = map_structure(lambda tensor: tensor.shape, outputs)
        return self._shapes[asked]

    def rebuilt(self, replace: Callable[[Layer], Layer]) -> tuple[Any, Any]:
        """Return the inputs and outputs of the same graph made of other layers.

        Args:
            replace: gives the layer that takes the place of another; asked once a layer.
        """
        layers = {id(layer): replace(layer) for layer in self.layers}
        tensors: dict[int, Any] = {}
        for tensor in self.input_tensors:
            replaced = layers.get(id(tensor.node.layer))
            if isinstance(replaced, InputLayer):
                tensors[id(tensor)] = replaced.output
            else:
                given = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype)
                tensors[id(tensor)] = given.output
        for node in self.nodes:
            if all(id(output) in tensors for output in node.outputs):
                continue
            args, kwargs = map_structure(
                lambda leaf: tensors.get(id(leaf), leaf), [list(node.args), node.kwargs]
            )
            outputs = flatten(layers[id(node.layer)](*args, **kwargs))
            tensors.update((id(old), new) for old, new in zip(node.outputs, outputs, strict=True))
        return (
            map_structure(lambda tensor: tensors[id(tensor)], self.inputs),
            map_structure(lambda tensor: tensors[id(tensor)], self.outputs),
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> "Graph":
        copied = object.__new__(Graph)
        memo[id(self)] = copied
        for node in self.nodes:  # from the inputs on, so that no copy recurses through the chain
            deepcopy(node.layer, memo)
        vars(copied).update({name: deepcopy(value, memo) for name, value in vars(self).items()})
        return copied


DTYPES = {name: getattr(torch, name) for name in input_layer.DTYPES}


@dataclass(frozen=True)
class _Place:
    """Where a tensor stands in the list of a run."""

    number: int


class _Step:
    """One call of a run.

    Args:
        layer: what is called.
        args: what with, each tensor as its place.
        kwargs: the same, by name.
        made: the places of what comes out.
    """

    def __init__(self, layer: Layer, args: Any, kwargs: Any, made: list[int]) -> None:
        self.layer, self.args, self.kwargs, self.made = layer, args, kwargs, made
        self.forgotten: list[int] = []
        # Most calls take one tensor, or a list of them: these need no walk through a structure.
        only = args[0] if len(args) == 1 and not kwargs else None
        self._one = only.number if isinstance(only, _Place) else None
        self._list = (
            [place.number for place in only]
            if isinstance(only, list) and all(isinstance(p, _Place) for p in only)
            else None
        )

    def places(self) -> Iterator[int]:
        return (leaf.number for leaf in flatten([self.args, self.kwargs]) if type(leaf) is _Place)

    def run(self, values: list[Any]) -> None:
        if self._one is not None:
            outputs = self.layer(values[self._one])
        elif self._list is not None:
            outputs = self.layer([values[place] for place in self._list])
        else:
            args, kwargs = map_structure(
                lambda leaf: values[leaf.number] if isinstance(leaf, _Place) else leaf,
                [self.args, self.kwargs],
            )
            outputs = self.layer(*args, **kwargs)
        if len(self.made) == 1:
            values[self.made[0]] = flatten(outputs)[0]
        else:
            for place, output in zip(self.made, flatten(outputs), strict=True):
                values[place] = output
        for place in self.forgotten:
            values[place] = None


def as_given(inputs: Any, expected: SymbolicTensor) -> Any:
    """Return a batch in the type and the rank that an input declares.

    Raises:
        InputError: it has axes too many or too few.
    """
    kind = DTYPES[expected.dtype]
    if inputs.dtype not in (kind, expected.dtype):
        inputs = inputs.to(kind)
    if inputs.ndim == len(expected.shape):
        return inputs
    given = tuple(inputs.shape)
    inputs = of_rank(inputs, expected.shape)
    if inputs.ndim != len(expected.shape) or any(
        want is not None and want != have
        for want, have in zip(expected.shape, inputs.shape, strict=True)
    ):
        raise InputError(
            f"a batch has another number of axes than the input {expected.name!r}",
            expected=f"shape {expected.shape}",
            got=f"shape {given}",
            fix="The first axis counts the examples: write x[None] for one example alone.",
        )
    return inputs


def of_rank(part: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Return numbers as a column where a column of one is expected, and the reverse, as Keras."""
    if part.ndim == len(shape) - 1 and shape[-1] == 1:
        return part.unsqueeze(-1)
    if part.ndim == len(shape) + 1 and part.shape[-1] == 1:
        return part.squeeze(-1)
    return part


def _symbolic(structure: Any, argument: str, owner: str) -> list[SymbolicTensor]:
    tensors = flatten(structure)
    for tensor in tensors:
        if not isinstance(tensor, SymbolicTensor):
            raise InputError(
                f"`{argument}` of the model {owner!r} cannot be used",
                expected="what Input() returns, or what layers called on it return",
                got=f"a {type(tensor).__name__}",
                fix="Write x = Input((4,)); y = Dense(1)(x); Model(x, y).",
            )
    if not tensors:
        raise InputError(
            f"the model {owner!r} has no {argument}", expected="at least one", got="none"
        )
    return tensors


def _in_order(
    inputs: list[SymbolicTensor], outputs: list[SymbolicTensor], owner: str
) -> tuple[list[Node], list[Layer]]:
    """Return the calls from the inputs on, and the layers in the order of Keras's files.

    That order decides which of two Dense layers is ``dense`` and which ``dense_1``: by depth, the
    number of calls to the farthest output, and at one depth as a walk from the outputs meets them.
    """
    nodes, met = _walk(inputs, outputs, owner)
    deep_nodes: dict[int, int] = {}
    deep_layers: dict[int, int] = {}
    by_layer = {id(node.layer): node.layer for node in nodes}
    given = {id(tensor) for tensor in inputs}
    for node in reversed(nodes):
        # A layer that is shared stands where it is first needed.
        depth = max(deep_nodes.get(id(node), 0), deep_layers.get(id(node.layer), 0))
        deep_nodes[id(node)] = deep_layers[id(node.layer)] = depth
        for tensor in node.inputs:
            if id(tensor) not in given or isinstance(tensor.node.layer, InputLayer):
                before = id(tensor.node)
                deep_nodes[before] = max(deep_nodes.get(before, 0), depth + 1)
    for tensor in inputs:  # one that no output needs is an input all the same
        layer = tensor.node.layer
        if id(layer) not in by_layer and isinstance(layer, InputLayer):
            by_layer[id(layer)] = layer
            deep_layers[id(layer)], met[id(layer)] = 0, -1
            nodes.insert(0, tensor.node)
            deep_nodes[id(tensor.node)] = 0
    layers = sorted(by_layer.values(), key=lambda layer: (-deep_layers[id(layer)], met[id(layer)]))
    return nodes, layers


def _walk(
    inputs: list[SymbolicTensor], outputs: list[SymbolicTensor], owner: str
) -> tuple[list[Node], dict[int, int]]:
    """Return the calls, each after those that it needs, and when each layer was first met."""
    given = {id(tensor) for tensor in inputs}
    done: set[int] = set()
    nodes: list[Node] = []
    met: dict[int, int] = {}
    for output in outputs:
        # Kept as a list and not by recursion: a net may be deeper than Python's stack.
        waiting: list[tuple[SymbolicTensor, bool]] = [(output, False)]
        while waiting:
            tensor, inputs_are_done = waiting.pop()
            node = tensor.node
            if inputs_are_done:
                if id(node) not in done:
                    done.add(id(node))
                    nodes.append(node)
                continue
            inside = id(tensor) not in given
            if id(node) in done or (not inside and not isinstance(node.layer, InputLayer)):
                continue
            if inside and isinstance(node.layer, InputLayer):
                raise _not_connected(tensor, owner)
            met.setdefault(id(node.layer), len(met))
            waiting.append((tensor, True))
            waiting.extend((before, False) for before in reversed(node.inputs))
    return nodes, met


def _not_connected(tensor: SymbolicTensor, owner: str) -> InputError:
    return InputError(
        f"the outputs of the model {owner!r} do not follow from its inputs",
        expected="every Input that an output needs, among the inputs",
        got=f"the input {tensor.name!r} is missing",
        fix=f"Add {tensor.name!r} to the inputs of Model(inputs, outputs).",
    )


def _refuse_equal_names(layers: list[Layer], owner: str) -> None:
    names = [layer.name for layer in layers]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"two layers of {owner!r} are called {name!r}",
                expected="a name of its own for each",
                got="the same name twice",
                fix="Give one of them another name=.",
            )
