"""Data that recipes make: circles, blobs, moons, a teacher's answers.

``circles`` and ``blobs`` give, number for number, what scikit-learn's ``make_circles`` and
``make_blobs`` give for the same arguments: published cases are made of them.
"""

import numpy as np
from data import Array

FACTOR = 0.8
"""The inner circle's radius beside the outer one's."""


def circles(count: int, noise: float, seed: int, factor: float = FACTOR) -> tuple[Array, Array]:
    """Return points on two circles, and which of them each is on."""
    generator = np.random.RandomState(seed)
    outside = count // 2
    angles = [np.linspace(0, 2 * np.pi, n, endpoint=False) for n in (outside, count - outside)]
    rings = [np.stack([np.cos(a), np.sin(a)], axis=1) for a in angles]
    x = np.concatenate([rings[0], rings[1] * factor])
    y = np.repeat([0, 1], [outside, count - outside])
    order = np.arange(count)
    generator.shuffle(order)
    x, y = x[order], y[order]
    return x + generator.normal(scale=noise, size=x.shape), y


def blobs(
    count: int, centres: int, features: int, deviation: float, seed: int
) -> tuple[Array, Array]:
    """Return points around centres in -10..10, and which of them each is around."""
    generator = np.random.RandomState(seed)
    middle = generator.uniform(-10.0, 10.0, size=(centres, features))
    counts = [count // centres + (i < count % centres) for i in range(centres)]
    x = np.concatenate(
        [
            generator.normal(loc=place, scale=deviation, size=(n, features))
            for place, n in zip(middle, counts, strict=True)
        ]
    )
    y = np.repeat(np.arange(centres), counts)
    order = np.arange(count)
    generator.shuffle(order)
    return x[order], y[order]


def moons(count: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Return points on two half moons, each around the other's end, of deviation near 1."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, count)
    angle = generator.uniform(0, np.pi, count)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x = np.where(y[:, None] == 1, [1.0, 0.5] - x, x)
    return (x - [0.5, 0.25]) * [1.15, 2.0] + generator.normal(scale=noise, size=x.shape), y


def quadrants(count: int, features: int, noise: float, seed: int) -> tuple[Array, Array]:
    """Return normal points, and whether the first two coordinates have the same sign: XOR."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, features))
    judged = x[:, 0] * x[:, 1] + noise * generator.normal(size=count)
    return x, (judged > 0).astype(np.int64)


def taught(count: int, features: int, answers: int, seed: int, noise: float = 0.0) -> tuple:
    """Return normal points, and what a random net of one hidden layer makes of them.

    The answers have mean 0 and deviation 1; the teacher depends on the seed too.
    """
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, features))
    inner = generator.normal(size=(features, 16)) / np.sqrt(features)
    y = np.tanh(1.5 * (x @ inner)) @ generator.normal(size=(16, answers))
    y = (y - y.mean(axis=0)) / y.std(axis=0)
    return x, y + noise * generator.normal(size=y.shape)


def sorted_by(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the rows in the order of their class."""
    order = np.argsort(y, kind="stable")
    return x[order], y[order]
