"""Penalties on weights or outputs, added to the loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.arguments import tensor_of
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, ShapeError
from ..nn import functional
from . import absent
from .config import epsilon
from .identifiers import Configured, Table, named


class Regularizer(Configured):
    """What every regularizer is: called with weights, it gives a number to add to the loss."""

    def __call__(self, x: Any) -> Any:
        """Give the penalty. A subclass writes it."""
        raise ArgumentError("keras_method", owner=type(self).__name__, method="__call__(x)")


def _factor(owner: str, name: str, value: Any) -> float:
    """Read a factor. Raises OptionError unless it is a number ≥ 0."""
    fine = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not fine or not math.isfinite(value) or value < 0:
        raise OptionError("keras_range", owner=owner, name=name, wants=f"0 ≤ {name}", given=value)
    return float(value)


class L1(Regularizer):
    """l1 · Σ|x|."""

    _options = ("l1",)

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("L1", "l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Tensor:
        """Give the penalty."""
        return tensor_of(x).abs().sum() * self.l1


class L2(Regularizer):
    """l2 · Σx².

    >>> from tinygrad_jp import keras
    >>> float(keras.regularizers.L2(0.5)([1.0, 2.0]))
    2.5
    """

    _options = ("l2",)

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("L2", "l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Tensor:
        """Give the penalty."""
        return tensor_of(x).square().sum() * self.l2


class L1L2(Regularizer):
    """l1 · Σ|x| + l2 · Σx²."""

    _options = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor("L1L2", "l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("L1L2", "l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Tensor:
        """Give the penalty."""
        x = tensor_of(x)
        penalty = Tensor(np.zeros((), x.dtype))
        if self.l1:
            penalty = penalty + x.abs().sum() * self.l1
        if self.l2:
            penalty = penalty + x.square().sum() * self.l2
        return penalty


class OrthogonalRegularizer(Regularizer):
    """factor times the mean |cosine| between two rows (or columns) of a matrix.

    mode: "rows" or "columns".
    """

    _options = ("factor", "mode")

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise OptionError(
                "no_choice", op="OrthogonalRegularizer", name="mode", given=mode,
                choices="'rows', 'columns'",
            )
        self.factor = _factor("OrthogonalRegularizer", "factor", factor)
        self.mode = mode

    def __call__(self, inputs: Any) -> Tensor:
        """Give the penalty. Raises ShapeError for what is no matrix."""
        x = tensor_of(inputs)
        if x.ndim != 2:
            raise ShapeError(
                "init_dimensions", name="OrthogonalRegularizer", wanted="2", shape=x.shape
            )
        if self.mode == "columns":
            x = x.T
        x = functional.normalize(x, 2.0, 1, epsilon())
        size = x.shape[0]
        others = x.dtype.type(1) - np.eye(size, dtype=x.dtype)
        pairs = size * (size - 1.0) / 2.0
        return ((x @ x.T) * others).abs().sum() * (self.factor * 0.5 / pairs)  # type: ignore[no-any-return]


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

table = Table("keras.regularizers", named(
    Regularizer, L1, L2, L1L2, OrthogonalRegularizer, l1_l2=L1L2,
))
get, serialize, deserialize = table.get, table.serialize, table.deserialize

__getattr__ = absent.refusal("keras.regularizers")
