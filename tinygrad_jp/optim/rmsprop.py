"""RMSprop: each step divided by a running root mean square of the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Params

Array = Any


def rmsprop(
    p: Array, g: Array, step: int,
    square_avg: Array = 0.0, momentum_buffer: Array = None, grad_avg: Array = None,
    *, lr: float, alpha: float, eps: float, weight_decay: float, momentum: float, centered: bool,
    maximize: bool,
) -> tuple[Array, dict[str, Array]]:
    """Give what RMSprop subtracts from p, and its new state.

    Source: Tieleman and Hinton 2012; centered: Graves 2013, equations 38 to 45.
    """
    if maximize:
        g = -g
    if weight_decay:
        g = g + weight_decay * p
    square_avg = alpha * square_avg + (1 - alpha) * (g * g)
    spread = square_avg
    if centered:
        if grad_avg is None:
            grad_avg = (1 - alpha) * g
        else:
            grad_avg = grad_avg + (1 - alpha) * (g - grad_avg)
        # a variance: rounding may bring it below zero where the gradient stays the same
        spread = np.maximum(square_avg - grad_avg * grad_avg, 0.0)
    change = g / (np.sqrt(spread) + eps)
    if momentum:
        if momentum_buffer is not None:
            change = momentum * momentum_buffer + change
        momentum_buffer = change
    return lr * change, {
        "square_avg": square_avg, "momentum_buffer": momentum_buffer, "grad_avg": grad_avg
    }


class RMSprop(Optimizer):
    """Divide each step by a running root mean square of the gradient.

    params: Tensors, (name, Tensor) pairs, or parameter groups.
    lr: learning rate.  alpha: decay of the average of squares.  eps: keeps the divisor from zero.
    weight_decay: λ of the L2 penalty ½λΣp².  momentum: share of the last step that is kept.
    centered: divide by the standard deviation instead.  maximize: climb instead of descending.
    Source: Tieleman and Hinton 2012 (lecture 6.5); Graves 2013, arXiv:1308.0850.
    """

    rule = staticmethod(rmsprop)

    def __init__(
        self, params: Params, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False, *,
        maximize: bool = False, **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered,
            weight_decay=weight_decay, maximize=maximize,
        ), unknown)
