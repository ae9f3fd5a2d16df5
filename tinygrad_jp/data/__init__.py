"""Data sets to learn with: generators, and loaders that also work without a network.

The sets are plain NumPy arrays, split into ((x_train, t_train), (x_test, t_test)) where there is a
customary split; `dataset.py` and `loader.py` make batches of Tensors. May import: autograd and
below. To add a set, write a function in a file of its family; what
comes over the network goes through `download.fetch`, with a checksum.
"""

from __future__ import annotations

from .dataset import Dataset as Dataset
from .dataset import Subset as Subset
from .dataset import TensorDataset as TensorDataset
from .dataset import k_fold as k_fold
from .dataset import random_split as random_split
from .download import data_folder
from .housing import (
    BOSTON_FEATURES,
    CALIFORNIA_FEATURES,
    load_boston_housing,
    load_california_housing,
)
from .loader import DataLoader as DataLoader
from .loader import default_collate as default_collate
from .mnist import load_mnist, load_mnist_5k
from .scalers import MinMaxScaler as MinMaxScaler
from .scalers import StandardScaler as StandardScaler
from .synthetic import make_apples as make_apples
from .synthetic import make_circles as make_circles
from .synthetic import make_moons as make_moons
from .synthetic import make_spiral as make_spiral
from .synthetic import make_xor as make_xor
from .tables import load_breast_cancer as load_breast_cancer
from .tables import load_diabetes as load_diabetes
from .tables import load_digits as load_digits
from .tables import load_iris as load_iris
from .tables import load_wine as load_wine

__all__ = [
    "BOSTON_FEATURES", "CALIFORNIA_FEATURES", "DataLoader", "Dataset", "MinMaxScaler",
    "StandardScaler", "Subset", "TensorDataset", "data_folder", "default_collate", "k_fold",
    "load_boston_housing", "load_breast_cancer", "load_california_housing", "load_diabetes",
    "load_digits", "load_iris", "load_mnist", "load_mnist_5k", "load_wine", "make_apples",
    "make_circles", "make_moons", "make_spiral", "make_xor", "random_split",
]
