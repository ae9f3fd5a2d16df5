"""Every piece of Python in the documents runs and gives what it says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from tinygrad_jp import errors
from tinygrad_jp.vocabulary.rule import REGISTRY, label, rules

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("README*.md"), *DOCS.rglob("*.md")])
NAMES = [str(p.relative_to(ROOT)) for p in PAGES]
WITH_CODE = [p for p in PAGES if "```python\n" in p.read_text("utf-8")]

sybil = Sybil(parsers=[PythonCodeBlockParser()])


@pytest.mark.parametrize("path", WITH_CODE, ids=[str(p.relative_to(ROOT)) for p in WITH_CODE])
def test_code_in_a_page(path, monkeypatch, tmp_path, as_a_reader):
    monkeypatch.chdir(tmp_path)
    errors.set_language("en" if ".en." in path.name or path.parent.name == "en" else "ja")
    examples = list(sybil.parse(path))
    assert examples
    for example in examples:
        example.evaluate()


@pytest.fixture
def as_a_reader():
    """Forget the operations that a page registers, and its language."""
    import tinygrad_jp.nn  # what registers itself when imported is no page's
    import tinygrad_jp.rules  # noqa: F401

    kept = dict(REGISTRY)
    yield
    for fn in set(REGISTRY) - set(kept):
        del REGISTRY[fn]
    errors.set_language(None)


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target and not target.startswith("#"):
            assert (path.parent / target.split("#")[0]).exists(), target


@pytest.mark.parametrize("page", ["index.md", "tutorial.md", "drawing.md", "player.md", "house.md", "testing.md", "training.md"])
def test_pages_are_in_both_languages(page):
    ja, en = (DOCS / page).read_text("utf-8"), (DOCS / "en" / page).read_text("utf-8")
    assert ja.count("\n## ") == en.count("\n## ")
    assert ja.count("```python") == en.count("```python")


@pytest.fixture(scope="module")
def operations():
    """Import docs/operations.py."""
    spec = importlib.util.spec_from_file_location("operations", DOCS / "operations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_rule_is_on_the_page_of_operations(operations):
    page = (DOCS / "operations.md").read_text("utf-8")
    lost = [label(r.fn) for r in rules() if f"`{label(r.fn)}`" not in page]
    assert not lost, f"run: python3 run.py docs (not on the page: {lost})"


def test_the_page_shows_the_text_of_each_derivative(operations):
    assert operations.formula(REGISTRY[np.multiply].pulls[0]) == "g * b"
    assert operations.formula(REGISTRY[np.multiply].pulls[1]) == "g * a"
    for rule in rules():
        assert "λ" not in operations.derivative(rule)
