"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

from ..errors import OptionError
from .optimizer import Optimizer, Params

Array = Any


def sgd(
    p: Array, g: Array, momentum_buffer: Array = None,
    *, lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool,
    maximize: bool,
) -> tuple[Array, dict[str, Array]]:
    """Give what gradient descent subtracts from p, and its new state.

    Source: Sutskever, Martens, Dahl and Hinton 2013, with the learning rate outside the velocity.
    """
    if maximize:
        g = -g
    if weight_decay:
        g = g + weight_decay * p
    if momentum:
        if momentum_buffer is None:
            momentum_buffer = g
        else:
            fresh = (1 - dampening) * g if dampening else g
            momentum_buffer = momentum * momentum_buffer + fresh
        g = g + momentum * momentum_buffer if nesterov else momentum_buffer
    return lr * g, {"momentum_buffer": momentum_buffer}


class SGD(Optimizer):
    """Go down the gradient, if wished with momentum.

    params: Tensors, (name, Tensor) pairs, or parameter groups.
    lr: learning rate.  momentum: share of the last velocity that is kept; dampening: share of the
    gradient that is left out of it.  weight_decay: λ of the L2 penalty ½λΣp².
    nesterov: look ahead along the velocity; needs momentum, and no dampening.
    maximize: climb instead of descending.
    Source: Sutskever et al. 2013, "On the importance of initialization and momentum".

    >>> import tinygrad_jp as tj
    >>> w = tj.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tj.optim.SGD([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.5, -1. ])
    """

    rule = staticmethod(sgd)

    def __init__(
        self, params: Params, lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: float = 0, nesterov: bool = False, *, maximize: bool = False, **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
            nesterov=nesterov, maximize=maximize,
        ), unknown)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse options that make no sense, and nesterov without momentum."""
        super().check(group)
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise OptionError("optim_nesterov")
