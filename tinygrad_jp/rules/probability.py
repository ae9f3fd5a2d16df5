"""Losses of probabilities, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..vocabulary.domain import Domain
from ..vocabulary.probability import binary_entropy, bounded_log
from ..vocabulary.rule import rule

PROBABILITY = Domain(0.05, 0.95)


def floor(x: Any) -> float:
    """Give the number below which a divisor is not let: 1e-12, or what the dtype can say."""
    return max(1e-12, float(np.finfo(x.dtype).tiny))


rule(
    bounded_log,
    lambda g, x: g / np.maximum(x, floor(x)),
    broadcasts=True, domain=(PROBABILITY,), about="log x, at least −100",
)


rule(
    binary_entropy,
    lambda g, a, b: g * ((a - b) / np.maximum(a * (1 - a), floor(a))),
    lambda g, a: g * (bounded_log(1 - a) - bounded_log(a)),
    broadcasts=True, domain=(PROBABILITY, PROBABILITY),
    about="−b·log a − (1 − b)·log(1 − a): the cross-entropy of one probability",
)
