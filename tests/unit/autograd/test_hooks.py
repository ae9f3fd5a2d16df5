"""Hooks see the whole gradient, may replace it, and can be taken off again."""

import pytest

import tinygrad_jp as tj
from tinygrad_jp.errors import GradientError, ShapeError


def test_leaf_hook_sees_the_sum_of_all_paths_once():
    x = tj.Tensor([1.0, 2.0], requires_grad=True)
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 2 + x * 3).sum().backward()
    assert seen == [[5.0, 5.0]]
    assert x.grad.tolist() == [5.0, 5.0]


def test_hook_may_replace_the_gradient():
    x = tj.Tensor([3.0], requires_grad=True)
    h = x * 2
    h.register_hook(lambda g: g * 10)
    x.register_hook(lambda g: g + 1)
    h.sum().backward()
    assert x.grad.tolist() == [21.0]


def test_hook_can_be_removed():
    x = tj.Tensor([3.0], requires_grad=True)
    handle = x.register_hook(lambda g: g * 0)
    handle.remove()
    with x.register_hook(lambda g: g * 5):
        (x * 1).sum().backward()
    assert x.grad.tolist() == [5.0]
    (x * 1).sum().backward()
    assert x.grad.tolist() == [6.0]


def test_hook_under_create_graph_is_differentiated():
    x = tj.Tensor([2.0], requires_grad=True)
    y = x**3
    y.register_hook(lambda g: g * 2)
    (first,) = tj.autograd.grad(y.sum(), x, create_graph=True)
    assert first.tolist() == [24.0]
    (second,) = tj.autograd.grad(first.sum(), x)
    assert second.tolist() == [24.0]


def test_leaf_hook_runs_in_autograd_grad_too():
    x = tj.Tensor([2.0], requires_grad=True)
    x.register_hook(lambda g: g * 3)
    (g,) = tj.autograd.grad((x * x).sum(), x)
    assert g.tolist() == [12.0]
    assert x.grad is None


def test_hook_on_a_constant_is_refused():
    with pytest.raises(GradientError):
        tj.Tensor([1.0]).register_hook(lambda g: g)


def test_retain_grad_keeps_intermediate_gradients():
    x = tj.Tensor([2.0], requires_grad=True)
    h = x * x
    assert h.grad is None
    h.retain_grad()
    h.retain_grad()
    (h * 3).sum().backward(retain_graph=True)
    assert h.grad.tolist() == [3.0]
    (h * 3).sum().backward()
    assert h.grad.tolist() == [6.0]


def test_grad_is_the_same_object_until_it_changes():
    x = tj.Tensor([2.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad is x.grad
    held = x.grad
    (x * x).sum().backward()
    assert x.grad.tolist() == [8.0]
    assert held.tolist() in ([4.0], [8.0])
    x.grad = None
    assert x.grad is None


def test_hook_must_keep_the_shape():
    x = tj.ones(3, requires_grad=True)
    x.register_hook(lambda g: g[:2])
    with pytest.raises(ShapeError, match="hook"):
        (x * 2).sum().backward()
