"""Functions that join, fill, convert and choose."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ...errors import CompileError
from ...vocabulary import primitives
from ...vocabulary.rule import Function
from .. import operations as ops
from ..trace import Trace
from ..trace import where as line_of_user
from .entering import lowers, tape_of
from .views import astype, full

Array = Any

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
        raise CompileError("compile_mask", line=line_of_user())
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
