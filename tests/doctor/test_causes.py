import math

import pytest
from evidences import layer, regression, stack, training

from latih.doctor.causes import (
    boldness,
    explodes_at_once,
    first_leap,
    gradient_flow,
    gradient_flows,
    has_broken_data,
    has_dead_layer,
    has_wild_inputs,
    has_wild_targets,
    silent_layers,
    update_of,
    updates_of,
    was_diverging,
    was_thrown,
)
from latih.doctor.fact_records import InputFacts
from latih.doctor.look_records import NotFinite


def test_broken_data_show_in_the_facts_or_in_the_run() -> None:
    assert not has_broken_data(training(not_finite=NotFinite(3, "loss")))
    assert has_broken_data(training(not_finite=NotFinite(0, "target")))
    assert has_broken_data(training(inputs=InputFacts("x", finite=False)))
    assert has_broken_data(training(output=regression(finite=False)))


def test_inputs_are_wild_where_they_meet_weights() -> None:
    image = {"mean": 73.0, "deviation": 90.0}
    assert has_wild_inputs(training(inputs=InputFacts("x", **image)))
    assert not has_wild_inputs(training(inputs=InputFacts("x", **image, is_scaled=True)))
    assert not has_wild_inputs(training(inputs=InputFacts("x", mean=0.3, deviation=6.0)))


def test_only_targets_of_a_regression_can_be_wild() -> None:
    assert has_wild_targets(training(output=regression(mean=23.0, deviation=8.0)))
    assert not has_wild_targets(training(output=regression(deviation=9.0)))
    assert not has_wild_targets(training())


@pytest.mark.parametrize(
    ("optimizer", "rate", "settings", "expected"),
    [
        ("sgd", 0.01, {}, 1.0),
        ("sgd", 0.1, {"momentum": 0.9}, 100.0),
        ("adam", 0.1, {"beta_1": 0.9}, 100.0),
        ("rmsprop", 1e-3, {"momentum": 0.9}, 1.0),
        ("adagrad", 0.1, {}, 10.0),
        ("adadelta", 1.0, {}, 1.0),
    ],
)
def test_boldness_counts_in_usual_rates(
    optimizer: str, rate: float, settings: dict[str, float], expected: float
) -> None:
    evidence = training(optimizer=optimizer, learning_rate=rate, settings=settings)
    assert boldness(evidence) == pytest.approx(expected)


def test_updates_are_those_of_layers_that_moved() -> None:
    still = layer("still", update=0.0)
    evidence = training(layers=[layer("a", update=[None, 0.2]), layer("b", update=0.4), still])
    assert updates_of(evidence) == pytest.approx([0.4, 0.3])
    assert update_of(training(layers=[still]).checks[0]) is None


def test_the_largest_leap_of_the_first_steps() -> None:
    late = [0.1, 0.7, math.nan, 0.0] + [0.0] * 15 + [9.0]
    evidence = training(layers=[layer("a", update=late), layer("b", update=0.2)])
    assert first_leap(evidence) == ("a", 50, 0.7)
    assert was_thrown(evidence) and not was_thrown(evidence, 0.8)
    zeros = training(layers=[layer("a", update=late, kernel_deviation=1e-3)])
    assert first_leap(zeros) is None and not was_thrown(zeros)


def test_who_explodes_at_once() -> None:
    assert explodes_at_once(training(layers=stack(2, deviation=(1.0, 20.0, 300.0))))
    assert explodes_at_once(training(layers=stack(2, deviation=(1.0, 20.0, math.nan))))
    assert explodes_at_once(training(layers=stack(1, "exponential")))
    assert not explodes_at_once(training(layers=stack(2, deviation=[1.0] + [300.0] * 19)))


def test_who_was_diverging() -> None:
    assert was_diverging(training(losses=[1.0, 0.5, 2.0, math.nan]))
    assert was_diverging(training(gradient_norms=[1.0, 150.0], losses=[1.0, 0.9]))
    assert not was_diverging(training())
    assert not was_diverging(training(losses=[1.0, 1e-4, 5e-4]))  # next to nothing is noise


def test_the_flow_of_gradients() -> None:
    layers = stack(3, gradient=(1e-5, 1e-4, 1e-3, 1e-2))
    evidence = training(layers=layers)
    ratio, climb = gradient_flows(evidence)[0][1]
    assert (ratio, climb) == pytest.approx((1e-3, 1.0))
    assert [step for step, _ in gradient_flows(evidence)] == [50 * n for n in range(20)]
    two = training(layers=stack(1, gradient=(1.0, 1.0)))
    assert gradient_flow(two.checks[0], two.weighted_layers) is None
    none = training(layers=stack(3, gradient=0.0))
    assert gradient_flows(none) == []


def test_only_rectifiers_die() -> None:
    layers = [
        layer("relu", silent=1.0),
        layer("own", None, kind="ReLU", silent=0.2),
        layer("linear", None, silent=1.0),
        layer("unseen"),
    ]
    evidence = training(layers=layers)
    assert silent_layers(evidence.checks[0], evidence.facts.layers) == {"relu": 1.0, "own": 0.2}
    assert has_dead_layer(evidence)
    assert not has_dead_layer(training(layers=layers[1:]))
    assert not has_dead_layer(training(count=0))
