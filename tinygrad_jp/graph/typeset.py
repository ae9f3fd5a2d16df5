"""Write mathematics down once, as a Python expression, and set it as LaTeX and as plain text.

"-a / b**2" becomes "-\\frac{a}{b^{2}}" and "−a / b²". That the same expression can be evaluated is
what the tests use: each formula is compared with the rule that the engine runs.

    a * b, 2 * x   products          sum(..), mean(..)   over all elements, or over an axis
    a @ b, x.T     matrices          where(c, a, b)      a where c, else b
    a / b, x**2    fractions, powers exp(..), abs(..)    any function
    alpha, mu      Greek letters     a > b               1 where it is true, else 0
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "lambda_": "λ",
    "mu": "μ", "pi": "π", "sigma": "σ", "theta": "θ", "Phi": "Φ", "phi": "φ", "Pi": "Π",
}
LATEX_FUNCTIONS = {
    "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan",
    "max", "min", "det",
}
COMPARISONS = {
    ast.Gt: (">", ">"), ast.Lt: ("<", "<"), ast.GtE: (r"\geq", "≥"), ast.LtE: (r"\leq", "≤"),
    ast.Eq: ("=", "="), ast.NotEq: (r"\neq", "≠"),
}
UP = str.maketrans(
    "0123456789+-−=()abcdeghijklmnoprstuvwxyz",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ",
)

# how tightly a piece holds together; a looser one inside a tighter one is put in brackets
COMPARE, ADD, NEGATE, MULTIPLY, POWER, ATOM = range(6)


@dataclass(frozen=True, slots=True)
class Set:
    """A formula, set: as LaTeX and as a line of plain text."""

    latex: str
    text: str


@dataclass(frozen=True, slots=True)
class _Piece:
    latex: str
    text: str
    tight: int = ATOM
    tight_text: int | None = None  # where it differs: a fraction needs no brackets, a/b does

    def inside(self, outer: int) -> _Piece:
        latex, text = self.latex, self.text
        if self.tight < outer:
            latex = rf"\left({latex}\right)"
        if (self.tight if self.tight_text is None else self.tight_text) < outer:
            text = f"({text})"
        return _Piece(latex, text)


@cache
def typeset(expression: str) -> Set:
    """Set an expression. Raises SyntaxError for what is not in the table above."""
    piece = _piece(ast.parse(expression, mode="eval").body)
    return Set(piece.latex, piece.text)


def _piece(node: ast.expr) -> _Piece:
    match node:
        case ast.Constant(value=int() | float() as value):
            return _Piece(f"{value:g}", f"{value:g}")
        case ast.Name(id=name):
            return _name(name)
        case ast.Attribute(value=inner, attr="T"):
            x = _piece(inner).inside(ATOM)
            return _Piece(rf"{{{x.latex}}}^{{\top}}", f"{x.text}ᵀ", POWER)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            x = _piece(inner).inside(MULTIPLY)
            return _Piece(f"-{x.latex}", f"−{x.text}", NEGATE)
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(op, left, right)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in COMPARISONS:
            a, b = _piece(left).inside(ADD), _piece(right).inside(ADD)
            latex, text = COMPARISONS[type(op)]
            return _Piece(f"{a.latex} {latex} {b.latex}", f"{a.text} {text} {b.text}", COMPARE)
        case ast.Subscript(value=inner, slice=index):
            x, i = _piece(inner).inside(POWER), _piece(index)
            return _Piece(rf"{x.latex}\left[{i.latex}\right]", f"{x.text}[{i.text}]", POWER)
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as args, keywords=[]):
            return _call(name, args)
    raise SyntaxError(ast.unparse(node))


def _name(name: str) -> _Piece:
    base, _, index = name.rstrip("_").partition("_")
    if base in GREEK:
        latex, text = rf"\{base}", GREEK[base]
    else:
        latex = text = base
        if len(base) > 1:
            latex = rf"\mathrm{{{base}}}"
    if index:
        latex, text = f"{latex}_{{{index}}}", f"{text}_{index}"
    return _Piece(latex, text)


def _binary(op: ast.operator, left: ast.expr, right: ast.expr) -> _Piece:
    a, b = _piece(left), _piece(right)
    match op:
        case ast.Add() | ast.Sub():
            sign = "+" if isinstance(op, ast.Add) else "-"
            a, b = a.inside(ADD), b.inside(NEGATE if sign == "+" else MULTIPLY)
            shown = "+" if sign == "+" else "−"
            return _Piece(f"{a.latex} {sign} {b.latex}", f"{a.text} {shown} {b.text}", ADD)
        case ast.Mult():
            a, b = a.inside(NEGATE), b.inside(MULTIPLY)
            plain = isinstance(left, ast.Constant) and not isinstance(right, ast.Constant)
            dot = "" if plain and b.latex[0] not in "0123456789" else r" \cdot "
            return _Piece(f"{a.latex}{dot}{b.latex}", f"{a.text}·{b.text}", MULTIPLY)
        case ast.MatMult():
            a, b = a.inside(MULTIPLY), b.inside(MULTIPLY)
            return _Piece(rf"{a.latex}\,{b.latex}", f"{a.text} {b.text}", MULTIPLY)
        case ast.Div():
            top, below = a.inside(NEGATE), b.inside(POWER)
            minus = NEGATE if a.tight == NEGATE else MULTIPLY
            return _Piece(
                rf"\frac{{{a.latex}}}{{{b.latex}}}", f"{top.text} / {below.text}", MULTIPLY, minus
            )
        case ast.Pow():
            base, over = a.inside(ATOM), b.text.replace(" ", "")
            text = base.text + (over.translate(UP) if _rises(over) else f"^{b.inside(ATOM).text}")
            return _Piece(rf"{{{base.latex}}}^{{{b.latex}}}", text, POWER)
    raise SyntaxError(type(op).__name__)


def _rises(text: str) -> bool:
    """Tell whether every sign of an exponent has a small raised form."""
    return all(ord(c) in UP for c in text)


def _call(name: str, nodes: list[ast.expr]) -> _Piece:
    pieces = [_piece(n) for n in nodes]
    latex, text = ", ".join(p.latex for p in pieces), ", ".join(p.text for p in pieces)
    first = pieces[0]
    match name:
        case "exp":
            up = first.text.replace(" ", "")
            shown = f"e{up.translate(UP)}" if _rises(up) else f"exp({up})"
            return _Piece(rf"e^{{{latex}}}", shown, POWER)
        case "sqrt":
            bare = first.inside(ATOM)
            return _Piece(rf"\sqrt{{{latex}}}", f"√{bare.text}")
        case "cbrt":
            return _Piece(rf"\sqrt[3]{{{latex}}}", f"∛{first.inside(ATOM).text}")
        case "abs":
            return _Piece(rf"\left|{latex}\right|", f"|{text}|")
        case "floor":
            return _Piece(rf"\left\lfloor {latex} \right\rfloor", f"⌊{text}⌋")
        case "sum":
            return _big(r"\sum", "Σ", first)
        case "prod":
            return _big(r"\prod", "Π", first)
        case "where":
            condition, yes, no = pieces
            cases = rf"\begin{{cases}} {yes.latex} & {condition.latex} \\ "
            cases += rf"{no.latex} & \text{{else}} \end{{cases}}"
            return _Piece(cases, f"{yes.text} if {condition.text} else {no.text}", ATOM, COMPARE)
        case "one":  # an indicator
            return _Piece(rf"\mathbf{{1}}\left[{latex}\right]", f"[{text}]")
        case "log2" | "log10":
            base = name.removeprefix("log")
            low = "₂" if base == "2" else "₁₀"
            return _named(rf"\log_{{{base}}}", f"log{low}", first)
    if name in LATEX_FUNCTIONS and len(pieces) == 1:
        return _named(rf"\{name}", name, first)
    if name in GREEK:
        return _Piece(rf"\{name}\left({latex}\right)", f"{GREEK[name]}({text})")
    shown = rf"\{name}" if name in LATEX_FUNCTIONS else rf"\operatorname{{{_joined(name)}}}"
    return _Piece(rf"{shown}\left({latex}\right)", f"{name}({text})")


def _joined(name: str) -> str:
    return name.replace("_", "-")


def _named(latex: str, text: str, piece: _Piece) -> _Piece:
    """Set a function as schools do: sin x, but sin(x + 1)."""
    x, shown = piece.inside(POWER), piece.inside(ATOM).text
    gap = "" if shown.startswith("(") else " "
    return _Piece(f"{latex} {x.latex}", f"{text}{gap}{shown}", MULTIPLY)


def _big(latex: str, text: str, piece: _Piece) -> _Piece:
    x, shown = piece.inside(MULTIPLY), piece.inside(POWER).text
    gap = "" if shown.startswith("(") else " "
    return _Piece(f"{latex} {x.latex}", f"{text}{gap}{shown}", NEGATE, POWER)
