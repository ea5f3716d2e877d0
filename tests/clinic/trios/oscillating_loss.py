"""Batches of one example, raw coordinates and momentum: the loss never settles.

The near miss has batches of four, which learn.
"""

import shapes
from data import Data, one_hot, parted, scaled
from making import SOFTMAX, Trio, adam, dense, program, sgd


def blobs(seed: int) -> Data:
    """Three heaps of points, of deviation 6 altogether; two of them lie one in the other.

    They are the published ones for every seed.
    """
    x, y = shapes.blobs(500, 3, 2, deviation=2.0, seed=2)
    return parted(x, one_hot(y, 3), 200)


def scaled_blobs(seed: int) -> Data:
    return scaled(blobs(seed), "z-score")


def of_blobs(**more):
    described = {"units": 3, "output": SOFTMAX, "loss": "categorical_crossentropy", **more}
    return program(blobs, dense(50, "tanh", init="glorot_uniform"), **described)


TRIO = Trio(
    "oscillating-loss",
    sick=of_blobs(optimizer=sgd(0.007, momentum=0.9), batch_size=1, epochs=20),
    healthy=of_blobs(optimizer=adam(1e-2), batch_size=32, epochs=25),
    near_miss=of_blobs(optimizer=sgd(0.02), batch_size=4, epochs=8).but(make_data=scaled_blobs),
)
