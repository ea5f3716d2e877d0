"""The doctor at a training: it changes nothing, looks when it should, and says what it saw."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import latih as keras
from latih import random
from latih.callbacks import Callback, Doctor
from latih.data.batches import Batch
from latih.doctor.diagnosis import Diagnosis
from latih.doctor.evidence import Evidence
from latih.doctor.finding import Measured, Sign
from latih.doctor.look_records import NotFinite
from latih.doctor.origin import first_not_finite
from latih.doctor.pace import next_look
from latih.doctor.rule import Rule, rule
from latih.doctor.words import Words
from latih.errors import InputError, LatihWarning
from latih.run_directory import RunDirectory

SILENT = pytest.mark.filterwarnings("ignore:the doctor ended the training before")
layers = keras.layers
DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(96, 6)).astype("float32")
Y = DRAW.integers(0, 3, 96)
NUMBERS = X @ DRAW.normal(size=(6, 1)).astype("float32")


def watching(**told: Any) -> Doctor:
    """One that leaves no look out, however long it takes."""
    return Doctor(share=1.0, **told)


def net(*inner: Any, units: int = 3, activation: Any = "softmax") -> Any:
    return keras.Sequential([keras.Input((6,)), *inner, layers.Dense(units, activation)])


def usual() -> list[Any]:
    return [layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dropout(0.3)]


# Nothing depends on it


class Draws(layers.Layer):
    """Counts its calls, and draws from torch's generator and NumPy's."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def call(self, inputs: Any) -> Any:
        self.count += 1
        noise = torch.rand(()) + float(np.random.rand()) + 0.01 * self.count
        return inputs * noise


class OfTorch(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5))

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


class OwnStep(keras.Sequential):
    def train_step(self, data: Any) -> Any:
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True))
        weights = self.trainable_weights
        self.optimizer.apply(torch.autograd.grad(loss, weights), weights)
        return {"loss": loss.detach()}


TRAININGS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "captured": (lambda: net(*usual()), "adam", {}),
    "eager": (lambda: net(*usual()), "adam", {"run_eagerly": True}),
    "accumulated": (
        lambda: net(*usual()),
        lambda: keras.optimizers.SGD(0.1, 0.9, gradient_accumulation_steps=3, clipnorm=0.1),
        {},
    ),
    "clipped together": (
        lambda: net(*usual()),
        lambda: keras.optimizers.Adam(global_clipnorm=0.05, use_ema=True),
        {},
    ),
    "clipped by value": (
        lambda: net(*usual()),
        lambda: keras.optimizers.RMSprop(clipvalue=0.01, loss_scale_factor=8.0),
        {},
    ),
    "draws": (lambda: net(Draws(), layers.GaussianNoise(0.1)), "sgd", {}),
    "torch": (
        lambda: (
            net(keras.from_torch(nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5)), (6,)))
            if hasattr(keras, "from_torch")
            else net(Draws())
        ),
        "adam",
        {},
    ),
    "own step": (
        lambda: OwnStep([keras.Input((6,)), *usual(), layers.Dense(3, "softmax")]),
        "adam",
        {},
    ),
}


def trained(name: str, callbacks: list[Callback]) -> tuple[Any, Any]:
    make, optimizer, compiled = TRAININGS[name]
    keras.utils.set_random_seed(3)
    model = make()
    model.compile(
        optimizer() if callable(optimizer) else optimizer,
        "sparse_categorical_crossentropy",
        **compiled,
    )
    history = model.fit(
        X, Y, batch_size=16, epochs=4, verbose=0, validation_split=0.2, callbacks=callbacks
    )
    return model, history


