"""How a record is put into words and numbers: the same in every window, in Japanese or English."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, Literal

import numpy as np

from ..errors import Language, OptionError
from .model import Edge, GraphNode, Group
from .theme import THEMES, ThemeName

Direction = Literal["LR", "TB", "RL", "BT"]
Style = Literal["boxes", "book"]
Role = Literal["title", "operation", "formula", "shape", "value", "gradient", "mark"]

DIRECTIONS = ("LR", "TB", "RL", "BT")
LONGEST_NAME = 40  # characters
ROWS, COLUMNS, ELEMENTS = 4, 4, 6  # what is shown element by element; else in summary

WORDS: dict[str, tuple[str, str]] = {
    "leaf": ("葉", "leaf"),
    "constant": ("定数", "constant"),
    "value": ("値", "value"),
    "gradient": ("勾配", "gradient"),
    "unknown": ("不明", "unknown"),
    "not_computed": ("未計算", "not computed"),
    "mean": ("平均", "mean"),
    "range": ("範囲", "range"),
    "not_finite": ("非有限", "not finite"),
    "above": ("上に既出", "see above"),
    "below": ("続きは下", "continued below"),
    "module": ("モジュール", "module"),
    "operations": ("演算", "operations"),
    "parameters": ("パラメータ", "parameters"),
    "forward": ("順伝播", "forward"),
    "backward": ("逆伝播", "backward"),
    "output": ("出力", "output"),
    "failed": ("ここで失敗", "failed here"),
}

SYMBOLS = {
    "np.add": "+", "np.subtract": "−", "np.multiply": "×", "np.divide": "÷", "np.matmul": "@",
    "np.negative": "−",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture shows, and how.

    formulas    what each operation computes; slopes: local derivatives, on the edges
    statistics  mean and range in place of big arrays; else their first elements
    highlight   ids of the nodes on a path to pick out
    marks       id -> what is wrong there, drawn as a warning
    Raises OptionError for a language, direction, theme or style that there is not.
    """

    language: Language
    values: bool = True
    gradients: bool = True
    shapes: bool = True
    direction: Direction = "LR"
    formulas: bool = False
    slopes: bool = False
    statistics: bool = True
    theme: ThemeName = "light"
    style: Style = "boxes"
    highlight: frozenset[str] = frozenset()
    marks: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.language not in ("ja", "en"):
            raise OptionError("language", given=self.language)
        if self.direction not in DIRECTIONS:
            raise OptionError("draw_direction", given=self.direction, known=", ".join(DIRECTIONS))
        if self.theme not in THEMES:
            raise OptionError("draw_theme", given=self.theme, known=", ".join(THEMES))
        if self.style not in ("boxes", "book"):
            raise OptionError("draw_style", given=self.style, known="boxes, book")

    def but(self, **changes: Any) -> Look:
        """Give a Look that differs in some of its options."""
        return replace(self, **changes)

    def word(self, key: str) -> str:
        """Give a word in the language of the picture."""
        return WORDS[key][0 if self.language == "ja" else 1]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a node's text, and what it says."""

    role: Role
    text: str


def lines(node: GraphNode, look: Look) -> list[Line]:
    """Put a record into lines: title, operation, formula, shape, value, gradient, mark."""
    found = [Line("title", title(node, look))]
    if node.kind == "operation" and node.name:
        found.append(Line("operation", operation(node)))
    if node.kind == "module":
        found.append(Line("operation", contents(node, look)))
    if look.formulas and node.formula is not None:
        found.append(Line("formula", clean(drawable(node.formula.forward.text), 60)))
    if is_number(node):
        return found
    found += _facts(node, look)
    if node.id in look.marks:
        found += [Line("mark", clean(text, 80)) for text in look.marks[node.id].splitlines()]
    return found


