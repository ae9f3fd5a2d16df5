"""Formulas as native MathML, made when a page is built, so that no reader needs a library.

A formula is given as a tree [tag, {attribute: value}, [child, ...]], which a page builds element by
element: no text is ever read as markup.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from xml.etree import ElementTree

from ..errors import missing
from .typeset import Set

Tree = list[Any]
TAGS = {
    "math", "mfrac", "mi", "mn", "mo", "mover", "mroot", "mrow", "mspace", "msqrt", "mstyle",
    "msub", "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}
ATTRIBUTES = {"columnalign", "fence", "form", "mathvariant", "stretchy", "width"}
WORDS = r"y = \text{"  # how a formula begins that is words, which are no LaTeX


@cache
def mathml(formula: Set) -> Tree:
    """Set a formula as MathML. Raises MissingExtraError where latex2mathml is not installed."""
    try:
        from latex2mathml.converter import convert
    except ImportError:
        raise missing("latex2mathml", "graph") from None
    if formula.latex.startswith(WORDS):
        return ["math", {}, [["mtext", {}, [formula.text]]]]
    # latex2mathml takes the hyphen in a function's name for a minus
    latex = re.sub(r"\\operatorname\{([a-z]+-[a-z-]+)\}", r"\\text{\1}", formula.latex)
    return _tree(ElementTree.fromstring(convert(latex)))


def _tree(element: Any) -> Tree:
    tag = element.tag.rpartition("}")[2]
    assert tag in TAGS, tag
    attributes = {k: v for k, v in element.attrib.items() if k in ATTRIBUTES}
    text = (element.text or "").strip()
    return [tag, attributes, [text] if text else [_tree(child) for child in element]]
