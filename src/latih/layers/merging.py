"""Several tensors made one, number by number: sums, products, means, extremes."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch

from latih.errors import InputError
from latih.layers.base import Layer
from latih.tensors import Shape


class Merge(Layer):
    """The base of layers that take a list of tensors and give one.

    A subclass says in :meth:`merged_shape` what becomes of the shapes and refuses those that do
    not fit; :meth:`build` and the first call go through it.
    """

    inputs_taken: ClassVar[int | None] = None
    """How many tensors the layer takes; None for two or more."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Any) -> None:
        """Refuse shapes that do not fit together."""
        self.compute_output_shape(input_shape)

    def call(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the outputs of a batch."""
        try:
            return self.merged(inputs)
        except (RuntimeError, IndexError):
            # The layer was built for other shapes: say it in a sentence, if that is what it is.
            self.compute_output_shape([tuple(one.shape) for one in inputs])
            raise

    def merged(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the one tensor that several give."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of the outputs for a list of shapes."""
        many = isinstance(input_shape, list | tuple) and all(
            isinstance(shape, list | tuple) for shape in input_shape
        )
        if not many:
            raise self.unfit("a list of tensors", f"one tensor of shape {tuple(input_shape)}")
        shapes: list[Shape] = [tuple(shape) for shape in input_shape]
        wanted = self.inputs_taken
        if len(shapes) < 2 or (wanted is not None and len(shapes) != wanted):
            raise self.unfit(
                f"a list of {wanted or 'at least 2'} tensors", f"a list of {len(shapes)}"
            )
        return self.merged_shape(shapes)

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the outputs for two or more shapes, or refuse them."""
        raise NotImplementedError

    def batch_length(self, shapes: Sequence[Shape]) -> int | None:
        """Return how many examples the batches have; None if that is open."""
        lengths = {shape[0] for shape in shapes if shape} - {None}
        if len(lengths) > 1:
            raise self.unfit("batches of one length", told(shapes))
        return lengths.pop() if lengths else None

    def unfit(self, expected: str, got: str) -> InputError:
        """Return the error that says why the inputs cannot be merged."""
        return InputError(
            f"{type(self).__name__} {self.name!r} cannot merge its inputs",
            expected=expected,
            got=got,
        )


class Elementwise(Merge):
    """The base of merges in which every number meets those in its place.

    Sizes of 1 stretch; a tensor of fewer axes gets axes of size 1 after the batch, as in Keras.
    """

    operation: ClassVar[Callable[[torch.Tensor, torch.Tensor], torch.Tensor]]

    def merged(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the one tensor that several give."""
        # No set of them: a size may be a symbol while the model is exported.
        if any(one.shape[:1] != inputs[0].shape[:1] for one in inputs):
            # Torch would stretch a batch of one example in silence.
            self.batch_length([tuple(one.shape) for one in inputs])
        axes = max(one.ndim for one in inputs)
        first, *others = (
            one if one.ndim == axes else one[(slice(None), *[None] * (axes - one.ndim))]
            for one in inputs
        )
        operation = type(self).operation
        for other in others:
            first = operation(first, other)
        return first

    def merged_shape(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of the outputs for two or more shapes, or refuse them."""
        axes = max(len(shape) for shape in shapes) - 1
        padded = [(*[1] * (axes + 1 - len(shape)), *shape[1:]) for shape in shapes]
        sizes: list[int | None] = []
        for column in zip(*padded, strict=True):
            known = set(column) - {1, None}
            if len(known) > 1:
                raise self.unfit("sizes that are equal or 1", told(shapes))
            # An open size beside a known one stays open, as in Keras.
            sizes.append(None if None in column else known.pop() if known else 1)
        return (self.batch_length(shapes), *sizes)


class Add(Elementwise):
    """``x₁ + x₂ + ...``: what a skip connection ends in.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: a list of ``(n, ...)``, whose sizes are equal or 1; out: ``(n, ...)``.

    Raises:
        InputError: fewer than two tensors, or shapes that do not fit.

    Example:
        >>> Add()([torch.ones(2, 3), torch.ones(2, 3)])
        tensor([[2., 2., 2.],
                [2., 2., 2.]])

    Reference:
        He et al. 2016, equation 1.
    """

    operation = torch.add


class Subtract(Elementwise):
    """``x₁ - x₂``.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: a list of two ``(n, ...)``, whose sizes are equal or 1; out: ``(n, ...)``.

    Raises:
        InputError: not two tensors, or shapes that do not fit.

    Example:
        >>> Subtract()([torch.tensor([[3.0]]), torch.tensor([[1.0]])])
        tensor([[2.]])
    """

    inputs_taken = 2
    operation = torch.sub


class Multiply(Elementwise):
    """``x₁ · x₂ · ...``, number by number: one tensor opens and shuts the other as a gate.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: a list of ``(n, ...)``, whose sizes are equal or 1; out: ``(n, ...)``.

    Raises:
        InputError: fewer than two tensors, or shapes that do not fit.

    Example:
        >>> Multiply()([torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0]])])
        tensor([[6., 0.]])
    """

    operation = torch.mul


class Average(Elementwise):
    """``(x₁ + ... + x_k) / k``: several opinions as one.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: a list of ``(n, ...)``, whose sizes are equal or 1; out: ``(n, ...)``.

    Raises:
        InputError: fewer than two tensors, or shapes that do not fit.

    Example:
        >>> Average()([torch.tensor([[1.0]]), torch.tensor([[4.0]])])
        tensor([[2.5000]])
    """

    operation = torch.add

    def merged(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the one tensor that several give."""
        return super().merged(inputs) / len(inputs)


class Maximum(Elementwise):
    """``max(x₁, x₂, ...)``, number by number. Equal ones share the gradient.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: a list of ``(n, ...)``, whose sizes are equal or 1; out: ``(n, ...)``.

    Raises:
        InputError: fewer than two tensors, or shapes that do not fit.

    Example:
        >>> Maximum()([torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 2.0]])])
        tensor([[4., 5.]])

    Reference:
        Goodfellow et al. 2013, "Maxout Networks", section 2.
    """

    operation = torch.maximum


class Minimum(Elementwise):
    """``min(x₁, x₂, ...)``, number by number. Equal ones share the gradient.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: a list of ``(n, ...)``, whose sizes are equal or 1; out: ``(n, ...)``.

    Raises:
        InputError: fewer than two tensors, or shapes that do not fit.

    Example:
        >>> Minimum()([torch.tensor([[1.0, 5.0]]), torch.tensor([[4.0, 2.0]])])
        tensor([[1., 2.]])
    """

    operation = torch.minimum


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return :class:`Add` of a list of tensors."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return :class:`Subtract` of a list of two tensors."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return :class:`Multiply` of a list of tensors."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return :class:`Average` of a list of tensors."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return :class:`Maximum` of a list of tensors."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return :class:`Minimum` of a list of tensors."""
    return Minimum(**kwargs)(inputs)


def told(shapes: Sequence[Shape]) -> str:
    """Return the shapes for an error's sentence."""
    return "shapes " + " and ".join(str(shape) for shape in shapes)
