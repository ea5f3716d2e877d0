"""The words of published cases: layers, initialisers, optimizers, as Latih's objects.

A word that nobody knows is an :class:`UnknownWord`, which names it: that case is left out and
told of, and the others run.
"""

import inspect
import re
from collections.abc import Mapping
from typing import Any

import latih as keras
from latih import initializers, layers, optimizers

Case = Mapping[str, Any]


class UnknownWord(Exception):
    """A case says something that no table here knows."""


def plain(word: Any) -> str:
    """Return a word without capitals, marks and what stands in parentheses."""
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\(.*?\)", "", str(word)).lower())


# Initialisers

_DRAWN: Mapping[str, Mapping[str, Any]] = {
    "uniform": {"class": initializers.RandomUniform, "minval": -0.05, "maxval": 0.05},
    "randomuniform": {"class": initializers.RandomUniform, "minval": -0.05, "maxval": 0.05},
    "normal": {"class": initializers.RandomNormal, "stddev": 0.05},
    "randomnormal": {"class": initializers.RandomNormal, "stddev": 0.05},
    "truncatednormal": {"class": initializers.TruncatedNormal, "stddev": 0.05},
    "constant": {"class": initializers.Constant, "value": 0.0},
    "zeros": {"class": initializers.Zeros},
    "zero": {"class": initializers.Zeros},
    "ones": {"class": initializers.Ones},
    "one": {"class": initializers.Ones},
    "identity": {"class": initializers.Identity},
    "orthogonal": {"class": initializers.Orthogonal},
    "variancescaling": {"class": initializers.VarianceScaling},
    "glorotuniform": {"class": initializers.GlorotUniform},
    "xavier": {"class": initializers.GlorotUniform},
    "xavieruniform": {"class": initializers.GlorotUniform},
    "glorot": {"class": initializers.GlorotUniform},
    "glorotnormal": {"class": initializers.GlorotNormal},
    "xaviernormal": {"class": initializers.GlorotNormal},
    "heuniform": {"class": initializers.HeUniform},
    "henormal": {"class": initializers.HeNormal},
    "he": {"class": initializers.HeNormal},
    "kaiming": {"class": initializers.HeNormal},
    "lecununiform": {"class": initializers.LecunUniform},
    "lecunnormal": {"class": initializers.LecunNormal},
    "lecun": {"class": initializers.LecunNormal},
}
_OTHER_NAMES = {"std": "stddev", "sd": "stddev", "min": "minval", "max": "maxval"}


def initializer_of(described: Any) -> Any:
    """Return the initialiser that a name, or a name with numbers, means; None stays None."""
    if described is None:
        return None
    numbers = dict(described) if isinstance(described, Mapping) else {"name": described}
    name = numbers.pop("name", None) or numbers.get("alias")
    numbers.pop("alias", None)
    known = _DRAWN.get(plain(name))
    if known is None:
        raise UnknownWord(f"initialiser {name!r}")
    kind, usual = known["class"], {k: v for k, v in known.items() if k != "class"}
    given = {_OTHER_NAMES.get(k, k): v for k, v in numbers.items()}
    accepted = _accepted(kind)
    return kind(**{k: v for k, v in {**usual, **given}.items() if k in accepted and k != "seed"})


def _accepted(kind: type) -> set[str]:
    return set(inspect.signature(kind).parameters)


# Layers

_OTHER_ACTIVATIONS = {
    "none": None,
    "null": None,
    "": None,
    "exp": "exponential",
    "identity": None,
    "swish": "silu",
    "lrelu": "leaky_relu",
    "leakyrelu": "leaky_relu",
}


def activation_of(word: Any) -> Any:
    """Return what a layer takes as ``activation``."""
    if word is None or callable(word):
        return word
    name = plain(word)
    if name in _OTHER_ACTIVATIONS:
        return _OTHER_ACTIVATIONS[name]
    for known in keras.activations.ACTIVATIONS.functions:
        if plain(getattr(known, "__name__", known)) == name:
            return known
    raise UnknownWord(f"activation {word!r}")


