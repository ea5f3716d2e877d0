"""The published systems say what their constants say, by numbers worked by hand."""

from dataclasses import replace

import beside
import numpy as np
import pytest
from baselines import SYSTEMS, autotrainer, deepdiagnosis, sagemaker_debugger, umlaut
from making import adam, dense, of_moons
from signals import LayerSignals, Look, Recorder, Signals

import latih as keras
from latih.doctor.fact_records import Facts, InputFacts, LayerFacts, OutputFacts

HIDDEN = LayerSignals("hidden", activation="relu", weight_mean=0.1)
OUTPUT = LayerSignals("output", activation="softmax", weight_mean=0.1)
FACTS = Facts(
    layers=(
        LayerFacts("hidden", "Dense", "relu", fan_in=2, weights=6),
        LayerFacts("output", "Dense", "softmax", fan_in=2, weights=6, is_output=True),
    ),
    inputs=(InputFacts("x", (2,), least=-1.0, most=1.0),),
    outputs=(
        OutputFacts(
            *("y", "multi-class"),
            classes=3,
            width=3,
            activation="softmax",
            loss="categorical_crossentropy",
            most=1.0,
            counts=(10, 10, 10),
        ),
    ),
    learning_rate=0.01,
    epochs=6,
)


def signals(accuracies=(0.5, 0.6, 0.7, 0.8, 0.85, 0.9), facts=FACTS, **changes):
    """Return a training that is well but for what is changed of its hidden layer."""
    layers = (replace(HIDDEN, **changes), OUTPUT)
    start = Look(0, 0, layers)
    looks = [
        Look(
            *(epoch, 20 * epoch, tuple(_moved(layer, epoch) for layer in layers)),
            logs={
                "loss": 1 / epoch,
                "accuracy": accuracy,
                "val_loss": 1.05 / epoch,
                "val_accuracy": accuracy,
            },
        )
        for epoch, accuracy in enumerate(accuracies, start=1)
    ]
    return Signals(facts=facts, looks=[start, *looks], first_losses=[1.0, 0.9, 0.8])


def _moved(layer, epoch):
    """Return a layer whose means are others after every epoch."""
    return replace(
        layer,
        update_ratio=0.01,
        mean=layer.mean + 0.001 * epoch,
        gradient_size=layer.gradient_size * (1 + 0.01 * epoch),
        weight_mean=layer.weight_mean + 0.001 * epoch,
    )


def says(system, seen):
    return [problem.says for problem in system.problems(seen)]


def with_logs(seen, name, values):
    looks = [
        replace(look, logs={**look.logs, name: value})
        for look, value in zip(seen.epochs, values, strict=True)
    ]
    return replace(seen, looks=[seen.looks[0], *looks])


@pytest.mark.parametrize("name", SYSTEMS)
def test_none_has_anything_to_say_of_what_is_well(name):
    assert SYSTEMS[name](signals()) == []


# AutoTrainer

STUCK = (0.3, 0.3, 0.3, 0.3, 0.3, 0.3)


def test_autotrainer_takes_a_ratio_below_a_thousandth_for_vanishing():
    # 9e-5 / 0.1 = 9e-4 < 1e-3, and 9e-5 < 1e-4; with 2e-4 neither.
    assert says(autotrainer, signals(STUCK, gradient_norm=9e-5)) == ["vanish"]
    assert says(autotrainer, signals(STUCK, gradient_norm=2e-4)) == ["not converge"]
    assert says(autotrainer, signals(gradient_norm=9e-5)) == []  # its accuracy reaches Theta


def test_autotrainer_takes_a_ratio_above_seventy_for_exploding():
    assert says(autotrainer, signals(STUCK, gradient_norm=7.1)) == ["explode"]
    assert says(autotrainer, signals(STUCK, gradient_norm=6.9)) == ["not converge"]


def test_autotrainer_counts_zeros_among_gradients():
    seen = signals(STUCK)
    zeros = replace(seen, looks=[replace(look, zero_gradients=0.7) for look in seen.looks])
    assert says(autotrainer, zeros) == ["dying relu"]


def test_autotrainer_counts_peaks_over_valleys():
    # Peaks 0.7, 0.7 and valleys 0.6, 0.6: two of six epochs are more than a fifth.
    assert autotrainer.swings([0.5, 0.7, 0.6, 0.7, 0.6, 0.7])
    # Of eleven epochs two are less.
    assert not autotrainer.swings([0.5, 0.7, 0.6, 0.7, 0.6, 0.7, 0.8, 0.85, 0.9, 0.91, 0.92])
    assert not autotrainer.swings([0.5, 0.62, 0.6, 0.62, 0.6, 0.62])  # 0.02 deep


def test_autotrainer_takes_large_outputs_for_abnormal_data():
    assert says(autotrainer, signals(size=10.0)) == ["abnormal data"]
    assert says(autotrainer, signals(size=9.9)) == []


