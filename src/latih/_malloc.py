"""How freed memory is kept for the next step, where the C library is glibc.

A training step frees what it computed, and the next one asks for as much again. By default glibc
gives much of it back to the system in between, which hands the pages out anew one by one, filled
with zeros: 8,000 page faults a step for a small convolutional net, a fourth of its time. So what
is freed stays with the process, up to a bound.
"""

import contextlib
import ctypes
import os

TRIM_THRESHOLD = -1
MMAP_THRESHOLD = -3
"""Numbers of glibc's mallopt()."""

KEPT_BYTES = 1 << 30
"""How much free memory the process keeps at most."""

LARGEST_KEPT_BYTES = 32 << 20
"""What is larger (a data set) goes back to the system at once: also glibc's own upper bound."""

# What the user has set stays.
if not {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"} & os.environ.keys():
    # Other systems have no such library (TypeError), or one without this function.
    with contextlib.suppress(OSError, TypeError, AttributeError):
        _library = ctypes.CDLL(None)
        _library.mallopt(TRIM_THRESHOLD, KEPT_BYTES)
        _library.mallopt(MMAP_THRESHOLD, LARGEST_KEPT_BYTES)
