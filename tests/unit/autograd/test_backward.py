"""The walk back: what it adds up, in what order, what it frees, and what it refuses."""

from __future__ import annotations

import gc
import math
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp.autograd.apply import wrap
from tinygrad_jp.errors import GradientError, ShapeError
from tinygrad_jp.testing.fakegpu import FakeGPU
from tinygrad_jp.vocabulary.rule import REGISTRY


def leaf(*values: float) -> tj.Tensor:
    return tj.Tensor(np.array(values), requires_grad=True)


# ── sums ────────────────────────────────────────────────────────────────────────────────────────


def test_gradients_of_several_backward_passes_add_up() -> None:
    x = leaf(1.0, 2.0)
    for times in (1, 2, 3):
        (x * x).backward(np.ones(2))
        assert x.grad.tolist() == [2.0 * times, 4.0 * times]


def test_the_same_tensor_twice_in_one_operation() -> None:
    a = leaf(3.0)
    b = a + a
    c = b + b
    c.backward(np.ones(1))
    assert a.grad.tolist() == [4.0]
    a.grad = None
    (a * a).backward(np.ones(1))
    assert a.grad.tolist() == [6.0]


def test_diamond() -> None:
    x = leaf(0.5)
    y = np.sin(x)
    (np.exp(y) * y + y).backward(np.ones(1))
    s = math.sin(0.5)
    assert x.grad.item() == pytest.approx((math.exp(s) * (s + 1) + 1) * math.cos(0.5), rel=1e-12)


def test_a_ladder_of_diamonds_is_walked_once_per_node() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):  # 2^60 paths
        y = y * 0.5 + y * 0.5
    y.backward(np.ones(1))
    assert x.grad.item() == 1.0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.booleans()), min_size=1, max_size=30))
def test_random_graphs_agree_with_dual_numbers(steps: list[tuple[int, int, bool]]) -> None:
    x = leaf(0.7)
    values = [(x, 0.7, 1.0)]
    for i, j, product in steps:
        (a, u, du), (b, v, dv) = values[i % len(values)], values[j % len(values)]
        if product:
            values.append((np.tanh(a * b), math.tanh(u * v), (1 - math.tanh(u * v) ** 2) * (u * dv + v * du)))
        else:
            values.append((a * 0.5 - b, u * 0.5 - v, du * 0.5 - dv))
    total, _, slope = values[-1]
    total.backward(np.ones(1))
    assert x.grad.item() == pytest.approx(slope, rel=1e-9, abs=1e-12)


def test_broadcast_arguments_get_gradients_of_their_own_shape() -> None:
    a, b = tj.Tensor(np.ones((2, 1, 3)), requires_grad=True), leaf(1.0, 2.0, 3.0)
    c = tj.Tensor(np.float64(2.0), requires_grad=True)
    (a * b * c * np.ones((4, 3))).backward(np.ones((2, 4, 3)))
    assert a.grad.shape == (2, 1, 3)
    assert b.grad.shape == (3,)
    assert c.grad.shape == ()
    assert a.grad[0, 0].tolist() == [8.0, 16.0, 24.0]
    assert b.grad.tolist() == [16.0] * 3
    assert c.grad.item() == 48.0


# ── depth, memory ───────────────────────────────────────────────────────────────────────────────


def test_a_chain_of_100_000_operations() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1.0
    y.backward(np.ones(1))
    assert x.grad.item() == 1.0
    del y


def test_a_chain_of_100_000_operations_is_freed_without_backward() -> None:
    y = leaf(1.0)
    for _ in range(100_000):
        y = y * 1.0
    node = weakref.ref(y)
    del y
    gc.collect()
    assert node() is None


def test_intermediate_arrays_are_freed_when_no_rule_keeps_them() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2.0
    array = weakref.ref(h._data)
    y = h + 1.0  # add keeps nothing
    del h
    assert array() is None
    y.backward(np.ones(2))
    assert x.grad.tolist() == [2.0, 2.0]


def test_saved_arrays_are_freed_by_backward() -> None:
    x = leaf(1.0, 2.0)
    h = np.exp(x)
    array = weakref.ref(h._data)
    y = np.sin(h)
    del h
    assert array() is not None
    y.backward(np.ones(2))
    assert array() is None


def test_no_cycle_needs_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0)
        y = np.tanh(x * x)
        y.backward(np.ones(1), retain_graph=True)
        seen = weakref.ref(y)
        del y
        assert seen() is None
    finally:
        gc.enable()


