"""Clip the gradients of parameters, in place, between backward and the optimizer's step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce
from typing import Any

import numpy as np
from numpy import ndarray

from ...autograd.apply import wrap
from ...autograd.memory import changed
from ...autograd.mode import any_of
from ...autograd.tensor import Tensor
from ...errors import NonFiniteError


def get_total_norm(
    tensors: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Give the norm of all elements of all Tensors taken as one vector; a 0-d Tensor.

    Raises NonFiniteError if asked to, where the norm is NaN or infinite.
    """
    arrays = [t._data for t in _several(tensors)]
    power = float(norm_type)
    if not arrays:
        return Tensor(0.0)
    if any(type(a) is not ndarray for a in arrays):
        return _recorded_norm(arrays, power, error_if_nonfinite)
    if power == math.inf:
        total = max((float(np.abs(a).max()) for a in arrays if a.size), default=0.0)
    elif power == 2.0:
        total = math.sqrt(sum(_square_sum(a) for a in arrays))
    else:
        total = sum(
            float((np.abs(a.astype(np.float64)) ** power).sum()) for a in arrays
        ) ** (1.0 / power)
    if error_if_nonfinite and not math.isfinite(total):
        raise NonFiniteError("grad_norm", total=total, power=power)
    return wrap(np.asarray(total, arrays[0].dtype))  # type: ignore[no-any-return]


def _recorded_norm(arrays: list[Any], power: float, refuses: bool) -> Tensor:
    """Do as get_total_norm where the values are not known yet: on a GPU, or in a recording."""
    kind = arrays[0].dtype
    if power == math.inf:
        tops = [np.max(np.abs(a)) for a in arrays if a.size]
        total = reduce(np.maximum, tops)
    else:
        wide = [np.abs(a.astype(np.float64)) for a in arrays]
        total = reduce(np.add, [np.sum(a * a if power == 2.0 else a**power) for a in wide])
        total = np.sqrt(total) if power == 2.0 else total ** (1.0 / power)
    total = total.astype(kind)
    if refuses and any_of(~np.isfinite(total)):
        raise NonFiniteError("grad_norm", total=math.nan, power=power)
    return wrap(total)  # type: ignore[no-any-return]


def _square_sum(array: Any) -> float:
    if array.dtype.itemsize < 8:
        array = array.astype(np.float64)  # squares of float32 overflow at 2e19
    line = array.reshape(-1)
    return float(line.dot(line))


def clip_grad_norm_(
    parameters: Any, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale all gradients so that their norm, taken together, is at most max_norm.

    parameters: a Tensor or several. Returns the norm before clipping. Raises NonFiniteError if
    asked to. Source: R. Pascanu et al., On the difficulty of training RNNs (2013).
    """
    grads = _gradients(parameters)
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    if type(total._data) is not ndarray:
        share = float(max_norm) / (total._data + 1e-6)
        share = np.where(share >= 1.0, np.ones_like(share), share)
        for grad in grads:
            grad._data *= share.astype(grad._data.dtype)
            changed(grad._data)
        return total
    factor = float(max_norm) / (float(total) + 1e-6)
    if not factor >= 1.0:  # a NaN norm makes every gradient NaN, as in PyTorch
        for grad in grads:
            grad._data *= grad._data.dtype.type(factor)
            changed(grad._data)
    return total


def clip_grad_value_(parameters: Any, clip_value: float) -> None:
    """Keep every element of every gradient within ±clip_value."""
    for grad in _gradients(parameters):
        np.clip(grad._data, -clip_value, clip_value, out=grad._data)
        changed(grad._data)


def _several(tensors: Any) -> Iterable[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _gradients(parameters: Any) -> list[Tensor]:
    return [p.grad for p in _several(parameters) if p.grad is not None]
