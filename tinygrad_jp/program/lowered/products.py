"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...vocabulary import layers, primitives
from ..trace import Trace, reduced
from .entering import lowers, tape_of
from .views import astype, reshape, transpose

Array = Any

@lowers(np.matmul, np.dot)
def matmul(a: Any, b: Any, out: Any = None) -> Any:
    """Multiply matrices; of vectors, sum the products."""
    tape = tape_of(a, b)
    a, b = tape.taken(a), tape.taken(b)
    if not (isinstance(a, Trace) and isinstance(b, Trace)) or 0 in (a.ndim, b.ndim):
        return a * b
    kind = np.result_type(a.dtype, b.dtype)
    a, b = astype(a, kind), astype(b, kind)
    if kind.kind != "f" or (max(a.ndim, b.ndim) > 2 and min(a.ndim, b.ndim) < 3 and b.ndim > 2):
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
