"""What a ``.pt`` file of PyTorch may say: a mapping of tensors, and no call of anything else.

Such a file is a zip whose ``data.pkl`` is a pickle, a program that rebuilds objects; before PyTorch
1.6 it was five pickles and then the numbers, and weights that are still handed on are of that form.
It is read by ``torch.load(weights_only=True)`` alone, and only after what it would call and how
much it would unpack was looked at, without running any of it.
"""

import io
import os
import pickletools
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from latih.archive import guard
from latih.errors import FileFormatError

LARGEST_PICKLE = 2 * 2**20

# A tensor takes about thirty.
MOST_STEPS = 200_000

# How a file before PyTorch 1.6 begins: the first pickle, which holds a number agreed upon. The
# version, the machine's sizes, the objects and the names of the storages follow.
OLD_BEGINNING = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
OLD_PICKLES = 5

# Steps of a pickle that only remember what was read.
REMEMBERING = ("BINPUT", "LONG_BINPUT", "PUT", "MEMOIZE")
WHOLE_NUMBERS = ("BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1")

# What a state_dict is made of; a file that names anything else wants something else.
CALLABLES = frozenset(
    (
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        *(
            f"torch {kind}Storage"
            for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char")
        ),
        *("torch ByteStorage", "torch BoolStorage", "torch.storage UntypedStorage"),
    )
)

# Under what names training scripts keep the weights beside the state of the rest.
WRAPPINGS = ("state_dict", "model_state_dict", "model")


def read_state_dict(path: str | os.PathLike[str]) -> Mapping[str, torch.Tensor]:
    """Return the tensors of a ``.pt`` or ``.pth`` file, in the order in which they were saved.

    Args:
        path: a file that ``torch.save(module.state_dict(), path)`` wrote, or one in which such a
            mapping stands under ``"state_dict"``, ``"model_state_dict"`` or ``"model"``.

    Raises:
        FileFormatError: it is none; it would call what no mapping of tensors needs; it is packed,
            or declares more numbers than it holds.
    """
    file = Path(path)
    guard.require_file(file, "a .pt or .pth file")
    _refuse_programs(file)
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can make its reader raise anything
        raise _not_weights(file, f"{type(error).__name__}: {error}") from error
    return state_dict_of(loaded, os.fspath(path))


def state_dict_of(given: Any, named: str) -> Mapping[str, torch.Tensor]:
    """Return the mapping of tensors that was given, or that stands in what was given.

    Raises:
        FileFormatError: there is none; or a tensor is not plain numbers on a device.
    """
    found = given
    if isinstance(given, Mapping):
        found = next((given[k] for k in WRAPPINGS if isinstance(given.get(k), Mapping)), given)
    if not isinstance(found, Mapping) or not found:
        raise _not_weights(named, f"a {type(found).__name__} without tensors")
    for name, tensor in found.items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise _not_weights(named, f"{name!r}: a {type(tensor).__name__}")
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex():
            raise _not_weights(named, f"{name!r}: a tensor that is not plain numbers")
    return found


def _refuse_programs(file: Path) -> None:
    if zipfile.is_zipfile(file):
        programs = [_program_of_zip(file)]
    else:
        programs = _programs_of_old_form(file)
    try:
        for program in programs:
            _refuse_calls(file, program)
    except FileFormatError:
        raise
    except Exception as error:  # taking a damaged pickle apart can raise anything, too
        raise _not_weights(file, f"a damaged pickle: {error}") from error


def _program_of_zip(file: Path) -> bytes:
    with guard.open_zip(file) as archive:
        members = archive.infolist()
        programs = [one for one in members if one.filename.endswith("data.pkl")]
        # PyTorch's own reader of zips does not tell capitals from small letters.
        names = {one.filename.lower() for one in members}
        folders = {one.filename.split("/")[0] for one in members}
        unpacked = sum(one.file_size for one in members)
        if len(programs) != 1 or len(names) != len(members) or len(folders) != 1:
            raise _not_weights(file, "not one data.pkl, or members of one name")
        if unpacked > file.stat().st_size or any(
            one.compress_type != zipfile.ZIP_STORED for one in members
        ):
            raise _not_weights(file, "packed members, or members larger than the file")
        return guard.read_member(archive, programs[0].filename, LARGEST_PICKLE)


def _programs_of_old_form(file: Path) -> list[bytes]:
    """Return the pickles of a file before PyTorch 1.6, none of which asks for too much memory."""
    with open(file, "rb") as opened:
        beginning = opened.read(LARGEST_PICKLE)
    if not beginning.startswith(OLD_BEGINNING):
        raise _not_weights(file, "neither a zip nor the form before PyTorch 1.6")
    stream = io.BytesIO(beginning)
    programs: list[bytes] = []
    try:
        for _ in range(OLD_PICKLES):
            start = stream.tell()
            for _ in pickletools.genops(stream):
                pass
            programs.append(beginning[start : stream.tell()])
        declared = sum(sum(_storages(file, program).values()) for program in programs)
    except FileFormatError:
        raise
    except Exception as error:
        raise _not_weights(file, f"a damaged pickle: {error}") from error
    # Memory is taken for what a storage declares before its numbers are read.
    if declared > file.stat().st_size:
        raise _not_weights(file, f"{declared} numbers declared, more than the file has bytes")
    return programs


def _storages(file: Path, program: bytes) -> dict[Any, int]:
    """Return how many numbers each storage declares that a pickle asks for, by its key.

    What is asked for is ``("storage", type, key, place, numbers, None)``.
    """
    found: dict[Any, int] = {}
    last: list[tuple[str, Any]] = []
    for step, argument, _ in pickletools.genops(program):
        if step.name in REMEMBERING:
            continue
        if step.name == "BINPERSID":
            told = [name for name, _ in last[-3:]]
            if len(last) < 5 or told[0] not in WHOLE_NUMBERS or told[1:] != ["NONE", "TUPLE"]:
                raise _not_weights(file, "a storage that does not tell its size plainly")
            found[last[-5]] = max(found.get(last[-5], 0), int(last[-3][1]))
        elif step.name == "PERSID":
            raise _not_weights(file, "the step PERSID of a pickle")
        last = [*last[-4:], (step.name, argument)]
    return found


def _refuse_calls(file: Path, program: bytes) -> None:
    for number, (step, argument, _) in enumerate(pickletools.genops(program)):
        if step.name == "GLOBAL" and argument not in CALLABLES:
            raise _not_weights(file, f"a call of {str(argument).replace(' ', '.')!r}")
        if step.name in ("STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"):
            raise _not_weights(file, f"the step {step.name} of a pickle")
        if number > MOST_STEPS:
            raise _not_weights(file, f"a pickle of more than {MOST_STEPS} steps")


def _not_weights(file: str | os.PathLike[str], got: str) -> FileFormatError:
    return FileFormatError(
        f"{os.fspath(file)!r} holds no weights of PyTorch that can be read",
        expected="what torch.save(module.state_dict(), path) writes",
        got=got,
        fix="Save the module's state_dict() again, or save it as safetensors.",
    )
