"""What is written for a picture, in order: groups around their nodes, then the edges.

Layout takes time with the length of edges, not only with their number: one weight used at each of
200 steps keeps Graphviz busy for minutes. So in a big graph a far use is drawn from a small
reference to the node, as a book says "see page 7". And a very big graph without modules is cut
into lines, as a book's text is, which are drawn one under the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from .model import Edge, Graph, GraphNode, Group

Step = Literal["open", "node", "close"]

# Where the order of arguments does not matter, their names on the edges would only be noise.
SYMMETRIC = {"np.add", "np.multiply", "np.maximum", "np.minimum", "np.logaddexp", "np.hypot"}

ENOUGH = 400  # levels that edges may skip, all together, before a graph counts as big
SHORT, SHORTER = 8, 2  # levels that an edge may span in a big graph, and in a very big one
VERY_BIG = 1000  # nodes
LINE = 30  # levels of a very big graph in a line


@dataclass(frozen=True, slots=True)
class Reference:
    """A small box that stands for a node far away."""

    id: str
    node: GraphNode


@dataclass(frozen=True, slots=True)
class Link:
    """An edge as drawn: from a node or a Reference; named where that is worth writing."""

    source: str
    target: str
    name: str
    edge: Edge


def steps(graph: Graph) -> Iterator[tuple[Step, GraphNode | Group, int]]:
    """List what to write, with its depth: a group's nodes, then its groups; the rest at last."""
    by_id = {node.id: node for node in graph.nodes}
    inside: dict[str | None, list[Group]] = {}
    for group in graph.groups:
        inside.setdefault(group.parent, []).append(group)
    stack: list[tuple[Step, Group, int]] = [
        ("open", group, 1) for group in reversed(inside.get(None, []))
    ]
    while stack:
        step, group, depth = stack.pop()
        yield step, group, depth
        if step == "open":
            for member in group.members:
                yield "node", by_id[member], depth + 1
            stack.append(("close", group, depth))
            stack += [("open", inner, depth + 1) for inner in reversed(inside.get(group.id, []))]
    grouped = {member for group in graph.groups for member in group.members}
    for node in graph.nodes:
        if node.id not in grouped:
            yield "node", node, 1


def named(graph: Graph) -> Iterator[tuple[Edge, str]]:
    """List the edges, each with the argument's name where that is worth writing."""
    labels = {node.id: node.label for node in graph.nodes}
    inputs: dict[str, int] = {}
    for edge in graph.edges:
        inputs[edge.target] = inputs.get(edge.target, 0) + 1
    for edge in graph.edges:
        worth = inputs[edge.target] > 1 and labels[edge.target] not in SYMMETRIC
        yield edge, edge.argument if worth else ""


def links(graph: Graph) -> tuple[list[Reference], list[Link]]:
    """List the edges to draw, and the references that stand in for what is too far away."""
    level = levels(graph)
    skipped = sum(level[e.target] - level[e.source] - 1 for e in graph.edges)
    short = SHORT if len(graph.nodes) <= VERY_BIG else SHORTER
    lowest = min(level.values(), default=0)
    line = LINE if is_cut(graph) else max(level.values(), default=0) - lowest + 1
    by_id = {node.id: node for node in graph.nodes}
    references: list[Reference] = []
    nearest: dict[str, tuple[str, int]] = {}  # of a node: what stands for it, and at which level
    drawn = []
    for edge, name in named(graph):
        source, here = nearest.get(edge.source, (edge.source, level[edge.source]))
        distance = level[edge.target] - here
        far = skipped > ENOUGH and not 0 < distance <= short
        if far or (here - lowest) // line != (level[edge.target] - lowest) // line:
            source = f"r{len(references)}"
            references.append(Reference(source, by_id[edge.source]))
            before = level[edge.target] - 1  # but not in the line before
            start = lowest + (level[edge.target] - lowest) // line * line
            nearest[edge.source] = source, max(before, start)
        drawn.append(Link(source, edge.target, name, edge))
    return references, drawn


def is_cut(graph: Graph) -> bool:
    """Tell whether a graph is drawn in lines, one under the other."""
    return len(graph.nodes) > VERY_BIG and not graph.groups


def manner(graph: Graph) -> str:
    """Give the attributes with which Graphviz lays a very big graph out in bearable time.

    In lines, packed in the order given (which it turns round with LR: see is_cut); or, with
    modules, all of them ranked at once: one by one, 5,000 nodes in 1,700 frames take twice as long.
    """
    if len(graph.nodes) <= VERY_BIG:
        return ""
    return ' pack=16 packmode="array_ict1"' if is_cut(graph) else " newrank=true"


def levels(graph: Graph) -> dict[str, int]:
    """Give each node the last level at which it can stand: just before what first uses it."""
    first: dict[str, int] = {}
    for edge in graph.edges:  # in the order of their targets, which is that of computation
        first[edge.target] = max(first.get(edge.target, 0), first.get(edge.source, 0) + 1)
    level = {node.id: first.get(node.id, 0) for node in graph.outputs}
    for edge in reversed(graph.edges):
        above = level[edge.target] - 1
        level[edge.source] = min(level.get(edge.source, above), above)
    return level
