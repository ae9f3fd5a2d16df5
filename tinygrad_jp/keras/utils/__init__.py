"""Keras's small tools: pictures of models, one-hot labels, seeds, splits, batches of one's own.

`arrays.py` has what works on data, `picture.py` plot_model.
"""

from __future__ import annotations

from .. import absent
from ..backend import clear_session
from ..identifiers import forget_names
from ..saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from .arrays import (
    PyDataset,
    Sequence,
    normalize,
    pad_sequences,
    set_random_seed,
    split_dataset,
    to_categorical,
)
from .picture import model_to_dot, plot_model

__all__ = [
    "CustomObjectScope", "PyDataset", "Sequence", "clear_session", "custom_object_scope",
    "deserialize_keras_object", "forget_names", "get_custom_objects", "get_registered_name",
    "get_registered_object", "model_to_dot", "normalize", "pad_sequences", "plot_model",
    "register_keras_serializable", "serialize_keras_object", "set_random_seed", "split_dataset",
    "to_categorical",
]

__getattr__ = absent.refusal("keras.utils")
