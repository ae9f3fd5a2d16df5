"""What of a Graph is shown: modules collapsed to boxes, repeated blocks folded, paths picked out.

Each function gives a smaller Graph of the same kind of records, and says what stands for what.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from .model import Edge, Graph, GraphNode, Group

FEWEST = 3  # blocks alike that are worth folding
LONGEST_PERIOD = 6  # modules that repeat together: Linear, ReLU, Linear, ReLU, ...


@dataclass(frozen=True, slots=True)
class View:
    """A Graph to draw, and for each node that is not in it, the one that stands for it."""

    graph: Graph
    stands: dict[str, str]

    def shown(self, ids: Iterable[str]) -> frozenset[str]:
        """Give the nodes that stand for these."""
        return frozenset(self.stands.get(i, i) for i in ids)


def view(graph: Graph, depth: int | None, fold: bool) -> View:
    """Fold repeated blocks, and collapse modules that lie deeper than `depth`."""
    folded = folds(graph) if fold else View(graph, {})
    if depth is None:
        return folded
    small = collapsed(folded.graph, depth)
    stands = {**small.stands, **{a: small.stands.get(b, b) for a, b in folded.stands.items()}}
    return View(small.graph, stands)


def on_paths(graph: Graph, ids: Iterable[str]) -> frozenset[str]:
    """List what lies on the paths from some nodes to the outputs."""
    below = set(ids)
    for edge in graph.edges:  # in the order of computation
        if edge.source in below:
            below.add(edge.target)
    above = {node.id for node in graph.outputs}
    for edge in reversed(graph.edges):
        if edge.target in above:
            above.add(edge.source)
    return frozenset(below & above)


def shortened(graph: Graph) -> Graph:
    """Leave out of a parameter's name what the frames around it say: "fc1.weight" in fc1."""
    paths = {member: group.path for group in graph.groups for member in group.members}
    nodes = []
    for node in graph.nodes:
        path = paths.get(node.id, "")
        if node.kind == "leaf" and path and node.name and node.name.startswith(f"{path}."):
            node = replace(node, name=node.name.removeprefix(f"{path}."))
        nodes.append(node)
    return Graph(tuple(nodes), graph.edges, graph.groups)


# ── collapsing ──────────────────────────────────────────────────────────────────────────────────


def collapsed(graph: Graph, depth: int) -> View:
    """Draw each module that lies `depth` modules deep as one box; 0 makes the model itself one.

    A module whose parts were not computed together, so that a box would be in a circle with what
    lies between them, stays open.
    """
    groups = {group.id: group for group in graph.groups}
    box_of: dict[str, str] = {}  # group -> the box that it is in
    level: dict[str, int] = {}
    for group in graph.groups:  # outer ones come first
        above = level.get(group.parent or "", 0)
        level[group.id] = above + (not _is_wrapper(group))
        if group.parent in box_of:
            box_of[group.id] = box_of[group.parent]
        elif above == depth and not _is_wrapper(group):
            box_of[group.id] = group.id
    while True:
        stands = {
            member: box_of[group.id] for group in graph.groups if group.id in box_of
            for member in group.members
        }
        order, circle = _ordered(graph, stands)
        if not circle:
            break
        box_of = {g: box for g, box in box_of.items() if box not in circle}
    nodes = {node.id: node for node in graph.nodes}
    used = {
        edge.source for edge in graph.edges
        if edge.source in stands and stands[edge.source] != stands.get(edge.target)
    }
    contents: dict[str, list[GraphNode]] = {}
    for member, box in stands.items():
        contents.setdefault(box, []).append(nodes[member])
    boxes = {box: _box(groups[box], inside, used) for box, inside in contents.items()}
    shown = [boxes.get(i) or nodes[i] for i in order]
    edges: dict[tuple[str, str, str], Edge] = {}
    flows: dict[tuple[str, str], list[Edge]] = {}  # into boxes
    for edge in graph.edges:
        source, target = stands.get(edge.source, edge.source), stands.get(edge.target, edge.target)
        if source == target:
            continue
        if (source, target) == (edge.source, edge.target):
            edges[source, target, edge.argument] = edge
        elif target in boxes:
            flows.setdefault((source, target), []).append(edge)
        else:
            moved = replace(edge, source=source)
            edges.setdefault((source, target, edge.argument), moved)
    for (source, target), parts in flows.items():
        edges[source, target, ""] = Edge(source, target, "", contribution=_together(parts))
    place = {node.id: i for i, node in enumerate(shown)}
    listed = sorted(edges.values(), key=lambda edge: place[edge.target])
    within: dict[str, list[str]] = {}
    for box in boxes:
        within.setdefault(groups[box].parent or "", []).append(box)
    kept = tuple(
        replace(group, members=(*group.members, *within.get(group.id, ())))
        for group in graph.groups if group.id not in box_of
    )
    return View(Graph(tuple(shown), tuple(listed), kept), stands)


