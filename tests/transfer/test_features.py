"""Features of views that are kept, predictions over views, and mixed batches."""

from typing import Any

import numpy as np
import torch
from small_net import IMAGES, KINDS, base

import latih
from latih import layers, transfer
from latih.data.batches import order
from latih.transfer.mixing import MixedBatches


def test_mixed_batches_are_told_from_those_of_other_pictures() -> None:
    x, y = np.zeros((4, 2), np.float32), np.eye(4, dtype=np.float32)
    one, other = MixedBatches(x, y, None, 1.0, 4), MixedBatches(x + 1, y, None, 1.0, 4)
    assert one.fingerprint() == MixedBatches(x.copy(), y, None, 1.0, 4).fingerprint()
    assert one.fingerprint() != other.fingerprint()


def test_cached_features_train_a_head_as_the_whole_net_does() -> None:
    def with_head() -> tuple[Any, Any]:
        frozen = transfer.freeze(base())
        latih.utils.set_random_seed(9)
        head = layers.Dense(3, activation="softmax")
        return frozen, latih.Sequential([frozen, head])

    def fitted(model: Any, x: np.ndarray) -> list[np.ndarray]:
        model.compile("adam", loss="sparse_categorical_crossentropy")
        latih.utils.set_random_seed(2)
        model.fit(x, KINDS, batch_size=19, epochs=5, verbose=0)
        return model.layers[-1].get_weights()

    _, whole = with_head()
    wanted = fitted(whole, IMAGES)
    frozen, again = with_head()
    features = transfer.cached_features(frozen, IMAGES, batch_size=19)
    cached = latih.Sequential([latih.Input((8,)), again.layers[-1]])
    for ours, theirs in zip(fitted(cached, features), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_views_are_the_example_and_changed_ones() -> None:
    model = latih.Sequential([layers.RandomFlip("horizontal", seed=3), base()])
    model.build((None, 16, 16, 3))
    views = transfer.cached_features(model, IMAGES, views=3).reshape(3, len(IMAGES), -1)
    np.testing.assert_array_equal(views[0], model.predict(IMAGES, verbose=0))
    mirrored = model.predict(IMAGES[:, :, ::-1], verbose=0)
    for view in views[1:]:
        near = [np.abs(view - one).max(axis=1) < 1e-5 for one in (views[0], mirrored)]
        assert (near[0] | near[1]).all() and near[0].any() and near[1].any()


def test_a_prediction_over_views_is_their_mean() -> None:
    model = latih.Sequential(
        [layers.RandomFlip("horizontal", seed=3), base(), layers.Dense(2, "softmax")]
    )
    model.build((None, 16, 16, 3))
    plain = model.predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(transfer.predict_views(model, IMAGES, views=1), plain)
    both = (plain + model.predict(IMAGES[:, :, ::-1], verbose=0)) / 2
    found = transfer.predict_views(model, IMAGES, views=2)
    near = [np.abs(found - one).max(axis=1) < 1e-5 for one in (plain, both)]
    assert (near[0] | near[1]).all() and near[1].any()
    behind = latih.Sequential(
        [layers.Rescaling(1 / 255.0), layers.RandomCrop(8, 8), layers.Flatten(), layers.Dense(2)]
    )
    behind.build((None, 16, 16, 3))
    assert transfer.predict_views(behind, IMAGES, views=2).shape == (len(IMAGES), 2)
    unchanged = transfer.predict_views(base(), IMAGES, views=3)
    np.testing.assert_array_equal(unchanged, base().predict(IMAGES, verbose=0))


def test_mixed_batches_are_mixed_alike_in_examples_and_labels() -> None:
    x = np.eye(6, dtype="float32")
    data = MixedBatches(x, x, None, 0.5, 4)
    batches = list(data.items(1, 0, 0))
    assert [len(one[0]) for one in batches] == [4, 2]
    for mixed, targets, weights in batches:
        assert torch.equal(mixed, targets) and torch.equal(weights, torch.ones(len(mixed)))
        torch.testing.assert_close(targets.sum(1), torch.ones(len(mixed)))
    later = list(data.items(1, 0, 1))
    assert torch.equal(later[0][0], batches[1][0])
    assert not torch.equal(next(data.items(1, 1, 0))[0], batches[0][0])


def test_the_first_of_a_mixed_pair_weighs_more() -> None:
    data = MixedBatches(np.eye(64, dtype="float32"), np.eye(64, dtype="float32"), None, 1.0, 64)
    ((_, targets, _),) = data.items(1, 0, 0)
    rows = next(iter(order(64, True, 1, 0).split(64)))
    assert (targets[torch.arange(64), rows] >= 0.5).all()
    assert (targets.max(dim=1).values < 0.999).any()
