"""What decides a run is told alike by the same script, and each change of it in one sentence."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import layers
from latih.callbacks import EarlyStopping, LearningRateScheduler, ReduceLROnPlateau
from latih.data.fingerprint import fingerprint
from latih.engine.changes import changes
from latih.engine.differences import differences, refuse, shortened
from latih.engine.plan import Plan
from latih.errors import InputError
from latih.initializers import INITIALIZERS
from latih.layers import LAYERS
from latih.losses import LOSSES
from latih.metrics import METRICS
from latih.models import preparation
from latih.models.asked import asked, circumstances
from latih.models.plain import by_attributes, described, plain
from latih.models.preparation import Reading
from latih.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from latih.optimizers.groups import Group
from latih.optimizers.schedules import ExponentialDecay

X = np.arange(40, dtype="float32").reshape(10, 4)
Y = np.arange(10) % 3
DATA = {"x": X, "y": Y, "validation_data": (X[:4], Y[:4])}


class Telling(keras.callbacks.Callback):
    """Tells, and keeps nothing."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print(epoch, logs)


class Mine(keras.callbacks.Callback):
    """Keeps something."""

    def state_dict(self) -> dict[str, Any]:
        return {"seen": 1}


def of_fit(
    model: Any,
    x: Any = X,
    y: Any = Y,
    *,
    batch_size: int | None = None,
    shuffle: bool = True,
    sample_weight: Any = None,
    class_weight: Any = None,
    validation_data: Any = None,
    validation_batch_size: int | None = None,
    callbacks: Any = (),
    **plan: Any,
) -> dict[str, Any]:
    """What fit() asks of a run, through JSON as a snapshot keeps it."""
    reading = Reading(batch_size, shuffle, int(np.random.randint(1000)), class_weight)
    batches, held_back = preparation.batches_to_train(model, x, y, sample_weight, reading)
    validation = preparation.validation_batches(
        model, validation_data, held_back, validation_batch_size, batch_size
    )
    params = {
        "shuffle": shuffle,
        "class_weight": class_weight and {str(k): float(w) for k, w in class_weight.items()},
    }
    told = asked(model, batches, validation, Plan(**{"epochs": 5, **plan}), params, callbacks)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    return told


def net(
    units: int = 8, activation: Any = "relu", rate: float = 0.2, seed: int | None = None
) -> list[Any]:
    return [
        layers.Dense(units, activation=activation, kernel_initializer="he_normal"),
        layers.BatchNormalization(),
        layers.Dropout(rate, seed=seed),
        layers.Dense(3, activation="softmax"),
    ]


def sequential(
    stack: list[Any] | None = None,
    optimizer: Any = "adam",
    loss: Any = "sparse_categorical_crossentropy",
    metrics: Any = ("accuracy",),
    **compiled: Any,
) -> Any:
    model = keras.Sequential([keras.Input((4,)), *(net() if stack is None else stack)])
    model.compile(optimizer, loss, metrics=list(metrics), **compiled)
    return model


def graph(
    joined: tuple[int, int] = (0, 1), joining: Any = layers.Add, optimizer: Any = "sgd"
) -> Any:
    inputs = keras.Input((4,))
    hidden = [layers.Dense(4)(inputs)]
    hidden.append(layers.Dense(4)(hidden[0]))
    hidden.append(layers.Dense(4)(hidden[1]))
    one, other = joined
    outputs = layers.Dense(3)(joining()([hidden[one], hidden[other], hidden[2]]))
    model = keras.Model(inputs, outputs)
    model.compile(optimizer, "mse")
    return model


class Own(keras.Model):
    """A subclass that says nothing of itself."""

    def __init__(self, units: int, width: int = 3) -> None:
        super().__init__()
        self.hidden = layers.Dense(units, activation=lambda x: x.relu())
        self.blocks = [layers.Dense(width) for _ in range(2)]

    def call(self, inputs: Any) -> Any:
        outputs = self.hidden(inputs)
        for block in self.blocks:
            outputs = block(outputs)
        return outputs

    def get_config(self) -> Any:
        raise NotImplementedError


