"""Remedies for the two ends of a net: scales of inputs and targets, the output and its loss."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from latih.doctor.expectations import (
    BINARY,
    CATEGORICAL,
    SPARSE,
    gives_probabilities,
    leaves_unit_interval,
)
from latih.doctor.fact_records import OutputFacts
from latih.doctor.layer_configs import LINEAR, LayerConfigs, activation_in, is_activation
from latih.doctor.setup import Case, Setup
from latih.doctor.targets import loss_name
from latih.layers import Activation, Normalization, Rescaling
from latih.losses import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    Loss,
    LossFunctionWrapper,
    SparseCategoricalCrossentropy,
)
from latih.registry import to_snake_case

BYTE = 255.0
MOST_FEATURES = 1024
"""Where there are more, all get one mean and one deviation: as code they fill no page."""

SQUARED = ("mse", "mean_squared_error")
OF_SCORES: Mapping[str, type[Loss]] = {
    to_snake_case(one.__name__): one
    for one in (
        *(BinaryCrossentropy, BinaryFocalCrossentropy, SparseCategoricalCrossentropy),
        *(CategoricalCrossentropy, CategoricalFocalCrossentropy),
    )
}
"""Losses that take raw scores as well as probabilities: ``from_logits`` says which."""

FIRST_POWER = ("mae", "mean_absolute_error", "huber", "log_cosh", "logcosh")


def scale_inputs(setup: Setup, case: Case) -> Setup | None:
    """Put a layer behind each input that brings its numbers into range."""
    if setup.layers is None or not case.inputs:
        return None
    configs = LayerConfigs(setup.layers)
    for place, rows in enumerate(case.inputs):
        layer = _scaling(rows)
        if layer is not None and not _is_scaled_or_looked_up(configs, place):
            configs.insert_first(layer, place)
    return None if configs.config == setup.layers else setup.with_layers(configs)


def scale_targets(setup: Setup, case: Case) -> Setup | None:
    """Let the net predict on the scale of 1, and put a layer at its end that scales back.

    The loss is divided by what the scale multiplies it by, so that all is as if the targets had
    been scaled: gradients too. A loss of classes knows no scale: one of distances takes its place,
    as for answers of yes and no that were divided with the inputs.
    """
    if setup.layers is None:
        return None
    if _has_classes_for_values(setup, case):
        setup = output_and_loss(setup, case) or setup
        if setup.layers is None:
            return None
    configs = LayerConfigs(setup.layers)
    ends, weights, changed = configs.outputs(), [1.0] * len(case.facts.outputs), False
    if len(ends) != len(case.facts.outputs):
        return None
    for place, (end, output) in enumerate(zip(ends, case.facts.outputs, strict=True)):
        kind = _loss_name(setup.loss_of(place, output.name))
        if output.task != "regression" or kind not in (*SQUARED, *FIRST_POWER):
            continue
        if not _is_off_scale(output) or end["class_name"] in ("Rescaling", "Normalization"):
            continue
        holder = end if is_activation(end) or "activation" in end["config"] else None
        if holder is not None and activation_in(holder) != LINEAR:
            holder["config"]["activation"] = LINEAR
        configs.insert_after(end, Rescaling(output.deviation, output.mean), ends=len(ends) > 1)
        power = 2 if kind in SQUARED else 1
        weights[place], changed = output.deviation**-power, True
    if not changed or setup.loss_weights is not None:
        return setup.with_layers(configs) if changed else None
    named = weights if len(weights) == 1 else _named(case.facts.outputs, weights)
    return replace(setup.with_layers(configs), loss_weights=named)


def output_and_loss(setup: Setup, case: Case) -> Setup | None:
    """Give each output the activation, the width and the loss that its targets ask for."""
    outputs = case.facts.outputs
    if not outputs:
        return None
    if setup.layers is None:
        return _other_kind_of_scores(setup, outputs)
    configs = LayerConfigs(setup.layers)
    ends, kernels = configs.outputs(), configs.output_kernels()
    if len(ends) != len(outputs):
        return None
    losses: list[Any] = []
    for place, (end, kernel, output) in enumerate(zip(ends, kernels, outputs, strict=True)):
        given = setup.loss_of(place, output.name)
        losses.append(_mend_output(configs, end, kernel, output, given))
    changed = setup.with_layers(configs) if configs.config != setup.layers else setup
    changed = _with_losses(changed, outputs, losses)
    return None if changed is setup else changed


def _other_kind_of_scores(setup: Setup, outputs: Sequence[OutputFacts]) -> Setup | None:
    """Let losses of classes take raw scores for probabilities, or the other way round.

    Where code says what a call does its outputs cannot be changed, but what is made of them can.
    """
    losses: list[Any] = []
    for place, output in enumerate(outputs):
        given = setup.loss_of(place, output.name)
        kind = OF_SCORES.get(_loss_name(given))
        if kind is None or not isinstance(given, str | kind):
            losses.append(given)
            continue
        config = (kind() if isinstance(given, str) else given).get_config()
        takes_scores = config["from_logits"]
        if gives_probabilities(output) if takes_scores else leaves_unit_interval(output):
            given = kind.from_config({**config, "from_logits": not takes_scores})
        losses.append(given)
    changed = _with_losses(setup, outputs, losses)
    return None if changed is setup else changed


def _with_losses(setup: Setup, outputs: Sequence[OutputFacts], losses: Sequence[Any]) -> Setup:
    """Return a setup with a loss for each output: the same one if none is another."""
    given = [setup.loss_of(place, one.name) for place, one in enumerate(outputs)]
    if all(new is old for new, old in zip(losses, given, strict=True)):
        return setup
    return replace(setup, loss=losses[0] if len(losses) == 1 else _named(outputs, losses))


def map_labels(setup: Setup, case: Case) -> Setup | None:
    """Give the output a unit for every label that there is, where labels count from 1 or on."""
    if setup.layers is None or len(case.facts.outputs) != 1:
        return None
    (output,) = case.facts.outputs
    if output.task != "multi-class" or output.least < 0 or output.most < output.width:
        return None
    configs = LayerConfigs(setup.layers)
    (kernel,) = configs.output_kernels()
    if kernel is None or "units" not in kernel["config"] or not float(output.most).is_integer():
        return None
    kernel["config"]["units"] = int(output.most) + 1
    return setup.with_layers(configs)


def _scaling(rows: torch.Tensor) -> Normalization | Rescaling | None:
    """Return the layer that brings some rows into range; None if they are, or are no numbers."""
    values = rows.detach().to("cpu", torch.float64)
    if values.ndim < 2 or not values.numel() or not bool(values.isfinite().all()):
        return None
    least, most = float(values.min()), float(values.max())
    is_whole = bool((values == values.round()).all())
    if is_whole and least >= 0 and BYTE / 2 < most <= BYTE and values[0].numel() >= 16:
        return Rescaling(1 / BYTE)
    features = values.reshape(-1, values.shape[-1])
    mean, variance = features.mean(0), features.var(0, unbiased=False)
    if values.ndim > 2 or len(mean) > MOST_FEATURES:
        mean, variance = values.mean(), values.var(unbiased=False)
        if float(variance) == 0 or (abs(float(mean)) < 0.1 and abs(float(variance) - 1) < 0.1):
            return None
        return Normalization(axis=None, mean=_short(mean), variance=_short(variance))
    if bool((mean.abs() < 0.1).all() and ((variance - 1).abs() < 0.1).all()):
        return None
    variance = torch.where(variance > 0, variance, 1.0)  # of a feature that never changes
    return Normalization(mean=_short(mean), variance=_short(variance))


def _short(values: torch.Tensor) -> Any:
    """Return numbers with six digits, as a person would paste them."""
    told = [float(f"{value:.6g}") for value in values.reshape(-1).tolist()]
    return told if values.ndim else told[0]


def _is_scaled_or_looked_up(configs: LayerConfigs, place: int) -> bool:
    inputs = configs.inputs()
    first = configs.after(inputs[place]) if inputs else configs.config["layers"][:1]
    return any(
        one["class_name"] in ("Normalization", "Rescaling", "Embedding", "BatchNormalization")
        for one in first
    )


def _has_classes_for_values(setup: Setup, case: Case) -> bool:
    """Say whether values that are off scale have a loss that takes shares or class numbers."""
    return any(
        output.task == "regression"
        and _is_off_scale(output)
        and _loss_name(setup.loss_of(place, output.name)) in SPARSE | CATEGORICAL | BINARY
        for place, output in enumerate(case.facts.outputs)
    )


def _is_off_scale(output: OutputFacts) -> bool:
    deviation = output.deviation
    if not (math.isfinite(deviation) and deviation > 0 and math.isfinite(output.mean)):
        return False
    return not 0.5 <= deviation <= 2 or abs(output.mean) > 2 * deviation


def _loss_name(loss: Any) -> str:
    """Return the loss's name; ``"?"`` for a function of the user's, whatever he calls it."""
    if isinstance(loss, str):
        return to_snake_case(loss) if loss[:1].isupper() else loss
    if isinstance(loss, Mapping):  # as a file holds it
        return to_snake_case(str(loss.get("class_name", "?")))
    return loss_name(loss if isinstance(loss, Loss) else LossFunctionWrapper(loss))


def _mend_output(
    configs: LayerConfigs,
    end: dict[str, Any],
    kernel: dict[str, Any] | None,
    output: OutputFacts,
    given: Any,
) -> Any:
    """Change an output's activation and width; return the loss for it: the given one if it fits."""
    activation, loss, width = _wanted(output)
    if kernel is not None and width is not None and kernel["config"].get("units", width) != width:
        kernel["config"]["units"] = width
    holder = configs.activation_holder(kernel) if kernel is not None else end
    current = LINEAR if holder is None else activation_in(holder)
    name, from_logits = _loss_name(given), bool(getattr(given, "from_logits", False))
    fits = name in loss or (output.task == "regression" and name in (*SQUARED, *FIRST_POWER))
    reduction = getattr(given, "reduction", None)
    fits = fits and reduction not in ("sum", "none")
    if fits and from_logits and current == LINEAR:
        return given  # the loss applies the activation itself
    if current != activation:
        _set_activation(configs, end if holder is None else holder, activation)
    return given if fits and not from_logits else loss[0]


