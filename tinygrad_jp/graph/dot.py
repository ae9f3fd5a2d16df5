"""A Graph as DOT text, Graphviz' own language.

Labels are HTML tables with a WIDTH that we compute, left-aligned: an engine without a Japanese
font measures Japanese text too narrow, and would let it run over its box. The text depends on the
Graph and the Look alone, so that golden files can be compared letter by letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from math import ceil

from .model import Graph, GraphNode, Group
from .outline import Reference, links, steps
from .wording import Line, Look, clean, lines, title, width

SIZE = 11  # of the text, in points
FONT = 'fontname="Helvetica"'
MARGIN = 10  # beside the text, in points
BOLD = 1.08  # how much wider bold text is

# Okabe & Ito 2008, "Color Universal Design": apart for every kind of colour vision. Kinds also
# differ in shape and line, for those who print in grey.
GREEN, ORANGE, GREY, VERMILLION, BLUE = "#009E73", "#E69F00", "#666666", "#D55E00", "#0072B2"
FILLS = {"leaf": "#E5F5F1", "operation": "#FDF5E5", "constant": "#F7F7F7"}
STYLES = {
    "leaf": f'style="filled" color="{GREEN}"',
    "operation": f'style="filled,rounded" color="{ORANGE}"',
    "constant": f'style="filled,dashed" color="{GREY}"',
}
OUTPUT = f'style="filled,rounded" color="{VERMILLION}" penwidth=2.5'
COLOURS = {"shape": "#555555", "gradient": BLUE}


def dot(graph: Graph, look: Look) -> str:
    """Write a Graph as DOT text."""
    return "\n".join(_lines(graph, look)) + "\n"


def _lines(graph: Graph, look: Look) -> Iterator[str]:
    yield "digraph {"
    yield f"  graph [rankdir={look.direction} {FONT} fontsize={SIZE} bgcolor=white]"
    yield f'  node [shape=box {FONT} fontsize={SIZE} margin="0.09,0.05" width=0 height=0]'
    yield f'  edge [color="#444444" {FONT} fontsize=9 fontcolor="{GREY}"'
    yield "    labelangle=-35 labeldistance=1.6]"
    for step, thing, depth in steps(graph):
        indent = "  " * depth
        if isinstance(thing, GraphNode):
            yield f"{indent}{_node(thing, look)}"
        elif step == "open":
            yield f"{indent}subgraph cluster_{thing.id} {{"
            yield f"{indent}  {_frame(thing)}"
        else:
            yield f"{indent}}}"
    references, drawn = links(graph)
    for reference in references:
        yield f"  {_reference(reference, look)}"
    for link in drawn:
        label = f" [headlabel={quoted(link.name)}]" if link.name else ""
        yield f"  {link.source} -> {link.target}{label}"
    yield "}"


def _frame(group: Group) -> str:
    text = clean(group.label)
    label = f'<TABLE BORDER="0"><TR>{_cell(text, width(text))}</TR></TABLE>'
    return f'graph [label=<{label}> labeljust=l style=rounded color="{GREY}"]'


def _node(node: GraphNode, look: Look) -> str:
    rows = "".join(f"<TR>{_row(line)}</TR>" for line in lines(node, look))
    table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'
    known = (node.label, node.about, node.line) if node.kind == "operation" else ()
    about = " — ".join(filter(None, known))
    # a tooltip's escapes are read twice, by Graphviz 2.43 and 16.1 alike
    tooltip = f" tooltip={quoted(doubled(clean(about, 200)))}" if about else ""
    style = OUTPUT if node.is_output else STYLES[node.kind]
    fill = FILLS[node.kind]
    return f'{node.id} [id={node.id} {style} fillcolor="{fill}"{tooltip} label=<{table}>]'


def _reference(reference: Reference, look: Look) -> str:
    text = f"↑ {reference.node.id} {title(reference.node, look)}"
    table = f'<TABLE BORDER="0"><TR>{_cell(text, width(text))}</TR></TABLE>'
    return f'{reference.id} [id={reference.id} style=dotted color="{GREY}" label=<{table}>]'


def _row(line: Line) -> str:
    ems = width(line.text)
    if line.role == "title":
        return _cell(line.text, ems * BOLD, "<B>{}</B>")
    if line.role in COLOURS:
        return _cell(line.text, ems, f'<FONT COLOR="{COLOURS[line.role]}">{{}}</FONT>')
    return _cell(line.text, ems)


def _cell(text: str, ems: float, form: str = "{}") -> str:
    size = ceil(ems * SIZE) + MARGIN
    return f'<TD ALIGN="LEFT" WIDTH="{size}">{form.format(escape(doubled(text)))}</TD>'


def quoted(text: str) -> str:
    """Write a DOT string that stands for exactly this text: no escape, no entity, no end."""
    text = doubled(text.replace("&", "&amp;")).replace('"', '\\"')
    return f'"{text}"'


def doubled(text: str) -> str:
    r"""Double the backslashes: Graphviz reads \N in a label as the node's own name."""
    return text.replace("\\", "\\\\")
