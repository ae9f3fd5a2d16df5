"""Modules as boxes in a page: which are folded, and what is joined to what."""

from __future__ import annotations

from typing import Any

from tinygrad_jp.graph.contents import contents
from tinygrad_jp.graph.folding import at_depth, folded, outermost
from tinygrad_jp.graph.model import Edge, Graph, GraphNode, Group, graph_of
from tinygrad_jp.graph.wording import Look

from .programs import leaf, network


def group(id: str, parent: str | None = None, *members: str) -> Group:
    return Group(id, id, id, parent, members)


def test_the_outermost_but_not_one_that_holds_all():
    assert outermost(()) == []
    assert outermost((group("g0", None, "n0"), group("g1", None, "n1"))) == ["g0", "g1"]
    nested = (
        group("g0"), group("g1", "g0"), group("g2", "g1", "n0"), group("g3", "g1", "n1"),
        group("g4", "g1"),
    )
    assert outermost(nested) == ["g2", "g3"]
    assert outermost((group("g0", None, "n0"), group("g1"))) == ["g0"]
    assert at_depth(nested, 0) == ["g0"]
    assert at_depth(nested, 2) == ["g2", "g3", "g4"]
    assert at_depth(nested, 3) == []


def joined(graph: Graph) -> list[tuple[str, str]]:
    return [(edge.source, edge.target) for edge in graph.edges]


def test_a_folded_module_is_one_box_with_its_lines():
    loss, paths = network()
    graph = graph_of(loss, paths)
    both = folded(graph, ["g0", "g2"])
    assert both is not None
    names = {n.name or n.label: n.id for n in graph.nodes}
    assert set(joined(both)) == {
        (names["入力"], "g0"), ("g0", names["np.maximum"]), (names["b"], names["np.maximum"]),
        (names["np.maximum"], "g2"), ("g2", names["cross_entropy"]),
        (names["t"], names["cross_entropy"]),
    }
    assert [n.id for n in both.nodes if n.kind == "module"] == ["g0", "g2"]
    assert both.groups == ()
    inner = folded(graph, ["g1"])
    assert inner is not None
    assert {g.id: g.members for g in inner.groups} == {"g0": ("g1",), "g2": ("n2", "n7", "n8")}
    order = [n.id for n in inner.nodes]
    assert all(order.index(a) < order.index(b) for a, b in joined(inner))


def test_what_would_be_a_circle_is_left_to_the_page():
    nodes = tuple(GraphNode(f"n{i}", "operation", "np.exp") for i in range(3))
    edges = (Edge("n0", "n1", "x"), Edge("n1", "n2", "x"))
    graph = Graph(nodes, edges, (group("g0", None, "n0", "n2"),))
    assert folded(graph, ["g0"]) is None


def test_a_module_that_holds_an_output_can_be_laid_out():
    w = leaf(2.0, "m.w")
    graph = graph_of((leaf(3.0, "x") * w) * w, [("m.w", w)])
    data = contents(graph, Look(language="en"))
    (made,) = data["layouts"]
    assert made["folded"] == ["g0"]
    assert set(made["boxes"]) == {"n0", "g0"} or set(made["boxes"]) == {"n1", "g0"}
    small = folded(graph, ["g0"])
    assert small is not None
    assert [n.id for n in small.outputs] == ["g0"]


def test_lines_side_by_side_stay_apart():
    x, w = leaf(2.0, "x"), leaf(1.0, "m.w")
    graph = graph_of((x * x) + w * 2, [("m.w", w)])
    small = folded(graph, ["g0"])
    assert small is not None
    (square,) = [n.id for n in small.nodes if n.label == "np.multiply"]
    assert [target for _, target in joined(small)].count(square) == 2


def test_a_page_has_a_layout_for_what_it_folds_at_once():
    loss, paths = network()
    graph = graph_of(loss, paths)
    data: Any = contents(graph, Look(language="en"), depth=1)
    assert [made["folded"] for made in data["layouts"]] == [["g0", "g2"], ["g1"]]
    assert data["folded"] == ["g1"]
    for made in data["layouts"]:
        assert len(made["links"]) == len(made["lines"])
        boxes = list(made["boxes"].items())
        for i, (_, (x, y, w, h)) in enumerate(boxes):
            for _, (u, v, k, m) in boxes[:i]:
                assert abs(x - u) >= (w + k) / 2 - 1 or abs(y - v) >= (h + m) / 2 - 1
