"""The DataLoader: batches of a dataset, shuffled by seed and epoch, prepared by threads if asked.

Rows of arrays (a TensorDataset or a Subset of one) are gathered once an epoch, and a batch is a
slice; items of any other dataset are fetched one by one and put together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd import random
from ..autograd.apply import default_dtype, wrap
from ..autograd.structure import rebuild
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, ShapeError, StateDictError
from .dataset import Subset, TensorDataset

if TYPE_CHECKING:
    from concurrent.futures import Future

Array = Any
Batch = Any
BLOCK = 1 << 25  # so many bytes are gathered at a time


class DataLoader:
    """Batches of a dataset, as Tensors; a new order at every pass if shuffled.

    dataset: a Dataset, or anything with a length and items by number.
    shuffle: draw a new order for every pass. The order depends on `seed` and the number of the
        pass alone, so that two runs, or one that was resumed, see the same batches.
    seed: None draws one from `generator`, or from tj.manual_seed's.
    drop_last: leave out the last batch if it is not full.
    collate_fn: makes a batch of a list of items; `default_collate` unless given.
    num_workers: threads that fetch items ahead (0: none). An error in one comes out of the loop
        that waits for its batch. Random numbers drawn by tj in `__getitem__` do not depend on it.
    prefetch_factor: batches that each thread works ahead.
    Raises OptionError for numbers that make no sense.

    >>> import numpy as np
    >>> from tinygrad_jp.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(np.arange(5.0), np.arange(5)), batch_size=2)
    >>> [(x.tolist(), t.tolist()) for x, t in loader]
    [([0.0, 1.0], [0, 1]), ([2.0, 3.0], [2, 3]), ([4.0], [4])]
    >>> len(loader)
    3
    """

    def __init__(
        self, dataset: Any, batch_size: int = 1, shuffle: bool = False, *, seed: int | None = None,
        drop_last: bool = False, collate_fn: Callable[[list[Any]], Any] | None = None,
        num_workers: int = 0, prefetch_factor: int = 2,
        generator: np.random.Generator | None = None,
    ) -> None:
        if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise ArgumentError("loader_dataset", kind=type(dataset).__name__)
        for name, value, least in (
            ("batch_size", batch_size, 1), ("num_workers", num_workers, 0),
            ("prefetch_factor", prefetch_factor, 1), ("seed", 0 if seed is None else seed, 0),
        ):
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < least:
                raise OptionError("loader_option", name=name, given=value, least=least)
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor
        drawn = random.generator(generator).integers(2**63) if seed is None else seed
        self.seed = int(drawn)
        self.epoch = 0  # the number of the next pass

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Batch]:
        """Give the batches of the next pass."""
        epoch, self.epoch = self.epoch, self.epoch + 1
        return (batch for _, batch in self.batches(epoch))

    def order(self, epoch: int) -> Array:
        """Give the order of the items in a pass, (N,)."""
        if not self.shuffle:
            return np.arange(len(self.dataset))
        return np.random.default_rng([self.seed, epoch]).permutation(len(self.dataset))

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Batch]]:
        """Give (number of items, batch) for pass number `epoch`, from batch `start` on."""
        rows = None if self.collate_fn else rows_of(self.dataset)
        if rows is not None:
            return self._sliced(*rows, epoch, start)
        return self._fetched(epoch, start)

    def state_dict(self) -> dict[str, Any]:
        """Give what decides the batches, to go on from."""
        return {
            "seed": self.seed, "epoch": self.epoch, "batch_size": self.batch_size,
            "items": len(self.dataset), "shuffle": self.shuffle, "drop_last": self.drop_last,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave; the seed is taken over, the rest must agree.

        Raises StateDictError where it does not: other batches would come.
        """
        mine = self.state_dict()
        wrong = [k for k in mine if k not in ("seed", "epoch") and mine[k] != state.get(k)]
        if wrong:
            raise StateDictError(
                "loader_state", given=", ".join(f"{k}={state.get(k)}" for k in wrong),
                mine=", ".join(f"{k}={mine[k]}" for k in wrong),
            )
        self.seed, self.epoch = state["seed"], state["epoch"]

    # ── rows of arrays ──────────────────────────────────────────────────────────────────────

    def _sliced(
        self, dataset: TensorDataset, chosen: Array | None, epoch: int, start: int
    ) -> Iterator[tuple[int, Batch]]:
        """Gather a block of rows in the order of the pass, and cut batches out of it."""
        size = self.batch_size
        end = len(self) * size if self.drop_last else len(self.dataset)
        order = self.order(epoch) if self.shuffle else chosen
        if self.shuffle and chosen is not None:
            order = chosen[order]
        is_flat = all(isinstance(part, np.ndarray) for part in dataset.tree)
        row = sum(a.nbytes for a in dataset.arrays) // max(len(dataset), 1)
        block = max(BLOCK // max(row, 1) // size, 1) * size
        for i in range(start * size, end, block):
            j = min(i + block, end)
            if order is None:  # copied too: a batch is the loop's own, to keep and to change
                arrays = [a[i:j].copy() for a in dataset.arrays]
            else:
                arrays = [a.take(order[i:j], 0) for a in dataset.arrays]
            cut = cutter(tuple(arrays) if is_flat else rebuild(dataset.tree, arrays))
            for k in range(0, j - i, size):
                m = min(k + size, j - i)
                yield m - k, cut(k, m)

    # ── items one by one ────────────────────────────────────────────────────────────────────

    def _fetched(self, epoch: int, start: int) -> Iterator[tuple[int, Batch]]:
        order = self.order(epoch).tolist()
        spans = [
            order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(start, len(self))
        ]
        seeds = [[self.seed, epoch, i, 1] for i in range(start, len(self))]
        if not self.num_workers:
            for span, seed in zip(spans, seeds, strict=True):
                yield len(span), self._collated(span, seed)
            return
        from concurrent.futures import ThreadPoolExecutor  # 10 ms, and most have no need of it

        ahead = self.num_workers * self.prefetch_factor
        waiting: deque[tuple[int, Future[Any]]] = deque()
        pool = ThreadPoolExecutor(self.num_workers, "tinygrad_jp-data")
        try:
            for span, seed in zip(spans, seeds, strict=True):
                job = pool.submit(copy_context().run, self._collated, span, seed)
                waiting.append((len(span), job))
                if len(waiting) > ahead:
                    n, job = waiting.popleft()
                    yield n, job.result()
            while waiting:
                n, job = waiting.popleft()
                yield n, job.result()
        finally:  # also where the loop was left early, or a batch failed
            pool.shutdown(wait=True, cancel_futures=True)

    def _collated(self, span: list[int], seed: list[int]) -> Batch:
        collate = self.collate_fn or default_collate
        with random.using(np.random.default_rng(seed)):
            return collate([self.dataset[i] for i in span])


def rows_of(dataset: Any) -> tuple[TensorDataset, Array | None] | None:
    """Find the arrays behind a dataset and which of their rows it has, if it is made of rows."""
    chosen = None
    while type(dataset) is Subset:
        chosen = dataset.indices if chosen is None else dataset.indices[chosen]
        dataset = dataset.dataset
    # a subclass with items of its own (an augmentation) is no longer rows of arrays
    is_rows = getattr(type(dataset), "__getitem__", None) is TensorDataset.__getitem__
    return (dataset, chosen) if is_rows else None


def cutter(tree: Any) -> Callable[[int, int], Any]:
    """Make the function that cuts rows i to j out of every array, as Tensors; built once a block.

    >>> cutter((np.arange(4.0), {"k": np.arange(4)}))(1, 3)
    (tensor([1., 2.], dtype=float64), {'k': tensor([1, 2])})
    """
    if isinstance(tree, tuple) and len(tree) == 2 and all(isinstance(a, np.ndarray) for a in tree):
        x, t = tree
        return lambda i, j: (wrap(x[i:j]), wrap(t[i:j]))
    if isinstance(tree, dict):
        parts = {key: cutter(part) for key, part in tree.items()}
        return lambda i, j: {key: cut(i, j) for key, cut in parts.items()}
    if isinstance(tree, (tuple, list)):
        cuts = [cutter(part) for part in tree]
        make = getattr(tree, "_make", type(tree))
        return lambda i, j: make([cut(i, j) for cut in cuts])
    return lambda i, j: wrap(tree[i:j])


def default_collate(items: list[Any]) -> Any:
    """Put items together: numbers, arrays and Tensors become Tensors with one more axis in front.

    Tuples, lists and dicts keep their form; Python floats take the default dtype; text and other
    things become lists.  Raises ShapeError where shapes differ.
    """
    first = items[0]
    if isinstance(first, dict):
        return {key: default_collate([item[key] for item in items]) for key in first}
    if isinstance(first, (tuple, list)):
        if len({len(item) for item in items}) != 1:
            raise ShapeError("collate", shapes=", ".join(sorted({str(len(i)) for i in items})))
        parts = [default_collate(list(part)) for part in zip(*items, strict=True)]
        if hasattr(first, "_make"):
            return first._make(parts)
        return tuple(parts) if isinstance(first, tuple) else parts
    if isinstance(first, Tensor):
        arrays = [item._data for item in items]
    elif isinstance(first, (np.ndarray, np.generic)):
        arrays = items
    elif isinstance(first, float):
        return wrap(np.array(items, default_dtype[0]))
    elif isinstance(first, (bool, int)):
        return wrap(np.array(items))
    else:
        return items
    shapes = {np.shape(a) for a in arrays}
    if len(shapes) != 1:
        raise ShapeError("collate", shapes=", ".join(map(str, sorted(shapes))))
    return wrap(np.stack(arrays))
