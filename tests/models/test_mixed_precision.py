"""What a call sees of weights under ``mixed_bfloat16``, and what stays float32 beside it."""

import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import latih as keras
from latih import ops
from latih.errors import InputError
from latih.layers import Activation, Dense, Dropout, Layer, MCDropout

POLICY = "mixed_bfloat16"
X = torch.linspace(-1, 1, 24).reshape(6, 4)


@pytest.fixture
def mixed() -> Iterator[None]:
    keras.config.set_dtype_policy(POLICY)
    yield
    keras.config.set_dtype_policy("float32")


class Casts(TorchDispatchMode):
    """Notes the casts of floating numbers that torch is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._to_copy.default and args[0].is_floating_point():
            self.shapes.append(tuple(args[0].shape))
        return func(*args, **(kwargs or {}))


# The policy of one layer and of all


@pytest.mark.parametrize(
    "dtype",
    [
        POLICY,
        keras.DTypePolicy(POLICY),
        {"class_name": "DTypePolicy", "config": {"name": POLICY}},
    ],
)
def test_a_policy_in_the_constructor_is_this_layers_only(dtype: Any) -> None:
    layer = Dense(3, dtype=dtype)
    assert layer.dtype_policy == keras.DTypePolicy(POLICY)
    assert (layer.compute_dtype, layer.variable_dtype, layer.dtype) == (
        *("bfloat16", "float32", "float32"),
    )
    assert layer(X).dtype == torch.bfloat16
    assert Dense(3).compute_dtype == "float32"
    assert Dense(3)(X).dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, np.float32, "float32", np.dtype("float32"), None])
def test_float32_has_many_names(dtype: Any) -> None:
    assert Dense(3, dtype=dtype).dtype_policy.name == "float32"


@pytest.mark.parametrize(
    "wrong",
    [
        *("mixed_float16", "bfloat16", "float64", torch.bfloat16, 3, {}),
        {"class_name": "QuantizedDTypePolicy", "config": {"name": POLICY}},
        {"class_name": "DTypePolicy", "config": 3},
    ],
)
def test_another_policy_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="`dtype`"):
        Dense(3, dtype=wrong)
    with pytest.raises(InputError, match="not to be had"):
        keras.config.set_dtype_policy(wrong)
    assert keras.config.dtype_policy().name == "float32"


def test_layers_keep_the_policy_that_was_set_when_they_were_made(mixed: None) -> None:
    layer = Dense(3)
    keras.config.set_dtype_policy(keras.DTypePolicy("float32"))
    assert layer.compute_dtype == "bfloat16"
    assert copy.deepcopy(layer).compute_dtype == layer.again().compute_dtype == "bfloat16"
    layer.dtype_policy = "float32"
    assert layer(X).dtype == torch.float32
    layer.dtype_policy = POLICY
    assert layer(X).dtype == torch.bfloat16


# How weights are seen


def test_each_weight_is_cast_once_in_a_call_however_often_it_is_used(mixed: None) -> None:
    shared = Dense(4, use_bias=False)
    model = keras.Sequential([shared, Activation("tanh")])
    given = keras.Input((4,))
    twice = keras.Model(given, shared(shared(model(given))))
    for training in (False, True):
        with Casts() as casts:
            twice(X, training=training)
        assert sorted(casts.shapes) == [(4, 4), (6, 4)]  # the kernel and the inputs


def test_a_float32_model_casts_nothing() -> None:
    model = keras.Sequential([Dense(4, "relu"), keras.layers.LayerNormalization(), Dropout(0.5)])
    model(X)
    with Casts() as casts:
        model(X, training=True).sum().backward()
    assert casts.shapes == []


def test_gradients_of_weights_are_float32_and_those_of_the_rounded_weights(mixed: None) -> None:
    layer = Dense(3, use_bias=False)
    outputs = layer(X)
    outputs.float().sum().backward()
    wanted = X.bfloat16().float().sum(dim=0, keepdim=True).T.expand(4, 3)
    gradient = layer.kernel.grad
    assert gradient.dtype == torch.float32
    torch.testing.assert_close(gradient, wanted, rtol=2**-7, atol=2**-7)


class Peeking(Layer):
    """Reads its weight without gradients before it uses it with them."""

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")
        assert self.w.dtype == torch.float32

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            self.seen = float(self.w.sum())
        return inputs * self.w


def test_a_weight_that_was_read_without_gradients_has_them_afterwards(mixed: None) -> None:
    layer = Peeking()
    layer(X).sum().backward()
    assert layer.seen == 4
    assert layer.w.grad is not None and layer.w.grad.dtype == torch.float32


class Counting(Layer):
    """Changes a weight in its call, in each of the ways there are."""

    def build(self, input_shape: Any) -> None:
        self.seen = self.add_weight((), "zeros", trainable=False, name="seen")
        self.exact = self.add_weight((), "zeros", trainable=False, autocast=False, name="exact")
        self.own = keras.Variable(0.0, trainable=False)
        self.seen.assign(1000.0)

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        self.seen.assign_add(1.0)
        self.seen.add_(1.0)
        self.seen += 1.0
        self.seen.assign_sub(1.0)
        self.exact.add_(0.001)
        self.own.assign(self.own.value + 1)
        self.types = [t.dtype for t in (self.seen, self.exact, self.own)]
        self.read = float(self.seen)
        return inputs + self.seen


@pytest.mark.parametrize("policy", ["float32", POLICY])
def test_what_a_call_writes_reaches_the_variable(policy: str) -> None:
    layer = Counting(dtype=policy)
    outer = keras.Sequential([Activation("linear", dtype=policy), layer])
    kept = None
    for number in range(1, 4):
        assert outer(X).dtype == (torch.bfloat16 if policy == POLICY else torch.float32)
        assert float(layer.seen) == 1000 + 2 * number
        kept = layer.seen if kept is None else kept
        assert layer.seen is kept is layer.weights[0]
    assert float(layer.exact) == pytest.approx(0.003)
    assert float(layer.own) == 3
    half = torch.float32 if policy == "float32" else torch.bfloat16
    assert layer.types == [half, torch.float32, half]
    assert layer.read == (1006 if policy == "float32" else 1008)  # as a bfloat16 has it


class AsItComes(Layer):
    """Wants its inputs and weights as they are."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.autocast = False

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight((input_shape[-1],), "ones", name="w")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        assert inputs.dtype == self.w.dtype == torch.float32
        return inputs + self.w


