"""keras.datasets.boston_housing: 506 districts, 13 features, prices in 1,000 dollars."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...data import load_boston_housing


def load_data(path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113) -> Any:
    """Give (x_train, y_train), (x_test, y_test): 404 × 13 and 102 × 13, Keras's own split.

    Works without a network; `path` changes nothing. Think before you use it: one column turns the
    share of Black residents into a feature (see tj.data.load_boston_housing);
    california_housing is the alternative.
    """
    (x_train, y_train), (x_test, y_test) = load_boston_housing(seed, test_split)
    wide = [np.asarray(a, np.float64) for a in (x_train, y_train, x_test, y_test)]
    return (wide[0], wide[1]), (wide[2], wide[3])