@pytest.mark.parametrize("name", TRAININGS)
def test_no_number_depends_on_whether_somebody_looks(name: str) -> None:
    alone, record = trained(name, [])
    after = random.state_dict()
    doctor = watching()
    watched, other = trained(name, [doctor])
    assert doctor.evidence.steps == 20 and not doctor._is_off
    for one, two in zip(alone.get_weights(), watched.get_weights(), strict=True):
        assert np.array_equal(one, two)
    for one, two in zip(alone.optimizer.variables, watched.optimizer.variables, strict=True):
        assert torch.equal(one, two)
    assert record.history == other.history
    assert torch.equal(after["torch"], random.state_dict()["torch"])
    assert after["latih"]["words"].tolist() == random.state_dict()["latih"]["words"].tolist()
    assert after["numpy"]["words"].tolist() == random.state_dict()["numpy"]["words"].tolist()
    assert alone.explain_step() == watched.explain_step()


def test_it_leaves_nothing_on_the_model() -> None:
    model, _ = trained("captured", [watching()])
    assert model.optimizer.watcher is None
    assert all(not module._forward_hooks for module in model.modules())


# When it looks


def test_it_looks_often_at_first_and_then_fifty_times() -> None:
    steps, seen = 0, []
    while steps < 20000:
        steps = next_look(steps, 20000)
        seen.append(steps)
    assert seen[:9] == [1, 2, 5, 10, 20, 50, 100, 150, 200]
    assert set(np.diff(seen[9:])) == {400}
    doctor = watching()
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=16, epochs=5, verbose=0, callbacks=[doctor])
    assert [check.step for check in doctor.evidence.checks] == [0, 1, 2, 5, 10, 20, 30]
    assert [check.epoch for check in doctor.evidence.checks] == [0, 0, 0, 0, 1, 3, 5]


def test_of_unknown_length_the_looks_become_rarer() -> None:
    steps, seen = 0, []
    while steps < 100_000:
        steps = next_look(steps, None)
        seen.append(steps)
    assert len(seen) < 90


def test_however_dear_looks_are_some_are_taken() -> None:
    seconds = iter(range(10**6))
    doctor = Doctor(clock=lambda: float(next(seconds)))
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=16, epochs=20, verbose=0, callbacks=[doctor])
    checks = doctor.evidence.checks
    assert [check.step for check in checks] == [0, 1, 6, 24, 60, 120]
    assert all(check.gradient_norm is not None for check in checks[1:-1])


def test_no_look_is_taken_that_there_is_no_time_for() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()
    doctor = Doctor(clock=clock)

    class Slow(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            clock.now += 0.01

    look = doctor._look

    def slow_look() -> None:
        clock.now += 0.015
        look()

    doctor._look = slow_look
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=1, epochs=3, verbose=0, callbacks=[doctor, Slow()])
    in_run = [check.step for check in doctor.evidence.checks if 0 < check.step < 288]
    # 0.02 s for nothing, and 2% of 2.9 s: that is five looks of 15 ms.
    assert in_run[0] == 1 and 3 <= len(in_run) <= 5


# What it sees


def test_gradients_and_movement_are_those_of_the_step() -> None:
    doctor = watching()
    model = net(layers.Dense(4, "tanh"), units=1, activation=None)
    model.compile(keras.optimizers.SGD(0.25), "mse")
    before = [torch.tensor(weight) for weight in model.get_weights()]
    model.fit(X, NUMBERS, batch_size=96, verbose=0, callbacks=[doctor])
    wanted = [weight.requires_grad_() for weight in before]
    hidden = torch.tanh(torch.tensor(X) @ wanted[0] + wanted[1])
    loss = (hidden @ wanted[2] + wanted[3] - torch.tensor(NUMBERS)).square().mean()
    gradients = torch.autograd.grad(loss, wanted)
    check = doctor.evidence.checks[1]
    assert check.step == 1
    norm = torch.cat([one.flatten() for one in gradients]).norm().item()
    assert check.gradient_norm == pytest.approx(norm, rel=1e-4)
    assert check.clipped_norm is None
    for place, layer in enumerate(model.layers):
        signs = check.layers[layer.name]
        kernel = gradients[2 * place]
        assert signs.gradient == pytest.approx(kernel.square().mean().sqrt().item(), rel=1e-4)
        moved = 0.25 * torch.cat([one.flatten() for one in gradients[2 * place : 2 * place + 2]])
        start = torch.cat([one.detach().flatten() for one in wanted[2 * place : 2 * place + 2]])
        size = max(start.norm().item(), (start - moved).norm().item())
        assert signs.update == pytest.approx(moved.norm().item() / size, rel=1e-3)


