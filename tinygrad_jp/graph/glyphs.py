"""Names in letters that the font of PNG and PDF has: an emoji becomes :red_apple:, never a box."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from functools import cache

from ..errors import missing
from .model import Graph
from .render import font


@cache
def glyphs() -> frozenset[int]:
    """List what the Japanese font that comes by pip can show.

    Raises MissingExtraError where the font, or fonttools, which reads it, is not installed.
    """
    file = font()
    try:
        from fontTools.ttLib import TTFont
    except ImportError:
        raise missing("fonttools", "graph") from None
    with TTFont(file, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def spelled(text: str) -> str:
    """Write what the font lacks with letters that are near, or by its name or number (U+AC00)."""
    if text.isascii() and text.isprintable():
        return text
    whole = unicodedata.normalize("NFC", text)  # か and its mark are one letter
    return "".join(c if " " <= c <= "~" else _letters(c) for c in whole)


def _letters(char: str) -> str:
    kind = unicodedata.category(char)
    if kind in ("Cc", "Cs"):
        return char if char.isspace() else "?"  # for what `wording.clean` puts there is no glyph
    if kind == "Cf":
        return ""  # joins signs
    if ord(char) in glyphs():
        return char
    if kind == "Mn":
        return ""  # a part of the sign before it
    for form in ("NFKC", "NFKD"):  # ₁ → 1, Ḁ → A
        parts = [c for c in unicodedata.normalize(form, char) if unicodedata.category(c) != "Mn"]
        if all(c.isascii() or ord(c) in glyphs() for c in parts):
            return "".join(parts)
    if kind[0] == "S" and (name := unicodedata.name(char, "")):
        return f":{name.lower().replace(' ', '_')}:"
    return f"U+{ord(char):04X}"


def in_letters(graph: Graph) -> Graph:
    """Spell what a graph calls its parts; give the very same graph where the font has all of it."""
    nodes = tuple(
        replace(n, name=n.name and spelled(n.name), label=spelled(n.label))
        if not _is_plain(n.name or "", n.label) else n for n in graph.nodes
    )
    edges = tuple(
        e if _is_plain(e.argument) else replace(e, argument=spelled(e.argument))
        for e in graph.edges
    )
    groups = tuple(
        g if _is_plain(g.label, g.kind, g.path) else replace(
            g, label=spelled(g.label), kind=spelled(g.kind), path=spelled(g.path)
        )
        for g in graph.groups
    )
    if (nodes, edges, groups) == (graph.nodes, graph.edges, graph.groups):
        return graph
    return Graph(nodes, edges, groups)


def _is_plain(*texts: str) -> bool:
    return all(spelled(text) == text for text in texts)
