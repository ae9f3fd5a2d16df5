"""Arrays put together and taken apart: concatenate, stack, split, pad, insert."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..errors import OptionError
from ..vocabulary.domain import NONZERO, call
from ..vocabulary.primitive import primitive
from ..vocabulary.rule import composite, rule
from .given import array, pair

Array = Any
Shape = tuple[int, ...]
ALL = slice(None)


def _part(g: Array, i: int, x_shapes: tuple[Shape, ...], axis: int | None = 0) -> Array:
    """Cut the gradient of the i-th array out of that of the whole."""
    if axis is None:
        start = sum(map(math.prod, x_shapes[:i]))
        return np.reshape(g[start : start + math.prod(x_shapes[i])], x_shapes[i])
    axis = axis % g.ndim
    start = sum(shape[axis] for shape in x_shapes[:i])
    return g[(ALL,) * axis + (slice(start, start + x_shapes[i][axis]),)]


rule(
    np.concatenate,
    _part,
    arguments="xs",
    signature="(arrays, /, axis=0, out=None, *, dtype=None, casting='same_kind')",
    about="one array after another along an axis",
    samples=lambda s: [
        call([s(2, 3), s(1, 3)]), call([s(2, 3), s(2, 1), s(2, 0)], axis=-1),
        call((s(2), s(3)), 0), call([s(2, 2), s(3)], axis=None), call([s(2)]),
    ],
)
rule(
    np.stack,
    lambda g, i, axis=0: g[(ALL,) * (axis % g.ndim) + (i,)],
    arguments="xs",
    signature="(arrays, axis=0, out=None, *, dtype=None, casting='same_kind')",
    about="one array after another along a new axis",
    samples=lambda s: [
        call([s(2, 3), s(2, 3)]), call([s(2), s(2), s(2)], axis=-1), call([s(), s()]),
        call((s(2, 3),), 1),
    ],
)


@composite(
    np.vstack, about="one below another",
    samples=lambda s: [call([s(3), s(2, 3)]), call((s(2), s(2))), call([s(), s()])],
)
def vstack(tup: Any) -> Array:
    """Stack rows."""
    return np.concatenate([np.atleast_2d(a) for a in tup], axis=0)


@composite(
    np.hstack, about="one beside another",
    samples=lambda s: [call([s(2, 1), s(2, 3)]), call((s(2), s(3))), call([s(), s()])],
)
def hstack(tup: Any) -> Array:
    """Stack columns; vectors end to end."""
    arrays = [np.atleast_1d(a) for a in tup]
    return np.concatenate(arrays, axis=0 if arrays[0].ndim == 1 else 1)


@composite(
    np.dstack, about="one behind another",
    samples=lambda s: [call([s(2, 3), s(2, 3)]), call((s(2), s(2))),
    call([s(1, 2, 2), s(1, 2, 1)])],
)
def dstack(tup: Any) -> Array:
    """Stack along the third axis."""
    return np.concatenate([np.atleast_3d(a) for a in tup], axis=2)


@composite(
    np.column_stack, about="vectors as columns",
    samples=lambda s: [call([s(3), s(3)]), call([s(3, 2), s(3)])],
)
def column_stack(tup: Any) -> Array:
    """Make vectors the columns of a matrix."""
    arrays = [np.atleast_1d(a) for a in tup]
    return np.concatenate(
        [np.reshape(a, (a.shape[0], 1)) if a.ndim == 1 else a for a in arrays], axis=1
    )


@composite(
    np.append, about="values at the end",
    samples=lambda s: [call(s(2, 3), s(2)), call(s(2, 3), s(1, 3), axis=0), call(s(2), 4.0)],
)
def append(arr: Array, values: Array, axis: int | None = None) -> Array:
    """Put values after an array."""
    if axis is None:
        return np.concatenate([np.ravel(a) for a in pair(arr, values)])
    return np.concatenate([arr, values], axis=axis)


@composite(
    np.block, about="blocks of a matrix",
    samples=lambda s: [
        call([[s(2, 2), s(2, 1)], [s(1, 2), s(1, 1)]]), call([s(2), s(3)]), call([[s(2)], [s(2)]]),
    ],
)
def block(arrays: Any) -> Array:
    """Put nested lists of blocks together, the innermost along the last axis."""
    depth = _depth(arrays)
    return _join(arrays, depth, max(depth, _most_axes(arrays)))


def _depth(arrays: Any) -> int:
    return 1 + max(map(_depth, arrays)) if isinstance(arrays, list) else 0


def _most_axes(arrays: Any) -> int:
    return max(map(_most_axes, arrays)) if isinstance(arrays, list) else np.ndim(arrays)


def _join(arrays: Any, depth: int, ndim: int) -> Array:
    if isinstance(arrays, list):
        return np.concatenate([_join(a, depth - 1, ndim) for a in arrays], axis=-depth)
    shape = np.shape(arrays)
    return np.reshape(arrays, (1,) * (ndim - len(shape)) + shape)


# ── apart ───────────────────────────────────────────────────────────────────────────────────────


def _cut(x: Array, places: Any, axis: int) -> list[Array]:
    ends = [*places, None]
    head = (ALL,) * (axis % x.ndim)
    return [
        x[(*head, slice(a, b))] for a, b in zip([0, *places], ends, strict=True)
    ]


@composite(
    np.array_split, about="in pieces, as equal as can be",
    samples=lambda s: [call(s(5), 3), call(s(2, 4), [1, 3], axis=1), call(s(4, 2), 2, -2)],
)
def array_split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Cut into pieces, or at places."""
    if not isinstance(indices_or_sections, int):
        return _cut(ary, [int(i) for i in np.asarray(indices_or_sections)], axis)
    n = indices_or_sections
    if n <= 0:
        raise OptionError("split_sections", length=ary.shape[axis], given=n)
    each, more = divmod(ary.shape[axis], n)
    sizes = [each + 1] * more + [each] * (n - more)
    return _cut(ary, [sum(sizes[: i + 1]) for i in range(n - 1)], axis)


