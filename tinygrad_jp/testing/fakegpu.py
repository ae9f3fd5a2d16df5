"""A stand-in for a GPU array: it answers NumPy's protocols, and refuses what a GPU would refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

PLAIN = (bool, int, float, str, bytes, type(None), type(Ellipsis), slice, np.dtype, type)


class FakeGPU(NDArrayOperatorsMixin):
    """An array whose memory NumPy cannot read: no conversion, no ndarray beside it in a call."""

    __slots__ = ("host",)

    def __init__(self, host: Any) -> None:
        self.host = np.asarray(host)  # for the test's own eyes

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    ndim = property(lambda self: self.host.ndim)
    size = property(lambda self: self.host.size)
    T = property(lambda self: there(self.host.T))
    mT = property(lambda self: there(self.host.mT))  # noqa: N815

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("implicit conversion of a GPU array to a host array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(foreign(v) for v in inputs):
            return NotImplemented
        if method == "at":
            inputs = (inputs[0], place(inputs[1]), *inputs[2:])
            return ufunc.at(inputs[0].host, inputs[1], *map(here, inputs[2:]))
        return there(getattr(ufunc, method)(*map(here, inputs), **all_here(kwargs)))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        known = func.__module__.startswith("numpy")
        if not known or not all(issubclass(t, FakeGPU) for t in types):
            return NotImplemented
        if func is np.asarray:
            return there(func(getattr(args[0], "host", args[0]), *args[1:], **kwargs))  # by like=
        return there(func(*map(here, args), **all_here(kwargs)))

    def __getitem__(self, key: Any) -> Any:
        return there(self.host[place(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.host[place(key)] = here(value)

    def __len__(self) -> int:
        return len(self.host)

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        method = getattr(self.host, name)
        return lambda *args, **kwargs: there(method(*map(here, args), **all_here(kwargs)))

    def __bool__(self) -> bool:
        return bool(self.host)

    def __int__(self) -> int:
        return int(self.host)

    def __float__(self) -> float:
        return float(self.host)


METHODS = frozenset(
    ("astype", "reshape", "copy", "transpose", "swapaxes", "ravel", "sum", "dot", "item", "tolist",
     "take", "fill", "squeeze", "any", "all", "view")
)


def foreign(value: Any) -> bool:
    """Tell whether somebody else should answer: a Tensor, say."""
    ours = isinstance(value, (FakeGPU, np.ndarray, np.generic))
    return hasattr(value, "__array_ufunc__") and not ours


def here(value: Any) -> Any:
    """Take the host array out, and refuse host arrays that came from outside."""
    if isinstance(value, FakeGPU):
        return value.host
    if type(value) in (list, tuple):
        return type(value)(map(here, value))
    if isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"a host {type(value).__name__} beside a GPU array")
    if not isinstance(value, PLAIN) and not callable(value):
        raise TypeError(f"a {type(value).__name__} beside a GPU array")
    return value


def all_here(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Take the host arrays out of keyword arguments."""
    return {name: here(value) for name, value in kwargs.items()}


def place(key: Any) -> Any:
    """Read an index, which a GPU array takes from the host too, and carries over."""
    if type(key) is tuple:
        return tuple(map(place, key))
    return key if isinstance(key, (np.ndarray, np.generic)) else here(key)


def there(value: Any) -> Any:
    """Make results GPU arrays, scalars too."""
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(map(there, value))
    if type(value) in (list, tuple):
        return type(value)(map(there, value))
    return FakeGPU(value) if isinstance(value, (np.ndarray, np.generic)) else value