def _facts(node: GraphNode, look: Look) -> list[Line]:
    found = []
    if look.shapes and node.shape is not None:
        found.append(Line("shape", f"{shape(node.shape)} {node.dtype or ''}".rstrip()))
    if look.values and not node.folded and (node.shape is not None or node.kind == "constant"):
        found += _array("value", node.value, look, "unknown")
    if look.gradients and not node.folded:
        found += _gradients(node, look)
    return found


def _gradients(node: GraphNode, look: Look) -> list[Line]:
    """Say a node's gradient, and what backward() has gathered where that is something else."""
    known, gathered = node.gradient, node.grad
    if known is None and (node.kind != "leaf" or gathered is not None):
        found = []
    else:
        found = _array("gradient", known, look, "not_computed")
    if gathered is not None and (known is None or not _same(known, gathered)):
        texts = summary(gathered, look)
        found += [Line("gradient", f".grad {texts[0]}"), *(Line("gradient", t) for t in texts[1:])]
    return found


def _same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and bool(np.all((a == b) | (np.isnan(a) & np.isnan(b))))


def contents(node: GraphNode, look: Look) -> str:
    """Say what is in a module that is drawn as one box."""
    parts = [f"{look.word('operations')} {node.contents}"]
    if node.parameters:
        parts.append(f"{look.word('parameters')} {node.parameters:,}")
    return "  ".join(parts)


def heading(group: Group, look: Look) -> str:
    """Give the heading of a module's frame: "fc1: Linear × 12"."""
    parts = ": ".join(clean(part) for part in (group.label, group.kind) if part)
    count = f"{group.call} 回目" if look.language == "ja" else f"call {group.call}"
    again = f" ({count})" if group.call > 1 else ""
    return parts + again + (f" × {group.repeat}" if group.repeat > 1 else "")


def slope(edge: Edge, source: GraphNode, target: GraphNode, look: Look) -> str:
    """Say a local derivative: "∂y/∂a = b = 2"; "" where nothing is known of it or asks for it."""
    if target.formula is None or target.kind != "operation" or source.kind == "constant":
        return ""
    argument = edge.argument
    known = target.formula.of(argument)
    if edge.slope is None:
        text = drawable(f"∂L/∂{argument} = {known.pull.text}")
        return "" if target.formula.is_general else clean(text, 60)
    texts = [drawable(known.local.text)] if known.local is not None else []
    if edge.slope.size == 1:
        texts.append(number(edge.slope.ravel()[0]).replace("-", "−"))
    elif not texts or look.statistics:
        texts.append(" ".join(summary(edge.slope, look)))
    return clean(" = ".join([f"∂y/∂{argument}", *dict.fromkeys(texts)]), 60)


RAISED = dict(zip(
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ", "0123456789+−=()abcdeghijklmnoprstuvwxyzT",
    strict=True,
))
OTHERS = {"⌊": "floor(", "⌋": ")", "∛": "³√", **dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))}


def drawable(text: str) -> str:
    """Write a formula without the signs that Japanese fonts lack: "aᵇ⁻¹" as "a^(b−1)".

    >>> drawable("b·aᵇ⁻¹"), drawable("g bᵀ"), drawable("x² + log₁₀ x")
    ('b·a^(b−1)', 'g b^T', 'x² + log10 x')
    """
    written = ""
    for raised, part in groupby(text, RAISED.__contains__):
        piece = "".join(part)
        if raised and set(piece) - set("¹²³⁴"):
            plain = "".join(RAISED[c] for c in piece)
            piece = f"^{plain}" if len(plain) == 1 else f"^({plain})"
        written += "".join(OTHERS.get(c, c) for c in piece)
    return written


def is_number(node: GraphNode) -> bool:
    """Tell whether a node is a bare number of the program's, which is its own title."""
    return (
        node.kind == "constant" and not node.name and node.value is not None
        and node.value.ndim == 0
    )


