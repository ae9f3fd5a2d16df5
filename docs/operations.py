"""Write the reference of operations from the registry: docs/operations.md and docs/operations/.

python docs/operations.py

docs/operations.md lists everything; each page in docs/operations/ has one kind of operations, each
with its formula, its rule, where it was tried, and its graph, drawn forward and backward by
operations_drawn.py. The same in English in docs/en.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import operations_drawn as pictures
from operations_drawn import Drawn, drawn, key
from operations_sampled import written

import tinygrad_jp.nn  # with these two, everything that registers operations is there
import tinygrad_jp.rules  # noqa: F401
from tinygrad_jp.errors import Language
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
PAGES: dict[Language, Path] = {"ja": DOCS, "en": DOCS / "en"}
TABLE = tomllib.loads((DOCS / "operations.toml").read_text("utf-8"))
WORDS, TITLES = TABLE["words"], TABLE["pages"]
SMALL = 11  # operations, forward and backward, of a composite that is drawn
NARROW = 340  # pixels of a picture that leaves room beside it on a wide screen

FAMILIES: dict[str, tuple[str, ...]] = {  # page: the modules of rules/ whose operations it has
    "arithmetic": ("elementwise", "constants"),
    "functions": (),
    "network": ("loss", "normalization", "probability"),
    "matrix": ("contraction", "einsum", "linalg", "norms"),
    "statistics": ("reduction", "statistics", "series", "polynomial", "calls"),
    "arrays": ("shape", "joining", "index"),
}
FUNCTIONS = re.compile("exp|log|sin|cos|tan|sqrt|cbrt|power|square|deg|rad|erf|sinc|hypot")


# ── what a rule says ────────────────────────────────────────────────────────────────────────────


Kind = TypeVar("Kind", bound=Entry)


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


def table(*titles: str) -> str:
    """Give the head of a table."""
    return row(*titles) + row(*["---"] * len(titles))


def derivatives(rule: Rule) -> dict[str, str]:
    """Give the text of what is sent to each argument, as code; "—" for nothing."""
    pairs = zip(rule.arguments, rule.pulls, strict=True)
    return {name: code_span(formula(pull)) if pull else "—" for name, pull in pairs}


def sent_back(rule: Rule) -> dict[str, str]:
    """Give the gradient sent to each argument, as a formula; "—" for none."""
    found = formula_of(rule)
    pairs = zip(rule.arguments, rule.pulls, strict=True)
    return {name: plain(found.of(name).pull.text) if pull else "—" for name, pull in pairs}


def tried(rule: Rule) -> dict[str, str]:
    """Give the interval on which each argument is tried; none where shapes and axes are."""
    found = {}
    for name, domain in zip(rule.arguments, rule.domain or (), strict=False):
        apart = "".join(f", ≠ {p:g}" for p in domain.avoid)
        found[name] = f"{domain.low:g} … {domain.high:g}{apart}".replace("-", "−")
    return found


def plain(text: str) -> str:
    """Keep Markdown from reading a formula."""
    for sign in "\\`*_[]<":
        text = text.replace(sign, "\\" + sign if sign != "<" else "&lt;")
    return text.replace("|", "&#124;")


def meaning(entry: Entry, lang: Language) -> str:
    """Give what an operation means: its formula where there is one; its words, in Japanese too."""
    name, words = label(entry.fn), entry.about
    known = TABLE["rules" if isinstance(entry, Rule) else "composites"].get(name)
    if lang == "ja" and known:
        words = known
    found = formula_of(entry) if isinstance(entry, Rule) else None
    if found is None or found.is_general:
        return plain(words)
    if known and found.forward.text == f"y = {entry.about}":
        return plain(words)  # words that stand where a formula would
    text = plain(found.forward.text)
    return text if plain(words) in text or not known else f"{text}<br>{plain(words)}"


def family(entry: Rule | Composite) -> str:
    """Name the page that an operation is on."""
    code = entry.body if isinstance(entry, Composite) else next(p for p in entry.pulls if p)
    stem = Path(code.__code__.co_filename).stem
    home = (getattr(entry.fn, "__module__", None) or "").rpartition(".")[2]
    if home in ("activations", "layers"):
        return "network"
    if stem == "elementwise" and FUNCTIONS.search(label(entry.fn)):
        return "functions"
    return next(page for page, modules in FAMILIES.items() if stem in modules)


# ── the pages ───────────────────────────────────────────────────────────────────────────────────


def listed(kind: type[Kind]) -> list[Kind]:
    """List the entries of a kind, in the order of their names."""
    found = dict.fromkeys(e for e in REGISTRY.values() if isinstance(e, kind))
    return sorted(found, key=lambda e: key(e).lower())


@cache
def names(entry: Entry) -> tuple[str, ...]:
    """List what a function is called, its own name first."""
    found = sorted({label(fn) for fn, e in REGISTRY.items() if e is entry})
    return tuple(sorted(found, key=lambda name: name != label(entry.fn)))


def spans(entry: Entry) -> str:
    """Give all names of a function as code."""
    return ", ".join(map(code_span, names(entry)))


def anchor(entry: Entry) -> str:
    """Give the part of a page's address that leads to an operation."""
    return re.sub(r"[^\w-]", "", key(entry).lower().replace(" ", "-"))


