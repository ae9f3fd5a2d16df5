"""Sums, products, extremes and running totals along axes.

A pull first gives `g` back the axes that were reduced (of length 1), then spreads it over `x`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..errors import OptionError, ShapeError
from ..vocabulary.domain import Call, Sampler, call
from ..vocabulary.layers import logsumexp
from ..vocabulary.primitives import astype
from ..vocabulary.rule import composite, constant, rule
from .given import array

Array = Any
Axis = Any


def over_axes(s: Sampler) -> list[Call]:
    """Sample an array without ties, along no axis, one, several, and with keepdims."""
    return [
        call(s.distinct(2, 3)),
        call(s.distinct(2, 3), axis=0),
        call(s.distinct(2, 3), axis=-1, keepdims=True),
        call(s.distinct(2, 2, 3), axis=(0, -1)),
        call(s.distinct(2, 1, 3), axis=1),
        call(s.distinct(2, 3), keepdims=True),
        call(s.distinct()),
    ]


def with_empty(s: Sampler) -> list[Call]:
    """Sample as `over_axes` does, and an axis of length 0."""
    return [*over_axes(s), call(s(0, 3), axis=0), call(s(0, 2)), call(s(2, 2), axis=())]


def along_axis(s: Sampler) -> list[Call]:
    """Sample the calls of functions that keep the shape: along one axis, or flattened."""
    return [
        call(s(2, 3), axis=1),
        call(s(2, 3), axis=-2),
        call(s(2, 3)),
        call(s(4)),
        call(s(1)),
        call(s(0)),
    ]


# ── sums ────────────────────────────────────────────────────────────────────────────────────────

rule(
    np.sum,
    lambda g, x_shape, axis=None, keepdims=False: np.broadcast_to(
        g if axis is None or keepdims or not x_shape else np.expand_dims(g, axis), x_shape
    ),
    evaluate=lambda x, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),
    about="Σ x", samples=with_empty,
)

def _mean_pull(
    g: Array, x_shape: Any, y_shape: Any, axis: Axis = None, keepdims: bool = False
) -> Array:
    g = g / (math.prod(x_shape) // (math.prod(y_shape) or 1) or 1)
    g = g if axis is None or keepdims or not x_shape else np.expand_dims(g, axis)
    return np.broadcast_to(g, x_shape)


rule(
    np.mean,
    _mean_pull,
    evaluate=lambda x, axis, keepdims: np.mean(x, axis=axis, keepdims=keepdims),
    about="Σ x / n", samples=over_axes,
)


def _var_pull(
    g: Array, x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False,
    correction: float | None = None,
) -> Array:
    mean = np.mean(x, axis=axis, keepdims=True)
    freedom = x.size // (mean.size or 1) - (ddof if correction is None else correction)
    g = g if axis is None or keepdims or not x.ndim else np.expand_dims(g, axis)
    return g * ((x - mean) * (2 / freedom if freedom > 0 else math.nan))


def _std_pull(
    g: Array, y: Array, x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False,
    correction: float | None = None,
) -> Array:
    mean = np.mean(x, axis=axis, keepdims=True)
    freedom = x.size // (mean.size or 1) - (ddof if correction is None else correction)
    if axis is not None and not keepdims and x.ndim:
        g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
    # where all values are equal there is no derivative; 0, as PyTorch gives
    y = np.where(y == 0, 1, y)
    return g * ((x - mean) / (y * (freedom if freedom > 0 else math.nan)))


def _spread(s: Sampler) -> list[Call]:
    return [*over_axes(s)[:-1], call(s(2, 3), axis=1, ddof=1), call(s(4), correction=1)]


def _freedom(ddof: float, correction: float | None) -> dict[str, Any]:
    return {"ddof": ddof} if correction is None else {"correction": correction}


rule(
    np.var,
    _var_pull,
    evaluate=lambda x, axis, ddof, keepdims, correction: np.var(
        x, axis=axis, keepdims=keepdims, **_freedom(ddof, correction)
    ),
    about="Σ (x − mean)² / (n − ddof)",
    samples=lambda s: [*_spread(s), call(s(3, 1), axis=1)],
)
rule(
    np.std,
    _std_pull,
    evaluate=lambda x, axis, ddof, keepdims, correction: np.std(
        x, axis=axis, keepdims=keepdims, **_freedom(ddof, correction)
    ),
    about="√var", samples=_spread,
)


def _logsumexp_pull(
    g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False
) -> Array:
    if axis is not None and not keepdims and x.ndim:
        g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
    return g * np.exp(x - np.where(np.isneginf(y), 0, y))


rule(logsumexp, _logsumexp_pull, about="log Σ eˣ", samples=over_axes)

# ── extremes ────────────────────────────────────────────────────────────────────────────────────


def _extreme_pull(
    g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False
) -> Array:
    if axis is not None and not keepdims and x.ndim:
        g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
    best = astype(x == y, g.dtype)
    return best * (g / np.sum(best, axis=axis, keepdims=True))


rule(
    np.max,
    _extreme_pull,
    evaluate=lambda x, axis, keepdims: np.max(x, axis=axis, keepdims=keepdims),
    alias=(np.amax,) if np.amax is not np.max else (),
    about="the largest; ties share the gradient", samples=over_axes,
)
rule(
    np.min,
    _extreme_pull,
    evaluate=lambda x, axis, keepdims: np.min(x, axis=axis, keepdims=keepdims),
    alias=(np.amin,) if np.amin is not np.min else (),
    about="the smallest; ties share the gradient", samples=over_axes,
)


@composite(np.ptp, about="max − min", samples=over_axes)
def ptp(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Give the range of values."""
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


