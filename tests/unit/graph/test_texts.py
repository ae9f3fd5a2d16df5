"""DOT, Mermaid and tree: golden files, every label safe, sizes that never clip."""

from __future__ import annotations

import re
import unicodedata
from xml.dom import minidom

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import draw
from tinygrad_jp.autograd import generate
from tinygrad_jp.errors import OptionError
from tinygrad_jp.graph.outline import links
from tinygrad_jp.graph.wording import WORDS, Look, clean, number, summary, width

from .programs import NASTY, QUOTES, apples, doublings, leaf, network, steps


def nasty() -> tj.Tensor:
    return leaf([1.0, float("nan")], NASTY) * leaf(2.0, QUOTES) - leaf(0.0, "名" * 60)


def picture(name: str) -> tj.graph.Drawing:
    if name == "apples_ja":
        y = apples()
        y.backward(retain_graph=True)
        return draw(y, lang="ja")
    if name == "apples_en":
        return draw(apples(), lang="en", direction="TB")
    if name == "network_ja":
        loss, paths = network()
        return draw(loss, names=paths, lang="ja")
    if name == "plain":
        return draw(apples(), values=False, gradients=False, shapes=False, lang="en")
    if name == "doublings":
        return draw(doublings(16), lang="en")
    return draw(nasty(), lang="ja")


@pytest.mark.parametrize("kind", ["dot", "mmd", "txt"])
@pytest.mark.parametrize(
    "name", ["apples_ja", "apples_en", "network_ja", "plain", "doublings", "nasty"]
)
@tj.keep_lines(False)
def test_golden(name, kind, golden):
    drawing = picture(name)
    text = {"dot": drawing.dot, "mmd": drawing.mermaid, "txt": drawing.text}[kind]
    golden(f"{name}.{kind}", text)


def test_the_same_program_gives_the_same_text():
    assert picture("network_ja").dot == picture("network_ja").dot


def test_a_chain_of_doublings_is_linear_in_every_format():
    small, big = draw(doublings(16)), draw(doublings(32))
    for kind in ("dot", "mermaid"):
        assert len(getattr(big, kind)) < 2.2 * len(getattr(small, kind))
    assert small.text.count("\n") == 2 * 16 + 1
    assert big.text.count("\n") == 2 * 32 + 2  # one more, where it goes on at the margin


def test_a_deep_tree_is_linear_and_not_deep():
    x = leaf([1.0], "x")
    y = x
    for _ in range(300):
        y = np.sin(y) * np.cos(y)
    rows = draw(y, lang="en").text.splitlines()
    assert max(map(len, rows)) < 200
    operations = [r for r in rows if "np." in r and "see above" not in r and "continued" not in r]
    assert len(operations) == 900


@tj.keep_lines(False)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_options_say_what_is_shown(language, monkeypatch):
    monkeypatch.setitem(generate.scope, "SMALL", 0)  # a large array is not kept
    x = leaf([1.0, 2.0], "x")
    y = x * 2 + np.array([1.0, 1.0], np.float32)
    y.sum().backward(retain_graph=True)
    words = Look(language).word
    full = draw(y, lang=language, gradients="gathered").text
    assert f"{words('value')} [1, 2]" in full
    assert ".grad [2, 2]" in full
    assert "(2,) float32" in full
    assert words("unknown") in full
    bare = draw(y, lang=language, values=False, gradients=False, shapes=False).text
    assert not any(s in bare for s in ("(2,)", words("value"), words("gradient"), ".grad"))
    assert "2\n" in bare, "a number in the program's text is no value but a part of it"


def test_a_gradient_not_computed_is_never_zero():
    for text in (draw(apples(), lang="ja", gradients="gathered").text,
                 draw([apples(), apples()], lang="ja").text):
        assert text.count("勾配 未計算") in (3, 6)
        assert "勾配 0" not in text


def test_every_word_is_in_both_languages():
    for ja, en in WORDS.values():
        assert any("\u3040" <= c <= "\u9fff" for c in ja)
        assert en.isascii()


@pytest.mark.parametrize(
    ("option", "key"), [({"direction": "XY"}, "draw_direction"), ({"lang": "fr"}, "language")]
)
def test_unknown_options(option, key):
    with pytest.raises(OptionError) as caught:
        draw(apples(), **option)
    assert caught.value.key == key


# ── safety ──────────────────────────────────────────────────────────────────────────────────────


def test_no_label_escapes_from_its_place():
    drawing = draw(nasty())
    assert "<img" not in drawing.dot
    assert "<img" not in drawing.mermaid
    assert "</script" not in drawing.dot
    assert "</script" not in drawing.mermaid
    for text in (drawing.dot, drawing.mermaid, drawing.text):
        assert not set("\x00\u202e\ud800\t") & set(text)
    for line in drawing.mermaid.splitlines():
        assert line.count('"') % 2 == 0
    for label in re.findall(r"label=<(.*)>\]", drawing.dot):
        minidom.parseString(label.replace("\\\\", ""))  # well-formed, whatever the name


