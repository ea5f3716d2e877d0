"""Latih."""

import latih
from peers.keras_language import train
from peers.measurement import task

train(latih, task())
