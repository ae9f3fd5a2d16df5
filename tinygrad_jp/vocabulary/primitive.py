"""Make a Python function dispatch on its arguments the way NumPy's own functions do."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar, cast

from numpy import ndarray

from ..errors import RegistryError

F = TypeVar("F", bound=Callable[..., Any])


def primitive(fn: F) -> F:
    """Turn a function of plain arrays into an operation that a `rule` can be given for.

    Called with a Tensor (or any object that has `__array_function__`), alone or inside a list, it
    hands itself to that object, as NumPy's functions do, and runs as written where that declines
    (a GPU array). `fn.raw` is the undecorated function.

    >>> import numpy as np
    >>> @primitive
    ... def double(x):
    ...     return x + x
    >>> double(np.ones(2))
    array([2., 2.])

    Raises RegistryError for what is no function.
    """
    if not callable(fn):
        raise RegistryError("not_a_function", what="primitive", kind=type(fn).__name__)

    def dispatch(*args: Any, **kwargs: Any) -> Any:
        for a in args:
            if type(a) is ndarray:
                continue
            for item in a if type(a) in (list, tuple) else (a,):
                if type(item) is not ndarray and hasattr(type(item), "__array_function__"):
                    y = item.__array_function__(dispatch, (type(item),), args, kwargs)
                    if y is not NotImplemented:  # a GPU array: knows NumPy's functions only
                        return y
        return fn(*args, **kwargs)

    update_wrapper(dispatch, fn)
    dispatch.raw = fn  # type: ignore[attr-defined]
    return cast(F, dispatch)


def raw(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function of plain arrays behind a primitive, or the function itself."""
    return cast(Callable[..., Any], getattr(fn, "raw", fn))
