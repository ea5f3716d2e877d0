"""A small file that describes a graph asks for little: calls, parts and shapes are counted."""

import json
from typing import Any

import pytest
import torch

import latih
from latih.errors import LatihError
from latih.layers import budget
from latih.models.graph_config import describe


def test_models_within_models_cost_no_power_of_their_depth() -> None:
    model: Any = latih.layers.ReLU()
    for _ in range(14):
        x = latih.Input((None,))
        model = latih.Model(x, model(model(x)))
    x = latih.Input((4,))
    asked: list[Any] = []
    for layer in model.layers:
        original = layer.compute_output_shape
        layer.compute_output_shape = lambda s, o=original: asked.append(s) or o(s)
    assert latih.Model(x, model(x)).output_shape == (None, 4)
    assert len(asked) < 100


def test_many_calls_and_many_parts_are_refused() -> None:
    with budget.weight_budget(10), pytest.raises(LatihError, match="too many calls"):
        x = latih.Input((1,))
        for _ in range(budget.LARGEST_NUMBER_OF_CALLS + 1):
            budget.admit_call("relu")
    x = latih.Input((4,))
    with pytest.raises(LatihError, match="too many parts"):
        latih.ops.split(x, 500_000, axis=1)


def test_an_array_of_another_type_than_numbers_is_refused() -> None:
    x = latih.Input((1,))
    graph = latih.Model(x, x + torch.ones(1))
    described = json.loads(json.dumps(describe(graph.graph)))
    call = described["layers"][1]["inbound_nodes"][0]["args"]
    assert call[1]["class_name"] == "__numpy__"
    call[1]["config"]["dtype"] = "object"
    with pytest.raises(LatihError, match="dtype"):
        latih.Model.from_config({"name": "m", **described})
