"""What a model is, told so that the same script in another process tells the same."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from torch import nn

from latih.layers import Layer
from latih.models.graph import Graph
from latih.models.plain import by_attributes, described, plain
from latih.structures import flatten, map_structure
from latih.symbolic import Node, SymbolicTensor


def architecture(model: Any) -> dict[str, Any]:
    """Return what a model is, the names and seeds of its layers aside.

    Args:
        model: a built model.

    Returns:
        ``class_name`` and ``config``; where there are layers inside, ``layers`` of the same form
        and ``calls``, how those of a graph are connected; and ``input_shape``.
    """
    described = _layer(model)
    # A graph says it by its first layers.
    shape = None if described.get("calls") is not None else plain(model.input_shape)
    return {**described, "input_shape": shape}


def _layer(layer: nn.Module) -> dict[str, Any]:
    """Return what a layer is, with those inside it; of a graph, also how they are connected."""
    inside = _inside(layer)
    if not isinstance(layer, Layer):
        told = {"class_name": type(layer).__name__, "config": {"settings": layer.extra_repr()}}
    else:
        # What holds layers may be unable to say its config where only one of them is.
        told = by_attributes(layer) if inside else described(layer)
    if not inside:
        return told
    told["config"] = _without_layers(told["config"], {_class_name(one) for one in inside})
    graph: Graph | None = getattr(layer, "graph", None)
    return {
        **told,
        "layers": [_layer(one) for one in inside],
        "calls": None if graph is None else _calls(graph),
    }


def _inside(layer: nn.Module) -> list[nn.Module]:
    """Return the layers inside a layer, then the modules of PyTorch that hold none."""
    own: list[nn.Module] = list(layer.layers) if isinstance(layer, Layer) else []
    return own + [
        child
        for child in layer.children()
        if not any(isinstance(part, Layer) for part in child.modules())
        and not (isinstance(child, nn.ModuleList | nn.ModuleDict) and not len(child))
    ]


def _class_name(module: nn.Module) -> str:
    if isinstance(module, Layer):
        return str(module.keras_identity()["class_name"])
    return type(module).__name__


def _without_layers(config: Any, names: Collection[str]) -> Any:
    """Return a config less the descriptions of layers inside, which are told one by one."""
    if isinstance(config, Mapping):
        if config.get("class_name") in names:
            return "a layer"
        return {
            key: _without_layers(part, names)
            for key, part in config.items()
            if key not in ("layers", "input_layers", "output_layers", "build_input_shape")
        }
    if isinstance(config, list):
        return [_without_layers(part, names) for part in config]
    return config


def _calls(graph: Graph) -> dict[str, Any]:
    """Return what each layer of a graph is called on, the layers being numbered and not named."""
    places = {id(layer): place for place, layer in enumerate(graph.layers)}
    inside = {id(node) for node in graph.nodes}
    numbers: dict[int, int] = {}
    for layer in graph.layers:
        own = [node for node in layer.calls if id(node) in inside]
        numbers.update((id(node), number) for number, node in enumerate(own))

    def told(leaf: Any) -> Any:
        if not isinstance(leaf, SymbolicTensor):
            return plain(leaf)
        node: Node = leaf.node
        return {"of": [places[id(node.layer)], numbers[id(node)], leaf.place]}

    def arguments(node: Node) -> Any:
        return map_structure(told, [list(node.args), node.kwargs])

    calls = [
        [arguments(node) for node in layer.calls if id(node) in inside and node.inputs]
        for layer in graph.layers
    ]
    ends = {"inputs": flatten(graph.inputs), "outputs": flatten(graph.outputs)}
    return json.loads(json.dumps({"calls": calls, **map_structure(told, ends)}))
