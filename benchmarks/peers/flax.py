"""Flax and optax with a whole epoch in one compiled ``lax.scan``, its state donated.

The images, their order and the running sums stay on the device; Python sees an epoch, not a step.
Variant ``step`` compiles the step alone, and calls it from Python: inside of a loop, XLA has only
slow convolutions for a CPU.
"""

import functools

import flax.linen as nn
import jax
import numpy as np
import optax
import workloads
from jax import lax
from jax import numpy as jnp
from workloads import PREDICT_BATCH

from peers.measurement import Epochs, task

ACTIVATIONS = {"relu": nn.relu, "elu": nn.elu}
HE = nn.initializers.he_normal()


class Net(nn.Module):
    """From a batch of images to logits."""

    layers: tuple[workloads.Layer, ...]

    @nn.compact
    def __call__(self, x, training):
        for layer in self.layers:
            match layer:
                case workloads.Dense(units, activation):
                    last = units == workloads.CLASSES
                    kernel = nn.initializers.glorot_uniform() if last else HE
                    x = nn.Dense(units, kernel_init=kernel)(x)
                    x = ACTIVATIONS[activation](x) if activation else x
                case workloads.Convolution(filters):
                    x = nn.Conv(filters, (3, 3), padding="SAME", kernel_init=HE)(x)
                case workloads.BatchNormalization():
                    x = nn.BatchNorm(
                        use_running_average=not training,
                        momentum=workloads.BATCH_NORMALIZATION_MOMENTUM,
                        epsilon=workloads.BATCH_NORMALIZATION_EPSILON,
                    )(x)
                case workloads.Activation(name):
                    x = ACTIVATIONS[name](x)
                case workloads.MaxPooling():
                    x = nn.max_pool(x, (2, 2), strides=(2, 2))
                case workloads.Dropout(rate):
                    x = nn.Dropout(rate, deterministic=not training)(x)
                case workloads.Flatten():
                    x = x.reshape(x.shape[0], -1)
        return x


told = task()
x, y = jnp.asarray(told.data.x_train), jnp.asarray(told.data.y_train, dtype=jnp.int32)
x_test = jnp.asarray(told.data.x_test)
steps = len(x) // told.batch
net = Net(told.workload.layers)
adam = optax.adam(workloads.LEARNING_RATE, eps=workloads.ADAM_EPSILON)


@jax.jit
def initial(key):
    variables = net.init(key, x[:1], training=False)
    parameters = variables["params"]
    return parameters, variables.get("batch_stats", {}), adam.init(parameters), key


def step(state, batch, x, y, dropping):
    parameters, statistics, moments = state
    number, index = batch
    batch_x, batch_y = x[index], y[index]

    def loss_of(parameters):
        logits, changed = net.apply(
            {"params": parameters, "batch_stats": statistics},
            batch_x,
            training=True,
            mutable=["batch_stats"],
            rngs={"dropout": jax.random.fold_in(dropping, number)},
        )
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, batch_y)
        hits = (logits.argmax(-1) == batch_y).mean()
        return losses.mean(), (changed.get("batch_stats", {}), hits)

    gradient_of = jax.value_and_grad(loss_of, has_aux=True)
    (loss, (statistics, hits)), gradients = gradient_of(parameters)
    updates, moments = adam.update(gradients, moments, parameters)
    return (optax.apply_updates(parameters, updates), statistics, moments), jnp.stack([loss, hits])


def begun(key):
    key, shuffling, dropping = jax.random.split(key, 3)
    order = jax.random.permutation(shuffling, len(x)).reshape(steps, told.batch)
    return key, order, dropping


@functools.partial(jax.jit, donate_argnums=0)
def scanned_epoch(state, x, y):
    *state, key = state
    key, order, dropping = begun(key)
    state, means = lax.scan(
        lambda state, batch: step(state, batch, x, y, dropping),
        tuple(state),
        (jnp.arange(steps), order),
    )
    return (*state, key), means.mean(0)


@functools.partial(jax.jit, donate_argnums=(0, 1))
def summing_step(state, sums, batch, x, y, dropping):
    state, means = step(state, batch, x, y, dropping)
    return state, sums + means


def epoch_of_steps(state, x, y):
    *state, key = state
    key, order, dropping = jax.jit(begun)(key)
    state, sums = tuple(state), jnp.zeros(2)
    for number, index in enumerate(order):
        state, sums = summing_step(state, sums, (number, index), x, y, dropping)
    return (*state, key), sums / steps


epoch = epoch_of_steps if told.variant == "step" else scanned_epoch
state = initial(jax.random.key(told.seed))
epochs = Epochs(told)
for _ in range(told.epochs):
    state, means = epoch(state, x, y)
    jax.block_until_ready((state, means))
    epochs.ended()


@jax.jit
def logits(state, x):
    variables = {"params": state[0], "batch_stats": state[1]}
    parts = x.reshape(-1, PREDICT_BATCH, *x.shape[1:])
    return lax.map(lambda part: net.apply(variables, part, training=False), parts)


def predict() -> np.ndarray:
    return np.asarray(logits(state, x_test)).reshape(len(x_test), -1)


epochs.report(*means, predict)
