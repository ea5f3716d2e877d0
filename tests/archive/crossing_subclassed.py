"""Models, layers, losses and metrics of the user's own, known to files by registration."""

from functools import cache
from types import SimpleNamespace
from typing import Any

import crossing_case as data
import torch
from crossing_case import NEVER, case

CLASSES = "sparse_categorical_crossentropy"


def _assign(weight: Any, values: torch.Tensor) -> None:
    with torch.no_grad():
        (weight.assign if hasattr(weight, "assign") else weight.copy_)(values)


@cache
def custom_layers(k: Any) -> SimpleNamespace:
    """Return the user's layers, derived from those of ``k``."""
    registered = k.utils.register_keras_serializable("crossing")
    layers = k.layers

    @registered
    class Halves(layers.Layer):
        """Gives two tensors."""

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.low = layers.Dense(units)

        def build(self, input_shape: Any) -> None:
            self.low.build(input_shape)
            self.shift = self.add_weight(shape=(self.units,), initializer="ones", name="shift")

        def call(self, inputs: Any) -> Any:
            return self.low(inputs), inputs[:, : self.units] + self.shift

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units}

    @registered
    class Gated(layers.Layer):
        """Takes a tensor by its name, and a number."""

        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units)

        def call(self, inputs: Any, gate: Any = None, power: int = 1) -> Any:
            return self.dense(inputs) * torch.sigmoid(gate) ** power

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units}

    @registered
    class Running(layers.Layer):
        """Has weights of both kinds, and changes one itself."""

        def build(self, input_shape: Any) -> None:
            size = input_shape[-1]
            self.mean = self.add_weight(
                shape=(size,), initializer="zeros", trainable=False, name="mean"
            )
            self.kernel = self.add_weight(
                shape=(size, size), initializer="orthogonal", regularizer="l2", name="kernel"
            )
            self.bias = self.add_weight(shape=(size,), initializer="zeros", name="bias")

        def call(self, inputs: Any, training: bool = False) -> Any:
            if training:
                _assign(self.mean, self.mean * 0.9 + inputs.mean(dim=0).detach() * 0.1)
            return (inputs - self.mean) @ self.kernel + self.bias

    @registered
    class Residual(layers.Layer):
        """Has layers inside in every place where there may be some."""

        def __init__(self, units: int, depth: int = 2, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.depth = units, depth
            self.zoom = layers.Dense(units, "tanh", name="last_by_name")
            self.norms, self.hidden = [], []
            for _ in range(depth):  # the two lists take turns
                self.hidden.append(layers.Dense(units, "tanh"))
                self.norms.append(layers.BatchNormalization())
            self.ends = {"out": layers.Dense(units), "into": layers.Dense(units)}
            self._private = layers.LayerNormalization()

        def call(self, inputs: Any) -> Any:
            x = given = self.ends["into"](inputs)
            for dense, norm in zip(self.hidden, self.norms, strict=True):
                x = norm(dense(x))
            return self.zoom(self._private(given + self.ends["out"](x)))

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units, "depth": self.depth}

    @registered
    class Doubled(layers.Dense):
        """Is a layer of the library, and does more. (Of further weights Keras saves none.)"""

        def call(self, inputs: Any) -> Any:
            return 2 * super().call(inputs)

    return SimpleNamespace(
        **{cls.__name__: cls for cls in (Halves, Gated, Running, Residual, Doubled)}
    )


