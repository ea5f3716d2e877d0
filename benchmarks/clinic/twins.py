"""The healthy twin of a published case, as a case: what its author says would mend it."""

from collections.abc import Callable, Mapping
from typing import Any

from labels import HEALTHY

Case = Mapping[str, Any]

TDC_BASE_CLEAN: Case = {
    "role": "control",
    "known_faults": [HEALTHY],
    "optimizer": {"name": "sgd", "lr": 0.1, "l2": 1e-5},
    "loss": "categorical_crossentropy",
}
"""Not in the file, though others name it as their base: what its mutants have in common."""

ENOUGH = {"binary": 0.75, "multiclass": 0.75, "regression": 0.6}
"""What a twin has to reach: some are sick all the same, as narrow stacks of ReLU are."""


def twin_of(case: Case, others: Mapping[str, Case]) -> Case | None:
    """Return the healthy twin of a case as a case; None if nobody says what it is.

    Args:
        case: the case.
        others: all cases by their ids: a twin may be one of them.
    """
    changes = case.get("healthy_twin")
    if not changes:
        return None
    if "base" in changes:
        base = others.get(changes["base"]) or (
            _base_of(case) if changes["base"] == "tdc-base-clean" else None
        )
        return None if base is None else _healthy({**base, "id": f"{case['id']}~twin"}, case)
    changed = dict(case)
    for what, value in changes.items():
        changed = _CHANGES.get(what, _set(what))(changed, value)
    return _healthy({**changed, "id": f"{case['id']}~twin"}, case)


def _healthy(twin: Case, case: Case) -> Case:
    return {
        **twin,
        "role": "control",
        "known_faults": [HEALTHY],
        "healthy_twin": {},
        "enough": ENOUGH.get(case.get("task") or "", 0.0),
        "origin_kind": f"{case.get('origin_kind') or 'unknown'} twins",
    }


def _base_of(case: Case) -> Case:
    """Return the convolutional net that the mutants were made of, from one of them."""
    layers = [
        {**layer, "activation": "relu", "kernel_init": "he_normal"} if _has_kernel(layer) else layer
        for layer in case["architecture"]
    ]
    last = {**case["architecture"][-1], "activation": "softmax", "kernel_init": "GlorotUniform"}
    data = {k: v for k, v in case["dataset"].items() if k not in ("corruption", "scaled")}
    base = {**case, **TDC_BASE_CLEAN, "architecture": [*layers[:-1], last], "notes": ""}
    return {**base, "dataset": {**data, "scaled": "min-max"}}


def _has_kernel(layer: Case) -> bool:
    return bool(layer.get("units") or layer.get("filters"))


def _layers(case: Case, change: Callable[[int, dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    layers = [dict(layer) for layer in case["architecture"]]
    return {**case, "architecture": [change(*numbered) for numbered in enumerate(layers)]}


def _last(case: Case) -> int:
    return max(i for i, layer in enumerate(case["architecture"]) if layer.get("units"))


def _hidden_activation(case: Case, value: Any) -> dict[str, Any]:
    def change(place: int, layer: dict[str, Any]) -> dict[str, Any]:
        hidden = place < _last(case) and "activation" in layer
        return {**layer, "activation": value} if hidden else layer

    return _layers(case, change)


def _initialisers(case: Case, value: Any) -> dict[str, Any]:
    def change(place: int, layer: dict[str, Any]) -> dict[str, Any]:
        return {**layer, "kernel_init": value} if "kernel_init" in layer else layer

    return _layers(case, change)


def _output(case: Case, value: Any) -> dict[str, Any]:
    def change(place: int, layer: dict[str, Any]) -> dict[str, Any]:
        return {**layer, "activation": value} if place == _last(case) else layer

    return _layers(case, change)


def _batch_normalised(case: Case, value: Any) -> dict[str, Any]:
    layers: list[dict[str, Any]] = []
    for place, layer in enumerate(case["architecture"]):
        layers.append(layer)
        if value and place < _last(case) and "activation" in layer:
            layers.append({"layer": "batchnorm"})
    return {**case, "architecture": layers}


def _set(path: str) -> Callable[[Case, Any], dict[str, Any]]:
    """Return what sets a value that a path such as ``optimizer.lr`` names."""

    def change(case: Case, value: Any) -> dict[str, Any]:
        first, _, rest = path.partition(".")
        if not rest:
            return {**case, first: value}
        return {**case, first: _set(rest)(case.get(first) or {}, value)}

    return change


_CHANGES: Mapping[str, Callable[[Case, Any], dict[str, Any]]] = {
    "hidden activation": _hidden_activation,
    "hidden_activation": _hidden_activation,
    "activation": _hidden_activation,
    "kernel_init": _initialisers,
    "output": _output,
    "output activation": _output,
    "batchnorm": _batch_normalised,
    "lr": _set("optimizer.lr"),
    "scaled": _set("dataset.scaled"),
}
