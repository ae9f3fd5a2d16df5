"""Activations: the nonlinear functions of networks, as PyTorch names and defines them.

They live here once; `nn.functional` and the modules of `nn` re-export them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..vocabulary import activations as primitives
from ..vocabulary import layers
from .arguments import axis_of, choice, constant, place, tensor_of
from .functions_elementwise import _where, tanh
from .generate import op

if TYPE_CHECKING:
    from .tensor import Tensor

relu = op(primitives.relu)
sigmoid = op(primitives.sigmoid)
silu = swish = op(primitives.silu)
logsigmoid = op(primitives.log_sigmoid)
_softmax, _log_softmax = op(layers.softmax), op(layers.log_softmax)
_gelu, _elu = op(primitives.gelu), op(primitives.elu)
_leaky_relu, _softplus = op(primitives.leaky_relu), op(primitives.softplus)


def softmax(
    x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None
) -> Tensor:
    """Give eˣ / Σ eˣ along an axis (the last, if none is said)."""
    return _along(_softmax, "softmax", x, dim, axis, dtype)


def log_softmax(
    x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None
) -> Tensor:
    """Give log softmax along an axis (the last, if none is said), exact for large |x|."""
    return _along(_log_softmax, "log_softmax", x, dim, axis, dtype)


def softmin(
    x: Any, dim: int | None = None, *, axis: int | None = None, dtype: Any = None
) -> Tensor:
    """Give softmax(−x) along an axis."""
    return softmax(-tensor_of(x), dim, axis=axis, dtype=dtype)


def _along(operation: Any, name: str, x: Any, dim: Any, axis: Any, dtype: Any) -> Tensor:
    x = tensor_of(x)
    if dtype is not None:
        x = x.to(dtype)
    at = axis_of(name, dim, axis)
    if x._data.ndim == 0:
        place(name, -1 if at is None else at, 0)
        return operation(x.reshape(1), 0).reshape(())  # type: ignore[no-any-return]
    at = -1 if at is None else place(name, at, x._data.ndim)
    return operation(x, at)  # type: ignore[no-any-return]


def gelu(x: Any, approximate: str = "none") -> Tensor:
    """Give x · Φ(x), exactly by erf ("none") or by "tanh" (Hendrycks & Gimpel, 2016)."""
    choice("gelu", "approximate", approximate, ("none", "tanh"))
    if approximate == "none":
        return _gelu(x)
    x = tensor_of(x)
    return x * (tanh((x + x * x * x * 0.044715) * math.sqrt(2 / math.pi)) + 1) * 0.5  # type: ignore[no-any-return]


def mish(x: Any) -> Tensor:
    """Give x · tanh(softplus(x))."""
    x = tensor_of(x)
    return x * tanh(_softplus(x, 1.0, 20.0))  # type: ignore[no-any-return]


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """Give x where x > 0, else α (eˣ − 1)."""
    return _elu(x, alpha)


# Klambauer et al. (2017), Self-normalizing neural networks, eq. 14
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def selu(x: Any) -> Tensor:
    """Give 1.0507 · elu(x, 1.6733), which keeps mean 0 and variance 1."""
    return _elu(x, SELU_ALPHA) * SELU_SCALE


def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """Give x where x > 0, else α (e^(x/α) − 1)."""
    return _elu(tensor_of(x) / alpha, 1.0) * alpha


def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Give log(1 + e^βx) / β; x itself where βx is above the threshold."""
    return _softplus(x, beta, threshold)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """Give x where x > 0, else negative_slope · x."""
    return _leaky_relu(x, negative_slope)


def prelu(x: Any, weight: Any) -> Tensor:
    """Give x where x > 0, else weight · x; weight: one, or one per channel (axis 1)."""
    x, weight = tensor_of(x), tensor_of(weight)
    if weight.size > 1:
        if x.ndim < 2 or weight.size != x.shape[1]:
            raise ShapeError("prelu_weight", weight=weight.shape, shape=x.shape)
        weight = weight.reshape(weight.size, *[1] * (x.ndim - 2))
    elif weight.ndim:
        weight = weight.reshape(())
    return _where(constant(x._data > 0), x, x * weight)


def hardtanh(x: Any, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Keep x between min_val and max_val; slope 0 at both, where clip has 1."""
    x = tensor_of(x)
    value = x._data
    inside = (value > min_val) & (value < max_val)
    bounded = constant(np.clip(value, min_val, max_val))
    return _where(constant(inside), x, bounded)


def relu6(x: Any) -> Tensor:
    """Keep x between 0 and 6."""
    return hardtanh(x, 0.0, 6.0)


def hardsigmoid(x: Any) -> Tensor:
    """Give x/6 + 1/2 kept between 0 and 1."""
    return relu6(tensor_of(x) + 3.0) / 6.0


def hardswish(x: Any) -> Tensor:
    """Give x · hardsigmoid(x)."""
    x = tensor_of(x)
    return x * relu6(x + 3.0) / 6.0  # type: ignore[no-any-return]


def softsign(x: Any) -> Tensor:
    """Give x / (1 + |x|)."""
    x = tensor_of(x)
    return x / (x.abs() + 1.0)  # type: ignore[no-any-return]


def tanhshrink(x: Any) -> Tensor:
    """Give x − tanh(x)."""
    return tensor_of(x) - tanh(x)


def softshrink(x: Any, lambd: float = 0.5) -> Tensor:
    """Move x towards 0 by lambd, no further than 0."""
    x = tensor_of(x)
    value = x._data
    moved = x - constant(np.sign(value) * value.dtype.type(lambd))
    return _where(constant(np.abs(value) > lambd), moved, 0.0)


def hardshrink(x: Any, lambd: float = 0.5) -> Tensor:
    """Give x where |x| > lambd, else 0."""
    x = tensor_of(x)
    return _where(constant(np.abs(x._data) > lambd), x, 0.0)


def threshold(x: Any, threshold: float, value: float) -> Tensor:
    """Give x where x > threshold, else value."""
    x = tensor_of(x)
    return _where(constant(x._data > threshold), x, value)


def glu(x: Any, dim: int = -1) -> Tensor:
    """Give a · σ(b), where a and b are the halves of x along an axis of even length."""
    x = tensor_of(x)
    at = place("glu", dim, x.ndim)
    length = x.shape[at] if x.ndim else 1
    if length % 2:
        raise ShapeError("glu_odd", dim=dim, length=length)
    before = (slice(None),) * at
    half = length // 2
    return x[(*before, slice(0, half))] * sigmoid(x[(*before, slice(half, None))])  # type: ignore[no-any-return]


__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh",
    "leaky_relu", "log_softmax", "logsigmoid", "mish", "prelu", "relu", "relu6", "selu",
    "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink", "softsign", "swish",
    "tanhshrink", "threshold",
]
