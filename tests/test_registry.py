"""A name finds its object in a closed table and nowhere else; objects become data and return."""

import json
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import latih
from latih import registry
from latih.errors import FileFormatError, InputError, UnknownNameError

CLASS_NAMES = [
    name
    for module in (keras.layers, keras.losses, keras.optimizers, keras.initializers)
    for name in dir(module)
    if name[:1].isupper()
]


@pytest.mark.parametrize("name", CLASS_NAMES)
def test_snake_case_is_keras_snake_case(name: str) -> None:
    assert registry.to_snake_case(name) == keras.src.utils.naming.to_snake_case(name)


def test_names_are_counted_as_in_keras() -> None:
    for k in (keras, latih):
        k.utils.clear_session()
        layers = [k.layers.Dense(1), k.layers.Dense(1), k.layers.ReLU(), k.layers.Dense(1)]
        assert [layer.name for layer in layers] == ["dense", "dense_1", "re_lu", "dense_2"]


def doubled(x: Any) -> Any:
    return 2 * x


TABLE: registry.Table[Any] = registry.Table(
    "thing", object, classes=[dict], functions=[doubled], aliases={"twice": doubled}
)


def test_a_name_is_found_in_any_case() -> None:
    assert TABLE.find("dict") is dict
    assert TABLE.find("DOUBLED") is TABLE.find("twice") is doubled
    assert TABLE.names() == ["dict", "doubled", "twice"]


@pytest.mark.parametrize("name", ["os.system", "eval", "builtins.dict", "", "__class__"])
def test_nothing_outside_the_table_is_found(name: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown thing"):
        TABLE.find(name)


def test_users_names_hold_inside_their_scope_only() -> None:
    def mine(x: Any) -> Any:
        return x

    with latih.utils.custom_object_scope({"mine": mine, "doubled": mine}):
        assert TABLE.find("mine") is TABLE.find("doubled") is mine
        with latih.utils.custom_object_scope({"other": doubled}):
            assert TABLE.find("mine") is mine and TABLE.find("other") is doubled
        with pytest.raises(UnknownNameError):
            TABLE.find("other")
    assert TABLE.find("doubled") is doubled
    with pytest.raises(UnknownNameError):
        TABLE.find("mine")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=30)
@given(JSON)
def test_plain_data_are_written_as_they_are(data: Any) -> None:
    written = registry.serialize(data)
    assert written == data
    assert json.loads(json.dumps(written)) == data


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.array([1, 2]), [1, 2]),
        ((1, (2, 3)), [1, [2, 3]]),
        (doubled, registry.described_function("doubled")),
        (latih.activations.relu, "relu"),
    ],
)
def test_numbers_arrays_and_functions_become_data(given: Any, written: Any) -> None:
    assert registry.serialize(given) == written
    assert type(registry.serialize(given)) is type(written)


def test_what_has_no_name_cannot_be_written() -> None:
    for thing in (lambda x: x, object()):
        with pytest.raises(InputError, match="register_keras_serializable"):
            registry.serialize(thing)


OBJECTS = {
    "a layer": latih.layers.Dense(3, activation="relu", kernel_initializer="he_normal", name="d"),
    "a regularizer": latih.regularizers.L2(0.25),
    "an optimizer": latih.optimizers.Adam(0.5, beta_1=0.75),
    "a loss": latih.losses.SparseCategoricalCrossentropy(from_logits=True),
}
TABLES = {
    "a layer": latih.layers.LAYERS,
    "a regularizer": latih.regularizers.REGULARIZERS,
    "an optimizer": latih.optimizers.OPTIMIZERS,
    "a loss": latih.losses.LOSSES,
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_comes_back_from_its_description(kind: str) -> None:
    described = json.loads(json.dumps(registry.serialize(OBJECTS[kind])))
    again = TABLES[kind].deserialize(described)
    assert type(again) is type(OBJECTS[kind])
    assert again.get_config() == OBJECTS[kind].get_config()


@pytest.mark.parametrize("kind", OBJECTS)
def test_keras_makes_the_same_object_of_the_description(kind: str) -> None:
    described = registry.serialize(OBJECTS[kind])
    theirs = keras.saving.deserialize_keras_object(described)
    assert type(theirs).__name__ == type(OBJECTS[kind]).__name__


MISDESCRIBED: dict[str, tuple[Any, str]] = {
    "no name": ({"config": {}}, "expected a class_name"),
    "a name that is a number": ({"class_name": 3, "config": {}}, "expected a class_name"),
    "no config": ({"class_name": "Dense"}, "expected a config"),
    "an argument too many": (
        {"class_name": "Dense", "config": {"units": 1, "color": "red"}},
        "color",
    ),
}


@pytest.mark.parametrize(("data", "says"), MISDESCRIBED.values(), ids=MISDESCRIBED)
def test_a_description_that_cannot_be_read_is_refused(data: Any, says: str) -> None:
    with pytest.raises((FileFormatError, InputError)) as caught:
        latih.layers.LAYERS.deserialize(data)
    assert says in str(caught.value)


def test_a_description_of_another_kind_is_refused() -> None:
    with latih.utils.custom_object_scope({"Sneaky": dict}):
        with pytest.raises(FileFormatError, match="not of the kind that is asked for"):
            latih.layers.LAYERS.deserialize({"class_name": "Sneaky", "config": {}})


def test_a_class_without_a_config_cannot_be_registered() -> None:
    with pytest.raises(InputError, match="get_config"):
        latih.utils.register_keras_serializable()(type("Plain", (), {}))
