"""Functions along axes: sums, extremes, orders, products of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import functions as tj
from ...autograd.arguments import array_of, constant, tensor_of
from ...autograd.tensor import Tensor
from ..symbolic import recordable

_np: Any = np  # whose functions take Tensors, whatever its annotations say

Axis = Any

matmul = recordable(tj.matmul)
dot = recordable(tj.dot)
tensordot = recordable(tj.tensordot)
einsum = recordable(tj.einsum)
outer = recordable(tj.outer)
inner = recordable(tj.inner)
vdot = recordable(tj.vdot)
cross = recordable(tj.cross)


@recordable
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Add up all elements, or those along axes."""
    return tj.sum(x, axis, keepdims)


@recordable
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Average all elements, or those along axes; of integers as floating point numbers."""
    return tj.mean(x, axis, keepdims)


@recordable
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Tensor:
    """Multiply all elements, or those along axes."""
    return tj.prod(x, axis, keepdims, dtype=dtype)


@recordable
def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give the variance Σ(x − mean)²/n."""
    return tj.var(x, axis, keepdims=keepdims, correction=0)


@recordable
def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give the standard deviation √(Σ(x − mean)²/n)."""
    return tj.std(x, axis, keepdims=keepdims, correction=0)


@recordable
def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Give the largest element, or those along axes; `initial` is one more to compare with."""
    y = tj.amax(x, axis, keepdims)
    return y if initial is None else tj.maximum(y, initial)


@recordable
def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Give the smallest element, or those along axes; `initial` is one more to compare with."""
    y = tj.amin(x, axis, keepdims)
    return y if initial is None else tj.minimum(y, initial)


amax, amin = max, min


@recordable
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Tell whether all elements are true."""
    return constant(np.all(array_of(x), axis=axis, keepdims=keepdims))


@recordable
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Tell whether some element is true."""
    return constant(np.any(array_of(x), axis=axis, keepdims=keepdims))


@recordable
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Give the place of the largest element, int32."""
    return constant(np.argmax(array_of(x), axis, keepdims=keepdims)).to(np.int32)


@recordable
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Give the place of the smallest element, int32."""
    return constant(np.argmin(array_of(x), axis, keepdims=keepdims)).to(np.int32)


@recordable
def sort(x: Any, axis: int = -1) -> Tensor:
    """Put the elements along an axis in order."""
    return tj.sort(x, axis=axis)  # type: ignore[no-any-return]


@recordable
def argsort(x: Any, axis: int | None = -1) -> Tensor:
    """Give the places of the elements in order, int32."""
    return constant(np.argsort(array_of(x), axis, kind="stable")).to(np.int32)


@recordable
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Give the k largest along the last axis, and their places (int32)."""
    x = tensor_of(x)
    order = np.argsort(-x._data, -1, kind="stable")[..., :k]
    return tj.take_along_axis(x, order, -1), constant(order.astype(np.int32))


@recordable
def in_top_k(targets: Any, predictions: Any, k: int) -> Tensor:
    """Tell whether the class numbers (N,) are among the k best scored of (N, K)."""
    t, p = array_of(targets).astype(np.int64), array_of(predictions)
    mine = np.take_along_axis(p, t[:, None], -1)
    return constant((p > mine).sum(-1) < k)


@recordable
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Give running totals."""
    x = tensor_of(x) if dtype is None else tensor_of(x).to(dtype)
    return tj.cumsum(x.reshape(-1), 0) if axis is None else tj.cumsum(x, axis)


@recordable
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Tensor:
    """Give running products."""
    x = tensor_of(x) if dtype is None else tensor_of(x).to(dtype)
    return tj.cumprod(x.reshape(-1), 0) if axis is None else tj.cumprod(x, axis)


@recordable
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give log Σ eˣ, safe for large x."""
    return tj.logsumexp(x, axis, keepdims)


@recordable
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give the norm of vectors, or of matrices along two axes."""
    return _np.linalg.norm(tensor_of(x), ord, axis, keepdims)  # type: ignore[no-any-return]


@recordable
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Give the middle element; of an even number of them the mean of the middle two."""
    return _np.median(tensor_of(x), axis, keepdims=keepdims)  # type: ignore[no-any-return]


@recordable
def average(x: Any, axis: Axis = None, weights: Any = None) -> Tensor:
    """Give the mean, weighted if weights are given."""
    if weights is None:
        return tj.mean(x, axis)
    w = tensor_of(weights)
    x = tensor_of(x)
    if w.shape != x.shape:
        shape = [1] * x.ndim
        shape[axis] = -1
        w = w.reshape(tuple(shape))
    spread = tj.broadcast_to(w, x.shape)
    return (x * spread).sum(axis) / spread.sum(axis)  # type: ignore[no-any-return]


@recordable
def count_nonzero(x: Any, axis: Axis = None) -> Tensor:
    """Count the elements that are not 0, int32."""
    return constant(np.asarray(np.count_nonzero(array_of(x), axis), np.int32))


@recordable
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Add up a diagonal."""
    return _np.trace(tensor_of(x), offset, axis1, axis2)  # type: ignore[no-any-return]


@recordable
def segment_sum(
    data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Add up the rows that have one number in segment_ids."""
    x, ids = tensor_of(data), array_of(segment_ids).astype(np.int64)
    count = int(ids.max()) + 1 if num_segments is None else num_segments
    return tj.index_add(constant(np.zeros((count, *x.shape[1:]), x.dtype)), 0, ids, x)