def _together(parts: Sequence[Edge]) -> Any:
    """Add up what a module hands back to one source; None if they are several, or unknown."""
    given: list[Any] = [edge.contribution for edge in parts]
    if len({edge.source for edge in parts}) > 1 or any(g is None for g in given):
        return None
    return reduce(np.add, given)


def _is_wrapper(group: Group) -> bool:
    """Tell whether a group was made around repeated modules, and is none itself."""
    return group.id.startswith("f")


def _ordered(graph: Graph, stands: dict[str, str]) -> tuple[list[str], set[str]]:
    """Put nodes and boxes in an order of computation; or say which boxes are in a circle."""
    first: dict[str, int] = {}
    for i, node in enumerate(graph.nodes):
        first.setdefault(stands.get(node.id, node.id), i)
    needs = dict.fromkeys(first, 0)
    users: dict[str, list[str]] = {}
    for edge in graph.edges:
        source, target = stands.get(edge.source, edge.source), stands.get(edge.target, edge.target)
        if source != target:
            needs[target] += 1
            users.setdefault(source, []).append(target)
    ready = [(first[i], i) for i, count in needs.items() if not count]
    heapify(ready)
    order = []
    while ready:
        _, here = heappop(ready)
        order.append(here)
        for user in users.get(here, ()):
            needs[user] -= 1
            if not needs[user]:
                heappush(ready, (first[user], user))
    return order, set(stands.values()).intersection(needs).difference(order)


def _box(group: Group, inside: Sequence[GraphNode], used: set[str]) -> GraphNode:
    """Make the record of a module drawn as one box: it shows what comes out of it."""
    results = [
        n for n in inside if (n.id in used or n.is_output) and n.kind in ("operation", "module")
    ]
    only = results[0] if len(results) == 1 else None
    return GraphNode(
        group.id, "module", group.kind, name=group.label or None, about=group.path,
        shape=None if only is None else only.shape, dtype=None if only is None else only.dtype,
        value=None if only is None else only.value,
        gradient=None if only is None else only.gradient,
        is_output=any(n.is_output for n in inside),
        contents=sum(n.kind == "operation" for n in inside) * group.repeat,
        parameters=sum(_size(n) for n in inside if n.kind == "leaf") * group.repeat,
        folded=any(n.folded for n in results), repeat=group.repeat,
    )


def _size(node: GraphNode) -> int:
    count = 1
    for n in node.shape or ():
        count *= n
    return count


# ── folding ─────────────────────────────────────────────────────────────────────────────────────


def folds(graph: Graph) -> View:
    """Draw blocks that follow each other and are alike, shapes and all, once: "× 12"."""
    stands: dict[str, str] = {}
    wrappers = 0
    while True:
        found = _Blocks(graph).run()
        if found is None:
            return View(graph, stands)
        graph, more = _folded(graph, found, f"f{wrappers}")
        wrappers += 1
        stands = {**{a: more.get(b, b) for a, b in stands.items()}, **more}


@dataclass(frozen=True, slots=True)
class _Run:
    """Blocks alike, each the ids of its groups and of all nodes in them, in the same order."""

    groups: list[list[str]]
    nodes: list[list[str]]


