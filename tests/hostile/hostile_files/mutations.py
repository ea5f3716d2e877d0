"""Good files changed at random: what nobody thought of when the guard was written.

Each mutation is a function of its seed alone. The rows of a table are tried in turn, so that every
way of changing a file is met whatever the number of mutations.
"""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import h5py
import numpy as np

from .case import Case
from .good import CONFIG, WEIGHTS, Good, changed_hdf5, with_config, zipped

Mutate = Callable[[Good, Random], bytes]

ODD_VALUES: list[Any] = [
    *(None, True, -1, 0, 1, 2.5, 10**12, 10**30, -(10**9), 1e308, float("nan"), float("inf")),
    *("", "x", "../x", "os.system", "/etc/passwd", "relu", "Dense", "Lambda", "\x00", "a" * 10_000),
    *([], {}, [[]], [None], {"class_name": "Lambda", "config": {}}, {"class_name": "Dense"}),
    {"module": "os", "class_name": "system", "config": {"command": "id"}},
    {"class_name": "__keras_tensor__", "config": {"shape": [10**12], "dtype": "float32"}},
    {"class_name": "__numpy__", "config": {"value": [0] * 10, "dtype": "object"}},
]


# Bytes


def _flipped(content: bytes, dice: Random, most: int = 8) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, most)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _cut(content: bytes, dice: Random) -> bytes:
    return content[: dice.randrange(len(content))]


def _spliced(content: bytes, dice: Random) -> bytes:
    """A stretch of the file again, at another place of it."""
    start, length = dice.randrange(len(content)), dice.randint(1, 64)
    place = dice.randrange(len(content))
    return content[:place] + content[start : start + length] + content[place + length :]


def _huge_number(content: bytes, dice: Random) -> bytes:
    changed = bytearray(content)
    place = dice.randrange(len(changed) - 8)
    struct.pack_into("<Q", changed, place, dice.choice([2**63, 2**62, 2**40, 2**32, 2**64 - 1]))
    return bytes(changed)


BYTES: dict[str, Callable[[bytes, Random], bytes]] = {
    "bits flipped": _flipped,
    "cut short": _cut,
    "bytes moved": _spliced,
    "a huge number": _huge_number,
}


# Archives


def _inside(name: str, change: Callable[[bytes, Random], bytes]) -> Mutate:
    return lambda good, dice: zipped({**good.members, name: change(good.members[name], dice)})


def _members_swapped(good: Good, dice: Random) -> bytes:
    one, other = dice.sample(sorted(good.members), 2)
    return zipped({**good.members, one: good.members[other], other: good.members[one]})


def _member_twice(good: Good, dice: Random) -> bytes:
    name = dice.choice(sorted(good.members))
    buffer = io.BytesIO(zipped(good.members))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.NameToInfo.pop(name)  # else it would warn
        archive.writestr(name, good.members[dice.choice(sorted(good.members))])
    return buffer.getvalue()


def _member_lost(good: Good, dice: Random) -> bytes:
    lost = dice.choice(sorted(good.members))
    return zipped({name: content for name, content in good.members.items() if name != lost})


def _directory_forged(good: Good, dice: Random) -> bytes:
    content = bytearray(zipped(good.members))
    entries = [n for n in range(len(content)) if content.startswith(b"PK\x01\x02", n)]
    struct.pack_into("<I", content, dice.choice(entries) + dice.choice([8, 16, 20, 24, 42]), 2**31)
    return bytes(content)


def _packed_and_flipped(good: Good, dice: Random) -> bytes:
    packed = zipped(good.members, zipfile.ZIP_DEFLATED)
    end = packed.rindex(b"PK\x01\x02")
    return _flipped(packed[:end], dice) + packed[end:]


# Configs


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container with every key or index of it."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


def _place(config: Any, dice: Random) -> tuple[Any, Any]:
    return dice.choice(list(_places(config)))


def _odd_value(config: Any, dice: Random) -> None:
    container, key = _place(config, dice)
    container[key] = dice.choice(ODD_VALUES)


def _value_lost(config: Any, dice: Random) -> None:
    container, key = _place(config, dice)
    del container[key]


def _values_swapped(config: Any, dice: Random) -> None:
    (one, key), (other, other_key) = _place(config, dice), _place(config, dice)
    copies = json.dumps(one[key]), json.dumps(other[other_key])
    one[key], other[other_key] = json.loads(copies[1]), json.loads(copies[0])


def _nested(config: Any, dice: Random) -> None:
    container, key = _place(config, dice)
    for _ in range(dice.choice([3, 30, 300])):
        container[key] = dice.choice([[container[key]], {"config": container[key]}])


