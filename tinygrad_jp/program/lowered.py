"""What NumPy's functions and our primitives are made of, in the operations of a Program.

A function that is not here is recorded whole, and run by NumPy between native stretches. Each one
here takes and gives Traces, and means exactly what the function does on arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from ..vocabulary import activations, layers, primitives
from ..vocabulary.rule import Function
from . import operations as ops
from .trace import LOWERED, Tape, Trace, opaque, reduced

Array = Any


def lowers(*fns: Function) -> Callable[[Function], Function]:
    """Enter a function below as what `fns` are made of."""

    def enter(made: Function) -> Function:
        LOWERED.update(dict.fromkeys(fns, made))
        return made

    return enter


def tape_of(*xs: Any) -> Tape:
    """Give the tape of the first Trace among the arguments."""
    return next(x.tape for x in xs if isinstance(x, Trace))


# ── views ───────────────────────────────────────────────────────────────────────────────────────


@lowers(np.transpose, np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    """Order the axes anew."""
    order = range(a.ndim)[::-1] if axes is None else [i % a.ndim for i in axes]
    if tuple(order) == tuple(range(a.ndim)):
        return a
    return a.viewed(a.tape.apply(ops.transpose, (a,), axes=tuple(order)))


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
    return a.viewed(a.tape.apply(ops.reshape, (a,), shape=wanted))


def known_shape(a: Any, shape: Any) -> tuple[int, ...]:
    """Work out a −1 in a shape."""
    standin = np.broadcast_to(np.empty((), bool), a.shape)
    return standin.reshape(shape).shape


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
    return array.viewed(array.tape.apply(ops.broadcast, (array,), shape=wanted))


@lowers(ops.getitem, primitives.getitem)
def getitem(x: Any, index: Any) -> Any:
    """Index: slices and integers as a view, arrays of indices whole."""
    basic = plain_index(index, x.shape) if isinstance(x, Trace) else None
    if basic is None:
        return tape_of(x, *_parts(index)).apply(*opaque(_index, (x, index), {}, "index"))
    index, shape = basic
    part = x
    if index != (slice(None),) * x.ndim:
        part = x.viewed(x.tape.apply(ops.getitem, (x,), index=index))
    return reshape(part, shape)


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
        return tape.apply(*opaque(primitives.set_at.raw, (x, value, index), {}, "set_at"))  # type: ignore[attr-defined]
    plain, shape = basic
    if plain == (slice(None),) * x.ndim:
        return full(tape, value, x.shape, x.dtype)
    part = np.broadcast_to(np.empty((), bool), x.shape)[plain].shape
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


# ── joining, filling, converting ────────────────────────────────────────────────────────────────


@lowers(np.concatenate, np.concat)
def concatenate(arrays: Any, axis: Any = 0) -> Any:
    """Join arrays."""
    xs = list(arrays)
    if axis is None:
        xs, axis = [np.ravel(x) for x in xs], 0
    return tape_of(*xs).apply(ops.concatenate, xs, axis=axis % xs[0].ndim)


@lowers(np.stack)
def stack(arrays: Any, axis: int = 0) -> Any:
    """Join arrays along a new axis."""
    return concatenate([np.expand_dims(x, axis) for x in arrays], axis)


@lowers(ops.astype, primitives.astype, np.astype)
def astype(x: Any, dtype: Any, copy: bool = True) -> Any:
    """Convert to a dtype."""
    kind = np.dtype(dtype)
    return x.copy() if x.dtype == kind else x.tape.apply(ops.astype, (x,), dtype=kind)


@lowers(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """Copy."""
    return a.copy()


def _filled(like: Any, value: Any, dtype: Any, shape: Any) -> Any:
    wanted = like.shape if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
    return full(like.tape, value, wanted, like.dtype if dtype is None else np.dtype(dtype))


@lowers(np.zeros_like, np.empty_like)
def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **more: Any
) -> Any:
    """Give zeros."""
    return _filled(a, 0, dtype, shape)


@lowers(np.ones_like)
def ones_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, **more: Any
) -> Any:
    """Give ones."""
    return _filled(a, 1, dtype, shape)


@lowers(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None, **more: Any,
) -> Any:
    """Give one number everywhere."""
    return _filled(a, fill_value, dtype, shape)


@lowers(np.asarray, np.array)
def asarray(a: Any, dtype: Any = None, *more: Any, like: Any = None, **unused: Any) -> Any:
    """Bring numbers or an array in where `like` is recorded."""
    if isinstance(a, ndarray) and dtype is None:
        a = like.tape.state(a)
    if isinstance(a, Trace):
        return a if dtype is None else astype(a, dtype)
    return like.tape.constant(np.asarray(a, dtype))


@lowers(np.arange)
def arange(*ends: Any, dtype: Any = None, like: Any = None, **unused: Any) -> Any:
    """Count, where `like` is recorded."""
    return like.tape.constant(np.arange(*ends, dtype=dtype))


@lowers(primitives.beside)
def beside(value: Any, x: Any, dtype: Any = None) -> Any:
    """Make an array where x is."""
    if isinstance(value, Trace):
        return astype(value, x.dtype if dtype is None else dtype)
    return x.tape.constant(np.asarray(value, x.dtype if dtype is None else dtype))


@lowers(np.where)
def where(condition: Any, *choices: Any) -> Any:
    """Choose; with a condition alone, its places, whole."""
    tape = tape_of(condition, *choices)
    if not choices:
        return tape.apply(*opaque(np.where, (condition,), {}, "np.where"))
    kinds = [c.dtype for c in choices if hasattr(c, "dtype")]
    target = np.result_type(*kinds, *(c for c in choices if not hasattr(c, "dtype")))
    chosen = [astype(c, target) if isinstance(c, Trace) else c for c in choices]
    if not any(isinstance(c, (Trace, ndarray)) for c in chosen):
        chosen = [tape.constant(np.asarray(c, target)) for c in chosen]
    return tape.apply(np.where, (condition, *chosen))


@lowers(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **more: Any) -> Any:
    """Keep within bounds."""
    low, high = more.get("min", a_min), more.get("max", a_max)
    made = a
    if low is not None:
        made = np.maximum(made, low)
    if high is not None:
        made = np.minimum(made, high)
    if out is None:
        return made
    out.write(made)
    return out


def _triangle(m: Any, k: int, keep: Function) -> Any:
    mask = keep(np.ones(m.shape[-2:], bool), k)
    return where(m.tape.constant(mask), m, m.tape.constant(np.zeros((), m.dtype)))


@lowers(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """Keep the lower triangle."""
    return _triangle(m, k, np.tril)


@lowers(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """Keep the upper triangle."""
    return _triangle(m, k, np.triu)


# ── reductions ──────────────────────────────────────────────────────────────────────────────────


def _lower_reductions() -> None:
    names = {np.sum: (), np.prod: (), np.max: (np.amax,), np.min: (np.amin,), np.any: (), np.all: ()}
    for fn, aliases in names.items():

        def reduction(
            a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False,
            *, fn: Function = fn, **more: Any,
        ) -> Any:
            """Reduce along axes."""
            if fn not in (np.sum, np.prod):  # these take no dtype: the third is `out`
                dtype = None
            return reduced(fn, a, axis, keepdims is True, dtype)

        for name in (fn, *aliases):
            LOWERED[name] = reduction


_lower_reductions()


@lowers(np.mean)
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    """Average; half precision is summed in float32."""
    wide = a.astype(np.float32) if a.dtype == np.float16 else a
    if a.dtype.kind in "biu":
        wide = a.astype(np.float64)
    total = reduced(np.sum, wide, axis, keepdims is True, dtype)
    made = total / (wide.size // (total.size or 1))
    return made.astype(a.dtype) if a.dtype == np.float16 else made


@lowers(np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0,
    keepdims: Any = False, *, mean: Any = None, correction: Any = None, **more: Any,
) -> Any:
    """Average the squared distances from the mean."""
    wide = a.astype(np.float32) if a.dtype == np.float16 else a
    middle = LOWERED[np.mean](wide, axis, keepdims=True)
    d = wide - middle
    total = reduced(np.sum, d * d, axis, keepdims is True)
    free = ddof if correction is None else correction
    made = total / max(wide.size // (middle.size or 1) - free, 0)
    return made.astype(a.dtype) if a.dtype == np.float16 else made


@lowers(np.std)
def std(a: Any, *args: Any, **kwargs: Any) -> Any:
    """Give the root of the variance."""
    return np.sqrt(var(a, *args, **kwargs))


# ── products ────────────────────────────────────────────────────────────────────────────────────


@lowers(np.matmul, np.dot)
def matmul(a: Any, b: Any, out: Any = None) -> Any:
    """Multiply matrices; of vectors, sum the products."""
    tape = tape_of(a, b)
    a, b = tape.taken(a), tape.taken(b)
    if not (isinstance(a, Trace) and isinstance(b, Trace)) or 0 in (a.ndim, b.ndim):
        return a * b
    kind = np.result_type(a.dtype, b.dtype)
    a, b = astype(a, kind), astype(b, kind)
    if kind.kind != "f" or max(a.ndim, b.ndim) > 2 and min(a.ndim, b.ndim) < 3 and b.ndim > 2:
        return tape.apply(np.matmul, (a, b))
    if a.ndim > 2 and b.ndim == 2:  # rows of a batch are rows
        flat = matmul(reshape(a, (-1, a.shape[-1])), b)
        return reshape(flat, (*a.shape[:-1], b.shape[-1]))
    if a.ndim == b.ndim == 2 or a.ndim > 2 or b.ndim > 2:
        return tape.apply(np.matmul, (a, b))
    if a.shape[-1] != b.shape[0]:
        raise ValueError(f"shapes {a.shape} and {b.shape} not aligned")
    if a.ndim == b.ndim == 1:
        return reduced(np.sum, a * b, None)
    rows = a if a.ndim == 2 else reshape(a, (1, -1))
    columns = b if b.ndim == 2 else reshape(b, (-1, 1))
    made = tape.apply(np.matmul, (rows, columns))
    return reshape(made, (*a.shape[:-1], *b.shape[1:]))


@lowers(np.outer)
def outer(a: Any, b: Any) -> Any:
    """Multiply each with each."""
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


@lowers(layers.linear)
def linear(x: Any, w: Any, b: Any = None) -> Any:
    """Map rows by weights and a bias."""
    y = matmul(x, np.transpose(w))
    return y if b is None else y + b


@lowers(layers.sum_rows)
def sum_rows(a: Any) -> Any:
    """Sum all rows."""
    return reduced(np.sum, a, tuple(range(a.ndim - 1)))


@lowers(layers.sum_outer)
def sum_outer(a: Any, b: Any) -> Any:
    """Sum outer products over rows, laid out as the weights of nn.Linear are."""
    if a.ndim != 2:
        a, b = np.reshape(a, (-1, a.shape[-1])), np.reshape(b, (-1, b.shape[-1]))
    return transpose(matmul(np.transpose(b), a))


@lowers(primitives.sum_to)
def sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes that were broadcast."""
    extra = x.ndim - len(shape)
    axes = [*range(extra), *(
        i + extra for i, n in enumerate(shape) if n == 1 and x.shape[i + extra] != 1
    )]
    return reshape(reduced(np.sum, x, tuple(axes), True), shape) if axes else reshape(x, shape)