constant(
    np.all, np.any, np.argmax, np.argmin, np.nanargmax, np.nanargmin, np.count_nonzero,
    about="a truth value, a place or a count",
)

# ── products, right where factors are 0, to any order: nothing is divided by a factor ───────────


def running_product(x: Array) -> Array:
    """Multiply up along the last axis, in log₂ n steps (Hillis & Steele, 1986)."""
    step, n = 1, x.shape[-1]
    while step < n:
        x = np.concatenate([x[..., :step], x[..., step:] * x[..., :-step]], axis=-1)
        step *= 2
    return x


def before(x: Array) -> Array:
    """Give the product of all earlier elements along the last axis (1 for the first)."""
    return np.concatenate([np.ones_like(x[..., :1]), running_product(x[..., :-1])], axis=-1)


def _prod_pull(g: Array, y: Array, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    if axis is not None and not keepdims and x.ndim:
        g, y = np.expand_dims(g, axis), np.expand_dims(y, axis)
    if np.all(x):
        return g * (y / x)
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    last = [a % x.ndim for a in axes]
    order = [a for a in range(x.ndim) if a not in last] + last
    moved = np.transpose(x, order)
    head = moved.shape[: x.ndim - len(last)]
    flat = np.reshape(moved, (*head, math.prod(x.shape[a] for a in last)))
    others = before(flat) * before(flat[..., ::-1])[..., ::-1]
    others = np.reshape(others, moved.shape)
    return g * np.transpose(others, [order.index(a) for a in range(x.ndim)])


rule(
    np.prod,
    _prod_pull,
    evaluate=lambda x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims),
    about="Π x",
    samples=lambda s: [
        *with_empty(s),
        call(s(2, 3) * np.array([1, 0, 1], s.dtype), axis=1),
        call(s(2, 2, 2) * np.array([0, 1], s.dtype), axis=(0, 2)),
        call(s(4) * np.array([1, 0, 0, 1], s.dtype)),
        call(s(3, 2) * np.array([0, 0], s.dtype)),
    ],
)


def _cumprod_pull(g: Array, x: Array, x_shape: Any, axis: Axis = None) -> Array:
    if axis is None or not x_shape:
        x = np.reshape(x, (math.prod(x_shape),))
    else:
        x, g = np.swapaxes(x, axis, -1), np.swapaxes(g, axis, -1)
    # h[i] = g[i] + x[i + 1]·h[i + 1], solved by doubling like running_product
    head = before(x)
    a = np.concatenate([x[..., 1:], np.zeros_like(x[..., :1])], axis=-1)
    step, n = 1, x.shape[-1]
    while step < n:
        near, far, rest = a[..., :-step], g[..., step:], g[..., -step:]
        g = np.concatenate([g[..., :-step] + near * far, rest], axis=-1)
        a = np.concatenate([near * a[..., step:], a[..., -step:]], axis=-1)
        step *= 2
    y = head * g
    flat = axis is None or not x_shape
    return np.reshape(y, x_shape) if flat else np.swapaxes(y, axis, -1)


rule(
    np.cumprod,
    _cumprod_pull,
    about="running product",
    samples=lambda s: [*along_axis(s), call(s(2, 4) * np.array([1, 0, 1, 0], s.dtype), axis=1)],
)


