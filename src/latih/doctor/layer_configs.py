"""The layers of a model as data, to be looked at and changed: a stack, a graph, nested ones."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from latih import registry
from latih.layers import Layer
from latih.registry import to_snake_case

TENSOR = "__keras_tensor__"
KERNELS = ("kernel_initializer", "depthwise_initializer", "pointwise_initializer")
"""Where layers that multiply by a kernel keep how it starts."""

PASSING = (
    *("BatchNormalization", "LayerNormalization", "GroupNormalization", "Dropout"),
    *("SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "MCDropout"),
    *("Flatten", "Reshape", "Rescaling"),
)
"""Layers that may stand between a kernel and its activation, or between an output and its end."""

ACTIVATIONS = ("ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")
"""Activations that are layers of their own, beside ``Activation``."""

LINEAR = "linear"


class LayerConfigs:
    """The layers of a model's config, to be changed in place of a copy of it.

    Args:
        config: what ``get_config()`` of a stack or a graph of layers returned.

    Example:
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> stack = LayerConfigs(Sequential([Input([2]), Dense(3, "relu"), Dense(1)]).get_config())
        >>> [stack.activation_of(layer) for layer in stack.with_kernel()]
        ['relu', 'linear']
        >>> [layer["config"]["units"] for layer in stack.hidden()]
        [3]
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config: dict[str, Any] = copy.deepcopy(dict(config))

    # Looking

    def all(self) -> list[dict[str, Any]]:
        """Return every layer, those of models inside in their place."""
        return [layer for part in self._parts(self.config) for layer in part["layers"]]

    def with_kernel(self) -> list[dict[str, Any]]:
        """Return the layers that multiply by a kernel and may be trained."""
        return [one for one in self.all() if has_kernel(one) and one["config"].get("trainable", 1)]

    def inputs(self) -> list[dict[str, Any]]:
        """Return the layers that the model begins with, in the order of its inputs."""
        layers: list[dict[str, Any]] = self.config["layers"]
        if "input_layers" not in self.config:
            return [one for one in layers[:1] if one["class_name"] == "InputLayer"]
        by_name = {one["name"]: one for one in layers}
        return [by_name[name] for name, *_ in _locations(self.config["input_layers"])]

    def outputs(self) -> list[dict[str, Any]]:
        """Return the layers that the model ends with, in the order of its outputs."""
        return self._ends(self.config)

    def output_kernels(self) -> list[dict[str, Any] | None]:
        """Return for each output the layer whose kernel makes it; None if there is none."""
        return [self._kernel_behind(one) for one in self.outputs()]

    def hidden(self) -> list[dict[str, Any]]:
        """Return the layers with a kernel that may be trained and make no output."""
        ends = [id(one) for one in self.output_kernels()]
        return [one for one in self.with_kernel() if id(one) not in ends]

    def activation_of(self, layer: Mapping[str, Any]) -> str:
        """Return what is applied to what a layer gives, by it or by a layer after it."""
        holder = self.activation_holder(layer)
        return LINEAR if holder is None else activation_in(holder)

    def activation_holder(self, layer: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the layer that applies a layer's activation: itself, or one after it."""
        here: Any = layer
        if activation_in(here) != LINEAR:
            return here
        for _ in range(len(PASSING)):
            followers = self.after(here)
            if len(followers) != 1:
                return None
            (here,) = followers
            if is_activation(here):
                return here
            if here["class_name"] not in PASSING:
                return None
        return None

    def after(self, layer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the layers that take what a layer gives."""
        part = self._part_of(layer)
        layers: list[dict[str, Any]] = part["layers"]
        if "input_layers" in part:
            name = layer["name"]
            return [one for one in layers if name in _referred(one.get("inbound_nodes", ()))]
        place = next(n for n, one in enumerate(layers) if one is layer)
        return layers[place + 1 : place + 2]

    def before(self, layer: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the layers whose outputs a layer takes."""
        part = self._part_of(layer)
        return [one for one in part["layers"] if any(f is layer for f in self.after(one))]

    # Changing

    def insert_after(self, layer: Mapping[str, Any], new: Layer, *, ends: bool = False) -> None:
        """Put a layer between a layer and all that takes what it gives.

        Args:
            layer: one that is called once.
            new: what to put there; it is given a name that is free.
            ends: whether it takes the name of the layer, so that an output is called as before.
        """
        part = self._part_of(layer)
        described = registry.serialize(new)
        taken = {one["config"]["name"] for one in self.all()}
        old = layer["config"]["name"]
        described["config"]["name"] = _free(to_snake_case(described["class_name"]), taken)
        if "input_layers" in part:
            self._insert_in_graph(part, layer, described)
        else:
            place = next(n for n, one in enumerate(part["layers"]) if one is layer)
            part["layers"].insert(place + 1, described)
        if ends:
            name = _free(f"{old}_unscaled", taken)
            self._rename(part, old, name)
            self._rename(part, described["config"]["name"], old)
        part.pop("build_input_shape", None) if layer is part["layers"][0] else None

    def insert_first(self, new: Layer, place: int = 0) -> None:
        """Put a layer behind an input of the model.

        Args:
            new: what to put there.
            place: which input, in their order.
        """
        inputs = self.inputs()
        if inputs:
            self.insert_after(inputs[place], new)
            return
        described = registry.serialize(new)
        taken = {one["config"]["name"] for one in self.all()}
        described["config"]["name"] = _free(to_snake_case(described["class_name"]), taken)
        self.config["layers"].insert(0, described)

    def replace(self, layer: dict[str, Any], new: Layer) -> None:
        """Put a layer in the place of another, under its name."""
        described = registry.serialize(new)
        described["config"]["name"] = layer["config"]["name"]
        kept = {key: layer[key] for key in ("name", "inbound_nodes") if key in layer}
        layer.clear()
        layer.update(described, **kept)

    def remove(self, layer: Mapping[str, Any]) -> None:
        """Take out a layer: who took what it gives takes what it took.

        Args:
            layer: one that is called once, takes one tensor and gives one.
        """
        part = self._part_of(layer)
        if "input_layers" in part:
            (giver,) = self.before(layer)
            for one in part["layers"]:
                _redirect(one.get("inbound_nodes"), layer["name"], giver["name"])
            _redirect_ends(part["output_layers"], layer["name"], giver["name"])
        place = next(n for n, one in enumerate(part["layers"]) if one is layer)
        del part["layers"][place]

    def is_called_once(self, layer: Mapping[str, Any]) -> bool:
        """Say whether a layer is called once: what is shared is not built around."""
        return len(layer.get("inbound_nodes", (0,))) == 1

    # How it is done

    def _parts(self, config: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield config
        for layer in config["layers"]:
            if isinstance(layer["config"].get("layers"), list):
                yield from self._parts(layer["config"])

    def _part_of(self, layer: Mapping[str, Any]) -> dict[str, Any]:
        return next(
            part for part in self._parts(self.config) if any(o is layer for o in part["layers"])
        )

    def _ends(self, config: dict[str, Any]) -> list[dict[str, Any]]:
        if "output_layers" in config:
            names = [name for name, *_ in _locations(config["output_layers"])]
            by_name = {one["name"]: one for one in config["layers"]}
            ends = [by_name[name] for name in names]
        else:
            ends = config["layers"][-1:]
        found: list[dict[str, Any]] = []
        for end in ends:
            inner = end["config"].get("layers")
            found += self._ends(end["config"]) if isinstance(inner, list) else [end]
        return found

    def _kernel_behind(self, layer: dict[str, Any]) -> dict[str, Any] | None:
        here = layer
        while not has_kernel(here):
            if not (is_activation(here) or here["class_name"] in PASSING):
                return None
            givers = self.before(here)
            if len(givers) != 1:
                return None
            (here,) = givers
        return here

    def _insert_in_graph(
        self, part: dict[str, Any], layer: Mapping[str, Any], described: dict[str, Any]
    ) -> None:
        old, name = layer["name"], described["config"]["name"]
        for one in part["layers"]:
            _redirect(one.get("inbound_nodes"), old, name)
        _redirect_ends(part["output_layers"], old, name)
        tensor = {"shape": None, "dtype": "float32", "keras_history": [old, 0, 0]}
        node = {"args": [{"class_name": TENSOR, "config": tensor}], "kwargs": {}}
        place = next(n for n, one in enumerate(part["layers"]) if one is layer)
        part["layers"].insert(place + 1, {**described, "name": name, "inbound_nodes": [node]})

    def _rename(self, part: dict[str, Any], old: str, new: str) -> None:
        for one in part["layers"]:
            if one["config"]["name"] == old:
                one["config"]["name"] = new
                if "name" in one:
                    one["name"] = new
            _redirect(one.get("inbound_nodes"), old, new)
        _redirect_ends(part.get("output_layers", []), old, new)


def has_kernel(layer: Mapping[str, Any]) -> bool:
    """Say whether a layer multiplies by a kernel."""
    return any(name in layer["config"] for name in KERNELS)


def is_activation(layer: Mapping[str, Any]) -> bool:
    """Say whether a layer is an activation and nothing else."""
    return layer["class_name"] in ("Activation", *ACTIVATIONS)


def activation_in(layer: Mapping[str, Any]) -> str:
    """Return the activation that a layer itself applies, in snake case."""
    if layer["class_name"] in ACTIVATIONS:
        return {"ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu"}.get(
            layer["class_name"], layer["class_name"].lower()
        )
    given = layer["config"].get("activation")
    if isinstance(given, Mapping):
        given = given["config"] if isinstance(given["config"], str) else given["class_name"]
    return LINEAR if given is None else str(given)


def _free(name: str, taken: set[str]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _locations(structure: Any) -> Iterator[list[Any]]:
    """Yield ``[name, call, place]`` of each output, in their order."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from _locations(structure[key])
    elif isinstance(structure, Sequence) and structure and isinstance(structure[0], str):
        yield list(structure)
    else:
        for part in structure:
            yield from _locations(part)


def _referred(nodes: Any) -> set[str]:
    """Return the names of the layers whose outputs some calls take."""
    if isinstance(nodes, Mapping):
        if nodes.get("class_name") == TENSOR:
            return {nodes["config"]["keras_history"][0]}
        return set[str]().union(*map(_referred, nodes.values()))
    if isinstance(nodes, list | tuple):
        return set[str]().union(*map(_referred, nodes))
    return set()


def _redirect(nodes: Any, old: str, new: str) -> None:
    """Let calls that take what one layer gives take what another gives."""
    if isinstance(nodes, Mapping):
        if nodes.get("class_name") == TENSOR:
            history = nodes["config"]["keras_history"]
            history[0] = new if history[0] == old else history[0]
            return
        for part in nodes.values():
            _redirect(part, old, new)
    elif isinstance(nodes, list | tuple):
        for part in nodes:
            _redirect(part, old, new)


def _redirect_ends(structure: Any, old: str, new: str) -> None:
    if isinstance(structure, dict):
        for part in structure.values():
            _redirect_ends(part, old, new)
    elif isinstance(structure, list) and structure and isinstance(structure[0], str):
        if structure[0] == old:
            structure[0] = new
    else:
        for part in structure:
            _redirect_ends(part, old, new)
