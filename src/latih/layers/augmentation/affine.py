"""Pixels of a batch of images moved along straight lines: sampling under an affine map."""

import torch

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


def affine_transform(
    images: torch.Tensor,
    matrices: torch.Tensor,
    interpolation: str,
    fill_mode: str,
    fill_value: float,
) -> torch.Tensor:
    """Return images whose pixel (x, y) is read at ``(a₀x + a₁y + a₂, b₀x + b₁y + b₂)``.

    Pixels are read by explicit indices and not by :func:`torch.nn.functional.grid_sample`, which
    cannot wrap and whose rescaled coordinates round otherwise than Keras's.

    Args:
        images: a batch with its channels last.
        matrices: ``a₀, a₁, a₂, b₀, b₁, b₂`` of each image, in pixels, the first pixel at 0.
        interpolation: ``"nearest"`` (half to even) or ``"bilinear"``.
        fill_mode: what lies outside: ``"constant"`` (k k | a b c | k k), ``"nearest"``
            (a a | a b c | c c), ``"reflect"`` (b a | a b c | c b), ``"wrap"`` (b c | a b c | a b).
        fill_value: the k of ``"constant"``.

    Shapes:
        images: ``(n, height, width, channels)``; matrices: ``(n, 6)``; returns: as the images.

    Example:
        >>> image = torch.tensor([[1.0, 2.0, 3.0]]).reshape(1, 1, 3, 1)
        >>> left = torch.tensor([[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]])
        >>> affine_transform(image, left, "nearest", "wrap", 0.0).flatten()
        tensor([2., 3., 1.])
    """
    count, height, width, channels = images.shape
    a0, a1, a2, b0, b1, b2 = matrices.reshape(count, 6, 1, 1).unbind(1)
    x = torch.arange(width, dtype=matrices.dtype, device=images.device)
    y = torch.arange(height, dtype=matrices.dtype, device=images.device).unsqueeze(1)
    rows = _neighbours(b1 * y + b0 * x + b2, height, interpolation, fill_mode)
    columns = _neighbours(a1 * y + a0 * x + a2, width, interpolation, fill_mode)
    # Where the first row of each image stands when all pixels are in one column.
    start = torch.arange(0, count * height, height, device=images.device).view(-1, 1, 1)
    pixels = images.reshape(-1, channels)
    total: torch.Tensor | None = None
    for row, read_row, row_weight in rows:
        first = (read_row + start) * width
        for column, read_column, column_weight in columns:
            index = (first + read_column).view(-1)
            part = pixels.index_select(0, index).view(images.shape)
            if fill_mode == "constant":
                inside = (row == read_row) & (column == read_column)
                part = torch.where(inside.unsqueeze(-1), part, fill_value)
            if interpolation == "bilinear":
                part = part * (row_weight * column_weight).unsqueeze(-1)
            total = part if total is None else total + part
    assert total is not None  # there is at least one neighbour
    return total


def _neighbours(
    coordinates: torch.Tensor, size: int, interpolation: str, fill_mode: str
) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    # Along one axis: which pixels are near, which are read for them, and how much they count.
    if interpolation == "nearest":
        nodes = [(coordinates.round().long(), coordinates)]  # one pixel, whose weight nobody reads
    else:
        below = coordinates.floor()
        share, index = coordinates - below, below.long()
        nodes = [(index, 1 - share), (index + 1, share)]
    return [(index, _brought_inside(index, size, fill_mode), weight) for index, weight in nodes]


def _brought_inside(index: torch.Tensor, size: int, fill_mode: str) -> torch.Tensor:
    if fill_mode == "wrap":
        return index.remainder(size)
    if fill_mode == "reflect":
        # To and fro in 2·size steps, both ends said twice.
        there = index.remainder(2 * size)
        return torch.minimum(there, 2 * size - 1 - there)
    return index.clamp(0, size - 1)
