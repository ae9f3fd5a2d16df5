"""Keras's data sets, with its signatures and splits, through `data`.

Those that come over the network say so when there is none, and what works without.
"""

from __future__ import annotations

from .. import absent
from . import boston_housing, california_housing, mnist

__all__ = ["boston_housing", "california_housing", "mnist"]

__getattr__ = absent.refusal("keras.datasets")
