"""How the functions of Tensors read their arguments: PyTorch's spelling and NumPy's alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import ArgumentError, DTypeError, OptionError, ShapeError
from . import apply as generic
from .apply import as_array, wrap

if TYPE_CHECKING:
    from .tensor import Tensor

Axis = int | Sequence[int] | None


class ValuesIndices(NamedTuple):
    """What an operation that picks elements along an axis gives: them, and where they were."""

    values: Any
    indices: Any


def tensor_of(x: Any) -> Tensor:
    """Give a Tensor: x itself, or a new one of numbers, lists or arrays."""
    return x if isinstance(x, generic.Tensor) else generic.Tensor(x)  # type: ignore[no-any-return]


def array_of(x: Any) -> Any:
    """Give the plain values of a Tensor, a list or a number."""
    if isinstance(x, generic.Tensor):
        return x._data
    return x if hasattr(x, "traced") else np.asarray(x)


def axis_of(op: str, dim: Any, axis: Any) -> Any:
    """Give the axis that was asked for by PyTorch's name, dim, or by NumPy's, axis.

    Raises ArgumentError where both were given and differ.
    """
    if axis is None:
        axis = dim
    elif dim is not None and dim != axis:
        raise ArgumentError("dim_and_axis", op=op, dim=dim, axis=axis)
    if type(axis) is int or axis is None:
        return axis
    if isinstance(axis, generic.Tensor):
        axis = axis.tolist()
    return tuple(axis) if isinstance(axis, list) else axis


def place(op: str, dim: Any, ndim: int) -> int:
    """Give an axis counted from the front; raises ShapeError where there is none such."""
    if isinstance(dim, (bool, str, float)) or not hasattr(dim, "__index__"):
        raise ArgumentError("one_dim", op=op, given=dim)
    at = dim.__index__()
    room = ndim or 1  # PyTorch lets a 0-d Tensor have the axes 0 and -1
    if not -room <= at < room:
        raise ShapeError("no_dim", op=op, dim=at, ndim=ndim, last=room - 1)
    return int(at % room)


def choice(op: str, name: str, given: Any, choices: Iterable[Any]) -> None:
    """Raise OptionError for a value that is not one of the choices."""
    choices = tuple(choices)
    if given not in choices:
        shown = ", ".join(map(repr, choices))
        raise OptionError("no_choice", op=op, name=name, given=given, choices=shown)


def sizes(op: str, given: Sequence[Any]) -> tuple[int, ...]:
    """Read sizes written as f(2, 3), f((2, 3)) or f([2, 3])."""
    if len(given) == 1 and not hasattr(given[0], "__index__"):
        given = given[0]
    elif len(given) == 1 and getattr(given[0], "ndim", False):
        given = given[0].tolist()
    if not isinstance(given, (tuple, list)):
        raise ArgumentError("not_sizes", op=op, given=given)
    for n in given:
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise ArgumentError("not_sizes", op=op, given=tuple(given))
    return tuple(n.__index__() for n in given)


def lengths(op: str, given: Sequence[Any]) -> tuple[int, ...]:
    """Read the sizes of something new, which are at least 0; ShapeError for others."""
    shape = sizes(op, given)
    if shape and not 0 <= min(shape) <= max(shape) < 1 << 63:
        raise ShapeError("negative_size", op=op, given=shape)
    return shape


def indices_of(op: str, index: Any) -> Any:
    """Give integer indices as a plain array that nobody else writes to."""
    if isinstance(index, generic.Tensor):
        array = index._data
    else:
        array = np.array(index, dtype=None if np.size(index) else np.int64)
    if array.dtype.kind not in "iu":
        raise DTypeError("not_an_index", dtype=array.dtype)
    return array


def dtype_of(dtype: Any) -> np.dtype[Any]:
    """Read a dtype: one of ours, of NumPy's, a Python type (float is float64) or its name.

    Raises DTypeError for what a Tensor cannot hold.
    """
    try:
        read = np.dtype(dtype)
    except TypeError:
        raise DTypeError("dtype_unknown", dtype=dtype) from None
    if read.kind not in "biuf" or read.itemsize > 8:
        raise DTypeError("dtype_unknown", dtype=read)
    return read  # type: ignore[no-any-return]


def check_device(device: Any) -> None:
    """Raise OptionError for a device other than the CPU."""
    if device is not None and str(device) != "cpu":
        raise OptionError("no_device", device=device)


def constant(array: Any) -> Tensor:
    """Make a Tensor without a gradient around a new array."""
    return wrap(as_array(array))  # type: ignore[no-any-return]
