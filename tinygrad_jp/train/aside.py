"""Batches put aside for the metrics, which then take in many of them at once.

A metric over 32 rows costs about as much as one over 500: nearly all of it is Python. So where it
makes no difference, outputs and targets are kept for a while and joined.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.apply import wrap
from ..autograd.structure import leaves, rebuild
from ..autograd.tensor import Tensor
from ..vocabulary.origin import is_ours

BYTES = 1 << 20  # so many are put aside at most: they stay in the cache
MOST = 256  # batches


class Aside:
    """Batches that some metrics have yet to see.

    update: takes (outputs, targets, weights) in, nested as they were put; weights may be None.
    """

    def __init__(self, update: Callable[[Any, Any, Any], None]) -> None:
        self._update = update
        self._batches: list[tuple[Any, Any, Any]] = []
        self._room = MOST

    def put(self, outputs: Any, targets: Any, weights: Any = None) -> None:
        """Keep a batch; what others may write into is copied."""
        batches = self._batches
        batches.append((
            fresh(outputs), own(targets), None if weights is None else own(weights)
        ))
        if len(batches) == 1:
            size = sum(a.nbytes for part in batches[0] for a in leaves(part) if a is not None)
            self._room = min(BYTES // max(size, 1), MOST)
        if len(batches) >= self._room:
            self.fold()

    def fold(self) -> None:
        """Give the metrics what was put aside."""
        if not self._batches:
            return
        batches, self._batches = self._batches, []
        if len(batches) > 1:
            batches = joined(batches)
        for outputs, targets, weights in batches:
            self._update(tensors(outputs), tensors(targets), tensors(weights))

    def clear(self) -> None:
        """Forget what was put aside."""
        self._batches.clear()


def own(value: Any) -> Any:
    """Copy the arrays of targets or weights."""
    if isinstance(value, Tensor):
        return value._data.copy()
    if isinstance(value, (list, tuple)):
        return [own(v) for v in value]
    if isinstance(value, dict):
        return {key: own(value[key]) for key in sorted(value, key=str)}
    return None if value is None else np.array(value)


def fresh(value: Any) -> Any:
    """Take the arrays of a model's outputs, and copy those that are no memory of their own."""
    if type(value) is Tensor:
        array = value._data
        return array if array.base is None else array.copy()
    if type(value) is list:
        return [fresh(v) for v in value]
    return own(value)  # a Tensor of another class may be a parameter


def joined(batches: list[tuple[Any, Any, Any]]) -> list[tuple[Any, Any, Any]]:
    """Join batches of one kind to one; others stay as they are."""
    first = batches[0]
    try:
        columns = list(zip(*map(leaves, batches), strict=True))
        whole = [None if any(a is None for a in c) else np.concatenate(c) for c in columns]
    except ValueError:  # nested otherwise, rows of other shapes, or no rows at all
        return batches
    lengths = {len(array) for array in whole if array is not None}
    for column, array in zip(columns, whole, strict=True):
        if array is None:
            if any(a is not None for a in column):
                return batches
        elif len(lengths) > 1 or array.dtype != column[0].dtype:
            return batches
    joint: tuple[Any, Any, Any] = rebuild(first, whole)
    return [joint]


def tensors(value: Any) -> Any:
    """Make Tensors of arrays again."""
    if isinstance(value, np.ndarray):
        return wrap(value)
    return rebuild(value, [None if a is None else wrap(a) for a in leaves(value)])


def can_join(metric: Any) -> bool:
    """Tell whether a metric adds up rows, so that it does not matter which came in one batch.

    Only metrics of this package say so (`adds_rows`): one of the user's own sees every batch.
    """
    return bool(getattr(metric, "adds_rows", False)) and is_ours(metric)
