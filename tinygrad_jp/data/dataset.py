"""Datasets: anything with a length whose items can be had by number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import Any

import numpy as np

from ..autograd.random import generator as rng
from ..autograd.structure import flatten, leaves, rebuild
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, OptionError, PositionError, ShapeError

Array = Any
Tree = Any  # an array, or arrays in tuples, lists and dicts


class Dataset:
    """What gives an item for a number: subclass it, write `__len__` and `__getitem__`.

    An item is a number, an array or a Tensor, or several of them in a tuple or a dict.

    >>> from tinygrad_jp.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, index):
    ...         return float(index), float(index**2)
    >>> [t.tolist() for _, t in DataLoader(Squares(), batch_size=2)]
    [[0.0, 1.0], [4.0, 9.0], [16.0]]
    """

    def __getitem__(self, index: int) -> Any:
        """Give one item; each data set writes its own."""
        raise ArgumentError("dataset_getitem", dataset=type(self).__name__)

    def __len__(self) -> int:
        raise ArgumentError("dataset_len", dataset=type(self).__name__)


class TensorDataset(Dataset):
    """Rows of arrays that belong together: item i is row i of each.

    arrays: Tensors, arrays or lists, or several of them in tuples and dicts (the inputs of a model
    with several), all of one length. Item i is a tuple with one part for each argument.
    Not copied; batches are.  Raises ShapeError where lengths differ.

    >>> import numpy as np
    >>> from tinygrad_jp.data import TensorDataset
    >>> rows = TensorDataset(np.eye(3), np.array([0, 1, 2]))
    >>> len(rows), rows[1]
    (3, (array([0., 1., 0.]), np.int64(1)))
    """

    def __init__(self, *arrays: Tree) -> None:
        if not arrays:
            raise ArgumentError("dataset_empty")
        arrays = as_arrays(arrays, "arrays")
        found = flatten(arrays, "arrays")
        if len({len(a) for _, a in found}) != 1:
            raise ShapeError(
                "dataset_lengths", lengths=", ".join(f"{path}: {len(a)}" for path, a in found)
            )
        self.arrays: list[Array] = [a for _, a in found]
        self.tree: tuple[Tree, ...] = arrays

    @property
    def tensors(self) -> tuple[Tree, ...]:
        """What was given, as arrays."""
        return self.tree

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> Any:
        """Give a row of each array, or the rows of a slice or of a list of numbers."""
        return rebuild(self.tree, [a[index] for a in self.arrays])


def as_arrays(tree: Tree, path: str) -> Tree:
    """Read what is in tuples, lists and dicts as arrays; a list of numbers is an array itself."""
    is_numbers = isinstance(tree, list) and all(isinstance(v, (int, float)) for v in leaves(tree))
    if is_numbers or not isinstance(tree, (tuple, list, dict)):
        return as_rows(tree, path)
    if isinstance(tree, dict):
        return {key: as_arrays(v, f"{path}[{key!r}]") for key, v in tree.items()}
    parts = [as_arrays(v, f"{path}[{i}]") for i, v in enumerate(tree)]
    if hasattr(tree, "_make"):
        return tree._make(parts)
    return tuple(parts) if isinstance(tree, tuple) else parts


def as_rows(value: Any, path: str) -> Array:
    """Read a Tensor, an array, a list of numbers or another library's table as an array."""
    if isinstance(value, Tensor):
        return value._data
    array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    if array.ndim == 0 or array.dtype == object:
        raise ShapeError("dataset_rows", name=path, shape=array.shape, dtype=array.dtype)
    return array if array.dtype.isnative else array.astype(array.dtype.type)


class Subset(Dataset):
    """Some items of a dataset, in the order of `indices`.

    Raises PositionError for a number that the dataset does not have.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | Array) -> None:
        self.dataset = dataset
        self.indices: Array = np.asarray(indices, np.intp).reshape(-1)
        outside = self.indices[(self.indices < 0) | (self.indices >= len(dataset))]
        if outside.size:
            raise PositionError("subset_index", index=int(outside[0]), length=len(dataset))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        """Give one item, or for a TensorDataset the rows of a slice."""
        chosen = self.indices[index]
        return self.dataset[int(chosen) if chosen.ndim == 0 else chosen]


def random_split(
    dataset: Any, lengths: Iterable[float], generator: np.random.Generator | None = None,
    seed: int | None = None,
) -> list[Subset]:
    """Part a dataset at random; every item comes into one part.

    lengths: numbers of items that add up to the whole, or shares that add up to 1 (what rounding
    leaves over goes to the first parts, one each).
    seed: for a split that is the same every time; else `generator`, or tj.manual_seed's.
    Raises OptionError for lengths that do not add up.

    >>> from tinygrad_jp.data import random_split
    >>> [len(part) for part in random_split(range(10), [0.8, 0.2], seed=0)]
    [8, 2]
    """
    asked = list(lengths)
    size = len(dataset)
    fine = all(isinstance(x, (int, float, np.number)) and isfinite(x) and x >= 0 for x in asked)
    if fine and asked and abs(sum(asked) - 1) < 1e-9 and any(x != int(x) for x in asked):
        counts = [int(size * x) for x in asked]
        for i in range(size - sum(counts)):
            counts[i % len(counts)] += 1
    elif fine and sum(asked) == size and all(x == int(x) for x in asked):
        counts = [int(x) for x in asked]
    elif fine and asked == [1]:
        counts = [size]
    else:
        raise OptionError("split_lengths", given=asked, length=size)
    source = rng(generator) if seed is None else np.random.default_rng(seed)
    parts = np.split(source.permutation(size), np.cumsum(counts)[:-1])
    return [Subset(dataset, part) for part in parts]


def k_fold(
    dataset: Any, k: int = 5, *, shuffle: bool = True, seed: int | None = None
) -> Iterator[tuple[Subset, Subset]]:
    """Give k pairs (to train on, to validate on); every item is validated on once.

    Sizes of the folds differ by one at most.  seed: as for random_split.
    Raises OptionError unless 2 ≤ k ≤ the number of items.

    >>> from tinygrad_jp.data import k_fold
    >>> for train, held_out in k_fold(range(5), k=2, shuffle=False):
    ...     print(list(train), list(held_out))
    [3, 4] [0, 1, 2]
    [0, 1, 2] [3, 4]
    """
    size = len(dataset)
    if isinstance(k, bool) or not isinstance(k, int) or not 2 <= k <= size:
        raise OptionError("folds", given=k, length=size)
    order = np.arange(size)
    if shuffle:
        source = rng() if seed is None else np.random.default_rng(seed)
        order = source.permutation(size)
    folds = np.array_split(order, k)

    def pairs() -> Iterator[tuple[Subset, Subset]]:
        for i, held_out in enumerate(folds):
            rest = np.concatenate([*folds[:i], *folds[i + 1 :]])
            yield Subset(dataset, rest), Subset(dataset, held_out)

    return pairs()
