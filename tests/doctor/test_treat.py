"""Treatment as a transaction: what helps is kept, what does not is rolled back, nothing is lost."""

import json
import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import random
from latih.doctor import trying
from latih.doctor.code import as_code
from latih.doctor.diagnosis import Diagnosis
from latih.doctor.finding import Finding
from latih.doctor.remedies import REMEDIES
from latih.doctor.setup import Case, Setup
from latih.doctor.treat import treat
from latih.doctor.treatment import found as told_of
from latih.doctor.trying import Start
from latih.doctor.watch import Doctor
from latih.doctor.words import Words
from latih.engine.run_state import optimizer_states, weights_of
from latih.errors import InputError, NotReadyError
from latih.layers import Activation, Add, Dense, Dropout, Input
from latih.layers.seeds import seed_state
from latih.structures import named_leaves

DICE = np.random.default_rng(0)
X = DICE.normal(size=(600, 8)).astype("float32")
LABELS = (X @ DICE.normal(size=(8, 3))).argmax(axis=1)
Y = (3000 + 200 * X[:, 0] + 100 * X[:, 1]).astype("float32")
VALIDATION = (X[500:], LABELS[500:])
TRAINING = (X[:500], LABELS[:500])
HEALTHY = Diagnosis([])


def found(*remedies: str, code: str = "bad-initialisation", probability: float = 0.9) -> Finding:
    said = Words("told", "dikatakan")
    return Finding(code, "fault", probability, None, None, (), remedies, said, said, said)


def ill(*remedies: str) -> Diagnosis:
    return Diagnosis([found(*remedies)])


def stack(
    *layers: Any, optimizer: Any = "adam", loss: Any = "sparse_categorical_crossentropy"
) -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([Input([8]), *layers])
    model.compile(optimizer, loss)
    return model


def healthy(optimizer: Any = "adam") -> Any:
    return stack(Dense(16, "relu"), Dense(3, "softmax"), optimizer=optimizer)


def hardly_moving() -> Any:
    return healthy(keras.optimizers.SGD(1e-6))


def dead(optimizer: Any = "adam") -> Any:
    low = keras.initializers.Constant(-30.0)
    hidden = Dense(16, "relu", bias_initializer=low)
    return stack(hidden, Dense(3, "softmax"), optimizer=optimizer)


def bits(model: Any) -> list[Any]:
    state = [weights_of(model), optimizer_states(model), seed_state(model), random.state_dict()]
    return [
        (path, leaf.numpy().tobytes() if isinstance(leaf, torch.Tensor) else leaf)
        for part in state
        for path, leaf in named_leaves(part, "")
    ]


def accuracy(model: Any) -> float:
    return float((model.predict(X, verbose=0).argmax(1) == LABELS).mean())


# What helps is kept


def test_a_rate_far_too_low_is_raised() -> None:
    model = hardly_moving()
    before = bits(model)
    treatment = treat(
        model,
        *TRAINING,
        validation_data=VALIDATION,
        epochs=10,
        diagnosis=ill("raise-learning-rate"),
    )
    assert treatment.kept == ["raise-learning-rate"]
    assert treatment.model is not model and bits(model) == before
    assert treatment.model.optimizer.current_rate() > 1e-4
    assert [change.place for change in treatment.changes] == ["optimizer.learning_rate"]
    assert treatment.skill > 0.8 > 0.3 > treatment.given_skill
    assert accuracy(treatment.model) > 0.85


def test_changed_layers_come_as_a_new_model_and_the_given_one_is_left() -> None:
    model = dead()
    before = bits(model)
    treatment = treat(
        model, *TRAINING, validation_data=VALIDATION, epochs=20, diagnosis=ill("initialise")
    )
    assert treatment.kept == ["initialise"]
    assert treatment.model is not model
    assert bits(model) == before
    assert accuracy(treatment.model) > 0.8 > accuracy(model)
    told = {change.place.split(".")[-1]: change.after for change in treatment.changes}
    assert told == {"kernel_initializer": "HeNormal", "bias_initializer": "Zeros"}


def test_targets_are_scaled_and_predictions_are_on_their_scale() -> None:
    model = stack(Dense(16, "relu"), Dense(1), optimizer="sgd", loss="mse")
    treatment = treat(model, X, Y, epochs=10, diagnosis=ill("scale-targets"))
    assert treatment.kept == ["scale-targets"]
    predictions = treatment.model.predict(X, verbose=0)[:, 0]
    assert 1 - np.mean((predictions - Y) ** 2) / Y.var() > 0.9


