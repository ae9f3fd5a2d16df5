"""The same elements in another shape or order: reshape, transpose, flip, spread, triangles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import DTypeError, OptionError
from ..vocabulary import fast
from ..vocabulary.domain import REAL, call
from ..vocabulary.primitive import primitive
from ..vocabulary.primitives import astype, beside, scatter_add, sum_to
from ..vocabulary.rule import composite, constant, rule

Array = Any
Shape = tuple[int, ...]

# ── axes ────────────────────────────────────────────────────────────────────────────────────────


rule(
    np.reshape,
    lambda g, x_shape, shape, order="C": (
        np.reshape(g, x_shape) if order == "C" else np.reshape(g, x_shape, order=order)
    ),
    evaluate=fast.reshape,
    signature="(a, /, shape, order='C', *, copy=None)",
    about="the same elements in another shape",
    samples=lambda s: [
        call(s(2, 3), (3, 2)), call(s(2, 3), -1), call(s(4), (2, 1, -1)), call(s(), (1, 1)),
        call(s(2, 3), (3, 2), order="F"), call(s(0, 3), (3, 0)),
    ],
)


@composite(
    np.ravel, about="all elements in one axis",
    samples=lambda s: [call(s(2, 3)), call(s()), call(s(2, 3), "F")],
)
def ravel(a: Array, order: Any = "C") -> Array:
    """Flatten."""
    return np.reshape(a, (math.prod(a.shape),), order=order)


def inverse(axes: Any, ndim: int) -> Any:
    """Give the permutation that undoes `axes`."""
    if axes is None:
        return None
    order = [axis % ndim for axis in axes]
    return tuple(map(order.index, range(ndim)))


rule(
    np.transpose,
    lambda g, axes=None: np.transpose(g, inverse(axes, g.ndim)),
    about="axes in another order",
    samples=lambda s: [
        call(s(2, 3)), call(s(2, 3, 4)), call(s(2, 3, 4), (1, 2, 0)), call(s(2, 3, 4), (0, -1, 1)),
        call(s(3)), call(s()),
    ],
)
rule(
    np.swapaxes,
    lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2),
    about="two axes exchanged",
    samples=lambda s: [call(s(2, 3, 4), 0, 2), call(s(2, 3), -1, -2), call(s(2, 3), 0, 0)],
)
rule(
    np.moveaxis,
    lambda g, source, destination: np.moveaxis(g, destination, source),
    about="axes moved to new places",
    samples=lambda s: [
        call(s(2, 3, 4), 0, -1), call(s(2, 3, 4), (0, 1), (2, 0)), call(s(2, 3), 1, 1),
    ],
)


@composite(
    np.rollaxis, about="an axis moved in front of another",
    samples=lambda s: [call(s(2, 3, 4), 2), call(s(2, 3, 4), 0, 3), call(s(2, 3, 4), -1, 1)],
)
def rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    """Move an axis back until it lies in front of another."""
    axis, start = (n + a.ndim if n < 0 else n for n in (axis, start))
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@composite(
    np.matrix_transpose, np.linalg.matrix_transpose, about="the last two axes exchanged",
    samples=lambda s: [call(s(2, 3)), call(s(2, 3, 4))],
)
def matrix_transpose(x: Array, /) -> Array:
    """Transpose a batch of matrices."""
    return np.swapaxes(x, -1, -2)


rule(
    np.squeeze,
    lambda g, x_shape, axis=None: np.reshape(g, x_shape),
    about="axes of length 1 left out",
    samples=lambda s: [call(s(2, 1, 3, 1)), call(s(2, 1, 1), axis=-1), call(s(1, 2, 1), (0, 2))],
)
rule(
    np.expand_dims,
    lambda g, x_shape, axis: np.reshape(g, x_shape),
    about="new axes of length 1",
    samples=lambda s: [call(s(2, 3), 0), call(s(2, 3), -1), call(s(3), (0, 2)), call(s(), 0)],
)
rule(
    np.broadcast_to,
    lambda g, x_shape, shape: sum_to(g, x_shape),
    about="repeated along new axes and along those of length 1",
    samples=lambda s: [
        call(s(3), (2, 3)), call(s(2, 1), (2, 3)), call(s(), (2, 2)), call(s(2, 3), (2, 3)),
        call(s(1), 3), call(s(1, 2), (0, 2)),
    ],
)


@composite(
    np.broadcast_arrays, about="every array spread to the shape of all",
    samples=lambda s: [call(s(3), s(2, 1)), call(s(2, 3), s(), s(3))],
)
def broadcast_arrays(*args: Array) -> tuple[Array, ...]:
    """Broadcast arrays against each other."""
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(np.broadcast_to(a, shape) for a in args)


@composite(
    np.meshgrid, about="coordinate vectors → coordinate grids",
    samples=lambda s: [
        call(s(2), s(3)), call(s(2), s(3), s(2), indexing="ij"), call(s(2), s(3), sparse=True),
        call(s(2)),
    ],
)
def meshgrid(
    *xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Array, ...]:
    """Make grids of coordinates."""
    if indexing not in ("xy", "ij"):
        raise OptionError("no_such_mode", op="np.meshgrid", given=indexing, known="xy, ij")
    n = len(xi)
    place = list(range(n))
    if indexing == "xy" and n > 1:
        place[:2] = [1, 0]
    shapes = [[-1 if a == place[i] else 1 for a in range(n)] for i in range(n)]
    grids = [np.reshape(x, shape) for x, shape in zip(xi, shapes, strict=True)]
    return tuple(grids) if sparse else tuple(np.broadcast_arrays(*grids))


def _atleast(ndim: int, x: Array) -> Array:
    missing = ndim - x.ndim
    if missing <= 0:
        return x
    if ndim == 3:  # NumPy puts (n,) at (1, n, 1) and (m, n) at (m, n, 1)
        return np.reshape(x, {0: (1, 1, 1), 1: (1, *x.shape, 1)}.get(x.ndim, (*x.shape, 1)))
    return np.reshape(x, (1,) * missing + x.shape)


def _atleast_all(ndim: int, arrays: tuple[Array, ...]) -> Any:
    made = tuple(_atleast(ndim, a if hasattr(a, "shape") else np.asarray(a)) for a in arrays)
    return made[0] if len(made) == 1 else made


@composite(np.atleast_1d, about="at least one axis", samples=lambda s: [call(s()), call(s(2), s())])
def atleast_1d(*arys: Array) -> Any:
    """Give each array an axis if it has none."""
    return _atleast_all(1, arys)


@composite(
    np.atleast_2d, about="at least two axes",
    samples=lambda s: [call(s()), call(s(2), s(1, 2))],
)
def atleast_2d(*arys: Array) -> Any:
    """Give each array two axes or more."""
    return _atleast_all(2, arys)


@composite(
    np.atleast_3d, about="at least three axes",
    samples=lambda s: [call(s()), call(s(2), s(2, 3)), call(s(1, 2, 1))],
)
def atleast_3d(*arys: Array) -> Any:
    """Give each array three axes or more."""
    return _atleast_all(3, arys)


# ── order along an axis ─────────────────────────────────────────────────────────────────────────

rule(
    np.flip,
    lambda g, axis=None: np.flip(g, axis),
    about="backwards",
    samples=lambda s: [
        call(s(2, 3)), call(s(2, 3), 0), call(s(2, 3), -1), call(s(2, 3, 2), (0, 2)), call(s()),
    ],
)


@composite(np.fliplr, about="columns backwards", samples=lambda s: [call(s(2, 3))])
def fliplr(m: Array) -> Array:
    """Reverse axis 1."""
    return np.flip(m, 1)


@composite(np.flipud, about="rows backwards", samples=lambda s: [call(s(3, 2)), call(s(3))])
def flipud(m: Array) -> Array:
    """Reverse axis 0."""
    return np.flip(m, 0)


def _back(shift: Any) -> Any:
    return [-n for n in shift] if isinstance(shift, (tuple, list)) else -shift


rule(
    np.roll,
    lambda g, shift, axis=None: np.roll(g, _back(shift), axis),
    about="shifted around",
    samples=lambda s: [
        call(s(2, 3), 2), call(s(2, 3), -1, axis=1), call(s(2, 3), (1, 2), axis=(0, 1)),
        call(s(2, 3), 1, axis=(0, 1)), call(s(5), 7),
    ],
)


@composite(
    np.rot90, about="turned by quarters",
    samples=lambda s: [call(s(2, 3), k) for k in (0, 1, 2, -1)] + [call(s(2, 3, 2), 1, (2, 0))],
)
def rot90(m: Array, k: int = 1, axes: Any = (0, 1)) -> Array:
    """Turn by k quarters in the plane of two axes."""
    first, second = (a % m.ndim for a in axes)
    if first == second:
        raise OptionError("axes_repeated", op="np.rot90", given=tuple(axes))
    if k % 4 == 0:
        return m[...]
    if k % 4 == 2:
        return np.flip(m, (first, second))
    if k % 4 == 1:
        return np.swapaxes(np.flip(m, second), first, second)
    return np.flip(np.swapaxes(m, first, second), second)


# ── repetition ──────────────────────────────────────────────────────────────────────────────────


@composite(
    np.repeat, about="each element several times",
    samples=lambda s: [
        call(s(2, 3), 2), call(s(2, 3), 2, axis=1), call(s(2, 3), [1, 0, 2], axis=-1),
        call(s(3), [2]), call(s(), 3),
    ],
)
def repeat(a: Array, repeats: Any, axis: int | None = None) -> Array:
    """Repeat each element along an axis."""
    if axis is None:
        a, axis = np.reshape(a, (math.prod(a.shape),)), 0
    counts = np.asarray(repeats)
    if counts.size != 1:
        return np.take(a, np.repeat(np.arange(a.shape[axis]), counts), axis=axis)
    axis, n = axis % a.ndim, int(counts.reshape(()))
    head, tail = a.shape[: axis + 1], a.shape[axis + 1 :]
    y = np.broadcast_to(np.expand_dims(a, axis + 1), (*head, n, *tail))
    return np.reshape(y, (*head[:-1], head[-1] * n, *tail))


@composite(
    np.tile, about="the whole several times",
    samples=lambda s: [
        call(s(2, 3), 2), call(s(2, 3), (2, 1)), call(s(3), (2, 2)), call(s(2, 2), (2, 1, 3)),
        call(s(), 2),
    ],
)
def tile(A: Array, reps: Any) -> Array:
    """Repeat the array along its axes."""
    times = list(np.atleast_1d(np.asarray(reps)))
    ndim = max(A.ndim, len(times))
    times = [1] * (ndim - len(times)) + [int(t) for t in times]
    shape = (1,) * (ndim - A.ndim) + A.shape
    spread = [k for pair in zip(times, shape, strict=True) for k in pair]
    single = [k for n in shape for k in (1, n)]
    y = np.broadcast_to(np.reshape(A, single), spread)
    return np.reshape(y, [t * n for t, n in zip(times, shape, strict=True)])


@composite(
    np.resize, about="repeated or cut to a new shape",
    samples=lambda s: [call(s(2, 3), (4, 2)), call(s(2, 3), 4), call(s(2), (2, 3))],
)
def resize(a: Array, new_shape: Any) -> Array:
    """Fill a new shape with the elements, over and over."""
    size = math.prod(a.shape)
    shape = (new_shape,) if isinstance(new_shape, int) else tuple(new_shape)
    if size == 0:
        return np.zeros_like(a, shape=shape)
    return np.reshape(a, (size,))[np.resize(np.arange(size), shape)]


# ── triangles and diagonals ─────────────────────────────────────────────────────────────────────

for _triangle in (np.tril, np.triu):
    rule(
        _triangle,
        (lambda g, k=0: np.tril(g, k)) if _triangle is np.tril else (lambda g, k=0: np.triu(g, k)),
        about="a triangle; 0 elsewhere",
        samples=lambda s: [call(s(3, 3)), call(s(2, 3), 1), call(s(2, 3, 2), k=-1)],
    )


def _stride(rows: int, columns: int, offset: int) -> slice:
    """Find a diagonal in a flattened matrix: a slice with a step, so its adjoint is cheap."""
    start = offset if offset >= 0 else -offset * columns
    length = max(0, min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns))
    stop = start + (length - 1) * (columns + 1) + 1 if length else start
    return slice(start, stop, columns + 1)


@composite(
    np.diagonal, about="a diagonal",
    samples=lambda s: [
        call(s(3, 3)), call(s(2, 3), 1), call(s(3, 2), -1), call(s(2, 3, 4), 0, 1, 2),
        call(s(2, 3, 4), offset=1, axis1=-1, axis2=0), call(s(2, 2), 5),
    ],
)
def diagonal(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Take a diagonal of each matrix."""
    if axis1 % a.ndim == axis2 % a.ndim:
        raise OptionError("axes_repeated", op="np.diagonal", given=(axis1, axis2))
    x = np.moveaxis(a, (axis1, axis2), (-2, -1)) if a.ndim > 2 or axis1 % 2 else a
    *head, rows, columns = x.shape
    return np.reshape(x, (*head, rows * columns))[..., _stride(rows, columns, offset)]