class _Blocks:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.by_id = {group.id: group for group in graph.groups}
        self.place = {node.id: i for i, node in enumerate(graph.nodes)}
        self.children: dict[str | None, list[str]] = {}
        for group in graph.groups:
            self.children.setdefault(group.parent, []).append(group.id)
        self.inside: dict[str, list[str]] = {}  # all nodes of a group, its groups' included
        for group in reversed(graph.groups):
            nodes = list(group.members)
            for child in self.children.get(group.id, ()):
                nodes += self.inside[child]
            self.inside[group.id] = sorted(nodes, key=self.place.__getitem__)
        self.inputs: dict[str, list[Edge]] = {}
        self.users: dict[str, list[str]] = {}
        for edge in graph.edges:
            self.inputs.setdefault(edge.target, []).append(edge)
            self.users.setdefault(edge.source, []).append(edge.target)

    def run(self) -> _Run | None:
        """Find the first run of blocks alike, outer ones first."""
        for parent in [None, *self.by_id]:
            if parent is not None and self.by_id[parent].repeat > 1:
                continue
            row = [g for g in self.children.get(parent, ()) if self.inside[g]]
            row.sort(key=lambda g: self._first(g))
            known: dict[Any, int] = {}
            looks = [known.setdefault(self._look(g), len(known)) for g in row]
            for start in range(len(row)):
                for period in range(1, LONGEST_PERIOD + 1):
                    found = self._from(row, looks, start, period)
                    if found is not None:
                        return found
        return None

    def _first(self, group: str) -> int:
        """Give the place of a group's first operation: parameters are older than all of them."""
        nodes = self.graph.nodes
        places = [self.place[i] for i in self.inside[group]]
        return min((p for p in places if nodes[p].kind == "operation"), default=min(places))

    def _look(self, group: str) -> Any:
        """Say what a group looks like from inside."""
        nodes = [self.graph.nodes[self.place[i]] for i in self.inside[group]]
        here = {n.id: k for k, n in enumerate(nodes)}
        parts = []
        for n in nodes:
            taken = tuple((here.get(e.source), e.argument) for e in self.inputs.get(n.id, ()))
            parts.append((n.kind, n.label, n.shape, n.dtype, taken))
        return self.by_id[group].kind, self.by_id[group].repeat, tuple(parts)

    def _from(self, row: list[str], looks: list[int], start: int, period: int) -> _Run | None:
        """Find how often the groups from `start` on repeat with a period, and whether in line."""
        first = [row[start + k * period : start + (k + 1) * period] for k in range(FEWEST)]
        if len(first[-1]) < period or any(
            looks[start + k] != looks[start + k + period] for k in range(period * (FEWEST - 1))
        ):
            return None
        if self._in_line([[i for g in b for i in self.inside[g]] for b in first]) < FEWEST:
            return None
        count = FEWEST
        while looks[start : start + period] == looks[
            start + count * period : start + (count + 1) * period
        ] and start + (count + 1) * period <= len(row):
            count += 1
        while count >= FEWEST:
            blocks = [row[start + k * period : start + (k + 1) * period] for k in range(count)]
            nodes = [[i for g in block for i in self.inside[g]] for block in blocks]
            good = self._in_line(nodes)
            if good == count:
                return _Run(blocks, nodes)
            count = good
        return None

    def _in_line(self, blocks: list[list[str]]) -> int:
        """Count the blocks of which each takes from the one before, in the same way, and only so.

        Fewer than all where a block's results go elsewhere than to the next one: it is the last.
        """
        where = {i: (k, j) for k, block in enumerate(blocks) for j, i in enumerate(block)}
        wanted: Any = None
        for k, block in enumerate(blocks):
            taken: list[tuple[int, str, Any]] = []
            for j, i in enumerate(block):
                for edge in self.inputs.get(i, ()):
                    at = where.get(edge.source)
                    if at is None:
                        taken.append((j, edge.argument, edge.source))
                    elif at[0] != k:
                        taken.append((j, edge.argument, at[1] if at[0] == k - 1 else None))
            if k == 1:
                wanted = taken
            if (k > 1 and taken != wanted) or any(source is None for *_, source in taken):
                return k
            if k < len(blocks) - 1:
                for i in block:
                    if self.graph.nodes[self.place[i]].is_output:
                        return k + 1
                    users = [where.get(user, (-1, 0))[0] for user in self.users.get(i, ())]
                    if any(user not in (k, k + 1) for user in users):
                        return k + 1
        return len(blocks)


def _folded(graph: Graph, run: _Run, name: str) -> tuple[Graph, dict[str, str]]:
    """Leave the first block of a run, and let the last one's users take from it."""
    first, count = run.groups[0], len(run.groups)
    stands = {
        gone: stays for block in run.nodes[1:]
        for gone, stays in zip(block, run.nodes[0], strict=True)
    }
    here = set(run.nodes[0])
    results = {stands.get(n.id, n.id) for n in graph.nodes if n.is_output}
    nodes = tuple(
        replace(
            n, folded=True, value=None, gradient=None, grad=None, is_output=n.id in results
        )
        if n.id in here and not _is_number(n) else n
        for n in graph.nodes if n.id not in stands
    )
    edges = tuple(
        replace(e, source=stands.get(e.source, e.source), slope=None, contribution=None)
        if e.source in stands or (e.source in here and e.target in here) else e
        for e in graph.edges if e.target not in stands
    )
    gone = {g for block in run.groups[1:] for g in block}
    groups: list[Group] = []
    for group in graph.groups:
        if group.parent in gone:
            gone.add(group.id)
        if group.id in gone:
            continue
        if group.id == first[0]:
            last = next(g for g in graph.groups if g.id == run.groups[-1][-1])
            label = f"{group.label} … {last.label}"
            if len(first) == 1:
                groups.append(replace(group, label=label, repeat=count))
                continue
            groups.append(Group(name, label, group.path, group.parent, (), "", 1, count))
        wrapped = len(first) > 1 and group.id in first
        groups.append(replace(group, parent=name) if wrapped else group)
    return Graph(nodes, edges, _outer_first(groups)), stands


def _outer_first(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Put groups in an order in which each comes after the one around it."""
    inside: dict[str | None, list[Group]] = {}
    for group in groups:
        inside.setdefault(group.parent, []).append(group)
    listed: list[Group] = []
    waiting = list(reversed(inside.get(None, [])))
    while waiting:
        group = waiting.pop()
        listed.append(group)
        waiting += reversed(inside.get(group.id, []))
    return tuple(listed)


def _is_number(node: GraphNode) -> bool:
    return node.kind == "constant" and node.value is not None and node.value.ndim == 0