def _cumsum_pull(g: Array, x_shape: Any, axis: Axis = None) -> Array:
    if axis is None or not x_shape:
        return np.reshape(np.flip(np.cumsum(np.flip(g))), x_shape)
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


rule(np.cumsum, _cumsum_pull, about="running sum", samples=along_axis)


def _cumulative_samples(s: Sampler) -> list[Call]:
    return [
        call(s(3)), call(s(2, 3), axis=1), call(s(2, 3), axis=-2, include_initial=True),
        call(s(2), include_initial=True),
    ]


def _with_initial(y: Array, first: Array, axis: int | None, include_initial: bool) -> Array:
    at = 0 if axis is None else axis
    return np.concatenate([first, y], axis=at) if include_initial else y


def _first(x: Array, axis: int | None) -> Array:
    """Cut a slice of length 1 off a longer version of x, so that x may be empty."""
    shape = list(x.shape)
    shape[0 if axis is None else axis] = 1
    return tuple(shape)


if hasattr(np, "cumulative_sum"):  # NumPy 2.1

    @composite(np.cumulative_sum, about="running sum", samples=_cumulative_samples)
    def cumulative_sum(
        x: Array, /, *, axis: int | None = None, include_initial: bool = False
    ) -> Array:
        """Give the running sum, as the array API names it."""
        x = np.atleast_1d(x)
        y = np.cumsum(x, axis=_only_axis(x, axis))
        return _with_initial(y, np.zeros_like(x, shape=_first(x, axis)), axis, include_initial)

    @composite(np.cumulative_prod, about="running product", samples=_cumulative_samples)
    def cumulative_prod(
        x: Array, /, *, axis: int | None = None, include_initial: bool = False
    ) -> Array:
        """Give the running product, as the array API names it."""
        x = np.atleast_1d(x)
        y = np.cumprod(x, axis=_only_axis(x, axis))
        return _with_initial(y, np.ones_like(x, shape=_first(x, axis)), axis, include_initial)


def _only_axis(x: Array, axis: int | None) -> int:
    if axis is None and x.ndim != 1:
        raise OptionError("axis_needed", op="np.cumulative_sum")
    return 0 if axis is None else axis


# ── weighted sums, integrals ────────────────────────────────────────────────────────────────────


@composite(
    np.average, about="Σ w x / Σ w",
    samples=lambda s: [
        call(s(2, 3)),
        call(s(2, 3), axis=1),
        call(s(2, 3), weights=abs(s(2, 3)) + 1),
        call(s(2, 3), axis=1, weights=abs(s(3)) + 1),
        call(s(2, 3), axis=0, weights=abs(s(2)) + 1, keepdims=True),
    ],
)
def average(
    a: Array, axis: Axis = None, weights: Array = None, returned: bool = False, *,
    keepdims: bool = False,
) -> Any:
    """Give the mean with weights; differentiable in both."""
    if weights is None:
        y = np.mean(a, axis=axis, keepdims=keepdims)
        total: Any = np.full_like(y, np.size(a) / (np.size(y) or 1))
        return (y, total) if returned else y
    w = array(weights, a)
    if w.shape != a.shape:
        axes = () if axis is None else normalize_axis_tuple(axis, a.ndim)
        if w.shape != tuple(a.shape[i] for i in axes):
            raise ShapeError("weights_shape", op="np.average", x=a.shape, weights=w.shape)
        w = np.transpose(w, np.argsort(axes).tolist())
        w = np.reshape(w, [n if i in axes else 1 for i, n in enumerate(a.shape)])
        w = np.broadcast_to(w, a.shape)
    total = np.sum(w, axis=axis, keepdims=keepdims)
    if np.any(total == 0):
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")
    y = np.sum(a * w, axis=axis, keepdims=keepdims) / total
    return (y, total) if returned else y


@composite(
    np.trapezoid, about="∫ y dx by trapezoids",
    samples=lambda s: [
        call(s(4)), call(s(2, 4), dx=0.5), call(s(4, 2), axis=0),
        call(s(2, 4), s(4)), call(s(2, 4), s(2, 4)),
    ],
)
def trapezoid(y: Array, x: Array = None, dx: float = 1.0, axis: int = -1) -> Array:
    """Integrate by the trapezoidal rule; differentiable in y and x."""
    y = np.moveaxis(y, axis, -1)
    if x is None:
        width: Any = dx
    else:
        x = x if np.ndim(x) == 1 else np.moveaxis(x, axis, -1)
        width = x[..., 1:] - x[..., :-1]
    return np.sum((y[..., 1:] + y[..., :-1]) * width, axis=-1) * 0.5
