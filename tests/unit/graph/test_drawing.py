"""A Drawing saves, shows and renders itself; and says what is missing where it cannot."""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from pathlib import Path
from xml.dom import minidom

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import draw
from tinygrad_jp.errors import MissingExtraError, OptionError, RenderError
from tinygrad_jp.graph import render

from .programs import NASTY, QUOTES, apples, leaf, network, steps

ENGINES = [e for e in ("dot", "graphviz-pure") if e == "graphviz-pure" or render.shutil.which(e)]
SUFFIXES = (".svg", ".png", ".dot", ".mmd", ".txt")


@pytest.fixture(params=ENGINES)
def program(request, monkeypatch) -> str:
    """Draw with each engine that this machine has; graphviz-pure is in the extra `graph`."""
    found = render._from_pip() if request.param == "graphviz-pure" else render.shutil.which("dot")
    assert found
    monkeypatch.setenv("TINYGRAD_JP_DOT", found)
    return found


def script(path: Path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


def pixels(png: bytes) -> np.ndarray:
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(png)).convert("L"))


# ── saving ──────────────────────────────────────────────────────────────────────────────────────


def test_save(tmp_path):
    drawing = draw(apples(), lang="ja")
    for suffix in SUFFIXES:
        assert drawing.save(tmp_path / f"図{suffix}") == tmp_path / f"図{suffix}"
    assert (tmp_path / "図.dot").read_text("utf-8") == drawing.dot
    assert (tmp_path / "図.mmd").read_text("utf-8") == drawing.mermaid
    assert (tmp_path / "図.txt").read_text("utf-8") == drawing.text == str(drawing)
    assert (tmp_path / "図.svg").read_text("utf-8") == drawing.svg()
    assert (tmp_path / "図.png").read_bytes().startswith(b"\x89PNG")
    assert drawing.save(str(tmp_path / "B.TXT")).exists()


@pytest.mark.parametrize("name", ["x.gif", "x", "x.svg.zip"])
def test_an_unknown_suffix_lists_the_known(tmp_path, name):
    with pytest.raises(OptionError) as caught:
        draw(apples()).save(tmp_path / name)
    assert caught.value.key == "draw_suffix"
    assert all(s in str(caught.value) for s in SUFFIXES)
    assert list(tmp_path.iterdir()) == []


