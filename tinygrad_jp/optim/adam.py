"""Adam, and AdamW: Adam whose weight decay stays out of the moments."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import Optimizer, Params

Array = Any


def adam(
    p: Array, g: Array, step: int,
    exp_avg: Array = 0.0, exp_avg_sq: Array = 0.0, max_exp_avg_sq: Array = None,
    *, lr: float, betas: tuple[float, float], eps: float, weight_decay: float, amsgrad: bool,
    maximize: bool, decoupled_weight_decay: bool,
) -> tuple[Array, dict[str, Array]]:
    """Give what Adam subtracts from p, and its new state.

    Source: Kingma and Ba 2015, in the order of computation at the end of their section 2;
    AMSGrad: Reddi, Kale and Kumar 2018; decoupled decay: Loshchilov and Hutter 2019.
    """
    beta1, beta2 = betas
    if maximize:
        g = -g
    if weight_decay and not decoupled_weight_decay:
        g = g + weight_decay * p
    exp_avg = exp_avg + (1 - beta1) * (g - exp_avg)
    exp_avg_sq = beta2 * exp_avg_sq + (1 - beta2) * (g * g)
    largest = exp_avg_sq
    if amsgrad:
        if max_exp_avg_sq is not None:
            largest = np.maximum(max_exp_avg_sq, exp_avg_sq)
        max_exp_avg_sq = largest
    root = (1 - beta2**step) ** 0.5
    change = lr * root / (1 - beta1**step) * (exp_avg / (np.sqrt(largest) + eps * root))
    if weight_decay and decoupled_weight_decay:
        change = change + lr * weight_decay * p
    return change, {
        "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq, "max_exp_avg_sq": max_exp_avg_sq
    }


class Adam(Optimizer):
    """Scale each step by running averages of the gradient and of its square.

    params: Tensors, (name, Tensor) pairs, or parameter groups.
    lr: learning rate.  betas: decay of the two averages.  eps: keeps the divisor from zero.
    weight_decay: λ of the L2 penalty ½λΣp².  amsgrad: divide by the largest second moment so far.
    maximize: climb instead of descending.  decoupled_weight_decay: as AdamW.
    Source: Kingma and Ba 2015, arXiv:1412.6980.

    >>> import tinygrad_jp as tj
    >>> w = tj.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = tj.optim.Adam([w], lr=0.25)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.detach()
    tensor([ 0.75, -1.75])
    """

    rule = staticmethod(adam)

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 0, amsgrad: bool = False, *,
        maximize: bool = False, decoupled_weight_decay: bool = False, **unknown: Any,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
            maximize=maximize, decoupled_weight_decay=decoupled_weight_decay,
        ), unknown)


class AdamW(Adam):
    """Adam that shrinks the parameters by lr · weight_decay itself, outside the moments.

    The arguments are Adam's; weight_decay is 0.01 unless given.
    Source: Loshchilov and Hutter 2019, arXiv:1711.05101.
    """

    def __init__(
        self, params: Params, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8, weight_decay: float = 1e-2, amsgrad: bool = False, *,
        maximize: bool = False, **unknown: Any,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize,
            decoupled_weight_decay=True, **unknown,
        )
