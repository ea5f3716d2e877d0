"""What nets are made of.

To add one: its class in its family's file, its row in :data:`LAYERS`, a row in
``tests/contracts/test_layers.py``.
"""

from typing import Any

from latih import registry
from latih.layers.activation import ELU as ELU
from latih.layers.activation import Activation as Activation
from latih.layers.activation import LeakyReLU as LeakyReLU
from latih.layers.activation import PReLU as PReLU
from latih.layers.activation import ReLU as ReLU
from latih.layers.activation import Softmax as Softmax
from latih.layers.augmentation import CutMix as CutMix
from latih.layers.augmentation import MixUp as MixUp
from latih.layers.augmentation import RandomBrightness as RandomBrightness
from latih.layers.augmentation import RandomContrast as RandomContrast
from latih.layers.augmentation import RandomCrop as RandomCrop
from latih.layers.augmentation import RandomFlip as RandomFlip
from latih.layers.augmentation import RandomRotation as RandomRotation
from latih.layers.augmentation import RandomTranslation as RandomTranslation
from latih.layers.augmentation import RandomZoom as RandomZoom
from latih.layers.base import Layer as Layer
from latih.layers.dense import Dense as Dense
from latih.layers.embedding import Embedding as Embedding
from latih.layers.group_normalization import GroupNormalization as GroupNormalization
from latih.layers.input import Input as Input
from latih.layers.input import InputLayer as InputLayer
from latih.layers.joining import Concatenate as Concatenate
from latih.layers.joining import Dot as Dot
from latih.layers.joining import concatenate as concatenate
from latih.layers.joining import dot as dot
from latih.layers.layer_normalization import LayerNormalization as LayerNormalization
from latih.layers.merging import Add as Add
from latih.layers.merging import Average as Average
from latih.layers.merging import Maximum as Maximum
from latih.layers.merging import Minimum as Minimum
from latih.layers.merging import Multiply as Multiply
from latih.layers.merging import Subtract as Subtract
from latih.layers.merging import add as add
from latih.layers.merging import average as average
from latih.layers.merging import maximum as maximum
from latih.layers.merging import minimum as minimum
from latih.layers.merging import multiply as multiply
from latih.layers.merging import subtract as subtract
from latih.layers.noise import GaussianDropout as GaussianDropout
from latih.layers.noise import GaussianNoise as GaussianNoise
from latih.layers.normalization import BatchNormalization as BatchNormalization
from latih.layers.preprocessing import Normalization as Normalization
from latih.layers.preprocessing import Rescaling as Rescaling
from latih.layers.regularization import AlphaDropout as AlphaDropout
from latih.layers.regularization import Dropout as Dropout
from latih.layers.regularization import MCDropout as MCDropout
from latih.layers.reshaping import Flatten as Flatten
from latih.layers.reshaping import Permute as Permute
from latih.layers.reshaping import Reshape as Reshape
from latih.layers.spectral_normalization import SpectralNormalization as SpectralNormalization
from latih.layers.weight_normalization import WeightNormalization as WeightNormalization
from latih.layers.wrapper import Wrapper as Wrapper
from latih.registry import Table

LAYERS: Table[Layer] = Table(
    "layer",
    Layer,
    classes=[
        InputLayer,
        Flatten,
        Reshape,
        Permute,
        Dense,
        Embedding,
        Activation,
        ReLU,
        LeakyReLU,
        ELU,
        PReLU,
        Softmax,
        BatchNormalization,
        LayerNormalization,
        GroupNormalization,
        WeightNormalization,
        SpectralNormalization,
        Dropout,
        MCDropout,
        AlphaDropout,
        GaussianNoise,
        GaussianDropout,
        Rescaling,
        Normalization,
        Add,
        Subtract,
        Multiply,
        Average,
        Maximum,
        Minimum,
        Concatenate,
        Dot,
        RandomFlip,
        RandomRotation,
        RandomTranslation,
        RandomZoom,
        RandomCrop,
        RandomContrast,
        RandomBrightness,
        MixUp,
        CutMix,
    ],
)
Wrapper.table = LAYERS

serialize = registry.serialize


def deserialize(config: Any) -> Any:
    """Make the layer that :func:`serialize` described, with new weights."""
    return LAYERS.deserialize(config)