def title(node: GraphNode, look: Look) -> str:
    """Give a node's heading: its name, or what it is."""
    if node.kind == "module":
        parts = ": ".join(clean(part) for part in (node.name, node.label) if part)
        times = f" × {node.repeat}" if node.repeat > 1 else ""
        return (parts or look.word("module")) + times
    if node.name and clean(node.name):
        return clean(node.name)
    if node.kind == "operation":
        return operation(node)
    if is_number(node):
        return number(node.value[()])  # type: ignore[index]
    return look.word(node.kind)


def operation(node: GraphNode) -> str:
    """Give an operation's label, with its sign where it has one."""
    sign = SYMBOLS.get(node.label)
    return f"{sign} {node.label}" if sign else clean(node.label)


def shape(sizes: tuple[int, ...]) -> str:
    """Write a shape as Python does."""
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(map(str, sizes))})"


def _array(role: Role, array: Any, look: Look, absent: str) -> list[Line]:
    texts = [look.word(absent)] if array is None else summary(array, look)
    word = look.word(role)
    return [Line(role, f"{word} {texts[0]}"), *(Line(role, t) for t in texts[1:])]


def summary(array: Any, look: Look) -> list[str]:
    """Write a small array out row by row, a big one as its mean and range."""
    if array.ndim == 0:
        return [number(array[()])]
    if array.ndim == 1 and array.size <= ELEMENTS:
        return [row(array)]
    if array.ndim == 2 and array.shape[0] <= ROWS and array.shape[1] <= COLUMNS and array.size:
        return ("[" + "\n".join(row(r) for r in array) + "]").split("\n")
    if array.size == 0:
        return ["[]"]
    if not look.statistics:
        inside = ", ".join(number(v) for v in array.ravel()[:ELEMENTS])
        brackets = "[" * array.ndim, "]" * array.ndim
        more = ", …" if array.size > ELEMENTS else ""
        return [f"{brackets[0]}{inside}{more}{brackets[1]}"]
    numbers = array.astype(np.float64).ravel()
    finite = numbers[np.isfinite(numbers)]
    texts = []
    if finite.size:
        low, high = number(finite.min()), number(finite.max())
        texts = [
            f"{look.word('mean')} {number(finite.mean())}", f"{look.word('range')} {low} … {high}",
        ]
    if finite.size < numbers.size:
        texts.append(f"{look.word('not_finite')} {numbers.size - finite.size}/{numbers.size}")
    return texts


def row(array: Any) -> str:
    """Write a one-dimensional array out."""
    return f"[{', '.join(number(v) for v in array)}]"


def number(value: Any) -> str:
    """Write a number with four significant digits; integers and truth values whole."""
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return str(value)
    if np.isnan(value):
        return "NaN"
    if np.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{float(value) or 0.0:.4g}"  # a minus zero reads as zero


def clean(text: str, longest: int = LONGEST_NAME) -> str:
    """Make a user's text fit for one line: no control characters, not too long.

    Also out go the marks that reorder text, and half characters, which no file can hold.
    """
    text = " ".join(text.split())
    text = "".join(
        "�" if unicodedata.category(c) in ("Cc", "Cf", "Cs") or ord(c) & 0xFFFE == 0xFFFE else c
        for c in text
    )
    return text if len(text) <= longest else text[: longest - 1] + "…"


def width(text: str) -> float:
    """Estimate how wide a text is, in ems, never too little.

    East-Asian wide, full-width and ambiguous characters take one em (Unicode Annex 11), as signs
    and arrows do in a Japanese font; a layout engine without one takes them for narrower, and
    would clip them. The Latin widths are above those of Noto Sans JP and Helvetica.
    """
    return round(math.fsum(_width(c) for c in text), 6)  # the same on every Python


def _width(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    kind = unicodedata.east_asian_width(char)
    if kind == "H" and char < "\uffa0":  # katakana; the Korean letters after it are not narrow
        return 0.6
    if kind in "WFA" or char >= "\u2000":
        return 1.0
    if char in "mMwW@%&©":
        return 0.95
    if char in " !'(),./:;I[]fijlrt|\\-":
        return 0.4
    return 0.76 if char.isupper() else 0.65
