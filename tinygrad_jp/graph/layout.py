"""Where each box and line of a page lies, as Graphviz places them; the page draws them itself.

The page hides values that are still to come, changes language and folds modules, so its boxes are
its own; only their places come from the engine. Lengths are CSS pixels, y grows downwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from . import render
from .dot import quoted
from .model import Graph, GraphNode
from .outline import Link, Reference, is_cut, links, manner, steps
from .wording import Direction

Size = tuple[float, float]
Box = tuple[float, float, float, float]  # centre x, y, width, height
INCH = 72.0  # pixels
LEVELS_APART, SIDE_BY_SIDE = 0.62, 0.26  # inches between boxes, along the flow and across it


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of a graph's boxes and lines.

    size        of the whole
    boxes       by the id of a node or a Reference
    lines       one for each of `links`: x, y of a cubic Bézier curve's points, in a row
    references  the small boxes that stand for nodes far away; links: what is drawn, in order
    """

    size: Size
    boxes: dict[str, Box]
    lines: list[list[float]]
    references: list[Reference] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)


def layout(graph: Graph, sizes: Mapping[str, Size], direction: Direction = "LR") -> Layout:
    """Place the boxes of a graph, of these sizes; "r0", "r1", ... are References.

    Raises as `render.svg` does: no layout engine, too many nodes.
    """
    references, drawn = links(graph)
    given = dict(sizes)
    for reference in references:
        given[reference.id] = (sizes[reference.node.id][0], 24.0)
    text = "\n".join(_dot(graph, references, drawn, given, direction))
    plain = render.laid_out(text, "plain", len(graph.nodes))
    return _read(plain, references, drawn)


def _dot(
    graph: Graph, references: list[Reference], drawn: list[Link], sizes: Mapping[str, Size],
    direction: Direction,
) -> Iterator[str]:
    cut = is_cut(graph)
    gaps = f"nodesep={SIDE_BY_SIDE} ranksep={LEVELS_APART}"
    yield "digraph {"
    yield f"graph [rankdir={direction} {gaps}{manner(graph)}]"
    yield 'node [shape=box fixedsize=true label=""]'
    yield "edge [arrowhead=none]"
    listed = list(steps(graph))
    for step, thing, _ in reversed(listed) if cut and direction in ("LR", "RL") else listed:
        if isinstance(thing, GraphNode):
            yield _box(thing.id, sizes)
        elif step == "open":
            yield f"subgraph cluster_{thing.id} {{ margin=14"
            if thing.label:
                yield f'label={quoted(" " * 4)} fontsize=18'  # room for the title that is drawn
        else:
            yield "}"
    for reference in references:
        yield _box(reference.id, sizes)
    for i, link in enumerate(drawn):
        yield f'{link.source} -> {link.target} [color="#{i:06x}"]'
    yield "}"


def _box(name: str, sizes: Mapping[str, Size]) -> str:
    width, height = sizes[name]
    return f"{name} [width={width / INCH:.4f} height={height / INCH:.4f}]"


def _read(plain: str, references: list[Reference], drawn: list[Link]) -> Layout:
    """Read Graphviz' plain format; the colour of an edge is the number of its link."""
    size, boxes = (0.0, 0.0), {}
    lines: list[list[float]] = [[] for _ in drawn]
    for row in plain.replace("\\\n", "").splitlines():
        kind, *rest = row.split()
        if kind == "graph":
            size = (float(rest[1]) * INCH, float(rest[2]) * INCH)
        elif kind == "node":
            x, y, w, h = (float(v) * INCH for v in rest[1:5])
            boxes[rest[0]] = (round(x, 1), round(size[1] - y, 1), round(w, 1), round(h, 1))
        elif kind == "edge":
            count = int(rest[2])
            numbers = [float(v) * INCH for v in rest[3 : 3 + 2 * count]]
            lines[int(rest[-1].strip('"#'), 16)] = [
                round(v if i % 2 == 0 else size[1] - v, 1) for i, v in enumerate(numbers)
            ]
    return Layout((round(size[0], 1), round(size[1], 1)), boxes, lines, references, drawn)
