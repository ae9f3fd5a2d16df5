"""Polynomials as vectors of coefficients, the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import OptionError
from ..vocabulary.domain import call
from ..vocabulary.primitives import beside
from ..vocabulary.rule import composite, unsupported
from .given import array, pair, values_of

Array = Any


@composite(
    np.polyval, about="the value of a polynomial",
    samples=lambda s: [call(s(4), s(2, 3)), call(s(3), 1.5), call([1.0, -2.0, 0.5], s(3))],
)
def polyval(p: Array, x: Array) -> Array:
    """Evaluate a polynomial by Horner's scheme."""
    x = array(x, p) if hasattr(p, "dtype") else x
    y = np.zeros_like(x)
    for i in range(np.shape(p)[0]):
        y = y * x + p[i]
    return y


def _sum(a: Array, b: Array, sign: int) -> Array:
    a, b = np.atleast_1d(a), np.atleast_1d(b)
    n = max(a.shape[0], b.shape[0])
    a, b = (np.pad(p, (n - p.shape[0], 0)) for p in (a, b))
    return a + b if sign > 0 else a - b


@composite(
    np.polyadd, about="the sum of two polynomials",
    samples=lambda s: [call(s(3), s(2)), call(s(2), s(4))],
)
def polyadd(a1: Array, a2: Array) -> Array:
    """Add two polynomials."""
    return _sum(a1, a2, 1)


@composite(
    np.polysub, about="the difference of two polynomials",
    samples=lambda s: [call(s(3), s(2)), call(s(2), s(4))],
)
def polysub(a1: Array, a2: Array) -> Array:
    """Subtract two polynomials."""
    return _sum(a1, a2, -1)


@composite(np.polymul, about="the product of two polynomials", samples=lambda s: [call(s(3), s(2))])
def polymul(a1: Array, a2: Array) -> Array:
    """Multiply two polynomials; one without coefficients is 0."""
    a1, a2 = (p if np.size(p) else np.zeros_like(p, shape=(1,)) for p in pair(a1, a2))
    return np.convolve(a1, a2)


@composite(
    np.polyder, about="the derivative of a polynomial",
    samples=lambda s: [call(s(4)), call(s(5), 2), call(s(2), 0)],
)
def polyder(p: Array, m: int = 1) -> Array:
    """Differentiate a polynomial m times."""
    if m < 0:
        raise OptionError("at_least", op="np.polyder", name="m", given=m, low=0)
    if p.ndim != 1:
        raise OptionError("ndim_needed", op="np.polyder", given=p.ndim, known="1")
    for _ in range(m):
        p = p[:-1] * beside(range(p.shape[0] - 1, 0, -1), p)
    return p if m else p[...]


@composite(
    np.polyint, about="the integral of a polynomial",
    samples=lambda s: [call(s(3)), call(s(3), 2, 0.5), call(s(2), 2, [1.0, 2.0])],
)
def polyint(p: Array, m: int = 1, k: Any = None) -> Array:
    """Integrate a polynomial m times, with constants k."""
    constants = values_of(0.0 if k is None else k).reshape(-1).tolist()
    constants = constants * m if len(constants) == 1 else constants
    for c in constants:
        scaled = p / beside(range(p.shape[0], 0, -1), p)
        p = np.concatenate([scaled, np.full_like(scaled, c, shape=(1,))])
    return p


@composite(
    np.poly, about="the polynomial with given roots",
    samples=lambda s: [call(s(3)), call(s(1))],
)
def poly(seq_of_zeros: Array) -> Array:
    """Multiply (x − r) out over all roots r."""
    r = seq_of_zeros
    if r.ndim != 1:
        raise OptionError("ndim_needed", op="np.poly", given=r.ndim, known="1")
    y = np.ones_like(r, shape=(1,))
    for i in range(r.shape[0]):
        y = np.convolve(y, np.stack([np.ones_like(r[i]), -r[i]]))
    return y


@composite(
    np.vander, about="powers of x as columns",
    samples=lambda s: [call(s(3)), call(s(3), 4), call(s(2), 3, increasing=True), call(s(2), 1)],
)
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """Give the Vandermonde matrix."""
    n = x.shape[0] if N is None else N
    powers = [np.ones_like(x)]
    for _ in range(1, n):
        powers.append(powers[-1] * x)
    chosen = powers[:n] if increasing else powers[:n][::-1]
    return np.stack(chosen, axis=1) if n else np.zeros_like(x, shape=(x.shape[0], 0))


unsupported(
    "根は複素数になりうるため微分の規則がありません。",
    "roots may be complex numbers, for which there is no derivative rule.",
    np.roots,
)
unsupported(
    "商と余りの次数が値によって変わります。np.convolve と np.linalg.solve で書いてください。",
    "the degrees of quotient and remainder depend on the values. Write it with np.convolve and "
    "np.linalg.solve.",
    np.polydiv,
)
unsupported(
    "np.linalg.lstsq(np.vander(x, deg + 1), y)[0] と書いてください。",
    "write it as np.linalg.lstsq(np.vander(x, deg + 1), y)[0].",
    np.polyfit,
)
