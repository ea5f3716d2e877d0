"""Models that are graphs: what they hold, give and are told apart by, as in Keras."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError
from latih.models.ends import flat_shapes

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning",
    "ignore:The structure of `inputs` doesn't match:UserWarning",
)

_draw = np.random.default_rng(3)
WIDE = _draw.normal(size=(10, 4)).astype("float32")
DEEP = _draw.normal(size=(10, 3)).astype("float32")
PICTURES = _draw.normal(size=(3, 9, 8, 2)).astype("float32")


def skip(k: Any) -> Any:
    x = k.Input((4,))
    hidden = k.layers.Dense(4, activation="relu")(x)
    return k.Model(x, k.layers.Dense(1)(k.layers.Add()([x, hidden])))


def two_skips_of_one_tensor(k: Any) -> Any:
    x = k.Input((4,))
    first = k.layers.Dense(4, activation="tanh")(x)
    second = k.layers.Dense(4, activation="tanh")(k.layers.Add()([first, first, x]))
    return k.Model(x, k.layers.Concatenate()([x, first, second]))


def shared(k: Any) -> Any:
    left, right = k.Input((4,), name="left"), k.Input((4,), name="right")
    layer = k.layers.Dense(3, activation="tanh")
    return k.Model([left, right], k.layers.Subtract()([layer(left), layer(right)]))


def wide_and_deep(k: Any) -> Any:
    wide, deep = k.Input((4,), name="wide"), k.Input((3,), name="deep")
    hidden = k.layers.Dense(5, activation="relu")(deep)
    joined = k.layers.Concatenate()([wide, hidden])
    main = k.layers.Dense(1, name="main")(joined)
    return k.Model(inputs=[wide, deep], outputs=[main, k.layers.Dense(2, name="aux")(hidden)])


def by_keys(k: Any) -> Any:
    inputs = {"w": k.Input((4,), name="w"), "d": k.Input((3,), name="d")}
    both = k.layers.Concatenate()([inputs["d"], inputs["w"]])
    return k.Model(inputs, {"z": k.layers.Dense(1)(both), "a": k.layers.Dense(2)(inputs["w"])})


def nested_outputs(k: Any) -> Any:
    x = k.Input((4,))
    hidden = k.layers.Dense(3)(x)
    return k.Model(x, {"b": [hidden, k.layers.Dense(1)(hidden)], "a": k.layers.Dense(2)(x)})


def one_in_a_list(k: Any) -> Any:
    x = k.Input((4,))
    return k.Model([x], [k.layers.Dense(2)(x)])


def functional_in_functional(k: Any) -> Any:
    inner, x = skip(k), k.Input((4,))
    return k.Model(x, k.layers.Add()([inner(x), inner(k.layers.Dense(4)(x))]))


def several_in_functional(k: Any) -> Any:
    inner, x, y = wide_and_deep(k), k.Input((4,)), k.Input((3,))
    main, aux = inner([x, y])
    return k.Model([x, y], k.layers.Concatenate()([aux, main]))


def sequential_in_functional(k: Any) -> Any:
    inner = k.Sequential([k.layers.Dense(4, activation="elu"), k.layers.Dense(4)])
    x = k.Input((4,))
    return k.Model(x, k.layers.Add()([x, inner(x)]))


def functional_in_sequential(k: Any) -> Any:
    return k.Sequential([k.Input((4,)), k.layers.Dense(4), skip(k), k.layers.Dense(2)])


def input_given_on(k: Any) -> Any:
    x = k.Input((4,))
    return k.Model(x, [x, k.layers.Dense(2)(x)])


def an_input_that_nobody_needs(k: Any) -> Any:
    x, idle = k.Input((4,)), k.Input((3,))
    return k.Model([x, idle], k.layers.Dense(2)(x))


def one_output_twice(k: Any) -> Any:
    x = k.Input((4,))
    y = k.layers.Dense(2)(x)
    return k.Model(x, [y, y])


BOTH = [WIDE, DEEP]
MODELS: dict[Callable[[Any], Any], Any] = {
    skip: WIDE,
    two_skips_of_one_tensor: WIDE,
    shared: [WIDE, -2 * WIDE],
    wide_and_deep: BOTH,
    by_keys: {"w": WIDE, "d": DEEP},
    nested_outputs: WIDE,
    one_in_a_list: WIDE,
    functional_in_functional: WIDE,
    several_in_functional: BOTH,
    sequential_in_functional: WIDE,
    functional_in_sequential: WIDE,
    input_given_on: WIDE,
    an_input_that_nobody_needs: BOTH,
    one_output_twice: WIDE,
}


def twins(make: Callable[[Any], Any]) -> tuple[Any, Any]:
    theirs, ours = make(keras), make(latih)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


def assert_same(got: Any, wanted: Any) -> None:
    if isinstance(wanted, dict):
        assert sorted(got) == sorted(wanted)
        for key in wanted:
            assert_same(got[key], wanted[key])
    elif isinstance(wanted, list | tuple):
        assert isinstance(got, list | tuple)
        for one, other in zip(got, wanted, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_allclose(np.asarray(got), np.asarray(wanted), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("make", MODELS)
def test_a_graph_gives_what_keras_gives(make: Callable[[Any], Any]) -> None:
    theirs, ours = twins(make)
    x = MODELS[make]
    assert_same(
        ours.predict(x, batch_size=4, verbose=0), theirs.predict(x, batch_size=4, verbose=0)
    )
    # Keras forgets the keys of a dict here.
    for name in ("input_shape", "output_shape"):
        assert flat_shapes(getattr(ours, name)) == flat_shapes(getattr(theirs, name))
    assert ours.count_params() == theirs.count_params()
    assert [w.shape for w in ours.trainable_weights] == [w.shape for w in theirs.trainable_weights]
    assert [type(layer).__name__ for layer in ours.layers] == [
        type(layer).__name__.replace("Functional", "Model") for layer in theirs.layers
    ]
    assert [t.shape for t in ours.inputs] == [t.shape for t in theirs.inputs]
    assert [t.shape for t in ours.outputs] == [t.shape for t in theirs.outputs]


@pytest.mark.parametrize("make", MODELS)
def test_a_graph_is_copied_cloned_saved_and_read_back(
    make: Callable[[Any], Any], tmp_path: Path
) -> None:
    model, x = make(latih), MODELS[make]
    wanted = model.predict(x, verbose=0)
    model.save(tmp_path / "m.keras")
    cloned = latih.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    again = type(model).from_config(model.get_config())
    again.load_state_dict(model.state_dict())
    copied = copy.deepcopy(model)
    read = latih.models.load_model(tmp_path / "m.keras")
    for other in (cloned, again, copied, read):
        assert_same(other.predict(x, verbose=0), wanted)
        assert other.output_names == model.output_names
        assert {id(w) for w in other.weights}.isdisjoint(id(w) for w in model.weights)
        assert {id(layer) for layer in other.every_layer()}.isdisjoint(
            id(layer) for layer in model.every_layer()
        )
    assert_same(keras.models.load_model(tmp_path / "m.keras").predict(x, verbose=0), wanted)


@pytest.mark.parametrize("make", MODELS)
def test_torch_exports_and_moves_a_graph(make: Callable[[Any], Any]) -> None:
    model, x = make(latih), MODELS[make]
    given = latih.structures.map_structure(torch.from_numpy, x)
    exported = torch.export.export(model, (given,)).module()
    assert_same(
        latih.structures.map_structure(lambda t: t.detach().numpy(), exported(given)),
        latih.structures.map_structure(lambda t: t.detach().numpy(), model(given)),
    )
    wanted = model.predict(x, verbose=0)
    model.to(torch.float64).to(torch.float32)
    assert_same(model.predict(x, verbose=0), wanted)


def test_inputs_go_by_their_names_or_in_their_order() -> None:
    theirs, ours = twins(wide_and_deep)
    named = {"deep": DEEP, "wide": WIDE}
    wanted = theirs.predict(named, verbose=0)
    for given in (named, BOTH, tuple(BOTH)):
        assert_same(ours.predict(given, verbose=0), wanted)
    tensors = {name: torch.from_numpy(value) for name, value in named.items()}
    assert_same([y.detach() for y in ours(tensors)], wanted)
    assert ours.output_names == theirs.output_names == ["main", "aux"]


def test_a_shared_layer_is_counted_once_and_learns_from_both_calls() -> None:
    theirs, ours = twins(shared)
    target = WIDE[:, :3]
    for model in (theirs, ours):
        model.compile("sgd", "mse")
        model.fit([WIDE, -2 * WIDE], target, epochs=2, shuffle=False, verbose=0)
    assert len(ours.weights) == len(ours.trainable_weights) == 2
    assert sum(parameter.numel() for parameter in ours.parameters()) == 15
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def stack(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((4,)),
            k.layers.Dense(5, activation="relu", name="low"),
            k.layers.Dense(4, activation="relu", name="high"),
            k.layers.Dense(2, name="head"),
        ]
    )


def features(model: Any, k: Any) -> Any:
    return k.Model(model.inputs, model.layers[-2].output)


def several_features(model: Any, k: Any) -> Any:
    return k.Model(model.inputs, [layer.output for layer in model.layers])


def from_the_middle(model: Any, k: Any) -> Any:
    return k.Model(model.get_layer("low").output, model.outputs[0])


def new_head(model: Any, k: Any) -> Any:
    return k.Model(model.inputs, k.layers.Softmax()(model.get_layer("high").output))


@pytest.mark.parametrize("cut", [features, several_features, from_the_middle, new_head])
@pytest.mark.parametrize("make", [stack, lambda k: k.Model(*_ends(stack(k)))])
def test_part_of_a_model_is_a_model_of_the_same_weights(make: Any, cut: Any) -> None:
    theirs, ours = twins(make)
    x = np.abs(_draw.normal(size=(6, 5))).astype("float32") if cut is from_the_middle else WIDE
    part = cut(ours, latih)
    assert_same(part.predict(x, verbose=0), cut(theirs, keras).predict(x, verbose=0))
    assert {id(w) for w in part.weights} <= {id(w) for w in ours.weights}
    part.compile("sgd", "mse")
    before = ours.get_weights()[-4 if cut is from_the_middle else 0]
    y = latih.structures.map_structure(np.zeros_like, part.predict(x, verbose=0))
    part.fit(x, y, verbose=0)
    after = ours.get_weights()[-4 if cut is from_the_middle else 0]
    assert np.abs(after - before).max() > 0


def _ends(model: Any) -> tuple[Any, Any]:
    return model.inputs, model.outputs


def test_a_part_that_begins_in_a_branch_leaves_the_other_branch_out() -> None:
    def middle(k: Any) -> tuple[Any, Any]:
        x = k.Input((4,))
        low = k.layers.Dense(3, name="low")(x)
        top = k.layers.Add()([k.layers.Dense(2)(low), k.layers.Dense(2)(low)])
        whole = k.Model(x, top)
        return whole, k.Model(low, top)

    (theirs, their_part), (ours, our_part) = middle(keras), middle(latih)
    ours.set_weights(theirs.get_weights())
    assert_same(our_part.predict(DEEP, verbose=0), their_part.predict(DEEP, verbose=0))
    assert "low" not in [layer.name for layer in our_part.layers]


def test_unknown_sizes_stay_unknown() -> None:
    def convolutional(k: Any) -> Any:
        x = k.Input((None, None, 2))
        conv = k.layers.Conv2D(3, 3, padding="same", strides=2)(x)
        pool = k.layers.MaxPooling2D()(conv)
        mean = k.layers.GlobalAveragePooling2D()(pool)
        return k.Model(x, [conv, pool, k.layers.Dense(2)(mean)])

    theirs, ours = twins(convolutional)
    assert ours.output_shape == theirs.output_shape
    for pictures in (PICTURES, PICTURES[:, :6, :5]):
        assert_same(ours.predict(pictures, verbose=0), theirs.predict(pictures, verbose=0))
    assert ours.compute_output_shape((None, 8, 8, 2))[1] == (None, 2, 2, 3)
    # To ask for shapes makes no call that is kept.
    assert [len(layer.calls) for layer in ours.layers] == [1] * len(ours.layers)


@pytest.mark.parametrize("depth", [500])
def test_a_net_may_be_deeper_than_pythons_stack(depth: int, tmp_path: Path) -> None:
    x = y = latih.Input((3,))
    for number in range(depth):
        hidden = latih.layers.Dense(3, kernel_initializer="orthogonal")(y)
        y = latih.layers.Add()([hidden, y]) if number % 10 == 0 else hidden
    model = latih.Model(x, y)
    wanted = model(torch.from_numpy(DEEP)).detach()
    copied = copy.deepcopy(model)
    model.save(tmp_path / "deep.keras")
    read = latih.models.load_model(tmp_path / "deep.keras")
    cloned = latih.models.clone_model(model)
    cloned.set_weights(model.get_weights())
    within = latih.Model(x, latih.layers.Dense(1)(model(x)))
    for other in (copied, read, cloned, copy.deepcopy(within).layers[1]):
        torch.testing.assert_close(other(torch.from_numpy(DEEP)).detach(), wanted)
    stacked = latih.Sequential([latih.Input((3,)), *[latih.layers.ReLU() for _ in range(depth)]])
    assert copy.deepcopy(stacked).predict(DEEP, verbose=0).shape == DEEP.shape
    model.compile("sgd", "mse")
    model.fit(DEEP, DEEP, verbose=0)


def test_a_copy_of_a_layer_and_of_a_tensor_leaves_the_model_behind() -> None:
    model = skip(latih)
    copied = copy.deepcopy(model.layers[1])
    assert_same(
        copied(torch.from_numpy(WIDE)).detach(), model.layers[1](torch.from_numpy(WIDE)).detach()
    )
    assert copied.kernel is not model.layers[1].kernel


def test_a_normalisation_called_in_inference_mode_keeps_its_statistics() -> None:
    x = latih.Input((4,))
    base = latih.Model(x, latih.layers.BatchNormalization()(latih.layers.Dense(3)(x)))
    y = latih.Input((4,))
    model = latih.Model(y, latih.layers.Dense(1)(base(y, training=False)))
    model.compile("sgd", "mse")
    gamma, _, mean, variance = (w.copy() for w in base.layers[-1].get_weights())
    model.fit(WIDE, WIDE[:, :1], epochs=2, verbose=0)
    got_gamma, _, got_mean, got_variance = base.layers[-1].get_weights()
    np.testing.assert_array_equal(got_mean, mean)
    np.testing.assert_array_equal(got_variance, variance)
    assert np.abs(got_gamma - gamma).max() > 0
    read = latih.Model.from_config(model.get_config())
    assert read.layers[1].calls[-1].kwargs["training"] is False


def test_a_dropout_called_in_training_mode_drops_in_prediction(tmp_path: Path) -> None:
    x = latih.Input((50,))
    model = latih.Model(x, latih.layers.Dropout(0.5)(x, training=True))
    model.save(tmp_path / "m.keras")
    for one in (model, latih.models.load_model(tmp_path / "m.keras")):
        dropped = (one.predict(np.ones((40, 50), "float32"), verbose=0) == 0).mean()
        assert abs(dropped - 0.5) < 5 * 0.5 / np.sqrt(40 * 50)


def test_a_layer_shows_what_it_was_called_on() -> None:
    x, other = latih.Input((4,)), latih.Input((4,))
    layer = latih.layers.Dense(2)
    with pytest.raises(InputError, match="no part of a model yet"):
        _ = layer.output
    first, second = layer(x), layer(other)
    assert layer.input is x
    assert layer.output is first
    assert second is not first


def test_layers_are_found_by_name_and_by_place() -> None:
    model = wide_and_deep(latih)
    assert model.get_layer("main") is model.layers[-2]
    assert model.get_layer(index=0).name in ("wide", "deep")
    with pytest.raises(InputError, match="Did you mean 'main'"):
        model.get_layer("mian")


def summary_of(model: Any, **asked: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lambda text, **_: lines.append(text), line_length=120, **asked)
    return "\n".join(lines)


def test_the_summary_says_what_is_connected_to_what() -> None:
    told = {
        line.split()[1]: line
        for line in summary_of(wide_and_deep(latih)).splitlines()
        if " (" in line
    }
    joined = next(line for name, line in told.items() if name.startswith("concatenate"))
    assert "wide" in joined
    assert "dense" in joined
    assert "(None, 9)" in joined
    shared_text = summary_of(shared(latih))
    assert "left" in shared_text
    assert "right" in shared_text
    assert "Total params: 15 " in shared_text
    opened = summary_of(functional_in_functional(latih), expand_nested=True)
    assert opened.count("(Dense)") == 3
    assert opened.count("(Add)") == 2


def test_a_keyword_names_what_a_layer_takes() -> None:
    x = latih.Input((4,))
    layer = latih.layers.Dense(2)
    model = latih.Model(inputs=x, outputs=layer(inputs=x), name="by_keyword")
    assert model.name == "by_keyword"
    assert model.predict(WIDE, verbose=0).shape == (10, 2)


def test_a_subclass_may_give_its_graph_to_the_base() -> None:
    class Preset(latih.Model):
        def __init__(self, units: int) -> None:
            x = latih.Input((4,))
            super().__init__(inputs=x, outputs=latih.layers.Dense(units)(x))
            self.units = units

    model = Preset(3)
    assert model.output_shape == (None, 3)
    assert model.predict(WIDE, verbose=0).shape == (10, 3)
