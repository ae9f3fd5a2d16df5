"""Tell which gradients a call replaces without having looked at them.

A training step that begins with `zero_grad` does the same whether parameters have a gradient
already or not, so one Program serves its first call and all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..autograd.node import Leaf

_leaf: Any = Leaf
_slot: Any = _leaf.__dict__["grad"]


@contextmanager
def first_touches() -> Iterator[dict[int, bool]]:
    """Note in the block, by a leaf's id, whether its gradient was written before it was read.

    All leaves answer through a property meanwhile; other threads notice nothing but that.
    """
    written_first: dict[int, bool] = {}

    def read(leaf: Any) -> Any:
        written_first.setdefault(id(leaf), False)
        return _slot.__get__(leaf)

    def write(leaf: Any, value: Any) -> None:
        written_first.setdefault(id(leaf), True)
        _slot.__set__(leaf, value)

    _leaf.grad = property(read, write)
    try:
        yield written_first
    finally:
        _leaf.grad = _slot
