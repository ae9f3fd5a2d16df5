"""`draw`, and the Drawing that it gives."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

from ..errors import Language, OptionError, TinygradError, language
from . import render
from .dot import dot
from .mermaid import mermaid
from .model import Graph, graph_of
from .tree import tree
from .wording import Direction, Look

SUFFIXES = (".svg", ".png", ".dot", ".mmd", ".txt")
MOST_LINES = 60  # of a Drawing's repr


def draw(
    x: Any,
    *,
    values: bool = True,
    gradients: bool | Literal["gathered"] = True,
    shapes: bool = True,
    names: Any = None,
    direction: Direction = "LR",
    lang: Language | None = None,
) -> Drawing:
    """Draw what a Tensor was computed from: operations, values, gradients.

    x: a Tensor with a graph, as model(x) or a loss gives it, or a list of them.
    values, gradients, shapes: what to show of each. A value that the engine did not keep is
        computed again; one that cannot be is shown as unknown. Gradients are those of the output,
        if that is a single number, found without touching `.grad`; "gathered" shows only what
        backward() has put into `.grad`. Where there is none it says "not computed".
    names: where to find names for Tensors: locals(), a Module, or module.named_parameters. The
        parameters of a Module are drawn in a frame with the operations that use them.
    direction: "LR" from left to right, "TB" from top to bottom, "RL", "BT".
    lang: "ja" or "en"; None for the language in force (see set_language).
    Raises ArgumentError: not a Tensor; GradientError: no graph, or one that backward() has freed;
        OptionError: an unknown direction or language.

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
        direction=direction,
    )
    graph = graph_of(x, names=names, values=values, gradients=gradients is True)
    return Drawing(graph, look)


class Drawing:
    """A picture of a graph: shows itself in a notebook, prints as text, saves in several formats.

    graph: the plain records that it is made from. look: what it shows, and how.
    """

    def __init__(self, graph: Graph, look: Look) -> None:
        self.graph = graph
        self.look = look

    @cached_property
    def dot(self) -> str:
        """The picture as DOT text, for Graphviz and the programs that read it."""
        return dot(self.graph, self.look)

    @cached_property
    def mermaid(self) -> str:
        """The picture as Mermaid text, for a Markdown page."""
        return mermaid(self.graph, self.look)

    @cached_property
    def text(self) -> str:
        """The graph as a tree of text."""
        return tree(self.graph, self.look)

    @cached_property
    def _svg(self) -> str:
        return render.svg(self.dot, len(self.graph.nodes))

    def svg(self) -> str:
        """Give the picture as SVG.

        Raises MissingExtraError where no layout engine is installed; OptionError for a graph of
        more than 20,000 nodes.
        """
        return self._svg

    def png(self) -> bytes:
        """Give the picture as PNG, with Japanese glyphs from a font that comes by pip.

        Raises as `svg` does, and MissingExtraError where resvg or the font is not installed.
        """
        return render.png(self.svg())

    def save(self, path: str | Path) -> Path:
        """Save as .svg, .png, .dot, .mmd (Mermaid) or .txt, by the suffix; gives the path.

        Raises OptionError for another suffix; as `svg` and `png` do for those.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise OptionError("draw_suffix", given=path.name, known=", ".join(SUFFIXES))
        if suffix == ".png":
            path.write_bytes(self.png())
        else:
            attribute = {".svg": "_svg", ".dot": "dot", ".mmd": "mermaid", ".txt": "text"}[suffix]
            path.write_text(getattr(self, attribute), encoding="utf-8", newline="\n")
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
