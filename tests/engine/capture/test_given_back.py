"""What a recorded step holds of the memory that convolutions make anew each time: nothing."""

import gc

import numpy as np
import torch

import latih as keras
from latih import layers
from latih.engine.capture.captured import Captured, Replay

ACTIVATION = 16 * 32 * 32 * 8 * 4
"""Bytes of what one of the convolutions gives for a batch."""

DEEP = 12


def net() -> keras.Sequential:
    # Their kernels give memory of their own; a sigmoid is written into memory that is given.
    made = [layers.Conv2D(8, 3, padding="same", activation="sigmoid") for _ in range(DEEP)]
    return keras.Sequential([keras.Input((32, 32, 8)), *made, layers.GlobalAveragePooling2D()])


X = np.random.default_rng(0).normal(size=(48, 32, 32, 8)).astype("float32")
Y = np.zeros((48, 8), "float32")


def replay_of(captured: Captured) -> Replay:
    assert captured.obstacle is None
    (replay,) = captured.replays.values()
    return replay


def activations_held() -> float:
    """Return how much memory all tensors that there are look at, in activations."""
    gc.collect()
    storages = [one.untyped_storage() for one in gc.get_objects() if type(one) is torch.Tensor]
    each = {one.data_ptr(): one.nbytes() for one in storages if one.nbytes() >= ACTIVATION}
    return sum(each.values()) / ACTIVATION


def test_a_recorded_prediction_holds_few_of_its_activations() -> None:
    model, before = net(), activations_held()
    model.predict(X, batch_size=16, verbose=0)
    replay = replay_of(model.make_predict_step().captured)
    weights = sum(weight.nbytes for weight in model.get_weights())
    # The batch, what the sigmoids share, and no result of a convolution.
    assert replay.plan.bytes - weights < 4 * ACTIVATION
    assert activations_held() - before < 4


def test_between_steps_a_training_holds_nothing_that_convolutions_gave() -> None:
    model, before = net(), activations_held()
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    replay = replay_of(model.make_train_step().captured)
    weights = sum(weight.nbytes for weight in model.get_weights())
    # The way back reads what the sigmoids gave, beside a few gradients that share memory.
    assert replay.plan.bytes - 2 * weights < (DEEP + 6) * ACTIVATION
    assert activations_held() - before < DEEP + 6


def test_what_is_let_go_is_made_again_in_full() -> None:
    model, plain = net(), net()
    plain.set_weights(model.get_weights())
    for one, capture in ((model, "auto"), (plain, False)):
        one.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=capture)
        one.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    for mine, theirs in zip(model.get_weights(), plain.get_weights(), strict=True):
        assert np.allclose(mine, theirs, atol=1e-6)
