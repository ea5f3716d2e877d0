"""Every initializer keeps the contract of initializers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from latih import initializers
from latih.errors import LatihError
from latih.initializers import INITIALIZERS, Initializer, RandomInitializer

CASES: dict[str, Callable[[], Initializer]] = {
    "Zeros": initializers.Zeros,
    "Ones": initializers.Ones,
    "Constant": lambda: initializers.Constant(0.5),
    "RandomNormal": lambda: initializers.RandomNormal(0.1, 0.2, seed=1),
    "RandomUniform": lambda: initializers.RandomUniform(-0.1, 0.3),
    "TruncatedNormal": lambda: initializers.TruncatedNormal(0.1, 0.2, seed=1),
    "VarianceScaling": lambda: initializers.VarianceScaling(2.0, "fan_avg", "uniform", 3),
    "GlorotNormal": lambda: initializers.GlorotNormal(seed=1),
    "GlorotUniform": initializers.GlorotUniform,
    "HeNormal": lambda: initializers.HeNormal(seed=1),
    "HeUniform": initializers.HeUniform,
    "LecunNormal": lambda: initializers.LecunNormal(seed=1),
    "LecunUniform": initializers.LecunUniform,
    "Orthogonal": lambda: initializers.Orthogonal(2.0, seed=1),
    "LSUV": lambda: initializers.LSUV(seed=1),
    "Identity": lambda: initializers.Identity(0.5),
}
# The numbers of axes that they can fill, if not any.
RANKS: dict[str, set[int]] = {"Orthogonal": {2, 3, 4}, "LSUV": {2, 3, 4}, "Identity": {2}}
each = pytest.mark.parametrize("name", CASES)


def test_every_initializer_is_in_the_table_and_here(public_classes: Any) -> None:
    assert {cls.__name__ for cls in INITIALIZERS.classes} == set(CASES)
    assert public_classes(initializers, Initializer) - {RandomInitializer} == set(
        INITIALIZERS.classes
    )


@each
@pytest.mark.parametrize("shape", [(), (4,), (4, 3), (2, 3, 4), (2, 2, 3, 4), (0, 3)])
def test_an_initializer_fills_any_shape_with_finite_float32(name: str, shape: Any) -> None:
    if len(shape) not in RANKS.get(name, {len(shape)}):
        with pytest.raises(LatihError, match=f"{name}.*shape"):
            CASES[name]()(shape)
        return
    values = CASES[name]()(shape)
    assert tuple(values.shape) == shape
    assert values.dtype == torch.float32
    assert torch.isfinite(values).all()


@each
def test_an_initializer_has_no_state(name: str) -> None:
    initializer = CASES[name]()
    first = initializer((4, 3))
    torch.rand(7)
    assert torch.equal(initializer((4, 3)), first)


@each
def test_an_initializer_comes_back_from_its_config(name: str, assert_comes_back: Any) -> None:
    initializer = CASES[name]()
    again = assert_comes_back(INITIALIZERS, initializer)
    if getattr(initializer, "seed", 0) is not None:
        assert torch.equal(again((4, 3)), initializer((4, 3)))
        assert torch.equal(initializer.clone()((4, 3)), initializer((4, 3)))


@each
def test_an_initializer_is_found_by_its_names(name: str) -> None:
    cls = getattr(initializers, name)
    for spelled in (name, latih_name(name), cls):
        assert type(initializers.get(spelled)) is cls


def latih_name(name: str) -> str:
    if name.isupper():
        return name.lower()
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)[1:]


@pytest.mark.parametrize("cls", INITIALIZERS.classes)
def test_an_initializer_is_documented(cls: type, assert_documented: Any) -> None:
    assert_documented(cls)


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    *((cls.__name__, {"seed": 1.5}, "seed") for cls in INITIALIZERS.classes[4:]),
    *((cls.__name__, {"seed": "x"}, "seed") for cls in INITIALIZERS.classes[4:]),
    ("Orthogonal", {"gain": "x"}, "gain"),
    ("Identity", {"gain": None}, "gain"),
    ("VarianceScaling", {"scale": 0.0}, "scale"),
    ("VarianceScaling", {"scale": -1.0}, "scale"),
    ("VarianceScaling", {"scale": "x"}, "scale"),
    ("VarianceScaling", {"mode": "fan"}, "mode"),
    ("VarianceScaling", {"mode": 3}, "mode"),
    ("VarianceScaling", {"distribution": "cauchy"}, "distribution"),
    ("VarianceScaling", {"distribution": None}, "distribution"),
    ("RandomNormal", {"stddev": -0.1}, "stddev"),
    ("RandomNormal", {"mean": "x"}, "mean"),
    ("TruncatedNormal", {"stddev": -0.1}, "stddev"),
    ("TruncatedNormal", {"stddev": "x"}, "stddev"),
    ("RandomUniform", {"minval": 1.0, "maxval": 0.0}, "minval"),
    ("RandomUniform", {"minval": "x"}, "minval"),
    ("Constant", {"value": "x"}, "value"),
]


@pytest.mark.parametrize(("name", "arguments", "named"), REFUSED, ids=str)
def test_bad_arguments_are_refused_by_their_name(
    name: str, arguments: dict[str, Any], named: str
) -> None:
    with pytest.raises(LatihError, match=named):
        getattr(initializers, name)(**arguments)


def test_a_name_that_is_none_is_refused_with_those_that_look_like_it() -> None:
    with pytest.raises(LatihError, match="'he_normal'"):
        initializers.get("he_nromal")
