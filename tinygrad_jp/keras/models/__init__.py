"""Models: of inputs and outputs, of one layer after another, or with a `call` of one's own.

`functional.py` is the graph of layers, `model.py` and `sequential.py` the classes, `trainer.py`
what they have beside a Layer: compile, fit, evaluate, predict, over `train`. `compiling.py`
resolves what compile was told, `feeding.py` what fit was given, `task.py` is the step.
"""

from __future__ import annotations

from typing import Any

from .. import absent
from .model import Model
from .rebuilding import clone_model
from .sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]


def save_model(model: Model, filepath: Any, overwrite: bool = True, **more: Any) -> None:
    """Save a model as one .keras file (see Model.save)."""
    model.save(filepath, overwrite, **more)


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, **more: Any) -> Any:
    """Make the model that `save` has written, with its weights (see keras.saving.load_model)."""
    from .. import saving

    return saving.load_model(filepath, custom_objects, compile, **more)


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """Make the model that `to_json` described; its weights are new."""
    import json

    from .. import saving

    return saving.deserialize_keras_object(json.loads(json_string), custom_objects)


__getattr__ = absent.refusal("keras.models")
