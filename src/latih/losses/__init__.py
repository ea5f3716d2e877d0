"""What training makes small.

Every loss takes the mean over the last axis first and over the batch after it; sample weights
multiply, and the sum is divided by the *number* of values, not by the sum of weights (Keras's
``sum_over_batch_size``). Probabilities are kept ε = 1e-7 away from 0 and 1.

One family a file; their names stand in :data:`LOSSES`.
"""

from latih.losses.base import Loss as Loss
from latih.losses.base import Reduction as Reduction
from latih.losses.base import squeeze_or_expand_to_same_rank as squeeze_or_expand_to_same_rank
from latih.losses.circle import Circle as Circle
from latih.losses.circle import circle as circle
from latih.losses.crossentropy import BinaryCrossentropy as BinaryCrossentropy
from latih.losses.crossentropy import CategoricalCrossentropy as CategoricalCrossentropy
from latih.losses.crossentropy import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
from latih.losses.crossentropy import binary_crossentropy as binary_crossentropy
from latih.losses.crossentropy import categorical_crossentropy as categorical_crossentropy
from latih.losses.crossentropy import (
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from latih.losses.focal import BinaryFocalCrossentropy as BinaryFocalCrossentropy
from latih.losses.focal import CategoricalFocalCrossentropy as CategoricalFocalCrossentropy
from latih.losses.focal import (
    CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy,
)
from latih.losses.focal import binary_focal_crossentropy as binary_focal_crossentropy
from latih.losses.focal import categorical_focal_crossentropy as categorical_focal_crossentropy
from latih.losses.focal import (
    categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
)
from latih.losses.hinge import CategoricalHinge as CategoricalHinge
from latih.losses.hinge import Hinge as Hinge
from latih.losses.hinge import SquaredHinge as SquaredHinge
from latih.losses.hinge import categorical_hinge as categorical_hinge
from latih.losses.hinge import hinge as hinge
from latih.losses.hinge import squared_hinge as squared_hinge
from latih.losses.probabilistic import KLDivergence as KLDivergence
from latih.losses.probabilistic import Poisson as Poisson
from latih.losses.probabilistic import kl_divergence as kl_divergence
from latih.losses.probabilistic import poisson as poisson
from latih.losses.regression import CosineSimilarity as CosineSimilarity
from latih.losses.regression import Huber as Huber
from latih.losses.regression import LogCosh as LogCosh
from latih.losses.regression import MeanAbsoluteError as MeanAbsoluteError
from latih.losses.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from latih.losses.regression import MeanSquaredError as MeanSquaredError
from latih.losses.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from latih.losses.regression import cosine_similarity as cosine_similarity
from latih.losses.regression import huber as huber
from latih.losses.regression import log_cosh as log_cosh
from latih.losses.regression import mean_absolute_error as mean_absolute_error
from latih.losses.regression import mean_absolute_percentage_error as mean_absolute_percentage_error
from latih.losses.regression import mean_squared_error as mean_squared_error
from latih.losses.regression import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from latih.losses.segmentation import Dice as Dice
from latih.losses.segmentation import Tversky as Tversky
from latih.losses.segmentation import dice as dice
from latih.losses.segmentation import tversky as tversky
from latih.losses.table import LOSSES as LOSSES
from latih.losses.table import deserialize as deserialize
from latih.losses.table import get as get
from latih.losses.table import serialize as serialize
from latih.losses.wrapper import LossFunctionWrapper as LossFunctionWrapper
