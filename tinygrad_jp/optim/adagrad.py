"""Adagrad: each step divided by the root of the sum of all squared gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Params

Array = Any


def adagrad(
    p: Array, g: Array, step: int, sum: Array = None,
    *, lr: float, lr_decay: float, eps: float, weight_decay: float,
    initial_accumulator_value: float, maximize: bool,
) -> tuple[Array, dict[str, Array]]:
    """Give what Adagrad subtracts from p, and its new state.

    Source: Duchi, Hazan and Singer 2011, the diagonal case.
    """
    if maximize:
        g = -g
    if weight_decay:
        g = g + weight_decay * p
    sum = (initial_accumulator_value if sum is None else sum) + g * g
    rate = lr / (1 + (step - 1) * lr_decay)
    return rate * (g / (np.sqrt(sum) + eps)), {"sum": sum}


class Adagrad(Optimizer):
    """Divide each step by the root of the sum of all squared gradients so far.

    params: Tensors, (name, Tensor) pairs, or parameter groups.
    lr: learning rate, divided by 1 + lr_decay · (step - 1).  weight_decay: λ of the L2 penalty
    ½λΣp².  initial_accumulator_value: what the sums start from.  eps: keeps the divisor from
    zero.  maximize: climb instead of descending.
    Source: Duchi, Hazan and Singer 2011, JMLR 12.
    """

    rule = staticmethod(adagrad)

    def __init__(
        self, params: Params, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, *, maximize: bool = False,
        **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value, maximize=maximize,
        ), unknown)
