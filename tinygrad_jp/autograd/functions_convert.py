"""Other dtypes, copies, and questions of a Tensor about itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..vocabulary.primitives import astype as cast
from . import apply as generic
from .apply import wrap
from .arguments import check_device, dtype_of, lengths, tensor_of
from .generate import op

if TYPE_CHECKING:
    from .tensor import Tensor

_cast = op(cast)
clone = op(np.copy)


def astype(x: Any, dtype: Any) -> Tensor:
    """Give the same values in another dtype, copied; integers and booleans have no gradient."""
    x, kind = tensor_of(x), dtype_of(dtype)
    if kind.kind != "f":
        return wrap(x._data.astype(kind))  # type: ignore[no-any-return]
    return _cast(x, kind)


def to(
    x: Tensor, *target: Any, dtype: Any = None, device: Any = None, copy: bool = False
) -> Tensor:
    """Give this Tensor in another dtype, as x.to(tj.float64), x.to(other) or x.to("cpu").

    The Tensor itself, if it is so already (unless copy=True).
    """
    check_device(device)
    for t in target:
        if isinstance(t, generic.Tensor):
            dtype = t.dtype
        elif isinstance(t, str) and (t.startswith(("cpu", "cuda", "mps", "gpu"))):
            check_device(t)
        elif t is not None:
            dtype = t
    if dtype is None or dtype_of(dtype) == x._data.dtype:
        return clone(x) if copy else x
    return astype(x, dtype)


def type_(x: Tensor, dtype: Any = None) -> Any:
    """Give this Tensor in another dtype; without one, the name of its dtype."""
    return str(x.dtype) if dtype is None else to(x, dtype)


def type_as(x: Tensor, other: Tensor) -> Tensor:
    """Give this Tensor in the dtype of another."""
    return to(x, other.dtype)


def half(x: Tensor) -> Tensor:
    """Give this Tensor in float16."""
    return to(x, np.float16)


def float_(x: Tensor) -> Tensor:
    """Give this Tensor in float32."""
    return to(x, np.float32)


def double(x: Tensor) -> Tensor:
    """Give this Tensor in float64."""
    return to(x, np.float64)


def short(x: Tensor) -> Tensor:
    """Give this Tensor in int16, cut towards 0, without a gradient."""
    return to(x, np.int16)


def int_(x: Tensor) -> Tensor:
    """Give this Tensor in int32, cut towards 0, without a gradient."""
    return to(x, np.int32)


def long(x: Tensor) -> Tensor:
    """Give this Tensor in int64, cut towards 0, without a gradient."""
    return to(x, np.int64)


def bool_(x: Tensor) -> Tensor:
    """Give whether each element is other than 0, without a gradient."""
    return to(x, np.bool_)


def cpu(x: Tensor) -> Tensor:
    """Give this Tensor where its values are in the computer's own memory: itself."""
    return x


def contiguous(x: Tensor) -> Tensor:
    """Give this Tensor with its elements in order in memory; itself, if they are."""
    return x if x._data.flags.c_contiguous else clone(x)


def is_contiguous(x: Tensor) -> bool:
    """Tell whether the elements are in order in memory."""
    return bool(x._data.flags.c_contiguous)


def numel(x: Any) -> int:
    """Count the elements."""
    return math.prod(tensor_of(x).shape)


def dim(x: Tensor) -> int:
    """Count the axes."""
    return x.ndim


def is_floating_point(x: Any) -> bool:
    """Tell whether the dtype is one of floating point numbers."""
    return bool(tensor_of(x).dtype.kind == "f")


def is_tensor(x: Any) -> bool:
    """Tell whether x is a Tensor."""
    return isinstance(x, generic.Tensor)


def element_size(x: Tensor) -> int:
    """Give the bytes of one element."""
    return x.dtype.itemsize


def nbytes(x: Tensor) -> int:
    """Give the bytes of all elements."""
    return x.dtype.itemsize * numel(x)


def new_tensor(x: Tensor, data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a Tensor of data, in the dtype of this one."""
    return generic.Tensor(data, x.dtype if dtype is None else dtype_of(dtype), requires_grad)  # type: ignore[no-any-return]


def new_zeros(x: Tensor, *size: Any, dtype: Any = None) -> Tensor:
    """Make zeros, in the dtype of this Tensor."""
    return new_full(x, lengths("new_zeros", size), 0, dtype=dtype)


def new_ones(x: Tensor, *size: Any, dtype: Any = None) -> Tensor:
    """Make ones, in the dtype of this Tensor."""
    return new_full(x, lengths("new_ones", size), 1, dtype=dtype)


def new_empty(x: Tensor, *size: Any, dtype: Any = None) -> Tensor:
    """Make a Tensor whose values mean nothing yet (they are 0), in the dtype of this one."""
    return new_full(x, lengths("new_empty", size), 0, dtype=dtype)


def new_full(x: Tensor, size: Any, fill_value: float, *, dtype: Any = None) -> Tensor:
    """Make a Tensor of one value, in the dtype of this one."""
    kind = x.dtype if dtype is None else dtype_of(dtype)
    return wrap(np.full(lengths("new_full", (size,)), fill_value, kind))  # type: ignore[no-any-return]


def clamp_(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """Keep x between min and max, in place (a parameter: under no_grad)."""
    return x.copy_(x.clamp(min, max))


__all__ = [
    "clone", "is_floating_point", "is_tensor", "numel",
]
