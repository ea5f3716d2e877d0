"""Weights and inputs that no machine could hold are refused before they are made."""

from typing import Any

import pytest
import torch

import latih
from latih.errors import FileFormatError, InputError
from latih.layers import Dense, Layer
from latih.layers.budget import LARGEST_NUMBER_OF_LAYERS, LARGEST_PROBE, weight_budget


@pytest.fixture
def never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("it was made")

    for name in ("empty", "zeros", "ones", "rand"):
        monkeypatch.setattr(torch, name, refuse)


@pytest.mark.usefixtures("never_made")
def test_a_weight_beyond_the_memory_is_refused_before_it_is_made() -> None:
    with pytest.raises(InputError, match=r"`kernel` of 'huge' cannot be made.*memory"):
        Dense(10**12, name="huge").build((None, 6))


@pytest.mark.usefixtures("never_made")
def test_a_file_may_not_ask_for_a_number_more_than_it_holds() -> None:
    with weight_budget(20), pytest.raises(FileFormatError, match="at least 10 numbers too many"):
        Dense(5).build((None, 6))


def test_a_file_may_ask_for_all_that_it_holds() -> None:
    with weight_budget(35):
        Dense(5).build((None, 6))
    Dense(50).build((None, 60))  # and outside nobody counts


def test_a_negative_size_buys_nothing() -> None:
    with weight_budget(20):
        with pytest.raises(Exception, match=r"negative|-5"):
            Layer().add_weight((-5, 100), "zeros")
        with pytest.raises(FileFormatError):
            Dense(5).build((None, 6))


class Plain(Layer):
    """A layer whose output's shape is found by trying."""

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs


def test_inputs_are_not_tried_when_they_are_too_large() -> None:
    with weight_budget(0), pytest.raises(FileFormatError, match="too large to be tried"):
        Plain().compute_output_shape((None, LARGEST_PROBE))
    with pytest.raises(InputError, match="memory"):
        Plain().compute_output_shape((None, 10**13))
    assert Plain().compute_output_shape((None, 7)) == (None, 7)


def test_layers_are_counted() -> None:
    with weight_budget(0), pytest.raises(FileFormatError, match="too many layers"):
        for _ in range(LARGEST_NUMBER_OF_LAYERS + 1):
            Plain(name="one")


@pytest.mark.parametrize("name", ["a/b", "..", "a\\b", "\x1b[2J", "x" * 201, 3, ["a"], "a\x00"])
def test_names_that_could_be_paths_or_commands_are_refused(name: Any) -> None:
    for make in (Plain, latih.Sequential, lambda name: latih.Input([3], name=name)):
        with pytest.raises(InputError, match="`name` of"):
            make(name=name)


@pytest.mark.parametrize("name", ["dense", "conv 1.bn", "lapisan_å", "block1-a:0", "(x)"])
def test_other_names_are_kept(name: str) -> None:
    assert Plain(name=name).name == name
