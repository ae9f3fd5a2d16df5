"""Order statistics, sums that skip NaN, covariances, histograms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..vocabulary.domain import Call, Sampler, call
from ..vocabulary.primitive import primitive
from ..vocabulary.primitives import astype
from ..vocabulary.rule import composite, constant
from .given import values_of
from .reduction import along_axis, over_axes
from .shape import convert

Array = Any
Axis = Any

# ── median and quantiles ────────────────────────────────────────────────────────────────────────


@primitive
def ranks(x: Array, fn: Any, *args: Any, **kwargs: Any) -> Array:
    """Run a quantile function on 0, 1, 2, ... in the place of sorted x, NaN where x is NaN."""
    numbers = np.arange(x.shape[-1], dtype=np.float64, like=x)
    return fn(np.where(np.isnan(x), math.nan, numbers), *args, axis=-1, **kwargs)


@primitive
def counted(fn: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a function of NumPy's on plain arrays."""
    return fn(*args, **kwargs)


constant(ranks, about="places in the order of values")
constant(counted, about="a result without a gradient")


def by_rank(
    fn: Any, x: Array, axis: Axis, keepdims: bool, q: tuple[Any, ...] = (), **options: Any
) -> Array:
    """Interpolate between sorted values, at the ranks that NumPy itself finds.

    A quantile of 0, 1, 2, ... is a rank, so every method of np.quantile comes for free.
    """
    if 0 in x.shape:
        return counted(fn, x, *q, axis=axis, keepdims=keepdims, **options)
    last = list(normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim))
    head = [a for a in range(x.ndim) if a not in last]
    count = np.shape(q[0]) if q else ()
    shape = tuple(x.shape[a] for a in head)
    n = math.prod(x.shape[a] for a in last)
    ranked = np.sort(np.reshape(np.transpose(x, head + last), (*shape, n)), axis=-1)
    rank = ranks(ranked, fn, *q, **options)
    rank = np.moveaxis(np.reshape(rank, (math.prod(count), *shape)), 0, -1)
    none = np.isnan(rank)
    rank = np.where(none, 0, rank)
    low = np.floor(rank)
    y = np.take_along_axis(ranked, convert(low, np.intp), axis=-1)
    if np.any(rank != low):
        far = np.take_along_axis(ranked, convert(np.ceil(rank), np.intp), axis=-1)
        y = y + (far - y) * astype(rank - low, x.dtype if x.dtype.kind == "f" else np.float64)
    if np.any(none):
        y = np.where(none, math.nan, y)
    kept = tuple(1 if a in last else m for a, m in enumerate(x.shape)) if keepdims else shape
    return np.reshape(np.moveaxis(y, -1, 0), count + kept)


