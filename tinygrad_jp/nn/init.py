"""First values of parameters, drawn from the package's generator (tj.manual_seed).

Each function fills a Tensor in place, outside any graph, and gives it back. generator: a NumPy
Generator to draw from instead.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypeVar

import numpy as np

from ..autograd.apply import default_dtype
from ..autograd.random import generator as rng
from ..autograd.tensor import Tensor
from ..errors import OptionError, ShapeError
from .parameter import Parameter, overwrite

T = TypeVar("T", bound=Tensor)


def values(shape: tuple[int, ...], dtype: Any = None) -> Any:
    """Give zeros of a shape, of the default dtype unless another is named."""
    return np.zeros(shape, default_dtype[0] if dtype is None else dtype)


def parameter(
    shape: tuple[int, ...], dtype: Any = None, fill: float = 0.0, order: Literal["C", "F"] = "C"
) -> Parameter:
    """Make a Parameter of one number everywhere, for a layer to fill; order as in np.empty."""
    array = values(shape, dtype)
    if fill:
        array += fill
    return Parameter(np.asarray(array, order=order))


def fill_row(tensor: Tensor, row: int, value: float) -> None:
    """Put one number all over one row."""
    array = tensor._data.copy()
    array[row] = value
    overwrite(tensor, array)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Give the factor by which an activation shrinks a signal, to be made up for.

    nonlinearity: linear, sigmoid, tanh, relu, leaky_relu (param its slope, 0.01) or selu.
    Source: K. He et al., Delving Deep into Rectifiers (2015); PyTorch's table.

    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity in ("leaky_relu",):
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise OptionError("gain", given=nonlinearity, known=", ".join([*_GAINS, "leaky_relu"]))
    return _GAINS[nonlinearity]


_GAINS = {
    "linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "sigmoid": 1.0,
    "tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4,
}


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Count the inputs and outputs of one unit of a weight (out, in, ...)."""
    if len(shape) < 2:
        raise ShapeError("fan", shape=shape)
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Any = None) -> T:
    """Draw evenly from [a, b)."""
    overwrite(tensor, rng(generator).uniform(a, b, tensor.shape))
    return tensor


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> T:
    """Draw from the normal distribution."""
    overwrite(tensor, rng(generator).normal(mean, std, tensor.shape))
    return tensor


def constant_(tensor: T, val: float) -> T:
    """Put one number everywhere."""
    overwrite(tensor, val)
    return tensor


def zeros_(tensor: T) -> T:
    """Put 0 everywhere."""
    return constant_(tensor, 0.0)


def ones_(tensor: T) -> T:
    """Put 1 everywhere."""
    return constant_(tensor, 1.0)


def eye_(tensor: T) -> T:
    """Put the identity into a matrix."""
    if tensor.ndim != 2:
        raise ShapeError("init_dimensions", name="eye_", wanted="2", shape=tensor.shape)
    overwrite(tensor, np.eye(tensor.shape[0], tensor.shape[1]))
    return tensor


def dirac_(tensor: T, groups: int = 1) -> T:
    """Put the identity into a convolution's weight (out, in, k, ...): channels pass through."""
    if tensor.ndim not in (3, 4, 5) or tensor.shape[0] % groups:
        raise ShapeError("init_dimensions", name="dirac_", wanted="3, 4, 5", shape=tensor.shape)
    array = np.zeros(tensor.shape)
    per_group = tensor.shape[0] // groups
    middle = tuple(n // 2 for n in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(per_group, tensor.shape[1])):
            array[(group * per_group + channel, channel, *middle)] = 1
    overwrite(tensor, array)
    return tensor


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Draw evenly from ±gain·√(6 / (fan_in + fan_out)).

    Source: X. Glorot, Y. Bengio, Understanding the difficulty of training ... (2010).
    """
    bound = gain * math.sqrt(6.0 / sum(fans(tensor.shape)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Draw from a normal distribution of deviation gain·√(2 / (fan_in + fan_out))."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor.shape))), generator)


def kaiming_uniform_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> T:
    """Draw evenly from ±gain·√(3 / fan), so that a signal keeps its size through rectifiers.

    a: the negative slope of leaky_relu. mode: "fan_in" keeps the forward pass, "fan_out" the
    backward pass. Source: K. He et al., Delving Deep into Rectifiers (2015).
    """
    if 0 in tensor.shape:
        return tensor
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3.0 / _fan(tensor.shape, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: T, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> T:
    """Draw from a normal distribution of deviation gain / √fan (see kaiming_uniform_)."""
    if 0 in tensor.shape:
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor.shape, mode))
    return normal_(tensor, 0.0, std, generator)


def _fan(shape: tuple[int, ...], mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise OptionError("fan_mode", given=mode)
    return fans(shape)[0 if mode == "fan_in" else 1]


def trunc_normal_(
    tensor: T, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: Any = None,
) -> T:
    """Draw from the normal distribution between a and b; what falls outside is drawn anew."""
    if not a < b or mean + 6 * std < a or mean - 6 * std > b:
        raise OptionError("truncation", a=a, b=b, mean=mean, std=std)
    array = rng(generator).normal(mean, std, tensor.shape)
    while (outside := (array < a) | (array > b)).any():
        array[outside] = rng(generator).normal(mean, std, int(outside.sum()))
    overwrite(tensor, np.clip(array.astype(tensor.dtype), a, b))
    return tensor


def orthogonal_(tensor: T, gain: float = 1.0, generator: Any = None) -> T:
    """Draw a matrix (out, in·...) with orthonormal rows or columns, whichever are fewer.

    Source: A. Saxe et al., Exact solutions to the nonlinear dynamics of learning (2014).
    """
    if tensor.ndim < 2:
        raise ShapeError("init_dimensions", name="orthogonal_", wanted="2", shape=tensor.shape)
    if tensor._data.size == 0:
        return tensor
    rows = tensor.shape[0]
    columns = math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(rng(generator).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))  # makes the draw even over all such matrices
    overwrite(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))
    return tensor


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Any = None) -> T:
    """Draw a matrix from a normal distribution, with that share of each column set to zero."""
    if tensor.ndim != 2:
        raise ShapeError("init_dimensions", name="sparse_", wanted="2", shape=tensor.shape)
    rows, columns = tensor.shape
    array = rng(generator).normal(0.0, std, tensor.shape)
    for column in range(columns):
        array[rng(generator).permutation(rows)[: math.ceil(sparsity * rows)], column] = 0
    overwrite(tensor, array)
    return tensor
