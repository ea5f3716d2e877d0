"""Keras's name for what lies under its layers; each thing lives in the room that it belongs to."""

from latih.config import backend as backend
from latih.config import epsilon as epsilon
from latih.config import floatx as floatx
from latih.config import image_data_format as image_data_format
from latih.config import set_epsilon as set_epsilon
from latih.config import set_floatx as set_floatx
from latih.config import set_image_data_format as set_image_data_format
from latih.dtypes import is_float_dtype as is_float_dtype
from latih.dtypes import is_int_dtype as is_int_dtype
from latih.dtypes import result_type as result_type
from latih.dtypes import standardize_dtype as standardize_dtype
from latih.ops import cast as cast
from latih.ops import convert_to_numpy as convert_to_numpy
from latih.ops import convert_to_tensor as convert_to_tensor
from latih.ops import is_tensor as is_tensor
from latih.ops import shape as shape
from latih.registry import clear_session as clear_session
from latih.tensors import get_keras_mask as get_keras_mask
from latih.tensors import set_keras_mask as set_keras_mask
from latih.variables import Variable as Variable
from latih.variables import name_scope as name_scope