@cache
def latihs_layers(k: Any) -> SimpleNamespace:
    """Return the layers that only Latih has; for Keras, as its user would write them."""
    if hasattr(k.layers, "WeightNormalization"):
        return SimpleNamespace(
            MCDropout=k.layers.MCDropout, WeightNormalization=k.layers.WeightNormalization
        )

    @k.utils.register_keras_serializable("latih")
    class MCDropout(k.layers.Dropout):
        def call(self, inputs: Any, training: bool = False) -> Any:
            return super().call(inputs, training=True)

    @k.utils.register_keras_serializable("latih")
    class WeightNormalization(k.layers.Wrapper):
        def __init__(self, layer: Any, data_init: bool = True, **kwargs: Any) -> None:
            super().__init__(layer, **kwargs)
            assert not data_init  # the start from data is Latih's own
            self.data_init = data_init

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            v = self.layer.kernel
            self.g = self.add_weight(shape=(v.shape[-1],), initializer="ones", name="g")
            self.g.assign(torch.linalg.vector_norm(v.value, dim=0))

        def call(self, inputs: Any) -> Any:
            v = self.layer.kernel.value
            w = v * (self.g.value / torch.linalg.vector_norm(v, dim=0))
            return self.layer.activation(inputs @ w + self.layer.bias.value)

        def get_config(self) -> Any:
            return {**super().get_config(), "data_init": self.data_init}

    return SimpleNamespace(MCDropout=MCDropout, WeightNormalization=WeightNormalization)


