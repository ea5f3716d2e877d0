"""What a fine-tuning may begin from, and how pictures are made to fit it."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from small_net import FIRST, IMAGES, KINDS, LAST, base

import latih
from latih import applications, layers, transfer
from latih.errors import InputError
from latih.pretraining import DBN, Autoencoder
from latih.transfer.networks import find_base


def test_penalties_of_the_base_stay() -> None:
    net = latih.Sequential([layers.Dense(4, kernel_regularizer="l2", input_shape=[3])])
    x, y = np.random.default_rng(4).normal(size=(8, 3)), [0, 1] * 4
    given: Any = {"validation_data": (x + 1, y), "epochs": 1, "seed": 3, "verbose": 0}
    (penalty,) = transfer.fine_tune(net, x, y, **given).model.losses
    assert float(penalty.detach()) > 0


def test_frozen_layers_stay_frozen() -> None:
    frozen = transfer.freeze(base(), until="high")
    given: Any = {"validation_data": (IMAGES[LAST], KINDS[LAST]), "seed": 5, "verbose": 0}
    done = transfer.fine_tune(
        frozen, IMAGES[FIRST], KINDS[FIRST], epochs=8, learning_rate=0.02, **given
    )
    assert done.best_epoch
    assert done.drift["low"] == done.drift["low_norm"] == 0 < done.drift["high"]


def test_the_features_of_a_belief_net_are_no_head() -> None:
    x = np.random.default_rng(4).random((20, 5)).astype("float32")
    net = DBN([4, 3], seed=1)
    net.fit(x, epochs=1, verbose=0)
    done = transfer.fine_tune(net.encoder, x, [0, 1] * 10, epochs=0, seed=1, verbose=0)
    assert done.model.get_layer("head").kernel.shape == (3, 2)


def test_of_what_learned_without_labels_the_encoder_is_the_base() -> None:
    x = np.random.default_rng(4).random((20, 6)).astype("float32")
    parts = ([layers.Dense(2, name="code")], [layers.Dense(6)])
    net, belief = Autoencoder(*parts), DBN([4, 3], seed=1)
    for one in (net, belief):
        one.fit(x, epochs=1, verbose=0)
    given: Any = {"epochs": 0, "seed": 1, "verbose": 0}
    for one, features in ((net, 2), (belief, 3)):
        done = transfer.fine_tune(one, x, [0, 1] * 10, **given)
        assert done.model.get_layer("head").kernel.shape == (features, 2)


def test_grey_images_without_an_axis_for_it_fit_a_base_that_has_one() -> None:
    net = latih.Sequential([layers.Conv2D(4, 3, input_shape=[16, 16, 1])])
    grey = IMAGES[..., 0].astype("float32")
    given: Any = {"epochs": 1, "seed": 1, "verbose": 0}
    done = transfer.fine_tune(net, grey, KINDS, **given)
    same = transfer.fine_tune(net, grey[..., None], KINDS, **given)
    assert done.model.input_shape == (None, 16, 16)
    outputs = same.model.predict(grey[..., None], verbose=0)
    np.testing.assert_allclose(done.model.predict(grey, verbose=0), outputs, atol=1e-6)


def test_rows_of_numbers_are_fine_tuned_too() -> None:
    x = np.random.default_rng(4).normal(size=(90, 6)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    encoder = latih.Sequential([layers.Dense(16, "relu", input_shape=[6]), layers.Dense(8, "relu")])
    done = transfer.fine_tune(
        encoder, x[:60], y[:60], validation_data=(x[60:], y[60:]), epochs=20, seed=1, verbose=0
    )
    assert done.score >= done.probe_score
    assert done.model.output_shape == (None, 2)
    assert done.model.layers[1].layers[-1].activation.__name__ == "relu"  # no head was taken off


def test_a_head_that_names_classes_is_taken_off() -> None:
    old = latih.Sequential([base(), layers.Dense(7, activation="softmax", name="seven")])
    done = transfer.fine_tune(old, IMAGES, KINDS, epochs=1, seed=1, verbose=0)
    assert done.model.output_shape == (None, 3)
    assert all(layer.name != "seven" for layer in done.model.every_layer())


def test_grey_images_and_other_sizes_are_made_to_fit() -> None:
    grey = np.repeat(IMAGES.mean(axis=3, keepdims=True), 2, axis=1).astype("uint8")
    done = transfer.fine_tune(base(), grey, KINDS, epochs=1, seed=1, verbose=0)
    assert done.model.input_shape == (None, 32, 16, 1)
    assert done.model.predict(grey[:2], verbose=0).shape == (2, 3)


def test_grey_images_without_channels_may_be_augmented() -> None:
    grey = IMAGES[..., :1]
    inputs = latih.Input((16, 16, 1))
    net = latih.Model(inputs, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs)))
    given: Any = {"epochs": 1, "seed": 5, "verbose": 0, "augmentation": "strong"}
    flat = transfer.fine_tune(net, grey[..., 0], KINDS, **given)
    wanted = transfer.fine_tune(net, grey, KINDS, **given)
    assert flat.model.input_shape == (None, 16, 16)
    assert all(map(np.array_equal, flat.model.get_weights(), wanted.model.get_weights()))
    rows = latih.Sequential([layers.Flatten(input_shape=[16, 16]), layers.Dense(3)])
    with pytest.raises(InputError, match="needs images"):
        transfer.fine_tune(rows, grey[..., 0], KINDS, **given)


@pytest.mark.parametrize(
    ("count", "own", "seen"),
    [
        (4, (28, 28), (160, 160)),
        (2001, (28, 28), (96, 96)),
        (2001, (128, 128), (128, 128)),
        (4, (200, 200), (200, 200)),
        (4, (300, 200), (224, 149)),
        (4, (500, 500), (224, 224)),
        (4, (50, 1000), (32, 224)),
    ],
)
def test_an_application_sees_images_at_their_own_scale(
    count: int, own: tuple[int, int], seen: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = applications.find("resnet18")
    fresh = replace(known, build=lambda **given: known.build(**{**given, "weights": None}))
    monkeypatch.setattr(applications, "find", lambda name: fresh)
    found = find_base("resnet18", (count, *own, 3), None)
    assert found.size == seen and found.model.input_shape == (None, *seen, 3)


@pytest.mark.parametrize("ends_in_logits", [True, False])
def test_a_module_that_ends_in_logits_is_told_of(ends_in_logits: bool) -> None:
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    module.append(torch.nn.Linear(4, 10) if ends_in_logits else torch.nn.ReLU())
    given = (latih.from_torch(module, (16, 16, 3)), IMAGES.astype("float32") / 255, KINDS)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        transfer.fine_tune(*given, epochs=0, seed=1, verbose=0)
    found = [one for one in told if "Identity" in str(one.message)]
    assert len(found) == ends_in_logits
    if found:
        assert "linear layer '3', of 10 outputs" in str(found[0].message)
        assert found[0].filename == __file__
