"""Losses as modules: each keeps its options and calls the function of nn.functional."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.arguments import array_of
from ..autograd.tensor import Tensor
from ..errors import OptionError
from . import functional as F  # noqa: N812 - as everyone calls it
from .functional_losses import warn_once
from .module import Module


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        choices = self._choices
        if reduction not in choices:
            raise OptionError(
                "reduction", given=reduction, choices=", ".join(map(repr, choices))
            )
        self.reduction = reduction

    _choices: tuple[str, ...] = ("mean", "sum", "none")


class _Weighted(_Loss):
    weight: Tensor | None

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """Mean of (input − target)²; both of one shape.

    reduction: "mean", "sum", or "none" for one value per element. Raises ShapeError for shapes
    that would broadcast against each other, as (N, 1) and (N,).

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp import nn
    >>> nn.MSELoss()(tj.tensor([1.0, 2.0]), tj.tensor([1.0, 4.0])).item()
    2.0
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.mse_loss(input, target, self.reduction)


class L1Loss(_Loss):
    """Mean of |input − target|."""

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.l1_loss(input, target, self.reduction)


class HuberLoss(_Loss):
    """d²/2 where |d| ≤ delta, else delta·(|d| − delta/2), for d = input − target."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(_Loss):
    """d²/(2·beta) where |d| < beta, else |d| − beta/2, for d = input − target."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.smooth_l1_loss(input, target, self.reduction, self.beta)


class PoissonNLLLoss(_Loss):
    """Negative log likelihood of counts under a Poisson distribution of rate eˣ (or x)."""

    def __init__(
        self, log_input: bool = True, full: bool = False, eps: float = 1e-8,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.poisson_nll_loss(
            log_input, target, self.log_input, self.full, self.eps, self.reduction
        )


class GaussianNLLLoss(_Loss):
    """Negative log likelihood under normal distributions of given means and variances."""

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Any, target: Any, var: Any) -> Tensor:
        """Give the loss."""
        return F.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)


class CrossEntropyLoss(_Weighted):
    """−log softmax(input) at the labels: for logits, with no softmax before it.

    input: (N, K), (N, K, d₁, ...) or (K,).  target: class indices (N, d₁, ...), or probabilities
    of input's shape.  weight: a factor per class.  ignore_index: a label that does not count.
    label_smoothing: how much of each label is spread over all classes.
    Raises LabelError for a label outside 0 to K − 1; warns once where input is a softmax already.
    """

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction)
        if not 0.0 <= label_smoothing <= 1.0:
            raise OptionError("label_smoothing", given=label_smoothing)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    _looked = False  # whether the values of a first input have been looked at

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        if not self._looked and type(array_of(input)) is ndarray:
            self._looked = True
            if _are_probabilities(array_of(input)):
                warn_once("softmax_before")
        return F.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


def _are_probabilities(z: Any) -> bool:
    """Tell whether each row is a distribution, and not merely zeros and ones."""
    if z.ndim < 2 or z.dtype.kind != "f" or z.shape[1] < 2 or z.size == 0 or z.min() < 0:
        return False
    near = 0.01 if z.dtype.itemsize < 4 else 1e-5
    return bool(np.abs(z.sum(1) - 1).max() < near and ((z > 0) & (z < 1)).any())


class NLLLoss(_Weighted):
    """−input at the labels, for log-probabilities as LogSoftmax gives them."""

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(weight, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class BCELoss(_Weighted):
    """−t·log p − (1 − t)·log(1 − p) for probabilities p, as Sigmoid gives them.

    Raises OptionError for a p outside [0, 1]. BCEWithLogitsLoss, without the Sigmoid, is safer.
    """

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.binary_cross_entropy(input, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Weighted):
    """−t·log σ(x) − (1 − t)·log(1 − σ(x)) for logits x, with no sigmoid before it.

    weight: a factor per element.  pos_weight: a factor of the positive part, per class.
    """

    pos_weight: Tensor | None

    def __init__(
        self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
    ) -> None:
        super().__init__(weight, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, self.reduction, self.pos_weight
        )


class KLDivLoss(_Loss):
    """t·(log t − input) for log-probabilities input and probabilities t.

    reduction: "batchmean" gives the divergence itself. log_target: t is given as a logarithm.
    """

    _choices = ("mean", "batchmean", "sum", "none")

    def __init__(self, reduction: str = "mean", log_target: bool = False) -> None:
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.kl_div(input, target, self.reduction, self.log_target)


class CosineEmbeddingLoss(_Loss):
    """1 − cos for pairs with target 1, max(0, cos − margin) for those with −1."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)


class MarginRankingLoss(_Loss):
    """max(0, −t·(x₁ − x₂) + margin): t = 1 where x₁ should be the larger, else −1."""

    def __init__(self, margin: float = 0.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)


class HingeEmbeddingLoss(_Loss):
    """x where the target is 1, max(0, margin − x) where it is −1."""

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.hinge_embedding_loss(input, target, self.margin, self.reduction)


class SoftMarginLoss(_Loss):
    """log(1 + e^(−t·x)) for targets 1 and −1."""

    def forward(self, input: Any, target: Any) -> Tensor:
        """Give the loss."""
        return F.soft_margin_loss(input, target, self.reduction)


class TripletMarginLoss(_Loss):
    """max(0, |a − p| − |a − n| + margin) for anchors, positives and negatives (N, D)."""

    def __init__(
        self, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6, swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Tensor:
        """Give the loss."""
        return F.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, self.reduction
        )
