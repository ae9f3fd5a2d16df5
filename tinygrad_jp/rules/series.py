"""Along an axis: differences, slopes, interpolation, convolution, ranges."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..errors import OptionError, ShapeError
from ..vocabulary.domain import POSITIVE, Domain, call
from ..vocabulary.primitive import primitive
from ..vocabulary.primitives import beside
from ..vocabulary.rule import composite, constant, rule
from .given import array, pair, values_of

Array = Any
ALL = slice(None)

# ── differences and slopes ──────────────────────────────────────────────────────────────────────


def _edge(value: Any, x: Array, axis: int) -> Array:
    """Make np.diff's prepend or append fit beside x."""
    value = array(value, x)
    if value.ndim == 0:
        value = np.broadcast_to(value, (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
    return value


@composite(
    np.diff, about="differences of neighbours",
    samples=lambda s: [
        call(s(5)), call(s(2, 5), n=2), call(s(4, 2), axis=0), call(s(3), prepend=s(2), append=0.5),
        call(s(3), 0), call(s(2, 3), append=s(2, 1)),
    ],
)
def diff(a: Array, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Array:
    """Take the n-th difference along an axis."""
    if n < 0:
        raise OptionError("at_least", op="np.diff", name="n", given=n, low=0)
    if n == 0:
        return a[...]
    axis = normalize_axis_tuple(axis, a.ndim)[0]
    parts = [_edge(p, a, axis) for p in (prepend, a, append) if p is not None]
    x = np.concatenate(parts, axis=axis) if len(parts) > 1 else a
    head = (ALL,) * axis
    for _ in range(n):
        x = x[(*head, slice(1, None))] - x[(*head, slice(None, -1))]
    return x


@composite(
    np.ediff1d, about="differences of neighbours, flattened",
    samples=lambda s: [call(s(4)), call(s(2, 3)), call(s(3), s(2), s(1)), call(s(3), to_begin=0.5)],
)
def ediff1d(ary: Array, to_end: Any = None, to_begin: Any = None) -> Array:
    """Take differences of the flattened array, with values put around."""
    x = np.ravel(ary)
    parts = [p if p is None else np.ravel(_edge(p, x, 0)) for p in (to_begin, to_end)]
    y = x[1:] - x[:-1]
    return np.concatenate([p for p in (parts[0], y, parts[1]) if p is not None])


def _slope(f: Array, gap: Any, edge_order: int) -> Array:
    """Differentiate along the last axis: second order inside, and first or second at the edges.

    gap: one number, or a list of the n − 1 distances. Source: the notes of np.gradient.
    """
    if not isinstance(gap, list):
        inside = (f[..., 2:] - f[..., :-2]) * (0.5 / gap)
        left, right = gap, gap
        ends = [gap, gap], [gap, gap]
    else:
        weights = [
            (-q / (p * (p + q)), (q - p) / (p * q), p / (q * (p + q)))
            for p, q in pairwise(gap)
        ]
        left, middle, right = (beside(w, f) for w in zip(*weights, strict=True))
        inside = f[..., :-2] * left + f[..., 1:-1] * middle + f[..., 2:] * right
        left, right = gap[0], gap[-1]
        ends = [gap[0], gap[1] if len(gap) > 1 else 0], [gap[-1], gap[-2] if len(gap) > 1 else 0]
    if edge_order == 1:
        first = (f[..., 1:2] - f[..., :1]) * (1 / left)
        final = (f[..., -1:] - f[..., -2:-1]) * (1 / right)
    else:
        (p, q), (r, t) = ends
        first = (
            f[..., :1] * (-(2 * p + q) / (p * (p + q))) + f[..., 1:2] * ((p + q) / (p * q))
            + f[..., 2:3] * (-p / (q * (p + q)))
        )
        final = (
            f[..., -3:-2] * (r / (t * (r + t))) + f[..., -2:-1] * (-(r + t) / (r * t))
            + f[..., -1:] * ((2 * r + t) / (r * (r + t)))
        )
    return np.concatenate([first, inside, final], axis=-1)


@composite(
    np.gradient, about="slopes of sampled values",
    samples=lambda s: [
        call(s(5)), call(s(4, 3)), call(s(5), 0.5), call(s(4, 5), axis=1, edge_order=2),
        call(s(5), [0.0, 0.5, 1.5, 1.7, 3.0]), call(s(4, 3), 0.5, [0.0, 1.0, 1.5]),
        call(s(5), [0.0, 0.5, 1.5, 1.7, 3.0], edge_order=2), call(s(2)),
    ],
)
def gradient(f: Array, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Estimate slopes along each axis; differentiable in the values, not in the spacing."""
    axes = normalize_axis_tuple(range(f.ndim) if axis is None else axis, f.ndim)
    if edge_order not in (1, 2):
        raise OptionError("no_such_mode", op="np.gradient", given=edge_order, known="1, 2")
    spacing = [values_of(v) for v in varargs] or [np.asarray(1.0)]
    if len(spacing) == 1 and spacing[0].ndim == 0:
        spacing *= len(axes)
    if len(spacing) != len(axes):
        raise ShapeError("gradient_spacing", axes=len(axes), given=len(spacing))
    slopes = []
    for a, h in zip(axes, spacing, strict=True):
        if f.shape[a] < edge_order + 1:
            raise ShapeError("too_short", op="np.gradient", given=f.shape[a], low=edge_order + 1)
        if h.ndim and len(h) != f.shape[a]:
            raise ShapeError("gradient_spacing", axes=f.shape[a], given=len(h))
        gap: Any = np.diff(h).tolist() if h.ndim else h.item()
        if h.ndim and len(set(gap)) == 1:
            gap = gap[0]
        slopes.append(np.moveaxis(_slope(np.moveaxis(f, a, -1), gap, edge_order), -1, a))
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


@primitive
def turns(p: Array, discont: Any, axis: int, period: Any) -> Array:
    """Give the multiples of the period that np.unwrap adds."""
    return np.unwrap(p, discont, axis=axis, period=period) - p


constant(turns, about="multiples of the period")


@composite(
    np.unwrap, about="angles without jumps",
    samples=lambda s: [call(s(5) * 3), call(s(2, 4) * 3, axis=0)],
)
def unwrap(p: Array, discont: Any = None, axis: int = -1, *, period: float = 2 * math.pi) -> Array:
    """Add multiples of the period so that neighbours are near; the slope is 1."""
    return p + turns(p, discont, axis, period)


@composite(
    np.interp, about="linear interpolation",
    samples=lambda s: [
        call(s(4, domain=Domain(0.1, 0.9)), [0.0, 1.0, 2.0, 3.0], s(4)),
        call(s(domain=Domain(-2.0, -1.0)), [0.0, 1.0], s(2), left=s(), right=0.0),
        call([0.3, 1.2], np.array([0.0, 1.0, 2.5], s.dtype) + s(3, domain=Domain(0, 0.1)), s(3)),
        call(s(4, domain=Domain(2.3, 2.9)), [1.0, 0.2, 1.9], s(3), period=2.0),
    ],
)
def interp(
    x: Array, xp: Array, fp: Array, left: Any = None, right: Any = None, period: Any = None
) -> Array:
    """Interpolate between the points (xp, fp); differentiable in all of x, xp, fp."""
    given = next(v for v in (x, xp, fp) if hasattr(v, "shape"))
    x, xp, fp = (array(v, given) for v in (x, xp, fp))
    if xp.ndim != 1 or fp.shape != xp.shape:
        raise ShapeError("interp_points", xp=xp.shape, fp=fp.shape)
    if period is not None:
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    n = xp.shape[0]
    if n == 1:
        y = np.broadcast_to(fp, x.shape) if x.ndim else np.reshape(fp, ())
    else:
        at = np.clip(np.searchsorted(xp, x, "right") - 1, 0, n - 2)
        inside = np.clip(x, xp[0], xp[-1])
        share = (inside - xp[at]) / (xp[at + 1] - xp[at])
        y = fp[at] + share * (fp[at + 1] - fp[at])
    if period is None:
        y = y if left is None else np.where(x < xp[0], left, y)
        y = y if right is None else np.where(x > xp[-1], right, y)
    return y


# ── convolution ─────────────────────────────────────────────────────────────────────────────────


@primitive
def convolve_full(a: Array, b: Array) -> Array:
    """Convolve two vectors: (M,), (N,) → (M + N − 1,)."""
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError("only vectors can be convolved")
    return np.convolve(a, b)


def _convolve_pull(g: Array, other: Array, n: int) -> Array:
    start = other.shape[0] - 1
    return convolve_full(g, other[::-1])[start : start + n]


rule(
    convolve_full,
    lambda g, b, a_shape: _convolve_pull(g, b, a_shape[0]),
    lambda g, a, b_shape: _convolve_pull(g, a, b_shape[0]),
    about="convolution of two vectors",
    samples=lambda s: [call(s(5), s(3)), call(s(2), s(4)), call(s(1), s(1))],
)


def _vectors(op: str, a: Any, v: Any) -> tuple[Array, Array]:
    a, v = pair(a, v)
    if a.ndim != 1 or v.ndim != 1 or not a.shape[0] or not v.shape[0]:
        raise ShapeError("two_vectors", op=op, a=a.shape, v=v.shape)
    return a, v


def _mode(op: str, y: Array, m: int, n: int, mode: str) -> Array:
    """Cut what a mode asks for out of the full convolution of lengths m ≥ n."""
    if mode == "full":
        return y
    if mode not in ("same", "valid"):
        raise OptionError("no_such_mode", op=op, given=mode, known="full, same, valid")
    start, count = ((n - 1) // 2, m) if mode == "same" else (n - 1, m - n + 1)
    return y[start : start + count]


@composite(
    np.convolve, about="convolution of two vectors",
    samples=lambda s: [
        call(s(5), s(3)), call(s(2), s(4), "same"), call(s(5), s(4), "same"),
        call(s(5), s(2), mode="valid"),
        call(s(2), s(5), mode="valid"),
    ],
)
def convolve(a: Array, v: Array, mode: str = "full") -> Array:
    """Convolve two vectors."""
    a, v = _vectors("np.convolve", np.atleast_1d(a), np.atleast_1d(v))
    m, n = sorted((a.shape[0], v.shape[0]), reverse=True)
    return _mode("np.convolve", convolve_full(a, v), m, n, mode)


@composite(
    np.correlate, about="correlation of two vectors",
    samples=lambda s: [
        call(s(5), s(3)), call(s(2), s(4), "same"), call(s(5), s(4), "same"),
        call(s(5), s(2), "full"),
        call(s(2), s(5)), call(s(2), s(5), "full"), call(s(4), s(5), "same"),
    ],
)
def correlate(a: Array, v: Array, mode: str = "valid") -> Array:
    """Correlate two vectors."""
    a, v = _vectors("np.correlate", a, v)
    if a.shape[0] < v.shape[0]:  # NumPy exchanges them, and turns the result around
        return np.flip(correlate(v, a, mode))
    y = convolve_full(a, np.flip(v))
    return _mode("np.correlate", y, a.shape[0], v.shape[0], mode)


# ── ranges between two values ───────────────────────────────────────────────────────────────────


def _shares(start: Any, stop: Any, num: int, endpoint: bool, axis: int) -> tuple[Array, ...]:
    """Give num shares from 0 to 1 along a new axis, and the two ends with length 1 there."""
    given = start if hasattr(start, "shape") else stop
    ndim = len(np.broadcast_shapes(np.shape(start), np.shape(stop)))
    (axis,) = normalize_axis_tuple(axis, ndim + 1)
    t = np.arange(num) / max(num - 1 if endpoint else num, 1)
    t = t.reshape([num if a == axis else 1 for a in range(ndim + 1)])
    kind = given.dtype if given.dtype.kind == "f" else np.dtype(np.float64)
    ends = []
    for end in (start, stop):
        if not isinstance(end, (int, float)):
            end = array(end, given)
            end = np.reshape(end, (1,) * (ndim - end.ndim) + end.shape)
            end = np.expand_dims(end, axis)
        ends.append(end)
    return beside(t, given, kind), ends[0], ends[1]


@composite(
    np.linspace, about="equal steps from start to stop",
    samples=lambda s: [
        call(s(), s(), 5), call(s(2), s(2), 3, axis=1), call(s(), 1.5, 4, endpoint=False),
        call(s(), s(), 4, retstep=True), call(s(), s(), 1),
    ],
)
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, *,
    axis: int = 0,
) -> Any:
    """Give num values from start to stop; differentiable in both."""
    t, a, b = _shares(start, stop, num, endpoint, axis)
    y = a * (1 - t) + b * t
    return (y, (stop - start) / max(num - 1 if endpoint else num, 1)) if retstep else y


@composite(
    np.logspace, about="equal steps of the exponent",
    samples=lambda s: [call(s(), s(), 3), call(s(2), s(2), 3, base=2.0, axis=-1)],
)
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, *, axis: int = 0
) -> Array:
    """Give base to the power of num exponents from start to stop."""
    return np.power(base, np.linspace(start, stop, num, endpoint, axis=axis))


@composite(
    np.geomspace, about="equal ratios from start to stop",
    samples=lambda s: [
        call(s(domain=POSITIVE), s(domain=POSITIVE), 4),
        call(s(2, domain=POSITIVE), s(2, domain=POSITIVE), 3, axis=1),
    ],
)
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, *, axis: int = 0
) -> Array:
    """Give num values whose ratios are equal; differentiable in both ends."""
    t, a, b = _shares(start, stop, num, endpoint, axis)
    return a * np.power(b / a, t)
