"""What a page holds of a graph: plain data, which JSON can write.

Arrays and formulas are written once and referred to by their place; everything else is in the
order of the Graph. A gradient that was not computed is null, never 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import GradientError
from .arrays import Arrays
from .folding import at_depth, folded, outermost
from .formulas import Formula, formula
from .layout import Layout, Size, layout
from .mathml import mathml
from .model import Edge, Graph, GraphNode, Group
from .outline import named
from .render import refuse_too_many
from .steps import play, seed_of
from .wording import Look, clean, heading, lines, operation, shape, title, width

FORMAT = 1  # of the data
TITLE, TEXT = 14.0, 12.0  # pixels: the sizes of the letters in a box
HEIGHTS = {"title": 20.0}  # of a line, in pixels; 16 for others
BESIDE, ABOVE = 24.0, 12.0  # pixels around the text: left and right, top and bottom
FOLDED_HEIGHT = 48.0  # pixels, of a folded module
LONGEST_LINE = 300  # characters of a source line
Record = dict[str, Any]


def contents(
    graph: Graph, look: Look, history: Any = None, depth: int | None = None
) -> Record:
    """Put a graph into plain data, with places for its boxes and the steps of its play.

    history: a Recorder, or what its to_dict() gave: how the model was trained.
    depth: modules that lie so deep are folded when the page opens; None leaves it to the page.
    Raises MissingExtraError: no layout engine, or no latex2mathml; OptionError: too many nodes.
    """
    refuse_too_many(len(graph.nodes))
    look = look.but(style="boxes", formulas=False, statistics=True)
    arrays, formulas = Arrays(), _Formulas()
    cards = {node.id: card(node, look) for node in graph.nodes}
    sizes = {i: size_of(lines_) for i, lines_ in cards.items()}
    placed = layout(graph, sizes, look.direction)
    steps = play(graph)
    told: Record = {} if history is None else {"history": trained(history)}
    if depth is not None:
        told["folded"] = at_depth(graph.groups, depth)
    sets = [outermost(graph.groups), *([told["folded"]] if depth is not None else [])]
    inside = {member: group.id for group in graph.groups for member in group.members}
    seeds = {s.node: next(n for n in graph.nodes if n.id == s.node)
             for s in steps if s.phase == "seed"}
    return {
        "format": FORMAT,
        "title": [title(n, look.but(language="ja")) for n in graph.outputs],
        "language": look.language,
        "direction": look.direction,
        "nodes": [
            said(_node(n, look, arrays, formulas) | {"group": inside.get(n.id)})
            | {"card": cards[n.id]}
            for n in graph.nodes
        ],
        "edges": [said(_edge(e, name, look, arrays)) for e, name in named(graph)],
        "groups": [_group(g, look) for g in graph.groups],
        "seeds": {i: arrays.add(seed_of(graph, node)) for i, node in seeds.items()},
        "steps": [[s.phase[0], s.node if s.edge is None else s.edge] for s in steps],
        "layout": _places(placed),
        "layouts": _when_folded(graph, sizes, look, sets),
        "formulas": formulas.records,
        "arrays": arrays.records,
    } | told


def trained(history: Any) -> Record:
    """Keep of a recorded training what the page shows, with four digits.

    Raises GradientError where no step was recorded.
    """
    kept: Record = history if isinstance(history, dict) else history.to_dict()
    if not kept["steps"]:
        raise GradientError("recorder_empty")

    def table(rows: Record, names: tuple[str, ...]) -> Record:
        return {
            path: {name: [_short(x) for x in columns[name]] for name in names if name in columns}
            for path, columns in rows.items()
        }

    return {
        "steps": list(kept["steps"]),
        "losses": [_short(x) for x in kept["losses"]],
        "modules": table(kept["modules"], ("norm", "gradient")),
        "parameters": table(kept["parameters"], ("norm", "gradient", "update")),
    }


def _short(x: float | None) -> float | None:
    return None if x is None else float(f"{x:.4g}")


def said(record: Record) -> Record:
    """Leave out what says nothing: null, no, and ""."""
    return {k: v for k, v in record.items() if v is not None and v is not False and v != ""}


def card(node: GraphNode, look: Look) -> list[list[str]]:
    """Write a node's box line by line: its role, the text in Japanese, and in English if other."""
    pair = (lines(node, look.but(language=language)) for language in ("ja", "en"))
    return [
        [ja.role, ja.text] if ja.text == en.text else [ja.role, ja.text, en.text]
        for ja, en in zip(*pair, strict=True)
    ]


