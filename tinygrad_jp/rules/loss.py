"""The primitives of networks: linear maps, softmax, and the two losses everybody starts with."""

from __future__ import annotations

import numpy as np

from ..vocabulary.domain import call
from ..vocabulary.layers import (
    cross_entropy,
    cross_entropy_recorded,
    linear,
    log_softmax,
    minus_one_hot,
    mse,
    mse_recorded,
    softmax,
    sum_outer,
    sum_rows,
)
from ..vocabulary.primitives import sum_to
from ..vocabulary.rule import rule

rule(
    linear,
    lambda g, w: linear(g, w.T, None),
    lambda g, x: sum_outer(g, x),
    lambda g: sum_rows(g),
    arguments="x w b", about="x·Wᵀ + b",
    samples=lambda s: [
        call(s(4, 3), s(2, 3), s(2)), call(s(4, 3), s(2, 3), None), call(s(2, 4, 3), s(5, 3), s(5)),
        call(s(3), s(2, 3), s(2)), call(s(0, 3), s(2, 3), s(2)),
    ],
)
rule(
    sum_outer,
    lambda g, b: linear(b, g, None),
    lambda g, a: linear(a, g.T, None),
    about="Σ over rows of a bᵀ",
    samples=lambda s: [
        call(s(4, 3), s(4, 2)), call(s(2, 4, 3), s(2, 4, 5)), call(s(3), s(2)),
        call(s(0, 3), s(0, 2)),
    ],
)
rule(
    sum_rows,
    lambda g, x_shape: np.broadcast_to(g, x_shape),
    about="Σ over rows",
    samples=lambda s: [call(s(4, 3)), call(s(2, 4, 3)), call(s(3))],
)
rule(
    sum_to,
    lambda g, x_shape, shape: np.broadcast_to(np.reshape(g, one_padded(shape, x_shape)), x_shape),
    about="sum over the axes that were broadcast",
    samples=lambda s: [
        call(s(4, 3), (3,)), call(s(4, 3), (1, 3)), call(s(2, 4, 3), (4, 1)), call(s(2, 3), ()),
    ],
)


def one_padded(shape: tuple[int, ...], like: tuple[int, ...]) -> tuple[int, ...]:
    """Put axes of length 1 before a shape until it has as many as `like`."""
    return (1,) * (len(like) - len(shape)) + tuple(shape)


rule(
    softmax,
    lambda g, y, axis: y * (g - np.sum(g * y, axis, keepdims=True)),
    about="eˣ / Σ eˣ",
    samples=lambda s: [call(s(2, 3), -1), call(s(2, 3, 2), 1), call(s(4), 0)],
)
rule(
    log_softmax,
    lambda g, y, axis: g - np.exp(y) * np.sum(g, axis, keepdims=True),
    about="x − log Σ eˣ",
    samples=lambda s: [call(s(2, 3), -1), call(s(2, 3, 2), 1), call(s(4), 0)],
)
rule(
    cross_entropy,
    lambda g, slope: slope * g,
    None,
    arguments="z t",
    recorded=cross_entropy_recorded,
    residual={"slope": lambda z, t: minus_one_hot(softmax(z, -1), t) * (1 / z.shape[0])},
    about="−mean log softmax(z) at the labels",
    samples=lambda s: [call(s(4, 3), s.integers(3, 4)), call(s(5, 2), s.integers(2, 5))],
)
rule(
    minus_one_hot,
    lambda g: g,
    None,
    arguments="p t", about="p − one_hot(t)",
    samples=lambda s: [call(s(4, 3), s.integers(3, 4))],
)
rule(
    mse,
    lambda g, d: d * (g * (2 / (d.size or 1))),
    lambda g, d: d * (g * (-2 / (d.size or 1))),
    recorded=mse_recorded,
    residual={"d": lambda a, b: a - b},
    about="mean (a − b)²",
    samples=lambda s: [call(s(4, 3), s(4, 3)), call(s(5), s(5))],
)

