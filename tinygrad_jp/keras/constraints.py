"""What weights are brought back to after each step."""

from __future__ import annotations

from typing import Any

from ..autograd.arguments import tensor_of
from ..autograd.functions import clip, maximum, sqrt
from ..autograd.tensor import Tensor
from ..errors import ArgumentError
from . import absent
from .config import epsilon
from .identifiers import Configured, Table, named


class Constraint(Configured):
    """What every constraint is: called with weights, it gives weights that keep to it."""

    def __call__(self, w: Any) -> Any:
        """Give the nearest weights allowed. A subclass writes it."""
        raise ArgumentError("keras_method", owner=type(self).__name__, method="__call__(w)")


def _norms(w: Tensor, axis: Any) -> Tensor:
    return sqrt(w.square().sum(axis, keepdims=True))


class NonNeg(Constraint):
    """No weight below zero."""

    def __call__(self, w: Any) -> Tensor:
        """Set negative weights to 0."""
        return maximum(tensor_of(w), 0.0)


class UnitNorm(Constraint):
    """Norm 1 along `axis`: 0 is each unit of a Dense kernel."""

    _options = ("axis",)

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Tensor:
        """Divide by the norms."""
        w = tensor_of(w)
        return w / (_norms(w, self.axis) + epsilon())  # type: ignore[no-any-return]


class MinMaxNorm(Constraint):
    """Norms along `axis` between min_value and max_value; rate: how much of the way at a step."""

    _options: tuple[str, ...] = ("min_value", "max_value", "rate", "axis")

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0
    ) -> None:
        self.min_value, self.max_value, self.rate = min_value, max_value, rate
        self.axis = axis

    def __call__(self, w: Any) -> Tensor:
        """Scale what is longer or shorter."""
        w = tensor_of(w)
        norms = _norms(w, self.axis)
        wanted = clip(norms, self.min_value, self.max_value)
        if self.rate != 1:
            wanted = wanted * self.rate + norms * (1 - self.rate)
        return w * (wanted / (norms + epsilon()))  # type: ignore[no-any-return]


class MaxNorm(MinMaxNorm):
    """Norms along `axis` of at most max_value."""

    _options = ("max_value", "axis")

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        super().__init__(0.0, max_value, 1.0, axis)


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm

table = Table("keras.constraints", named(Constraint, MaxNorm, NonNeg, UnitNorm, MinMaxNorm))
get, serialize, deserialize = table.get, table.serialize, table.deserialize

__getattr__ = absent.refusal("keras.constraints")