@pytest.mark.parametrize("how", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_the_norm_is_told_before_and_after_clipping(how: str) -> None:
    seen = []
    for clipping in ({}, {how: 1e-3}):
        keras.utils.set_random_seed(5)
        doctor = watching()
        model = net(layers.Dense(4, "tanh"))
        optimizer = keras.optimizers.SGD(0.1, **clipping)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        model.fit(X, Y, batch_size=96, verbose=0, callbacks=[doctor])
        seen.append(doctor.evidence.checks[1])
    assert seen[1].gradient_norm == seen[0].gradient_norm
    for one, two in zip(seen[1].layers.values(), seen[0].layers.values(), strict=True):
        assert one.gradient == two.gradient
    assert seen[1].clipped_norm < 0.01 < seen[0].gradient_norm


def test_of_an_accumulated_update_the_mean_gradient_is_told() -> None:
    doctor, whole = watching(), watching()
    for steps, size, one in ((None, 96, whole), (4, 24, doctor)):
        keras.utils.set_random_seed(5)
        model = net()
        optimizer = keras.optimizers.SGD(0.1, gradient_accumulation_steps=steps)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        model.fit(X, Y, batch_size=size, epochs=1, verbose=0, shuffle=False, callbacks=[one])
    assert [check.step for check in doctor.evidence.checks] == [0, 4]
    wanted = whole.evidence.checks[1].gradient_norm
    assert doctor.evidence.checks[1].gradient_norm == pytest.approx(wanted, rel=1e-4)


def test_a_frozen_layer_does_not_move_and_another_does() -> None:
    doctor = watching()
    frozen = layers.Dense(5, "relu", trainable=False)
    last = layers.Dense(3, "softmax")
    model = keras.Sequential([keras.Input((6,)), frozen, last])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0, callbacks=[doctor])
    signs = doctor.evidence.checks[1].layers
    assert signs[frozen.name].update is None and signs[frozen.name].deviation is not None
    assert signs[last.name].update > 0


def test_it_sees_that_a_net_learns() -> None:
    doctor = watching()
    model = net(layers.Dense(16, "relu"), units=1, activation=None)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(X, NUMBERS, batch_size=16, epochs=40, verbose=0, callbacks=[doctor])
    assert doctor.evidence.first_skill < 0.5 < 0.9 < doctor.evidence.skill
    assert doctor.evidence.ended and doctor.evidence.progress == 1
    assert len(doctor.evidence.epochs) == 40 and "loss" in doctor.evidence.epochs[0]


def generated() -> Iterator[tuple[Any, Any]]:
    while True:
        yield X[:16], Y[:16]


SOURCES: dict[str, Any] = {
    "arrays": lambda: {"x": X, "y": Y},
    "loader": lambda: {
        "x": torch.utils.data.DataLoader(
            torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=16
        )
    },
    "generator": lambda: {"x": generated(), "steps_per_epoch": 6},
}


@pytest.mark.parametrize("source", SOURCES)
def test_it_looks_at_data_from_anywhere(source: str) -> None:
    doctor = watching()
    model = net(layers.Dense(8, "relu"))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(**SOURCES[source](), epochs=2, verbose=0, callbacks=[doctor])
    last = doctor.evidence.checks[-1]
    assert np.isfinite(last.loss) and np.isfinite(last.skill)


def test_it_looks_at_several_outputs_of_a_graph() -> None:
    doctor = watching()
    inputs = keras.Input((6,))
    hidden = layers.Dense(8, "relu")(inputs)
    kind = layers.Dense(3, "softmax", name="kind")(hidden)
    size = layers.Dense(1, name="size")(hidden)
    model = keras.Model(inputs, {"kind": kind, "size": size})
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model.compile("adam", losses, loss_weights={"kind": 0.5, "size": 2.0})
    model.fit(X, {"kind": Y, "size": NUMBERS}, verbose=0, callbacks=[doctor])
    last = doctor.evidence.checks[-1]
    wanted = model.evaluate(X, {"kind": Y, "size": NUMBERS}, verbose=0, return_dict=True)
    assert last.loss == pytest.approx(wanted["loss"], rel=1e-4)
    assert last.accuracy is not None


