"""Structures are walked as optree walks them, by which Keras does.

With torch's backend Keras 3.15 has its own walk, which sorts the keys of a dict but not those of
the dicts in it: the order is then another than with its other backends.
"""

from collections import namedtuple
from typing import Any

import optree
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import tree

from latih.structures import flatten, map_structure, named_leaves, unflatten

LEAVES = st.integers() | st.none()
STRUCTURES = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), parts, max_size=3)
    ),
    max_leaves=8,
)

Pair = namedtuple("Pair", ["x", "y"])


@settings(max_examples=40)
@given(STRUCTURES)
def test_the_leaves_come_in_the_order_of_optree(structure: Any) -> None:
    assert flatten(structure) == optree.tree_leaves(structure, none_is_leaf=True)


@given(st.dictionaries(st.text(max_size=3), st.lists(LEAVES, max_size=3), max_size=4))
def test_the_leaves_of_a_dict_come_in_the_order_of_keras(structure: Any) -> None:
    assert flatten(structure) == tree.flatten(structure)


@settings(max_examples=40)
@given(STRUCTURES)
def test_a_function_of_the_leaves_leaves_the_structure(structure: Any) -> None:
    mapped = map_structure(lambda leaf: [None, leaf], structure)
    assert map_structure(lambda leaf: leaf, structure) == structure
    assert flatten(mapped)[1::2] == flatten(structure)
    assert unflatten(structure, flatten(structure)) == structure
    leaves, form = optree.tree_flatten(structure, none_is_leaf=True)
    numbers = list(range(len(leaves)))
    assert unflatten(structure, numbers) == optree.tree_unflatten(form, numbers)


def test_a_named_tuple_stays_one() -> None:
    assert map_structure(str, Pair(1, [2])) == Pair("1", ["2"])
    assert isinstance(map_structure(str, Pair(1, 2)), Pair)


def test_keys_of_several_kinds_keep_their_order() -> None:
    assert flatten({2: "a", "1": "b"}) == ["a", "b"]
    assert list(named_leaves({2: "a", "1": ["b"]}, "y")) == [("y[2]", "a"), ("y['1'][0]", "b")]
