"""Draw an operation forward and backward, small: for docs/operations.py.

Each is called once on a small sample of its own; the gradient `g` that arrives counts 1, 2, 3, ...
so that one sees where each element goes. The pictures are kept in docs/images/operations, each
with a digest of its DOT text, and only those that have changed are drawn again: whichever Graphviz
a machine has, what has not changed stays as it is. To draw all anew, as when this file has changed,
delete that folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from operations_sampled import argument_names, arrays_of, example

from tinygrad_jp.autograd.backward import grad
from tinygrad_jp.autograd.memory import tick
from tinygrad_jp.errors import Language
from tinygrad_jp.graph import render
from tinygrad_jp.graph.dot import SIZE, STYLES, cell, head
from tinygrad_jp.graph.groups import Call as Watched
from tinygrad_jp.graph.model import Graph, GraphNode, Group, built
from tinygrad_jp.graph.names import Named
from tinygrad_jp.graph.outline import named
from tinygrad_jp.graph.theme import THEMES
from tinygrad_jp.graph.view import view
from tinygrad_jp.graph.wording import (
    Look,
    clean,
    contents,
    is_number,
    operation,
    shape,
    summary,
    width,
)
from tinygrad_jp.graph.wording import title as titled
from tinygrad_jp.testing.calls import leaf, outputs, placed, variables
from tinygrad_jp.vocabulary.rule import REGISTRY, Composite, Entry, Rule, label

IMAGES = Path(__file__).resolve().parent / "images" / "operations"
MOST = 14  # operations one after another that a picture shows; more are drawn as one box
THEME = THEMES["light"]
LETTERS = 12  # pixels
SAVED = "#0072B2"  # lines of what is kept for the way back
WORDS = {
    "forward": {"ja": "順伝播", "en": "forward"},
    "backward": {"ja": "逆伝播", "en": "backward"},
    "constant": {"ja": "定数", "en": "constant"},
}


# ── the graph of it ─────────────────────────────────────────────────────────────────────────────


@dataclass
class Drawn:
    """An operation drawn forward and backward.

    forward, backward  labels of the operations, in the order of computation
    whole              the graph with every operation; small: the same, or the way in one box
    turns              (id of y, id of its g): between them lies the rest of the computation
    """

    entry: Entry
    forward: list[str]
    backward: list[str]
    whole: Graph
    small: Graph
    turns: list[tuple[str, str]]

    @property
    def is_boxed(self) -> bool:
        """Whether the small picture leaves operations out."""
        return self.small is not self.whole


@cache
def drawn(entry: Entry) -> Drawn | None:
    """Run an operation forward and backward, recorded; None where no gradient flows in it."""
    call = example(entry)
    xs = [leaf(x) for x in variables(call)]
    start = tick()
    ys = [y for y in outputs(entry, placed(call, xs)) if getattr(y, "requires_grad", False)]
    middle = tick()
    ys = [y for i, y in enumerate(ys) if y._node not in [z._node for z in ys[:i]]]
    ys = [y for y in ys if y._node not in [x._node for x in xs]]
    if not ys:
        return None
    gs = [leaf(_counting(y.shape)) for y in ys]
    turn = tick()
    found = grad(ys, xs, gs, create_graph=True, allow_unused=True)
    end = tick()
    arrays = arrays_of(call)
    every = list(zip(argument_names(entry), arrays, strict=True))
    words = [w for w, x in every if x.dtype.kind == "f"]
    names = Named(pairs=list(zip(words, xs, strict=True)))
    names.arrays += [(w, x) for w, x in every if x.dtype.kind != "f"]
    several = len(ys) > 1
    names.pairs += [(f"y[{i}]" if several else "y", y) for i, y in enumerate(ys)]
    back = [(w, x, t) for w, x, t in zip(words, xs, found, strict=True) if t is not None]
    for i, g in enumerate(gs):
        known = [f"g[{i}]" if several else "g", *_sent(g, back)]
        names.pairs.append((" = ".join(known), g))
    names.pairs += [(" = ".join(_sent(t, back)), t) for _, _, t in back]
    tops = [t for _, _, t in back if t.requires_grad]
    watched = [Watched("forward", "", start, middle), Watched("backward", "", turn, end)]
    graph, ids = built([*ys, *tops], names, True, False, None, watched)
    ways = {group.label or group.kind or group.path: group for group in graph.groups}
    forth, hence = (ways[w].members if w in ways else () for w in ("forward", "backward"))
    early = {e.source for e in graph.edges if e.target in forth}
    hence = tuple(m for m in hence if m not in early)  # a mask, given to both
    labels = {n.id: n.label for n in graph.nodes if n.kind == "operation"}
    forward, backward = ([labels[i] for i in way if i in labels] for way in (forth, hence))
    pairs = zip(ys, gs, strict=True)  # the sign of a determinant is sent nothing that counts
    turns = [(ids[y._node], ids[g._node]) for y, g in pairs if g._node in ids]
    whole = Graph(graph.nodes, graph.edges, tuple(
        Group(way, way, "", None, tuple(members))
        for way, members in (("forward", forth), ("backward", hence)) if members
    ))
    small = _boxed(whole) if max(len(forward), len(backward)) > MOST else whole
    return Drawn(entry, forward, backward, whole, small, turns)


def _counting(sizes: tuple[int, ...]) -> Any:
    """Make the gradient that arrives: 2 for a number, else 1, 2, 3, ..."""
    if not sizes:
        return np.asarray(2.0)
    return np.arange(1.0, 1.0 + int(np.prod(sizes))).reshape(sizes)


def _sent(g: Any, back: list[Any]) -> list[str]:
    return [f"∂L/∂{word}" for word, _, t in back if t._node is g._node]


def _boxed(graph: Graph) -> Graph:
    """Draw as one box what is more than a picture can show, but for its results."""
    results = {n.id for n in graph.nodes if n.is_output}
    for keep in (results, set()):
        groups = tuple(
            Group(g.id, g.label, "", None, tuple(m for m in g.members if m not in keep))
            for g in graph.groups if len(g.members) > MOST
        )
        small = view(Graph(graph.nodes, graph.edges, groups), 0, False).graph
        if len(small.nodes) < len(graph.nodes):
            frames = tuple(g for g in graph.groups if len(g.members) <= MOST)
            return Graph(small.nodes, small.edges, frames)
    return graph


# ── the picture ─────────────────────────────────────────────────────────────────────────────────


def dot(found: Drawn, lang: Language, whole: bool = False, values: bool = True) -> str:
    """Write an operation as DOT text, forward above and backward below.

    whole: every operation of one that is else drawn with a box, but no arrays, of which it would
        be full. values: False leaves every number out, and so what depends on the machine.
    """
    return "\n".join(_Page(found, lang, whole, values).lines()) + "\n"


class _Page:
    def __init__(self, found: Drawn, lang: Language, whole: bool, values: bool) -> None:
        self.found, self.lang, self.whole, self.values = found, lang, whole, values
        self.graph = graph = found.whole if whole else found.small
        self.look = Look(lang, direction="TB", gradients=False, statistics=False)
        self.hence = {m for g in found.whole.groups if g.id == "backward" for m in g.members}
        self.hence |= {n.id for n in graph.nodes if n.kind == "module" and n.name == "backward"}
        self.frames = [g for g in graph.groups if len(g.members) > 1]
        self.alone = {g.members[0]: g.id for g in graph.groups if len(g.members) == 1}

    def lines(self) -> Iterator[str]:
        yield from head(self.look, " nodesep=0.2 ranksep=0.28")
        for node in sorted(self.graph.nodes, key=self.place):
            yield f"  {self.node(node)}"
        for group in self.frames:
            word = WORDS[group.id][self.lang]
            text = f'<TABLE BORDER="0"><TR>{cell(word, width(word))}</TR></TABLE>'
            yield f"  subgraph cluster_{group.id} {{"
            yield f'    graph [label=<{text}> labeljust=l style=rounded color="{THEME.muted}"]'
            yield f"    {' '.join(group.members)}"
            yield "  }"
        here = {node.id for node in self.graph.nodes}
        arrived = {g for _, g in self.found.turns}
        given = [n.id for n in self.graph.nodes if n.kind == "leaf" and n.id not in arrived]
        if len(given) > 1:
            yield f"  {{ rank=same {' -> '.join(given)} [style=invis] }}"
        box = next((n.id for n in self.graph.nodes if n.name == "forward"), "")
        turns = [(y if y in here else box, g) for y, g in self.found.turns]
        for y, g in turns:
            yield f'  {y} -> {g} [style=dotted label=" → L →" color="{THEME.muted}"]'
        if len(turns) == 1:  # the way back stands below
            for i in self.early():
                yield f"  {turns[0][0]} -> {i} [style=invis weight=4]"
        boxes = {n.id for n in self.graph.nodes if n.kind == "module"}
        for edge, name in named(self.graph):
            parts = [f'headlabel="{name}"'] if name and edge.source not in boxes else []
            if edge.target in self.hence and self.is_kept(edge.source):
                parts.append(f'style=dashed color="{SAVED}"')
            yield f"  {edge.source} -> {edge.target} [{' '.join(parts)}]"
        yield "}"

    def early(self) -> list[str]:
        """List the operations of the backward pass that take only what was given."""
        late = self.hence | {i for turn in self.found.turns for i in turn}
        late = {e.target for e in self.graph.edges if e.source in late}
        return [n.id for n in self.graph.nodes if n.id in self.hence - late and n.label]

    def place(self, node: GraphNode) -> str:
        """Put what is sent back in the order of the arguments, before what leads to it."""
        return (node.name or "") if node.is_output and node.id in self.hence else "~"

    def is_kept(self, source: str) -> bool:
        """Tell whether a node was there before the gradient arrived."""
        return source not in self.hence and source not in {g for _, g in self.found.turns}

    def node(self, node: GraphNode) -> str:
        rows = "".join(f"<TR>{row}</TR>" for row in self.rows(node))
        table = f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{rows}</TABLE>'
        colour, pen = THEME.lines[node.kind], ""
        if node.is_output:
            colour, pen = THEME.output, " penwidth=2"
        return (
            f'{node.id} [style="{STYLES[node.kind]}" color="{colour}"{pen} '
            f'fillcolor="{THEME.fills[node.kind]}" label=<{table}>]'
        )

    def rows(self, node: GraphNode) -> Iterator[str]:
        if node.kind == "module":
            word = WORDS[node.name or "backward"][self.lang]
            inside = contents(node, self.look)
            yield cell(word, width(word) * 1.08, "<B>{}</B>")
            yield cell(inside, width(inside))
            return
        if is_number(node):
            text = titled(node, self.look) if self.values else "0"
            yield cell(text, width(text))
            return
        if node.id in self.alone:  # one operation needs no frame
            text = WORDS[self.alone[node.id]][self.lang]
            yield cell(text, width(text), f'<FONT COLOR="{THEME.muted}">{{}}</FONT>')
        if node.kind == "operation":
            text = operation(node)
            yield cell(text, width(text) * 1.08, "<B>{}</B>")
        name = clean(node.name or "")
        if node.kind == "constant" and not name:
            known = self.is_argument(node) or node.value is None
            name = node.label if known else WORDS["constant"][self.lang]
        sizes = shape(node.shape) if node.shape else ""
        if name and (text := f"{name} {sizes}".rstrip()):
            blue = f'<FONT COLOR="{THEME.gradient}">{{}}</FONT>'
            form = blue if "∂" in name else "{}" if node.kind == "operation" else "<B>{}</B>"
            yield cell(text, width(text) * 1.08, form)
        elif sizes:
            yield cell(sizes, width(sizes), f'<FONT COLOR="{THEME.muted}">{{}}</FONT>')
        if self.values and not self.whole and node.value is not None:
            for text in summary(node.value, self.look):
                yield cell(text, width(text))

    def is_argument(self, node: GraphNode) -> bool:
        """Tell whether a constant was given in a rule's call, and so bears an argument's name."""
        if not isinstance(self.found.entry, Rule):
            return False
        users = {e.target for e in self.graph.edges if e.source == node.id}
        return not users <= self.hence


def key(entry: Entry) -> str:
    """Name an operation's section and picture: np.clip is a function, and a ufunc in it."""
    alike = [e for e in REGISTRY.values() if isinstance(e, (Rule, Composite)) and e is not entry]
    name = label(entry.fn)
    twin = isinstance(entry.fn, np.ufunc) and name in {label(e.fn) for e in alike}
    return f"{name} (ufunc)" if twin else name