def test_of_a_step_of_the_users_own_weights_and_gradients_are_known() -> None:
    doctor = watching()
    trained("own step", [doctor])
    check = doctor.evidence.checks[1]
    assert check.gradient_norm > 0
    assert all(signs.update > 0 for signs in check.layers.values())


class Adversary(keras.Model):
    """Learns from noise by a net inside it, and is itself never called."""

    def __init__(self) -> None:
        super().__init__()
        self.maker = keras.Sequential([keras.Input((2,)), layers.Dense(6)])

    def train_step(self, data: Any) -> Any:
        made = self.maker(torch.zeros(len(data), 2), training=True)
        loss = (made - data).square().mean()
        weights = self.maker.trainable_weights
        self.optimizer.apply(torch.autograd.grad(loss, weights), weights)
        return {"loss": loss.detach() * torch.nan}


def test_a_model_that_is_never_called_is_watched_all_the_same() -> None:
    doctor = watching()
    model = Adversary()
    model.compile("sgd")
    model.fit(X, batch_size=32, verbose=0, callbacks=[doctor])
    assert not doctor._is_off
    assert doctor.evidence.checks[1].gradient_norm > 0
    assert not doctor.evidence.is_stuck() and not doctor.evidence.is_poor()
    assert doctor.evidence.not_finite == NotFinite(1, "loss")


# Numbers that are none


class Poison(layers.Layer):
    """Gives NaN from a call in training on."""

    def __init__(self, after: int) -> None:
        super().__init__(name="poison")
        self.after = after
        self.add_weight((), "zeros", trainable=False, name="count")

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.count.assign_add(1.0)
        return torch.where(self.count > self.after, torch.nan, inputs)


class Steep(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, inputs: Any) -> Any:
        return inputs.clone()

    @staticmethod
    def backward(context: Any, gradient: Any) -> Any:
        return gradient * torch.nan


