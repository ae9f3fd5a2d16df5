"""What is done to gradients before a step, and to weights after it: clipping, moving averages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..autograd.memory import all_changed
from ..autograd.tensor import Tensor
from .at_once import Call, at_once

Array = Any


def clipped_by_value(grads: Sequence[Array], limit: float) -> list[Array]:
    """Keep every element between −limit and limit."""
    return [np.clip(g, -limit, limit) for g in grads]


def clipped_by_norm(grads: Sequence[Array], limit: float) -> list[Array]:
    """Scale each gradient whose norm is above the limit down to it."""
    return [g * (limit / np.maximum(_norm([g]), limit)) for g in grads]


def clipped_by_global_norm(grads: Sequence[Array], limit: float) -> list[Array]:
    """Scale all gradients alike, if their common norm is above the limit.

    A NaN or an infinity makes them all NaN.
    """
    norm = _norm(grads)
    factor = np.where(np.isfinite(norm), limit / np.maximum(norm, limit), np.nan).astype(norm.dtype)
    return [g * factor for g in grads]


def _norm(grads: Sequence[Array]) -> Array:
    """Give the norm of all together, a 0-d array of their dtype."""
    return np.sqrt(sum(np.square(g).sum() for g in grads))


class MovingAverage:
    """The exponential moving average of parameters.

    momentum: the share of the old average that stays at each update.
    """

    def __init__(self, params: Sequence[Tensor], momentum: float = 0.99) -> None:
        self.params = list(params)
        self.momentum = momentum
        self.averages: list[Array] = [np.zeros_like(p._data) for p in self.params]

    def update(self, is_first: bool = False) -> None:
        """Move the averages towards the present values, the first time all the way."""
        at_once(self.updating(is_first))

    def updating(self, is_first: bool = False) -> list[Call]:
        """List the calls that do so: by the values there are when they are made."""
        kept = 0.0 if is_first else self.momentum
        calls: list[Call] = []
        for average, p in zip(self.averages, self.params, strict=True):
            fresh = np.empty_like(average)
            calls += [
                partial(np.multiply, average, kept, average),
                partial(np.multiply, p._data, 1 - kept, fresh),
                partial(np.add, average, fresh, average),
            ]
        return calls

    def put_in(self) -> None:
        """Set the parameters to their averages."""
        at_once(self.putting_in())

    def putting_in(self) -> list[Call]:
        """List the calls that do so."""
        all_changed([p._data for p in self.params])
        return [
            partial(p._data.__setitem__, ..., average)
            for average, p in zip(self.averages, self.params, strict=True)
        ]
