"""What `fit` is given, as a feed for the training loop: arrays, data sets, loaders, generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ...autograd.apply import wrap
from ...autograd.arguments import array_of
from ...autograd.structure import flatten, leaves, rebuild
from ...autograd.tensor import Tensor, get_default_dtype
from ...data.dataset import Dataset, TensorDataset
from ...data.loader import DataLoader
from ...errors import ArgumentError, OptionError, ShapeError
from ...train.feed import IterableFeed, as_feed, count

Array = Any


def is_arrays(x: Any) -> bool:
    """Tell arrays, in lists and dicts too, from what gives batches by itself."""
    if isinstance(x, (Dataset, DataLoader)) or callable(getattr(x, "batches", None)):
        return False
    if isinstance(x, (Tensor, np.ndarray)) or hasattr(x, "__array__"):
        return True
    return isinstance(x, (list, tuple, dict)) and len(x) > 0


def as_arrays(value: Any, what: str) -> Any:
    """Read arrays in nested lists and dicts, floating-point ones in the default dtype.

    A list of numbers, or of lists of numbers, is one array.
    """
    if value is None:
        return None
    if isinstance(value, (list, tuple)) and not any(
        hasattr(v, "__array__") or isinstance(v, (Tensor, dict)) for v in value
    ):
        try:
            value = np.asarray(value)
        except ValueError:  # rows of different lengths, pairs of arrays
            raise ArgumentError("keras_not_numbers", name=what, dtype="object") from None
    found = []
    for path, one in flatten(value, what):
        array = np.asarray(array_of(one))
        if array.dtype.kind == "f":
            array = array.astype(get_default_dtype(), copy=False)
        if array.dtype.kind not in "biuf":
            raise ArgumentError("keras_not_numbers", name=path, dtype=array.dtype)
        if array.ndim == 0:
            raise ShapeError("keras_scalar_data", name=path)
        found.append(array)
    lengths = {len(a) for a in found}
    if len(lengths) > 1:
        raise ShapeError(
            "keras_lengths", what=what, lengths=", ".join(str(len(a)) for a in found)
        )
    return rebuild(value, found)


class Data:
    """Arrays that belong together: inputs, targets, weights of the samples."""

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        self.parts = [
            as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight"),
        ]
        lengths = {
            what: len(leaves(part)[0])
            for what, part in zip(("x", "y", "sample_weight"), self.parts, strict=True)
            if part is not None
        }
        if len(set(lengths.values())) > 1:
            shown = ", ".join(f"{k}: {n}" for k, n in lengths.items())
            raise ShapeError("keras_lengths", what="x, y", lengths=shown)
        self.size = lengths["x"]

    def split(self, share: float) -> tuple[Data, Data]:
        """Set the last samples aside to validate on, as Keras does: before any shuffling."""
        at = int(np.floor(self.size * (1.0 - share)))
        if not 0 < share < 1 or at in (0, self.size):
            raise OptionError("keras_validation_split", given=share, size=self.size)
        both = []
        for rows in (slice(None, at), slice(at, None)):
            made = Data.__new__(Data)
            made.parts = [
                None if part is None else rebuild(part, [a[rows] for a in leaves(part)])
                for part in self.parts
            ]
            made.size = len(leaves(made.parts[0])[0])
            both.append(made)
        return both[0], both[1]

    def weigh(self, class_weight: dict[int, float]) -> None:
        """Weigh each sample by its class."""
        x, y, weight = self.parts
        if y is None:
            raise ArgumentError("keras_class_weight_targets")
        mine = by_class(y, class_weight)
        self.parts = [x, y, mine if weight is None else mine * weight]

    def feed(self, batch_size: int | None, shuffle: Any = False, steps: int | None = None) -> Any:
        """Give batches of them."""
        given = list(self.parts)
        while given[-1] is None:
            given.pop()
        size = 32 if batch_size is None else batch_size
        holed = any(part is None for part in given)  # weights without targets
        rows = TensorDataset(*[part for part in given if part is not None])
        loader: Any = DataLoader(rows, size, bool(shuffle))
        if holed:
            loader = Mapped(loader, lambda batch: (batch[0], None, batch[1]))
        return loader if steps is None else IterableFeed(Endless(loader), steps)


class Endless:
    """One pass of a loader after another, without end."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[Any]:
        epoch = 0
        while True:
            for _, batch in self.loader.batches(epoch):
                yield batch
            epoch += 1


class Mapped:
    """A feed whose batches are changed on the way."""

    def __init__(self, feed: Any, change: Callable[[Any], Any]) -> None:
        self.feed = feed
        self.change = change

    def __len__(self) -> int:
        return len(self.feed)

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Give (number of samples, batch)."""
        for n, batch in self.feed.batches(epoch, start):
            yield n, self.change(batch)


class First:
    """The first batches of a feed, in every pass the same."""

    def __init__(self, feed: Any, steps: int) -> None:
        self.feed = feed
        self.steps = steps

    def __len__(self) -> int:
        return min(self.steps, len(self.feed))

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Give (number of samples, batch)."""
        yield from islice(self.feed.batches(epoch, start), max(self.steps - start, 0))


