"""checkpoint: the same gradients, less memory."""

from __future__ import annotations

import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp.errors import GradientError

X = np.array([0.3, -1.2, 2.0])


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    tj.set_language("en")
    yield
    tj.set_language(None)


def leaf(values: Any = X) -> tj.Tensor:
    return tj.Tensor(np.array(values, np.float64), requires_grad=True)


def plainly(f: Callable[..., Any], *xs: Any) -> Any:
    return f(*xs)


def test_the_gradients_of_inputs() -> None:
    f = lambda x, y: np.tanh(x * y) + np.sin(x)
    grads = []
    for call in (plainly, tj.checkpoint):
        x, y = leaf(), leaf(X + 1.0)
        out = call(f, x, y)
        (out * out).sum().backward()
        grads.append((out.tolist(), x.grad.tolist(), y.grad.tolist()))
    assert grads[0] == grads[1]


def test_the_gradients_of_parameters_that_the_function_closes_over() -> None:
    grads = []
    for call in (plainly, tj.checkpoint):
        x, w, v = leaf(), leaf(X * 2.0), leaf(X - 1.0)
        h = np.exp(v)  # not a leaf
        y = call(lambda x, w=w, h=h: (x * w + h).sum() * w, x)
        (y * h).sum().backward()
        grads.append([t.grad.tolist() for t in (x, w, v)])
    assert np.allclose(grads[0], grads[1], rtol=1e-14)


def test_parameters_alone() -> None:
    w, data = leaf(), np.ones(3)
    y = tj.checkpoint(lambda x: (x * w * w).sum(), data)
    data[:] = 100.0  # the user's own array may go on changing
    y.backward()
    assert np.allclose(w.grad.tolist(), 2 * X)


def test_an_argument_that_the_function_closes_over_too() -> None:
    x = leaf()
    tj.checkpoint(lambda a, b: a * x * b, x, x).sum().backward()
    assert np.allclose(x.grad.tolist(), 3 * X**2)


def test_nested_arguments_and_results() -> None:
    x, w = leaf(), leaf(X + 3.0)

    def f(p: Any, *, scale: float) -> Any:
        return {"a": p["x"] * p["w"][0] * scale, "n": 3, "rest": [np.argmax(p["x"]), p["w"][0], p["x"].sum()]}

    y = tj.checkpoint(f, {"x": x, "w": [w]}, scale=2.0)
    assert y["n"] == 3
    assert y["rest"][0].item() == 2
    (y["a"].sum() + y["rest"][2] * 5.0 + y["rest"][1].sum()).backward()
    assert np.allclose(x.grad.tolist(), 2 * (X + 3.0) + 5.0)
    assert np.allclose(w.grad.tolist(), 2 * X + 1.0)


def test_one_of_several_results_is_used() -> None:
    x, w = leaf(), leaf()
    a, b = tj.checkpoint(lambda x: (np.exp(x), w * 2.0), x)
    b.sum().backward()
    assert w.grad.tolist() == [2.0] * 3
    assert x.grad.tolist() == [0.0] * 3
    assert np.allclose(a.tolist(), np.exp(X))


def test_nested_checkpoints() -> None:
    runs = []

    def block(x: Any) -> Any:
        runs.append(1)
        return np.tanh(x * 1.5)

    x = leaf()
    y = tj.checkpoint(lambda x: tj.checkpoint(block, tj.checkpoint(block, x)) * x, x)
    assert len(runs) == 2
    y.sum().backward()
    first = np.tanh(X * 1.5)
    second = np.tanh(first * 1.5)
    slope = second + X * (1 - second**2) * 1.5 * (1 - first**2) * 1.5
    assert np.allclose(x.grad.tolist(), slope)
    assert len(runs) == 6