def test_names_that_mermaid_or_markdown_would_read():
    for name in ("1. apple", "- apple", "# apple", "`apple`", "end", "a_b_c", "**a**"):
        text = draw(leaf(1.0, name)).mermaid.splitlines()[1]
        label = re.fullmatch(r'  n0\["(.*?)<br/>.*"\]:::leaf', text).group(1)
        assert not re.search(r"[`*_\-]|#(?!\d+;)|^\d+\. ", label)
        assert re.sub(r"#(\d+);", lambda m: chr(int(m[1])), label) == name


def test_clean():
    assert clean("a\n b\t\tc") == "a b c"
    assert clean("名" * 41) == "名" * 39 + "…"
    assert clean("\x07x\u202ey\ufffe") == "�x�y�"


# ── sizes ───────────────────────────────────────────────────────────────────────────────────────


def test_widths_cover_the_font():
    ttf = pytest.importorskip("fontTools.ttLib")
    from pylopdf_fonts_cjk import sans_path

    font = ttf.TTFont(sans_path())
    names, widths, em = font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm
    known = [chr(c) for c in sorted(names) if c <= 0xFFFF and not unicodedata.combining(chr(c))]
    assert len(known) > 10_000
    for c in known:
        advance = widths[names[ord(c)]][0] / em
        if c.isascii() or c >= "\u1f00":
            assert width(c) >= min(advance, 1.0), c  # but for dashes of two and three ems
        else:  # a rare accented letter may take a little of the margin
            assert width(c) > 0.65 * advance, c
    for word in ("gradient not computed", "np.multiply", "(100, 784) float32", "MaxPool2d", "wWmM@"):
        assert width(word) >= sum(widths[names[ord(c)]][0] for c in word) / em


def test_japanese_is_one_em_a_character():
    assert width("勾配未計算") == 5
    assert width("ﾃｽﾄ") < 2
    assert width("が") == 1
    assert width(unicodedata.normalize("NFD", "が")) == 1


def test_every_cell_has_room_for_its_text():
    dot = draw(nasty(), lang="ja").dot
    cells = re.findall(r'WIDTH="(\d+)">(?:<[^>]*>)?([^<]*)', dot)
    assert len(cells) > 10
    for size, text in cells:
        assert int(size) >= 11 * sum(unicodedata.east_asian_width(c) in "WF" for c in text)


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"), (-0.0, "0"), (1 / 3, "0.3333"), (1e-7, "1e-07"), (123456.0, "1.235e+05"),
        (True, "True"), (np.int64(123456), "123456"), (np.float32(0.1), "0.1"),
        (float("nan"), "NaN"), (float("-inf"), "-∞"), (np.float16(65504), "6.55e+04"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (np.zeros((0, 3)), ["[]"]), (np.arange(3), ["[0, 1, 2]"]), (np.array([[1.5]]), ["[[1.5]]"]),
        (np.eye(2), ["[[1, 0]", "[0, 1]]"]), (np.arange(7.0), ["mean 3", "range 0 … 6"]),
        (np.full((2, 2, 2), np.nan), ["not finite 8/8"]),
        (np.array([np.inf, *range(7)]), ["mean 3", "range 0 … 6", "not finite 1/8"]),
        (np.full(9, 60000, np.float16), ["mean 6e+04", "range 6e+04 … 6e+04"]),
    ],
)
def test_summary(array, texts):
    assert summary(array, Look("en")) == texts


# ── what is far away ────────────────────────────────────────────────────────────────────────────


def test_few_steps_are_drawn_as_they_are():
    references, drawn = links(draw(steps(10)).graph)
    assert references == []
    assert len(drawn) == 50


def test_many_steps_are_drawn_with_references():
    drawing = draw(steps(100))
    references, drawn = links(drawing.graph)
    assert len(drawn) == len(drawing.graph.edges)
    assert {r.node.name for r in references} == {"w", "b"}
    assert "↑ n0 w" in drawing.dot
    assert "r0 -> " in drawing.dot
    assert "r0 --> " in drawing.mermaid
    stands_for = {r.id: r.node.id for r in references}
    edges = [(e.source, e.target) for e in drawing.graph.edges]
    assert [(stands_for.get(k.source, k.source), k.target) for k in drawn] == edges


def test_a_gradient_of_another_computation_is_not_called_this_one_s():
    w = tj.tensor(1.0, requires_grad=True)
    (w * 3).backward()
    text = draw(w * np.array([1.0, 2.0]), lang="en").text
    assert ".grad 3" in text
    assert "gradient" not in text
