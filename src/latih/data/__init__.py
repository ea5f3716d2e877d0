"""What people hold as data, as one stream of batches."""

from latih.data.arrays import as_array as as_array
from latih.data.batches import ArrayBatches as ArrayBatches
from latih.data.batches import Batch as Batch
from latih.data.splits import split_last as split_last
from latih.data.weights import class_weights_as_sample_weights as class_weights_as_sample_weights
