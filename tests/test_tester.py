"""The laws are themselves tested: each kind of error, planted in a rule, must be caught."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tinygrad_jp.errors import TinygradError
from tinygrad_jp.testing import laws, readers
from tinygrad_jp.testing.assertions import hold
from tinygrad_jp.vocabulary.domain import NONZERO, call
from tinygrad_jp.vocabulary.primitive import primitive
from tinygrad_jp.vocabulary.rule import REGISTRY, Rule, rule

ALL = [
    laws.same_values, laws.first_order, laws.second_order, laws.purity, laws.layout, laws.empty,
    readers.gpu, laws.broadcast, readers.readers,
]


@pytest.fixture
def plant() -> Iterator[Any]:
    """Give a function that registers a throw-away rule; afterwards all of them are gone."""
    before = dict(REGISTRY)

    def planted(*pulls: Any, fn: Any = None, **more: Any) -> Rule:
        def cube(x: Any) -> Any:
            return x * x * x

        more.setdefault("domain", (NONZERO,) * len(pulls))
        return rule(primitive(fn or cube), *pulls, **more)

    yield planted
    for entry in set(REGISTRY) - set(before):
        del REGISTRY[entry]


def broken(entry: Rule) -> set[str]:
    """Name the laws that an entry breaks."""
    found = set()
    for one in ALL:
        try:
            hold(one, entry)
        except (AssertionError, TinygradError, ValueError, TypeError, RuntimeWarning):
            found.add(one.__name__)
    for dtype in (np.float16, np.float32, np.float64):
        try:
            hold(laws.dtype, entry, dtype)
        except (AssertionError, TinygradError, ValueError, TypeError, RuntimeWarning):
            found.add("dtype")
    return found


def test_a_right_rule_breaks_no_law(plant: Any) -> None:
    assert broken(plant(lambda g, x: g * (x * x * 3), broadcasts=True)) == set()


def test_wrong_factor(plant: Any) -> None:
    entry = plant(lambda g, x: g * (x * x * 3.0001), broadcasts=True)
    assert broken(entry) == {"first_order"}


def test_wrong_sign_at_one_index(plant: Any) -> None:
    @primitive
    def flipped(g: Any) -> Any:
        y = g.copy()
        if y.ndim == 2 and y.size:
            y[-1, -1] *= -1
        return y

    rule(flipped, lambda g: flipped(g))
    entry = plant(lambda g, x: flipped(g) * (x * x * 3), broadcasts=True)
    assert "first_order" in broken(entry)


def test_wrong_shape(plant: Any) -> None:
    entry = plant(lambda g, x: np.sum(g * x * x * 3, keepdims=True),
                  samples=lambda s: [call(s(2, 3))])
    assert "first_order" in broken(entry)


def test_shape_that_fits_by_broadcasting(plant: Any) -> None:
    """A gradient summed over an axis too many is a gradient of a wrong shape, even if it fits."""
    entry = plant(lambda g, x: np.sum(g * (x * x * 3), axis=0), broadcasts=True,
                  samples=lambda s: [call(s(1, 3)), call(s(2, 3))])
    assert "first_order" in broken(entry)


def test_wrong_dtype_of_the_gradient(plant: Any) -> None:
    entry = plant(lambda g, x: g * (x * x * np.float64(3)), broadcasts=True)
    assert "dtype" in broken(entry)


def test_wrong_dtype_of_the_result(plant: Any) -> None:
    entry = plant(lambda g, x: g * (x * x * 3), fn=lambda x: x * x * x * np.float64(1),
                  broadcasts=True)
    assert "dtype" in broken(entry)


def test_overflow_in_half_precision(plant: Any) -> None:
    entry = plant(lambda g, x: g * ((x * 1e4) * (x * 3e-4)) * 1e4 / 1e4, broadcasts=True)
    assert broken(entry) == {"dtype"}


def test_wrong_second_order(plant: Any) -> None:
    """The first gradient is right, but hides its dependence on x from the graph."""
    @primitive
    def hidden(x: Any) -> Any:
        return x * x * 3

    rule(hidden, lambda g, x: g * 0)
    entry = plant(lambda g, x: g * hidden(x), broadcasts=True)
    found = broken(entry)
    assert "second_order" in found
    assert "first_order" not in found


def test_second_order_in_the_gradient_that_arrives(plant: Any) -> None:
    @primitive
    def deaf(g: Any) -> Any:
        return g * 1.0

    rule(deaf, lambda g: g * 0)
    entry = plant(lambda g, x: deaf(g) * (x * x * 3), broadcasts=True)
    assert "second_order" in broken(entry)


def test_mutation_of_an_input(plant: Any) -> None:
    def fn(x: Any) -> Any:
        y = x * x * x
        x *= 1
        return y

    assert "purity" in broken(plant(lambda g, x: g * (x * x * 3), fn=fn, broadcasts=True))


def test_mutation_of_the_gradient(plant: Any) -> None:
    def pull(g: Any, x: Any) -> Any:
        g *= 3
        return g * x * x

    assert "purity" in broken(plant(pull, broadcasts=True))


def test_gradient_that_shares_memory(plant: Any) -> None:
    """A rule may hand on what it was given; the engine copies it before it becomes .grad."""
    entry = plant(lambda g: g, fn=lambda x: x + 0.0, broadcasts=True)
    assert broken(entry) == set()


def test_result_that_depends_on_the_layout(plant: Any) -> None:
    def fn(x: Any) -> Any:
        return np.ravel(x, order="K") * 1.0

    entry = plant(lambda g, x_shape: np.reshape(g, x_shape), fn=fn,
                  samples=lambda s: [call(s(2, 3))])
    assert "layout" in broken(entry)


def test_broadcasting_forgotten(plant: Any) -> None:
    def fn(a: Any, b: Any) -> Any:
        return a * b

    entry = plant(lambda g, b: g * b, lambda g, a: g * a, fn=fn)
    assert {"first_order", "broadcast"} <= broken(entry)


def test_host_array_in_a_rule(plant: Any) -> None:
    entry = plant(lambda g, x: g * (x * x * np.full(x.shape, 3.0)), broadcasts=True)
    assert "gpu" in broken(entry)


def test_evaluator_that_differs_from_the_function(plant: Any) -> None:
    entry = plant(lambda g, x: g * (x * x * 3), evaluate=lambda x: x * x * x + 1e-6, broadcasts=True)
    assert "same_values" in broken(entry)


def test_empty_input_refused(plant: Any) -> None:
    entry = plant(lambda g, x: g * (x * x * 3) + np.max(x) * 0, broadcasts=True)
    assert "empty" in broken(entry)
