"""Keras's update rules, where they differ from PyTorch's, which the rest of this room has.

- ε stands elsewhere: Adam divides by √v + ε before the correction of v, RMSprop and Adagrad by
  √(v + ε), Adamax by u + ε.
- SGD's velocity holds the learning rate, so a new rate leaves the momentum gathered so far alone.
- weight_decay shrinks the weights themselves, by lr · weight_decay, in every optimizer.
Adadelta and Nadam have PyTorch's formula, with other defaults, and that decay.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .adadelta import adadelta as plain_adadelta
from .in_place import rounded
from .nadam import nadam as plain_nadam
from .optimizer import Optimizer, Params

Array = Any


def decayed(change: Array, p: Array, lr: float, weight_decay: float) -> Array:
    """Add to a step what the decay of the weights takes away, if there is one."""
    return change + lr * weight_decay * p if weight_decay else change


def sgd(
    p: Array, g: Array, velocity: Array = None,
    *, lr: float, momentum: float, nesterov: bool, weight_decay: float,
) -> tuple[Array, dict[str, Array]]:
    """Give what gradient descent subtracts from p, and its new velocity, which holds lr."""
    if not momentum:
        return decayed(lr * g, p, lr, weight_decay), {"velocity": velocity}
    velocity = lr * g if velocity is None else momentum * velocity + lr * g
    change = momentum * velocity + lr * g if nesterov else velocity
    return decayed(change, p, lr, weight_decay), {"velocity": velocity}


def adam(
    p: Array, g: Array, step: int, exp_avg: Array = 0.0, exp_avg_sq: Array = 0.0,
    max_exp_avg_sq: Array = None,
    *, lr: float, betas: tuple[float, float], eps: float, amsgrad: bool, weight_decay: float,
) -> tuple[Array, dict[str, Array]]:
    """Give what Adam subtracts from p, with ε̂ of the end of section 2 of Kingma and Ba 2015."""
    beta1, beta2 = betas
    exp_avg = exp_avg + (1 - beta1) * (g - exp_avg)
    exp_avg_sq = exp_avg_sq + (1 - beta2) * (g * g - exp_avg_sq)
    largest = exp_avg_sq
    if amsgrad:
        if max_exp_avg_sq is not None:
            largest = np.maximum(max_exp_avg_sq, exp_avg_sq)
        max_exp_avg_sq = largest
    # as Keras has it, to float32: 1 − 0.999 is 1e-5 off there, which shows in the first steps
    rate = lr * (1 - rounded(rounded(beta2) ** step)) ** 0.5 / (1 - rounded(rounded(beta1) ** step))
    change = rate * exp_avg / (np.sqrt(largest) + eps)
    return decayed(change, p, lr, weight_decay), {
        "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq, "max_exp_avg_sq": max_exp_avg_sq
    }


def adamax(
    p: Array, g: Array, step: int, exp_avg: Array = 0.0, exp_inf: Array = 0.0,
    *, lr: float, betas: tuple[float, float], eps: float, weight_decay: float,
) -> tuple[Array, dict[str, Array]]:
    """Give what Adamax subtracts from p. Source: Kingma and Ba 2015, algorithm 2."""
    beta1, beta2 = betas
    exp_avg = exp_avg + (1 - beta1) * (g - exp_avg)
    exp_inf = np.maximum(beta2 * exp_inf, np.abs(g))
    change = lr / (1 - beta1**step) * (exp_avg / (exp_inf + eps))
    return decayed(change, p, lr, weight_decay), {"exp_avg": exp_avg, "exp_inf": exp_inf}


def nadam(
    p: Array, g: Array, step: int,
    mu_product: float = 1.0, exp_avg: Array = 0.0, exp_avg_sq: Array = 0.0,
    *, lr: float, betas: tuple[float, float], eps: float, weight_decay: float,
) -> tuple[Array, dict[str, Any]]:
    """Give what Nadam subtracts from p: NAdam whose momentum warms up 250 times as fast."""
    return plain_nadam(
        p, g, step, mu_product, exp_avg, exp_avg_sq, lr=lr, betas=betas, eps=eps,
        weight_decay=weight_decay, momentum_decay=1, decoupled_weight_decay=True, maximize=False,
    )


def rmsprop(
    p: Array, g: Array,
    square_avg: Array = 0.0, momentum_buffer: Array = None, grad_avg: Array = None,
    *, lr: float, rho: float, eps: float, momentum: float, centered: bool, weight_decay: float,
) -> tuple[Array, dict[str, Array]]:
    """Give what RMSprop subtracts from p: lr · g / √(average of g² + ε)."""
    square_avg = rho * square_avg + (1 - rho) * (g * g)
    spread = square_avg
    if centered:
        fresh = (1 - rho) * g
        grad_avg = fresh if grad_avg is None else rho * grad_avg + fresh
        # a variance: rounding may bring it below zero where the gradient stays the same
        spread = np.maximum(square_avg - grad_avg * grad_avg, 0.0)
    change = lr * g / np.sqrt(spread + eps)
    if momentum:
        if momentum_buffer is not None:
            change = momentum * momentum_buffer + change
        momentum_buffer = change
    return decayed(change, p, lr, weight_decay), {
        "square_avg": square_avg, "momentum_buffer": momentum_buffer, "grad_avg": grad_avg
    }


def adagrad(
    p: Array, g: Array, sum: Array = None,
    *, lr: float, initial_accumulator_value: float, eps: float, weight_decay: float,
) -> tuple[Array, dict[str, Array]]:
    """Give what Adagrad subtracts from p: lr · g / √(sum of g² + ε)."""
    sum = (initial_accumulator_value if sum is None else sum) + g * g
    return decayed(lr * g / np.sqrt(sum + eps), p, lr, weight_decay), {"sum": sum}


def adadelta(
    p: Array, g: Array, step: int, square_avg: Array = 0.0, acc_delta: Array = 0.0,
    *, lr: float, rho: float, eps: float, weight_decay: float,
) -> tuple[Array, dict[str, Array]]:
    """Give what Adadelta subtracts from p."""
    change, state = plain_adadelta(
        p, g, step, square_avg, acc_delta, lr=lr, rho=rho, eps=eps, weight_decay=0, maximize=False
    )
    return decayed(change, p, lr, weight_decay), state


def lion(
    p: Array, g: Array, exp_avg: Array = 0.0,
    *, lr: float, betas: tuple[float, float], weight_decay: float,
) -> tuple[Array, dict[str, Array]]:
    """Give what Lion subtracts from p: the sign of the momentum alone.

    Source: Chen et al. 2023, Symbolic Discovery of Optimization Algorithms.
    """
    beta1, beta2 = betas
    change = lr * np.sign(beta1 * exp_avg + (1 - beta1) * g)
    return decayed(change, p, lr, weight_decay), {"exp_avg": beta2 * exp_avg + (1 - beta2) * g}


def ftrl(
    p: Array, g: Array, accumulator: Array = None, linear: Array = 0.0,
    *, lr: float, power: float, initial_accumulator_value: float, l1: float, l2: float,
    l2_shrinkage: float, beta: float, weight_decay: float,
) -> tuple[Array, dict[str, Array]]:
    """Give what follow-the-regularized-leader subtracts from p.

    power: of the accumulated squares, −½ for the usual root.  l1, l2: penalties; l2_shrinkage: one
    more on the gradient alone.  Source: McMahan et al. 2013, Ad Click Prediction.
    """
    shrunk = p - lr * weight_decay * p if weight_decay else p
    old = initial_accumulator_value + 0 * g if accumulator is None else accumulator
    new = old + g * g
    pull = g + 2 * l2_shrinkage * shrunk if l2_shrinkage else g
    root, old_root = np.power(new, -power), np.power(old, -power)  # ** is another one for scalars
    linear = linear + pull - (root - old_root) / lr * shrunk
    curve = root / lr + 2 * (l2 + beta / (2 * lr))
    goal = (np.minimum(np.maximum(linear, -l1), l1) - linear) / curve
    return p - goal, {"accumulator": new, "linear": linear}


class SGD(Optimizer):
    """Gradient descent with Keras's momentum."""

    rule = staticmethod(sgd)

    def __init__(
        self, params: Params, lr: float = 0.01, momentum: float = 0.0, nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        ))


