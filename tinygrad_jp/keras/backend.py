"""keras.backend: what is left of it in Keras 3, the settings."""

from __future__ import annotations

from . import absent
from .config import backend as backend
from .config import epsilon as epsilon
from .config import floatx as floatx
from .config import image_data_format as image_data_format
from .config import set_epsilon as set_epsilon
from .config import set_floatx as set_floatx
from .config import standardize_dtype as standardize_dtype
from .identifiers import forget_names


def clear_session(free_memory: bool = True) -> None:
    """Count the names of layers from the start again; Python itself frees graphs."""
    forget_names()


__getattr__ = absent.refusal("keras.backend")
