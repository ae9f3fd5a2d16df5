"""PNG and PDF have a glyph for every character of a name; SVG and pages keep names as they are."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import MissingExtraError
from tinygrad_jp.graph import glyphs, render
from tinygrad_jp.graph.wording import clean

from .programs import apples, leaf


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("りんご α・β ×", "りんご α・β ×"), ("w₁ Ḁ", "w1 A"), ("か\u3099", "が"), ("🍎", ":red_apple:"), ("a 👩‍👧 b", "a :woman::girl: b"),
        ("❤️", ":heavy_black_heart:"), ("개", "U+AC1C"), ("a\x07\nb", "a?\nb"),
    ],
)
def test_names_in_letters(name: str, written: str) -> None:
    assert glyphs.spelled(name) == written


@given(st.text())
def test_nothing_is_left_without_a_glyph(text: str) -> None:
    assert all(ord(c) in glyphs.glyphs() for c in clean(glyphs.spelled(text)))


def test_an_emoji_is_spelled_on_paper_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    drawn = render.png
    monkeypatch.setattr(render, "png", lambda svg, *rest: [seen.append(svg), drawn(svg, *rest)][1])
    drawing = tj.draw(leaf(3.0, "🍎") * 2)
    assert drawing.png().startswith(b"\x89PNG")
    assert ":red_apple:" in seen[0]
    assert ">🍎" not in seen[0]  # but in the source line, which paper does not show
    assert "🍎" in drawing.svg()
    assert "🍎" in drawing.html()


@pytest.mark.parametrize("style", ["boxes", "book"])
def test_every_word_of_a_picture_has_its_glyphs(style: Any) -> None:
    def 제곱(수: Any) -> Any:
        """Square."""
        return 수 * 수

    square = tj.primitive(제곱)
    tj.rule(square, lambda g, 수: 2 * g * 수)

    class 그물(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.층 = nn.Linear(2, 1)

        def forward(self, x: tj.Tensor) -> tj.Tensor:
            return square(self.층(x))

    for depth in (None, 1):
        drawing = tj.draw(그물(), (3, 2), style=style, depth=depth)
        drawing = type(drawing)(drawing.graph, drawing.look.but(marks={"n0": "잘못"}), depth=depth)
        texts = re.findall(">([^<]+)</text>", drawing._for_paper)
        assert any("U+C81C" in text for text in texts)
        missing = {c for text in texts for c in text} - set(map(chr, glyphs.glyphs()))
        assert not missing - {"\xa0"}
        assert "weight" in texts or style == "book" or depth == 1, "shortened as its frame says"


def test_without_emoji_it_is_the_same_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = tj.draw(apples())
    assert glyphs.in_letters(drawing.shown.graph) is drawing.shown.graph
    monkeypatch.setitem(sys.modules, "fontTools.ttLib", None)
    glyphs.glyphs.cache_clear()
    with pytest.raises(MissingExtraError, match="fonttools"):
        glyphs.spelled("りんご")