@cache
def custom_models(k: Any) -> SimpleNamespace:
    """Return the user's models, losses and metrics."""
    registered = k.utils.register_keras_serializable("crossing")
    layers, own = k.layers, custom_layers(k)

    @registered
    class Classifier(k.Model):
        def __init__(self, units: int = 5, classes: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.classes = units, classes
            self.hidden = layers.Dense(units, "relu")
            self.norm = layers.BatchNormalization()
            self.dropout = layers.Dropout(NEVER)
            self.classify = layers.Dense(classes, "softmax")

        def call(self, inputs: Any, training: bool = False) -> Any:
            hidden = self.norm(self.hidden(inputs), training=training)
            return self.classify(self.dropout(hidden, training=training))

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units, "classes": self.classes}

    @registered
    class Blocks(k.Model):
        """Layers in lists, under names that are not in the order of their making."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.z_first = layers.Dense(4, "tanh")
            self.blocks = [own.Residual(4, 1), own.Residual(4)]
            self.many = {"b": [layers.Dense(4), layers.Dense(3)], "a": layers.Dense(4)}
            self.a_last = layers.Dense(1)

        # Without the argument Keras's fit() would leave the layers inside in inference.
        def call(self, inputs: Any, training: Any = None) -> Any:
            x = self.z_first(inputs)
            for layer in (*self.blocks, self.many["a"], *self.many["b"]):
                x = layer(x)
            return self.a_last(x)

    @registered
    class Nested(k.Model):
        """Has lists in a dict, of the names before `layers`, where Keras looks for all of them."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._hidden = layers.Dense(4, "tanh")
            inner = {"b": [layers.Dense(4), [layers.Dense(3)]], "a": layers.Dense(4, "tanh")}
            self.inner = inner

        def call(self, inputs: Any) -> Any:
            first, (second,) = self.inner["b"]
            return second(first(self.inner["a"](self._hidden(inputs))))

    @registered
    class Mixed(k.Model):
        """Holds a Sequential and a graph, and a layer under two names."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.straight = k.Sequential([k.Input((6,)), layers.Dense(4, "relu"), layers.Dense(4)])
            given = k.Input((4,))
            self.graph_inside = k.Model(given, layers.Add()([given, layers.Dense(4)(given)]))
            self.one = self.same = layers.Dense(4, "tanh")
            self.last = layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            x = self.graph_inside(self.straight(inputs))
            return self.last(self.same(self.one(x)))

    @registered
    class TwoEnds(k.Model):
        """Takes a dict and gives a dict."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.of_wide, self.of_deep = layers.Dense(3), layers.Dense(3, "relu")
            self.number, self.kind = layers.Dense(1), layers.Dense(3, "softmax")

        def call(self, inputs: Any) -> Any:
            x = self.of_wide(inputs["wide"]) + self.of_deep(inputs["deep"])
            return {"number": self.number(x), "kind": self.kind(x)}

    @registered
    class Bare(k.Model):
        """Has weights itself, and adds a loss."""

        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight(
                shape=(input_shape[-1], 1), initializer="glorot_uniform", name="kernel"
            )

        def call(self, inputs: Any) -> Any:
            self.add_loss(0.01 * (self.kernel * self.kernel).sum())
            return inputs @ self.kernel

    @registered
    class Named(k.Model):
        """A graph under a class of the user's."""

        def twice(self) -> int:
            return 2

    @registered
    class Weighted(k.losses.Loss):
        def __init__(self, weight: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.weight = weight

        def call(self, y_true: Any, y_pred: Any) -> Any:
            return self.weight * ((y_true - y_pred) ** 2).mean(dim=-1)

        def get_config(self) -> Any:
            return {**super().get_config(), "weight": self.weight}

    @registered
    def cubed(y_true: Any, y_pred: Any) -> Any:
        return (abs(y_true - y_pred) ** 3).mean(dim=-1)

    @registered
    class Largest(k.metrics.Metric):
        def __init__(self, name: str = "largest", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.largest = self.add_variable((), initializer="zeros", name="largest")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            _assign(self.largest, torch.maximum(self.largest + 0.0, abs(y_pred.detach()).max()))

        def result(self) -> Any:
            return self.largest + 0.0

    made = (Classifier, Blocks, Nested, Mixed, TwoEnds, Bare, Named, Weighted, cubed, Largest)
    return SimpleNamespace(**{thing.__name__: thing for thing in made})


@case(data.X, data.LABELS, CLASSES, "adam", options=lambda k: {"metrics": ["accuracy"]})
def subclassed(k: Any) -> Any:
    return custom_models(k).Classifier(units=7, name="of_the_user")


@case(data.X, data.Y1, "mse", "adam")
def layers_in_lists(k: Any) -> Any:
    return custom_models(k).Blocks()


@case(data.X, data.X[:, :3], "mse", "adam", otherwise="lists in lists are overlooked")
def lists_in_lists(k: Any) -> Any:
    return custom_models(k).Nested()


@case(data.X, data.Y1, "mse", "adam")
def models_in_a_subclass(k: Any) -> Any:
    return custom_models(k).Mixed()


@case(
    {"wide": data.X2, "deep": data.X},
    {"number": data.Y1, "kind": data.LABELS},
    {"number": "mse", "kind": CLASSES},
    "adam",
)
def dicts_in_a_subclass(k: Any) -> Any:
    return custom_models(k).TwoEnds()


@case(data.X, data.Y1, "mse", "rmsprop")
def weights_of_the_model(k: Any) -> Any:
    return custom_models(k).Bare()


@case(data.X, data.Y1, "mse", "adam")
def subclass_in_a_graph(k: Any) -> Any:
    x = k.Input((6,))
    chosen = custom_models(k).Classifier(4, 3)(x)
    return k.Model(x, k.layers.Dense(1)(k.layers.Concatenate()([x, chosen])))


@case(data.X, data.Y1, "mse", "adam")
def graph_of_a_subclass(k: Any) -> Any:
    x = k.Input((6,))
    model = custom_models(k).Named(x, k.layers.Dense(1)(k.layers.Dense(4, "relu")(x)))
    assert model.twice() == 2
    return model


@case(data.X, data.Y1, "mse", "adamax")
def layers_of_the_user(k: Any) -> Any:
    own = custom_layers(k)
    layers = [own.Running(), own.Residual(5), own.Doubled(4, "relu", use_bias=False)]
    return k.Sequential([k.Input((6,)), *layers, k.layers.Dense(1)])


@case(
    data.X,
    data.Y1,
    lambda k: custom_models(k).Weighted(0.5),
    "adam",
    options=lambda k: {"metrics": [custom_models(k).Largest(), custom_models(k).cubed]},
)
def loss_and_metric_of_the_user(k: Any) -> Any:
    return k.Sequential([k.Input((6,)), k.layers.Dense(4, "relu"), k.layers.Dense(1)])
