"""trainable=False keeps weights bit for bit, the statistics of a normalisation too."""

from typing import Any

import keras
import numpy as np
import pytest
import torch

import latih
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

_draw = np.random.default_rng(8)
X = (_draw.normal(size=(24, 4)) * 3 + 1).astype("float32")
LABELS = _draw.integers(0, 3, 24)
FROZEN = {"the first two": (0, 1), "the normalisation": (1,), "the last": (2,)}


def net(k: Any) -> Any:
    return k.Sequential(
        [
            k.Input((4,)),
            k.layers.Dense(5, activation="relu", kernel_regularizer=k.regularizers.L2(0.1)),
            k.layers.BatchNormalization(),
            k.layers.Dense(3, activation="softmax"),
        ]
    )


def compiled(model: Any) -> Any:
    model.compile("adam", loss="sparse_categorical_crossentropy")
    return model


def fit(model: Any) -> Any:
    return model.fit(X, LABELS, epochs=2, batch_size=8, shuffle=False, verbose=0).history


@pytest.mark.parametrize("places", FROZEN.values(), ids=FROZEN)
def test_what_is_frozen_stays_to_the_bit_and_the_rest_learns_as_in_keras(
    places: tuple[int, ...],
) -> None:
    theirs, ours = net(keras), net(latih)
    ours.set_weights(theirs.get_weights())
    before = [layer.get_weights() for layer in ours.layers]
    for model in (theirs, ours):
        for place in places:
            model.layers[place].trainable = False
        fit(compiled(model))
    for place, (layer, was) in enumerate(zip(ours.layers, before, strict=True)):
        same = [np.array_equal(a, b) for a, b in zip(layer.get_weights(), was, strict=True)]
        assert all(same) if place in places else not any(same)
    assert len(ours.trainable_weights) == len(theirs.trainable_weights)
    assert len(ours.non_trainable_weights) == len(theirs.non_trainable_weights)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_a_frozen_normalisation_uses_its_statistics_in_training_too() -> None:
    layer = latih.layers.BatchNormalization()
    layer.build((None, 4))
    layer.trainable = False
    before = layer.get_weights()
    outputs = layer(X, training=True).detach().numpy()
    np.testing.assert_allclose(outputs, X / np.sqrt(1 + 1e-3), rtol=1e-5)
    for one, other in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_freezing_a_model_freezes_all_that_is_in_it() -> None:
    inner = net(latih)
    outer = compiled(latih.Sequential([latih.Input([4]), inner, latih.layers.Dense(3)]))
    outer.compile("adam", loss="mse")
    inner.trainable = False
    assert len(outer.trainable_weights) == 2
    assert not any(weight.requires_grad for weight in inner.weights)
    before = inner.get_weights()
    outer.fit(X, np.eye(3)[LABELS], verbose=0)
    for one, other in zip(inner.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def slots(model: Any, name: str) -> list[torch.Tensor]:
    flat = model.optimizer.flat
    return [view.clone() for view in flat.views(model.optimizer.slots[name])]


def test_thawed_weights_learn_again_and_adam_remembers_the_others() -> None:
    model = compiled(net(latih))
    model.layers[0].trainable = False
    fit(model)
    before = model.get_weights()
    (name, *_) = model.optimizer.slots
    remembered = dict(zip(map(id, model.trainable_weights), slots(model, name), strict=True))
    assert len(remembered) == 4
    model.layers[0].trainable = True
    model.optimizer.build(model.trainable_weights)
    for weight, slot in zip(model.trainable_weights, slots(model, name), strict=True):
        wanted = remembered.get(id(weight), torch.zeros_like(slot))
        assert torch.equal(slot, wanted)
    fit(model)
    assert not np.array_equal(model.get_weights()[0], before[0])


def test_a_model_with_nothing_to_train_is_refused() -> None:
    model = compiled(net(latih))
    model.trainable = False
    before = model.get_weights()
    with pytest.raises(InputError, match="leave some weight trainable"):
        fit(model)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_layer_may_be_frozen_when_it_is_made() -> None:
    model = compiled(
        latih.Sequential(
            [
                latih.Input([4]),
                latih.layers.Dense(5, trainable=False),
                latih.layers.Dense(3, activation="softmax"),
            ]
        )
    )
    before = model.get_weights()
    fit(model)
    same = [np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True)]
    assert same == [True, True, False, False]