def test_gradients_never_alias() -> None:
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = np.ones(2)
    (a + b).backward(seed)
    ga, gb = a.grad._data, b.grad._data
    assert not np.shares_memory(ga, gb)
    assert not np.shares_memory(ga, seed)
    assert not np.shares_memory(gb, seed)
    (a + b).backward(seed)
    assert seed.tolist() == [1.0, 1.0]
    assert a.grad.tolist() == b.grad.tolist() == [2.0, 2.0]


def test_a_gradient_that_is_a_saved_array_is_copied() -> None:
    a = tj.Tensor(np.float64(1.0), requires_grad=True)
    b = leaf(2.0, 3.0)
    y = a * b  # g·b, with g = 1, must not become b itself
    y.backward(np.ones(2))
    a.grad = None
    (a * b).sum().backward()
    b.grad *= 0
    assert b.tolist() == [2.0, 3.0]


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


def test_backward_twice_is_refused_unless_retained() -> None:
    x = leaf(1.0, 2.0)
    y = np.exp(x)
    y.backward(np.ones(2), retain_graph=True)
    y.backward(np.ones(2))
    with pytest.raises(GradientError) as error:
        y.backward(np.ones(2))
    assert error.value.key == "backward_twice"
    assert "np.exp" in str(error.value)
    assert x.grad.tolist() == (2 * np.exp([1.0, 2.0])).tolist()


def test_a_shared_part_that_was_freed_is_refused() -> None:
    x = leaf(1.0)
    h = np.exp(x)
    (h * 2.0).backward(np.ones(1))
    with pytest.raises(GradientError):
        (h * 3.0).backward(np.ones(1))


def test_backward_needs_a_scalar_or_a_gradient() -> None:
    y = leaf(1.0, 2.0) * 2.0
    with pytest.raises(GradientError) as error:
        y.backward()
    assert error.value.key == "backward_not_scalar"
    assert error.value.facts["shape"] == (2,)
    with pytest.raises(ShapeError) as wrong:
        y.backward(np.ones(3))
    assert wrong.value.facts == {"given": (3,), "shape": (2,)}


def test_backward_of_one_element_needs_no_gradient() -> None:
    x = leaf(3.0)
    (x * x).backward()
    assert x.grad.tolist() == [6.0]


def test_backward_needs_a_graph() -> None:
    x = leaf(1.0)
    for y in (tj.Tensor([1.0]), (x * 2.0).detach()):
        with pytest.raises(GradientError) as error:
            y.backward()
        assert error.value.key == "backward_no_graph"
    with tj.no_grad():
        y = x * 2.0
    with pytest.raises(GradientError):
        y.backward()


def test_a_leaf_is_its_own_gradient() -> None:
    x = leaf(5.0)
    x.backward()
    assert x.grad.tolist() == [1.0]


# ── x += y ──────────────────────────────────────────────────────────────────────────────────────


def test_in_place_on_a_leaf_is_refused_outside_no_grad() -> None:
    x = leaf(1.0)
    x.name = "w"
    with pytest.raises(GradientError, match="'w'"):
        x += 1.0
    with tj.no_grad():
        same = x
        x += 1.0
    assert x is same
    assert x.tolist() == [2.0]
    assert x.requires_grad
    assert x.is_leaf


def test_in_place_on_a_result_joins_the_graph() -> None:
    x, w = leaf(2.0), leaf(3.0)
    y = x * x
    kept = np.exp(y)
    y += w
    y *= 2.0
    (y + kept * 0.0).backward(np.ones(1))
    assert y.tolist() == [14.0]
    assert x.grad.item() == pytest.approx(8.0)
    assert w.grad.tolist() == [2.0]


# ── higher orders ───────────────────────────────────────────────────────────────────────────────


def test_third_derivative_of_tanh_by_create_graph() -> None:
    x = leaf(0.3, -1.2)
    y = np.tanh(x)
    for _ in range(3):
        (y,) = tj.autograd.grad(y, x, np.ones(2), create_graph=True)
    t = np.tanh([0.3, -1.2])
    assert np.allclose(y.tolist(), (1 - t**2) * (6 * t**2 - 2), rtol=1e-12)


def test_create_graph_gives_a_gradient_with_a_graph() -> None:
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    first = x.grad
    assert first.requires_grad
    x.grad = None
    first.backward()
    assert x.grad.item() == pytest.approx(12.0)


