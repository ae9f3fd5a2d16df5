"""Small computations that several tests draw."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp.autograd.generate import op
from tinygrad_jp.vocabulary.layers import cross_entropy, linear

NASTY = '</script><img src=x onerror=alert(1)>'
QUOTES = '"a\\N\\n\n\t&lt;b&gt; ]} -> n0; %% `x` <!-- \u202e\x00\ud800 '


_alive: list[tj.Tensor] = []  # a graph holds no Tensor: a name lives as long as the user's own


def leaf(data: Any, name: str | None = None) -> tj.Tensor:
    x = tj.Tensor(data, requires_grad=True)
    if name is not None:
        x.name = name
        _alive.append(x)
    return x


def apples() -> tj.Tensor:
    """Two apples at 100 yen with 10 % tax: 220 yen (the first example of the zero-kara book)."""
    price = leaf(100.0, "りんご") * leaf(2.0, "個数") * leaf(1.1, "消費税")
    price.name = "支払金額"
    return price


def network() -> tuple[tj.Tensor, list[tuple[str, tj.Tensor]]]:
    """Two linear layers and a loss; with the input and the paths of the parameters."""
    x = tj.Tensor(np.array([[1, 2], [3, 4]], np.float32))
    paths = [
        ("入力", x),
        ("body.fc1.weight", leaf([[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]])),
        ("body.fc1.bias", leaf([0.0, 1.0, -1.0])),
        ("head.weight", leaf([[1.0, 1.0, 1.0], [0.0, -1.0, 0.5]])),
    ]
    w1, b1, w2 = (tensor for _, tensor in paths[1:])
    h = np.maximum(op(linear)(x, w1, b1), 0)
    z = np.matmul(h, np.transpose(w2))
    return op(cross_entropy)(z, np.array([0, 1])), paths


def doublings(times: int) -> tj.Tensor:
    a = leaf(1.0, "a")
    for _ in range(times):
        a = a + a
    return a


def steps(number: int) -> tj.Tensor:
    """One weight used at every step, which keeps a layout engine busy if drawn as it is."""
    w, b, h = leaf(np.eye(2, dtype="f"), "w"), leaf([0.5, 0.5], "b"), leaf([1.0, 2.0], "h0")
    for _ in range(number):
        h = np.tanh(h @ w + b)
    return h
