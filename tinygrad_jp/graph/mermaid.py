"""A Graph as Mermaid text, which Markdown pages draw by themselves; needs no engine."""

from __future__ import annotations

from collections.abc import Iterator

from .model import Graph, GraphNode
from .outline import links, steps
from .theme import THEMES
from .view import shortened
from .wording import Look, heading, lines, slope, title

SHAPES = {"leaf": '["{}"]', "operation": '("{}")', "constant": '["{}"]', "module": '[["{}"]]'}
PLAIN = set(" ,:=()/")  # besides letters and digits; anything else is written as a code


def mermaid(graph: Graph, look: Look) -> str:
    """Write a Graph as Mermaid text."""
    return "\n".join(_lines(graph, look)) + "\n"


def _lines(graph: Graph, look: Look) -> Iterator[str]:
    graph = shortened(graph)
    yield f"flowchart {look.direction}"
    for step, thing, depth in steps(graph):
        indent = "  " * depth
        if isinstance(thing, GraphNode):
            yield f"{indent}{_node(thing, look)}"
        elif step == "open":
            yield f'{indent}subgraph {thing.id}["{quoted(heading(thing, look))}"]'
        else:
            yield f"{indent}end"
    references, drawn = links(graph)
    for reference in references:
        text = f"↑ {reference.node.id} {title(reference.node, look)}"
        yield f'  {reference.id}["{quoted(text)}"]:::constant'
    nodes = {node.id: node for node in graph.nodes}
    for link in drawn:
        ends = nodes[link.edge.source], nodes[link.edge.target]
        text = slope(link.edge, *ends, look) if look.slopes else link.name
        label = f'|"{quoted(text)}"| ' if text else ""
        yield f"  {link.source} --> {label}{link.target}"
    yield from _classes(graph, look)


def _classes(graph: Graph, look: Look) -> Iterator[str]:
    theme = THEMES[look.theme]
    for kind in dict.fromkeys(node.kind for node in graph.nodes):
        dashes = ",stroke-dasharray:4" if kind == "constant" else ""
        colours = f"fill:{theme.fills[kind]},stroke:{theme.lines[kind]}{dashes}"
        yield f"  classDef {kind} {colours},color:{theme.text}"
    nodes = {node.id for node in graph.nodes}
    for name, colour, chosen in (
        ("output", theme.output, [node.id for node in graph.outputs]),
        ("path", theme.path, sorted(look.highlight & nodes)),
        ("alarm", theme.alarm, sorted(nodes.intersection(look.marks))),
    ):
        if chosen:
            yield f"  classDef {name} stroke:{colour},stroke-width:3px"
            yield f"  class {','.join(chosen)} {name}"


def _node(node: GraphNode, look: Look) -> str:
    text = "<br/>".join(quoted(line.text) for line in lines(node, look))
    return f"{node.id}{SHAPES[node.kind].format(text)}:::{node.kind}"


def quoted(text: str) -> str:
    """Write every sign that Mermaid, Markdown or HTML could read something into as a code."""
    text = "".join(c if c.isalnum() or c in PLAIN or c == "." else f"#{ord(c)};" for c in text)
    return text.replace(". ", "#46; ")  # "1. apple" would be a list
