"""Remedies for the inside of a net: how weights start, what units apply, what stands between."""

from collections.abc import Mapping
from typing import Any

from latih import registry
from latih.activations import ACTIVATIONS as FUNCTIONS
from latih.doctor.layer_configs import (
    ACTIVATIONS,
    KERNELS,
    LINEAR,
    LayerConfigs,
    activation_in,
)
from latih.doctor.setup import Case, Setup
from latih.initializers import GlorotUniform, HeNormal, Initializer, LecunNormal, Zeros
from latih.layers import (
    ELU,
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Layer,
    LeakyReLU,
    ReLU,
)
from latih.regularizers import L2

INITIALIZERS: Mapping[str, type[Initializer]] = {
    **dict.fromkeys(("relu", "relu6", "leaky_relu", "prelu", "elu", "celu", "gelu"), HeNormal),
    **dict.fromkeys(("silu", "swish", "mish", "softplus"), HeNormal),
    "selu": LecunNormal,
}
"""What keeps the variance of a signal through layers of an activation; Glorot's for all others."""

SQUASHING = (
    *("sigmoid", "tanh", "hard_sigmoid", "softsign", "softmax", "exponential"),
    *("log_sigmoid", "hard_tanh"),
)
"""Activations whose gradient all but vanishes, or explodes, on one side or both."""

RECTIFYING = ("relu", "relu6")
LEFT_ALONE = (LINEAR, "prelu")
"""What is no function of the table, and known all the same."""

ACTIVATION_FUNCTIONS = frozenset(one.__name__ for one in FUNCTIONS.functions)
MOMENTUM = 0.9
"""Of the statistics that are normalised by: with Keras's 0.99 they are still half their beginning
when a trial ends, and nobody sees that it helps."""

DROPOUT = 0.3
DECAY = 1e-3
UNITS = 64
"""What a hidden layer that is missing or too narrow gets at least."""

MOST_UNITS = 1024


def initialise(setup: Setup, case: Case) -> Setup | None:
    """Start every kernel as its activation asks for, and every bias at 0."""
    del case
    return _changed(setup, _initialise)


def relu(setup: Setup, case: Case) -> Setup | None:
    """Put ReLU in the place of activations that squash, or nobody knows, in the hidden layers."""
    del case

    def change(configs: LayerConfigs) -> None:
        applied = {configs.activation_of(layer) for layer in configs.hidden()}
        unknown = {one for one in applied if one not in ACTIVATION_FUNCTIONS}
        _activate(configs, (*SQUASHING, *unknown - {*LEFT_ALONE}), "relu")

    return _changed(setup, change)


def leaky_activation(setup: Setup, case: Case) -> Setup | None:
    """Put LeakyReLU in the place of ReLU, in the hidden layers."""
    del case
    return _changed(setup, lambda configs: _activate(configs, RECTIFYING, "leaky_relu"))


def elu(setup: Setup, case: Case) -> Setup | None:
    """Put ELU in the place of ReLU and its leaky kin, in the hidden layers."""
    del case
    return _changed(setup, lambda c: _activate(c, (*RECTIFYING, "leaky_relu"), "elu"))


def selu(setup: Setup, case: Case) -> Setup | None:
    """Put SELU in the place of whatever the hidden layers apply."""
    del case
    replaced = (*SQUASHING, *RECTIFYING, "leaky_relu", "elu")
    return _changed(setup, lambda configs: _activate(configs, replaced, "selu"))


def batch_normalisation(setup: Setup, case: Case) -> Setup | None:
    """Put BatchNormalization after each hidden layer that is not normalised."""
    del case

    def change(configs: LayerConfigs) -> None:
        for layer in configs.hidden():
            followers = configs.after(layer)
            if any("Normalization" in one["class_name"] for one in followers):
                continue
            if configs.is_called_once(layer):
                configs.insert_after(layer, BatchNormalization(momentum=MOMENTUM))

    return _changed(setup, change)


def nonlinearity(setup: Setup, case: Case) -> Setup | None:
    """Put ReLU after each hidden layer without an activation; with no hidden layer, put one in."""
    del case

    def change(configs: LayerConfigs) -> None:
        hidden = configs.hidden()
        for layer in hidden:
            if configs.activation_of(layer) == LINEAR and "activation" in layer["config"]:
                layer["config"]["activation"] = "relu"
                _start(layer, "relu")
        if not hidden:
            _add_hidden(configs)

    return _changed(setup, change)


def more_units(setup: Setup, case: Case) -> Setup | None:
    """Give each hidden layer four times its units; with no hidden layer, put one in."""
    del case

    def change(configs: LayerConfigs) -> None:
        hidden = configs.hidden()
        for layer in hidden:
            for name in ("units", "filters"):
                width = layer["config"].get(name)
                if width is not None and width < MOST_UNITS:
                    layer["config"][name] = min(max(4 * width, UNITS), MOST_UNITS)
        if not hidden:
            _add_hidden(configs)

    return _changed(setup, change)


