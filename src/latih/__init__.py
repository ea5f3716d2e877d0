"""Latih trains deep neural networks that actually train.

``import latih as keras`` and a textbook's Keras script runs, with the same numbers.

Example:
    >>> import latih as keras
    >>> model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3, activation="softmax")])
    >>> model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> history = model.fit([[0.0, 0, 0, 1], [1, 0, 0, 0]], [0, 1], epochs=2, verbose=0)
    >>> sorted(history.history)
    ['accuracy', 'loss']
"""

from latih import _malloc as _malloc
from latih import _mkl as _mkl
from latih import _openmp as _openmp
from latih import activations as activations
from latih import applications as applications
from latih import backend as backend
from latih import callbacks as callbacks
from latih import config as config
from latih import constraints as constraints
from latih import datasets as datasets
from latih import doctor as doctor
from latih import dtype_policies as dtype_policies
from latih import errors as errors
from latih import initializers as initializers
from latih import layers as layers
from latih import losses as losses
from latih import metrics as metrics
from latih import mixed_precision as mixed_precision
from latih import models as models
from latih import ops as ops
from latih import optimizers as optimizers
from latih import pretraining as pretraining
from latih import random as random
from latih import regularizers as regularizers
from latih import saving as saving
from latih import transfer as transfer
from latih import utils as utils
from latih.applications import from_torch as from_torch
from latih.constraints import Constraint as Constraint
from latih.doctor.learning_rate_range import lr_find as lr_find
from latih.dtype_policies import DTypePolicy as DTypePolicy
from latih.initializers import Initializer as Initializer
from latih.layers import Input as Input
from latih.layers import Layer as Layer
from latih.losses import Loss as Loss
from latih.metrics import Metric as Metric
from latih.models import Model as Model
from latih.models import Sequential as Sequential
from latih.optimizers import Optimizer as Optimizer
from latih.regularizers import Regularizer as Regularizer
from latih.variables import Variable as Variable
from latih.version import __version__ as __version__
