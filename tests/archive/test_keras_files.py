"""Files that Keras and Latih write for each other, and files that nobody should have written.

Every net is a function of ``k``, which is ``keras`` or ``latih``.
"""

import contextlib
import json
import resource
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import torch

import latih
from latih.errors import (
    FileFormatError,
    InputError,
    LatihError,
    LatihWarning,
    NotReadyError,
    UnknownNameError,
)
from latih.layers.merging import Merge

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    # Keras says so of an optimizer without weights, of a model that was compiled and not trained.
    pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer:UserWarning"),
]

DICE = np.random.default_rng(0)
X = DICE.normal(size=(32, 6)).astype("float32")
LABELS = DICE.integers(0, 3, 32)
BOTH_WAYS = pytest.mark.parametrize(
    ("writer", "reader"),
    [
        pytest.param(latih, keras, id="latih to keras"),
        pytest.param(keras, latih, id="keras to latih"),
        pytest.param(latih, latih, id="latih to latih"),
    ],
)


def classifier(k: Any) -> list[Any]:
    return [k.layers.Dense(5, activation="relu"), k.layers.Dense(3, activation="softmax")]


def all_initializers(k: Any) -> list[Any]:
    made = [
        k.initializers.Constant(0.3),
        k.initializers.RandomNormal(0.1, 0.2, seed=1),
        k.initializers.RandomUniform(-0.1, 0.3),
        k.initializers.TruncatedNormal(0.1, 0.2),
        k.initializers.VarianceScaling(0.5, "fan_out", "uniform", seed=3),
        k.initializers.VarianceScaling(2.0, "fan_avg", "untruncated_normal"),
        *("zeros", "ones", "glorot_normal", "glorot_uniform", "he_normal", "he_uniform"),
        *("lecun_normal", "lecun_uniform"),
        k.initializers.Orthogonal(1.5, seed=2),
    ]
    return [
        k.layers.Dense(4, kernel_initializer=initializer, bias_initializer="random_normal")
        for initializer in made
    ]


def all_layers(k: Any) -> list[Any]:
    return [
        k.layers.Rescaling(0.5, offset=0.1),
        k.layers.Normalization(mean=[0.0] * 5 + [1.0], variance=[2.0] * 6),
        k.layers.Reshape((3, 2)),
        k.layers.Dense(4, activation="selu"),
        k.layers.BatchNormalization(axis=1, momentum=0.9, epsilon=0.01, scale=False),
        k.layers.Flatten(),
        k.layers.Dense(8),
        k.layers.ReLU(max_value=4.0, negative_slope=0.1, threshold=0.2),
        k.layers.Dropout(0.3, noise_shape=(None, 1), seed=5),
        k.layers.LeakyReLU(negative_slope=0.2),
        k.layers.Dropout(0.2),
        k.layers.BatchNormalization(),
        k.layers.ELU(alpha=0.7),
        k.layers.Activation("gelu"),
        k.layers.Dense(3, use_bias=False),
    ]


def augmented(k: Any) -> list[Any]:
    return [
        k.layers.Reshape((2, 3, 1)),
        k.layers.Resizing(3, 2),
        k.layers.RandomFlip("horizontal", seed=1),
        k.layers.RandomRotation((-0.1, 0.2), fill_mode="wrap"),
        k.layers.RandomTranslation(0.1, (0.0, 0.2), interpolation="nearest"),
        k.layers.RandomZoom(0.1, fill_mode="constant", fill_value=1.0),
        k.layers.RandomCrop(3, 2),
        k.layers.RandomContrast(0.1, value_range=(-9, 9)),
        k.layers.RandomBrightness(0.1, value_range=(-9, 9)),
        k.layers.MixUp(alpha=0.3),
        k.layers.CutMix((0.1, 0.4), seed=2),
        k.layers.Flatten(),
        k.layers.Dense(3, "softmax"),
    ]


def leaves(k: Any) -> list[Any]:
    return [
        k.layers.ReLU(max_value=3.5),
        k.layers.Embedding(4, 4, embeddings_regularizer="l2", embeddings_constraint="unit_norm"),
        k.layers.Permute((2, 1)),
        k.layers.PReLU(alpha_regularizer=k.regularizers.L1(0.1), shared_axes=[1]),
        k.layers.LayerNormalization(axis=[1, 2], epsilon=0.01, center=False),
        k.layers.GroupNormalization(2, beta_constraint=k.constraints.MinMaxNorm(0.1, 0.9, 0.5)),
        k.layers.SpectralNormalization(
            k.layers.Dense(4, kernel_regularizer=k.regularizers.OrthogonalRegularizer(0.5)), 2
        ),
        k.layers.AlphaDropout(0.1, noise_shape=(None, 1, None), seed=1),
        k.layers.GaussianNoise(0.1),
        k.layers.GaussianDropout(0.1, seed=2),
        k.layers.Softmax(axis=(1, 2)),
        k.layers.Flatten(),
        k.layers.Dense(3, kernel_constraint="non_neg"),
    ]


def penalised(k: Any) -> list[Any]:
    return [
        k.layers.Dense(
            5,
            activation="elu",
            kernel_regularizer=k.regularizers.L2(0.02),
            bias_regularizer="l1",
            activity_regularizer=k.regularizers.L1L2(0.01, 0.02),
            kernel_constraint=k.constraints.MaxNorm(0.8, axis=0),
            bias_constraint="max_norm",
        ),
        k.layers.BatchNormalization(
            beta_initializer="random_uniform",
            gamma_initializer=k.initializers.Constant(0.5),
            moving_mean_initializer="ones",
            moving_variance_initializer=k.initializers.Constant(2.0),
            gamma_regularizer="l2",
            beta_constraint=k.constraints.MaxNorm(1.0),
        ),
        k.layers.Dense(3, activation="softmax", name="the_outputs"),
    ]


def nested(k: Any) -> list[Any]:
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(4, "relu"), k.layers.BatchNormalization()])
    within = k.Sequential([k.Input((4,)), k.layers.Dense(4), k.layers.Dense(4)], name="within")
    outer = k.Sequential([k.Input((4,)), within, k.layers.Dense(5, "tanh")])
    return [inner, k.layers.Dense(4), outer, k.layers.Dense(3, "softmax")]


