"""Functions that make Tensors: of numbers, of one value, of a range, at random.

Sizes are written as f(2, 3) or f((2, 3)). `dtype` is the default dtype where values are Python
floats and where nothing is said. `device` is taken for code written for PyTorch: "cpu" or None.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from ..errors import ArgumentError, OptionError
from . import apply as generic
from .apply import as_array, wrap
from .arguments import array_of, check_device, dtype_of, lengths
from .random import generator as generator
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import set_rng_state as set_rng_state

if TYPE_CHECKING:
    from numpy.random import Generator

    from .tensor import Tensor

Array = Any
rng = generator  # under a name that no parameter hides


def _made(array: Array, requires_grad: bool, device: Any) -> Tensor:
    if device is not None:
        check_device(device)
    t = wrap(array)
    if requires_grad:
        t.requires_grad_()
    return t  # type: ignore[no-any-return]


def _dtype(dtype: Any) -> Any:
    return generic.default_dtype[0] if dtype is None else dtype_of(dtype)


def _shape(op: str, size: tuple[Any, ...], dtype: Any) -> tuple[tuple[int, ...], Any]:
    """Read f(2, 3), f((2, 3)), and NumPy's f((2, 3), dtype)."""
    if len(size) > 1 and isinstance(size[-1], (np.dtype, type, str)):
        if dtype is not None:
            raise ArgumentError("dtype_twice", op=op)
        dtype, size = size[-1], size[:-1]
    return lengths(op, size), _dtype(dtype)


# ── of what there is ────────────────────────────────────────────────────────────────────────────


def tensor(
    data: Any, dtype: Any = None, requires_grad: bool = False, *, device: Any = None
) -> Tensor:
    """Make a Tensor of a number, lists or an array, copied.

    Python floats get the default dtype (float32), integers int64; an array keeps its own.
    Raises ArgumentError for what is not numbers, DTypeError for integers with requires_grad.

    >>> import tinygrad_jp as tj
    >>> tj.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    tensor([[1., 2.],
            [3., 4.]], requires_grad=True)
    """
    if device is not None:
        check_device(device)
    return generic.Tensor(  # type: ignore[no-any-return]
        data, None if dtype is None else dtype_of(dtype), requires_grad
    )


def as_tensor(data: Any, dtype: Any = None, *, device: Any = None) -> Tensor:
    """Give a Tensor as it is, if its dtype is right; make one of anything else, copied."""
    if isinstance(data, generic.Tensor):
        return data if dtype is None else data.to(dtype)  # type: ignore[no-any-return]
    return tensor(data, dtype, device=device)


asarray = as_tensor


def from_numpy(array: Array) -> Tensor:
    """Make a Tensor of an array, copied: later writes to the array do not reach it.

    (PyTorch shares the memory; a graph could then not see a write. To share, use t.numpy().)
    """
    if not isinstance(array, ndarray):
        raise ArgumentError("not_an_array", kind=type(array).__name__)
    return generic.Tensor(array)  # type: ignore[no-any-return]


# ── of one value ────────────────────────────────────────────────────────────────────────────────


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Make a Tensor of zeros."""
    shape, kind = _shape("zeros", size, dtype)
    return _made(np.zeros(shape, kind), requires_grad, device)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Make a Tensor of ones."""
    shape, kind = _shape("ones", size, dtype)
    return _made(np.ones(shape, kind), requires_grad, device)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """Make a Tensor whose values are whatever was in memory."""
    shape, kind = _shape("empty", size, dtype)
    return _made(np.empty(shape, kind), requires_grad, device)


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Make a Tensor of one value; its dtype is that of the value, a Python float's the default."""
    value = array_of(fill_value)
    if dtype is not None:
        kind = dtype_of(dtype)
    else:
        kind = generic.default_dtype[0] if isinstance(fill_value, float) else dtype_of(value.dtype)
    return _made(np.full(lengths("full", (size,)), value, kind), requires_grad, device)


def eye(
    n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False,
    device: Any = None,
) -> Tensor:
    """Make a matrix (n, m) with ones on its diagonal."""
    rows, columns = lengths("eye", (n, n if m is None else m))
    return _made(np.eye(rows, columns, dtype=_dtype(dtype)), requires_grad, device)