def entered(entry: Rule | Composite) -> str:
    """Link to an operation's section, and give its other names, for the list of all."""
    link = f"[{code_span(key(entry))}](operations/{family(entry)}.md#{anchor(entry)})"
    return ", ".join([link, *map(code_span, names(entry)[1:])])


def counted(labels: list[str]) -> str:
    """Write operations down, each once: "np.multiply × 3"."""
    return ", ".join(n if c == 1 else f"{n} × {c}" for n, c in Counter(labels).items())


def known(labels: list[str]) -> list[str]:
    """Leave out the parts of a result: "thin_svd[0]"."""
    return [name for name in labels if "[" not in name]


def index(lang: Language) -> str:
    """Give the text of docs/operations.md."""
    say = WORDS[lang]
    rules, composites = listed(Rule), listed(Composite)
    parts = [f"# {say['title']}\n\n{say['head']}## {say['rules']} ({len(rules)})\n"]
    for page in FAMILIES:
        parts.append(f"\n### [{TITLES[page][lang]}](operations/{page}.md)\n\n")
        parts.append(table(say["operation"], say["meaning"], say["sent"]))
        for e in rules:
            if family(e) == page:
                sent = "<br>".join(f"{n}: {text}" for n, text in sent_back(e).items())
                parts.append(row(entered(e), meaning(e, lang), sent))
    parts.append(f"\n## {say['composites']} ({len(composites)})\n\n{say['made_of']}\n\n")
    parts.append(table(say["operation"], say["meaning"], say["uses"]))
    for c in composites:
        found = drawn(c)
        uses = ", ".join(map(code_span, dict.fromkeys(known(found.forward) if found else [])))
        parts.append(row(entered(c), meaning(c, lang), uses or "—"))
    constants, refused = listed(Constant), listed(Unsupported)
    parts.append(f"\n## {say['constants']} ({len(constants)})\n\n{say['no_slope']}\n\n")
    parts.append(", ".join(map(spans, constants)) + "\n")
    parts.append(f"\n## {say['refused']} ({len(refused)})\n\n")
    parts.append(table(say["function"], say["why"]))
    parts += [row(spans(u), u.reason[0 if lang == "ja" else 1]) for u in refused]
    return "".join(parts)


def family_page(page: str, lang: Language) -> str:
    """Give the text of a page of docs/operations/."""
    say = WORDS[lang]
    parts = [f"# {TITLES[page][lang]}\n\n{say['legend']}"]
    for entries, title in ((listed(Rule), "rules"), (listed(Composite), "composites")):
        mine = [e for e in entries if family(e) == page]
        if mine:
            parts.append(f"## {say[title]} ({len(mine)})\n\n")
            parts += [part for e in mine for part in section(e, lang)]
    return "".join(parts).rstrip("\n") + "\n"


