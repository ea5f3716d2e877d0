"""Arrays as PNG pictures inside the page."""

import base64
import io

import numpy as np
from matplotlib.image import imsave
from numpy.typing import NDArray

# Twelve colour pictures of this size, were they pure noise, still keep the page below 1 MB.
LARGEST_SIDE = 128


def picture_address(pixels: NDArray[np.uint8], largest_side: int = LARGEST_SIDE) -> str:
    """Make a picture into a ``data:`` address.

    Args:
        pixels: uint8, (height, width) grey, (height, width, 3) or, with opacity, (…, 4).
        largest_side: a picture with a longer side is shrunk by averaging.

    Returns:
        The address, the same for the same pixels.

    Example:
        >>> picture_address(np.zeros((2, 2), np.uint8))[:22]
        'data:image/png;base64,'
    """
    channels = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
    small = np.rint(shrink(channels, largest_side)).astype(np.uint8)
    coloured = np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small
    written = io.BytesIO()
    # The origin is said because a user's matplotlibrc may turn pictures upside down, and the
    # software is not because the version would change the bytes.
    imsave(written, coloured, format="png", origin="upper", pil_kwargs={"pnginfo": None})
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode("ascii")


def shrink(pixels: NDArray, largest_side: int) -> NDArray:
    """Average blocks of an array (height, width, channels) until no side is too long."""
    height, width = pixels.shape[:2]
    factor = -(-max(height, width) // largest_side)
    if factor == 1:
        return pixels
    counted = _sum_blocks(np.ones((height, width, 1)), factor)
    return _sum_blocks(pixels.astype(np.float64), factor) / counted


def _sum_blocks(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    height, width = values.shape[:2]
    rows = np.add.reduceat(values, np.arange(0, height, side), axis=0)
    return np.add.reduceat(rows, np.arange(0, width, side), axis=1)
