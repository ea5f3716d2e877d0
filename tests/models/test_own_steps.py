"""A subclass that says itself what a step does: the code of Keras's guide for PyTorch, as it is."""

from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N = 28
_draw = np.random.default_rng(2)
X = _draw.normal(size=(N, 5)).astype("float32")
Y = _draw.normal(size=(N, 1)).astype("float32")
WEIGHTS = _draw.uniform(0, 2, N).astype("float32")


def value(weight: Any) -> torch.Tensor:
    return weight.value if hasattr(weight, "value") else weight


def first_guide(k: Any) -> type:
    class CustomModel(k.Model):
        def train_step(self, data: Any) -> Any:
            x, y = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            self.zero_grad()
            loss.backward()
            trainable_weights = [v for v in self.trainable_weights]
            gradients = [value(v).grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    return CustomModel


def going_lower(k: Any) -> type:
    class CustomModel(k.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.loss_tracker = k.metrics.Mean(name="loss")
            self.mae_metric = k.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = k.losses.MeanSquaredError()

        def train_step(self, data: Any) -> Any:
            x, y = data
            y_pred = self(x, training=True)
            loss = self.loss_fn(y, y_pred)
            self.zero_grad()
            loss.backward()
            trainable_weights = [v for v in self.trainable_weights]
            gradients = [value(v).grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            self.loss_tracker.update_state(loss)
            self.mae_metric.update_state(y, y_pred)
            return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

        @property
        def metrics(self) -> Any:
            return [self.loss_tracker, self.mae_metric]

    return CustomModel


def with_sample_weights(k: Any) -> type:
    class CustomModel(k.Model):
        def train_step(self, data: Any) -> Any:
            if len(data) == 3:
                x, y, sample_weight = data
            else:
                sample_weight = None
                x, y = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)
            self.zero_grad()
            loss.backward()
            trainable_weights = [v for v in self.trainable_weights]
            gradients = [value(v).grad for v in trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred, sample_weight=sample_weight)
            return {m.name: m.result() for m in self.metrics}

    return CustomModel


def own_test_step(k: Any) -> type:
    class CustomModel(k.Model):
        def test_step(self, data: Any) -> Any:
            x, y = data
            y_pred = self(x, training=False)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {m.name: m.result() for m in self.metrics}

    return CustomModel


def own_loss(k: Any) -> type:
    class CustomModel(k.Model):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.loss_tracker = k.metrics.Mean(name="tracked")

        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
            loss = abs(y_pred - y).mean() + sum(self.losses)
            self.loss_tracker.update_state(loss)
            return loss

    return CustomModel


def own_metrics(k: Any) -> type:
    class CustomModel(k.Model):
        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
            results = super().compute_metrics(x, y, y_pred, sample_weight)
            results["constant"] = 4.0
            return results

    return CustomModel


def calls_the_base(k: Any) -> type:
    class CustomModel(k.Model):
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    return CustomModel


GUIDES: dict[Any, dict[str, Any]] = {
    first_guide: {"loss": "mse", "metrics": ["mae"]},
    going_lower: {},
    with_sample_weights: {"loss": "mse", "weighted_metrics": ["mae"]},
    own_test_step: {"loss": "mse", "metrics": ["mae"]},
    own_loss: {},
    own_metrics: {"loss": "mse", "metrics": ["mae"]},
    calls_the_base: {"loss": "mse", "metrics": ["mae"]},
}


def made(k: Any, guide: Any) -> Any:
    inputs = k.Input((5,))
    hidden = k.layers.Dense(
        4, activation="tanh", kernel_regularizer="l2", kernel_constraint=k.constraints.MaxNorm(0.5)
    )(inputs)
    outputs = k.layers.Dense(1)(k.layers.BatchNormalization()(hidden))
    model = guide(k)(inputs, outputs)
    model.compile(optimizer=k.optimizers.SGD(0.1, momentum=0.5), **GUIDES[guide])
    return model


def twins(guide: Any) -> tuple[Any, Any]:
    theirs, ours = made(keras, guide), made(latih, guide)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


@pytest.mark.parametrize("guide", GUIDES)
def test_the_guides_code_gives_keras_numbers(guide: Any) -> None:
    theirs, ours = twins(guide)
    arguments: dict[str, Any] = {"epochs": 3, "batch_size": 7, "shuffle": False, "verbose": 0}
    if guide is with_sample_weights:
        arguments["sample_weight"] = WEIGHTS
    elif guide is not going_lower:
        arguments["validation_data"] = (X[:9], Y[:9])
    wanted, got = (model.fit(X, Y, **arguments).history for model in (theirs, ours))
    assert sorted(got) == sorted(wanted)
    for name, values in wanted.items():
        values = [float(one) for one in values]
        np.testing.assert_allclose(got[name], values, rtol=1e-4, atol=1e-6, err_msg=name)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    assert not ours.training


# In Keras these hand the other guides' steps a third value, None, and they fail.
@pytest.mark.parametrize("guide", [own_metrics, calls_the_base])
def test_evaluation_and_single_batches_go_by_the_same_steps(guide: Any) -> None:
    theirs, ours = twins(guide)
    for ask in ("evaluate", "train_on_batch", "test_on_batch"):
        given = {"batch_size": 7, "verbose": 0} if ask == "evaluate" else {}
        for model in (theirs, ours):
            model.reset_metrics()
        got, wanted = (
            getattr(model, ask)(X, Y, return_dict=True, **given) for model in (ours, theirs)
        )
        assert sorted(got) == sorted(wanted)
        for name in wanted:
            np.testing.assert_allclose(got[name], float(wanted[name]), rtol=1e-4, err_msg=name)


def test_a_step_and_no_call_suffice() -> None:
    # The variational autoencoder and the GAN of Keras's examples have none.
    class TwoNets(latih.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = latih.Sequential([latih.Input((5,)), latih.layers.Dense(2)])
            self.decoder = latih.Sequential([latih.Input((2,)), latih.layers.Dense(5)])
            self.loss_tracker = latih.metrics.Mean(name="total")

        def compile(self, encoder_optimizer: Any, decoder_optimizer: Any) -> None:
            super().compile()
            self.encoder_optimizer = encoder_optimizer
            self.decoder_optimizer = decoder_optimizer

        @property
        def metrics(self) -> Any:
            return [self.loss_tracker]

        def train_step(self, data: Any) -> Any:
            if isinstance(data, tuple):
                data = data[0]
            loss = ((self.decoder(self.encoder(data)) - data) ** 2).mean()
            self.zero_grad()
            loss.backward()
            for net, optimizer in (
                (self.encoder, self.encoder_optimizer),
                (self.decoder, self.decoder_optimizer),
            ):
                optimizer.apply([w.grad for w in net.trainable_weights], net.trainable_weights)
            self.loss_tracker.update_state(loss)
            return {"total": self.loss_tracker.result(), "lots": torch.ones(2)}

    model = TwoNets()
    model.compile(latih.optimizers.Adam(0.05), latih.optimizers.SGD(0.1))
    history = model.fit(X, epochs=20, batch_size=7, verbose=0).history
    assert history["total"][-1] < 0.8 * history["total"][0]
    assert history["lots"][0] == [1.0, 1.0]


def test_metrics_begin_anew_each_epoch() -> None:
    seen: list[float] = []

    class Listener(latih.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(float(self.model.loss_tracker.count))

    model = made(latih, going_lower)
    model.fit(X, Y, epochs=3, batch_size=7, verbose=0, callbacks=[Listener()])
    assert seen == [4, 4, 4]


@pytest.mark.parametrize("loss", ["mse", None])
def test_what_the_step_is_given_has_the_users_structure(loss: Any) -> None:
    given: list[Any] = []

    class Looking(latih.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = latih.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs["a"] + inputs["b"])

        def train_step(self, data: Any) -> Any:
            given.append(data)
            return {"loss": 0.0}

    model = Looking()
    model.compile("sgd", loss)
    x = {"b": X, "a": X}
    model.fit(x, {"v": Y, "u": X}, batch_size=N, shuffle=False, verbose=0)
    model.fit(x, [Y, X], batch_size=N, shuffle=False, verbose=0)
    model.fit(x, Y, sample_weight=WEIGHTS, batch_size=N, shuffle=False, verbose=0)
    model.fit(x, batch_size=N, shuffle=False, verbose=0)
    by_name, listed, weighted, alone = given
    assert sorted(by_name[0]) == ["a", "b"]
    assert by_name[1]["u"].shape == (N, 5)
    assert by_name[1]["v"].shape == (N, 1)
    assert [part.shape[-1] for part in listed[1]] == [1, 5]
    np.testing.assert_array_equal(weighted[2].numpy(), WEIGHTS)
    assert sorted(alone) == ["a", "b"]


def test_a_step_that_returns_no_dict_is_told() -> None:
    class Forgetful(latih.Model):
        def train_step(self, data: Any) -> None:
            return None

    inputs = latih.Input((5,))
    model = Forgetful(inputs, latih.layers.Dense(1)(inputs))
    model.compile("sgd")
    with pytest.raises(InputError, match=r"cannot be logged.*Return"):
        model.fit(X, Y, verbose=0)


def test_a_monitor_may_be_what_the_step_alone_knows() -> None:
    model = made(latih, own_metrics)
    stopping = latih.callbacks.EarlyStopping(monitor="constant", patience=1)
    assert len(model.fit(X, Y, epochs=9, verbose=0, callbacks=[stopping]).history["loss"]) == 2


def test_metrics_that_layers_keep_are_logged_and_begin_anew() -> None:
    def counting(k: Any) -> Any:
        class Counting(k.layers.Layer):
            def __init__(self) -> None:
                super().__init__()
                self.mean = k.metrics.Mean(name="mean_input")

            def call(self, inputs: Any) -> Any:
                self.mean.update_state(inputs.sum())
                return inputs

        model = k.Sequential([k.Input((5,)), Counting(), k.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    theirs, ours = counting(keras), counting(latih)
    ours.set_weights(theirs.get_weights())
    wanted, got = (
        model.fit(
            X, Y, epochs=2, batch_size=7, shuffle=False, verbose=0, validation_data=(X[:5], Y[:5])
        ).history
        for model in (theirs, ours)
    )
    assert sorted(got) == sorted(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(got[name], values, rtol=1e-4, err_msg=name)
    assert [metric.name for metric in ours.metrics] == ["loss", "mae", "mean_input"]
