"""The line search: what it finds satisfies the strong Wolfe conditions, and when it stops."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_jp.optim.line_search import Point, lowest, strong_wolfe


def along(f, slope):
    tried = []

    def evaluate(t):
        tried.append(t)
        return Point(t, f(t), np.array([slope(t)]), slope(t))

    return evaluate, Point(0.0, f(0.0), np.array([slope(0.0)]), slope(0.0)), tried


CURVES = {
    "parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "quartic": (lambda t: (t - 0.01) ** 4, lambda t: 4 * (t - 0.01) ** 3),
    "wavy": (lambda t: np.cos(3 * t) + 0.1 * t - t, lambda t: -3 * np.sin(3 * t) + 0.1 - 1),
    "sharp": (lambda t: np.sqrt(1e-4 + (t - 1) ** 2), lambda t: (t - 1) / np.sqrt(1e-4 + (t - 1) ** 2)),
    "barrier": (lambda t: -np.log(t + 0.1) + 5 * t * t, lambda t: -1 / (t + 0.1) + 10 * t),
}


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 20.0])
@pytest.mark.parametrize("name", CURVES)
def test_strong_wolfe(name, first):
    evaluate, start, tried = along(*CURVES[name])
    point, count = strong_wolfe(evaluate, start, first, 1.0, 25)
    assert count == len(tried)
    assert point.f <= start.f + 1e-4 * point.t * start.slope
    assert abs(point.slope) <= 0.9 * abs(start.slope)
    assert point == evaluate(point.t)


def test_keeps_to_the_limit():
    evaluate, start, tried = along(*CURVES["quartic"])
    point, count = strong_wolfe(evaluate, start, 1e6, 1.0, 3)
    assert count == len(tried) == 4
    assert point.f <= min(start.f, *map(CURVES["quartic"][0], tried))


def test_the_second_point_may_rise_a_little():
    # PyTorch compares with the point before only from the third on
    points = iter([Point(1, -0.5, 0, -2), Point(2, -0.4, 0, -2), Point(3, -3.0, 0, 0.0)])
    tried = []

    def evaluate(t):
        tried.append(t)
        return next(points)._replace(t=t)

    point, count = strong_wolfe(evaluate, Point(0, 0.0, 0, -1), 1.0, 1.0, 25)
    assert count == 3
    assert point.f == -3.0
    assert tried == sorted(tried)


def test_lowest_of_a_cubic():
    def at(t):
        return Point(t, t**3 - 3 * t, None, 3 * t * t - 3)

    for a, b in ((at(0.0), at(3.0)), (at(3.0), at(0.0))):
        assert lowest(a, b, 0.0, 3.0) == pytest.approx(1.0)
        assert lowest(a, b, 1.5, 3.0) == 1.5
    assert lowest(at(1.0), at(1.0), 1.0, 3.0) == 2.0
    falling = Point(0.0, 0.0, None, -1.0), Point(1.0, -2 / 3, None, -1.0)
    assert lowest(*falling, 0.0, 1.0) == 0.5