@composite(np.median, about="the middle value", samples=over_axes)
def median(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Give the middle of the sorted values, or the mean of the middle two."""
    return by_rank(np.median, a, axis, keepdims)


@composite(np.nanmedian, about="the middle value, skipping NaN", samples=over_axes)
def nanmedian(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Give the middle value of those that are not NaN."""
    return by_rank(np.nanmedian, a, axis, keepdims)


def _quantiles(*qs: Any) -> Callable[[Sampler], list[Call]]:
    methods = ("lower", "higher", "midpoint", "nearest", "hazen", "inverted_cdf", "median_unbiased")
    return lambda s: [
        *(call(s.distinct(2, 5), q) for q in qs),
        *(call(s.distinct(2, 5), q, axis=1, keepdims=True) for q in qs),
        call(s.distinct(2, 3, 2), qs[0], axis=(0, 2)),
        *(call(s.distinct(7), qs[0], method=m) for m in methods),
    ]


def _quantile_of(fn: Any, scale: float, about: str) -> None:
    """Register a quantile function of NumPy's."""

    def quantile(
        a: Array, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False
    ) -> Array:
        return by_rank(fn, a, axis, keepdims, (values_of(q).tolist(),), method=method)

    quantile.__doc__ = f"Give {about}; differentiable in the values."
    composite(fn, about=about, samples=_quantiles(0.3 * scale, [[0.0, 0.55 * scale]]))(quantile)


_quantile_of(np.quantile, 1, "the value below which a share q lies")
_quantile_of(np.percentile, 100, "the value below which q percent lie")
_quantile_of(np.nanquantile, 1, "a quantile, skipping NaN")
_quantile_of(np.nanpercentile, 100, "a percentile, skipping NaN")

# ── sums that skip NaN ──────────────────────────────────────────────────────────────────────────


def _holed(s: Sampler) -> list[Call]:
    x = s.distinct(2, 3)
    x[0, 1] = math.nan
    return [*over_axes(s), call(x), call(x, axis=0), call(x, axis=-1, keepdims=True)]


@composite(np.nansum, about="Σ x, skipping NaN", samples=_holed)
def nansum(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Sum what is not NaN."""
    return np.sum(np.where(np.isnan(a), 0, a), axis=axis, keepdims=keepdims)


@composite(np.nanprod, about="Π x, skipping NaN", samples=_holed)
def nanprod(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Multiply what is not NaN."""
    return np.prod(np.where(np.isnan(a), 1, a), axis=axis, keepdims=keepdims)


def _present(a: Array, axis: Axis) -> Array:
    """Count what is not NaN; NaN where there is nothing."""
    kind = a.dtype if a.dtype.kind == "f" else np.float64
    count = astype(np.sum(~np.isnan(a), axis=axis, keepdims=True), kind)
    return np.where(count == 0, math.nan, count)


def _without(y: Array, axis: Axis, keepdims: bool) -> Array:
    return y if keepdims else np.squeeze(y, axis=axis)


@composite(np.nanmean, about="Σ x / n, skipping NaN", samples=_holed)
def nanmean(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """Average what is not NaN."""
    y = np.nansum(a, axis=axis, keepdims=True) / _present(a, axis)
    return _without(y, axis, keepdims)


def _holed_freedom(s: Sampler) -> list[Call]:
    return [*_holed(s)[:6], *_holed(s)[7:], call(s(3, 4), axis=1, ddof=1)]


@composite(np.nanvar, about="the variance, skipping NaN", samples=_holed_freedom)
def nanvar(
    a: Array, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False,
    correction: float | None = None,
) -> Array:
    """Give the variance of what is not NaN."""
    n = _present(a, axis)
    mean = np.nansum(a, axis=axis, keepdims=True) / n
    square = np.square(np.where(np.isnan(a), 0, a - mean))
    free = n - (ddof if correction is None else correction)
    y = np.sum(square, axis=axis, keepdims=True) / np.where(free > 0, free, math.nan)
    return _without(y, axis, keepdims)


@composite(np.nanstd, about="√variance, skipping NaN", samples=lambda s: _holed_freedom(s)[:-2])
def nanstd(
    a: Array, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False,
    correction: float | None = None,
) -> Array:
    """Give the standard deviation of what is not NaN."""
    y = nanvar(a, axis, ddof=ddof, keepdims=keepdims, correction=correction)
    return np.where(y == 0, 0, np.sqrt(np.where(y == 0, 1, y)))  # no slope at 0, as np.std


def _nan_extreme(fn: Any, plain: Any, outside: float, about: str) -> None:
    """Register np.nanmax or np.nanmin: NaN where there is nothing else."""

    def extreme(a: Array, axis: Axis = None, *, keepdims: bool = False) -> Array:
        hole = np.isnan(a)
        y = plain(np.where(hole, outside, a), axis=axis, keepdims=keepdims)
        empty = np.all(hole, axis=axis, keepdims=keepdims)
        return np.where(empty, math.nan, y) if np.any(empty) else y

    extreme.__doc__ = f"Give {about}."
    composite(fn, about=about, samples=_holed)(extreme)


_nan_extreme(np.nanmax, np.max, -math.inf, "the largest that is not NaN")
_nan_extreme(np.nanmin, np.min, math.inf, "the smallest that is not NaN")


@composite(np.nancumsum, about="running sum, NaN as 0", samples=along_axis)
def nancumsum(a: Array, axis: int | None = None) -> Array:
    """Sum up along an axis, NaN as 0."""
    return np.cumsum(np.where(np.isnan(a), 0, a), axis=axis)


@composite(np.nancumprod, about="running product, NaN as 1", samples=along_axis)
def nancumprod(a: Array, axis: int | None = None) -> Array:
    """Multiply up along an axis, NaN as 1."""
    return np.cumprod(np.where(np.isnan(a), 1, a), axis=axis)


# ── covariance ──────────────────────────────────────────────────────────────────────────────────


@composite(
    np.cov, about="covariances of rows",
    samples=lambda s: [
        call(s(3, 5)), call(s(5)), call(s(2, 4), rowvar=False, bias=True), call(s(4), s(4), ddof=0),
    ],
)
def cov(
    m: Array, y: Array = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None
) -> Array:
    """Give the covariance matrix of variables in rows (or columns)."""
    x = np.atleast_2d(m)
    x = x if rowvar or np.ndim(m) == 1 else np.swapaxes(x, 0, 1)
    if y is not None:
        other = np.atleast_2d(y)
        x = np.concatenate([x, other if rowvar or np.ndim(y) == 1 else np.swapaxes(other, 0, 1)])
    free = x.shape[1] - ((0 if bias else 1) if ddof is None else ddof)
    d = x - np.mean(x, axis=1, keepdims=True)
    y = np.matmul(d, np.swapaxes(d, 0, 1)) * (1 / free if free > 0 else math.nan)
    return np.squeeze(y)


@composite(
    np.corrcoef, about="correlations of rows",
    samples=lambda s: [call(s(3, 5)), call(s(4, 2), rowvar=False), call(s(4), s(4))],
)
def corrcoef(x: Array, y: Array = None, rowvar: bool = True) -> Array:
    """Give the correlation matrix of variables in rows (or columns)."""
    c = np.cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    scale = np.sqrt(np.diagonal(c))
    return np.clip(c / np.expand_dims(scale, 1) / scale, -1, 1)


# ── histograms: counts have no slope, edges between extremes have ──────────────────────────────


@composite(
    np.histogram_bin_edges, about="edges of bins",
    samples=lambda s: [call(s.distinct(9), 3), call(s.distinct(9), [-1.0, 0.5, 1.0])],
)
def histogram_bin_edges(a: Array, bins: Any = 10, range: Any = None, weights: Any = None) -> Array:
    """Give equal steps from the lowest to the highest value, or the edges that were given."""
    if not isinstance(bins, (int, str)) or range is not None or 0 in a.shape:
        edges = counted(np.histogram_bin_edges, a, bins, range)
        return astype(edges, a.dtype if a.dtype.kind == "f" else edges.dtype)
    if isinstance(bins, str):
        bins = counted(np.histogram_bin_edges, a, bins).shape[0] - 1
    low, high = np.min(a), np.max(a)
    apart = 0.0 if np.any(low != high) else 0.5
    return np.linspace(low - apart, high + apart, bins + 1)


def _counts(sample: list[Array], edges: list[Array], density: Any, weights: Any) -> Array:
    """Count in bins of any number of dimensions; the weights are constants."""
    points = np.stack([np.ravel(x) for x in sample], axis=-1)
    kept = None if weights is None else np.ravel(values_of(weights))
    counts, _ = counted(np.histogramdd, points, bins=edges, weights=kept)
    counts = astype(counts, points.dtype if points.dtype.kind == "f" else counts.dtype)
    if not density:
        return counts
    for axis, edge in enumerate(edges):
        width = np.reshape(np.diff(edge), [-1 if i == axis else 1 for i in range(counts.ndim)])
        counts = counts / width
    total = np.sum(counted(np.histogramdd, points, bins=edges, weights=kept)[0])
    return counts / astype(total, counts.dtype)


def _whole(counts: Array, density: Any, weights: Any) -> Array:
    return counts if density or weights is not None else convert(counts, np.intp)


@composite(
    np.histogram, about="counts in bins",
    samples=lambda s: [call(s.distinct(9), 3), call(s.distinct(9), [-2.0, 0.0, 2.0], density=True)],
)
def histogram(
    a: Array, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, Array]:
    """Count values in bins."""
    edges = histogram_bin_edges(a, bins, range)
    return _whole(_counts([a], [edges], density, weights), density, weights), edges


def _edges(sample: list[Array], bins: Any, range: Any) -> list[Array]:
    several = isinstance(bins, (list, tuple)) and len(bins) == len(sample)
    many = bins if several else [bins] * len(sample)
    spans = [None] * len(sample) if range is None else range
    return [histogram_bin_edges(x, b, r) for x, b, r in zip(sample, many, spans, strict=True)]


@composite(
    np.histogram2d, about="counts in rectangles",
    samples=lambda s: [call(s.distinct(9), s.distinct(9), 3)],
)
def histogram2d(
    x: Array, y: Array, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, Array, Array]:
    """Count points of a plane in bins."""
    edges = _edges([x, y], bins, range)
    return _counts([x, y], edges, density, weights), edges[0], edges[1]


@composite(
    np.histogramdd, about="counts in boxes", samples=lambda s: [call(s(9, 2), (3, 2))],
)
def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Array, list[Array]]:
    """Count points of any number of dimensions in bins."""
    columns = list(sample) if isinstance(sample, (list, tuple)) else list(np.swapaxes(sample, 0, 1))
    edges = _edges(columns, bins, range)
    return _counts(columns, edges, density, weights), edges