class SteepLayer(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return Steep.apply(inputs)


def found(
    model: Any, x: Any = X, y: Any = NUMBERS, loss: Any = "mse", **compiled: Any
) -> tuple[Doctor, Any]:
    doctor = watching(action="stop")
    doctor.rules = [IS_NONE]
    model.compile(keras.optimizers.SGD(0.01), loss, **compiled)
    with np.errstate(all="ignore"):
        model.fit(x, y, batch_size=16, epochs=5, verbose=0, shuffle=False, callbacks=[doctor])
    return doctor, doctor.evidence.not_finite


def _is_none(evidence: Evidence, thresholds: Any) -> Iterator[Sign]:
    if evidence.not_finite is not None:
        yield Sign("fault", 1.0, [Measured(Words("a", "a"), 1.0)], evidence.not_finite.layer)


def made(code: str, check: Any) -> Rule:
    words = Words(code, code)
    return rule(
        code=code,
        name=words,
        cause=words,
        doubt=words,
        remedies=("clean-data",),
        thresholds={},
        source="",
    )(check)


IS_NONE = made("nan-or-inf", _is_none)


def regression(*inner: Any) -> Any:
    return net(*inner, units=1, activation=None)


@pytest.mark.parametrize("eagerly", [False, True])
def test_an_activation_is_named_in_the_step_in_which_it_becomes_none(eagerly: bool) -> None:
    model = regression(layers.Dense(4, "relu"), Poison(7), layers.Dense(4))
    _, seen = found(model, run_eagerly=eagerly)
    assert seen == NotFinite(8, "activation", "poison")
    assert "nan-or-inf" in model.stop_reason and model.optimizer.updates == 8


@pytest.mark.parametrize("place", ["input", "target"])
def test_data_that_are_no_numbers_are_named_first(place: str) -> None:
    x, y = torch.tensor(X[:8]), torch.tensor(NUMBERS[:8])
    (x if place == "input" else y)[3, 0] = torch.nan
    model = regression(layers.Dense(2))
    model.compile("sgd", "mse")
    model.train_on_batch(X, NUMBERS)
    batch = Batch(x, [y], [None], 8)
    assert first_not_finite(model, model.objective, batch, {}, 7) == NotFinite(7, place)


@SILENT
def test_a_weight_is_named() -> None:
    model = regression(layers.Dense(4, "relu"), layers.Dense(4, name="bad"))
    kernel, bias = model.get_layer("bad").get_weights()
    bias[0] = np.inf
    model.get_layer("bad").set_weights([kernel, bias])
    assert found(model)[1] == NotFinite(0, "weight", "bad")


@SILENT
def test_a_loss_is_named() -> None:
    def logarithm(y_true: Any, y_pred: Any) -> Any:
        return torch.log(y_pred - y_pred) * 0

    assert found(regression(), loss=logarithm)[1] == NotFinite(0, "loss")


@SILENT
def test_a_gradient_is_named() -> None:
    model = regression(layers.Dense(4, name="first"), SteepLayer(), layers.Dense(4))
    _, seen = found(model)
    assert seen == NotFinite(1, "gradient", "first")


# What it says


def _is_stuck_at_once(evidence: Evidence, thresholds: Any) -> Iterator[Sign]:
    if evidence.steps >= 2:
        yield Sign("fault", 0.5, [Measured(Words("steps", "langkah"), evidence.steps, ">", 1)])


SEEN_AT_TWO = made("seen-at-two", _is_stuck_at_once)
AT_ONCE = made(
    "at-once", lambda evidence, _: [Sign("fault", 0.9, [])] if evidence.facts.layers else []
)


def test_a_fault_is_told_when_two_looks_have_found_it(capsys: Any) -> None:
    doctor = watching(action="stop")
    doctor.rules = [SEEN_AT_TWO]
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit(X, Y, batch_size=16, epochs=9, verbose=2, callbacks=[doctor])
    assert [check.step for check in doctor.evidence.checks] == [0, 1, 2, 5]
    assert model.stop_reason.startswith("the doctor found seen-at-two")
    assert history.diagnosis is doctor.diagnosis
    assert history.diagnosis.cause.code == "seen-at-two"
    assert capsys.readouterr().out.count("seen-at-two") >= 2  # a line as it is found, and a card


def test_a_contradiction_is_told_before_the_first_step_and_no_step_is_done() -> None:
    doctor = watching(action="stop")
    doctor.rules = [AT_ONCE]
    model = net()
    before = model.get_weights()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(LatihWarning, match="before its first step. fault at-once"):
        history = model.fit(X, Y, verbose=0, callbacks=[doctor])
    assert history.history == {} and "at-once" in model.stop_reason
    assert history.diagnosis is None or not history.diagnosis.is_healthy
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_without_verbose_it_says_nothing(capsys: Any) -> None:
    doctor = watching()
    doctor.rules = [AT_ONCE]
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0, callbacks=[doctor])
    assert capsys.readouterr().out == "" and not doctor.diagnosis.is_healthy


def test_what_goes_wrong_in_it_is_told_and_the_training_goes_on() -> None:
    doctor = watching()

    def fails(evidence: Evidence, thresholds: Any) -> Any:
        raise ZeroDivisionError("of all things")

    doctor.rules = [made("fails", fails)]
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="ZeroDivisionError: of all things"):
        history = model.fit(X, Y, epochs=3, verbose=0, callbacks=[doctor])
    assert len(history.history["loss"]) == 3 and model.optimizer.watcher is None


# fit(doctor=)


def test_fit_adds_a_doctor() -> None:
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert model.fit(X, Y, verbose=0).diagnosis is None
    for asked in (True, "watch", "stop"):
        history = model.fit(X, Y, verbose=0, doctor=asked)
        assert isinstance(history.diagnosis, Diagnosis)


