"""A state comes back from JSON and tensors as it was, to the bit, or is refused by its place."""

import enum
import json
import math
import struct
from collections import Counter, OrderedDict, deque
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load

from latih.archive.safetensors_file import NAME_OF, as_chunks
from latih.archive.state_tree import copied, decode, encode
from latih.errors import FileFormatError, InputError


def through_files(state: Any) -> Any:
    """Through the very bytes: JSON as strict as the standard, and safetensors' own library."""
    value, tensors = encode(copied(state))
    text = json.dumps(value, allow_nan=False)
    return decode(json.loads(text), load(b"".join(as_chunks(tensors))))


def same(one: Any, other: Any) -> bool:
    """Compare to the bit, types too: NaN is NaN, and 0.0 is not -0.0."""
    if isinstance(one, torch.Tensor):
        return (
            type(other) is torch.Tensor
            and one.dtype == other.dtype
            and one.shape == other.shape
            and bits_of(one) == bits_of(other)
        )
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        shape_and_type = (one.shape, one.dtype) == (other.shape, other.dtype)
        return shape_and_type and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        pairs = zip(one.items(), other.items(), strict=True)
        return len(one) == len(other) and all(same(a, b) for a, b in pairs)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return struct.pack(">d", one) == struct.pack(">d", other)
    return bool(one == other)


def bits_of(tensor: torch.Tensor) -> bytes:
    real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    dense = real.clone(memory_format=torch.contiguous_format)
    return bytes(dense.untyped_storage().tolist())


KINDS = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()
SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
# From bits, since no strategy of floats stands that denormal numbers are flushed.
FLOATS = st.binary(min_size=8, max_size=8).map(lambda bits: struct.unpack(">d", bits)[0])


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    kind, shape = np.dtype(draw(st.sampled_from(KINDS))), draw(SHAPES)
    size = math.prod(shape) * kind.itemsize
    bits = draw(st.binary(min_size=size, max_size=size))
    if kind.kind == "b":
        bits = bytes(bit & 1 for bit in bits)
    return np.frombuffer(bits, kind).reshape(shape).copy()


KEYS = st.one_of(st.text(), st.sampled_from(["@", "of", "a/b", "__metadata__", "\ud800", "\0"]))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**5000), 10**5000),
    FLOATS,
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 5e-324]),
    KEYS,
    arrays(),
    arrays().map(torch.from_numpy),
)
SCALARS = st.one_of(st.integers(), st.text(), st.none(), st.sampled_from([0.5, math.inf, 5e-324]))
STATES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
        st.dictionaries(st.one_of(SCALARS, st.tuples(SCALARS, SCALARS)), inner, max_size=3),
    ),
    max_leaves=8,
)


@settings(max_examples=200)
@given(STATES)
def test_any_state_comes_back_to_the_bit(state: Any) -> None:
    assert same(state, through_files(state))


@pytest.mark.parametrize("kind", NAME_OF, ids=str)
def test_tensors_of_every_type_come_back(kind: torch.dtype) -> None:
    for shape in ((), (0,), (3, 0), (2, 3)):
        tensor = torch.arange(math.prod(shape)).reshape(shape).to(kind)
        assert same(tensor, through_files(tensor))


@pytest.mark.parametrize("length", [256, 5000])
def test_long_lists_come_back_and_leave_the_json_short(length: int) -> None:
    lists = {
        "floats": [math.nan, -0.0, math.inf, 5e-324] + [0.1 * n for n in range(length)],
        "ints": [-(2**63), 2**63 - 1, *range(length)],
        "short": [0.1] * 255,
        "too large for a tensor": [2**63, *range(length)],
        "mixed": [1, 1.0, True, None, "1"] * length,
        "booleans": [True, False] * length,
        "a tuple": tuple(range(length)),
    }
    assert same(lists, through_files(lists))
    value, tensors = encode(lists)
    assert {"floats", "ints"} <= set(tensors)
    assert "short" not in tensors
    assert len(json.dumps(value["floats"])) < 100


