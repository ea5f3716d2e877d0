"""Products and decompositions of vectors and matrices.

Example:
    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    tensor([[11.]])
"""

from collections.abc import Sequence
from typing import Any

import torch

from latih.ops.conversion import alike, axes, convert_to_tensor, floats


def _factors(*values: Any) -> list[torch.Tensor]:
    # What torch has no product of is truths; Keras counts them.
    factors = alike(*(convert_to_tensor(value) for value in values))
    return [f.to(torch.int32) if f.dtype == torch.bool else f for f in factors]


def matmul(x1: Any, x2: Any) -> torch.Tensor:
    """Return the product of matrices, which lie in the last two axes."""
    return torch.matmul(*_factors(x1, x2))


def dot(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``Σ x1 x2`` over the last axis of ``x1`` and the last but one of ``x2``."""
    x1, x2 = _factors(x1, x2)
    if not x1.ndim or not x2.ndim:
        return x1 * x2
    pairs: Any = ([-1], [0 if x2.ndim == 1 else -2])
    return torch.tensordot(x1, x2, dims=pairs)


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> torch.Tensor:
    """Return ``Σ x1 x2`` over axes of both: so many of the last and first, or two lists."""
    x1, x2 = _factors(x1, x2)
    if isinstance(axes, int):
        return torch.tensordot(x1, x2, dims=axes)
    pairs: Any = tuple([one] if isinstance(one, int) else list(one) for one in axes)
    return torch.tensordot(x1, x2, dims=pairs)


def einsum(subscripts: str, *operands: Any) -> torch.Tensor:
    """Return the sum of products that Einstein's notation names.

    Example:
        >>> einsum("ij,ij->i", [[1.0, 2.0]], [[3.0, 4.0]])
        tensor([11.])
    """
    return torch.einsum(subscripts, *_factors(*operands))


def outer(x1: Any, x2: Any) -> torch.Tensor:
    """Return the products of each number of ``x1`` with each of ``x2``."""
    x1, x2 = _factors(x1, x2)
    return torch.outer(x1.reshape(-1), x2.reshape(-1))


def inner(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``Σ x1 x2`` over the last axis of both."""
    return torch.inner(*_factors(x1, x2))


def vdot(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``Σ x̄1 x2`` over all numbers."""
    x1, x2 = _factors(x1, x2)
    return torch.vdot(x1.reshape(-1), x2.reshape(-1))


def cross(
    x1: Any, x2: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> torch.Tensor:
    """Return the cross product of vectors of length three.

    Args:
        x1: vectors.
        x2: vectors.
        axisa: the axis of the vectors of ``x1``.
        axisb: the axis of those of ``x2``.
        axisc: the axis of the results.
        axis: all three, where it is given.
    """
    of_1, of_2, of_both = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    x1, x2 = _factors(x1, x2)
    x1, x2 = torch.broadcast_tensors(x1.movedim(of_1, -1), x2.movedim(of_2, -1))
    return torch.linalg.cross(x1, x2, dim=-1).movedim(-1, of_both)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> torch.Tensor:
    """Return the sum of a diagonal."""
    x = convert_to_tensor(x)
    small = x.dtype in (torch.bool, torch.int8, torch.int16, torch.uint8)
    diagonal = torch.diagonal(x, offset=offset, dim1=axis1, dim2=axis2)
    return diagonal.sum(dim=-1, dtype=torch.int32 if small else x.dtype)


def inv(x: Any) -> torch.Tensor:
    """Return the inverse of a square matrix."""
    return torch.linalg.inv(floats(x))


def pinv(x: Any, rcond: float | None = None) -> torch.Tensor:
    """Return the pseudo-inverse of a matrix; singular values below ``rcond`` of the first are 0."""
    return torch.linalg.pinv(floats(x), rtol=rcond)


def det(x: Any) -> torch.Tensor:
    """Return the determinant of a square matrix."""
    return torch.linalg.det(floats(x))


def slogdet(x: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sign of the determinant and the logarithm of its size."""
    found = torch.linalg.slogdet(floats(x))
    return found.sign, found.logabsdet


def logdet(x: Any) -> torch.Tensor:
    """Return the logarithm of the determinant."""
    return torch.logdet(floats(x))


def solve(a: Any, b: Any) -> torch.Tensor:
    """Return ``x`` with ``a x = b``."""
    a, b = (floats(one) for one in _factors(a, b))
    return torch.linalg.solve(a, b)


def solve_triangular(a: Any, b: Any, lower: bool = False) -> torch.Tensor:
    """Return ``x`` with ``a x = b``, where ``a`` has zeros on one side of its diagonal."""
    a, b = (floats(one) for one in _factors(a, b))
    if b.ndim == a.ndim - 1:
        return torch.linalg.solve_triangular(a, b[..., None], upper=not lower)[..., 0]
    return torch.linalg.solve_triangular(a, b, upper=not lower)


def cholesky(x: Any, upper: bool = False) -> torch.Tensor:
    """Return the triangle ``L`` with ``L Lᵀ = x``; its transpose with ``upper``."""
    return torch.linalg.cholesky(floats(x), upper=upper)


def qr(x: Any, mode: str = "reduced") -> tuple[torch.Tensor, torch.Tensor]:
    """Return an orthogonal matrix and a triangle, whose product is ``x``."""
    found = torch.linalg.qr(floats(x), mode=mode)
    return found.Q, found.R


def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Return ``U``, the singular values and ``Vᵀ``; without ``compute_uv`` the values alone."""
    if not compute_uv:
        return torch.linalg.svdvals(floats(x))
    return tuple(torch.linalg.svd(floats(x), full_matrices=full_matrices))


def eigh(x: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the eigenvalues, rising, and eigenvectors of a symmetric matrix."""
    found = torch.linalg.eigh(floats(x))
    return found.eigenvalues, found.eigenvectors


def norm(
    x: Any, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False
) -> torch.Tensor:
    """Return the norm of vectors or matrices.

    Args:
        x: the numbers.
        ord: the norm's order, as NumPy names it; None for ``√Σx²``.
        axis: the axis of vectors, or the two of matrices; None for all.
        keepdims: whether the axes stay.

    Example:
        >>> norm([3.0, 4.0])
        tensor(5.)
    """
    x = floats(x)
    if ord is None and axis is None:
        found = torch.linalg.vector_norm(x)
        return found.reshape((1,) * x.ndim) if keepdims else found
    return torch.linalg.norm(x, ord=ord, dim=axes(axis), keepdim=keepdims)
