"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

from typing import Any

import numpy as np

from .in_place import rounded
from .optimizer import Optimizer, Params

Array = Any


def nadam(
    p: Array, g: Array, step: int,
    mu_product: float = 1.0, exp_avg: Array = 0.0, exp_avg_sq: Array = 0.0,
    *, lr: float, betas: tuple[float, float], eps: float, weight_decay: float,
    momentum_decay: float, decoupled_weight_decay: bool, maximize: bool,
) -> tuple[Array, dict[str, Any]]:
    """Give what NAdam subtracts from p, and its new state.

    Source: Dozat 2016, algorithm 2 with the momentum schedule of its section 2.
    """
    beta1, beta2 = betas
    if maximize:
        g = -g
    if weight_decay and not decoupled_weight_decay:
        g = g + weight_decay * p
    mu = beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))
    mu_next = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
    mu_product = rounded(rounded(mu_product) * rounded(mu))  # PyTorch keeps it in the default dtype
    exp_avg = exp_avg + (1 - beta1) * (g - exp_avg)
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * (g * g)
    now = lr * (1 - mu) / (1 - mu_product)
    next_ = lr * mu_next / (1 - mu_product * mu_next)
    root = (1 - beta2**step) ** 0.5
    change = (now * root * g + next_ * root * exp_avg) / (np.sqrt(exp_avg_sq) + eps * root)
    if weight_decay and decoupled_weight_decay:
        change = change + lr * weight_decay * p
    return change, {"mu_product": mu_product, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}


class NAdam(Optimizer):
    """Take Adam's steps with Nesterov's momentum.

    params: Tensors, (name, Tensor) pairs, or parameter groups.
    lr: learning rate.  betas: decay of the two averages.  eps: keeps the divisor from zero.
    weight_decay: λ of the L2 penalty ½λΣp², or with decoupled_weight_decay as in AdamW.
    momentum_decay: how fast the momentum warms up.  maximize: climb instead of descending.
    Source: Dozat 2016, "Incorporating Nesterov Momentum into Adam".
    """

    rule = staticmethod(nadam)

    def __init__(
        self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False, *, maximize: bool = False, **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        ), unknown)