def test_gradient_penalty() -> None:
    w, x = leaf(0.5, -0.4), leaf(1.0, 2.0)
    (g,) = tj.autograd.grad(np.tanh(w * x).sum(), x, create_graph=True)
    (g * g).sum().backward()

    def penalty(w: np.ndarray) -> float:
        return float((((1 - np.tanh(w * [1.0, 2.0]) ** 2) * w) ** 2).sum())

    assert np.allclose(w.grad.tolist(), tj.numerical_gradient(penalty, np.array([0.5, -0.4])), rtol=1e-7)


# ── tj.autograd.grad ────────────────────────────────────────────────────────────────────────────


def test_grad_leaves_every_grad_alone() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (g,) = tj.autograd.grad((x * w).sum(), x)
    assert g.tolist() == [3.0, 4.0]
    assert not g.requires_grad
    assert x.grad is None
    assert w.grad is None


def test_grad_of_an_intermediate_input_keeps_what_is_below() -> None:
    x = leaf(1.0, 2.0)
    h = np.exp(x)
    (g,) = tj.autograd.grad((h * h).sum(), h)
    assert np.allclose(g.tolist(), 2 * np.exp([1.0, 2.0]))
    h.backward(np.ones(2))  # PyTorch allows it too: grad never went below h
    assert np.allclose(x.grad.tolist(), np.exp([1.0, 2.0]))


def test_grad_of_inputs_above_one_another() -> None:
    x = leaf(2.0)
    h = x * x
    y = h * x
    gy, gh, gx = tj.autograd.grad(y, [y, h, x])
    assert (gy.item(), gh.item(), gx.item()) == (1.0, 2.0, 12.0)


def test_grad_does_not_run_what_is_older_than_its_inputs() -> None:
    x = leaf(1.0)
    seen = []
    old = x * 2.0
    old.register_hook(lambda g: seen.append(g.item()))
    h = old * 3.0
    tj.autograd.grad(h * 5.0, h)
    assert seen == []
    tj.autograd.grad(old * 3.0 * 5.0, x)
    assert seen == [15.0]


@pytest.mark.parametrize("create_graph", [False, True])
def test_grad_of_several_outputs(create_graph: bool) -> None:
    x = leaf(1.0, 2.0)
    a, b = x * x, np.exp(x)
    (g,) = tj.autograd.grad([a, b, x], x, [np.ones(2), np.ones(2) * 2, np.ones(2)], create_graph=create_graph)
    assert np.allclose(g.tolist(), [3.0, 5.0] + 2 * np.exp([1.0, 2.0]))
    assert g.requires_grad is create_graph
    if create_graph:
        g.sum().backward()
        assert np.allclose(x.grad.tolist(), 2.0 + 2 * np.exp([1.0, 2.0]))


def test_grad_of_an_unused_input() -> None:
    x, w = leaf(1.0), leaf(2.0)
    w.name = "w"
    with pytest.raises(GradientError, match="'w'") as error:
        tj.autograd.grad(x * 2.0, [x, w])
    assert error.value.facts["index"] == 1
    gx, gw = tj.autograd.grad(x * 2.0, [x, w], allow_unused=True)
    assert gx.tolist() == [2.0]
    assert gw is None


def test_grad_refuses_what_has_no_gradient() -> None:
    x = leaf(1.0)
    with pytest.raises(GradientError) as error:
        tj.autograd.grad(x * 2.0, tj.Tensor([1.0]))
    assert error.value.key == "input_no_grad"
    with pytest.raises(GradientError) as error:
        tj.autograd.grad(tj.Tensor([1.0]), x)
    assert error.value.key == "backward_no_graph"
    with pytest.raises(GradientError) as error:
        tj.autograd.grad(leaf(1.0, 2.0) * 2.0, x)
    assert error.value.key == "backward_not_scalar"


def test_grad_gives_arrays_of_its_own() -> None:
    x = leaf(1.0, 2.0)
    seed = np.ones(2)
    (g,) = tj.autograd.grad(x + 0.0, x, seed)
    g += 1.0
    assert seed.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_gradients_keep_the_dtype(dtype: type) -> None:
    x = tj.Tensor(np.array([1.0, 2.0], dtype), requires_grad=True)
    (x * x + 1.0).sum().backward()
    assert x.grad.dtype == dtype
    assert tj.autograd.grad((x * 2.0).sum(), x)[0].dtype == dtype


