"""Functions that pick, put and mask elements; indices are integer Tensors, arrays or lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DTypeError, LabelError, OptionError, ShapeError
from ..vocabulary.primitives import getitem, set_at
from ..vocabulary.primitives import scatter_add as added_at
from ..vocabulary.rule import is_array
from .arguments import array_of, axis_of, choice, constant, indices_of, place, tensor_of
from .functions_elementwise import _where
from .functions_shape import _broadcast_to
from .generate import op

if TYPE_CHECKING:
    from .tensor import Tensor

_getitem, _set_at, _added_at = op(getitem), op(set_at), op(added_at)
_take, _take_along = op(np.take), op(np.take_along_axis)

# ── along an axis ───────────────────────────────────────────────────────────────────────────────


def take(
    x: Any, indices: Any, dim: int | None = None, *, axis: int | None = None, mode: str = "raise"
) -> Tensor:
    """Pick slices along an axis, or elements of x flattened; mode "wrap" and "clip" as NumPy's."""
    places = indices_of("take", indices)
    return _take(tensor_of(x), places, axis=axis_of("take", dim, axis), mode=mode)


def take_along_dim(
    x: Any, indices: Any, dim: int | None = None, *, axis: int | None = None
) -> Tensor:
    """Pick elements along an axis, place by place; x and indices broadcast elsewhere."""
    places = indices_of("take_along_dim", indices)
    return _take_along(x, places, axis=axis_of("take_along_dim", dim, axis))


take_along_axis = take_along_dim


def index_select(x: Any, dim: int, index: Any) -> Tensor:
    """Pick slices along an axis; index: a vector."""
    x = tensor_of(x)
    at = place("index_select", dim, x.ndim)
    return _getitem(x, (slice(None),) * at + (_line("index_select", index),))


def select(x: Any, dim: int, index: int) -> Tensor:
    """Pick one slice along an axis, which goes."""
    x = tensor_of(x)
    return x[(slice(None),) * place("select", dim, x.ndim) + (index,)]  # type: ignore[no-any-return]


def narrow(x: Any, dim: int, start: int, length: int) -> Tensor:
    """Cut `length` out of an axis, from `start` on."""
    x = tensor_of(x)
    at = place("narrow", dim, x.ndim)
    stop = start + length if start >= 0 else x.shape[at] + start + length
    if length < 0 or not -x.shape[at] <= start <= x.shape[at] or stop > x.shape[at]:
        raise ShapeError("narrow", start=start, length=length, size=x.shape[at])
    return x[(slice(None),) * at + (slice(stop - length, stop),)]  # type: ignore[no-any-return]


def index_add(x: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
    """Add slices of source to those of x that the vector `index` names; repeats add up."""
    x = tensor_of(x)
    key = (slice(None),) * place("index_add", dim, x.ndim) + (_line("index_add", index),)
    more = _added_at(tensor_of(source), key, x.shape)
    return x + (more if alpha == 1 else more * alpha)  # type: ignore[no-any-return]


def index_copy(x: Any, dim: int, index: Any, source: Any) -> Tensor:
    """Put slices of source where the vector `index` says."""
    x = tensor_of(x)
    key = (slice(None),) * place("index_copy", dim, x.ndim) + (_line("index_copy", index),)
    return _set_at(x, source, key)


def index_fill(x: Any, dim: int, index: Any, value: Any) -> Tensor:
    """Put one value in the slices that the vector `index` names."""
    return index_copy(x, dim, index, value)


def _line(name: str, index: Any) -> Any:
    places = indices_of(name, index)
    if places.ndim > 1:
        raise ShapeError("index_vector", op=name, shape=places.shape)
    return places.reshape(-1)


def gather(x: Any, dim: int, index: Any) -> Tensor:
    """Pick elements along an axis: y[i, j] = x[index[i, j], j] for dim 0, x[i, index[i, j]] for 1.

    index: integers, with as many axes as x, and on the others no longer than x.
    """
    x = tensor_of(x)
    if x.ndim == 0:
        return gather(x.reshape(1), dim, np.reshape(array_of(index), 1)).reshape(np.shape(index))
    return _getitem(x, _grid("gather", x, dim, index))


def _grid(name: str, x: Tensor, dim: int, index: Any) -> tuple[Any, ...]:
    """Give the index of x that names, for each element of `index`, its place."""
    at = place(name, dim, x.ndim)
    places = indices_of(name, index)
    fits = places.ndim == x.ndim and all(
        i == at or places.shape[i] <= x.shape[i] for i in range(places.ndim)
    )
    if not fits:
        raise ShapeError("gather", op=name, index=places.shape, shape=x.shape, dim=at)
    grid: list[Any] = list(np.indices(places.shape, sparse=True))
    grid[at] = places
    return tuple(grid)


def scatter(x: Any, dim: int, index: Any, src: Any, *, reduce: str | None = None) -> Tensor:
    """Put src (a Tensor or a number) into a copy of x at the places that gather reads.

    reduce: None replaces (where places repeat, the last stays); "add" and "multiply" combine.
    """
    choice("scatter", "reduce", reduce, (None, "add", "multiply"))
    x = tensor_of(x)
    grid = _grid("scatter", x, dim, index)
    shape = np.broadcast_shapes(*(g.shape for g in grid))
    value = _source("scatter", src, shape)
    if reduce == "add":
        spread = value if is_array(value) else np.full(shape, value, x.dtype)
        return x + _added_at(spread, grid, x.shape)  # type: ignore[no-any-return]
    if reduce is None:
        return _set_at(x, value, grid)
    for some in _rounds(grid, shape, x.shape):  # in each, no place repeats
        factor = value[some] if is_array(value) else value
        there = tuple(np.broadcast_to(g, shape)[some] for g in grid)
        x = _set_at(x, x[there] * factor, there)
    return x  # type: ignore[no-any-return]


def scatter_add(x: Any, dim: int, index: Any, src: Any) -> Tensor:
    """Add src to a copy of x at the places that gather reads; repeats add up."""
    return scatter(x, dim, index, src, reduce="add")


def _source(name: str, src: Any, shape: tuple[int, ...]) -> Any:
    if not is_array(src) and np.ndim(src) == 0:
        return src
    value = tensor_of(src)
    fits = value.ndim == len(shape) and all(
        n <= m for n, m in zip(shape, value.shape, strict=True)
    )
    if not fits:
        raise ShapeError("scatter_src", op=name, src=value.shape, index=shape)
    return value if value.shape == shape else value[tuple(map(slice, shape))]


def _rounds(grid: Any, shape: tuple[int, ...], target: tuple[int, ...]) -> list[Any]:
    """Part the elements so that within a part no place is named twice, each part in order."""
    flat = np.ravel_multi_index(
        tuple(np.broadcast_to(g % n, shape).ravel() for g, n in zip(grid, target, strict=True)),
        target,
    )
    order = np.argsort(flat, kind="stable")
    ordered = flat[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]])[: flat.size]
    count = np.arange(flat.size)
    turn = np.empty(flat.size, np.intp)
    turn[order] = count - np.maximum.accumulate(np.where(new, count, 0))
    turns = turn.reshape(shape)
    return [np.nonzero(turns == i) for i in range(int(turn.max(initial=-1)) + 1)]


