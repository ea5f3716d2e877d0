"""What people hold as data, as one stream of batches."""

from latih.data.arrays import as_array as as_array
from latih.data.arrays import as_arrays as as_arrays
from latih.data.arrays import require_same_length as require_same_length
from latih.data.batches import ArrayBatches as ArrayBatches
from latih.data.batches import Batch as Batch
from latih.data.mapped import batches_of_arrays as batches_of_arrays
from latih.data.outputs import targets_as_list as targets_as_list
from latih.data.shift import label_shift as label_shift
from latih.data.sources import is_stream as is_stream
from latih.data.splits import split_last as split_last
from latih.data.streams import StreamBatches as StreamBatches
from latih.data.weights import class_weights_as_sample_weights as class_weights_as_sample_weights
from latih.data.weights import sample_weights_as_list as sample_weights_as_list
