"""A setup as the lines of Python that make it: what one pastes into a script."""

import inspect
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from latih import registry
from latih.constraints import CONSTRAINTS
from latih.doctor.layer_configs import TENSOR, LayerConfigs
from latih.doctor.setup import Setup
from latih.errors import LatihError
from latih.initializers import INITIALIZERS
from latih.layers import LAYERS, Normalization
from latih.losses import LOSSES
from latih.metrics import METRICS
from latih.optimizers import OPTIMIZERS
from latih.optimizers.schedules import SCHEDULES
from latih.registry import constructor_arguments, to_snake_case
from latih.regularizers import REGULARIZERS

TABLES: Sequence[registry.Table[Any]] = (
    *(LAYERS, OPTIMIZERS, SCHEDULES, LOSSES, METRICS),
    *(INITIALIZERS, REGULARIZERS, CONSTRAINTS),
)
"""Where a class is found by its name."""

UNSAID = ("dtype", "build_config", "sparse", "ragged", "optional", "axis")
"""What a config says and a script mostly does not."""

WIDTH = 96
TOO_ODD = "# The layers cannot be told as code; take the model of the treatment.\n"


def as_code(setup: Setup, *, is_stack: bool, model: Any = None) -> str:
    """Return the lines that make a model, compile it and fit it.

    Args:
        setup: how it is made.
        is_stack: whether it is a ``Sequential``.
        model: made of it: what its layers have measured by ``adapt`` is told, too.
    """
    try:
        layers = setup.layers if model is None else _with_measured(setup.layers, model)
        made = "" if layers is None else model_code(layers, is_stack=is_stack)
    except (LatihError, KeyError, TypeError):
        made = TOO_ODD
    return f"{made}{compile_code(setup)}{fit_code(setup)}"


def _with_measured(layers: Mapping[str, Any] | None, model: Any) -> Mapping[str, Any] | None:
    """Return layers' configs with the means and variances that were measured on data."""
    if layers is None:
        return None
    configs = LayerConfigs(layers)
    found = [one for one in model.every_layer() if isinstance(one, Normalization)]
    measured = {one.name: one for one in found}
    if len(measured) < len(found):
        raise KeyError("two layers of one name")
    for described in configs.all():
        layer = measured.get(described["config"].get("name"))
        if layer is None or layer.mean is not None or not layer.weights:
            continue
        for name, weight in (("mean", layer.adapt_mean), ("variance", layer.adapt_variance)):
            digits = [float(f"{value:.9g}") for value in weight.reshape(-1).tolist()]
            described["config"][name] = digits if layer.axis is not None else digits[0]
    return configs.config


def model_code(config: Mapping[str, Any], *, is_stack: bool) -> str:
    """Return the lines that make the layers.

    Example:
        >>> from latih.layers import Dense, Input
        >>> from latih.models import Sequential
        >>> print(model_code(Sequential([Input([2]), Dense(1)]).get_config(), is_stack=True))
        model = keras.Sequential([
            keras.Input([2]),
            keras.layers.Dense(1),
        ])
        <BLANKLINE>
    """
    if is_stack:
        lines = [f"    {expression(layer)},\n" for layer in config["layers"]]
        return f"model = keras.Sequential([\n{''.join(lines)}])\n"
    lines: list[str] = []
    for layer in config["layers"]:
        lines += _calls(layer)
    ends = [_ends(config[side]) for side in ("input_layers", "output_layers")]
    return "".join(lines) + f"model = keras.Model({ends[0]}, {ends[1]})\n"


def compile_code(setup: Setup) -> str:
    """Return the lines that compile it."""
    arguments = [f"optimizer={expression(setup.optimizer)}"]
    for name in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        value = getattr(setup, name)
        if value is not None:
            arguments.append(f"{name}={expression(_described(value))}")
    return _call("model.compile", arguments) + "\n"


def fit_code(setup: Setup) -> str:
    """Return the lines that fit it."""
    arguments = ["x", "y", "validation_data=validation_data", f"epochs={setup.epochs}"]
    if setup.batch_size is not None:
        arguments.append(f"batch_size={setup.batch_size}")
    if not setup.shuffle:
        arguments.append("shuffle=False")
    if setup.class_weight is not None:
        arguments.append(f"class_weight={dict(setup.class_weight)!r}")
    if setup.patience is not None:
        stopping = f"keras.callbacks.EarlyStopping(patience={setup.patience}, "
        arguments.append(f"callbacks=[{stopping}restore_best_weights=True)]")
    return _call("model.fit", arguments) + "\n"


