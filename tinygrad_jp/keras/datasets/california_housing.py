"""keras.datasets.california_housing: house prices of 1990, in dollars."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...data import load_california_housing
from ...errors import OptionError


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2,
    seed: int = 113,
) -> Any:
    """Give (x_train, y_train), (x_test, y_test): 16,512 and 4,128 districts of 8 features.

    Features in scikit-learn's order (MedInc, HouseAge, ...), prices in dollars, float32. `path`
    changes nothing. Raises OptionError for another version than "large", DownloadError without a
    network.
    """
    if version != "large":
        raise OptionError("keras_california", given=version)
    (x_train, y_train), (x_test, y_test) = load_california_housing(seed, test_split)
    dollars = [np.asarray(y * 100_000, np.float32) for y in (y_train, y_test)]
    return (x_train, dollars[0]), (x_test, dollars[1])