def frozen(k: Any) -> list[Any]:
    layers = [k.layers.Dense(5), k.layers.BatchNormalization(), k.layers.Dense(3, "softmax")]
    layers[0].trainable = layers[1].trainable = False
    return layers


NETS: dict[str, Callable[[Any], list[Any]]] = {
    f.__name__: f
    for f in (
        *(classifier, all_layers, augmented, all_initializers),
        *(leaves, penalised, nested, frozen),
    )
}


def sequences(k: Any) -> list[Any]:
    return [
        k.layers.Reshape((6, 1)),
        k.layers.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="tanh"),
        k.layers.Conv1DTranspose(3, 3, strides=2, padding="same", activation="tanh"),
        k.layers.MaxPooling1D(2, strides=1, padding="same"),
        k.layers.AveragePooling1D(3),
        k.layers.GlobalAveragePooling1D(keepdims=True),
        k.layers.GlobalMaxPooling1D(),
        k.layers.Dense(3, "softmax"),
    ]


def images(k: Any) -> list[Any]:
    return [
        k.layers.Reshape((3, 2, 1)),
        k.layers.ZeroPadding2D(((1, 0), 2)),
        k.layers.Conv2D(4, (2, 3), padding="same", kernel_regularizer="l2", activation="tanh"),
        k.layers.MaxPooling2D(2, strides=(1, 2), padding="same"),
        k.layers.SpatialDropout2D(0.3, seed=4),
        k.layers.UpSampling2D((2, 3), interpolation="bilinear"),
        k.layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, activation="tanh"),
        k.layers.SeparableConv2D(3, 2, padding="same", use_bias=False, activation="tanh"),
        k.layers.Conv2DTranspose(2, 3, strides=2, output_padding=1, activation="tanh"),
        k.layers.AveragePooling2D(2),
        k.layers.GlobalMaxPooling2D(keepdims=True),
        k.layers.GlobalAveragePooling2D(),
        k.layers.Dense(3, "softmax"),
    ]


def volumes(k: Any) -> list[Any]:
    return [
        k.layers.Reshape((3, 2, 1, 1)),
        k.layers.Conv3DTranspose(2, 2, strides=2, activation="tanh"),
        k.layers.Conv3D(4, (3, 2, 1), groups=2, activation="tanh"),
        k.layers.MaxPooling3D(2, strides=1),
        k.layers.AveragePooling3D((2, 1, 1)),
        k.layers.GlobalAveragePooling3D(keepdims=True),
        k.layers.GlobalMaxPooling3D(),
        k.layers.Dense(3, "softmax"),
    ]


NETS |= {f.__name__: f for f in (sequences, images, volumes)}


def model_of(k: Any, layers: Callable[[Any], list[Any]], **compiled: Any) -> Any:
    model = k.Sequential([k.Input((6,)), *layers(k)])
    dice = np.random.default_rng(1)
    model.set_weights([dice.uniform(0.2, 0.8, w.shape) for w in model.get_weights()])
    if compiled:
        model.compile(**compiled)
    return model


def load(k: Any, path: Path, **arguments: Any) -> Any:
    return k.models.load_model(path, **arguments)


