"""Adamax: Adam with the infinity norm in place of the second moment."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Params

Array = Any


def adamax(
    p: Array, g: Array, step: int, exp_avg: Array = 0.0, exp_inf: Array = 0.0,
    *, lr: float, betas: tuple[float, float], eps: float, weight_decay: float, maximize: bool,
) -> tuple[Array, dict[str, Array]]:
    """Give what Adamax subtracts from p, and its new state.

    Source: Kingma and Ba 2015, algorithm 2.
    """
    beta1, beta2 = betas
    if maximize:
        g = -g
    if weight_decay:
        g = g + weight_decay * p
    exp_avg = exp_avg + (1 - beta1) * (g - exp_avg)
    exp_inf = np.maximum(beta2 * exp_inf, np.abs(g) + eps)
    return lr / (1 - beta1**step) * (exp_avg / exp_inf), {"exp_avg": exp_avg, "exp_inf": exp_inf}


class Adamax(Optimizer):
    """Scale each step by running averages of the gradient and of its largest size.

    params: Tensors, (name, Tensor) pairs, or parameter groups.
    lr: learning rate.  betas: decay of the average and of the infinity norm.  eps: keeps the
    divisor from zero.  weight_decay: λ of the L2 penalty ½λΣp².  maximize: climb instead of
    descending.
    Source: Kingma and Ba 2015, arXiv:1412.6980, section 7.1.
    """

    rule = staticmethod(adamax)

    def __init__(
        self, params: Params, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, *, maximize: bool = False, **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
        ), unknown)
