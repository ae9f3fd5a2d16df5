"""Functions that show memory in another way (transpositions, shapes, indices), and dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ...errors import CompileError
from ...vocabulary import primitives
from ...vocabulary.primitive import raw
from .. import operations as ops
from ..trace import Tape, Trace, reduced
from ..trace import where as line_of_user
from ..whole import opaque
from .entering import lowers, tape_of

Array = Any

@lowers(np.transpose, np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    """Order the axes anew."""
    order = range(a.ndim)[::-1] if axes is None else [i % a.ndim for i in axes]
    if tuple(order) == tuple(range(a.ndim)):
        return a
    made = a.tape.apply(ops.transpose, (a,), axes=tuple(order))
    back = [list(order).index(i) for i in range(a.ndim)]
    return a.viewed(made, lambda new: transpose(new, back))


@lowers(np.matrix_transpose)
def matrix_transpose(x: Any) -> Any:
    """Swap the last two axes."""
    return swapaxes(x, -1, -2)


@lowers(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Swap two axes."""
    order = list(range(a.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(a, order)


@lowers(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Move axes to other places."""
    src = [source] if isinstance(source, int) else list(source)
    dst = [destination] if isinstance(destination, int) else list(destination)
    src, dst = [i % a.ndim for i in src], [i % a.ndim for i in dst]
    rest = [i for i in range(a.ndim) if i not in src]
    for place, axis in sorted(zip(dst, src, strict=True)):
        rest.insert(place, axis)
    return transpose(a, rest)


@lowers(np.reshape)
def reshape(a: Any, shape: Any, order: str = "C", **newer: Any) -> Any:
    """Give another shape."""
    if order != "C":
        return transpose(reshape(transpose(a), tuple(reversed(known_shape(a, shape)))))
    wanted = known_shape(a, shape)
    if wanted == a.shape:
        return a
    shape = a.shape
    return a.viewed(
        a.tape.apply(ops.reshape, (a,), shape=wanted), lambda new: reshape(new, shape)
    )


def known_shape(a: Any, shape: Any) -> tuple[int, ...]:
    """Work out a −1 in a shape."""
    standin = np.broadcast_to(np.empty((), bool), a.shape)
    return tuple(standin.reshape(shape).shape)


@lowers(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """Lay all elements in a row."""
    return reshape(a, (a.size,), order)


@lowers(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    """Add axes of length 1."""
    return reshape(a, np.expand_dims(np.broadcast_to(np.empty(()), a.shape), axis).shape)


@lowers(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    """Take axes of length 1 out."""
    return reshape(a, np.squeeze(np.broadcast_to(np.empty(()), a.shape), axis).shape)


@lowers(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """Repeat along axes."""
    wanted = (shape,) if isinstance(shape, int) else tuple(shape)
    if wanted == array.shape:
        return array
    return array.viewed(array.tape.apply(ops.broadcast, (array,), shape=wanted), None)


@lowers(ops.getitem, primitives.getitem)
def getitem(x: Any, index: Any) -> Any:
    """Index: slices and integers as a view, arrays of indices whole."""
    basic = plain_index(index, x.shape) if isinstance(x, Trace) else None
    labels = picked_rows(index, x.shape)
    if labels is not None:
        hot = one_hot(labels, x.shape[1])
        zero = x.tape.constant(np.zeros((), x.dtype))
        return reduced(np.sum, x.tape.apply(np.where, (hot, x, zero)), 1)
    if basic is None:
        tape = tape_of(x, *_parts(index))
        return tape.apply(*opaque(_index, (x, without_masks(tape, index)), {}, "index"))
    index, shape = basic
    part = x
    if index != (slice(None),) * x.ndim:
        made = x.tape.apply(ops.getitem, (x,), index=index)
        part = x.viewed(made, lambda new: put(x, new, index))
    return reshape(part, shape)


def picked_rows(index: Any, shape: tuple[int, ...]) -> Any:
    """Give the labels t of an index (0 … N − 1, t), which picks one element a row, or None."""
    if not (isinstance(index, tuple) and len(index) == 2 == len(shape)):
        return None
    rows, labels = index
    if isinstance(rows, Trace):
        rows = rows.tape.program.constants.get(rows.value)
    is_each = isinstance(rows, ndarray) and np.array_equal(rows, np.arange(shape[0]))
    is_label = isinstance(labels, Trace) and labels.dtype.kind in "iu"
    return labels if is_each and is_label and labels.shape == (shape[0],) else None


def one_hot(labels: Trace, classes: int) -> Any:
    """Tell for each row which class is its label: booleans (N, K). A negative one counts back."""
    tape = labels.tape
    numbers = np.arange(classes, dtype=labels.dtype).reshape(1, classes)
    column = reshape(labels, (labels.size, 1))
    if labels.dtype.kind == "i":
        column = tape.apply(np.where, (column < 0, column + classes, column))
    return column == tape.constant(numbers)


@lowers(primitives.scatter_add)
def scatter_add(g: Any, index: Any, shape: Any) -> Any:
    """Add into zeros at an index: one element a row, a plain index, or whole."""
    tape = tape_of(g, *_parts(index))
    labels = picked_rows(index, tuple(shape))
    if labels is not None:
        zero = tape.constant(np.zeros((), g.dtype))
        column = reshape(g, (g.size, 1))
        return tape.apply(np.where, (one_hot(labels, shape[1]), column, zero))
    if plain_index(index, tuple(shape)) is not None:
        return put(full(tape, 0, tuple(shape), g.dtype), g, index)
    given = g, without_masks(tape, index), tuple(shape)
    return tape.apply(*opaque(raw(primitives.scatter_add), given, {}, "scatter_add"))


def without_masks(tape: Tape, index: Any) -> Any:
    """Take masks for granted: how many places they name must be known. Others are refused."""

    def settled(part: Any) -> Any:
        if not hasattr(part, "dtype") or part.dtype != np.bool_ or not np.ndim(part):
            return part
        if isinstance(part, Trace) and (part.home is None or part.versions):
            raise CompileError("compile_mask", line=line_of_user())
        part = part.home if isinstance(part, Trace) else part
        mask = np.array(part)
        tape.assume(np.all(tape.state(part) == tape.constant(mask)))
        return tuple(tape.constant(places) for places in mask.nonzero())

    if not isinstance(index, tuple):
        return settled(index)
    flat: list[Any] = []
    for part in index:
        done = settled(part)
        flat.extend(done if type(done) is tuple else (done,))
    return tuple(flat)


def _parts(index: Any) -> Sequence[Any]:
    return index if isinstance(index, tuple) else (index,)


def _index(x: Array, index: Any) -> Array:
    return x[index]


def plain_index(
    index: Any, shape: tuple[int, ...]
) -> tuple[tuple[Any, ...], tuple[int, ...]] | None:
    """Give an index of slices and integers alone, one an axis, and the result's shape, or None."""
    parts = list(_parts(index))
    if any(not (p is None or p is Ellipsis or _is_int(p) or isinstance(p, slice)) for p in parts):
        return None
    standin = np.broadcast_to(np.empty((), bool), shape)
    wanted = standin[tuple(parts)].shape  # raises IndexError as NumPy does
    if Ellipsis not in parts:
        parts.append(Ellipsis)
    used = sum(p is not None and p is not Ellipsis for p in parts)
    at = parts.index(Ellipsis)
    parts[at : at + 1] = [slice(None)] * (len(shape) - used)
    plain: list[Any] = []
    for part in (p for p in parts if p is not None):
        n = shape[len(plain)]
        if isinstance(part, slice):
            start, stop, step = part.indices(n)
            whole = (start, stop, step) == (0, n, 1)
            end = None if stop < 0 else stop
            plain.append(slice(None) if whole else slice(start, end, step))
        else:
            plain.append(int(part) % n)
    return tuple(plain), wanted


def _is_int(part: Any) -> bool:
    return isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_))


@lowers(ops.put)
def put(x: Any, value: Any, index: Any) -> Any:
    """Put values at an index: of slices and integers, or of arrays, whole."""
    tape = tape_of(x, value, *_parts(index))
    basic = plain_index(index, x.shape)
    if basic is None:
        given = x, value, without_masks(tape, index)
        return tape.apply(*opaque(raw(primitives.set_at), given, {}, "set_at"))
    plain, shape = basic
    if plain == (slice(None),) * x.ndim:
        return full(tape, value, x.shape, x.dtype)
    part = np.broadcast_to(np.empty((), bool), x.shape)[plain].shape
    extra = np.ndim(value) - len(part)
    if extra > 0 and np.shape(value)[:extra] == (1,) * extra:  # NumPy puts up with these
        value = np.reshape(value, np.shape(value)[extra:])
    if shape != part and isinstance(value, (Trace, ndarray)) and np.shape(value) == shape:
        value = np.reshape(value, part)
    return tape.apply(ops.put, (x, full(tape, value, part, x.dtype)), index=plain)


@lowers(primitives.set_at)
def set_at(x: Any, value: Any, index: Any) -> Any:
    """Copy x with values put at an index."""
    return put(x, value, index)


def full(tape: Tape, value: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Give an array of a shape and dtype filled with a number or an array's values."""
    value = tape.taken(value)
    if not isinstance(value, Trace):
        value = tape.constant(np.asarray(value, dtype))
    return broadcast_to(astype(value, dtype), shape)


@lowers(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """Turn axes round."""
    axes = range(m.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    turned = {a % m.ndim for a in axes}
    return getitem(m, tuple(slice(None, None, -1 if i in turned else 1) for i in range(m.ndim)))


@lowers(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Cut along an axis."""
    numbers = np.split(np.arange(ary.shape[axis]), indices_or_sections)
    ends = np.cumsum([len(n) for n in numbers])
    place = [slice(None)] * ary.ndim
    parts = []
    for n, end in zip(numbers, ends, strict=True):
        place[axis] = slice(int(end) - len(n), int(end))
        parts.append(getitem(ary, tuple(place)))
    return parts


@lowers(ops.astype, primitives.astype, np.astype)
def astype(x: Any, dtype: Any, copy: bool = True) -> Any:
    """Convert to a dtype."""
    kind = np.dtype(dtype)
    return x.copy() if x.dtype == kind else x.tape.apply(ops.astype, (x,), dtype=kind)
