"""RAdam: Adam that trusts its second moment only once enough gradients stand behind it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Params

Array = Any


def radam(
    p: Array, g: Array, step: int, exp_avg: Array = 0.0, exp_avg_sq: Array = 0.0,
    *, lr: float, betas: tuple[float, float], eps: float, weight_decay: float,
    decoupled_weight_decay: bool, maximize: bool,
) -> tuple[Array, dict[str, Array]]:
    """Give what RAdam subtracts from p, and its new state.

    Source: Liu et al. 2020, algorithm 2; ρ > 5 instead of ρ > 4, as PyTorch has it.
    """
    beta1, beta2 = betas
    if maximize:
        g = -g
    if weight_decay and not decoupled_weight_decay:
        g = g + weight_decay * p
    exp_avg = exp_avg + (1 - beta1) * (g - exp_avg)
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * (g * g)
    most = 2 / (1 - beta2) - 1
    rho = most - 2 * step * beta2**step / (1 - beta2**step)  # length of the average so far
    rate = lr / (1 - beta1**step)
    if rho > 5:
        rectified = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)
        rate = rate * ((1 - beta2**step) * rectified) ** 0.5
        change = rate * (exp_avg / (np.sqrt(exp_avg_sq) + eps))
    else:
        change = rate * exp_avg
    if weight_decay and decoupled_weight_decay:
        change = change + lr * weight_decay * p
    return change, {"exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}


class RAdam(Optimizer):
    """Take Adam's steps, and plain momentum's as long as the second moment is uncertain.

    params: Tensors, (name, Tensor) pairs, or parameter groups.
    lr: learning rate.  betas: decay of the two averages.  eps: keeps the divisor from zero.
    weight_decay: λ of the L2 penalty ½λΣp², or with decoupled_weight_decay as in AdamW.
    maximize: climb instead of descending.
    Source: Liu et al. 2020, arXiv:1908.03265.
    """

    rule = staticmethod(radam)

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
        maximize: bool = False, **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay, maximize=maximize,
        ), unknown)
