"""Layers one after the other, of every kind that a Sequential has a place for."""

from typing import Any

import crossing_case as data
from crossing_case import NEVER, case
from crossing_subclassed import latihs_layers

CLASSES = "sparse_categorical_crossentropy"


@case(data.X, data.LABELS, CLASSES, "adam", options=lambda k: {"metrics": ["accuracy"]})
def classifier(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((6,)),
            k.layers.Dense(8, kernel_initializer="he_normal", use_bias=False),
            k.layers.BatchNormalization(momentum=0.9),
            k.layers.Activation("elu"),
            k.layers.Dense(8),
            k.layers.ReLU(max_value=6.0, negative_slope=0.1),
            k.layers.Dropout(NEVER),
            k.layers.Dense(8),
            k.layers.LeakyReLU(0.2),
            k.layers.Dense(8),
            k.layers.ELU(0.7),
            k.layers.Dense(3, activation="softmax"),
        ]
    )


@case(100 + 5 * data.X, data.Y1, "huber", "momentum")
def adapted(k: Any) -> Any:
    normalization = k.layers.Normalization()
    normalization.adapt(100 + 5 * data.X)
    known = k.layers.Normalization(mean=[0.1] * 6, variance=[2.0] * 6)
    layers = [normalization, known, k.layers.Rescaling(0.5, offset=0.1)]
    return k.Sequential([k.Input((6,)), *layers, k.layers.Dense(5, "tanh"), k.layers.Dense(1)])


@case(data.IMAGES, data.LABELS, CLASSES, "rmsprop")
def convolutions(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((6, 6, 2)),
            k.layers.Conv2D(4, 3, padding="same", activation="relu", dilation_rate=2),
            k.layers.MaxPooling2D(2),
            k.layers.BatchNormalization(),
            k.layers.Conv2D(4, 2, groups=2, activation="relu"),
            k.layers.Flatten(),
            k.layers.Dense(3, activation="softmax"),
        ]
    )


@case(data.IMAGES, data.LABELS, CLASSES, "adamw")
def separable(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((6, 6, 2)),
            k.layers.ZeroPadding2D(((0, 1), (1, 0))),
            k.layers.DepthwiseConv2D(3, strides=2, depth_multiplier=2, activation="relu"),
            k.layers.SpatialDropout2D(NEVER),
            k.layers.SeparableConv2D(5, 2, padding="same", activation="relu"),
            k.layers.GlobalAveragePooling2D(),
            k.layers.Dense(3, activation="softmax"),
        ]
    )


@case(data.IMAGES, data.Y2, "mse", "nadam")
def upwards(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((6, 6, 2)),
            k.layers.Conv2DTranspose(3, 2, strides=2, padding="same", activation="tanh"),
            k.layers.UpSampling2D((1, 2), interpolation="bilinear"),
            k.layers.AveragePooling2D((2, 3), strides=2),
            k.layers.Conv2D(2, 3),
            k.layers.GlobalMaxPooling2D(),
        ]
    )


@case(data.WORDS, data.LABELS, CLASSES, "adagrad")
def words(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((5,), dtype="int32"),
            k.layers.Embedding(7, 4),
            k.layers.Conv1D(6, 3, padding="causal", activation="relu"),
            k.layers.MaxPooling1D(2, padding="same"),
            k.layers.AveragePooling1D(2, strides=1),
            k.layers.GlobalMaxPooling1D(),
            k.layers.Dense(3, activation="softmax"),
        ]
    )


@case(data.SEQUENCES, data.Y2, "mae", "adamax")
def sequences(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((8, 3)),
            k.layers.Conv1DTranspose(4, 3, strides=2, activation="tanh"),
            k.layers.Permute((2, 1)),
            k.layers.Dense(6, "tanh"),
            k.layers.Reshape((3, -1)),
            k.layers.GlobalAveragePooling1D(),
            k.layers.Dense(2),
        ]
    )


@case(data.VOLUMES, data.LABELS, CLASSES, "amsgrad")
def volumes(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((4, 4, 4, 1)),
            k.layers.Conv3D(3, 2, activation="relu"),
            k.layers.Conv3DTranspose(2, 2, strides=2, activation="relu"),
            k.layers.MaxPooling3D(2, strides=1),
            k.layers.AveragePooling3D((2, 1, 1)),
            k.layers.GlobalAveragePooling3D(keepdims=True),
            k.layers.GlobalMaxPooling3D(),
            k.layers.Dense(3, activation="softmax"),
        ]
    )


@case(data.SEQUENCES, data.Y1, "mse", "adadelta")
def normalizations(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((8, 3)),
            k.layers.LayerNormalization(),
            k.layers.Dense(6),
            k.layers.PReLU(shared_axes=[1]),
            k.layers.GroupNormalization(3),
            k.layers.Softmax(),
            k.layers.Flatten(),
            k.layers.Dense(1),
        ]
    )


