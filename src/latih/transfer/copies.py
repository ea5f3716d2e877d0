"""Whether a net is judged by what it was taught."""

import hashlib

import numpy as np


def copies(training: np.ndarray, validation: np.ndarray) -> int:
    """Return how many of the validation examples are among the training ones, number by number.

    Example:
        >>> copies(np.array([[1, 2], [3, 4]]), np.array([[3, 4], [5, 6]]))
        1
    """
    kind = np.result_type(training, validation)  # 3 and 3.0 are alike
    known = {fingerprint(one.astype(kind)) for one in training}
    return sum(fingerprint(one.astype(kind)) in known for one in validation)


def fingerprint(example: np.ndarray) -> bytes:
    """Return what only equal examples have in common.

    Example:
        >>> len(fingerprint(np.zeros((2, 2))))
        32
    """
    return hashlib.sha256(np.ascontiguousarray(example).tobytes()).digest()