def dropout(setup: Setup, case: Case) -> Setup | None:
    """Drop three of ten outputs of each hidden layer, unless something is dropped already."""
    del case

    def change(configs: LayerConfigs) -> None:
        if any("Dropout" in layer["class_name"] for layer in configs.all()):
            return
        for layer in configs.hidden():
            place = configs.activation_holder(layer) or layer
            if configs.is_called_once(place):
                configs.insert_after(place, Dropout(DROPOUT))

    return _changed(setup, change)


def l2(setup: Setup, case: Case) -> Setup | None:
    """Put a price on the squares of each hidden kernel that has none."""
    del case

    def change(configs: LayerConfigs) -> None:
        for layer in configs.hidden():
            for name in _regularizers(layer, "kernel"):
                if layer["config"][name] is None:
                    layer["config"][name] = registry.serialize(L2(DECAY))

    return _changed(setup, change)


def fewer_penalties(setup: Setup, case: Case) -> Setup | None:
    """Take penalties back, and drop a tenth at most."""
    del case

    def change(configs: LayerConfigs) -> None:
        for layer in configs.all():
            for name in _regularizers(layer):
                layer["config"][name] = None
            if "Dropout" in layer["class_name"] and layer["config"].get("rate", 0) > 0.1:
                layer["config"]["rate"] = 0.1

    changed = _changed(setup, change)
    if setup.optimizer["config"].get("weight_decay") and setup.optimizer_name != "adam_w":
        changed = (changed or setup).with_optimizer(weight_decay=None)
    return changed


def unfreeze(setup: Setup, case: Case) -> Setup | None:
    """Let all layers train that have something to train, and take out what cuts gradients off."""
    severed = case.find_severed() if setup.layers is not None else ()

    def change(configs: LayerConfigs) -> None:
        configs.config["trainable"] = True
        for layer in configs.all():
            if layer["config"].get("trainable") is False:
                layer["config"]["trainable"] = True
            is_between = len(configs.before(layer)) == 1 and configs.is_called_once(layer)
            if layer["config"]["name"] in severed and is_between:
                configs.remove(layer)

    return _changed(setup, change)


def _changed(setup: Setup, change: Any) -> Setup | None:
    """Return the setup with changed layers; None if it has none, or nothing was changed."""
    if setup.layers is None:
        return None
    configs = LayerConfigs(setup.layers)
    change(configs)
    return None if configs.config == setup.layers else setup.with_layers(configs)


def _initialise(configs: LayerConfigs) -> None:
    for layer in configs.with_kernel():
        _start(layer, configs.activation_of(layer))


def _start(layer: dict[str, Any], activation: str) -> None:
    described = registry.serialize(INITIALIZERS.get(activation, GlorotUniform)())
    for name in KERNELS:
        given = layer["config"].get(name)
        if given is not None and not _is_same_family(given, described):
            layer["config"][name] = described
    bias = layer["config"].get("bias_initializer")
    if isinstance(bias, Mapping) and bias["class_name"] != "Zeros":
        layer["config"]["bias_initializer"] = registry.serialize(Zeros())


def _is_same_family(given: Any, wanted: Mapping[str, Any]) -> bool:
    """Say whether two initializers keep the same variance: HeUniform is as good as HeNormal."""
    name = given["class_name"] if isinstance(given, Mapping) else str(given)
    family = wanted["class_name"].removesuffix("Normal").removesuffix("Uniform")
    return name.removesuffix("Normal").removesuffix("Uniform") == family or name == "Orthogonal"


def _activate(configs: LayerConfigs, replaced: tuple[str, ...], activation: str) -> None:
    for layer in configs.hidden():
        holder = configs.activation_holder(layer)
        if holder is None or activation_in(holder) not in replaced:
            continue
        if holder["class_name"] in ACTIVATIONS:
            configs.replace(holder, _layer_of(activation))
        else:
            holder["config"]["activation"] = activation
        _start(layer, activation)


def _layer_of(activation: str) -> Layer:
    """Return an activation as a layer, for the place of one that is a layer."""
    kinds: Mapping[str, type[Layer]] = {"leaky_relu": LeakyReLU, "elu": ELU, "relu": ReLU}
    return kinds[activation]() if activation in kinds else Activation(activation)


def _regularizers(layer: Mapping[str, Any], of: str = "") -> list[str]:
    return [name for name in layer["config"] if name.endswith("_regularizer") and of in name]


def _add_hidden(configs: LayerConfigs) -> None:
    outputs = configs.output_kernels()
    if len(outputs) != 1 or outputs[0] is None or outputs[0]["class_name"] != "Dense":
        return
    givers = configs.before(outputs[0])
    new = Dense(UNITS, "relu", kernel_initializer="he_normal")
    if len(givers) == 1:
        configs.insert_after(givers[0], new)
    elif not givers:
        configs.insert_first(new)