# ── by a mask ───────────────────────────────────────────────────────────────────────────────────


def masked_fill(x: Any, mask: Any, value: Any) -> Tensor:
    """Put a value where the mask is true; the mask broadcasts with x."""
    x, mask = tensor_of(x), _mask("masked_fill", mask)
    if is_array(value):
        value = tensor_of(value)
        value = value if value.dtype == x.dtype else value.to(x.dtype)
    return _where(mask, value, x)


def masked_select(x: Any, mask: Any) -> Tensor:
    """Pick the elements where the mask is true, in one row; x and mask broadcast."""
    x, mask = tensor_of(x), _mask("masked_select", mask)._data
    shape = np.broadcast_shapes(x.shape, mask.shape)
    whole = x if x.shape == shape else _broadcast_to(x, shape)
    return _getitem(whole, np.broadcast_to(mask, shape).copy())


def _mask(name: str, mask: Any) -> Tensor:
    mask = tensor_of(mask)
    if mask._data.dtype != bool:
        raise DTypeError("not_a_mask", op=name, dtype=mask.dtype)
    return mask  # type: ignore[no-any-return]


def nonzero(x: Any, *, as_tuple: bool = False) -> Any:
    """Give where x is not 0: rows of indices (n, ndim), or as_tuple, one vector per axis."""
    places = np.nonzero(np.atleast_1d(array_of(x)))
    if as_tuple:
        return tuple(map(constant, places))
    found = np.stack(places, axis=1)
    return constant(found if np.ndim(array_of(x)) else found[:, :0])


argwhere = nonzero


def one_hot(x: Any, num_classes: int = -1) -> Tensor:
    """Give 1 at each class index and 0 elsewhere, along a new last axis; integers, (..., K).

    num_classes: K; −1 for as many as the largest index needs. Raises LabelError for one outside.
    """
    labels = indices_of("one_hot", x)
    if labels.size == 0 and num_classes < 1:
        raise OptionError("one_hot_classes", given=num_classes)
    classes = int(labels.max()) + 1 if num_classes == -1 else num_classes
    outside = (labels < 0) | (labels >= classes)
    if outside.any():
        first = int(np.flatnonzero(outside)[0])
        raise LabelError(
            "label_range", label=int(labels.reshape(-1)[first]), place=first, classes=classes
        )
    return constant((labels[..., None] == np.arange(classes)).astype(np.int64))


# ── sets and bins; no gradient ──────────────────────────────────────────────────────────────────


def unique(
    x: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
    dim: int | None = None, *, axis: int | None = None,
) -> Any:
    """Give the elements (or slices along an axis) without repeats, in ascending order."""
    options: Any = {"return_inverse": return_inverse, "return_counts": return_counts}
    found: Any = np.unique(array_of(x), axis=axis_of("unique", dim, axis), **options)
    return tuple(map(constant, found)) if isinstance(found, tuple) else constant(found)


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """Count how often each of 0, 1, ... occurs, or add up its weights (differentiable)."""
    places = constant(indices_of("bincount", x))
    return op(np.bincount)(places, weights=weights, minlength=minlength)


def searchsorted(sorted_sequence: Any, values: Any, *, right: bool = False) -> Tensor:
    """Give where values would go into an ascending vector; right: after equal ones."""
    side: Any = "right" if right else "left"
    return constant(np.searchsorted(array_of(sorted_sequence), array_of(values), side=side))


__all__ = [
    "argwhere", "bincount", "gather", "index_add", "index_copy", "index_fill", "index_select",
    "masked_fill", "masked_select", "narrow", "nonzero", "one_hot", "scatter", "scatter_add",
    "searchsorted", "select", "take", "take_along_axis", "take_along_dim", "unique",
]
