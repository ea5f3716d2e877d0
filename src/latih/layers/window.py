"""Windows that slide over an input: how far they reach, where they stand, what comes out.

Whole numbers only, one for each axis of space; no tensors.
"""

from collections.abc import Sequence
from typing import Any

from latih.arguments import one_of, whole
from latih.errors import InputError
from latih.tensors import Shape


def sizes(value: Any, argument: str, owner: str, rank: int, *, least: int = 1) -> tuple[int, ...]:
    """Return one whole number for each axis of space; a single one holds for all of them.

    Args:
        value: a whole number, or as many as there are axes.
        argument: the argument's name.
        owner: whose it is.
        rank: how many axes there are.
        least: the smallest number allowed.

    Raises:
        InputError: it is neither, or a number is too small.

    Example:
        >>> sizes(3, "kernel_size", "Conv2D", 2)
        (3, 3)
    """
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return (whole(value, argument, owner, least=least),) * rank
    if len(value) != rank:
        raise InputError(
            f"`{argument}` of {owner} cannot be used",
            expected=f"a whole number or {rank} of them",
            got=repr(value),
        )
    return tuple(whole(size, argument, owner, least=least) for size in value)


def padding_word(value: Any, owner: str, *, causal: bool = False) -> str:
    """Return ``"valid"``, ``"same"`` or, where it may be, ``"causal"``; in any case of letters.

    Raises:
        InputError: it is none of them.
    """
    choices = ("valid", "same", "causal") if causal else ("valid", "same")
    return one_of(value.lower() if isinstance(value, str) else value, "padding", owner, choices)


class Window:
    """A window, its steps, and what is laid around the input for it.

    ``"same"`` gives ``ceil(size / stride)`` positions: what is missing for that is laid half
    before and half after, the odd one after. ``"causal"`` lays all of it before.

    Args:
        size: how many places the window takes in.
        strides: how far it moves.
        dilation: how far its places lie apart.
        padding: ``"valid"``, ``"same"`` or ``"causal"``.

    Example:
        >>> Window((3, 3), (2, 2), (1, 1), "same").output_sizes((5, None))
        (3, None)
    """

    def __init__(
        self,
        size: tuple[int, ...],
        strides: tuple[int, ...],
        dilation: tuple[int, ...],
        padding: str,
    ) -> None:
        self.strides = strides
        self.dilation = dilation
        self.padding = padding
        self.reach = tuple(
            spread * (places - 1) + 1 for places, spread in zip(size, dilation, strict=True)
        )
        self.least = self.reach if padding == "valid" else (1,) * len(size)
        """The smallest input of which anything comes out."""
        self._fixed = self._pads_of_any_input()
        self._fixed_split = None if self._fixed is None else split_for_kernel(self._fixed)

    def _pads_of_any_input(self) -> tuple[tuple[int, int], ...] | None:
        if self.padding == "valid":
            return ((0, 0),) * len(self.reach)
        if self.padding == "causal":
            return tuple((reach - 1, 0) for reach in self.reach)
        if max(self.strides) == 1:
            return tuple(halved(reach - 1) for reach in self.reach)
        return None

    def pads(self, given: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """Return how many places are laid before and after an input of these sizes.

        Example:
            >>> Window((3,), (2,), (1,), "same").pads((4,))
            ((0, 1),)
        """
        if self._fixed is not None:
            return self._fixed
        return tuple(
            halved(max(0, (-(-size // stride) - 1) * stride + reach - size))
            for size, stride, reach in zip(given, self.strides, self.reach, strict=True)
        )

    def split_pads(self, given: Sequence[int]) -> tuple[list[int], list[int] | None]:
        """Return :meth:`pads` as PyTorch takes them; see :func:`split_for_kernel`."""
        return self._fixed_split or split_for_kernel(self.pads(given))

    def output_sizes(self, given: Shape) -> Shape:
        """Return how many positions the window takes on; None where the size is not known.

        A number below one means that the input is smaller than the window.
        """
        if self.padding != "valid":
            return tuple(
                None if size is None else -(-size // stride)
                for size, stride in zip(given, self.strides, strict=True)
            )
        return tuple(
            None if size is None else (size - reach) // stride + 1
            for size, reach, stride in zip(given, self.reach, self.strides, strict=True)
        )


def split_for_kernel(
    pads: Sequence[tuple[int, int]],
) -> tuple[list[int], list[int] | None]:
    """Return what PyTorch's kernels can lay around an input themselves, and what they cannot.

    They lay as much before as after. Where that will not do, all is for ``F.pad``, whose list
    begins with the last axis.

    Example:
        >>> split_for_kernel([(1, 1), (2, 2)]), split_for_kernel([(1, 1), (0, 1)])
        (([1, 2], None), ([0, 0], [0, 1, 1, 1]))
    """
    if all(before == after for before, after in pads):
        return [before for before, _ in pads], None
    return [0] * len(pads), [size for pair in reversed(pads) for size in pair]


def halved(total: int) -> tuple[int, int]:
    """Return a number in two halves, the odd one in the second.

    Example:
        >>> halved(3)
        (1, 2)
    """
    return total // 2, total - total // 2


def spread_crops(stride: int, reach: int, more: int | None, padding: str) -> tuple[int, int]:
    """Return how many places a transposed convolution cuts off before and after, in one axis.

    It has ``(size - 1) * stride + reach`` before the cut. A negative number adds places.

    Args:
        stride: how far the window moves.
        reach: how many places it spans.
        more: Keras's ``output_padding``.
        padding: ``"valid"`` or ``"same"``.

    Example:
        >>> spread_crops(2, 3, None, "same")
        (0, 1)
    """
    if padding == "valid":
        return 0, -(max(stride - reach, 0) if more is None else more)
    # As a convolution of the spaced-out input: so much is laid around it, the odd one before.
    laid = stride + reach - 2 if more is None else reach + reach % 2 - 2 + more
    before = min(laid - laid // 2, reach - 1)
    return reach - 1 - before, reach - 1 - (laid - before)