@given(st.integers(0, 10_000))
def test_any_cut_of_a_network_gives_the_same_gradients(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((4, 4)) for _ in range(4)]
    x0, cuts = rng.standard_normal((3, 4)), rng.random(4) < 0.5

    def gradients(checkpointed: bool) -> list[Any]:
        ws, x = [leaf(w) for w in weights], leaf(x0)
        h = x
        for w, cut in zip(ws, cuts, strict=True):
            layer = lambda h, w=w: np.tanh(h @ w) + h
            h = tj.checkpoint(layer, h) if checkpointed and cut else layer(h)
        (h * h).sum().backward()
        return [t.grad.numpy() for t in (x, *ws)]

    for a, b in zip(gradients(False), gradients(True), strict=True):
        assert np.allclose(a, b, rtol=1e-12)


def test_random_numbers_are_replayed() -> None:
    tj.manual_seed(3)
    np.random.seed(3)
    masks = []

    def drop(x: Any) -> Any:
        mask = (tj.rand(3) > 0.5).numpy() * np.random.rand(3)
        masks.append(mask)
        return x * mask

    x = leaf()
    y = tj.checkpoint(drop, x)
    between = (tj.rand(1).item(), np.random.rand())
    y.sum().backward()
    assert masks[0].tolist() == masks[1].tolist() == x.grad.tolist()
    after = (tj.rand(1).item(), np.random.rand())
    tj.manual_seed(3)
    np.random.seed(3)
    drop(x)
    assert (tj.rand(1).item(), np.random.rand()) == between
    assert (tj.rand(1).item(), np.random.rand()) == after


def test_higher_orders() -> None:
    f = lambda x, w: tj.checkpoint(lambda x: np.sin(x * w) * x, x) * w
    assert tj.gradcheck(f, (X, X + 1.0), order=3)
    x = leaf()
    (g,) = tj.autograd.grad(tj.checkpoint(lambda x: x**3, x).sum(), x, create_graph=True)
    assert g.requires_grad
    g.sum().backward()
    assert np.allclose(x.grad.tolist(), 6 * X)
    assert np.allclose(tj.hessian(lambda x: tj.checkpoint(lambda x: (x**4).sum(), x))(X).tolist(), np.diag(12 * X**2))


