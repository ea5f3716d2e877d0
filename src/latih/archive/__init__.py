"""Files that hold models and weights.

Keras's ``.keras`` archive and ``.weights.h5``, safetensors, weights of PyTorch, and ONNX graphs;
and the snapshots that a run goes on from.

The room knows how to write and read them, not which models there are: the reader is given the
table from which alone it may build.
"""

from latih.archive.background import BackgroundWriter as BackgroundWriter
from latih.archive.keras_file import read_model as read_model
from latih.archive.keras_file import write_model as write_model
from latih.archive.onnx_export import export as export
from latih.archive.safetensors_file import read_safetensors as read_safetensors
from latih.archive.safetensors_file import write_safetensors as write_safetensors
from latih.archive.snapshots import Snapshot as Snapshot
from latih.archive.snapshots import SnapshotStore as SnapshotStore
from latih.archive.state_tree import copied as copied
from latih.archive.state_tree import encode as encode
from latih.archive.torch_weights import load_torch_weights as load_torch_weights
from latih.archive.torch_weights import read_torch_tensors as read_torch_tensors
from latih.archive.weights import read_weights_file as read_weights_file
from latih.archive.weights import write_weights_file as write_weights_file
