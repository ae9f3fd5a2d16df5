"""Elements picked, put, sorted and slid over.

Each adjoint is one of the primitives, and each primitive's adjoint is here too, so a gradient can
be taken to any order: getitem ↔ scatter_add, take_along_axis ↔ put_along, windows ↔ fold.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.stride_tricks import sliding_window_view

from ..errors import OptionError, ShapeError
from ..vocabulary.domain import Sampler, call
from ..vocabulary.primitive import primitive
from ..vocabulary.primitives import (
    beside,
    fold,
    getitem,
    may_repeat,
    put_along,
    scatter_add,
    set_at,
)
from ..vocabulary.rule import composite, constant, rule
from .given import fitted, values_of

Array = Any
Shape = tuple[int, ...]
ALL = slice(None)

# ── the pairs ───────────────────────────────────────────────────────────────────────────────────


def _indices(s: Sampler) -> list[tuple[Shape, Any]]:
    """List indices of every kind, with a shape that each fits."""
    return [
        ((3,), 1), ((2, 3), (ALL, -1)), ((4, 3), slice(None, None, -2)), ((2, 3), (None, 0)),
        ((2, 3, 4), (Ellipsis, 1)), ((2, 3, 4), (1, Ellipsis, slice(1, None, 2))), ((2, 3), ()),
        ((4,), np.array([0, 2, 0])), ((4, 2), np.array([[0, -1], [3, 0]])),
        ((3, 4), (np.array([0, 2, 0]), np.array([1, 1, 1]))), ((3, 4), (ALL, np.array([1, 1]))),
        ((2, 3, 4), (ALL, np.array([2, 0, 2]))), ((3, 4, 2), (np.array([0, 0]), ALL, 1)),
        ((2, 3), np.array([[True, False, True], [False, True, False]])),
        ((3, 2), np.array([True, False, True])),
        ((3, 4), (np.array([True, False, True]), np.array([1, 1]))),
        ((3,), np.array(1)), ((2, 3), (None, np.array([0, 0]), slice(1, 3))), ((3,), slice(0, 0)),
        ((0, 2), np.array([], int)),
    ]


rule(
    getitem,
    lambda g, x_shape, index: scatter_add(g, index, x_shape),
    about="x[index]",
    samples=lambda s: [call(s(*shape), index) for shape, index in _indices(s)],
)
rule(
    scatter_add,
    lambda g, x_shape, index, shape: fitted(getitem(g, index), x_shape),
    about="values added up at their places",
    samples=lambda s: [
        call(s(*np.empty(shape)[index].shape), index, shape) for shape, index in _indices(s)
    ],
)


@primitive
def remains(index: Any, shape: Shape) -> Array:
    """Tell which of the values put at `index` stay there: the last one, where places repeat."""
    parts = index if isinstance(index, tuple) else (index,)
    place = next(p for p in parts if may_repeat(p) and not isinstance(p, list))
    mark = np.zeros(shape, np.intp, like=place)
    order = np.arange(mark[index].size, like=place).reshape(mark[index].shape)
    return set_at(mark, order, index)[index] == order


def _set_at_value_pull(g: Array, a_shape: Shape, b_shape: Shape, index: Any) -> Array:
    h = getitem(g, index)
    parts = index if isinstance(index, tuple) else (index,)
    if any(map(may_repeat, parts)):
        h = h * remains(index, a_shape)
    return fitted(h, b_shape)


rule(
    set_at,
    lambda g, index: set_at(g, 0, index),
    _set_at_value_pull,
    about="a copy with x[index] = value",
    samples=lambda s: [
        *(call(s(*shape), s(*np.empty(shape)[index].shape), index) for shape, index in _indices(s)),
        call(s(2, 3), s(), 0), call(s(2, 3), s(3), ALL), call(s(4), s(), np.array([1, 1])),
        call(s(2, 3), s(1, 1, 3), Ellipsis),
    ],
)


def _along(g: Array, b: Array, axis: int | None, shape: Shape) -> Array:
    if axis is None:
        return np.reshape(put_along(g, b, 0, (math.prod(shape),)), shape)
    return put_along(g, b, axis, shape)


rule(
    np.take_along_axis,
    lambda g, a_shape, b, axis=-1: _along(g, b, axis, a_shape),
    None,
    signature="(arr, indices, axis=-1)",
    about="elements picked along an axis, place by place",
    samples=lambda s: [
        call(s(2, 3), s.integers(3, 2, 4), 1), call(s(2, 3), s.integers(2, 1, 3), 0),
        call(s(2, 3), s.integers(3, 1, 2), axis=-1), call(s(2, 3), s.integers(6, 4), None),
    ],
)
rule(
    put_along,
    lambda g, b, axis, shape: np.take_along_axis(g, b, axis=axis),
    None,
    about="values added up along an axis, place by place",
    samples=lambda s: [
        call(s(2, 4), s.integers(3, 2, 4), 1, (2, 3)),
        call(s(1, 3), s.integers(2, 1, 3), 0, (2, 3)),
        call(s(2, 2), s.integers(3, 1, 2), -1, (2, 3)),
    ],
)


def each(axis: Any, ndim: int) -> tuple[int, ...]:
    """Give the axes that windows slide over, all of them for None, counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    return normalize_axis_tuple(axis, ndim, allow_duplicate=True)