def assert_same_weights(got: Any, wanted: Any) -> None:
    for one, other in zip(got.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def assert_same_predictions(got: Any, wanted: Any) -> None:
    np.testing.assert_allclose(
        got.predict(X, verbose=0), wanted.predict(X, verbose=0), rtol=1e-5, atol=1e-6
    )


# What Keras does not have.
OWN_LAYERS = {"MCDropout", "WeightNormalization"}
# Keras has Identity, and forgets its gain when it writes it down.
OWN_INITIALIZERS = {"LSUV", "Identity"}

# Both ways


def test_every_layer_and_initializer_goes_through_a_file() -> None:
    saved = {type(layer).__name__ for net in NETS.values() for layer in net(latih)}
    merging = {cls.__name__ for cls in latih.layers.LAYERS.classes if issubclass(cls, Merge)}
    assert {cls.__name__ for cls in latih.layers.LAYERS.classes} - saved == {
        *("InputLayer", *merging),  # a Sequential has no place for a layer of several inputs
        *OWN_LAYERS,
    }
    drawn = {type(layer.kernel_initializer).__name__ for layer in all_initializers(latih)}
    assert {
        cls.__name__ for cls in latih.initializers.INITIALIZERS.classes
    } == drawn | OWN_INITIALIZERS


def test_what_only_latih_has_comes_back_from_its_own_files(tmp_path: Path) -> None:
    def own(k: Any) -> list[Any]:
        inner = k.layers.Dense(4, "relu", kernel_initializer="lsuv")
        same = k.layers.Dense(4, kernel_initializer=k.initializers.Identity(2.0))
        return [k.layers.WeightNormalization(inner), k.layers.MCDropout(0.0), same]

    assert {type(layer).__name__ for layer in own(latih)} == OWN_LAYERS | {"Dense"}
    written = model_of(latih, own)
    written.save(tmp_path / "m.keras")
    read = load(latih, tmp_path / "m.keras")
    assert_same_weights(read, written)
    assert_same_predictions(read, written)
    assert read.get_config() == written.get_config()


@BOTH_WAYS
@pytest.mark.parametrize("net", NETS)
def test_a_model_comes_back_with_its_weights_and_predictions(
    tmp_path: Path, net: str, writer: Any, reader: Any
) -> None:
    written = model_of(writer, NETS[net])
    written.save(tmp_path / "m.keras")
    read = load(reader, tmp_path / "m.keras")
    assert_same_weights(read, written)
    assert_same_predictions(read, written)
    assert [layer.name for layer in read.layers] == [layer.name for layer in written.layers]
    assert [len(layer.trainable_weights) for layer in read.layers] == [
        len(layer.trainable_weights) for layer in written.layers
    ]
    assert getattr(read, "optimizer", None) is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.keras"]


ABOUT_THE_FILE = ("build_config", "compile_config", "module", "registered_name")


@BOTH_WAYS
@pytest.mark.parametrize("net", NETS)
def test_what_a_layer_was_asked_for_comes_back(
    tmp_path: Path, net: str, writer: Any, reader: Any
) -> None:
    written = model_of(writer, NETS[net])
    written.save(tmp_path / "m.keras")
    load(reader, tmp_path / "m.keras").save(tmp_path / "again.keras")
    before, after = (
        _without_defaults_of_keras(json.loads(_members(tmp_path / name)["config.json"]))
        for name in ("m.keras", "again.keras")
    )
    assert after["config"] == before["config"]


def _without_defaults_of_keras(data: Any) -> Any:
    """Leave out what only Keras writes, and spell alike what each spells in its way."""
    if isinstance(data, float):
        return float(np.float32(data))
    neutral = {
        name
        for table in (latih.layers.LAYERS, latih.initializers.INITIALIZERS)
        for cls in table.classes
        for name in cls.neutral_config
    }
    if isinstance(data, dict):
        if data.get("class_name") in ("DTypePolicy", "__tuple__"):
            data = data["config"].get("name") if "config" in data else data["items"]
            return _without_defaults_of_keras(data)
        return {
            name: _without_defaults_of_keras([value] if name == "axis" else value)
            for name, value in data.items()
            if name not in neutral and name not in ABOUT_THE_FILE
        }
    if isinstance(data, list):
        inner = data[0] if len(data) == 1 and isinstance(data[0], list) else data
        return [_without_defaults_of_keras(value) for value in inner]
    return data


@BOTH_WAYS
@pytest.mark.parametrize("net", NETS)
def test_weights_alone_come_back(tmp_path: Path, net: str, writer: Any, reader: Any) -> None:
    written, read = model_of(writer, NETS[net]), model_of(reader, NETS[net])
    read.set_weights([0 * w for w in read.get_weights()])
    written.save_weights(tmp_path / "m.weights.h5")
    read.load_weights(tmp_path / "m.weights.h5")
    assert_same_weights(read, written)


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "name": lambda k: "adam",
    "sgd": lambda k: k.optimizers.SGD(0.05),
    "momentum": lambda k: k.optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=0.5),
    "adagrad": lambda k: k.optimizers.Adagrad(0.05, initial_accumulator_value=0.3),
    "adadelta": lambda k: k.optimizers.Adadelta(0.5, rho=0.9),
    "adamw": lambda k: k.optimizers.AdamW(0.01, weight_decay=0.1),
    "adamax": lambda k: k.optimizers.Adamax(0.01, beta_2=0.9),
    "nadam": lambda k: k.optimizers.Nadam(0.01),
    "lion": lambda k: k.optimizers.Lion(0.001, beta_1=0.8),
    "average": lambda k: k.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.8),
    "accumulation": lambda k: k.optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "scaled": lambda k: k.optimizers.SGD(0.05, loss_scale_factor=8.0),
    "cosine": lambda k: k.optimizers.SGD(k.optimizers.schedules.CosineDecay(0.05, 12)),
    "rmsprop": lambda k: k.optimizers.RMSprop(0.01, rho=0.8),
    "rmsprop momentum": lambda k: k.optimizers.RMSprop(0.01, momentum=0.5),
    "rmsprop centered": lambda k: k.optimizers.RMSprop(0.01, centered=True),
    "rmsprop both": lambda k: k.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adam": lambda k: k.optimizers.Adam(0.01, beta_1=0.8, weight_decay=0.1, clipvalue=0.2),
    "amsgrad": lambda k: k.optimizers.Adam(0.01, amsgrad=True, global_clipnorm=0.5),
    "schedule": lambda k: k.optimizers.Adam(
        k.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5, staircase=True)
    ),
    "momentum schedule": lambda k: k.optimizers.SGD(
        k.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5), momentum=0.9
    ),
}


def test_every_optimizer_goes_through_a_file() -> None:
    made = {type(latih.optimizers.get(make(latih))) for make in OPTIMIZERS.values()}
    assert made == set(latih.optimizers.OPTIMIZERS.classes)