def test_what_follows_builds_on_what_was_kept() -> None:
    model = dead(keras.optimizers.SGD(0.03))
    diagnosis = Diagnosis(
        [found("initialise"), found("raise-learning-rate", code="learning-rate-too-low")]
    )
    treatment = treat(model, *TRAINING, validation_data=VALIDATION, epochs=20, diagnosis=diagnosis)
    assert treatment.kept == ["initialise", "raise-learning-rate"]
    first, second = treatment.trials
    assert second.needed > first.skill
    assert treatment.model.optimizer.current_rate() > 0.03
    assert type(treatment.model.layers[0].bias_initializer).__name__ == "Zeros"


# What does not is rolled back


def test_what_does_harm_is_rolled_back_and_the_training_is_as_without_it() -> None:
    alone, tried = healthy(), healthy()
    arguments: Any = {"validation_data": VALIDATION, "epochs": 6}
    plain = treat(alone, *TRAINING, diagnosis=HEALTHY, **arguments)
    treatment = treat(tried, *TRAINING, diagnosis=ill("dropout", "l2", "warm-up"), **arguments)
    assert plain.trials == ()
    assert [trial.kept for trial in treatment.trials] == [False] * 3
    assert treatment.changes == ()
    np.testing.assert_array_equal(plain.model.get_weights()[0], treatment.model.get_weights()[0])


def test_at_most_four_remedies_are_tried_the_likeliest_first() -> None:
    findings = [
        found("dropout", "l2", "early-stopping", probability=0.9),
        found("clip-gradients", "warm-up", code="oscillating-loss", probability=0.6),
    ]
    treatment = treat(
        healthy(), *TRAINING, validation_data=VALIDATION, epochs=4, diagnosis=Diagnosis(findings)
    )
    assert [trial.remedy for trial in treatment.trials] == [
        *("dropout", "clip-gradients", "l2", "warm-up")
    ]


def test_a_remedy_that_cannot_be_trained_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def misfit(setup: Any, case: Any) -> Any:
        return setup.with_optimizer(learning_rate=-1.0)

    monkeypatch.setitem(REMEDIES, "relu", type(REMEDIES["relu"])(Words("Do it.", "Do."), (misfit,)))
    treatment = treat(healthy(), *TRAINING, epochs=1, diagnosis=ill("relu"))
    assert "learning_rate" in treatment.trials[0].reason
    assert "cannot be trained" in str(treatment)


def test_the_noise_between_seeds_must_be_beaten() -> None:
    treatment = treat(
        dead(), *TRAINING, validation_data=VALIDATION, epochs=10, diagnosis=ill("initialise")
    )
    (trial,) = treatment.trials
    margin = max(2 * treatment.noise, 0.5 / np.sqrt(100))
    most = (1 - treatment.untreated_skill) / 2
    assert trial.needed == pytest.approx(treatment.untreated_skill + min(margin, most))


def test_what_is_well_in_the_end_is_not_trained_again() -> None:
    model = healthy(keras.optimizers.Adam(0.01))
    treatment = treat(model, *TRAINING, validation_data=VALIDATION, epochs=20)
    assert treatment.skill > 0.9
    assert treatment.steps == treatment.planned_steps + sum(one.steps for one in treatment.trials)


