"""Tell calls apart: which need a program of their own, and which arrays go in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.node import Node
from ..autograd.tensor import Tensor
from ..errors import CompileError

SIMPLE = (str, bytes, int, float, bool, complex, type(None), slice, type(Ellipsis), np.dtype, type)


class Signature:
    """What a call looks like: the key of its program, and its Tensors and arrays in order."""

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.leaves: list[Any] = []
        self._places: dict[int, int] = {}  # of a Tensor that was given already
        self.held: list[Any] = []  # objects that the key knows by identity
        self.key = (self._part(args), self._part(kwargs))

    def _part(self, x: Any) -> Any:
        if isinstance(x, Tensor):
            if isinstance(x._node, Node):
                raise CompileError("compile_inside_graph", name=x.name or "")
            if id(x) in self._places:
                return "same", self._places[id(x)]
            self._places[id(x)] = len(self.leaves)
            self.leaves.append(x)
            return "T", x._node is not None, _layout(x._data), type(x) is Tensor or id(type(x))
        if isinstance(x, ndarray):
            self.leaves.append(x)
            return "A", _layout(x)
        if isinstance(x, np.generic):
            return "S", x.dtype, x.item()
        if isinstance(x, dict):
            return "D", tuple((k, self._part(v)) for k, v in x.items())
        if isinstance(x, (list, tuple)):
            return type(x).__name__, tuple(map(self._part, x))
        if isinstance(x, SIMPLE) and not isinstance(x, slice):
            return type(x).__name__, "nan" if x != x else x
        self.held.append(x)
        return "O", id(x)


def _layout(array: Any) -> Any:
    return array.shape, array.dtype, array.flags.c_contiguous and array.flags.aligned


def is_plain(array: Any) -> bool:
    """Tell whether an array is as a program takes it: C-ordered, aligned, its bytes in order."""
    flags, dtype = array.flags, array.dtype  # that of an unpickled array is equal to the usual one
    return flags.c_contiguous and flags.aligned and dtype is np.dtype(dtype.type)


def in_order(array: Any) -> Any:
    """Give an array as a program takes it, copied if need be."""
    if is_plain(array):
        return array
    usual = np.dtype(array.dtype.type)
    if is_in_place(array):
        return array.view(usual)
    return np.array(array, usual, order="C")


def is_in_place(array: Any) -> bool:
    """Tell whether a program that writes into an array would write into its very memory."""
    return bool(array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative)


def replaced(x: Any, change: Callable[[Any], Any]) -> Any:
    """Give the same structure with every Tensor and array put through `change`."""
    if isinstance(x, (Tensor, ndarray)) or hasattr(type(x), "traced"):
        return change(x)
    if isinstance(x, dict):
        return {k: replaced(v, change) for k, v in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_make"):
        return x._make(replaced(v, change) for v in x)
    if type(x) in (list, tuple):
        return type(x)(replaced(v, change) for v in x)
    return x
