"""What is known of a training before its first step, and that the training does not notice."""

import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset, WeightedRandomSampler
from trainings import training_of

import latih as keras
from latih.doctor.fact_records import Facts
from latih.doctor.facts import facts_of, facts_of_batch
from latih.doctor.rows import probe_batch
from latih.structures import is_same

L = keras.layers
DRAW = np.random.default_rng(3)
X = DRAW.normal(size=(300, 6)).astype("float32")
LABELS = DRAW.integers(0, 3, 300)


def net(*last: Any, loss: Any = "sparse_categorical_crossentropy", optimizer: Any = "adam") -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,), name="x"), L.Dense(8, "relu"), *last])
    model.compile(optimizer, loss)
    return model


def classifier() -> Any:
    return net(L.Dropout(0.2), L.Dense(3, "softmax", name="class"))


def test_facts_of_a_classifier() -> None:
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, clipnorm=2.0)
    model = net(L.Dense(3, "softmax", name="class"), optimizer=optimizer)
    facts = facts_of(training_of(model, X, LABELS, batch_size=50, epochs=4, split=0.2))
    assert (facts.optimizer, facts.learning_rate) == ("sgd", pytest.approx(0.05))
    assert facts.settings["momentum"] == 0.9 and facts.settings["clipnorm"] == 2.0
    assert (facts.batch_size, facts.epochs, facts.steps, facts.examples) == (50, 4, 5, 240)
    assert (facts.shuffles, facts.has_validation, facts.weighted) == (True, True, False)
    assert (facts.looked_at, facts.duplicates, facts.shift) == (240, 0.0, 0.0)
    assert [layer.kind for layer in facts.layers] == ["Dense", "Dense"]
    (given,), (output,) = facts.inputs, facts.outputs
    assert (given.name, given.shape, given.is_scaled) == ("x", (6,), False)
    assert (output.name, output.task, output.width) == ("class", "multi-class", 3)
    assert (output.activation, output.loss) == ("softmax", "sparse_categorical_crossentropy")
    assert output.counts == tuple(np.bincount(LABELS[:240]))
    assert output.order == 0.0  # it is shuffled
    json.dumps(dataclasses.asdict(facts))


def test_first_outputs_are_those_of_the_model() -> None:
    model = classifier()
    training = training_of(model, X, LABELS)
    probe = probe_batch(training, 64)
    assert probe is not None and probe.size == 64
    (output,) = facts_of(training, probe).outputs
    made = model.predict(probe.inputs.numpy(), verbose=0)
    assert (output.output_least, output.output_most) == (
        pytest.approx(made.min(), rel=1e-5),
        pytest.approx(made.max(), rel=1e-5),
    )
    assert output.sums == pytest.approx(0.0, abs=1e-6)
    wanted = model.evaluate(probe.inputs.numpy(), probe.targets[0].numpy(), verbose=0)
    assert output.first_loss == pytest.approx(wanted, rel=1e-5)
    assert 0.9 < output.trivial_loss < math.log(3) + 0.05


def test_order_is_told_where_nothing_shuffles() -> None:
    by_class = np.sort(LABELS)
    for data in ((X, by_class), (DataLoader(TensorDataset(*tensors(X, by_class)), 32), None)):
        (output,) = facts_of(training_of(classifier(), *data, shuffle=False)).outputs
        assert output.order > 15
    shuffled = DataLoader(TensorDataset(*tensors(X, by_class)), 32, shuffle=True)
    facts = facts_of(training_of(classifier(), shuffled))
    assert facts.shuffles is True and facts.outputs[0].order == 0.0


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(array) for array in arrays]


class Rows(Dataset):
    """Rows by their numbers, a little different each time."""

    def __len__(self) -> int:
        return 300

    def __getitem__(self, index: int) -> Any:
        return X[index] + 0.01 * np.random.rand(), LABELS[index]


def generator() -> Iterator[Any]:
    for begin in range(0, 300, 30):
        yield X[begin : begin + 30] + np.random.rand(), LABELS[begin : begin + 30]


def weighted_loader() -> Any:
    sampler = WeightedRandomSampler(torch.ones(300).tolist(), 300)
    return DataLoader(TensorDataset(*tensors(X, LABELS)), 30, sampler=sampler)


STREAMS: dict[str, tuple[Any, int, bool | None]] = {
    "arrays": (lambda: X, 300, True),
    "tensors in a loader": (
        lambda: DataLoader(TensorDataset(*tensors(X, LABELS)), 30, shuffle=True),
        300,
        True,
    ),
    "tensors": (lambda: TensorDataset(*tensors(X, LABELS)), 300, True),
    "a data set": (Rows, 30, True),
    "a loader of a data set": (lambda: DataLoader(Rows(), 30, shuffle=True), 30, True),
    "a loader with a sampler": (weighted_loader, 30, None),
    "a generator": (generator, 30, None),
}