@pytest.mark.filterwarnings("ignore:.* have no gradient:latih.errors.LatihWarning")
def test_a_part_that_somebody_cut_off_is_joined_again() -> None:
    class Cut(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs.detach()

    model = stack(Dense(2, "tanh"), Cut(), Dense(3, "softmax"), optimizer="rmsprop")
    treatment = treat(
        model, *TRAINING, validation_data=VALIDATION, epochs=20, diagnosis=ill("unfreeze")
    )
    assert treatment.kept == ["unfreeze"]
    assert [change.place for change in treatment.changes] == ["layers.cut"]


def test_a_loss_with_the_wrong_sign_is_turned() -> None:
    def squares(y_true: Any, y_pred: Any) -> Any:
        value = torch.mean((y_true - y_pred) ** 2, dim=-1)
        return 2 * value.detach() - value

    y = ((Y - Y.mean()) / Y.std())[:, None]
    model = stack(Dense(16, "relu"), Dense(1), loss=squares)
    treatment = treat(model, X[:500], y[:500], validation_data=(X[500:], y[500:]), epochs=30)
    assert treatment.kept == ["output-and-loss"] and len(treatment.trials) == 1
    assert treatment.skill > 0.8


# Nothing is lost


def test_a_model_that_was_trained_well_is_not_made_worse() -> None:
    model = healthy(keras.optimizers.Adam(0.01))
    model.fit(*TRAINING, epochs=60, verbose=0)
    before = bits(model)
    treatment = treat(model, *TRAINING, validation_data=VALIDATION, epochs=1, diagnosis=HEALTHY)
    assert treatment.model is not model
    assert treatment.is_as_given
    assert treatment.changes == ()
    assert bits(model) == bits(treatment.model) == before
    assert "left as it was" in str(treatment)


@pytest.mark.parametrize("breaks_off_in", range(1, 4))
def test_who_interrupts_finds_all_as_it_was(
    breaks_off_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def interrupted(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == breaks_off_in:
            raise KeyboardInterrupt
        return fit(*arguments, **named)

    fit = trying.fit
    monkeypatch.setattr("latih.doctor.course.fit", interrupted)
    monkeypatch.setattr("latih.doctor.trying.fit", interrupted)
    model = hardly_moving()
    model.fit(*TRAINING, epochs=1, verbose=0)
    before, config = bits(model), model.get_compile_config()
    with pytest.raises(KeyboardInterrupt):
        treat(model, *TRAINING, epochs=10, diagnosis=ill("raise-learning-rate"))
    assert len(calls) == breaks_off_in
    assert bits(model) == before
    assert model.get_compile_config() == config


def test_generators_stand_where_they_stood() -> None:
    model = healthy()
    before = random.state_dict()
    treat(model, *TRAINING, epochs=1, diagnosis=HEALTHY)
    for path, leaf in named_leaves(random.state_dict(), ""):
        old = dict(named_leaves(before, ""))[path]
        assert torch.equal(old, leaf) if isinstance(leaf, torch.Tensor) else old == leaf


def test_the_same_seed_gives_the_same_treatment() -> None:
    def treated() -> Any:
        return treat(dead(), *TRAINING, epochs=4, diagnosis=ill("l2", "initialise"))

    first, second = treated(), treated()
    assert first.trials == second.trials
    assert first.skill == second.skill


def test_weights_that_are_no_numbers_are_drawn_anew() -> None:
    model = healthy(keras.optimizers.SGD(0.1))
    model.fit(*TRAINING, verbose=0)
    model.set_weights([np.full(w.shape, np.nan) for w in model.get_weights()])
    treatment = treat(model, *TRAINING, validation_data=VALIDATION, epochs=10, diagnosis=HEALTHY)
    assert treatment.given_skill == -1
    assert accuracy(treatment.model) > 0.7


def test_what_is_frozen_and_what_comes_from_elsewhere_is_kept() -> None:
    base = Dense(16, "relu", name="base", trainable=False)
    model = stack(base, Dense(3, "softmax"))
    kept = base.get_weights()
    made = Start(model).model(Setup.of(model))
    np.testing.assert_array_equal(made.get_layer("base").get_weights()[0], kept[0])
    assert not np.array_equal(made.layers[1].get_weights()[0], model.layers[1].get_weights()[0])

    loaded = healthy()
    loaded.set_weights([w + 0.5 for w in loaded.get_weights()])
    start = Start(loaded)
    assert start.keeps_all
    np.testing.assert_array_equal(
        start.model(Setup.of(loaded)).get_weights()[2], loaded.get_weights()[2]
    )
    assert not Start(healthy()).keeps_all


def test_what_was_read_from_a_file_is_not_thrown_away_though_it_was_trained(tmp_path: Any) -> None:
    base = stack(Dense(16, "relu", name="base"), Dense(3, "softmax", name="old"))
    base.fit(*TRAINING, verbose=0)
    base.save(tmp_path / "base.keras")
    loaded = keras.models.load_model(tmp_path / "base.keras")
    model = stack(loaded.get_layer("base"), Dense(3, "softmax", name="head"))
    model.fit(*TRAINING, verbose=0)
    made = Start(model).model(Setup.of(model))
    for one, other in zip(
        model.get_layer("base").weights, made.get_layer("base").weights, strict=True
    ):
        assert torch.equal(one, other)
    new = Start(model).model(Setup.of(model)).get_layer("head").get_weights()[0]
    assert not np.array_equal(new, model.get_layer("head").get_weights()[0])


def test_what_is_spared_the_decay_is_spared_it_in_trials() -> None:
    model = healthy(keras.optimizers.SGD(0.1, weight_decay=0.1))
    hidden, out = model.layers
    model.optimizer.exclude_from_weight_decay(var_list=[hidden.bias, out.kernel])
    before = Setup.of(model)
    after = REMEDIES["batch-normalisation"](before, Case())
    assert after is not None
    for setup in (before, after):
        made = Start(model).model(setup)
        wanted = [made.layers[0].bias, made.layers[-1].kernel]
        assert [id(one) for one in made.optimizer.decay.var_list] == [id(one) for one in wanted]
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert Start(model).model(before).optimizer.decay.var_names == ["bias"]


def test_the_model_can_be_trained_on() -> None:
    model = treat(healthy(), *TRAINING, epochs=5, diagnosis=HEALTHY).model
    assert model.optimizer.updates > 0
    model.fit(*TRAINING, verbose=0)
    assert accuracy(model) > 0.5


@pytest.mark.parametrize(("luck", "goes_back"), [(0.01, False), (0.5, True)])
def test_it_goes_back_to_an_epoch_that_was_better_by_more_than_chance(
    luck: float, goes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lucky(trying.BestEpoch):
        def keep_if_best(self) -> None:
            super().keep_if_best()
            if self.epochs == 5:
                self.best_skill, self.best_weights = plain.skill + luck, trying.copied(self.model)

    arguments: Any = {"validation_data": VALIDATION, "epochs": 20, "diagnosis": HEALTHY}
    plain = treat(healthy(keras.optimizers.Adam(0.003)), *TRAINING, **arguments)
    monkeypatch.setattr("latih.doctor.course.BestEpoch", Lucky)
    other = treat(healthy(keras.optimizers.Adam(0.003)), *TRAINING, **arguments)
    pairs = zip(plain.model.get_weights(), other.model.get_weights(), strict=True)
    assert all(np.array_equal(one, two) for one, two in pairs) == (not goes_back)


# What it is given


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = Dense(16, "relu"), Dense(3, "softmax")

    def call(self, inputs: Any) -> Any:
        return self.out(self.hidden(inputs))


def test_a_subclassed_model_gets_what_does_not_change_its_layers() -> None:
    model = Own()
    model.compile(keras.optimizers.SGD(1e-6), "sparse_categorical_crossentropy")
    treatment = treat(
        model, *TRAINING, validation_data=VALIDATION, epochs=10,
        diagnosis=ill("relu", "raise-learning-rate", "batch-normalisation"),
    )  # fmt: skip
    assert treatment.model is not model and type(treatment.model) is Own
    assert treatment.kept == ["raise-learning-rate"]
    assert accuracy(treatment.model) > 0.8 > accuracy(model)


def test_the_story_says_that_nothing_could_be_tried() -> None:
    model = Own()
    model.compile("sgd", "sparse_categorical_crossentropy")
    treatment = treat(
        model, *TRAINING, validation_data=VALIDATION, epochs=1, diagnosis=ill("relu", "clean-data")
    )
    assert not treatment.trials and "Nothing was tried" in treatment.story()[2]


def test_loaders() -> None:
    def loader(x: Any, y: Any) -> Any:
        data = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
        return torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)

    model = hardly_moving()
    with pytest.raises(InputError, match="judge by"):
        treat(model, loader(*TRAINING), epochs=5)
    treatment = treat(
        model, loader(*TRAINING), validation_data=loader(*VALIDATION), epochs=10,
        diagnosis=ill("larger-batch", "scale-inputs", "raise-learning-rate"),
    )  # fmt: skip
    assert treatment.kept == ["raise-learning-rate"]


def test_lists_and_frames() -> None:
    pandas = pytest.importorskip("pandas")
    for x in (X.tolist(), pandas.DataFrame(X)):
        treatment = treat(hardly_moving(), x, LABELS.tolist(), epochs=1, diagnosis=HEALTHY)
        assert treatment.trials == ()


def test_several_outputs() -> None:
    x = Input([8])
    hidden = Dense(16, "relu")(x)
    model = keras.Model(
        x, [Dense(3, "softmax", name="kind")(hidden), Dense(1, name="size")(hidden)]
    )
    model.compile("adam", ["sparse_categorical_crossentropy", "mse"])
    treatment = treat(model, X, [LABELS, Y], epochs=10, diagnosis=ill("scale-targets"))
    assert treatment.kept == ["scale-targets"]
    assert treatment.model.output_names == ["kind", "size"]


def test_a_training_that_is_refused_can_be_treated() -> None:
    model = healthy(keras.optimizers.Adam(0.01))
    with pytest.raises(InputError, match="y"):
        treat(model, X, LABELS + 1, epochs=5, diagnosis=HEALTHY)
    treatment = treat(model, X, LABELS + 1, epochs=5, diagnosis=ill("map-labels"))
    assert treatment.kept == ["map-labels"]
    assert treatment.untreated_skill == -1
    assert treatment.model.output_shape == (None, 4)
    assert treatment.skill > 0.4


def test_the_generator_of_a_loader_beside_arrays_stands_where_it_stood() -> None:
    dice = torch.Generator().manual_seed(5)
    data = torch.utils.data.TensorDataset(torch.tensor(X[500:]), torch.tensor(LABELS[500:]))
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True, generator=dice)
    before = dice.get_state()
    model = keras.Sequential([Input([8]), Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    treat(model, *TRAINING, validation_data=loader, epochs=1, trials=0)
    assert torch.equal(dice.get_state(), before)


def test_the_generator_of_a_loader_stands_where_it_stood() -> None:
    dice = torch.Generator().manual_seed(5)
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(LABELS))
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True, generator=dice)
    before = dice.get_state()
    treat(healthy(), loader, validation_data=VALIDATION, epochs=1, diagnosis=HEALTHY)
    assert torch.equal(dice.get_state(), before)
    with pytest.raises(InputError, match="several times"):
        treat(healthy(), iter(loader), validation_data=VALIDATION)


def test_what_is_refused() -> None:
    with pytest.raises(NotReadyError, match=r"treat\(\)"):
        treat(keras.Sequential([Dense(1)]), X, Y)
    with pytest.raises(InputError, match="epochs"):
        treat(healthy(), X, LABELS, epochs=0)


# How it is told


def test_a_story_says_whether_it_was_for_a_fault_or_for_advice() -> None:
    fault, advice = found("relu"), replace(found("relu"), severity="advice")
    for findings, was_tried, told in (
        ([fault, advice], True, "Found: "),
        ([advice], True, "No fault found, but not enough learnt: what is advised is tried"),
        ([advice], False, "No fault found: nothing was tried."),
        ([], True, "No fault found."),
    ):
        assert told_of(Diagnosis(findings), was_tried=was_tried).startswith(told)


def test_the_story_is_in_order_and_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    treatment = treat(
        dead(), *TRAINING, validation_data=VALIDATION, epochs=10,
        diagnosis=ill("l2", "initialise"),
    )  # fmt: skip
    story = treatment.story()
    assert [line.split()[0] for line in story[:5]] == ["Found:", "Untreated,", "1.", "2.", "Then"]
    assert story[2].endswith("rolled back.")
    assert story[3].endswith("kept.")
    monkeypatch.setenv("LATIH_LANG", "id")
    assert treatment.story()[0].startswith("Ditemukan: ")
    told = json.loads(json.dumps(treatment.to_dict()))
    assert [trial["kept"] for trial in told["trials"]] == [False, True]
    assert told["trials"][0]["words"] == REMEDIES["l2"].words.to_dict()
    assert told["cost"] == treatment.steps / treatment.planned_steps


def test_the_cost_counts_every_step() -> None:
    treatment = treat(
        healthy(), *TRAINING, validation_data=VALIDATION, epochs=50, diagnosis=HEALTHY
    )
    assert treatment.trial_epochs == 5
    assert treatment.planned_steps == 50 * 16
    assert treatment.steps == 50 * 16
    assert len(treatment.history["loss"]) == 45


# What it costs


def test_the_cost_is_of_the_whole_training_though_a_trial_is_less_than_an_epoch() -> None:
    steps = 150  # of an epoch; a trial has 100
    x = np.tile(X, (2, 1))[: 4 * steps]
    y = np.tile(LABELS, 2)[: 4 * steps]
    treatment = treat(
        healthy(), x, y, validation_data=VALIDATION, epochs=2, batch_size=4, diagnosis=HEALTHY
    )
    assert treatment.planned_steps == 2 * steps
    assert treatment.steps == 100 + 2 * steps  # less than an epoch cannot be gone on with


def test_longer_is_tried_for_twice_as_long_where_a_trial_is_less_than_an_epoch() -> None:
    steps = 150
    treatment = treat(
        healthy(), X, LABELS, validation_data=VALIDATION, epochs=1, batch_size=4,
        diagnosis=ill("more-epochs"),
    )  # fmt: skip
    assert treatment.planned_steps == steps
    assert treatment.trials[0].steps == 2 * steps  # two hundred are more than one epoch


def test_a_clear_gain_needs_no_second_seed_and_a_small_one_does() -> None:
    clear = treat(
        dead(keras.optimizers.Adam(0.01)), *TRAINING, validation_data=VALIDATION, epochs=20,
        diagnosis=ill("initialise"),
    )  # fmt: skip
    assert clear.trials[0].skill - clear.untreated_skill > 0.2
    assert np.isnan(clear.noise)
    # Three epochs of sixteen steps to look, the same to try, and seventeen more of what was kept.
    assert clear.steps == (3 + 3 + 17) * 16
    small = treat(
        dead(), *TRAINING, validation_data=VALIDATION, epochs=20, diagnosis=ill("initialise")
    )
    assert small.noise >= 0
    assert small.steps == (3 + 3 + 3 + 17) * 16


def test_what_only_takes_longer_goes_on_with_what_was_trained() -> None:
    treatment = treat(
        healthy(keras.optimizers.Adam(0.003)), *TRAINING, validation_data=VALIDATION, epochs=2,
        diagnosis=ill("more-epochs"),
    )  # fmt: skip
    assert treatment.kept == ["more-epochs"]
    assert treatment.steps == (2 + 8) * 16
    assert treatment.skill > treatment.untreated_skill + 0.1


def test_what_shows_only_at_the_end_is_treated_then(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(evidence: Any) -> list[Finding]:
        return [found("raise-learning-rate")] if len(evidence.epochs) >= 10 else []

    monkeypatch.setattr(Doctor, "rules", (late,))
    treatment = treat(hardly_moving(), *TRAINING, validation_data=VALIDATION, epochs=10)
    assert treatment.kept[:1] == ["raise-learning-rate"]
    assert treatment.skill > 0.8


def test_what_contradicts_itself_is_mended_though_so_short_a_trial_shows_no_gain() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (800, 2)).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([Input([2]), Dense(32, "relu"), Dense(1, "softmax")])
    model.compile("adam", "binary_crossentropy")
    treatment = treat(model, x, (x**2).sum(1) < 0.6, epochs=10, trials=1)
    assert treatment.diagnosis.cause.code == "wrong-output-activation"
    assert treatment.kept == ["output-and-loss"]
    assert treatment.trials[0].skill < 0.1


def test_a_fallback_for_what_is_no_contradiction_of_output_and_loss_must_gain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rule(evidence: Any) -> list[Finding]:
        return [found("output-and-loss", code="unnormalised-inputs", probability=0.97)]

    monkeypatch.setattr(Doctor, "rules", (rule,))
    model = stack(Dense(16, "relu"), Dense(3), optimizer=keras.optimizers.Adam(1e-7),
                  loss="categorical_hinge")  # fmt: skip
    treatment = treat(model, X, np.eye(3, dtype="float32")[LABELS], epochs=2, trials=1)
    assert [one.remedy for one in treatment.trials] == ["output-and-loss"]
    assert not treatment.kept


def test_raw_scores_of_a_subclassed_model_are_told_to_the_loss() -> None:
    class RawScores(Own):
        def call(self, inputs: Any) -> Any:
            return torch.log(super().call(inputs).clamp(min=1e-7)) * 3

    keras.utils.set_random_seed(1)
    model = RawScores()
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    treatment = treat(model, *TRAINING, validation_data=VALIDATION, epochs=10)
    assert treatment.kept[:1] == ["output-and-loss"]
    assert "SparseCategoricalCrossentropy(from_logits=True)" in str(treatment.changes[0])


def test_what_is_but_advised_is_tried_where_what_helped_was_not_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def rule(evidence: Any) -> list[Finding]:
        is_dead = any(one.silent == 1 for one in evidence.checks[-1].layers.values())
        if is_dead:
            return [found("initialise")]
        return [replace(found("raise-learning-rate"), severity="advice")]

    monkeypatch.setattr(Doctor, "rules", (rule,))
    model = dead(keras.optimizers.SGD(0.01))
    treatment = treat(model, *TRAINING, validation_data=VALIDATION, epochs=10)
    assert treatment.kept == ["initialise", "raise-learning-rate"]
    assert treatment.trials[0].skill < 0.5 < treatment.trials[1].skill


def test_a_trial_whose_loss_is_no_number_ends_with_its_epoch() -> None:
    model = stack(Dense(16, "relu"), Dense(1), optimizer=keras.optimizers.SGD(10.0), loss="mse")
    treatment = treat(model, X[:500], Y[:500], epochs=30, trials=0)
    # 400 rows are 13 steps: one epoch to look, and one more.
    assert treatment.steps == 2 * 13


def own_logarithm(sums: torch.Tensor) -> torch.Tensor:
    return sums.log()


def test_a_function_of_the_users_own_can_be_replaced() -> None:
    model = stack(Dense(16, own_logarithm), Dense(3, "softmax"))
    treatment = treat(
        model, *TRAINING, validation_data=VALIDATION, epochs=20, diagnosis=ill("relu")
    )
    assert treatment.kept == ["relu"]
    assert accuracy(treatment.model) > 0.7


def shared() -> Any:
    x, other = Input([8], name="left"), Input([8], name="right")
    layer = Dense(4, "relu", kernel_regularizer=keras.regularizers.L2(0.01), name="twin")
    joined = Add()([layer(x), layer(other)])
    model = keras.Model([x, other], Dense(1, name="amount")(Dropout(0.5)(joined)))
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), "mse", metrics=["mae"])
    return model