@case(data.IMAGES, data.BITS, "binary_crossentropy", "adam", options=lambda k: {"metrics": ["auc"]})
def spectral(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((6, 6, 2)),
            k.layers.SpectralNormalization(k.layers.Conv2D(3, 3, strides=2)),
            k.layers.BatchNormalization(),
            k.layers.Flatten(),
            k.layers.SpectralNormalization(k.layers.Dense(4, "tanh"), power_iterations=3),
            k.layers.Dense(1, activation="sigmoid"),
        ]
    )


@case(data.X, data.Y1, "mse", "adam")
def of_latihs_own(k: Any) -> Any:
    """What Keras does not have comes over where the user has written it for Keras."""
    own = latihs_layers(k)
    return k.Sequential(
        [
            k.Input((6,)),
            own.WeightNormalization(k.layers.Dense(5, "tanh"), data_init=False),
            own.MCDropout(NEVER),
            k.layers.Dense(1),
        ]
    )


@case(data.X, data.Y1, "mse", "lion")
def noisy(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((6,)),
            k.layers.GaussianNoise(NEVER),
            k.layers.Dense(6, "selu", kernel_initializer="lecun_normal"),
            k.layers.AlphaDropout(NEVER, seed=3),
            k.layers.GaussianDropout(NEVER * NEVER),
            k.layers.Dropout(NEVER, noise_shape=(None, 1), seed=5),
            k.layers.Dense(1),
        ]
    )


# A range of one number leaves nothing to chance, nor does a batch of one: it is mixed with itself.
@case(data.IMAGES[:4, :, :1], data.Y1[:4], "mse", "sgd", batch_size=1)
def augmented(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((6, 1, 2)),
            k.layers.Resizing(6, 1),
            k.layers.RandomFlip("horizontal", seed=1),
            k.layers.RandomRotation((0.5, 0.5)),
            k.layers.RandomTranslation((0.25, 0.25), 0.0, fill_mode="constant"),
            k.layers.RandomZoom((-0.2, -0.2), (0.0, 0.0), fill_mode="nearest"),
            k.layers.RandomCrop(6, 1, seed=3),
            k.layers.RandomContrast(NEVER, value_range=(0, 1)),
            k.layers.RandomBrightness((0.1, 0.1), value_range=(0, 1)),
            k.layers.MixUp(alpha=0.3),
            k.layers.CutMix((0.1, 0.4), seed=2),
            k.layers.Flatten(),
            k.layers.Dense(1),
        ]
    )


@case(data.X, data.Y1, "mse", "decay")
def nested_sequentials(k: Any) -> Any:
    within = k.Sequential([k.Input((5,)), k.layers.Dense(4, "tanh")], name="within")
    around = k.Sequential([k.Input((5,)), within, k.layers.Dense(4, "tanh")])
    first = k.Sequential([k.layers.Dense(5), k.layers.BatchNormalization()])
    return k.Sequential([k.Input((6,)), first, around, k.layers.Dense(1)])


@case(data.X, data.Y1, "mse", "adam")
def built_by_data(k: Any) -> Any:
    return k.Sequential([k.layers.Dense(5, "relu", name="hidden"), k.layers.Dense(1)])


@case(data.X, data.LABELS, CLASSES, "adam")
def frozen(k: Any) -> Any:
    layers = [
        k.layers.Dense(5, trainable=False),
        k.layers.BatchNormalization(),
        k.Sequential([k.layers.Dense(4), k.layers.BatchNormalization()]),
    ]
    layers[1].trainable = layers[2].trainable = False
    return k.Sequential([k.Input((6,)), *layers, k.layers.Dense(3, "softmax")])


@case(data.X, data.Y1, "mse", "rmsprop")
def penalised(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((6,)),
            k.layers.Dense(5, "relu", kernel_regularizer="l2"),
            k.layers.Dense(
                4, kernel_constraint="max_norm", bias_regularizer=k.regularizers.L1(0.1)
            ),
            k.layers.BatchNormalization(gamma_constraint="non_neg"),
            k.layers.Dense(1, kernel_constraint=k.constraints.UnitNorm(axis=0)),
        ]
    )


@case(
    data.X, data.Y1, "mse", "sgd", otherwise="the length of the batch does not divide the penalty"
)
def penalised_outputs(k: Any) -> Any:
    sparse = k.layers.Dense(5, "tanh", activity_regularizer=k.regularizers.L1L2(0.01, 0.02))
    return k.Sequential([k.Input((6,)), sparse, k.layers.Dense(1)])


@case(data.IMAGES, data.Y2, "mse", "sgd", otherwise="the odd place of `same` is cut off elsewhere")
def transposed_and_odd(k: Any) -> Any:
    spread = k.layers.Conv2DTranspose(2, 3, strides=2, padding="same", activation="tanh")
    return k.Sequential([k.Input((6, 6, 2)), spread, k.layers.GlobalAveragePooling2D()])
