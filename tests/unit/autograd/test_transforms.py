"""Functions to functions: grad, vjp, jvp, jacobian, hessian, hvp."""

from __future__ import annotations

import gc
import math
import weakref
from collections import namedtuple
from collections.abc import Callable
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp.autograd.node import Leaf
from tinygrad_jp.errors import ArgumentError, DTypeError, GradientError, OptionError, ShapeError

X = np.array([0.3, -1.2, 2.0])


def polynomial(x: Any) -> Any:
    return (x**3).sum() + np.prod(x)


# ── grad and value_and_grad ─────────────────────────────────────────────────────────────────────


def test_grad_of_a_number() -> None:
    slope = tj.grad(lambda x: x**2 + 3 * x)
    g = slope(2.0)
    assert isinstance(g, tj.Tensor)
    assert g.shape == ()
    assert g.dtype == np.float32
    assert g.item() == 7.0
    assert not g.requires_grad
    assert slope(2).item() == 7.0  # a Python integer is a number like any other
    assert slope(np.float64(2.0)).dtype == np.float64


@pytest.mark.parametrize("give", [np.array, tj.Tensor, lambda x: tj.Tensor(x, requires_grad=True)])
def test_grad_takes_arrays_and_tensors(give: Callable[[Any], Any]) -> None:
    x = give(X)
    g = tj.grad(polynomial)(x)
    assert isinstance(g, tj.Tensor)
    assert np.allclose(g.tolist(), 3 * X**2 + X.prod() / X)
    assert getattr(x, "grad", None) is None


def test_value_and_grad_with_aux() -> None:
    (value, aux), g = tj.value_and_grad(lambda x: ((x * x).sum(), {"x2": x * 2, "n": 3}), has_aux=True)(X)
    assert value.item() == pytest.approx((X * X).sum())
    assert np.allclose(g.tolist(), 2 * X)
    assert aux["n"] == 3
    assert np.allclose(aux["x2"].tolist(), 2 * X)
    assert not value.requires_grad
    assert not aux["x2"].requires_grad
    g, aux = tj.grad(lambda x: ((x * x).sum(), 7), has_aux=True)(X)
    assert aux == 7
    assert np.allclose(g.tolist(), 2 * X)


def test_argnums() -> None:
    def f(a: Any, b: Any, *, c: float) -> Any:
        return (a * b * c).sum()

    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    assert tj.grad(f, 1)(a, b, c=2.0).tolist() == [2.0, 4.0]
    assert tj.grad(f, -1)(a, b, c=2.0).tolist() == [2.0, 4.0]
    both = tj.grad(f, (1, 0))(a, b, c=2.0)
    assert isinstance(both, tuple)
    assert [g.tolist() for g in both] == [[2.0, 4.0], [6.0, 8.0]]
    with pytest.raises(OptionError):
        tj.grad(f, 2)(a, b, c=1.0)


Pair = namedtuple("Pair", "w b")


def test_grad_of_parameters_in_dicts_lists_and_tuples() -> None:
    parameters = {"layers": [Pair(np.ones((2, 3)), np.zeros(3)), (tj.Tensor([2.0]), 1.5)]}

    def f(p: Any, x: Any) -> Any:
        (w, b), (scale, shift) = p["layers"]
        assert isinstance(p["layers"][0], Pair)
        return ((x @ w + b).sum() * scale + shift * shift).sum()

    g = tj.grad(f)(parameters, np.array([[1.0, 2.0]]))
    assert isinstance(g["layers"][0], Pair)
    assert isinstance(g["layers"][1], tuple)
    assert g["layers"][0].w.tolist() == [[2.0] * 3, [4.0] * 3]
    assert g["layers"][0].b.tolist() == [2.0] * 3
    assert g["layers"][1][0].tolist() == [9.0]
    assert g["layers"][1][1].item() == 3.0


def test_the_function_may_ignore_an_argument() -> None:
    assert tj.grad(lambda x, y: y.sum() * 2.0)(X, tj.Tensor(X)).tolist() == [0.0, 0.0, 0.0]
    assert tj.grad(tj.grad(lambda x: 3.0 * x))(1.0).item() == 0.0


def test_grad_hands_names_and_the_docstring_on() -> None:
    def loss(x: Any) -> Any:
        """Be the loss."""
        with pytest.raises(GradientError, match="'weights'"):
            x += 1.0  # on an argument of its own that is called as the user's is
        return x.sum()

    for made in (tj.grad(loss), tj.value_and_grad(loss), tj.jacobian(loss), tj.hessian(loss)):
        assert (made.__name__, made.__doc__) == ("loss", "Be the loss.")
    x = tj.Tensor(X)
    x.name = "weights"
    assert tj.grad(loss)(x).tolist() == [1.0] * 3