@composite(
    np.split, about="in equal pieces",
    samples=lambda s: [call(s(6), 3), call(s(2, 4), [1, 3], axis=1), call(s(4, 2), 2, 0)],
)
def split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Cut into equal pieces, or at places."""
    n = indices_or_sections
    if isinstance(n, int) and (n <= 0 or ary.shape[axis] % n):
        raise OptionError("split_sections", length=ary.shape[axis], given=n)
    return np.array_split(ary, n, axis)


@composite(np.hsplit, about="columns apart", samples=lambda s: [call(s(2, 4), 2), call(s(4), [1])])
def hsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    """Cut along axis 1, or a vector along axis 0."""
    return np.split(ary, indices_or_sections, 0 if ary.ndim == 1 else 1)


@composite(np.vsplit, about="rows apart", samples=lambda s: [call(s(4, 2), 2)])
def vsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    """Cut along axis 0."""
    return np.split(ary, indices_or_sections, 0)


@composite(np.dsplit, about="layers apart", samples=lambda s: [call(s(2, 1, 4), [1, 2])])
def dsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    """Cut along axis 2."""
    return np.split(ary, indices_or_sections, 2)


if hasattr(np, "unstack"):  # NumPy 2.1

    @composite(
        np.unstack, about="slices along an axis",
        samples=lambda s: [call(s(2, 3)), call(s(2, 3), axis=-1)],
    )
    def unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
        """Take every slice along an axis."""
        head = (ALL,) * (axis % x.ndim)
        return tuple(x[(*head, i)] for i in range(x.shape[axis]))


# ── around, between ─────────────────────────────────────────────────────────────────────────────


@primitive
def pad_with(x: Array, widths: tuple[tuple[int, int], ...], value: float) -> Array:
    """Surround x with one value; `widths` has the counts before and after, for each axis."""
    y = np.full_like(
        x, value, shape=[n + a + b for n, (a, b) in zip(x.shape, widths, strict=True)], order="C"
    )
    y[_middle(x.shape, widths)] = x
    return y


def _middle(shape: Shape, widths: Any) -> tuple[slice, ...]:
    return tuple(slice(a, a + n) for n, (a, _) in zip(shape, widths, strict=True))


rule(
    pad_with,
    lambda g, x_shape, widths, value: g[_middle(x_shape, widths)],
    about="one value all around",
    samples=lambda s: [call(s(2, 3), ((1, 0), (0, 2)), 0.5), call(s(), (), 1.0)],
)


@composite(
    np.pad, about="more values at the edges",
    samples=lambda s: [
        call(s(2, 3), 1), call(s(2, 3), ((1, 0), (0, 2)), constant_values=0.5), call(s(3), (1, 2)),
        call(s(2, 3), ((1, 2), (0, 1)), constant_values=((1, 2), (3, 4))),
        *(call(s(3, 4), ((1, 2), (0, 3)), m) for m in ("edge", "reflect", "symmetric", "wrap")),
        call(s(3), 7, mode="reflect"),
    ],
)
def pad(
    array: Array, pad_width: Any, mode: Any = "constant", *, constant_values: Any = 0,
    reflect_type: str = "even",
) -> Array:
    """Pad with constants, or with the array's own elements."""
    if isinstance(pad_width, dict):
        given = {a % array.ndim: w for a, w in pad_width.items()}
        pad_width = [given.get(a, 0) for a in range(array.ndim)]
        pad_width = [(w, w) if isinstance(w, int) else w for w in pad_width]
    pairs = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    widths = tuple((a, b) for a, b in pairs)
    if mode == "constant":
        values = np.asarray(constant_values)
        if values.size == 1:
            return pad_with(array, widths, values.item())
        for axis, (low, high) in enumerate(np.broadcast_to(values, (array.ndim, 2)).tolist()):
            for value, side in ((low, 0), (high, 1)):
                here = [(0, 0)] * array.ndim
                here[axis] = (0, widths[axis][1]) if side else (widths[axis][0], 0)
                array = pad_with(array, tuple(here), value)
        return array
    if mode not in ("edge", "reflect", "symmetric", "wrap") or reflect_type != "even":
        known = "constant, edge, reflect, symmetric, wrap (reflect_type='even')"
        raise OptionError("no_such_mode", op="np.pad", given=mode, known=known)
    for axis, width in enumerate(widths):
        if width != (0, 0):
            places = np.pad(np.arange(array.shape[axis]), width, mode)
            array = np.take(array, places, axis=axis)
    return array