def test_two_doctors_and_unknown_ones_are_refused() -> None:
    model = net()
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(InputError, match="doctor"):
        model.fit(X, Y, verbose=0, doctor="surgeon")
    with pytest.raises(InputError, match="two doctors"):
        model.fit(X, Y, verbose=0, doctor=True, callbacks=[Doctor()])


# What is kept


def run(folder: Path, doctor: Any, epochs: int, killed_at: int = 0) -> Any:
    keras.utils.set_random_seed(9)
    model = net(*usual())
    model.compile("adam", "sparse_categorical_crossentropy")
    killed = Killed()
    killed.at = killed_at
    model.fit(
        X,
        Y,
        batch_size=16,
        epochs=epochs,
        verbose=0,
        run_dir=folder,
        snapshot_every=2,
        callbacks=[doctor, killed],
    )
    return model


class Killed(Callback):
    at = 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.model.optimizer.updates == self.at:
            raise KeyboardInterrupt


def as_told(evidence: Evidence) -> Any:
    return json.loads(json.dumps(evidence.to_dict(), allow_nan=False))


def test_a_run_that_goes_on_has_seen_what_it_would_have(tmp_path: Path) -> None:
    whole = watching()
    run(tmp_path / "whole", whole, 5)
    first = watching()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", first, 5, killed_at=16)
    after = watching()
    run(tmp_path / "parts", after, 5)
    assert after.evidence.checks[-1].layers.keys() != whole.evidence.checks[-1].layers.keys()
    names = [[one.name for one in seen.evidence.facts.layers] for seen in (after, whole)]
    after.evidence.rename(dict(zip(*names, strict=True)))  # of a model that was made anew
    seen = [as_told(doctor.evidence) for doctor in (after, whole)]
    assert all(seen[0][name] == seen[1][name] for name in ("checks", "epochs", "ended"))
    assert seen[0]["facts"]["layers"] == seen[1]["facts"]["layers"]
    lines = [RunDirectory(tmp_path / name).layers.read() for name in ("whole", "parts")]
    assert [line["loss"] for line in lines[0]] == [line["loss"] for line in lines[1]]
    assert len(lines[0]) == len(whole.evidence.checks)


def test_what_was_seen_is_read_back(tmp_path: Path) -> None:
    doctor = watching()
    doctor.rules = [AT_ONCE, SEEN_AT_TWO]
    run(tmp_path / "run", doctor, 3)
    directory = RunDirectory.open(tmp_path / "run")
    read = Evidence.from_dict({**directory.facts.read(), "checks": directory.layers.read()})
    assert as_told(read) == as_told(doctor.evidence) | {"epochs": []}
    assert repr(read.facts) == repr(doctor.evidence.facts)  # NaN, too, and tuples as tuples
    codes = [(one["code"], one["moment"]) for one in directory.findings.read()]
    assert codes == [("at-once", "before"), ("seen-at-two", "run")]


def test_where_looks_are_few_a_training_ends_as_well_as_where_they_are_many() -> None:
    dice = np.random.default_rng(0)
    x = dice.normal(size=(900, 8)).astype("float32")
    y = (x @ dice.normal(size=(8, 3))).argmax(axis=1)
    ends = []
    for share in (0.0, 1.0):  # each look takes a second, by this clock
        keras.utils.set_random_seed(42)
        hidden = keras.layers.Dense(16, "relu", kernel_initializer="he_normal")
        head = keras.layers.Dense(3, "softmax")
        model = keras.Sequential([keras.Input([8]), hidden, head])
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        looking = Doctor(share=share, clock=itertools.count().__next__)
        model.fit(x, y, epochs=3, batch_size=128, verbose=0, callbacks=[looking])
        ends.append((len(looking.evidence.checks), looking.evidence.skill))
        assert not looking.diagnosis.faults
    (few, one), (many, other) = ends
    assert few < many and one == pytest.approx(other, abs=0.1)
