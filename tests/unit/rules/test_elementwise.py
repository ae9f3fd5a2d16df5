"""Elementwise rules at numbers that the laws leave out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_jp as tj


def test_what_is_no_number_becomes_one_and_has_no_slope() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 3.0])
    for options in ({}, {"nan": 7.0}, {"posinf": 1.0, "neginf": -1.0}):
        t = tj.tensor(x, requires_grad=True)
        y = np.nan_to_num(t, **options)
        assert_array_equal(y.detach().numpy(), np.nan_to_num(x, **options))
        y.sum().backward()
        assert t.grad.tolist() == [0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("fn", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_a_tie_shares_the_gradient_and_the_better_one_takes_it(fn: Any) -> None:
    a = tj.tensor([1.0, 2.0, 3.0], requires_grad=True)
    b = tj.tensor([2.0, 2.0, 2.0], requires_grad=True)
    fn(a, b).backward(np.array([4.0, 4.0, 4.0]))
    large = fn in (np.maximum, np.fmax)
    first = [0.0, 2.0, 4.0] if large else [4.0, 2.0, 0.0]
    assert (a.grad.tolist(), b.grad.tolist()) == (first, first[::-1])


@pytest.mark.parametrize("fn", [np.fmax, np.fmin])
def test_what_is_missing_takes_no_gradient(fn: Any) -> None:
    a = tj.tensor([np.nan, 1.0], requires_grad=True)
    b = tj.tensor([2.0, np.nan], requires_grad=True)
    y = fn(a, b)
    y.sum().backward()
    assert (y.tolist(), a.grad.tolist(), b.grad.tolist()) == ([2.0, 1.0], [0.0, 1.0], [1.0, 0.0])
