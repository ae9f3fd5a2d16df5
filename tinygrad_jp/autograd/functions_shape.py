"""Functions that rearrange: reshape, permute, join, split, repeat, flip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError, ShapeError
from ..vocabulary.rule import is_array
from .arguments import (
    Axis,
    array_of,
    axis_of,
    choice,
    indices_of,
    place,
    sizes,
    tensor_of,
)
from .generate import op

if TYPE_CHECKING:
    from .tensor import Tensor

_reshape, _transpose, _swapaxes = op(np.reshape), op(np.transpose), op(np.swapaxes)
_expand_dims, _squeeze, _moveaxis = op(np.expand_dims), op(np.squeeze), op(np.moveaxis)
_broadcast_to, _concatenate, _stack = op(np.broadcast_to), op(np.concatenate), op(np.stack)
_tile, _repeat, _roll, _flip = op(np.tile), op(np.repeat), op(np.roll), op(np.flip)
_tril, _triu, _diag, _diagonal = op(np.tril), op(np.triu), op(np.diag), op(np.diagonal)

# ── another shape ───────────────────────────────────────────────────────────────────────────────


def reshape(x: Any, *shape: Any) -> Tensor:
    """Give the elements another shape, written as (2, 3) or 2, 3; −1 stands for what is left."""
    return _reshape(x, sizes("reshape", shape))


view = reshape


def view_as(x: Any, other: Any) -> Tensor:
    """Give x the shape of other."""
    return _reshape(x, other.shape)


reshape_as = view_as


def ravel(x: Any) -> Tensor:
    """Give all elements in one row."""
    return _reshape(x, (-1,))


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Make one axis of those from start_dim to end_dim."""
    x = tensor_of(x)
    shape = x._data.shape
    if not shape:
        return _reshape(x, (1,))
    first, last = place("flatten", start_dim, len(shape)), place("flatten", end_dim, len(shape))
    if first > last:
        raise OptionError("flatten_order", start=start_dim, end=end_dim)
    size = math.prod(shape[first : last + 1])
    return _reshape(x, (*shape[:first], size, *shape[last + 1 :]))


def unflatten(x: Any, dim: int, sizes: Sequence[int]) -> Tensor:
    """Make several axes of one: their sizes, of which one may be −1."""
    x = tensor_of(x)
    at = place("unflatten", dim, x.ndim)
    return _reshape(x, (*x.shape[:at], *sizes, *x.shape[at + 1 :]))


def squeeze(x: Any, dim: Axis = None, *, axis: Axis = None) -> Tensor:
    """Drop axes of length 1: all, or those named.

    An axis of another length that is named by `dim` stays, as in PyTorch; by `axis`, it raises
    ShapeError, as in NumPy.
    """
    if axis is not None:
        return _squeeze(x, axis=axis_of("squeeze", dim, axis))
    x = tensor_of(x)
    shape = x._data.shape
    if dim is None:
        return _reshape(x, tuple(n for n in shape if n != 1))
    dims = dim if isinstance(dim, (tuple, list)) else (dim,)
    drop = {place("squeeze", d, len(shape)) for d in dims}
    kept = tuple(n for i, n in enumerate(shape) if n != 1 or i not in drop)
    return _reshape(x, kept)


def unsqueeze(x: Any, dim: int) -> Tensor:
    """Put in an axis of length 1."""
    return _expand_dims(x, axis=dim)


def expand_dims(x: Any, axis: Any) -> Tensor:
    """Put in one or more axes of length 1."""
    return _expand_dims(x, axis=axis)


def expand(x: Any, *shape: Any) -> Tensor:
    """Repeat along axes of length 1 up to a shape; −1 keeps an axis; axes may be added in front."""
    x = tensor_of(x)
    target = sizes("expand", shape)
    extra = len(target) - x.ndim
    if extra < 0 or any(n < 0 for n in target[:extra]):
        raise ShapeError("expand", shape=x.shape, target=target)
    full = tuple(x.shape[i - extra] if n < 0 else n for i, n in enumerate(target))
    return _broadcast_to(x, full)


def expand_as(x: Any, other: Any) -> Tensor:
    """Broadcast x to the shape of other."""
    return _broadcast_to(x, other.shape)


