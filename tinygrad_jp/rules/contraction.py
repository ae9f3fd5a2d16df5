"""Products that sum over axes: matrix products, einsum and their kin."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import OptionError, ShapeError
from ..vocabulary.domain import Call, Sampler, call
from ..vocabulary.matrices import eye_like
from ..vocabulary.primitives import sum_to
from ..vocabulary.rule import composite, rule
from .given import pair

Array = Any
Shape = tuple[int, ...]

# ── the matrix product ──────────────────────────────────────────────────────────────────────────


def _matmul_a(g: Array, b: Array, a_shape: Shape) -> Array:
    if b.ndim > 1:
        if len(a_shape) > 1:
            h = np.matmul(g, np.swapaxes(b, -1, -2))
            return h if h.shape == a_shape else sum_to(h, a_shape)
        if b.ndim == 2:
            return np.matmul(b, g)
        return sum_to(np.matmul(b, np.expand_dims(g, -1))[..., 0], a_shape)
    return np.expand_dims(g, -1) * b if len(a_shape) > 1 else g * b


def _matmul_b(g: Array, a: Array, b_shape: Shape) -> Array:
    if a.ndim == 2 and len(b_shape) <= 2:
        return np.matmul(np.swapaxes(a, 0, 1), g)
    if a.ndim == 1:
        if len(b_shape) == 1:
            return g * a
        return sum_to(np.expand_dims(a, -1) * np.expand_dims(g, -2), b_shape)
    if len(b_shape) == 2:  # one matrix for the whole batch: one product, no sum over the batch
        rows = math.prod(a.shape[:-1])
        flat = np.reshape(a, (rows, a.shape[-1]))
        return np.matmul(np.swapaxes(flat, 0, 1), np.reshape(g, (rows, g.shape[-1])))
    if len(b_shape) == 1:
        flat = np.reshape(a, (math.prod(a.shape[:-1]), a.shape[-1]))
        return np.matmul(np.reshape(g, (flat.shape[0],)), flat)
    h = np.matmul(np.swapaxes(a, -1, -2), g)
    return h if h.shape == b_shape else sum_to(h, b_shape)


def _products(s: Sampler) -> list[Call]:
    shapes: list[tuple[Shape, Shape]] = [
        ((2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 4)), ((5, 2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 1)), ((2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((3,), (5, 3, 2)),
        ((5, 2, 3), (3,)), ((1, 2, 3), (4, 3, 2)), ((2, 0), (0, 3)),
    ]
    return [call(s(*a), s(*b)) for a, b in shapes]


rule(
    np.matmul,
    _matmul_a,
    _matmul_b,
    about="the matrix product a @ b",
    samples=_products,
)


def _matrix_pairs(s: Sampler) -> list[Call]:
    return [call(s(2, 3), s(3, 4)), call(s(5, 2, 3), s(3, 1))]


@composite(np.linalg.matmul, about="the matrix product", samples=_matrix_pairs)
def linalg_matmul(x1: Array, x2: Array, /) -> Array:
    """Multiply matrices."""
    return np.matmul(x1, x2)


@composite(
    np.vecdot, about="Σ a b over the last axis",
    samples=lambda s: [call(s(3), s(3)), call(s(2, 3), s(3)), call(s(3, 2), s(3, 2), axis=0)],
)
def vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """Multiply vectors by vectors, batch by batch."""
    if axis != -1:
        x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    return np.matmul(np.expand_dims(x1, -2), np.expand_dims(x2, -1))[..., 0, 0]


@composite(
    np.linalg.vecdot, about="Σ a b over an axis",
    samples=lambda s: [call(s(2, 3), s(3)), call(s(3, 2), s(3, 2), axis=0)],
)
def linalg_vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """Multiply vectors by vectors, batch by batch."""
    return vecdot(x1, x2, axis=axis)


if hasattr(np, "matvec"):  # NumPy 2.2

    @composite(np.matvec, about="matrix times vector", samples=lambda s: [call(s(2, 3), s(4, 3))])
    def matvec(x1: Array, x2: Array, /) -> Array:
        """Multiply matrices by vectors, batch by batch."""
        return np.matmul(x1, np.expand_dims(x2, -1))[..., 0]

    @composite(np.vecmat, about="vector times matrix", samples=lambda s: [call(s(4, 2), s(2, 3))])
    def vecmat(x1: Array, x2: Array, /) -> Array:
        """Multiply vectors by matrices, batch by batch."""
        return np.matmul(np.expand_dims(x1, -2), x2)[..., 0, :]


# ── dot, inner, outer, tensordot ────────────────────────────────────────────────────────────────


def _flat(x: Array) -> Array:
    return np.reshape(x, (math.prod(x.shape),))


def _dots(s: Sampler) -> list[Call]:
    shapes: list[tuple[Shape, Shape]] = [
        ((3,), (3,)), ((2, 3), (3, 2)), ((2, 3), (3,)), ((), (2,)), ((2, 3, 4), (4,)),
        ((2, 3), (4, 3, 2)), ((3,), (2, 3, 2)),
    ]
    return [call(s(*a), s(*b)) for a, b in shapes]


@composite(np.dot, about="Σ over a's last and b's last but one axis", samples=_dots)
def dot(a: Array, b: Array) -> Array:
    """Multiply as np.dot does."""
    a, b = pair(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim == 1 or (a.ndim <= 2 and b.ndim == 2):
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 2,)))


@composite(
    np.inner, about="Σ over the last axes",
    samples=lambda s: [
        call(s(3), s(3)), call(s(2, 3), s(4, 3)), call(s(), s(2)), call(s(2, 2, 3), s(3)),
    ],
)
def inner(a: Array, b: Array, /) -> Array:
    """Sum the products over the last axes."""
    a, b = pair(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return np.tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 1,)))


@composite(
    np.outer, about="every product of two elements",
    samples=lambda s: [call(s(2), s(3)), call(s(2, 2), s(3)), call(s(), s(2))],
)
def outer(a: Array, b: Array) -> Array:
    """Multiply every element of one with every element of the other."""
    a, b = pair(a, b)
    return np.expand_dims(_flat(a), 1) * _flat(b)


@composite(
    np.linalg.outer, about="every product of two elements",
    samples=lambda s: [call(s(2), s(3))],
)
def linalg_outer(x1: Array, x2: Array, /) -> Array:
    """Multiply two vectors, every element with every other."""
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        given = (np.ndim(x1), np.ndim(x2))
        raise OptionError("ndim_needed", op="np.linalg.outer", given=given, known="1")
    return np.outer(x1, x2)


@composite(
    np.vdot, about="Σ a b over all elements",
    samples=lambda s: [call(s(3), s(3)), call(s(2, 3), s(2, 3)), call(s(), s())],
)
def vdot(a: Array, b: Array, /) -> Array:
    """Sum the products of all elements."""
    a, b = pair(a, b)
    return np.matmul(_flat(a), _flat(b))


@composite(
    np.tensordot, about="Σ over chosen axes of both",
    samples=lambda s: [
        call(s(2, 3, 4), s(3, 4, 2)), call(s(2, 3), s(4), axes=0), call(s(2, 3), s(3, 2), 1),
        call(s(2, 3, 4), s(4, 2), axes=([0, 2], [1, 0])), call(s(3, 2), s(3, 4), axes=(0, -2)),
    ],
)
def tensordot(a: Array, b: Array, axes: Any = 2) -> Array:
    """Sum the products over some axes of each."""
    a, b = pair(a, b)
    if isinstance(axes, int):
        first, second = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        first, second = ([n] if isinstance(n, int) else list(n) for n in axes)
    first, second = [n % a.ndim for n in first], [n % b.ndim for n in second]
    if [a.shape[n] for n in first] != [b.shape[n] for n in second]:
        raise ShapeError("tensordot_axes", a=a.shape, b=b.shape, first=first, second=second)
    free_a = [n for n in range(a.ndim) if n not in first]
    free_b = [n for n in range(b.ndim) if n not in second]
    size = math.prod(a.shape[n] for n in first)
    left = tuple(a.shape[n] for n in free_a)
    right = tuple(b.shape[n] for n in free_b)
    x = np.reshape(np.transpose(a, free_a + first), (math.prod(left), size))
    y = np.reshape(np.transpose(b, second + free_b), (size, math.prod(right)))
    return np.reshape(np.matmul(x, y), left + right)


@composite(
    np.linalg.tensordot, about="Σ over chosen axes of both",
    samples=lambda s: [call(s(2, 3), s(3, 4), axes=1), call(s(2, 3, 4), s(3, 4))],
)
def linalg_tensordot(x1: Array, x2: Array, /, *, axes: Any = 2) -> Array:
    """Sum the products over some axes of each."""
    return np.tensordot(x1, x2, axes=axes)


@composite(
    np.kron, about="every product, block by block",
    samples=lambda s: [call(s(2, 2), s(2, 3)), call(s(2), s(3)), call(s(2), s(2, 2)),
    call(s(), s(2))],
)
def kron(a: Array, b: Array) -> Array:
    """Put a copy of b, scaled, in the place of each element of a."""
    a, b = pair(a, b)
    ndim = max(a.ndim, b.ndim)
    a_shape = (1,) * (ndim - a.ndim) + a.shape
    b_shape = (1,) * (ndim - b.ndim) + b.shape
    x = np.reshape(a, [k for n in a_shape for k in (n, 1)])
    y = np.reshape(b, [k for n in b_shape for k in (1, n)])
    return np.reshape(x * y, [m * n for m, n in zip(a_shape, b_shape, strict=True)])


@composite(
    np.trace, about="the sum of a diagonal",
    samples=lambda s: [call(s(3, 3)), call(s(2, 3), 1), call(s(2, 3, 4), 0, 1, 2)],
)
def trace(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Sum a diagonal."""
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


