"""Learning rates that change from step to step: give one to an optimizer as `learning_rate`.

For one of your own, subclass LearningRateSchedule with `__call__(step)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.arguments import array_of
from ...autograd.tensor import Tensor
from ...errors import ArgumentError, OptionError
from ...optim.lr_scheduler import by_step
from .. import absent
from ..config import floatx
from ..identifiers import Configured, Table, named


class LearningRateSchedule(Configured):
    """What every schedule is: called with the number of steps taken, it gives the rate."""

    def __call__(self, step: Any) -> Any:
        """Give the rate. A subclass writes it."""
        raise ArgumentError("keras_method", owner=type(self).__name__, method="__call__(step)")


class _Formula(LearningRateSchedule, ABC):
    """A schedule by a formula of a number."""

    @abstractmethod
    def rate(self, step: float) -> float:
        """Give the rate as a number."""

    def __call__(self, step: Any) -> Tensor:
        """Give the rate as a Tensor."""
        return Tensor(np.asarray(self.rate(float(array_of(step))), floatx()))


def _positive(owner: str, name: str, value: float) -> float:
    if not value > 0:
        raise OptionError("keras_range", owner=owner, name=name, wants=f"{name} > 0", given=value)
    return value


class ExponentialDecay(_Formula):
    """initial_learning_rate · decay_rate^(step / decay_steps); staircase: only whole powers.

    >>> from tinygrad_jp import keras
    >>> schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    >>> float(schedule(20))
    0.02500000037252903
    """

    _options = ("initial_learning_rate", "decay_steps", "decay_rate", "staircase", "name")

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
        staircase: bool = False, name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive(type(self).__name__, "decay_steps", decay_steps)
        self.decay_rate, self.staircase, self.name = decay_rate, staircase, name

    def rate(self, step: float) -> float:
        """Give the rate as a number."""
        return by_step.exponential(
            step, self.initial_learning_rate, self.decay_steps, self.decay_rate, self.staircase
        )


class InverseTimeDecay(ExponentialDecay):
    """initial_learning_rate / (1 + decay_rate · step / decay_steps)."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
        staircase: bool = False, name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def rate(self, step: float) -> float:
        """Give the rate as a number."""
        return by_step.inverse_time(
            step, self.initial_learning_rate, self.decay_steps, self.decay_rate, self.staircase
        )


class PiecewiseConstantDecay(_Formula):
    """values[i] up to and at step boundaries[i], the last of the values after all boundaries."""

    _options = ("boundaries", "values", "name")

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise OptionError(
                "keras_boundaries", boundaries=len(boundaries), values=len(values)
            )
        self.boundaries, self.values, self.name = list(boundaries), list(values), name

    def rate(self, step: float) -> float:
        """Give the rate as a number."""
        return float(by_step.piecewise(step, self.boundaries, self.values))


class PolynomialDecay(_Formula):
    """From initial_learning_rate to end_learning_rate as (1 − step / decay_steps)^power.

    cycle: begin anew with each multiple of decay_steps, ever more slowly.
    """

    _options = (
        "initial_learning_rate", "decay_steps", "end_learning_rate", "power", "cycle", "name",
    )

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, end_learning_rate: float = 0.0001,
        power: float = 1.0, cycle: bool = False, name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate, self.end_learning_rate = (
            initial_learning_rate, end_learning_rate
        )
        self.decay_steps = _positive("PolynomialDecay", "decay_steps", decay_steps)
        self.power, self.cycle, self.name = power, cycle, name

    def rate(self, step: float) -> float:
        """Give the rate as a number."""
        return by_step.polynomial(
            step, self.initial_learning_rate, self.decay_steps, self.end_learning_rate,
            self.power, self.cycle,
        )


class CosineDecay(_Formula):
    """Half a cosine from initial_learning_rate down to alpha times it, in decay_steps.

    warmup_target: rise to it first, in warmup_steps, and fall from there.
    """

    _options = (
        "initial_learning_rate", "decay_steps", "alpha", "name", "warmup_target", "warmup_steps",
    )

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, alpha: float = 0.0,
        name: str = "CosineDecay", warmup_target: float | None = None, warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = _positive("CosineDecay", "decay_steps", decay_steps)
        self.alpha, self.name = alpha, name
        self.warmup_target, self.warmup_steps = warmup_target, warmup_steps

    def rate(self, step: float) -> float:
        """Give the rate as a number."""
        return by_step.cosine(
            step, self.initial_learning_rate, self.decay_steps, self.alpha, self.warmup_target,
            self.warmup_steps,
        )


class CosineDecayRestarts(_Formula):
    """Half cosines one after another, each t_mul times as long and m_mul times as high."""

    _options = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha", "name")

    def __init__(
        self, initial_learning_rate: float, first_decay_steps: float, t_mul: float = 2.0,
        m_mul: float = 1.0, alpha: float = 0.0, name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = _positive(
            "CosineDecayRestarts", "first_decay_steps", first_decay_steps
        )
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def rate(self, step: float) -> float:
        """Give the rate as a number."""
        return by_step.cosine_restarts(
            step, self.initial_learning_rate, self.first_decay_steps, self.t_mul, self.m_mul,
            self.alpha,
        )


table = Table("keras.optimizers.schedules", named(
    LearningRateSchedule, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay,
    PolynomialDecay, CosineDecay, CosineDecayRestarts,
))
serialize, deserialize = table.serialize, table.deserialize

__getattr__ = absent.refusal("keras.optimizers.schedules")