@composite(
    np.linalg.diagonal, about="a diagonal of the last two axes",
    samples=lambda s: [call(s(3, 3)), call(s(2, 3, 4), offset=-1)],
)
def linalg_diagonal(x: Array, /, *, offset: int = 0) -> Array:
    """Take a diagonal of each matrix of a batch."""
    return np.diagonal(x, offset, -2, -1)


@composite(
    np.diag, about="a matrix's diagonal, or a vector on the diagonal",
    samples=lambda s: [call(s(3)), call(s(2), 1), call(s(2), k=-2), call(s(3, 2), -1), call(s(0))],
)
def diag(v: Array, k: int = 0) -> Array:
    """Take the diagonal of a matrix, or put a vector there."""
    if v.ndim == 2:
        return np.diagonal(v, k)
    if v.ndim != 1:
        raise OptionError("ndim_needed", op="np.diag", given=v.ndim, known="1, 2")
    n = v.shape[0] + abs(k)
    return np.reshape(scatter_add(v, _stride(n, n, k), (n * n,)), (n, n))


@composite(
    np.diagflat, about="all elements on a diagonal",
    samples=lambda s: [call(s(2, 2)), call(s(), 1)],
)
def diagflat(v: Array, k: int = 0) -> Array:
    """Put all elements on the diagonal of a matrix."""
    return np.diag(np.reshape(v, (math.prod(v.shape),)), k)