def _number_changed(config: Any, dice: Random) -> None:
    numbers = [
        (c, k)
        for c, k in _places(config)
        if isinstance(c[k], int | float) and not isinstance(c[k], bool)
    ]
    container, key = dice.choice(numbers)
    container[key] = dice.choice([10**12, 10**400, -1, 0, float("nan"), -(2**63), 1e-300, 3])


CONFIGS = {
    "an odd value": _odd_value,
    "a value lost": _value_lost,
    "values swapped": _values_swapped,
    "nested": _nested,
    "a number changed": _number_changed,
}


def _configured(change: Callable[[Any, Random], None]) -> Mutate:
    return lambda good, dice: with_config(good, lambda config: change(config, dice))


# HDF5


def _arrays(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if hasattr(item, "shape") else None)
    return found


def _groups(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visit(found.append)
    return found


def _another_type(file: h5py.File, dice: Random) -> None:
    name = dice.choice(_arrays(file))
    shape = file[name].shape
    del file[name]
    kind = dice.choice(["S5", "complex64", "bool", "int8", ">f8", "V4", "float16", "uint64"])
    file.create_dataset(name, data=np.zeros(shape, kind))


def _another_shape(file: h5py.File, dice: Random) -> None:
    name = dice.choice(_arrays(file))
    del file[name]
    shape = tuple(dice.choice([1, 2, 5, 6, 2**20, 2**40]) for _ in range(dice.randint(0, 3)))
    file.create_dataset(name, shape, "float32", chunks=(1,) * len(shape) or None)


def _links(file: h5py.File, dice: Random) -> None:
    name, target = dice.choice(_groups(file)), dice.choice(_groups(file))
    del file[name]
    links = [h5py.SoftLink(f"/{target}"), h5py.ExternalLink("good.weights.h5", f"/{target}")]
    file[name] = dice.choice(links)


def _moved(file: h5py.File, dice: Random) -> None:
    name = dice.choice(_groups(file))
    file.move(name, dice.choice(["layers/x", "x", "elsewhere/x"]))


def _lost(file: h5py.File, dice: Random) -> None:
    del file[dice.choice(_groups(file))]


HDF5 = {
    "another type": _another_type,
    "another shape": _another_shape,
    "a link": _links,
    "moved": _moved,
    "lost": _lost,
}


def _in_archive(change: Callable[[h5py.File, Random], None]) -> Mutate:
    def mutate(good: Good, dice: Random) -> bytes:
        weights = changed_hdf5(good.members[WEIGHTS], lambda file: change(file, dice))
        return zipped({**good.members, WEIGHTS: weights})

    return mutate


def _alone(change: Callable[[h5py.File, Random], None]) -> Mutate:
    return lambda good, dice: changed_hdf5(good.weights, lambda file: change(file, dice))


# The tables


def _anywhere(change: Callable[[bytes, Random], bytes], of: Callable[[Good], bytes]) -> Mutate:
    return lambda good, dice: change(of(good), dice)


ARCHIVES: dict[str, Mutate] = {
    **{
        f"{name}, anywhere": _anywhere(change, lambda good: zipped(good.members))
        for name, change in BYTES.items()
    },
    **{f"{name}, in the config": _inside(CONFIG, change) for name, change in BYTES.items()},
    **{f"{name}, in the weights": _inside(WEIGHTS, change) for name, change in BYTES.items()},
    "members swapped": _members_swapped,
    "a member twice": _member_twice,
    "a member lost": _member_lost,
    "the directory forged": _directory_forged,
    "packed, then bits flipped": _packed_and_flipped,
    **{f"config: {name}": _configured(change) for name, change in CONFIGS.items()},
    **{f"weights: {name}": _in_archive(change) for name, change in HDF5.items()},
}


OTHERS: dict[str, dict[str, Mutate]] = {
    ".weights.h5": {
        **{name: _anywhere(change, lambda good: good.weights) for name, change in BYTES.items()},
        **{name: _alone(change) for name, change in HDF5.items()},
    },
    ".safetensors": {
        name: _anywhere(change, lambda good: good.safetensors) for name, change in BYTES.items()
    },
    ".pt": {name: _anywhere(change, lambda good: good.pt) for name, change in BYTES.items()},
}


def mutations(archives: int, others: int) -> list[Case]:
    """Return seeded mutations of good files.

    Args:
        archives: how many of ``.keras`` archives.
        others: how many of each of the other kinds.
    """
    made = [*_cases(".keras", ARCHIVES, archives)]
    for suffix, table in OTHERS.items():
        made += _cases(suffix, table, others)
    return made


def _cases(suffix: str, table: dict[str, Mutate], count: int) -> Iterator[Case]:
    rows = list(table.items())
    for seed in range(count):
        name, mutate = rows[seed % len(rows)]
        yield Case(
            f"mutations of {suffix}",
            f"{name} ({seed})",
            suffix,
            lambda good, mutate=mutate, seed=seed: mutate(good, Random(seed)),
            "maybe",
        )