def test_a_float32_argument_of_a_float64_result() -> None:
    x = tj.Tensor(np.float32([1.0, 2.0]), requires_grad=True)
    y = x * np.array([1.0, 3.0])
    assert y.dtype == np.float64
    y.backward(np.ones(2))
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [1.0, 3.0]


def test_several_results_of_one_operation() -> None:
    x = tj.Tensor(np.array([[2.0, 1.0], [1.0, 3.0]]), requires_grad=True)
    values, vectors = np.linalg.eigh(x)
    values.sum().backward(retain_graph=True)
    assert np.allclose(x.grad.tolist(), np.eye(2))  # the trace
    x.grad = None
    (values.sum() + (vectors * vectors).sum()).backward()
    assert np.allclose(x.grad.tolist(), np.eye(2))


def test_empty_arrays() -> None:
    x = tj.Tensor(np.zeros((0, 3)), requires_grad=True)
    (x * 2.0).sum().backward()
    assert x.grad.shape == (0, 3)


def test_gradients_that_are_recorded_add_up_with_their_graphs() -> None:
    x = tj.tensor([2.0, 3.0], dtype=tj.float64, requires_grad=True)
    for _ in range(3):
        (x**3).sum().backward(create_graph=True)
    assert x.grad.tolist() == [36.0, 81.0]  # 3 · 3x²
    (second,) = tj.autograd.grad(x.grad.sum(), x)
    assert second.tolist() == [36.0, 54.0]  # 3 · 6x


def test_a_gradient_that_is_all_a_node_kept_is_copied() -> None:
    @tj.primitive
    def halved_square(x):
        return x * x / 2

    tj.rule(halved_square, lambda g, x: x)  # right for the gradient 1
    try:
        x = leaf(1.0, 2.0)
        halved_square(x).backward(np.ones(2))
        assert x.grad.tolist() == [1.0, 2.0]
        assert not np.shares_memory(x.grad._data, x._data)
    finally:
        REGISTRY.pop(halved_square, None)


def test_a_gradient_that_nobody_else_holds_is_not_copied() -> None:
    made = []

    @tj.primitive
    def doubled(x):
        return x * 2

    @tj.primitive
    def turned(x):
        return x * 2

    tj.rule(doubled, lambda g: made.append(g * 2) or made[-1])
    tj.rule(turned, lambda g: (g.T * 2).T)
    try:
        x = leaf(1.0, 2.0)
        doubled(x).backward(np.ones(2))
        assert x.grad._data is made[0]
        x = tj.ones(3, 2, requires_grad=True)
        turned(x).backward(np.ones((3, 2)))
        assert x.grad._data.base is not None  # a view of what the rule made
        assert x.grad.tolist() == [[2.0, 2.0]] * 3
    finally:
        for fn in (doubled, turned):
            REGISTRY.pop(fn, None)


def test_a_backward_pass_on_a_gpu_starts_there() -> None:
    x = wrap(FakeGPU(np.array([3.0]))).requires_grad_()
    (x * x).backward()
    assert isinstance(x.grad._data, FakeGPU)
    assert x.grad._data.host.tolist() == [6.0]


HELD = np.arange(6.0)
VIEWS = {  # what a pull gives, and whether a gradient may show it as it is
    "held by another": (lambda: HELD.reshape(2, 3), False),
    "a part": (lambda: np.arange(12.0).reshape(4, 3)[:2], False),
    "not to be written": (lambda: np.broadcast_to(np.ones(3), (2, 3)), False),
    "its own": (lambda: np.arange(6.0).reshape(2, 3), True),
}


@pytest.mark.parametrize("case", VIEWS)
def test_a_gradient_that_is_a_view_is_copied_unless_it_alone_holds_its_array(case: str) -> None:
    view, is_kept = VIEWS[case]

    @tj.primitive
    def viewed(x):
        return x * 1.0

    tj.rule(viewed, lambda g: view())
    try:
        x = tj.ones(2, 3, dtype=tj.float64, requires_grad=True)
        viewed(x).backward(np.ones((2, 3)))
        found = x.grad._data
        assert found.tolist() == view().tolist()
        assert found.flags.writeable
        assert (found.base is not None) == is_kept
        assert not np.shares_memory(found, HELD)
    finally:
        REGISTRY.pop(viewed, None)
