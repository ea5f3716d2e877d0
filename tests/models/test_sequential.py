"""The ways to build a Sequential, and to look into it."""

from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError, NotReadyError

# Keras 3.15's own __array__ lacks an argument that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.random.default_rng(5).normal(size=(6, 4)).astype("float32")


def by_input(k: Any) -> Any:
    return k.Sequential([k.Input((4,)), k.layers.Dense(3), k.layers.Dense(2)])


def by_input_layer(k: Any) -> Any:
    return k.Sequential([k.layers.InputLayer(shape=(4,)), k.layers.Dense(3), k.layers.Dense(2)])


def by_first_layer(k: Any) -> Any:
    return k.Sequential([k.layers.Dense(3, input_shape=(4,)), k.layers.Dense(2)])


def by_input_dim(k: Any) -> Any:
    return k.Sequential([k.layers.Dense(3, input_dim=4), k.layers.Dense(2)])


def by_adding(k: Any) -> Any:
    model = k.Sequential()
    model.add(k.Input((4,)))
    model.add(k.layers.Dense(3))
    model.add(k.layers.Dense(2))
    return model


def by_building(k: Any) -> Any:
    model = k.Sequential([k.layers.Dense(3), k.layers.Dense(2)])
    model.build((None, 4))
    return model


def by_popping(k: Any) -> Any:
    model = k.Sequential([k.Input((4,)), k.layers.Dense(3), k.layers.Dense(7)])
    model.pop()
    model.add(k.layers.Dense(2))
    return model


WAYS = [
    by_input,
    by_input_layer,
    by_first_layer,
    by_input_dim,
    by_adding,
    by_building,
    by_popping,
]


@pytest.mark.filterwarnings("ignore:.*input_shape.*input_dim:UserWarning")
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_build_gives_what_keras_gives(way: Any) -> None:
    theirs, ours = way(keras), way(latih)
    assert ours.input_shape == theirs.input_shape == (None, 4)
    assert ours.output_shape == theirs.output_shape == (None, 2)
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in theirs.get_weights()]
    assert ours.count_params() == theirs.count_params()
    assert [type(layer).__name__ for layer in ours.layers] == ["Dense", "Dense"]
    ours.set_weights(theirs.get_weights())
    wanted = theirs(X).detach().numpy()
    np.testing.assert_allclose(ours.predict(X, verbose=0), wanted, rtol=1e-5, atol=1e-6)


def test_the_first_batch_may_tell_the_shape() -> None:
    model = latih.Sequential([latih.layers.Dense(3), latih.layers.Dense(2)])
    assert not model.built and model.input_shape is None and model.get_weights() == []
    with pytest.raises(NotReadyError, match="Put an Input"):
        _ = model.output_shape
    model.compile("sgd", loss="mse")
    model.fit(X, np.zeros((6, 2)), verbose=0)
    assert model.input_shape == (None, 4) and model.output_shape == (None, 2)
    assert [w.shape for w in model.get_weights()] == [(4, 3), (3,), (3, 2), (2,)]


