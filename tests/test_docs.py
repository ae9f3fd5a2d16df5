"""Every piece of Python in the documents runs and gives what it says."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from tinygrad_jp import errors
from tinygrad_jp.vocabulary.rule import REGISTRY

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
EN = DOCS / "en"
PAGES = sorted([*ROOT.glob("README*.md"), *DOCS.rglob("*.md")])
NAMES = [str(p.relative_to(ROOT)) for p in PAGES]
WITH_CODE = [p for p in PAGES if "```python\n" in p.read_text("utf-8")]

sybil = Sybil(parsers=[PythonCodeBlockParser()])


@pytest.mark.parametrize("path", WITH_CODE, ids=[str(p.relative_to(ROOT)) for p in WITH_CODE])
def test_code_in_a_page(path, monkeypatch, tmp_path, as_a_reader):
    monkeypatch.chdir(tmp_path)
    errors.set_language("en" if ".en." in path.name or EN in path.parents else "ja")
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


JAPANESE = [p.relative_to(DOCS) for p in PAGES if DOCS in p.parents and EN not in p.parents]


@pytest.mark.parametrize("page", JAPANESE, ids=str)
def test_pages_are_in_both_languages(page):
    ja, en = (DOCS / page).read_text("utf-8"), (EN / page).read_text("utf-8")
    for part in ("\n## ", "```python", "\n| ", "]("):
        assert ja.count(part) == en.count(part) or (part == "](" and page.name == "index.md"), part
    images = [re.findall(r"!\[[^]]*\]\(.*?/?([a-z_0-9]+?)(?:_ja|_en)?\.\w+\)", text) for text in (ja, en)]
    assert images[0] == images[1]


@pytest.mark.parametrize("page", JAPANESE, ids=str)
def test_no_line_is_broken_between_japanese_characters(page):
    # browsers show such a break as a space
    text = re.sub(r"```.*?```", "", (DOCS / page).read_text("utf-8"), flags=re.DOTALL)
    assert re.findall(r"[\u3041-\u30ff\u4e00-\u9fff、。]\n *[\u3041-\u30ff\u4e00-\u9fff]", text) == []


def test_there_is_no_page_in_english_alone():
    assert {p.relative_to(EN) for p in EN.rglob("*.md")} == set(JAPANESE)


def test_every_page_is_in_the_navigation():
    def leaves(entry):
        for value in entry.values():
            if isinstance(value, str):
                yield value
            else:
                yield from (leaf for one in value for leaf in leaves(one))

    nav = tomllib.loads((ROOT / ".zensical.toml").read_text("utf-8"))["project"]["nav"]
    listed = [leaf for entry in nav for leaf in leaves(entry)]
    assert sorted(listed) == sorted(p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md"))


def test_chapters_lead_from_one_to_the_next():
    for folder in (DOCS, EN):
        chapters = sorted((folder / "tutorial").glob("*.md"))
        contents = (folder / "tutorial.md").read_text("utf-8")
        assert len(chapters) == 10
        for here, following in pairwise(chapters):
            assert f"({following.name})" in here.read_text("utf-8"), here
            assert f"(tutorial/{here.name})" in contents


def test_every_picture_is_shown_somewhere():
    text = "".join(p.read_text("utf-8") for p in PAGES)
    images = [p for p in sorted((DOCS / "images").rglob("*")) if p.is_file()]
    assert len(images) > 300
    assert [p.name for p in images if p.name not in text] == []


def load(name):
    """Import a script of docs/."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("language", ["ja", "en"])
def test_pictures_are_drawn_by_the_project(language, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    pictures = load("pictures")
    monkeypatch.setattr(pictures, "IMAGES", tmp_path)
    errors.set_language(language)
    try:
        for draw in (pictures.two_apples, pictures.two_paths, pictures.steps_and_errors,
                     pictures.activations, pictures.vanishing):
            draw(language)
    finally:
        errors.set_language(None)
    drawn = {p.name for p in tmp_path.iterdir()}
    assert len(drawn) == 7
    assert drawn <= {p.name for p in (DOCS / "images").iterdir()}
    assert {"ja": "りんご", "en": "apple"}[language] in (tmp_path / f"apples_{language}.svg").read_text("utf-8")
