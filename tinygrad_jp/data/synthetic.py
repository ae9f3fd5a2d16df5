"""Point sets drawn by formula."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def make_moons(
    n_samples: int = 100,
    *,
    shuffle: bool = True,
    noise: float | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[Array, Array]:
    """Draw two half circles that interlock: two classes no straight line separates.

    noise: standard deviation of the normal noise added to each coordinate.
    random_state: a seed, a generator of NumPy's old kind, or None for NumPy's global one.
    Returns points (N, 2) float64 and classes (N,) int64: the very numbers that scikit-learn's
    make_moons gives, for it draws in the same order (shuffle, then noise).

    >>> x, t = make_moons(200, noise=0.20, random_state=0)
    >>> x.shape, t[:5]
    ((200, 2), array([0, 1, 1, 0, 1]))
    """
    if random_state is None:
        rng = np.random.mtrand._rand  # what np.random.seed seeds
    elif isinstance(random_state, np.random.RandomState):
        rng = random_state
    else:
        rng = np.random.RandomState(random_state)
    upper = np.linspace(0, np.pi, n_samples // 2)
    lower = np.linspace(0, np.pi, n_samples - n_samples // 2)
    x = np.empty((n_samples, 2))
    x[: len(upper)] = np.stack([np.cos(upper), np.sin(upper)], 1)
    x[len(upper) :] = np.stack([1 - np.cos(lower), 1 - np.sin(lower) - 0.5], 1)
    t = np.repeat([0, 1], [len(upper), len(lower)])
    if shuffle:
        order = np.arange(n_samples)
        rng.shuffle(order)
        x, t = x[order], t[order]
    if noise is not None:
        x += rng.normal(scale=noise, size=x.shape)
    return x, t
