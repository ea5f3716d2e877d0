"""Keras's name for what reads and writes models and registers the user's classes."""

from latih.applications import load_torch_weights as load_torch_weights
from latih.models import load_model as load_model
from latih.models import save_model as save_model
from latih.registry import custom_object_scope as custom_object_scope
from latih.registry import deserialize_keras_object as deserialize_keras_object
from latih.registry import register_keras_serializable as register_keras_serializable
from latih.registry import serialize_keras_object as serialize_keras_object

CustomObjectScope = custom_object_scope
