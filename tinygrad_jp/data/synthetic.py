"""Point sets drawn by formula."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError

Array = Any
if TYPE_CHECKING:  # numpy.random is 20 ms, and imported when first drawn from
    Seed = int | np.random.RandomState | None


def generator(random_state: Seed) -> np.random.RandomState:
    """Give NumPy's old generator, as scikit-learn's sets are drawn: given, seeded, or global."""
    if random_state is None:
        return np.random.mtrand._rand  # what np.random.seed seeds
    if isinstance(random_state, np.random.RandomState):
        return random_state
    return np.random.RandomState(random_state)


def make_moons(
    n_samples: int = 100,
    *,
    shuffle: bool = True,
    noise: float | None = None,
    random_state: Seed = None,
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
    rng = generator(random_state)
    upper = np.linspace(0, np.pi, n_samples // 2)
    lower = np.linspace(0, np.pi, n_samples - n_samples // 2)
    x = np.empty((n_samples, 2))
    x[: len(upper)] = np.stack([np.cos(upper), np.sin(upper)], 1)
    x[len(upper) :] = np.stack([1 - np.cos(lower), 1 - np.sin(lower) - 0.5], 1)
    t = np.repeat([0, 1], [len(upper), len(lower)])
    return _disturbed(x, t, shuffle, noise, rng)


def _disturbed(
    x: Array, t: Array, shuffle: bool, noise: float | None, rng: np.random.RandomState
) -> tuple[Array, Array]:
    """Shuffle points and add normal noise, in the order in which scikit-learn draws."""
    if shuffle:
        order = np.arange(len(x))
        rng.shuffle(order)
        x, t = x[order], t[order]
    if noise is not None:
        x += rng.normal(scale=noise, size=x.shape)
    return x, t


def make_circles(
    n_samples: int = 100,
    *,
    shuffle: bool = True,
    noise: float | None = None,
    random_state: Seed = None,
    factor: float = 0.8,
) -> tuple[Array, Array]:
    """Draw a circle inside another: two classes that only a curve separates.

    factor: radius of the inner one (class 1), from 0 to 1; the outer one (class 0) has radius 1.
    Arguments and numbers as those of scikit-learn's make_circles; points (N, 2) float64, classes
    (N,) int64.  Raises OptionError unless 0 ≤ factor < 1.

    >>> x, t = make_circles(100, factor=0.5, random_state=0)
    >>> [round(float(np.hypot(*x[t == k].T).mean()), 3) for k in (0, 1)]
    [1.0, 0.5]
    """
    if not 0 <= factor < 1:
        raise OptionError("circle_factor", given=factor)
    rng = generator(random_state)
    counts = (n_samples // 2, n_samples - n_samples // 2)
    outer, inner = (np.linspace(0, 2 * np.pi, n, endpoint=False) for n in counts)
    x = np.concatenate([
        np.stack([np.cos(outer), np.sin(outer)], 1),
        np.stack([np.cos(inner), np.sin(inner)], 1) * factor,
    ])
    return _disturbed(x, np.repeat([0, 1], counts), shuffle, noise, rng)


def make_spiral(
    n_samples: int = 300,
    *,
    classes: int = 3,
    noise: float = 0.2,
    random_state: Seed = None,
) -> tuple[Array, Array]:
    """Draw arms that wind around each other, one a class: straight lines separate none.

    Arm k: radius r from 0 to 1, angle 4(k + r) rad + noise·N(0, 1).
    Returns points (N, 2) float64 and classes (N,) int64, shuffled. n_samples: over all classes.

    >>> x, t = make_spiral(random_state=0)
    >>> x.shape, np.bincount(t)
    ((300, 2), array([100, 100, 100]))
    """
    rng = generator(random_state)
    t = np.arange(n_samples) * classes // max(n_samples, 1)
    counts = np.bincount(t, minlength=classes)
    radius = np.concatenate([np.arange(n) / n for n in counts if n])
    angle = 4 * (t + radius) + noise * rng.normal(size=n_samples)
    x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1)
    return _disturbed(x, t, True, None, rng)


def make_xor(
    n_samples: int = 4, *, noise: float | None = None, random_state: Seed = None
) -> tuple[Array, Array]:
    """Give the four points of exclusive or, again and again: (0,0) (1,0) (0,1) (1,1) → 0 1 1 0.

    noise: standard deviation of the normal noise added to each coordinate.
    Returns points (N, 2) float64 and classes (N,) int64; no perceptron of one layer learns them.

    >>> make_xor()
    (array([[0., 0.],
           [1., 0.],
           [0., 1.],
           [1., 1.]]), array([0, 1, 1, 0]))
    """
    corner = np.arange(n_samples) % 4
    x = np.stack([corner % 2, corner // 2], 1).astype(np.float64)
    return _disturbed(x, corner % 2 ^ corner // 2, False, noise, generator(random_state))


def make_apples(n_samples: int = 100, *, random_state: Seed = None) -> tuple[Array, Array]:
    """Draw receipts for apples: what one costs, how many, the tax rate, and what is to be paid.

    Prices 50 to 200 yen, 1 to 10 apples, tax 8 or 10 %; t = price · number · (1 + rate).
    Returns x (N, 3) float64 and t (N,) float64, a regression whose formula is known.

    >>> x, t = make_apples(3, random_state=0)
    >>> bool(np.allclose(t, x[:, 0] * x[:, 1] * (1 + x[:, 2])))
    True
    """
    rng = generator(random_state)
    price = rng.randint(50, 201, n_samples)
    number = rng.randint(1, 11, n_samples)
    rate = np.where(rng.random_sample(n_samples) < 0.5, 0.08, 0.10)
    x = np.stack([price, number, rate], 1).astype(np.float64)
    return x, x[:, 0] * x[:, 1] * (1 + x[:, 2])