def size_of(rows: list[list[str]]) -> Size:
    """Give a box's width and height in pixels, wide enough in both languages."""
    widths = [
        width(text) * (TITLE * 1.06 if role == "title" else TEXT)
        for role, *texts in rows
        for text in texts
    ]
    height = sum(HEIGHTS.get(role, 16.0) for role, *_ in rows)
    return round(max([*widths, 28.0]) + BESIDE), round(height + ABOVE)


def both(write: Callable[[Look], str], look: Look) -> str | list[str]:
    """Write something in Japanese and English; once, if it is the same."""
    texts = [write(look.but(language=language)) for language in ("ja", "en")]
    return texts[0] if texts[0] == texts[1] else texts


def _node(node: GraphNode, look: Look, arrays: Arrays, formulas: _Formulas) -> Record:
    return {
        "id": node.id,
        "kind": node.kind,
        "title": both(lambda its: title(node, its), look),
        "name": clean(node.name) if node.name else None,
        "operation": operation(node) if node.kind == "operation" else None,
        "about": clean(node.about, 200),
        "shape": None if node.shape is None else shape(node.shape),
        "dtype": node.dtype,
        "value": arrays.add(node.value) if look.values else None,
        "gradient": arrays.add(node.gradient) if look.gradients else None,
        "grad": arrays.add(node.grad) if look.gradients else None,
        "formula": None if node.kind != "operation" else formulas.add(formula_of(node)),
        "line": clean(node.line, LONGEST_LINE) if node.line else None,
        "output": node.is_output,
        "folded": node.folded,
        "mark": clean(look.marks[node.id], 200) if node.id in look.marks else None,
        "path": node.id in look.highlight,
    }


def _group(group: Group, look: Look) -> Record:
    return {
        "id": group.id, "title": both(lambda its: heading(group, its), look),
        "path": clean(group.path, 200), "parent": group.parent,
    }


def _edge(edge: Edge, name: str, look: Look, arrays: Arrays) -> Record:
    return {
        "from": edge.source,
        "to": edge.target,
        "argument": clean(edge.argument),
        "name": clean(name),
        "slope": arrays.add(edge.slope) if look.gradients else None,
        "contribution": arrays.add(edge.contribution) if look.gradients else None,
    }


def formula_of(node: GraphNode) -> Formula:
    """Give an operation's formula, also for a record that was made without one."""
    return node.formula or formula(node.label)


class _Formulas:
    """A list of formulas, each once."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._places: dict[int, int] = {}
        self._kept: list[Formula] = []  # so that no other gets the id of one that is gone

    def add(self, formula_: Formula) -> int:
        place = self._places.get(id(formula_))
        if place is None:
            place = self._places[id(formula_)] = len(self.records)
            self._kept.append(formula_)
            self.records.append({
                "y": mathml(formula_.forward),
                "text": formula_.forward.text,
                "general": formula_.is_general,
                "of": {
                    argument: {
                        "pull": mathml(d.pull), "pulltext": d.pull.text,
                        "local": d.local and mathml(d.local),
                        "localtext": d.local and d.local.text,
                    }
                    for argument, d in formula_.derivatives.items()
                },
            })
        return place


def _when_folded(
    graph: Graph, sizes: dict[str, Size], look: Look, sets: list[list[str]]
) -> list[Record]:
    """Lay the graph out anew for sets of modules that the page folds at once."""
    made: dict[tuple[str, ...], Record] = {}
    for ids in sets:
        small = folded(graph, ids) if ids and tuple(ids) not in made else None
        if small is not None:
            boxes = {g.id: _folded_size(g, look) for g in graph.groups if g.id in ids}
            placed = layout(small, sizes | boxes, look.direction)
            made[tuple(ids)] = _places(placed) | {"folded": ids}
    return list(made.values())


def _folded_size(group: Group, look: Look) -> Size:
    texts = both(lambda its: heading(group, its), look)
    longest = max(map(width, [texts] if isinstance(texts, str) else texts))
    return round(max(120.0, longest * TITLE * 1.06 + 44)), FOLDED_HEIGHT


def _places(placed: Layout) -> Record:
    return {
        "size": placed.size,
        "boxes": placed.boxes,
        "lines": placed.lines,
        "references": {r.id: r.node.id for r in placed.references},
        "links": [[link.source, link.target] for link in placed.links],
    }