def test_the_order_of_building_does_not_change_the_weights() -> None:
    weights = []
    for way in (by_input, by_first_layer, by_adding):
        latih.utils.set_random_seed(1)
        weights.append(way(latih).get_weights())
    for other in weights[1:]:
        for one, same in zip(weights[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_pop_takes_the_last_layer_and_its_shape_off() -> None:
    model = by_input(latih)
    last = model.layers[-1]
    assert model.pop() is last
    assert model.output_shape == (None, 3)
    assert len(model.get_weights()) == 2
    assert model.predict(X, verbose=0).shape == (6, 3)


def test_there_is_nothing_to_pop_off_an_empty_model() -> None:
    with pytest.raises(InputError, match="layer"):
        latih.Sequential().pop()


def test_layers_are_found_by_name_and_by_place() -> None:
    dense = latih.layers.Dense(3, name="hidden")
    model = latih.Sequential([latih.Input([4]), dense, latih.layers.Dense(2, name="last")])
    assert model.get_layer("hidden") is dense
    assert model.get_layer(index=0) is dense and model.get_layer(index=-1).name == "last"
    with pytest.raises(InputError, match=r"has no layer 'hiden'\. Did you mean 'hidden'\?"):
        model.get_layer("hiden")
    with pytest.raises(InputError, match=r"has no layer 2: expected 0\.\.1, got 2"):
        model.get_layer(index=2)


MISBUILT: dict[str, tuple[Any, str]] = {
    "a class": (lambda: latih.Sequential([latih.layers.Dense]), "Sequential takes layers"),
    "a torch module": (lambda: latih.Sequential([torch.nn.ReLU()]), "a plain torch module"),
    "the same layer twice": (
        lambda: latih.Sequential([latih.layers.Dense(2)] * 2),
        "the same layer twice",
    ),
    "two of a name": (
        lambda: latih.Sequential([latih.layers.Dense(2, name="a") for _ in range(2)]),
        "the same name twice",
    ),
    "an input in the middle": (
        lambda: latih.Sequential([latih.layers.Dense(2), latih.Input([2])]),
        "an Input stands in the middle",
    ),
}


@pytest.mark.parametrize(("build", "says"), MISBUILT.values(), ids=MISBUILT)
def test_what_is_no_stack_of_layers_is_refused(build: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        build()


def nested(k: Any) -> Any:
    inner = k.Sequential(
        [k.Input((4,)), k.layers.Dense(3, activation="relu"), k.layers.BatchNormalization()],
        name="inner",
    )
    return k.Sequential([k.Input((4,)), inner, k.layers.Dense(2)], name="outer")


def test_a_model_inside_a_model_trains_as_in_keras() -> None:
    theirs, ours = nested(keras), nested(latih)
    ours.set_weights(theirs.get_weights())
    for model in (theirs, ours):
        model.compile("sgd", loss="mse")
        model.fit(X, np.ones((6, 2)), epochs=3, shuffle=False, verbose=0)
    wanted = theirs.predict(X, verbose=0)
    np.testing.assert_allclose(ours.predict(X, verbose=0), wanted, rtol=1e-4, atol=1e-6)
    assert [len(layer.layers) for layer in ours.layers] == [2, 0]


def summary_of(model: Any, **asked: Any) -> str:
    said: list[str] = []
    model.summary(print_fn=said.append, line_length=100, **asked)
    return "\n".join(said)


def test_the_summary_tells_what_keras_tells() -> None:
    theirs, ours = nested(keras), nested(latih)
    told = summary_of(ours)
    assert "Model: 'outer'" in told
    for part in ("inner (Sequential)", "(None, 3)", "(None, 2)", "27", "8"):
        assert part in told
    for title, count in (
        ("Total params", theirs.count_params()),
        ("Trainable params", sum(int(np.prod(w.shape)) for w in theirs.trainable_weights)),
        ("Non-trainable params", sum(int(np.prod(w.shape)) for w in theirs.non_trainable_weights)),
    ):
        assert f" {title}: {count:,} ({4 * count:.2f} B)" in told
    assert "BatchNormalization" not in told


def test_the_summary_opens_models_inside_and_says_what_is_frozen() -> None:
    model = nested(latih)
    model.get_layer("inner").trainable = False
    told = summary_of(model, expand_nested=True, show_trainable=True)
    (normalisation,) = (line for line in told.splitlines() if "(BatchNormalization)" in line)
    (last,) = (line for line in told.splitlines() if f"{model.layers[-1].name} (Dense)" in line)
    assert " N " in normalisation and " Y " in last
    assert " Trainable params: 8 (32.00 B)" in told
    assert " Non-trainable params: 27 (108.00 B)" in told


def test_the_summary_of_what_is_not_built_says_so() -> None:
    assert "is not built" in summary_of(latih.Sequential([latih.layers.Dense(2)]))


def test_get_weights_gives_copies_and_set_weights_takes_them() -> None:
    model = by_input(latih)
    before = model.get_weights()
    for array in model.get_weights():
        array += 1
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    model.set_weights([weight + 1 for weight in before])
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other + 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda weights: weights[:-1], "expected 4 arrays, got 3"),
        (lambda weights: [*weights, weights[0]], "expected 4 arrays, got 5"),
        (lambda weights: [w.T for w in weights], "expected shape (4, 3), got shape (3, 4)"),
        (lambda weights: [*weights[:3], np.zeros(3)], "expected shape (2,), got shape (3,)"),
    ],
)
def test_weights_that_do_not_fit_change_none(change: Any, says: str) -> None:
    model = by_input(latih)
    before = model.get_weights()
    with pytest.raises(InputError) as caught:
        model.set_weights(change([weight + 1 for weight in before]))
    assert says in str(caught.value)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
