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
from .outline import Link, Reference, is_cut, links, manner, steps
from .theme import THEMES, Theme
from .view import shortened
from .wording import Line, Look, clean, heading, lines, slope, title, width

SIZE = 11  # of the text, in points
SMALL = 9  # of the text on edges
FONT = 'fontname="Helvetica"'
MARGIN = 10  # beside the text, in points
BOLD = 1.08  # how much wider bold text is

STYLES = {
    "leaf": "filled", "operation": "filled,rounded", "constant": "filled,dashed",
    "module": "filled,rounded",
}


def dot(graph: Graph, look: Look) -> str:
    """Write a Graph as DOT text, in the style that the Look asks for."""
    if look.style == "book":
        from .book import book  # which is written with what is here

        return book(graph, look)
    return "\n".join(_Boxes(graph, look).lines()) + "\n"


def head(look: Look, gap: str = "") -> Iterator[str]:
    """Write what stands before the nodes."""
    theme = THEMES[look.theme]
    yield "digraph {"
    yield f'  graph [rankdir={look.direction} {FONT} fontsize={SIZE} bgcolor="{theme.background}"'
    yield f'    fontcolor="{theme.text}"{gap}]'
    yield f'  node [shape=box {FONT} fontsize={SIZE} fontcolor="{theme.text}" margin="0.09,0.05"'
    yield "    width=0 height=0]"
    yield f'  edge [color="{theme.edge}" {FONT} fontsize={SMALL} fontcolor="{theme.muted}"'
    yield "    labelangle=-35 labeldistance=1.6]"


class _Boxes:
    """The usual style: a box for each node, with everything about it inside."""

    def __init__(self, graph: Graph, look: Look) -> None:
        self.graph, self.look = shortened(graph), look
        self.theme: Theme = THEMES[look.theme]
        self.nodes = {node.id: node for node in self.graph.nodes}
        self.inside = {member: group.id for group in graph.groups for member in group.members}

    def lines(self) -> Iterator[str]:
        yield from head(self.look, manner(self.graph))
        listed = list(steps(self.graph))
        turned = is_cut(self.graph) and self.look.direction in ("LR", "RL")
        for step, thing, depth in reversed(listed) if turned else listed:
            indent = "  " * depth
            if isinstance(thing, GraphNode):
                yield f"{indent}{self.node(thing)}"
            elif step == "open":
                yield f"{indent}subgraph cluster_{thing.id} {{"
                yield f"{indent}  {self.frame(thing)}"
            else:
                yield f"{indent}}}"
        references, drawn = links(self.graph)
        stands = {reference.id: reference.node.id for reference in references}
        for reference in references:
            yield f"  {self.reference(reference)}"
        for link in drawn:
            yield f"  {link.source} -> {link.target}{self.link(link, stands)}"
        yield "}"

    def frame(self, group: Group) -> str:
        text = heading(group, self.look)
        label = f'<TABLE BORDER="0"><TR>{cell(text, width(text))}</TR></TABLE>'
        style = 'style="rounded,bold"' if group.repeat > 1 else "style=rounded"
        return f'graph [label=<{label}> labeljust=l {style} color="{self.theme.muted}"]'

    def node(self, node: GraphNode) -> str:
        theme, look = self.theme, self.look
        rows = "".join(f"<TR>{self.row(line)}</TR>" for line in lines(node, look))
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'
        known = (node.label, node.about, node.line) if node.kind == "operation" else ()
        about = " — ".join(filter(None, known))
        # a tooltip's escapes are read twice, by Graphviz 2.43 and 16.1 alike
        tooltip = f" tooltip={quoted(doubled(clean(about, 200)))}" if about else ""
        colour, pen, fill = theme.lines[node.kind], "", theme.fills[node.kind]
        if node.is_output:
            colour, pen = theme.output, " penwidth=2.5"
        if node.id in look.highlight:
            colour, pen = theme.path, " penwidth=3.5"
        if node.id in look.marks:
            colour, pen, fill = theme.alarm, " penwidth=2.5", theme.alarm_fill
        border = " peripheries=2" if node.kind == "module" else ""
        return (
            f'{node.id} [id={node.id} style="{STYLES[node.kind]}" color="{colour}"{pen}{border} '
            f'fillcolor="{fill}"{tooltip} label=<{table}>]'
        )

    def reference(self, reference: Reference) -> str:
        text = f"↑ {reference.node.id} {title(reference.node, self.look)}"
        table = f'<TABLE BORDER="0"><TR>{cell(text, width(text))}</TR></TABLE>'
        colour = self.theme.muted
        return f'{reference.id} [id={reference.id} style=dotted color="{colour}" label=<{table}>]'

    def link(self, link: Link, stands: dict[str, str]) -> str:
        look, found = self.look, []
        source = stands.get(link.source, link.source)
        ends = self.nodes[source], self.nodes[link.target]
        if look.slopes and (text := slope(link.edge, *ends, look)):
            inside = cell(text, width(text), size=SMALL)
            found.append(f'label=<<TABLE BORDER="0"><TR>{inside}</TR></TABLE>>')
        elif link.name:
            found.append(f"headlabel={quoted(link.name)}")
        if ends[0].kind in ("operation", "module"):
            found.append("weight=3")  # what flows through the network lies in a line
        elif self.inside.get(link.target) not in (None, self.inside.get(source)):
            found.append("weight=3 minlen=2")  # data stand before the module that they go into
        if source in look.highlight and link.target in look.highlight:
            found.append(f'color="{self.theme.path}" penwidth=3')
        elif source in look.marks and link.target in look.marks:
            found.append(f'color="{self.theme.alarm}" penwidth=2.5')
        return f" [{' '.join(found)}]" if found else ""

    def row(self, line: Line) -> str:
        ems = width(line.text)
        colour = {
            "shape": self.theme.muted, "gradient": self.theme.gradient, "mark": self.theme.alarm,
            "formula": self.theme.muted,
        }.get(line.role)
        if line.role == "title":
            return cell(line.text, ems * BOLD, "<B>{}</B>")
        if line.role == "mark":
            return cell(line.text, ems * BOLD, f'<FONT COLOR="{colour}"><B>{{}}</B></FONT>')
        if colour is not None:
            return cell(line.text, ems, f'<FONT COLOR="{colour}">{{}}</FONT>')
        return cell(line.text, ems)


def cell(text: str, ems: float, form: str = "{}", size: int = SIZE) -> str:
    """Write a cell of a table, wide enough for its text whatever the engine thinks."""
    wide = ceil(ems * size) + MARGIN
    return f'<TD ALIGN="LEFT" WIDTH="{wide}">{form.format(escaped(text))}</TD>'


def escaped(text: str) -> str:
    """Write a text that goes into a table: nothing in it is markup."""
    text = escape(doubled(text))
    # Graphviz 2.43 takes a text of nothing but "]" for the end of something
    return text if text.strip("]") else text.replace("]", "&#93;")


def quoted(text: str) -> str:
    """Write a DOT string that stands for exactly this text: no escape, no entity, no end."""
    text = doubled(text.replace("&", "&amp;")).replace('"', '\\"')
    return f'"{text}"'


def doubled(text: str) -> str:
    r"""Double the backslashes: Graphviz reads \N in a label as the node's own name."""
    return text.replace("\\", "\\\\")