# ── what a network's step spends its time in ────────────────────────────────────────────────────


@lowers(layers.softmax)
def softmax(x: Any, axis: int) -> Any:
    """Give eˣ / Σ eˣ."""
    y = np.exp(x - reduced(np.max, x, axis, True))
    return y / reduced(np.sum, y, axis, True)


@lowers(layers.log_softmax)
def log_softmax(x: Any, axis: int) -> Any:
    """Give x − log Σ eˣ."""
    y = x - reduced(np.max, x, axis, True)
    return y - np.log(reduced(np.sum, np.exp(y), axis, True))


@lowers(layers.logsumexp)
def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Give log Σ eˣ."""
    top = reduced(np.max, x, axis, True)
    top = where(np.isfinite(top), top, x.tape.constant(np.zeros((), x.dtype)))
    total = reduced(np.sum, np.exp(x - top), axis, True)
    y = np.log(total) + top
    return y if keepdims else squeeze(y, axis)


@lowers(layers.cross_entropy)
def cross_entropy(z: Any, t: Any) -> Any:
    """Give the mean of −log softmax at the labels."""
    return cross_entropy_recorded(z, t)[0]


@lowers(layers.cross_entropy_recorded)
def cross_entropy_recorded(z: Any, t: Any) -> Any:
    """Give the loss, and its derivative (softmax(z) − one_hot(t)) / N."""
    tape = tape_of(z, t)
    z, t = tape.taken(z), tape.taken(t)
    layers.cross_entropy_recorded.raw(z.host, t.host)  # type: ignore[attr-defined] - complains now
    if z.dtype == np.float16:
        y, slope = cross_entropy_recorded(z.astype(np.float32), t)
        return y.astype(z.dtype), slope.astype(z.dtype)
    n, k = z.shape
    tape.assume(np.all((t >= 0) & (t < k)))
    hot = reshape(t, (n, 1)) == tape.constant(np.arange(k, dtype=t.dtype).reshape(1, k))
    x = z - reduced(np.max, z, 1, True)
    e = np.exp(x)
    total = reduced(np.sum, e, 1, True)
    picked = where(hot, x, tape.constant(np.zeros((), z.dtype)))
    loss = (reduced(np.sum, np.log(total), None) - reduced(np.sum, picked, None)) / n
    return loss, e / (total * n) - astype(hot, z.dtype) * (1 / n)


@lowers(layers.minus_one_hot)
def minus_one_hot(p: Any, t: Any) -> Any:
    """Subtract 1 at each row's label."""
    tape = tape_of(p, t)
    p, t = tape.taken(p), tape.taken(t)
    k = p.shape[1]
    hot = reshape(t, (-1, 1)) == tape.constant(np.arange(k, dtype=t.dtype).reshape(1, k))
    return p - astype(hot, p.dtype)


