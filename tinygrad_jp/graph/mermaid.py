"""A Graph as Mermaid text, which Markdown pages draw by themselves; needs no engine."""

from __future__ import annotations

from collections.abc import Iterator

from .dot import FILLS, GREEN, GREY, ORANGE, VERMILLION
from .model import Graph, GraphNode
from .outline import links, steps
from .wording import Look, clean, lines, title

CLASSES = (
    f"classDef leaf fill:{FILLS['leaf']},stroke:{GREEN},color:#000",
    f"classDef operation fill:{FILLS['operation']},stroke:{ORANGE},color:#000",
    f"classDef constant fill:{FILLS['constant']},stroke:{GREY},stroke-dasharray:4,color:#000",
    f"classDef output stroke:{VERMILLION},stroke-width:3px",
)
SHAPES = {"leaf": '["{}"]', "operation": '("{}")', "constant": '["{}"]'}
PLAIN = set(" ,:=()/")  # besides letters and digits; anything else is written as a code


def mermaid(graph: Graph, look: Look) -> str:
    """Write a Graph as Mermaid text."""
    return "\n".join(_lines(graph, look)) + "\n"


def _lines(graph: Graph, look: Look) -> Iterator[str]:
    yield f"flowchart {look.direction}"
    for step, thing, depth in steps(graph):
        indent = "  " * depth
        if isinstance(thing, GraphNode):
            yield f"{indent}{_node(thing, look)}"
        elif step == "open":
            yield f'{indent}subgraph {thing.id}["{quoted(clean(thing.label))}"]'
        else:
            yield f"{indent}end"
    references, drawn = links(graph)
    for reference in references:
        text = f"↑ {reference.node.id} {title(reference.node, look)}"
        yield f'  {reference.id}["{quoted(text)}"]:::constant'
    for link in drawn:
        label = f'|"{quoted(link.name)}"| ' if link.name else ""
        yield f"  {link.source} --> {label}{link.target}"
    for text in CLASSES:
        yield f"  {text}"
    yield f"  class {','.join(node.id for node in graph.outputs)} output"


def _node(node: GraphNode, look: Look) -> str:
    text = "<br/>".join(quoted(line.text) for line in lines(node, look))
    return f"{node.id}{SHAPES[node.kind].format(text)}:::{node.kind}"


def quoted(text: str) -> str:
    """Write every sign that Mermaid, Markdown or HTML could read something into as a code."""
    text = "".join(c if c.isalnum() or c in PLAIN or c == "." else f"#{ord(c)};" for c in text)
    return text.replace(". ", "#46; ")  # "1. apple" would be a list
