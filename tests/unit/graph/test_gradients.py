"""The chain rule on the graph gives what backward() gives, and leaves everything as it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp.autograd.checkpoint import checkpoint
from tinygrad_jp.errors import ShapeError
from tinygrad_jp.graph import graph_of
from tinygrad_jp.graph.model import built, outputs_of
from tinygrad_jp.graph.names import named_tensors

from .programs import apples, leaf, network

BINARY = [np.add, np.multiply, np.subtract, np.maximum, np.logaddexp]
UNARY = [np.sin, np.tanh, np.square, np.exp, np.negative]


def into(graph, node):
    return [e for e in graph.edges if e.source == node.id]


@settings(max_examples=60)
@given(st.lists(st.tuples(
    st.sampled_from(BINARY + UNARY), st.integers(0, 99), st.integers(0, 99)), max_size=25))
def test_gradients_are_those_of_the_engine_bit_by_bit(program):
    pool = [leaf([[0.5], [-0.25]]), leaf([0.125, -0.5, 0.75]), leaf(0.5)]
    for fn, i, j in program:
        a, b = pool[i % len(pool)], pool[j % len(pool)]
        pool.append(np.tanh(fn(a, b) if fn.nin == 2 else fn(a)))
    y = pool[-1].sum()
    graph, ids = built(outputs_of(y), named_tensors(None))
    records = {n.id: n for n in graph.nodes}
    wanted = tj.autograd.grad(y, pool, allow_unused=True, retain_graph=True)
    for tensor, g in zip(pool, wanted, strict=True):
        if g is None:
            assert tensor._node not in ids
        else:
            assert_array_equal(records[ids[tensor._node]].gradient, g._data)
    for node in graph.nodes:  # each is the sum of what its users hand back
        if not node.is_output:
            total = sum(e.contribution for e in into(graph, node))
            assert_allclose(node.gradient, total, rtol=1e-5, atol=1e-6)
            assert all(e.contribution.shape == node.shape for e in into(graph, node))
    assert all(t._node is None or t.grad is None for t in pool)


def test_the_gradients_of_the_apples():
    found = {n.name: n.gradient for n in graph_of(apples()).nodes if n.name}
    assert [float(found[k]) for k in ("りんご", "個数", "消費税", "支払金額")] == pytest.approx(
        [2.2, 110, 200, 1]
    )


def test_every_leaf_of_a_network_has_the_engine_s_gradient():
    loss, paths = network()
    graph = graph_of(loss, names=paths)
    loss.backward(retain_graph=True)
    for name, tensor in paths:
        (node,) = [n for n in graph.nodes if n.name == name]
        if tensor.requires_grad:
            assert_array_equal(node.gradient, tensor.grad._data)
            assert node.gradient.dtype == tensor.dtype
            assert node.grad is None, "it was drawn before backward()"
        else:
            assert node.gradient is None


def test_hooks_and_retained_gradients_are_left_alone():
    x = leaf([1.0, 2.0])
    seen = []
    h = np.exp(x)
    h.register_hook(seen.append)
    x.register_hook(seen.append)
    h.retain_grad()
    y = h.sum()
    graph = graph_of(y)
    assert seen == []
    assert h.grad is None
    assert x.grad is None
    assert_allclose(graph.nodes[0].gradient, np.exp([1, 2]), rtol=1e-6)
    y.backward()
    assert len(seen) == 2


def test_what_was_changed_in_place_has_no_gradient_and_nothing_below_it():
    x = leaf([1.0, 2.0])
    c = tj.Tensor([3.0, 4.0])
    y = (np.sin(x) * c).sum()
    c[...] = 7.0
    graph = graph_of(y)
    by_label = {n.label: n for n in graph.nodes}
    assert_array_equal(by_label["np.multiply"].gradient, [1, 1])
    assert by_label["np.sin"].gradient is None
    assert graph.nodes[0].gradient is None


def test_one_way_that_is_lost_makes_the_sum_unknown():
    x = leaf([1.0, 2.0])
    c = tj.Tensor([3.0, 4.0])
    y = (x * c + x).sum()
    c[...] = 7.0
    assert graph_of(y).nodes[0].gradient is None, "half of a sum is not the gradient"


def test_several_outputs_have_gradients_only_if_they_are_given():
    x = leaf([1.0, 2.0], "x")
    a, b = x * 2, x.sum()
    assert all(n.gradient is None for n in graph_of([a, b]).nodes)
    graph = graph_of([a, b], gradient=[np.array([1.0, 10.0]), 5.0])
    assert_array_equal(graph.nodes[0].gradient, [2 + 5, 20 + 5])
    assert all(n.gradient is None for n in graph_of(a).nodes)
    assert_array_equal(graph_of(a, gradient=[1.0, 0.5]).nodes[0].gradient, [2, 1])
    with pytest.raises(ShapeError) as caught:
        graph_of(a, gradient=[1.0, 0.5, 3.0])
    assert caught.value.key == "gradient_shape"


def test_float16_leaves_keep_their_dtype():
    x = tj.Tensor(np.ones(3, np.float16), requires_grad=True)
    (node,) = [n for n in graph_of((x * np.ones(3, np.float32)).sum()).nodes if n.kind == "leaf"]
    assert node.gradient.dtype == np.float16


def test_several_results_and_checkpoints():
    x = leaf(np.array([[2.0, 1.0], [0.0, 1.0]]))
    values = np.linalg.svd(x).S
    y = (values * values).sum()
    assert_allclose(graph_of(y).nodes[0].gradient, 2 * x._data, rtol=1e-6, atol=1e-12)
    z = checkpoint(lambda a: np.sin(a) * a, x).sum()
    graph = graph_of(z)
    assert_allclose(
        graph.nodes[0].gradient, np.sin(x._data) + x._data * np.cos(x._data), rtol=1e-6
    )
    assert x.grad is None


def test_slopes_are_local_derivatives():
    x, w = leaf([0.5, 2.0], "x"), leaf(3.0, "w")
    graph = graph_of((np.exp(x) * w).sum())
    labels = {n.id: n.label for n in graph.nodes}
    slopes = {(labels[e.target], e.argument): e.slope for e in graph.edges}
    assert_allclose(slopes["np.exp", "x"], np.exp([0.5, 2.0]), rtol=1e-6)
    assert_array_equal(slopes["np.multiply", "a"], [3, 3])  # for each element of the result
    assert_allclose(slopes["np.multiply", "b"], np.exp([0.5, 2.0]), rtol=1e-6)
    assert_array_equal(slopes["np.sum", "x"], [1, 1])


def test_a_matrix_product_has_no_slope_but_a_contribution():
    a, b = leaf([[1.0, 2.0]]), leaf([[3.0, 0.0], [4.0, 0.0]])
    graph = graph_of((a @ b).sum())
    first, second, _ = graph.edges
    assert first.slope is None
    assert_array_equal(first.contribution, [[3, 4]])
    assert_array_equal(second.contribution, [[1, 1], [2, 2]])


def test_a_rule_that_fails_loses_its_gradient_but_not_the_picture():
    @tj.primitive
    def odd(x):
        return x * 1.0

    def pull(g, x):
        raise KeyError("of mine")

    tj.rule(odd, pull)
    x = leaf(1.0)
    graph = graph_of(odd(x) * 2)
    assert graph.nodes[0].gradient is None
    assert graph.nodes[1].gradient == 2


def test_a_picture_keeps_the_gradients_of_its_moment():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    graph = graph_of((x * w).sum())
    with tj.no_grad():
        w[...] = 0.0
    assert_array_equal(graph.nodes[0].gradient, [3, 4])
    assert_array_equal(graph.edges[0].slope, [3, 4])