def test_a_layer_may_want_nothing_cast(mixed: None) -> None:
    assert AsItComes()(X).dtype == torch.float32
    assert Layer(autocast=False).autocast is False


class Several(Layer):
    def call(self, inputs: Any, offset: Any, *, scale: Any = None) -> Any:
        assert inputs["a"].dtype == inputs["b"][0].dtype == offset.dtype == torch.bfloat16
        assert inputs["rows"].dtype == torch.int64
        assert scale is None or scale.dtype == torch.bfloat16
        return inputs["a"] + inputs["b"][0] * offset


def test_every_floating_tensor_of_a_call_is_cast(mixed: None) -> None:
    inputs = {"a": X, "b": [X.double()], "rows": torch.arange(3)}
    assert Several()(inputs, X, scale=X).dtype == torch.bfloat16
    back = Activation("linear", dtype="float32")(X.bfloat16())
    assert back.dtype == torch.float32


class InALoop(Layer):
    def build(self, input_shape: Any) -> None:
        self.ws = [self.add_weight((4, 4), name=f"w{i}") for i in range(2)]

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs @ self.ws[0] @ self.ws[1]


def test_weights_in_a_list_are_no_attributes_and_an_error_says_so(mixed: None) -> None:
    with pytest.raises(InputError, match=r"ops\.cast\(x, self\.compute_dtype\)"):
        InALoop()(X)
    assert InALoop(dtype="float32")(X).dtype == torch.float32


def test_threads_do_not_take_each_others_weights(mixed: None) -> None:
    model = keras.Sequential([keras.Input((64,)), *(Dense(64) for _ in range(4))])
    x = torch.linspace(-1, 1, 64).reshape(1, 64)
    wanted = model(x)
    wrong: list[Any] = []

    def predict() -> None:
        try:
            wrong.extend(1 for _ in range(100) if not torch.equal(model(x), wanted))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_torchs_functional_call_puts_weights_in_the_place_of_others(mixed: None) -> None:
    layer = Dense(3, use_bias=False)
    layer(X)
    twice = torch.func.functional_call(layer, {"kernel": 2 * layer.kernel.detach()}, (X,))
    assert twice.dtype == torch.bfloat16
    assert torch.equal(twice, 2 * layer(X))


def test_pytorchs_own_ways_to_another_type_go_before_the_policy(mixed: None) -> None:
    layers = [Dense(3), Dense(3, dtype="float32")]
    for layer in layers:
        layer(X)
        layer.double()
        assert layer(X).dtype == layer(X.double()).dtype == torch.float64
        layer.to("cpu")
        assert layer(X).dtype == torch.float64
        layer.float()
    assert [layer(X).dtype for layer in layers] == [torch.bfloat16, torch.float32]


# What stays float32


def test_normalisations_take_statistics_in_float32(mixed: None) -> None:
    # 256 and 257 are one number in bfloat16; sums of thousands would stop growing at 256.
    inputs = torch.ones(4096, 1) * 3 + torch.tensor([0.0, 0.5]).repeat(2048)[:, None]
    for center in (True, False):
        layer = keras.layers.BatchNormalization(momentum=0.0, center=center, scale=center)
        layer(inputs, training=True)
        assert float(layer.moving_mean[0]) == pytest.approx(3.25, rel=1e-5)
        assert float(layer.moving_variance[0]) == pytest.approx(0.0625, rel=1e-3)
    row = inputs.T
    outputs = keras.layers.LayerNormalization()(row).float()
    wanted = torch.nn.functional.layer_norm(row, row.shape[1:], eps=1e-3)
    torch.testing.assert_close(outputs, wanted, rtol=2**-8, atol=0)


