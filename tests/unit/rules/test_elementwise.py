"""Elementwise rules at numbers that the laws leave out."""

from __future__ import annotations

import numpy as np
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
