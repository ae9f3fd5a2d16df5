"""Layers that leave out units at random while training, and do nothing in evaluation."""

from __future__ import annotations

from typing import Any

from ..autograd.tensor import Tensor
from . import functional as F  # noqa: N812 - as everyone calls it
from .module import Module


class _Dropout(Module):
    """What the layers below share: the probability p of leaving out, checked."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p = F.probability(p)
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Say the probability."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Zero each element with probability p and scale the rest by 1/(1 − p), while training.

    inplace is taken for PyTorch's sake and changes nothing. Raises OptionError unless 0 ≤ p ≤ 1.
    Source: N. Srivastava et al., Dropout (2014).
    """

    def forward(self, x: Any) -> Tensor:
        """Give x with elements left out."""
        return F.dropout(x, self.p, self.training)


class Dropout1d(_Dropout):
    """Zero whole channels of (N, C, L) or (C, L) with probability p, while training."""

    def forward(self, x: Any) -> Tensor:
        """Give x with channels left out."""
        return F.dropout1d(x, self.p, self.training)


class Dropout2d(_Dropout):
    """Zero whole channels of (N, C, H, W) or (C, H, W) with probability p, while training."""

    def forward(self, x: Any) -> Tensor:
        """Give x with channels left out."""
        return F.dropout2d(x, self.p, self.training)


class AlphaDropout(_Dropout):
    """Leave elements out so that mean and variance stay, for networks of SELU.

    Source: G. Klambauer et al., Self-Normalizing Neural Networks (2017).
    """

    def forward(self, x: Any) -> Tensor:
        """Give x with elements left out."""
        return F.alpha_dropout(x, self.p, self.training)
