"""A graph as data that JSON can hold, in the form of Keras's files, and back."""

import inspect
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from latih import registry
from latih.arguments import one_of
from latih.errors import FileFormatError
from latih.layers import Layer
from latih.layers.operation import Operation, is_operation
from latih.models.graph import Graph
from latih.structures import flatten, map_structure
from latih.symbolic import Node, SymbolicTensor

ARRAYS = ("__numpy__", "__tensor__")
ARRAY_TYPES = ("float32", "float64", "int32", "int64", "uint8", "bool")

TENSOR, SLICE, ELLIPSIS = "__keras_tensor__", "__slice__", "__ellipsis__"
"""What Keras's files call the arguments of a call that JSON has no form for."""

Call = tuple[str, int]
"""A call of a graph: the layer's name, and the number of the call among those of the layer."""


def describe(graph: Graph) -> dict[str, Any]:
    """Return the layers, and for each the calls that it takes part in."""
    numbers = _numbers(graph)
    layers: list[dict[str, Any]] = []
    for layer in graph.layers:
        described = registry.serialize(layer)
        described["name"] = layer.name
        described["inbound_nodes"] = [
            {
                "args": _plain(list(node.args), numbers),
                "kwargs": _plain(node.kwargs, numbers),
            }
            for node in layer.calls
            if id(node) in numbers and node.inputs
        ]
        layers.append(described)

    def located(tensor: SymbolicTensor) -> list[Any]:
        node = tensor.node
        # Keras counts a first call in every functional model: the one that made it.
        number = numbers[id(node)] + _is_functional(node.layer)
        return [node.layer.name, number, tensor.place]

    return {
        "layers": layers,
        "input_layers": map_structure(located, graph.inputs),
        "output_layers": map_structure(located, graph.outputs),
    }


def rebuild(config: Mapping[str, Any], make_layer: Callable[[Any], Layer]) -> tuple[Any, Any]:
    """Make the layers and call them again; return the inputs and the outputs.

    Args:
        config: what :func:`describe` returned, or Keras.
        make_layer: makes a layer of its description.

    Raises:
        FileFormatError: it is not of that form, or its calls cannot be put in an order.
    """
    layers: dict[str, Layer] = {}
    calls: dict[Call, tuple[Any, Any]] = {}
    for described in _a(list, config.get("layers"), "layers"):
        name = _a(str, _a(Mapping, described, "a layer").get("name"), "a layer's name")
        if name in layers:
            raise _wrong(f"two layers called {name!r}")
        layers[name] = _a(Layer, _made(described, make_layer), f"the layer {name!r}")
        inbound = _a(list, described.get("inbound_nodes"), f"the calls of {name!r}")
        for number, call in enumerate(inbound):
            given = _a(Mapping, call, f"a call of {name!r}")
            calls[name, number] = (
                _a(list, given.get("args"), f"the arguments of {name!r}"),
                dict(_a(Mapping, given.get("kwargs"), f"the arguments of {name!r}")),
            )
    tensors: dict[Call, list[SymbolicTensor]] = {
        (name, 0): layer.calls[0].outputs
        for name, layer in layers.items()
        if layer.calls and (name, 0) not in calls
    }
    for name, number in _in_order(calls):
        args, kwargs = calls[name, number]
        args, kwargs = _filled(args, tensors), _filled(kwargs, tensors)
        if not args:
            raise _wrong(f"a call of {name!r} on nothing")
        _forget_what_says_nothing(layers[name], kwargs)
        tensors[name, number] = flatten(layers[name](*args, **kwargs))

    def found(reference: Any) -> Any:
        if isinstance(reference, Mapping):
            return {key: found(part) for key, part in reference.items()}
        name, number, place = _reference(reference) or (None, 0, 0)
        if name is None:
            return [found(part) for part in _a(list, reference, "inputs and outputs")]
        number -= _is_functional(layers.get(name))
        return _tensor(tensors, name, number, place)

    return found(config.get("input_layers")), found(config.get("output_layers"))


def _forget_what_says_nothing(layer: Layer, kwargs: dict[str, Any]) -> None:
    if kwargs.get("mask", 0) is None:
        del kwargs["mask"]
    # Where nobody said whether a call is one of training, Keras writes what the layer's call has
    # for a default, and does not heed it in fit() and predict().
    default = inspect.signature(layer.call).parameters.get("training")
    unsaid = (None,) if default is None else (None, default.default)
    if "training" in kwargs and kwargs["training"] in unsaid:
        del kwargs["training"]


def _numbers(graph: Graph) -> dict[int, int]:
    """Return the number of each call among those of its layer that belong to the graph."""
    inside = {id(node) for node in graph.nodes}
    numbers: dict[int, int] = {}
    for layer in graph.layers:
        own = [node for node in layer.calls if id(node) in inside]
        numbers.update((id(node), number) for number, node in enumerate(own))
    return numbers


