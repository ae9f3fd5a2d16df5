"""Normalisations as functions: what nn.functional gives under these names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.apply import wrap
from ..autograd.arguments import tensor_of as tensor
from ..autograd.functions import sqrt
from ..autograd.generate import op
from ..autograd.memory import changed
from ..autograd.tensor import Tensor
from ..errors import ShapeError
from ..vocabulary.normalization import center_and_scale, rms_standardize, standardize

_standardize = op(standardize)
_center_and_scale = op(center_and_scale)
_rms_standardize = op(rms_standardize)


def batch_norm(
    input: Any, running_mean: Tensor | None, running_var: Tensor | None, weight: Any = None,
    bias: Any = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:
    """Standardize each channel over the batch and all space, then scale and shift it.

    input: (N, C) or (N, C, d₁, ...).  weight, bias: (C,) or None.  training: take mean and
    variance from the batch and move the running ones towards them, in place (the variance
    unbiased); else use the running ones. Raises ShapeError for a training batch of one value.
    """
    x = tensor(input)
    axes = (0, *range(2, x.ndim))
    if running_mean is not None and running_var is not None and not training:
        scale = 1 / sqrt(running_var + eps)
        if weight is not None:
            scale = scale * weight
        shift = -running_mean * scale
        if bias is not None:
            shift = shift + bias
        return x * _on_channels(scale, x) + _on_channels(shift, x)  # type: ignore[no-any-return]
    count = math.prod(x.shape[a] for a in axes)
    if count <= 1:
        raise ShapeError("batch_of_one", given=x.shape, layer="batch_norm")
    y, mean, var = _standardize(x, axes, eps)
    if running_mean is not None and running_var is not None:
        _move(running_mean, mean, momentum, 1.0)
        _move(running_var, var, momentum, count / (count - 1))
    return _scaled(y, _on_channels(weight, x), _on_channels(bias, x))


def _move(running: Tensor, now: Tensor, momentum: float, factor: float) -> None:
    array = running._data
    array *= 1 - momentum
    array += (now._data.reshape(-1) * factor * momentum).astype(array.dtype)
    changed(array)


def _on_channels(value: Any, x: Tensor) -> Any:
    """Shape a value per channel (C,) so that it broadcasts over x (N, C, d₁, ...)."""
    if value is None or x.ndim == 2:
        return value
    return tensor(value).reshape((-1,) + (1,) * (x.ndim - 2))


def _scaled(y: Tensor, weight: Any, bias: Any) -> Tensor:
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


def layer_norm(
    input: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Standardize over the last axes, those of normalized_shape, then scale and shift.

    weight, bias: of normalized_shape, or None. Raises ShapeError where the last axes differ.
    """
    x = tensor(input)
    axes = _last_axes(x, normalized_shape, "layer_norm")
    return _scaled(_center_and_scale(x, axes, eps), weight, bias)


def rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None
) -> Tensor:
    """Divide by the root mean square over the last axes, then scale.

    eps: added to the mean square; None is the dtype's epsilon. weight: of normalized_shape.
    """
    x = tensor(input)
    axes = _last_axes(x, normalized_shape, "rms_norm")
    if eps is None:
        eps = float(np.finfo(x.dtype).eps)
    return _scaled(_rms_standardize(x, axes, eps), weight, None)


def _last_axes(x: Tensor, normalized_shape: Any, layer: str) -> tuple[int, ...]:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise ShapeError("normalized_shape", layer=layer, given=x.shape, wanted=shape)
    return tuple(range(x.ndim - len(shape), x.ndim))


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Standardize groups of channels of each example, then scale and shift each channel.

    input: (N, C, d₁, ...), C a multiple of num_groups.  weight, bias: (C,) or None.
    """
    x = tensor(input)
    if x.ndim < 2 or x.shape[1] % num_groups:
        raise ShapeError("group_channels", given=x.shape, groups=num_groups, layer="group_norm")
    groups = x.reshape((x.shape[0], num_groups, -1))
    y = _center_and_scale(groups, (2,), eps)
    return _scaled(y.reshape(x.shape), _on_channels(weight, x), _on_channels(bias, x))


def instance_norm(
    input: Any, running_mean: Tensor | None = None, running_var: Tensor | None = None,
    weight: Any = None, bias: Any = None, use_input_stats: bool = True, momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Standardize each channel of each example over space, then scale and shift each channel.

    input: (N, C, d₁, ...).  The running statistics, if given, move towards the batch's mean of
    each example's; they are used instead of the input's where not use_input_stats.
    """
    x = tensor(input)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    axes = tuple(range(2, x.ndim))
    count = math.prod(x.shape[2:])
    if x.ndim < 3 or count <= 1:
        raise ShapeError("batch_of_one", given=x.shape, layer="instance_norm")
    y, mean, var = _standardize(x, axes, eps)
    if running_mean is not None and running_var is not None:
        _move(running_mean, wrap(mean._data.mean(0)), momentum, 1.0)
        _move(running_var, wrap(var._data.mean(0)), momentum, count / (count - 1))
    return _scaled(y, _on_channels(weight, x), _on_channels(bias, x))
