"""Datasets, splits and the DataLoader: every item once, in an order that a seed decides."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp import data, errors
from tinygrad_jp.data import (
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    k_fold,
    loader,
    random_split,
)


class Squares(Dataset):
    """Numbers and their squares, one by one."""

    def __init__(self, n=10):
        self.n = n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return float(i), i * i


def rows(n=10):
    x = np.arange(n, dtype=np.float32)
    return TensorDataset(np.stack([x, -x], 1), np.arange(n))


def items(batches):
    return [i for _, t in batches for i in t.tolist()]


@given(
    n=st.integers(0, 40), size=st.integers(1, 12), shuffle=st.booleans(), drop=st.booleans(),
    seed=st.integers(0, 5), by_rows=st.booleans(), epoch=st.integers(0, 3), start=st.integers(0, 5),
)
def test_batches_part_the_items(n, size, shuffle, drop, seed, by_rows, epoch, start):
    dataset = rows(n) if by_rows else [(np.float32(i), i) for i in range(n)]
    made = DataLoader(dataset, size, shuffle, seed=seed, drop_last=drop)
    found = list(made.batches(epoch))
    lengths = [count for count, _ in found]
    assert lengths == [len(t) for _, (_, t) in found]
    assert len(found) == len(made)
    expected = [size] * (n // size) + ([n % size] if n % size and not drop else [])
    assert lengths == expected
    order = items(b for _, b in found)
    assert len(set(order)) == len(order)
    if not drop:
        assert sorted(order) == list(range(n))
    if not shuffle:
        assert order == list(range(len(order)))
    again = items(b for _, b in DataLoader(dataset, size, shuffle, seed=seed, drop_last=drop).batches(epoch))
    assert again == order
    # gone into midway, it is the same from there on
    assert items(b for _, b in made.batches(epoch, start)) == order[start * size :]


def test_each_pass_has_another_order_and_two_loaders_of_a_seed_agree():
    a, b = (DataLoader(rows(50), 7, True, seed=3) for _ in range(2))
    first, second = items(a), items(a)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))
    assert [items(b), items(b)] == [first, second]
    assert items(DataLoader(rows(50), 7, True, seed=4)) != first
    tj.manual_seed(1)
    c = items(DataLoader(rows(50), 7, True))
    tj.manual_seed(1)
    assert items(DataLoader(rows(50), 7, True)) == c


def test_blocks_do_not_show(monkeypatch):
    whole = [(x.tolist(), t.tolist()) for x, t in DataLoader(rows(50), 7, True, seed=1)]
    monkeypatch.setattr(loader, "BLOCK", 40 * 4)
    assert [(x.tolist(), t.tolist()) for x, t in DataLoader(rows(50), 7, True, seed=1)] == whole
    plain = [t.tolist() for _, t in DataLoader(rows(50), 7)]
    assert plain == [list(range(i, min(i + 7, 50))) for i in range(0, 50, 7)]


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_are_the_loops_own(shuffle):
    x = np.ones((6, 2), np.float32)
    for (batch,) in DataLoader(TensorDataset(x), 4, shuffle, seed=0):
        batch.data[...] = 9.0
    assert x.max() == 1.0


def test_nested_rows_keep_their_form():
    dataset = TensorDataset({"a": np.arange(4.0), "b": [np.eye(4), np.arange(4)]}, (np.zeros(4),))
    (first, (t,)), *_ = DataLoader(dataset, 3)
    assert first["a"].tolist() == [0, 1, 2]
    assert first["b"][0].shape == (3, 4)
    assert t.shape == (3,)
    assert dataset[1][0]["a"] == 1.0


def test_subsets_of_rows_and_of_items():
    part = Subset(Subset(rows(10), [9, 8, 7, 6]), [3, 0])
    assert items(DataLoader(part, 1)) == [6, 9]
    assert part[0][1] == 6
    assert items(DataLoader(Subset(Squares(), [3, 2]), 5)) == [9, 4]
    with pytest.raises(errors.PositionError, match="10"):
        Subset(rows(10), [0, 10])
    with pytest.raises(errors.PositionError, match="-1"):
        Subset(rows(10), [-1])


def test_a_subclass_of_rows_with_items_of_its_own_is_asked_for_them():
    class Doubled(TensorDataset):
        def __getitem__(self, i):
            x, t = super().__getitem__(i)
            return x * 2, t

    x, _ = next(iter(DataLoader(Doubled(np.ones((3, 2)), np.arange(3)), 3)))
    assert x.tolist() == [[2, 2]] * 3


# ── threads ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("ahead", [1, 3])
def test_threads_change_nothing(workers, ahead):
    class Drawn(Squares):
        def __getitem__(self, i):
            time.sleep(0.001 * ((i * 7) % 3))  # they end out of order
            return tj.rand(2), i

    def found(**options):
        return [(x.tolist(), t.tolist()) for x, t in DataLoader(Drawn(23), 4, True, seed=2, **options)]

    assert found(num_workers=workers, prefetch_factor=ahead) == found()


def threads():
    return sum(t.name.startswith("tinygrad_jp-data") for t in threading.enumerate())


def test_an_error_in_a_thread_comes_out_where_its_batch_is_waited_for():
    class Broken(Squares):
        def __getitem__(self, i):
            if i == 5:
                raise ValueError("row five")
            return super().__getitem__(i)

    batches = iter(DataLoader(Broken(), 2, num_workers=2))
    assert [next(batches)[1].tolist() for _ in range(2)] == [[0, 1], [4, 9]]
    with pytest.raises(ValueError, match="row five") as caught:
        next(batches)
    assert any(entry.name == "__getitem__" for entry in caught.traceback)
    assert threads() == 0


def test_a_loop_left_early_leaves_no_thread_and_fetches_little():
    asked = []

    class Counted(Squares):
        def __getitem__(self, i):
            asked.append(i)
            return super().__getitem__(i)

    for _ in DataLoader(Counted(1000), 2, num_workers=2, prefetch_factor=2):
        break
    assert threads() == 0
    assert len(asked) <= 2 * (2 * 2 + 1 + 2)


def test_threads_inherit_the_mode_of_the_loop():
    modes = []

    class Mode(Squares):
        def __getitem__(self, i):
            modes.append(tj.is_grad_enabled())
            return super().__getitem__(i)

    with tj.no_grad():
        list(DataLoader(Mode(4), 2, num_workers=2))
    assert modes == [False] * 4


# ── collate ─────────────────────────────────────────────────────────────────────────────────────


def test_items_of_every_kind_are_put_together():
    made = data.default_collate([
        {"x": np.ones(2, np.float32), "n": 1, "f": 0.5, "b": True, "s": "a", "t": tj.ones(2), "p": (1, 2.0)},
        {"x": np.zeros(2, np.float32), "n": 2, "f": 1.5, "b": False, "s": "b", "t": tj.zeros(2), "p": (3, 4.0)},
    ])
    assert made["x"].shape == (2, 2)
    assert made["x"].dtype == np.float32
    assert made["n"].tolist() == [1, 2]
    assert made["f"].dtype == np.float32
    assert made["b"].dtype == bool
    assert made["s"] == ["a", "b"]
    assert made["t"].shape == (2, 2)
    assert [p.tolist() for p in made["p"]] == [[1, 3], [2, 4]]


def test_items_that_differ_in_shape_are_refused_with_the_repair():
    with pytest.raises(errors.ShapeError, match=r"\(2,\), \(3,\).*collate_fn"):
        data.default_collate([np.ones(2), np.ones(3)])
    with pytest.raises(errors.ShapeError):
        data.default_collate([(1,), (1, 2)])
    ragged = [np.ones(2), np.ones(3)]
    (batch,) = DataLoader(ragged, 2, collate_fn=lambda xs: [len(x) for x in xs])
    assert batch == [2, 3]


# ── splits and folds ────────────────────────────────────────────────────────────────────────────


@given(st.integers(1, 60), st.lists(st.floats(0.01, 1.0), min_size=1, max_size=4), st.integers(0, 9))
def test_a_random_split_parts_the_items(n, shares, seed):
    total = sum(shares)
    shares = [s / total for s in shares]
    parts = random_split(range(n), shares, seed=seed)
    assert sorted(i for part in parts for i in part) == list(range(n))
    for part, share in zip(parts, shares, strict=True):
        assert abs(len(part) - n * share) < len(shares) + 1
    again = random_split(range(n), shares, seed=seed)
    assert [list(p) for p in parts] == [list(p) for p in again]


def test_a_split_by_numbers_and_from_a_generator():
    parts = random_split(range(10), [7, 3], np.random.default_rng(1))
    assert [len(p) for p in parts] == [7, 3]
    tj.manual_seed(4)
    first = [list(p) for p in random_split(range(10), [5, 5])]
    tj.manual_seed(4)
    assert [list(p) for p in random_split(range(10), [5, 5])] == first


@pytest.mark.parametrize("lengths", [[5, 4], [0.5, 0.4], [-1, 11], [], [float("nan"), 1], ["a"], [2.5, 7.5]])
def test_lengths_that_do_not_add_up(lengths):
    with pytest.raises(errors.OptionError):
        random_split(range(10), lengths)


@given(st.integers(2, 50), st.integers(2, 50), st.booleans())
def test_folds_part_the_items(n, k, shuffle):
    if k > n:
        with pytest.raises(errors.OptionError):
            k_fold(range(n), k)
        return
    pairs = list(k_fold(range(n), k, shuffle=shuffle, seed=1))
    assert len(pairs) == k
    held_out = [i for _, part in pairs for i in part]
    assert sorted(held_out) == list(range(n))
    sizes = [len(part) for _, part in pairs]
    assert max(sizes) - min(sizes) <= 1
    for train, part in pairs:
        assert sorted([*train, *part]) == list(range(n))


# ── what makes no sense ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("call", "kind"), [
    (lambda: TensorDataset(), errors.ArgumentError),
    (lambda: TensorDataset(np.ones(3), np.ones(4)), errors.ShapeError),
    (lambda: TensorDataset(3.0), errors.ShapeError),
    (lambda: TensorDataset(np.array([{}])), errors.ShapeError),
    (lambda: DataLoader(3), errors.ArgumentError),
    (lambda: DataLoader([1], 0), errors.OptionError),
    (lambda: DataLoader([1], 1.5), errors.OptionError),
    (lambda: DataLoader([1], True), errors.OptionError),
    (lambda: DataLoader([1], num_workers=-1), errors.OptionError),
    (lambda: DataLoader([1], seed=-3), errors.OptionError),
    (lambda: len(Dataset()), errors.ArgumentError),
    (lambda: Dataset()[0], errors.ArgumentError),
])
def test_what_makes_no_sense_is_refused(call, kind):
    with pytest.raises(kind):
        call()


@pytest.mark.parametrize("change", [
    lambda a: a.astype(a.dtype.newbyteorder(">")), np.asfortranarray,
    lambda a: np.repeat(a, 2, 0)[::2], lambda a: a[::-1][::-1], lambda a: a.view(),
], ids=["big endian", "fortran", "strided", "reversed", "view"])
def test_arrays_of_any_layout_give_the_same_batches(change):
    x = np.arange(24, dtype=np.float32).reshape(8, 3)
    made = change(x)
    if change.__name__ != "asfortranarray":
        made.flags.writeable = False
    for batch, (want,) in zip(DataLoader(TensorDataset(made), 3, True, seed=1),
                              DataLoader(TensorDataset(x), 3, True, seed=1), strict=True):
        assert batch[0].numpy().tobytes() == want.numpy().tobytes()
        assert batch[0].dtype.isnative


def test_rows_on_disk_are_not_read_in_whole(tmp_path):
    rows_on_disk = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (100, 4))
    rows_on_disk[:] = np.arange(400).reshape(100, 4)
    dataset = TensorDataset(rows_on_disk, np.arange(100))
    assert np.shares_memory(dataset.arrays[0], rows_on_disk)
    for x, t in DataLoader(dataset, 32, True, seed=0):
        np.testing.assert_array_equal(x.numpy()[:, 0], 4 * t.numpy())


def test_a_generator_decides_the_seed():
    a, b = (DataLoader(rows(), 2, True, generator=np.random.default_rng(4)) for _ in range(2))
    assert a.seed == b.seed