def expression(value: Any) -> str:
    """Return the expression that makes what some data describe.

    Example:
        >>> from latih.optimizers import SGD
        >>> expression(registry.serialize(SGD(0.1, momentum=0.9)))
        'keras.optimizers.SGD(learning_rate=0.1, momentum=0.9)'
    """
    if isinstance(value, Mapping):
        if "class_name" not in value:
            told = (f"{expression(key)}: {expression(part)}" for key, part in value.items())
            return "{" + ", ".join(told) + "}"
        if value["class_name"] == "function":
            return str(value["config"])
        return _object(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(expression, value))}]"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _object(data: Mapping[str, Any]) -> str:
    name, config = data["class_name"], data["config"]
    module = str(data.get("module") or "")
    if name == "InputLayer":
        return f"keras.Input({list(config['batch_shape'][1:])!r}{_named(name, config)})"
    if name == "Sequential":
        layers = ", ".join(expression(layer) for layer in config["layers"])
        return f"keras.Sequential([{layers}]{_named(name, config)})"
    if "layers" in config:
        raise KeyError(name)  # a graph inside is no expression
    found = _class_of(data)
    defaults = {} if found is None else _defaults(found)
    arguments: list[str] = []
    for argument, given in config.items():
        if argument in UNSAID and not (argument == "axis" and name == "Normalization"):
            continue
        if argument == "name" or (argument in defaults and _says(given, defaults[argument])):
            continue
        if argument == "trainable" and given is True:
            continue
        required = argument not in defaults and argument in ("units", "rate", "scale", "activation")
        arguments.append(
            expression(given)
            if required and not arguments
            else f"{argument}={expression(_short(given))}"
        )
    named = _named(name, config) if module.endswith("layers") else ""
    told = ", ".join(arguments) + (named if arguments else named.removeprefix(", "))
    return f"{_place(module)}{name}({told})"


def _place(module: str) -> str:
    if module.startswith(("keras", "latih")):
        return f"keras.{'.'.join(part for part in module.split('.')[1:] if part != 'src')}."
    return ""


def _named(name: str, config: Mapping[str, Any]) -> str:
    own = str(config.get("name") or "")
    automatic = "input_layer" if name == "InputLayer" else to_snake_case(name)
    return (
        "" if not own or re.fullmatch(rf"{automatic}(_\d+)?", own) else f", name={expression(own)}"
    )


def _class_of(data: Mapping[str, Any]) -> type | None:
    for table in TABLES:
        if table.holds(data["class_name"]):
            found = table.find(data["class_name"])
            if isinstance(found, type) and found.__name__ == data["class_name"]:
                return found
    return None


def _defaults(cls: type) -> dict[str, Any]:
    """Return the default of each argument of a constructor that has one."""
    known: dict[str, Any] = {}
    for owner in cls.__mro__:
        if "__init__" in vars(owner):
            for parameter in inspect.signature(vars(owner)["__init__"]).parameters.values():
                if parameter.default is not parameter.empty:
                    known.setdefault(parameter.name, parameter.default)
    return {name: known[name] for name in constructor_arguments(cls) if name in known}


def _says(given: Any, default: Any) -> bool:
    """Say whether a value in a config is what a constructor would take by itself."""
    if isinstance(given, Mapping) and "class_name" in given:
        settings = given["config"]
        found = _class_of(given)
        plain = (
            found is not None
            and isinstance(settings, Mapping)
            and all(
                name in _defaults(found) and _says(value, _defaults(found)[name])
                for name, value in settings.items()
            )
        )
        return plain and to_snake_case(given["class_name"]) == default
    if isinstance(given, list | tuple) and isinstance(default, int):
        return list(given) == [default] * len(given)
    if isinstance(given, list) and isinstance(default, tuple):
        return tuple(given) == default
    if default is None and given == "linear":
        return True
    return type(given) is type(default) and given == default


def _short(given: Any) -> Any:
    """Return an initializer or the like with nothing but its name as that name."""
    if isinstance(given, Mapping) and "class_name" in given:
        name = to_snake_case(given["class_name"])
        return name if _says(given, name) else given
    return given


def _described(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _described(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_described(part) for part in value]
    try:
        return registry.serialize(value)
    except LatihError:
        return value


def _call(function: str, arguments: Sequence[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= WIDTH:
        return line
    return f"{function}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


# A graph


def _calls(layer: Mapping[str, Any]) -> list[str]:
    """Return the lines that make a layer and call it."""
    made, name, nodes = expression(layer), _variable(layer["name"]), layer["inbound_nodes"]
    if not nodes:
        return [f"{name} = {made}\n"]
    if len(nodes) == 1:
        return [f"{name} = {made}({_arguments(nodes[0])})\n"]
    lines = [f"{name}_layer = {made}\n"]
    for number, node in enumerate(nodes):
        called = f"{name}_{number}" if number else name
        lines.append(f"{called} = {name}_layer({_arguments(node)})\n")
    return lines


def _arguments(node: Mapping[str, Any]) -> str:
    told = [_tensors(one) for one in node["args"]]
    named = {name: value for name, value in node["kwargs"].items() if value is not None}
    told += [f"{name}={_tensors(value)}" for name, value in named.items() if name != "training"]
    return ", ".join(told)


def _tensors(value: Any) -> str:
    if isinstance(value, Mapping) and value.get("class_name") == TENSOR:
        return _reference(value["config"]["keras_history"])
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_tensors, value))}]"
    return expression(value)


def _reference(history: Sequence[Any]) -> str:
    name, number, place = history
    called = f"{_variable(name)}_{number}" if number else _variable(name)
    return called if not place else f"{called}[{place}]"


def _ends(structure: Any) -> str:
    if isinstance(structure, Mapping):
        told = (f"{expression(key)}: {_ends(part)}" for key, part in structure.items())
        return "{" + ", ".join(told) + "}"
    if structure and isinstance(structure[0], str):
        return _reference(structure)
    return f"[{', '.join(map(_ends, structure))}]"


def _variable(name: str) -> str:
    return re.sub(r"\W", "_", name)