@BOTH_WAYS
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_goes_on_from_the_state_of_the_optimizer(
    tmp_path: Path, optimizer: str, writer: Any, reader: Any
) -> None:
    written = model_of(
        writer,
        penalised,
        optimizer=OPTIMIZERS[optimizer](writer),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    training = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
    written.fit(X, LABELS, **training)
    written.save(tmp_path / "m.keras")
    read = load(reader, tmp_path / "m.keras")
    whole_updates = 8 // (written.optimizer.gradient_accumulation_steps or 1)
    assert int(read.optimizer.iterations) == whole_updates
    assert float(read.optimizer.learning_rate) == pytest.approx(
        float(written.optimizer.learning_rate)
    )
    wanted, got = (model.fit(X, LABELS, **training).history for model in (written, read))
    assert sorted(got) == sorted(wanted)
    for name in wanted:
        assert list(map(float, got[name])) == pytest.approx(
            list(map(float, wanted[name])), rel=1e-4
        )


def three_layers(k: Any) -> list[Any]:
    return [k.layers.Dense(units, "tanh") for units in (5, 4)] + [k.layers.Dense(3, "softmax")]


REST: dict[str, tuple[tuple[bool, ...], tuple[bool, ...]]] = {
    "frozen": ((True, True, True), (False, True, True)),
    "freed": ((False, False, True), (True, True, True)),
    "both": ((False, True, True), (True, False, True)),
    "all frozen": ((True, True, True), (False, False, False)),
}
"""Which layers were trainable when the model was trained, and which when it was saved."""


def let_learn(model: Any, which: tuple[bool, ...]) -> None:
    for layer, learns in zip(model.layers[-3:], which, strict=True):
        layer.trainable = learns


@pytest.mark.parametrize("reader", [latih, keras], ids=lambda k: k.__name__)
@pytest.mark.parametrize("change", REST)
@pytest.mark.parametrize("optimizer", ["adam", "nadam", "rmsprop both", "average", "accumulation"])
def test_layers_that_were_frozen_or_freed_after_training_are_saved_so(
    tmp_path: Path, optimizer: str, change: str, reader: Any, recwarn: Any
) -> None:
    trained, saved = REST[change]
    training = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
    written = model_of(latih, three_layers)
    let_learn(written, trained)
    made = OPTIMIZERS[optimizer](latih)
    written.compile(made, loss="sparse_categorical_crossentropy")
    written.fit(X, LABELS, **training)
    held = [variable.clone() for variable in written.optimizer.variables]
    let_learn(written, saved)
    written.save(tmp_path / "m.keras")
    for variable, before in zip(written.optimizer.variables, held, strict=True):
        assert torch.equal(variable, before)  # to save changes nothing
    read = load(reader, tmp_path / "m.keras")
    assert not [one for one in recwarn if "kipping" in str(one.message)]
    assert_same_predictions(read, written)
    if not any(saved):
        return
    assert int(read.optimizer.iterations) == int(written.optimizer.iterations)
    wanted, got = (model.fit(X, LABELS, **training).history for model in (written, read))
    assert got["loss"] == pytest.approx(wanted["loss"], rel=1e-4)


def test_keras_files_of_layers_frozen_after_training_are_loaded(tmp_path: Path) -> None:
    written = model_of(
        keras, three_layers, optimizer="adam", loss="sparse_categorical_crossentropy"
    )
    written.fit(X, LABELS, verbose=0)
    let_learn(written, (False, True, True))
    written.save(tmp_path / "m.keras")
    with pytest.warns(LatihWarning, match="14 arrays of it, and the model needs 10") as told:
        read = latih.models.load_model(tmp_path / "m.keras")
    assert told[0].filename == __file__
    assert_same_predictions(read, written)
    read.fit(X, LABELS, verbose=0)


COMPILED: dict[str, tuple[Callable[[Any], dict[str, Any]], Any]] = {
    "names": (
        lambda k: {
            "optimizer": "sgd",
            "loss": "sparse_categorical_crossentropy",
            "metrics": ["accuracy", "sparse_categorical_accuracy"],
            "weighted_metrics": ["acc"],
        },
        LABELS,
    ),
    "objects": (
        lambda k: {
            "optimizer": k.optimizers.SGD(),
            "loss": k.losses.SparseCategoricalCrossentropy(ignore_class=1),
            "metrics": [
                k.metrics.SparseCategoricalAccuracy(name="right"),
                k.metrics.SparseTopKCategoricalAccuracy(k=2),
            ],
        },
        LABELS,
    ),
    "one-hot objects": (
        lambda k: {
            "loss": k.losses.CategoricalCrossentropy(label_smoothing=0.1),
            "metrics": [k.metrics.CategoricalAccuracy(), k.metrics.TopKCategoricalAccuracy(k=2)],
        },
        np.eye(3, dtype="float32")[LABELS],
    ),
    "binary objects": (
        lambda k: {
            "loss": k.losses.BinaryCrossentropy(label_smoothing=0.1),
            "metrics": [k.metrics.BinaryAccuracy(threshold=0.3), "binary_accuracy"],
        },
        np.eye(3, dtype="float32")[LABELS],
    ),
    "regression names": (
        lambda k: {"loss": "mse", "metrics": ["mae", "mean_squared_error"]},
        X[:, :3],
    ),
    "regression objects": (
        lambda k: {
            "loss": k.losses.Huber(),
            "metrics": [k.metrics.MeanAbsoluteError(), k.metrics.MeanSquaredError(name="off")],
        },
        X[:, :3],
    ),
    "focal objects": (
        lambda k: {
            "loss": k.losses.CategoricalFocalCrossentropy(alpha=[0.2, 0.3, 0.5], gamma=1.0),
            "metrics": [
                k.metrics.AUC(num_thresholds=20),
                k.metrics.Precision(thresholds=0.4),
                k.metrics.F1Score(average="macro"),
                k.metrics.KLDivergence(),
            ],
        },
        np.eye(3, dtype="float32")[LABELS],
    ),
    "mse object": (lambda k: {"loss": k.losses.MeanSquaredError(reduction="sum")}, X[:, :3]),
    "mae object": (lambda k: {"loss": k.losses.MeanAbsoluteError()}, X[:, :3]),
    "function": (lambda k: {"loss": k.losses.mean_absolute_error}, X[:, :3]),
}


@BOTH_WAYS
@pytest.mark.parametrize("case", COMPILED)
def test_losses_and_metrics_come_back(tmp_path: Path, case: str, writer: Any, reader: Any) -> None:
    compiled, targets = COMPILED[case]
    written = model_of(writer, classifier, **compiled(writer))
    written.fit(X, targets, verbose=0)
    written.save(tmp_path / "m.keras")
    read = load(reader, tmp_path / "m.keras")
    wanted, got = (
        {n: float(v) for n, v in m.evaluate(X, targets, verbose=0, return_dict=True).items()}
        for m in (written, read)
    )
    assert got == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("reader", [latih, keras])
def test_hubers_delta_comes_back(tmp_path: Path, reader: Any) -> None:
    # Keras itself leaves it out of what it writes, and reads it if it is there.
    written = model_of(latih, classifier, loss=latih.losses.Huber(delta=0.1))
    written.save(tmp_path / "m.keras")
    read = load(reader, tmp_path / "m.keras")
    wanted, got = (float(m.evaluate(X, X[:, :3], verbose=0)) for m in (written, read))
    assert got == pytest.approx(wanted, rel=1e-5)


@BOTH_WAYS
def test_a_model_that_was_compiled_and_not_trained_comes_back(
    tmp_path: Path, writer: Any, reader: Any
) -> None:
    written = model_of(writer, classifier, optimizer="adam", loss="mse")
    written.save(tmp_path / "m.keras")
    read = load(reader, tmp_path / "m.keras")
    assert type(read.optimizer).__name__ == "Adam"
    assert_same_predictions(read, written)


@BOTH_WAYS
def test_compile_false_leaves_the_model_uncompiled(
    tmp_path: Path, writer: Any, reader: Any
) -> None:
    model_of(writer, classifier, optimizer="adam", loss="mse").save(tmp_path / "m.keras")
    read = load(reader, tmp_path / "m.keras", compile=False)
    assert getattr(read, "optimizer", None) is None


def test_a_model_without_weights_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match="built"):
        latih.Sequential([latih.layers.Dense(3)]).save(tmp_path / "m.keras")
    assert list(tmp_path.iterdir()) == []


