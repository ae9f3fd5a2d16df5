"""Statistics where nothing is left to compute them from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_jp as tj


@pytest.mark.parametrize("fn", [np.nanmean, np.nanvar, np.nanstd])
def test_of_nothing_there_is_nan_without_a_warning(fn: Any) -> None:
    x = np.array([[np.nan, np.nan], [1.0, 3.0]])
    y = fn(tj.tensor(x, requires_grad=True), axis=1).detach().numpy()
    assert_array_equal(y, [np.nan, fn(x[1])])
