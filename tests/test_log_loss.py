"""The loss of yes or no where there is a NaN: it goes on, and the doctor says where it began."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import latih as keras
from latih.ops.log_loss import log_loss, log_loss_into

NAN = float("nan")
P = torch.tensor([0.3, NAN, 0.9, 0.5])
T = torch.tensor([1.0, 1.0, 0.0, NAN])
DRAW = np.random.default_rng(0)
X = DRAW.normal(0.0, 3.0, size=(640, 2)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def test_it_is_the_one_of_torch_and_a_nan_stays_a_nan():
    sound = [0, 2]
    expected = F.binary_cross_entropy(P[sound], T[sound], reduction="none")
    found = log_loss(P, T)
    assert found.isnan().tolist() == [False, True, False, True]
    torch.testing.assert_close(found[sound], expected)
    assert torch.equal(log_loss(P[sound], T[sound]), expected)


def test_into_memory_it_writes_the_same():
    out = torch.zeros(4)
    log_loss_into(P, T, out)
    torch.testing.assert_close(out, log_loss(P, T), equal_nan=True)
    log_loss_into(P[[0, 2]], T[[0, 2]], out[:2])
    assert torch.equal(out[:2], log_loss(P[[0, 2]], T[[0, 2]]))


def test_its_gradient_is_the_one_of_torch():
    ours, theirs = (torch.tensor([0.3, 0.9], requires_grad=True) for _ in range(2))
    log_loss(torch.cat([ours, torch.tensor([NAN])]), torch.tensor([1.0, 0.0, 1.0]))[
        :2
    ].sum().backward()
    F.binary_cross_entropy(theirs, torch.tensor([1.0, 0.0]), reduction="sum").backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


@pytest.mark.parametrize(("p", "t"), [(1.5, 1.0), (0.5, 2.0)])
def test_what_is_no_probability_is_refused_as_torch_does(p: float, t: float):
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        log_loss(torch.tensor([p]), torch.tensor([t]))
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        log_loss_into(torch.tensor([p]), torch.tensor([t]), torch.zeros(1))


def diagnosed(exponentials: int, rate: float, **compiled: Any) -> Any:
    keras.utils.set_random_seed(0)
    hidden = [keras.layers.Dense(5, "exponential") for _ in range(exponentials)]
    last = keras.layers.Dense(1, "sigmoid")
    model = keras.Sequential([keras.Input((2,)), *hidden, last])
    model.compile(keras.optimizers.SGD(rate), "binary_crossentropy", **compiled)
    history = model.fit(X, Y, epochs=1, verbose=0, doctor="watch")
    assert np.isnan(history.history["loss"]).all()
    return {one.code: one for one in history.diagnosis.faults}["nan-or-inf"]


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize(("exponentials", "rate", "steps"), [(4, 0.01, (0,)), (1, 10.0, (1, 2, 3))])
def test_a_nan_in_a_training_is_named_by_layer_and_step(eagerly, exponentials, rate, steps):
    found = diagnosed(exponentials, rate, run_eagerly=eagerly)
    assert found.layer is not None and found.layer.startswith("dense")
    assert found.step in steps
