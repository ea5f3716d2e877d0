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
from latih.layers.convolution import Conv1D as Conv1D
from latih.layers.convolution import Conv2D as Conv2D
from latih.layers.convolution import Conv3D as Conv3D
from latih.layers.convolution import Convolution1D as Convolution1D
from latih.layers.convolution import Convolution2D as Convolution2D
from latih.layers.convolution import Convolution3D as Convolution3D
from latih.layers.dense import Dense as Dense
from latih.layers.embedding import Embedding as Embedding
from latih.layers.global_pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
from latih.layers.global_pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
from latih.layers.global_pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
from latih.layers.global_pooling import GlobalAvgPool1D as GlobalAvgPool1D
from latih.layers.global_pooling import GlobalAvgPool2D as GlobalAvgPool2D
from latih.layers.global_pooling import GlobalAvgPool3D as GlobalAvgPool3D
from latih.layers.global_pooling import GlobalMaxPool1D as GlobalMaxPool1D
from latih.layers.global_pooling import GlobalMaxPool2D as GlobalMaxPool2D
from latih.layers.global_pooling import GlobalMaxPool3D as GlobalMaxPool3D
from latih.layers.global_pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
from latih.layers.global_pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
from latih.layers.global_pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
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
from latih.layers.padding import ZeroPadding2D as ZeroPadding2D
from latih.layers.pooling import AveragePooling1D as AveragePooling1D
from latih.layers.pooling import AveragePooling2D as AveragePooling2D
from latih.layers.pooling import AveragePooling3D as AveragePooling3D
from latih.layers.pooling import AvgPool1D as AvgPool1D
from latih.layers.pooling import AvgPool2D as AvgPool2D
from latih.layers.pooling import AvgPool3D as AvgPool3D
from latih.layers.pooling import MaxPool1D as MaxPool1D
from latih.layers.pooling import MaxPool2D as MaxPool2D
from latih.layers.pooling import MaxPool3D as MaxPool3D
from latih.layers.pooling import MaxPooling1D as MaxPooling1D
from latih.layers.pooling import MaxPooling2D as MaxPooling2D
from latih.layers.pooling import MaxPooling3D as MaxPooling3D
from latih.layers.preprocessing import Normalization as Normalization
from latih.layers.preprocessing import Rescaling as Rescaling
from latih.layers.regularization import AlphaDropout as AlphaDropout
from latih.layers.regularization import Dropout as Dropout
from latih.layers.regularization import MCDropout as MCDropout
from latih.layers.reshaping import Flatten as Flatten
from latih.layers.reshaping import Permute as Permute
from latih.layers.reshaping import Reshape as Reshape
from latih.layers.resizing import Resizing as Resizing
from latih.layers.separable_convolution import DepthwiseConv2D as DepthwiseConv2D
from latih.layers.separable_convolution import SeparableConv2D as SeparableConv2D
from latih.layers.separable_convolution import SeparableConvolution2D as SeparableConvolution2D
from latih.layers.spatial_dropout import SpatialDropout2D as SpatialDropout2D
from latih.layers.spectral_normalization import SpectralNormalization as SpectralNormalization
from latih.layers.transposed_convolution import Conv1DTranspose as Conv1DTranspose
from latih.layers.transposed_convolution import Conv2DTranspose as Conv2DTranspose
from latih.layers.transposed_convolution import Conv3DTranspose as Conv3DTranspose
from latih.layers.transposed_convolution import Convolution1DTranspose as Convolution1DTranspose
from latih.layers.transposed_convolution import Convolution2DTranspose as Convolution2DTranspose
from latih.layers.transposed_convolution import Convolution3DTranspose as Convolution3DTranspose
from latih.layers.upsampling import UpSampling2D as UpSampling2D
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
        *(Conv1D, Conv2D, Conv3D),
        *(Conv1DTranspose, Conv2DTranspose, Conv3DTranspose),
        *(DepthwiseConv2D, SeparableConv2D),
        *(MaxPooling1D, MaxPooling2D, MaxPooling3D),
        *(AveragePooling1D, AveragePooling2D, AveragePooling3D),
        *(GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D),
        *(GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D),
        *(ZeroPadding2D, UpSampling2D, SpatialDropout2D),
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
        Resizing,
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