def test_the_users_array_is_not_changed_and_may_change_afterwards() -> None:
    x = X.copy()
    value, pullback = tj.vjp(lambda a: a * a, x)
    x[:] = 100.0
    assert np.allclose(pullback(np.ones(3))[0].tolist(), 2 * X)
    assert np.allclose(value.tolist(), X * X)


# ── every order ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("x", [-2.0, 0.1, 0.9])
def test_grad_of_grad_of_grad(x: float) -> None:
    f = lambda v: np.sin(v) * np.exp(v)
    orders = [f]
    for _ in range(4):
        orders.append(tj.grad(orders[-1]))
    at = np.float64(x)
    e, s, c = math.exp(x), math.sin(x), math.cos(x)
    want = [e * s, e * (s + c), 2 * e * c, 2 * e * (c - s), -4 * e * s]
    assert [float(g(at)) for g in orders] == pytest.approx(want, rel=1e-12)


def test_an_inner_gradient_is_differentiated_by_the_outer_level() -> None:
    def inner_norm(x: Any) -> Any:
        return (tj.grad(polynomial)(x) ** 2).sum()

    got = tj.grad(inner_norm)(X).tolist()
    want = tj.numerical_gradient(lambda x: float((tj.grad(polynomial)(x) ** 2).sum()), X.copy())
    assert np.allclose(got, want, rtol=1e-6)


def test_levels_are_not_mixed_up() -> None:
    # the classic of perturbation confusion: d/dx (x · d/dy (x + y)) = 1, not 2
    assert tj.grad(lambda x: x * tj.grad(lambda y: x + y)(1.0))(1.0).item() == 1.0
    # the same Tensor closed over and given
    x = tj.Tensor(np.float64(3.0), requires_grad=True)
    assert tj.grad(lambda y: x * y)(x).item() == 3.0
    assert tj.grad(lambda y: y * tj.grad(lambda z: y * y * z)(y))(np.float64(2.0)).item() == 12.0


@given(st.integers(1, 4), st.floats(-1.5, 1.5))
def test_orders_of_a_power(order: int, x: float) -> None:
    f: Callable[..., Any] = lambda v: v**5
    want = x**5
    for k in range(order):
        f, want = tj.grad(f), math.perm(5, k + 1) * x ** (4 - k)
    assert float(f(np.float64(x))) == pytest.approx(want, rel=1e-12, abs=1e-12)


# ── other Tensors that the function uses ────────────────────────────────────────────────────────


def test_the_result_leads_back_to_tensors_that_the_function_closes_over() -> None:
    w = tj.Tensor(X, requires_grad=True)
    g = tj.grad(lambda x: (np.tanh(w * x)).sum())(np.ones(3))
    assert g.requires_grad
    assert w.grad is None
    g.sum().backward()
    t = np.tanh(X)
    assert np.allclose(w.grad.tolist(), (1 - t**2) * (1 - 2 * t * X))


def test_the_result_leads_back_to_an_argument_in_a_graph() -> None:
    w = tj.Tensor(X, requires_grad=True)
    value, g = tj.value_and_grad(lambda x: (x**3).sum())(w * 2.0)
    assert value.requires_grad
    assert g.requires_grad
    (g.sum() + value).backward()
    assert np.allclose(w.grad.tolist(), 6 * (2 * X) * 2 + 3 * (2 * X) ** 2 * 2)


def test_no_graph_where_nobody_can_ask() -> None:
    for result in (
        tj.grad(polynomial)(X), tj.value_and_grad(polynomial)(X)[0], tj.hessian(polynomial)(X),
        tj.jacobian(np.tanh)(X), tj.vjp(np.tanh, X)[0], tj.vjp(np.tanh, X)[1](X)[0],
        *tj.jvp(np.tanh, (X,), (X,)), tj.hvp(polynomial, X, X),
    ):
        assert not result.requires_grad


def test_a_level_leaves_no_graph_behind() -> None:
    gc.collect()
    before = sum(type(o) is Leaf for o in gc.get_objects())
    kept = [tj.grad(tj.grad(lambda x: np.sin(x) * x))(np.float64(k)) for k in range(5)]
    kept += [tj.hvp(polynomial, X, X), tj.hessian(polynomial)(X)]
    gc.collect()
    assert sum(type(o) is Leaf for o in gc.get_objects()) == before
    assert len(kept) == 7


