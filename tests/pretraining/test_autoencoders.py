"""Autoencoders: what is known of linear ones, of their mirror images, ties, noise and masks."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

import latih as keras
from latih import layers
from latih.errors import InputError
from latih.pretraining import (
    Autoencoder,
    DenoisingAutoencoder,
    MaskedAutoencoder,
    TiedDecoder,
    greedy,
)
from latih.pretraining.autoencoder import DISTURBANCES
from latih.pretraining.mirror import mirrored
from latih.random import SeedGenerator

Array = np.ndarray


def ellipsoid(examples: int = 300, seed: int = 0) -> Array:
    """Centred points that spread more along some directions than along others."""
    draw = np.random.default_rng(seed)
    turned = np.linalg.qr(draw.normal(size=(8, 8)))[0]
    x = draw.normal(size=(examples, 8)) * [5, 4, 3, 1, 0.8, 0.6, 0.4, 0.2] @ turned
    return (x - x.mean(0)).astype("float32")


@pytest.mark.parametrize("tied", [False, True])
def test_a_linear_autoencoder_finds_the_principal_components(tied: bool) -> None:
    keras.utils.set_random_seed(1)
    x = ellipsoid()
    net = Autoencoder(layers.Dense(3, use_bias=False), tied=tied)
    net.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, 1500)))
    net.fit(x, batch_size=300, epochs=1500, verbose=0)
    components = np.linalg.svd(x, full_matrices=False)[2][:3].T
    decoded = net.encoder.get_weights()[0] if tied else net.decoder.get_weights()[0].T
    assert subspace_angles(components, decoded).max() < 1e-3
    # And it loses no more than the other components hold.
    rest = np.square(x - x @ components @ components.T).mean()
    assert net.evaluate(x, batch_size=300, verbose=0) == pytest.approx(rest, rel=3e-3)


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy", "mae"])
def test_it_is_the_net_that_a_script_for_keras_writes(loss: str) -> None:
    x = np.random.default_rng(0).random((64, 6)).astype("float32")
    keras.utils.set_random_seed(2)
    net = Autoencoder(
        [layers.Dense(3, "relu")], reconstruction_loss=loss, output_activation="sigmoid"
    )
    net.build((None, 6))
    start = net.get_weights()
    net.compile(keras.optimizers.SGD(0.1))
    net.fit(x, batch_size=64, epochs=5, verbose=0)
    plain = keras.Sequential(
        [keras.Input((6,)), layers.Dense(3, "relu"), layers.Dense(6, "sigmoid")]
    )
    plain.set_weights(start)
    plain.compile(keras.optimizers.SGD(0.1), loss)
    history = plain.fit(x, x, batch_size=64, epochs=5, verbose=0)
    for one, other in zip(net.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert net.history.history["loss"] == pytest.approx(history.history["loss"], rel=1e-6)


def test_compile_may_choose_the_loss() -> None:
    x = np.random.default_rng(0).random((20, 5)).astype("float32")
    net = Autoencoder([layers.Dense(3)])
    net.compile("adam", loss="mae")
    net.build((None, 5))
    by_hand = np.abs(x - net.predict(x, verbose=0)).mean()
    assert net.evaluate(x, verbose=0) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize(
    ("encoder", "shape", "answer"),
    [
        ([layers.Dense], (7,), ["Dense"]),
        ([layers.Flatten, layers.Dense, layers.ReLU, layers.Dense], (4, 4), None),
        (["conv", layers.BatchNormalization, layers.ReLU, "conv"], (8, 12, 3), None),
        (["conv", layers.MaxPooling2D, layers.Flatten, layers.Dense], (8, 8, 1), None),
        ([layers.GlobalAveragePooling2D, layers.Dense], (8, 8, 2), ["Dense", "Reshape"]),
    ],
)
def test_a_mirror_image_leads_back(encoder: Any, shape: Any, answer: Any) -> None:
    made = {"conv": lambda: layers.Conv2D(5, 3, 2, "same", activation="relu")}
    made[layers.Dense] = lambda: layers.Dense(4, "tanh")
    net = keras.Sequential([keras.Input(shape), *(made.get(one, one)() for one in encoder)])
    back = mirrored(net, (None, *shape), "sigmoid")
    assert back.output_shape == (None, *shape)
    assert back.input_shape == net.output_shape
    if answer is not None:
        assert [type(layer).__name__ for layer in back.layers] == answer
    out = back.predict(net.predict(np.ones((2, *shape)), verbose=0), verbose=0)
    assert (out > 0).all() and (out < 1).all()  # the sigmoid is the last


def test_what_cannot_be_led_back_is_refused() -> None:
    net = Autoencoder([layers.Conv2D(4, 3, 2, "same")])
    with pytest.raises(InputError, match="does not lead back"):
        net.fit(np.zeros((4, 7, 7, 1)), verbose=0)
    wrong = Autoencoder([layers.Dense(3)], [layers.Dense(4)])
    with pytest.raises(InputError, match="does not lead back"):
        wrong.fit(np.zeros((4, 5)), verbose=0)


def test_tied_weights_are_the_encoders_turned_round() -> None:
    encoder = keras.Sequential([keras.Input((6,)), layers.Dense(4, "tanh"), layers.Dense(2)])
    decoder = TiedDecoder(encoder, "sigmoid")
    code = torch.randn(3, 2)
    first, _, second, _ = (torch.tensor(w) for w in encoder.get_weights())
    # The layer that answers the second gives back what the first made, by its activation.
    wanted = torch.sigmoid(torch.tanh(code @ second.T) @ first.T)
    torch.testing.assert_close(decoder(code), wanted)
    net = Autoencoder(encoder, tied=True)
    net.fit(np.zeros((4, 6)), verbose=0)
    assert net.count_params() == 6 * 4 + 4 + 4 * 2 + 2 + 4 + 6
    with pytest.raises(InputError, match="cannot be tied"):
        TiedDecoder(keras.Sequential([layers.Conv2D(3, 3)]))
    with pytest.raises(InputError, match="tie one"):
        Autoencoder(layers.Dense(3), layers.Dense(4), tied=True)


def test_noise_is_what_it_is_called() -> None:
    x = torch.full((200, 500), 0.5)
    masked = DISTURBANCES["masking"](x, 0.3, SeedGenerator(1))
    assert (masked == 0).float().mean() == pytest.approx(0.3, abs=0.01)
    assert set(masked.unique().tolist()) == {0.0, 0.5}
    salted = DISTURBANCES["salt_and_pepper"](x, 0.3, SeedGenerator(1))
    for value, share in ((0.0, 0.15), (1.0, 0.15), (0.5, 0.7)):
        assert (salted == value).float().mean() == pytest.approx(share, abs=0.01)
    noise = DISTURBANCES["gaussian"](x, 0.3, SeedGenerator(1)) - x
    assert noise.std() == pytest.approx(0.3, abs=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.01)


def test_denoising_compares_with_the_clean_example_and_disturbs_only_in_training() -> None:
    x = np.random.default_rng(0).random((50, 6)).astype("float32")
    net = DenoisingAutoencoder([layers.Dense(6, use_bias=False)], noise=0.5, seed=1)
    net.build((None, 6))
    identity = [np.eye(6, dtype="float32"), np.eye(6, dtype="float32"), np.zeros(6, "float32")]
    net.set_weights(identity)
    np.testing.assert_allclose(net.predict(x, verbose=0), x, atol=1e-6)
    assert net.evaluate(x, verbose=0) == pytest.approx(0, abs=1e-9)
    tensor = torch.tensor(x)
    out = net(tensor, training=True)
    lost = out == 0
    assert 0.35 < lost.float().mean() < 0.65
    # Half is lost, and judged by what it was.
    assert net.losses[0].item() == pytest.approx(tensor[lost].square().sum().item() / 300, rel=1e-5)


def test_a_mask_hides_squares_and_the_loss_is_theirs() -> None:
    x = torch.rand(40, 8, 12, 2) + 1
    net = MaskedAutoencoder([layers.Conv2D(2, 1, use_bias=False)], [layers.Conv2D(2, 1)], patch=4)
    net.build((None, 8, 12, 2))
    same = np.eye(2, dtype="float32")[None, None]
    net.encoder.set_weights([same])
    net.decoder.set_weights([same, np.zeros(2, "float32")])
    out = net(x, training=True)
    hidden = (out == 0).all(-1)  # the placeholder begins as zeros
    squares = hidden.reshape(40, 2, 4, 3, 4).float().mean((2, 4))
    assert set(squares.unique().tolist()) == {0.0, 1.0}
    assert squares.mean() == pytest.approx(0.6, abs=0.1)
    assert net.losses[0].item() == pytest.approx(x[hidden].square().mean().item(), rel=1e-5)
    np.testing.assert_allclose(net.predict(x.numpy(), verbose=0), x, atol=1e-6)


@pytest.mark.parametrize("shape", [(9,), (7, 5), (7, 5, 2)])
def test_masks_fit_rows_and_images_of_any_size(shape: Any) -> None:
    x = np.random.default_rng(0).random((32, *shape)).astype("float32")
    net = MaskedAutoencoder([layers.Flatten(), layers.Dense(6)], masked=0.5, patch=2)
    assert np.isfinite(net.fit(x, epochs=2, verbose=0).history["loss"]).all()
    with pytest.raises(InputError, match="takes no loss"):
        net.compile("adam", loss="mae")
    with pytest.raises(InputError, match="takes no loss"):
        MaskedAutoencoder([layers.Dense(3)], reconstruction_loss="mae")


def test_greedy_stages_learn_one_after_the_other() -> None:
    keras.utils.set_random_seed(1)
    x = ellipsoid()
    encoder = keras.Sequential(
        [keras.Input((8,)), layers.Dense(5, use_bias=False), layers.Dense(2, use_bias=False)]
    )
    stack = greedy(
        encoder,
        x,
        optimizer=keras.optimizers.Adam(0.01),
        epochs=600,
        batch_size=300,
        verbose=0,
    )
    assert stack.encoder is encoder
    # The second finds the components of what the first makes.
    features = stack.stages[0].encoder.predict(x, verbose=0)
    components = np.linalg.svd(features, full_matrices=False)[2][:2].T
    assert subspace_angles(components, stack.stages[1].decoder.get_weights()[0].T).max() < 0.02
    deep = stack.unroll()
    two = stack.stages[1].predict(features, verbose=0)
    kernel, bias = stack.stages[0].decoder.get_weights()
    np.testing.assert_allclose(deep.predict(x, verbose=0), two @ kernel + bias, atol=1e-4)
    losses = [history.history["loss"][-1] for history in stack.histories]
    assert losses[0] < losses[1]


def test_greedy_stages_are_layers_with_kernels() -> None:
    x = np.random.default_rng(0).random((64, 4, 4)).astype("float32")
    net = [
        *(layers.Flatten(), layers.Dense(8), layers.BatchNormalization(), layers.ReLU()),
        *(layers.Dropout(0.1), layers.Dense(6, "relu"), layers.Dense(3)),
    ]
    stack = greedy(net, x, noise=0.2, epochs=2, tied=True, verbose=0)
    assert [len(stage.encoder.layers) for stage in stack.stages] == [5, 1, 1]
    assert stack.encoder.predict(x, verbose=0).shape == (64, 3)
    with pytest.raises(InputError, match="cannot be unrolled"):
        stack.unroll()
    with pytest.raises(InputError, match="nothing to pretrain"):
        greedy([layers.Flatten()], x, verbose=0)
    with pytest.raises(InputError, match="one array"):
        greedy(net, iter([x]), verbose=0)


def test_greedy_stages_give_back_what_the_one_below_makes() -> None:
    x = np.random.default_rng(2).normal(size=(20, 6)).astype("float32")
    net = [
        *(layers.Dense(5, activation="relu"), layers.BatchNormalization()),
        *(layers.Dense(4), layers.ReLU(), layers.Dense(3)),
    ]
    chosen = keras.optimizers.Adam(0.01)
    stack = greedy(net, x, output_activation="tanh", optimizer=chosen, epochs=1, verbose=0)
    ends = [stage.decoder.layers[-1].activation.__name__ for stage in stack.stages]
    # A normalisation makes numbers of both signs, and a relu after a layer none below zero.
    assert ends == ["tanh", "linear", "relu"]
    assert not chosen.built and len({id(stage.optimizer) for stage in stack.stages}) == 3


def test_what_greedy_cannot_take_is_refused() -> None:
    x = np.zeros((4, 6), "float32")
    inputs = keras.Input((6,))
    with pytest.raises(InputError, match="a Sequential or a list"):
        greedy(keras.Model(inputs, layers.Dense(6)(inputs)), x, verbose=0)
    with pytest.raises(InputError, match="validation_split"):
        greedy([layers.Dense(6), layers.Dense(6)], x, verbose=0, validation_data=x)