class Adam(Optimizer):
    """Adam with Keras's ε."""

    rule = staticmethod(adam)

    def __init__(
        self, params: Params, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7, amsgrad: bool = False, weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, betas=betas, eps=eps, amsgrad=amsgrad, weight_decay=weight_decay
        ))


class Adamax(Optimizer):
    """Adamax with Keras's ε."""

    rule = staticmethod(adamax)

    def __init__(
        self, params: Params, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7, weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))


class Nadam(Optimizer):
    """NAdam with Keras's schedule of the momentum."""

    rule = staticmethod(nadam)

    def __init__(
        self, params: Params, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7, weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))


class RMSprop(Optimizer):
    """RMSprop with Keras's ε."""

    rule = staticmethod(rmsprop)

    def __init__(
        self, params: Params, lr: float = 0.001, rho: float = 0.9, eps: float = 1e-7,
        momentum: float = 0.0, centered: bool = False, weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, rho=rho, eps=eps, momentum=momentum, centered=centered,
            weight_decay=weight_decay,
        ))


class Adagrad(Optimizer):
    """Adagrad with Keras's ε."""

    rule = staticmethod(adagrad)

    def __init__(
        self, params: Params, lr: float = 0.001, initial_accumulator_value: float = 0.1,
        eps: float = 1e-7, weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, initial_accumulator_value=initial_accumulator_value, eps=eps,
            weight_decay=weight_decay,
        ))


class Adadelta(Optimizer):
    """Adadelta with Keras's decay of weights."""

    rule = staticmethod(adadelta)

    def __init__(
        self, params: Params, lr: float = 0.001, rho: float = 0.95, eps: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay))


class Lion(Optimizer):
    """Steps of one size, in the direction of the momentum's sign."""

    rule = staticmethod(lion)

    def __init__(
        self, params: Params, lr: float = 0.001, betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))


class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights by L1 in online learning."""

    rule = staticmethod(ftrl)

    def __init__(
        self, params: Params, lr: float = 0.001, power: float = -0.5,
        initial_accumulator_value: float = 0.1, l1: float = 0.0, l2: float = 0.0,
        l2_shrinkage: float = 0.0, beta: float = 0.0, weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, dict(
            lr=lr, power=power, initial_accumulator_value=initial_accumulator_value, l1=l1, l2=l2,
            l2_shrinkage=l2_shrinkage, beta=beta, weight_decay=weight_decay,
        ))