def test_the_graph_dies_with_the_pullback() -> None:
    seen = []

    def f(x: Any) -> Any:
        y = np.exp(x)
        seen.append(weakref.ref(y._data))
        return y * 2.0

    value, pullback = tj.vjp(f, X)
    assert seen[0]() is not None
    del pullback
    assert seen[0]() is None
    assert value.shape == (3,)


def test_under_no_grad_the_transform_works_and_its_result_is_a_constant() -> None:
    w = tj.Tensor(X, requires_grad=True)
    h = np.exp(w)
    with tj.no_grad():
        g = tj.grad(lambda x: (x * x * h).sum())(w)
        assert not g.requires_grad
    assert np.allclose(g.tolist(), 2 * X * np.exp(X))
    h.sum().backward()  # the graph that f closed over is still whole
    assert np.allclose(w.grad.tolist(), np.exp(X))


def test_hooks_of_others_are_not_run_for_gradients_older_than_the_call() -> None:
    w = tj.Tensor(X, requires_grad=True)
    seen = []
    old = w * 2.0
    old.register_hook(seen.append)
    tj.grad(lambda x: (x * x).sum())(old)
    assert seen == []


def test_threads() -> None:
    results: list[float] = []

    def work(k: int) -> None:
        results.extend(tj.grad(tj.grad(lambda x: x**4))(float(k)).item() for _ in range(20))

    threads = [Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(set(results)) == [0.0, 12.0, 48.0, 108.0]
    assert len(results) == 80


# ── vjp and jvp ─────────────────────────────────────────────────────────────────────────────────


def mixing(x: Any, y: Any) -> Any:
    return {"p": x * y, "q": [np.sin(x).sum(), y]}


def test_vjp_of_nested_results() -> None:
    y = X + 1.0
    value, pullback = tj.vjp(mixing, X, y)
    assert set(value) == {"p", "q"}
    assert np.allclose(value["p"].tolist(), X * y)
    for _ in range(2):  # as often as one likes
        gx, gy = pullback({"p": np.ones(3), "q": [2.0, np.ones(3)]})
        assert np.allclose(gx.tolist(), y + 2 * np.cos(X))
        assert np.allclose(gy.tolist(), X + 1.0)


def test_jvp_of_nested_results() -> None:
    y, dx, dy = X + 1.0, np.array([1.0, 0.0, 2.0]), np.array([0.5, 1.0, 0.0])
    value, tangent = tj.jvp(mixing, (X, y), (dx, dy))
    assert np.allclose(value["p"].tolist(), X * y)
    assert np.allclose(tangent["p"].tolist(), dx * y + X * dy)
    assert tangent["q"][0].item() == pytest.approx((np.cos(X) * dx).sum())
    assert np.allclose(tangent["q"][1].tolist(), dy)


@pytest.mark.parametrize(("wide", "narrow"), [(tj.float64, tj.float32), (tj.float32, tj.float64)])
def test_gradients_and_tangents_take_the_dtype_of_what_they_belong_to(wide: Any, narrow: Any) -> None:
    x, seen = tj.ones(2, dtype=wide), []

    def f(x: tj.Tensor) -> tj.Tensor:
        x.register_hook(lambda g: seen.append(g.dtype))
        return x * 3.0

    _, pullback = tj.vjp(f, x)
    (back,) = pullback(tj.ones(2, dtype=narrow))
    assert back.dtype == wide
    assert seen == [wide]
    y, moved = tj.jvp(lambda x: x * 3.0, (x,), (tj.ones(2, dtype=narrow),))
    assert (y.dtype, moved.dtype, moved.tolist()) == (wide, wide, [3.0, 3.0])


def test_jvp_takes_a_single_argument_as_it_is() -> None:
    value, tangent = tj.jvp(np.exp, X, np.ones(3))
    assert np.allclose(value.tolist(), tangent.tolist())
    _, tangent = tj.jvp(lambda p: p["a"] * p["b"], {"a": X, "b": 2.0}, {"a": np.ones(3), "b": 1.0})
    assert np.allclose(tangent.tolist(), 2.0 + X)


def test_jvp_of_what_does_not_move() -> None:
    value, tangent = tj.jvp(lambda x: tj.Tensor([1.0, 2.0]), (X,), (X,))
    assert value.tolist() == [1.0, 2.0]
    assert tangent.tolist() == [0.0, 0.0]
    _, tangent = tj.jvp(lambda x: np.sign(x), (X,), (X,))
    assert tangent.tolist() == [0.0, 0.0, 0.0]


def test_jvp_is_differentiated_and_nested() -> None:
    # d/dx of the directional derivative of sin·x along v
    directional = lambda x: tj.jvp(lambda a: np.sin(a) * a, (x,), (np.ones(3),))[1].sum()
    assert np.allclose(tj.grad(directional)(X).tolist(), 2 * np.cos(X) - X * np.sin(X))
    second = tj.jvp(lambda x: tj.jvp(np.sin, (x,), (np.ones(3),))[1], (X,), (np.ones(3),))[1]
    assert np.allclose(second.tolist(), -np.sin(X))
    along = tj.grad(lambda v: tj.jvp(np.sin, (X,), (v,))[1].sum())(np.ones(3))
    assert np.allclose(along.tolist(), np.cos(X))


def test_a_pullback_is_differentiated() -> None:
    g = tj.grad(lambda v: (tj.vjp(np.sin, X)[1](v)[0] ** 2).sum())(np.ones(3))
    assert np.allclose(g.tolist(), 2 * np.cos(X) ** 2)


@given(st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6))
def test_jvp_and_vjp_are_transposes(numbers: list[float]) -> None:
    f = lambda x: np.tanh(x @ np.arange(6.0).reshape(2, 3)) * x.sum()
    x, v, u = np.array(numbers[:2]), np.array([1.0, -2.0]), np.array(numbers[3:])
    _, moved = tj.jvp(f, (x,), (v,))
    pulled = tj.vjp(f, x)[1](u)[0]
    assert float((moved * u).sum()) == pytest.approx(float((pulled * v).sum()), rel=1e-10, abs=1e-12)
    h = 1e-6
    around = [np.tanh((x + s * v) @ np.arange(6.0).reshape(2, 3)) * (x + s * v).sum() for s in (h, -h)]
    assert np.allclose(moved.tolist(), (around[0] - around[1]) / (2 * h), atol=1e-7)