def model_pasted(code: str, directory: Path) -> Any:
    """Return the model of a script that the code, but for its fit, was pasted into."""
    script = directory / "pasted.py"
    script.write_text(code.partition("model.fit")[0], encoding="utf-8")
    return runpy.run_path(str(script), {"keras": keras})["model"]


@pytest.mark.parametrize("make", [healthy, dead, shared])
@pytest.mark.parametrize("remedy", ["batch-normalisation", "clip-gradients", "warm-up", "selu"])
def test_the_code_makes_the_same_model(make: Any, remedy: str, tmp_path: Path) -> None:
    model = make()
    changed = REMEDIES[remedy](Setup.of(model), Case(steps=10)) or Setup.of(model)
    code = as_code(changed, is_stack=make is not shared)
    made = model_pasted(code, tmp_path)
    other = changed.make(model)

    def told(one: Any) -> Any:
        layers = [
            (type(layer).__name__, {k: v for k, v in layer.get_config().items() if k != "name"})
            for layer in one.layers
        ]
        optimizer = one.get_compile_config()["optimizer"]
        return layers, {**optimizer, "config": {**optimizer["config"], "name": ""}}, one.loss

    assert told(made) == told(other)
    assert made.output_shape == other.output_shape


def test_the_code_tells_what_a_normalization_has_measured(tmp_path: Path) -> None:
    scaling = keras.layers.Normalization()
    scaling.adapt(100 * X + 7)
    model = stack(scaling, Dense(16, "relu"), Dense(3, "softmax"))
    treatment = treat(model, 100 * X[:500] + 7, LABELS[:500], epochs=2, diagnosis=HEALTHY)
    pasted = model_pasted(treatment.code, tmp_path)
    given, again = (one.layers[0](100 * X[:5] + 7) for one in (model, pasted))
    assert torch.allclose(given, again, atol=1e-4)
    assert given.abs().max() < 4


def test_the_code_of_a_scaled_net() -> None:
    model = stack(Dense(4), Activation("relu"), Dense(1), loss="mse", optimizer="sgd")
    treatment = treat(model, X, Y, epochs=5, diagnosis=ill("scale-targets"))
    assert "keras.layers.Rescaling(" in treatment.code
    assert "loss_weights=[" in treatment.code
    assert 'keras.layers.Activation("relu")' in treatment.code
