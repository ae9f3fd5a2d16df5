"""Norms of vectors and matrices, and the condition number.

The gradient of a norm at 0 is 0, one of its subgradients; a tie for the largest shares it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..errors import OptionError
from ..vocabulary.domain import Sampler, call
from ..vocabulary.matrices import p_norm
from ..vocabulary.rule import composite, rule

Array = Any


def p_norm_pull(g: Array, x: Array, y: Array, p: float, axis: Any) -> Array:
    """Give g·sign(x)·(|x|/y)ᵖ⁻¹, and 0 where the norm is 0."""
    ratio = x / np.where(y == 0, math.inf, y)
    return g * ratio if p == 2 else g * (np.sign(x) * np.power(np.abs(ratio), p - 1))


rule(
    p_norm,
    p_norm_pull,
    about="(Σ |x|ᵖ)^(1/p)",
    samples=lambda s: [
        call(s(4), 2, (0,)), call(s(2, 3), 2, (0, 1)), call(s(2, 3), 2, (1,)),
        call(s.distinct(4), 3, (0,)), call(s.distinct(2, 3), 1.5, (0,)),
    ],
)


def graded(s: Sampler) -> Array:
    """Draw a matrix no two of whose rows or columns have nearly the same sum."""
    scale = np.array([[1, 10, 100], [30, 300, 3000]], s.dtype)
    return s.distinct(2, 3) * scale


def vector_norm_over(x: Any, order: Any, axis: tuple[int, ...]) -> Any:
    """Give the norm of vectors that lie along `axis`, which stays with length 1."""
    if order is None or order == 2:
        return p_norm(x, 2, axis)
    if isinstance(order, str):
        raise OptionError("norm_order", order=order, ndim=1)
    if order == 0:
        return np.sum(x != 0, axis=axis, keepdims=True).astype(x.dtype)
    if order == 1:
        return np.sum(np.abs(x), axis=axis, keepdims=True)
    if order == math.inf:
        return np.max(np.abs(x), axis=axis, keepdims=True)
    if order == -math.inf:
        return np.min(np.abs(x), axis=axis, keepdims=True)
    return p_norm(x, float(order), axis)


def matrix_norm_over(x: Any, order: Any, axis: tuple[int, int]) -> Any:
    """Give the norm of matrices whose rows and columns lie along `axis`; both stay, length 1."""
    rows, columns = axis
    if order in ("fro", None):
        return p_norm(x, 2, axis)
    if order in ("nuc", 2, -2):
        values = np.linalg.svdvals(np.moveaxis(x, axis, (-2, -1)))
        if order == "nuc":
            norm = np.sum(values, axis=-1)
        else:
            norm = values[..., 0] if order == 2 else values[..., -1]
        return np.expand_dims(norm, tuple(sorted(axis)))
    if order in (1, -1, math.inf, -math.inf):
        along, across = (rows, columns) if abs(order) == 1 else (columns, rows)
        sums = np.sum(np.abs(x), axis=along, keepdims=True)
        return (np.max if order > 0 else np.min)(sums, axis=across, keepdims=True)
    raise OptionError("norm_order", order=order, ndim=2)


def without(y: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    """Drop axes of length 1, unless they are to be kept."""
    return y if keepdims else np.squeeze(y, axis=axis)


def floating(x: Any) -> Any:
    """Make integers floating point, as NumPy's norms do."""
    return x if x.dtype.kind == "f" else x * 1.0


@composite(
    np.linalg.norm, about="the norm of vectors or matrices",
    samples=lambda s: [
        call(s(4)), call(s(2, 3)), call(s(2, 3), axis=1), call(s.distinct(5), ord=1),
        call(s.distinct(5), math.inf), call(s.distinct(5), -math.inf), call(s.distinct(4), 3),
        call(s.full_rank(3, 2), "nuc"), call(s.full_rank(3, 2), 2), call(s.full_rank(2, 3), -2),
        call(graded(s), 1), call(graded(s), -1), call(graded(s), math.inf, keepdims=True),
        call(s(2, 3, 2), "fro", axis=(0, 2)),
        call(s.full_rank(2, 3, 2), "nuc", (1, 2), keepdims=True),
    ],
)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Take one axis for vectors, two for matrices, None for all of x."""
    x = floating(x)
    if axis is None:
        if ord is not None and x.ndim not in (1, 2):
            raise OptionError("norm_order", order=ord, ndim=x.ndim)
        axes = tuple(range(x.ndim))
        matrix = ord is not None and x.ndim == 2
    else:
        axes = tuple(i % x.ndim for i in (axis if isinstance(axis, tuple) else (axis,)))
        matrix = len(axes) == 2
    if matrix and len(set(axes)) == 2:
        return without(matrix_norm_over(x, ord, axes), axes, keepdims)  # type: ignore[arg-type]
    if axis is not None and len(axes) != 1:
        raise OptionError("norm_order", order=ord, ndim=len(axes))
    return without(vector_norm_over(x, ord, axes), axes, keepdims)


@composite(
    np.linalg.vector_norm, about="(Σ |x|ᵖ)^(1/p)",
    samples=lambda s: [
        call(s(2, 3)), call(s.distinct(2, 3), axis=1, ord=1), call(s.distinct(2, 3), ord=math.inf),
        call(s(2, 3), axis=(0, 1), keepdims=True),
    ],
)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Take x over `axis`, one or several, as one vector."""
    x = floating(x)
    if axis is None:
        axes = tuple(range(x.ndim))
    else:
        axes = tuple(i % x.ndim for i in (axis if isinstance(axis, tuple) else (axis,)))
    return without(vector_norm_over(x, ord, axes), axes, keepdims)


@composite(
    np.linalg.matrix_norm, about="the norm of matrices",
    samples=lambda s: [call(s(2, 3)), call(s.full_rank(3, 2), ord="nuc"),
                       call(graded(s), ord=math.inf, keepdims=True)],
)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Take the last two axes as matrices."""
    axes = (x.ndim - 2, x.ndim - 1)
    return without(matrix_norm_over(floating(x), ord, axes), axes, keepdims)


@composite(
    np.linalg.cond, about="the condition number ‖x‖·‖x⁻¹‖",
    samples=lambda s: [
        call(s.invertible(3)), call(s.full_rank(3, 2)), call(s.invertible(2, 3), "fro"),
        call(s.invertible(3), -2),
    ],
)
def cond(x: Any, p: Any = None) -> Any:
    """Divide the singular values for p = None, 2 or −2; multiply norms for the others."""
    if p in (None, 2, -2):
        values = np.linalg.svdvals(x)
        ends = (values[..., -1], values[..., 0]) if p == -2 else (values[..., 0], values[..., -1])
        return ends[0] / ends[1]
    return matrix_norm(x, ord=p) * matrix_norm(np.linalg.inv(x), ord=p)
