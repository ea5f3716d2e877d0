"""Numbers to read while training: how often right, how far off.

To add one: its class in its family's file, its row in :data:`METRICS`.
"""

from typing import Any

from latih import losses, registry
from latih.metrics.accuracy import Accuracy as Accuracy
from latih.metrics.accuracy import BinaryAccuracy as BinaryAccuracy
from latih.metrics.accuracy import CategoricalAccuracy as CategoricalAccuracy
from latih.metrics.accuracy import SparseCategoricalAccuracy as SparseCategoricalAccuracy
from latih.metrics.accuracy import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
from latih.metrics.accuracy import TopKCategoricalAccuracy as TopKCategoricalAccuracy
from latih.metrics.accuracy import binary_accuracy as binary_accuracy
from latih.metrics.accuracy import categorical_accuracy as categorical_accuracy
from latih.metrics.accuracy import sparse_categorical_accuracy as sparse_categorical_accuracy
from latih.metrics.accuracy import (
    sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy,
)
from latih.metrics.accuracy import top_k_categorical_accuracy as top_k_categorical_accuracy
from latih.metrics.base import Mean as Mean
from latih.metrics.base import MeanMetricWrapper as MeanMetricWrapper
from latih.metrics.base import Metric as Metric
from latih.metrics.regression import MeanAbsoluteError as MeanAbsoluteError
from latih.metrics.regression import MeanSquaredError as MeanSquaredError
from latih.registry import Table

METRICS: Table[Metric] = Table(
    "metric",
    Metric,
    classes=[
        Mean,
        Accuracy,
        BinaryAccuracy,
        CategoricalAccuracy,
        SparseCategoricalAccuracy,
        TopKCategoricalAccuracy,
        SparseTopKCategoricalAccuracy,
        MeanSquaredError,
        MeanAbsoluteError,
    ],
    aliases={
        "mse": MeanSquaredError,
        "MSE": MeanSquaredError,
        "mae": MeanAbsoluteError,
        "MAE": MeanAbsoluteError,
        "bce": losses.binary_crossentropy,
        "BCE": losses.binary_crossentropy,
        "huber": losses.huber,
        "binary_crossentropy": losses.binary_crossentropy,
        "categorical_crossentropy": losses.categorical_crossentropy,
        "sparse_categorical_crossentropy": losses.sparse_categorical_crossentropy,
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
