"""Labels, norms, seeds and splits of data."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.arguments import array_of
from ...autograd.random import manual_seed
from ...autograd.structure import leaves
from ...data.dataset import Dataset, Subset, TensorDataset
from ...errors import ArgumentError, LabelError, OptionError

Array = Any


def to_categorical(x: Any, num_classes: int | None = None) -> Array:
    """Turn class numbers (...) into one-hot rows (..., num_classes), float64 as Keras's.

    num_classes: the largest number plus one, unless given. Raises LabelError for a number outside.

    >>> to_categorical([0, 2], num_classes=3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = np.asarray(array_of(x)).astype(np.int64)
    shape = labels.shape
    if len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    labels = labels.reshape(-1)
    classes = int(labels.max()) + 1 if num_classes is None else num_classes
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if outside.size:
        place = int(outside[0])
        raise LabelError("label_range", label=int(labels[place]), place=place, classes=classes)
    return np.eye(classes)[labels].reshape((*shape, classes))


def pad_sequences(
    sequences: Any, maxlen: int | None = None, dtype: Any = "int32", padding: str = "pre",
    truncating: str = "pre", value: Any = 0.0,
) -> Array:
    """Make rows of one length, (N, maxlen), of sequences of different ones.

    maxlen: the longest one's length, unless given. padding, truncating: "pre" fills and cuts at the
    beginning, "post" at the end. Raises OptionError for another word, ArgumentError for an item
    that is no sequence.

    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    for name, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise OptionError("keras_pad", name=name, given=given)
    for place, sequence in enumerate(sequences):
        if not hasattr(sequence, "__len__") or isinstance(sequence, str):
            raise ArgumentError("keras_pad_items", place=place, kind=type(sequence).__name__)
    length = max(map(len, sequences), default=0) if maxlen is None else maxlen
    inner = next((np.asarray(s).shape[1:] for s in sequences if len(s)), ())
    made = np.full((len(sequences), length, *inner), value, dtype)
    for row, sequence in zip(made, sequences, strict=True):
        kept = sequence[max(len(sequence) - length, 0):] if truncating == "pre" else (
            sequence[:length]
        )
        if len(kept):
            at = length - len(kept) if padding == "pre" else 0
            row[at:at + len(kept)] = kept
    return made


def normalize(x: Any, axis: int = -1, order: int = 2) -> Array:
    """Divide vectors along an axis by their norm of that order; those of length 0 stay."""
    array = np.asarray(array_of(x), dtype=None)
    norm = np.atleast_1d(np.linalg.norm(array, order, axis))
    norm[norm == 0] = 1
    return array / np.expand_dims(norm, axis)


def set_random_seed(seed: int) -> None:
    """Start all random numbers anew: this package's, NumPy's and Python's own.

    Raises OptionError for what is no whole number ≥ 0.
    """
    import random

    manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)


def split_dataset(
    dataset: Any, left_size: float | None = None, right_size: float | None = None,
    shuffle: bool = False, seed: int | None = None, preferred_backend: Any = None,
) -> tuple[Subset, Subset]:
    """Part a Dataset, or arrays in a tuple, in two; gives Datasets.

    left_size, right_size: numbers of items, or shares of them. Raises OptionError for sizes that
    make no sense, ArgumentError for what is no data set.
    """
    if isinstance(dataset, tuple):
        dataset = TensorDataset(*dataset)
    elif isinstance(dataset, list):
        dataset = TensorDataset(dataset)
    elif not isinstance(dataset, Dataset):
        if not hasattr(dataset, "shape"):
            raise ArgumentError("keras_data_kind", kind=type(dataset).__name__)
        dataset = TensorDataset(dataset)
    size = len(dataset)
    left, right = (
        n if n is None else round(n * size) if isinstance(n, float) else n
        for n in (left_size, right_size)
    )
    if left is None and right is not None:
        left = size - right
    if left is None or not 0 < left < size or (right is not None and left + right > size):
        raise OptionError("keras_split_sizes", left=left_size, right=right_size, size=size)
    end = size if right is None else left + right
    order = np.random.default_rng(seed).permutation(size) if shuffle else np.arange(size)
    return Subset(dataset, order[:left]), Subset(dataset, order[left:end])


class PyDataset:
    """Batches of one's own: write `__len__` (how many) and `__getitem__(i)` (batch number i).

    A batch is (x, y) or (x, y, weight). on_epoch_end is called after each pass. workers,
    use_multiprocessing and max_queue_size are taken for Keras's sake: batches are made as they are
    asked for.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __len__(self) -> int:
        raise ArgumentError("keras_pydataset", name=type(self).__name__, method="__len__")

    def __getitem__(self, index: int) -> Any:
        """Give a batch; each data set writes its own."""
        raise ArgumentError("keras_pydataset", name=type(self).__name__, method="__getitem__")

    def on_epoch_end(self) -> None:
        """After each pass: shuffle here, if you like."""

    def __iter__(self) -> Any:
        for index in range(len(self)):
            yield self[index]
        self.on_epoch_end()


Sequence = PyDataset


def rows(dataset: Any) -> int:
    """Count the rows of arrays in a nest."""
    return len(leaves(dataset)[0])
