"""Functions that make, join, cut and turn Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import creation
from ...autograd import functions as tj
from ...autograd.arguments import array_of, constant, tensor_of
from ...autograd.tensor import Tensor
from ...errors import ShapeError
from ..config import standardize_dtype
from ..symbolic import recordable

_np: Any = np  # whose functions take Tensors, whatever its annotations say

moveaxis = recordable(tj.moveaxis)
ravel = recordable(tj.ravel)
take_along_axis = recordable(tj.take_along_axis, "take_along_axis")
tril = recordable(tj.tril)
triu = recordable(tj.triu)
diag = recordable(tj.diag)
diagonal = recordable(tj.diagonal)


def _dtype(dtype: Any) -> np.dtype[Any]:
    return np.dtype(standardize_dtype(dtype))


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Give zeros of a shape."""
    return constant(np.zeros(_shape(shape), _dtype(dtype)))


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Give ones of a shape."""
    return constant(np.ones(_shape(shape), _dtype(dtype)))


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """Give zeros of a shape, where Keras gives what happens to be there."""
    return zeros(shape, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """Give one value everywhere."""
    return constant(np.full(_shape(shape), array_of(fill_value), _dtype(dtype)))


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """Give a matrix with ones on a diagonal."""
    return constant(np.eye(N, M, k, _dtype(dtype)))


def identity(n: int, dtype: Any = None) -> Tensor:
    """Give the identity matrix."""
    return eye(n, dtype=dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Tensor:
    """Give start, start + step, ... below stop; int32 of whole numbers, else floatx()."""
    whole = all(isinstance(v, (int, np.integer)) or v is None for v in (start, stop, step))
    kind = _dtype("int32" if whole and dtype is None else dtype)
    values = np.arange(start, step=step) if stop is None else np.arange(start, stop, step)
    return constant(values.astype(kind))


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:
    """Give numbers from start to stop, evenly spaced; with retstep their distance too."""
    made, step = np.linspace(start, stop, num, endpoint, retstep=True, axis=axis)
    values = constant(made.astype(_dtype(dtype)))
    return (values, step) if retstep else values


@recordable
def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Give zeros of the shape and dtype of x."""
    return creation.zeros_like(x, dtype=dtype)


@recordable
def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Give ones of the shape and dtype of x."""
    return creation.ones_like(x, dtype=dtype)


@recordable
def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """Give a number of the shape and dtype of x."""
    return creation.full_like(x, fill_value, dtype=dtype)


@recordable
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Exchange two axes."""
    return tj.swapaxes(x, axis1, axis2)


