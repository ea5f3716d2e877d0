"""One batch alone: who knows it by heart is told from who cannot learn."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import latih as keras
from latih import random
from latih.callbacks import Callback
from latih.doctor import OneBatch, overfit_one_batch
from latih.errors import InputError, NotReadyError
from latih.layers import BatchNormalization, Dense, Dropout, Input
from latih.structures import named_leaves

DICE = np.random.default_rng(0)
X = DICE.normal(size=(300, 8)).astype("float32")
LABELS = DICE.integers(0, 3, 300)  # of noise: only by heart can they be known
NUMBERS = DICE.normal(size=300).astype("float32")


def net(*layers: Any, loss: str = "sparse_categorical_crossentropy", optimizer: Any = None) -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([Input([8]), *layers])
    model.compile(optimizer or keras.optimizers.Adam(0.01), loss)
    return model


def healthy(*inner: Any) -> Any:
    return net(Dense(64, "relu"), *inner, Dense(3, "softmax"))


def test_a_net_that_can_learn_knows_the_batch_by_heart() -> None:
    result = overfit_one_batch(healthy(), X, LABELS)
    assert result.is_learnt and result.finding is None
    assert result.rows == 32 and len(result.losses) == 300
    assert result.skill > 0.99 and result.loss == result.losses[-1] < 0.01 * result.losses[0]
    assert "learnt by heart" in str(result) and result.to_dict()["finding"] is None


def test_a_regression_and_a_normalised_net_do_too() -> None:
    assert overfit_one_batch(net(Dense(64, "tanh"), Dense(1), loss="mse"), X, NUMBERS).is_learnt
    assert overfit_one_batch(healthy(BatchNormalization()), X, LABELS).is_learnt


def test_a_net_that_cannot_learn_is_told() -> None:
    zeros = Dense(64, "relu", kernel_initializer="zeros")
    result = overfit_one_batch(net(zeros, Dense(3, "softmax")), X, LABELS)
    assert result.finding is not None and result.finding.severity == "fault"
    assert result.finding.code == "bad-initialisation"
    assert result.skill < 0.5 and "not learnt by heart" in str(result)
    still = overfit_one_batch(
        net(Dense(3, "softmax"), optimizer=keras.optimizers.SGD(1e-9)), X, LABELS
    )
    assert still.finding is not None


def test_what_is_too_small_is_told() -> None:
    result = overfit_one_batch(net(Dense(1, "tanh"), Dense(3, "softmax")), X, LABELS)
    assert result.finding is not None
    assert any(0 < one.value < 0.9 for one in result.finding.evidence)


class Seen(keras.layers.Layer):
    """Notes what passes in training."""

    passed: list[bytes] = []

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training:
            self.passed.append(inputs.numpy().tobytes())
        return inputs


@pytest.mark.parametrize("asked", [False, True])
def test_it_is_really_the_same_batch_and_dropout_only_as_asked(asked: bool) -> None:
    Seen.passed.clear()
    model = net(Dropout(0.5), keras.layers.GaussianNoise(0.1), Seen(), Dense(3, "softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    overfit_one_batch(model, X, LABELS, steps=5, dropout=asked)
    assert (len(set(Seen.passed)) == 1) is not asked
    assert len(Seen.passed) >= 5


def test_images_are_changed_at_random_only_as_asked() -> None:
    keras.utils.set_random_seed(1)
    images = DICE.random(size=(64, 6, 6, 1)).astype("float32")
    shift = keras.layers.RandomTranslation(0.3, 0.3)
    flat = keras.layers.Flatten()
    model = keras.Sequential([Input([6, 6, 1]), shift, flat, Seen(), Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    for asked in (False, True):
        Seen.passed.clear()
        overfit_one_batch(model, images, LABELS[:64], steps=5, augmentation=asked)
        assert (len(set(Seen.passed)) == 1) is not asked


def test_masks_that_never_rest_and_those_of_torch_rest_too() -> None:
    class OfTorch(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.9)

        def call(self, inputs: Any) -> Any:
            return self.drop(inputs)

    result = overfit_one_batch(healthy(keras.layers.MCDropout(0.9), OfTorch()), X, LABELS)
    assert result.is_learnt


def test_all_is_left_as_it_was() -> None:
    model = healthy(Dropout(0.5), BatchNormalization())
    model.fit(X, LABELS, verbose=0)
    before = [model.get_weights(), [one.clone() for one in model.optimizer.variables]]
    state = dict(named_leaves(random.state_dict(), ""))
    overfit_one_batch(model, X, LABELS, steps=20)
    assert all(np.array_equal(a, b) for a, b in zip(before[0], model.get_weights(), strict=True))
    assert all(map(torch.equal, before[1], model.optimizer.variables))
    for path, leaf in named_leaves(random.state_dict(), ""):
        same = state[path]
        assert torch.equal(same, leaf) if isinstance(leaf, torch.Tensor) else same == leaf
    drops = []

    class Look(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            drops.append(model.layers[1].training)

    model.fit(X, LABELS, verbose=0, callbacks=[Look()])
    assert all(drops)  # the given one drops as before


def test_what_is_iterated_gives_its_next_batch() -> None:
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(LABELS))
    loader = DataLoader(data, 16, shuffle=True, generator=torch.Generator().manual_seed(5))
    before = loader.generator.get_state()
    result = overfit_one_batch(healthy(), loader)
    assert result.rows == 32 and result.is_learnt  # tensors in memory are seen whole
    batches = [(X[rows], LABELS[rows]) for rows in np.split(np.arange(288), 18)]
    result = overfit_one_batch(healthy(), iter(batches))
    assert result.rows == 16 and result.is_learnt
    assert torch.equal(loader.generator.get_state(), before)


def test_several_outputs_and_weights() -> None:
    keras.utils.set_random_seed(1)
    x = Input([8])
    hidden = Dense(64, "relu")(x)
    model = keras.Model(
        x, {"kind": Dense(3, "softmax", name="kind")(hidden), "size": Dense(1, name="size")(hidden)}
    )
    losses = {"kind": "sparse_categorical_crossentropy", "size": "mse"}
    model.compile(keras.optimizers.Adam(0.01), losses)
    result = overfit_one_batch(model, X, {"kind": LABELS, "size": NUMBERS})
    assert result.is_learnt, str(result)
    weights = np.where(LABELS == 0, 2.0, 1.0)
    assert overfit_one_batch(healthy(), X, LABELS, sample_weight=weights).is_learnt


def test_what_is_refused() -> None:
    with pytest.raises(NotReadyError, match=r"overfit_one_batch\(\)"):
        overfit_one_batch(keras.Sequential([Dense(1)]), X, LABELS)
    with pytest.raises(InputError, match="steps"):
        overfit_one_batch(healthy(), X, LABELS, steps=0)
    assert OneBatch([], float("nan"), 1, None).loss != 0