def test_autotrainer_looks_up_which_loss_fits_which_output():
    def of(**changes):
        return replace(FACTS, outputs=(replace(FACTS.outputs[0], **changes),))

    assert says(autotrainer, signals(facts=of(loss="mean_squared_error"))) == ["improper loss"]
    linear = of(activation=None)
    assert says(autotrainer, signals(STUCK, facts=linear)) == ["improper activation"]


# DeepDiagnosis


def test_deepdiagnosis_counts_zero_activations_as_dead_at_the_end():
    (found,) = deepdiagnosis.problems(signals(inactive=0.7))
    assert (found.says, found.epoch) == ("dead node", 6)
    assert says(deepdiagnosis, signals(inactive=0.69)) == []


def test_deepdiagnosis_looks_for_saturation_every_fifth_epoch():
    (found,) = deepdiagnosis.problems(signals(activation="tanh", large_sums=0.51))
    assert (found.says, found.epoch) == ("saturated activation", 5)


def test_deepdiagnosis_takes_a_mean_of_zero_for_a_numerical_error():
    assert says(deepdiagnosis, signals(weight_mean=-0.001)) == ["numerical error in weights"]


def test_deepdiagnosis_takes_tiny_gradients_for_vanishing():
    assert says(deepdiagnosis, signals(gradient_size=9e-8)) == ["vanishing gradient"]
    assert says(deepdiagnosis, signals(gradient_size=2e-7)) == []


def test_deepdiagnosis_advises_by_its_table():
    def codes(facts=FACTS, **changes):
        return deepdiagnosis.problems(signals(facts=facts, inactive=0.9, **changes))[0].codes

    assert codes(weight_variance=11.0) == ("dying-relu", "bad-initialisation")
    wide = replace(FACTS, inputs=(replace(FACTS.inputs[0], most=255.0),))
    assert codes(facts=wide) == ("dying-relu", "unnormalised-inputs")
    # 0.01 * 20 / 1 = 0.2 > 0.1; 0.01 * 1e-4 / 1 = 1e-6 < 1e-5
    assert codes(gradient_norm=20.0) == ("dying-relu", "learning-rate-too-high")
    assert codes(gradient_norm=1e-4) == ("dying-relu", "learning-rate-too-low")


def test_deepdiagnosis_sees_targets_beyond_the_output():
    output = OutputFacts("y", activation="sigmoid", loss="mse", least=-1.0, most=3.0)
    assert says(deepdiagnosis, signals(facts=replace(FACTS, outputs=(output,)))) == ["out of range"]


# UMLAUT


def test_umlaut_wants_inputs_within_one():
    wide = replace(FACTS, inputs=(replace(FACTS.inputs[0], most=1.01),))
    assert says(umlaut, signals(facts=wide)) == ["input exceeds limits"]


def test_umlaut_wants_learning_rates_up_to_a_hundredth():
    assert says(umlaut, signals(facts=replace(FACTS, learning_rate=0.011))) == [
        "learning rate high"
    ]
    assert says(umlaut, signals(facts=replace(FACTS, learning_rate=9e-8))) == ["learning rate low"]


def test_umlaut_takes_one_rise_of_the_validation_loss_for_overfitting():
    rises = [1.05, 0.5, 0.51, 0.3, 0.2, 0.1]
    (found,) = umlaut.problems(with_logs(signals(), "val_loss", rises))
    assert (found.says, found.epoch) == ("possible overfitting", 3)


def test_umlaut_doubts_accuracies_above_95_after_the_third_epoch():
    early = with_logs(signals(), "val_accuracy", [0.5, 0.6, 0.96, 0.8, 0.8, 0.8])
    assert says(umlaut, early) == []
    late = with_logs(signals(), "val_accuracy", [0.5, 0.6, 0.7, 0.8, 0.8, 0.951])
    assert says(umlaut, late) == ["validation accuracy is high"]


def test_umlaut_asks_for_softmax_and_activations():
    linear = replace(FACTS, outputs=(replace(FACTS.outputs[0], activation=None),))
    assert says(umlaut, signals(facts=linear)) == ["missing softmax before the loss"]
    flat = replace(FACTS, layers=(replace(FACTS.layers[0], activation=None), FACTS.layers[1]))
    assert says(umlaut, signals(facts=flat)) == ["missing activation functions"]


# SageMaker Debugger


def test_sagemaker_compares_losses_ten_steps_apart():
    # The steps of two epochs are 20 apart; 0.4996 is less than a thousandth below 0.5.
    falls = with_logs(signals(), "loss", [1.0, 0.5, 0.4996, 0.3, 0.2, 0.1])
    assert "LossNotDecreasing" in says(sagemaker_debugger, falls)
    falls = with_logs(signals(), "loss", [1.0, 0.5, 0.4994, 0.3, 0.2, 0.1])
    assert "LossNotDecreasing" not in says(sagemaker_debugger, falls)