# ── jacobian, hessian, hvp ──────────────────────────────────────────────────────────────────────


def test_jacobian_shapes() -> None:
    a = np.arange(6.0).reshape(2, 3)
    j = tj.jacobian(lambda x: x @ a)(np.ones((4, 2)))
    assert j.shape == (4, 3, 4, 2)
    assert np.allclose(j.tolist(), np.einsum("ij,kl->iljk", np.eye(4), a))
    assert tj.jacobian(lambda x: x * X)(2.0).shape == (3,)
    assert tj.jacobian(lambda x: x.sum())(X).shape == (3,)
    assert tj.jacobian(lambda x: x * 2.0)(np.zeros((0, 2))).shape == (0, 2, 0, 2)


def test_jacobian_of_nested_arguments_and_results() -> None:
    j = tj.jacobian(lambda p, s: (p["w"] * s, p["w"].sum()))({"w": X}, 2.0)
    assert np.allclose(j[0]["w"].tolist(), 2 * np.eye(3))
    assert j[1]["w"].tolist() == [1.0] * 3
    both = tj.jacobian(lambda x, y: x * y, (0, 1))(X, X + 1.0)
    assert np.allclose(both[0].tolist(), np.diag(X + 1.0))
    assert np.allclose(both[1].tolist(), np.diag(X))


def test_jacobian_is_differentiated() -> None:
    g = tj.grad(lambda x: (tj.jacobian(lambda v: v**3)(x) ** 2).sum())(X)
    assert np.allclose(g.tolist(), 36 * X**3)


def test_hessian() -> None:
    a = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [5.0, 0.0, 1.0]])
    h = tj.hessian(lambda x: x @ a @ x + (x**4).sum())(X)
    assert np.allclose(h.tolist(), a + a.T + np.diag(12 * X**2))
    assert tj.hessian(lambda x: (x**3).sum())(np.ones((2, 2))).shape == (2, 2, 2, 2)
    assert tj.hessian(lambda x: x**3)(2.0).item() == 12.0


def test_hessian_of_a_dict_and_of_several_arguments() -> None:
    h = tj.hessian(lambda p: (p["a"] * p["b"] ** 2).sum())({"a": X, "b": X})
    assert np.allclose(h["a"]["a"].tolist(), np.zeros((3, 3)))
    assert np.allclose(h["a"]["b"].tolist(), np.diag(2 * X))
    assert np.allclose(h["b"]["b"].tolist(), np.diag(2 * X))
    blocks = tj.hessian(lambda x, y: (x * y).sum(), (0, 1))(X, X)
    assert np.allclose(blocks[0][1].tolist(), np.eye(3))
    assert not np.any(blocks[1][1].tolist())


