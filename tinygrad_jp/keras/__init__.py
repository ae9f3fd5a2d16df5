"""Keras 3's names and defaults over nn, optim and train: a Keras program runs as written.

>>> from tinygrad_jp import keras
>>> loss = keras.losses.MeanSquaredError()
>>> float(loss([[0.0, 1.0]], [[1.0, 1.0]]))
0.5

No mathematics lives here: a loss is a name for one of `train.row_losses`, an optimizer for one of
`optim`. What Keras has and this package does not says so, and what to use instead (`absent.py`).
Imports everything below; nothing imports it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from . import absent

__version__ = "3.15.1"  # the Keras whose numbers the tests hold this front to

MODULES = (
    "activations", "backend", "callbacks", "config", "constraints", "datasets", "initializers",
    "layers", "losses", "metrics", "models", "ops", "optimizers", "preprocessing", "random",
    "regularizers", "saving", "utils",
)
NAMES = {
    "constraints": "Constraint",
    "initializers": "Initializer",
    "layers": "Input Layer",
    "losses": "Loss",
    "metrics": "Metric",
    "models": "Model Sequential",
    "optimizers": "Optimizer",
    "regularizers": "Regularizer",
    "symbolic": "KerasTensor",
    "variable": "Variable",
}
_HOME = {name: module for module, names in NAMES.items() for name in names.split()}

__all__ = [*MODULES, *_HOME]


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        globals()[name] = getattr(import_module(f".{_HOME[name]}", __name__), name)
        return globals()[name]
    raise absent.error("keras", name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
