"""Bytes from an address, and never more of them than can be meant."""

import http.client
import urllib.request

from latih.errors import FileFormatError

TIMEOUT_SECONDS = 20.0

NOT_TO_BE_HAD = (OSError, http.client.HTTPException)
"""What :func:`download` raises where an address gives nothing."""


def download(address: str, most_bytes: int) -> bytes:
    """Return what lies at an address.

    Args:
        address: the address.
        most_bytes: how much it may be.

    Raises:
        OSError: there is no network, or no such file.
        HTTPException: the answer is none.
        FileFormatError: it is more than it may be.
    """
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as response:
        content = response.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise FileFormatError(
            f"{address!r} is too large",
            expected=f"at most {most_bytes} bytes",
            got="more",
            fix="Check what the network puts in the place of that address.",
        )
    return content
