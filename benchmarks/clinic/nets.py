"""Nets of many kinds: what stands between an input and an output."""

from collections.abc import Callable
from functools import partial
from typing import Any

import latih as keras
from latih import layers

Net = Callable[[Any], Any]
"""What stands between the input and the output."""

HE, LECUN = "he_normal", "lecun_normal"


def _stack(*makers: Callable[[], Any]) -> Net:
    def net(values: Any) -> Any:
        for make in makers:
            values = make()(values)
        return values

    return net


def _dense(units: int, activation: str = "relu", init: str = HE, **more: Any) -> Any:
    return partial(layers.Dense, units, activation=activation, kernel_initializer=init, **more)


def _conv(filters: int, size: int = 3, **more: Any) -> Any:
    more = {"activation": "relu", "padding": "same", "kernel_initializer": HE, **more}
    return partial(layers.Conv2D, filters, size, **more)


def _normalised(units: int, kind: type = layers.BatchNormalization) -> tuple[Any, ...]:
    bare = partial(layers.Dense, units, use_bias=False, kernel_initializer=HE)
    return bare, kind, partial(layers.Activation, "relu")


def _residual(values: Any) -> Any:
    values = layers.Dense(48, activation="relu", kernel_initializer=HE)(values)
    for _ in range(4):
        inner = layers.LayerNormalization()(values)
        inner = layers.Dense(48, activation="relu", kernel_initializer=HE)(inner)
        values = layers.Add()([values, layers.Dense(48)(inner)])
    return layers.Activation("relu")(values)


def _two_ways(values: Any) -> Any:
    broad = layers.Dense(64, activation="relu")(values)
    deep = layers.Dense(16, activation="tanh")(layers.Dense(32, activation="tanh")(values))
    return layers.Concatenate()([broad, deep])


_POOL = partial(layers.MaxPooling2D, 2)
NETS: dict[str, Net] = {
    "one": _stack(_dense(32)),
    "two": _stack(_dense(64), _dense(64)),
    "wide": _stack(_dense(512)),
    "narrow": _stack(_dense(8, "tanh", "glorot_uniform"), _dense(8, "tanh", "glorot_uniform")),
    "deep": _stack(*[_dense(48)] * 6),
    "tanh": _stack(*[_dense(32, "tanh", "glorot_uniform")] * 3),
    "sigmoid": _stack(_dense(32, "sigmoid", "glorot_uniform")),
    "selu": _stack(*[_dense(48, "selu", LECUN)] * 8),
    "elu": _stack(*[_dense(48, "elu")] * 4),
    "gelu": _stack(*[_dense(64, "gelu", "glorot_uniform")] * 2),
    "silu": _stack(*[_dense(64, "silu", "glorot_uniform")] * 2),
    "leaky": _stack(*[_dense(48, "leaky_relu")] * 3),
    "dropout": _stack(_dense(96), partial(layers.Dropout, 0.3), _dense(96)),
    "batch-norm": _stack(*_normalised(64), *_normalised(64)),
    "deep-batch-norm": _stack(*(_normalised(32) * 8)),
    "layer-norm": _stack(*_normalised(64, layers.LayerNormalization), _dense(32)),
    "decayed": _stack(_dense(64, kernel_regularizer=keras.regularizers.L2(1e-4))),
    "residual": _residual,
    "two-ways": _two_ways,
    "noise": _stack(partial(layers.GaussianNoise, 0.1), _dense(64), _dense(32)),
    "conv": _stack(_conv(8), _POOL, _conv(16), _POOL, layers.Flatten, _dense(32)),
    "conv-batch-norm": _stack(
        _conv(8, activation=None, use_bias=False),
        layers.BatchNormalization,
        partial(layers.Activation, "relu"),
        _POOL,
        _conv(16),
        _POOL,
        layers.Flatten,
    ),
    "conv-dropout": _stack(
        _conv(12, 5), _POOL, partial(layers.Dropout, 0.2), layers.Flatten, _dense(48)
    ),
    "conv-strided": _stack(_conv(8, strides=2), _conv(16, strides=2), layers.Flatten, _dense(32)),
    "conv-separable": _stack(
        _conv(8, strides=2),
        partial(layers.SeparableConv2D, 24, 3, padding="same", activation="relu"),
        _POOL,
        layers.Flatten,
    ),
    "conv-average": _stack(
        _conv(12, strides=2), partial(layers.AveragePooling2D, 2), _conv(24), layers.Flatten
    ),
}

SHARES = {
    "deep": 0.3,
    "selu": 0.1,
    "elu": 0.3,
    "wide": 0.2,
    "residual": 0.1,
    "decayed": 0.1,
    "two": 0.5,
    "layer-norm": 0.3,
    "conv": 0.5,
}
"""Of a rate, for nets whose gradients are larger; others take all of it."""