@composite(
    np.linalg.trace, about="the sum of a diagonal",
    samples=lambda s: [call(s(3, 3)), call(s(2, 3, 4), offset=1)],
)
def linalg_trace(x: Array, /, *, offset: int = 0) -> Array:
    """Sum a diagonal of each matrix."""
    return np.trace(x, offset, -2, -1)


def _cross(a: Array, b: Array) -> Array:
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError("cross_lengths", a=a.shape, b=b.shape)
    x, y, z = (a[..., i] for i in range(3))
    u, v, w = (b[..., i] for i in range(3))
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


@composite(
    np.cross, about="the vector product in three dimensions",
    samples=lambda s: [call(s(3), s(3)), call(s(2, 3), s(3)), call(s(3, 2), s(3, 2), axis=0)],
)
def cross(
    a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """Multiply vectors of three components."""
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = pair(a, b)
    y = _cross(np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1))
    return np.moveaxis(y, -1, axisc)


@composite(
    np.linalg.cross, about="the vector product in three dimensions",
    samples=lambda s: [call(s(2, 3), s(2, 3)), call(s(3, 2), s(3, 2), axis=0)],
)
def linalg_cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    """Multiply vectors of three components."""
    return np.cross(x1, x2, axis=axis)


# ── chains and powers ───────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=256)
def _order(sizes: Shape) -> Any:
    """Find where to split a chain of products: least work (Cormen et al., section 14.2)."""
    n = len(sizes) - 1
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(n)}
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )
    return best


