"""Layers that disturb what passes through while training, and do nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import random
from ...autograd.apply import wrap
from ...autograd.tensor import Tensor
from ...errors import OptionError
from ...nn import functional as F  # noqa: N812 - as everyone calls it
from .. import regularizers
from .activation import Elementwise, not_negative


class Disturbing(Elementwise):
    """What the layers below share: random numbers of their own where a seed is given."""

    def __init__(self, seed: Any = None, **more: Any) -> None:
        super().__init__(**more)
        self.seed = seed if isinstance(seed, int) or seed is None else int(getattr(seed, "seed", 0))
        self._draws = None if self.seed is None else np.random.default_rng(self.seed)

    def call(self, inputs: Any, training: bool | None = None) -> Tensor:
        """Give the input as it is, or disturbed where it trains."""
        if not training:
            return inputs  # type: ignore[no-any-return]
        if self._draws is None:
            return self.disturbed(inputs)
        with random.using(self._draws):
            return self.disturbed(inputs)

    def disturbed(self, inputs: Any) -> Tensor:
        """Give the input with what this layer does to it."""
        return inputs  # type: ignore[no-any-return]


class Dropout(Disturbing):
    """Zero a share `rate` of the units at random while training, and scale up the rest.

    noise_shape: 1 along axes where units are left out together. Raises OptionError unless
    0 ≤ rate ≤ 1. Source: N. Srivastava et al., Dropout (2014).
    """

    _options = ("rate", "noise_shape", "seed")

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: Any = None, **more: Any
    ) -> None:
        super().__init__(seed, **more)
        self.rate = checked_rate("Dropout", rate)
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def disturbed(self, inputs: Any) -> Tensor:
        """Give the input with units left out."""
        if self.noise_shape is None:
            return F.dropout(inputs, self.rate, True)
        shape = tuple(
            n if m is None else m for n, m in zip(inputs.shape, self.noise_shape, strict=True)
        )
        ones = wrap(np.ones(shape, inputs.dtype))
        return inputs * F.dropout(ones, self.rate, True)  # type: ignore[no-any-return]


class GaussianNoise(Disturbing):
    """Add normal noise of deviation stddev while training."""

    _options = ("stddev", "seed")

    def __init__(self, stddev: float, seed: Any = None, **more: Any) -> None:
        super().__init__(seed, **more)
        not_negative("GaussianNoise", "stddev", stddev)
        self.stddev = stddev

    def disturbed(self, inputs: Any) -> Tensor:
        """Give the input with noise added."""
        noise = random.generator().normal(0.0, self.stddev, inputs.shape)
        return inputs + wrap(noise.astype(inputs.dtype))  # type: ignore[no-any-return]


class GaussianDropout(Disturbing):
    """Multiply by normal noise of mean 1 and deviation √(rate / (1 − rate)) while training.

    Raises OptionError unless 0 ≤ rate < 1.
    """

    _options = ("rate", "seed")

    def __init__(self, rate: float, seed: Any = None, **more: Any) -> None:
        super().__init__(seed, **more)
        self.rate = checked_rate("GaussianDropout", rate, is_open=True)

    def disturbed(self, inputs: Any) -> Tensor:
        """Give the input times noise."""
        deviation = (self.rate / (1.0 - self.rate)) ** 0.5
        noise = random.generator().normal(1.0, deviation, inputs.shape)
        return inputs * wrap(noise.astype(inputs.dtype))  # type: ignore[no-any-return]


class ActivityRegularization(Elementwise):
    """Add l1·Σ|x| + l2·Σx² per example to the loss; the output is the input."""

    _options = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **more: Any) -> None:
        more.pop("activity_regularizer", None)
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **more)
        self.l1 = l1
        self.l2 = l2

    def call(self, inputs: Any) -> Tensor:
        """Give the input."""
        return inputs  # type: ignore[no-any-return]


def checked_rate(layer: str, rate: Any, is_open: bool = False) -> float:
    """Check a share."""
    if not isinstance(rate, (int, float)) or not 0 <= rate <= 1 or (is_open and rate == 1):
        raise OptionError("keras_dropout_rate", layer=layer, given=rate)
    return rate
