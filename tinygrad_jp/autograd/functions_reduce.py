"""Functions along axes: sums, extremes, orders, running totals.

An axis is said by PyTorch's `dim` and `keepdim` or by NumPy's `axis` and `keepdims`. Where PyTorch
gives (values, indices), so do we for `dim`, by name or by position; for `axis` the values alone.
"""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ArgumentError, OptionError, ShapeError
from ..vocabulary import layers
from ..vocabulary.rule import is_array
from .arguments import Axis, ValuesIndices, axis_of, constant, place, tensor_of
from .functions_elementwise import maximum, minimum
from .generate import op

if TYPE_CHECKING:
    from .tensor import Tensor

_sum, _mean, _prod, _var, _std = op(np.sum), op(np.mean), op(np.prod), op(np.var), op(np.std)
_max, _min, _logsumexp = op(np.max), op(np.min), op(layers.logsumexp)
_cumsum, _cumprod, _take_along = op(np.cumsum), op(np.cumprod), op(np.take_along_axis)


def sum(
    x: Any, axis: Axis = None, keepdims: bool = False, *,
    dim: Axis = None, keepdim: bool = False, dtype: Any = None,
) -> Tensor:
    """Add up all elements, or those along one or more axes."""
    if dim is not None or type(axis) is not int:
        axis = axis_of("sum", dim, axis)
    if dtype is not None:
        x = tensor_of(x).to(dtype)
    return _sum(x, axis, keepdims or keepdim)


def mean(
    x: Any, axis: Axis = None, keepdims: bool = False, *,
    dim: Axis = None, keepdim: bool = False, dtype: Any = None,
) -> Tensor:
    """Average all elements, or those along one or more axes."""
    if dim is not None or type(axis) is not int:
        axis = axis_of("mean", dim, axis)
    if dtype is not None:
        x = tensor_of(x).to(dtype)
    return _mean(x, axis, keepdims or keepdim)


def prod(
    x: Any, axis: Axis = None, keepdims: bool = False, *,
    dim: Axis = None, keepdim: bool = False, dtype: Any = None,
) -> Tensor:
    """Multiply all elements, or those along one or more axes."""
    if dtype is not None:
        x = tensor_of(x).to(dtype)
    return _prod(x, axis_of("prod", dim, axis), keepdims or keepdim)


def _freedom(axis: Any, unbiased: Any, correction: Any, ddof: Any) -> tuple[Any, float]:
    """Read what to subtract from n: 1 as in PyTorch, if nothing is said."""
    if isinstance(axis, bool):  # PyTorch's x.std(False)
        axis, unbiased = None, axis
    said = (correction, ddof, None if unbiased is None else int(unbiased))
    given = [c for c in said if c is not None]
    if len(set(given)) > 1:
        raise ArgumentError("corrections", given=given)
    return axis, given[0] if given else 1


def var(
    x: Any, axis: Axis = None, unbiased: bool | None = None, keepdims: bool = False, *,
    dim: Axis = None, keepdim: bool = False, correction: float | None = None,
    ddof: float | None = None,
) -> Tensor:
    """Give the variance Σ (x − mean)² / (n − correction).

    correction: 1, PyTorch's, unless said otherwise, by NumPy's `ddof` or by unbiased=False (0).
    NumPy's own np.var(x) has 0.
    """
    axis, less = _freedom(axis, unbiased, correction, ddof)
    return _var(x, axis_of("var", dim, axis), less, keepdims or keepdim)


def std(
    x: Any, axis: Axis = None, unbiased: bool | None = None, keepdims: bool = False, *,
    dim: Axis = None, keepdim: bool = False, correction: float | None = None,
    ddof: float | None = None,
) -> Tensor:
    """Give the standard deviation, √var; correction as in var."""
    axis, less = _freedom(axis, unbiased, correction, ddof)
    return _std(x, axis_of("std", dim, axis), less, keepdims or keepdim)


def var_mean(x: Any, dim: Axis = None, *, correction: float = 1, keepdim: bool = False) -> Any:
    """Give (var, mean)."""
    return var(x, dim, correction=correction, keepdim=keepdim), mean(x, dim, keepdim)


def std_mean(x: Any, dim: Axis = None, *, correction: float = 1, keepdim: bool = False) -> Any:
    """Give (std, mean)."""
    return std(x, dim, correction=correction, keepdim=keepdim), mean(x, dim, keepdim)


