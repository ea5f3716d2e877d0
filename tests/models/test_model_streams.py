"""What is iterated trains, scores and predicts as the same numbers in arrays do."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import latih
from latih.errors import InputError

N, SIZE = 22, 8  # batches of 8, 8 and 6
_draw = np.random.default_rng(4)
WIDE = _draw.normal(size=(N, 4)).astype("float32")
DEEP = _draw.normal(size=(N, 3)).astype("float32")
LABELS = _draw.integers(0, 3, N)
REAL = _draw.normal(size=(N, 1)).astype("float32")
WEIGHTS = _draw.uniform(0, 2, N).astype("float32")
X = {"wide": WIDE, "deep": DEEP}
Y = {"kind": LABELS, "real": REAL}


class Named(Dataset[Any]):
    def __len__(self) -> int:
        return N

    def __getitem__(self, row: int) -> Any:
        inputs = {"wide": WIDE[row], "deep": DEEP[row]}
        return inputs, {"kind": LABELS[row], "real": REAL[row]}


class Flowing(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        examples = Named()
        return (examples[row] for row in range(N))


def part(structure: Any, rows: slice) -> Any:
    return latih.structures.map_structure(lambda array: array[rows], structure)


def batches(*structures: Any) -> Iterator[Any]:
    for begin in range(0, N, SIZE):
        rows = slice(begin, begin + SIZE)
        yield tuple(part(structure, rows) for structure in structures)


def endless(*structures: Any) -> Iterator[Any]:
    while True:
        yield from batches(*structures)


class Batches:
    def __init__(self, *structures: Any) -> None:
        self.structures = structures

    def __iter__(self) -> Iterator[Any]:
        return batches(*self.structures)


def model() -> Any:
    latih.utils.set_random_seed(7)
    wide, deep = latih.Input((4,), name="wide"), latih.Input((3,), name="deep")
    joined = latih.layers.Concatenate()([wide, latih.layers.Dense(4, activation="tanh")(deep)])
    kind = latih.layers.Dense(3, activation="softmax", name="kind")(joined)
    made = latih.Model([wide, deep], [kind, latih.layers.Dense(1, name="real")(joined)])
    made.compile(
        "adam",
        loss={"kind": "sparse_categorical_crossentropy", "real": "mse"},
        metrics={"kind": ["accuracy"]},
        weighted_metrics={"real": ["mae"]},
    )
    return made


STREAMS: dict[str, Any] = {
    "a loader": lambda: DataLoader(Named(), SIZE),
    "a loader of ready batches": lambda: DataLoader(list(batches(X, Y)), batch_size=None),
    "a data set": lambda: Named(),
    "an iterable data set": lambda: Flowing(),
    "an object that is iterated": lambda: Batches(X, Y),
    "inputs in a list": lambda: Batches([WIDE, DEEP], [LABELS, REAL]),
    "a generator without an end": lambda: endless(X, Y),
    "torch's tensors": lambda: Batches(
        *(latih.structures.map_structure(torch.from_numpy, one) for one in (X, Y))
    ),
}
READ_BY_ROWS = ("a data set", "an iterable data set")


def asked(name: str) -> dict[str, Any]:
    size = {"batch_size": SIZE} if name in READ_BY_ROWS else {}
    return {"verbose": 0, **size}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_trains_as_arrays_do(name: str) -> None:
    ours, other = model(), model()
    steps = {"steps_per_epoch": 3} if name == "a generator without an end" else {}
    got = ours.fit(STREAMS[name](), epochs=3, shuffle=False, **steps, **asked(name)).history
    wanted = other.fit(X, Y, epochs=3, shuffle=False, batch_size=SIZE, verbose=0).history
    assert got == wanted
    for one, same in zip(ours.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_scored_and_predicted_as_arrays_are(name: str) -> None:
    ours = model()
    steps = {"steps": 3} if name == "a generator without an end" else {}
    got = ours.evaluate(STREAMS[name](), return_dict=True, **steps, **asked(name))
    assert got == ours.evaluate(X, Y, batch_size=SIZE, return_dict=True, verbose=0)
    predicted = ours.predict(STREAMS[name](), **steps, **asked(name))
    for one, same in zip(predicted, ours.predict(X, batch_size=SIZE, verbose=0), strict=True):
        np.testing.assert_array_equal(one, same)


def test_fewer_steps_than_a_pass_go_on_in_the_next_epoch() -> None:
    ours, other = model(), model()
    got = ours.fit(DataLoader(Named(), SIZE), epochs=3, steps_per_epoch=2, verbose=0).history
    wanted = other.fit(
        X, Y, epochs=3, steps_per_epoch=2, shuffle=False, batch_size=SIZE, verbose=0
    ).history
    assert got == wanted


def test_a_finite_generator_is_one_epoch() -> None:
    ours, other = model(), model()
    got = ours.fit(batches(X, Y), verbose=0).history
    assert got == other.fit(X, Y, shuffle=False, batch_size=SIZE, verbose=0).history


@pytest.mark.parametrize("validation", [lambda: Named(), lambda: DataLoader(Named(), SIZE)])
def test_validation_from_a_stream(validation: Any) -> None:
    ours, other = model(), model()
    arguments = {"epochs": 2, "shuffle": False, "batch_size": SIZE, "verbose": 0}
    got = ours.fit(X, Y, validation_data=validation(), **arguments).history
    wanted = other.fit(X, Y, validation_data=(X, Y), **arguments).history
    assert got == wanted


def test_an_endless_validation_ends_after_its_steps() -> None:
    ours, other = model(), model()
    arguments = {"epochs": 2, "shuffle": False, "batch_size": SIZE, "verbose": 0}
    got = ours.fit(X, Y, validation_data=endless(X, Y), validation_steps=3, **arguments).history
    assert got == other.fit(X, Y, validation_data=(X, Y), **arguments).history


def test_weights_of_examples_come_with_the_stream() -> None:
    ours, other = model(), model()
    weights = {"kind": WEIGHTS, "real": WEIGHTS[::-1].copy()}
    got = ours.fit(Batches(X, Y, weights), epochs=2, verbose=0).history
    wanted = other.fit(
        X, Y, sample_weight=weights, epochs=2, shuffle=False, batch_size=SIZE, verbose=0
    ).history
    assert got == wanted


def test_class_weights_reach_a_stream() -> None:
    ours, other = model(), model()
    weight = {0: 3.0, 2: 0.1}
    got = ours.fit(DataLoader(Named(), SIZE), epochs=2, class_weight=weight, verbose=0).history
    wanted = other.fit(
        X, Y, class_weight=weight, epochs=2, shuffle=False, batch_size=SIZE, verbose=0
    ).history
    for name in wanted:
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-6, err_msg=name)


def test_a_subclass_is_built_by_the_first_batch_of_a_stream() -> None:
    class Net(latih.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = latih.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    data = TensorDataset(torch.from_numpy(WIDE), torch.from_numpy(REAL))
    logs: list[Any] = []
    for given in ((data,), (WIDE, REAL)):
        latih.utils.set_random_seed(3)
        net = Net()
        net.compile("sgd", "mse")
        logs.append(net.fit(*given, epochs=2, batch_size=SIZE, shuffle=False, verbose=0).history)
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"x": DataLoader(Named(), SIZE), "y": REAL}, "beside data that are iterated"),
        ({"x": DataLoader(Named(), SIZE), "validation_split": 0.2}, "validation_split"),
        ({"x": Batches({"wide": WIDE}, Y)}, "batch 1's x"),
        ({"x": Batches(X, {"kind": LABELS})}, "no targets for the output 'real'"),
        ({"x": Batches(X)}, "batch 1's y` is missing"),
        ({"x": iter([])}, "no batch"),
    ],
)
def test_a_stream_that_does_not_fit_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        model().fit(verbose=0, **given)
