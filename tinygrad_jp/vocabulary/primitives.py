"""The few functions that NumPy lacks, closed under transposition.

Each is pure, works on plain arrays, and dispatches like NumPy's own when it is given a Tensor.
The adjoint of an operation is here wherever it is not a NumPy function:

    sum_to ↔ np.broadcast_to      scatter_add ↔ getitem      put_along ↔ np.take_along_axis
    fold ↔ sliding_window_view
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import add

from . import fast
from .primitive import primitive
from .quiet import quietly

Array = Any
Shape = tuple[int, ...]


@primitive
def sum_to(x: Array, shape: Shape) -> Array:
    """Sum x over the axes along which `shape` was broadcast to x.shape."""
    if x.ndim == 2 and x.shape[1:] == shape:
        return fast.sum_rows(x)
    extra = x.ndim - len(shape)
    lead = tuple(range(extra))
    axes = lead + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and x.shape[i + extra] != 1
    )
    if not axes:
        return x
    y = fast.add_reduce(x, axes, None, None, True)
    return y.reshape(shape)


@primitive
def getitem(x: Array, index: Any) -> Array:
    """Index x as x[index] does: slices, integers, masks, integer arrays, None, Ellipsis."""
    return x[index if type(x) is np.ndarray else moved(index, x)]


@primitive
def beside(value: Any, x: Array, dtype: Any = None) -> Array:
    """Make an array of numbers or lists where x is (on a GPU, say), in x's dtype or another."""
    return np.asarray(value, x.dtype if dtype is None else dtype, like=x)


def moved(index: Any, x: Array) -> Any:
    """Move the arrays of an index to where x is."""
    if isinstance(index, tuple):
        return tuple(moved(part, x) for part in index)
    return np.asarray(index, like=x) if isinstance(index, np.ndarray) else index


@primitive
def scatter_add(g: Array, index: Any, shape: Shape) -> Array:
    """Add g into zeros of `shape` at `index`, where repeated places add up."""
    y = np.zeros_like(g, shape=shape, order="C")
    parts = index if isinstance(index, tuple) else (index,)
    if not any(map(may_repeat, parts)):
        y[index if type(g) is np.ndarray else moved(index, g)] = g
        return y
    places = flat_places(parts, shape) if isinstance(g, (np.ndarray, np.generic)) else None
    if places is None:
        add.at(y, moved(index, y) if type(y) is not np.ndarray else index, g)
    else:
        g = np.broadcast_to(g, places.shape)
        add.at(y.reshape(-1), places.reshape(-1), g.reshape(-1))  # 3 to 10 times faster, flat
    return y


def may_repeat(part: Any) -> bool:
    """Tell whether a part of an index can name a place twice: no slice, integer or mask can."""
    if isinstance(part, list):
        part = np.asarray(part)
    return hasattr(part, "dtype") and part.dtype != bool and not isinstance(part, np.generic)


def flat_places(parts: tuple[Any, ...], shape: Shape) -> Array | None:
    """Number the places of x[:, :, i, j] (whole axes, then integer arrays) in a flat x.

    Of the shape of x[:, :, i, j]; None for an index of any other form.
    """
    lead = 0
    while isinstance(parts[lead], slice) and parts[lead] == slice(None):
        lead += 1
    arrays = parts[lead:]
    whole = [isinstance(p, (np.ndarray, int)) and np.asarray(p).dtype.kind in "iu" for p in arrays]
    if not all(whole):
        return None
    sizes = shape[lead : lead + len(arrays)]
    place: Any = 0
    for p, n in zip(arrays, sizes, strict=True):
        place = place * n + np.where(np.less(p, 0), np.add(p, n), p)
    wanted = shape[:lead] + np.shape(place) + shape[lead + len(arrays) :]
    tail = math.prod(shape[lead + len(arrays) :])
    if lead:
        rows = np.arange(math.prod(shape[:lead]))[:, None] * math.prod(sizes)
        place = rows + place.reshape(1, -1)
    if tail != 1:
        place = place[..., None] * tail + np.arange(tail)
    return np.asarray(place.reshape(wanted))


@primitive
def put_along(g: Array, indices: Array, axis: int, shape: Shape) -> Array:
    """Add g into zeros of `shape` at `indices` along one axis (adjoint of np.take_along_axis)."""
    y = np.zeros_like(g, shape=shape, order="C")
    axis = axis % len(shape)
    place: Any = 0
    for at, n in enumerate(shape):  # one number a place, as np.ravel_multi_index counts
        if at == axis:
            here = np.where(indices < 0, indices + n, indices)
        else:
            here = np.arange(n, like=indices).reshape((n,) + (1,) * (len(shape) - at - 1))
        place = place * n + here
    if place.shape != g.shape:
        raise ValueError(f"values of shape {g.shape} for places of shape {place.shape}")
    add.at(y.reshape(-1), place.reshape(-1), g.reshape(-1))
    return y


