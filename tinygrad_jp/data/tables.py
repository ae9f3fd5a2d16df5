"""Small tables of real numbers that come with scikit-learn; no network."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import OptionError, missing

Array = Any
Split = tuple[tuple[Array, Array], tuple[Array, Array]]


def load_iris(seed: int = 0, test_split: float = 0.2) -> Split:
    """Give 150 irises: 4 lengths in cm, float32, and the species 0, 1, 2, int64.

    Returns arrays (120, 4), (120,) and (30, 4), (30,), shuffled by seed.
    Raises MissingExtraError without scikit-learn. Source: R. A. Fisher (1936).
    """
    return _table("load_iris", seed, test_split)


def load_digits(seed: int = 0, test_split: float = 0.2, normalize: bool = True) -> Split:
    """Give 1,797 handwritten digits: 64 pixels (8 × 8), float32, and the digit, int64.

    normalize: pixels from 0 to 1, else from 0 to 16.
    Returns arrays (1437, 64), (1437,) and (360, 64), (360,), shuffled by seed.
    Raises MissingExtraError without scikit-learn. Source: E. Alpaydin, C. Kaynak (1998).
    """
    (x, t), (x_test, t_test) = _table("load_digits", seed, test_split)
    greatest = np.float32(16 if normalize else 1)
    return (x / greatest, t), (x_test / greatest, t_test)


def load_diabetes(seed: int = 0, test_split: float = 0.2) -> Split:
    """Give 442 patients: 10 measurements and how the disease went on, a year later (25 to 346).

    Measurements are in their own units (years, sex 1 or 2, kg/m², mmHg, mg/dl ...), float32.
    Returns arrays (353, 10), (353,) and (89, 10), (89,), shuffled by seed: a regression to use
    instead of Boston's housing.
    Raises MissingExtraError without scikit-learn. Source: B. Efron et al., Least angle regression
    (2004).
    """
    return _table("load_diabetes", seed, test_split, scaled=False)


def load_wine(seed: int = 0, test_split: float = 0.2) -> Split:
    """Give 178 wines: 13 measurements, float32, and the grower 0, 1, 2, int64.

    Returns arrays (142, 13), (142,) and (36, 13), (36,), shuffled by seed.
    Raises MissingExtraError without scikit-learn. Source: M. Forina et al. (1988).
    """
    return _table("load_wine", seed, test_split)


def load_breast_cancer(seed: int = 0, test_split: float = 0.2) -> Split:
    """Give 569 tumours: 30 measurements of cell nuclei, float32, and benign 1 or malignant 0.

    Returns arrays (455, 30), (455,) and (114, 30), (114,), shuffled by seed.
    Raises MissingExtraError without scikit-learn. Source: W. H. Wolberg et al. (1995).
    """
    return _table("load_breast_cancer", seed, test_split)


def _table(name: str, seed: int, test_split: float, **options: Any) -> Split:
    """Read a table of scikit-learn's, shuffle its rows, and set the last ones aside to test."""
    if not 0 <= test_split < 1:
        raise OptionError("test_split", given=test_split)
    try:
        from sklearn import datasets
    except ImportError:
        raise missing("scikit-learn", "data") from None
    x, t = getattr(datasets, name)(return_X_y=True, **options)
    order = np.random.default_rng(seed).permutation(len(x))
    x, t = x[order].astype(np.float32), t[order]
    t = t.astype(np.int64 if t.dtype.kind == "i" else np.float32)
    count = int(len(x) * (1 - test_split))
    return (x[:count], t[:count]), (x[count:], t[count:])
