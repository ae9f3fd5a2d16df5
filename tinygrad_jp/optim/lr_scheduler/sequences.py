"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .scheduler import LRScheduler


class SequentialLR(LRScheduler):
    """Follow several schedules of one optimizer, changing to the next at each milestone.

    milestones: epochs, one fewer than schedulers.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[Any], milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        self._require("schedulers", schedulers, len(schedulers) > 0, "1 ≤ len(schedulers)")
        wants = "len(milestones) = len(schedulers) - 1"
        self._require("milestones", milestones, len(milestones) == len(schedulers) - 1, wants)
        of_one(self, optimizer, schedulers)
        self._schedulers, self._milestones = list(schedulers), list(milestones)
        self.optimizer, self.last_epoch = optimizer, last_epoch + 1
        self._schedulers[bisect_right(self._milestones, 0)].restart()
        self._last_lr = [g["lr"] for g in optimizer.param_groups]

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        place = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[place]
        if place > 0 and self._milestones[place - 1] == self.last_epoch:
            scheduler.restart()
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def restart(self) -> None:
        """Go back to epoch 0 of the first schedule."""
        self.last_epoch = 0
        self._schedulers[bisect_right(self._milestones, 0)].restart()

    def state_dict(self) -> dict[str, Any]:
        """Give the state, and those of the schedules."""
        return {**several(self), "_schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})


class ChainedScheduler(SequentialLR):
    """Follow several schedules of one optimizer at the same time."""

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None = None) -> None:
        self._require("schedulers", schedulers, len(schedulers) > 0, "1 ≤ len(schedulers)")
        self.optimizer = optimizer or schedulers[0].optimizer
        of_one(self, self.optimizer, schedulers)
        self._schedulers = list(schedulers)
        self._last_lr = [g["lr"] for g in self.optimizer.param_groups]

    def step(self) -> None:
        """Go on to the next epoch in every schedule."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = [g["lr"] for g in self.optimizer.param_groups]

    def restart(self) -> None:
        """Go back to epoch 0 in every schedule."""
        for scheduler in self._schedulers:
            scheduler.restart()


def of_one(owner: LRScheduler, optimizer: Any, schedulers: Sequence[Any]) -> None:
    """Refuse schedules of several optimizers, and those that need a metric."""
    for i, scheduler in enumerate(schedulers):
        fits = isinstance(scheduler, LRScheduler) and scheduler.optimizer is optimizer
        wants = "isinstance(., LRScheduler), schedulers[i].optimizer is optimizer"
        owner._require(f"schedulers[{i}]", type(scheduler).__name__, fits, wants)


def several(owner: LRScheduler) -> dict[str, Any]:
    """Give the state of a schedule made of schedules, without theirs."""
    return {k: v for k, v in owner.__dict__.items() if k not in ("optimizer", "_schedulers")}
