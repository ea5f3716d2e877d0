"""The range test: what it leaves alone, what it survives, and rates that are known beforehand."""

import json
import random as python_random
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import latih as keras
from latih import random
from latih.doctor.learning_rate_range import lr_find
from latih.doctor.range_curve import read_curve, smooth
from latih.engine.run_state import optimizer_states, weights_of
from latih.errors import InputError, NotReadyError
from latih.layers.seeds import seed_state
from latih.structures import named_leaves

DICE = np.random.default_rng(0)
X = DICE.normal(size=(300, 6)).astype("float32")
LABELS = (X @ DICE.normal(size=(6, 3))).argmax(axis=1)
Y = (X[:, 0] + X[:, 1] * X[:, 2]).astype("float32")
QUICK = {"steps": 60, "runs": 1}


def classifier(optimizer: Any = "sgd", **more: Any) -> Any:
    model = keras.Sequential(
        [
            keras.Input([6]),
            keras.layers.Dense(16, "relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(3, "softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **more)
    return model


def bits(model: Any) -> list[Any]:
    state = [weights_of(model), optimizer_states(model), seed_state(model), random.state_dict()]
    return [
        (path, leaf.numpy().tobytes() if isinstance(leaf, torch.Tensor) else leaf)
        for part in state
        for path, leaf in named_leaves(part, "")
    ]


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: "adam",
        lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 50), momentum=0.9),
    ],
)
def test_nothing_of_the_model_or_of_any_generator_changes(optimizer: Any, trained: bool) -> None:
    model = classifier(optimizer())
    if trained:
        model.fit(X, LABELS, epochs=1, verbose=0)
    before, rate = bits(model), model.optimizer.current_rate()
    metrics = [metric.result() for metric in model.metrics] if trained else []
    drawn = python_random.getstate()
    lr_find(model, X, LABELS, **QUICK)
    assert bits(model) == before
    assert python_random.getstate() == drawn
    assert model.optimizer.current_rate() == rate
    assert [metric.result() for metric in model.metrics][: len(metrics)] == metrics


def test_a_model_that_is_not_built_stays_so() -> None:
    model = keras.Sequential([keras.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert lr_find(model, X, LABELS, **QUICK).suggestion is not None
    assert not model.built


def test_training_goes_on_as_if_it_had_not_been() -> None:
    def trained(looks: bool) -> Any:
        keras.utils.set_random_seed(3)
        model = classifier("adam")
        model.fit(X, LABELS, epochs=1, verbose=0)
        if looks:
            lr_find(model, X, LABELS, **QUICK)
        return model.fit(X, LABELS, epochs=2, initial_epoch=1, verbose=0).history["loss"]

    assert trained(True) == trained(False)


def test_the_same_seed_gives_the_same_answer_wherever_generators_stand() -> None:
    model = classifier()
    first = lr_find(model, X, LABELS, steps=60)
    np.random.rand(), torch.rand(5), random.make_seed()
    second = lr_find(model, X, LABELS, steps=60)
    assert first == second
    assert lr_find(model, X, LABELS, steps=60, seed=1).losses != first.losses


def test_seeds_and_ranges_agree_on_the_rate() -> None:
    keras.utils.set_random_seed(0)
    model = classifier()
    found = [lr_find(model, X, LABELS, seed=seed).suggestion for seed in range(3)]
    found.append(lr_find(model, X, LABELS, lowest=1e-6).suggestion)
    found.append(lr_find(model, X, LABELS, highest=3.0).suggestion)
    assert None not in found
    assert max(found) / min(found) < 4


def test_on_a_parabola_it_stays_below_the_rate_from_which_on_descent_diverges() -> None:
    # Of w ↦ mean((w·x - 3x)²) the curvature is 2·mean(x²), so SGD diverges above 1/mean(x²).
    x = np.full((64, 1), 2.0, "float32")
    model = keras.Sequential([keras.Input([1]), keras.layers.Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    found = lr_find(model, x, 3 * x[:, 0])
    assert found.broke_off
    assert found.suggestion is not None
    assert 1e-3 < found.suggestion < 1 / 4


def test_the_suggestion_trains_and_ten_thousand_times_less_does_not() -> None:
    def loss_after(rate: float) -> float:
        keras.utils.set_random_seed(0)
        model = classifier(keras.optimizers.SGD(rate))
        return model.fit(X, LABELS, epochs=10, verbose=0).history["loss"][-1]

    rate = lr_find(classifier(), X, LABELS).suggestion
    assert rate is not None
    assert loss_after(rate) < 0.6 < loss_after(rate / 1e4)


def test_it_never_takes_more_steps_than_it_was_given() -> None:
    class Counting(keras.optimizers.SGD):
        steps = 0

        def update(self, *arguments: Any) -> None:
            Counting.steps += 1
            super().update(*arguments)

    lr_find(classifier(Counting(), run_eagerly=True), X, LABELS, steps=30, runs=2)
    assert 30 <= Counting.steps <= 60


def test_the_rates_grow_by_the_same_factor_and_the_suggestion_is_among_them() -> None:
    found = lr_find(classifier(), X, LABELS, lowest=1e-4, highest=1e-2, steps=60)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-4, 1e-2, 60))
    assert found.suggestion is not None
    assert 1e-4 <= found.suggestion <= 1e-2
    assert "up to 0.01, the highest rate" in found.reason.en


def test_where_nothing_can_be_learned_it_suggests_nothing_and_says_so() -> None:
    model = classifier()
    for layer in model.layers:
        layer.trainable = layer is model.layers[0]
    model.layers[0].set_weights([np.zeros((6, 16)), np.full(16, -10.0)])  # dead units
    found = lr_find(model, X, LABELS, **QUICK)
    assert found.suggestion is None
    assert "does not fall" in found.reason.en and "doctor.examine()" in found.reason.en


def test_a_loss_that_is_no_number_is_told_and_not_gone_on_with() -> None:
    model = classifier()
    model.layers[0].set_weights([np.full((6, 16), np.nan), np.zeros(16)])
    found = lr_find(model, X, LABELS, **QUICK)
    assert found.suggestion is None
    assert not found.rates
    assert "not finite" in found.reason.en


# What it is given


def test_loaders_and_their_generators() -> None:
    dice = torch.Generator().manual_seed(5)
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(LABELS))
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True, generator=dice)
    before = dice.get_state()
    model = classifier()
    found = lr_find(model, loader, **QUICK)
    assert found.suggestion is not None
    assert torch.equal(dice.get_state(), before)
    assert found == lr_find(model, loader, **QUICK)


