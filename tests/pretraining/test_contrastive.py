"""The losses of two views, against their formulas written out by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

import latih
from latih import layers
from latih.errors import InputError
from latih.pretraining import Contrastive, MaskedAutoencoder, simclr_loss, vicreg_loss


def drawn(seed: int, count: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    return draw.normal(size=(count, width)), draw.normal(size=(count, width))


@settings(max_examples=20)
@given(st.integers(0, 999), st.integers(1, 6), st.integers(1, 5), st.floats(0.1, 2))
def test_simclr_is_its_equation(seed: int, count: int, width: int, tau: float) -> None:
    first, second = drawn(seed, count, width)
    views = np.concatenate([first, second])
    total = 0.0
    for i in range(2 * count):
        j = (i + count) % (2 * count)
        cosine = [
            views[i] @ v / (np.linalg.norm(views[i]) * np.linalg.norm(v)) / tau for v in views
        ]
        others = sum(np.exp(cosine[k]) for k in range(2 * count) if k != i)
        total -= np.log(np.exp(cosine[j]) / others)
    found = simclr_loss(torch.tensor(first), torch.tensor(second), tau)
    assert found.item() == pytest.approx(total / (2 * count), rel=1e-9, abs=1e-9)


@settings(max_examples=20)
@given(st.integers(0, 999), st.integers(2, 6), st.integers(1, 5))
def test_vicreg_is_its_equations(seed: int, count: int, width: int) -> None:
    first, second = drawn(seed, count, width)
    apart = sum(((a - b) ** 2).sum() for a, b in zip(first, second, strict=True)) / (count * width)

    def narrow(z: Any) -> float:
        return float(
            np.mean([max(0, 1 - np.sqrt(z[:, j].var(ddof=1) + 1e-4)) for j in range(width)])
        )

    def echo(z: Any) -> float:
        c = np.cov(z, rowvar=False).reshape(width, width)
        return float(
            sum(c[i, j] ** 2 for i in range(width) for j in range(width) if i != j) / width
        )

    wanted = (
        3 * apart + 2 * (narrow(first) + narrow(second)) / 2 + 0.5 * (echo(first) + echo(second))
    )
    found = vicreg_loss(torch.tensor(first), torch.tensor(second), 3, 2, 0.5)
    assert found.item() == pytest.approx(wanted, rel=1e-9)


def test_the_losses_have_the_gradients_of_their_numbers() -> None:
    first, second = (torch.tensor(z, requires_grad=True) for z in drawn(0, 4, 3))
    assert torch.autograd.gradcheck(simclr_loss, (first, second))
    assert torch.autograd.gradcheck(vicreg_loss, (first, second))


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="one shape"):
        simclr_loss(torch.ones(2, 3), torch.ones(3, 3))
    with pytest.raises(InputError, match="temperature"):
        simclr_loss(torch.ones(2, 3), torch.ones(2, 3), 0)
    with pytest.raises(InputError, match="SimCLR"):
        Contrastive(layers.Dense(3), method="vicreg", temperature=0.1)
    with pytest.raises(InputError, match="projection"):
        Contrastive(layers.Dense(3), projection=())
    with pytest.raises(InputError, match="usual way"):
        Contrastive(layers.Dense(3)).fit(np.zeros((4, 2, 2, 2, 2)), verbose=0)


def test_the_loss_is_that_of_two_views_through_encoder_and_projection() -> None:
    class Counted(layers.Layer):
        """Adds one, then two, ...: a chance that a test can follow."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.count = 0

        def call(self, inputs: torch.Tensor) -> torch.Tensor:
            self.count += 1
            return inputs + self.count * torch.arange(inputs.shape[1])

    net = Contrastive(layers.Dense(3), [Counted()], projection=(2,), temperature=0.7)
    net.build((None, 4))
    net.augmentation.layers[0].count = 0
    x = torch.rand(5, 4)
    net(x, training=True)
    views = [net.head(net.encoder(x + step * torch.arange(4))) for step in (1, 2)]
    torch.testing.assert_close(net.losses[0], simclr_loss(*views, 0.7))
    torch.testing.assert_close(net(x), net.encoder(x))


def test_feature_maps_are_averaged_before_the_projection() -> None:
    x = np.random.default_rng(0).random((16, 8, 8, 1)).astype("float32")
    net = Contrastive([layers.Conv2D(4, 3, 2, "same"), layers.ReLU()], projection=(6, 3))
    net.fit(x, batch_size=8, verbose=0)
    assert net.predict(x, verbose=0).shape == (16, 4, 4, 4)
    assert net.head.output_shape == (None, 3)


@pytest.mark.parametrize("method", ["simclr", "vicreg"])
def test_one_example_has_nothing_to_be_told_from(method: str) -> None:
    x = np.random.default_rng(0).random((9, 4)).astype("float32")
    refused: list[tuple[Any, dict[str, Any]]] = [
        (x, {"batch_size": 1}),
        (x[:1], {}),
        (x, {"validation_data": x[:1]}),
        (DataLoader(TensorDataset(torch.from_numpy(x)), batch_size=1), {}),
    ]
    for data, more in refused:
        net = Contrastive(layers.Dense(3), method=method, projection=(4, 2))
        with pytest.raises(InputError, match="nothing to tell an example from"):
            net.fit(data, verbose=0, **more)
        assert not net.built
    with pytest.raises(InputError, match="nothing to tell an example from"):
        net.evaluate(x[:1], verbose=0)


@pytest.mark.parametrize("method", ["simclr", "vicreg"])
def test_a_last_batch_of_one_teaches_nothing(method: str) -> None:
    x = np.random.default_rng(0).random((9, 4)).astype("float32")
    net = Contrastive(layers.Dense(3), method=method, projection=(4, 2))
    history = net.fit(x, batch_size=8, epochs=3, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    net(torch.from_numpy(x[:1]), training=True)
    (loss,) = net.losses
    assert loss.item() == 0.0
    weights = net.trainable_weights
    for gradient in torch.autograd.grad(loss, weights, allow_unused=True):
        assert gradient is None or not gradient.any()


@pytest.mark.parametrize("method", ["simclr", "vicreg", "masked"])
def test_losses_are_reckoned_in_full_precision_whatever_the_net_is(method: str) -> None:
    latih.config.set_dtype_policy("mixed_bfloat16")
    try:
        encoder = latih.Sequential([layers.Dense(4, "relu", input_shape=[6])])
        if method == "masked":
            model: Any = MaskedAutoencoder(encoder)
        else:
            model = Contrastive(encoder, method=method)
        model.build((None, 6))
        model(torch.rand(8, 6), training=True)
        (loss,) = model.losses
    finally:
        latih.config.set_dtype_policy("float32")
    assert model.encoder(torch.rand(2, 6)).dtype == torch.bfloat16
    assert loss.dtype == torch.float32
