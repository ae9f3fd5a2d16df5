"""A graph with some of its modules as boxes, to be laid out: what a page shows when it folds.

The page can fold any modules by itself, by taking their space out; for the ones that it folds at
once (the outermost, or those at a depth) it has a layout of their own, made here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from .model import Edge, Graph, GraphNode, Group


def outermost(groups: tuple[Group, ...]) -> list[str]:
    """List the modules to fold: the outermost, but those inside where one holds all the others."""
    full: set[str | None] = set()  # those with nodes in them
    for group in reversed(groups):
        if group.members or group.id in full:
            full |= {group.id, group.parent}
    inside: dict[str | None, list[str]] = {}
    for group in groups:
        if group.id in full:
            inside.setdefault(group.parent, []).append(group.id)
    level = inside.get(None, [])
    while len(level) == 1 and level[0] in inside:
        level = inside[level[0]]
    return level


def at_depth(groups: tuple[Group, ...], depth: int) -> list[str]:
    """List the groups that have so many groups around them."""
    level: dict[str | None, int] = {None: -1}
    for group in groups:  # outer ones come first
        level[group.id] = level[group.parent] + 1
    return [group.id for group in groups if level[group.id] == depth]


def folded(graph: Graph, ids: Collection[str]) -> Graph | None:
    """Put one box of kind "module" in the place of each of these groups, under the group's id.

    None where that would make a circle: where what lies between a module's parts is outside it.
    """
    around = {group.id: group.parent for group in graph.groups}
    box: dict[str, str] = {}  # group -> the folded one that it is, or is in
    for group in graph.groups:
        above = box.get(group.parent or "")
        if above or group.id in ids:
            box[group.id] = above or group.id
    stands = {
        member: box[group.id]
        for group in graph.groups if group.id in box for member in group.members
    }
    ends = {stands.get(node.id, node.id) for node in graph.outputs}
    made: dict[str, GraphNode] = {}
    before: dict[str, list[str]] = {}
    for node in graph.nodes:
        here = stands.get(node.id, node.id)
        made.setdefault(here, node if here == node.id else GraphNode(
            here, "module", "", is_output=here in ends
        ))
        before.setdefault(here, [])
    edges: dict[tuple[str, str, str], Edge] = {}
    parallel: list[Edge] = []
    for edge in graph.edges:
        source, target = stands.get(edge.source, edge.source), stands.get(edge.target, edge.target)
        if source == target:
            continue
        before[target].append(source)
        if (source, target) == (edge.source, edge.target):
            parallel.append(edge)
        else:
            edges.setdefault((source, target, ""), Edge(source, target, ""))
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError:
        return None
    place = {name: i for i, name in enumerate(order)}
    within: dict[str | None, list[str]] = {}
    for name in dict.fromkeys(box.values()):
        if name in made:
            within.setdefault(around[name], []).append(name)
    return Graph(
        tuple(made[name] for name in order),
        tuple(sorted([*parallel, *edges.values()], key=lambda edge: place[edge.target])),
        tuple(
            replace(group, members=(*group.members, *within.get(group.id, ())))
            for group in graph.groups if group.id not in box
        ),
    )