def test_a_generator_gives_away_no_more_than_a_run_reads() -> None:
    given_away = []

    def batches() -> Any:
        for number in range(1000):
            given_away.append(number)
            yield X[:32], LABELS[:32]

    assert lr_find(classifier(), batches(), steps=40, runs=3).suggestion is not None
    assert len(given_away) == 40


def test_several_inputs_and_outputs() -> None:
    a, b = keras.Input([6], name="a"), keras.Input([6], name="b")
    hidden = keras.layers.Dense(16, "relu")(keras.layers.Concatenate()([a, b]))
    outputs = {
        "kind": keras.layers.Dense(3, "softmax", name="kind")(hidden),
        "size": keras.layers.Dense(1, name="size")(hidden),
    }
    model = keras.Model([a, b], outputs)
    model.compile("adam", {"kind": "sparse_categorical_crossentropy", "size": "mse"})
    found = lr_find(model, [X, X], {"kind": LABELS, "size": Y})
    assert found.suggestion is not None


def test_a_step_of_the_users_own() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    model = Own()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert lr_find(model, X, LABELS, **QUICK).suggestion is not None


def test_gradient_accumulation() -> None:
    optimizer = keras.optimizers.SGD(gradient_accumulation_steps=2)
    assert lr_find(classifier(optimizer), X, LABELS).suggestion is not None


# What it refuses


@pytest.mark.parametrize(
    "arguments", [{"lowest": 0}, {"lowest": 1.0, "highest": 0.1}, {"steps": 5}, {"runs": 0}]
)
def test_arguments_out_of_range(arguments: Any) -> None:
    with pytest.raises(InputError, match=next(iter(reversed(arguments)))):
        lr_find(classifier(), X, LABELS, **arguments)


def test_what_is_not_compiled_or_cannot_be_copied() -> None:
    with pytest.raises(NotReadyError, match=r"lr_find\(\)"):
        lr_find(keras.Sequential([keras.layers.Dense(1)]), X, Y)
    model = classifier()
    model.file = open(__file__, encoding="utf-8")
    with model.file, pytest.raises(InputError, match="cannot be copied"):
        lr_find(model, X, LABELS)
    with pytest.raises(InputError, match="no batch"):
        lr_find(classifier(), iter([]))


# The curve

RATES = np.geomspace(1e-7, 10.0, 100).tolist()


def valley(least: float, depth: float = 1.0) -> np.ndarray:
    """Return a loss that is level, falls around a tenth of a rate, is least there, and grows."""
    decades = np.log10(RATES) - np.log10(least)
    return 2.0 - depth / (1 + np.exp(-4 * (decades + 1))) + np.exp(np.minimum(6 * decades, 5)) / 50


@given(least=st.sampled_from([1e-4, 1e-3, 1e-2, 0.1]), noise=st.integers(0, 5))
def test_spikes_at_any_place_and_noise_do_not_mislead(least: float, noise: int) -> None:
    # Lightning's finder takes the steepest difference, and so the far side of the first spike.
    dice = np.random.default_rng(noise)
    losses = valley(least) + 0.02 * dice.normal(size=100)
    for place in dice.integers(0, 60, 4):
        losses[place] *= dice.uniform(0.2, 3)
    read = read_curve(RATES, losses.tolist(), broke_off=False)
    assert read.suggestion is not None
    assert least / 40 < read.suggestion < least