def test_sagemaker_takes_a_gap_of_a_tenth_for_overfitting():
    gap = with_logs(signals(), "val_loss", [1.0, 0.5, 0.3, 0.25, 0.2, 0.2])
    (found,) = sagemaker_debugger.problems(gap)
    # 1/6 + 10% = 0.183 < 0.2
    assert (found.says, found.epoch) == ("Overfit", 6)


def test_sagemaker_compares_variances_and_widths_before_the_training():
    assert says(sagemaker_debugger, signals(sums_variance=10.1)) == ["PoorWeightInitialization"]
    assert says(sagemaker_debugger, signals(gradient_width=9e-4)) == ["PoorWeightInitialization"]
    assert says(sagemaker_debugger, signals(sums_variance=9.9)) == []


def test_sagemaker_counts_idle_and_saturated_units():
    assert says(sagemaker_debugger, signals(idle_units=0.51)) == ["DeadRelu"]
    assert says(sagemaker_debugger, signals(saturated_units=0.51)) == ["SaturatedActivation"]


def test_sagemaker_takes_ten_to_one_for_imbalance():
    rare = replace(FACTS, outputs=(replace(FACTS.outputs[0], counts=(101, 50, 10)),))
    assert says(sagemaker_debugger, signals(facts=rare)) == ["ClassImbalance"]


def test_sagemaker_takes_three_equal_savings_for_unchanged():
    assert says(sagemaker_debugger, signals(unchanged=True)) == ["UnchangedTensor"]


# The recorder


def recorded(*layers, x, y, loss, rate=0.0):
    model = keras.Sequential([keras.Input([x.shape[1]]), *layers])
    model.compile(keras.optimizers.SGD(rate), loss=loss, metrics=["accuracy"])
    recorder = Recorder()
    model.fit(x, y, batch_size=len(x), epochs=1, verbose=0, callbacks=[recorder])
    return recorder.signals


def test_the_recorder_sees_what_is_reckoned_by_hand():
    # One unit, w = 2, b = 0: sums 2, -4, 12; outputs 2, 0, 12; loss the mean of (out - y)²/1.
    layer = keras.layers.Dense(1, "relu", kernel_initializer=keras.initializers.Constant(2.0))
    x = np.array([[1.0], [-2.0], [6.0]], dtype="float32")
    seen = recorded(layer, x=x, y=np.zeros((3, 1), dtype="float32"), loss="mse")
    (look,) = seen.looks[:1]
    (only,) = look.layers
    assert (only.least, only.most, only.row_sum) == (0.0, 12.0, 12.0)
    assert only.mean == pytest.approx(14 / 3)
    assert only.inactive == pytest.approx(1 / 3)
    assert only.large_sums == pytest.approx(1 / 3)  # 12 alone is beyond 5
    # d/dw of (4 + 0 + 144) / 3, with w = 2: (2·2·1 + 2·12·6) / 3 = 148 / 3.
    assert only.gradient_norm == pytest.approx(148 / 3)
    assert look.zero_gradients == 0
    assert seen.looks[1].layers[0].unchanged and seen.looks[1].layers[0].update_ratio == 0
    assert seen.first_losses == pytest.approx([148 / 3])


def test_the_recorder_leaves_the_training_as_it_was():
    program = of_moons(dense(16), optimizer=adam(1e-2), epochs=3)

    def trained(*callbacks):
        model, data = program.prepared(0)
        model.fit(**program.arguments(data), callbacks=list(callbacks))
        return model.get_weights()

    for alone, watched in zip(trained(), trained(Recorder()), strict=True):
        np.testing.assert_array_equal(alone, watched)


def test_the_page_counts_the_others_beside_the_doctor():
    def run(name, codes, told):
        described = {"name": name, "seed": 0, "codes": codes, "is_sick": bool(codes)}
        problems = {system: [] for system in SYSTEMS} | {"UMLAUT": told}
        return {**described, "is_decent": True, "told": problems}

    says = [{"says": "learning rate high", "codes": ["learning-rate-too-high"], "epoch": 1}]
    others = [
        run("sick", ["learning-rate-too-high"], says),
        run("also sick", ["overfitting"], says),
        run("well", [], says),
        {**run("refused", ["label-range"], []), "refused": "labels out of range"},
    ]
    own = [{**one, "findings": [], "told": {}} for one in others]
    lines = beside.section(own, others, {})
    row = next(line for line in lines if line.startswith("| UMLAUT"))
    cells = [cell.split()[0] for cell in row.split("|")[2:-1]]
    assert cells == ["100.0%", "50.0%", "50.0%", "100.0%"]
    assert any(line.startswith("| **Latih's doctor** | 0.0% (0/2;") for line in lines)
    assert beside.section(own, [], {}) == []