def _shape(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if hasattr(shape, "__index__") else tuple(int(n) for n in shape)


@recordable
def reshape(x: Any, newshape: Any) -> Tensor:
    """Give the same elements in another shape; −1 is what remains."""
    return tj.reshape(x, _shape(newshape))


@recordable
def transpose(x: Any, axes: Any = None) -> Tensor:
    """Put the axes in another order; reversed, if none is said."""
    x = tensor_of(x)
    return tj.permute(x, tuple(axes) if axes is not None else tuple(range(x.ndim))[::-1])


@recordable
def expand_dims(x: Any, axis: Any) -> Tensor:
    """Put in axes of length 1."""
    return _np.expand_dims(tensor_of(x), axis)  # type: ignore[no-any-return]


@recordable
def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Take out axes of length 1."""
    return _np.squeeze(tensor_of(x), axis)  # type: ignore[no-any-return]


@recordable
def concatenate(xs: Any, axis: int = 0) -> Tensor:
    """Join Tensors along an axis."""
    return tj.concatenate([tensor_of(x) for x in xs], axis)


@recordable
def append(x1: Any, x2: Any, axis: int | None = None) -> Tensor:
    """Join two Tensors along an axis, or flat."""
    if axis is None:
        return tj.concatenate([tensor_of(x1).reshape(-1), tensor_of(x2).reshape(-1)], 0)
    return tj.concatenate([tensor_of(x1), tensor_of(x2)], axis)


@recordable
def stack(x: Any, axis: int = 0) -> Tensor:
    """Join Tensors along a new axis."""
    return tj.stack([tensor_of(part) for part in x], axis)


@recordable
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """Take a Tensor apart along an axis."""
    return list(tj.unbind(x, axis))


@recordable
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """Cut into equal parts, or at the places given."""
    x = tensor_of(x)
    if hasattr(indices_or_sections, "__index__"):
        count = int(indices_or_sections)
        if x.shape[axis] % count:
            raise ShapeError("keras_split", length=x.shape[axis], parts=count, axis=axis)
        return list(tj.tensor_split(x, count, axis))
    return list(tj.tensor_split(x, tuple(int(i) for i in indices_or_sections), axis))


@recordable
def hstack(xs: Any) -> Tensor:
    """Join along the second axis (of vectors the first)."""
    return _np.hstack([tensor_of(x) for x in xs])  # type: ignore[no-any-return]


@recordable
def vstack(xs: Any) -> Tensor:
    """Join along the first axis, vectors as rows."""
    return _np.vstack([tensor_of(x) for x in xs])  # type: ignore[no-any-return]


@recordable
def tile(x: Any, repeats: Any) -> Tensor:
    """Repeat the whole along each axis."""
    return _np.tile(tensor_of(x), repeats)  # type: ignore[no-any-return]


@recordable
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Repeat each element along an axis, or flat."""
    return _np.repeat(tensor_of(x), array_of(repeats), axis)  # type: ignore[no-any-return]


@recordable
def flip(x: Any, axis: Any = None) -> Tensor:
    """Put the elements along axes in reverse order; along all, if none is said."""
    return _np.flip(tensor_of(x), axis)  # type: ignore[no-any-return]


@recordable
def roll(x: Any, shift: Any, axis: Any = None) -> Tensor:
    """Move the elements along an axis, those that fall out come in again."""
    return _np.roll(tensor_of(x), shift, axis)  # type: ignore[no-any-return]


@recordable
def broadcast_to(x: Any, shape: Any) -> Tensor:
    """Repeat along axes of length 1 till the shape is reached."""
    return tj.broadcast_to(x, _shape(shape))


@recordable
def pad(
    x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None
) -> Tensor:
    """Widen each axis by (before, after)."""
    extra = {}
    if mode == "constant":
        extra["constant_values"] = 0 if constant_values is None else constant_values
    return _np.pad(tensor_of(x), pad_width, mode, **extra)  # type: ignore[no-any-return]


@recordable
def take(x: Any, indices: Any, axis: int | None = None) -> Tensor:
    """Pick elements along an axis, or of the whole laid flat."""
    x, places = tensor_of(x), array_of(indices).astype(np.int64)
    return x.reshape(-1).take(places) if axis is None else x.take(places, axis)  # type: ignore[no-any-return]


@recordable
def get_item(x: Any, key: Any) -> Any:
    """Give x[key]."""
    return x[key]


@recordable
def slice(inputs: Any, start_indices: Any, shape: Any) -> Tensor:
    """Cut out a block of a shape, beginning at start_indices."""
    import builtins

    starts, lengths = _shape(start_indices), _shape(shape)
    key = tuple(
        builtins.slice(s, None if n == -1 else s + n) for s, n in zip(starts, lengths, strict=True)
    )
    return tensor_of(inputs)[key]


def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Give the coordinates of a grid."""
    return [constant(a) for a in _np.meshgrid(*map(array_of, x), indexing=indexing)]


@recordable
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Tensor:
    """Give the inputs with a block, beginning at start_indices, exchanged for `updates`."""
    import builtins

    x, new = tensor_of(inputs), tensor_of(updates)
    starts = _shape(start_indices)
    inside = np.zeros(x.shape, bool)
    inside[tuple(builtins.slice(s, s + n) for s, n in zip(starts, new.shape, strict=True))] = True
    around = [(s, m - s - n) for s, n, m in zip(starts, new.shape, x.shape, strict=True)]
    return tj.where(inside, _np.pad(new, around), x)  # type: ignore[no-any-return]


@recordable
def scatter(indices: Any, values: Any, shape: Any) -> Tensor:
    """Give zeros of a shape with values (n, ...) added at indices (n, k)."""
    places, values, whole = array_of(indices).astype(np.int64), tensor_of(values), _shape(shape)
    rows, rest = whole[: places.shape[1]], whole[places.shape[1] :]
    flat = np.ravel_multi_index(tuple(places.T), rows)
    start = constant(np.zeros((int(np.prod(rows)), *rest), values.dtype))
    return tj.index_add(start, 0, flat, values).reshape(whole)
