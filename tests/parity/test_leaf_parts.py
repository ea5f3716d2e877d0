"""Initializers that are not drawn number by number, penalties and bounds against Keras's."""

from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import latih

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

few = settings(max_examples=20)
hundredths = st.integers(-500, 500).map(lambda n: n / 100)


def weights(dims: int, most: int = 4) -> st.SearchStrategy[np.ndarray]:
    shapes = arrays.array_shapes(min_dims=2, max_dims=dims, min_side=1, max_side=most)
    return arrays.arrays(np.float32, shapes, elements=hundredths)


# Initializers


@pytest.mark.parametrize("shape", [(5, 5), (8, 3), (3, 8), (3, 3, 2, 4), (2, 2, 40), (1, 7)])
@pytest.mark.parametrize("gain", [1.0, 2**0.5])
def test_rows_or_columns_are_orthonormal_as_in_keras(shape: tuple[int, ...], gain: float) -> None:
    for library in (latih, keras):
        values = library.initializers.Orthogonal(gain, seed=3)(shape).detach()
        matrix = values.reshape(-1, shape[-1]).double() / gain
        short = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
        torch.testing.assert_close(
            short @ short.T, torch.eye(len(short), dtype=torch.double), atol=1e-6, rtol=0
        )


def test_orthogonal_weights_are_spread_over_all_rotations_as_keras_are() -> None:
    # Without the sign of R's diagonal, the first column of Q would always point the same way.
    got, wanted = (
        torch.stack([library.initializers.Orthogonal(seed=s)((3, 3)).detach() for s in range(400)])
        for library in (latih, keras)
    )
    for matrices in (got, wanted):
        # A column of a uniform rotation is uniform on the sphere: mean 0, mean square 1/3.
        assert matrices.mean(dim=0).abs().max() < 5 * (1 / 3 / 400) ** 0.5
        assert (matrices.square().mean(dim=0) - 1 / 3).abs().max() < 0.08
        assert abs(torch.linalg.det(matrices).mean().item()) < 5 / 400**0.5


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (5, 2)])
def test_the_identity_is_keras(shape: tuple[int, int]) -> None:
    for gain in (1.0, -0.5):
        got = latih.initializers.Identity(gain)(shape)
        assert torch.equal(got, keras.initializers.Identity(gain)(shape).detach())


@pytest.mark.parametrize("name", ["OrthogonalInitializer", "orthogonal", "IdentityInitializer"])
def test_keras_other_names_mean_the_same(name: str) -> None:
    ours, theirs = latih.initializers.get(name), keras.initializers.get(name)
    assert type(ours).__name__ == type(theirs).__name__
    assert getattr(latih.initializers, name) is type(ours)
    assert getattr(keras.initializers, name) is type(theirs)


def test_a_rank_that_keras_refuses_is_refused() -> None:
    for name, shape in (("Orthogonal", (4,)), ("Identity", (4,)), ("Identity", (2, 3, 4))):
        for library in (latih, keras):
            with pytest.raises(ValueError, match=r"dimensional|axes|2D"):
                getattr(library.initializers, name)()(shape)


# Penalties


@few
@given(
    weight=weights(2), factor=st.sampled_from([0.0, 0.01, 2.0]), mode=st.sampled_from(["r", "c"])
)
def test_the_orthogonal_penalty_and_its_gradient_are_keras(
    weight: np.ndarray, factor: float, mode: str
) -> None:
    mode = {"r": "rows", "c": "columns"}[mode]
    count = weight.shape[0 if mode == "rows" else 1]
    ours = latih.regularizers.OrthogonalRegularizer(factor, mode)  # type: ignore[arg-type]
    one = torch.tensor(weight, requires_grad=True)
    got = ours(one)
    (gradient,) = torch.autograd.grad(got, one)
    assert torch.isfinite(gradient).all()
    if count == 1:  # Keras divides by no pairs
        assert got.item() == 0
        return
    other = torch.tensor(weight, requires_grad=True)
    wanted = keras.regularizers.OrthogonalRegularizer(factor, mode)(other)
    assert got.item() == pytest.approx(wanted.item(), rel=1e-5, abs=1e-7)
    lengths = np.linalg.norm(weight, axis=1 if mode == "rows" else 0)
    if lengths.min() > 0.1:  # at a row of zeros Keras's gradient is not a number
        (wanted_gradient,) = torch.autograd.grad(wanted, other)
        torch.testing.assert_close(gradient, wanted_gradient, rtol=1e-3, atol=1e-4)


def test_the_orthogonal_penalty_is_for_matrices() -> None:
    for library in (latih, keras):
        with pytest.raises(ValueError, match=r"rank 2|two axes"):
            library.regularizers.OrthogonalRegularizer()(torch.ones(2, 2, 2))


# Bounds


@few
@given(weight=weights(4), data=st.data())
@example(weight=np.zeros((2, 2), "float32"), data=None)
def test_bounds_are_keras(weight: np.ndarray, data: Any) -> None:
    axes = (
        [0]
        if data is None
        else sorted(data.draw(st.sets(st.integers(0, weight.ndim - 1), min_size=1)))
    )
    axis = axes[0] if len(axes) == 1 else axes
    for name, arguments in (
        ("NonNeg", {}),
        ("UnitNorm", {"axis": axis}),
        ("MinMaxNorm", {"axis": axis}),
        ("MinMaxNorm", {"min_value": 0.5, "max_value": 2.0, "rate": 0.3, "axis": axis}),
        ("MinMaxNorm", {"min_value": 1.0, "max_value": 1.0, "rate": 0.0, "axis": axis}),
    ):
        got, wanted = (
            getattr(library.constraints, name)(**arguments)(torch.tensor(weight)).detach()
            for library in (latih, keras)
        )
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["UnitNorm", "MinMaxNorm"])
@pytest.mark.parametrize("axis", [None, -1, (0, 1)])
def test_bounds_take_keras_axes(name: str, axis: Any) -> None:
    weight = torch.tensor([[3.0, 0.0], [-4.0, 0.1]])
    got, wanted = (
        getattr(library.constraints, name)(axis=axis)(weight).detach() for library in (latih, keras)
    )
    torch.testing.assert_close(got, wanted)
