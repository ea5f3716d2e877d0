"""``fit(doctor="treat")``: the sick are mended in place, the healthy trained as ever."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import random
from latih.callbacks import Callback
from latih.doctor import read
from latih.errors import InputError, LatihError, LatihWarning
from latih.layers import Dense, Input
from latih.run_directory import RunDirectory

DICE = np.random.default_rng(0)
X = DICE.normal(size=(600, 8)).astype("float32")
LABELS = (X @ DICE.normal(size=(8, 3))).argmax(axis=1)
TRAINING, VALIDATION = (X[:480], LABELS[:480]), (X[480:], LABELS[480:])


def stack(*layers: Any, optimizer: Any = "adam") -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([Input([8]), *layers, Dense(3, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def healthy() -> Any:
    keras.utils.set_random_seed(1)  # before the layers draw their seeds
    return stack(Dense(16, "relu"), optimizer=keras.optimizers.Adam(0.01))


def sick() -> Any:
    """Sigmoids that are saturated from the first step on."""
    keras.utils.set_random_seed(1)
    wide = keras.initializers.RandomNormal(stddev=10.0)
    deep = [Dense(16, "sigmoid", kernel_initializer=wide) for _ in range(5)]
    return stack(*deep, optimizer="sgd")


def accuracy(model: Any) -> float:
    return float((model.predict(VALIDATION[0], verbose=0).argmax(1) == VALIDATION[1]).mean())


def treated(model: Any, **told: Any) -> Any:
    arguments = {"epochs": 20, "verbose": 0, "validation_data": VALIDATION, "doctor": "treat"}
    return model.fit(*TRAINING, **{**arguments, **told})


def test_the_sick_are_mended_in_place() -> None:
    model = sick()
    history = treated(model)
    treatment = history.treatment
    assert treatment is not None and treatment.kept and treatment.changes
    assert treatment.model is model
    assert treatment.diagnosis.cause is not None
    assert accuracy(model) > 0.85
    assert treatment.skill > 0.8 > treatment.untreated_skill
    assert model.history is history and history.diagnosis is not None
    assert history.diagnosis.is_healthy, str(history.diagnosis)
    assert len(history.history["val_loss"]) == len(history.epoch) <= 20
    # It can be trained on, saved and looked at like any other.
    model.fit(*TRAINING, verbose=0)
    assert json.dumps(model.get_config()) and model.count_params() > 0


def test_a_healthy_training_is_as_without_a_doctor() -> None:
    alone = healthy()
    record = treated(alone, doctor=False)
    after = random.state_dict()
    watched = healthy()
    history = treated(watched)
    assert history.treatment is None and history.diagnosis.is_healthy
    assert history.history == record.history
    for one, other in zip(alone.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert torch.equal(after["torch"], random.state_dict()["torch"])


def test_where_nothing_helps_the_training_goes_on_as_it_was() -> None:
    # Labels of noise, and a rate that moves nothing: a fault, and nothing that could be learnt.
    noise = np.random.default_rng(0).integers(0, 3, 600)
    runs: list[tuple[Any, Any]] = []
    for doctor in (False, "treat"):
        keras.utils.set_random_seed(1)
        model = stack(Dense(4, "relu"), optimizer=keras.optimizers.SGD(1e-7))
        history = model.fit(
            X[:480], noise[:480], epochs=20, verbose=0, doctor=doctor,
            validation_data=(X[480:], noise[480:]),
        )  # fmt: skip
        runs.append((model, history))
    (alone, record), (model, history) = runs
    assert len(history.treatment.trials) == 4 and not history.treatment.kept
    assert history.treatment.changes == () and history.treatment.model is model
    assert history.history == record.history
    pairs = zip(alone.get_weights(), model.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_the_story_is_told_in_order(capsys: Any) -> None:
    treated(sick(), verbose=2)
    said = capsys.readouterr().out
    marks = ("\nfault ", "waits after", "Found:", "Untreated,", "\n1. ", "goes on with", "Then ")
    places = [said.index(mark) for mark in marks]
    assert places == sorted(places), said
    assert said.rindex("\nEpoch ") > places[-2] > said.index("Epoch ")


class Hears(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.heard.append("begin")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.heard.append("epoch")

    def on_train_end(self, logs: Any = None) -> None:
        self.heard.append("end")


def test_callbacks_begin_anew_with_what_goes_on(tmp_path: Path) -> None:
    hears = Hears()
    best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
    stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
    model = sick()
    history = treated(model, callbacks=[hears, best, stop])
    assert hears.heard.count("begin") == hears.heard.count("end") == 2
    assert best.best == min(history.history["val_loss"])
    saved = keras.models.load_model(tmp_path / "best.keras")
    np.testing.assert_allclose(saved.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-6)


def test_a_subclassed_model_gets_what_does_not_change_its_layers() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden, self.out = Dense(16, "relu"), Dense(3, "softmax")

        def call(self, inputs: Any) -> Any:
            return self.out(self.hidden(inputs))

    keras.utils.set_random_seed(1)
    model = Own()
    model.compile(keras.optimizers.SGD(1e-6), "sparse_categorical_crossentropy")
    hidden = model.hidden
    history = treated(model)
    assert history.treatment is not None and history.treatment.kept
    assert type(model) is Own and model.optimizer.current_rate() > 1e-4
    assert model.hidden is not None and accuracy(model) > 0.8
    assert hidden is not None


def test_without_anything_to_judge_by_it_holds_rows_back_for_the_trials() -> None:
    model = sick()
    history = model.fit(X, LABELS, epochs=20, verbose=0, doctor="treat")
    assert history.treatment is not None and history.treatment.kept
    assert accuracy(model) > 0.7
    split = sick()
    history = split.fit(X, LABELS, epochs=20, verbose=0, doctor="treat", validation_split=0.2)
    assert history.treatment is not None and history.treatment.kept and accuracy(split) > 0.85


def test_of_what_is_iterated_something_must_be_held_back() -> None:
    rows = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(LABELS))
    model = sick()
    with pytest.warns(LatihWarning, match="nothing to judge by"):
        history = model.fit(
            torch.utils.data.DataLoader(rows, 32), epochs=4, verbose=0, doctor="treat"
        )
    assert history.treatment is None and history.diagnosis.faults


def test_groups_of_layers_are_refused_before_a_step_and_may_be_watched() -> None:
    model = sick()
    before = model.get_weights()
    waking = keras.callbacks.GradualUnfreezing(keras.transfer.groups(model, 3))
    with pytest.raises(InputError, match=r"GradualUnfreezing[\s\S]*doctor=\"watch\""):
        treated(model, callbacks=[waking])
    still = keras.optimizers.Group(model.layers[:-1], learning_rate=0.0)
    model.optimizer.set_groups([still])
    with pytest.raises(InputError, match="groups of the old ones would be lost"):
        treated(model)
    with pytest.raises(InputError, match=r"1 of them, by set_groups\(\)"):
        keras.doctor.treat(model, *TRAINING, validation_data=VALIDATION)
    assert model.optimizer.groups == (still,)
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    history = treated(model, epochs=2, doctor="watch")
    assert history.treatment is None and model.optimizer.groups == (still,)
    assert all(
        np.array_equal(*pair) for pair in zip(before[:-2], model.get_weights(), strict=False)
    )


def test_who_writes_off_is_told_what_to_write() -> None:
    with pytest.raises(InputError, match="Write doctor=False"):
        treated(healthy(), doctor="off")


def test_what_can_be_read_once_is_watched_and_said_not_to_be_treated() -> None:
    def batches() -> Any:
        for _ in range(30):
            yield X[:64], 100.0 * X[:64, 0]

    model = keras.Sequential([Input([8]), Dense(1, "sigmoid")])
    model.compile("sgd", "mse")
    with pytest.warns(LatihWarning, match="watches, and cannot treat"):
        history = model.fit(
            batches(), steps_per_epoch=3, epochs=10, verbose=0, doctor="treat",
            validation_data=(X[480:], 100.0 * X[480:, 0]),
        )  # fmt: skip
    assert history.treatment is None and not history.diagnosis.is_healthy
    assert len(history.epoch) == 10


def test_steps_of_an_epoch_hold_in_trials_too() -> None:
    class Forever:
        def __iter__(self) -> Any:
            dice = np.random.default_rng(4)
            while True:
                rows = dice.permutation(480)[:32]
                yield X[rows], LABELS[rows]

    model = sick()
    history = model.fit(
        Forever(), steps_per_epoch=15, epochs=20, verbose=0, doctor="treat",
        validation_data=VALIDATION,
    )  # fmt: skip
    assert history.treatment is not None and history.treatment.kept and accuracy(model) > 0.8


# With a run directory


def test_what_was_tried_in_vain_is_not_tried_again_after_a_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without_curves: None
) -> None:
    noise = np.random.default_rng(0).integers(0, 3, 600)

    class Break(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 15 and self.model.stop_training is False:
                raise KeyboardInterrupt

    def noisy(run: str, *callbacks: Callback) -> Any:
        keras.utils.set_random_seed(1)
        model = stack(Dense(4, "relu"), optimizer=keras.optimizers.SGD(1e-7))
        return model.fit(
            X[:480], noise[:480], epochs=20, verbose=0, doctor="treat", callbacks=callbacks,
            validation_data=(X[480:], noise[480:]), run_dir=tmp_path / run,
        )  # fmt: skip

    whole = noisy("whole")
    with pytest.raises(KeyboardInterrupt):
        noisy("parts", Break())
    monkeypatch.setattr("latih.doctor.treating.Course", None)  # nobody treats any more
    after = noisy("parts")
    assert after.history == whole.history
    assert after.treatment.trials == whole.treatment.trials and not after.treatment.kept
    assert after.treatment.skill == whole.treatment.skill
    told = [RunDirectory(tmp_path / run).treatment.read() for run in ("whole", "parts")]
    assert told[0]["trials"] == told[1]["trials"] and told[0]["story"] == told[1]["story"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """Give a treated run, where it is written, and its model."""
    folder, model = tmp_path_factory.mktemp("treated") / "run", sick()
    return folder, model, treated(model, run_dir=folder)


def test_the_files_tell_of_both_trainings(whole: Any) -> None:
    folder, model, history = whole
    run = RunDirectory.open(folder)
    told = run.treatment.read()
    assert told["story"] == history.treatment.story()
    assert [one["remedy"] for one in told["trials"]] == [
        one.remedy for one in history.treatment.trials
    ]
    first = run.findings.read()[0]
    assert first["before_treatment"] and first["severity"] == "fault"
    assert len(run.log.read()) == len(history.epoch)
    assert sorted(one.name for one in (run.path / "untreated").iterdir()) == [
        *("facts.json", "findings.jsonl", "layers.jsonl", "log.jsonl")
    ]
    assert read(run.path).to_dict() == history.diagnosis.to_dict()
    saved = keras.models.load_model(run.final_file)
    np.testing.assert_allclose(saved.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-6)


class Killed(Callback):
    """Ends what goes on after a treatment."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch == 12 and (self.run / "untreated").is_dir():
            raise KeyboardInterrupt

    def __init__(self, run: Path) -> None:
        super().__init__()
        self.run = run


