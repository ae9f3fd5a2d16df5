"""Where batches come from: whatever was given, read as passes that can be gone into midway."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

import numpy as np

from ..autograd.apply import wrap
from ..autograd.structure import leaves, rebuild
from ..autograd.tensor import Tensor
from ..data.dataset import Dataset, TensorDataset
from ..data.loader import DataLoader
from ..errors import ArgumentError, OptionError

Batch = Any


class Feed(Protocol):
    """What the loop takes batches from; a DataLoader is one."""

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Batch]]:
        """Give (number of samples, batch) for pass number `epoch`, from batch `start` on."""


class IterableFeed:
    """Batches of any iterable, as they come.

    iterable: gives (x, t) or (x, t, weight). One that can be gone through again and again, unless
    `steps` says after how many batches an epoch ends; then it goes on where it stopped.
    """

    def __init__(self, iterable: Iterable[Batch], steps: int | None = None) -> None:
        self.iterable = iterable
        self.steps = steps
        self._running: Iterator[Batch] | None = None
        self._drawn = 0  # batches so far, over all epochs

    def __len__(self) -> int:
        return self.steps or len(self.iterable)  # type: ignore[arg-type]

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Batch]]:
        """Give (number of samples, batch); batches before `start` are drawn and dropped."""
        if self.steps is None:
            source = islice(iter(self.iterable), start, None)
        else:
            if self._running is None:
                self._running = islice(iter(self.iterable), self._drawn, None)
            source = islice(self._running, self.steps - start)
        for batch in source:
            parts = as_batch(batch)
            self._drawn += 1
            yield count(parts), parts

    def state_dict(self) -> dict[str, Any]:
        """Give how many batches were drawn."""
        return {"drawn": self._drawn}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Leave out, to begin with, the batches that were drawn already."""
        self._running, self._drawn = None, state["drawn"]


def as_batch(batch: Any) -> tuple[Any, ...]:
    """Read what an iterable gave as (x, t) or (x, t, weight) of Tensors.

    Arrays are wrapped, not copied: they may be used again for the next batch.
    """
    if isinstance(batch, list) and len(batch) in (2, 3):
        batch = tuple(batch)
    if not isinstance(batch, tuple):
        raise ArgumentError("batch_form", kind=type(batch).__name__)
    if all(type(part) is Tensor for part in batch):
        return batch
    parts: tuple[Any, ...] = rebuild(batch, [as_tensor(part) for part in leaves(batch)])
    return parts


def as_tensor(value: Any) -> Any:
    """Wrap an array, or another library's tensor; anything else stays as it is."""
    if isinstance(value, np.ndarray):
        return wrap(value)
    if hasattr(value, "detach") and not isinstance(value, Tensor):
        return wrap(np.asarray(value.detach()))
    return value


def count(batch: tuple[Any, ...]) -> int:
    """Count the samples of a batch: the length of its first array."""
    shape = getattr(leaves(batch)[0], "shape", ())
    return shape[0] if shape else 1


def as_feed(
    data: Any, batch_size: int = 32, *, shuffle: bool = False, seed: int | None = None,
    steps: int | None = None,
) -> Any:
    """Give the feed meant: a tuple (x, t) or (x, t, weight), a Dataset, a DataLoader, an iterable.

    batch_size, shuffle and seed are for arrays and Datasets; the others know their own.
    Raises ArgumentError for what gives no batches.
    """
    if isinstance(data, tuple):
        if len(data) not in (1, 2, 3) or (len(data) == 3 and data[2] is None):
            raise ArgumentError("data_tuple", length=len(data))
        data = TensorDataset(*data)
    if isinstance(data, Dataset) or (hasattr(data, "__getitem__") and is_pairs(data)):
        data = DataLoader(data, batch_size, shuffle, seed=seed)
    if hasattr(data, "batches"):
        return data
    if not isinstance(data, Iterable):
        raise ArgumentError("data_kind", kind=type(data).__name__)
    if steps is not None and steps < 1:
        raise OptionError("loader_option", name="steps_per_epoch", given=steps, least=1)
    return IterableFeed(data, steps)


def is_pairs(data: Any) -> bool:
    """Tell a data set without the class (items by number) from a list of batches."""
    return not isinstance(data, (list, dict, str)) and hasattr(data, "__len__")
