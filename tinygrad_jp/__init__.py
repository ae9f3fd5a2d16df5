"""tinygrad_jp: an autograd micro-framework on NumPy.

>>> import tinygrad_jp as tj
>>> w = tj.tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> loss = (w**2).sum()
>>> loss.backward()
>>> w.grad
tensor([2., 4., 6.])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .autograd.tensor import Tensor as Tensor
from .vocabulary.rule import REGISTRY

if TYPE_CHECKING:
    from . import graph as graph
    from . import nn as nn
    from . import optim as optim

REGISTRY.pending = lambda: import_module(".rules", __name__)  # at the first operation

_LAZY = {"nn": "nn", "optim": "optim", "graph": "graph"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return import_module(f".{_LAZY[name]}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