def broadcast_to(x: Any, *shape: Any) -> Tensor:
    """Broadcast x to a shape."""
    return _broadcast_to(x, sizes("broadcast_to", shape))


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Broadcast Tensors to the one shape that they share."""
    shape = np.broadcast_shapes(*(array_of(t).shape for t in tensors))
    return tuple(_broadcast_to(t, shape) for t in tensors)


# ── another order of axes ───────────────────────────────────────────────────────────────────────


def transpose(x: Any, *axes: Any) -> Tensor:
    """Swap two axes, as PyTorch's transpose(0, 1); or permute, as NumPy's.

    Without axes, or with None, all are reversed; with a tuple, or with more than two, they give
    the new order.
    """
    if len(axes) == 2 and not isinstance(axes[0], (tuple, list)):
        return _swapaxes(x, *axes)
    if not axes or axes[0] is None:
        return _transpose(x)
    return permute(x, *axes)


def permute(x: Any, *dims: Any) -> Tensor:
    """Put the axes in a new order."""
    return _transpose(x, sizes("permute", dims))


permute_dims = permute


def swapaxes(x: Any, axis0: int, axis1: int) -> Tensor:
    """Swap two axes."""
    return _swapaxes(x, axis0, axis1)


swapdims = swapaxes


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """Move axes to other places, the rest keeping their order."""
    return _moveaxis(x, source, destination)


movedim = moveaxis


def t(x: Any) -> Tensor:
    """Transpose a matrix; 1-d and 0-d Tensors stay."""
    x = tensor_of(x)
    if x.ndim > 2:
        raise ShapeError("t_dims", shape=x.shape)
    return _transpose(x)


def matrix_transpose(x: Any) -> Tensor:
    """Transpose the last two axes."""
    x = tensor_of(x)
    if x.ndim < 2:
        raise ShapeError("mt_dims", shape=x.shape)
    return _swapaxes(x, -1, -2)


# ── together and apart ──────────────────────────────────────────────────────────────────────────


def concatenate(
    tensors: Sequence[Any], dim: int | None = None, *, axis: int | None = None
) -> Tensor:
    """Join Tensors along an axis that they have (the first)."""
    at = axis_of("concatenate", dim, axis)
    return _concatenate(list(tensors), axis=0 if at is None else at)


cat = concat = concatenate


def stack(tensors: Sequence[Any], dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """Join Tensors of one shape along a new axis (the first)."""
    at = axis_of("stack", dim, axis)
    return _stack(list(tensors), axis=0 if at is None else at)


def hstack(tensors: Sequence[Any]) -> Tensor:
    """Join side by side: along the second axis, or the first of 1-d Tensors."""
    parts = [tensor_of(t) for t in tensors]
    parts = [t if t.ndim else t.reshape(1) for t in parts]
    return concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Any]) -> Tensor:
    """Join one below the other: along the first axis, 1-d Tensors as rows."""
    parts = [tensor_of(t) for t in tensors]
    return concatenate([t if t.ndim > 1 else t.reshape(1, -1) for t in parts], 0)


def split(
    x: Any, split_size: int | Sequence[int], dim: int | None = None, *, axis: int | None = None
) -> tuple[Tensor, ...]:
    """Cut along an axis (the first) into parts of one size (the last may be smaller), or of sizes.

    NumPy's np.split(x, n) makes n parts: here that is chunk or tensor_split.
    """
    x = tensor_of(x)
    at, length = _length("split", x, axis_of("split", dim, axis))
    if isinstance(split_size, int):
        if split_size < 1:
            raise OptionError("split_size", given=split_size)
        parts = [min(split_size, length - i) for i in range(0, length, split_size)] or [0]
    else:
        parts = list(split_size)
        if sum(parts) != length or any(n < 0 for n in parts):
            raise ShapeError("split_sum", parts=parts, total=sum(parts), length=length)
    return _cut(x, at, parts)


def chunk(
    x: Any, chunks: int, dim: int | None = None, *, axis: int | None = None
) -> tuple[Tensor, ...]:
    """Cut along an axis (the first) into at most `chunks` parts, all but the last of one size."""
    x = tensor_of(x)
    at, length = _length("chunk", x, axis_of("chunk", dim, axis))
    if chunks < 1:
        raise OptionError("split_size", given=chunks)
    return split(x, max(1, -(-length // chunks)), at)


def tensor_split(
    x: Any, indices_or_sections: int | Sequence[int], dim: int | None = None, *,
    axis: int | None = None,
) -> tuple[Tensor, ...]:
    """Cut along an axis into n parts that differ by at most 1, or at indices, as np.array_split."""
    x = tensor_of(x)
    at, length = _length("tensor_split", x, axis_of("tensor_split", dim, axis))
    if isinstance(indices_or_sections, int):
        n = indices_or_sections
        if n < 1:
            raise OptionError("split_size", given=n)
        return _cut(x, at, [length // n + (i < length % n) for i in range(n)])
    edges = [0, *indices_or_sections, length]
    before = (slice(None),) * at
    return tuple(x[(*before, slice(a, b))] for a, b in pairwise(edges))


def unbind(x: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Give the slices along an axis, without it."""
    x = tensor_of(x)
    at, length = _length("unbind", x, dim)
    before = (slice(None),) * at
    return tuple(x[(*before, i)] for i in range(length))


def _length(name: str, x: Tensor, dim: Any) -> tuple[int, int]:
    if x.ndim == 0:
        raise ShapeError("len_of_0d")
    at = place(name, 0 if dim is None else dim, x.ndim)
    return at, x.shape[at]


def _cut(x: Tensor, at: int, parts: Sequence[int]) -> tuple[Tensor, ...]:
    before, start, found = (slice(None),) * at, 0, []
    for n in parts:
        found.append(x[(*before, slice(start, start + n))])
        start += n
    return tuple(found)


