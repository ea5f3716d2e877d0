"""Layers and models that are classes of the user's own, against the same classes on Keras."""

import copy
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError, NotReadyError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N = 24
_draw = np.random.default_rng(8)
X = _draw.normal(size=(N, 4)).astype("float32")
Z = _draw.normal(size=(N, 3)).astype("float32")
Y = _draw.normal(size=(N, 1)).astype("float32")


def dense_of_ones_own(k: Any) -> type:
    class Linear(k.layers.Layer):
        def __init__(self, units: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape: Any) -> None:
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="glorot_uniform", name="w"
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

        def call(self, inputs: Any) -> Any:
            return inputs @ self.w + self.b

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units}

    return Linear


def residual_block(k: Any) -> Any:
    class Residual(k.layers.Layer):
        def __init__(self, depth: int, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.hidden = [k.layers.Dense(units, activation="elu") for _ in range(depth)]

        def call(self, inputs: Any) -> Any:
            outputs = inputs
            for layer in self.hidden:
                outputs = layer(outputs)
            return inputs + outputs

    return k.Sequential([k.Input((4,)), k.layers.Dense(5), Residual(2, 5), k.layers.Dense(1)])


def appended_later(k: Any) -> Any:
    class Net(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.hidden = []
            for _ in range(2):
                self.hidden.append(dense_of_ones_own(k)(4))
            self.named = {}
            self.named["out"] = k.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            for layer in self.hidden:
                inputs = k.ops.tanh(layer(inputs)) if hasattr(k, "ops") else layer(inputs).tanh()
            return self.named["out"](inputs)

    return Net()


def residual_regressor(k: Any) -> Any:
    class Regressor(k.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.hidden1 = k.layers.Dense(5, activation="elu")
            self.norm = k.layers.BatchNormalization()
            self.dropout = k.layers.Dropout(0.0)
            self.out = k.layers.Dense(1)

        def call(self, inputs: Any, training: Any = None) -> Any:
            hidden = self.norm(self.hidden1(inputs), training=training)
            return self.out(self.dropout(hidden, training=training))

    return Regressor()


def wide_and_deep(k: Any) -> Any:
    class WideAndDeep(k.Model):
        def __init__(self, units: int = 6, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.norm_wide = k.layers.LayerNormalization()
            self.hidden = k.layers.Dense(units, activation="tanh")
            self.main = k.layers.Dense(1)
            self.aux = k.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            wide, deep = inputs
            hidden = self.hidden(deep)
            joined = k.layers.concatenate([self.norm_wide(wide), hidden])
            return self.main(joined), self.aux(hidden)

    return WideAndDeep(name="wide_and_deep")


def by_keys(k: Any) -> Any:
    class Named(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = k.layers.Dense(1), k.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return {"p": self.a(inputs["x"]), "q": self.b(inputs["z"])}

    return Named()


def with_added_loss(k: Any) -> Any:
    class Sparse(k.layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(0.1 * (inputs**2).mean())
            return inputs

    shared = k.layers.Dense(4, activation="tanh", activity_regularizer="l2")
    return k.Sequential([k.Input((4,)), shared, Sparse(), k.layers.Dense(1)])


CASES: dict[Any, tuple[Any, Any, Any]] = {
    residual_block: (X, Y, {"loss": "mse", "metrics": ["mae"]}),
    appended_later: (X, Y, {"loss": "mse"}),
    residual_regressor: (X, Y, {"loss": "mse", "metrics": ["mae"]}),
    wide_and_deep: ((X, Z), (Y, Y), {"loss": ["mse", "mae"], "loss_weights": [0.9, 0.1]}),
    by_keys: ({"x": X, "z": Z}, {"p": Y, "q": Y}, {"loss": {"p": "mse", "q": "mae"}}),
    with_added_loss: (X, Y, {"loss": "mse"}),
}


@pytest.mark.parametrize("make", CASES)
def test_a_class_of_ones_own_trains_as_in_keras(make: Any) -> None:
    x, y, compiled = CASES[make]
    theirs, ours = make(keras), make(latih)
    for model in (theirs, ours):
        model.predict(x, verbose=0)  # builds it
        model.compile(optimizer="sgd", **compiled)
    ours.set_weights(theirs.get_weights())
    wanted, got = (
        model.fit(
            x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_data=(x, y)
        ).history
        for model in (theirs, ours)
    )
    # Keras calls the outputs of a class by nothing, the first `output_1` or so.
    np.testing.assert_allclose(sorted(got.values()), sorted(wanted.values()), rtol=1e-4)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    for one, other in zip(
        *(latih.structures.flatten(m.predict(x, verbose=0)) for m in (ours, theirs)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    # A copy is a model of its own, and the layers in lists and dicts are copied too.
    copied = copy.deepcopy(ours)
    before = ours.get_weights()
    copied.fit(x, y, verbose=0)
    for one, other in zip(ours.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(list(copied.parameters())) == len(list(ours.parameters()))


def test_a_subclass_is_built_by_its_first_batch_or_by_a_shape() -> None:
    first, second = residual_regressor(latih), residual_regressor(latih)
    assert first.weights == []
    with pytest.raises(NotReadyError):
        _ = first.output_shape
    first(X)
    second.build((None, 4))
    for model in (first, second):
        assert tuple(model.weights[0].shape) == (4, 5)
        assert model.output_shape == (None, 1)
        assert model.count_params() == 51
    assert [layer.name for layer in first.layers][1].startswith("batch_normalization")


def test_the_mode_reaches_the_layers_inside() -> None:
    class Drops(latih.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dropout = latih.layers.Dropout(0.5)

        def call(self, inputs: Any, training: Any = None) -> Any:
            return self.dropout(inputs, training=training)

    model, ones = Drops(), torch.ones(50, 50)
    assert (model(ones) == 1).all()
    assert (model(ones, training=True) == 0).any()
    assert (model(ones, training=False) == 1).all()


def test_a_variational_autoencoder_learns_by_what_its_layers_add() -> None:
    class Sampling(latih.layers.Layer):
        def call(self, inputs: Any) -> Any:
            mean, log_variance = inputs
            return mean + torch.randn_like(mean) * torch.exp(log_variance / 2)

    class Divergence(latih.layers.Layer):
        def call(self, inputs: Any) -> Any:
            mean, log_variance = inputs
            latent = 1 + log_variance - torch.exp(log_variance) - mean**2
            self.add_loss(-0.5 * latent.sum(dim=-1).mean() / 4)
            return inputs

    inputs = latih.Input((4,))
    hidden = latih.layers.Dense(8, activation="selu")(inputs)
    mean, log_variance = Divergence()(
        [latih.layers.Dense(2)(hidden), latih.layers.Dense(2)(hidden)]
    )
    encoder = latih.Model(inputs, [mean, log_variance, Sampling()([mean, log_variance])])
    codings = latih.Input((2,))
    decoder = latih.Model(codings, latih.layers.Dense(4)(codings))
    whole = latih.Model(inputs, decoder(encoder(inputs)[-1]))
    whole.compile("adam", "mse")
    latih.utils.set_random_seed(1)
    history = whole.fit(X, X, epochs=3, verbose=0).history["loss"]
    # The divergence is at least 0: what is logged is more than the mean squared error.
    whole(X)
    assert len(whole.losses) == 1
    got = encoder.predict(X, verbose=0)
    divergence = -0.5 * (1 + got[1] - np.exp(got[1]) - got[0] ** 2).sum(-1).mean() / 4
    np.testing.assert_allclose(float(whole.losses[0].detach()), divergence, rtol=1e-4)
    assert history[-1] > divergence


def test_what_layers_add_suffices_for_a_loss() -> None:
    def reconstruction(k: Any) -> Any:
        class Reconstruction(k.layers.Layer):
            def call(self, inputs: Any) -> Any:
                given, made = inputs
                self.add_loss(((given - made) ** 2).mean())
                return made

        x = k.Input((4,))
        model = k.Model(x, Reconstruction()([x, k.layers.Dense(4)(x)]))
        model.compile("sgd")
        return model

    theirs, ours = reconstruction(keras), reconstruction(latih)
    ours.set_weights(theirs.get_weights())
    wanted, got = (
        m.fit(X, epochs=3, batch_size=8, shuffle=False, verbose=0).history for m in (theirs, ours)
    )
    np.testing.assert_allclose(got["loss"], wanted["loss"], rtol=1e-5)
    np.testing.assert_allclose(
        ours.evaluate(X, verbose=0), theirs.evaluate(X, verbose=0), rtol=1e-5
    )


def test_a_shared_layer_adds_its_penalty_at_each_call() -> None:
    def twice(k: Any) -> Any:
        a, b = k.Input((4,)), k.Input((4,))
        layer = k.layers.Dense(3, activity_regularizer=k.regularizers.L2(0.1))
        model = k.Model([a, b], k.layers.Add()([layer(a), layer(b)]))
        model.compile("sgd", "mse")
        return model

    theirs, ours = twice(keras), twice(latih)
    ours.set_weights(theirs.get_weights())
    for given in ([X, 3 * X], [X, X]):
        np.testing.assert_allclose(
            ours.evaluate(given, Z, batch_size=8, verbose=0),
            theirs.evaluate(given, Z, batch_size=8, verbose=0),
            rtol=1e-5,
        )


def test_losses_metrics_and_callbacks_of_ones_own() -> None:
    def logs(k: Any, weights: Any = None) -> Any:
        class Quartic(k.losses.Loss):
            def call(self, y_true: Any, y_pred: Any) -> Any:
                return ((y_pred - y_true) ** 4).mean(axis=-1)

        class Largest(k.metrics.Metric):
            def __init__(self, name: str = "largest", **kwargs: Any) -> None:
                super().__init__(name=name, **kwargs)
                self.seen = self.add_variable(
                    shape=(), name="seen", initializer=k.initializers.Zeros()
                )

            def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
                largest = abs(y_pred - y_true).max()
                seen = self.seen.value if k is keras else self.seen
                seen.copy_(torch.maximum(seen, largest.detach()))

            def result(self) -> Any:
                return self.seen

        class Watching(k.callbacks.Callback):
            def __init__(self) -> None:
                super().__init__()
                self.heard: list[Any] = []

            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                self.heard.append((epoch, sorted(logs)))
                self.model.stop_training = epoch == 1

        watching = Watching()
        model = k.Sequential([k.Input((4,)), k.layers.Dense(1)])
        model.compile("sgd", Quartic(), metrics=[Largest(), "mae"])
        if weights:
            model.set_weights(weights)
        first = model.get_weights()
        history = model.fit(
            X, Y, batch_size=8, epochs=5, shuffle=False, verbose=0, callbacks=[watching]
        )
        return first, history.history, watching.heard

    weights, wanted, heard = logs(keras)
    _, got, own_heard = logs(latih, weights)
    assert own_heard == heard
    assert sorted(got) == sorted(wanted)
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-4, err_msg=name)


def test_a_flag_that_is_changed_between_fits_is_read_again() -> None:
    def trained(k: Any, weights: Any = None) -> Any:
        model = residual_regressor(k)
        model.predict(X, verbose=0)
        if weights:
            model.set_weights(weights)
        first = model.get_weights()
        model.compile("sgd", "mse")
        model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        model.hidden1.trainable = model.norm.trainable = False
        model.compile("sgd", "mse")
        frozen = [w.copy() for w in model.hidden1.get_weights() + model.norm.get_weights()]
        model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        after = model.hidden1.get_weights() + model.norm.get_weights()
        for one, other in zip(after, frozen, strict=True):
            np.testing.assert_array_equal(one, other)
        model.hidden1.trainable = True
        model.compile("sgd", "mse")
        model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        return first, model.get_weights()

    first, wanted = trained(keras)
    _, got = trained(latih, first)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_flag_counts_without_compiling_anew() -> None:
    model = residual_block(latih)
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    frozen = model.layers[0].get_weights()
    model.fit(X, Y, verbose=0)
    for one, other in zip(model.layers[0].get_weights(), frozen, strict=True):
        np.testing.assert_array_equal(one, other)


@latih.saving.register_keras_serializable("test_subclassed")
class Registered(latih.layers.Layer):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.inner = latih.layers.Dense(units, activation="tanh")

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}


@latih.saving.register_keras_serializable("test_subclassed")
class RegisteredModel(latih.Model):
    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [Registered(units), Registered(units)]
        self.out = latih.layers.Dense(1)

    def call(self, inputs: Any, training: Any = None) -> Any:
        for block in self.blocks:
            inputs = block(inputs)
        return self.out(inputs)

    def get_config(self) -> Any:
        return {**super().get_config(), "units": self.units}


class NotRegistered(Registered):
    pass


def test_registered_classes_come_back_from_a_file(tmp_path: Path) -> None:
    model = RegisteredModel(4)
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    read = latih.models.load_model(tmp_path / "m.keras")
    assert type(read) is RegisteredModel
    np.testing.assert_array_equal(read.predict(X, verbose=0), model.predict(X, verbose=0))
    read.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    other = RegisteredModel(4)
    other.build((None, 4))
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


def test_other_classes_are_given_to_the_loader(tmp_path: Path) -> None:
    model = latih.Sequential([latih.Input((4,)), NotRegistered(3), latih.layers.Dense(1)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(Exception, match=r"register_keras_serializable.*custom_objects"):
        latih.models.load_model(tmp_path / "m.keras")
    read = latih.models.load_model(
        tmp_path / "m.keras", custom_objects={"NotRegistered": NotRegistered}
    )
    np.testing.assert_array_equal(read.predict(X, verbose=0), model.predict(X, verbose=0))
    registered = RegisteredModel(2)
    registered.build((None, 4))
    registered.save(tmp_path / "r.keras")
    both = {"RegisteredModel": RegisteredModel, "Registered": Registered}
    assert latih.models.load_model(tmp_path / "r.keras", custom_objects=both).count_params() == 19
    with latih.saving.custom_object_scope({"NotRegistered": NotRegistered}):
        assert latih.models.load_model(tmp_path / "m.keras").count_params() == 19


def test_a_class_without_a_call_says_so() -> None:
    class Empty(latih.Model):
        pass

    model = Empty()
    model.compile("sgd", "mse")
    with pytest.raises((NotImplementedError, InputError, NotReadyError), match="call"):
        model.fit(X, Y, verbose=0)


def test_a_layer_of_ones_own_takes_tensors_and_numbers_by_name() -> None:
    class Mixed(latih.layers.Layer):
        def call(self, query: Any, value: Any = None, scale: float = 1.0) -> Any:
            return query + value * scale

    a, b = latih.Input((4,)), latih.Input((4,))
    model = latih.Model([a, b], Mixed()(a, value=b, scale=2.0))
    again = latih.Model.from_config(model.get_config(), custom_objects={"Mixed": Mixed})
    for one in (model, again, copy.deepcopy(model)):
        np.testing.assert_allclose(one.predict([X, -X], verbose=0), -X, rtol=1e-6)


def test_layers_that_two_models_share_stay_frozen() -> None:
    # The reuse of lower layers, as textbooks show it.
    first = latih.Sequential(
        [latih.Input((4,)), latih.layers.Dense(5, activation="relu"), latih.layers.Dense(3)]
    )
    second = latih.Sequential(first.layers[:-1])
    second.add(latih.layers.Dense(1))
    for layer in second.layers[:-1]:
        layer.trainable = False
    second.compile("sgd", "mse")
    before = first.get_weights()
    second.fit(X, Y, verbose=0)
    for one, other in zip(first.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(second.trainable_weights) == 2
    for layer in second.layers[:-1]:
        layer.trainable = True
    second.compile("sgd", "mse")
    second.fit(X, Y, verbose=0)
    assert np.abs(first.get_weights()[0] - before[0]).max() > 0


@pytest.mark.parametrize("reader", [latih, keras])
def test_a_model_called_twice_within_another_crosses_over(reader: Any, tmp_path: Path) -> None:
    writer = keras if reader is latih else latih
    x = writer.Input((4,), name="x")
    inner = writer.Model(x, writer.layers.Dense(4, activation="tanh")(x), name="inner")
    a = writer.Input((4,), name="a")
    model = writer.Model(a, writer.layers.Dense(1)(inner(inner(a))))
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    read = reader.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        read.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )
    logs = [m.fit(X, Y, shuffle=False, verbose=0).history["loss"] for m in (read, model)]
    np.testing.assert_allclose(*logs, rtol=1e-5)
