"""A record is believed for what rounding changes, and for nothing more."""

import pytest
import torch

import latih as keras
from latih import layers
from latih.datasets import fashion_mnist
from latih.engine.capture import native, proof


@pytest.mark.native
@pytest.mark.skipif(not native.available(), reason=str(native.why_not()))
def test_whatever_the_seed_a_step_with_images_is_replayed() -> None:
    # Of some millions of sums one is 0 but for rounding, and its gradient is kept or dropped.
    (x, y), _ = fashion_mnist.load_embedded()
    x = x[:128, ..., None] / 255.0
    for seed in (42, 43, 45, 47):
        keras.utils.set_random_seed(seed)
        parts = []
        for filters in (32, 64):
            parts += [
                layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal"),
                *(layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D()),
            ]
        head = [layers.Flatten(), layers.Dense(10, "softmax")]
        model = keras.Sequential([keras.Input((28, 28, 1)), *parts, *head])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y[:128], batch_size=64, epochs=1, verbose=0)
        assert "is replayed" in model.explain_step()


def test_a_gradient_that_lacks_an_example_is_refuted() -> None:
    torch.manual_seed(0)
    x, upstream = torch.randn(16, 30), torch.randn(16, 20)
    whole, lacking = x.mT @ upstream, x[:15].mT @ upstream[:15]
    begun = torch.zeros_like(whole)
    assert proof._is_near(whole + 1e-6, whole, begun, 0.0)
    assert not proof._is_near(lacking, whole, begun, 0.0)


def test_a_moving_statistic_that_stays_behind_is_refuted() -> None:
    before, of_batch = torch.ones(64), torch.linspace(0.2, 3.0, 64)
    after = before.lerp(of_batch, 0.01)  # all of them are moved by less than two in a hundred
    assert not proof._is_near(before, after, before, 0.0)
    assert proof._is_near(before.lerp(of_batch * 1.0001, 0.01), after, before, 0.0)


def test_what_is_not_finite_in_one_of_them_is_refuted() -> None:
    wanted, begun = torch.ones(1000), torch.zeros(1000)
    for strange in (torch.nan, torch.inf):
        got = wanted.clone()
        got[7] = strange
        assert not proof._is_near(got, wanted, begun, 0.0)
        assert not proof._is_near(wanted, got, begun, 0.0)
        assert proof._is_near(got, got, begun, 0.0)
