"""Arguments and results made of lists, tuples and dicts: taken apart, and put together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any


def flatten(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """List what lies in nested lists, tuples and dicts, each with the path that leads to it.

    >>> flatten({"W": 1, "b": [2, 3]}, "params")
    [("params['W']", 1), ("params['b'][0]", 2), ("params['b'][1]", 3)]
    """
    if isinstance(value, dict):
        return [x for key, v in value.items() for x in flatten(v, f"{path}[{key!r}]")]
    if isinstance(value, (list, tuple)):
        return [x for i, v in enumerate(value) for x in flatten(v, f"{path}[{i}]")]
    return [(path, value)]


def leaves(value: Any) -> list[Any]:
    """List what lies in nested lists, tuples and dicts."""
    if isinstance(value, dict):
        return [x for v in value.values() for x in leaves(v)]
    if isinstance(value, (list, tuple)):
        return [x for v in value for x in leaves(v)]
    return [value]


def rebuild(value: Any, contents: Iterable[Any]) -> Any:
    """Build the same lists, tuples and dicts as `value` around other contents.

    >>> rebuild({"W": 1, "b": [2, 3]}, "xyz")
    {'W': 'x', 'b': ['y', 'z']}
    """
    return _rebuild(value, iter(contents))


def _rebuild(value: Any, contents: Iterator[Any]) -> Any:
    if isinstance(value, dict):
        return {key: _rebuild(v, contents) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_rebuild(v, contents) for v in value]
        if hasattr(value, "_make"):
            return value._make(parts)
        return tuple(parts) if isinstance(value, tuple) else parts
    return next(contents)


def shape_of(value: Any) -> Any:
    """Say how a value is nested, to compare it with another."""
    if isinstance(value, dict):
        return {key: shape_of(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape_of(v) for v in value]
    return None
