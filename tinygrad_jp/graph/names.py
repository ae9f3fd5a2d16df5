"""The names that a user's program has for its Tensors: variables, and the paths of Parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np

from ..autograd.tensor import Tensor
from ..errors import ArgumentError

MOST_INSIDE = 1000  # of what one variable holds


@dataclass
class Named:
    """Names that the user's program has for Tensors; `paths` are those of Modules' Parameters."""

    pairs: list[tuple[str, Tensor]] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)
    kinds: dict[str, str] = field(default_factory=dict)  # path of a module -> its class
    modules: list[tuple[str, Any]] = field(default_factory=list)
    arrays: list[tuple[str, Any]] = field(default_factory=list)  # which are no Tensors

    def add_module(self, module: Any, name: str = "") -> None:
        """Take in a Module's parameters by their paths."""
        prefix = f"{name}." if name else ""
        self.add_pairs(module.named_parameters(), prefix)
        self.modules.append((name, module))
        for path, inner in module.named_modules():
            self.kinds.setdefault(f"{prefix}{path}".rstrip("."), type(inner).__name__)

    def join(self, other: Named) -> None:
        """Take in what another has found; what was here already comes first."""
        self.pairs += other.pairs
        self.paths |= other.paths
        self.kinds = {**other.kinds, **self.kinds}
        self.modules += other.modules
        self.arrays += other.arrays

    def add_pairs(self, pairs: Iterable[tuple[str, Tensor]], prefix: str = "") -> None:
        """Take in (path, Parameter) pairs."""
        for path, tensor in pairs:
            if not isinstance(path, str) or not isinstance(tensor, Tensor):
                raise TypeError
            self.pairs.append((prefix + path, tensor))
            self.paths.add(prefix + path)


def named_tensors(names: Any) -> Named:
    """Read the names from whatever the user has them in."""
    named = Named()
    try:
        if isinstance(names, Mapping):
            for key, value in names.items():
                if not isinstance(key, str) or key.startswith("_"):
                    continue  # notebooks keep old results in _, __, _1, ...
                if isinstance(value, Tensor):
                    named.pairs.append((key, value))
                elif isinstance(value, np.ndarray):
                    named.arrays.append((key, value))
                elif is_module(value):
                    named.add_module(value, key)
            named.pairs += _inside(names)
        elif names is not None and is_module(names):
            named.add_module(names)
        elif names is not None:
            named.add_pairs(names() if callable(names) else names)
    except (TypeError, ValueError) as reason:
        raise ArgumentError("draw_names", kind=type(names).__name__) from reason
    return named


def _inside(variables: Mapping[Any, Any]) -> list[tuple[str, Tensor]]:
    """Name the Tensors that variables hold: params["W1"] is W1, if there is one W1 only."""
    found: dict[int, tuple[str, str, Tensor]] = {}  # the short name, the whole one
    for key, value in variables.items():
        if isinstance(key, str) and not key.startswith("_"):
            for short, whole, t in _held(key, value):
                found.setdefault(id(t), (short, whole, t))
    count = Counter(short for short, _, _ in found.values())
    return [
        (whole if short in variables or count[short] > 1 else short, t)
        for short, whole, t in found.values()
    ]


def _held(name: str, value: Any) -> Iterator[tuple[str, str, Tensor]]:
    """List the Tensors in a dict, a list or an object of the user's; in its dicts and lists too."""
    if isinstance(value, (dict, list, tuple)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in islice(items, MOST_INSIDE):
            if isinstance(inner, Tensor):
                whole = f"{name}[{key!r}]"
                yield key if isinstance(key, str) else whole, whole, inner
    elif _is_the_users(value):
        for key, inner in islice(vars(value).items(), MOST_INSIDE):
            whole = f"{name}.{key}"
            if isinstance(inner, Tensor):
                yield whole, whole, inner
            elif isinstance(inner, (dict, list, tuple)):
                yield from _held(whole, inner)


def _is_the_users(value: Any) -> bool:
    """Tell whether a value is an object of a class that the user wrote, as the book's networks."""
    kind = type(value)
    ours = kind.__module__.partition(".")[0] in ("builtins", "types", "numpy", "tinygrad_jp")
    return not (ours or isinstance(value, (type, ModuleType)) or is_module(value)) and (
        isinstance(getattr(value, "__dict__", None), dict)
    )


def is_module(value: Any) -> bool:
    """Tell whether a value is a Module, or what has parameters with paths as one has."""
    return not isinstance(value, type) and callable(getattr(type(value), "named_parameters", None))
