"""Whole training steps as Programs, written by hand: what `tj.compile` records of a dense network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tinygrad_jp.program import operations as ops
from tinygrad_jp.program.program import Value

from .building import Builder


def network(
    widths: Sequence[int], batch: int, activation: str, loss: str, optimizer: str,
    dtype: type = np.float32, lr: float = 0.1,
) -> Builder:
    """Write one step: forward, loss, backward, update.

    activation: tanh, sigmoid or relu. loss: cross_entropy (mean, labels) or mse (mean).
    optimizer: sgd or adam (β 0.9 and 0.999). Weights are (outputs, inputs). Gives the loss and all
    gradients.
    """
    rng = np.random.default_rng(0)
    b = Builder()
    pairs = list(pairwise(widths))
    x = b.input(rng.random((batch, widths[0])).astype(dtype))
    t = b.input(rng.integers(0, widths[-1], batch) if loss == "cross_entropy"
                else rng.random((batch, widths[-1])).astype(dtype))
    ws = [b.input((rng.standard_normal((n, m)) / np.sqrt(m)).astype(dtype), "state") for m, n in pairs]
    bs = [b.input(np.zeros(n, dtype), "state") for _, n in pairs]
    rate = b.input(np.array(lr, dtype), "number")

    hs, h = [x], x
    for i, (w, c) in enumerate(zip(ws, bs, strict=True)):
        h = b(np.add, b(np.matmul, h, turned(b, w)), c)
        if i < len(ws) - 1:
            h = activated(b, h, activation)
        hs.append(h)
    d, value = (labels if loss == "cross_entropy" else squares)(b, h, t, batch)
    gws: list[Value] = []
    gbs: list[Value] = []
    for i in reversed(range(len(ws))):
        gws.insert(0, b(np.matmul, turned(b, d), hs[i]))
        gbs.insert(0, b.total(d, (0,)))
        if i:
            d = slope(b, b(np.matmul, d, ws[i]), hs[i], activation)
    tiny = b.input(np.array(1e-8, dtype), "number") if optimizer == "adam" else None
    for p, g in zip(ws + bs, gws + gbs, strict=True):
        if tiny is None:
            b.program.updates[p] = b(np.subtract, p, b(np.multiply, g, rate))
            continue
        m = b.input(np.zeros(p.shape, dtype), "state")
        v = b.input(np.zeros(p.shape, dtype), "state")
        m2 = b(np.add, m, b(np.multiply, b(np.subtract, g, m), 0.1))
        v2 = b(np.add, b(np.multiply, v, 0.999), b(np.multiply, b(np.multiply, g, g), 0.001))
        change = b(np.multiply, rate, b(np.divide, m2, b(np.add, b(np.sqrt, v2), tiny)))
        b.program.updates.update({p: b(np.subtract, p, change), m: m2, v: v2})
    b.returns(value, *gws, *gbs)
    return b


def turned(b: Builder, x: Value) -> Value:
    return b(ops.transpose, x, axes=(1, 0))


def activated(b: Builder, x: Value, name: str) -> Value:
    if name == "tanh":
        return b(np.tanh, x)
    if name == "relu":
        return b(np.maximum, x, 0)
    low = b(np.minimum, b(np.negative, x), 88.0)
    return b(np.reciprocal, b(np.add, b(np.exp, low), 1))


def slope(b: Builder, g: Value, y: Value, name: str) -> Value:
    if name == "tanh":
        return b(np.multiply, g, b(np.subtract, 1, b(np.square, y)))
    if name == "relu":
        return b(np.multiply, g, b(np.greater, y, 0))
    return b(np.multiply, b(np.multiply, g, y), b(np.subtract, 1, y))


def labels(b: Builder, z: Value, t: Value, n: int) -> tuple[Value, Value]:
    """Give the slope and the value of the mean cross entropy."""
    k = z.shape[1]
    b.assume(b(np.logical_and, b(np.greater_equal, t, 0), b(np.less, t, k)))
    z = b(np.subtract, z, b.total(z, (1,), True, np.max))
    e = b(np.exp, z)
    s = b.total(e, (1,), True)
    hot = b(np.equal, b(ops.reshape, t, shape=(n, 1)), b.constant(np.arange(k)))
    picked = b.total(b(np.where, hot, z, 0.0))
    value = b(np.divide, b(np.subtract, b.total(b(np.log, s)), picked), n)
    each = b(np.where, hot, b.constant(np.array(1 / n, z.dtype)), 0.0)
    return b(np.subtract, b(np.divide, e, b(np.multiply, s, n)), each), value


def squares(b: Builder, y: Value, t: Value, n: int) -> tuple[Value, Value]:
    """Give the slope and the value of the mean square."""
    d = b(np.subtract, y, t)
    value = b(np.divide, b.total(b(np.square, d)), d.size)
    return b(np.multiply, d, 2.0 / d.size), value