def test_views_are_copied_as_what_they_show() -> None:
    base = torch.arange(24.0).reshape(2, 3, 4)
    grid = np.arange(24).reshape(2, 3, 4)
    frozen = grid.copy()
    frozen.flags.writeable = False
    views = {
        "broadcast": torch.arange(3.0).expand(4, 3),
        "overlapping": torch.arange(10.0).as_strided((4, 4), (1, 2)),
        "transposed": base.permute(2, 0, 1),
        "channels last": torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "every other": base[:, ::2],
        "conjugated": torch.tensor([1 + 2j]).conj(),
        "negated": torch.tensor([1 + 2j]).conj().imag,
        "parameter": torch.nn.Parameter(base),
        "one": base[0],
        "the same again": base[0],
        "backwards": grid[::-1, :, ::-1],
        "spread": np.broadcast_to(np.arange(3), (4, 3)),
        "frozen": frozen,
        "of the other end": grid.astype(">i4"),
        "fortran": np.asfortranarray(grid),
    }
    for back in (through_files(views), decode(*encode(views)), decode(*encode(copied(views)))):
        for name, view in views.items():
            shown = back[name]
            assert type(shown) is (np.ndarray if isinstance(view, np.ndarray) else torch.Tensor)
            np.testing.assert_array_equal(
                torch.as_tensor(shown).resolve_conj().resolve_neg().numpy(),
                np.asarray(torch.as_tensor(np.array(view.tolist()))),
            )
    written = load(b"".join(as_chunks(encode(views)[1])))
    assert same(base[0], written["one"])
    assert same(base[0], written["the same again"])


def test_a_copy_shares_nothing_that_changes() -> None:
    inner = [1.0, 2.0]
    tensor, array = torch.zeros(3, requires_grad=True), np.zeros(3)
    state = {"list": inner, "tensor": tensor, "array": array, "deep": ({"x": tensor.detach()},)}
    copy = copied(state)
    with torch.no_grad():
        tensor += 1
    array += 1
    inner.append(3.0)
    state["new"] = 1
    expected = {
        "list": [1.0, 2.0],
        "tensor": torch.zeros(3),
        "array": np.zeros(3),
        "deep": ({"x": torch.zeros(3)},),
    }
    assert same(copy, expected)
    assert not copy["tensor"].requires_grad


def test_numpys_numbers_come_back_as_pythons() -> None:
    state = [np.float32(0.1), np.int8(-3), np.bool_(True), np.float64(0.1), np.uint64(2**64 - 1)]
    assert same(through_files(state), [float(np.float32(0.1)), -3, True, 0.1, 2**64 - 1])


def test_kinds_of_dicts_text_and_numbers_come_back_as_the_plain_ones() -> None:
    class Colour(enum.StrEnum):
        RED = "red"

    class Number(enum.IntEnum):
        ONE = 1

    state = [OrderedDict(b=1, a=2), Counter("aab"), Colour.RED, Number.ONE, torch.Size([2, 3])]
    assert same(through_files(state), [{"b": 1, "a": 2}, {"a": 2, "b": 1}, "red", 1, (2, 3)])


def test_names_tell_the_place_and_none_is_given_twice() -> None:
    zero = torch.zeros(1)
    state = {"optimizer": {"slots": {"momentum": zero}}, "a/b": zero, "a": {"b": zero}, 1: [zero]}
    assert list(encode(state)[1]) == ["optimizer/slots/momentum", "a/b", "a/b~2", "1/0"]


class Refused:
    pass


UNSTORABLE = {
    "a set": ({1}, "set"),
    "a function": (print, "builtin_function_or_method"),
    "an object": (Refused(), "Refused"),
    "bytes": (b"x", "bytes"),
    "a complex number": (1j, "complex"),
    "a queue": (deque([1]), "deque"),
    "a long double": (np.longdouble(1), "longdouble"),
    "an interval of time": (np.timedelta64(3, "ns"), "timedelta64"),
    "an array of objects": (np.array([None]), "object"),
    "an array of text": (np.array(["x"]), "<U1"),
    "an array of long doubles": (np.zeros(2, np.longdouble), "float128|longdouble"),
    "a masked array": (np.ma.masked_array([1, 2], [True, False]), "MaskedArray"),
    "a record": (np.zeros(2, [("x", "i4")]), "ndarray of"),
}


