"""The Tensors that a model learns."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.apply import default_dtype
from ..autograd.memory import changed
from ..autograd.mode import changes
from ..autograd.node import Leaf
from ..autograd.tensor import Tensor


class Parameter(Tensor):
    """A Tensor that a Module lists among its parameters; it requires a gradient.

    data: what a Tensor is made from; copied. requires_grad: False for a frozen one.
    Raises DTypeError for integers, which have no gradient.

    >>> from tinygrad_jp import nn
    >>> nn.Parameter([1.0, 2.0])
    Parameter containing:
    tensor([1., 2.], requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, None, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class UninitializedParameter(Parameter):
    """A parameter whose shape is not known before the first batch (see LazyLinear).

    An optimizer may hold it already: it stays the same object when it gets its values.
    """

    __slots__ = ()

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        empty = np.empty(0, default_dtype[0]) if data is None else data
        super().__init__(empty, requires_grad)

    def materialize(self, shape: tuple[int, ...], dtype: Any = None) -> None:
        """Take the shape, with zeros in it, and become an ordinary Parameter."""
        replace(self, np.zeros(shape, dtype or self._data.dtype))
        self.__class__ = Parameter  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


def replace(tensor: Tensor, array: Any) -> None:
    """Give a leaf another array, whose shape and dtype may differ; its identity stays."""
    tensor._data = array
    changes[0] += 1
    node = tensor._node
    if isinstance(node, Leaf):
        node.shape, node.dtype = array.shape, array.dtype
        if node.grad is not None:
            grad = node.grad._data if isinstance(node.grad, Tensor) else node.grad
            node.grad = grad.astype(array.dtype) if grad.shape == array.shape else None


def overwrite(tensor: Tensor, array: Any) -> None:
    """Write an array into a Tensor's memory; graphs that need the old values will notice."""
    tensor._data[...] = array
    changed(tensor._data)
