"""A user's own operation: the same primitive and rule as the built-in ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp.errors import (
    ArgumentError,
    GradcheckError,
    GradientError,
    RegistryError,
    RuleError,
    ShapeError,
)
from tinygrad_jp.vocabulary.rule import REGISTRY

X = np.array([0.5, -1.0, 2.0])


@pytest.fixture(autouse=True)
def unregistered() -> Iterator[None]:
    """Take out again what a test registers; texts in English."""
    REGISTRY.fill()
    before = set(REGISTRY)
    tj.set_language("en")
    yield
    tj.set_language(None)
    for fn in set(REGISTRY) - before:
        del REGISTRY[fn]


def cube() -> Any:
    @tj.primitive
    def cube(x: Any) -> Any:
        """Give x³."""
        return x**3

    tj.rule(cube, lambda g, x: g * 3 * x**2)
    return cube


# ── what it can do ──────────────────────────────────────────────────────────────────────────────


def test_values() -> None:
    f = cube()
    assert f.__name__ == "cube"
    assert f.__doc__ == "Give x³."
    assert f(2) == 8
    assert f(X).tolist() == (X**3).tolist()
    y = f(tj.Tensor(X, requires_grad=True))
    assert isinstance(y, tj.Tensor)
    assert y.tolist() == (X**3).tolist()
    assert "grad_fn=cube" in repr(y)
    assert not f(tj.Tensor(X)).requires_grad


def test_first_and_higher_orders() -> None:
    f = cube()
    x = tj.Tensor(X, requires_grad=True)
    (f(x) * 2.0).sum().backward()
    assert np.allclose(x.grad.tolist(), 6 * X**2)
    assert tj.grad(tj.grad(f))(np.float64(2.0)).item() == 12.0
    assert tj.grad(tj.grad(tj.grad(f)))(np.float64(2.0)).item() == 6.0
    assert np.allclose(tj.hessian(lambda v: f(v).sum())(X).tolist(), np.diag(6 * X))
    assert tj.gradcheck(f, X, order=3)
    assert tj.gradgradcheck(f, X, mode="direction")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_dtypes_and_shapes(dtype: type, shape: tuple[int, ...]) -> None:
    x = tj.Tensor(np.full(shape, 2.0, dtype), requires_grad=True)
    y = cube()(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == dtype
    assert y.shape == x.grad.shape == shape
    assert np.all(x.grad.numpy() == 12.0)


def test_it_works_inside_checkpoint_and_anomaly_mode_and_checks() -> None:
    f = cube()
    assert tj.gradcheck(lambda x: tj.checkpoint(f, x), X, order=2)
    with tj.detect_anomaly():
        assert tj.grad(lambda x: f(x).sum())(X).tolist() == (3 * X**2).tolist()


def test_two_arguments_under_their_own_names() -> None:
    @tj.primitive
    def blend(u: Any, v: Any, rate: float = 0.5) -> Any:
        return u * rate + v * v * (1 - rate)

    tj.rule(blend, lambda g, rate: g * rate, lambda g, v, rate: g * 2 * v * (1 - rate), broadcasts=True)
    for args in ((), (0.25,)):
        assert tj.gradcheck(lambda u, v, args=args: blend(u, v, *args), (X, np.ones((2, 1))), order=2)
    assert tj.grad(lambda u: blend(u, X, rate=0.75).sum())(X).tolist() == [0.75] * 3
    assert tj.grad(lambda v: blend(X, v).sum())(X).tolist() == X.tolist()


def test_two_arguments_called_a_and_b() -> None:
    @tj.primitive
    def product(first: Any, second: Any) -> Any:
        return first * second

    tj.rule(product, lambda g, b: g * b, lambda g, a: g * a, broadcasts=True)
    assert tj.gradcheck(product, (X, 2.0), order=2)


def test_an_argument_without_a_derivative() -> None:
    @tj.primitive
    def pick(table: Any, index: Any) -> Any:
        return table[index]

    tj.rule(pick, lambda g, index, table_shape: np.stack([(g * (index == i)).sum() for i in range(table_shape[0])]), None)
    index = np.array([2, 0, 2])
    assert tj.grad(lambda t: pick(t, index).sum())(X).tolist() == [1.0, 0.0, 2.0]
    assert tj.gradcheck(lambda t: pick(np.sin(t), index), X, order=2)


def test_parameters_keep_the_functions_own_order() -> None:
    @tj.primitive
    def affine(x: Any, scale: float, shift: float = 0.0, *, power: int = 1) -> Any:
        return (x * scale + shift) ** power

    # the pull asks for them in another order, and not for all of them at first
    tj.rule(affine, lambda g, power, x, shift, scale: g * power * (x * scale + shift) ** (power - 1) * scale)
    x = tj.Tensor(X, requires_grad=True)
    assert affine(x, 2.0).tolist() == (X * 2).tolist()
    assert affine(x, 2.0, 1.0, power=3).tolist() == ((X * 2 + 1) ** 3).tolist()
    assert affine(x, shift=1.0, scale=3.0).tolist() == (X * 3 + 1).tolist()
    assert tj.gradcheck(lambda x: affine(x, 2.0, shift=1.0, power=3), X, order=2)


def test_a_parameter_that_no_pull_asks_for() -> None:
    @tj.primitive
    def noisy(x: Any, level: float) -> Any:
        return x + level

    tj.rule(noisy, lambda g: g)
    assert noisy(tj.Tensor(X, requires_grad=True), 2.0).tolist() == (X + 2).tolist()


def test_several_results() -> None:
    @tj.primitive
    def polar(a: Any, b: Any) -> Any:
        return np.hypot(a, b), np.arctan2(b, a)

    tj.rule(
        polar,
        lambda g, a, b: g[0] * a / np.hypot(a, b) - g[1] * b / (a * a + b * b),
        lambda g, a, b: g[0] * b / np.hypot(a, b) + g[1] * a / (a * a + b * b),
        outputs=2,
    )
    assert tj.gradcheck(polar, (X, X + 3.0), order=2)
    assert tj.gradcheck(lambda a, b: polar(a, b)[1], (X, X + 3.0), order=2)


def test_a_list_of_arguments() -> None:
    @tj.primitive
    def total(xs: Any) -> Any:
        return sum(x * x for x in xs)

    tj.rule(total, lambda g, xs, i: g * 2 * xs[i])
    assert tj.gradcheck(lambda a, b: total([a, b, a]), (X, X + 1.0), order=2)


SLOPE = 1.0


def test_a_variable_of_the_users_module_may_change() -> None:
    global SLOPE

    @tj.primitive
    def scaled(x: Any) -> Any:
        return x * SLOPE

    tj.rule(scaled, lambda g: g * SLOPE)
    try:
        for SLOPE in (1.0, 2.0, 3.0):
            assert tj.grad(lambda x: scaled(x).sum())(X).tolist() == [SLOPE] * 3
    finally:
        SLOPE = 1.0


def test_a_ufunc_from_elsewhere() -> None:
    def doubled(v: float) -> float:
        return v * 2.0

    ufunc = np.frompyfunc(doubled, 1, 1)
    with pytest.raises(RuleError, match=r"doubled.* no derivative rule"):
        ufunc(tj.Tensor(X))
    tj.rule(ufunc, lambda g: g * 2.0, evaluate=lambda x: x * 2.0)
    assert tj.gradcheck(ufunc, X)


@given(st.lists(st.floats(-2.0, 2.0), min_size=1, max_size=4), st.integers(1, 3))
def test_it_equals_the_same_thing_written_with_built_in_operations(numbers: list[float], order: int) -> None:
    f = cube()
    g: Callable[..., Any] = lambda v: (v * v * v).sum()
    h: Callable[..., Any] = lambda v: f(v).sum()
    for _ in range(order):
        g, h = _slope_sum(g), _slope_sum(h)
    assert np.allclose(g(np.array(numbers)).tolist(), h(np.array(numbers)).tolist(), rtol=1e-12, atol=1e-12)


def _slope_sum(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda v: tj.grad(f)(v).sum()


# ── what is wrong is told ───────────────────────────────────────────────────────────────────────


def registered(pull: Callable[..., Any], **options: Any) -> Any:
    @tj.primitive
    def mine(x: Any, rate: float = 1.0) -> Any:
        return x * rate

    tj.rule(mine, pull, **options)
    return mine


@pytest.mark.parametrize("broadcasts", [False, True])
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(
    ("pull", "given"),
    [(lambda g: g[:2], (2,)), (lambda g: g.reshape(3, 1) * g, (3, 3)), (lambda g: g.sum(), ())],
)
def test_a_gradient_of_the_wrong_shape(pull: Any, given: Any, create_graph: bool, broadcasts: bool) -> None:
    f = registered(pull, broadcasts=broadcasts)
    x = tj.Tensor(X, requires_grad=True)
    if broadcasts and given == (3, 3):
        return  # the shape of arguments that were broadcast: it is summed back
    with pytest.raises(ShapeError) as error:
        f(x).backward(np.ones(3), create_graph=create_graph)
    assert error.value.key == "rule_shape"
    assert error.value.facts == {"op": "mine", "argument": "x", "given": given, "shape": (3,)}


def test_a_gradient_that_is_no_array() -> None:
    x = tj.Tensor(X, requires_grad=True)
    for pull, kind in ((lambda g: 2.0, "float"), (lambda g: None, "NoneType"), (lambda g: [1.0] * 3, "list")):
        with pytest.raises(ShapeError) as error:
            registered(pull)(x).sum().backward()
        assert error.value.key == "rule_gave"
        assert error.value.facts["kind"] == kind
        assert "mine" in str(error.value)
        assert "g * constant" in str(error.value)


def test_an_error_inside_a_rule_comes_out_as_it_is() -> None:
    def pull(g: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        registered(pull)(tj.Tensor(X, requires_grad=True)).sum().backward()
    with pytest.raises(AttributeError, match="no_such"):
        registered(lambda g: g.no_such)(tj.Tensor(X, requires_grad=True)).sum().backward()


def test_wrong_mathematics_is_found_by_gradcheck() -> None:
    with pytest.raises(GradcheckError):
        tj.gradcheck(registered(lambda g: g * 2.0), X)


@pytest.mark.parametrize(
    ("register", "key"),
    [
        (lambda f: tj.rule(f.raw, lambda g: g), "rule_no_primitive"),
        (lambda f: tj.rule(f, np.multiply), "rule_pull"),
        (lambda f: tj.rule(f, 3.0), "rule_pull"),
        (lambda f: tj.rule(f, lambda g, z: g * z), "rule_name"),
        (lambda f: tj.rule(f, lambda g: g, arguments="x rate"), "rule_arity"),
        (lambda f: (tj.rule(f, lambda g: g), tj.rule(f, lambda g: g)), "rule_twice"),
        (lambda f: tj.rule(np.exp, lambda g, y: g * y), "rule_twice"),
    ],
)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_wrong_registrations(register: Any, key: str, language: Any) -> None:
    @tj.primitive
    def mine(x: Any, rate: float = 1.0) -> Any:
        return x * rate

    tj.set_language(language)
    with pytest.raises(RegistryError, match=r"mine|exp") as error:
        register(mine)
    assert error.value.key == key


def test_a_primitive_without_a_rule() -> None:
    @tj.primitive
    def mine(x: Any) -> Any:
        return x

    assert mine(X) is X
    with pytest.raises(RuleError, match=r"mine .*tinygrad_jp\.rule"):
        mine(tj.Tensor(X))


def test_a_gradient_for_a_parameter_without_a_pull_is_not_lost_silently() -> None:
    f = registered(lambda g, rate: g * rate)
    rate = tj.Tensor(2.0, requires_grad=True)
    with pytest.raises(GradientError, match="derivatives for x only"):
        f(tj.Tensor(X, requires_grad=True), rate)
    assert f(tj.Tensor(X), rate.detach()).tolist() == (X * 2).tolist()


def test_calls_that_do_not_fit() -> None:
    f = registered(lambda g: g)
    with pytest.raises(ArgumentError, match="mine"):
        f(tj.Tensor(X), 1.0, 2.0)
    with pytest.raises(ArgumentError, match="speed"):
        f(tj.Tensor(X), speed=2.0)