def own(units: int, width: int = 3) -> Any:
    model = Own(units, width)
    model.compile("sgd", lambda y, p: (y[:, None] - p).square())
    return model


def mixed(y: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    return (y - p).abs()


ANOTHER_X = X.copy()
ANOTHER_X[3, 2] = -1.0
ANOTHER_Y = np.where(np.arange(10) == 5, 0, Y)

MODELS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "units": ({"stack": net(16)}, ["the layer 1 (Dense): units 8 -> 16"]),
    "activation": (
        {"stack": net(activation="tanh")},
        ["the layer 1 (Dense): activation relu -> tanh"],
    ),
    "a lambda for it": (
        {"stack": net(activation=lambda x: x)},
        ["the layer 1 (Dense): activation relu -> <lambda>"],
    ),
    "rate": ({"stack": net(rate=0.5)}, ["the layer 3 (Dropout): rate 0.2 -> 0.5"]),
    "an added layer": (
        {"stack": [*net()[:3], layers.Dense(5), net()[3]]},
        ["the layer 4 (Dense) is new"],
    ),
    "a layer left out": (
        {"stack": [*net()[:2], net()[3]]},
        ["the layer 3 (Dropout) is missing"],
    ),
    "another layer": (
        {"stack": [net()[0], layers.LayerNormalization(), *net()[2:]]},
        ["the layer 2: BatchNormalization -> LayerNormalization"],
    ),
    "two layers changed and one new": (
        {"stack": [layers.Dense(9, activation="relu"), *net(rate=0.1)[1:], layers.Softmax()]},
        [
            "the layer 1 (Dense): units 8 -> 9",
            "the layer 1 (Dense): kernel_initializer HeNormal -> GlorotUniform",
            "the layer 3 (Dropout): rate 0.2 -> 0.1",
            "the layer 5 (Softmax) is new",
        ],
    ),
    "optimizer": ({"optimizer": "sgd"}, ["the optimizer: Adam -> SGD"]),
    "learning rate": ({"optimizer": Adam(0.01)}, ["the learning rate: 0.001 -> 0.01"]),
    "schedule": (
        {"optimizer": Adam(ExponentialDecay(0.1, 100, 0.9))},
        ["the learning rate: 0.001 -> ExponentialDecay"],
    ),
    "beta": ({"optimizer": Adam(beta_1=0.8)}, ["the optimizer: beta_1 0.9 -> 0.8"]),
    "clipnorm": ({"optimizer": Adam(clipnorm=1)}, ["the optimizer: clipnorm none -> 1.0"]),
    "loss": (
        {"loss": keras.losses.SparseCategoricalCrossentropy()},
        ["the loss: sparse_categorical_crossentropy -> SparseCategoricalCrossentropy"],
    ),
    "metrics": (
        {"metrics": ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)]},
        ["the metrics: [accuracy] -> [accuracy, SparseTopKCategoricalAccuracy]"],
    ),
    "weighted metrics": (
        {"weighted_metrics": ["accuracy"]},
        ["the weighted metrics: none -> [accuracy]"],
    ),
    "loss weights": ({"loss_weights": [2.0]}, ["loss_weights: none -> [2.0]"]),
}

