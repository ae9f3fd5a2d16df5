"""Keras's layers over nn: built at their first call, without mathematics of their own.

To add one, write a class in the file of its family (`_options` names its arguments) and list it
here. What Keras has and this package does not says so, and what to use instead.
"""

from __future__ import annotations

from typing import Any

from .. import absent
from ..layer import Layer
from .activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .custom import Identity, Lambda, Rescaling
from .dense import Dense, Embedding, Input, InputLayer
from .merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    multiply,
    subtract,
)
from .merging import largest as maximum
from .merging import smallest as minimum
from .normalization import (
    BatchNormalization,
    LayerNormalization,
    Normalization,
    UnitNormalization,
)
from .operation import Operation
from .regularization import ActivityRegularization, Dropout, GaussianDropout, GaussianNoise
from .reshaping import (
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Permute,
    RepeatVector,
    Reshape,
)

GlobalAvgPool1D = GlobalAveragePooling1D
GlobalMaxPool1D = GlobalMaxPooling1D

__all__ = [
    "ELU", "Activation", "ActivityRegularization", "Add", "Average", "BatchNormalization",
    "Concatenate", "Dense", "Dot", "Dropout", "Embedding", "Flatten", "GaussianDropout",
    "GaussianNoise", "GlobalAveragePooling1D", "GlobalAvgPool1D", "GlobalMaxPool1D",
    "GlobalMaxPooling1D", "Identity", "Input", "InputLayer", "Lambda", "Layer",
    "LayerNormalization", "LeakyReLU", "Maximum", "Minimum", "Multiply", "Normalization",
    "Operation", "PReLU", "Permute", "ReLU", "RepeatVector", "Rescaling", "Reshape", "Softmax",
    "Subtract", "UnitNormalization", "add", "average", "concatenate", "deserialize", "dot",
    "maximum", "minimum", "multiply", "serialize", "subtract",
]


def serialize(layer: Any) -> dict[str, Any]:
    """Give the config of a layer, with its class's name: what `deserialize` takes."""
    from ..saving import serialize_keras_object

    return serialize_keras_object(layer)  # type: ignore[no-any-return]


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Make the layer that `serialize` described."""
    from ..saving import deserialize_keras_object

    return deserialize_keras_object(config, custom_objects)


__getattr__ = absent.refusal("keras.layers")