def first(feed: Any, steps: int | None) -> Any:
    """Give the first `steps` batches of a feed, or all of them."""
    return feed if steps is None else First(feed, steps)


class Peeked:
    """A feed whose first batch was looked at, and is given all the same.

    first: that batch. Raises ArgumentError where there is none.
    """

    def __init__(self, feed: Any, epoch: int) -> None:
        self.feed = feed
        self._epoch = epoch
        self._rest: Iterator[tuple[int, Any]] | None = feed.batches(epoch)
        found = next(self._rest, None)
        if found is None:
            raise ArgumentError("keras_no_batches", method="fit")
        self._found = found
        self.first = found[1]

    def __len__(self) -> int:
        return len(self.feed)

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Give (number of samples, batch)."""
        rest, self._rest = self._rest, None
        if rest is None or epoch != self._epoch or start:
            yield from self.feed.batches(epoch, start)
        else:
            yield self._found
            yield from rest


class Foreign:
    """Batches of an iterable of another library's tensors, of arrays, or of (x, y) pairs."""

    def __init__(self, iterable: Any) -> None:
        self.iterable = iterable

    def __len__(self) -> int:
        return len(self.iterable)

    def __iter__(self) -> Iterator[Any]:
        for batch in iter(self.iterable):
            yield as_batch(batch)


def as_batch(batch: Any) -> tuple[Any, ...]:
    """Read (x,), (x, y) or (x, y, weight) of whatever arrays, as Tensors."""
    parts = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
    if not 1 <= len(parts) <= 3:
        raise ArgumentError("data_tuple", length=len(parts))
    return tuple(None if part is None else tensors(part) for part in parts)


def tensors(value: Any) -> Any:
    """Turn arrays in a nest into Tensors, floating-point ones in the default dtype."""
    return rebuild(value, [one if type(one) is Tensor else wrap(read) for one, read in (
        (one, None if type(one) is Tensor else as_arrays(one, "batch")) for one in leaves(value)
    )])


def by_class(y: Any, class_weight: dict[int, float]) -> Array:
    """Give the weight of each target's class: labels (N,) or (N, 1), or one-hot rows (N, K)."""
    if isinstance(y, (list, tuple, dict)):
        raise ArgumentError("keras_class_weight_outputs")
    array = array_of(y)
    if array.ndim > 1 and array.shape[-1] > 1:
        labels = array.argmax(-1)
    else:
        labels = np.round(array).astype(np.int64)
    labels = labels.reshape(len(labels), -1)[:, 0]
    weights = np.ones(len(labels), get_default_dtype())
    for label, weight in class_weight.items():
        weights[labels == int(label)] = weight
    return weights


def feed_of(
    x: Any, y: Any = None, sample_weight: Any = None, *, batch_size: int | None = None,
    shuffle: Any = False, steps: int | None = None, class_weight: Any = None,
) -> Any:
    """Give the feed meant by x (and y): arrays, or anything that gives batches.

    Raises ArgumentError where y or weights are given beside what gives them itself.
    """
    if is_arrays(x):
        data = Data(x, y, sample_weight)
        if class_weight is not None:
            data.weigh(class_weight)
        return data.feed(batch_size, shuffle, steps)
    for name, given in (("y", y), ("sample_weight", sample_weight)):
        if given is not None:
            raise ArgumentError("keras_data_twice", name=name, kind=type(x).__name__)
    feed = batches_of(x, batch_size, shuffle, steps)
    if class_weight is not None:
        feed = Mapped(feed, lambda batch: weighed(batch, class_weight))
    return feed


def weighed(batch: Any, class_weight: dict[int, float]) -> Any:
    """Weigh each sample of a batch by its class."""
    if len(batch) < 2:
        raise ArgumentError("keras_class_weight_targets")
    mine = wrap(by_class(batch[1], class_weight))
    return (batch[0], batch[1], mine * batch[2] if len(batch) == 3 else mine)


def batches_of(x: Any, batch_size: int | None, shuffle: Any, steps: int | None) -> Any:
    """Give the feed of a data set, a loader, a list of batches, a generator."""
    if isinstance(x, Dataset):
        loader = DataLoader(x, batch_size or 32, bool(shuffle))
        return loader if steps is None else IterableFeed(Endless(loader), steps)
    if callable(getattr(x, "batches", None)):
        return x if steps is None else IterableFeed(Endless(x), steps)
    if not hasattr(x, "__iter__") and hasattr(x, "__getitem__") and hasattr(x, "__len__"):
        x = [x[i] for i in range(len(x))]
    if not hasattr(x, "__iter__"):
        raise ArgumentError("keras_data_kind", kind=type(x).__name__)
    if hasattr(x, "__next__") and steps is None:
        return Once(x)
    return as_feed(Foreign(x), steps=steps)


class Once:
    """A generator without `steps_per_epoch`: all it gives is one epoch; there is no second."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator
        self.has_given = False

    def batches(self, epoch: int, start: int = 0) -> Iterator[tuple[int, Any]]:
        """Give (number of samples, batch). Raises OptionError at the second pass."""
        is_empty = True
        for batch in self.generator:
            is_empty = False
            self.has_given = True
            parts = as_batch(batch)
            yield count(parts), parts
        if is_empty and self.has_given:
            raise OptionError("keras_generator_ended")
