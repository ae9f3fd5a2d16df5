"""What every optimizer does: groups, steps, frozen and replaced parameters, learning rates."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import optim
from tinygrad_jp.errors import GradientError, ShapeError
from tinygrad_jp.optim import parts


def leaf(values, dtype=np.float32):
    return tj.Tensor(np.array(values, dtype), requires_grad=True)


def test_sgd_on_two_arrays():
    w, b = leaf([1.0, 2.0]), leaf([[3.0]])
    w.grad, b.grad = np.array([1.0, -1.0]), np.array([[10.0]])
    optim.SGD([w, b], lr=0.1).step()
    np.testing.assert_allclose(w._data, [0.9, 2.1])
    np.testing.assert_allclose(b._data, [[2.0]])
    assert w.dtype == b.dtype == np.float32


def test_groups_have_options_of_their_own():
    w, b = leaf([1.0]), leaf([1.0])
    optimizer = optim.SGD([{"params": [w]}, {"params": b, "lr": 0.5, "name": "bias"}], lr=0.1)
    w.grad, b.grad = [1.0], [1.0]
    optimizer.step()
    assert [w.item(), b.item()] == pytest.approx([0.9, 0.5])
    assert [g["lr"] for g in optimizer.param_groups] == [0.1, 0.5]
    assert optimizer.param_groups[1]["name"] == "bias"


def test_a_group_that_is_added_later():
    w, b = leaf([1.0]), leaf([1.0])
    optimizer = optim.Adam([w], lr=0.1)
    w.grad = [1.0]
    optimizer.step()
    optimizer.add_param_group({"params": [b], "lr": 0.2})
    w.grad = b.grad = [1.0]
    optimizer.step()
    assert [w.item(), b.item()] == pytest.approx([0.8, 0.8], abs=1e-6)
    steps = [r["step"].item() for r in optimizer.state_dict()["state"].values()]
    assert steps == [2, 1]


def test_the_learning_rate_may_change_at_any_time():
    w = leaf([0.0])
    optimizer = optim.SGD([w], lr=1.0)
    for lr in (1.0, 0.5, np.float64(0.25), np.float32(0.125), tj.tensor(0.0625)):
        w.grad = [1.0]
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
    assert w.item() == -1.9375
    assert w.dtype == np.float32


def test_options_may_change_at_any_time():
    def run(changes):
        w = leaf([1.0, 2.0])
        optimizer = optim.SGD([w], lr=0.1)
        for change in changes:
            optimizer.param_groups[0].update(change)
            w.grad = [1.0, -2.0]
            optimizer.step()
        return w._data

    plain = np.array([1.0, 2.0]) - 0.1 * np.array([1.0, -2.0])
    np.testing.assert_allclose(run([{}]), plain, rtol=1e-6)
    # momentum from the second step on: the first velocity is the gradient
    np.testing.assert_allclose(run([{}, {"momentum": 0.5}]), 2 * plain - [1.0, 2.0], rtol=1e-6)
    got = run([{"momentum": 0.5}, {}, {"momentum": 0}, {"maximize": True}])
    np.testing.assert_allclose(got, np.array([1, 2]) - 0.1 * np.array([1, -2]) * 2.5, rtol=1e-6)


@pytest.mark.parametrize("small", [0, 1000], ids=["in place", "gathered"])
def test_replaced_data_is_what_is_updated(small, monkeypatch):
    monkeypatch.setattr(parts, "SMALL", small)
    w, b = leaf([1.0, 2.0]), leaf([5.0])
    optimizer = optim.SGD([w, b], lr=1.0, momentum=0.5)
    w.grad, b.grad = [1.0, 1.0], [1.0]
    optimizer.step()
    mine = np.array([10.0, 20.0], np.float32)
    old = w._data
    w.data = mine
    optimizer.step()
    np.testing.assert_allclose(w._data, [8.5, 18.5])
    np.testing.assert_allclose(old, [0.0, 1.0])
    np.testing.assert_allclose(mine, [10.0, 20.0])
    np.testing.assert_allclose(b._data, [2.5])


def test_another_shape_needs_another_optimizer():
    w = leaf([1.0, 2.0])
    w.name = "w"
    optimizer = optim.Adam([w])
    w.grad = [1.0, 1.0]
    optimizer.step()
    w.data = np.zeros(3, np.float32)
    with pytest.raises(ShapeError, match=r"gradient.*'w'|'w'.*勾配"):
        optimizer.step()
    w.grad = np.zeros(3, np.float32)
    with pytest.raises(ShapeError) as error:
        optimizer.step()
    assert error.value.facts["entry"] == "exp_avg"


def test_another_dtype_is_followed():
    w = leaf([1.0, 2.0])
    optimizer = optim.Adam([w], lr=0.1)
    w.grad = [1.0, 1.0]
    optimizer.step()
    w.data = np.array([1.0, 2.0])
    w.grad = np.array([1.0, 1.0])
    optimizer.step()
    assert w.dtype == np.float64
    np.testing.assert_allclose(w._data, [0.9, 1.9], rtol=1e-6)
    assert optimizer.state[w]["exp_avg"].dtype == np.float64


def test_a_gradient_of_another_shape_raises():
    w, b = leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), leaf([1.0])
    optimizer = optim.SGD([w, b])
    w.grad, b.grad = np.zeros((3, 2)), [0.0]
    optimizer.step()
    w._node.grad = np.zeros((2, 3), np.float32)
    with pytest.raises(ShapeError) as error:
        optimizer.step()
    assert error.value.facts["given"] == (2, 3)
    assert error.value.facts["shape"] == (3, 2)


def test_frozen_and_gradient_free_parameters_stay():
    a, b, c = leaf([1.0]), leaf([1.0]), leaf([1.0])
    optimizer = optim.Adam([a, b, c], lr=0.1)
    for p in (a, b, c):
        p.grad = [1.0]
    optimizer.step()
    b.requires_grad_(False)
    c.grad = None
    optimizer.step()
    b.requires_grad_()
    b.grad = c.grad = [1.0]
    optimizer.step()
    assert [p.item() for p in (a, b, c)] == pytest.approx([0.7, 0.8, 0.8], abs=1e-6)
    assert [optimizer.state[p]["step"].item() for p in (a, b, c)] == [3, 2, 2]


def test_no_gradient_at_all_changes_nothing():
    w = leaf([1.0])
    optimizer = optim.Adam([w])
    optimizer.step()
    assert w.item() == 1.0
    assert optimizer.state_dict()["state"] == {}


def test_a_parameter_that_became_a_result():
    w = leaf([1.0])
    optimizer = optim.SGD([w])
    w._node = (w * 2)._node
    with pytest.raises(GradientError, match="detach"):
        optimizer.step()


def test_zero_grad():
    w, frozen = leaf([1.0]), tj.Tensor([1.0])
    optimizer = optim.SGD([w, frozen])
    w.grad = [2.0]
    held = w.grad
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.tolist() == [0.0]
    assert held.tolist() == [2.0]
    optimizer.zero_grad()
    assert w.grad is None


def test_closure_is_called_with_gradients():
    w = leaf([3.0])
    optimizer = optim.SGD([w], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with tj.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 9.0
    assert w.item() == 0.0


def test_a_step_is_seen_by_graphs_that_need_the_old_values():
    a, b = leaf([2.0]), leaf([3.0, 1.0])
    loss = (a * a).sum() + (b * b).sum()
    optimizer = optim.SGD([a, b], lr=0.1)
    a.grad, b.grad = [1.0], [1.0, 1.0]
    optimizer.step()
    with pytest.raises(GradientError, match=r"in place|その場"):
        loss.backward()


def test_a_large_parameter_in_fortran_order():
    rng = np.random.default_rng(0)
    values, g = rng.standard_normal((300, 400)), rng.standard_normal((300, 400))
    w = leaf(values, np.float64)
    w._data = np.asfortranarray(values)
    w._node.grad = np.asfortranarray(g)
    optim.SGD([w], lr=0.1).step()
    np.testing.assert_allclose(w._data, values - 0.1 * g)


def test_many_parameters_of_several_kinds():
    rng = np.random.default_rng(0)
    shapes = [(300, 100), (200, 200), (7,), (), (100, 400), (3, 0), (250, 250), (30000,), (20000,)]
    dtypes = [np.float32, np.float64, np.float16]
    params = [
        leaf(np.asarray(rng.standard_normal(s)), dtypes[i % 3]) for i, s in enumerate(shapes * 2)
    ]
    want = []
    for p in params:
        p.grad = np.asarray(rng.standard_normal(p.shape)).astype(p.dtype)
        want.append(p._data - p.dtype.type(0.5) * p.grad._data)
    optimizer = optim.SGD(params, lr=0.5)
    optimizer.step()
    for p, w in zip(params, want, strict=True):
        np.testing.assert_array_equal(p._data, w)
    sizes = [sum(params[i].size for i in part.places) for part in optimizer._plans[0].parts]
    assert sum(sizes) == sum(p.size for p in params)
    assert max(sizes) <= 65536


def test_repr():
    text = repr(optim.SGD([leaf([1.0])], lr=0.1))
    assert text.splitlines()[:2] == ["SGD (", "Parameter Group 0"]
    assert "    lr: 0.1" in text


def test_an_optimizer_of_ones_own():
    class Sign(optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p]["count"] = self.state[p].get("count", 0) + 1
                    p.data -= group["lr"] * np.sign(p.grad.numpy())

    w = leaf([1.0, 2.0])
    w.grad = [5.0, -5.0]
    optimizer = Sign([w], lr=0.5)
    optimizer.step()
    np.testing.assert_allclose(w._data, [0.5, 2.5])
    assert optimizer.state[w]["count"] == 1
    optim.lr_scheduler.ExponentialLR(optimizer, 0.5).step()
    assert optimizer.param_groups[0]["lr"] == 0.25


def test_a_rule_of_ones_own():
    def signed(p, g, *, lr, cautious):
        g = np.sign(g)
        return lr * g * (0.5 if cautious else 1.0), {}

    class Sign(optim.Optimizer):
        rule = staticmethod(signed)

        def __init__(self, params, lr, cautious=False, **unknown):
            super().__init__(params, {"lr": lr, "cautious": cautious}, unknown)

    w, b = leaf([1.0, 2.0]), leaf(4.0)
    w.grad, b.grad = [5.0, -5.0], 3.0
    optimizer = Sign([w, b], lr=0.5)
    optimizer.step()
    optimizer.param_groups[0]["cautious"] = True
    optimizer.step()
    np.testing.assert_allclose(w._data, [0.25, 2.75])
    assert b.item() == 3.25


def test_centered_rmsprop_stays_finite_where_the_gradient_is_constant():
    w = leaf(np.zeros(100))
    optimizer = optim.RMSprop([w], lr=1e-3, centered=True, eps=1e-3)
    for _ in range(3000):
        w.grad = np.linspace(0.1, 7.3, 100)
        optimizer.step()
    assert np.isfinite(w._data).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_state_of_a_dead_weight_goes_to_zero_not_to_underflow(dtype):
    steps = 200
    dead = tj.Tensor(np.ones(3, dtype), requires_grad=True)
    optimizer = optim.Adam([dead], lr=1e-3, betas=(0.5, 0.999))
    moments = []
    for step in range(steps):
        dead.grad = np.full(3, 1.0 if step == 0 else 0.0, dtype)
        optimizer.step()
        moments.append(float(optimizer.state_dict()["state"][0]["exp_avg"].numpy()[0]))
    assert moments[10] == pytest.approx(0.5**11, rel=1e-2)
    assert moments[-1] == (0.5**steps if dtype == "float64" else 0.0)
    tiny = float(np.finfo(dtype).tiny)
    if dtype == "float32":
        assert sum(0.0 < m < tiny for m in moments) < 64  # without the sweep: to the end
    assert np.isfinite(dead.numpy()).all()
