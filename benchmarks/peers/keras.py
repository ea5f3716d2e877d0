"""Keras on one of its three backends: the variant's first word names it.

``jax``, ``tensorflow`` and ``torch``, each with the defaults of ``compile``, which let Keras choose
whether XLA compiles the step. ``tensorflow,25`` puts 25 steps into one call of the
graph, ``jax,5`` five.
"""

import os
import sys
from importlib.machinery import PathFinder

from peers.measurement import task

BACKENDS = ("jax", "tensorflow", "torch")


class Hiding(PathFinder):
    """Does not find the other backends: Keras imports those that it finds, which costs seconds.

    Who trains on one backend seldom installs all three.
    """

    hidden: set[str] = set()

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname.partition(".")[0] in cls.hidden:
            return None
        return super().find_spec(fullname, path, target)


told = task()
backend, _, steps_per_execution = told.variant.partition(",")
Hiding.hidden = {*BACKENDS} - {backend}
sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
os.environ["KERAS_BACKEND"] = backend
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

if backend == "torch":
    import torch

    # Else Adam's moments of dead units decay into denormal numbers, and every update crawls.
    torch.set_flush_denormal(True)

import keras  # noqa: E402  it reads which backend it has as it is imported

from peers.keras_language import train  # noqa: E402

train(keras, told, steps_per_execution=int(steps_per_execution or 1))
