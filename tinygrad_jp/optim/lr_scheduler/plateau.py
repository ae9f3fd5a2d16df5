"""The schedule that watches a metric."""

from __future__ import annotations

from math import inf
from typing import Any

from ...errors import ArgumentError, OptionError
from ..optimizer import Optimizer
from .scheduler import recordable


class ReduceLROnPlateau:
    """Lower the rate once a metric has stopped improving: `scheduler.step(loss)`.

    mode: "min" or "max", where better is.  factor: on the rate, below 1.
    patience: epochs without improvement that are let pass.
    threshold: what counts as improvement; threshold_mode: "rel" to the best so far, or "abs".
    cooldown: epochs to wait after a reduction.  min_lr: the lowest rate, one or one per group.
    eps: reductions smaller than this are not made.
    Raises OptionError for an option that makes no sense.

    >>> import tinygrad_jp as tj
    >>> optimizer = tj.optim.SGD([tj.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = tj.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
    >>> for loss in (1.0, 0.5, 0.5, 0.5):
    ...     scheduler.step(loss)
    >>> optimizer.param_groups[0]["lr"]
    0.1
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10,
        threshold: float = 1e-4, threshold_mode: str = "rel", cooldown: int = 0,
        min_lr: Any = 0, eps: float = 1e-8,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                "scheduler_optimizer", scheduler=type(self).__name__, kind=type(optimizer).__name__
            )
        count = len(optimizer.param_groups)
        lows = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * count
        for name, given, holds, wants in (
            ("mode", mode, mode in ("min", "max"), "'min', 'max'"),
            ("factor", factor, factor < 1, "factor < 1"),
            ("threshold_mode", threshold_mode, threshold_mode in ("rel", "abs"), "'rel', 'abs'"),
            ("min_lr", min_lr, len(lows) == count, f"len(min_lr) = {count}"),
        ):
            if not holds:
                raise OptionError(
                    "scheduler_option", scheduler=type(self).__name__, name=name, given=given,
                    wants=wants,
                )
        self.optimizer = optimizer
        self.mode, self.factor, self.patience, self.cooldown = mode, factor, patience, cooldown
        self.threshold, self.threshold_mode, self.eps = threshold, threshold_mode, eps
        self.min_lrs = lows
        self.last_epoch = self.num_bad_epochs = self.cooldown_counter = 0
        self.best = inf if mode == "min" else -inf
        self._last_lr = [g["lr"] for g in optimizer.param_groups]

    @recordable
    def step(self, metrics: Any) -> None:
        """Take note of this epoch's metric, and lower the rate if it is due."""
        value = float(metrics)
        self.last_epoch += 1
        self.num_bad_epochs += 1
        if self._is_better(value):
            self.best, self.num_bad_epochs = value, 0
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, low in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
                lr = max(group["lr"] * self.factor, low)
                if group["lr"] - lr > self.eps:
                    group["lr"] = lr
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [g["lr"] for g in self.optimizer.param_groups]

    def _is_better(self, value: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            bar = self.best * (1 + sign * self.threshold)
        else:
            bar = self.best + sign * self.threshold
        return value < bar if self.mode == "min" else value > bar

    def get_last_lr(self) -> list[float]:
        """Give the rate of each group, as set last."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Give everything but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; the rates themselves are the optimizer's state."""
        self.__dict__.update(state_dict)
