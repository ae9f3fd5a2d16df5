"""Primitives of networks: softmax, losses, activations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...vocabulary import activations, layers, normalization, primitives
from ...vocabulary.primitive import raw
from ...vocabulary.rule import Function
from ..trace import LOWERED, WHOLE, reduced
from .entering import lowers, tape_of
from .joining import where
from .sums import mean
from .views import astype, reshape, squeeze

Array = Any

@lowers(layers.softmax)
def softmax(x: Any, axis: int) -> Any:
    """Give eˣ / Σ eˣ."""
    y = np.exp(x - reduced(np.max, x, axis, True))
    return y / reduced(np.sum, y, axis, True)


@lowers(layers.log_softmax)
def log_softmax(x: Any, axis: int) -> Any:
    """Give x − log Σ eˣ."""
    y = x - reduced(np.max, x, axis, True)
    return y - np.log(reduced(np.sum, np.exp(y), axis, True))


@lowers(layers.logsumexp)
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Give log Σ eˣ."""
    top = reduced(np.max, x, axis, True)
    top = where(np.isfinite(top), top, x.tape.constant(np.zeros((), x.dtype)))
    total = reduced(np.sum, np.exp(x - top), axis, True)
    y = np.log(total) + top
    return y if keepdims else squeeze(y, axis)


@lowers(layers.cross_entropy)
def cross_entropy(z: Any, t: Any) -> Any:
    """Give the mean of −log softmax at the labels."""
    return cross_entropy_recorded(z, t)[0]


@lowers(layers.cross_entropy_recorded)
def cross_entropy_recorded(z: Any, t: Any) -> Any:
    """Give the loss, and its derivative (softmax(z) − one_hot(t)) / N."""
    tape = tape_of(z, t)
    z, t = tape.taken(z), tape.taken(t)
    raw(layers.cross_entropy_recorded)(z.host, t.host)  # complains, if there is reason to
    if z.dtype == np.float16:
        y, slope = cross_entropy_recorded(z.astype(np.float32), t)
        return y.astype(z.dtype), slope.astype(z.dtype)
    n, k = z.shape
    tape.assume(np.all((t >= 0) & (t < k)))
    hot = reshape(t, (n, 1)) == tape.constant(np.arange(k, dtype=t.dtype).reshape(1, k))
    x = z - reduced(np.max, z, 1, True)
    e = np.exp(x)
    total = reduced(np.sum, e, 1, True)
    picked = where(hot, x, tape.constant(np.zeros((), z.dtype)))
    loss = (reduced(np.sum, np.log(total), None) - reduced(np.sum, picked, None)) / n
    return loss, e / (total * n) - astype(hot, z.dtype) * (1 / n)


@lowers(layers.minus_one_hot)
def minus_one_hot(p: Any, t: Any) -> Any:
    """Subtract 1 at each row's label."""
    tape = tape_of(p, t)
    p, t = tape.taken(p), tape.taken(t)
    k = p.shape[1]
    hot = reshape(t, (-1, 1)) == tape.constant(np.arange(k, dtype=t.dtype).reshape(1, k))
    return p - astype(hot, p.dtype)


@lowers(layers.mse)
def mse(a: Any, b: Any) -> Any:
    """Give the mean square of the difference."""
    d = a - b
    return mean(d * d)


@lowers(normalization.standardize)
def standardize(x: Any, axis: tuple[int, ...], eps: float) -> Any:
    """Give (x − μ) / √(σ² + eps), μ and σ²."""
    wide = x.astype(np.float32) if x.dtype == np.float16 else x
    middle = mean(wide, axis, keepdims=True)
    d = wide - middle
    var = mean(d * d, axis, keepdims=True)
    y = d * (1 / np.sqrt(var + eps))
    return y.astype(x.dtype), middle.astype(x.dtype), var.astype(x.dtype)


@lowers(activations.sigmoid)
def sigmoid(x: Any) -> Any:
    """Give 1 / (1 + e⁻ˣ)."""
    return raw(activations.sigmoid)(x)


def as_written(*fns: Function) -> None:
    """Enter primitives whose own text, read on Traces, is what they are made of."""
    for fn in fns:
        LOWERED[fn] = raw(fn)


as_written(
    activations.relu, activations.leaky_relu, activations.elu, activations.softplus,
    activations.silu, activations.log_sigmoid, primitives.log_or_zero, primitives.within,
    normalization.center_and_scale, normalization.rms_standardize,
)


@lowers(primitives.erf)
def erf(x: Any) -> Any:
    """Give the error function, which has a native form."""
    return x.tape.apply(primitives.erf, (x,))


@lowers(activations.gelu)
def gelu(x: Any) -> Any:
    """Give x · Φ(x)."""
    return x * (primitives.erf(x * activations.SQRT_HALF) * 0.5 + 0.5)


WHOLE.update((
    layers.linear, layers.sum_rows, layers.sum_outer, layers.softmax, layers.log_softmax,
    layers.logsumexp, layers.cross_entropy, layers.cross_entropy_recorded, layers.minus_one_hot,
    layers.mse, activations.sigmoid, normalization.standardize, normalization.center_and_scale,
    normalization.rms_standardize,
))


def _shape_of(a: Any) -> Any:
    return a.shape


LOWERED[np.shape] = _shape_of
LOWERED[np.ndim] = lambda a: a.ndim
LOWERED[np.size] = lambda a, axis=None: a.size if axis is None else a.shape[axis]
LOWERED[np.iscomplexobj] = lambda x: False
LOWERED[np.isrealobj] = lambda x: True
LOWERED[np.result_type] = lambda *xs: np.result_type(*(getattr(x, "dtype", x) for x in xs))
LOWERED[np.real] = lambda val: val
LOWERED[np.nan_to_num] = lambda x, copy=True, nan=0.0, posinf=None, neginf=None: _nan_to_num(
    x, nan, posinf, neginf
)


def _nan_to_num(x: Any, nan: float, posinf: float | None, neginf: float | None) -> Any:
    limits = np.finfo(x.dtype)
    top = float(limits.max) if posinf is None else posinf
    bottom = float(limits.min) if neginf is None else neginf
    y = where(np.isnan(x), nan, x)
    y = where(x == math.inf, top, y)
    return where(x == -math.inf, bottom, y)
