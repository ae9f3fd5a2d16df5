"""What composites make of what they are given: numbers, lists, arrays that only steer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..vocabulary.primitives import beside, sum_to

Array = Any
Shape = tuple[int, ...]


def values_of(value: Any, own: bool = False) -> Array:
    """Give the plain values of what has no derivative: a mask, indices, spacings.

    own: copy an array of the user's, to be kept in the graph.
    Raises GradientError for a Tensor that requires a gradient, which would be lost.
    """
    if getattr(value, "_node", None) is not None:
        return np.asarray(value)  # raises, and says what to do
    value = getattr(value, "_data", value)
    if not hasattr(value, "shape"):
        return np.asarray(value)
    return value.copy() if own and isinstance(value, np.ndarray) else value


def pair(a: Any, b: Any) -> tuple[Array, Array]:
    """Make arrays of two arguments, of which one may be a number or a list."""
    return array(a, b), array(b, a)


def array(value: Any, x: Any) -> Array:
    """Make an array of a number or a list, beside x and, if it holds numbers, in x's dtype."""
    if hasattr(value, "shape"):
        return value
    kind = np.asarray(value).dtype
    return beside(value, x, x.dtype if kind.kind in "iuf" else kind)


def fitted(h: Array, shape: Shape) -> Array:
    """Sum a gradient back to the shape of an argument that was broadcast."""
    if h.shape == shape:
        return h
    missing = len(shape) - h.ndim  # set_at takes a value of shape (1, 3) for a place of (2, 3)
    return np.reshape(sum_to(h, shape[max(missing, 0) :]), shape)