# ── repeated, turned, cut to a triangle ─────────────────────────────────────────────────────────


def repeat(x: Any, *repeats: Any, axis: int | None = None, dim: int | None = None) -> Tensor:
    """Repeat the whole Tensor along each axis, as PyTorch does (NumPy's name for it is tile).

    With `axis` or `dim`, repeat each element along it, as NumPy does (PyTorch's repeat_interleave).
    """
    at = axis_of("repeat", dim, axis)
    if at is not None:
        return repeat_interleave(x, repeats[0], at)
    x = tensor_of(x)
    times = sizes("repeat", repeats)
    if len(times) < x.ndim:
        raise ShapeError("repeat_sizes", times=times, shape=x.shape)
    return _tile(x, times)


def tile(x: Any, *reps: Any) -> Tensor:
    """Repeat the whole Tensor along each axis."""
    return _tile(x, sizes("tile", reps))


def repeat_interleave(
    x: Any, repeats: Any, dim: int | None = None, *, axis: int | None = None
) -> Tensor:
    """Repeat each element, one number of times or one number each; flattened without an axis."""
    if is_array(repeats):
        repeats = indices_of("repeat_interleave", repeats)
    at = axis_of("repeat_interleave", dim, axis)
    return _repeat(x, repeats, axis=at)


def roll(x: Any, shifts: Any, dims: Axis = None, *, axis: Axis = None) -> Tensor:
    """Shift along axes; what leaves at one end comes in at the other."""
    return _roll(x, shifts, axis=axis_of("roll", dims, axis))


def flip(x: Any, *dims: Any, axis: Axis = None) -> Tensor:
    """Reverse the order along axes; along all, if none is named."""
    if axis is None and dims and dims[0] is not None:
        axis = sizes("flip", dims)
    return _flip(x, axis=axis)


def fliplr(x: Any) -> Tensor:
    """Reverse the second axis."""
    return _flip(x, axis=1)


def flipud(x: Any) -> Tensor:
    """Reverse the first axis."""
    return _flip(x, axis=0)


def tril(x: Any, diagonal: int = 0, *, k: int | None = None) -> Tensor:
    """Put 0 above a diagonal of the last two axes."""
    return _tril(x, diagonal if k is None else k)


def triu(x: Any, diagonal: int = 0, *, k: int | None = None) -> Tensor:
    """Put 0 below a diagonal of the last two axes."""
    return _triu(x, diagonal if k is None else k)


def diag(x: Any, diagonal: int = 0, *, k: int | None = None) -> Tensor:
    """Take the diagonal of a matrix, or make a matrix with this diagonal."""
    return _diag(x, diagonal if k is None else k)


def diagonal(
    x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1, *,
    axis1: int | None = None, axis2: int | None = None,
) -> Tensor:
    """Take a diagonal of two axes; it becomes the last axis."""
    first = dim1 if axis1 is None else axis1
    second = dim2 if axis2 is None else axis2
    return _diagonal(x, offset, first, second)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Make the coordinates of a grid of 1-d Tensors.

    indexing: "ij", as PyTorch (element [i, j] belongs to a[i] and b[j]), or "xy", as NumPy.
    """
    choice("meshgrid", "indexing", indexing, ("ij", "xy"))
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    lines = [tensor_of(t).reshape(-1) for t in tensors]
    count = len(lines)
    order = list(range(count))
    if indexing == "xy" and count > 1:
        order[:2] = [1, 0]
    shape = tuple(lines[i].shape[0] for i in order)
    found = []
    for i, line in enumerate(lines):
        spread = [1] * count
        spread[order.index(i)] = line.shape[0]
        found.append(_broadcast_to(_reshape(line, tuple(spread)), shape))
    return tuple(found)


def unfold(x: Any, dimension: int, size: int, step: int = 1) -> Tensor:
    """Slide a window of `size` along an axis by `step`; what it shows becomes the last axis."""
    x = tensor_of(x)
    at, length = _length("unfold", x, dimension)
    if not 1 <= size <= length or step < 1:
        raise ShapeError("unfold_size", size=size, step=step, length=length)
    start = np.arange(0, length - size + 1, step)
    window = x[(*(slice(None),) * at, start[:, None] + np.arange(size))]
    return _moveaxis(window, at + 1, -1)


__all__ = [
    "broadcast_tensors", "broadcast_to", "cat", "chunk", "concat", "concatenate", "diag",
    "diagonal", "expand", "expand_as", "expand_dims", "flatten", "flip", "fliplr", "flipud",
    "hstack", "matrix_transpose", "meshgrid", "moveaxis", "movedim", "permute", "permute_dims",
    "ravel", "repeat", "repeat_interleave", "reshape", "reshape_as", "roll", "split", "squeeze",
    "stack", "swapaxes", "swapdims", "t", "tensor_split", "tile", "transpose", "tril", "triu",
    "unbind", "unflatten", "unfold", "unsqueeze", "view", "view_as", "vstack",
]
