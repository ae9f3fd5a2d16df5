"""Hooks around a module's forward pass and on its gradients."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn


def test_forward_hooks_see_and_replace():
    layer = nn.Linear(2, 2)
    seen = []

    def before(module, args):
        seen.append(("before", module, args[0].shape))
        return (args[0] * 0,)

    def after(module, args, output):
        seen.append(("after", module, output.shape))
        return output + 1

    first = layer.register_forward_pre_hook(before)
    second = layer.register_forward_hook(after)
    out = layer(tj.ones(3, 2))
    np.testing.assert_array_equal(out.detach(), np.tile(layer.bias.detach().numpy() + 1, (3, 1)))
    assert seen == [("before", layer, (3, 2)), ("after", layer, (3, 2))]
    first.remove()
    second.remove()
    first.remove()  # twice is harmless
    layer(tj.ones(3, 2))
    assert len(seen) == 2


def test_pre_hook_may_return_one_value():
    layer = nn.Identity()
    layer.register_forward_pre_hook(lambda module, args: args[0] + 1)
    assert layer(tj.tensor(1.0)).item() == 2


def test_hooks_run_in_order_and_inside_with():
    layer = nn.Identity()
    order = []
    with (
        layer.register_forward_hook(lambda m, a, o: order.append(1)),
        layer.register_forward_hook(lambda m, a, o: order.append(2)),
    ):
        layer(tj.tensor(1.0))
    layer(tj.tensor(1.0))
    assert order == [1, 2]


def test_full_backward_hook_sees_gradients_of_inputs_and_outputs():
    layer = nn.Linear(2, 3)
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((m, gi, go)))
    x = tj.randn(4, 2, requires_grad=True)
    y = layer(x)
    other = (x * 5).sum()  # another use of x is not counted in
    ((y * y).sum() + other).backward()
    ((module, grad_in, grad_out),) = seen
    assert module is layer
    g = 2 * y.detach().numpy()
    np.testing.assert_allclose(grad_out[0].numpy(), g, rtol=1e-6)
    np.testing.assert_allclose(grad_in[0].numpy(), g @ layer.weight.detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(x.grad.numpy(), grad_in[0].numpy() + 5, rtol=1e-5)
    assert layer.weight.grad.shape == (3, 2)


def test_full_backward_hook_replaces_gradients():
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    x = tj.tensor([0.5], requires_grad=True)
    layer(x).backward()
    np.testing.assert_allclose(x.grad.numpy(), 10 * (1 - np.tanh(0.5) ** 2), rtol=1e-6)


def test_full_backward_hook_without_input_gradient():
    layer = nn.Linear(2, 3)
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go)))
    layer(tj.ones(4, 2)).sum().backward()
    ((grad_in, grad_out),) = seen
    assert grad_in == (None,)
    assert (grad_out[0].numpy() == 1).all()


class Two(nn.Module):
    def forward(self, a, b, label):
        return a * b, a + b


def test_full_backward_hook_with_several_inputs_and_outputs():
    layer = Two()
    seen = []

    def hook(module, grad_in, grad_out):
        seen.append((grad_in, grad_out))
        return (grad_in[0], grad_in[1] * 2, None)

    layer.register_full_backward_hook(hook)
    a = tj.tensor([2.0], requires_grad=True)
    b = tj.tensor([3.0], requires_grad=True)
    product, total = layer(a, b, "label")
    (product * 2 + total).backward()
    ((grad_in, grad_out),) = seen
    assert [g.item() for g in grad_out] == [2, 1]
    assert [g if g is None else g.item() for g in grad_in] == [7, 5, None]
    assert a.grad.item() == 7
    assert b.grad.item() == 10


def test_full_backward_hook_where_one_output_is_unused():
    layer = Two()
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append(go))
    a = tj.tensor([2.0], requires_grad=True)
    layer(a, 3.0, None)[0].backward()
    assert seen[0][0].item() == 1
    assert a.grad.item() == 3


def test_full_backward_hook_and_second_order():
    layer = nn.Tanh()
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append(gi[0]))
    x = tj.tensor(0.3, requires_grad=True, dtype=tj.float64)
    (g,) = tj.autograd.grad(layer(x), x, create_graph=True)
    (h,) = tj.autograd.grad(g, x)
    t = np.tanh(0.3)
    np.testing.assert_allclose(h.item(), -2 * t * (1 - t * t), rtol=1e-12)


def test_full_backward_hook_under_no_grad_costs_nothing():
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, gi, go: pytest.fail("no gradient here"))
    with tj.no_grad():
        layer(tj.ones(2, requires_grad=True))
