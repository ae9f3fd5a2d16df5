"""Primitives that a network's step spends its time in: several NumPy calls made one operation.

    linear     x·Wᵀ + b                          softmax, log_softmax, logsumexp
    cross_entropy   −mean log softmax at labels  mse   mean (a − b)²
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy import add, divide, exp, log, maximum, ndarray, subtract

from ..errors import DTypeError, LabelError, ShapeError
from . import fast
from .fast import add_reduce, maximum_reduce
from .primitive import primitive
from .quiet import quietly

Array = Any


@primitive
def linear(x: Array, w: Array, b: Array | None = None) -> Array:
    """Map rows x (..., D) by weights w (M, D) and a bias b (M,) or None: x·wᵀ + b, (..., M)."""
    if x.ndim == 2:
        if w.shape[0] <= 16 and x.shape[0] >= 64:
            # many short rows: a ufunc pays for each row, so they are laid out column by column
            y = w.dot(x.T)
            if b is not None:
                y = add(y, b[:, None], y if y.dtype is b.dtype else None)
            return y.T
        y = x.dot(w.T)
    else:
        y = np.matmul(x, w.T)
    if b is None:
        return y
    return add(y, b, y if y.dtype is b.dtype and y.ndim > 1 else None)


@primitive
def sum_rows(a: Array) -> Array:
    """Sum all rows of a (..., M): (M,)."""
    return fast.sum_rows(a if a.ndim == 2 else a.reshape(-1, a.shape[-1]))


@primitive
def sum_outer(a: Array, b: Array) -> Array:
    """Sum over all rows the outer products of a (..., M) and b (..., D): aᵀ·b, (M, D).

    Column by column, as nn.Linear keeps its weight: BLAS shares the product out among threads by
    the rows of what it writes, and D is the longer side where it matters.
    """
    if a.ndim == 2:
        return b.T.dot(a).T
    return b.reshape(-1, b.shape[-1]).T.dot(a.reshape(-1, a.shape[-1])).T


@primitive
def softmax(x: Array, axis: int) -> Array:
    """Give eˣ / Σ eˣ along an axis, shifted so that nothing overflows."""
    if x.size == 0:
        return x * 1.0
    y = exp(x - maximum.reduce(x, axis, keepdims=True))
    y /= add.reduce(y, axis, keepdims=True)
    return y


@primitive
def log_softmax(x: Array, axis: int) -> Array:
    """Give x − log Σ eˣ along an axis, shifted so that nothing overflows."""
    if x.size == 0:
        return x * 1.0
    y = x - maximum.reduce(x, axis, keepdims=True)
    y -= log(add.reduce(exp(y), axis, keepdims=True))
    return y


@primitive
def logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """Give log Σ eˣ, safe for large and for −∞ x."""
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros_like(top))
    y = quietly(np.log, np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top  # of 0 for −∞
    return y if keepdims else np.squeeze(y, axis)


@primitive
def cross_entropy(z: Array, t: Array) -> Array:
    """Give the mean over N rows of −log softmax(z) at the labels t.

    z: logits (N, K).  t: class indices (N,), integers from 0 to K − 1.  Returns a scalar.
    Raises LabelError for a label outside, ShapeError where the shapes do not fit.
    """
    return cross_entropy_recorded.raw(z, t)[0]  # type: ignore[attr-defined]


@primitive
def cross_entropy_recorded(z: Array, t: Array) -> tuple[Array, Array]:
    """Give the loss and its derivative (softmax(z) − one_hot(t)) / N, of z's shape.

    A reduction along a short axis is NumPy's weak spot (9 µs for 200 rows of 2), so the work is
    done with the class axis first; the derivative comes back as a transposed view.
    """
    if z.ndim != 2 or t.shape != z.shape[:1] or z.size == 0:
        raise ShapeError("labels_shape", z=z.shape, t=t.shape)
    n, k = z.shape
    if z.dtype.itemsize < 4:
        y, slope = cross_entropy_recorded.raw(z.astype(np.float32), t)  # type: ignore[attr-defined]
        return y.astype(z.dtype), slope.astype(z.dtype)
    places = label_places(t, n, k)
    x = z.T
    x = subtract(x, maximum_reduce(x, 0), order="C")
    line = x.reshape(-1)
    picked = line.take(places)
    exp(x, x)
    total = add_reduce(x, 0)
    divide(x, total * n, x)
    line[places] -= 1 / n
    ones = fast.ones(n, x) if type(x) is ndarray else np.ones_like(total)
    return (log(total, total).dot(ones) - picked.dot(ones)) / n, x.T


_counts: OrderedDict[int, Array] = OrderedDict()


def label_places(t: Array, n: int, k: int) -> Array:
    """Give the place of each row's label in a flat (K, N) array, and refuse labels outside."""
    count = _counts.get(n) if type(t) is np.ndarray else np.arange(n, like=t)
    if count is None:
        count = np.arange(n)
        if n <= 65536:
            _counts[n] = count
        if len(_counts) > 64:
            _counts.popitem(last=False)
    unsigned = _UNSIGNED.get(t.dtype.char)
    if unsigned is None:
        raise DTypeError("labels_dtype", dtype=t.dtype)
    if maximum_reduce(t.view(unsigned)) >= k:  # so read, a negative label is a large one
        place = int(np.flatnonzero((t < 0) | (t >= k))[0])
        raise LabelError("label_range", label=int(t[place]), place=place, classes=k)
    if t.dtype is not INTP:
        t = t.astype(INTP)
    return t * n + count


INTP = np.dtype(np.intp)
_UNSIGNED = {c: np.dtype(c.upper()) for c in "bhilqBHILQ"}


@primitive
def minus_one_hot(p: Array, t: Array) -> Array:
    """Subtract 1 from p (N, K) at each row's label: p − one_hot(t)."""
    y = p.copy()
    y[np.arange(len(t), like=t), t] -= 1
    return y


@primitive
def mse(a: Array, b: Array) -> Array:
    """Give the mean of (a − b)² over all elements; a and b of one shape."""
    return mse_recorded(a, b)[0]


def mse_recorded(a: Array, b: Array) -> tuple[Array, Array]:
    """Give the mean square and the difference, which its derivative needs."""
    d = a - b
    if isinstance(d, np.generic):
        d = np.asarray(d)
    if d.dtype.kind == "f" and d.dtype.itemsize >= 4:
        line = d.reshape(-1)
        return line.dot(line) / d.size, d
    return np.mean(np.square(d)), d
