"""Adadelta: steps whose size comes from the steps before."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Params

Array = Any


def adadelta(
    p: Array, g: Array, step: int, square_avg: Array = 0.0, acc_delta: Array = 0.0,
    *, lr: float, rho: float, eps: float, weight_decay: float, maximize: bool,
) -> tuple[Array, dict[str, Array]]:
    """Give what Adadelta subtracts from p, and its new state.

    Source: Zeiler 2012, algorithm 1.
    """
    if maximize:
        g = -g
    if weight_decay:
        g = g + weight_decay * p
    square_avg = rho * square_avg + (1 - rho) * (g * g)
    delta = np.sqrt(acc_delta + eps) / np.sqrt(square_avg + eps) * g
    acc_delta = rho * acc_delta + (1 - rho) * (delta * delta)
    return lr * delta, {"square_avg": square_avg, "acc_delta": acc_delta}


class Adadelta(Optimizer):
    """Take steps in proportion to the root mean square of the steps before.

    params: Tensors, (name, Tensor) pairs, or parameter groups.
    lr: factor on every step.  rho: decay of both running averages.  eps: lets the first step
    begin.  weight_decay: λ of the L2 penalty ½λΣp².  maximize: climb instead of descending.
    Source: Zeiler 2012, arXiv:1212.5701.
    """

    rule = staticmethod(adadelta)

    def __init__(
        self, params: Params, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6,
        weight_decay: float = 0, *, maximize: bool = False, **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize,
        ), unknown)
