"""House prices: Boston 1978, as the tutorials use it, and California 1990, as one should."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DownloadError, missing
from .download import damaged, data_folder, short

Array = Any
Split = tuple[tuple[Array, Array], tuple[Array, Array]]

BOSTON_FEATURES = (
    "CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT",
)
CALIFORNIA_FEATURES = (
    "MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude",
    "Longitude",
)


def load_boston_housing(seed: int = 113, test_split: float = 0.2) -> Split:
    """Give 506 districts of Boston: 13 features and the median price in 1,000 dollars.

    Returns float32 arrays (404, 13), (404,) and (102, 13), (102,): with the default seed the split
    is the one that Keras gives. Needs no network; raises MissingExtraError without mlxtend.

    Think before you use it: the column B, 1000·(Bk − 0.63)², turns the share of Black residents
    into a feature, on the assumption that segregation raises prices. scikit-learn withdrew the data
    set for this. It is here because tutorials use it; `load_california_housing` is the alternative.
    Source: Harrison and Rubinfeld, Hedonic prices and the demand for clean air (1978).
    """
    try:
        from mlxtend.data import boston_housing_data
    except ImportError:
        raise missing("mlxtend", "data") from None
    x, t = boston_housing_data()
    return split(x, t, seed, test_split)


def load_california_housing(seed: int = 113, test_split: float = 0.2) -> Split:
    """Give 20,640 districts of California: 8 features and the median price in 100,000 dollars.

    Returns float32 arrays (16512, 8), (16512,) and (4128, 8), (4128,). scikit-learn downloads it
    once, into `data_folder()`.  Raises DownloadError without a network, MissingExtraError without
    scikit-learn, FileFormatError where what was kept is damaged.
    Source: Pace and Barry, Sparse spatial autoregressions (1997).
    """
    try:
        from sklearn.datasets import fetch_california_housing
    except ImportError:
        raise missing("scikit-learn", "data") from None
    folder = data_folder()
    kept = next(folder.glob("cal_housing*.pkz"), None)  # scikit-learn's
    try:
        found = fetch_california_housing(data_home=str(folder), n_retries=1, delay=0.1)
    except Exception as reason:
        if kept is not None:
            raise damaged(kept, reason) from reason
        if not isinstance(reason, OSError):
            raise
        raise DownloadError(
            "download", file="cal_housing.tgz", reason=f"{type(reason).__name__}: {short(reason)}",
            offline="load_boston_housing()", folder=str(folder),
        ) from reason
    return split(found.data, found.target, seed, test_split)


def split(x: Array, t: Array, seed: int, test_split: float) -> Split:
    """Shuffle rows as Keras does, and set the last ones aside to test."""
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, t = x[order].astype(np.float32), t[order].astype(np.float32)
    count = int(len(x) * (1 - test_split))
    return (x[:count], t[:count]), (x[count:], t[count:])
