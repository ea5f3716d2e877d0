"""An examination: it finds what is planted, cries no wolf, and leaves everything as it was."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import latih as keras
from latih import random
from latih.doctor import Diagnosis, examine
from latih.engine.run_state import optimizer_states, weights_of
from latih.errors import InputError, NotReadyError
from latih.layers import BatchNormalization, Dense, Dropout, Input
from latih.layers.seeds import seed_state
from latih.structures import named_leaves

DICE = np.random.default_rng(0)
X = DICE.normal(size=(400, 8)).astype("float32")
WAYS = DICE.normal(size=(8, 3)).astype("float32")
LABELS = (X @ WAYS).argmax(axis=1)
NUMBERS = (X @ WAYS[:, :1])[:, 0]
YES_OR_NO = (NUMBERS > 0).astype("float32")
SEVERAL = (X @ WAYS > 0).astype("float32")
KEPT, HELD = slice(300), slice(300, 400)


def compiled(model: Any, optimizer: Any = "adam", loss: Any = None, **way: Any) -> Any:
    model.compile(optimizer, loss or "sparse_categorical_crossentropy", metrics=["accuracy"], **way)
    return model


def stack(**way: Any) -> Any:
    layers = [Dense(16, "relu"), BatchNormalization(), Dropout(0.2), Dense(3, "softmax")]
    return compiled(keras.Sequential([Input([8]), *layers]), **way)


def graph() -> Any:
    x = Input([8])
    hidden = Dense(16, "relu")(x)
    return compiled(keras.Model(x, Dense(3, "softmax")(hidden)))


class Own(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.drop, self.out = Dense(16, "relu"), Dropout(0.1), Dense(3, "softmax")

    def call(self, inputs: Any) -> Any:
        return self.out(self.drop(self.hidden(inputs)))


class OwnStep(Own):
    def train_step(self, data: Any) -> Any:
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True))
        weights = self.trainable_weights
        self.optimizer.apply(torch.autograd.grad(loss, weights), weights)
        return {"loss": loss.detach()}


class Batches:
    """What is no class of torch's, and gives batches."""

    def __init__(self) -> None:
        self.dice = np.random.default_rng(3)

    def __iter__(self) -> Iterator[Any]:
        for rows in np.split(self.dice.permutation(400), 10):
            yield X[rows], LABELS[rows]


def loader() -> Any:
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(LABELS))
    return DataLoader(data, 32, shuffle=True, generator=torch.Generator().manual_seed(5))


def trained() -> Any:
    model = stack()
    model.fit(X, LABELS, verbose=0)
    return model


CASES: dict[str, tuple[Callable[[], Any], Callable[[], tuple[Any, ...]]]] = {
    "captured": (stack, lambda: (X, LABELS)),
    "eager": (lambda: stack(run_eagerly=True), lambda: (X, LABELS)),
    "trained": (trained, lambda: (X, LABELS)),
    "functional": (graph, lambda: (X, LABELS, (X[HELD], LABELS[HELD]))),
    "subclassed": (lambda: compiled(Own()), lambda: (X, LABELS)),
    "own step": (lambda: compiled(OwnStep()), lambda: (X, LABELS)),
    "loader": (stack, lambda: (loader(), None, loader())),
    "iterable": (graph, lambda: (Batches(),)),
    "lists": (stack, lambda: (X.tolist(), LABELS.tolist())),
}


def bits(model: Any, data: Any) -> list[Any]:
    """All that an examination might change: of the model, the process and the data."""
    own = [one.generator.get_state() for one in data if isinstance(one, DataLoader)]
    own += [one.dice.bit_generator.state for one in data if isinstance(one, Batches)]
    sums = [list(metric.variables) for metric in model.metrics]
    flags = [model.stop_training, model.stop_reason, model.completed, model.training, model.built]
    state = [weights_of(model), optimizer_states(model), seed_state(model), random.state_dict()]
    return [
        (path, leaf.numpy().tobytes() if isinstance(leaf, torch.Tensor) else leaf)
        for part in (*state, own, sums, flags)
        for path, leaf in named_leaves(part, "")
    ]


@pytest.mark.parametrize("name", CASES)
def test_all_is_left_as_it_was(name: str) -> None:
    make, give = CASES[name]
    keras.utils.set_random_seed(2)
    model, data = make(), give()
    history = model.history
    before = bits(model, data)
    found = examine(model, *data, steps=60)
    assert isinstance(found, Diagnosis)
    assert bits(model, data) == before
    assert model.history is history
    assert model.optimizer is None or model.optimizer.watcher is None


def test_a_training_after_it_is_as_without_it() -> None:
    weights = []
    for asks in (False, True):
        keras.utils.set_random_seed(2)
        model = stack()
        if asks:
            examine(model, X, LABELS, steps=40)
        model.fit(X, LABELS, epochs=2, verbose=0)
        weights.append(model.get_weights())
    assert all(np.array_equal(one, two) for one, two in zip(*weights, strict=True))


# What it finds


def net(*hidden: Any, units: int, activation: Any, loss: Any, optimizer: Any = "adam") -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([Input([8]), *(hidden or (Dense(32, "relu"),)), Dense(units)])
    model.layers[-1].activation = keras.activations.get(activation)
    model.compile(optimizer, loss)
    return model


