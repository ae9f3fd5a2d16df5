"""Functions that take functions: applied along an axis, over axes, or after a shape of another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..vocabulary.domain import call
from ..vocabulary.rule import composite

Array = Any


@composite(
    np.apply_along_axis, about="a function of every vector along an axis",
    samples=lambda s: [
        call(np.sum, 1, s(2, 3)), call(np.cumsum, 0, s(2, 3)), call(np.diag, 0, s(2, 3)),
        call(np.sort, -1, s.distinct(2, 2, 3)),
    ],
)
def apply_along_axis(func1d: Any, axis: int, arr: Array, *args: Any, **kwargs: Any) -> Array:
    """Apply a function to every vector along an axis."""
    axis = axis % arr.ndim
    rows = np.moveaxis(arr, axis, -1)
    head = rows.shape[:-1]
    flat = np.reshape(rows, (math.prod(head), rows.shape[-1]))
    made = [func1d(flat[i], *args, **kwargs) for i in range(flat.shape[0])]
    y = np.stack(made)
    y = np.reshape(y, head + y.shape[1:])
    more = list(range(len(head), y.ndim))
    return np.moveaxis(y, more, [axis + i for i in range(len(more))])


@composite(
    np.apply_over_axes, about="a function over one axis after another",
    samples=lambda s: [call(np.sum, s(2, 3, 4), [0, 2]), call(np.cumsum, s(2, 3), 1)],
)
def apply_over_axes(func: Any, a: Array, axes: Any) -> Array:
    """Apply a reduction over several axes, one after another, keeping them with length 1."""
    for axis in np.atleast_1d(np.asarray(axes)).tolist():
        axis = axis % a.ndim
        y = func(a, axis)
        a = y if y.ndim == a.ndim else np.expand_dims(y, axis)
    return a