@primitive
def set_at(x: Array, value: Array, index: Any) -> Array:
    """Copy x with `value` put at `index`; where places repeat, the last in C order stays."""
    y = x.copy()
    parts = index if isinstance(index, tuple) else (index,)
    if type(x) is np.ndarray and any(map(may_repeat, parts)):
        # NumPy walks along memory, and so another value would stay for another layout
        ordered = tuple(np.array(p, order="C") if may_repeat(p) else p for p in parts)
        y[ordered if isinstance(index, tuple) else ordered[0]] = np.array(value, order="C")
    else:
        y[index if type(x) is np.ndarray else moved(index, x)] = value
    return y


@primitive
def astype(x: Array, dtype: Any) -> Array:
    """Copy x to another dtype."""
    return x.astype(dtype)


@primitive
def fold(g: Array, window: Shape, axis: tuple[int, ...], shape: Shape) -> Array:
    """Add sliding windows back to where they came from (adjoint of sliding_window_view)."""
    lengths = list(shape)
    for at, w in zip(axis, window, strict=True):
        lengths[at] -= w - 1
    if g.shape != (*lengths, *window):
        raise ValueError(f"windows of shape {g.shape} instead of {(*lengths, *window)}")
    y = np.zeros_like(g, shape=shape, order="C")
    for offset in np.ndindex(*window):
        place = [slice(None)] * len(shape)
        for at, o in zip(axis, offset, strict=True):
            start = place[at].start or 0
            place[at] = slice(start + o, start + o + g.shape[at])
        y[tuple(place)] += g[(Ellipsis, *offset)]
    return y


@primitive
def log_or_zero(x: Array) -> Array:
    """Give log x, and 0 where x ≤ 0: the factor of a power whose base is zero."""
    if isinstance(x, (int, float)):
        return math.log(x) if x > 0 else 0.0  # a Python number, which widens nothing
    safe = np.where(x > 0, x, np.ones_like(x))
    return np.log(safe)


@primitive
def within(x: Array, low: Any, high: Any) -> Array:
    """Give 1 where low ≤ x ≤ high, else 0; None is no bound."""
    inside = np.ones_like(x, dtype=bool)
    if low is not None:
        inside = inside & (x >= low)
    if high is not None:
        inside = inside & (x <= high)
    return inside


@primitive
def sinc_slope(x: Array, order: int = 1) -> Array:
    """Give the derivative of sin(πx)/(πx) of any order; a power series near 0.

    d/dx of order n of sinc is ∫₀¹ πⁿ tⁿ cos(πxt + nπ/2) dt, which recurs by parts.
    """
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    z = math.pi * x.astype(np.float64)  # 49th powers below overflow float32
    near = np.abs(z) < 1.0 + order
    big, small = np.where(near, 1.0 + order, z), np.where(near, z, 0.0)
    y = np.sin(big) / big  # order 0; then s_n = (sin(z + nπ/2) − n·s_{n−1}) / z
    for n in range(1, order + 1):
        y = (np.sin(big + n * math.pi / 2) - n * y) / big
    series: Any = 0.0
    for k in range(24, -1, -1):  # Σ (−1)^k z^(2k−n) / ((2k+1)·(2k−n)!)
        if 2 * k >= order:
            power = np.power(small, 2 * k - order)
            scale = math.pi**order / ((2 * k + 1) * math.factorial(2 * k - order))
            series = series + (-1) ** k * scale * power
    return np.where(near, series, y * math.pi**order).astype(kind)


@primitive
def erf(x: Array) -> Array:
    """Give the error function 2/√π · ∫₀ˣ exp(−t²) dt, elementwise, to a few ulp of the dtype.

    Source: W. J. Cody, Rational Chebyshev approximations for the error function (1969).
    """
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    a = np.abs(x).astype(np.float64)
    y = np.where(np.isnan(a), a, quietly(_erf_of, a))  # e⁻ᵗ² may underflow
    return np.copysign(y, x).astype(kind)


def _erf_of(a: Array) -> Array:
    """Give erf of numbers from 0 on."""
    small, large = a <= 0.46875, a > 4.0
    t = np.where(small, a, 0.0)
    y = t * _ratio(t * t, _ERF_SMALL)
    t = np.where(small | large, 1.0, a)
    middle = 1.0 - np.exp(-t * t) * _ratio(t, _ERF_MIDDLE)
    t = np.where(large, np.minimum(a, 30.0), 5.0)
    s = 1.0 / (t * t)
    tail = 1.0 - np.exp(-t * t) * (1.0 / math.sqrt(math.pi) - s * _ratio(s, _ERF_LARGE)) / t
    return np.where(small, y, np.where(large, tail, middle))


def _ratio(x: Array, table: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    top, bottom = table
    return np.polyval(top, x) / np.polyval(bottom, x)


_ERF_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
     3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2,
     1.28261652607737228e3, 2.84423683343917062e3),
)
_ERF_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
     6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
     1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3,
     3.43936767414372164e3, 1.23033935480374942e3),
)
_ERF_LARGE = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
     1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1,
     6.05183413124413191e-2, 2.33520497626869185e-3),
)


def _erf_by_libm(x: Array) -> Array:
    """Do as erf through the C library: to an ulp, and faster, but only for what is in memory."""
    values = np.fromiter(map(math.erf, x.ravel().tolist()), np.float64, x.size)
    return values.astype(x.dtype if x.dtype.kind == "f" else np.float64).reshape(x.shape)


fast.FAST[erf] = _erf_by_libm
