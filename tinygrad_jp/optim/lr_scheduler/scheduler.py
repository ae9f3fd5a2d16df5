"""What every schedule shares: the epoch, the rates of the groups, state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial, wraps
from types import FunctionType
from typing import Any

from ...autograd.mode import recording
from ...errors import ArgumentError, OptionError, StateDictError, warn
from ..optimizer import Optimizer

Group = dict[str, Any]


def recordable(step: Callable[..., None]) -> Callable[..., None]:
    """Let `compile` repeat a scheduler's step at each replay: it is Python's, not NumPy's."""

    @wraps(step)
    def either(self: Any, *args: Any, **kwargs: Any) -> None:
        recorder = recording.get()
        if recorder is None:
            step(self, *args, **kwargs)
        else:
            recorder.host_call(partial(step, self, **kwargs), args)

    return either


class LRScheduler:
    """Set `group["lr"]` of an optimizer's groups, epoch by epoch.

    A subclass gives `rate(group, base)`: the rate for `self.last_epoch`, from the group's present
    one and `base`, the one it started with. At epoch 0 the present rate is the base.
    optimizer: whose rates are set.  last_epoch: the last epoch done, to go on with a loaded
    optimizer; -1 to start.
    Raises ArgumentError for what is no optimizer, StateDictError where there is nothing to go on
    from.
    """

    def __init_subclass__(cls) -> None:
        if "step" in cls.__dict__:
            cls.step = recordable(cls.step)  # type: ignore[method-assign]

    carries_on = False  # whether the rate of a resumed optimizer is that of the next epoch

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._attach(optimizer)
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise StateDictError(
                    "scheduler_resume", scheduler=type(self).__name__, last_epoch=last_epoch,
                    name="initial_lr",
                )
        self.base_lrs: list[float] = [g["initial_lr"] for g in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._step_count = 1
        is_set = self.carries_on and last_epoch >= 0
        self._set([g["lr"] for g in optimizer.param_groups] if is_set else self.get_lr())

    def _attach(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise ArgumentError(
                "scheduler_optimizer", scheduler=type(self).__name__, kind=type(optimizer).__name__
            )
        self.optimizer = optimizer

    def _groups(self) -> Iterable[tuple[Group, float]]:
        return zip(self.optimizer.param_groups, self.base_lrs, strict=True)

    def _set(self, rates: list[float]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = rates

    def rate(self, group: Group, base: float) -> float:
        """Give the rate of a group for the epoch `self.last_epoch`."""
        raise ArgumentError("scheduler_method", scheduler=type(self).__name__)

    def get_lr(self) -> list[float]:
        """Compute the rate of each group for the epoch `self.last_epoch`."""
        return [self.rate(group, base) for group, base in self._groups()]

    def get_last_lr(self) -> list[float]:
        """Give the rate of each group, as set last."""
        return list(self._last_lr)

    @recordable
    def step(self) -> None:
        """Go on to the next epoch."""
        is_early = self._step_count == 1 and not self.optimizer._has_stepped
        if is_early and type(self.optimizer).step is Optimizer.step:
            warn("scheduler_order")
        self._step_count += 1
        self.last_epoch += 1
        self._set(self.get_lr())

    def restart(self) -> None:
        """Go back to epoch 0 and to the rates of the beginning."""
        self.last_epoch = 0
        for group, base in self._groups():
            group["lr"] = base
        self._set(self.get_lr())

    def state_dict(self) -> dict[str, Any]:
        """Give everything but the optimizer; functions are left out, as they cannot be saved."""
        return {k: self._saved(v) for k, v in self.__dict__.items() if k != "optimizer"}

    def _saved(self, value: Any) -> Any:
        if isinstance(value, FunctionType):
            return None
        if callable(value):
            return dict(value.__dict__)
        return [self._saved(v) for v in value] if isinstance(value, list) else value

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; the rates themselves are the optimizer's state."""
        for key, value in state_dict.items():
            old = self.__dict__.get(key)
            pairs = (old, value) if isinstance(old, list) else ([old], [value])
            if not any(callable(f) for f in pairs[0]):
                self.__dict__[key] = value
                continue
            for function, saved in zip(*pairs, strict=True):
                if saved:
                    function.__dict__.update(saved)

    def _require(self, name: str, given: Any, holds: bool, wants: str) -> None:
        """Refuse an option that makes no sense."""
        if not holds:
            raise OptionError(
                "scheduler_option", scheduler=type(self).__name__, name=name, given=given,
                wants=wants,
            )

    def _index(self, group: Group) -> int:
        return next(i for i, g in enumerate(self.optimizer.param_groups) if g is group)

    def _each(self, name: str, value: Any) -> list[Any]:
        """Give one value per group, from a list of them or one for all."""
        count = len(self.optimizer.param_groups)
        if not isinstance(value, (list, tuple)):
            return [value] * count
        self._require(name, value, len(value) == count, f"len({name}) = {count}")
        return list(value)
