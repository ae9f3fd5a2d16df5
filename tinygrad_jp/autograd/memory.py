"""Writes into arrays that a graph may still need: seen, so that no gradient is silently wrong.

Three things together:
- `changed` writes down, for the array that owns the memory, the tick of the latest write;
  the backward pass compares it with the tick at which each node was made (`check` in backward.py).
- `.data` and `.numpy()` give `Data`, a view that writes through and reports; what NumPy makes of it
  behind our back (np.asarray) is read-only.
- arrays from outside are copied when they are recorded (`own`), so that nobody else holds them.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import count
from typing import Any
from weakref import ref

import numpy as np
from numpy import ndarray

Array = Any

tick = count(1).__next__  # one clock: the order of nodes, and of writes between them

_writes: dict[int, int] = {}  # id of the array that owns the memory -> tick of the latest write
_watches: dict[int, Any] = {}  # the same -> a weak reference that takes both out when it dies
last_write = [0]  # the newest tick in the log; a list, so that readers share it


def owner(array: Array) -> Array:
    """Find the array whose memory a view shows."""
    while isinstance(array.base, ndarray):
        array = array.base
    return array


def changed(array: Array) -> None:
    """Write down that the memory of `array` was changed just now."""
    all_changed((array,))


def all_changed(arrays: Iterable[Array]) -> None:
    """Write down that the memory of each array was changed just now, all at one tick."""
    last_write[0] = now = tick()
    for array in arrays:
        if not isinstance(array, ndarray):
            if hasattr(array, "written"):
                array.written = now  # a trace; on a GPU it is replaced, not written into
            continue
        if array.base is not None:
            array = owner(array)
        key = id(array)
        _writes[key] = now
        if key not in _watches:
            _watches[key] = ref(array, partial(_forget, key))


def _forget(key: int, _: Any) -> None:
    _writes.pop(key, None)
    _watches.pop(key, None)


def written_since(array: Array, moment: int) -> bool:
    """Tell whether the memory of `array` was changed after the tick `moment`."""
    if not isinstance(array, ndarray):
        return bool(getattr(array, "written", 0) > moment)
    return _writes.get(id(owner(array)), 0) > moment


def own(value: Any) -> Any:
    """Copy an array that somebody else holds; numbers need no copy."""
    return value.copy() if isinstance(value, ndarray) else value


def plain(array: Array) -> Array:
    """Give the memory of a Data view as an ordinary writable array."""
    if not isinstance(array, Data):
        return array
    view = array.view()
    view.flags.writeable = True
    return view.view(ndarray)


class Data(ndarray):
    """A view of a Tensor's memory through which writes are seen by the graph.

    Item assignment, in-place operators, `out=`, np.copyto and fill write and report. Arithmetic
    gives plain arrays. A plain view of it (np.asarray) is read-only.
    """

    def __setitem__(self, key: Any, value: Any) -> None:
        plain(self)[key] = value
        changed(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        outs = kwargs.get("out", ())
        if outs:
            kwargs["out"] = tuple(plain(o) for o in outs)
        if method == "at":
            getattr(ufunc, method)(plain(inputs[0]), *(_read(x) for x in inputs[1:]), **kwargs)
            changed(self)
            return None
        result = getattr(ufunc, method)(*(_read(x) for x in inputs), **kwargs)
        for o in outs:
            if isinstance(o, Data):
                changed(o)
        return outs[0] if len(outs) == 1 else outs or result

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func in _WRITERS and isinstance(args[0], Data):
            func(plain(args[0]), *map(_read, args[1:]), **{k: _read(v) for k, v in kwargs.items()})
            changed(args[0])
            return None
        return func(*map(_read, args), **{k: _read(v) for k, v in kwargs.items()})

    def fill(self, value: Any) -> None:
        """Put one value everywhere."""
        plain(self).fill(value)
        changed(self)

    def sort(self, *args: Any, **kwargs: Any) -> None:
        """Sort in place, as ndarray.sort does."""
        plain(self).sort(*args, **kwargs)
        changed(self)

    def __repr__(self) -> str:
        return repr(np.asarray(self))

    def __reduce__(self) -> Any:
        return np.array(self).__reduce__()


_WRITERS = {np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal}


def _read(value: Any) -> Any:
    if isinstance(value, Data):
        return value.view(ndarray)
    if type(value) in (list, tuple):
        return type(value)(map(_read, value))
    return value


def is_same_view(a: Array, b: Array) -> bool:
    """Tell whether two arrays of NumPy show the same elements of the same memory alike."""
    if not isinstance(b, ndarray) or (a.shape, a.strides) != (b.shape, b.strides):
        return False
    return bool(a.__array_interface__["data"][0] == b.__array_interface__["data"][0])


def guarded(array: Array) -> Array:
    """Show an array as Data."""
    view = array.view(Data)
    view.flags.writeable = False
    return view
