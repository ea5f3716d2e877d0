"""Each remedy on models of every kind: what it changes, what it leaves, and that it trains."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import random
from latih.doctor.fact_records import Facts, OutputFacts
from latih.doctor.layer_configs import LayerConfigs
from latih.doctor.remedies import REMEDIES
from latih.doctor.setup import Case, Setup
from latih.doctor.severed import severing_layers
from latih.layers import (
    Activation,
    Add,
    BatchNormalization,
    Dense,
    Dropout,
    Input,
    LeakyReLU,
    ReLU,
)

DICE = np.random.default_rng(0)
X = (DICE.normal(size=(200, 5)) * [1, 10, 100, 1, 1] + [0, 5, 300, 0, 0]).astype("float32")
LABELS = DICE.integers(0, 3, 200)
Y = (1000 + 50 * X[:, 0]).astype("float32")
ONLY_A_PERSON = {"clean-data", "split-again"}

CLASSES = OutputFacts("y", "multi-class", 3, 3, (), most=2.0, counts=(120, 60, 20))
AMOUNT = OutputFacts("y", "regression", deviation=float(Y.std()), mean=float(Y.mean()))


def case(output: OutputFacts = CLASSES, **more: Any) -> Case:
    return Case(Facts(outputs=(output,), examples=200), (torch.from_numpy(X),), steps=7, **more)


def stack(*layers: Any, loss: Any = "sparse_categorical_crossentropy", **more: Any) -> Any:
    model = keras.Sequential([Input([5]), *layers])
    model.compile(more.pop("optimizer", "sgd"), loss, **more)
    return model


def sigmoids() -> Any:
    return stack(Dense(8, "sigmoid"), Dense(8, "sigmoid"), Dense(3, "softmax"))


def graph() -> Any:
    x = Input([5])
    hidden = Dense(8, "relu", name="first")(x)
    joined = Add()([hidden, Dense(8, "relu", name="second")(hidden)])
    model = keras.Model(x, Dense(3, "softmax", name="out")(joined))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def nested() -> Any:
    inside = keras.Sequential([Input([5]), Dense(8), ReLU()], name="inside")
    return stack(inside, Dense(3, "softmax"))


def changed(name: str, model: Any, about: Case | None = None, **fit: Any) -> Any:
    setup = Setup.of(model, **fit)
    after = REMEDIES[name](setup, about or case())
    return None if after is None else after.make(model)


def of(model: Any, attribute: str) -> list[Any]:
    values = [getattr(layer, attribute, None) for layer in model.layers]
    return [getattr(value, "__name__", type(value).__name__) for value in values if value]


# All of them


@pytest.mark.parametrize("make", [sigmoids, graph, nested])
@pytest.mark.parametrize("name", sorted(set(REMEDIES) - ONLY_A_PERSON))
def test_what_a_remedy_makes_can_be_trained_and_the_setup_is_left(name: str, make: Any) -> None:
    model = make()
    setup = Setup.of(model, epochs=10, shuffle=False)
    told = repr(setup)
    before = model.get_config()
    after = REMEDIES[name](setup, case(gradient_norms=(1.0, 2.0)))
    assert repr(setup) == told
    assert model.get_config() == before
    if after is not None:
        assert after != setup
        treated = after.make(model)
        history = treated.fit(X, LABELS, epochs=2, verbose=0, class_weight=after.class_weight)
        assert len(history.history["loss"]) == 2


@pytest.mark.parametrize("name", sorted(REMEDIES))
def test_of_a_subclassed_model_the_layers_are_left(name: str) -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(3, "softmax")

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Own()
    model.compile("sgd", "sparse_categorical_crossentropy")
    setup = Setup.of(model, epochs=10, shuffle=False)
    assert setup.layers is None
    after = REMEDIES[name](setup, case())
    if after is not None:
        assert (after.layers, after.loss) == (None, setup.loss)
        after.make(model).fit(X, LABELS, verbose=0)


def test_only_a_person_can_mend_the_data() -> None:
    assert {name for name, remedy in REMEDIES.items() if not remedy.changes} == ONLY_A_PERSON


@pytest.mark.parametrize("name", sorted(set(REMEDIES) - {"more-epochs", "more-units"}))
def test_what_is_done_is_not_done_twice(name: str) -> None:
    setup = Setup.of(sigmoids(), epochs=10, shuffle=False)
    if name in ("lower-learning-rate", "raise-learning-rate", "larger-batch", "smaller-batch"):
        return  # these go on
    once = REMEDIES[name](setup, case())
    if once is not None:
        assert REMEDIES[name](once, case()) in (None, once)


# Inside the net


def test_each_kernel_starts_as_its_activation_asks() -> None:
    poor = keras.initializers.RandomNormal(stddev=1.0)
    model = stack(
        Dense(8, "relu", kernel_initializer=poor, bias_initializer="ones"),
        Dense(8, kernel_initializer=poor),
        BatchNormalization(),
        Activation("selu"),
        Dense(8, "tanh", kernel_initializer=poor),
        Dense(8, "elu", kernel_initializer="he_uniform"),
        Dense(3, "softmax", kernel_initializer=poor),
    )
    treated = changed("initialise", model)
    assert of(treated, "kernel_initializer") == [
        *("HeNormal", "LecunNormal", "GlorotUniform", "HeUniform", "GlorotUniform")
    ]
    assert of(treated, "bias_initializer") == ["Zeros"] * 5
    assert changed("initialise", treated) is None


def test_activations_become_others_whether_they_are_words_or_layers() -> None:
    model = stack(Dense(8, "relu"), Dense(8), ReLU(), Dense(8), Activation("relu"), Dense(3))
    treated = changed("leaky-activation", model)
    assert of(treated, "activation")[0] == "leaky_relu"
    assert isinstance(treated.layers[2], LeakyReLU)
    assert treated.layers[4].activation.__name__ == "leaky_relu"
    assert of(changed("leaky-activation", treated), "activation")[0] == "elu"
    assert of(changed("selu", model), "kernel_initializer")[:3] == ["LecunNormal"] * 3
    assert changed("relu", model) is None
    assert of(changed("relu", sigmoids()), "activation") == ["relu", "relu", "softmax"]


def test_normalisation_and_dropout_stand_after_the_hidden_layers_of_a_graph_too() -> None:
    treated = changed("batch-normalisation", graph())
    kinds = [type(layer).__name__ for layer in treated.layers]
    assert kinds.count("BatchNormalization") == 2
    assert kinds[-1] == "Dense"
    # Of a short trial's steps the statistics must be known.
    normalised = next(one for one in treated.layers if isinstance(one, BatchNormalization))
    assert normalised.momentum**50 < 0.01
    assert changed("batch-normalisation", treated) is None
    treated = changed("dropout", nested())
    (inside, *_) = treated.layers
    assert [type(layer).__name__ for layer in inside.layers] == ["Dense", "ReLU", "Dropout"]
    assert changed("dropout", treated) is None


def test_a_linear_net_gets_activations_and_one_without_hidden_layers_gets_one() -> None:
    treated = changed("nonlinearity", stack(Dense(8), Dense(8), Dense(3, "softmax")))
    assert of(treated, "activation") == ["relu", "relu", "softmax"]
    assert changed("nonlinearity", sigmoids()) is None
    treated = changed("nonlinearity", stack(Dense(3, "softmax")))
    assert of(treated, "activation") == ["relu", "softmax"]
    narrow = stack(Dense(2, "relu"), Dense(3, "softmax"))
    assert [layer.units for layer in changed("more-units", narrow).layers] == [64, 3]


def test_penalties_are_put_and_taken_back() -> None:
    treated = changed("l2", sigmoids())
    assert of(treated, "kernel_regularizer") == ["L2", "L2"]
    optimizer = keras.optimizers.SGD(weight_decay=0.1)
    model = stack(
        Dense(8, "relu", kernel_regularizer=keras.regularizers.L1(0.1)),
        Dropout(0.8),
        Dense(3, "softmax"),
        optimizer=optimizer,
    )
    treated = changed("fewer-penalties", model)
    assert of(treated, "kernel_regularizer") == []
    assert treated.layers[1].rate == 0.1
    assert treated.optimizer.weight_decay is None


def test_frozen_layers_train_again() -> None:
    model = stack(Dense(8, "relu", trainable=False), Dense(3, "softmax"))
    assert len(changed("unfreeze", model).trainable_weights) == 4
    assert changed("unfreeze", sigmoids()) is None


class Cut(keras.layers.Layer):
    """Gives what it gets, and no gradient goes back through it."""

    def call(self, inputs: Any) -> Any:
        return inputs.detach()


@pytest.mark.parametrize("kind", ["stack", "graph", "nested"])
def test_what_cuts_gradients_off_is_taken_out(kind: str) -> None:
    cut = Cut(name="cut")
    if kind == "graph":
        x = Input([5])
        hidden = cut(Dense(8, "relu")(x))
        joined = Add()([Dense(8)(hidden), Activation("tanh")(hidden)])
        model = keras.Model(x, Dense(3, "softmax")(joined))
        model.compile("sgd", "sparse_categorical_crossentropy")
    elif kind == "nested":
        inside = keras.Sequential([Input([5]), Dense(8), cut, ReLU()])
        model = stack(inside, Dense(3, "softmax"))
    else:
        model = stack(Dense(8, "relu"), cut, Dense(3, "softmax"))
    before = random.state_dict()["torch"].clone()
    severed = severing_layers(model, torch.from_numpy(X[:4]))
    assert severed == ["cut"] and torch.equal(before, random.state_dict()["torch"])
    assert model.get_layer is not None and not any(one._forward_hooks for one in model.modules())
    treated = changed("unfreeze", model, case(find_severed=lambda: severed))
    assert not any(isinstance(one, Cut) for one in treated.modules())
    assert treated.output_shape == model.output_shape
    first = treated.trainable_weights[0].clone()
    treated.fit(X / X.std(0), LABELS, verbose=0)
    assert not torch.equal(first, treated.trainable_weights[0])


# The ends


def test_inputs_come_into_range() -> None:
    treated = changed("scale-inputs", sigmoids())
    scaled = treated.layers[0](X).numpy()
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(scaled.std(0), 1, atol=1e-3)
    assert changed("scale-inputs", treated) is None
    image = torch.from_numpy(DICE.integers(0, 256, (50, 4, 4, 1)).astype("float32"))
    model = keras.Sequential([Input([4, 4, 1]), keras.layers.Flatten(), Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    treated = changed("scale-inputs", model, replace(case(), inputs=(image,)))
    assert treated.layers[0].scale == pytest.approx(1 / 255)
    words = keras.Sequential([Input([4]), keras.layers.Embedding(300, 2), Dense(1)])
    words.compile("sgd", "mse")
    assert changed("scale-inputs", words, replace(case(), inputs=(image[..., 0, 0],))) is None


def test_each_of_several_inputs_gets_its_own_scale() -> None:
    wide, far = Input([2], name="wide"), Input([2], name="far")
    joined = keras.layers.Concatenate()([Dense(2)(far), Dense(2)(wide)])
    model = keras.Model([wide, far], Dense(1)(joined))
    model.compile("sgd", "mse")
    rows = [100 * torch.randn(300, 2), 500 + torch.randn(300, 2)]
    treated = changed("scale-inputs", model, Case(inputs=rows))
    means = {
        layer.calls[0].inputs[0].node.layer.name: np.abs(layer.mean).max()
        for layer in treated.layers
        if type(layer).__name__ == "Normalization"
    }
    assert means["far"] > 400
    assert means["wide"] < 50


@pytest.mark.parametrize("kind", ["stack", "graph"])
def test_scaled_targets_train_as_if_the_targets_had_been_scaled(kind: str) -> None:
    scaled = ((Y - Y.mean()) / Y.std()).astype("float32")
    inputs = (X / X.std(0)).astype("float32")

    def net() -> Any:
        x = Input([5])
        out = Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=3))
        model = keras.Sequential([x, out]) if kind == "stack" else keras.Model(x, out(x))
        model.compile(keras.optimizers.SGD(0.01), "mse")
        return model

    treated, other = changed("scale-targets", net(), case(AMOUNT)), net()
    treated.fit(inputs, Y, epochs=3, shuffle=False, verbose=0)
    other.fit(inputs, scaled, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        treated.predict(inputs, verbose=0),
        other.predict(inputs, verbose=0) * Y.std() + Y.mean(),
        rtol=1e-4,
    )


def test_outputs_keep_their_names_when_they_are_scaled() -> None:
    x = Input([5])
    model = keras.Model(x, {"a": Dense(1, name="a")(x), "b": Dense(1, name="b")(x)})
    model.compile("sgd", {"a": "mse", "b": "mae"})
    outputs = (replace(AMOUNT, name="a"), replace(AMOUNT, name="b"))
    about = Case(Facts(outputs=outputs))
    treated = changed("scale-targets", model, about)
    assert treated.output_names == ["a", "b"]
    a, b = AMOUNT.deviation**-2, AMOUNT.deviation**-1
    assert treated.objective.given.loss_weights == {"a": a, "b": b}


BINARY = OutputFacts("y", "binary", 2, 1, (), most=1.0)
LABELLED = OutputFacts("y", "multi-label", 4, 4, (4,), most=1.0)
LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize(
    ("output", "units", "activation", "loss", "wanted"),
    [
        (CLASSES, 3, "sigmoid", "mse", (3, "softmax", "sparse_categorical_crossentropy")),
        (CLASSES, 3, "softmax", LOGITS, (3, "softmax", "sparse_categorical_crossentropy")),
        (CLASSES, 1, "softmax", "mse", (3, "softmax", "sparse_categorical_crossentropy")),
        (BINARY, 1, "softmax", "binary_crossentropy", (1, "sigmoid", "binary_crossentropy")),
        (BINARY, 1, None, "mse", (1, "sigmoid", "binary_crossentropy")),
        (LABELLED, 4, "softmax", "categorical_crossentropy", (4, "sigmoid", "binary_crossentropy")),
        (AMOUNT, 1, "sigmoid", "mse", (1, "linear", "mse")),
        (AMOUNT, 1, "relu", "binary_crossentropy", (1, "linear", "mean_squared_error")),
    ],
)
def test_output_and_loss_become_what_the_targets_ask_for(
    output: OutputFacts, units: int, activation: Any, loss: Any, wanted: Any
) -> None:
    model = stack(Dense(8, "relu"), Dense(units, activation), loss=loss)
    last = changed("output-and-loss", model, case(output))
    assert (last.layers[-1].units, last.layers[-1].activation.__name__, last.loss) == wanted
    assert changed("output-and-loss", last, case(output)) is None


class Scores(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.out = Dense(3)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.out(inputs)


SCORES = replace(CLASSES, output_least=-3.0, output_most=4.0, sums=2.0)
SHARES = replace(CLASSES, output_least=0.01, output_most=0.9, sums=0.0)


@pytest.mark.parametrize(
    ("loss", "output", "wanted"),
    [
        ("sparse_categorical_crossentropy", SCORES, True),
        ("sparse_categorical_crossentropy", SHARES, None),
        ("sparse_categorical_crossentropy", CLASSES, None),  # nobody measured
        (
            keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2),
            SHARES,
            False,
        ),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), SCORES, None),
        (keras.losses.MeanSquaredError(), SCORES, None),
    ],
)
def test_where_layers_cannot_be_changed_the_loss_takes_the_other_kind_of_scores(
    loss: Any, output: OutputFacts, wanted: bool | None
) -> None:
    model = Scores()
    model.compile("adam", loss)
    after = REMEDIES["output-and-loss"](Setup.of(model), case(output))
    if wanted is None:
        assert after is None
        return
    assert after is not None and after.loss.get_config()["from_logits"] is wanted
    assert after.loss.get_config()["ignore_class"] == getattr(loss, "ignore_class", None)


def test_a_loss_of_the_users_own_is_not_taken_for_the_one_whose_name_it_bears() -> None:
    def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
        return -torch.mean((y_true - y_pred) ** 2, dim=-1)

    model = stack(Dense(1), loss=mean_squared_error)
    assert changed("output-and-loss", model, case(AMOUNT)).loss == "mean_squared_error"
    known = stack(Dense(1), loss=keras.losses.MeanSquaredError(name="my_own_name"))
    assert changed("output-and-loss", known, case(AMOUNT)) is None


def test_answers_of_yes_and_no_that_were_divided_are_taken_for_values() -> None:
    divided = OutputFacts("y", "regression", deviation=0.5 / 255, mean=0.5 / 255, most=1 / 255)
    model = stack(Dense(8, "relu"), Dense(1, "sigmoid"), loss="binary_crossentropy")
    treated = changed("scale-targets", model, case(divided))
    *_, end, scaled = treated.layers
    assert (end.activation.__name__, treated.loss) == ("linear", "mean_squared_error")
    assert (scaled.scale, scaled.offset) == (divided.deviation, divided.mean)
    assert treated.objective.given.loss_weights == [divided.deviation**-2]


def test_an_output_that_fits_is_left() -> None:
    assert changed("output-and-loss", sigmoids()) is None
    assert changed("output-and-loss", stack(Dense(3), loss=LOGITS)) is None
    apart = stack(Dense(3), Activation("softmax"))
    assert changed("output-and-loss", apart) is None
    wrong = stack(Dense(3), Activation("relu"))
    assert changed("output-and-loss", wrong).layers[-1].activation.__name__ == "softmax"


def test_labels_from_one_on_get_a_unit_more() -> None:
    model = stack(Dense(3, "softmax"))
    about = case(replace(CLASSES, least=1.0, most=3.0))
    assert changed("map-labels", model, about).layers[-1].units == 4
    assert changed("map-labels", model) is None


# Training


def test_rates() -> None:
    model = stack(Dense(3, "softmax"), optimizer=keras.optimizers.SGD(0.5))
    assert changed("lower-learning-rate", model).optimizer.current_rate() == pytest.approx(0.05)
    found = case(find_rate=lambda setup: 0.003)
    lower = changed("lower-learning-rate", model, found)
    assert lower.optimizer.current_rate() == pytest.approx(0.003)
    higher = changed("raise-learning-rate", model, found)
    assert higher.optimizer.current_rate() == pytest.approx(5.0)
    warm = changed("warm-up", model, epochs=10).optimizer
    assert [warm.schedule(step) for step in (0, 2)] == pytest.approx([0.0, 0.5])


def test_clipping_at_the_90th_percentile_of_the_norms_that_were_seen() -> None:
    norms = [float("nan"), *map(float, range(1, 11))]
    optimizer = changed("clip-gradients", sigmoids(), case(gradient_norms=norms)).optimizer
    assert optimizer.global_clipnorm == 10.0
    assert (
        changed("clip-gradients", stack(Dense(3), optimizer=keras.optimizers.SGD(clipnorm=1)))
        is None
    )


def test_adam_keeps_the_clipping_and_is_not_put_in_its_own_place() -> None:
    model = stack(Dense(3), optimizer=keras.optimizers.SGD(clipvalue=2.0))
    adam = changed("other-optimizer", model).optimizer
    assert (type(adam).__name__, adam.clipvalue) == ("Adam", 2.0)
    assert changed("other-optimizer", stack(Dense(3), optimizer="adam")) is None


def test_how_it_is_fitted() -> None:
    setup = Setup.of(sigmoids(), epochs=20, batch_size=4, shuffle=False)
    after = {name: REMEDIES[name](setup, case()) for name in REMEDIES}
    assert after["larger-batch"] == replace(setup, batch_size=16)
    assert after["smaller-batch"] is None
    assert after["shuffle"] == replace(setup, shuffle=True)
    assert after["early-stopping"] == replace(setup, patience=3)
    assert after["more-epochs"] == replace(setup, epochs=100, patience=10)
    weights = after["class-weights"].class_weight
    assert weights == {0: 0.56, 1: 1.1, 2: 3.3}
    stream = case(reads_arrays=False)
    assert REMEDIES["shuffle"](setup, stream) is REMEDIES["larger-batch"](setup, stream) is None


def test_layers_of_the_users_own_and_functions_without_a_name_are_kept() -> None:
    class Doubled(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2

    def loss(y_true: Any, y_pred: Any) -> Any:
        return torch.mean((y_true - y_pred) ** 2)

    model = stack(Doubled(), Dense(8, "relu"), Dense(1), loss=loss)
    treated = changed("batch-normalisation", model, case(AMOUNT))
    assert type(treated.layers[0]) is Doubled
    treated.fit(X, Y, verbose=0)
    odd = keras.Sequential([Input([5]), Dense(3, lambda x: x)])
    odd.compile("sgd", "mse")
    assert Setup.of(odd).layers is None


def test_what_stands_before_and_after_in_a_graph() -> None:
    configs = LayerConfigs(graph().get_config())
    first, second, add = (
        next(one for one in configs.all() if one["name"] == name)
        for name in ("first", "second", configs.all()[3]["name"])
    )
    assert [one["name"] for one in configs.after(first)] == ["second", add["name"]]
    assert configs.before(second) == [first]
    assert [one["name"] for one in configs.outputs()] == ["out"]
