"""Small models and data that the tests of the training loop share."""

from __future__ import annotations

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp import nn, optim


def data(n=50, seed=0):
    """Points (n, 3) and classes (n,)."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 3)).astype(np.float32)
    return x, (x.sum(1) > 0).astype(np.int64) + (x[:, 0] > 0.5)


def net(dropout=0.0, norm=False, seed=0):
    """A classifier of 3 numbers into 3 classes, always with the same first weights."""
    tj.manual_seed(seed)
    layers = [nn.Linear(3, 8), nn.Tanh()]
    if norm:
        layers.append(nn.BatchNorm1d(8))
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(8, 3))


def adam(model, **options):
    return optim.Adam(model.parameters(), **{"lr": 0.02, **options})


def weights(model):
    """Every number of a model, copied."""
    return {k: v._data.copy() for k, v in model.state_dict().items()}


def assert_equal(a, b):
    """Bit for bit."""
    a, b = (weights(m) if hasattr(m, "state_dict") else m for m in (a, b))
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def accuracy(output, target):
    """One number per sample."""
    return (output._data.argmax(1) == target._data).astype(np.float64)
