"""Keras's faces: the backend, types of numbers, policies, masks, and data of any object."""

import itertools
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih import backend, dtypes
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32"]
PAIRS = list(itertools.combinations_with_replacement([*NAMES, int, float, bool], 2))


@pytest.mark.parametrize(
    "dtype", [*NAMES, None, int, float, bool, "int", np.float64, torch.int8, np.dtype("int16")]
)
def test_a_type_has_keras_name(dtype: Any) -> None:
    assert backend.standardize_dtype(dtype) == keras.backend.standardize_dtype(dtype)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_two_types_make_keras_third(pair: tuple[Any, Any]) -> None:
    wanted = keras.backend.result_type(*pair)
    # Asked, Keras makes 32 bits of 64; its sums keep them, and so does Latih.
    assert backend.result_type(*pair).replace("64", "32") == wanted.replace("64", "32")


def test_no_types_make_that_of_weights_and_numpys_are_not_weak() -> None:
    assert backend.result_type() == "float32"
    assert backend.result_type(np.dtype("int64"), "int32") == "int64"
    assert dtypes.is_float_dtype("bfloat16") and not dtypes.is_int_dtype("bool")


@pytest.mark.parametrize("wrong", ["float31", object, 3])
def test_what_is_no_type_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="unknown type"):
        backend.standardize_dtype(wrong)


def test_there_is_one_backend_one_type_and_one_layout() -> None:
    assert backend.backend() == latih.config.backend() == "torch"
    assert latih.config.dtype_policy() == latih.DTypePolicy("float32")
    for setter, known, other in (
        (backend.set_floatx, "float32", "float16"),
        (latih.config.set_dtype_policy, latih.DTypePolicy(), "mixed_float16"),
        (latih.config.set_image_data_format, "channels_last", "channels_first"),
    ):
        setter(known)
        with pytest.raises(InputError, match="not to be had"):
            setter(other)
    policy = latih.DTypePolicy.from_config(latih.DTypePolicy().get_config())
    assert (policy.name, policy.compute_dtype, policy.variable_dtype) == ("float32",) * 3
    assert hash(policy) == hash(latih.DTypePolicy()) and latih.layers.Dense(1, dtype=policy)


@pytest.mark.parametrize(
    "reduction", ["sum_over_batch_size", "sum", "none", "mean_with_sample_weight"]
)
@pytest.mark.parametrize("weights", [None, [0.4, 0.3, 0.2, 0.1]])
def test_a_mask_leaves_values_out_of_losses_and_metrics(reduction: str, weights: Any) -> None:
    y, p, mask = (
        [[1.0], [0.0], [1.0], [0.0]],
        [[0.1], [0.2], [0.3], [0.4]],
        [True, False, True, True],
    )
    found = []
    for k in (latih, keras):
        predictions = torch.tensor(p)
        if k is latih:
            backend.set_keras_mask(predictions, torch.tensor(mask))
        else:
            keras.src.backend.set_keras_mask(predictions, torch.tensor(mask))
        loss = k.losses.MeanSquaredError(reduction=reduction)
        metric = k.metrics.MeanSquaredError()
        metric.update_state(torch.tensor(y), predictions, weights)
        found.append((loss(torch.tensor(y), predictions, weights), float(metric.result())))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-5)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-5)


def test_a_loss_of_ones_own_gets_floats() -> None:
    class Own(latih.losses.Loss):
        def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
            assert y_true.dtype == y_pred.dtype == torch.float32
            return 1 - y_true * y_pred

    assert Own()(np.array([True, False]), np.array([0.5, 0.5])).item() == 0.75


OBJECTS = {
    "a loss": lambda k: k.losses.BinaryCrossentropy(from_logits=True),
    "a metric of the same name as a loss": lambda k: k.metrics.MeanSquaredError(name="m"),
    "an optimizer": lambda k: k.optimizers.Adam(0.25, name="a"),
    "a schedule": lambda k: k.optimizers.schedules.ExponentialDecay(0.5, 10, 0.5),
    "a regularizer": lambda k: k.regularizers.L2(0.5),
    "an initializer": lambda k: k.initializers.HeNormal(seed=3),
    "a layer": lambda k: k.layers.Dense(3, activation="relu", name="d"),
    "a function": lambda k: k.losses.mean_squared_error,
}


