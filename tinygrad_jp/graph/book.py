"""A Graph as DOT text in the style of a textbook: operations as circles, numbers on the lines.

On each line the value that flows forward stands above, and the derivative that flows back stands
below, as in 『ゼロから作る Deep Learning』, whose two apples cost 220 yen.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from .dot import MARGIN, SIZE, cell, escaped, head, quoted
from .model import Edge, Graph, GraphNode
from .outline import named
from .theme import THEMES
from .wording import (
    SYMBOLS,
    Look,
    clean,
    contents,
    is_number,
    number,
    shape,
    slope,
    summary,
    title,
    width,
)

HIGH = 16  # of one row of a line's label, in points
AROUND = 4  # what a table adds to its only column, in points


def book(graph: Graph, look: Look) -> str:
    """Write a Graph as DOT text in the book's style."""
    return "\n".join(_Book(graph, look).lines()) + "\n"


class _Book:
    def __init__(self, graph: Graph, look: Look) -> None:
        self.graph, self.look = graph, look
        self.theme = THEMES[look.theme]
        self.nodes = {node.id: node for node in graph.nodes}
        across = look.direction in ("LR", "RL")
        self.ports = ("e", "w") if look.direction == "LR" else ("w", "e")
        self.across = across
        self.wide = self._widths()

    def lines(self) -> Iterator[str]:
        yield from head(self.look, " nodesep=0.3 ranksep=0.25")
        for node in self.graph.nodes:
            yield f"  {self.node(node)}"
        for i, (edge, _) in enumerate(named(self.graph)):
            yield from self.edge(f"e{i}", edge)
        for i, node in enumerate(self.graph.outputs):
            yield from self.result(i, node)
        yield "}"

    def node(self, node: GraphNode) -> str:
        theme, look = self.theme, self.look
        colour, pen = theme.lines[node.kind], ""
        if node.id in look.highlight:
            colour, pen = theme.path, " penwidth=3.5"
        if node.id in look.marks:
            colour, pen = theme.alarm, " penwidth=3.5"
        if node.kind == "operation":
            text = SYMBOLS.get(node.label) or clean(node.label.removeprefix("np."))
            long = width(text) > 1.5
            form = "shape=box style=\"filled,rounded\"" if long else (
                'shape=circle style=filled fixedsize=true width=0.42'
            )
            size = SIZE if long else SIZE + 4
            label = f'<TABLE BORDER="0">{self._rows([text], size)}</TABLE>' if long else text
            label = f"<{label}>" if long else quoted(label)
            return (
                f'{node.id} [id={node.id} {form} color="{colour}"{pen} '
                f'fillcolor="{theme.fills[node.kind]}" fontsize={size} label={label}]'
            )
        rows = self._rows([title(node, look)], SIZE + 1)
        if node.kind == "module":
            rows += self._rows([contents(node, look)], SIZE)
        form = "shape=box style=\"filled,rounded\"" if node.kind == "module" else "shape=plain"
        return (
            f'{node.id} [id={node.id} {form} color="{colour}"{pen} '
            f'fillcolor="{theme.fills[node.kind]}" label=<<TABLE BORDER="0">{rows}</TABLE>>]'
        )

    def edge(self, name: str, edge: Edge) -> Iterator[str]:
        look = self.look
        above, below = self._texts(edge)
        picked = edge.source in look.highlight and edge.target in look.highlight
        yield from self._line(name, edge.source, edge.target, above, below, picked)

    def _texts(self, edge: Edge) -> tuple[list[str], list[str]]:
        """Say what stands above and below a line."""
        look, source = self.look, self.nodes[edge.source]
        above = self._value(source) if look.values and not source.folded else []
        below = self._array(edge.contribution) if look.gradients and self._has(edge) else []
        if look.slopes and (text := slope(edge, source, self.nodes[edge.target], look)):
            below = [*below, text]
        return above, below

    def _widths(self) -> dict[str, int]:
        """Find how wide what stands before each operation is, in points.

        Graphviz leaves a gap between a line and its label where something wider is in their rank.
        """
        found: dict[str, int] = {}
        for edge, _ in named(self.graph):
            wide = _across(*self._texts(edge))
            if is_number(source := self.nodes[edge.source]):
                wide = _across([title(source, self.look)], [], SIZE + 1) + AROUND
            found[edge.target] = max(found.get(edge.target, 0), wide)
        return found

    def _has(self, edge: Edge) -> bool:
        """Tell whether a derivative is to be shown on a line: to data and numbers none flows."""
        ends = self.nodes[edge.source], self.nodes[edge.target]
        return ends[0].kind != "constant" and not (
            edge.contribution is None and any(end.folded for end in ends)
        )

    def result(self, i: int, node: GraphNode) -> Iterator[str]:
        """Write the line that leads out of an output, to its name."""
        text = clean(node.name or "") or self.look.word("output")
        rows = self._rows([text], SIZE + 1)
        yield f'  out{i} [id=out{i} shape=plain label=<<TABLE BORDER="0">{rows}</TABLE>>]'
        above = self._array(node.value) if self.look.values else []
        below = self._array(node.gradient) if self.look.gradients else []
        yield from self._line(f"o{i}", node.id, f"out{i}", above, below, False)

    def _value(self, node: GraphNode) -> list[str]:
        if is_number(node):
            return []  # it is its own name
        texts = self._array(node.value) if node.value is not None else [self.look.word("unknown")]
        return [*texts, shape(node.shape)] if self.look.shapes and node.shape else texts

    def _array(self, array: Any) -> list[str]:
        if array is None:
            return [self.look.word("not_computed")]
        return [number(array[()])] if array.ndim == 0 else summary(array, self.look)

    def _line(
        self, name: str, source: str, target: str, above: list[str], below: list[str], picked: bool
    ) -> Iterator[str]:
        """Write a line with what stands above and below it: a table cut by the line itself."""
        colour = self.theme.path if picked else self.theme.edge
        pen = " penwidth=3" if picked else ""
        if not above and not below:
            yield f'  {source} -> {target} [color="{colour}"{pen}]'
            return
        wide = max(_across(above, below), self.wide.get(target, 0))
        wide += wide % 2  # else the line would end between two points, beside its label
        rows = max(len(above), len(below))
        if self.across:
            top = self._half(above, rows, wide, self.theme.text, True)
            inside = f"{top}<HR/>{self._half(below, rows, wide, self.theme.gradient, False)}"
        else:
            inside = self._beside(above, below, wide)
        plain = 'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"'
        table = f'<TABLE {plain} COLOR="{colour}">'
        yield (
            f"  {name} [id={name} shape=plain margin=0 "
            f"label=<{table}{inside}</TABLE>>]"
        )
        if self.across:
            leave, enter = self.ports
            yield f'  {source} -> {name}:{enter} [color="{colour}" arrowhead=none{pen}]'
            yield f'  {name}:{leave} -> {target} [color="{colour}"{pen}]'
        else:
            leave, enter = ("s", "n") if self.look.direction == "TB" else ("n", "s")
            yield f'  {source} -> {name}:{enter} [color="{colour}" arrowhead=none{pen}]'
            yield f'  {name}:{leave} -> {target} [color="{colour}"{pen}]'

    def _half(self, texts: list[str], rows: int, wide: int, colour: str, top: bool) -> str:
        """Write one half of a line's label, as high as the other one."""
        blank = [""] * (rows - len(texts))
        cells = [
            f'<TR><TD ALIGN="LEFT" WIDTH="{wide}" HEIGHT="{HIGH}">'
            + (f'<FONT COLOR="{colour}">{escaped(text)}</FONT>' if text else "")
            + "</TD></TR>"
            for text in ([*blank, *texts] if top else [*texts, *blank])
        ]
        return "".join(cells)

    def _beside(self, left: list[str], right: list[str], wide: int) -> str:
        """Write the label of a line that goes up or down: values on its left, derivatives right."""
        rows = []
        for i in range(max(len(left), len(right))):
            cells = []
            for texts, colour, align in (
                (left, self.theme.text, "RIGHT"), (right, self.theme.gradient, "LEFT"),
            ):
                text = f"\u00a0{texts[i]}\u00a0" if i < len(texts) else ""
                font = f'<FONT COLOR="{colour}">{escaped(text)}</FONT>' if text else ""
                cells.append(f'<TD ALIGN="{align}" WIDTH="{wide}" HEIGHT="{HIGH}">{font}</TD>')
            rows.append(f"<TR>{'<VR/>'.join(cells)}</TR>")
        return "".join(rows)

    def _rows(self, texts: list[str], size: int) -> str:
        form = f'<FONT POINT-SIZE="{size}">{{}}</FONT>'
        return "".join(f"<TR>{cell(text, width(text), form, size)}</TR>" for text in texts)


def _across(above: list[str], below: list[str], size: int = SIZE) -> int:
    """Give the width that texts need, in points."""
    return ceil(max(map(width, [*above, *below]), default=0) * size) + MARGIN