def _is_functional(layer: Any) -> bool:
    return getattr(layer, "graph", None) is not None


def _made(described: Mapping[str, Any], make_layer: Callable[[Any], Layer]) -> Layer:
    """Return the layer, or the operation, that is described."""
    return Operation.of_keras(described) if is_operation(described) else make_layer(described)


def _plain(arguments: Any, numbers: Mapping[int, int]) -> Any:
    def plain(leaf: Any) -> Any:
        if isinstance(leaf, slice):
            parts = {"start": leaf.start, "stop": leaf.stop, "step": leaf.step}
            return {"class_name": SLICE, "config": parts}
        if leaf is Ellipsis:
            return {"class_name": ELLIPSIS, "config": {}}
        if isinstance(leaf, np.ndarray | torch.Tensor):
            array = np.asarray(leaf.detach().cpu() if isinstance(leaf, torch.Tensor) else leaf)
            parts = {"value": array.tolist(), "dtype": array.dtype.name}
            return {"class_name": ARRAYS[0], "config": parts}
        if not isinstance(leaf, SymbolicTensor):
            return registry.serialize(leaf)
        node: Node = leaf.node
        return {
            "class_name": TENSOR,
            "config": {
                "shape": list(leaf.shape),
                "dtype": leaf.dtype,
                "keras_history": [node.layer.name, numbers[id(node)], leaf.place],
            },
        }

    return map_structure(plain, arguments)


def _in_order(calls: Mapping[Call, tuple[Any, Any]]) -> Iterator[Call]:
    """Yield the calls, each after those whose outputs it takes and those of its layer before it."""
    waits_for: dict[Call, int] = {}
    needed_by: dict[Call, list[Call]] = defaultdict(list)
    for call, arguments in calls.items():
        name, number = call
        needs = {(told[0], told[1]) for told in _references(arguments)} | (
            {(name, number - 1)} if number else set[Call]()
        )
        needs = {need for need in needs if need in calls}
        waits_for[call] = len(needs)
        for need in needs:
            needed_by[need].append(call)
    ready = deque(call for call, count in waits_for.items() if not count)
    done = 0
    while ready:
        call = ready.popleft()
        done += 1
        yield call
        for waiting in needed_by[call]:
            waits_for[waiting] -= 1
            if not waits_for[waiting]:
                ready.append(waiting)
    if done < len(calls):
        raise _wrong("calls that wait for each other")


def _references(arguments: Any) -> Iterator[tuple[str, int, int]]:
    if isinstance(arguments, Mapping):
        if arguments.get("class_name") == TENSOR:
            config = _a(Mapping, arguments.get("config"), "a tensor")
            reference = _reference(config.get("keras_history"))
            if reference is None:
                raise _wrong("a tensor that no layer gave")
            yield reference
        else:
            for part in arguments.values():
                yield from _references(part)
    elif isinstance(arguments, list | tuple):
        for part in arguments:
            yield from _references(part)


def _filled(arguments: Any, tensors: Mapping[Call, list[SymbolicTensor]]) -> Any:
    if isinstance(arguments, Mapping):
        if arguments.get("class_name") == TENSOR:
            return _tensor(tensors, *next(_references(arguments)))
        if arguments.get("class_name") == ELLIPSIS:
            return ...
        if arguments.get("class_name") in ARRAYS:
            parts = _a(Mapping, arguments.get("config"), "an array")
            kind = one_of(parts.get("dtype"), "dtype", "a model file", ARRAY_TYPES)
            return torch.from_numpy(np.asarray(parts.get("value"), dtype=kind))
        if arguments.get("class_name") == SLICE:
            bounds = _a(Mapping, arguments.get("config"), "a slice")
            return slice(*(bounds.get(name) for name in ("start", "stop", "step")))
        return {key: _filled(part, tensors) for key, part in arguments.items()}
    if isinstance(arguments, list):
        return [_filled(part, tensors) for part in arguments]
    return arguments


def _tensor(
    tensors: Mapping[Call, list[SymbolicTensor]], name: str, number: int, place: int
) -> SymbolicTensor:
    made = tensors.get((name, number), [])
    if not 0 <= place < len(made):
        raise _wrong(f"the output {place} of call {number} of {name!r}, which is not there")
    return made[place]


def _reference(value: Any) -> tuple[str, int, int] | None:
    if isinstance(value, list | tuple) and [type(part) for part in value] == [str, int, int]:
        return value[0], value[1], value[2]
    return None


def _a(kind: Any, value: Any, what: str) -> Any:
    if not isinstance(value, kind):
        raise _wrong(f"{what} as {type(value).__name__}")
    return value


def _wrong(got: str) -> FileFormatError:
    return FileFormatError(
        "the description of a functional model cannot be read",
        expected="layers with their calls, input_layers and output_layers",
        got=got,
        fix="Save the model again.",
    )
