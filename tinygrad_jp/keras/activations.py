"""Activations: functions of Tensors under Keras's names; a layer takes them by name."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from ..autograd import functions as tj
from ..autograd.arguments import constant, tensor_of
from ..autograd.tensor import Tensor
from . import absent
from .identifiers import Table
from .symbolic import recordable

sigmoid = recordable(tj.sigmoid)
tanh = recordable(tj.tanh)
silu = swish = recordable(tj.silu)
selu = recordable(tj.selu)
mish = recordable(tj.mish)
relu6 = recordable(tj.relu6)
softsign = recordable(tj.softsign)


@recordable
def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Tensor:
    """Give x where x > threshold, else negative_slope · (x − threshold); at most max_value."""
    if negative_slope == 0.0 and max_value is None and threshold == 0:
        return tj.relu(x)
    if max_value is None and threshold == 0:
        return tj.leaky_relu(x, negative_slope)
    x = tensor_of(x)
    y = tj.where(x > threshold, x, 0.0) if threshold else tj.relu(x)
    if max_value is not None:
        y = relu6(x) if max_value == 6 and not threshold else tj.clip(y, 0.0, max_value)
    if negative_slope:
        y = y - tj.relu(threshold - x) * negative_slope
    return y


@recordable
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Tensor:
    """Give x where x > 0, else negative_slope · x."""
    return tj.leaky_relu(x, negative_slope)


@recordable
def softmax(x: Any, axis: Any = -1) -> Tensor:
    """Give eˣ / Σ eˣ along an axis, or over several."""
    if isinstance(axis, (tuple, list)):
        return tj.exp(log_softmax(x, axis))
    return tj.softmax(x, axis)


@recordable
def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """Give log softmax along an axis, or over several, exact for large |x|."""
    if isinstance(axis, (tuple, list)):
        return tensor_of(x) - tj.logsumexp(x, tuple(axis), True)
    return tj.log_softmax(x, axis)


@recordable
def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """Give x where x > 0, else alpha·(eˣ − 1)."""
    return tj.elu(x, alpha)


@recordable
def celu(x: Any, alpha: float = 1.0) -> Tensor:
    """Give x where x > 0, else alpha·(e^(x/alpha) − 1)."""
    return tj.celu(x, alpha)


@recordable
def gelu(x: Any, approximate: bool = False) -> Tensor:
    """Give x·Φ(x), by erf, or approximately by tanh."""
    return tj.gelu(x, "tanh" if approximate else "none")


@recordable
def glu(x: Any, axis: int = -1) -> Tensor:
    """Give a·σ(b), a and b the halves of x along an axis."""
    return tj.glu(x, axis)


@recordable
def softplus(x: Any) -> Tensor:
    """Give log(1 + eˣ)."""
    return tj.softplus(x)


@recordable
def soft_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """Move x towards 0 by threshold, no further than 0."""
    return tj.softshrink(x, threshold)


@recordable
def hard_shrink(x: Any, threshold: float = 0.5) -> Tensor:
    """Give x where |x| > threshold, else 0."""
    return tj.hardshrink(x, threshold)


@recordable
def tanh_shrink(x: Any) -> Tensor:
    """Give x − tanh x."""
    return tj.tanhshrink(x)


@recordable
def hard_tanh(x: Any) -> Tensor:
    """Keep x between −1 and 1."""
    return tj.hardtanh(x)


@recordable
def hard_sigmoid(x: Any) -> Tensor:
    """Give x/6 + 1/2 kept between 0 and 1."""
    return tj.hardsigmoid(x)


@recordable
def hard_silu(x: Any) -> Tensor:
    """Give x · hard_sigmoid(x)."""
    return tj.hardswish(x)


hard_swish = hard_silu


@recordable
def log_sigmoid(x: Any) -> Tensor:
    """Give log σ(x), exact for large |x|."""
    return tj.logsigmoid(x)


@recordable
def exponential(x: Any) -> Tensor:
    """Give eˣ."""
    return tj.exp(x)


def linear(x: Any) -> Any:
    """Give x."""
    return x


@recordable
def threshold(x: Any, threshold: float, default_value: float) -> Tensor:
    """Give x where x > threshold, else default_value."""
    return tj.threshold(x, threshold, default_value)


@recordable
def squareplus(x: Any, b: float = 4) -> Tensor:
    """Give (x + √(x² + b)) / 2: a softplus without exponentials. Barron (2021)."""
    x = tensor_of(x)
    return (x + tj.sqrt(x * x + float(b))) / 2.0  # type: ignore[no-any-return]


@recordable
def sparse_plus(x: Any) -> Tensor:
    """Give 0 below −1, x above 1, (x + 1)²/4 between."""
    x = tensor_of(x)
    middle = tj.square(x + 1.0) / 4.0
    return tj.where(x <= -1.0, 0.0, tj.where(x < 1.0, middle, x))  # type: ignore[no-any-return]


@recordable
def sparse_sigmoid(x: Any) -> Tensor:
    """Give (x + 1)/2 kept between 0 and 1."""
    return (tj.hardtanh(x) + 1.0) / 2.0


@recordable
def sparsemax(x: Any, axis: int = -1) -> Tensor:
    """Give the nearest point to x of the simplex, where many are exactly 0 (Martins 2016)."""
    x = tensor_of(x)
    z = np.moveaxis(x._data, axis, -1)
    ordered = -np.sort(-z, axis=-1)
    totals = np.cumsum(ordered, axis=-1)
    counts = np.arange(1, z.shape[-1] + 1)
    size = (1 + counts * ordered > totals).sum(-1, keepdims=True)
    level = (np.take_along_axis(totals, size - 1, -1) - 1) / size
    inside = np.moveaxis(z > level, -1, axis)
    members = constant(inside.astype(x.dtype))
    count = constant(np.moveaxis(size, -1, axis).astype(x.dtype))
    shift = ((x * members).sum(axis, keepdims=True) - 1.0) / count
    return tj.where(constant(inside), x - shift, 0.0)  # type: ignore[no-any-return]


_ALL = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh,
    leaky_relu, linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu,
    soft_shrink, softmax, softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus,
    tanh, tanh_shrink, threshold,
)
table = Table("keras.activations", {
    **{fn.__name__: fn for fn in _ALL}, "swish": silu, "hard_swish": hard_silu,
})
serialize = table.serialize


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Give the activation that `serialize` described."""
    return linear if config is None else table.deserialize(config, custom_objects)


def get(identifier: Any) -> Any:
    """Give the activation that a name or a function stands for; None is `linear`."""
    if identifier is None:
        return linear
    found = table.get(identifier)
    return found() if inspect.isclass(found) else found


__getattr__ = absent.refusal("keras.activations")
