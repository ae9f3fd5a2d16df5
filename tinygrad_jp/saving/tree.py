"""Nested lists, dicts, numbers and arrays as named arrays and one JSON text, and back.

Numbers come back to the bit, tuples as tuples, dicts in their order with their keys of any kind.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..autograd.apply import wrap
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, FileFormatError

Array = Any


def encode(tree: Any, name: str = "") -> tuple[dict[str, Array], str]:
    """Take a tree apart into named arrays and a JSON text of all the rest.

    Arrays are named by the way to them: "model.hidden.weight". Raises ArgumentError for a thing
    that is neither a number, a text, an array nor a list or dict of such.

    >>> arrays, words = encode({"lr": 0.1, "shape": (2, 3), "w": np.ones(2)})
    >>> arrays
    {'w': array([1., 1.])}
    >>> decode(arrays, words)
    {'lr': 0.1, 'shape': (2, 3), 'w': array([1., 1.])}
    """
    arrays: dict[str, Array] = {}
    return arrays, json.dumps(_packed(tree, name, arrays), ensure_ascii=False)


def _packed(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if isinstance(value, (Tensor, np.ndarray, np.generic)):
        name = _free(path or "value", arrays)
        arrays[name] = value._data if isinstance(value, Tensor) else np.asarray(value)
        form = "tensor" if isinstance(value, Tensor) else "array"
        return {"$": "scalar" if isinstance(value, np.generic) else form, "name": name}
    if kind is list:
        return [_packed(v, _joined(path, i), arrays) for i, v in enumerate(value)]
    if isinstance(value, tuple):
        return {"$": "tuple", "of": [_packed(v, _joined(path, i), arrays)
                                     for i, v in enumerate(value)]}
    if isinstance(value, dict):
        if all(type(key) is str for key in value) and "$" not in value:
            return {key: _packed(v, _joined(path, key), arrays) for key, v in value.items()}
        pairs = [[_packed(k, path, arrays), _packed(v, _joined(path, k), arrays)]
                 for k, v in value.items()]
        return {"$": "dict", "of": pairs}
    if isinstance(value, (bool, int, float, str)):  # a subclass: Size, IntEnum
        return _packed(next(b for b in (bool, int, float, str) if isinstance(value, b))(value),
                       path, arrays)
    raise ArgumentError("save_kind", name=path or "-", kind=kind.__name__)


def _joined(path: str, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)


def _free(name: str, arrays: dict[str, Array]) -> str:
    """Give a name that no array bears yet: {"a.b": x, "a": {"b": y}} has two of one name."""
    if name not in arrays and name != "__metadata__":
        return name
    return next(n for i in range(len(arrays) + 2) if (n := f"{name}#{i}") not in arrays)


def decode(arrays: dict[str, Array], words: str) -> Any:
    """Put together what `encode` took apart.

    Raises FileFormatError where text and arrays do not belong together.
    """
    try:
        return _unpacked(json.loads(words), arrays)
    except (KeyError, TypeError, ValueError, RecursionError) as reason:
        raise FileFormatError(
            "file_structure", reason=f"{type(reason).__name__}: {reason}"
        ) from None


def _unpacked(value: Any, arrays: dict[str, Array]) -> Any:
    if isinstance(value, list):
        return [_unpacked(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    form = value.get("$")
    if form is None:
        return {key: _unpacked(v, arrays) for key, v in value.items()}
    if form == "tuple":
        return tuple(_unpacked(v, arrays) for v in value["of"])
    if form == "dict":
        return {_unpacked(k, arrays): _unpacked(v, arrays) for k, v in value["of"]}
    array = arrays[value["name"]]
    if form == "scalar":
        return array[()]
    return wrap(array) if form == "tensor" else array
