"""The operations of a Program that are not NumPy functions as they stand.

Each takes arrays by position and the rest by name, so that every instruction is evaluated alike:
fn(*arrays, **static). Views come first: they move no data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GuardError

Array = Any


def reshape(x: Array, shape: tuple[int, ...]) -> Array:
    """Give x in another shape, in C order."""
    return x.reshape(shape)


def transpose(x: Array, axes: tuple[int, ...]) -> Array:
    """Give x with its axes in another order."""
    return x.transpose(axes)


def broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    """Give x repeated along axes that it lacks, or where its length is 1."""
    return np.broadcast_to(x, shape)


def getitem(x: Array, index: tuple[Any, ...]) -> Array:
    """Give a part of x: `index` has slices and integers only."""
    return x[index]


def astype(x: Array, dtype: Any) -> Array:
    """Give x in another dtype."""
    return x.astype(dtype)


def concatenate(*xs: Array, axis: int) -> Array:
    """Join arrays along an axis."""
    return np.concatenate(xs, axis)


def put(x: Array, value: Array, index: tuple[Any, ...]) -> Array:
    """Give x with `value` in the part that `index` (slices and integers) names."""
    y = x.copy()
    y[index] = value
    return y


def assume(x: Array) -> None:
    """Go on only if all of x holds; else the call is left to the eager engine, which knows why.

    An instruction without a result. Raises GuardError.
    """
    if not np.all(x):
        raise GuardError("compile_assume")


def draw(method: str, arguments: tuple[Any, ...], dtype: Any, shape: tuple[int, ...]) -> Array:
    """Draw random numbers from the generator in force, as eager code would at this place.

    method: of numpy.random.Generator; arguments: those before the shape.
    """
    from ..autograd.random import generator

    call = getattr(generator(), method)
    if method in ("random", "standard_normal", "standard_exponential"):
        return np.asarray(call(shape, dtype))
    return np.asarray(call(*arguments, size=shape)).astype(dtype, copy=False)


VIEWS = (reshape, transpose, broadcast, getitem)
