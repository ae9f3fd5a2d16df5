"""Random small networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .. import nn
from ..autograd import random

Layer = Callable[[int], nn.Module]
SMOOTH: dict[str, Layer] = {
    name: (lambda n, name=name: getattr(nn, name)())  # type: ignore[misc]
    for name in ("Tanh", "Sigmoid", "Softplus", "SiLU", "GELU", "Softsign", "Mish")
}
KINKED: dict[str, Layer] = {
    name: (lambda n, name=name: getattr(nn, name)())  # type: ignore[misc]
    for name in ("ReLU", "LeakyReLU", "ELU", "Hardtanh")
}
NORMS: dict[str, Layer] = {
    "LayerNorm": lambda n: nn.LayerNorm(n), "BatchNorm1d": lambda n: nn.BatchNorm1d(n),
    "RMSNorm": lambda n: nn.RMSNorm(n),
}


@st.composite
def modules(
    draw: Any, in_features: int = 3, out_features: int = 2, max_depth: int = 3, width: int = 5,
    smooth: bool = True, norms: bool = True, dropout: bool = False,
) -> nn.Sequential:
    """Draw small networks from (N, in_features) to (N, out_features).

    max_depth: how many hidden layers at most, of up to `width` units each.
    smooth: only activations without kinks, so that derivatives can be checked by differences.
    norms: normalising layers among them (they need N ≥ 2). dropout: dropout layers among them.
    Weights come from a drawn seed; the random numbers of the program are left as they were. The
    simplest network is a single Linear layer.
    """
    activations = SMOOTH if smooth else {**KINKED, **SMOOTH}
    layers: list[Callable[[], nn.Module]] = []
    last = in_features
    for _ in range(draw(st.integers(0, max_depth))):
        units = draw(st.integers(1, width))
        layers.append(lambda a=last, b=units: nn.Linear(a, b))  # type: ignore[misc]
        if norms and units > 1 and draw(st.booleans()):
            make = NORMS[draw(st.sampled_from(sorted(NORMS)))]
            layers.append(lambda make=make, n=units: make(n))  # type: ignore[misc]
        make = activations[draw(st.sampled_from(sorted(activations)))]
        layers.append(lambda make=make, n=units: make(n))  # type: ignore[misc]
        if dropout and draw(st.booleans()):
            layers.append(lambda: nn.Dropout(0.5))
        last = units
    bias = draw(st.booleans())
    seed = draw(st.integers(0, 2**16))
    with random.using(np.random.default_rng(seed)):
        made = [layer() for layer in layers]
        return nn.Sequential(*made, nn.Linear(last, out_features, bias=bias))