@composite(
    np.linalg.multi_dot, about="a chain of matrix products in the cheapest order",
    samples=lambda s: [
        call([s(2, 3), s(3, 4), s(4, 2)]), call([s(3), s(3, 2), s(2, 4), s(4)]),
        call([s(2, 3), s(3, 1)]),
    ],
)
def multi_dot(arrays: Any) -> Array:
    """Multiply several matrices (the ends may be vectors)."""
    chain = list(arrays)
    if len(chain) < 2:
        raise OptionError("multi_dot_few")
    if len(chain) == 2:
        return np.dot(*chain)
    rows = (1,) if chain[0].ndim == 1 else chain[0].shape[:1]
    best = _order((*rows, *(m.shape[0] for m in chain[1:]), *(chain[-1].shape[1:] or (1,))))

    def product(i: int, j: int) -> Array:
        if i == j:
            return chain[i]
        k = best[i, j][1]
        return np.matmul(product(i, k), product(k + 1, j))

    return product(0, len(chain) - 1)


@composite(
    np.linalg.matrix_power, about="a matrix times itself n times",
    samples=lambda s: [call(s.invertible(3), n) for n in (0, 1, 2, 5, -2)] + [call(s(2, 2, 2), 3)],
)
def matrix_power(a: Array, n: int) -> Array:
    """Multiply a matrix by itself, by repeated squaring."""
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError("not_square", op="np.linalg.matrix_power", shape=a.shape)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    if n == 0:
        return np.broadcast_to(eye_like(a), a.shape)
    if n == 1:
        return a[...]
    half = np.linalg.matrix_power(a, n // 2)
    square = np.matmul(half, half)
    return np.matmul(square, a) if n % 2 else square
