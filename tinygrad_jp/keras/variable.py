"""keras.Variable: a parameter with Keras's methods."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from ..autograd.apply import as_array
from ..autograd.arguments import array_of
from ..autograd.tensor import Tensor
from ..errors import ShapeError
from ..nn.parameter import Parameter, overwrite
from .config import standardize_dtype
from .identifiers import auto_name, unknown_argument


class Variable(Parameter):
    """A Tensor that keeps its identity while its values change: weights, counters, statistics.

    initializer: an array, a number, or an initializer (object, function or name), which is given
        `shape` and `dtype`.  trainable: whether gradients are gathered.  dtype: floatx() if None
        and the initializer is not an array.  name: for summaries and errors.
    Raises ShapeError where an array's shape is not `shape`.

    >>> from tinygrad_jp import keras
    >>> v = keras.Variable([1.0, 2.0], name="scale")
    >>> _ = v.assign_add([1.0, 1.0])
    >>> v.numpy()
    array([2., 3.], dtype=float32)
    """

    __slots__ = ("_path", "constraint", "overwrite_with_gradient", "regularizer")
    _path: str
    regularizer: Any
    constraint: Any

    def __init__(
        self, initializer: Any, shape: Any = None, dtype: Any = None, trainable: bool = True,
        autocast: bool = True, aggregation: str = "none", synchronization: str = "auto",
        name: str | None = None, **unknown: Any,
    ) -> None:
        if unknown:
            accepted = ["initializer", "shape", "dtype", "trainable", "name"]
            raise unknown_argument("Variable", next(iter(unknown)), accepted)
        if callable(initializer) or isinstance(initializer, str):
            from .initializers import get  # which draws Variables' values, and so imports this file

            if shape is None:
                raise ShapeError("keras_variable_shape")
            initializer = get(initializer)(tuple(shape), dtype=standardize_dtype(dtype))
        kind = None
        if dtype is not None:
            kind = np.dtype(standardize_dtype(dtype))
        elif not hasattr(initializer, "dtype"):
            array = np.asarray(initializer)
            kind = np.dtype(standardize_dtype(None)) if array.dtype.kind == "f" else array.dtype
        array = array_of(initializer)
        if shape is not None and array.shape != tuple(shape):
            raise ShapeError("keras_assign", name=name, given=array.shape, shape=tuple(shape))
        Tensor.__init__(self, array, kind)
        if trainable and self._data.dtype.kind == "f":
            self.requires_grad_()
        self._name = name or auto_name("Variable")
        self._complete(self._name, None, None)

    @property
    def trainable(self) -> bool:
        """Whether gradients are gathered for it."""
        return self._node is not None

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.requires_grad_(bool(value))

    @property
    def path(self) -> str:
        """The name, with those of the layers around it in front."""
        return self._path

    @path.setter
    def path(self, value: str) -> None:
        self._path = value

    @property
    def value(self) -> Variable:
        """The Tensor of its values: itself."""
        return self

    def assign(self, value: Any) -> Variable:
        """Take other values of the same shape; gives itself. Raises ShapeError otherwise."""
        overwrite(self, self._admitted(value))
        return self

    def _admitted(self, value: Any) -> Any:
        array = as_array(array_of(value))
        if array.shape != self._data.shape:
            raise ShapeError(
                "keras_assign", name=self._name, given=array.shape, shape=self._data.shape
            )
        return array

    def assign_add(self, value: Any) -> Variable:
        """Add to the values; gives itself."""
        return self.assign(self._data + array_of(value))

    def assign_sub(self, value: Any) -> Variable:
        """Subtract from the values; gives itself."""
        return self.assign(self._data - array_of(value))

    def numpy(self) -> Any:
        """Give the values as an array of their own."""
        return np.array(self._data)

    def __deepcopy__(self, memo: Any) -> Variable:
        twin: Variable = super().__deepcopy__(memo)  # type: ignore[assignment]
        parts = (self.regularizer, self.constraint)
        twin._complete(self._path, *(deepcopy(part, memo) for part in parts))
        return twin

    def __reduce__(self) -> Any:
        parts = (self._path, self.regularizer, self.constraint)
        return _restored, (type(self), np.array(self._data), self.trainable, self._name, *parts)

    def _complete(self, path: str, regularizer: Any, constraint: Any) -> None:
        self._path, self.regularizer, self.constraint = path, regularizer, constraint
        self.overwrite_with_gradient = False

    def __repr__(self) -> str:
        return (
            f"<Variable path={self._path}, shape={self.shape}, dtype={self.dtype}, "
            f"value={np.array2string(self._data, separator=', ', threshold=20)}>"
        )


def _restored(
    kind: type[Variable], data: Any, trainable: bool, name: str, *parts: Any
) -> Variable:
    made = kind(data, trainable=trainable, name=name)
    made._complete(*parts)
    return made
