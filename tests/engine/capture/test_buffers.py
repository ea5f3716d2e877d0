"""Where results lie: large ones where others lay, but gradients in the optimizer's buffer."""

from typing import Any

import numpy as np
import pytest
import torch

import latih as keras
from latih import layers


class Beside(layers.Layer):
    """Makes a large tensor that nobody reads any more when the first gradient comes.

    Its kernel is used twice, so that one of its gradients is added to the other.
    """

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], 64), "glorot_uniform", name="kernel")

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        first = inputs @ self.kernel
        with torch.no_grad():
            other = torch.sigmoid(first @ self.kernel.T)
        return first - other @ self.kernel


def trained(examples: int, **way: Any) -> list[np.ndarray]:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((784,)), Beside(), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse", **way)
    x = np.random.default_rng(0).random((2 * examples, 784)).astype("float32")
    model.fit(x, x[:, :1], batch_size=examples, epochs=2, verbose=0)
    return model.get_weights()


# The large tensor takes from less than the gradients together to more than twice as much.
@pytest.mark.parametrize("examples", [60, 80, 100, 130, 160])
def test_gradients_stay_in_the_optimizers_buffer(examples: int) -> None:
    for one, other in zip(trained(examples), trained(examples, run_eagerly=True), strict=True):
        np.testing.assert_array_equal(one, other)
