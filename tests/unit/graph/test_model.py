"""The Graph is what was recorded: every operation once, in order, with what is known of each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.autograd import generate
from tinygrad_jp.errors import ArgumentError, GradientError, set_language
from tinygrad_jp.graph import Graph, graph_of

from .programs import apples, doublings, leaf, network, steps


def by_name(graph: Graph):
    return {node.name: node for node in graph.nodes if node.name}


def inputs(graph: Graph, node):
    return [edge.source for edge in graph.edges if edge.target == node.id]


def test_apples():
    graph = graph_of(apples())
    assert [n.id for n in graph.nodes] == ["n0", "n1", "n2", "n3", "n4"]
    assert [n.kind for n in graph.nodes] == ["leaf", "leaf", "operation", "leaf", "operation"]
    assert [n.name for n in graph.nodes] == ["りんご", "個数", None, "消費税", "支払金額"]
    assert [float(n.value) for n in graph.nodes] == pytest.approx([100, 2, 200, 1.1, 220])
    total = graph.nodes[-1]
    assert (total.label, total.shape, total.dtype) == ("np.multiply", (), "float32")
    assert total.about
    assert graph.outputs == (total,)
    assert [(e.source, e.target, e.argument) for e in graph.edges] == [
        ("n0", "n2", "a"), ("n1", "n2", "b"), ("n2", "n4", "a"), ("n3", "n4", "b"),
    ]


def test_a_leaf_that_is_gone_is_drawn_without_its_name():
    x = leaf([1.0, 2.0])
    x.name = "gone"
    y = x * x
    del x
    first = graph_of(y).nodes[0]
    assert (first.name, first.shape, first.dtype) == (None, (2,), "float32")
    assert_array_equal(first.value, [1, 2])  # the multiplication keeps it


def test_a_number_is_a_constant():
    graph = graph_of(leaf([1.0, 2.0]) * 3)
    two = graph.nodes[1]
    assert (two.kind, two.label, two.shape, two.dtype) == ("constant", "b", (), None)
    assert two.value == 3


@pytest.mark.parametrize("size", [3, 256, 257, 1 << 20, (1 << 20) + 1])
@pytest.mark.parametrize("keeping", [True, False])
@pytest.mark.parametrize("watched", [True, False])
def test_how_large_a_constant_is_kept(size, keeping, watched):
    x, c = tj.ones(size, requires_grad=True), np.full(size, 2.0, np.float32)
    kept = size <= (1 << 20 if keeping else 256)
    with tj.keep_lines(keeping):
        if watched:
            with tj.detect_anomaly():
                y = x + c
        else:
            y = x + c
    c[:] = 5.0  # by its owner, later
    (constant,) = [n for n in graph_of(y.sum()).nodes if n.kind == "constant"]
    assert (constant.value is not None) is kept
    assert not kept or (constant.value == 2.0).all()


def test_a_kept_constant_that_was_changed_is_unknown():
    x, c = tj.ones(300, requires_grad=True), tj.ones(300)
    y = x + c
    c += 1
    (constant,) = [n for n in graph_of(y.sum()).nodes if n.kind == "constant"]
    assert constant.value is None


@tj.keep_lines(False)
def test_a_constant_that_was_not_kept_is_there_without_a_value(monkeypatch):
    monkeypatch.setitem(generate.scope, "SMALL", 0)  # a large array is not kept
    x = leaf([1.0, 2.0])
    graph = graph_of((x + np.array([3.0, 3.0], np.float32)).sum())
    constant = next(n for n in graph.nodes if n.kind == "constant")
    assert constant.value is None
    assert constant.shape is None
    added = next(n for n in graph.nodes if n.label == "np.add")
    assert added.shape == (2,)
    assert added.value is None, "nothing tells what was added"
    assert_array_equal(graph.nodes[-1].value, 9.0)


def test_a_number_that_no_rule_needs_is_kept_for_pictures():
    x = leaf([1.0, 2.0])
    graph = graph_of((x + 3).sum())
    constant = next(n for n in graph.nodes if n.kind == "constant")
    assert constant.value == 3
    added = next(n for n in graph.nodes if n.label == "np.add")
    assert_array_equal(added.value, [4.0, 5.0])


def test_an_optional_argument_left_out_is_no_constant():
    layer = nn.Linear(2, 1, bias=False)
    graph = graph_of(layer(tj.Tensor([[1.0, 2.0]])))
    assert [n.kind for n in graph.nodes] == ["leaf", "constant", "operation"]


def test_one_array_used_twice_is_one_constant():
    x = tj.Tensor([1.0, 2.0])
    w, v = leaf([3.0, 4.0]), leaf([5.0, 6.0])
    graph = graph_of(w * x + v * x)
    (constant,) = [n for n in graph.nodes if n.kind == "constant"]
    assert sum(e.source == constant.id for e in graph.edges) == 2


def test_doublings_are_linear_in_size():
    graph = graph_of(doublings(16))
    assert len(graph.nodes) == 17
    assert len(graph.edges) == 32
    assert graph.nodes[-1].value == 2**16


def test_a_deep_graph_needs_no_recursion():
    x = leaf([1.0])
    for _ in range(20_000):
        x = x + x * 0
    assert len(graph_of(x).nodes) == 60_001


def test_values_are_recomputed():
    x = leaf([1.0, 2.0])
    y = np.tanh(np.sin(x) + x).sum()  # sin's value is kept by nobody
    sine = next(n for n in graph_of(y).nodes if n.label == "np.sin")
    assert_array_equal(sine.value, np.sin(x._data))
    sine = next(n for n in graph_of(y, values=False).nodes if n.label == "np.sin")
    assert sine.value is None


def test_values_after_a_change_in_place_are_not_guessed():
    x = leaf([1.0, 2.0])
    h = np.sin(x)
    y = (h + x).sum()
    del h
    with tj.no_grad():
        x[...] = 7.0
    graph = graph_of(y)
    assert_array_equal(graph.nodes[0].value, [7, 7])  # what it is
    assert graph.nodes[1].value is None  # what it was computed from is gone
    assert graph.outputs[0].value is not None


def test_a_drawing_keeps_the_values_of_its_moment():
    x = leaf([1.0, 2.0])
    graph = graph_of(x * x)
    with tj.no_grad():
        x[...] = 7.0
    assert_array_equal(graph.nodes[0].value, [1, 2])


def test_gradients():
    x, w = leaf([1.0, 2.0]), leaf(3.0)
    h = x * w
    h.retain_grad()
    y = h.sum()
    assert [n.gradient for n in graph_of(y, gradients=False).nodes] == [None] * 4
    found = [n.gradient for n in graph_of(y).nodes]
    for got, wanted in zip(found, ([3, 3], 3, [1, 1], 1), strict=True):
        assert_array_equal(got, wanted)
    assert [n.grad for n in graph_of(y).nodes] == [None] * 4
    assert x.grad is None
    assert h.grad is None
    y.backward(retain_graph=True)
    gathered = [n.grad for n in graph_of(y).nodes]
    assert_array_equal(gathered[0], [3, 3])
    assert_array_equal(gathered[1], 3)
    assert_array_equal(gathered[2], [1, 1])
    assert gathered[3] is None
    y.backward()
    assert_array_equal(gathered[0], [3, 3])


def test_the_second_derivative_can_be_drawn():
    x = leaf(0.5)
    np.sin(x).backward(create_graph=True)
    graph = graph_of(x.grad)
    assert "np.cos" in [n.label for n in graph.nodes]
    assert float(graph.outputs[0].value) == pytest.approx(np.cos(0.5))
    assert graph.nodes[0].gradient is not None


def test_several_results():
    x = leaf(np.array([[2.0, 0.0], [0.0, 1.0]]))
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    graph = graph_of([s.sum(), (u @ vh).sum()])
    labels = [n.label for n in graph.nodes]
    assert "thin_svd" in labels
    assert "thin_svd[1]" in labels
    whole = next(n for n in graph.nodes if n.label == "thin_svd")
    assert whole.shape is None
    assert whole.value is None
    part = next(n for n in graph.nodes if n.label == "thin_svd[1]")
    assert_array_equal(part.value, [2, 1])
    assert len(graph.outputs) == 2


def test_hooks_hide_nothing():
    x = leaf([1.0, 2.0])
    h = np.exp(x)
    x.register_hook(lambda g: g)
    h.register_hook(lambda g: g)
    assert [n.label for n in graph_of(h.sum()).nodes] == ["", "np.exp", "np.sum"]


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def test_names_from_locals():
    w, x, hidden = leaf(2.0), tj.Tensor([1.0, 3.0]), None
    hidden = w * x
    loss = hidden.sum()
    found = by_name(graph_of(loss, names={"_": w, **locals()}))
    assert list(found) == ["w", "x", "hidden", "loss"]
    assert found["x"].kind == "constant"
    assert found["hidden"].label == "np.multiply"


def test_plain_arrays_have_their_names_though_the_engine_keeps_copies():
    w = leaf(np.ones((3, 2)), "w")
    data, labels, twin = np.full((4, 3), 2.0), np.array([0, 1, 0, 1]), np.full((4, 3), 3.0)
    same = twin.copy()
    h = data @ w + data @ w * 2
    loss = nn.functional.cross_entropy(h + twin @ w, labels)
    names = {"data": data, "t": labels, "twin": twin, "same": same}
    arrays = [n for n in graph_of(loss, names).nodes if n.kind == "constant" and n.shape]
    assert [(n.name, n.shape) for n in arrays] == [("data", (4, 3)), (None, (4, 3)), ("t", (4,))]
    data[0, 0] = 9.0
    assert "data" not in [n.name for n in graph_of(loss, names).nodes], "another array by now"


def test_a_name_of_ones_own_comes_before_that_of_a_variable():
    w = leaf(2.0, "重み")
    assert graph_of(w * 2, names={"w": w}).nodes[0].name == "重み"


class Pen:
    """A network as in the book: weights in a dict, no Module."""

    def __init__(self) -> None:
        self.params = {"W1": tj.tensor(np.ones((2, 3)), requires_grad=True)}
        self.scale = tj.tensor(2.0, requires_grad=True)

    def predict(self, x):
        return (x @ self.params["W1"]).sum() * self.scale


def leaf_names(graph: Graph):
    return [n.name for n in graph.nodes if n.kind == "leaf"]


def test_names_of_what_variables_hold():
    net, Ws = Pen(), [leaf(1.0), leaf(2.0)]
    loss = net.predict(np.ones((5, 2))) * Ws[0]
    assert leaf_names(graph_of(loss, names=locals())) == ["W1", "net.scale", "Ws[0]"]
    assert leaf_names(graph_of(loss, names={"params": net.params})) == ["W1", None, None]
    W1 = leaf(3.0)  # another one: the dict's is called by the whole
    assert leaf_names(graph_of(loss * W1, names=locals()))[0] == "net.params['W1']"
    assert leaf_names(tj.draw(net.predict, np.ones((5, 2))).graph) == ["W1", "self.scale", "x"]
    two = {"a": net, "b": Pen()}
    both = two["a"].predict(np.ones((1, 2))) + two["b"].predict(np.ones((1, 2)))
    assert leaf_names(graph_of(both, names=two)) == [
        "a.params['W1']", "a.scale", "b.params['W1']", "b.scale",
    ]


@pytest.mark.parametrize("how", ["module", "method", "pairs", "locals"])
def test_names_of_a_module(how):
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    y = model(tj.Tensor([[1.0, 2.0]]))
    names = {
        "module": model, "method": model.named_parameters,
        "pairs": list(model.named_parameters()), "locals": {"model": model, "number": 3},
    }[how]
    graph = graph_of(y, names=names)
    prefix = "model." if how == "locals" else ""
    assert list(by_name(graph)) == [f"{prefix}{p}" for p, _ in model.named_parameters()]
    paths = {g.path: g for g in graph.groups}
    assert list(paths) == ([] if how != "locals" else ["model"]) + [f"{prefix}0", f"{prefix}2"]
    by_id = {n.id: n for n in graph.nodes}
    inside = [by_id[m].label or by_id[m].name for m in paths[f"{prefix}2"].members]
    assert inside == [f"{prefix}2.weight", f"{prefix}2.bias", "linear"]


def test_groups_are_nested_and_hold_what_belongs_to_them():
    loss, paths = network()
    graph = graph_of(loss, names=paths)
    groups = {g.path: g for g in graph.groups}
    assert list(groups) == ["body", "body.fc1", "head"]
    assert groups["body.fc1"].parent == groups["body"].id
    assert groups["body"].parent is None
    labels = {n.id: n.label for n in graph.nodes}
    assert [labels[m] for m in groups["head"].members] == ["", "np.transpose", "np.matmul"]
    members = [m for g in graph.groups for m in g.members]
    assert len(members) == len(set(members))
    free = {n.label for n in graph.nodes} - {labels[m] for m in members}
    assert {"np.maximum", "cross_entropy"} <= free


# ── refusals ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("thing", [3.0, np.ones(2), [], None, nn.ReLU()])
def test_only_tensors_can_be_drawn(thing):
    with pytest.raises(ArgumentError) as caught:
        graph_of(thing)
    assert caught.value.key == "draw_not_a_tensor"


def test_no_graph():
    detached = leaf([1.0]).detach()
    set_language("en")
    with pytest.raises(GradientError, match="no graph"):
        graph_of(detached)
    set_language(None)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_freed_graph_says_what_to_do(language):
    y = apples()
    y.backward()
    set_language(language)
    with pytest.raises(GradientError, match=r"retain_graph=True") as caught:
        graph_of(y)
    assert caught.value.key == "draw_freed"
    set_language(None)


@pytest.mark.parametrize("names", [3, "w", ["w"], [("w", 3)]])
def test_names_that_are_none(names):
    with pytest.raises(ArgumentError) as caught:
        graph_of(apples(), names=names)
    assert caught.value.key == "draw_names"


# ── any program ─────────────────────────────────────────────────────────────────────────────────

OPS = [np.add, np.multiply, np.subtract, np.sin, np.tanh, np.square]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 99), st.integers(0, 99)), max_size=30))
def test_one_node_for_each_operation_and_its_very_value(program):
    pool = [leaf([0.5, -1.5]), leaf([2.0, 0.25])]
    for fn, i, j in program:
        a, b = pool[i % len(pool)], pool[j % len(pool)]
        pool.append(fn(a, b) if fn.nin == 2 else fn(a))
    wanted, stack = {}, [pool[-1]._node]
    while stack:
        node = stack.pop()
        if node not in wanted:
            wanted[node] = None
            stack += node.parents if hasattr(node, "parents") else []
    graph = graph_of(pool[-1])
    kept = [t for t in pool if t._node in wanted]
    assert len(graph.nodes) == len(wanted) == len(kept)
    for tensor, node in zip(sorted(kept, key=lambda t: t._node.seq), graph.nodes, strict=True):
        assert node.shape == tensor.shape
        assert_array_equal(node.value, tensor._data)
    place = {n.id: i for i, n in enumerate(graph.nodes)}
    assert all(place[e.source] < place[e.target] for e in graph.edges)
    for node in graph.nodes:
        if node.kind == "operation":
            assert len(inputs(graph, node)) == getattr(np, node.label[3:]).nin


def test_many_steps_are_one_weight():
    graph = graph_of(steps(30))
    assert sum(n.name == "w" for n in graph.nodes) == 1
    assert len(graph.nodes) == 3 + 90


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.scale = nn.Parameter(tj.ones(2))

    def forward(self, x):
        (y,) = [h * self.scale for h in [self.fc(x)]]
        return y


@pytest.mark.parametrize("keeping", [True, False])
def test_what_is_computed_of_weights_beside_a_module_is_not_in_it(keeping):
    net = Scaled()
    with tj.keep_lines(keeping):
        loss = net(tj.ones(1, 2)).sum() + (net.fc.weight**2).sum()
    graph = graph_of(loss, names={"net": net})
    inside = {g.path: {n.label for n in graph.nodes if n.id in g.members} for g in graph.groups}
    assert "np.multiply" in inside["net"]
    assert "linear" in inside["net.fc"]
    assert ("np.power" in inside["net.fc"]) is not keeping  # unknown, it goes by the weights
    assert ("np.add" in inside["net.fc"]) is not keeping
