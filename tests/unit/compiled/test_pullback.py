"""Results of a compiled function are part of the graph outside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.errors import CompileError, GradientError


def batch() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return tj.tensor(rng.random((5, 3)), dtype=tj.float32), tj.tensor([0, 1, 0, 1, 1])


def network() -> Any:
    tj.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2))


def gradients(model: Any, loss: Any) -> list[Any]:
    model.zero_grad()
    loss.backward()
    return [p.grad.numpy().copy() for p in model.parameters()]


def test_a_compiled_model_is_trained_from_outside(compiled: Any) -> None:
    x, t = batch()
    model = network()
    fast = compiled(model)
    for seed in range(4):
        tj.manual_seed(seed)
        mine = gradients(model, nn.functional.cross_entropy(fast(x), t))
        tj.manual_seed(seed)
        wanted = gradients(model, nn.functional.cross_entropy(model(x), t))
        for a, b in zip(mine, wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_an_optimizer_outside_goes_down(compiled: Any) -> None:
    x, _ = batch()
    model = network()[0]
    fast = compiled(lambda x: model(x).square().mean())
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = fast(x)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_several_results_and_arguments_that_require_gradients(compiled: Any) -> None:
    f = compiled(lambda a, b: {"product": a * b, "sum": (a * a).sum()})
    for value in (1.0, 2.0, 3.0):
        a = tj.tensor([value, 1.0], requires_grad=True)
        b = tj.tensor([2.0, 3.0], requires_grad=True)
        made = f(a, b)
        (made["product"].sum() * 2 + made["sum"]).backward()
        assert a.grad.tolist() == [4 + 2 * value, 6 + 2]
        assert b.grad.tolist() == [2 * value, 2]
        made = f(a, b)
        a.grad = None
        made["sum"].backward()  # of one result alone
        assert a.grad.tolist() == [2 * value, 2]


def test_without_gradients_nothing_is_attached(compiled: Any) -> None:
    x, _ = batch()
    model = network().eval()
    fast = compiled(model)
    with tj.no_grad():
        fast(x), fast(x)
        assert not fast(x).requires_grad
    assert fast(x).requires_grad


def test_weights_that_changed_in_between_are_noticed(compiled: Any) -> None:
    x, _ = batch()
    model = network()
    fast = compiled(model)
    fast(x), fast(x)
    y = fast(x).sum()
    with tj.no_grad():
        model[0].weight.mul_(2.0)
    with pytest.raises(GradientError):
        y.backward()


def test_a_second_derivative_from_outside_is_refused(compiled: Any) -> None:
    f = compiled(lambda a: (a * a * a).sum())
    a = tj.tensor([1.0, 2.0], requires_grad=True)
    f(a), f(a)
    with pytest.raises(CompileError) as error:
        tj.autograd.grad(f(a), a, create_graph=True)
    assert error.value.key == "compile_second"


def test_the_graph_outside_can_be_drawn(compiled: Any) -> None:
    x, t = batch()
    fast = compiled(network())
    fast(x)
    text = tj.draw(nn.functional.cross_entropy(fast(x), t), lang="en").text
    assert "compiled_function" in text
