"""Learning rates as functions of the number of steps taken, as Keras's schedules are.

Pure functions of numbers. PyTorch's schedules, epoch by epoch, are the other files of this room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def exponential(step: float, start: float, steps: float, rate: float, staircase: bool) -> float:
    """Give start · rate^(step / steps); staircase: only whole powers."""
    part = step / steps
    return start * rate ** (math.floor(part) if staircase else part)


def inverse_time(step: float, start: float, steps: float, rate: float, staircase: bool) -> float:
    """Give start / (1 + rate · step / steps); staircase: only whole quotients."""
    part = step / steps
    return start / (1.0 + rate * (math.floor(part) if staircase else part))


def piecewise(step: float, boundaries: Sequence[float], values: Sequence[float]) -> float:
    """Give values[i] up to and at boundaries[i], and the last value beyond all of them."""
    for boundary, value in zip(boundaries, values, strict=False):
        if step <= boundary:
            return value
    return values[-1]


def polynomial(
    step: float, start: float, steps: float, end: float, power: float, cycle: bool
) -> float:
    """Go from start to end as (1 − step / steps)^power; cycle: again, ever more slowly."""
    if cycle:
        steps = steps * (math.ceil(step / steps) if step else 1)
    else:
        step = min(step, steps)
    return float((start - end) * (1.0 - step / steps) ** power + end)


def cosine(
    step: float, start: float, steps: float, alpha: float, target: float | None, warmup: float
) -> float:
    """Fall as half a cosine to alpha · start; before that rise to target in `warmup` steps."""
    if target is not None:
        step = min(step, steps + warmup)
        if step < warmup:
            return (target - start) * step / warmup + start
        step, start = step - warmup, target
    part = min(step, steps) / steps
    return start * ((1.0 - alpha) * 0.5 * (1.0 + math.cos(math.pi * part)) + alpha)


def cosine_restarts(
    step: float, start: float, steps: float, longer: float, lower: float, alpha: float
) -> float:
    """Fall as half a cosine again and again, each fall `longer` times as long as the last.

    lower: by how much the start of each is multiplied. Source: Loshchilov and Hutter 2017, SGDR.
    """
    part = step / steps
    if longer == 1.0:
        restarts = math.floor(part)
        part -= restarts
    else:
        restarts = math.floor(math.log(1.0 - part * (1.0 - longer)) / math.log(longer) + 1e-9)
        part = (part - (1.0 - longer**restarts) / (1.0 - longer)) / longer**restarts
    fall = 0.5 * lower**restarts * (1.0 + math.cos(math.pi * part))
    return start * ((1.0 - alpha) * fall + alpha)
