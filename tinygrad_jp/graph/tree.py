"""A Graph as a tree of text, from the result down to what it was made of; needs no engine."""

from __future__ import annotations

from .model import Edge, Graph, GraphNode
from .outline import named
from .wording import Look, lines, title

INDENT = 3  # characters a level
DEEPEST = 24  # levels; what lies deeper starts again at the margin


def tree(graph: Graph, look: Look) -> str:
    """Write a Graph as a tree; what was written already is only referred to.

    Linear in the size of the graph, however often its results are used and however deep it is.
    """
    nodes = {node.id: node for node in graph.nodes}
    inputs: dict[str, list[tuple[Edge, str]]] = {}
    for edge, name in named(graph):
        inputs.setdefault(edge.target, []).append((edge, name))
    written: set[str] = set()
    texts: list[str] = []
    waiting = [node.id for node in reversed(graph.outputs)]
    while waiting:
        start = waiting.pop()
        if start in written:
            continue
        stack = [(start, "", "", "")]  # id, what precedes it, what precedes its inputs, argument
        deeper: list[str] = []
        while stack:
            here, head, below, name = stack.pop()
            head += f"{name}: " if name else ""
            elsewhere = ""
            if inputs.get(here):  # leaves and constants are short enough to be written again
                if here in written:
                    elsewhere = "above"
                elif len(below) >= INDENT * DEEPEST:
                    elsewhere = "below"
                    deeper.append(here)
            if elsewhere:
                short = f"{here} {title(nodes[here], look)}"
                texts.append(f"{head}{short}  ({look.word(elsewhere)})")
                continue
            texts.append(head + _text(nodes[here], look))
            written.add(here)
            under = inputs.get(here, [])
            for i in reversed(range(len(under))):
                edge, argument = under[i]
                last = i == len(under) - 1
                stack.append((
                    edge.source, below + ("└─ " if last else "├─ "),
                    below + ("   " if last else "│  "), argument,
                ))
        waiting += reversed(deeper)
    return "\n".join(texts) + "\n"


def _text(node: GraphNode, look: Look) -> str:
    parts = [line.text for line in lines(node, look)]
    return "  ".join([f"{node.id} {parts[0]}", *parts[1:]])