def digest(found: Drawn, lang: Language, whole: bool = False, values: bool = True) -> str:
    """Give what tells whether a picture has changed."""
    return sha256(dot(found, lang, whole, values).encode()).hexdigest()[:16]


def file(entry: Entry, lang: Language, whole: bool = False) -> str:
    """Name the picture of an operation: "np.linalg.inv_ja.svg"."""
    return f"{key(entry).replace(' (', '-').rstrip(')')}{'_whole' if whole else ''}_{lang}.svg"


def picture(found: Drawn, lang: Language, whole: bool = False) -> str:
    """Draw an operation as SVG, small in bytes too, its letters 12 pixels high."""
    text = render.svg(dot(found, lang, whole))
    text = text[text.index("<svg"):]
    text = re.sub(r"<!--.*?-->|<title>.*?</title>", "", text, flags=re.DOTALL)
    text = re.sub(r"\s+", " ", text).replace("> <", "><")
    for named_ in ("id", "class", "font-family", "xmlns:xlink", "xml:space"):
        text = re.sub(rf' {named_}="[^"]*"', "", text)
    text = re.sub(
        r' (?:font-size="11\.00"|fill="#000000"(?=>)|text-anchor="start")', "", text
    )
    text = re.sub(r' (?:d|points|x|y|viewBox)="[^"]*"', _short, text)
    text = re.sub(r'points="(\S+)( [^"]*) \1"', r'points="\1\2"', text)  # they close themselves
    text = re.sub(r'<path (fill="#[^/]*?) d="([^"]*)"/>', _box, text)
    for _ in range(2):
        text = re.sub(r"<g>((?:(?!</?g[ >]).)*)</g>", r"\1", text)
    text = re.sub(r'( text-anchor="middle")( x="\S+" y="\S+")', r"\2\1", text)
    right = max((_right(label) for label in LABEL.finditer(text)), default=0.0)
    text, styles = _classed(text)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    assert size is not None
    wide, high = max(ceil(right), float(size[1])), float(size[2])
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" font-family="Helvetica,sans-serif" '
        f'font-size="{SIZE}" width="{wide * LETTERS / SIZE:.0f}" '
        f'height="{high * LETTERS / SIZE:.0f}" viewBox="0 0 {wide:g} {high:g}">'
    )
    text = re.sub("<svg[^>]*>", f"{start}<style>{styles}</style>", text, count=1)
    return f"{text.strip()}{marks(found, lang, whole)}\n"