FITS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "batch size": ({"batch_size": 5}, ["batch_size: 32 -> 5"]),
    "rows": ({"x": X[:9], "y": Y[:9]}, ["the training examples: 10 -> 9 rows"]),
    "one value of x": (
        {"x": ANOTHER_X},
        ["the training examples x: other values (their fingerprints differ)"],
    ),
    "one value of y": (
        {"y": ANOTHER_Y},
        ["the training examples y: other values (their fingerprints differ)"],
    ),
    "type of x": ({"x": X.astype("int64")}, ["the training examples x: float32 -> int64"]),
    "shape of y": ({"y": Y[:, None]}, ["the training examples y: shape (n,) -> (n, 1)"]),
    "sample weight": (
        {"sample_weight": np.ones(10)},
        ["the training examples sample_weight is new"],
    ),
    "class weight": (
        {"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}},
        ["class_weight: none -> {0: 1.0, 1: 2.0, 2: 1.0}"],
    ),
    "no validation": ({"validation_data": None}, ["the validation examples are missing"]),
    "validation rows": (
        {"validation_data": (X[:3], Y[:3])},
        ["the validation examples: 4 -> 3 rows"],
    ),
    "validation values": (
        {"validation_data": (X[1:5], Y[:4])},
        ["the validation examples x: other values (their fingerprints differ)"],
    ),
    "validation batch size": ({"validation_batch_size": 2}, ["validation_batch_size: 32 -> 2"]),
    "a generator": (
        {"x": ((X, Y) for _ in range(9)), "y": None, "shuffle": True},
        ["the training data: arrays -> generator", "batch_size: 32 -> none"],
    ),
    "shuffle": ({"shuffle": False}, ["shuffle: True -> False"]),
    "steps": ({"steps_per_epoch": 2}, ["steps_per_epoch: none -> 2"]),
    "validation steps": ({"validation_steps": 1}, ["validation_steps: none -> 1"]),
    "validation freq": ({"validation_freq": {4, 2}}, ["validation_freq: 1 -> [2, 4]"]),
    "a callback": (
        {"callbacks": [ReduceLROnPlateau(), Mine()]},
        ["callbacks: EarlyStopping is missing", "callbacks: Mine is new"],
    ),
    "their order": (
        {"callbacks": [ReduceLROnPlateau(), EarlyStopping()]},
        ["callbacks: EarlyStopping, ReduceLROnPlateau -> ReduceLROnPlateau, EarlyStopping"],
    ),
}
CALLBACKS = [EarlyStopping(), ReduceLROnPlateau()]


@pytest.mark.parametrize("change", MODELS)
def test_a_change_of_the_model_is_told_in_one_sentence(change: str) -> None:
    changed, sentences = MODELS[change]
    before = of_fit(sequential(), **DATA)
    assert differences(before, of_fit(sequential(**changed), **DATA)) == sentences


@pytest.mark.parametrize("change", FITS)
def test_a_change_of_the_data_or_of_fit_is_told_in_one_sentence(change: str) -> None:
    changed, sentences = FITS[change]
    before = of_fit(sequential(), **DATA, callbacks=CALLBACKS)
    now = of_fit(sequential(), **{**DATA, "callbacks": CALLBACKS, **changed})
    assert differences(before, now) == sentences


def test_a_change_of_a_loader_is_told() -> None:
    def of(x: Any = X, batch_size: int = 5) -> dict[str, Any]:
        data = torch.utils.data.TensorDataset(torch.as_tensor(x), torch.as_tensor(Y[: len(x)]))
        loader = torch.utils.data.DataLoader(data, batch_size=batch_size)
        return of_fit(sequential(), loader, None)

    before = of()
    assert of() == before
    assert differences(before, of(X[:8])) == ["the training examples: 10 -> 8 rows"]
    assert differences(before, of(batch_size=2)) == ["batch_size: 5 -> 2"]
    assert differences(before, of(ANOTHER_X)) == [
        "the training examples tensors[0]: other values (their fingerprints differ)"
    ]


def test_names_and_seeds_and_more_epochs_do_not_count() -> None:
    before = of_fit(sequential(net(seed=1)), **DATA, callbacks=CALLBACKS)
    sequential(net()), graph()
    stack = [*net(seed=2)]
    stack[0].name = "first"
    optimizer = Adam(name="mine")
    telling = keras.callbacks.LambdaCallback(on_epoch_end=print)
    listening = [telling, *CALLBACKS, keras.callbacks.ProgbarLogger(), Telling()]
    now = of_fit(sequential(stack, optimizer), **DATA, epochs=9, callbacks=listening)
    assert now == before


def test_what_training_changes_does_not_count() -> None:
    model = sequential()
    before = of_fit(model)

    def slower(epoch: int, rate: float) -> float:
        return rate / 10

    callbacks = [LearningRateScheduler(slower), ReduceLROnPlateau("loss", patience=1)]
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[*callbacks, EarlyStopping("loss")])
    assert model.optimizer.learning_rate < 0.0002
    assert of_fit(model) == before


