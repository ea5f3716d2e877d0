"""Nets that are one linear map without need, and nets that only look so."""

import pytest
from evidences import layer, stack, training

from latih.doctor.rules.missing_nonlinearity import missing_nonlinearity

STUCK = {"skills": 0.0}


def seen(layers, **known):
    found = missing_nonlinearity(training(layers=layers, **known))
    return [(one.severity, one.layer) for one in found]


def output(activation="softmax", **known):
    return layer("output", activation, is_output=True, **known)


def between(kind, activation=None, **known):
    return layer(kind.lower(), activation, kind=kind, fan_in=0, weights=0, **known)


LINEAR = [
    [layer("a", None), output()],
    [layer("a", "linear"), layer("b", None), output("sigmoid")],
    [layer("a", None), between("BatchNormalization", is_normalization=True), output()],
    [layer("a", None), between("Dropout"), output(None)],
    [layer("a", None, kind="Conv2D"), between("Dropout"), output()],
    [layer("a", None, kind="Linear"), layer("b", None, kind="Linear", is_output=True)],
]


@pytest.mark.parametrize("layers", LINEAR)
def test_a_linear_net_of_several_layers_is_a_fault_if_nothing_is_learned_and_else_advice(layers):
    assert seen(layers, **STUCK) == [("fault", "a")]
    assert seen(layers) == [("advice", "a")]


def test_a_linear_net_that_stays_poor_is_a_fault_too():
    assert seen(LINEAR[0], skills=0.3) == [("fault", "a")]
    assert seen(LINEAR[0], skills=0.6) == [("fault", "a")]
    assert seen(LINEAR[0], skills=0.6, ended=False) == [("advice", "a")]
    assert seen(LINEAR[0], skills=0.8) == [("advice", "a")]


@pytest.mark.parametrize(
    "layers",
    [
        [output()],  # logistic regression
        [between("Dropout"), output(None)],
        stack(1),
        stack(3, "tanh"),
        [layer("a", "relu"), between("ReLU", "relu"), output()],
        [layer("a", None), between("LayerNormalization", is_normalization=True), output()],
        [layer("a", "?"), output()],
        [layer("a", "tanh", kind="LSTM"), output()],
        [layer("words", None, kind="Embedding", fan_in=0), output()],
        # The last layer of a net bends its output: so do two of them side by side.
        [layer("a"), output(), layer("value", None, is_output=True)],
        [layer("a"), layer("value", None, is_output=True), output()],
        # A linear bottleneck, and the branch beside it.
        [layer("a", kind="Conv2D"), *(layer(n, None, kind="Conv2D") for n in "bcd"), output()],
    ],
)
def test_a_net_that_bends_somewhere_or_has_one_layer_is_none(layers):
    assert seen(layers) == []
    assert seen(layers, **STUCK) == []


def test_dense_layers_in_a_row_within_a_net_that_bends_are_a_curiosity():
    layers = [layer("a"), layer("b", None), layer("c", None), output()]
    assert seen(layers) == [("note", "b")]
    assert seen(layers, **STUCK) == [("advice", "b")]