def zeros_like(
    x: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make zeros of the shape and dtype of x."""
    return _like(np.zeros, x, dtype, requires_grad, device)


def ones_like(
    x: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make ones of the shape and dtype of x."""
    return _like(np.ones, x, dtype, requires_grad, device)


def empty_like(
    x: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make a Tensor of the shape and dtype of x, with whatever was in memory."""
    return _like(np.empty, x, dtype, requires_grad, device)


def full_like(
    x: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None
) -> Tensor:
    """Make a Tensor of one value, of the shape and dtype of x."""
    array = array_of(x)
    kind = array.dtype if dtype is None else dtype_of(dtype)
    return _made(np.full(array.shape, array_of(fill_value), kind), requires_grad, device)


def _like(make: Any, x: Any, dtype: Any, requires_grad: bool, device: Any) -> Tensor:
    array = array_of(x)
    return _made(
        make(array.shape, array.dtype if dtype is None else dtype_of(dtype)), requires_grad, device
    )


# ── of a range ──────────────────────────────────────────────────────────────────────────────────


def arange(
    start: float, end: float | None = None, step: float = 1, *, dtype: Any = None,
    requires_grad: bool = False, device: Any = None,
) -> Tensor:
    """Count from start (0) up to end, without it, by step; int64 if all three are whole numbers."""
    if end is None:
        start, end = 0, start
    start, end, step = (v.item() if hasattr(v, "item") else v for v in (start, end, step))
    if step == 0 or not 0 <= (end - start) * step < math.inf:
        raise OptionError("arange_step", start=start, end=end, step=step)
    if dtype is not None:
        kind = dtype_of(dtype)
    else:
        whole = all(isinstance(v, int) for v in (start, end, step))
        kind = np.dtype(np.int64) if whole else generic.default_dtype[0]
    return _made(np.arange(start, end, step).astype(kind), requires_grad, device)


def linspace(
    start: float, end: float, steps: int = 50, *, num: int | None = None, dtype: Any = None,
    requires_grad: bool = False, device: Any = None,
) -> Tensor:
    """Give `steps` numbers (NumPy's num) from start to end, both included, evenly spaced."""
    (count,) = lengths("linspace", (steps if num is None else num,))
    line = np.linspace(float(start), float(end), count)
    return _made(line.astype(_dtype(dtype)), requires_grad, device)


def logspace(
    start: float, end: float, steps: int = 50, base: float = 10.0, *, num: int | None = None,
    dtype: Any = None, requires_grad: bool = False, device: Any = None,
) -> Tensor:
    """Give `steps` numbers from base^start to base^end, evenly spaced in their logarithm."""
    (count,) = lengths("logspace", (steps if num is None else num,))
    line = np.logspace(float(start), float(end), count, base=base)
    return _made(line.astype(_dtype(dtype)), requires_grad, device)


def tril_indices(row: int, col: int | None = None, offset: int = 0) -> Tensor:
    """Give the indices (2, n) of the lower triangle of a matrix."""
    return _made(np.stack(np.tril_indices(row, offset, col)), False, None)


def triu_indices(row: int, col: int | None = None, offset: int = 0) -> Tensor:
    """Give the indices (2, n) of the upper triangle of a matrix."""
    return _made(np.stack(np.triu_indices(row, offset, col)), False, None)


# ── at random ───────────────────────────────────────────────────────────────────────────────────


def uniform_array(shape: tuple[int, ...], dtype: Any, generator: Any = None) -> Array:
    """Draw an array from [0, 1); half precision is drawn in single."""
    drawn = np.float64 if dtype == np.float64 else np.float32
    y = rng(generator).random(shape, drawn)
    if dtype == np.float16:  # rounding must not reach 1
        y = np.minimum(y, np.float32(1 - 2**-11))
    return y.astype(dtype, copy=False)


def normal_array(shape: tuple[int, ...], dtype: Any, generator: Any = None) -> Array:
    """Draw an array from the standard normal distribution; half precision is drawn in single."""
    drawn = np.float64 if dtype == np.float64 else np.float32
    return rng(generator).standard_normal(shape, drawn).astype(dtype, copy=False)


def rand(
    *size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Draw numbers evenly from [0, 1)."""
    shape, kind = _shape("rand", size, dtype)
    return _made(as_array(uniform_array(shape, kind, generator)), requires_grad, device)


def randn(
    *size: Any, dtype: Any = None, requires_grad: bool = False, device: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Draw numbers from the normal distribution of mean 0 and variance 1."""
    shape, kind = _shape("randn", size, dtype)
    return _made(as_array(normal_array(shape, kind, generator)), requires_grad, device)


def rand_like(x: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Draw numbers evenly from [0, 1), in the shape and dtype of x."""
    array = array_of(x)
    return rand(array.shape, dtype=dtype or array.dtype, requires_grad=requires_grad)


def randn_like(x: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Draw numbers from the standard normal distribution, in the shape and dtype of x."""
    array = array_of(x)
    return randn(array.shape, dtype=dtype or array.dtype, requires_grad=requires_grad)


def randint(
    low: int, high: Any = None, size: Any = None, *, dtype: Any = None, device: Any = None,
    generator: Generator | None = None,
) -> Tensor:
    """Draw whole numbers from low (0) up to high, without it: randint(low, high, size)."""
    if size is None and isinstance(high, (tuple, list)):
        high, size = None, high
    if high is None:
        low, high = 0, low
    if low >= high:
        raise OptionError("randint_range", low=low, high=high)
    shape = () if size is None else lengths("randint", (size,))
    kind = np.dtype(np.int64) if dtype is None else dtype_of(dtype)
    return _made(as_array(rng(generator).integers(low, high, shape)).astype(kind), False, device)


def randperm(n: int, *, dtype: Any = None, generator: Generator | None = None) -> Tensor:
    """Draw a random order of 0 … n − 1."""
    (count,) = lengths("randperm", (n,))
    order = rng(generator).permutation(count)
    return _made(order.astype(np.int64 if dtype is None else dtype_of(dtype)), False, None)


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, dtype: Any = None,
    requires_grad: bool = False, generator: Generator | None = None,
) -> Tensor:
    """Draw from normal distributions: numbers, or Tensors of means and deviations."""
    centre, width = array_of(mean), array_of(std)
    if (width < 0).any():
        raise OptionError("negative_std", given=float(width.min()))
    if size is None:
        shape = np.broadcast_shapes(centre.shape, width.shape)
    else:
        shape = lengths("normal", (size,))
    floats = [
        a.dtype for a, given in ((centre, mean), (width, std))
        if a.dtype.kind == "f" and not isinstance(given, (int, float))
    ]
    kind = np.result_type(*floats) if dtype is None and floats else _dtype(dtype)
    y = normal_array(shape, kind, generator) * width + centre
    return _made(np.asarray(y, kind), requires_grad, None)


def bernoulli(p: Any, *, generator: Generator | None = None) -> Tensor:
    """Draw 1 with probability p, else 0; p: a floating point Tensor of probabilities."""
    chance = array_of(p)
    if chance.dtype.kind != "f" or not ((chance >= 0) & (chance <= 1)).all():
        raise OptionError("probability", given=p)
    kind = generic.default_dtype[0] if isinstance(p, (int, float)) else chance.dtype
    drawn = rng(generator).random(chance.shape) < chance
    return _made(np.asarray(drawn, kind), False, None)


def multinomial(
    weights: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Draw class indices with probabilities in proportion to weights (K) or (N, K); int64."""
    array = np.asarray(array_of(weights), np.float64)
    total = array.sum(-1, keepdims=True)
    if array.ndim not in (1, 2) or not (array >= 0).all() or not (total > 0).all():
        raise OptionError("draw_weights", given=weights)
    if not replacement and (np.count_nonzero(array, axis=-1) < num_samples).any():
        raise OptionError("too_many_draws", count=num_samples)
    source = rng(generator)
    rows = array.reshape(-1, array.shape[-1]) / total.reshape(-1, 1)
    drawn = [source.choice(len(p), num_samples, replacement, p) for p in rows]
    return _made(np.reshape(np.stack(drawn), (*array.shape[:-1], num_samples)), False, None)


def uniform_(x: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    """Put numbers drawn evenly from [a, b) in x, in place (a parameter: under no_grad)."""
    if not (math.isfinite(a) and math.isfinite(b) and a <= b):
        raise OptionError("uniform_range", low=a, high=b)
    return x.copy_(wrap(uniform_array(x.shape, x.dtype, generator) * x.dtype.type(b - a) + a))


def normal_(x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Put numbers drawn from a normal distribution in x, in place (a parameter: under no_grad)."""
    if std < 0:
        raise OptionError("negative_std", given=std)
    return x.copy_(wrap(normal_array(x.shape, x.dtype, generator) * x.dtype.type(std) + mean))


__all__ = [
    "arange", "as_tensor", "asarray", "bernoulli", "empty", "empty_like", "eye", "from_numpy",
    "full", "full_like", "get_rng_state", "initial_seed", "linspace", "logspace", "manual_seed",
    "multinomial", "normal", "ones", "ones_like", "rand", "rand_like", "randint", "randn",
    "randn_like", "randperm", "set_rng_state", "tensor", "tril_indices", "triu_indices",
    "zeros", "zeros_like",
]