@lowers(layers.mse)
def mse(a: Any, b: Any) -> Any:
    """Give the mean square of the difference."""
    d = a - b
    return mean(d * d)


@lowers(activations.sigmoid)
def sigmoid(x: Any) -> Any:
    """Give 1 / (1 + e⁻ˣ)."""
    return activations.sigmoid.raw(x)  # type: ignore[attr-defined]


def as_written(*fns: Function) -> None:
    """Enter primitives whose own text, read on Traces, is what they are made of."""
    for fn in fns:
        LOWERED[fn] = fn.raw  # type: ignore[attr-defined]


as_written(
    activations.relu, activations.leaky_relu, activations.elu, activations.softplus,
    activations.silu, activations.log_sigmoid, primitives.log_or_zero, primitives.within,
)


@lowers(primitives.erf)
def erf(x: Any) -> Any:
    """Give the error function, which has a native form."""
    return x.tape.apply(primitives.erf, (x,))


@lowers(activations.gelu)
def gelu(x: Any) -> Any:
    """Give x · Φ(x)."""
    return x * (primitives.erf(x * activations.SQRT_HALF) * 0.5 + 0.5)


def _shape_of(a: Any) -> Any:
    return a.shape


LOWERED[np.shape] = _shape_of
LOWERED[np.ndim] = lambda a: a.ndim
LOWERED[np.size] = lambda a, axis=None: a.size if axis is None else a.shape[axis]
LOWERED[np.iscomplexobj] = lambda x: False
LOWERED[np.isrealobj] = lambda x: True
LOWERED[np.result_type] = lambda *xs: np.result_type(*(getattr(x, "dtype", x) for x in xs))
LOWERED[np.real] = lambda val: val
LOWERED[np.nan_to_num] = lambda x, copy=True, nan=0.0, posinf=None, neginf=None: _nan_to_num(
    x, nan, posinf, neginf
)


def _nan_to_num(x: Any, nan: float, posinf: float | None, neginf: float | None) -> Any:
    limits = np.finfo(x.dtype)
    top = float(limits.max) if posinf is None else posinf
    bottom = float(limits.min) if neginf is None else neginf
    y = where(np.isnan(x), nan, x)
    y = where(x == math.inf, top, y)
    return where(x == -math.inf, bottom, y)
