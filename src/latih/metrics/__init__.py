"""Numbers to read while training: how often right, how far off.

To add one: its class in its family's file, its row in :data:`METRICS`.
"""

from typing import Any

from latih import losses, registry
from latih.losses import binary_crossentropy as binary_crossentropy
from latih.losses import binary_focal_crossentropy as binary_focal_crossentropy
from latih.losses import categorical_crossentropy as categorical_crossentropy
from latih.losses import categorical_focal_crossentropy as categorical_focal_crossentropy
from latih.losses import categorical_hinge as categorical_hinge
from latih.losses import hinge as hinge
from latih.losses import huber as huber
from latih.losses import kl_divergence as kl_divergence
from latih.losses import log_cosh as log_cosh
from latih.losses import mean_absolute_error as mean_absolute_error
from latih.losses import mean_absolute_percentage_error as mean_absolute_percentage_error
from latih.losses import mean_squared_error as mean_squared_error
from latih.losses import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from latih.losses import poisson as poisson
from latih.losses import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from latih.losses import squared_hinge as squared_hinge
from latih.metrics.accuracy import Accuracy as Accuracy
from latih.metrics.accuracy import BinaryAccuracy as BinaryAccuracy
from latih.metrics.accuracy import CategoricalAccuracy as CategoricalAccuracy
from latih.metrics.accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from latih.metrics.accuracy import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from latih.metrics.accuracy import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from latih.metrics.auc import AUC as AUC
from latih.metrics.balanced_accuracy import BalancedAccuracy as BalancedAccuracy
from latih.metrics.base import Mean as Mean
from latih.metrics.base import Metric as Metric
from latih.metrics.base import Sum as Sum
from latih.metrics.confusion import FalseNegatives as FalseNegatives
from latih.metrics.confusion import FalsePositives as FalsePositives
from latih.metrics.confusion import Precision as Precision
from latih.metrics.confusion import Recall as Recall
from latih.metrics.confusion import TrueNegatives as TrueNegatives
from latih.metrics.confusion import TruePositives as TruePositives
from latih.metrics.correlation import ConcordanceCorrelation as ConcordanceCorrelation
from latih.metrics.correlation import PearsonCorrelation as PearsonCorrelation
from latih.metrics.correlation import R2Score as R2Score
from latih.metrics.f_score import F1Score as F1Score
from latih.metrics.f_score import FBetaScore as FBetaScore
from latih.metrics.functions import accuracy as accuracy
from latih.metrics.functions import binary_accuracy as binary_accuracy
from latih.metrics.functions import categorical_accuracy as categorical_accuracy
from latih.metrics.functions import concordance_correlation as concordance_correlation
from latih.metrics.functions import pearson_correlation as pearson_correlation
from latih.metrics.functions import sparse_categorical_accuracy as sparse_categorical_accuracy
from latih.metrics.functions import (
    sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy,
)
from latih.metrics.functions import top_k_categorical_accuracy as top_k_categorical_accuracy
from latih.metrics.hinge import CategoricalHinge as CategoricalHinge
from latih.metrics.hinge import Hinge as Hinge
from latih.metrics.hinge import SquaredHinge as SquaredHinge
from latih.metrics.iou import BinaryIoU as BinaryIoU
from latih.metrics.iou import IoU as IoU
from latih.metrics.iou import MeanIoU as MeanIoU
from latih.metrics.iou import OneHotIoU as OneHotIoU
from latih.metrics.iou import OneHotMeanIoU as OneHotMeanIoU
from latih.metrics.operating_point import PrecisionAtRecall as PrecisionAtRecall
from latih.metrics.operating_point import RecallAtPrecision as RecallAtPrecision
from latih.metrics.operating_point import SensitivityAtSpecificity as SensitivityAtSpecificity
from latih.metrics.operating_point import SpecificityAtSensitivity as SpecificityAtSensitivity
from latih.metrics.probabilistic import BinaryCrossentropy as BinaryCrossentropy
from latih.metrics.probabilistic import CategoricalCrossentropy as CategoricalCrossentropy
from latih.metrics.probabilistic import KLDivergence as KLDivergence
from latih.metrics.probabilistic import Poisson as Poisson
from latih.metrics.probabilistic import (
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
)
from latih.metrics.regression import CosineSimilarity as CosineSimilarity
from latih.metrics.regression import LogCoshError as LogCoshError
from latih.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
from latih.metrics.regression import MeanAbsolutePercentageError as MeanAbsolutePercentageError
from latih.metrics.regression import MeanSquaredError as MeanSquaredError
from latih.metrics.regression import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
from latih.metrics.regression import RootMeanSquaredError as RootMeanSquaredError
from latih.metrics.wrapper import MeanMetricWrapper as MeanMetricWrapper
from latih.registry import Table

METRICS: Table[Metric] = Table(
    "metric",
    Metric,
    classes=[
        Mean,
        Sum,
        Accuracy,
        BinaryAccuracy,
        CategoricalAccuracy,
        BalancedAccuracy,
        SparseCategoricalAccuracy,
        TopKCategoricalAccuracy,
        SparseTopKCategoricalAccuracy,
        MeanSquaredError,
        RootMeanSquaredError,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredLogarithmicError,
        LogCoshError,
        CosineSimilarity,
        R2Score,
        PearsonCorrelation,
        ConcordanceCorrelation,
        Hinge,
        SquaredHinge,
        CategoricalHinge,
        BinaryCrossentropy,
        CategoricalCrossentropy,
        SparseCategoricalCrossentropy,
        KLDivergence,
        Poisson,
        TruePositives,
        TrueNegatives,
        FalsePositives,
        FalseNegatives,
        Precision,
        Recall,
        AUC,
        SensitivityAtSpecificity,
        SpecificityAtSensitivity,
        PrecisionAtRecall,
        RecallAtPrecision,
        F1Score,
        FBetaScore,
        IoU,
        BinaryIoU,
        MeanIoU,
        OneHotIoU,
        OneHotMeanIoU,
    ],
    aliases={
        "mse": MeanSquaredError,
        "MSE": MeanSquaredError,
        "mae": MeanAbsoluteError,
        "MAE": MeanAbsoluteError,
        "mape": MeanAbsolutePercentageError,
        "MAPE": MeanAbsolutePercentageError,
        "msle": MeanSquaredLogarithmicError,
        "MSLE": MeanSquaredLogarithmicError,
        "bce": BinaryCrossentropy,
        "BCE": BinaryCrossentropy,
        "kld": KLDivergence,
        "KLD": KLDivergence,
        "logcosh": LogCoshError,
        "log_cosh": LogCoshError,
        "fbeta_score": FBetaScore,
        "huber": losses.huber,
        "binary_focal_crossentropy": losses.binary_focal_crossentropy,
        "categorical_focal_crossentropy": losses.categorical_focal_crossentropy,
    },
)

serialize = registry.serialize
deserialize = METRICS.deserialize


def get(identifier: Any) -> Any:
    """Return the metric, or the function, that a name, a class, data or an object means.

    Example:
        >>> get("mse").name
        'mean_squared_error'
    """
    return METRICS.get(identifier)