@composite(
    np.insert, about="values between",
    samples=lambda s: [
        call(s(4), 1, s()), call(s(4), [1, 3], s(2)), call(s(2, 3), 1, s(2), axis=1),
        call(s(2, 3), slice(0, 2), s(2, 3), axis=0), call(s(2, 3), -1, s()),
        call(s(3, 2), [0, 2], s(2), axis=0),
    ],
)
def insert(arr: Array, obj: Any, values: Array, axis: int | None = None) -> Array:
    """Insert values before places along an axis."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    axis = axis % arr.ndim
    n = arr.shape[axis]
    places = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    values = array(values, arr)
    values = np.reshape(values, (1,) * (arr.ndim - values.ndim) + values.shape)
    if places.ndim == 0:
        values = np.moveaxis(values, 0, axis)  # as NumPy does for a single place
    count = values.shape[axis] if places.size == 1 else places.size
    shape = tuple(count if a == axis else m for a, m in enumerate(arr.shape))
    both = np.concatenate([arr, np.broadcast_to(values, shape)], axis=axis)
    marks = n + np.arange(count)  # NumPy itself finds the new order, on the places' numbers
    return np.take(both, np.insert(np.arange(n), obj, marks), axis=axis)


@composite(
    np.delete, about="elements left out",
    samples=lambda s: [
        call(s(4), 1), call(s(2, 3), [0, 2], axis=1), call(s(2, 3), slice(1, 3)), call(s(3), -1),
    ],
)
def delete(arr: Array, obj: Any, axis: int | None = None) -> Array:
    """Leave elements out along an axis."""
    if axis is None:
        arr, axis = np.ravel(arr), 0
    return np.take(arr, np.delete(np.arange(arr.shape[axis]), obj), axis=axis)


@composite(
    np.trim_zeros, about="zeros cut off the ends",
    samples=lambda s: [call(s(5, domain=NONZERO)), call(s(3, domain=NONZERO), "f")],
)
def trim_zeros(filt: Array, trim: str = "fb", axis: Any = None) -> Array:
    """Cut zeros off the front and the back, along every axis or the given ones."""
    axes = range(filt.ndim) if axis is None else normalize_axis_tuple(axis, filt.ndim)
    places = np.argwhere(filt)
    index = [ALL] * filt.ndim
    for a in axes:
        first, last = 0, filt.shape[a]
        if places.shape[0] == 0:
            last = 0
        else:
            first = int(np.min(places[:, a])) if "f" in trim.lower() else first
            last = int(np.max(places[:, a])) + 1 if "b" in trim.lower() else last
        index[a] = slice(first, last)
    return filt[tuple(index)]