def logsumexp(
    x: Any, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Give log Σ eˣ, safe for large x."""
    at = axis_of("logsumexp", dim, axis)
    return _logsumexp(tensor_of(x), at, keepdims or keepdim)


def norm(
    x: Any, p: Any = None, dim: Axis = None, keepdim: bool = False, *,
    ord: Any = None, axis: Axis = None, keepdims: bool = False,
) -> Tensor:
    """Give (Σ |x|ᵖ)^(1/p) of all elements, or of those along axes; p is 2 if not said.

    p: a number, ±inf, 0 (how many are not 0), "fro" (as 2), or "nuc" (of a matrix).
    For norms of matrices see linalg.matrix_norm.
    """
    kind = p if ord is None else ord
    at, keep = axis_of("norm", dim, axis), keepdims or keepdim
    x = tensor_of(x)
    if kind == "nuc":
        return op(np.linalg.matrix_norm)(x, keepdims=keep, ord="nuc")
    kind = 2 if kind in (None, "fro") else kind
    if not isinstance(kind, (int, float)):
        known = "2, inf, 'fro', 'nuc'"
        raise OptionError("no_choice", op="norm", name="p", given=kind, choices=known)
    return op(np.linalg.vector_norm)(x, axis=at, keepdims=keep, ord=kind)


# ── extremes ────────────────────────────────────────────────────────────────────────────────────


def max(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False
) -> Any:
    """Give the largest element; along `dim` (values, indices), along `axis` the values alone.

    max(x, other), with a Tensor or an array, is maximum(x, other).
    """
    if is_array(dim):
        return maximum(x, dim)
    if dim is None:
        return _max(x, axis_of("max", None, axis), keepdims or keepdim)
    return _picked(x, np.argmax, axis_of("max", dim, axis), keepdims or keepdim, "max")


def min(
    x: Any, dim: Any = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False
) -> Any:
    """Give the smallest element; arguments and results as in max."""
    if is_array(dim):
        return minimum(x, dim)
    if dim is None:
        return _min(x, axis_of("min", None, axis), keepdims or keepdim)
    return _picked(x, np.argmin, axis_of("min", dim, axis), keepdims or keepdim, "min")


def amax(
    x: Any, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Give the largest values along axes; ties share the gradient."""
    return _max(x, axis_of("amax", dim, axis), keepdims or keepdim)


def amin(
    x: Any, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Give the smallest values along axes; ties share the gradient."""
    return _min(x, axis_of("amin", dim, axis), keepdims or keepdim)


def aminmax(x: Any, *, dim: int | None = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """Give (smallest, largest)."""
    return amin(x, dim, keepdim), amax(x, dim, keepdim)


def argmax(
    x: Any, dim: int | None = None, keepdim: bool = False, *,
    axis: int | None = None, keepdims: bool = False,
) -> Tensor:
    """Give the place of the largest element, of all or along an axis."""
    return _arg(np.argmax, x, axis_of("argmax", dim, axis), keepdims or keepdim)


def argmin(
    x: Any, dim: int | None = None, keepdim: bool = False, *,
    axis: int | None = None, keepdims: bool = False,
) -> Tensor:
    """Give the place of the smallest element, of all or along an axis."""
    return _arg(np.argmin, x, axis_of("argmin", dim, axis), keepdims or keepdim)


def _arg(choose: Any, x: Any, axis: Any, keep: bool) -> Tensor:
    value = tensor_of(x)._data
    if axis is not None:
        axis = place(choose.__name__, axis, value.ndim)
    if value.size == 0 and (axis is None or value.shape[axis] == 0):
        raise ShapeError("empty_axis", op=choose.__name__, shape=value.shape)
    return constant(choose(value, axis=axis, keepdims=keep))


def _picked(x: Any, choose: Any, dim: Any, keep: bool, name: str) -> ValuesIndices:
    """Take along an axis the one element that `choose` points at."""
    x = tensor_of(x)
    at = place(name, dim, x.ndim)
    if x.ndim == 0:
        return ValuesIndices(x.clone(), constant(np.int64(0)))
    if x.shape[at] == 0:
        raise ShapeError("empty_axis", op=name, shape=x.shape)
    return _taken(x, choose(x._data, axis=at, keepdims=True), at, keep)


def _taken(x: Tensor, indices: Any, at: int, keep: bool) -> ValuesIndices:
    values = _take_along(x, constant(indices), axis=at)
    if keep:
        return ValuesIndices(values, constant(indices))
    return ValuesIndices(values.squeeze(at), constant(np.squeeze(indices, at)))


def any(
    x: Any, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Tell whether some element is true."""
    at = axis_of("any", dim, axis)
    return constant(np.any(tensor_of(x)._data, axis=at, keepdims=keepdims or keepdim))


def all(
    x: Any, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Tell whether every element is true."""
    at = axis_of("all", dim, axis)
    return constant(np.all(tensor_of(x)._data, axis=at, keepdims=keepdims or keepdim))


def count_nonzero(x: Any, dim: Axis = None, *, axis: Axis = None) -> Tensor:
    """Count the elements that are not 0."""
    return constant(np.count_nonzero(tensor_of(x)._data, axis=axis_of("count_nonzero", dim, axis)))


# ── orders ──────────────────────────────────────────────────────────────────────────────────────


def _order(value: Any, at: int, descending: bool) -> Any:
    """Give the stable order along an axis; NaN counts as the largest."""
    if not descending:
        return np.argsort(value, axis=at, kind="stable")
    back = np.argsort(np.flip(value, at), axis=at, kind="stable")
    return np.flip(value.shape[at] - 1 - back, at)


def sort(
    x: Any, dim: int | None = None, descending: bool = False, *,
    axis: int | None = None, stable: bool = True,
) -> Any:
    """Sort along `dim` (the last): (values, indices); along `axis`: the values alone.

    Equal elements keep their order, whatever `stable` says; x itself is not changed.
    """
    x = tensor_of(x)
    at = place("sort", -1 if dim is None and axis is None else axis_of("sort", dim, axis), x.ndim)
    if x.ndim == 0:
        found = ValuesIndices(x.clone(), constant(np.int64(0)))
    else:
        found = _taken(x, _order(x._data, at, descending), at, True)
    return found.values if dim is None and axis is not None else found


def argsort(
    x: Any, dim: int | None = None, descending: bool = False, *,
    axis: int | None = None, stable: bool = True,
) -> Tensor:
    """Give the indices that sort x along an axis (the last)."""
    value = tensor_of(x)._data
    at = axis_of("argsort", dim, axis)
    at = place("argsort", -1 if at is None else at, value.ndim)
    return constant(_order(value, at, descending) if value.ndim else np.int64(0))


def topk(
    x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> ValuesIndices:
    """Give the k largest (or smallest) along an axis, in order, and their indices."""
    x = tensor_of(x)
    at = place("topk", dim, x.ndim)
    length = x.shape[at] if x.ndim else 1
    if not 0 <= k <= length:
        raise OptionError("k_range", op="topk", k=k, low=0, length=length)
    if x.ndim == 0:
        x = x.reshape(1)
    return _taken(x, _order(x._data, at, largest).take(range(k), at), at, True)


def kthvalue(x: Any, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Give the k-th smallest along an axis, counting from 1, and its index."""
    x = tensor_of(x)
    at = place("kthvalue", dim, x.ndim)
    length = x.shape[at] if x.ndim else 1
    if not 1 <= k <= length:
        raise OptionError("k_range", op="kthvalue", k=k, low=1, length=length)
    if x.ndim == 0:
        return ValuesIndices(x.clone(), constant(np.int64(0)))
    return _taken(x, _order(x._data, at, False).take([k - 1], at), at, keepdim)


def median(
    x: Any, dim: int | None = None, keepdim: bool = False, *,
    axis: int | None = None, keepdims: bool = False,
) -> Any:
    """Give the median, of two middle elements the lower, as PyTorch does.

    Along `dim` (values, indices), along `axis` the values alone; NaN where there is a NaN.
    NumPy's own np.median(x) takes the mean of the two.
    """
    x = tensor_of(x)
    at = axis_of("median", dim, axis)
    if at is None:
        return _middle(x.reshape(-1), 0, keepdim=False).values
    found = _middle(x if x.ndim else x.reshape(1), place("median", at, x.ndim), keepdims or keepdim)
    return found.values if dim is None else found


def _middle(x: Tensor, at: int, keepdim: bool) -> ValuesIndices:
    value = x._data
    if value.shape[at] == 0:
        raise ShapeError("empty_axis", op="median", shape=value.shape)
    order = _order(value, at, False)
    indices = order.take([(value.shape[at] - 1) // 2], at)
    if value.dtype.kind == "f":
        missing = np.isnan(value)
        first = np.argmax(missing, axis=at, keepdims=True)
        indices = np.where(np.any(missing, axis=at, keepdims=True), first, indices)
    return _taken(x, indices, at, keepdim)


def mode(x: Any, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """Give the most frequent value along an axis, the smallest of several, and where it is last."""
    x = tensor_of(x)
    at = place("mode", dim, x.ndim)
    if x.ndim == 0:
        return ValuesIndices(x.clone(), constant(np.int64(0)))
    if x.shape[at] == 0:
        raise ShapeError("empty_axis", op="mode", shape=x.shape)

    def last(line: Any) -> Any:
        values, counts = np.unique(line, return_counts=True)
        return np.flatnonzero(line == values[np.argmax(counts)])[-1]

    indices = np.expand_dims(np.apply_along_axis(last, at, x._data), at)
    return _taken(x, indices, at, keepdim)


# ── running totals ──────────────────────────────────────────────────────────────────────────────


def cumsum(
    x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None
) -> Tensor:
    """Add up along an axis, keeping every partial sum; without an axis, of x flattened."""
    if dtype is not None:
        x = tensor_of(x).to(dtype)
    x = tensor_of(x)
    at = axis_of("cumsum", dim, axis)
    y = _cumsum(x, at)
    return y if x.ndim or at is None else y.reshape(())  # as PyTorch; NumPy gives (1,)


def cumprod(
    x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None
) -> Tensor:
    """Multiply along an axis, keeping every partial product; without an axis, of x flattened."""
    if dtype is not None:
        x = tensor_of(x).to(dtype)
    x = tensor_of(x)
    at = axis_of("cumprod", dim, axis)
    y = _cumprod(x, at)
    return y if x.ndim or at is None else y.reshape(())  # as PyTorch; NumPy gives (1,)


def cummax(x: Any, dim: int) -> ValuesIndices:
    """Give the largest so far along an axis, and where it is (the latest of equals)."""
    return _record(tensor_of(x), np.maximum, "cummax", dim)


def cummin(x: Any, dim: int) -> ValuesIndices:
    """Give the smallest so far along an axis, and where it is (the latest of equals)."""
    return _record(tensor_of(x), np.minimum, "cummin", dim)


def _record(x: Tensor, best: Any, name: str, dim: int) -> ValuesIndices:
    at = place(name, dim, x.ndim)
    if x.ndim == 0:
        return ValuesIndices(x.clone(), constant(np.int64(0)))
    value = x._data
    so_far = best.accumulate(value, axis=at)
    new = (value == so_far) | (value != value)
    count = np.arange(value.shape[at]).reshape([-1 if i == at else 1 for i in range(x.ndim)])
    indices = np.maximum.accumulate(np.where(new, count, 0), axis=at)
    return _taken(x, indices, at, True)


def diff(x: Any, n: int = 1, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """Subtract from each element the one before it along an axis (the last), n times."""
    x = tensor_of(x)
    at = axis_of("diff", dim, axis)
    at = place("diff", -1 if at is None else at, x.ndim)
    before = (builtins.slice(None),) * at
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x  # type: ignore[no-any-return]


def nansum(x: Any, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None) -> Tensor:
    """Add up the elements that are not NaN."""
    x = tensor_of(x)
    return sum(x.masked_fill(constant(np.isnan(x._data)), 0), axis_of("nansum", dim, axis), keepdim)


def nanmean(x: Any, dim: Axis = None, keepdim: bool = False, *, axis: Axis = None) -> Tensor:
    """Average the elements that are not NaN."""
    x = tensor_of(x)
    at = axis_of("nanmean", dim, axis)
    there = ~np.isnan(x._data)
    number = np.sum(there, axis=at, keepdims=keepdim)
    number = np.where(number, number, math.nan).astype(x.dtype)
    return nansum(x, at, keepdim) / constant(number)


__all__ = [
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "argsort", "count_nonzero",
    "cummax", "cummin", "cumprod", "cumsum", "diff", "kthvalue", "logsumexp", "max", "mean",
    "median", "min", "mode", "nanmean", "nansum", "norm", "prod", "sort", "std", "std_mean",
    "sum", "topk", "var", "var_mean",
]