def test_a_class_of_the_users_comes_back_when_the_user_names_it(tmp_path: Path) -> None:
    class Doubled(latih.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    model_of(latih, lambda k: [Doubled(), *classifier(k)]).save(tmp_path / "m.keras")
    with pytest.raises(UnknownNameError, match="Doubled"):
        load(latih, tmp_path / "m.keras")
    read = load(latih, tmp_path / "m.keras", custom_objects={"Doubled": Doubled})
    assert type(read.layers[0]) is Doubled


# Saving is whole or not at all


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_an_error_while_writing_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, error: type[BaseException]
) -> None:
    model, path = model_of(latih, classifier), tmp_path / f"m{ending}"
    save = model.save if ending == ".keras" else model.save_weights
    save(path)
    before = path.read_bytes()
    model.set_weights([2 * w for w in model.get_weights()])

    def fail(*arguments: Any) -> bytes:
        raise error

    monkeypatch.setattr("latih.archive.weights.weights_as_bytes", fail)
    with pytest.raises(error):
        save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, path = model_of(latih, classifier), tmp_path / "m.keras"
    model.save(path)
    before = path.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_described_is_refused_before_the_old_file_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    model_of(latih, classifier).save(path)
    before = path.read_bytes()
    nameless = model_of(latih, lambda k: [k.layers.Activation(lambda x: x), *classifier(k)])
    with pytest.raises(InputError, match="register"):
        nameless.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_not_replaced_against_the_users_word(tmp_path: Path) -> None:
    model, path = model_of(latih, classifier), tmp_path / "m.keras"
    model.save(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="overwrite"):
        model.save(path, overwrite=False)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["m.h5", "m", "m.keras.zip", "m.pt"])
def test_another_ending_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"\.keras"):
        model_of(latih, classifier).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