def test_a_rate_that_is_assigned_before_the_run_counts() -> None:
    model = sequential(optimizer=SGD(0.5))
    model.optimizer.learning_rate = 0.25
    sentences = ["the learning rate: 0.5 -> 0.25"]
    assert differences(of_fit(sequential(optimizer=SGD(0.5))), of_fit(model)) == sentences


def test_a_field_of_a_schedule_and_of_a_loss_is_named() -> None:
    def of(steps: int, delta: float) -> dict[str, Any]:
        rate = ExponentialDecay(0.1, steps, 0.9, name=f"rate_{steps}")
        return of_fit(graph(optimizer=SGD(rate)), y=np.zeros((10, 3))) | of_loss(delta)

    def of_loss(delta: float) -> dict[str, Any]:
        model = sequential(loss=keras.losses.Huber(delta=delta))
        return {"loss": of_fit(model, y=np.zeros((10, 3)))["loss"]}

    assert differences(of(100, 1.0), of(200, 2.0)) == [
        "the learning rate: decay_steps 100.0 -> 200.0",
        "the loss: delta 1.0 -> 2.0",
    ]


@pytest.mark.parametrize(
    ("changed", "sentences"),
    [
        ({"joined": (1, 0)}, ["the layer 5 (Add): called on other inputs"]),
        ({"joined": (0, 0)}, ["the layer 5 (Add): called on other inputs"]),
        ({"joining": layers.Multiply}, ["the layer 5: Add -> Multiply"]),
    ],
)
def test_connections_of_a_graph_count(changed: dict[str, Any], sentences: list[str]) -> None:
    y = np.zeros((10, 3))
    before = of_fit(graph(), y=y)
    assert of_fit(graph(), y=y) == before
    assert differences(before, of_fit(graph(**changed), y=y)) == sentences


def test_operations_constants_and_shared_layers_of_a_graph_are_told() -> None:
    def of(factor: float, part: int, shared: bool) -> dict[str, Any]:
        inputs = keras.Input((4,))
        dense = layers.Dense(4)
        again = dense if shared else layers.Dense(4)
        outputs = again(dense(inputs) * factor)[:, :part] + torch.ones(part)
        model = keras.Model(inputs, outputs)
        model.compile("sgd", "mse")
        return of_fit(model, y=np.zeros((10, part)))

    before = of(2.0, 3, True)
    assert of(2.0, 3, True) == before
    assert differences(before, of(3.0, 3, True)) == [
        "the layer 3 (Multiply): called on other inputs"
    ]
    assert differences(before, of(2.0, 3, False)) == ["the layer 4 (Dense) is new"]


def test_two_outputs_are_told_by_their_places() -> None:
    def of(weight: float, name: str | None = None) -> dict[str, Any]:
        inputs = keras.Input((4,))
        ends = [layers.Dense(1, name=name), layers.Dense(1)]
        model = keras.Model(inputs, [end(inputs) for end in ends])
        first, second = model.output_names
        model.compile(
            "sgd", {second: "mae", first: "mse"}, loss_weights={first: weight, second: 1.0}
        )
        return of_fit(model, y=[Y, Y])

    before = of(1.0)
    assert of(1.0, "price") == before
    assert differences(before, of(2.0)) == ["loss_weights: output 0 1.0 -> 2.0"]


def test_several_inputs_are_called_as_fit_calls_them() -> None:
    def of(b: Any) -> dict[str, Any]:
        inputs = {"name": keras.Input((2,)), "seed": keras.Input((2,))}
        model = keras.Model(inputs, layers.Dense(1)(layers.Add()(list(inputs.values()))))
        model.compile("sgd", "mse")
        return of_fit(model, {"name": X[:, :2], "seed": b})

    assert differences(of(X[:, 2:]), of(X[:, 1:3])) == [
        "the training examples x['seed']: other values (their fingerprints differ)"
    ]


