"""Functions that are recorded as they are, with arrays anywhere in their arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy import ndarray

from ..vocabulary.rule import Function

Array = Any


class Opaque:
    """A function called whole, its arrays taken out of wherever they stand in its arguments."""

    def __init__(self, fn: Function, args: Any, kwargs: Any, name: str) -> None:
        self.fn, self.args, self.kwargs, self.name = fn, args, kwargs, name
        self.__name__ = name
        self.__module__ = "tinygrad_jp.program.operations"

    def __call__(self, *arrays: Array) -> Any:
        """Put the arrays back, and call."""
        args = [_filled(a, arrays) for a in self.args]
        kwargs = {k: _filled(v, arrays) for k, v in self.kwargs.items()}
        return self.fn(*args, **kwargs)

    def written(self, given: Sequence[str], constant: Callable[[Any], str]) -> str | None:
        """Write the arguments of the call as text, if no array stands inside a list or a tuple.

        given: names of the arrays.  constant: gives a name to any other argument.
        """

        def one(x: Any) -> str:
            return given[x.place] if isinstance(x, _Hole) else constant(x)

        if any(_has_hole(x) for x in (*self.args, *self.kwargs.values())):
            return None
        return ", ".join([*map(one, self.args), *(f"{k}={one(v)}" for k, v in self.kwargs.items())])

    def key(self) -> Any:
        """What tells two such calls apart."""
        return self.fn, repr(self.args), repr(sorted(self.kwargs.items()))


class _Hole:
    def __init__(self, place: int) -> None:
        self.place = place

    def __repr__(self) -> str:
        return f"#{self.place}"


def opaque(
    fn: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], name: str = ""
) -> tuple[Opaque, list[Any]]:
    """Give a call of `fn` as (function of arrays only, those arrays)."""
    found: list[Any] = []
    shown = name or getattr(fn, "__name__", "call")
    holes = tuple(_emptied(a, found) for a in args)
    return Opaque(fn, holes, {k: _emptied(v, found) for k, v in kwargs.items()}, shown), found


def _has_hole(x: Any) -> bool:
    """Tell whether there is an array inside a list or a tuple."""
    return type(x) in (list, tuple) and any(isinstance(p, _Hole) or _has_hole(p) for p in x)


def _emptied(x: Any, found: list[Any]) -> Any:
    if isinstance(x, ndarray) or hasattr(type(x), "traced"):
        found.append(x)
        return _Hole(len(found) - 1)
    if type(x) in (list, tuple):
        return type(x)([_emptied(part, found) for part in x])
    return x


def _filled(x: Any, arrays: Sequence[Array]) -> Any:
    if isinstance(x, _Hole):
        return arrays[x.place]
    if type(x) in (list, tuple):
        return type(x)(_filled(part, arrays) for part in x)
    return x