@pytest.mark.parametrize(("value", "said"), UNSTORABLE.values(), ids=UNSTORABLE)
def test_what_cannot_be_stored_is_named_by_its_place(value: Any, said: str) -> None:
    for place in ({"Mine": {"seen": value}}, {"Mine": {"seen": [0, (value,)]}}):
        with pytest.raises(InputError, match=rf"'callbacks/Mine/seen[01/]*'.*{said}.*state_dict"):
            encode({"callbacks": place})
    if not isinstance(value, np.ndarray) or said.startswith("float128"):
        return
    with pytest.raises(InputError, match="seen"):
        copied({"seen": value})


def test_tensors_without_numbers_are_refused() -> None:
    for tensor in (torch.eye(3).to_sparse(), torch.zeros(3, device="meta")):
        with pytest.raises(InputError, match="'a/0'"):
            encode({"a": [tensor]})


def test_keys_that_cannot_be_stored_are_refused() -> None:
    for key in (Refused, b"x", frozenset([1]), (1, (b"x",))):
        with pytest.raises(InputError, match=r"of_mine/.*cannot be stored.*got a value of"):
            encode({"of_mine": {key: 1}})


def test_a_state_that_holds_itself_is_refused() -> None:
    state: dict[str, Any] = {}
    state["again"] = [state]
    for function in (copied, encode):
        with pytest.raises(InputError, match="nested deeper than"):
            function(state)


def test_the_deepest_state_comes_back() -> None:
    state: Any = 1.5
    for depth in range(60):
        state = [{"@": state}, {1: state}, (state,)][depth % 3]
    assert same(state, through_files(state))


FORGED = {
    "a tensor that is not there": {"@": "tensor", "of": "elsewhere"},
    "a tensor without a name": {"@": "tensor", "of": 3},
    "a tensor without content": {"@": "tensor"},
    "something more": {"@": "tensor", "of": "x", "path": "/etc/passwd"},
    "a kind nobody knows": {"@": "pickle", "of": "x"},
    "a kind that is none": {"@": ["tensor"], "of": "x"},
    "an array that NumPy has not": {"@": "array", "of": "half"},
    "complex numbers of three": {"@": "complex tensor", "of": "x"},
    "complex numbers of halves": {"@": "complex array", "of": "half"},
    "a list of a matrix": {"@": "floats", "of": "x"},
    "a list of another type": {"@": "ints", "of": "line"},
    "a float of no bits": {"@": "float", "of": "00"},
    "a float of other text": {"@": "float", "of": "nan"},
    "a float of a number": {"@": "float", "of": 3},
    "a whole number of text": {"@": "int", "of": "many"},
    "a tuple of text": {"@": "tuple", "of": "xy"},
    "a dict of text": {"@": "dict", "of": ["ab"]},
    "a dict of triples": {"@": "dict", "of": [[1, 2, 3]]},
    "a dict with a list for a key": {"@": "dict", "of": [[[1], 2]]},
    "a dict with a tensor for a key": {"@": "dict", "of": [[{"@": "tensor", "of": "x"}, 2]]},
    "a dict with a list in a key": {"@": "dict", "of": [[{"@": "tuple", "of": [[]]}, 2]]},
    "a dict with a key twice": {"@": "dict", "of": [[1, 2], [1, 3]]},
    "an object": object(),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_forged_state_is_refused(forged: Any) -> None:
    tensors = {
        "x": torch.zeros(2, 3),
        "half": torch.zeros(2, dtype=torch.bfloat16),
        "line": torch.zeros(2, dtype=torch.float64),
    }
    with pytest.raises(FileFormatError, match="the state cannot be read"):
        decode({"a": [forged]}, tensors)


def test_a_state_without_an_end_is_refused() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(FileFormatError, match="nested deeper"):
        decode(value, {})
    while isinstance(value, list):  # freed level by level, since a destructor recurses too
        (value,) = value


@given(
    st.recursive(
        st.one_of(st.none(), st.integers(), st.sampled_from(["tensor", "x", "dict"])),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["@", "of", "x"]), inner, max_size=3),
        ),
    )
)
def test_whatever_json_says_nothing_but_the_sentence_comes(value: Any) -> None:
    try:
        decode(value, {"x": torch.zeros(2)})
    except FileFormatError as error:
        assert "the state cannot be read" in str(error)


def test_more_tensors_than_a_reader_takes_are_refused() -> None:
    many = dict.fromkeys(map(str, range(130_000)), torch.zeros(()))
    with pytest.raises(InputError, match="130000 tensors are too many"):
        next(as_chunks(many))