def _named(outputs: Sequence[OutputFacts], values: Sequence[Any]) -> dict[str, Any]:
    return {output.name: value for output, value in zip(outputs, values, strict=True)}


def _wanted(output: OutputFacts) -> tuple[str, Sequence[str], int | None]:
    """Return the activation, the losses that fit it, the best first, and the width."""
    columns = output.target_shape[-1] if output.target_shape else 1
    if output.task == "regression":
        return LINEAR, ("mean_squared_error", "mse"), None
    if output.task == "multi-label":
        return "sigmoid", ("binary_crossentropy",), columns
    if output.task == "binary" and output.least < 0:
        return "tanh", ("hinge", "squared_hinge"), 1
    if output.task == "binary" and columns == 1 and output.width != 2:
        return "sigmoid", ("binary_crossentropy",), 1
    if columns > 1:
        return "softmax", ("categorical_crossentropy",), columns
    most = int(output.most) + 1 if math.isfinite(output.most) else output.width
    return "softmax", ("sparse_categorical_crossentropy",), max(output.width, most)


def _set_activation(configs: LayerConfigs, layer: dict[str, Any], activation: str) -> None:
    if "activation" in layer["config"]:
        layer["config"]["activation"] = activation
    elif is_activation(layer):
        configs.replace(layer, Activation(activation))
    else:
        configs.insert_after(layer, Activation(activation), ends=len(configs.outputs()) > 1)
