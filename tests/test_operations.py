"""The reference of operations: all that the registry has, each drawn forward and backward."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import tinygrad_jp.nn  # noqa: F401  with the rules, everything that registers operations is there
from tinygrad_jp.testing import laws
from tinygrad_jp.testing.calls import variables
from tinygrad_jp.vocabulary.rule import REGISTRY, Composite, Rule, label, rules

DOCS = Path(__file__).resolve().parent.parent / "docs"
LANGUAGES = ("ja", "en")


def built_in(entry):
    """Tell an entry of the package from one that another test made in the same process."""
    module = getattr(entry.fn, "__module__", None) or "numpy"  # of a ufunc
    return module.split(".")[0] in ("numpy", "tinygrad_jp")


RULES = [e for e in rules() if built_in(e)]
COMPOSITES = [e for e in dict.fromkeys(REGISTRY.values()) if isinstance(e, Composite) and built_in(e)]
over_rules = pytest.mark.parametrize("entry", RULES, ids=lambda e: label(e.fn))
over_all = pytest.mark.parametrize("entry", [*RULES, *COMPOSITES], ids=lambda e: label(e.fn))


@pytest.fixture(scope="module")
def reference():
    """Import docs/operations.py, as if run beside the modules that it uses."""
    sys.path.insert(0, str(DOCS))
    try:
        yield importlib.import_module("operations")
    finally:
        sys.path.remove(str(DOCS))
        for name in ("operations", "operations_drawn", "operations_sampled"):
            sys.modules.pop(name, None)


def page(reference, entry, lang):
    return (reference.PAGES[lang] / "operations" / f"{reference.family(entry)}.md").read_text("utf-8")


def svg(reference, entry, lang, whole=False):
    path = reference.pictures.IMAGES / reference.pictures.file(entry, lang, whole)
    assert path.is_file(), f"run: python3 run.py docs (there is no {path.name})"
    return path.read_text("utf-8")


@over_rules
def test_every_rule_has_its_section_as_the_registry_is_now(reference, entry):
    for lang in LANGUAGES:
        now = "".join(reference.section(entry, lang)).rstrip()
        assert now in page(reference, entry, lang), "run: python3 run.py docs"
        assert reference.code_span(reference.key(entry)) in now or f"### {reference.key(entry)}" in now


@over_all
def test_every_operation_is_in_the_list_and_leads_to_its_section(reference, entry):
    for lang in LANGUAGES:
        every = (reference.PAGES[lang] / "operations.md").read_text("utf-8")
        assert f"\n| {reference.entered(entry)} |" in every, "run: python3 run.py docs"
        assert all(f"`{label(fn)}`" in every for fn, e in REGISTRY.items() if e is entry)
        slugs = [slug(t) for t in re.findall("^#+ (.*)$", page(reference, entry, lang), re.MULTILINE)]
        assert slugs.count(reference.anchor(entry)) == 1


def slug(title):
    """Make a heading's address as Python-Markdown and GitHub do."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower())


@over_rules
def test_every_rule_is_drawn_as_it_is_now(reference, entry):
    found = reference.drawn(entry)
    for lang in LANGUAGES:
        for whole in (False, True)[: 1 + found.is_boxed]:
            text = svg(reference, entry, lang, whole)
            current = reference.pictures.digest(found, lang, whole, values=False)
            assert text.rstrip().endswith(f" {current}-->"), "run: python3 run.py docs"
            name = reference.pictures.file(entry, lang, whole)
            assert f"images/operations/{name}" in page(reference, entry, lang)


@over_rules
def test_the_picture_shows_both_ways(reference, entry):
    words = {"ja": ("順伝播", "逆伝播"), "en": ("forward", "backward")}
    found = reference.drawn(entry)
    assert found.forward
    assert re.sub(r"\[.*", "", found.forward[0]) == label(entry.fn)
    for lang in LANGUAGES:
        for whole in (False, True)[: 1 + found.is_boxed]:
            text = svg(reference, entry, lang, whole)
            assert words[lang][0] in text
            assert bool(found.backward) == (words[lang][1] in text)
            assert "∂L/∂" in text
            assert "→ L →" in text


SIGNS = {
    ast.Add: "np.add", ast.Sub: "np.subtract", ast.Mult: "np.multiply", ast.Div: "np.divide",
    ast.MatMult: "np.matmul", ast.USub: "np.negative",
}


PRIMITIVES = {label(e.fn) for e in RULES if not label(e.fn).startswith("np.")}


def asked(text):
    """List the operations of a rule's expression that `g` goes through."""
    found = set()
    for node in ast.walk(ast.parse(text, mode="eval")):
        inside = list(ast.walk(node))
        about_g = [n.value for n in inside if isinstance(n, ast.Attribute)]  # g.ndim, g.shape
        if not any(isinstance(n, ast.Name) and n.id == "g" and n not in about_g for n in inside):
            continue
        if isinstance(node, (ast.BinOp, ast.UnaryOp)):
            found.add(SIGNS[type(node.op)])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = ast.unparse(node.func)
            if name.startswith("np.") and isinstance(REGISTRY.get(getattr(np, name[3:])), Rule):
                found.add(name)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found |= {node.func.id} & PRIMITIVES
    return found


