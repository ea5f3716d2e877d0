"""What is frozen stays bit for bit, and normalises as it knows; a new head stands on the old."""

from typing import Any

import keras as real
import numpy as np
import pytest
import torch

import latih
from latih import callbacks, layers, transfer
from latih.errors import InputError

X = np.random.default_rng(0).normal(size=(24, 6, 6, 3)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 24)


def base(k: Any = latih) -> Any:
    inputs = k.Input((6, 6, 3))
    x = k.layers.Conv2D(4, 3, padding="same", use_bias=False, name="low")(inputs)
    x = k.layers.BatchNormalization(name="norm")(x)
    x = k.layers.Activation("relu", name="bend")(x)
    x = k.layers.DepthwiseConv2D(3, name="middle")(x)
    x = k.layers.BatchNormalization(name="norm_2")(x)
    x = k.layers.GlobalAveragePooling2D(name="pool")(x)
    return k.Model(inputs, k.layers.Dense(5, activation="relu", name="high")(x))


def trained(model: Any, epochs: int = 2) -> Any:
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    model.fit(X, Y, epochs=epochs, batch_size=8, verbose=0)
    return model


def names(weights: Any) -> list[str]:
    return [weight.path for weight in weights]


def test_a_frozen_base_is_bit_identical_after_training() -> None:
    inside = base()
    model = latih.Sequential([inside, layers.Dense(3, activation="softmax")])
    before = inside.get_weights()
    assert transfer.freeze(inside) is inside
    head = model.layers[-1].get_weights()
    trained(model)
    for new, old in zip(inside.get_weights(), before, strict=True):
        assert np.array_equal(new, old)
    assert any(
        not np.array_equal(a, b) for a, b in zip(model.layers[-1].get_weights(), head, strict=True)
    )


def test_numbers_of_numpy_count_layers_too() -> None:
    model = base()
    two: Any = np.int64(2)
    transfer.freeze(model, until=two)
    wanted = transfer.freeze(base(), until=2)
    assert names(model.trainable_weights) == names(wanted.trainable_weights)


def test_what_is_frozen_is_what_keras_freezes() -> None:
    ours, theirs = base(), base(real)
    for until in (0, 2, 4, -1):
        transfer.unfreeze(ours)
        transfer.freeze(ours, until)
        for layer in theirs.layers:
            layer.trainable = True
        for layer in theirs.layers[:until]:
            layer.trainable = False
        assert [tuple(w.shape) for w in ours.trainable_weights] == [
            tuple(w.shape) for w in theirs.trainable_weights
        ]
    assert len(transfer.freeze(ours).trainable_weights) == 0


def test_a_frozen_batch_normalisation_keeps_its_statistics_while_others_learn() -> None:
    model = latih.Sequential([base(), layers.Dense(3, activation="softmax")])
    transfer.freeze(model, until="middle")
    norm, later = (model.layers[0].get_layer(name) for name in ("norm", "norm_2"))
    before, others = norm.get_weights(), later.get_weights()
    trained(model)
    assert all(map(np.array_equal, norm.get_weights(), before))
    assert not all(map(np.array_equal, later.get_weights(), others))
    x = torch.randn(4, 6, 6, 4)
    assert torch.equal(norm(x, training=True), norm(x, training=False))


def test_a_layer_may_be_named_given_or_counted_in_models_inside() -> None:
    model = latih.Sequential([base(), layers.Dense(3, name="head")])
    middle = model.layers[0].get_layer("middle")
    for until in ("middle", middle):
        transfer.freeze(transfer.unfreeze(model), until)
        assert not model.layers[0].get_layer("norm").trainable
        assert names(model.trainable_weights)[0].startswith("middle/")
    transfer.freeze(transfer.unfreeze(model), until=-1)
    assert names(model.trainable_weights) == ["head/kernel", "head/bias"]
    transfer.unfreeze(model, since="high")
    assert names(model.trainable_weights)[:2] == ["high/kernel", "high/bias"]


def test_batch_normalisations_may_stay_frozen() -> None:
    model = transfer.freeze(base())
    transfer.unfreeze(model, batch_norm=False)
    assert not model.get_layer("norm").trainable
    assert model.get_layer("low").trainable and len(model.trainable_weights) == 5
    assert len(transfer.unfreeze(model).trainable_weights) == 9