def test_penalties_are_summed_in_float32(mixed: None) -> None:
    layer = Dense(1000, kernel_initializer="ones", activity_regularizer="l1")
    layer.kernel_regularizer = keras.regularizers.L2(1.0)
    model = keras.Sequential([keras.Input((3,)), layer])
    model(torch.ones(1, 3))
    on_weights, on_outputs = model.losses
    assert on_weights.dtype == on_outputs.dtype == torch.float32
    assert on_weights.item() == 3000  # 2**-8 of it is lost in bfloat16
    assert on_outputs.item() == pytest.approx(0.01 * 3000)


def test_wrappers_change_the_kernel_in_float32(mixed: None) -> None:
    spectral = keras.layers.SpectralNormalization(Dense(3), power_iterations=50)
    model = keras.Sequential([keras.Input((4,)), spectral])
    for _ in range(2):
        model(X, training=True)
    kernel = spectral.layer.kernel
    assert kernel.dtype == torch.float32
    assert torch.linalg.matrix_norm(kernel, 2).item() == pytest.approx(1, rel=1e-4)
    weight = keras.layers.WeightNormalization(Dense(3))
    outer = keras.Sequential([keras.Input((4,)), weight])
    outputs = outer(torch.randn(100, 4), training=True)
    assert outputs.dtype == torch.bfloat16
    assert torch.allclose(outputs.float().std(dim=0, correction=0), torch.ones(3), atol=0.02)


# Models


class OwnStep(keras.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden, self.last = Dense(8, "relu"), Dense(1, dtype="float32")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        assert inputs.dtype == torch.bfloat16
        return self.last(ops.tanh(self.hidden(inputs)))


def test_a_model_of_the_users_own_trains_predicts_and_comes_back(
    mixed: None, tmp_path: Path
) -> None:
    model = OwnStep()
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(X, X.sum(dim=1), epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert all(weight.dtype == torch.float32 for weight in model.weights)
    assert model.predict(X, verbose=0).dtype == np.float32
    scores = model.train_on_batch(X, X.sum(dim=1))
    assert np.isfinite(scores).all()
    model.save_weights(tmp_path / "m.weights.h5")
    other = OwnStep()
    other(X)
    other.load_weights(tmp_path / "m.weights.h5")
    assert torch.equal(other(X), model(X))


def test_a_part_of_a_graph_between_bfloat16_tensors_is_a_model(mixed: None, tmp_path: Path) -> None:
    given = keras.Input((4,))
    hidden = Dense(5, "relu")(given)
    outputs = Dense(2)(hidden * 2.0)
    assert (given.dtype, hidden.dtype, outputs.dtype) == ("float32", "bfloat16", "bfloat16")
    whole, part = keras.Model(given, outputs), keras.Model(hidden, outputs)
    first = keras.Model(given, hidden)
    assert torch.equal(part(first(X)), whole(X))
    part.save(tmp_path / "part.keras")
    again = keras.models.load_model(tmp_path / "part.keras")
    assert torch.equal(again(first(X)), whole(X))
    assert keras.models.clone_model(whole).layers[1].compute_dtype == "bfloat16"


def test_uncertain_predictions_are_averaged_in_float32(mixed: None) -> None:
    model = keras.Sequential([keras.Input((4,)), MCDropout(0.5, seed=1), Dense(3)])
    mean, deviation = model.predict(X, samples=7, verbose=0)
    assert mean.dtype == deviation.dtype == np.float32
    rounded = torch.tensor(mean).bfloat16().float().numpy()
    assert not np.array_equal(mean, rounded)


def test_a_resumed_training_ends_in_the_same_bits(mixed: None, tmp_path: Path) -> None:
    def trained(epochs: int, run: str, resume: bool = False) -> list[np.ndarray]:
        keras.utils.set_random_seed(7)
        keras.backend.clear_session()
        keras.config.set_dtype_policy(POLICY)
        model = keras.Sequential(
            [keras.Input((4,)), Dense(8, "relu"), Dropout(0.3), keras.layers.BatchNormalization()]
        )
        model.add(Dense(1))
        model.compile("adam", "mse")
        model.fit(X, X.sum(1), 2, epochs, verbose=0, run_dir=tmp_path / run, resume=resume)
        return model.get_weights()

    whole = trained(4, "whole")
    trained(2, "parts")
    parts = trained(4, "parts", resume=True)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))


def test_a_mixed_model_is_exported_as_one_of_float32(mixed: None, tmp_path: Path) -> None:
    layers = [Dense(5), keras.layers.LayerNormalization(), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((4,)), *layers, Activation("softmax", dtype="float32")])
    model.export(tmp_path / "m.onnx", format="onnx")
    assert model.layers[0](X).dtype == torch.bfloat16  # as before
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    (found,) = session.run(None, {session.get_inputs()[0].name: X.numpy()})
    torch.set_flush_denormal(True)  # onnxruntime lets its thread calculate with them again
    keras.config.set_dtype_policy("float32")
    config = model.get_config()
    for layer in config["layers"]:
        layer["config"]["dtype"] = "float32"
    plain = keras.Sequential.from_config(config)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(found, plain.predict(X, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(found, model.predict(X, verbose=0), atol=0.01)
