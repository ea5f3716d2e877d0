"""A model is a torch module: what torch's tools do to it, training takes as it finds it."""

import copy
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras

_draw = np.random.default_rng(7)
X = _draw.normal(size=(40, 4)).astype("float32")
LABELS = _draw.integers(0, 3, 40)


def net() -> Any:
    keras.utils.set_random_seed(2)
    model = keras.Sequential(
        [
            keras.Input([4]),
            keras.layers.Dense(6, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.25),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy")
    return model


def fitted(model: Any, epochs: int = 2) -> Any:
    model.fit(X, LABELS, epochs=epochs, verbose=0)
    return model


def assert_same(got: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def differs(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_state_dict_holds_every_weight_and_loads_into_a_twin() -> None:
    model, twin = fitted(net()), net()
    state = model.state_dict()
    assert len(state) == len(model.get_weights()) == 8
    twin.load_state_dict(state)
    assert_same(twin.get_weights(), model.get_weights())


@pytest.mark.parametrize("assign", [False, True])
def test_training_goes_on_with_the_weights_that_were_loaded(assign: bool) -> None:
    # The optimizer keeps the weights in one buffer: one that is replaced must be found again.
    source, model = fitted(net(), 3), fitted(net())
    state = {name: value.clone() for name, value in source.state_dict().items()}
    model.load_state_dict(state, assign=assign)
    assert_same(model.get_weights(), source.get_weights())
    fitted(model)
    assert differs(model.get_weights(), source.get_weights())


def test_a_copy_is_a_model_of_its_own() -> None:
    model = fitted(net())
    twin = copy.deepcopy(model)
    before = model.get_weights()
    assert_same(twin.get_weights(), before)
    fitted(twin)
    assert_same(model.get_weights(), before)
    assert differs(twin.get_weights(), before)
    assert int(twin.optimizer.iterations) == 8 and int(model.optimizer.iterations) == 4


def test_a_copy_of_what_was_never_trained_trains() -> None:
    model = net()
    twin = copy.deepcopy(model)
    before = model.get_weights()
    fitted(twin)
    assert_same(model.get_weights(), before)


def test_moving_a_model_and_back_keeps_it_trainable() -> None:
    model = fitted(net())
    before = model.get_weights()
    model.to(torch.float64).to(torch.float32)
    assert_same(model.get_weights(), before)
    fitted(model)
    assert differs(model.get_weights(), before)
    assert int(model.optimizer.iterations) == 8


def test_moving_a_model_forgets_nothing_that_the_optimizer_knows() -> None:
    moved, stays = fitted(net()), fitted(net())
    moved.to(torch.float64).to(torch.float32)
    for model in (moved, stays):
        keras.utils.set_random_seed(9)
        model.fit(X, LABELS, epochs=1, shuffle=False, verbose=0)
    assert_same(moved.get_weights(), stays.get_weights())


def test_the_mode_is_torchs_and_starts_as_inference() -> None:
    model = net()
    inputs = torch.tensor(X)
    assert not model.training
    assert torch.equal(model(inputs), model(inputs))
    model.train()
    assert not torch.equal(model(inputs), model(inputs))
    model.eval()
    assert torch.equal(model(inputs), model(inputs))
    assert not torch.equal(model(inputs, training=True), model(inputs))
    assert not model.training


def test_prediction_leaves_the_mode_as_it_was() -> None:
    model = net()
    model.train()
    before = model.get_weights()
    model.predict(X, verbose=0)
    assert all(layer.training for layer in model.modules())
    assert_same(model.get_weights(), before)


def test_torchs_optimizer_trains_it_too() -> None:
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    inputs, labels = torch.tensor(X), torch.tensor(LABELS)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = torch.nn.functional.nll_loss(model(inputs, training=True).log(), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    fitted(model)


def test_gradients_of_a_prediction_reach_the_inputs() -> None:
    inputs = torch.tensor(X, requires_grad=True)
    net()(inputs)[:, 0].sum().backward()
    assert inputs.grad is not None and inputs.grad.abs().sum() > 0


def test_a_hook_of_torch_is_called() -> None:
    model, shapes = net(), []
    handle = model.layers[0].register_forward_hook(
        lambda module, given, out: shapes.append(tuple(out.shape))
    )
    model.predict(X, batch_size=20, verbose=0)
    handle.remove()
    assert shapes == [(20, 6), (20, 6)]


def test_a_fit_leaves_no_gradient_behind() -> None:
    assert all(parameter.grad is None for parameter in fitted(net()).parameters())
