"""Find what a function can reach: the Tensors whose values it may read, and what it is made of.

`compile` lifts those Tensors to inputs, and notices when a name that the function reads means
something else. The walk goes through closures, the globals that the code names, defaults, bound
objects, attributes, lists, tuples and dicts, each object once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dis import get_instructions
from functools import partial
from types import BuiltinFunctionType, CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..autograd import generate
from ..autograd.tensor import Tensor

LEAVES = (
    str, bytes, int, float, complex, bool, type(None), type, ModuleType, BuiltinFunctionType,
    np.ndarray, np.generic, np.dtype, Tensor,
)
READS = {"LOAD_GLOBAL", "LOAD_NAME"}
SIMPLE = (str, int, float, bool, type(None))


class Reached:
    """What a function reaches.

    tensors   {id: (name, Tensor)}, by the first path found
    objects   all other objects that were walked through, in order
    names     (place, key, value): each closure cell and global that the code reads, as it was
    """

    def __init__(self, fn: Any) -> None:
        self.tensors: dict[int, tuple[str, Tensor]] = {}
        self.objects: list[Any] = []
        self.names: list[tuple[Any, str, Any]] = []
        self._seen: set[int] = set()
        roots = fn if isinstance(fn, tuple) else (fn,)
        stack: list[tuple[str, Any]] = [("", root) for root in reversed(roots)]
        while stack:
            path, x = stack.pop()
            if id(x) in self._seen:
                continue
            if isinstance(x, Tensor):
                self._seen.add(id(x))
                self.tensors[id(x)] = (path, x)
            elif not isinstance(x, LEAVES):
                self._seen.add(id(x))
                self.objects.append(x)
                stack.extend(reversed([(joined(path, n), y) for n, y in self._inside(x)]))

    def _inside(self, x: Any) -> Iterator[tuple[str, Any]]:
        """Give what an object holds, by name."""
        if isinstance(x, FunctionType):
            yield from self._of_function(x)
        elif isinstance(x, MethodType):
            yield "", x.__self__
            yield "", x.__func__
        elif isinstance(x, partial):
            yield from (("", y) for y in (x.func, *x.args, *x.keywords.values()))
        elif isinstance(x, dict):
            yield from ((str(k), v) for k, v in x.items())
        elif isinstance(x, (list, tuple, set, frozenset)):
            yield from ((str(i), v) for i, v in enumerate(x))
        elif not isinstance(x, CellType):
            hidden = getattr(type(x), "not_lifted", ())
            held = getattr(x, "__dict__", None)
            if not isinstance(held, dict):  # a proxy may answer to any name with anything
                held = {}
            inside = [kv for kv in held.items() if kv[0] not in hidden]
            yield from sorted(inside, key=lambda item: item[0].startswith("_"))  # for their names
            wrapped = getattr(type(x), "forward", None) or vars(type(x)).get("__call__")
            if isinstance(wrapped, FunctionType):
                yield "", wrapped

    def _of_function(self, fn: FunctionType) -> Iterator[tuple[str, Any]]:
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:
                continue  # assigned later
            self.names.append((cell, name, value))
            yield name, value
        if ours(fn):  # what a user gave lies in its cells (tj.fit's step); its globals are ours
            return
        codes = [fn.__code__]
        while codes:
            code = codes.pop()
            codes += [c for c in code.co_consts if hasattr(c, "co_names")]
            read = {i.argval for i in get_instructions(code) if i.opname in READS}
            for name in code.co_names:  # those of attributes too: optimizer.step is no global step
                if name in read and name in fn.__globals__:
                    value = fn.__globals__[name]
                    if not isinstance(value, (ModuleType, type)) and not ours(value):
                        self.names.append((fn.__globals__, name, value))
                    yield name, value
        yield from (("", d) for d in fn.__defaults__ or ())
        yield from (fn.__kwdefaults__ or {}).items()


def ours(x: Any) -> bool:
    """Tell whether a function is this package's own, whose names do not change."""
    if not isinstance(x, FunctionType):
        return False
    module = getattr(x, "__module__", "") or ""
    return x.__globals__ is generate.scope or module.startswith(("tinygrad_jp.", "numpy"))


def joined(path: str, name: str) -> str:
    """Write a path with dots; nothing is added for what has no name."""
    return f"{path}.{name}" if path and name else path or name


def read(place: Any, name: str) -> Any:
    """Look up what a name means now."""
    if isinstance(place, CellType):
        try:
            return place.cell_contents
        except ValueError:
            return None
    return place.get(name)


def same(old: Any, new: Any) -> bool:
    """Tell whether a name still means what it did: the same object, or an equal plain value."""
    return old is new or (
        isinstance(old, SIMPLE) and type(old) is type(new) and (old == new or old != old)
    )
