"""How a record is put into words and numbers: the same in every window, in Japanese or English."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import Language, OptionError
from .model import GraphNode

Direction = Literal["LR", "TB", "RL", "BT"]
Role = Literal["title", "operation", "shape", "value", "gradient"]

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
}

SYMBOLS = {
    "np.add": "+", "np.subtract": "−", "np.multiply": "×", "np.divide": "÷", "np.matmul": "@",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture shows, and how. Raises OptionError for a direction or language unknown."""

    language: Language
    values: bool = True
    gradients: bool = True
    shapes: bool = True
    direction: Direction = "LR"

    def __post_init__(self) -> None:
        if self.language not in ("ja", "en"):
            raise OptionError("language", given=self.language)
        if self.direction not in DIRECTIONS:
            raise OptionError("draw_direction", given=self.direction, known=", ".join(DIRECTIONS))

    def word(self, key: str) -> str:
        """Give a word in the language of the picture."""
        return WORDS[key][0 if self.language == "ja" else 1]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a node's text, and what it says."""

    role: Role
    text: str


def lines(node: GraphNode, look: Look) -> list[Line]:
    """Put a record into lines: title, operation, shape, value, gradient."""
    found = [Line("title", title(node, look))]
    if node.kind == "operation" and node.name:
        found.append(Line("operation", operation(node)))
    if _is_number(node):
        return found
    if look.shapes and node.shape is not None:
        found.append(Line("shape", f"{shape(node.shape)} {node.dtype or ''}".rstrip()))
    if look.values and (node.shape is not None or node.kind == "constant"):
        found += _array("value", node.value, look, "unknown")
    if look.gradients and not node.folded:
        found += _gradients(node, look)
    return found


def _gradients(node: GraphNode, look: Look) -> list[Line]:
    """Say a node's gradient, and what backward() has gathered where that is something else."""
    known = node.grad if node.gradient is None else node.gradient
    if known is None and node.kind != "leaf":
        return []
    found = _array("gradient", known, look, "not_computed")
    if node.grad is not None and known is not node.grad and not _same(known, node.grad):
        texts = summary(node.grad, look)
        found += [Line("gradient", f".grad {texts[0]}"), *(Line("gradient", t) for t in texts[1:])]
    return found


def _same(a: Any, b: Any) -> bool:
    return a.shape == b.shape and bool(np.all((a == b) | (np.isnan(a) & np.isnan(b))))


def _is_number(node: GraphNode) -> bool:
    """Tell whether a node is a bare number of the program's, which is its own title."""
    return (
        node.kind == "constant" and not node.name and node.value is not None
        and node.value.ndim == 0
    )


def title(node: GraphNode, look: Look) -> str:
    """Give a node's heading: its name, or what it is."""
    if node.name:
        return clean(node.name)
    if node.kind == "operation":
        return operation(node)
    if _is_number(node):
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