def window(shape: Any) -> Shape:
    """Give the shape of a window as a tuple."""
    return (shape,) if isinstance(shape, int) else tuple(shape)


rule(
    sliding_window_view,
    lambda g, x_shape, window_shape, axis=None: fold(
        g, window(window_shape), each(axis, len(x_shape)), x_shape
    ),
    about="every window of a length, along new axes",
    samples=lambda s: [
        call(s(5), 3), call(s(4, 5), (2, 3)), call(s(2, 5), 2, axis=-1),
        call(s(2, 4, 4), (2, 2), (1, 2)),
        call(s(2, 4, 4), (2, 2), (2, 1)), call(s(5), (2, 2), (0, 0)),
    ],
)
rule(
    fold,
    lambda g, window, axis, shape: sliding_window_view(g, window, axis=axis),
    about="windows added back to where they came from",
    samples=lambda s: [
        call(s(3, 3), (3,), (0,), (5,)), call(s(2, 3, 3, 2, 2), (2, 2), (1, 2), (2, 4, 4)),
    ],
)

# ── picking ─────────────────────────────────────────────────────────────────────────────────────


@composite(
    np.take, about="elements picked by their places",
    samples=lambda s: [
        call(s(2, 3), [0, 5, 0]), call(s(2, 3), np.array([[1, 1], [2, 0]]), axis=1), call(s(3), 1),
        call(s(4, 2), [5, -1], axis=0, mode="wrap"), call(s(4), [7, -3], mode="clip"),
    ],
)
def take(a: Array, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Array:
    """Pick elements along an axis, or of the flattened array."""
    if axis is None or a.ndim == 0:
        a, axis = np.ravel(a), 0 if axis is None else axis
    (axis,) = normalize_axis_tuple(axis, a.ndim)
    places = values_of(indices, own=True)
    n = a.shape[axis]
    if mode == "wrap":
        places = places % n
    elif mode == "clip":
        places = np.clip(places, 0, n - 1)
    elif mode != "raise":
        raise OptionError("no_such_mode", op="np.take", given=mode, known="raise, wrap, clip")
    if places.size == 0:
        places = places.astype(np.intp)
    return getitem(a, (ALL,) * axis + (places,))


@composite(
    np.compress, about="slices picked by a mask",
    samples=lambda s: [
        call([True, False, True], s(2, 3), axis=1), call([False, True], s(2, 3), 0),
        call([True, False, True], s(2, 3)),
    ],
)
def compress(condition: Any, a: Array, axis: int | None = None) -> Array:
    """Pick the slices along an axis where a vector is true."""
    return np.take(a, np.flatnonzero(values_of(condition)), axis=axis)


@composite(
    np.extract, about="elements picked by a mask",
    samples=lambda s: [call(np.array([[True, False], [True, True]]), s(2, 2))],
)
def extract(condition: Any, arr: Array) -> Array:
    """Pick the elements where a condition is true."""
    return getitem(np.ravel(arr), np.flatnonzero(values_of(condition)))


@composite(
    np.select, about="the first whose condition holds",
    samples=lambda s: [
        call([s.mask(2, 3), s.mask(3)], [s(2, 3), s(3)], 0.5), call([s.mask(3)], [s(3)]),
        call([s.mask(3), s.mask(3)], [s(3), 2.0], s()),
    ],
)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Array:
    """Choose, element by element, by the first condition that holds."""
    y = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        y = np.where(condition, choice, y)
    return y


@composite(
    np.choose, about="the array that an index names, element by element",
    samples=lambda s: [
        call(np.array([0, 1, 0]), [s(3), s(3)]), call(np.array([[2], [0]]), [s(3), s(), s(3)]),
        call(np.array([3, -1]), [s(2), s(2)], mode="wrap"),
        call(np.array([3, -1]), [s(2), s(2)], mode="clip"),
    ],
)
def choose(a: Any, choices: Any, *, mode: str = "raise") -> Array:
    """Choose between arrays by an array of indices."""
    arrays = list(choices)
    places = values_of(a)
    if mode == "wrap":
        places = places % len(arrays)
    elif mode == "clip":
        places = np.clip(places, 0, len(arrays) - 1)
    elif mode != "raise":
        raise OptionError("no_such_mode", op="np.choose", given=mode, known="raise, wrap, clip")
    elif places.size and not 0 <= np.min(places) <= np.max(places) < len(arrays):
        low, high = int(np.min(places)), int(np.max(places))
        raise OptionError("choice_outside", low=low, high=high, n=len(arrays))
    y = arrays[-1]
    for i, choice in enumerate(arrays[:-1]):
        y = np.where(places == i, choice, y)
    return np.broadcast_to(y, np.broadcast_shapes(places.shape, *map(np.shape, arrays)))


@composite(
    np.piecewise, about="one function where one condition holds, another elsewhere",
    samples=lambda s: [
        call(s.distinct(3), [np.array([True, False, True])], [np.square, np.negative]),
        call(s.distinct(2), [np.array([True, False]), np.array([False, True])], [3.0, np.exp]),
    ],
)
def piecewise(x: Array, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Array:
    """Evaluate functions, each only on the elements whose condition holds."""
    first = condlist[0] if isinstance(condlist, (list, tuple)) and len(condlist) else condlist
    several = np.ndim(first) > 0 if first is not condlist else np.ndim(condlist) > x.ndim
    masks = [values_of(c) != 0 for c in (condlist if several else [condlist])]
    if len(funclist) == len(masks) + 1:
        masks.append(~reduce(np.logical_or, masks))
    if len(funclist) != len(masks):
        raise OptionError("piecewise_functions", conditions=len(masks), functions=len(funclist))
    y = np.zeros_like(x)
    for mask, f in zip(masks, funclist, strict=True):
        y = set_at(y, f(x[mask], *args, **kw) if callable(f) else f, mask)
    return y


# ── order ───────────────────────────────────────────────────────────────────────────────────────


def _sort_pull(
    g: Array, x: Array, x_shape: Shape, axis: int | None = -1, kind: Any = None, stable: Any = None
) -> Array:
    order = np.argsort(x, axis=axis, kind="stable")
    return _along(g, order, axis, x_shape)


rule(
    np.sort,
    _sort_pull,
    evaluate=lambda x, axis, kind, stable: np.sort(x, axis=axis, kind=kind, stable=stable),
    about="in ascending order",
    samples=lambda s: [
        call(s.distinct(5)), call(s.distinct(3, 4), axis=0), call(s.distinct(2, 3), axis=None),
        call(s.distinct(2, 3, 2), 1),
    ],
)


@composite(
    np.partition, about="the k-th smallest in its place",
    samples=lambda s: [call(s.distinct(5), [1, 2, 3]), call(s.distinct(3, 4), 1, axis=0),
    call(s.distinct(3), 1, None)],
)
def partition(a: Array, kth: Any, axis: int | None = -1, *, kind: Any = "introselect") -> Array:
    """Reorder so that the k-th smallest is in its place, the smaller before it."""
    if axis is None:
        a, axis = np.ravel(a), 0
    return np.take_along_axis(a, np.argpartition(a, kth, axis=axis, kind=kind), axis=axis)


constant(
    np.argsort, np.argpartition, np.lexsort, np.searchsorted, np.digitize, np.nonzero,
    np.flatnonzero, np.argwhere, np.ix_, np.unravel_index, np.ravel_multi_index,
    np.diag_indices_from, np.tril_indices_from, np.triu_indices_from,
    about="places, not values",
)
constant(remains, about="which values stay where places repeat")
constant(beside, about="numbers as an array, where another array is")


@composite(
    np.bincount, about="weights added up by class",
    samples=lambda s: [call(np.array([0, 2, 0]), s(3)),
    call(np.array([1, 1]), weights=s(2), minlength=4)],
)
def bincount(x: Any, /, weights: Array = None, minlength: int = 0) -> Array:
    """Count, or add weights up; differentiable in the weights."""
    places = values_of(x, own=True)
    n = max(minlength, int(np.max(places)) + 1 if places.size else 0)
    if weights is None:
        return counts_of(x, n)
    if weights.shape != places.shape:
        raise ShapeError("weights_shape", op="np.bincount", x=places.shape, weights=weights.shape)
    if places.size and np.min(places) < 0:
        raise OptionError("choice_outside", low=int(np.min(places)), high=n - 1, n=n)
    return scatter_add(weights, places, (n,))


@primitive
def counts_of(x: Any, n: int) -> Array:
    """Count how often each of 0 … n − 1 occurs."""
    return np.bincount(x, minlength=n)


constant(counts_of, about="counts")
