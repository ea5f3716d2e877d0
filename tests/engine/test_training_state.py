"""A training whose state is taken after any step and loaded elsewhere goes on to the same bits."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from keeping import Taking

import latih as keras
from latih.engine.events import Keeper
from latih.structures import is_same

_draw = np.random.default_rng(5)
X = _draw.normal(size=(44, 6)).astype("float32")
LABELS = _draw.integers(0, 3, 44)
IMAGES = _draw.normal(size=(44, 6, 6, 1)).astype("float32")
EPOCHS = 4
layers, optimizers, callbacks = keras.layers, keras.optimizers, keras.callbacks


class TakingAll(Taking):
    """Takes the state after every epoch, and whenever it is to be kept, as after a step."""

    after_epoch = keep = Taking.after_step


class Counting(keras.callbacks.Callback):
    """Counts within the epoch, as people write it."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.seen: list[int] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(batch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["seen"] = float(len(self.seen))
        logs["noise"] = np.random.random() + float(torch.rand(()))

    def state_dict(self) -> dict[str, Any]:
        return {"seen": list(getattr(self, "seen", []))}

    def load_state_dict(self, state: Any) -> None:
        self.seen = list(state["seen"])


def dense(optimizer: Any) -> Any:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.GaussianNoise(0.1),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def convolution(optimizer: Any) -> Any:
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.RandomFlip(),
            layers.RandomTranslation(0.2, 0.2),
            layers.SpectralNormalization(layers.Conv2D(4, 3)),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return model


class Own(keras.Model):
    """A model with a step and a second optimizer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = layers.Dense(5, activation="tanh"), layers.Dense(3)
        self.slow = [optimizers.SGD(0.01, momentum=0.9)]

    def call(self, x: Any) -> Any:
        return self.outer(self.inner(x))

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True))
        weights = self.trainable_weights
        gradients = torch.autograd.grad(loss, weights)
        self.optimizer.apply(gradients[:2], weights[:2])
        self.slow[0].apply(gradients[2:], weights[2:])
        return {"loss": loss.detach()}


def own(optimizer: Any) -> Any:
    model = Own()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def plain() -> list[Any]:
    return []


def many() -> list[Any]:
    return [
        Counting(),
        callbacks.ReduceLROnPlateau("loss", patience=1, factor=0.3, min_delta=1.0, cooldown=1),
        callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True),
    ]


CASES: dict[str, tuple[Callable[..., Any], Callable[[], Any], Callable[[], list[Any]], Any]] = {
    "adam": (dense, lambda: optimizers.Adam(1e-2), many, {}),
    "averages and accumulation": (
        dense,
        lambda: optimizers.Adam(1e-2, use_ema=True, gradient_accumulation_steps=3),
        lambda: [callbacks.SwapEMAWeights(swap_on_epoch=True), *many()],
        {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
    ),
    "a schedule": (
        dense,
        lambda: optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 7, 0.5), momentum=0.9),
        lambda: [Counting()],
        {},
    ),
    "a rate that is multiplied each epoch": (
        dense,
        lambda: optimizers.RMSprop(0.01),
        lambda: [callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)],
        {"steps_per_epoch": 4},
    ),
    "one cycle": (dense, lambda: optimizers.Nadam(), lambda: [callbacks.OneCycle(0.1)], {}),
    "images": (convolution, lambda: optimizers.AdamW(1e-2, clipnorm=0.1), plain, {}),
    "a step of its own": (
        own,
        lambda: optimizers.Adam(1e-2, use_ema=True),
        lambda: [callbacks.SwapEMAWeights(swap_on_epoch=True)],
        {},
    ),
}


def trained(name: str, keeper: Keeper, seed: int = 1) -> tuple[Any, dict[str, Any]]:
    keras.utils.set_random_seed(seed)
    build, optimizer, listeners, asked = CASES[name]
    model = build(optimizer())
    x = IMAGES if name == "images" else X
    options: dict[str, Any] = {"validation_data": (x, LABELS), "batch_size": 8, **asked}
    history = model.fit(
        x, LABELS, epochs=EPOCHS, verbose=0, callbacks=[*listeners(), keeper], **options
    )
    return model, history.history


def state_of(model: Any) -> dict[str, torch.Tensor]:
    return {
        **{name: tensor.clone() for name, tensor in model.state_dict().items()},
        **{f"slot {name}": slot.clone() for name, slot in model.optimizer.slots.items()},
        "micro-steps": torch.tensor(model.optimizer._micro_steps),
        "rate": torch.tensor(model.optimizer.current_rate(), dtype=torch.float64),
    }


@pytest.mark.parametrize("name", CASES)
def test_from_every_step_it_goes_on_to_the_same_bits(name: str) -> None:
    whole = TakingAll()
    wanted, history = trained(name, whole)
    assert len(whole.taken) >= EPOCHS * 4
    for number, state in enumerate(whole.taken[:: 1 if name == "adam" else 5]):
        # Another seed: nothing may depend on what the process itself would have drawn.
        got, same = trained(name, TakingAll(state), seed=number + 100)
        assert same == history, number
        for key, value in state_of(wanted).items():
            assert torch.equal(value, state_of(got)[key]), (number, key)


@pytest.mark.parametrize("name", CASES)
def test_what_was_restored_can_be_taken_at_once(name: str) -> None:
    whole = TakingAll()
    trained(name, whole)
    state = whole.taken[7]
    again = TakingAll(state)
    trained(name, again, seed=9)
    for part in ("position", "weights", "optimizers", "seeds", "random", "callbacks"):
        assert is_same(again.first[part], state[part]), part


def test_nets_that_the_first_step_builds_are_built_to_be_restored() -> None:
    class Two(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(3)])

        def train_step(self, data: Any) -> dict[str, Any]:
            x, y = data
            scores = self.one(x, training=True)
            loss = torch.nn.functional.cross_entropy(scores, y.long())
            weights = self.one.trainable_weights
            self.optimizer.apply(torch.autograd.grad(loss, weights), weights)
            return {"loss": loss.detach()}

    def train(keeper: TakingAll, seed: int) -> tuple[Any, Any]:
        keras.utils.set_random_seed(seed)
        model = Two()
        model.compile(optimizers.Adam(1e-2))
        history = model.fit(X, LABELS, 8, EPOCHS, 0, [keeper])
        return model, history.history

    whole = TakingAll()
    wanted, history = train(whole, 1)
    got, same = train(TakingAll(whole.taken[9]), 2)
    assert same == history
    for ours, theirs in zip(got.one.get_weights(), wanted.one.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


def test_more_epochs_go_on_where_fewer_ended() -> None:
    taking = TakingAll()
    _, history = trained("adam", taking)
    keras.utils.set_random_seed(3)
    model = dense(optimizers.Adam(1e-2))
    asked: dict[str, Any] = {"validation_data": (X, LABELS), "batch_size": 8, "verbose": 0}
    longer = model.fit(
        X, LABELS, epochs=7, callbacks=[*many(), TakingAll(taking.taken[-1])], **asked
    ).history
    assert len(longer["loss"]) == 7
    assert {name: values[:EPOCHS] for name, values in longer.items()} == history
