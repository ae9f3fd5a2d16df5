"""Numerical differentiation, and the checks that are built on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp.errors import (
    DTypeError,
    GradcheckError,
    GradientError,
    OptionError,
    ShapeError,
    TinygradWarning,
)
from tinygrad_jp.vocabulary.rule import REGISTRY


@pytest.fixture
def english() -> Iterator[None]:
    tj.set_language("en")
    yield
    tj.set_language(None)


@tj.primitive
def wrong_cube(x: Any) -> Any:
    return x**3


@tj.primitive
def wrong_at_second_order(x: Any) -> Any:
    return x**3


@tj.primitive
def slope_of_wrong(x: Any) -> Any:
    return 3 * x**2


@pytest.fixture
def wrong() -> Iterator[None]:
    """Register rules that are wrong, for the length of a test."""
    tj.rule(wrong_cube, lambda g, x: g * 3 * x**2 * np.where(x > 1.5, 1.01, 1.0))
    tj.rule(wrong_at_second_order, lambda g, x: g * slope_of_wrong(x))
    tj.rule(slope_of_wrong, lambda g, x: g * 5 * x)
    yield
    for fn in (wrong_cube, wrong_at_second_order, slope_of_wrong):
        del REGISTRY[fn]


# ── numerical_gradient ──────────────────────────────────────────────────────────────────────────


def test_the_books_example() -> None:
    f = lambda x: x[0] ** 2 + x[1] ** 2
    for at, want in (([3.0, 4.0], [6.0, 8.0]), ([0.0, 2.0], [0.0, 4.0]), ([3.0, 0.0], [6.0, 0.0])):
        x = np.array(at)
        g = tj.numerical_gradient(f, x)
        assert isinstance(g, np.ndarray)
        assert np.allclose(g, want, atol=1e-9)
        assert x.tolist() == at


def test_the_books_network_looks_at_its_parameters_from_outside() -> None:
    parameters = {"W": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": np.array([0.5, -0.5])}
    before = {k: v.copy() for k, v in parameters.items()}
    loss = lambda _: float(np.tanh(np.ones(2) @ parameters["W"] + parameters["b"]).sum())
    slope = 1 - np.tanh(before["W"].sum(0) + before["b"]) ** 2
    g = tj.numerical_gradient(loss, parameters["W"])
    assert np.allclose(g, np.vstack([slope, slope]), atol=1e-9)
    both = tj.numerical_gradient(loss, parameters)
    assert list(both) == ["W", "b"]
    assert np.allclose(both["b"], slope, atol=1e-9)
    assert all(np.array_equal(parameters[k], before[k]) for k in before)


def test_tensors() -> None:
    w = tj.Tensor(np.array([1.0, 2.0]), requires_grad=True)
    g = tj.numerical_gradient(lambda w: (w * w).sum(), w)
    assert isinstance(g, tj.Tensor)
    assert g.dtype == np.float64
    assert not g.requires_grad
    assert np.allclose(g.tolist(), [2.0, 4.0])
    assert w.tolist() == [1.0, 2.0]
    assert w.grad is None
    outside = tj.numerical_gradient(lambda _: (w**3).sum(), w)
    assert np.allclose(outside.tolist(), [3.0, 12.0])


def test_a_graph_recorded_before_is_still_good_afterwards() -> None:
    w = tj.Tensor(np.array([1.0, 2.0]), requires_grad=True)
    loss = (w * w).sum()
    tj.numerical_gradient(lambda w: (w * w).sum(), w)
    tj.numerical_gradient(lambda w: (w * w).sum(), w.data)
    loss.backward()
    assert w.grad.tolist() == [2.0, 4.0]


@pytest.mark.parametrize("give", [lambda a: a, tj.Tensor, lambda a: tj.Tensor(a).data])
def test_x_is_put_back_even_if_f_raises(give: Callable[[Any], Any]) -> None:
    x = give(np.array([1.0, 2.0, 3.0]))
    calls = []

    def f(x: Any) -> float:
        calls.append(1)
        if len(calls) == 4:
            raise KeyError("no such thing")
        return 1.0

    with pytest.raises(KeyError):
        tj.numerical_gradient(f, x)
    assert x.tolist() == [1.0, 2.0, 3.0]


def test_numbers_lists_and_read_only_arrays() -> None:
    assert tj.numerical_gradient(lambda x: x**2, 5.0) == pytest.approx(10.0, rel=1e-9)
    assert isinstance(tj.numerical_gradient(lambda x: 0.01 * x**2 + 0.1 * x, 5), float)
    assert np.allclose(tj.numerical_gradient(lambda x: (x**2).sum(), [3, 4]), [6.0, 8.0])
    frozen = np.broadcast_to(np.float64(2.0), (3,))
    assert np.allclose(tj.numerical_gradient(lambda x: (x**2).sum(), frozen), [4.0] * 3)
    p = [np.ones(2), tj.Tensor([3.0, 4.0]), (2.0,)]
    nested = tj.numerical_gradient(lambda p: (p[0] * p[1]).sum() * p[2][0], p)
    assert np.allclose(nested[0], [6.0, 8.0], rtol=1e-3)
    assert isinstance(nested[1], tj.Tensor)
    assert nested[2] == (pytest.approx(7.0),)


def test_views_and_odd_shapes() -> None:
    big = np.arange(24.0).reshape(4, 6)
    view = big[::2, ::-3]
    g = tj.numerical_gradient(lambda _: float((big**2).sum()), view)
    assert np.allclose(g, 2 * view)
    assert np.array_equal(big, np.arange(24.0).reshape(4, 6))
    assert tj.numerical_gradient(lambda x: 1.0, np.zeros((0, 2))).shape == (0, 2)
    zero = np.array(3.0)
    assert tj.numerical_gradient(lambda x: float(x) ** 2, zero).shape == ()
    assert zero == 3.0


@pytest.mark.parametrize("method", ["central", "forward"])
@pytest.mark.parametrize(("dtype", "close"), [(np.float64, 1e-6), (np.float32, 3e-3), (np.float16, 0.1)])
def test_precision_by_dtype(method: str, dtype: type, close: float) -> None:
    x = np.array([0.5, -1.0, 2.0], dtype)
    g = tj.numerical_gradient(lambda x: np.sum(np.sin(x)), x, method=method)
    assert g.dtype == dtype
    assert np.allclose(g.astype(float), np.cos([0.5, -1.0, 2.0]), atol=close)


def test_forward_is_first_order_and_central_second_order() -> None:
    f, x = lambda x: float(np.exp(x).sum()), np.array([1.0])
    error = lambda method, h: abs(tj.numerical_gradient(f, x, h, method)[0] - np.e)
    assert error("forward", 1e-3) / error("forward", 1e-4) == pytest.approx(10, rel=0.01)
    assert error("central", 1e-2) / error("central", 1e-3) == pytest.approx(100, rel=0.01)
    assert tj.numerical_gradient(lambda x: float(x[0] ** 2), np.array([3.0]), 0.5, "forward") == [6.5]


@pytest.mark.parametrize(
    ("run", "kind", "key"),
    [
        (lambda f, x: tj.numerical_gradient(f, np.array([3, 4])), DTypeError, "argument_dtype"),
        (lambda f, x: tj.numerical_gradient(f, tj.Tensor([3, 4])), DTypeError, "argument_dtype"),
        (lambda f, x: tj.numerical_gradient(f, {"a": x, "n": 3}), DTypeError, "argument_dtype"),
        (lambda f, x: tj.numerical_gradient(f, x, 1e-50), OptionError, "step_too_small"),
        (lambda f, x: tj.numerical_gradient(f, x, -1.0), OptionError, "step"),
        (lambda f, x: tj.numerical_gradient(f, x, method="backward"), OptionError, "difference_method"),
        (lambda f, x: tj.numerical_gradient(lambda x: x, x), ShapeError, "one_number"),
    ],
)
def test_numerical_gradient_refuses(run: Any, kind: type[Exception], key: str) -> None:
    x = np.array([1.0, 2.0])
    with pytest.raises(kind) as error:
        run(lambda x: float(np.sum(x)), x)
    assert error.value.key == key
    assert x.tolist() == [1.0, 2.0]


def test_the_numerical_gradient_agrees_with_autograd() -> None:
    f = lambda x: (np.tanh(x) * np.exp(x)).sum()
    x = np.linspace(-2, 2, 7)
    assert np.allclose(tj.numerical_gradient(f, x), tj.grad(f)(x).tolist(), rtol=1e-8)


def test_error_by_step() -> None:
    errors = tj.gradient_error_by_step(lambda x: np.exp(x).sum(), np.array([0.5, 1.0]))
    assert errors.h.shape == errors.forward.shape == errors.central.shape == (12,)
    assert 1e-6 <= errors.h[errors.central.argmin()] <= 1e-4
    assert 1e-9 <= errors.h[errors.forward.argmin()] <= 1e-6
    assert errors.central[2] < errors.forward[2] / 100
    assert len(str(errors).splitlines()) == 13
    few = tj.gradient_error_by_step(lambda x: (x**3).sum(), [1.0], steps=[0.5, 0.25])
    assert np.allclose(few.central, [0.25 / 3, 0.0625 / 3])


# ── gradcheck ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", ["full", "direction"])
def test_right_derivatives_pass(mode: Any) -> None:
    x, w = np.linspace(-1, 1, 6).reshape(2, 3), np.linspace(0.1, 2, 12).reshape(3, 4)
    assert tj.gradcheck(lambda x, w: np.tanh(x @ w), (x, w), mode=mode, order=2)
    assert tj.gradcheck(lambda x: (x.sum(), {"y": [np.sin(x), x[0] * x[1]]}), x, mode=mode, order=2)
    assert tj.gradgradcheck(lambda x: np.exp(x) / (1 + np.exp(x)), (x,), mode=mode)
    assert tj.gradcheck(lambda x: x**5, np.array([0.7]), mode=mode, order=4)


@given(st.integers(0, 10_000))
def test_random_compositions_pass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [np.sin, np.tanh, np.exp, lambda v: v * v, lambda v: v / (1 + v * v), lambda v: v - v.mean()]
    chosen = [parts[i] for i in rng.integers(0, len(parts), 3)]

    def f(x: Any) -> Any:
        for part in chosen:
            x = np.tanh(part(x))
        return x

    assert tj.gradcheck(f, rng.uniform(-1, 1, (2, 2)), order=2)


@pytest.mark.usefixtures("wrong", "english")
@pytest.mark.parametrize("mode", ["full", "direction"])
def test_a_wrong_derivative_is_found_and_told(mode: Any) -> None:
    a, x = np.ones(2), np.array([[1.0, 1.2], [2.0, 1.4]])
    with pytest.raises(GradcheckError) as error:
        tj.gradcheck(lambda a, x: (a.sum(), wrong_cube(x) * a), (a, x), mode=mode)
    facts = error.value.facts
    assert (facts["input"], facts["index"]) == ("1", [1, 0])
    assert (facts["output"], facts["output_index"]) == (1, [1, 0])
    assert facts["analytic"] == pytest.approx(12.12)
    assert facts["numerical"] == pytest.approx(12.0)
    assert facts["relative"] == pytest.approx(0.12 / 12.12, rel=1e-3)
    assert (facts["failed"], facts["total"], facts["order"]) == (1, 16, 1)
    assert "input 1[1, 0] is 12.12 analytically" in str(error.value)
    assert "suspect the rule" in str(error.value)


@pytest.mark.usefixtures("wrong")
@pytest.mark.parametrize("mode", ["full", "direction"])
def test_a_wrong_second_derivative_is_found(mode: Any) -> None:
    x = np.array([0.5, 2.0])
    assert tj.gradcheck(wrong_at_second_order, x, mode=mode)
    with pytest.raises(GradcheckError) as error:
        tj.gradgradcheck(wrong_at_second_order, x, mode=mode)
    assert error.value.facts["order"] == 2
    assert error.value.facts["input"] == "0"
    assert tj.gradgradcheck(wrong_at_second_order, x, mode=mode, raise_exception=False) is False


@pytest.mark.usefixtures("english")
def test_a_kink_is_told_from_a_wrong_rule() -> None:
    with pytest.raises(GradcheckError) as error:
        tj.gradcheck(lambda x: np.maximum(x, 0.0) * 3.0 + np.abs(x), np.array([1.0, 2e-7]))
    assert error.value.facts["index"] == [1]
    kink = error.value.facts["kink"]
    assert kink.key == "kink"
    assert kink.facts["right"] == pytest.approx(4.0)
    assert "A kink is near" in str(error.value)


def test_errors_are_told_in_japanese_too() -> None:
    tj.set_language("ja")
    try:
        with pytest.raises(GradcheckError, match="折れ目の近く"):
            tj.gradcheck(lambda x: np.maximum(x, 0.0) * 3.0, np.array([2e-7]))
    finally:
        tj.set_language(None)


def test_which_inputs_are_checked() -> None:
    seen = []

    def f(x: Any, y: Any, n: int, table: Any) -> Any:
        seen.append((x.requires_grad, y.requires_grad))
        assert n == 3
        assert table.dtype == np.int64
        return x * y.detach() if y.requires_grad else x * y

    x, y = tj.Tensor(np.ones(2), requires_grad=True), tj.Tensor(np.ones(2))
    table = np.arange(2)
    assert tj.gradcheck(f, (x, y, 3, table))
    assert (True, False) in seen
    assert (True, True) not in seen
    assert x.grad is None
    assert x.tolist() == [1.0, 1.0]
    with pytest.raises(GradcheckError) as error:  # neither asks: both are checked
        tj.gradcheck(f, (np.ones(2), np.ones(2), 3, table))
    assert error.value.facts["input"] == "1"


def test_parameters_in_a_dict() -> None:
    parameters = {"w": np.ones((2, 3)), "b": [np.zeros(3), 0.5]}
    f = lambda p: np.tanh(np.ones(2) @ p["w"] + p["b"][0]) * p["b"][1]
    assert tj.gradcheck(f, (parameters,), order=2)
    bad = lambda p: f(p) + p["b"][0].detach()
    with pytest.raises(GradcheckError) as error:
        tj.gradcheck(bad, (parameters,))
    assert error.value.facts["input"] == "0['b'][0]"


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_low_precision_inputs_are_checked_in_float64(dtype: type) -> None:
    x = np.array([0.5, 1.5], dtype)
    seen = set()

    def f(x: Any) -> Any:
        seen.add(x.dtype)
        return np.sin(x) * x

    assert tj.gradcheck(f, x, order=2)
    assert seen == {np.dtype(np.float64)}
    assert x.dtype == dtype


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_low_precision_inside_is_warned_of_and_checked_loosely(dtype: type) -> None:
    f = lambda x: np.sin(x.astype(dtype)) * x.astype(dtype)
    with pytest.warns(TinygradWarning, match=np.dtype(dtype).name):
        assert tj.gradcheck(f, np.array([0.5, 1.5]))
    f = lambda x: x.astype(dtype) ** 2 + 0.5 * x.astype(dtype).detach()
    with pytest.warns(TinygradWarning), pytest.raises(GradcheckError):
        tj.gradcheck(f, np.array([0.5, 1.5]))


def test_functions_that_cannot_be_checked() -> None:
    w = tj.Tensor(np.ones(2), requires_grad=True)
    cases: list[tuple[Callable[..., Any], Any, str]] = [
        (lambda x: w * 2.0, np.ones(2), "gradcheck_no_path"),
        (lambda x: x.detach() * 2.0, np.ones(2), "gradcheck_no_path"),
        (lambda x: x * np.random.default_rng().random(), np.ones(2), "gradcheck_changes"),
        (lambda x: x, np.arange(3), "gradcheck_nothing"),
    ]
    for f, x, key in cases:
        with pytest.raises(GradcheckError) as error:
            tj.gradcheck(f, x)
        assert error.value.key == key
    with pytest.raises(GradientError):
        tj.gradcheck(lambda x: x.tolist(), np.ones(2))
    for options in ({"mode": "quick"}, {"order": 0}, {"order": 1.5}):
        with pytest.raises(OptionError):
            tj.gradcheck(np.sin, np.ones(2), **options)


def test_nan_never_passes() -> None:
    f = lambda x: np.where(np.arange(2) == 0, x, x * np.nan)
    assert tj.gradcheck(f, np.ones(2), raise_exception=False) is False


def test_tolerances_are_the_users() -> None:
    f = lambda x: x * 1.0 + 0.001 * x.detach()
    assert tj.gradcheck(f, np.ones(2), rtol=0.01)
    assert not tj.gradcheck(f, np.ones(2), atol=0.0, rtol=1e-5, raise_exception=False)


def test_the_message_has_no_leftover_braces() -> None:
    for language in ("ja", "en"):
        tj.set_language(language)  # type: ignore[arg-type]
        with pytest.raises(GradcheckError) as error:
            tj.gradcheck(lambda x: x * x.detach(), np.ones(2))
        assert not re.search(r"[{}]", str(error.value))
    tj.set_language(None)