# Hostile files


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a file that nothing is wrong with."""
    path = tmp_path_factory.mktemp("good") / "m.keras"
    layers = [latih.layers.Dense(5, "relu", name="first"), latih.layers.Dense(3, name="second")]
    model = model_of(latih, lambda k: layers, optimizer="adam", loss="mse")
    model.fit(X, X[:, :3], verbose=0, shuffle=False)
    model.save(path)
    return _members(path)


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def assert_refused(path: Path, *, mebibytes: int = 40) -> str:
    """Load what should not be loaded; return the sentence."""
    there = sorted(path.parent.iterdir())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(LatihError) as caught:
        latih.models.load_model(path)
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert taken < mebibytes * 1024
    assert sorted(path.parent.iterdir()) == there
    return str(caught.value)


def test_the_file_that_all_these_are_made_of_is_good(
    tmp_path: Path, good: dict[str, bytes]
) -> None:
    assert latih.models.load_model(zipped(tmp_path / "m.keras", good)).built


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(64), b"\x80\x04N.", bytes(1 << 16)],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.keras"
    path.write_bytes(content)
    assert "m.keras" in assert_refused(path)


def test_a_directory_and_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "d.keras").mkdir()
    assert "a directory" in assert_refused(tmp_path / "d.keras")
    assert "nothing" in assert_refused(tmp_path / "n.keras")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_an_archive_that_ends_too_early_is_refused(
    tmp_path: Path, good: dict[str, bytes], part: float
) -> None:
    path = zipped(tmp_path / "m.keras", good)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    assert_refused(path)


@pytest.mark.parametrize("name", ["metadata.json", "config.json", "model.weights.h5"])
def test_an_archive_without_a_member_is_refused(
    tmp_path: Path, good: dict[str, bytes], name: str
) -> None:
    rest = {other: content for other, content in good.items() if other != name}
    assert name in assert_refused(zipped(tmp_path / "m.keras", rest))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
@pytest.mark.parametrize("name", ["metadata.json", "config.json", "model.weights.h5"])
def test_an_archive_with_a_member_twice_is_refused(
    tmp_path: Path, good: dict[str, bytes], name: str
) -> None:
    path = zipped(tmp_path / "m.keras", good)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, good[name])
    assert "twice" in assert_refused(path)


def test_a_member_whose_bytes_were_changed_is_refused(
    tmp_path: Path, good: dict[str, bytes]
) -> None:
    path = zipped(tmp_path / "m.keras", good)
    content = path.read_bytes()
    assert content.count(b'"class_name"') > 1
    path.write_bytes(content.replace(b'"class_name"', b'"class_nome"', 1))
    assert "config.json" in assert_refused(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"3",
        b'"Sequential"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"config":' * 100_000,
        b'{"config":' * 100_000 + b"1" + b"}" * 100_000,
        b"{}",
        b'{"class_name": "Sequential"}',
        b'{"class_name": "Sequential", "config": []}',
        b'{"class_name": "Sequential", "config": {"layers": 3}}',
        b'{"class_name": "Sequential", "config": {"layers": [3]}}',
        b'{"class_name": "Sequential", "config": {"layers": [null]}}',
        b'{"class_name": "Sequential", "config": {"layers": ["os.system"]}}',
        b'{"class_name": "Sequential", "config": {"layers": [], "surplus": 1}}',
        b'{"class_name": ["Sequential"], "config": {}}',
        b'{"class_name": "Dense", "config": {"units": 3}}',
        b'{"class_name": "Functional", "config": {"layers": []}}',
    ],
)
def test_a_config_that_describes_no_model_is_refused(
    tmp_path: Path, good: dict[str, bytes], content: bytes
) -> None:
    assert_refused(zipped(tmp_path / "m.keras", {**good, "config.json": content}))


def with_config(path: Path, good: dict[str, bytes], change: Callable[[Any], None]) -> Path:
    config = json.loads(good["config.json"])
    change(config)
    return zipped(path, {**good, "config.json": json.dumps(config).encode()})


def layer(config: Any, number: int = 1) -> Any:
    return config["config"]["layers"][number]


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAA==", "defaults": None}}
DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "a Lambda": {"module": "keras.layers", "class_name": "Lambda", "config": {"function": LAMBDA}},
    "os.system": {"module": "os", "class_name": "system", "config": {"command": "id"}},
    "os.system, dotted": {"module": None, "class_name": "os.system", "config": {}},
    "a function": {"module": "os", "class_name": "function", "config": "system"},
    "a builtin": {"module": "builtins", "class_name": "function", "config": "eval"},
    "eval": {"module": "builtins", "class_name": "eval", "config": {"source": "1"}},
    "Popen": {"module": "subprocess", "class_name": "Popen", "config": {"args": ["id"]}},
    "a registered name": {
        "module": "os",
        "class_name": "system",
        "config": {},
        "registered_name": "os>system",
    },
    "a number": {"module": "keras.layers", "class_name": 3, "config": {}},
    "TorchModuleWrapper": {
        "module": "keras.layers",
        "class_name": "TorchModuleWrapper",
        "config": {"module": {"class_name": "__bytes__", "value": "gAROLg=="}},
    },
    "an optimizer": {"module": "keras.optimizers", "class_name": "Adam", "config": {}},
    "nothing": {},
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
@pytest.mark.parametrize(
    "place",
    ["layer", "activation", "kernel_initializer", "kernel_regularizer", "kernel_constraint"],
)
def test_what_is_in_no_table_is_refused_wherever_it_stands(
    tmp_path: Path, good: dict[str, bytes], name: str, place: str
) -> None:
    def change(config: Any) -> None:
        if place == "layer":
            config["config"]["layers"][1] = DESCRIPTIONS[name]
        else:
            layer(config)["config"][place] = DESCRIPTIONS[name]

    assert_refused(with_config(tmp_path / "m.keras", good, change))


@pytest.mark.parametrize("name", [n for n in DESCRIPTIONS if n != "an optimizer"])
@pytest.mark.parametrize("place", ["optimizer", "loss", "metrics", "learning_rate"])
def test_what_is_in_no_table_is_not_compiled_either(
    tmp_path: Path, good: dict[str, bytes], name: str, place: str
) -> None:
    def change(config: Any) -> None:
        compiled, bad = config["compile_config"], DESCRIPTIONS[name]
        if place == "learning_rate":
            compiled["optimizer"]["config"]["learning_rate"] = bad
        else:
            compiled[place] = [bad] if place == "metrics" else bad

    assert_refused(with_config(tmp_path / "m.keras", good, change))


ARGUMENTS: list[tuple[str, Any]] = [
    ("units", -1),
    ("units", 0),
    ("units", 2.5),
    ("units", "five"),
    ("units", None),
    ("units", [5]),
    ("units", True),
    ("units", float("nan")),
    ("units", float("inf")),
    ("dtype", "float64"),
    ("dtype", {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}),
    ("surplus", 1),
    ("quantization_config", {"class_name": "Int8QuantizationConfig"}),
    ("lora_rank", 4),
    ("activation", "os.system"),
    ("activation", 3),
    ("kernel_initializer", "system"),
    ("kernel_initializer", {"class_name": "Constant", "config": {"value": "x"}}),
    ("kernel_initializer", {"class_name": "RandomNormal", "config": {"stddev": -1.0}}),
    ("kernel_regularizer", {"class_name": "L2", "config": {"l2": "x"}}),
    ("kernel_regularizer", {"class_name": "L2", "config": {"l2": -1}}),
    ("kernel_constraint", {"class_name": "MaxNorm", "config": {"largest": 1}}),
]


@pytest.mark.parametrize(("argument", "value"), ARGUMENTS)
def test_arguments_that_a_layer_cannot_take_are_refused(
    tmp_path: Path, good: dict[str, bytes], argument: str, value: Any
) -> None:
    def change(config: Any) -> None:
        layer(config)["config"][argument] = value

    assert_refused(with_config(tmp_path / "m.keras", good, change))


COMPILE_CONFIGS: list[tuple[str, Any]] = [
    ("optimizer", "nonesuch"),
    ("optimizer", 3),
    ("optimizer", {"class_name": "Adam", "config": {"learning_rate": "fast"}}),
    ("optimizer", {"class_name": "Adam", "config": {"learning_rate": float("nan")}}),
    ("optimizer", {"class_name": "Adam", "config": {"beta_1": "x"}}),
    ("optimizer", {"class_name": "Adam", "config": {"surplus": 1}}),
    ("optimizer", {"class_name": "Adam", "config": {"ema_momentum": 1.5}}),
    ("optimizer", {"class_name": "Adam", "config": {"gradient_accumulation_steps": 1}}),
    ("loss", "nonesuch"),
    ("loss", 3),
    ("loss", ["mse", "mse"]),
    ("loss", {"class_name": "Huber", "config": {"delta": 1.0, "reduction": "surplus"}}),
    ("loss_weights", [1.0, 2.0]),
    ("metrics", "accuracy"),
    ("metrics", ["nonesuch"]),
    ("metrics", [3]),
    ("weighted_metrics", {"a": 1}),
]


@pytest.mark.parametrize(("argument", "value"), COMPILE_CONFIGS)
def test_arguments_that_compile_cannot_take_are_refused(
    tmp_path: Path, good: dict[str, bytes], argument: str, value: Any
) -> None:
    def change(config: Any) -> None:
        config["compile_config"][argument] = value

    assert_refused(with_config(tmp_path / "m.keras", good, change))


@pytest.mark.parametrize(
    "optimizer",
    [
        {"class_name": "SGD", "config": {"momentum": 0.9}},  # the state is Adam's
        {"class_name": "Adam", "config": {"use_ema": True}},  # nor is the state that
    ],
)
def test_the_state_of_another_optimizer_is_left_out(
    tmp_path: Path, good: dict[str, bytes], optimizer: Any
) -> None:
    def change(config: Any) -> None:
        config["compile_config"]["optimizer"] = optimizer

    with pytest.warns(LatihWarning, match="is left out, and begins anew"):
        model = latih.models.load_model(with_config(tmp_path / "m.keras", good, change))
    assert type(model.optimizer).__name__ == optimizer["class_name"]
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize("value", [3, "adam", [1], {"optimizer": []}])
def test_a_compile_config_that_is_none_is_refused(
    tmp_path: Path, good: dict[str, bytes], value: Any
) -> None:
    def change(config: Any) -> None:
        config["compile_config"] = value

    assert_refused(with_config(tmp_path / "m.keras", good, change))


def _deeply(config: Any) -> None:
    inner = layer(config)
    for _ in range(200):
        inner = {"class_name": "Sequential", "config": {"layers": [inner]}}
    config["config"]["layers"][1] = inner


TOO_LARGE: dict[str, Callable[[Any], None]] = {
    "units of 4 GB": lambda c: layer(c)["config"].update(units=2**27),
    "units of terabytes": lambda c: layer(c)["config"].update(units=10**13),
    "units beyond 64 bits": lambda c: layer(c)["config"].update(units=10**30),
    "an input of 4 GB": lambda c: layer(c, 0)["config"].update(batch_shape=[None, 2**28]),
    "an input of terabytes": lambda c: layer(c, 0)["config"].update(batch_shape=[None, 10**13]),
    "an input of many axes": lambda c: layer(c, 0)["config"].update(batch_shape=[None] + [9] * 60),
    "a batch of terabytes": lambda c: layer(c, 0)["config"].update(batch_shape=[10**13, 7]),
    "a negative input": lambda c: layer(c, 0)["config"].update(batch_shape=[None, -6]),
    "an input of text": lambda c: layer(c, 0)["config"].update(batch_shape=[None, "6"]),
    "an input of no shape": lambda c: layer(c, 0)["config"].update(batch_shape=6),
    "a shape of terabytes": lambda c: c["config"]["layers"].insert(
        1, {"class_name": "Reshape", "config": {"target_shape": [10**13]}}
    ),
    "many layers": lambda c: c["config"].update(
        layers=[layer(c, 0)]
        + [{"class_name": "Dense", "config": {"units": 1000, "name": f"d{i}"}} for i in range(100)]
    ),
    "many more weights by a negative one": lambda c: c["config"].update(
        layers=[
            layer(c, 0),
            {"class_name": "Reshape", "config": {"target_shape": [-(10**9)]}},
            {"class_name": "Dense", "config": {"units": 2**27}},
        ]
    ),
    "models 200 deep": _deeply,
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_sizes_that_the_file_cannot_fill_are_refused_without_being_allocated(
    tmp_path: Path, good: dict[str, bytes], name: str
) -> None:
    assert_refused(with_config(tmp_path / "m.keras", good, TOO_LARGE[name]))


def test_a_member_that_swells_when_it_is_unpacked_is_not_unpacked(
    tmp_path: Path, good: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    swollen = {**good, "model.weights.h5": good["model.weights.h5"] + bytes(100 << 20)}
    path = zipped(tmp_path / "m.keras", swollen, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    unpacked = []
    read = zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        unpacked.append(content := read(self, n))
        return content

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    with contextlib.suppress(LatihError):
        latih.models.load_model(path)
    assert sum(map(len, unpacked)) < 20 << 20


# Hostile weights: as a file of their own and inside an archive

KERNEL = "layers/dense/vars/0"


def _replaced(file: h5py.File, make: Callable[[h5py.Group, str], Any]) -> None:
    values = file[KERNEL][()]
    del file[KERNEL]
    made = make(file["layers/dense/vars"], "0")
    if made is not None:
        file["layers/dense/vars"]["0"] = made if made is not True else values


def _external(group: h5py.Group, name: str) -> None:
    secret = Path(group.file.filename).parent / "secret.bin"
    secret.write_bytes(np.full((6, 5), 7.0, "float32").tobytes())
    group.create_dataset(name, (6, 5), "float32", external=[(str(secret), 0, 120)])


def _virtual(group: h5py.Group, name: str) -> None:
    layout = h5py.VirtualLayout((6, 5), "float32")
    layout[:] = h5py.VirtualSource("other.h5", "data", (6, 5), "float32")
    group.create_virtual_dataset(name, layout)


def _of_bytes_that_a_loader_would_unpickle(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (6, 5), h5py.special_dtype(vlen=bytes))


def _compound(group: h5py.Group, name: str) -> None:
    group.create_dataset(name, (6, 5), np.dtype([("a", "f4"), ("b", "f4")]))


HOSTILE: dict[str, Callable[[h5py.File], None]] = {
    "a missing array": lambda f: f.__delitem__(KERNEL),
    "a missing layer": lambda f: f.__delitem__("layers/dense"),
    "no layers": lambda f: f.__delitem__("layers"),
    "a surplus array": lambda f: f.__setitem__("layers/dense/vars/2", np.zeros(3, "float32")),
    "another shape": lambda f: _replaced(f, lambda g, n: np.zeros((5, 6), "float32")),
    "another size": lambda f: _replaced(f, lambda g, n: np.zeros((6, 4), "float32")),
    "another rank": lambda f: _replaced(f, lambda g, n: np.zeros(30, "float32")),
    "a number": lambda f: _replaced(f, lambda g, n: np.float32(1)),
    "a size of terabytes": lambda f: _replaced(
        f, lambda g, n: g.create_dataset(n, (2**20, 2**20), "float32", chunks=(1, 1024)) and None
    ),
    "text": lambda f: _replaced(f, lambda g, n: np.full((6, 5), b"x")),
    "objects": lambda f: _replaced(f, _of_bytes_that_a_loader_would_unpickle),
    "pairs": lambda f: _replaced(f, _compound),
    "complex numbers": lambda f: _replaced(f, lambda g, n: np.zeros((6, 5), "complex64")),
    "references": lambda f: _replaced(
        f, lambda g, n: g.create_dataset(n, (6, 5), h5py.ref_dtype) and None
    ),
    "long doubles": lambda f: _replaced(f, lambda g, n: np.zeros((6, 5), "longdouble")),
    "nothing in it": lambda f: _replaced(f, lambda g, n: h5py.Empty("float32")),
    "a group for an array": lambda f: _replaced(f, lambda g, n: g.create_group(n) and None),
    "an array for a group": lambda f: (
        f.__delitem__("layers/dense/vars"),
        f.__setitem__("layers/dense/vars", np.zeros((2, 3))),
    )[0],
    "an external array": lambda f: _replaced(f, _external),
    "a virtual array": lambda f: _replaced(f, _virtual),
    "a soft link": lambda f: _replaced(f, lambda g, n: h5py.SoftLink("/layers/dense_1/vars/0")),
    "a soft link to itself": lambda f: _replaced(f, lambda g, n: h5py.SoftLink(f"/{KERNEL}")),
    "an external link": lambda f: _replaced(
        f, lambda g, n: h5py.ExternalLink("/etc/passwd", "/data")
    ),
    "an external link to itself": lambda f: _replaced(
        f, lambda g, n: h5py.ExternalLink(f.filename, "/layers/dense/vars/1")
    ),
    "a linked group": lambda f: (
        f.move("layers/dense", "elsewhere"),
        f.__setitem__("layers/dense", h5py.SoftLink("/elsewhere")),
    )[0],
    "an externally linked group": lambda f: (
        f.__delitem__("layers/dense"),
        f.__setitem__("layers/dense", h5py.ExternalLink("other.h5", "/")),
    )[0],
}


def hostile_weights(folder: Path, good: dict[str, bytes], change: Callable[..., None]) -> Path:
    path = folder / "m.weights.h5"
    path.write_bytes(good["model.weights.h5"])
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def assert_weights_refused(path: Path) -> None:
    model = model_of(latih, classifier)
    before = model.get_weights()
    there = sorted(path.parent.iterdir())
    with pytest.raises(LatihError):
        model.load_weights(path)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert sorted(path.parent.iterdir()) == there


@pytest.mark.parametrize("name", HOSTILE)
def test_weights_that_are_not_the_models_are_refused_and_change_nothing(
    tmp_path: Path, good: dict[str, bytes], name: str
) -> None:
    assert_weights_refused(hostile_weights(tmp_path, good, HOSTILE[name]))


@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_of_weights_that_are_not_the_models_is_refused(
    tmp_path: Path, good: dict[str, bytes], name: str
) -> None:
    path = hostile_weights(tmp_path, good, HOSTILE[name])
    archive = zipped(tmp_path / "m.keras", {**good, "model.weights.h5": path.read_bytes()})
    assert_refused(archive)


@pytest.mark.parametrize("kind", ["float64", "float16", ">f4", ">f8", "int32", "uint8", ">i2"])
def test_numbers_of_another_type_are_read_by_their_value(
    tmp_path: Path, good: dict[str, bytes], kind: str
) -> None:
    values = np.arange(15).reshape(5, 3)

    def change(file: h5py.File) -> None:
        del file["layers/dense_1/vars/0"]
        file["layers/dense_1/vars/0"] = values.astype(kind)

    model = model_of(latih, classifier)
    model.load_weights(hostile_weights(tmp_path, good, change))
    np.testing.assert_array_equal(model.get_weights()[2], values)


SLOT = "optimizer/vars/3"
HOSTILE_STATES: dict[str, Callable[[h5py.File], None]] = {
    "a missing slot": lambda f: f.__delitem__(SLOT),
    "a surplus slot": lambda f: f.__setitem__("optimizer/vars/99", np.zeros(3, "float32")),
    "another shape": lambda f: (
        f.__delitem__(SLOT),
        f.__setitem__(SLOT, np.zeros((2, 2), "float32")),
    )[0],
    "a link": lambda f: (
        f.__delitem__(SLOT),
        f.__setitem__(SLOT, h5py.ExternalLink("/etc/passwd", "/data")),
    )[0],
    "a linked group": lambda f: (
        f.__delitem__("optimizer"),
        f.__setitem__("optimizer", h5py.SoftLink("/layers")),
    )[0],
    "iterations of text": lambda f: (
        f.__delitem__("optimizer/vars/0"),
        f.__setitem__("optimizer/vars/0", "many"),
    )[0],
    "a learning rate that is none": lambda f: f["optimizer/vars/1"].__setitem__((), np.nan),
    "a negative learning rate": lambda f: f["optimizer/vars/1"].__setitem__((), -1.0),
    "fewer than no iterations": lambda f: f["optimizer/vars/0"].__setitem__((), -5),
}


@pytest.mark.parametrize("name", HOSTILE_STATES)
def test_a_state_that_is_not_the_optimizers_is_refused(
    tmp_path: Path, good: dict[str, bytes], name: str
) -> None:
    path = hostile_weights(tmp_path, good, HOSTILE_STATES[name])
    archive = zipped(tmp_path / "m.keras", {**good, "model.weights.h5": path.read_bytes()})
    assert_refused(archive)
    assert latih.models.load_model(archive, compile=False).built


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.6, 0.95])
def test_weights_that_end_too_early_are_refused(
    tmp_path: Path, good: dict[str, bytes], part: float
) -> None:
    content = good["model.weights.h5"]
    cut = content[: int(len(content) * part)]
    path = tmp_path / "m.weights.h5"
    path.write_bytes(cut)
    assert_weights_refused(path)
    assert_refused(zipped(tmp_path / "m.keras", {**good, "model.weights.h5": cut}))


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x05\x06" + bytes(18), bytes(4096)])
def test_weights_that_are_no_hdf5_are_refused(
    tmp_path: Path, good: dict[str, bytes], content: bytes
) -> None:
    path = tmp_path / "m.weights.h5"
    path.write_bytes(content)
    assert_weights_refused(path)
    assert_refused(zipped(tmp_path / "m.keras", {**good, "model.weights.h5": content}))


def test_a_directory_and_nothing_hold_no_weights(tmp_path: Path) -> None:
    (tmp_path / "d.weights.h5").mkdir()
    assert_weights_refused(tmp_path / "d.weights.h5")
    assert_weights_refused(tmp_path / "n.weights.h5")


def test_bytes_changed_anywhere_are_refused_or_read_and_never_anything_else(
    tmp_path: Path, good: dict[str, bytes]
) -> None:
    dice = np.random.default_rng(3)
    path, content = tmp_path / "m.weights.h5", good["model.weights.h5"]
    for _ in range(150):
        changed = bytearray(content)
        for place in dice.integers(0, len(content), 8):
            changed[place] = dice.integers(0, 256)
        path.write_bytes(changed)
        model = model_of(latih, classifier)
        try:
            model.load_weights(path)
        except LatihError:
            continue
        assert [w.shape for w in model.get_weights()] == [(6, 5), (5,), (5, 3), (3,)]


def test_safe_mode_cannot_be_switched_off(tmp_path: Path, good: dict[str, bytes]) -> None:
    path = zipped(tmp_path / "m.keras", good)
    with pytest.raises(InputError, match="safe_mode"):
        latih.models.load_model(path, safe_mode=False)


def test_a_legacy_file_of_another_kind_says_what_is_expected(tmp_path: Path) -> None:
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = "{}"
    with pytest.raises(FileFormatError, match="keras"):
        latih.models.load_model(path)