# ── copies, and arrays made after another ───────────────────────────────────────────────────────

rule(
    np.copy, lambda g: g, about="a copy", domain=(REAL,), evaluate=lambda x: x.copy()
)


@primitive
def convert(x: Array, dtype: Any) -> Array:
    """Copy x to a dtype that carries no gradient."""
    return x.astype(dtype)


@composite(np.astype, about="another dtype", samples=lambda s: [call(s(2), s.dtype)])
def as_type(x: Array, dtype: Any, /, *, copy: bool = True) -> Array:
    """Convert; into integers and truth values no gradient flows back."""
    kind = np.dtype(dtype)
    if kind.kind not in "biuf" or kind.itemsize > 8:
        raise DTypeError("dtype_unknown", dtype=kind)
    return (astype if kind.kind == x.dtype.kind == "f" else convert)(x, kind)


constant(convert, about="another dtype, without a gradient")
constant(np.zeros_like, np.ones_like, np.empty_like, about="made after another array")


@composite(
    np.full_like, about="one value everywhere",
    samples=lambda s: [call(s(2, 3), 2.5), call(s(2, 3), s(3)), call(s(2), s(), shape=(2, 2))],
)
def full_like(
    a: Array, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True,
    shape: Any = None,
) -> Array:
    """Fill with a value, which may have a gradient."""
    zeros = np.zeros_like(a, dtype=dtype, shape=shape)
    value = fill_value if hasattr(fill_value, "shape") else beside(fill_value, zeros)
    return np.broadcast_to(astype(value, zeros.dtype), zeros.shape) + zeros
