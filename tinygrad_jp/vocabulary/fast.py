"""The same NumPy functions, faster on plain arrays.

NumPy's Python-level wrappers cost more than a whole small operation (np.mean 7 µs, broadcast_to 3,
sum 3), so where the engine knows that it holds plain ndarrays it reads a rule with `np` bound to
`fast_np`: the same names, the same results, no wrapper. `tests/unit/vocabulary` holds each to
NumPy's own.
"""

from __future__ import annotations

from collections import OrderedDict
from math import prod as prod_of
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy import empty, ndarray

from ..errors import OptionError
from .primitive import raw
from .rule import Function

Array = Any  # an ndarray of any dtype; NumPy's own generics say no more here
# bound once: looking `reduce` up costs as much as checking its arguments
add_reduce: Any = np.add.reduce
multiply_reduce: Any = np.multiply.reduce
maximum_reduce: Any = np.maximum.reduce
minimum_reduce: Any = np.minimum.reduce
_ones: OrderedDict[tuple[int, int], Array] = OrderedDict()


def ones(size: int, like: Array) -> Array:
    """Give a read-only vector of ones in the dtype of `like`, kept for the next call (64 sizes)."""
    key = (size, like.itemsize)  # among floats the size tells the dtype, and costs less to look up
    vector = _ones.get(key)
    if vector is None:
        vector = np.ones(size, like.dtype)
        vector.flags.writeable = False
        if size <= 65536:
            _ones[key] = vector
        if len(_ones) > 64:
            _ones.popitem(last=False)
    return vector


def sum_rows(x: Array) -> Array:
    """Sum a matrix over its first axis; a product with ones is 4 times faster on few columns."""
    rows, columns = x.shape
    if columns <= 256 and type(x) is ndarray and x.dtype.char in "fd":
        return ones(rows, x).dot(x)
    return add_reduce(x, 0)


def sum(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Do as np.sum."""
    return add_reduce(x, axis, None, None, keepdims)


def prod(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Do as np.prod."""
    return multiply_reduce(x, axis, None, None, keepdims)


def max(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Do as np.max."""
    return maximum_reduce(x, axis, None, None, keepdims)


def min(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Do as np.min."""
    return minimum_reduce(x, axis, None, None, keepdims)


def mean(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Do as np.mean; half precision is summed in float32."""
    if x.dtype.kind != "f" or x.dtype.itemsize < 4 or x.size == 0 or x.ndim == 0:
        return np.mean(x, axis, keepdims=keepdims)  # half precision sums in float32
    y = add_reduce(x, axis, None, None, keepdims)
    y /= x.size // (y.size or 1)
    return y


def broadcast_to(x: Array, shape: Any) -> Array:
    """Do as np.broadcast_to; a small result is an array of its own."""
    shape = (shape,) if isinstance(shape, int) else shape
    if prod_of(shape) > 65536:
        return np.broadcast_to(x, shape)  # a view: no memory
    y = empty(shape, x.dtype)
    y[...] = x
    return y


def expand_dims(x: Array, axis: Any) -> Array:
    """Do as np.expand_dims."""
    if type(axis) is int:
        at = axis if axis >= 0 else axis + x.ndim + 1
        if 0 <= at <= x.ndim:
            return x.reshape(x.shape[:at] + (1,) + x.shape[at:])
    return np.expand_dims(x, axis)


def reshape(x: Array, shape: Any, order: str = "C") -> Array:
    """Do as np.reshape; orders "A" and "K", which depend on the memory layout, are refused."""
    if order == "C":
        return x.reshape(shape)
    if order != "F":
        raise OptionError("memory_order", given=order)
    return x.reshape(shape, order="F")


def transpose(x: Array, axes: Any = None) -> Array:
    """Do as np.transpose."""
    return x.transpose(axes)


def swapaxes(x: Array, axis1: int, axis2: int) -> Array:
    """Do as np.swapaxes."""
    return x.swapaxes(axis1, axis2)


def matmul(a: Array, b: Array) -> Array:
    """Do as np.matmul."""
    if a.ndim == 2 and b.ndim == 2:
        return a.dot(b)
    return np.matmul(a, b)


def ones_like(x: Array) -> Array:
    """Do as np.ones_like of a plain array."""
    y = empty(x.shape, x.dtype)
    y.fill(1)
    return y


FAST: dict[Function, Function] = {
    np.sum: sum, np.prod: prod, np.max: max, np.min: min, np.mean: mean,
    np.broadcast_to: broadcast_to, np.expand_dims: expand_dims, np.reshape: reshape,
    np.transpose: transpose, np.swapaxes: swapaxes, np.matmul: matmul,
}

fast_np = ModuleType("numpy")
vars(fast_np).update(vars(np))
vars(fast_np).update({f.__name__: quick for f, quick in FAST.items()})


_PACKAGE = __name__.partition(".")[0] + "."


def at_speed(fn: Any) -> Any:
    """Read a rule's function for plain arrays: the same code, `np` and primitives bound fast.

    A rule from outside this package stays as it is: a variable that it uses may change later.
    """
    if not (fn.__module__ or "").startswith(_PACKAGE):
        return fn
    scope = {
        name: FAST.get(value, value) if value in FAST else raw(value)
        for name, value in fn.__globals__.items()
        if callable(value) and getattr(value, "__hash__", None)
    }
    scope = {**fn.__globals__, **scope, "np": fast_np}
    quick = FunctionType(fn.__code__, scope, fn.__name__, fn.__defaults__, fn.__closure__)
    quick.__kwdefaults__ = fn.__kwdefaults__
    return quick