KINDS: dict[str, tuple[Any, Any, Any]] = {
    "regression": (NUMBERS, {"units": 1, "activation": None, "loss": "mse"}, {}),
    "binary": (
        YES_OR_NO,
        {"units": 1, "activation": "sigmoid", "loss": "binary_crossentropy"},
        {"activation": None},
    ),
    "multi-class": (
        LABELS,
        {"units": 3, "activation": "softmax", "loss": "sparse_categorical_crossentropy"},
        {"activation": "sigmoid", "loss": "mse", "units": 1},
    ),
    "multi-label": (
        SEVERAL,
        {"units": 3, "activation": "sigmoid", "loss": "binary_crossentropy"},
        {"activation": None},
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_healthy_are_left_alone_and_the_sick_named(kind: str) -> None:
    targets, healthy, other = KINDS[kind]
    found = examine(net(**healthy), X[KEPT], targets[KEPT], (X[HELD], targets[HELD]))
    assert found.is_healthy, str(found)
    sick = net(**{**healthy, **other, "optimizer": keras.optimizers.SGD(1e4)})
    assert not examine(sick, X[KEPT], targets[KEPT]).is_healthy


def test_several_outputs_are_looked_at() -> None:
    def two(rate: float) -> Any:
        keras.utils.set_random_seed(1)
        x = Input([8])
        hidden = Dense(32, "relu")(x)
        outputs = [Dense(3, "softmax", name="kind")(hidden), Dense(1, name="size")(hidden)]
        model = keras.Model(x, outputs)
        losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
        model.compile(keras.optimizers.Adam(rate), losses)
        return model

    targets = {"kind": LABELS, "size": NUMBERS}
    found = examine(two(0.003), X, targets)
    assert found.is_healthy, str(found)
    assert examine(two(300.0), X, targets).cause is not None


def test_it_names_the_cause() -> None:
    zeros = Dense(32, "relu", kernel_initializer="zeros")
    model = net(zeros, units=3, activation="softmax", loss="sparse_categorical_crossentropy")
    cause = examine(model, X, LABELS).cause
    assert cause is not None and cause.code == "bad-initialisation"
    assert cause.layer == model.layers[0].name
    assert str(cause.to_dict()["step"]) in str(examine(model, X, LABELS)) or cause.step is None


def test_what_is_broken_before_the_first_step_is_named_where_fit_refuses() -> None:
    model = stack()
    with pytest.raises(InputError):
        model.fit(X, LABELS + 1, verbose=0)
    cause = examine(model, X, LABELS + 1).cause
    assert cause is not None and cause.code == "label-range"
    spoilt = X.copy()
    spoilt[3, 2] = np.nan
    cause = examine(model, spoilt, LABELS).cause
    assert cause is not None and cause.code == "nan-or-inf"
    model.trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(InputError, match="nothing to train"):
        model.fit(X, LABELS, verbose=0)
    cause = examine(model, X, LABELS).cause
    assert cause is not None and cause.code == "parameters-not-training"


def test_a_refusal_of_which_it_knows_no_more_stays_one() -> None:
    with pytest.raises(InputError, match="shape"):
        examine(stack(), X[:, :5], LABELS)
    with pytest.raises(InputError, match="missing"):
        examine(stack(), X)


def test_without_steps_it_looks_at_what_is_known_before_the_first() -> None:
    model = net(units=1, activation="sigmoid", loss="mse")
    found = examine(model, X, 100 * NUMBERS, steps=0)
    assert found.cause is not None and found.cause.code == "wrong-output-activation"
    assert all(one.step in (None, 0) for one in found.findings)


def test_a_generator_gives_only_what_is_tried() -> None:
    given: list[int] = []

    def forever() -> Iterator[Any]:
        while True:
            given.append(len(given))
            yield X[:32], LABELS[:32]

    batches = forever()
    assert isinstance(examine(stack(), batches, steps=20), Diagnosis)
    assert len(given) == 20
    assert next(batches)[0].shape == (32, 8)


def test_one_seed_gives_the_same_diagnosis() -> None:
    model = net(units=3, activation="softmax", loss="sparse_categorical_crossentropy")
    model.compile(keras.optimizers.SGD(1e-7), "sparse_categorical_crossentropy")
    first, again = (examine(model, X, LABELS, epochs=30).to_dict() for _ in range(2))
    assert first == again and not first["healthy"]


def test_too_few_epochs_are_told_only_where_they_were_planned() -> None:
    model = net(units=3, activation="softmax", loss="sparse_categorical_crossentropy")
    codes = [one.code for one in examine(model, X, LABELS, steps=26).findings]
    assert "under-training" not in codes
    planned = [one.code for one in examine(model, X, LABELS, epochs=2).findings]
    assert "under-training" in planned


def test_what_is_refused() -> None:
    with pytest.raises(NotReadyError, match=r"examine\(\)"):
        examine(keras.Sequential([Dense(1)]), X, LABELS)
    with pytest.raises(InputError, match="steps"):
        examine(stack(), X, LABELS, steps=-1)
    with pytest.raises(InputError, match="read once"):
        examine(stack(), X, LABELS, iter([(X, LABELS)]))
    model = stack()
    model.lock = threading.Lock()
    with pytest.raises(InputError, match="copied"):
        examine(model, X, LABELS)
