"""Write docs/operations.md: every operation that the registry knows, with its derivative.

python docs/operations.py
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path

import tinygrad_jp.nn  # with these two, everything that registers operations is there
import tinygrad_jp.rules  # noqa: F401
from tinygrad_jp.vocabulary.rule import (
    REGISTRY,
    Composite,
    Constant,
    Entry,
    Rule,
    Unsupported,
    label,
)

PAGE = Path(__file__).resolve().parent / "operations.md"

HEAD = """# 演算の一覧 / All operations

このページは登録簿(`REGISTRY`)から `python3 run.py docs` が書き出しました。手で直さないでください。
This page was written from the registry by `python3 run.py docs`; do not edit it.

NumPy の関数に Tensor を渡すと、ここにある規則で微分されます。規則の中では `g` が届いた勾配、
`y` が結果、`x`(または `a b c`)が引数です。「残すもの」は、逆伝播のために計算グラフが持つ値です。

Give a Tensor to one of these functions and it is differentiated by the rule shown: `g` is the
gradient that arrives, `y` the result, `x` (or `a b c`) the arguments. "Keeps" is what the graph
holds on to for the way back.

"""


@cache
def lambdas(file: str) -> list[ast.Lambda]:
    """Find every lambda of a source file."""
    tree = ast.parse(Path(file).read_text("utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]


def formula(pull: Callable[..., object]) -> str:
    """Give the text of a derivative: a lambda's body, or a function's name and parameters."""
    code = pull.__code__
    if code.co_name != "<lambda>":
        return f"{code.co_name}({', '.join(inspect.signature(pull).parameters)})"
    # several lambdas may share a line: the one meant is the smallest that spans all of the code
    spans = [p for p in code.co_positions() if p[2] != p[3]]
    around = [
        node for node in lambdas(code.co_filename)
        if all((node.lineno, node.col_offset) <= (p[0], p[2]) for p in spans)
        and all((p[1], p[3]) <= (node.end_lineno, node.end_col_offset) for p in spans)
    ]
    if around:
        return ast.unparse(min(around, key=lambda n: len(ast.unparse(n))).body)
    return f"λ({', '.join(inspect.signature(pull).parameters)})"


def code_span(text: str) -> str:
    """Quote text as code inside a table cell."""
    return "`" + text.replace("|", "\\|") + "`"


def row(*cells: str) -> str:
    """Give a line of a table."""
    return f"| {' | '.join(cells)} |\n"


def about(entry: Entry) -> str:
    """Give an entry's meaning, safe inside a table."""
    return entry.about.replace("|", "&#124;")


def derivative(rule: Rule) -> str:
    """Give a table cell with one line per argument."""
    lines = []
    for name, pull in zip(rule.arguments, rule.pulls, strict=True):
        lines.append(f"{name}: " + (code_span(formula(pull)) if pull else "—"))
    return "<br>".join(lines)


def page() -> str:
    """Give the text of the page."""
    entries = sorted(dict.fromkeys(REGISTRY.values()), key=lambda e: label(e.fn).lower())
    names: dict[object, list[str]] = {}
    for fn, entry in REGISTRY.items():
        if label(fn) not in names.setdefault(entry, []):
            names[entry].append(label(fn))
    shown = {e: ", ".join(map(code_span, sorted(names[e]))) for e in entries}
    rules = [e for e in entries if isinstance(e, Rule)]
    composites = [e for e in entries if isinstance(e, Composite)]
    constants = [e for e in entries if isinstance(e, Constant)]
    refused = [e for e in entries if isinstance(e, Unsupported)]
    parts = [HEAD, f"## 規則のある演算 / With a rule ({len(rules)})\n\n"]
    parts.append(row("演算", "意味", "引数ごとの勾配", "残すもの / Keeps") + row(*["---"] * 4))
    for e in rules:
        keeps = ", ".join(code_span(k) for k in e.keeps()) or "なし / nothing"
        parts.append(row(shown[e], about(e), derivative(e), keeps))
    parts.append(f"\n## 他の演算で書いた演算 / Written with others ({len(composites)})\n\n")
    parts.append(row("演算", "意味") + row("---", "---"))
    parts += [row(shown[e], about(e)) for e in composites]
    parts.append(f"\n## 定数 / Constants ({len(constants)})\n\n"
                 "微分がないか 0 の関数です。結果に勾配は流れません。/ No derivative, or 0.\n\n")
    parts.append(", ".join(shown[e] for e in constants) + "\n")
    parts.append(f"\n## 使えない関数 / Refused ({len(refused)})\n\n")
    parts.append(row("関数", "理由", "Reason") + row(*["---"] * 3))
    parts += [row(shown[e], *e.reason) for e in refused]
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