def test_what_a_rule_asks_is_read_off_its_text():
    assert asked("g * (1 - y * y)") == {"np.multiply"}
    assert asked("-g * np.sin(x)") == {"np.negative", "np.multiply"}
    assert asked("sum_to(g * x.ndim, x_shape)") == {"sum_to", "np.multiply"}
    assert asked("np.sum(x) + y") == set()
    assert asked("y * (g - np.sum(g * y, axis, keepdims=True))") == {
        "np.multiply", "np.subtract", "np.sum"
    }


@over_rules
def test_the_drawn_backward_graph_has_the_operations_of_the_rule(reference, entry):
    found = reference.drawn(entry)
    wanted = set()
    for pull in filter(None, entry.pulls):
        text = reference.formula(pull)
        if pull.__code__.co_name == "<lambda>" and " if " not in text:
            wanted |= asked(text)
    assert wanted <= set(found.backward)
    for lang in LANGUAGES:
        text = svg(reference, entry, lang, found.is_boxed)
        for name in set(found.backward):
            inside = len(re.findall(rf">[^<]*(?<![\w.]){re.escape(name)}</text>", text))
            outside = found.forward.count(name)
            assert inside == found.backward.count(name) + outside, name


def test_most_rules_are_checked_by_their_text(reference):
    # that the test above does not pass for want of expressions
    texts = [reference.formula(p) for e in RULES for p in e.pulls if p]
    assert sum(bool(asked(t)) for t in texts if " if " not in t) > 100


@over_rules
def test_the_numbers_drawn_are_right_there(reference, entry):
    call = sys.modules["operations_sampled"].example(entry)
    assert all(x.size for x in variables(call))
    laws.first_order(entry, call, np.random.default_rng(1))


def test_the_numbers_of_a_picture_are_those_of_the_operation(reference):
    text = svg(reference, REGISTRY[np.tanh], "ja")
    (x,) = variables(sys.modules["operations_sampled"].example(REGISTRY[np.tanh]))
    for number in (float(x), np.tanh(x), 2 * (1 - np.tanh(x) ** 2)):
        assert f">{number:.4g}</text>" in text


def test_composites_are_drawn_where_they_are_small(reference):
    several = 0
    for entry in COMPOSITES:
        found = reference.drawn(entry)
        drawn = found is not None and reference.is_drawn(found)
        several += drawn
        for lang in LANGUAGES:
            name = reference.pictures.file(entry, lang)
            assert drawn == (f"/{name}" in page(reference, entry, lang)), name
            assert drawn == (reference.pictures.IMAGES / name).is_file()
    assert several > len(COMPOSITES) / 3


def test_every_composite_says_in_japanese_what_it_means(reference):
    assert {label(e.fn) for e in COMPOSITES} - set(reference.TABLE["composites"]) == set()
    assert set(reference.TABLE["rules"]) <= {label(e.fn) for e in RULES}


def test_pictures_are_light_and_fit_a_screen(reference):
    files = sorted(reference.pictures.IMAGES.iterdir())
    assert sum(p.stat().st_size for p in files) < 2_000_000
    for path in files:
        root = ElementTree.fromstring(path.read_text("utf-8"))  # what is no XML raises
        assert "_whole" in path.name or int(root.get("width")) <= 900, path.name


def test_a_picture_that_has_not_changed_is_left_alone(reference, tmp_path, monkeypatch):
    monkeypatch.setattr(reference.pictures, "IMAGES", tmp_path)
    found = reference.drawn(REGISTRY[np.exp])
    path = tmp_path / reference.pictures.file(found.entry, "en")
    assert reference.pictures.refresh(found, "en")
    first = path.read_bytes()
    assert not reference.pictures.refresh(found, "en")
    path.write_text(path.read_text("utf-8").replace(
        reference.pictures.digest(found, "en"), "0" * 16), "utf-8")
    assert reference.pictures.refresh(found, "en")
    assert path.read_bytes() == first  # the same from the same


def test_the_text_of_each_derivative_is_shown(reference):
    assert reference.derivatives(REGISTRY[np.multiply]) == {"a": "`g * b`", "b": "`g * a`"}
    for rule in rules():
        assert "λ" not in "".join(reference.derivatives(rule).values())


def test_formulas_and_where_they_were_tried(reference):
    assert reference.sent_back(REGISTRY[np.divide]) == {"a": "g / b", "b": "g·(−a / b²)"}
    assert reference.meaning(REGISTRY[np.divide], "ja") == "y = a / b"
    assert reference.tried(REGISTRY[np.divide]) == {"a": "−3 … 3", "b": "−3 … 3, ≠ 0"}
    assert reference.tried(REGISTRY[np.sum]) == {}
    assert "行列の積" in reference.meaning(REGISTRY[np.matmul], "ja")
