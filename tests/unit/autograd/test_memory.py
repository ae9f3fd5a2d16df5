"""The log of writes: what it tells, and that it forgets with the arrays."""

from __future__ import annotations

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp.autograd import memory


def test_a_write_is_told_of_every_view_and_of_no_other_array() -> None:
    a, other = np.ones((2, 3)), np.ones(3)
    moment = memory.tick()
    memory.changed(a[0])
    for view in (a, a[1], a.T, a.reshape(-1)[2:]):
        assert memory.written_since(view, moment)
    assert not memory.written_since(other, moment)
    assert not memory.written_since(a, memory.tick())


def test_an_array_is_forgotten_when_it_dies() -> None:
    a = np.ones(3)
    key = id(a)
    for _ in range(2):
        memory.changed(a)
    assert key in memory._writes
    del a
    assert key not in memory._writes
    assert key not in memory._watches


def test_views_are_the_same_where_they_show_the_same_elements_alike() -> None:
    a = np.arange(6.0)
    data = tj.tensor(a).data
    assert memory.is_same_view(a, a[:])
    assert memory.is_same_view(a[1:3], a[1:3])
    for other in (a[:3], a[::-1], a.reshape(2, 3), a.copy(), data, 1.0):
        assert not memory.is_same_view(a, other)
    assert not memory.is_same_view(a[:3], a[1:4])
