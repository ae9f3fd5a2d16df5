"""Models as configs and as files: JSON and arrays in safetensors, nothing that is ever executed.

`configs.py` turns layers, models and what compile was told into JSON's kinds of values and back;
`archive.py` writes and reads files, `hdf5.py` those of weights in Keras's own layout.
"""

from __future__ import annotations

from .. import absent
from .archive import (
    check_path,
    load_model,
    load_weights,
    save_model,
    save_weights,
)
from .configs import (
    CustomObjectScope,
    compile_arguments,
    compile_config,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

__all__ = [
    "CustomObjectScope", "check_path", "compile_arguments", "compile_config",
    "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "load_model", "load_weights",
    "register_keras_serializable", "save_model", "save_weights", "serialize_keras_object",
]

__getattr__ = absent.refusal("keras.saving")
