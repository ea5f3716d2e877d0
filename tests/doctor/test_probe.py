"""What the doctor sees in one look, against NumPy and numbers worked by hand."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import latih as keras
from latih.data.batches import Batch
from latih.doctor.anatomy import layers_of
from latih.doctor.fact_records import Facts, OutputFacts
from latih.doctor.look_records import Check
from latih.doctor.preactivations import NAMES, summed_up
from latih.doctor.probe import Moment, Probe
from latih.doctor.readings import Readings
from latih.doctor.scores import scores
from latih.doctor.undisturbed import Untouched

layers = keras.layers
DRAW = np.random.default_rng(0)


def look(model: Any, x: Any, y: Any = None, **told: Any) -> Check:
    x = torch.as_tensor(x)
    y = None if y is None else torch.as_tensor(y)
    facts = Facts(layers=layers_of(model, x), outputs=(OutputFacts("y", **told),))
    rows = Batch(x, [y], [None], len(x))
    objective = getattr(model, "objective", None)
    return Probe(model, facts, rows, objective).check(Moment(0, 0))


def dense(units: int, activation: Any, kernel: Any, bias: Any) -> Any:
    made = layers.Dense(units, activation)
    made.build((None, len(kernel)))
    made.set_weights([np.asarray(kernel, "float32"), np.asarray(bias, "float32")])
    return made


# The sums before a nonlinearity


@pytest.mark.parametrize(
    ("activation", "sign", "is_so"),
    [
        ("relu", "silent", lambda z: (z <= 0).all(0)),
        ("sigmoid", "saturated", lambda z: (abs(z) > 4).mean(0) > 0.9),
        ("tanh", "saturated", lambda z: (abs(z) > 2.5).mean(0) > 0.9),
    ],
)
def test_the_sums_of_a_dense_layer(activation: str, sign: str, is_so: Any) -> None:
    x = DRAW.normal(size=(64, 5)).astype("float32")
    kernel = DRAW.normal(size=(5, 40)) * np.geomspace(0.01, 100, 40)
    bias = DRAW.normal(size=40) * 8
    layer = dense(40, activation, kernel, bias)
    check = look(keras.Sequential([keras.Input((5,)), layer]), x)
    sums = x @ kernel.astype("float32") + bias.astype("float32")
    signs = check.layers[layer.name]
    share = is_so(sums).mean()
    assert 0 < share < 1
    assert getattr(signs, sign) == pytest.approx(share)
    assert signs.mean == pytest.approx(sums.mean(), rel=1e-4)
    assert signs.deviation == pytest.approx(sums.std(), rel=1e-4)
    assert signs.largest == pytest.approx(abs(sums).max(), rel=1e-4)
    if activation == "relu":
        assert signs.zeros == pytest.approx((sums <= 0).mean())
        assert signs.saturated is None
    else:
        assert signs.silent is None


@pytest.mark.parametrize("activation", ["leaky_relu", "elu", "gelu", "selu", None])
def test_what_has_a_gradient_below_zero_is_never_silent(activation: Any) -> None:
    layer = dense(3, activation, -np.ones((2, 3)), np.zeros(3))
    check = look(keras.Sequential([keras.Input((2,)), layer]), np.ones((4, 2), "float32"))
    assert check.layers[layer.name].silent is None
    assert check.layers[layer.name].mean == pytest.approx(-2)


def test_a_silent_unit_of_a_convolution_is_a_channel() -> None:
    x = torch.randn(8, 9, 9, 2)
    layer = layers.Conv2D(6, 3, activation="relu")
    model = keras.Sequential([keras.Input((9, 9, 2)), layer])
    kernel, bias = layer.get_weights()
    bias[:2] = -100
    layer.set_weights([kernel, bias])
    assert look(model, x).layers[layer.name].silent == pytest.approx(2 / 6)


def test_layers_that_are_a_nonlinearity_are_given_the_sums() -> None:
    kernel = np.array([[1.0, -1.0]])
    first = dense(2, None, kernel, np.zeros(2))
    rectifier = layers.ReLU()
    model = keras.Sequential([keras.Input((1,)), first, rectifier])
    check = look(model, np.ones((4, 1), "float32"))
    assert check.layers[rectifier.name].silent == 0.5
    assert check.layers[first.name].silent is None
    assert check.layers[first.name].largest == 1


def test_an_activation_may_be_a_layer_kept_by_a_layer() -> None:
    layer = dense(2, layers.ReLU(), [[1.0, -1.0]], np.zeros(2))
    check = look(keras.Sequential([keras.Input((1,)), layer]), np.ones((4, 1), "float32"))
    assert check.layers[layer.name].silent == 0.5


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.first = nn.Linear(4 * 36, 6)
        self.last = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.convolution(x)))
        return self.last(torch.sigmoid(self.first(x.flatten(1))))


def test_functions_of_torch_are_the_nonlinearity_of_the_layer_before() -> None:
    net = Functional().eval()
    with torch.no_grad():
        net.norm.bias[:3] = -1e3
        net.first.bias[:5] = 50.0
    seen = look(Wrapped(net), torch.randn(16, 1, 8, 8)).layers
    assert seen["net/norm"].silent == pytest.approx(3 / 4)
    assert seen["net/first"].saturated == pytest.approx(5 / 6)
    assert seen["net/last"].silent is None and seen["net/last"].deviation is not None
    assert not any(module._forward_hooks for module in net.modules())


class Wrapped(keras.Model):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def call(self, inputs: Any) -> Any:
        return self.net(inputs)


def test_activations_are_put_back_even_if_the_model_fails() -> None:
    layer = dense(2, "relu", [[1.0, 1.0]], np.zeros(2))
    before = layer.activation
    model = keras.Sequential([keras.Input((1,)), layer])
    probe = Probe(model, Facts(layers=layers_of(model)), Batch(torch.ones(2, 7), [], [], 2), None)
    with pytest.raises(Exception, match="shape"):
        probe.check(Moment(0, 0))
    assert layer.activation is before
    assert not layer._forward_hooks and not layer._forward_pre_hooks


def test_a_number_that_is_none_is_seen() -> None:
    layer = dense(2, "relu", [[np.inf, 1.0]], np.zeros(2))
    model = keras.Sequential([keras.Input((1,)), layer])
    assert not look(model, np.ones((2, 1), "float32")).layers[layer.name].finite


def test_a_vector_of_sums_is_a_row_a_number() -> None:
    told = dict(zip(NAMES, summed_up("relu", torch.tensor([-1.0, 2.0]), 1).tolist(), strict=True))
    assert told["silent"] == 0 and told["zeros"] == 0.5


def test_of_a_net_with_very_many_sums_fewer_rows_are_looked_at() -> None:
    class Wide(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return torch.relu(inputs.expand(-1, 1 << 15))

    model = keras.Sequential([keras.Input((1,)), layers.Dense(1), Wide(), layers.ReLU()])
    x = torch.randn(256, 1)
    probe = Probe(model, Facts(layers=layers_of(model, x)), Batch(x, [], [], 256), None)
    sizes = []
    for _ in range(3):
        probe.check(Moment(0, 0))
        assert probe.rows is not None
        sizes.append(probe.rows.size)
    assert sizes[0] == sizes[1] == sizes[2] == 127


# How good the predictions are


def skill(output: OutputFacts, targets: Any, predictions: Any) -> tuple[float, float]:
    found = scores(output, torch.as_tensor(targets), torch.as_tensor(predictions)).tolist()
    return found[0], found[1]


def test_the_best_constant_has_no_skill_and_the_truth_has_all() -> None:
    y = DRAW.normal(size=50).astype("float32")
    number = OutputFacts("y", "regression")
    assert skill(number, y, np.full((50, 1), y.mean()))[0] == pytest.approx(0, abs=1e-5)
    assert skill(number, y, y[:, None])[0] == pytest.approx(1)
    classes = DRAW.integers(0, 4, 60)
    rows = np.eye(4, dtype="float32")[classes]
    several = OutputFacts("y", "multi-class")
    for target in (classes, classes[:, None], rows):
        assert skill(several, target, rows) == pytest.approx((1, 1))
        constant = np.tile([0.0, 1.0, 0.0, 0.0], (60, 1)).astype("float32")
        assert skill(several, target, constant)[0] == pytest.approx(0, abs=1e-6)


def test_classes_count_alike_however_rare() -> None:
    target = np.array([0] * 95 + [1] * 5)
    always = np.full((100, 1), 0.1, "float32")
    binary = OutputFacts("y", "binary", activation="sigmoid", least=0.0, most=1.0)
    assert skill(binary, target, always) == pytest.approx((0, 0.95))
    found = always.copy()
    found[95:99] = 0.9
    assert skill(binary, target, found) == pytest.approx((0.8, 0.99))


@pytest.mark.parametrize(
    ("told", "predictions"),
    [
        ({"from_logits": True, "most": 1.0}, [-0.4, 0.4]),
        ({"loss": "binary_crossentropy", "most": 1.0}, [0.4, 0.6]),
        ({"loss": "hinge", "least": -1.0, "most": 1.0}, [-0.1, 0.1]),
    ],
)
def test_the_threshold_is_halfway(told: Any, predictions: Any) -> None:
    output = OutputFacts("y", "binary", **told)
    targets = [told.get("least", 0.0), 1.0]
    assert skill(output, targets, [[p] for p in predictions]) == pytest.approx((1, 1))


def test_columns_of_labels_count_alike() -> None:
    target = np.array([[1, 0, 0], [0, 0, 1], [1, 0, 1], [0, 0, 0]], "float32")
    output = OutputFacts("y", "multi-label", activation="sigmoid", most=1.0)
    half = target.copy()
    half[:, 2] = 1  # of the last column all is said to be 1; the second is never 1
    found, accuracy = skill(output, target, half)
    assert found == pytest.approx(0.5)
    assert accuracy == pytest.approx(10 / 12)


def test_labels_out_of_range_are_never_right() -> None:
    output = OutputFacts("y", "multi-class")
    rows = np.eye(3, dtype="float32")[[0, 1, 2, 2]]
    assert skill(output, [0, 1, 3, -1], rows)[1] == pytest.approx(0.5)


def test_what_cannot_be_told_is_nan() -> None:
    assert np.isnan(skill(OutputFacts("y", "regression"), np.ones(4), np.ones((4, 1)))[0])
    assert np.isnan(skill(OutputFacts("y", "regression"), np.ones((4, 2)), np.ones((4, 3)))[0])
    one_class = skill(OutputFacts("y", "multi-class"), [1, 1], np.eye(2, dtype="float32"))
    assert np.isnan(one_class[0])


# No trace


class Counting(keras.layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.calls_so_far = 0
        self.seen = keras.metrics.Mean(name="seen")

    def call(self, inputs: Any) -> Any:
        self.calls_so_far += 1
        self.seen.update_state(self.calls_so_far)
        return inputs + torch.rand(())


def test_a_look_leaves_no_trace() -> None:
    norm, counting = layers.BatchNormalization(), Counting()
    model = keras.Sequential(
        [keras.Input((3,)), norm, layers.Dropout(0.5), counting, layers.Dense(1)]
    )
    model.train()
    model(torch.randn(8, 3))
    before = [weight.copy() for weight in model.get_weights()]
    sums, calls = counting.seen.result().item(), counting.calls_so_far
    draws, dice = model.layers[1].seed_generator.draws, torch.get_rng_state()
    kept = Untouched(model)
    for training in (False, True):
        with kept.kept(training):
            assert model.training is training
            model(torch.randn(8, 3))
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    assert (counting.seen.result().item(), counting.calls_so_far) == (sums, calls)
    assert model.layers[1].seed_generator.draws == draws
    assert torch.equal(torch.get_rng_state(), dice) and model.training


def test_all_numbers_are_read_at_once(monkeypatch: Any) -> None:
    model = keras.Sequential(
        [keras.Input((3,)), *(layers.Dense(4, "relu", kernel_regularizer="l2") for _ in range(3))]
    )
    model.compile("sgd", "mse")
    x, y = torch.randn(8, 3), torch.randn(8, 4)
    model.train_on_batch(x, y)
    facts = Facts(layers=layers_of(model, x), outputs=(OutputFacts("y"),))
    probe = Probe(model, facts, Batch(x, [y], [None], 8), model.objective)
    reads: list[str] = []
    for name in ("item", "tolist", "__bool__", "__float__"):
        own = getattr(torch.Tensor, name)
        monkeypatch.setattr(
            torch.Tensor, name, lambda self, n=name, f=own: reads.append(n) or f(self)
        )
    movement = probe.weights.begin()
    check = probe.check(Moment(1, 0), movement, in_training=True)
    monkeypatch.undo()
    assert reads == ["tolist"]
    penalty = sum(one.item() for one in model.losses)
    assert check.penalty == pytest.approx(penalty, rel=1e-5)
    assert check.loss == pytest.approx(model.evaluate(x, y, verbose=0) - penalty, rel=1e-5)


def test_nothing_read_is_nothing() -> None:
    readings = Readings()
    assert readings.read() == {}
    readings.put("none", [])
    assert readings.read() == {"none": []}
