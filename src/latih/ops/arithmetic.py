"""What is done to numbers one by one, or to two of them side by side.

Operands are broadcast against each other, and take the type that Keras gives the result: a number
of Python changes the kind of a tensor, never its width.

Example:
    >>> add([1, 2], 0.5), add([1, 2], 1)
    (tensor([1.5000, 2.5000]), tensor([2, 3], dtype=torch.int32))
"""

from typing import Any

import torch

from latih.ops.conversion import alike, convert_to_tensor, floats

# Two operands


def add(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``x1 + x2``."""
    x1, x2 = alike(x1, x2)
    return x1 + x2


def subtract(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``x1 - x2``."""
    x1, x2 = alike(x1, x2)
    return x1 - x2


def multiply(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``x1 · x2``."""
    x1, x2 = alike(x1, x2)
    return x1 * x2


def divide(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``x1 / x2``, with a fraction."""
    x1, x2 = alike(x1, x2)
    return x1 / x2


true_divide = divide


def divide_no_nan(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``x1 / x2``, and 0 where ``x2`` is 0; the gradient is 0 there, too.

    Example:
        >>> divide_no_nan([1.0, 1.0], [2.0, 0.0])
        tensor([0.5000, 0.0000])
    """
    x1, x2 = alike(x1, x2)
    nothing = x2 == 0
    # Filled before the division: 0/0 has no gradient, even where it is not taken.
    return torch.where(nothing, 0, x1 / torch.where(nothing, 1, x2))


def floor_divide(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``⌊x1 / x2⌋``."""
    x1, x2 = alike(x1, x2)
    return torch.floor_divide(x1, x2)


def mod(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``x1 - x2 ⌊x1 / x2⌋``, with the sign of ``x2``."""
    x1, x2 = alike(x1, x2)
    return torch.remainder(*(x.to(torch.int32) if x.dtype == torch.bool else x for x in (x1, x2)))


def power(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``x1`` to the power of ``x2``."""
    x1, x2 = alike(x1, x2)
    return torch.pow(x1, x2)


def maximum(x1: Any, x2: Any) -> torch.Tensor:
    """Return the larger of the two."""
    return torch.maximum(*alike(x1, x2))


def minimum(x1: Any, x2: Any) -> torch.Tensor:
    """Return the smaller of the two."""
    return torch.minimum(*alike(x1, x2))


def logaddexp(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``log(exp(x1) + exp(x2))``, without overflow."""
    x1, x2 = alike(x1, x2)
    return torch.logaddexp(floats(x1), floats(x2))


def arctan2(x1: Any, x2: Any) -> torch.Tensor:
    """Return the angle of the point ``(x2, x1)``, -π to π."""
    x1, x2 = alike(x1, x2)
    return torch.atan2(floats(x1), floats(x2))


def hypot(x1: Any, x2: Any) -> torch.Tensor:
    """Return ``√(x1² + x2²)``."""
    x1, x2 = alike(x1, x2)
    return torch.hypot(floats(x1), floats(x2))


# One operand, whose type stays


def absolute(x: Any) -> torch.Tensor:
    """Return ``|x|``."""
    x = convert_to_tensor(x)
    return x if x.dtype == torch.bool else torch.abs(x)


abs = absolute


def negative(x: Any) -> torch.Tensor:
    """Return ``-x``."""
    return torch.negative(convert_to_tensor(x))


def sign(x: Any) -> torch.Tensor:
    """Return -1, 0 or 1, as ``x`` is below, at or above 0."""
    return torch.sign(convert_to_tensor(x))


def square(x: Any) -> torch.Tensor:
    """Return ``x²``."""
    x = convert_to_tensor(x)
    return torch.square(x.to(torch.int32) if x.dtype == torch.bool else x)


def round(x: Any, decimals: int = 0) -> torch.Tensor:
    """Return the nearest number of so many decimals; the even one of two."""
    x = convert_to_tensor(x)
    if x.is_floating_point() or x.is_complex():
        return torch.round(x, decimals=decimals)
    return torch.round(x.to(torch.float32), decimals=decimals).to(
        torch.int32 if x.dtype == torch.bool else x.dtype
    )


def trunc(x: Any) -> torch.Tensor:
    """Return ``x`` without its fraction."""
    return torch.trunc(convert_to_tensor(x))


def clip(x: Any, x_min: Any, x_max: Any) -> torch.Tensor:
    """Return ``x``, or the nearest bound where it lies outside.

    Example:
        >>> clip([-1.0, 0.5, 2.0], 0.0, 1.0)
        tensor([0.0000, 0.5000, 1.0000])
    """
    x = convert_to_tensor(x)
    if x.dtype == torch.bool:
        x = x.to(torch.int32)
    lower, upper = convert_to_tensor(x_min).to(x.device), convert_to_tensor(x_max).to(x.device)
    return torch.clip(x, lower, upper)


def nan_to_num(
    x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> torch.Tensor:
    """Return ``x`` with finite numbers in place of NaN and infinities."""
    x = convert_to_tensor(x)
    return torch.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def real(x: Any) -> torch.Tensor:
    """Return the real part."""
    return torch.real(convert_to_tensor(x))


def imag(x: Any) -> torch.Tensor:
    """Return the imaginary part, 0 of a real number."""
    x = convert_to_tensor(x)
    return torch.imag(x) if x.is_complex() else torch.zeros_like(x)


def conjugate(x: Any) -> torch.Tensor:
    """Return the complex conjugate."""
    return torch.conj(convert_to_tensor(x)).resolve_conj()


# One operand, that gets a fraction


def reciprocal(x: Any) -> torch.Tensor:
    """Return ``1 / x``."""
    return torch.reciprocal(convert_to_tensor(x))


def sqrt(x: Any) -> torch.Tensor:
    """Return ``√x``."""
    return torch.sqrt(floats(x))


def rsqrt(x: Any) -> torch.Tensor:
    """Return ``1 / √x``."""
    return torch.rsqrt(floats(x))


def exp(x: Any) -> torch.Tensor:
    """Return ``eˣ``."""
    return torch.exp(floats(x))


def exp2(x: Any) -> torch.Tensor:
    """Return ``2ˣ``."""
    return torch.exp2(floats(x))


def expm1(x: Any) -> torch.Tensor:
    """Return ``eˣ - 1``, exact near 0."""
    return torch.expm1(floats(x))


def log(x: Any) -> torch.Tensor:
    """Return the natural logarithm."""
    return torch.log(floats(x))


def log1p(x: Any) -> torch.Tensor:
    """Return ``log(1 + x)``, exact near 0."""
    return torch.log1p(floats(x))


def log2(x: Any) -> torch.Tensor:
    """Return the logarithm to base 2."""
    return torch.log2(floats(x))


def log10(x: Any) -> torch.Tensor:
    """Return the logarithm to base 10."""
    return torch.log10(floats(x))


def floor(x: Any) -> torch.Tensor:
    """Return the nearest whole number below."""
    return torch.floor(floats(x))


def ceil(x: Any) -> torch.Tensor:
    """Return the nearest whole number above."""
    return torch.ceil(floats(x))


def sin(x: Any) -> torch.Tensor:
    """Return the sine of an angle in radians."""
    return torch.sin(floats(x))


def cos(x: Any) -> torch.Tensor:
    """Return the cosine of an angle in radians."""
    return torch.cos(floats(x))


def tan(x: Any) -> torch.Tensor:
    """Return the tangent of an angle in radians."""
    return torch.tan(floats(x))


def arcsin(x: Any) -> torch.Tensor:
    """Return the angle whose sine is ``x``."""
    return torch.asin(floats(x))


def arccos(x: Any) -> torch.Tensor:
    """Return the angle whose cosine is ``x``."""
    return torch.acos(floats(x))


def arctan(x: Any) -> torch.Tensor:
    """Return the angle whose tangent is ``x``."""
    return torch.atan(floats(x))


def sinh(x: Any) -> torch.Tensor:
    """Return the hyperbolic sine."""
    return torch.sinh(floats(x))


def cosh(x: Any) -> torch.Tensor:
    """Return the hyperbolic cosine."""
    return torch.cosh(floats(x))


def tanh(x: Any) -> torch.Tensor:
    """Return the hyperbolic tangent."""
    return torch.tanh(floats(x))


def arcsinh(x: Any) -> torch.Tensor:
    """Return the number whose hyperbolic sine is ``x``."""
    return torch.asinh(floats(x))


def arccosh(x: Any) -> torch.Tensor:
    """Return the number >= 0 whose hyperbolic cosine is ``x``."""
    return torch.acosh(floats(x))


def arctanh(x: Any) -> torch.Tensor:
    """Return the number whose hyperbolic tangent is ``x``."""
    return torch.atanh(floats(x))


def erf(x: Any) -> torch.Tensor:
    """Return the error function, ``2/√π ∫₀ˣ exp(-t²) dt``."""
    return torch.erf(floats(x))


def erfinv(x: Any) -> torch.Tensor:
    """Return the number whose error function is ``x``."""
    return torch.erfinv(floats(x))