@pytest.mark.parametrize("doctor", ["treat", False])
def test_a_treated_run_goes_on_to_the_same_bits(
    doctor: Any, whole: Any, tmp_path: Path, without_curves: None
) -> None:
    folder, alone, history = whole
    with pytest.raises(KeyboardInterrupt):
        treated(sick(), run_dir=tmp_path / "parts", callbacks=[Killed(tmp_path / "parts")])
    model = sick()
    after = treated(model, run_dir=tmp_path / "parts", doctor=doctor)
    assert after.history == history.history
    for one, other in zip(alone.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert after.treatment.kept == history.treatment.kept
    afters = [[one.after for one in told.treatment.changes] for told in (after, history)]
    assert afters[0] == afters[1]
    assert after.treatment.model is model
    told = [RunDirectory(run).findings.read() for run in (folder, tmp_path / "parts")]
    assert [one["code"] for one in told[0]] == [one["code"] for one in told[1]]


def on_a_base(number: float) -> Any:
    """A frozen base with weights from elsewhere, and a head that hardly moves."""
    base = Dense(16, "relu", name="base")
    base.trainable = False
    keras.utils.set_random_seed(1)
    model = keras.Sequential([Input([8]), base, Dense(3, "softmax", name="head")])
    base.set_weights([np.eye(8, 16, dtype="float32") * number, np.full(16, number, "float32")])
    model.compile(keras.optimizers.SGD(1e-6), "sparse_categorical_crossentropy")
    return model


def test_a_run_killed_before_what_goes_on_has_begun_keeps_its_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*given: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("latih.models.treated._fit", killed)
        with pytest.raises(KeyboardInterrupt):
            treated(on_a_base(0.5), run_dir=tmp_path / "run")
    model = on_a_base(0.5)
    history = treated(model, run_dir=tmp_path / "run")
    assert history.treatment.kept and accuracy(model) > 0.6
    np.testing.assert_array_equal(model.get_layer("base").bias.numpy(), np.full(16, 0.5))


def test_a_damaged_treatment_is_refused(whole: Any, tmp_path: Path) -> None:
    shutil.copytree(whole[0], tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    run.treatment.write({**run.treatment.read(), "setup": {"lines": 3}})
    with pytest.raises(LatihError, match="treatment"):
        treated(sick(), run_dir=tmp_path / "run")


# A doctor more or less


@pytest.mark.parametrize(("first", "then"), [(False, "watch"), ("watch", False), ("watch", "stop")])
def test_a_run_goes_on_whoever_looks_on(
    first: Any, then: Any, tmp_path: Path, without_curves: None
) -> None:
    alone = healthy()
    treated(alone, epochs=4, doctor=False)
    told = {"run_dir": tmp_path / "run", "epochs": 4}

    class Break(Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        treated(healthy(), doctor=first, callbacks=[Break()], **told)
    model = healthy()
    history = treated(model, doctor=then, **told)
    for one, other in zip(alone.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    if then:
        assert history.diagnosis is not None and history.diagnosis.is_healthy
        steps = [line["step"] for line in RunDirectory(tmp_path / "run").layers.read()]
        assert steps == sorted(steps) and steps[-1] == 60
    shutil.rmtree(tmp_path / "run")


def test_one_who_is_ended_before_the_first_step_is_told_though_nothing_is_shown() -> None:
    spoilt = 1000.0 * LABELS
    model = keras.Sequential([Input([8]), Dense(16, "relu"), Dense(1, "sigmoid")])
    model.compile("adam", "mse")
    with pytest.warns(LatihWarning, match="ended the training before its first step"):
        history = model.fit(X, spoilt, verbose=0, doctor="stop")
    assert history.history == {} and not history.diagnosis.is_healthy
    assert model.stop_reason.startswith("the doctor found")


def test_the_doctor_may_be_handed_over() -> None:
    doctor = keras.callbacks.Doctor(share=1.0)
    healthy().fit(*TRAINING, verbose=0, doctor=doctor)
    assert doctor.evidence.steps == 15
    with pytest.raises(InputError, match="two doctors"):
        healthy().fit(*TRAINING, verbose=0, doctor="treat", callbacks=[keras.callbacks.Doctor()])
