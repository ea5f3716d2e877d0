"""Parts of one's own: a model, a layer, a loss and a metric, and a file that remembers them.

A file is data, never code: it holds the *names* of these classes, and reading it gives back the
classes that the script has registered under them, with their arguments and weights.
"""

import numpy as np
import torch

import latih as keras


@keras.saving.register_keras_serializable("examples")
class RadialUnits(keras.layers.Layer):
    """``exp(-γ ‖x - c‖²)``: each unit answers near a centre of its own."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        features = input_shape[-1]
        self.centres = self.add_weight((features, self.units), "random_normal", name="centres")
        self.sharpness = self.add_weight(
            (self.units,), "ones", constraint="non_neg", name="sharpness"
        )

    def call(self, inputs):
        distances = (inputs.unsqueeze(-1) - self.centres).square().sum(dim=-2)
        return torch.exp(-self.sharpness * distances)


@keras.saving.register_keras_serializable("examples")
class RadialNet(keras.Model):
    """Radial units, and a weighted sum of them."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.radial = RadialUnits(units)
        self.sum = keras.layers.Dense(1)

    def call(self, inputs):
        return self.sum(self.radial(inputs))


@keras.saving.register_keras_serializable("examples")
class SoftAbsolute(keras.losses.Loss):
    """``√(error² + s²) - s``: squares small errors, and lets no outlier pull hard."""

    def __init__(self, softness=0.1, **kwargs):
        super().__init__(**kwargs)
        self.softness = softness

    def call(self, y_true, y_pred):
        errors = (y_true - y_pred).square() + self.softness**2
        return (errors.sqrt() - self.softness).mean(dim=-1)

    def get_config(self):
        return {**super().get_config(), "softness": self.softness}


@keras.saving.register_keras_serializable("examples")
class ShareWithin(keras.metrics.Metric):
    """The share of predictions that miss by less than ``limit``."""

    def __init__(self, limit=0.1, name="share_within", **kwargs):
        super().__init__(name=name, **kwargs)
        self.limit = limit
        self.within = self.add_weight((), "zeros", name="within")
        self.count = self.add_weight((), "zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.within.assign_add(((y_true - y_pred).abs() < self.limit).sum())
        self.count.assign_add(y_true.numel())

    def result(self):
        return self.within / self.count

    def get_config(self):
        return {**super().get_config(), "limit": self.limit}


keras.utils.set_random_seed(42)
random = np.random.default_rng(42)
x = random.uniform(-2, 2, size=(3000, 2)).astype("float32")
y = np.sin(2 * x[:, :1]) * np.cos(2 * x[:, 1:])  # hills and valleys
y_train = y + (random.uniform(size=y.shape) < 0.05) * 10  # one in twenty is an outlier

model = RadialNet(50)
model.compile(keras.optimizers.Adam(0.03), loss=SoftAbsolute(0.05), metrics=[ShareWithin(0.1)])
model.fit(x, y_train, batch_size=64, epochs=25, verbose=2)

model.save("radial.keras")
again = keras.models.load_model("radial.keras")
_, share = again.evaluate(x, y, verbose=0)
difference = float(np.abs(again.predict(x, verbose=0) - model.predict(x, verbose=0)).max())
print(f"read from its file, it comes within 0.1 of {share:.1%} of the true heights")
print(f"its predictions differ from the first model's by {difference}")
