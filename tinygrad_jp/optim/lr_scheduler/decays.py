"""Schedules that say how the next rate follows from the present one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

from ..optimizer import Optimizer
from .scheduler import Group, LRScheduler

Factor = Callable[[int], float]


class LambdaLR(LRScheduler):
    """Multiply the first rate by lr_lambda(epoch).

    lr_lambda: a function of the epoch, or a list of one per group.

    >>> import tinygrad_jp as tj
    >>> optimizer = tj.optim.SGD([tj.tensor([1.0], requires_grad=True)], lr=0.5)
    >>> scheduler = tj.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (epoch + 1))
    >>> optimizer.step()
    >>> scheduler.step()
    >>> optimizer.param_groups[0]["lr"]
    0.25
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Factor | list[Factor], last_epoch: int = -1
    ) -> None:
        self._attach(optimizer)
        self.lr_lambdas: list[Factor] = self._each("lr_lambda", lr_lambda)
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base: float) -> float:
        """Give base · lr_lambda(epoch)."""
        return base * self._factor(group)

    def _factor(self, group: Group) -> float:
        return self.lr_lambdas[self._index(group)](self.last_epoch)


class MultiplicativeLR(LambdaLR):
    """Multiply the present rate by lr_lambda(epoch).

    lr_lambda: a function of the epoch, or a list of one per group.
    """

    carries_on = True

    def rate(self, group: Group, base: float) -> float:
        """Give lr · lr_lambda(epoch), from epoch 1 on."""
        return float(group["lr"] * self._factor(group) if self.last_epoch else group["lr"])


class StepLR(LRScheduler):
    """Multiply the rate by gamma every step_size epochs."""

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self._require("step_size", step_size, step_size > 0, "1 ≤ step_size")
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base: float) -> float:
        """Give lr, times gamma when it is due."""
        is_due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return float(group["lr"] * self.gamma if is_due else group["lr"])


class MultiStepLR(LRScheduler):
    """Multiply the rate by gamma at each of the milestones, which are epochs."""

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base: float) -> float:
        """Give lr, times gamma for each milestone that is this epoch."""
        return float(group["lr"] * self.gamma ** self.milestones[self.last_epoch])


class ConstantLR(LRScheduler):
    """Multiply the rate by a factor until epoch total_iters."""

    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self._require("factor", factor, 0 < factor <= 1, "0 < factor ≤ 1")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base: float) -> float:
        """Give lr · factor at the start, lr / factor at the end."""
        if self.last_epoch == 0:
            return float(group["lr"] * self.factor)
        is_over = self.last_epoch == self.total_iters
        return float(group["lr"] * (1 / self.factor) if is_over else group["lr"])


class LinearLR(LRScheduler):
    """Move the factor on the rate from start_factor to end_factor, linearly, in total_iters."""

    carries_on = True

    def __init__(
        self, optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0,
        total_iters: int = 5, last_epoch: int = -1,
    ) -> None:
        self._require("start_factor", start_factor, 0 < start_factor <= 1, "0 < start_factor ≤ 1")
        self._require("end_factor", end_factor, 0 <= end_factor <= 1, "0 ≤ end_factor ≤ 1")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base: float) -> float:
        """Give lr · factor(epoch) / factor(epoch - 1)."""
        lr: float = group["lr"]
        if self.last_epoch == 0:
            return lr * self.start_factor
        if self.last_epoch > self.total_iters:
            return lr
        climb = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * climb
        return lr * (1 + climb / before)


class ExponentialLR(LRScheduler):
    """Multiply the rate by gamma every epoch."""

    carries_on = True

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base: float) -> float:
        """Give lr · gamma, from epoch 1 on."""
        return float(group["lr"] * self.gamma if self.last_epoch else group["lr"])


class PolynomialLR(LRScheduler):
    """Bring the rate to zero in total_iters, as (1 - epoch / total_iters) ** power."""

    carries_on = True

    def __init__(
        self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1
    ) -> None:
        self._require("total_iters", total_iters, total_iters > 0, "1 ≤ total_iters")
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base: float) -> float:
        """Give lr · factor(epoch) / factor(epoch - 1)."""
        if self.last_epoch == 0 or self.last_epoch > self.total_iters:
            return float(group["lr"])
        left = 1 - self.last_epoch / self.total_iters
        before = 1 - (self.last_epoch - 1) / self.total_iters
        return float(group["lr"] * (left / before) ** self.power)


class CosineAnnealingLR(LRScheduler):
    """Bring the rate down to eta_min and up again along a cosine; T_max is half its period.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983, without the restarts.
    """

    carries_on = True

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        self._require("T_max", T_max, T_max > 0, "1 ≤ T_max")
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, group: Group, base: float) -> float:
        """Give the next point of the cosine, seen from lr."""
        lr: float = group["lr"]
        if self.last_epoch == 0:
            return lr
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # just after the lowest
            return lr + (base - self.eta_min) * (1 - math.cos(math.pi / self.T_max)) / 2
        height = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        before = 1 + math.cos(math.pi * (self.last_epoch - 1) / self.T_max)
        return height / before * (lr - self.eta_min) + self.eta_min
