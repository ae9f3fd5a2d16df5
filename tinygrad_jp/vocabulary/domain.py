"""Where a rule holds, and how to sample there: what the laws and the docs try each rule on.

An elementwise rule says `domain=(REAL, POSITIVE)`, one interval per argument, and is tried on
every shape that broadcasts. Any other rule gives `samples`, a function of a Sampler:

    samples=lambda s: [call(s(2, 3)), call(s(2, 3), axis=1, keepdims=True)]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .rule import Entry

Array = Any
Shape = tuple[int, ...]


class Domain(NamedTuple):
    """An interval on which a derivative exists, less the kinks and poles in it."""

    low: float
    high: float
    avoid: tuple[float, ...] = ()
    gap: float = 0.1  # how far samples stay from each of `avoid`

    def sample(self, rng: np.random.Generator, shape: Shape, dtype: Any = np.float64) -> Array:
        """Draw an array of `shape` from the interval."""
        x = rng.uniform(self.low, self.high, shape)
        for point in self.avoid:
            near = np.abs(x - point) < self.gap
            side = np.where(x >= point, 1.0, -1.0)
            x = np.where(near, point + side * self.gap * rng.uniform(1.0, 2.0, shape), x)
        return np.asarray(x, dtype)


REAL = Domain(-3.0, 3.0)
NONZERO = Domain(-3.0, 3.0, avoid=(0.0,))  # a kink or a pole at 0
POSITIVE = Domain(0.2, 4.0)
UNIT = Domain(-0.9, 0.9)
ABOVE_ONE = Domain(1.1, 4.0)
ABOVE_MINUS_ONE = Domain(-0.9, 3.0)


class Call(NamedTuple):
    """The arguments of one call."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call(*args: Any, **kwargs: Any) -> Call:
    """Write a call down as a sample."""
    return Call(args, kwargs)


class Sampler:
    """Draws the arrays of a sample; the same seed gives the same ones."""

    def __init__(self, seed: int = 0, dtype: Any = np.float64) -> None:
        self.rng = np.random.default_rng(seed)
        self.dtype = np.dtype(dtype)

    def __call__(self, *shape: int, domain: Domain = REAL) -> Array:
        """Draw from the reals, or from a domain."""
        return domain.sample(self.rng, shape, self.dtype)

    def distinct(self, *shape: int) -> Array:
        """Draw values no two of which are near each other: no ties for max, sort, median."""
        size = int(np.prod(shape))
        x = (self.rng.permutation(size) - size / 2) * 0.37 + 0.11
        return np.asarray(x.reshape(shape), self.dtype)

    def symmetric(self, n: int, *batch: int) -> Array:
        """Draw a symmetric matrix with eigenvalues apart from one another."""
        q, _ = np.linalg.qr(self.rng.standard_normal((*batch, n, n)))
        values = np.arange(n) * 1.3 - n / 2 + self.rng.uniform(0.1, 0.4, n)
        x = (q * values) @ np.swapaxes(q, -1, -2)
        return np.asarray((x + np.swapaxes(x, -1, -2)) / 2, self.dtype)

    def positive_definite(self, n: int, *batch: int) -> Array:
        """Draw a symmetric positive definite matrix, well conditioned."""
        x = self.rng.standard_normal((*batch, n, n))
        return np.asarray(x @ np.swapaxes(x, -1, -2) / n + np.eye(n), self.dtype)

    def invertible(self, n: int, *batch: int) -> Array:
        """Draw a matrix far from singular."""
        x = self.rng.standard_normal((*batch, n, n))
        return np.asarray(x / (2 * n) + np.eye(n) * 1.5, self.dtype)

    def full_rank(self, m: int, n: int, *batch: int) -> Array:
        """Draw a matrix with singular values apart from one another and from zero."""
        k = min(m, n)
        u, _ = np.linalg.qr(self.rng.standard_normal((*batch, m, k)))
        v, _ = np.linalg.qr(self.rng.standard_normal((*batch, n, k)))
        s = np.arange(k, 0, -1) * 0.8 + self.rng.uniform(0.1, 0.3, k)
        return np.asarray((u * s) @ np.swapaxes(v, -1, -2), self.dtype)

    def integers(self, high: int, *shape: int) -> Array:
        """Draw indices from 0 to high − 1."""
        return self.rng.integers(0, high, shape)

    def mask(self, *shape: int) -> Array:
        """Draw booleans, both kinds if there is room."""
        x = self.rng.random(shape) < 0.5
        if x.size > 1:
            x.flat[0], x.flat[1] = True, False
        return x


SHAPES_1: list[Shape] = [(), (0,), (3,), (2, 3), (2, 1, 2)]
SHAPES_2: list[tuple[Shape, Shape]] = [
    ((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((0, 2), (2,)),
    ((1,), (2, 3)), ((2, 2), ()),
]


def samples(entry: Entry, sampler: Sampler) -> Iterator[Call]:
    """List the calls to try an entry on: its own samples, or every shape over its domain."""
    if entry.samples is not None:
        yield from entry.samples(sampler)
    elif len(entry.domain) == 1:
        for shape in SHAPES_1:
            yield call(sampler(*shape, domain=entry.domain[0]))
    elif len(entry.domain) == 2:
        for a, b in SHAPES_2:
            yield call(sampler(*a, domain=entry.domain[0]), sampler(*b, domain=entry.domain[1]))
