"""Keras's name for small helpers; each lives in the room that it belongs to."""

from latih.data.images import image_dataset_from_directory as image_dataset_from_directory
from latih.data.labels import to_categorical as to_categorical
from latih.data.parquet import table_dataset_from_parquet as table_dataset_from_parquet
from latih.random import set_random_seed as set_random_seed
from latih.registry import clear_session as clear_session
from latih.registry import custom_object_scope as custom_object_scope
from latih.registry import register_keras_serializable as register_keras_serializable

CustomObjectScope = custom_object_scope