@pytest.mark.parametrize("case", STREAMS)
def test_looking_changes_nothing_of_the_training(case: str) -> None:
    make, looked_at, shuffles = STREAMS[case]

    def trained(look: bool) -> tuple[list[np.ndarray], Any, Facts | None]:
        model = classifier()
        data = make()
        options = {"batch_size": 30} if data is X or isinstance(data, Dataset) else {}
        training = training_of(model, data, LABELS if data is X else None, **options)
        facts = facts_of(training) if look else None
        training.run()
        return model.get_weights(), keras.random.state_dict(), facts

    weights, drawn, _ = trained(False)
    looked, drawn_too, facts = trained(True)
    for one, other in zip(weights, looked, strict=True):
        np.testing.assert_array_equal(one, other)
    assert is_same(drawn, drawn_too)
    assert facts is not None and facts.looked_at == looked_at and facts.shuffles is shuffles
    assert facts.outputs[0].loss == "sparse_categorical_crossentropy"


def test_rows_of_parquet_files_are_not_taken(tmp_path: Any) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    table = pandas.DataFrame({f"c{n}": X[:, n] for n in range(6)} | {"y": LABELS})
    table.to_parquet(tmp_path / "rows.parquet")
    data = keras.utils.table_dataset_from_parquet(tmp_path / "rows.parquet", target="y")
    facts = facts_of(training_of(classifier(), data))
    assert (facts.examples, facts.looked_at, facts.shuffles) == (300, 32, True)


def test_a_sequence_of_rows_that_are_held_back_twice() -> None:
    facts = facts_of(training_of(classifier(), X, LABELS, validation_data=(X[:99], LABELS[:99])))
    assert facts.duplicates == 1.0 and facts.shift == 0.0
    scaled = (X[:99] * 40 + 9, LABELS[:99])
    facts = facts_of(training_of(classifier(), X, LABELS, validation_data=scaled))
    assert facts.duplicates == 0.0 and facts.shift > 5


def test_weights_are_told_and_count_in_the_losses() -> None:
    y = (LABELS == 0) * 1.0
    model = net(L.Dense(1, "sigmoid"), loss="binary_crossentropy")
    facts = facts_of(training_of(model, X, y, class_weight={0: 1.0, 1: 5.0}))
    plain = facts_of(training_of(model, X, y))
    assert facts.weighted and not plain.weighted
    assert facts.outputs[0].trivial_loss > 1.3 * plain.outputs[0].trivial_loss
    assert facts.outputs[0].counts == plain.outputs[0].counts == tuple(np.bincount(y.astype(int)))


def test_several_inputs_and_outputs() -> None:
    first, second = keras.Input((6,), name="a"), keras.Input((2,), name="b")
    joined = L.Concatenate()([first, L.Rescaling(0.1)(second)])
    outputs = [L.Dense(3, "softmax", name="kind")(joined), L.Dense(1, name="price")(joined)]
    model = keras.Model([first, second], outputs)
    model.compile("rmsprop", ["sparse_categorical_crossentropy", "mae"])
    y = [LABELS, 100 * X[:, :1]]
    facts = facts_of(training_of(model, [X, X[:, :2]], y))
    assert [(one.name, one.shape, one.is_scaled) for one in facts.inputs] == [
        ("a", (6,), False),
        ("b", (2,), True),
    ]
    kind, price = facts.outputs
    assert (kind.name, kind.task, kind.activation) == ("kind", "multi-class", "softmax")
    assert (price.name, price.task, price.activation) == ("price", "regression", None)
    assert price.deviation == pytest.approx(y[1].std(), rel=1e-3)
    assert price.trivial_loss == pytest.approx(np.abs(y[1]).mean(), rel=0.2)


def test_a_model_with_a_step_of_its_own() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = L.Dense(1)

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.dense(inputs)

        def train_step(self, data: Any) -> dict[str, Any]:
            return super().train_step(data)

    model = Own()
    model.compile("sgd", "mse")
    facts = facts_of(training_of(model, X, X[:, 0]))
    assert facts.outputs[0].task == "regression" and len(facts.layers) == 1


def test_a_loss_that_draws_draws_what_it_would_have() -> None:
    def noisy(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
        return (y_true - y_pred).square().mean(dim=-1) * (1 + torch.rand(()))

    training = training_of(net(L.Dense(1), loss=noisy), X, X[:, :1])
    before = keras.random.state_dict()
    (output,) = facts_of(training).outputs
    assert is_same(keras.random.state_dict(), before)
    assert output.loss == "?" and 0.5 < output.trivial_loss < 2.5


def test_one_batch_says_what_it_can() -> None:
    training = training_of(classifier(), generator())
    batch = next(iter(training.batches.epoch(0)))
    told = facts_of_batch(training.model, batch)
    assert told["looked_at"] == 30 and told["outputs"][0].task == "multi-class"
    assert dataclasses.replace(Facts(), **told).layers


def test_the_probe_has_some_of_each_class() -> None:
    rare = np.zeros(5000, dtype=int)
    rare[4990:4996], rare[4996:] = 1, 2
    x = np.arange(5000 * 6, dtype="float32").reshape(5000, 6)
    probe = probe_batch(training_of(classifier(), x, rare), 200)
    assert probe is not None and probe.size == 200
    counts = torch.bincount(probe.targets[0].long())
    assert counts[1] >= 4 and counts[2] == 4 and counts.sum() == 200
    assert len(probe.inputs.unique(dim=0)) == 200
