"""Losses of nothing: the mean is no number, and what has no elements has no gradient to fail on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj


@pytest.mark.parametrize("sides", ["a", "b", "ab"])
def test_the_mean_square_of_nothing(sides: str) -> None:
    a, b = (tj.tensor(np.empty((0, 3)), requires_grad=side in sides) for side in "ab")
    with np.errstate(all="ignore"):
        y: Any = tj.nn.functional.mse_loss(a, b)
        y.backward()
    assert np.isnan(y.item())
    for x in (a, b):
        assert x.grad is None or x.grad.shape == (0, 3)
    assert [x.grad is not None for x in (a, b)] == ["a" in sides, "b" in sides]


def test_both_sides_of_a_mean_square_move() -> None:
    a, b = (tj.tensor(x, requires_grad=True) for x in (np.array([3.0, 1.0]), np.array([1.0, 2.0])))
    tj.nn.functional.mse_loss(a, b).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([2.0, -1.0], [-2.0, 1.0])