def marks(found: Drawn, lang: Language, whole: bool = False) -> str:
    """Write what a picture was drawn from at its end: with its numbers, and its structure alone."""
    return f"<!--{digest(found, lang, whole)} {digest(found, lang, whole, False)}-->"


LABEL = re.compile(r'<text x="([-\d.]+)"[^>]* text-anchor="middle"[^>]*>([^<]*)<')


def _right(label: re.Match[str]) -> float:
    """Find where a word beside a line ends: Graphviz may let it stand out of the picture."""
    return float(label[1]) + 4 + width(label[2]) * 9 / 2


OFTEN = {  # attributes that come again and again, and a class for them
    "e": 'fill="none" stroke="#444444"', "a": 'fill="#444444" stroke="#444444"',
    "o": 'fill="#fdf5e5" stroke="#e69f00"', "b": 'font-weight="bold"',
    "s": 'fill="none" stroke="#0072b2" stroke-dasharray="5,2"',
    "t": 'fill="#0072b2" stroke="#0072b2"',
    "c": 'text-anchor="middle" font-size="9.00" fill="#555555"', "m": 'fill="#555555"',
}


def _classed(text: str) -> tuple[str, str]:
    """Write attributes that come again and again as a class; give the text and its styles."""
    styles = ""
    for name, attributes in OFTEN.items():
        if text.count(f" {attributes}") > 1:
            text = text.replace(f" {attributes}", f" class={name!r}".replace("'", '"'))
            pairs = re.findall(r'(\S+)="([^"]*)"', attributes)
            styles += f".{name}{{{';'.join(f'{k}:{v}' for k, v in pairs)}}}".replace("9.00", "9px")
    return text, styles


def _short(found: re.Match[str]) -> str:
    """Leave one digit after the point: a tenth of a point is not to be seen."""
    return re.sub(r"\d+\.\d+", lambda n: f"{float(n[0]):.1f}".removesuffix(".0"), found[0])


def _box(found: re.Match[str]) -> str:
    """Write a box with round corners as one, where Graphviz writes 16 curves."""
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", found[2])]
    xs, ys = numbers[::2], numbers[1::2]
    left, top = min(xs), min(ys)
    across, down = max(xs) - left, max(ys) - top
    return (f'<rect {found[1]} x="{left:g}" y="{top:g}" width="{across:g}" height="{down:g}" '
            f'rx="{min(12.0, across / 3, down / 3):.2g}"/>')


def refresh(found: Drawn, lang: Language, whole: bool = False) -> bool:
    """Draw a picture anew if it is not there or has changed; tell whether it was drawn."""
    path = IMAGES / file(found.entry, lang, whole)
    if path.is_file() and path.read_text("utf-8").rstrip().endswith(marks(found, lang, whole)):
        return False
    IMAGES.mkdir(parents=True, exist_ok=True)
    path.write_text(picture(found, lang, whole), "utf-8", newline="\n")
    return True
