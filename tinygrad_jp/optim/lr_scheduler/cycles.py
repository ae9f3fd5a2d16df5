"""Schedules that go up and down: warm restarts, one cycle, many cycles."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from ...errors import ArgumentError, OptionError
from ..optimizer import Optimizer
from .scheduler import Group, LRScheduler


class CosineAnnealingWarmRestarts(LRScheduler):
    """Bring the rate down to eta_min along a cosine, and start anew after T_0, T_0·T_mult, ...

    `step(epoch)` may be given a fraction of an epoch: `step(epoch + batch / batches)`.
    Source: Loshchilov and Hutter 2017, arXiv:1608.03983.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self._require("T_0", T_0, isinstance(T_0, int) and T_0 > 0, "T_0 = 1, 2, ...")
        is_count = isinstance(T_mult, int) and T_mult > 0
        self._require("T_mult", T_mult, is_count, "T_mult = 1, 2, ...")
        self.T_0 = self.T_i = T_0
        self.T_mult, self.eta_min = T_mult, eta_min
        self.T_cur: float = 0
        self._place(last_epoch + 1)
        super().__init__(optimizer, last_epoch)

    def _place(self, epoch: float) -> None:
        """Find the cycle an epoch is in, and how far in."""
        if self.T_mult == 1:
            self.T_i, self.T_cur = self.T_0, epoch % self.T_0
            return
        n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
        n = n if epoch >= self.T_0 else 0
        self.T_i = self.T_0 * self.T_mult**n
        self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to a given one."""
        if epoch is None:
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
            super().step()
            return
        self._require("epoch", epoch, epoch >= 0, "0 ≤ epoch")
        self._place(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())

    def restart(self) -> None:
        """Go back to epoch 0 of the first cycle."""
        self._place(0)
        super().restart()

    def rate(self, group: Group, base: float) -> float:
        """Give eta_min + (base - eta_min) · (1 + cos πT_cur/T_i) / 2."""
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return self.eta_min + (base - self.eta_min) * height


class Cycle(LRScheduler, ABC):
    """A schedule that moves momentum (for Adam and its kin: β₁) against the rate."""

    cycle_momentum: bool

    @abstractmethod
    def momentum(self, group: Group) -> float:
        """Give the momentum of a group for the epoch `self.last_epoch`."""

    def _set(self, rates: list[float]) -> None:
        super()._set(rates)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                self._put(group, self.momentum(group))

    def _put(self, group: Group, momentum: float) -> None:
        if "betas" in group:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum

    def _prepare(self, base_momentum: Any, max_momentum: Any, last_epoch: int) -> None:
        """Write the bounds of the momentum into the groups."""
        if not self.cycle_momentum:
            return
        if not {"momentum", "betas"} & self.optimizer.defaults.keys():
            raise OptionError(
                "scheduler_momentum", scheduler=type(self).__name__,
                optimizer=type(self.optimizer).__name__,
            )
        lows = self._each("base_momentum", base_momentum)
        highs = self._each("max_momentum", max_momentum)
        if last_epoch == -1:
            for group, low, high in zip(self.optimizer.param_groups, lows, highs, strict=True):
                group["base_momentum"], group["max_momentum"] = low, high
                self._put(group, high)


class OneCycleLR(Cycle):
    """Raise the rate to max_lr, then bring it far down, in one run of total_steps batches.

    optimizer: whose rates are set.  max_lr: the highest rate, one or one per group.
    total_steps: batches in all, or else epochs and steps_per_epoch.
    pct_start: the share of them that climbs.  anneal_strategy: "cos" or "linear".
    cycle_momentum: move momentum from max_momentum to base_momentum and back.
    div_factor: max_lr over the first rate.  final_div_factor: the first rate over the last.
    three_phase: come down as slowly as up, then further.
    Raises OptionError on more steps than were planned. Call step after every batch.
    Source: Smith and Topin 2018, arXiv:1708.07120.
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: Any, total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: Any = 0.85,
        max_momentum: Any = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ArgumentError("scheduler_steps")
            total_steps = epochs * steps_per_epoch
        self._require("total_steps", total_steps, total_steps > 0, "1 ≤ total_steps")
        self._require("pct_start", pct_start, 0 <= pct_start <= 1, "0 ≤ pct_start ≤ 1")
        self._require(
            "anneal_strategy", anneal_strategy, anneal_strategy in ("cos", "linear"),
            "'cos', 'linear'",
        )
        self.total_steps, self.cycle_momentum = total_steps, cycle_momentum
        self._anneal_func_type = anneal_strategy
        top = float(pct_start * total_steps) - 1
        # where each phase ends, and what rate and momentum have there
        self.turns = [(0.0, ("initial_lr", "max_momentum")), (top, ("max_lr", "base_momentum"))]
        if three_phase:
            back = float(2 * pct_start * total_steps) - 2
            self.turns.append((back, ("initial_lr", "max_momentum")))
        self.turns.append((float(total_steps - 1), ("min_lr", "max_momentum")))
        highs = self._each("max_lr", max_lr)
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, highs, strict=True):
                group["initial_lr"], group["max_lr"] = high / div_factor, high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self._prepare(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def step(self) -> None:
        """Go on to the next batch."""
        if self.last_epoch >= self.total_steps:
            raise OptionError("scheduler_over", step=self.last_epoch + 1, total=self.total_steps)
        super().step()

    def _between(self, group: Group, key: int) -> float:
        """Go from one turn to the next; key is 0 for the rate, 1 for the momentum."""
        ends = [end for end, _ in self.turns[1:-1]]
        i = bisect_left(ends, self.last_epoch)
        (began, before), (ends_at, after) = self.turns[i], self.turns[i + 1]
        length = ends_at - began
        share = (self.last_epoch - began) / length if length else 1.0
        start, end = group[before[key]], group[after[key]]
        if self._anneal_func_type == "linear":
            return float((end - start) * share + start)
        return float(end + (start - end) / 2 * (math.cos(math.pi * share) + 1))

    def rate(self, group: Group, base: float) -> float:
        """Give the rate between the last turn and the next."""
        return self._between(group, 0)

    def momentum(self, group: Group) -> float:
        """Give the momentum between the last turn and the next."""
        return self._between(group, 1)


class CyclicLR(Cycle):
    """Move the rate up and down between base_lr and max_lr, batch by batch.

    base_lr, max_lr: one, or one per group.  step_size_up, step_size_down: batches each way.
    mode: "triangular"; "triangular2" halves the height each cycle; "exp_range" multiplies it by
    gamma each batch.  scale_fn: a factor on the height instead, of the cycle's number or with
    scale_mode="iterations" the batch's.  cycle_momentum: move momentum against the rate.
    Source: Smith 2017, arXiv:1506.01186.
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: Any, max_lr: Any, step_size_up: int = 2000,
        step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
        cycle_momentum: bool = True, base_momentum: Any = 0.8, max_momentum: Any = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self._attach(optimizer)
        modes = ("triangular", "triangular2", "exp_range")
        self._require(
            "mode", mode, mode in modes or scale_fn is not None,
            "'triangular', 'triangular2', 'exp_range'",
        )
        self._require(
            "scale_mode", scale_mode, scale_mode in ("cycle", "iterations"), "'cycle', 'iterations'"
        )
        down = float(step_size_up if step_size_down is None else step_size_down)
        self.total_size = float(step_size_up) + down
        self.step_ratio = float(step_size_up) / self.total_size
        self.mode, self.gamma = mode, gamma
        self.scale_mode = scale_mode
        self._scale_fn_custom = scale_fn
        self.cycle_momentum = cycle_momentum
        lows = self._each("base_lr", base_lr)
        self.max_lrs = self._each("max_lr", max_lr)
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, lows, strict=True):
                group["lr"] = group["initial_lr"] = low
        self._prepare(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _height(self) -> float:
        """Give how far up the cycle the present batch is, from 0 to 1, scaled by the mode."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        if self._scale_fn_custom is not None:
            at = cycle if self.scale_mode == "cycle" else self.last_epoch
            return float(height * self._scale_fn_custom(at))
        if self.mode == "triangular2":
            return float(height / 2 ** (cycle - 1))
        return float(height * self.gamma**self.last_epoch) if self.mode == "exp_range" else height

    def rate(self, group: Group, base: float) -> float:
        """Give base + (max_lr - base) · height."""
        top = self.max_lrs[self._index(group)]
        return float(base + (top - base) * self._height())

    def momentum(self, group: Group) -> float:
        """Give max_momentum - (max_momentum - base_momentum) · height."""
        low, high = group["base_momentum"], group["max_momentum"]
        return float(high - (high - low) * self._height())
