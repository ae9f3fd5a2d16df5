"""Write docs/operations.md and docs/en/operations.md: what the registry knows, with derivatives.

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
from tinygrad_jp.graph.formulas import formula as formula_of
from tinygrad_jp.vocabulary.rule import (
    REGISTRY,
    Composite,
    Constant,
    Entry,
    Rule,
    Unsupported,
    label,
)

DOCS = Path(__file__).resolve().parent
PAGES = {"ja": DOCS / "operations.md", "en": DOCS / "en" / "operations.md"}

WORDS = {
    "ja": {
        "head": """# 演算の一覧

このページは登録簿(`REGISTRY`)から `python3 run.py docs` が書き出しました。手で直さないでください。

NumPy の関数に Tensor を渡すと、ここにある規則で微分されます。

- `g` は届いた勾配、`y` は結果、`x`(または `a b c`)は引数です。
- 「送り返す勾配」は、規則を数式で書いたもの、「規則」は登録されている NumPy の式そのものです。
- 「残すもの」は、逆伝播のために計算グラフが持つ値です。
- 「調べた区間」は、自動テストが数値微分と比べる範囲です(「—」は、形や軸を変えながら比べます)。

順伝播と逆伝播を描くと、こうなります(`tj.draw(f, x, order=1)`)。

""",
        "rules": "規則のある演算", "composites": "他の演算で書いた演算", "constants": "定数",
        "no_slope": "微分がないか 0 の関数です。結果に勾配は流れません。",
        "refused": "使えない関数",
        "columns": ("演算", "意味", "送り返す勾配", "規則", "残すもの", "調べた区間"),
        "short": ("演算", "意味(英語)"), "why": ("関数", "理由"), "nothing": "なし",
        "images": "images/", "multiply": "掛け算", "tanh": "tanh", "matmul": "行列の積と和",
    },
    "en": {
        "head": """# All operations

This page was written from the registry by `python3 run.py docs`; do not edit it.

Give a Tensor to one of these functions and it is differentiated by the rule shown.

- `g` is the gradient that arrives, `y` the result, `x` (or `a b c`) the arguments.
- "Sent back" is the rule as a formula; "rule" is the NumPy expression that is registered.
- "Keeps" is what the graph holds on to for the way back.
- "Tried on" is where the tests hold it against differences ("—": on shapes and axes instead).

Drawn, forward and backward (`tj.draw(f, x, order=1)`), they look like this:

""",
        "rules": "With a rule", "composites": "Written with others", "constants": "Constants",
        "no_slope": "No derivative, or 0: no gradient flows to what they give.",
        "refused": "Refused",
        "columns": ("operation", "meaning", "sent back", "rule", "keeps", "tried on"),
        "short": ("operation", "meaning"), "why": ("function", "reason"), "nothing": "nothing",
        "images": "../images/", "multiply": "a product", "tanh": "tanh",
        "matmul": "a matrix product and a sum",
    },
}


MEANINGS = {  # where the registry's English words are no formula
    "np.matmul": "行列の積 a @ b",
    "contract": "アインシュタインの和",
    "np.maximum": "大きい方。等しいときは勾配を分ける",
    "np.minimum": "小さい方。等しいときは勾配を分ける",
    "np.fmax": "大きい方。NaN は無視する",
    "np.fmin": "小さい方。NaN は無視する",
    "np.clip": "最小と最大の間に収める",
    "np.where": "a が真なら b、でなければ c",
    "np.arctan2": "点 (b, a) の角度",
    "np.copysign": "&#124;a&#124; に b の符号を付ける",
    "np.deg2rad": "度 → ラジアン",
    "np.rad2deg": "ラジアン → 度",
    "sinc_slope": "sinc の微分",
    "erf": "誤差関数",
    "relu": "0 より大きければそのまま、でなければ 0。0 での微分は 0",
    "leaky_relu": "0 以下では slope 倍",
    "elu": "0 以下では α (eˣ − 1)",
    "astype": "同じ値を別の dtype で",
    "np.conjugate": "実数なので x のまま",
    "np.real": "実数なので x のまま",
    "np.real_if_close": "実数なので x のまま",
    "np.nan_to_num": "NaN → 0、無限大 → 最大の数",
    "np.ldexp": "整数 b について a · 2ᵇ",
    "getitem": "添字で取り出す x[index]",
    "scatter_add": "それぞれの場所に足し込む",
    "set_at": "x[index] を置きかえた写し",
    "np.take_along_axis": "軸にそって、場所ごとに取り出す",
    "put_along": "軸にそって、場所ごとに足し込む",
    "np.lib.stride_tricks.sliding_window_view": "ある長さの窓を全部、新しい軸に並べる",
    "fold": "窓を、もとの場所へ足し戻す",
    "np.sort": "小さい順に並べる",
    "np.concatenate": "ある軸にそってつなぐ",
    "np.stack": "新しい軸にそって重ねる",
    "pad_with": "まわりを 1 つの値で囲む",
    "np.linalg.inv": "逆行列 x⁻¹",
    "np.linalg.solve": "連立一次方程式の解 a⁻¹·b",
    "np.linalg.pinv": "ムーア–ペンローズの逆行列 x⁺",
    "np.linalg.det": "行列式",
    "cofactor": "余因子行列 det(x)·x⁻ᵀ",
    "cofactor_slope": "⟨h, cofactor(x)⟩ の勾配",
    "np.linalg.slogdet": "det x の符号と log &#124;det x&#124;",
    "np.linalg.cholesky": "x = l·lᵀ となる下三角の l",
    "thin_qr": "x = q·r。q は正規直交、r は上三角",
    "np.linalg.eigh": "対称な x = v·diag(w)·vᵀ の固有値 w と固有ベクトル v",
    "np.linalg.eigvalsh": "対称な x の固有値",
    "thin_svd": "x = u·diag(s)·vh の u、s、vh",
    "np.linalg.svdvals": "特異値",
    "sum_outer": "a bᵀ の、行についての和",
    "sum_rows": "行についての和",
    "sum_to": "広げた軸についての和",
    "cross_entropy": "正解のクラスの log softmax の平均に − を付けたもの",
    "standardize": "平均 0、分散 1 に揃え、平均と分散も返す",
    "center_and_scale": "平均 0、分散 1 に揃える",
    "binary_entropy": "確率 1 つの交差エントロピー",
    "bounded_log": "log x、ただし −100 以上",
    "np.max": "最大。等しいものどうしは勾配を分ける",
    "np.min": "最小。等しいものどうしは勾配を分ける",
    "np.cumprod": "はじめからの積",
    "np.cumsum": "はじめからの和",
    "convolve_full": "2 つのベクトルの畳み込み",
    "np.reshape": "同じ要素を別の形で",
    "np.transpose": "軸を並べかえる",
    "np.swapaxes": "2 つの軸を入れかえる",
    "np.moveaxis": "軸を別の場所へ移す",
    "np.squeeze": "長さ 1 の軸を取る",
    "np.expand_dims": "長さ 1 の軸を足す",
    "np.broadcast_to": "新しい軸と長さ 1 の軸にそって繰り返す",
    "np.flip": "逆順",
    "np.roll": "ぐるりとずらす",
    "np.tril": "三角の部分。ほかは 0",
    "np.triu": "三角の部分。ほかは 0",
    "np.copy": "写し",
    "np.logaddexp": "log(eᵃ + eᵇ)。大きな a、b でもあふれない",
    "log_or_zero": "log x、x ≤ 0 では 0",
    "np.float_power": "aᵇ(float64 で)",
}


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


def sent_back(rule: Rule) -> str:
    """Give a table cell with the gradient sent to each argument, as a formula."""
    found = formula_of(rule)
    lines = []
    for name, pull in zip(rule.arguments, rule.pulls, strict=True):
        lines.append(f"{name}: {plain(found.of(name).pull.text)}" if pull else f"{name}: —")
    return "<br>".join(lines)


def plain(text: str) -> str:
    """Keep Markdown from reading a formula."""
    for sign in "\\`*_[]<":
        text = text.replace(sign, "\\" + sign if sign != "<" else "&lt;")
    return text.replace("|", "&#124;")


def tried(rule: Rule) -> str:
    """Give a table cell with the interval on which each argument is tried."""
    lines = []
    for name, domain in zip(rule.arguments, rule.domain or (), strict=False):
        apart = "".join(f", ≠ {p:g}" for p in domain.avoid)
        lines.append(f"{name}: {domain.low:g} … {domain.high:g}{apart}".replace("-", "−"))
    return "<br>".join(lines) or "—"


def meaning(entry: Entry, lang: str) -> str:
    """Give what an operation means: its formula where there is one; its words, in Japanese too."""
    words = about(entry)
    name = label(entry.fn)
    if lang == "ja":
        words = MEANINGS.get(name, words)
    found = formula_of(entry) if isinstance(entry, Rule) else None
    if found is None or found.is_general:
        return words
    if name in MEANINGS and found.forward.text == f"y = {entry.about}":
        return words  # words that stand where a formula would
    text = plain(found.forward.text)
    return text if words in text or name not in MEANINGS else f"{text}<br>{words}"


def page(lang: str) -> str:
    """Give the text of the page in a language."""
    say = WORDS[lang]
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
    parts = [say["head"]]
    parts += [f"![{say[n]}]({say['images']}op_{n}_{lang}.svg)\n\n"
              for n in ("multiply", "tanh", "matmul")]
    parts.append(f"## {say['rules']} ({len(rules)})\n\n")
    parts.append(row(*say["columns"]) + row(*["---"] * 6))
    for e in rules:
        keeps = ", ".join(code_span(k) for k in e.keeps()) or say["nothing"]
        parts.append(
            row(shown[e], meaning(e, lang), sent_back(e), derivative(e), keeps, tried(e))
        )
    parts.append(f"\n## {say['composites']} ({len(composites)})\n\n")
    parts.append(row(*say["short"]) + row("---", "---"))
    parts += [row(shown[e], about(e)) for e in composites]
    parts.append(f"\n## {say['constants']} ({len(constants)})\n\n{say['no_slope']}\n\n")
    parts.append(", ".join(shown[e] for e in constants) + "\n")
    parts.append(f"\n## {say['refused']} ({len(refused)})\n\n")
    parts.append(row(*say["why"]) + row("---", "---"))
    parts += [row(shown[e], e.reason[0 if lang == "ja" else 1]) for e in refused]
    return "".join(parts)


if __name__ == "__main__":
    for lang, path in PAGES.items():
        path.write_text(page(lang), "utf-8")
