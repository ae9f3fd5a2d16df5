"""A line search for the strong Wolfe conditions."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple

Array = Any


class Point(NamedTuple):
    """A place on the line: how far along, the loss, its gradient, and its slope along the line."""

    t: float
    f: float
    g: Array
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, width: float, limit: int,
    c1: float = 1e-4, c2: float = 0.9, tolerance: float = 1e-9,
) -> tuple[Point, int]:
    """Find a point whose loss fell enough (c1) and whose slope flattened enough (c2).

    evaluate: the Point at a distance.  start: the one at 0.  t: the first distance to try.
    width: the largest entry of the direction.  limit: how many more points may be tried.
    Gives the point, and how many were evaluated.
    Source: Nocedal and Wright 2006, algorithms 3.5 and 3.6, with the safeguards of Schmidt's
    minFunc, which PyTorch has too.
    """

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -c2 * start.slope

    def is_high(point: Point) -> bool:
        return point.f > start.f + c1 * point.t * start.slope

    before, now = start, evaluate(t)
    tried = 0
    while True:  # until an interval holds a minimum: algorithm 3.5
        if tried == limit:
            bracket = [start, now]
            break
        if is_high(now) or (tried > 1 and now.f >= before.f):
            bracket = [before, now]
            break
        if is_flat(now):
            return now, tried + 1
        if now.slope >= 0:
            bracket = [before, now]
            break
        t = lowest(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10)
        before, now = now, evaluate(t)
        tried += 1

    low = 0 if bracket[0].f <= bracket[1].f else 1
    has_stalled = False
    while tried < limit:  # narrow the interval down: algorithm 3.6
        left, right = sorted((bracket[0].t, bracket[1].t))
        if (right - left) * width < tolerance:
            break
        t = lowest(bracket[0], bracket[1], left, right)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) >= margin:
            has_stalled = False
        elif has_stalled or t >= right or t <= left:
            t = right - margin if right - t < t - left else left + margin
            has_stalled = False
        else:
            has_stalled = True
        now = evaluate(t)
        tried += 1
        if is_high(now) or now.f >= bracket[low].f:
            bracket[1 - low] = now
            low = 0 if bracket[0].f <= bracket[1].f else 1
            continue
        if not is_flat(now) and now.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = now
        if is_flat(now):
            break
    return bracket[low], tried + 1


def lowest(a: Point, b: Point, left: float, right: float) -> float:
    """Find the minimum, within [left, right], of the cubic through two points with their slopes.

    Source: Nocedal and Wright 2006, equation 3.59; the middle where the cubic has no minimum.
    """
    if a.t > b.t:
        a, b = b, a
    if a.t == b.t:
        return (left + right) / 2
    d1 = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:  # NaN too
        return (left + right) / 2
    d2 = sqrt(square)
    turn = b.slope - a.slope + 2 * d2
    if turn == 0:
        return (left + right) / 2
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / turn)
    return min(max(t, left), right)