@pytest.mark.parametrize("name", OBJECTS)
def test_data_of_any_object_cross_over(name: str) -> None:
    ours, theirs = OBJECTS[name](latih), OBJECTS[name](keras)
    data = latih.saving.serialize_keras_object(ours)
    from_keras = latih.saving.deserialize_keras_object(keras.saving.serialize_keras_object(theirs))
    assert latih.saving.serialize_keras_object(from_keras) == data
    to_keras = keras.saving.deserialize_keras_object(data)
    assert type(to_keras) is type(theirs)


def test_functions_are_written_as_keras_writes_them() -> None:
    def mine(y_true: Any, y_pred: Any) -> Any:
        return y_pred

    for family in ("losses", "metrics"):
        for function in (mine, "mean_squared_error"):
            ours, theirs = (
                getattr(getattr(k, family), function) if isinstance(function, str) else function
                for k in (latih, keras)
            )
            written = getattr(latih, family).serialize(ours)
            assert written == getattr(keras, family).serialize(theirs)
    layers = [
        k.layers.Dense(1, activation=a).get_config()["activation"]
        for a in ("relu", mine)
        for k in (latih, keras)
    ]
    assert layers[0] == layers[1] == "relu" and layers[2] == layers[3]
    assert layers[2]["config"] == "mine"


def test_objects_of_the_users_are_revived_by_the_names_given() -> None:
    class Own(latih.losses.Loss):
        def call(self, y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
            return y_pred

    data = latih.saving.serialize_keras_object([Own(name="x"), {"a": 1}])
    loss, plain = latih.saving.deserialize_keras_object(data, custom_objects={"Own": Own})
    assert type(loss) is Own and loss.name == "x" and plain == {"a": 1}
    with pytest.raises(latih.errors.UnknownNameError):
        latih.saving.deserialize_keras_object(data)


def test_a_metric_knows_the_variables_and_metrics_inside_it() -> None:
    mean = latih.metrics.Mean()
    mean.further = {"a": [latih.Variable(1.0), latih.Variable(2.0)]}
    mean.inner = [latih.metrics.Sum()]
    assert len(mean.variables) == 5
    mean.update_state([1.0, 3.0])
    mean.inner[0].update_state(4.0)
    mean.reset_state()
    assert [float(variable) for variable in mean.variables] == [0.0] * 5


def test_a_metric_lends_its_rules_to_sums_that_others_carry() -> None:
    metric = latih.metrics.MeanSquaredError()
    metric.update_state([[0.0]], [[5.0]])
    sums = metric.stateless_reset_state()
    for _ in range(2):
        sums = metric.stateless_update_state(sums, [[0.0]], [[2.0]])
    assert float(metric.stateless_result(sums)) == 4.0 and float(metric.result()) == 25.0
    with pytest.raises(InputError, match="do not fit"):
        metric.stateless_result(sums[:1])


def test_classes_that_are_sorted_count_by_their_place() -> None:
    for k in (latih, keras):
        metric = k.metrics.SparseTopKCategoricalAccuracy(k=2, from_sorted_ids=True)
        metric.update_state([2, 1, 0], [[2, 0, 1], [0, 1, 2], [1, 2, 0]])
        assert float(metric.result()) == pytest.approx(2 / 3)


def test_every_face_is_an_attribute_of_the_front_door() -> None:
    for path in (
        *("losses.Huber", "ops.mean", "backend.Variable", "optimizers.schedules.CosineDecay"),
        *("Variable", "DTypePolicy", "dtype_policies.DTypePolicy", "config.floatx", "metrics.get"),
        *("saving.serialize_keras_object", "utils.to_categorical", "random.SeedGenerator"),
    ):
        found: Any = latih
        for part in path.split("."):
            found = getattr(found, part)
