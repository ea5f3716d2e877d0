"""Averaged weights: SwapEMAWeights against Keras, stochastic weight averaging against torch."""

from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch.optim.swa_utils import AveragedModel, update_bn

import latih
from latih.callbacks import (
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    StochasticWeightAveraging,
    SwapEMAWeights,
    update_batch_statistics,
)
from latih.data import ArrayBatches
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
DICE = np.random.default_rng(0)
X, Y = DICE.normal(size=(48, 5)).astype("float32"), DICE.integers(0, 3, 48)


def net(k: Any, **more: Any) -> Any:
    keras.utils.set_random_seed(0)
    latih.utils.set_random_seed(0)
    model = k.Sequential([k.Input((5,)), k.layers.Dense(8, "tanh"), k.layers.Dense(3, "softmax")])
    optimizer = k.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.8, **more)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def assert_close(ours: list[Any], theirs: list[Any]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_evaluations_and_later_callbacks_see_keras_averages(swap_on_epoch: bool) -> None:
    seen = []
    first = net(keras).get_weights()
    for k in (keras, latih):
        model = net(k)
        model.set_weights(first)
        shown: list[Any] = []
        look = k.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, m=model, s=shown: s.append(m.get_weights()),
            on_epoch_begin=lambda epoch, logs, m=model, s=shown: s.append(m.get_weights()),
        )
        history = model.fit(
            *(X, Y, 16, 4, 0),
            [k.callbacks.SwapEMAWeights(swap_on_epoch), look],
            validation_data=(X, Y),
            shuffle=False,
        )
        seen.append((history.history, shown, model.get_weights()))
    (wanted, their_shown, their_weights), (got, our_shown, our_weights) = seen
    for name, values in wanted.items():
        np.testing.assert_allclose(got[name], np.float64(values), rtol=1e-4, err_msg=name)
    for ours, theirs in zip(our_shown, their_shown, strict=True):
        assert_close(ours, theirs)
    assert_close(our_weights, their_weights)


def averages(model: Any) -> list[np.ndarray]:
    optimizer = model.optimizer
    return [v.numpy().copy() for v in optimizer.flat.views(optimizer.slots["average"])]


@pytest.mark.parametrize("first_in_list", [True, False])
def test_a_run_that_stops_early_ends_with_the_averages(first_in_list: bool) -> None:
    """Keras, stopped before the last epoch, ends with the weights that moved."""
    model = net(latih)
    callbacks = [SwapEMAWeights(swap_on_epoch=True), EarlyStopping("loss", min_delta=9.0)]
    model.fit(X, Y, 16, 9, 0, callbacks if first_in_list else callbacks[::-1])
    assert model.optimizer.updates == 6
    assert_close(model.get_weights(), averages(model))


def test_a_run_that_breaks_off_goes_on_from_the_weights_that_moved(tmp_path: Any) -> None:
    model, plain = net(latih), net(latih)
    plain.set_weights(model.get_weights())

    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    checkpoint = ModelCheckpoint(tmp_path / "m.weights.h5", save_weights_only=True)
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            *(X, Y, 16, 3, 0),
            [SwapEMAWeights(True), checkpoint, LambdaCallback(on_epoch_end=interrupt)],
            shuffle=False,
        )
    plain.optimizer.finalize_variable_values = lambda var_list: None
    plain.fit(X, Y, 16, 2, 0, shuffle=False)
    assert_close(model.get_weights(), plain.get_weights())
    model.load_weights(tmp_path / "m.weights.h5")
    assert_close(model.get_weights(), averages(model))


def test_predictions_are_of_the_averages_and_leave_the_weights() -> None:
    model = net(latih)
    model.fit(X, Y, 16, 2, 0)
    expected = model.predict(X, verbose=0)
    moved = [weight + 1.0 for weight in model.get_weights()]
    model.set_weights(moved)
    swap = SwapEMAWeights()
    swap.set_model(model)
    np.testing.assert_array_equal(model.predict(X, verbose=0, callbacks=[swap]), expected)
    assert_close(model.get_weights(), moved)


def test_averages_that_nobody_keeps_are_refused() -> None:
    model = net(latih)
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(InputError, match="use_ema=True"):
        model.fit(X, Y, verbose=0, callbacks=[SwapEMAWeights()])
    with pytest.raises(InputError, match="use_ema=True"):
        model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()])


# Stochastic weight averaging