def test_hvp() -> None:
    v = np.array([1.0, -1.0, 0.5])
    want = np.asarray(tj.hessian(polynomial)(X)) @ v
    assert np.allclose(tj.hvp(polynomial, X, v).tolist(), want)
    (one,) = tj.hvp(polynomial, (X,), (v,))
    assert np.allclose(one.tolist(), want)
    hx, hy = tj.hvp(lambda x, y: (x * x * y).sum(), (X, X + 1.0), (v, v))
    assert np.allclose(hx.tolist(), 2 * (X + 1.0) * v + 2 * X * v)
    assert np.allclose(hy.tolist(), 2 * X * v)
    p = tj.hvp(lambda p: (p["a"] ** 3).sum(), {"a": X}, {"a": v})
    assert np.allclose(p["a"].tolist(), 6 * X * v)


@given(st.integers(1, 4), st.integers(0, 1000))
def test_hvp_agrees_with_the_hessian(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, v, a = rng.standard_normal(size), rng.standard_normal(size), rng.standard_normal((size, size))
    f = lambda x: np.tanh(a @ x).sum() * (x * x).sum()
    h = np.asarray(tj.hessian(f)(x))
    assert np.allclose(h, h.T, atol=1e-12)
    assert np.allclose(tj.hvp(f, x, v).tolist(), h @ v, atol=1e-10)


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("run", "kind", "key"),
    [
        (lambda: tj.grad(lambda x: x * 2.0)(X), GradientError, "grad_not_scalar"),
        (lambda: tj.grad(lambda x: (x, x))(X), GradientError, "not_a_tensor"),
        (lambda: tj.grad(lambda x: x.sum().item())(X), GradientError, "not_a_tensor"),
        (lambda: tj.vjp(lambda x: [x, 1.0], X), GradientError, "not_a_tensor"),
        (lambda: tj.grad(lambda x: x.sum())(np.array([1, 2])), DTypeError, "argument_dtype"),
        (lambda: tj.grad(lambda x: x["n"])({"n": True}), ArgumentError, "argument_kind"),
        (lambda: tj.grad(lambda x: x)("text"), ArgumentError, "argument_kind"),
        (lambda: tj.grad(tj.Tensor([1.0])), ArgumentError, "transform_of"),
        (lambda: tj.hessian(3.0), ArgumentError, "transform_of"),
        (lambda: tj.grad(lambda x: x.sum(), has_aux=True)(X), ArgumentError, "has_aux"),
        (lambda: tj.vjp(np.exp, X)[1](np.ones(2)), ShapeError, "tangent_shape"),
        (lambda: tj.vjp(np.exp, X)[1]((np.ones(3),)), ArgumentError, "structure"),
        (lambda: tj.jvp(np.exp, (X,), (X, X)), ArgumentError, "structure"),
        (lambda: tj.jvp(np.exp, (X,), (np.ones(2),)), ShapeError, "tangent_shape"),
    ],
)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_refusals(run: Callable[[], Any], kind: type[Exception], key: str, language: Any) -> None:
    tj.set_language(language)
    try:
        with pytest.raises(kind) as error:
            run()
        assert error.value.key == key
        assert str(error.value).isascii() is (language == "en")
    finally:
        tj.set_language(None)


def test_a_function_that_went_back_itself_and_freed_its_graph_is_refused() -> None:
    def f(x: tj.Tensor) -> tj.Tensor:
        y = (x * x).sum()
        y.backward()
        return y

    with pytest.raises(GradientError) as error:
        tj.grad(f)(tj.tensor([1.0, 2.0]))
    assert error.value.key == "backward_twice"


def test_the_error_for_a_vector_names_the_remedies() -> None:
    tj.set_language("en")
    try:
        with pytest.raises(GradientError, match=r"tj\.jacobian.*") as error:
            tj.grad(np.exp)(X)
        assert error.value.facts == {"name": "exp", "shape": (3,)}
        assert ".sum()" in str(error.value)
    finally:
        tj.set_language(None)


def test_the_path_to_a_bad_parameter_is_told() -> None:
    with pytest.raises(DTypeError) as error:
        tj.grad(lambda p: p["a"].sum())({"a": X, "steps": [np.array(3)]})
    assert error.value.facts["path"] == "args[0]['steps'][0]"


@pytest.mark.parametrize("transform", [tj.grad, tj.value_and_grad, tj.jacobian, tj.hessian])
def test_values_in_the_place_of_argnums_are_refused(transform):
    for place in (np.ones(3), tj.ones(3), 3.0, "a"):
        with pytest.raises(ArgumentError, match="argnums"):
            transform(lambda x: x, place)