def test_retain_graph_and_second_backward() -> None:
    x = leaf()
    y = tj.checkpoint(lambda x: x * x, x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert np.allclose(x.grad.tolist(), 4 * X)
    with pytest.raises(GradientError, match=r"checkpoint|sum"):
        y.backward()


def test_hooks_run_once() -> None:
    x, w = leaf(), leaf()
    seen = []
    w.register_hook(lambda g: seen.append("leaf"))
    h = w * 2.0
    h.register_hook(lambda g: seen.append("inner"))
    tj.checkpoint(lambda x: x * h * w, x).sum().backward()
    assert sorted(seen) == ["inner", "leaf"]
    assert np.allclose(w.grad.tolist(), 4 * X * X)


# ── memory ──────────────────────────────────────────────────────────────────────────────────────


def test_what_the_function_recorded_is_freed_at_once() -> None:
    seen = []

    def f(x: Any) -> Any:
        h = np.exp(x)
        seen.append(weakref.ref(h._data))
        return np.sin(h)

    x = leaf()
    y = tj.checkpoint(f, x)
    assert seen[0]() is None
    y.sum().backward()
    assert seen[1]() is None
    assert np.allclose(x.grad.tolist(), np.cos(np.exp(X)) * np.exp(X))


def test_peak_memory() -> None:
    def block(x: Any) -> Any:
        for _ in range(10):
            x = np.tanh(x)
        return x

    def peak(call: Callable[..., Any]) -> int:
        x = leaf(np.ones(20_000))
        tracemalloc.start()
        y = x
        for _ in range(10):
            y = call(block, y)
        y.sum().backward()
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(tj.checkpoint) < 0.35 * peak(plainly)


def test_the_arguments_are_let_go_after_backward() -> None:
    x = leaf()
    h = np.exp(x)
    array = weakref.ref(h._data)
    y = tj.checkpoint(lambda h: h * 2.0, h).sum()
    del h
    assert array() is not None
    y.backward()
    assert array() is None


# ── where there is nothing to do, or something wrong ────────────────────────────────────────────


def test_without_gradients_it_is_a_plain_call() -> None:
    assert not tj.checkpoint(np.exp, tj.Tensor(X)).requires_grad
    assert np.allclose(tj.checkpoint(np.exp, X), np.exp(X))
    with tj.no_grad():
        assert not tj.checkpoint(lambda x: x * 2.0, leaf()).requires_grad
    x = leaf()
    assert not tj.checkpoint(lambda x: x.detach() * 2.0, x).requires_grad


def test_in_place_changes_in_between_are_refused() -> None:
    w = leaf()
    w.name = "w"
    for change in (
        lambda: w.data.__setitem__(0, 5.0),
        lambda: setattr(w, "data", np.ones(3)),
        lambda: tj.no_grad()(lambda: w.copy_(X))(),
    ):
        x = leaf()
        y = tj.checkpoint(lambda x: x * w, x)
        change()
        with pytest.raises(GradientError) as error:
            y.sum().backward()
        assert error.value.key == "changed_in_place"
    x = leaf()
    h = x * 2.0
    y = tj.checkpoint(lambda h: h * h, h)
    h.data[0] = 7.0
    with pytest.raises(GradientError):
        y.sum().backward()


def test_a_function_that_changes_its_argument_is_refused() -> None:
    w = leaf()

    def f(x: Any) -> Any:
        y = x * w
        x.data[0] = 3.0
        return y

    with pytest.raises(GradientError):
        tj.checkpoint(f, tj.Tensor(X))


def test_in_place_operations_on_an_intermediate_argument() -> None:
    def f(h: Any) -> Any:
        h *= 3.0
        return h * h

    grads = []
    for call in (plainly, tj.checkpoint):
        x = leaf()
        call(f, np.exp(x)).sum().backward()
        grads.append(x.grad.tolist())
    assert np.allclose(grads[0], grads[1])
    assert np.allclose(grads[0], 18 * np.exp(2 * X))


def test_a_function_that_does_something_else_the_second_time_is_refused() -> None:
    calls: list[int] = []
    w = leaf()

    def shape(x: Any) -> Any:
        calls.append(1)
        return x[: len(calls)] * 2.0

    with pytest.raises(GradientError, match=r"float64\[2\] where it gave float64\[1\]"):
        tj.checkpoint(shape, leaf()).sum().backward()
    calls.clear()

    def other(x: Any) -> Any:
        calls.append(1)
        return x * w if len(calls) > 1 else x * 2.0

    with pytest.raises(GradientError, match="a Tensor that it had not used"):
        tj.checkpoint(other, leaf()).sum().backward()


def test_an_argument_may_be_dropped() -> None:
    w = leaf()
    y = tj.checkpoint(lambda x: x * w, leaf(X + 1.0))
    y.sum().backward()
    assert np.allclose(w.grad.tolist(), X + 1.0)


def test_a_leaf_made_inside_does_no_harm() -> None:
    x = leaf()
    tj.checkpoint(lambda x: x * leaf(), x).sum().backward()
    assert np.allclose(x.grad.tolist(), X)


def test_the_transforms_may_be_used_inside() -> None:
    x = leaf()
    tj.checkpoint(lambda x: tj.grad(lambda v: (v**3).sum())(x), x).sum().backward()
    assert np.allclose(x.grad.tolist(), 6 * X)


def test_a_function_that_closes_over_what_a_transform_lent() -> None:
    w = leaf(X + 1.0)
    slope = tj.grad(lambda v: tj.checkpoint(lambda x: x * v * w, tj.tensor(X)).sum())
    assert np.allclose(slope(tj.tensor(X * 0)).tolist(), X * (X + 1.0))
