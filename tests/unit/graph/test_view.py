"""Modules collapse to boxes, blocks alike fold into one, paths are picked out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp import draw, nn
from tinygrad_jp.graph.model import Edge, Graph, GraphNode, Group
from tinygrad_jp.graph.view import collapsed, folds, on_paths, view


def mlp(hidden: int, width: int = 4) -> nn.Sequential:
    layers = [m for _ in range(hidden) for m in (nn.Linear(width, width), nn.ReLU())]
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), *layers, nn.Linear(width, 3))


X = np.ones((5, 2), "f")


def in_order(graph: Graph) -> bool:
    place = {n.id: i for i, n in enumerate(graph.nodes)}
    return all(place[e.source] < place[e.target] for e in graph.edges)


def test_depth_zero_is_one_box():
    drawing = draw(mlp(2), X, depth=0)
    data, box = drawing.shown.graph.nodes
    assert (data.name, box.kind, box.label) == ("x", "module", "Sequential")
    assert box.contents == 7  # operations
    assert box.parameters == sum(p.size for p in mlp(2).parameters())
    assert box.is_output
    assert box.shape == (5, 3)
    assert_array_equal(box.value, drawing.graph.outputs[0].value)
    assert [(e.source, e.target) for e in drawing.shown.graph.edges] == [(data.id, "g0")]


def test_depth_one_is_a_row_of_boxes():
    graph = draw(mlp(2), X, depth=1).shown.graph
    boxes = [n for n in graph.nodes if n.kind == "module"]
    assert [n.label for n in boxes] == ["Linear", "ReLU"] * 3 + ["Linear"]
    assert [n.name for n in boxes] == list("0123456")
    assert len(graph.edges) == 7
    assert [g.kind for g in graph.groups] == ["Sequential"]
    assert graph.groups[0].members == tuple(n.id for n in boxes)
    assert in_order(graph)


def test_a_depth_beyond_all_modules_changes_nothing():
    drawing = draw(mlp(1), X, depth=9)
    assert [n.id for n in drawing.shown.graph.nodes] == [n.id for n in drawing.graph.nodes]


def test_a_module_used_again_and_again_stays_open_where_a_box_would_be_in_a_circle():
    cell, out = nn.Linear(2, 2), nn.Linear(2, 2)
    h = tj.Tensor(X)
    for _ in range(3):
        h = out(cell(h).tanh())
    drawing = draw(h, names={"cell": cell, "out": out}, depth=0)
    graph = drawing.shown.graph
    assert not any(n.kind == "module" for n in graph.nodes)
    assert in_order(graph)
    run = draw(lambda x: out(cell(out(cell(x)))), X, depth=0)  # watched, each call is a box
    assert sum(n.kind == "module" for n in run.shown.graph.nodes) == 4


def test_blocks_alike_are_folded():
    drawing = draw(mlp(12), X, lang="en", fold=True)
    graph = drawing.shown.graph
    (wrapper,) = [g for g in graph.groups if g.repeat > 1]
    assert wrapper.repeat == 12
    assert "× 12" in drawing.dot
    assert len(graph.nodes) == 12
    assert in_order(graph)
    inside = [n for n in graph.nodes if n.folded]
    assert {n.label for n in inside} == {"", "relu", "linear"}
    assert all(n.value is None and n.gradient is None for n in inside)
    assert "unknown" not in drawing.dot, "a value that differs from block to block is not unknown"
    assert {drawing.shown.stands[i] for i in drawing.shown.stands} == {n.id for n in inside}
    gone = len(drawing.graph.nodes) - len(graph.nodes)
    assert len(drawing.shown.stands) == gone


def test_folding_and_collapsing_together():
    graph = draw(mlp(12), X, depth=1, fold=True).shown.graph
    boxes = [n for n in graph.nodes if n.kind == "module"]
    assert len(boxes) == 5
    assert [g.repeat for g in graph.groups] == [1, 12]
    assert in_order(graph)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.Sequential(*[
                nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(5)
            ])

        def forward(self, x):
            return self.blocks(x)

    drawing = draw(Net(), np.ones((1, 4), "f"), depth=2, fold=True)
    (box,) = [n for n in drawing.shown.graph.nodes if n.kind == "module"]
    assert (box.name, box.repeat, box.contents, box.parameters) == ("0 … 4", 5, 10, 100)
    assert "0 … 4: Sequential × 5" in drawing.dot


def test_blocks_with_skips_around_them_are_folded():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 4)

        def forward(self, x):
            return x + self.fc(x).tanh()

    model = nn.Sequential(*[Residual() for _ in range(6)])
    (group,) = [g for g in draw(model, np.ones((1, 4), "f"), fold=True).shown.graph.groups
                if g.repeat > 1]
    assert (group.label, group.kind, group.repeat) == ("0 … 5", "Residual", 6)


@pytest.mark.parametrize("what", ["shapes", "two", "taps"])
def test_what_is_not_alike_is_not_folded(what):
    if what == "shapes":
        model = nn.Sequential(*[nn.Linear(n, n + 1) for n in range(2, 7)])
    elif what == "two":
        model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    else:

        class Taps(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(4)])

            def forward(self, x):
                seen = []
                for layer in self.layers:
                    x = layer(x)
                    seen.append(x)
                return sum(seen[1:], seen[0])

        model = Taps()
    drawing = draw(model, X, fold=True)
    assert len(drawing.shown.graph.nodes) == len(drawing.graph.nodes)


def test_big_graphs_are_folded_unless_asked_not_to():
    assert len(draw(mlp(50), X).shown.graph.nodes) < 20
    assert len(draw(mlp(50), X, fold=False).shown.graph.nodes) > 200
    assert len(draw(mlp(5), X).shown.graph.nodes) == len(draw(mlp(5), X).graph.nodes)


# ── paths ───────────────────────────────────────────────────────────────────────────────────────


def test_highlight():
    w, v = tj.Tensor(2.0, requires_grad=True), tj.Tensor(3.0, requires_grad=True)
    a = w * 2
    y = a + v
    drawing = draw(y, names=locals(), highlight=w)
    names = {n.id: n.name for n in drawing.graph.nodes}
    assert {names[i] for i in drawing.look.highlight} == {"w", "a", "y"}
    assert draw(y, names=locals(), highlight=["w", v]).look.highlight == {
        i for i, name in names.items() if name
    }
    assert drawing.dot.count("penwidth=3.5") == 3
    assert drawing.dot.count("penwidth=3]") == 2


def test_a_highlighted_path_through_a_closed_box():
    drawing = draw(mlp(1), X, depth=1, highlight="2.weight")
    shown = drawing._look.highlight
    assert {n.name for n in drawing.shown.graph.nodes if n.id in shown} == {"2", "3", "4"}


# ── any graph ───────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=100)
@given(st.data())
def test_any_grouping_collapses_to_a_graph_without_circles(data):
    count = data.draw(st.integers(1, 12))
    nodes = tuple(GraphNode(f"n{i}", "operation", "op", is_output=i == count - 1) for i in range(count))
    edges = tuple(
        Edge(f"n{j}", f"n{i}", "x") for i in range(1, count)
        for j in data.draw(st.sets(st.integers(0, i - 1), max_size=3))
    )
    where = data.draw(st.lists(st.integers(0, 4), min_size=count, max_size=count))
    parents = [None, "g0", None, "g2"]
    groups = tuple(
        Group(f"g{k}", f"m{k}", f"m{k}", parents[k],
              tuple(f"n{i}" for i in range(count) if where[i] == k))
        for k in range(4)
    )
    graph = Graph(nodes, edges, groups)
    for depth in (0, 1, 2):
        small = collapsed(graph, depth)
        assert in_order(small.graph)
        ids = {n.id for n in small.graph.nodes}
        assert {small.stands.get(n.id, n.id) for n in nodes} == ids
        drawn = {(e.source, e.target) for e in small.graph.edges}
        wanted = {(small.stands.get(e.source, e.source), small.stands.get(e.target, e.target))
                  for e in edges}
        assert drawn == {(a, b) for a, b in wanted if a != b}
    assert folds(graph).graph.nodes
    assert view(graph, None, False).graph is graph


def test_on_paths():
    nodes = tuple(GraphNode(f"n{i}", "operation", "op", is_output=i == 3) for i in range(5))
    edges = (Edge("n0", "n1", "x"), Edge("n1", "n3", "x"), Edge("n2", "n3", "y"), Edge("n1", "n4", "x"))
    assert on_paths(Graph(nodes, edges), ["n0"]) == {"n0", "n1", "n3"}
    assert on_paths(Graph(nodes, edges), ["n4"]) == set()
