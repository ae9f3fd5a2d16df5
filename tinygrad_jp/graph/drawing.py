"""`draw`, and the Drawing that it gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

from ..autograd.structure import leaves
from ..autograd.tensor import Tensor
from ..errors import Language, OptionError, TinygradError, language
from . import render
from .dot import dot
from .failure import graph_of_failure
from .glyphs import in_letters, spelled
from .mermaid import mermaid
from .model import Graph, built, outputs_of
from .names import named_tensors
from .page import Player, page
from .theme import THEMES, ThemeName
from .traced import Traced, derived, is_traceable, traced
from .tree import tree
from .view import View, on_paths, view
from .wording import Direction, Look, Style

MOST_LINES = 60  # of a Drawing's repr
MANY = 100  # nodes; from here on repeated blocks are folded unless asked for


def draw(
    x: Any,
    *inputs: Any,
    values: bool = True,
    gradients: bool | Literal["gathered"] = True,
    shapes: bool = True,
    formulas: bool = False,
    slopes: bool = False,
    statistics: bool = True,
    gradient: Any = None,
    order: int = 0,
    names: Any = None,
    depth: int | None = None,
    fold: bool | None = None,
    highlight: Any = None,
    direction: Direction = "LR",
    style: Style = "boxes",
    theme: ThemeName = "light",
    lang: Language | None = None,
) -> Drawing:
    """Draw what a Tensor was computed from: operations, values, gradients, modules.

    x: a Tensor with a graph, as model(x) or a loss gives it, or a list of them; a Module or a
        function, which is run on `inputs`; or an error that an operation raised, drawn with the
        shapes that did not fit.
    inputs: Tensors, arrays, numbers; a tuple of whole numbers is the shape of an example input.
    values, gradients, shapes: what to show of each. A value that the engine did not keep is
        computed again; one that cannot be is shown as unknown. Gradients are those of the output,
        if that is a single number or if `gradient` is given, found without touching `.grad`;
        "gathered" shows only what backward() has put into `.grad`. Where there is none it says
        "not computed".
    formulas, slopes: show what each operation computes, and the local derivative on each edge.
    statistics: mean and range in place of big arrays; else their first elements.
    gradient: of the output, where that is not a single number.
    order: draw the backward pass too, recorded: 1 for the gradient, 2 for the second derivative;
        these are values then, and no others are shown.
    names: where to find names for Tensors: locals(), and the dicts, lists and objects in it; a
        Module, or module.named_parameters.
    depth: how deep to look into modules; what lies deeper is one box. 0 shows the model as one.
    fold: draw blocks alike that follow each other once, "× 12"; None does so in big graphs.
    highlight: a Tensor, a name, an id such as "n3", or several: paths from there are picked out.
    direction: "LR" from left to right, "TB" from top to bottom, "RL", "BT".
    style: "boxes", or "book": numbers on the lines, the value above and the derivative below.
    theme: "light", "dark", or "print" for black and white.
    lang: "ja" or "en"; None for the language in force (see set_language).
    Raises ArgumentError: nothing that can be drawn; GradientError: no graph, or one that
        backward() has freed; OptionError: an option that there is not.

    >>> import tinygrad_jp as tj
    >>> apple = tj.Tensor(100.0, requires_grad=True)
    >>> print(tj.draw(apple * 2 * 1.1, names=locals(), lang="en"))
    n4 × np.multiply  () float32  value 220  gradient 1
    ├─ n2 × np.multiply  () float32  value 200  gradient 1.1
    │  ├─ n0 apple  () float32  value 100  gradient 2.2
    │  └─ n1 2
    └─ n3 1.1
    <BLANKLINE>
    """
    look = Look(
        language=lang or language(), values=values, gradients=bool(gradients), shapes=shapes,
        direction=direction, formulas=formulas, slopes=slopes, statistics=statistics,
        theme=theme, style=style,
    )
    if depth is not None and (type(depth) is not int or depth < 0):
        raise OptionError("draw_depth", given=depth)
    if type(order) is not int or order < 0:
        raise OptionError("draw_order_given", given=order)
    if not isinstance(gradients, bool) and gradients != "gathered":
        raise OptionError("draw_gradients", given=gradients)
    if isinstance(x, BaseException):
        graph, marks = graph_of_failure(x, named_tensors(names), look)
        return Drawing(graph, look.but(marks=marks, gradients=False), depth=depth, fold=bool(fold))
    if is_traceable(x):
        run = traced(x, inputs, names)
    else:
        run = Traced(outputs_of(x), named_tensors(names), None)
    if order:
        words = {key: look.word(key) for key in ("forward", "backward")}
        run = derived(run, order, words)
        look = look.but(gradients=False)  # the values are the gradients now
    outputs = outputs_of(run.outputs)
    asked = gradients is True and not order
    graph, ids = built(outputs, run.named, values, asked, gradient, run.calls)
    if highlight is not None:
        look = look.but(highlight=on_paths(graph, _chosen(highlight, graph, ids)))
    return Drawing(graph, look, depth=depth, fold=len(graph.nodes) > MANY if fold is None else fold)


def _chosen(highlight: Any, graph: Graph, ids: dict[Any, str]) -> set[str]:
    """Find the nodes that a user means by Tensors, names and ids."""
    found = set()
    for one in leaves(highlight):
        if isinstance(one, Tensor):
            mine = {ids[one._node]} if one._node in ids else set()
        else:
            mine = {node.id for node in graph.nodes if one in (node.id, node.name)}
        if not mine:
            known = ", ".join(dict.fromkeys(n.name for n in graph.nodes if n.name))
            raise OptionError("draw_highlight", given=one, known=known or "-")
        found |= mine
    return found


class Drawing:
    """A picture of a graph: shows itself in a notebook, prints as text, saves in several formats.

    graph: the plain records that it is made from. look: what it shows, and how.
    depth, fold: how deep to look into modules, and whether to draw blocks alike once.
    """

    def __init__(
        self, graph: Graph, look: Look, *, depth: int | None = None, fold: bool = False
    ) -> None:
        self.graph = graph
        self.look = look
        self.depth = depth
        self.fold = fold

    @cached_property
    def shown(self) -> View:
        """What of the graph is in the picture: modules collapsed, repeated blocks folded."""
        return view(self.graph, self.depth, self.fold)

    @cached_property
    def _look(self) -> Look:
        """The Look, with the ids of what is in the picture."""
        shown, stands = self.look, self.shown.stands
        marks = {stands.get(i, i): text for i, text in shown.marks.items()}
        return shown.but(highlight=self.shown.shown(shown.highlight), marks=marks)

    @cached_property
    def dot(self) -> str:
        """The picture as DOT text, for Graphviz and the programs that read it."""
        return dot(self.shown.graph, self._look)

    @cached_property
    def mermaid(self) -> str:
        """The picture as Mermaid text, for a Markdown page."""
        return mermaid(self.shown.graph, self._look)

    @cached_property
    def text(self) -> str:
        """The graph as a tree of text."""
        return tree(self.shown.graph, self._look)

    @cached_property
    def _svg(self) -> str:
        render.refuse_too_many(len(self.shown.graph.nodes))
        return render.svg(self.dot, len(self.shown.graph.nodes))

    @cached_property
    def _for_paper(self) -> str:
        graph, look = in_letters(self.shown.graph), self._look
        marks = {i: spelled(text) for i, text in look.marks.items()}
        if graph is self.shown.graph and marks == look.marks:
            return self._svg
        return render.svg(dot(graph, look.but(marks=marks)), len(graph.nodes))

    def svg(self) -> str:
        """Give the picture as SVG.

        Raises MissingExtraError where no layout engine is installed; OptionError for a graph of
        more than 20,000 nodes.
        """
        return self._svg

    def png(self) -> bytes:
        """Give the picture as PNG, with Japanese glyphs from a font that comes by pip.

        What it has no glyph for, as emoji, is spelled: :red_apple:. Raises as `svg` does, and
        MissingExtraError where resvg, the font or fonttools is not installed.
        """
        return render.png(self._for_paper, THEMES[self.look.theme].background)

    def pdf(self) -> bytes:
        """Give the picture as PDF, of lines and letters that stay sharp, its font inside.

        Spelled as in `png`. Raises as `svg` does, and MissingExtraError where svg2pdf-py, the font
        or fonttools is not installed.
        """
        return render.pdf(self._for_paper)

    def html(self) -> str:
        """Give one self-contained page to step through: values forward, the chain rule backward.

        Raises as `svg` does.
        """
        return self.player().html

    def player(self, history: Any = None, height: int = 640) -> Player:
        """Give the page to step through, which shows itself in a notebook, `height` pixels high.

        history: a Recorder: how its model was trained is shown on the graph, step by step.
        Raises as `svg` does; GradientError for a Recorder that has recorded nothing.
        """
        return Player(page(self.graph, self.look, history, self.depth), height)

    def save(self, path: str | Path) -> Path:
        """Save as .svg, .png, .pdf, .html, .dot, .mmd (Mermaid) or .txt, by the suffix.

        Gives the path. Raises OptionError for another suffix; as `svg`, `png` and `pdf` do for
        those.
        """
        path = Path(path)
        make = SUFFIXES.get(path.suffix.lower())
        if make is None:
            raise OptionError("draw_suffix", given=path.name, known=", ".join(SUFFIXES))
        made = make(self)
        if isinstance(made, bytes):
            path.write_bytes(made)
        else:
            path.write_text(made, encoding="utf-8", newline="\n")
        return path

    def view(self) -> Path:
        """Open the picture in the web browser; gives the path of its SVG."""
        import webbrowser

        path = self.save(Path(mkdtemp(prefix="tinygrad_jp_")) / "graph.svg")
        webbrowser.open(path.as_uri())
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        try:
            bundle["image/svg+xml"] = self.svg()
        except TinygradError as reason:
            bundle["text/plain"] += f"\n{reason}"
        return bundle

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        rows = self.text.splitlines()
        if len(rows) > MOST_LINES:
            rows = [*rows[:MOST_LINES], f"… {len(rows) - MOST_LINES}"]
        return "\n".join(rows)


SUFFIXES: dict[str, Callable[[Drawing], str | bytes]] = {
    ".svg": Drawing.svg, ".png": Drawing.png, ".pdf": Drawing.pdf, ".html": Drawing.html,
    ".dot": lambda drawing: drawing.dot, ".mmd": lambda drawing: drawing.mermaid,
    ".txt": lambda drawing: drawing.text,
}