def test_view_opens_the_picture(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    path = draw(apples()).view()
    assert opened == [path.as_uri()]
    assert "<svg" in path.read_text("utf-8")


def test_tj_draw_is_this_draw():
    assert tj.draw is draw
    assert isinstance(tj.draw(apples()), tj.graph.Drawing)


# ── in a notebook and in a terminal ─────────────────────────────────────────────────────────────


def test_mimebundle():
    drawing = draw(apples(), lang="en")
    bundle = drawing._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/plain", "image/svg+xml"}
    assert "<svg" in bundle["image/svg+xml"]
    assert bundle["text/plain"] == repr(drawing)


def test_mimebundle_without_an_engine_is_text_and_the_remedy(no_engine, monkeypatch):
    monkeypatch.setattr(render, "_from_pip", lambda: None)
    bundle = draw(apples(), lang="en")._repr_mimebundle_()
    assert set(bundle) == {"text/plain"}
    assert '".[graph]"' in bundle["text/plain"]
    assert "りんご" in bundle["text/plain"]


def test_repr_of_a_big_graph_is_short():
    drawing = draw(steps(100))
    assert len(repr(drawing).splitlines()) == 61 < len(drawing.text.splitlines())


# ── SVG ─────────────────────────────────────────────────────────────────────────────────────────


def test_svg(program):
    loss, paths = network()
    drawing = draw(loss, names=paths, lang="ja", gradients="gathered")
    svg = minidom.parseString(drawing.svg())
    groups = [g for g in svg.getElementsByTagName("g") if g.getAttribute("class") == "node"]
    assert {g.getAttribute("id") for g in groups} == {n.id for n in drawing.graph.nodes}
    clusters = [g for g in svg.getElementsByTagName("g") if g.getAttribute("class") == "cluster"]
    assert len(clusters) == 3
    texts = [t.firstChild.data for t in svg.getElementsByTagName("text")]
    assert "入力" in texts
    assert "勾配 未計算" in texts


def test_names_come_out_in_the_svg_as_they_are(program):
    y = leaf(1.0, NASTY) * leaf(2.0, r'"a\N \\ &lt;b&gt; ]} -> n0; `x` <!--')
    svg = minidom.parseString(draw(y).svg())
    texts = [t.firstChild.data for t in svg.getElementsByTagName("text")]
    assert NASTY in texts
    assert r'"a\N \\ &lt;b&gt; ]} -> n0; `x` <!--' in texts
    assert not svg.getElementsByTagName("script")
    assert not svg.getElementsByTagName("img")
    assert minidom.parseString(draw(leaf(1.0, QUOTES)).svg())


def test_a_tooltip_comes_out_as_it_is(program):
    x = leaf(1.0)
    exec(compile("y = np.exp(x)", 'C:\\New\\Grad.py <"&lt;">', "exec"), names := {"np": np, "x": x})
    y = names["y"]
    svg = minidom.parseString(draw(y).svg())
    titles = [a.getAttribute("xlink:title") for a in svg.getElementsByTagName("a")]
    assert any('Grad.py <"&lt;">:1 (<module>)' in t for t in titles), titles


def test_many_steps_are_drawn(program):
    assert draw(steps(150)).svg().count('class="edge"') == 750


def test_labels_fit_into_their_boxes(program):
    """The text of a node, at one em a Japanese character, ends before the right of its box."""
    name = "とても長い日本語の変数名をつける"
    svg = minidom.parseString(draw(leaf(1.0, name) * 2).svg())
    (box,) = [g for g in svg.getElementsByTagName("g") if g.getAttribute("id") == "n0"]
    points = box.getElementsByTagName("polygon")[0].getAttribute("points")
    right = max(float(p.split(",")[0]) for p in points.split())
    (text,) = [t for t in box.getElementsByTagName("text") if t.firstChild.data == name]
    assert text.getAttribute("text-anchor") == "start"
    assert float(text.getAttribute("x")) + 11 * len(name) < right


def test_too_many_nodes_are_refused(monkeypatch):
    monkeypatch.setattr(render, "MOST_NODES", 4)
    drawing = draw(apples())
    with pytest.raises(OptionError) as caught:
        drawing.svg()
    assert caught.value.key == "draw_too_many"
    assert caught.value.facts["nodes"] == "5"
    assert drawing.text
    assert drawing.dot
    assert drawing.mermaid
    assert "text/plain" in drawing._repr_mimebundle_()


# ── engines ─────────────────────────────────────────────────────────────────────────────────────


def test_the_engine_that_was_given_comes_first(tmp_path, monkeypatch):
    mine = script(tmp_path / "mine", "import sys; sys.stdin.read(); print('<svg mine/>')")
    monkeypatch.setenv("TINYGRAD_JP_DOT", mine)
    assert render.engine() == mine
    assert draw(apples()).svg() == "<svg mine/>\n"


def test_the_system_s_dot_comes_before_the_one_from_pip(tmp_path, monkeypatch):
    monkeypatch.delenv("TINYGRAD_JP_DOT", raising=False)
    system = script(tmp_path / "dot", "print('<svg/>')")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert render.engine() == system
    os.remove(system)
    assert Path(render.engine()).stem == "graphviz-pure"


def test_the_graphviz_package_is_left_as_it_was(program):
    from graphviz.backend import dot_command

    before = dot_command.DOT_BINARY
    draw(apples()).svg()
    assert dot_command.DOT_BINARY == before == Path("dot")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_engine_names_both_remedies(no_engine, monkeypatch, language):
    monkeypatch.setattr(render, "_from_pip", lambda: None)
    with pytest.raises(MissingExtraError) as caught:
        draw(apples(), lang=language).svg()
    tj.errors.set_language(language)
    assert '".[graph]"' in str(caught.value)
    assert "apt-get install graphviz" in str(caught.value)
    assert "pip install graphviz" in str(caught.value), "which runs the program"
    tj.errors.set_language(None)


def test_an_engine_given_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGRAD_JP_DOT", str(tmp_path / "nothing"))
    with pytest.raises(OptionError) as caught:
        draw(apples()).svg()
    assert caught.value.key == "draw_engine_given"


def test_an_engine_that_fails_is_quoted(tmp_path, monkeypatch):
    text = "import sys; sys.stderr.write('syntax error 図'); sys.exit(3)"
    monkeypatch.setenv("TINYGRAD_JP_DOT", script(tmp_path / "bad", text))
    with pytest.raises(RenderError, match="syntax error 図"):
        draw(apples()).svg()


def test_an_engine_that_cannot_be_started(tmp_path, monkeypatch):
    file = tmp_path / "empty"
    file.write_bytes(b"\x00\x01")
    file.chmod(0o755)
    monkeypatch.setenv("TINYGRAD_JP_DOT", str(file))
    with pytest.raises(RenderError):
        draw(apples()).svg()


def test_an_engine_that_never_ends(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGRAD_JP_DOT", script(tmp_path / "slow", "import time; time.sleep(60)"))
    monkeypatch.setattr(render, "PATIENCE", 0.2)
    with pytest.raises(RenderError) as caught:
        draw(apples()).svg()
    assert caught.value.key == "draw_timeout"


@pytest.mark.parametrize(
    ("module", "package", "call"),
    [
        ("graphviz.backend", "graphviz", lambda d: d.svg()), ("resvg_py", "resvg-py", lambda d: d.png()),
        ("pylopdf_fonts_cjk", "pylopdf-fonts-cjk", lambda d: d.png()),
    ],
)
def test_a_missing_package_is_named(monkeypatch, module, package, call):
    drawing = draw(apples())
    if module != "graphviz.backend":
        drawing.svg()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError) as caught:
        call(drawing)
    assert caught.value.facts == {"package": package, "extra": "graph"}


# ── PNG ─────────────────────────────────────────────────────────────────────────────────────────


def test_png_shows_japanese_glyphs(program):
    """Each character gives ink of its own: boxes for missing glyphs would be all alike."""
    seen = set()
    for character in "勾配値平均葉一":
        image = pixels(draw(leaf(1.0, character * 3), gradients=False, values=False, shapes=False).png())
        inside = image[20:-20, 20:-20]
        assert (inside < 100).any(), character
        seen.add(inside.tobytes())
    assert len(seen) == 7


def test_png_without_a_font_would_have_been_seen(program, monkeypatch):
    """The test above can fail: with a Latin font alone there is no ink for Japanese."""
    matplotlib = pytest.importorskip("matplotlib")
    latin = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    monkeypatch.setattr("pylopdf_fonts_cjk.sans_path", lambda: latin)
    pictures = {
        pixels(draw(leaf(1.0, c * 3), gradients=False, values=False, shapes=False).png()).tobytes()
        for c in "勾配値"
    }
    assert len(pictures) == 1


def test_png_is_sharp_but_within_limits(program, monkeypatch):
    drawing = draw(apples())
    points = float(re.search(r'width="([\d.]+)pt"', drawing.svg()).group(1))
    assert pixels(drawing.png()).shape[1] == pytest.approx(points * 2 * 96 / 72, abs=2)
    monkeypatch.setattr(render, "LONGEST_SIDE", 300)
    assert max(pixels(drawing.png()).shape) <= 300
    monkeypatch.setattr(render, "MOST_PIXELS", 10_000)
    height, width = pixels(drawing.png()).shape
    assert height * width == pytest.approx(10_000, rel=0.05)


def test_png_of_what_has_no_size():
    with pytest.raises(RenderError):
        render.png("<svg/>")