_KINDS = {
    "dense": "Dense",
    "fullyconnected": "Dense",
    "linear": "Dense",
    "conv": "Conv2D",
    "conv1d": "Conv1D",
    "conv2d": "Conv2D",
    "convolution2d": "Conv2D",
    "convolution1d": "Conv1D",
    "conv3d": "Conv3D",
    "separableconv2d": "SeparableConv2D",
    "depthwiseconv2d": "DepthwiseConv2D",
    "conv2dtranspose": "Conv2DTranspose",
    "maxpool": "MaxPooling2D",
    "maxpool1d": "MaxPooling1D",
    "maxpooling1d": "MaxPooling1D",
    "maxpool2d": "MaxPooling2D",
    "maxpooling2d": "MaxPooling2D",
    "avgpool2d": "AveragePooling2D",
    "avgpool1d": "AveragePooling1D",
    "averagepooling2d": "AveragePooling2D",
    "averagepooling1d": "AveragePooling1D",
    "averagepool2d": "AveragePooling2D",
    "globalaveragepooling2d": "GlobalAveragePooling2D",
    "globalavgpool2d": "GlobalAveragePooling2D",
    "globalaveragepooling1d": "GlobalAveragePooling1D",
    "globalavgpool1d": "GlobalAveragePooling1D",
    "globalmaxpooling2d": "GlobalMaxPooling2D",
    "globalmaxpool2d": "GlobalMaxPooling2D",
    "globalmaxpooling1d": "GlobalMaxPooling1D",
    "globalmaxpool1d": "GlobalMaxPooling1D",
    "flatten": "Flatten",
    "reshape": "Reshape",
    "permute": "Permute",
    "dropout": "Dropout",
    "spatialdropout2d": "SpatialDropout2D",
    "alphadropout": "AlphaDropout",
    "gaussiannoise": "GaussianNoise",
    "gaussiandropout": "GaussianDropout",
    "batchnorm": "BatchNormalization",
    "batchnormalization": "BatchNormalization",
    "bn": "BatchNormalization",
    "layernorm": "LayerNormalization",
    "layernormalization": "LayerNormalization",
    "groupnormalization": "GroupNormalization",
    "normalization": "Normalization",
    "rescaling": "Rescaling",
    "activation": "Activation",
    "relu": "ReLU",
    "leakyrelu": "LeakyReLU",
    "prelu": "PReLU",
    "elu": "ELU",
    "softmax": "Softmax",
    "embedding": "Embedding",
    "upsampling2d": "UpSampling2D",
    "zeropadding2d": "ZeroPadding2D",
    "input": "Input",
    "inputlayer": "Input",
}
_OTHER_ARGUMENTS = {
    "kernel": "kernel_size",
    "size": "pool_size",
    "pool": "pool_size",
    "stride": "strides",
    "alpha": "negative_slope",
    "dilation": "dilation_rate",
    "vocabulary": "input_dim",
    "vocab": "input_dim",
    "shape": "target_shape",
    "std": "stddev",
    "p": "rate",
}
_ELSEWHERE = {
    "layer",
    "kernel_init",
    "bias_init",
    "activation",
    "l2",
    "l1",
    "name",
    "notes",
    "note",
}
_KERNELS = {"kernel_initializer", "kernel_regularizer", "use_bias", "bias_initializer"}


def layer_of(described: Case, l2: float = 0.0) -> Any:
    """Return the layer that a case describes; None for its input, whose shape is the case's.

    Args:
        described: its word and arguments.
        l2: the factor of a penalty on every kernel.
    """
    kind = _KINDS.get(plain(described["layer"]))
    if kind is None:
        raise UnknownWord(f"layer {described['layer']!r}")
    if kind == "Input":
        return None
    arguments = {
        _OTHER_ARGUMENTS.get(name, name): _tuple(value)
        for name, value in described.items()
        if name not in _ELSEWHERE and value is not None
    }
    if kind == "Activation":
        return layers.Activation(activation_of(described.get("activation")))
    if kind in ("ELU",) and "negative_slope" in arguments:
        arguments["alpha"] = arguments.pop("negative_slope")
    if "activation" in described:
        arguments["activation"] = activation_of(described["activation"])
    if (init := initializer_of(described.get("kernel_init"))) is not None:
        name = "embeddings_initializer" if kind == "Embedding" else "kernel_initializer"
        arguments[name] = init
    if (init := initializer_of(described.get("bias_init"))) is not None:
        arguments["bias_initializer"] = init
    decay = described.get("l2", l2)
    if decay and kind in ("Dense", "Conv1D", "Conv2D", "Conv3D", "SeparableConv2D"):
        arguments["kernel_regularizer"] = keras.regularizers.L2(decay)
    try:
        return getattr(layers, kind)(**arguments)
    except TypeError as error:
        raise UnknownWord(f"argument of layer {described['layer']!r}: {error}") from error


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# Optimizers

_OPTIMIZERS = {
    "sgd": optimizers.SGD,
    "gradientdescent": optimizers.SGD,
    "gd": optimizers.SGD,
    "momentum": optimizers.SGD,
    "adam": optimizers.Adam,
    "adamw": optimizers.AdamW,
    "adamax": optimizers.Adamax,
    "nadam": optimizers.Nadam,
    "rmsprop": optimizers.RMSprop,
    "adagrad": optimizers.Adagrad,
    "adadelta": optimizers.Adadelta,
    "lion": optimizers.Lion,
}
_OTHER_SETTINGS = {
    "lr": "learning_rate",
    "eps": "epsilon",
    "beta1": "beta_1",
    "beta2": "beta_2",
    "wd": "weight_decay",
    "alpha": "learning_rate",
}
_NOT_SETTINGS = {"name", "l2", "decay", "notes", "note", "schedule"}


def optimizer_of(described: Any) -> Any:
    """Return the optimizer that a name, or a name with settings, means.

    Keras 2's ``decay`` divides the rate by ``1 + decay * step``.
    """
    settings = dict(described) if isinstance(described, Mapping) else {"name": described}
    kind = _OPTIMIZERS.get(plain(settings.get("name")))
    if kind is None:
        raise UnknownWord(f"optimizer {settings.get('name')!r}")
    arguments = {
        _OTHER_SETTINGS.get(name, name): value
        for name, value in settings.items()
        if name not in _NOT_SETTINGS and value is not None
    }
    if settings.get("decay"):
        rate = arguments.get("learning_rate", kind().learning_rate)
        arguments["learning_rate"] = optimizers.schedules.InverseTimeDecay(
            float(rate), 1, float(settings["decay"])
        )
    try:
        return kind(**arguments)
    except TypeError as error:
        raise UnknownWord(f"setting of optimizer {settings['name']!r}: {error}") from error
