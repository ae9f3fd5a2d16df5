"""Primitives that a network's step spends its time in: several NumPy calls made one operation.

    linear     x·Wᵀ + b                          softmax, log_softmax, logsumexp
    cross_entropy   −mean log softmax at labels  mse   mean (a − b)²
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy import add, exp, log, maximum

from ..errors import DTypeError, LabelError, ShapeError
from .primitive import primitive

Array = Any


@primitive
def linear(x: Array, w: Array, b: Array) -> Array:
    """Map rows x (..., D) by weights w (M, D) and a bias b (M,) or None: x·wᵀ + b, (..., M)."""
    if x.ndim == 2:
        y = x.dot(w.T)
    else:
        y = np.matmul(x, w.T)
    if b is None:
        return y
    if y.dtype is b.dtype and y.ndim > 1:
        y += b
        return y
    return y + b


@primitive
def rows(x: Array) -> Array:
    """View x (..., D) as a matrix of rows (N, D)."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


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
    with np.errstate(divide="ignore"):
        y = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return y if keepdims else np.squeeze(y, axis)


@primitive
def cross_entropy(z: Array, t: Array) -> Array:
    """Give the mean over N rows of −log softmax(z) at the labels t.

    z: logits (N, K).  t: class indices (N,), integers from 0 to K − 1.  Returns a scalar.
    Raises LabelError for a label outside, ShapeError where the shapes do not fit.
    """
    return cross_entropy_recorded(z, t)[0]


def cross_entropy_recorded(z: Array, t: Array) -> tuple[Array, Array]:
    """Give the loss and its derivative (softmax(z) − one_hot(t)) / N, of z's shape.

    A reduction along a short axis is NumPy's weak spot (9 µs for 200 rows of 2), so the work is
    done with the class axis first; the derivative comes back as a transposed view.
    """
    if z.ndim != 2 or t.shape != z.shape[:1] or z.size == 0:
        raise ShapeError("labels_shape", z=z.shape, t=t.shape)
    n, k = z.shape
    x = z.T.astype(z.dtype if z.dtype.itemsize >= 4 else np.float32, order="C")
    places = label_places(t, n, k)
    x -= maximum.reduce(x, 0)
    line = x.reshape(-1)
    picked = line.take(places)
    exp(x, out=x)
    total = add.reduce(x, 0)
    x /= total
    line[places] -= 1
    x *= 1 / n
    log(total, out=total)
    total -= picked
    y = add.reduce(total) / n
    if x.dtype is z.dtype:
        return y, x.T
    return y.astype(z.dtype), x.T.astype(z.dtype)


_counts: OrderedDict[int, Array] = OrderedDict()


def label_places(t: Array, n: int, k: int) -> Array:
    """Give the place of each row's label in a flat (K, N) array, and refuse labels outside."""
    count = _counts.get(n)
    if count is None:
        count = _counts[n] = np.arange(n)
        if len(_counts) > 64:
            _counts.popitem(last=False)
    if t.dtype.kind not in "iu":
        raise DTypeError("labels_dtype", dtype=t.dtype)
    # read as unsigned, a negative label is a large one
    if maximum.reduce(t.view(_UNSIGNED[t.dtype.itemsize])) >= k:
        place = int(np.flatnonzero((t < 0) | (t >= k))[0])
        raise LabelError("label_range", label=int(t[place]), place=place, classes=k)
    return t * n + count


_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


@primitive
def minus_one_hot(p: Array, t: Array) -> Array:
    """Subtract 1 from p (N, K) at each row's label: p − one_hot(t)."""
    y = p.copy()
    y[np.arange(len(t)), t] -= 1
    return y


@primitive
def mse(a: Array, b: Array) -> Array:
    """Give the mean of (a − b)² over all elements; a and b of one shape."""
    return mse_recorded(a, b)[0]


def mse_recorded(a: Array, b: Array) -> tuple[Array, Array]:
    """Give the mean square and the difference, which its derivative needs."""
    d = np.asarray(a - b)
    if d.dtype.kind == "f" and d.dtype.itemsize >= 4:
        line = d.reshape(-1)
        return line.dot(line) / d.dtype.type(d.size), d
    return np.mean(np.square(d)), d