def test_a_model_in_a_model_and_a_wrapper_are_looked_into() -> None:
    def of(units: int, inner: int) -> dict[str, Any]:
        stack = [
            keras.Sequential([layers.Dense(units), layers.Dense(6)]),
            layers.SpectralNormalization(layers.Dense(inner)),
            layers.Dense(3),
        ]
        return of_fit(sequential(stack))

    before = of(5, 6)
    assert of(5, 6) == before
    assert differences(before, of(7, 6)) == [
        "the layer 1 (Sequential), its layer 1 (Dense): units 5 -> 7"
    ]
    assert differences(before, of(5, 7)) == [
        "the layer 2 (SpectralNormalization), its layer 1 (Dense): units 6 -> 7"
    ]


def test_a_subclass_and_lambdas_are_told_as_far_as_they_can_be() -> None:
    before = of_fit(own(8))
    assert of_fit(own(8)) == before
    assert before["loss"] == "<lambda>"
    assert differences(before, of_fit(own(9))) == ["the layer 1 (Dense): units 8 -> 9"]
    assert differences(before, of_fit(own(8, 4))) == [
        "the layer 2 (Dense): units 3 -> 4",
        "the layer 3 (Dense): units 3 -> 4",
    ]
    other = own(8)
    other.compile("sgd", mixed)
    assert differences(before, of_fit(other, y=Y)) == ["the loss: <lambda> -> mixed"]


def test_modules_of_pytorch_are_told() -> None:
    class Holding(layers.Layer):
        def __init__(self, module: Any) -> None:
            super().__init__()
            self.module = module

        def call(self, inputs: Any) -> Any:
            return self.module(inputs)

    def of(slope: float) -> dict[str, Any]:
        return of_fit(sequential([Holding(torch.nn.LeakyReLU(slope)), layers.Dense(3)]))

    assert of(0.1) == of(0.1)
    assert differences(of(0.1), of(0.2)) == [
        "the layer 1 (Holding), its layer 1 (LeakyReLU): settings negative_slope=0.1 -> "
        "negative_slope=0.2"
    ]


def test_frozen_weights_and_groups_count() -> None:
    frozen = sequential()
    frozen.layers[0].trainable = False
    before = of_fit(sequential())
    assert differences(before, of_fit(frozen)) == ["2 of the 8 weights: trained -> frozen"]
    grouped = sequential()
    grouped.optimizer.set_groups([Group(grouped.layers[:1], 0.1)])
    assert differences(before, of_fit(grouped)) == ["the optimizer: groups [] -> [[2, 0.1, none]]"]


def test_a_large_constant_in_a_config_is_hashed() -> None:
    def of(last: float) -> dict[str, Any]:
        mean = [0.0] * 999 + [last]
        stack = [layers.Dense(1000), layers.Normalization(mean=mean, variance=1.0)]
        return of_fit(sequential([*stack, layers.Dense(3)]))

    before = of(0.0)
    assert of(0.0) == before
    assert len(json.dumps(before)) < 5000
    (sentence,) = differences(before, of(1.0))
    assert sentence.startswith("the layer 2 (Normalization): mean")


def test_the_sentences_are_few_and_the_error_says_what_to_do() -> None:
    assert shortened(list("abcdefghijkl")) == [*"abcdefghij", "and 2 more"]
    before = of_fit(sequential(), **DATA)
    refuse(before, of_fit(sequential(), **DATA), "runs/a")
    now = of_fit(sequential(net(16)), **{**DATA, "x": X[:9], "y": Y[:9]})
    with pytest.raises(InputError) as raised:
        refuse(before, now, "runs/a")
    assert str(raised.value) == (
        "the run in 'runs/a' cannot be gone on with: it was begun with something else: got the "
        "layer 1 (Dense): units 8 -> 16; the training examples: 10 -> 9 rows. Undo the change, "
        "choose another directory, or go on all the same with resume='force', or --force."
    )


def test_circumstances_are_compared_as_any_data() -> None:
    now = circumstances()
    assert json.loads(json.dumps(now)) == now
    assert list(changes({**now, "threads": -1}, now, "the machine")) == [
        f"the machine: threads -1 -> {torch.get_num_threads()}"
    ]