def test_batch_normalisations_of_torch_may_stay_frozen_too() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    model = transfer.freeze(latih.from_torch(module, (8, 8, 3)))
    transfer.unfreeze(model, batch_norm=False)
    assert len(model.trainable_weights) == 2
    assert len(transfer.unfreeze(model).trainable_weights) == 4


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_head_can_be_replaced_again_and_takes_its_dropout_along(dropout: float) -> None:
    latih.utils.set_random_seed(1)
    first = latih.Sequential([layers.Dense(4, "relu", input_shape=[3]), layers.Dense(2)])
    second = transfer.replace_head(first, 5, dropout=0.4)
    third = transfer.replace_head(second, 7, dropout=dropout)
    rates = [layer.rate for layer in third.layers if isinstance(layer, layers.Dropout)]
    assert third.output_shape == (None, 7)
    assert rates == ([dropout] if dropout else [])


@pytest.mark.parametrize("wrong", ["lwo", 12, 0.5, True, layers.Dense(1)])
def test_a_layer_that_is_not_there_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match="layer"):
        transfer.freeze(base(), until=wrong)
    with pytest.raises(InputError, match="layer"):
        transfer.unfreeze(base(), since=wrong)


def test_a_new_head_stands_on_the_same_features() -> None:
    old = latih.Sequential([base(), layers.Dropout(0.5), layers.Dense(10, activation="softmax")])
    new = transfer.replace_head(old, classes=3, dropout=0.2)
    assert new.output_shape == (None, 3)
    features = latih.Model(old.layers[0].input, old.layers[0].output)
    wanted = features.predict(X, verbose=0) @ new.layers[-1].get_weights()[0]
    found = latih.Model(new.input, new.layers[-1].output)
    logits = np.log(found.predict(X, verbose=0))
    difference = logits - wanted
    np.testing.assert_allclose(difference - difference[:, :1], 0, atol=1e-5)
    trained(new)
    assert all(map(np.array_equal, new.layers[1].get_weights(), old.layers[0].get_weights()))


def test_maps_are_averaged_and_other_ends_kept() -> None:
    inputs = latih.Input((6, 6, 3))
    maps = latih.Model(inputs, layers.Conv2D(4, 3)(inputs))
    new = transfer.replace_head(maps, 2, activation=None)
    kernel, bias = new.layers[-1].get_weights()
    wanted = maps.predict(X, verbose=0).mean(axis=(1, 2)) @ kernel + bias
    np.testing.assert_allclose(new.predict(X, verbose=0), wanted, rtol=1e-4, atol=1e-5)


def test_a_softmax_of_one_class_is_refused() -> None:
    with pytest.raises(InputError, match=r"always 1.*activation='sigmoid'"):
        transfer.replace_head(base(), 1)
    assert transfer.replace_head(base(), 1, activation="sigmoid").output_shape == (None, 1)


def test_a_model_without_weights_has_no_head_to_replace() -> None:
    with pytest.raises(InputError, match="built"):
        transfer.replace_head(latih.Sequential([layers.Dense(2)]), 3)


def test_what_is_no_model_and_no_group_is_refused() -> None:
    taking: list[Any] = [transfer.freeze, transfer.unfreeze, transfer.groups]
    for take in taking:
        with pytest.raises(InputError, match=r"a model or a layer.*a list"):
            take([1])
    no_model: Any = [1]
    name: Any = "efficientnet-lite0"
    with pytest.raises(InputError, match=r"replace_head.*a list"):
        transfer.replace_head(no_model, 3)
    with pytest.raises(InputError, match=r"a model.*a str"):
        transfer.cached_features(name, X)
    with pytest.raises(InputError, match=r"rates_by_depth\(groups\(model\)\)"):
        transfer.rates_by_depth(base())
    one = layers.Dense(1)
    wrong: list[Any] = [latih.Sequential([one]), [one, one], "low", [["low"]], 2.0]
    for groups in wrong:
        with pytest.raises(InputError, match="lists of layers"):
            callbacks.GradualUnfreezing(groups)