def normalised() -> Any:
    latih.utils.set_random_seed(3)
    layers = latih.layers
    model = latih.Sequential(
        [
            latih.Input((5,)),
            layers.Dense(8, "tanh"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile(latih.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    return model


def torch_twin() -> torch.nn.Module:
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(5, 8), nn.Tanh(), nn.BatchNorm1d(8, eps=1e-3), nn.Linear(8, 3), nn.Softmax(-1)
    )


def fill(twin: Any, weights: list[np.ndarray]) -> None:
    kernel, bias, gamma, beta, mean, variance, last, last_bias = map(torch.from_numpy, weights)
    with torch.no_grad():
        for own, given in (
            *((twin[0].weight, kernel.T), (twin[0].bias, bias)),
            *((twin[2].weight, gamma), (twin[2].bias, beta)),
            *((twin[2].running_mean, mean), (twin[2].running_var, variance)),
            *((twin[3].weight, last.T), (twin[3].bias, last_bias)),
        ):
            own.copy_(given)


def test_the_run_ends_with_torchs_average_and_its_statistics() -> None:
    model, twin = normalised(), torch_twin()
    averaged = AveragedModel(twin)

    def average(epoch: int, logs: Any) -> None:
        if epoch >= 2:
            fill(twin, model.get_weights())
            averaged.update_parameters(twin)

    swa = StochasticWeightAveraging(2, x=X, batch_size=16)
    model.fit(X, Y, 16, 6, 0, [LambdaCallback(on_epoch_end=average), swa])
    order = ArrayBatches(torch.from_numpy(X), batch_size=16, shuffle=True).order(0)
    update_bn([torch.from_numpy(X)[part] for part in order.split(16)], averaged)
    theirs: Any = averaged.module
    kernel, bias, gamma, beta, mean, variance, last, last_bias = model.get_weights()
    wanted = [
        *(theirs[0].weight.T, theirs[0].bias, theirs[2].weight, theirs[2].bias),
        theirs[2].running_mean,
        theirs[2].running_var * 15 / 16,  # torch's moving variance is the unbiased one
        *(theirs[3].weight.T, theirs[3].bias),
    ]
    ours = [kernel, bias, gamma, beta, mean, variance, last, last_bias]
    assert swa.averaged == 4
    for one, other in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=1e-4, atol=1e-6)
    assert model.layers[1].momentum == 0.9


def test_the_statistics_are_the_means_of_all_examples() -> None:
    layer = latih.layers.BatchNormalization()
    layer.build((None, 5))
    update_batch_statistics(layer, X[:45], batch_size=16)  # the last batch is shorter
    np.testing.assert_allclose(layer.moving_mean, X[:45].mean(0), rtol=1e-5, atol=1e-6)
    update_batch_statistics(layer, X, batch_size=48)
    np.testing.assert_allclose(layer.moving_variance, X.var(0), rtol=1e-4)
    frozen = latih.layers.BatchNormalization(trainable=False)
    frozen.build((None, 5))
    update_batch_statistics(frozen, X)
    assert not frozen.moving_mean.any()


def test_the_rate_is_constant_from_the_start_on() -> None:
    model, rates = net(latih), []
    look = LambdaCallback(
        on_train_batch_begin=lambda b, logs: rates.append(model.optimizer.current_rate())
    )
    model.fit(X, Y, 48, 4, 0, [StochasticWeightAveraging(2, learning_rate=0.03), look])
    assert rates == [0.5, 0.5, 0.03, 0.03]


def test_ctrl_c_ends_with_the_averages_so_far() -> None:
    model, seen = net(latih), []

    def look(epoch: int, logs: Any) -> None:
        seen.append(model.get_weights())
        if epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(
            *(X, Y, 16, 9, 0), [StochasticWeightAveraging(1), LambdaCallback(on_epoch_end=look)]
        )
    mean = [np.mean(same, axis=0) for same in zip(*seen[1:], strict=True)]
    assert_close(model.get_weights(), mean)


@pytest.mark.parametrize(
    ("callback", "said"),
    [
        (lambda: StochasticWeightAveraging(1), r"x=X_train"),
        (lambda: StochasticWeightAveraging(5, x=X), r"epochs=3"),
        (lambda: StochasticWeightAveraging(1, x=X[:, :4]), r"4"),
    ],
)
def test_what_would_fail_later_is_refused_before_the_first_step(callback: Any, said: str) -> None:
    model = normalised()
    with pytest.raises(InputError, match=said):
        model.fit(X, Y, 16, 3, 0, [callback()])
    assert not model.optimizer.updates