def section(entry: Rule | Composite, lang: Language) -> Iterator[str]:
    """Give one operation's part of a page."""
    say, found = WORDS[lang], drawn(entry)
    yield f"### {key(entry)}\n\n"
    yield meaning(entry, lang) + "\n\n"
    if found is not None and is_drawn(found):
        yield f"![{alt(found, lang)}]({address(found, lang)}{beside(entry)})\n\n"
    if isinstance(entry, Rule):
        yield table(say["argument"], say["sent"], say["rule"])
        texts, sent = derivatives(entry), sent_back(entry)
        for name in entry.arguments:
            yield row(name, sent[name], texts[name])
        kept = ", ".join(map(code_span, entry.keeps())) or say["nothing"]
        where = say["comma"].join(f"`{n}` {text}" for n, text in tried(entry).items())
        yield f"\n{say['keeps']}{say['colon']}{kept}{say['end']}{' ' * (lang == 'en')}"
        yield f"{say['tried']}{say['colon']}{where or say['shapes']}{say['end']}"
    else:
        ways = [] if found is None else [("forward", found.forward), ("backward", found.backward)]
        for way, labels in ways:
            yield f"{say[way]}{say['colon']}{code_span(counted(known(labels)))}{say['end']}"
            yield " " if lang == "en" else ""
    if len(names(entry)) > 1:
        others = ", ".join(map(code_span, names(entry)[1:]))
        yield f"{' ' * (lang == 'en')}{say['also']}{say['colon']}{others}{say['end']}"
    yield from told(entry, found, lang)
    yield "\n\n"


def told(entry: Entry, found: Drawn | None, lang: Language) -> Iterator[str]:
    """Say what was drawn, and what was not."""
    say, gap = WORDS[lang], " " if lang == "en" else ""
    if found is None:
        yield say["alone"]
        return
    call = code_span(written(entry))
    yield f"{gap}{say['drawn']}{say['colon']}{call}{say['end']}"
    number = len(found.forward) + len(found.backward)
    if not is_drawn(found):
        yield gap + say["large"].format(n=number)
    elif found.is_boxed:
        whole = address(found, lang, True)
        inside = sum(node.contents for node in found.small.nodes)
        yield gap + say["boxed"].format(n=inside, file=whole)


def is_drawn(found: Drawn) -> bool:
    """Tell whether there is a picture: of every rule, and of small composites."""
    number = len(found.forward) + len(found.backward)
    return isinstance(found.entry, Rule) or number <= SMALL


def alt(found: Drawn, lang: Language) -> str:
    """Say in words what a picture shows."""
    say = WORDS[lang]
    back = counted(found.backward) or say["as_it_is"]
    text: str = say["alt"].format(
        name=key(found.entry), forward=counted(known(found.forward)), backward=back
    )
    return text.replace("[", "(").replace("]", ")")


def address(found: Drawn, lang: Language, whole: bool = False) -> str:
    """Give the way from a page to a picture."""
    up = "../" if lang == "ja" else "../../"
    return f"{up}images/operations/{pictures.file(found.entry, lang, whole)}"


def beside(entry: Entry) -> str:
    """Mark a picture that leaves room beside it, in both languages, for docs/site.css."""
    files = [pictures.IMAGES / pictures.file(entry, lang) for lang in PAGES]
    sizes = [re.search(r'width="(\d+)"', path.read_text("utf-8")) for path in files]
    return "#beside" if all(size and int(size[1]) <= NARROW for size in sizes) else ""


def draw(lang: Language) -> set[Path]:
    """Draw the pictures of a language that have changed; give the paths of all of them."""
    wanted: set[Path] = set()
    for entry in (*listed(Rule), *listed(Composite)):
        found = drawn(entry)
        if found is None or not is_drawn(found):
            continue
        for whole in (False, True)[: 1 + found.is_boxed]:
            pictures.refresh(found, lang, whole)
            wanted.add(pictures.IMAGES / pictures.file(entry, lang, whole))
    return wanted


def main() -> None:
    """Write everything, and take away the pictures of what is no more."""
    wanted = {path for lang in PAGES for path in draw(lang)}
    for lang, folder in PAGES.items():
        (folder / "operations").mkdir(exist_ok=True)
        (folder / "operations.md").write_text(index(lang), "utf-8", newline="\n")
        for page in FAMILIES:
            path = folder / "operations" / f"{page}.md"
            path.write_text(family_page(page, lang), "utf-8", newline="\n")
    for path in set(pictures.IMAGES.iterdir()) - wanted:
        path.unlink()


if __name__ == "__main__":
    main()
