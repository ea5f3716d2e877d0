"""Layers and metrics in lists, tuples and dicts belong to their owner, as in Keras."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import layers


def appended(model: Any) -> None:
    model.kept = []
    model.kept.append(layers.Dense(1))


def in_a_tuple(model: Any) -> None:
    model.kept = (layers.Dense(1),)


def appended_to_an_inner_list(model: Any) -> None:
    model.kept = [[], []]
    model.kept[1].append(layers.Dense(1))


def appended_in_a_dict(model: Any) -> None:
    model.kept = {"a": []}
    model.kept["a"].append(layers.Dense(1))


def joined_to_a_dict(model: Any) -> None:
    model.kept = {}
    model.kept |= {"a": layers.Dense(1)}


def put_in_with_its_list(model: Any) -> None:
    model.kept = []
    model.kept.append([])
    model.kept[0].append(layers.Dense(1))


KEEPING = [
    *(appended, in_a_tuple, appended_to_an_inner_list, appended_in_a_dict),
    *(joined_to_a_dict, put_in_with_its_list),
]


def first_layer(kept: Any) -> Any:
    while not isinstance(kept, layers.Layer):
        kept = list(kept.values())[-1] if isinstance(kept, dict) else kept[-1]
    return kept


class Net(keras.Model):
    def __init__(self, keep: Any) -> None:
        super().__init__()
        keep(self)

    def call(self, inputs: Any) -> Any:
        return first_layer(self.kept)(inputs)


@pytest.mark.parametrize("keep", KEEPING)
def test_a_layer_is_found_however_it_is_kept(keep: Any) -> None:
    model = Net(keep)
    model(np.ones((2, 3), "float32"))
    assert [w.shape for w in model.get_weights()] == [(3, 1), (1,)]
    assert len(list(model.parameters())) == 2
    copied = copy.deepcopy(model)
    assert first_layer(copied.kept) is copied.layers[0] is not model.layers[0]
    program = torch.export.export(model, (torch.ones(2, 3),))
    torch.testing.assert_close(program.module()(torch.ones(2, 3)), model(torch.ones(2, 3)))


def test_what_is_assigned_anew_takes_the_place_of_what_was() -> None:
    model = Net(appended)
    for other in (None, 5, [1], (2,), {"a": 3}):
        appended(model)
        model.kept = other
        assert model.kept == other and model.layers == []
    model.kept = layers.Dense(1)
    assert len(model.layers) == 1


def test_a_list_of_layers_can_be_pickled_by_those_who_do() -> None:
    model = Net(appended)
    model(np.ones((2, 3), "float32"))
    again = pickle.loads(pickle.dumps(list(model.kept)))
    assert torch.equal(again[0].kernel, model.kept[0].kernel)


class Counted(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)
        self.several: Any = []
        self.several.append(keras.metrics.Mean(name="a"))
        self.named = {"b": keras.metrics.Mean(name="b")}
        self.pair = (keras.metrics.Mean(name="c"), 3)

    def call(self, inputs: Any) -> Any:
        for metric in (self.several[0], self.named["b"], self.pair[0]):
            metric.update_state(1.0)
        return self.dense(inputs)


def test_metrics_are_found_however_they_are_kept() -> None:
    model = Counted()
    model.compile("sgd", loss="mse")
    history = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history
    assert history.keys() == {"loss", "a", "b", "c"}


class Counting(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.calls_done = self.add_weight((), trainable=False, name="calls_done")

    def call(self, inputs: Any) -> Any:
        self.calls_done.add_(1)
        self.add_loss(inputs.sum())
        return inputs + 0.0


def test_finding_out_a_shape_leaves_no_trace() -> None:
    x = keras.Input((3,))
    layer = Counting()
    model = keras.Model(x, layer(x))
    assert float(layer.calls_done) == 0
    layer.compute_output_shape((None, 3))
    assert float(layer.calls_done) == 0
    model(torch.ones(2, 3))
    assert float(layer.calls_done) == 1 and len(model.losses) == 1


def test_a_metric_may_keep_the_targets_that_it_saw() -> None:
    class Keeping(keras.metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="keeping")
            self.seen: list[Any] = []

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.seen.append(y_true)

        def result(self) -> Any:
            return torch.cat(self.seen).sum() if self.seen else torch.tensor(0.0)

        def reset_state(self) -> None:
            self.seen = []

    model = keras.Sequential([keras.Input((1,)), layers.Dense(1)])
    model.compile("sgd", loss="mse", metrics=[Keeping()])
    history = model.fit(np.zeros((100, 1)), np.arange(100.0), batch_size=7, verbose=0).history
    assert history["keeping"] == [4950.0]


def test_a_graph_with_constants_and_its_clone(tmp_path: Any) -> None:
    x = keras.Input((3,))
    model = keras.Model(x, layers.Dense(2)((x + np.ones(3, "float32")) * torch.tensor(2.0)))
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    ones = torch.ones(2, 3)
    torch.testing.assert_close(again(ones), model(ones))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    torch.testing.assert_close(clone(ones), model(ones))