def test_a_loss_that_stays_low_however_high_the_rate_speaks_for_where_it_came_there() -> None:
    # What is learnt by heart stays so: the least loss comes last, and tells nothing.
    rates = np.asarray(RATES)
    losses = 0.7 / (1 + (rates / 0.01) ** 2)
    read = read_curve(RATES, losses.tolist(), broke_off=False)
    assert read.suggestion is not None
    assert 1e-3 < read.suggestion < 0.05


def test_a_dip_before_a_deeper_valley_is_not_where_the_loss_lies_low() -> None:
    places = np.log10(np.asarray(RATES))
    dip, valley_at = (np.exp(-(((places - at) / 0.4) ** 2)) for at in (-4.0, -1.0))
    read = read_curve(RATES, (1 - 0.97 * dip - valley_at).tolist(), broke_off=False)
    assert read.suggestion is not None and read.suggestion > 1e-3


@pytest.mark.parametrize("start", [-5.0, 0.0, 2.3])
def test_noise_alone_gives_a_suggestion_in_one_case_of_twenty(start: float) -> None:
    dice = np.random.default_rng(0)
    curves = start + 0.1 * dice.normal(size=(200, 100))
    found = [read_curve(RATES, curve.tolist(), broke_off=False).suggestion for curve in curves]
    assert sum(rate is not None for rate in found) <= 16


def test_a_curve_that_only_grows_is_told_apart_from_a_flat_one() -> None:
    losses = np.exp(np.linspace(0, 1.3, 60))
    read = read_curve(RATES[:60], losses.tolist(), broke_off=True)
    assert read.suggestion is None
    assert "grows" in read.reason.en


@pytest.mark.parametrize("edge", [30, 60, 99])
def test_a_net_that_has_learnt_gets_a_tenth_of_the_last_rate_without_harm(edge: int) -> None:
    dice = np.random.default_rng(1)
    losses = 0.1 + 0.005 * dice.normal(size=100)
    losses[edge:] += 0.05 * (np.arange(100 - edge) + 1)
    read = read_curve(RATES, losses.tolist(), broke_off=False, skill=0.9)
    assert read.suggestion is not None and "has learnt already" in read.reason.en
    assert RATES[edge] / 40 < read.suggestion <= RATES[edge] / 9
    assert read_curve(RATES, losses.tolist(), broke_off=False, skill=0.0).suggestion is None


def test_a_trained_model_is_given_a_rate_and_so_is_its_cycle() -> None:
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(640, 8)).astype("float32")
    labels = (x[:, 0] > 0).astype("int64")
    model = keras.Sequential(
        [keras.Input([8]), keras.layers.Dense(32, "relu"), keras.layers.Dense(2, "softmax")]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(x, labels, epochs=60, verbose=0)
    found = lr_find(model, x, labels)
    assert found.suggestion is not None and 1e-6 < found.suggestion < 1
    model.fit(x, labels, epochs=2, verbose=0, callbacks=[keras.callbacks.OneCycle()])
    assert model.evaluate(x, labels, verbose=0) < 0.1


def test_smoothing_keeps_a_constant_and_moves_nothing_to_the_right() -> None:
    np.testing.assert_allclose(smooth(np.full(30, 7.0)), 7.0)
    hill = np.exp(-(((np.arange(81) - 40) / 10) ** 2))
    np.testing.assert_allclose(smooth(hill), smooth(hill)[::-1])
    assert smooth(hill).argmax() == 40


# How it is shown


def test_it_is_data_and_a_drawing(tmp_path: Any) -> None:
    found = lr_find(classifier(), X, LABELS, **QUICK)
    assert json.loads(json.dumps(found.to_dict()))["suggestion"] == found.suggestion
    found.plot(tmp_path / "range.png")
    assert (tmp_path / "range.png").read_bytes()[:4] == b"\x89PNG"
    assert str(found).startswith(f"{found.suggestion:.2g}: ")


def test_the_reason_in_indonesian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATIH_LANG", "id")
    assert "loss" in str(lr_find(classifier(), X, LABELS, **QUICK).reason)


def test_one_cycle_finds_its_rate() -> None:
    model, cycle, seen = classifier(), keras.callbacks.OneCycle(), []
    look = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(model.optimizer.current_rate())
    )
    model.fit(X, LABELS, epochs=4, verbose=0, callbacks=[cycle, look])
    alone = lr_find(classifier(), X, LABELS).suggestion
    assert alone is not None and cycle.highest_rate is not None
    assert alone / 4 < cycle.highest_rate < alone * 4
    assert max(seen) == pytest.approx(cycle.highest_rate, rel=0.01)
    assert seen == cycle.rates(40)
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(LABELS))
    with pytest.raises(InputError, match="arrays only"):
        model.fit(data, verbose=0, callbacks=[keras.callbacks.OneCycle()])
