"""Logarithms of probabilities that stay finite, and the loss made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .primitive import primitive

Array = Any
LOWEST = -100.0  # a logarithm is no lower, so that a loss stays finite: PyTorch's bound too


@primitive
def bounded_log(x: Array) -> Array:
    """Give log x, but no less than −100, at x = 0 too."""
    positive = x > 0
    return np.maximum(np.where(positive, np.log(np.where(positive, x, 1)), LOWEST), LOWEST)


@primitive
def binary_entropy(a: Array, b: Array) -> Array:
    """Give −b·log a − (1 − b)·log(1 − a), each logarithm at least −100."""
    return (b - 1) * bounded_log(1 - a) - b * bounded_log(a)
