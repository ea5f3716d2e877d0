"""The three files of one snapshot: written so that a reader can tell whether every byte is there.

``tensors.safetensors`` and ``state.json`` hold the state, and ``manifest.json``, which is written
last, their lengths and SHA-256 sums. Nothing is opened that a file names, and nothing allocated
because a file declares it.
"""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from latih.archive import guard, safetensors_file, state_tree
from latih.errors import FileFormatError, InputError
from latih.files import fsync_directory
from latih.version import __version__

FORMAT = 1
TENSORS, STATE, MANIFEST = "tensors.safetensors", "state.json", "manifest.json"
LARGEST_MANIFEST = 2**16

# What the system answers when the bytes are not there, and not: somebody forbids to read them.
_LOST = {errno.ENOENT, errno.EIO, errno.ELOOP, errno.ENOTDIR, errno.EISDIR}


class Damage(Exception):
    """A snapshot is not what was written."""

    def __init__(self, expected: str, got: str) -> None:
        self.expected, self.got = expected, got
        super().__init__(expected, got)


def as_text(value: Any) -> bytes:
    """Return the JSON of a state, unless it is so large that no reader would take it.

    Raises:
        InputError: it is.
    """
    text = json.dumps({"state": value}, allow_nan=False).encode()
    # What is written must be readable: the reader counts too.
    values = guard.count_values(text)
    if values > guard.MOST_VALUES:
        raise InputError(
            "the state is too large for a snapshot",
            expected=f"at most {guard.MOST_VALUES} values beside its tensors",
            got=str(values),
            fix="Keep many numbers in arrays or tensors, not in dicts and nested lists.",
        )
    return text


def write_files(directory: Path, text: bytes, chunks: Iterable[bytes | memoryview]) -> None:
    """Write the three files, fsynced, into an empty directory, and fsync that.

    Args:
        directory: the directory.
        text: the state as JSON.
        chunks: the bytes of the tensors' file.
    """
    files = {
        TENSORS: _write_file(directory / TENSORS, chunks),
        STATE: _write_file(directory / STATE, [text]),
    }
    manifest = {"format": FORMAT, "latih": __version__, "files": files}
    _write_file(directory / MANIFEST, [json.dumps(manifest, indent=1).encode()])
    fsync_directory(directory)


def _write_file(path: Path, chunks: Iterable[bytes | memoryview]) -> dict[str, Any]:
    """Write and fsync a file, and return its length and sum."""
    digest, length = hashlib.sha256(), 0
    # 300 MB take 1 s beside a thread that counts, which never stands still for more than 20 ms:
    # neither write() nor update() holds the interpreter's lock. safetensors' own save_file() does
    # not either, but it gives no sum on the way, and tells a full disk by another error.
    with open(path, "xb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            length += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return {"bytes": length, "sha256": digest.hexdigest()}


def read_files(path: Path) -> Any:
    """Return the state that the files hold, of which every byte was checked.

    Args:
        path: the snapshot's directory.

    Raises:
        Damage: a byte is not as it was written.
        FileFormatError: it is of a format that is not known.
        OSError: it may not be read.
    """
    with _losses_told():
        files = _read_manifest(path)
        try:
            _check_files(path, files)
            content = guard.parse_json((path / STATE).read_bytes())
            tensors = safetensors_file.read_tensors(
                path / TENSORS, safetensors_file.read_header(path / TENSORS)
            )
            # The library maps the file, which may be removed while the tensors are in use.
            return state_tree.decode(
                content["state"], {name: tensor.clone() for name, tensor in tensors.items()}
            )
        except FileFormatError as error:
            raise Damage(error.expected, error.got) from error
        except (ValueError, KeyError, RecursionError) as error:
            raise Damage(f"a state in {STATE}", str(error)) from error


@contextmanager
def _losses_told() -> Generator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _LOST:
            raise
        lost = Path(error.filename).name if isinstance(error.filename, str | Path) else "a file"
        raise Damage(f"{lost} that can be read", error.strerror or str(error)) from error


def _read_manifest(path: Path) -> dict[str, Any]:
    size = _size(path / MANIFEST)
    if size > LARGEST_MANIFEST:
        raise Damage(f"{MANIFEST} of at most {LARGEST_MANIFEST} bytes", f"{size} bytes")
    try:
        manifest = guard.parse_json((path / MANIFEST).read_bytes())
        written, files = manifest["format"], manifest["files"]
    except (ValueError, KeyError, RecursionError) as error:
        got = f"{MANIFEST} that is no such JSON: {error}"
        raise Damage("a manifest with the files' lengths and sums", got) from error
    if type(written) is not int or written != FORMAT:
        raise FileFormatError(
            f"the snapshot {str(path)!r} is of a format that this Latih does not read",
            expected=f"format {FORMAT}",
            got=f"format {str(written)[:20]} of Latih {str(manifest.get('latih'))[:20]}",
            fix="Go on with the Latih that wrote it, or begin in a new directory.",
        )
    return files


def _check_files(path: Path, files: Any) -> None:
    # Only the two names that are known here are opened, whatever the manifest names.
    if not isinstance(files, dict) or set(files) != {TENSORS, STATE}:
        raise Damage(f"a manifest of {TENSORS} and {STATE}", f"{str(files)[:60]}")
    for name in (STATE, TENSORS):
        size, entry = _size(path / name), files[name]
        if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
            raise Damage(f"the length and sum of {name}", f"{str(entry)[:60]}")
        if entry["bytes"] != size:
            raise Damage(f"{name} of {str(entry['bytes'])[:20]} bytes", f"{size} bytes")
        with open(path / name, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if entry["sha256"] != found:
            expected = str(entry["sha256"])[:12]
            raise Damage(f"{name} with the SHA-256 sum {expected}...", f"{found[:12]}...")


def _size(file: Path) -> int:
    """Return a file's length; a link, a pipe or a device is none of ours, and never opened."""
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise Damage(f"a file {file.name}", "a link or something else that is no file")
    return status.st_size
