"""Data sets to learn with: generators, and loaders that also work without a network.

May import: `errors`; gives plain NumPy arrays, split into ((x_train, t_train), (x_test, t_test))
where the set has a customary split. To add a set, write a function in a file of its family; what
comes over the network goes through `download.fetch`, with a checksum.
"""

from __future__ import annotations

from .download import data_folder
from .housing import (
    BOSTON_FEATURES,
    CALIFORNIA_FEATURES,
    load_boston_housing,
    load_california_housing,
)
from .mnist import load_mnist, load_mnist_5k
from .synthetic import make_moons

__all__ = [
    "BOSTON_FEATURES", "CALIFORNIA_FEATURES", "data_folder", "load_boston_housing",
    "load_california_housing", "load_mnist", "load_mnist_5k", "make_moons",
]