def test_an_optimizer_of_the_users_own_is_told() -> None:
    class Mine(Optimizer):
        def __init__(self, learning_rate: Any = 0.1, factor: Any = None) -> None:
            super().__init__(learning_rate)
            self.scale = factor  # kept under another name: it cannot be described

        def update(self, values: Any, gradients: Any, rate: float) -> None:
            values.sub_(gradients, alpha=rate)

    told = of_fit(sequential(optimizer=Mine(lambda: 0.5)))["optimizer"]
    assert (told["class_name"], told["learning_rate"]) == ("Mine", "<lambda>")


SCRIPT = """
import json, sys
import numpy as np
import latih as keras
from latih import layers
from latih.engine.plan import Plan
from latih.models import preparation
from latih.models.asked import asked

for _ in range(int(sys.argv[1])):  # what was tried before, in a notebook
    keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dropout(0.5)]).compile("adam")
    2 * keras.Input((4,)) + 1

class Scaled(layers.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight((input_shape[-1],), "random_normal")
    def call(self, inputs):
        return inputs * self.scale

def penalty(y, p):
    return keras.ops.mean(keras.ops.square(y - p))

inputs = keras.Input((4,))
hidden = layers.Dense(8, activation=lambda x: x.relu())(layers.GaussianNoise(0.1)(inputs))
hidden = Scaled()(layers.BatchNormalization()(hidden))
outputs = layers.Dense(2)(layers.Concatenate()([2 * hidden, layers.Dropout(0.5)(hidden)]))
model = keras.Model(inputs, [outputs, layers.Dense(1)(hidden)])
names = model.output_names
model.compile(
    keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
    {names[0]: penalty, names[1]: keras.losses.Huber()},
    metrics={names[1]: ["mae", keras.metrics.RootMeanSquaredError()]},
)
x = np.arange(40.0).reshape(10, 4)
reading = preparation.Reading(4, True, np.random.randint(1000), None)
batches, held_back = preparation.batches_to_train(
    model, x, [x[:, :2], x[:, 0]], None, reading, 0.2
)
params, callbacks = {"shuffle": True}, [keras.callbacks.EarlyStopping()]
plan = Plan(int(sys.argv[1]) + 1)
print(json.dumps(asked(model, batches, held_back, plan, params, callbacks)))
"""


def test_the_same_script_in_two_processes_asks_the_same(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    # Hashes of text differ between processes, so that an order taken from a set would show.
    running = [
        subprocess.Popen(
            [sys.executable, script, str(tries)],
            env={**os.environ, "PYTHONHASHSEED": str(tries)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for tries in (0, 3)
    ]
    told = [process.communicate()[0] for process in running]
    first, second = map(json.loads, told)
    assert first == second
    assert differences(first, second) == []
    assert first["model"]["layers"] and first["weights"] and first["loss"] and first["validation"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.longdouble(2), 2.0),
        (np.str_("a"), "a"),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(3.0), 3.0),
        (np.arange(2, dtype=">f4"), fingerprint(torch.arange(2.0))),
        (torch.tensor(2), 2),
        (float("nan"), "nan"),
        ({(1, 2): {3}}, {"(1, 2)": ["3"]}),
        (object(), "object"),
        (len, {"class_name": "function", "config": "len"}),
        (keras.layers.Dense, {"class_name": "function", "config": "Dense"}),
    ],
)
def test_any_value_of_a_config_becomes_data(value: Any, told: Any) -> None:
    data = plain(value)
    assert data == told
    assert json.loads(json.dumps(data, allow_nan=False)) == data


@pytest.mark.parametrize("table", [LAYERS, LOSSES, METRICS, OPTIMIZERS, INITIALIZERS])
def test_whatever_a_table_holds_survives_json(table: Any) -> None:
    """By its config and by its attributes, for all that can be made without arguments."""
    made: list[tuple[Any, Any]] = []
    for kind in table.classes:
        with contextlib.suppress(TypeError, InputError):
            made.append((kind(), kind()))
    assert len(made) >= len(table.classes) / 3
    for one, other in made:
        for told in (described, by_attributes):
            data = told(one)
            assert told(other) == data
            assert json.loads(json.dumps(data, allow_nan=False)) == data
