"""The chain rule written out gives the engine's gradient, and says why where there is none."""

from __future__ import annotations

import re
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import (
    ArgumentError,
    GradientError,
    OptionError,
    PositionError,
    ShapeError,
)
from tinygrad_jp.nn.functional import cross_entropy

from .programs import NASTY, doublings

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 2)).astype("f")
LABELS = np.array([0, 1, 0, 1, 1])


def network():
    tj.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    return net, cross_entropy(net(tj.tensor(X)), LABELS)


def scalars():
    w, x = tj.tensor(3.0, requires_grad=True), tj.tensor(2.0)
    return w, x, (w * x - 1) ** 2 + 0.5 * w * w


def test_numbers_path_by_path():
    w, x, loss = scalars()
    e = tj.explain(loss, w, names={"w": w, "x": x}, lang="en")
    assert e.count == 3
    assert [p.slopes for p in e.paths] == [[1, 10, 1, 2], [1, 3, 0.5], [1, 1.5]]
    assert [float(p.contribution) for p in e.paths] == [20, 1.5, 1.5]
    assert float(e.total) == 23
    text = str(e)
    assert "∂loss/∂w = 23" in text
    assert "∂loss/∂w" in text
    assert "1 × 10 × 1 × 2 = 20" in text
    assert "sum: 20 + 1.5 + 1.5 = 23" in text
    assert "np.multiply(a=w, b=x)" in text
    loss.backward()
    assert w.grad.item() == 23


def test_the_total_is_what_backward_gives():
    net, loss = network()
    found = {name: tj.explain(loss, p) for name, p in net.named_parameters()}
    assert all(p.grad is None for p in net.parameters())
    loss.backward()
    for name, p in net.named_parameters():
        np.testing.assert_array_equal(found[name].total, p.grad.numpy())
        np.testing.assert_allclose(
            sum(path.contribution for path in found[name].paths), p.grad.numpy(), rtol=1e-6
        )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from("+*-st@"), min_size=1, max_size=7), st.integers(0, 2**31))
def test_paths_add_up_on_random_programs(steps, seed):
    rng = np.random.default_rng(seed)
    w = tj.tensor(rng.uniform(0.5, 1.5, (2, 2)), requires_grad=True)
    made = [w, w * 0.5]
    for step in steps:
        a, b = made[rng.integers(len(made))], made[rng.integers(len(made))]
        made.append({
            "+": lambda a, b: a + b, "*": lambda a, b: a * b, "-": lambda a, b: a - 0.3 * b,
            "s": lambda a, b: np.sin(a), "t": lambda a, b: np.tanh(a) + b.sum(),
            "@": lambda a, b: a @ b,
        }[step](a, b))
    loss = sum(m.sum() for m in made[-2:])
    e = tj.explain(loss, w, paths=10_000)
    (expected,) = tj.autograd.grad(loss, w, retain_graph=True)
    assert len(e.paths) == e.count
    np.testing.assert_allclose(sum(p.contribution for p in e.paths), expected.numpy(), rtol=1e-9)
    np.testing.assert_array_equal(e.total, expected.numpy())
    some = tj.explain(loss, w, paths=1)
    rest = 0 if some.rest is None else some.rest
    np.testing.assert_allclose(some.paths[0].contribution + rest, expected.numpy(), rtol=1e-9)


def test_one_element_is_taken_apart():
    net, loss = network()
    e = tj.explain(loss, net[0].weight, index=(2, 1), lang="en")
    (path,) = e.paths
    total = sum(t.arrives * t.slope for t in path.terms)
    assert total == pytest.approx(float(e.total[2, 1]), rel=1e-5)
    assert {t.place for t in path.terms} == {(n, 2) for n in range(5)}
    by_place = {t.place: t.slope for t in path.terms}
    for n in range(5):  # ∂z[n, 2]/∂W[2, 1] = x[n, 1]
        assert by_place[n, 2] == pytest.approx(X[n, 1])
    assert f"= {float(e.total[2, 1]):.4g}" in str(e).splitlines()[0]


def test_an_element_that_was_broadcast():
    b = tj.tensor([0.5, -1.0], requires_grad=True)
    loss = np.tanh(X.astype("f") + b).sum()
    e = tj.explain(loss, b, index=-1)
    assert e.index == (1,)
    (path,) = e.paths
    assert len(path.terms) == 5
    assert sum(t.arrives * t.slope for t in path.terms) == pytest.approx(float(e.total[1]), rel=1e-5)


def test_many_addends_are_summed_up():
    b = tj.tensor(0.5, requires_grad=True)
    e = tj.explain((np.ones(1000, "f") * b).sum(), b, index=(), lang="en")
    terms = e.paths[0].terms
    assert terms[-1].more == 1000 - 6
    assert sum(t.arrives * t.slope for t in terms) == pytest.approx(1000)
    assert "994 more" in str(e)


def test_65536_paths_are_counted_not_walked():
    loss = doublings(16)
    began = perf_counter()
    e = tj.explain(loss, "a", lang="en", paths=2)
    text = str(e)
    assert perf_counter() - began < 2
    assert (e.count, float(e.total), float(e.rest)) == (65536, 65536, 65534)
    assert "65534 more paths, together: 6.553e+04" in text
    assert len(text.splitlines()) < 100


def test_more_paths_than_any_number():
    loss = doublings(100)
    e = tj.explain(loss, "a")
    assert e.count == 2**100
    assert len(str(e).splitlines()) < 250


def test_a_deep_chain():
    x = tj.tensor(0.1, requires_grad=True)
    y = x
    for _ in range(3000):
        y = np.sin(y)
    e = tj.explain(y, x)
    assert len(e.paths[0].steps) == 3000
    assert len(str(e).splitlines()) < 30
    assert len(e.html()) < 40_000


@pytest.mark.parametrize("w", ["0.weight", "n0"])
def test_by_name_and_by_id(w):
    net, loss = network()
    assert tj.explain(loss, w, names=net).total.shape == (3, 2)


def test_an_intermediate_result():
    net, _ = network()
    h = net[0](tj.tensor(X))
    loss = cross_entropy(net[2](np.tanh(h)), LABELS)
    e = tj.explain(loss, h)
    (expected,) = tj.autograd.grad(loss, h, retain_graph=True)
    np.testing.assert_array_equal(e.total, expected.numpy())
    assert [s.target.label for s in e.paths[0].steps] == ["cross_entropy", "linear", "np.tanh"]
    by_id = tj.explain(loss, e.target.id)
    np.testing.assert_array_equal(by_id.total, expected.numpy())


def test_the_loss_itself():
    w, _, loss = scalars()
    e = tj.explain(loss, loss, lang="en")
    assert float(e.total) == 1
    assert e.count == 1
    assert str(e)
    assert e.markdown()
    assert e.html()
    assert w.grad is None


def test_an_operation_with_several_results():
    a = tj.tensor(np.eye(3) * [3.0, 2.0, 1.0] + 0.1, requires_grad=True)
    u, s, v = np.linalg.svd(a)
    loss = s.sum() + (u * v).sum()
    e = tj.explain(loss, a)
    (expected,) = tj.autograd.grad(loss, a, retain_graph=True)
    np.testing.assert_array_equal(e.total, expected.numpy())
    assert "svd[1]" in str(e)


# ── no path ─────────────────────────────────────────────────────────────────────────────────────


def test_why_there_is_no_path():
    w, _, loss = scalars()
    other = tj.tensor(1.0, requires_grad=True)
    cut = (other.detach() * w).sum()
    later = loss * 2
    for e, key in [
        (tj.explain(loss, other, lang="en"), "explain_unused"),
        (tj.explain(cut, other, lang="en"), "explain_cut"),
        (tj.explain(loss, later, lang="en"), "explain_later"),
        (tj.explain(loss, tj.tensor(5.0), lang="en"), "explain_no_grad"),
    ]:
        assert e.reason.key == key
        assert e.total is None
        assert "no path" in str(e)
        assert "no path" in e.markdown()
        assert "no path" in e.html()
    assert "np.multiply" in str(tj.explain(cut, other))


# ── windows ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", [".html", ".md", ".txt", ".dot", ".mmd"])
def test_reports_are_saved(tmp_path, suffix):
    net, loss = network()
    for report in (
        tj.explain(loss, "2.weight", names=net, lang="ja"), tj.diagnose(loss, names=net, lang="ja"),
        tj.check_graph(loss, lang="ja"),
    ):
        text = report.save(tmp_path / f"report{suffix}").read_text(encoding="utf-8")
        assert text
        if suffix == ".html":
            assert text.startswith("<!doctype html>")
            assert 'lang="ja"' in text
        with pytest.raises(OptionError):
            report.save(tmp_path / "report.doc")


def test_the_path_is_picked_out():
    net, loss = network()
    e = tj.explain(loss, "2.weight", names=net)
    drawing = e.draw(direction="TB")
    on = {n.id for n in drawing.graph.nodes if n.id in drawing.look.highlight}
    assert on == {e.target.id, *(s.target.id for s in e.paths[0].steps)}
    assert e.target.id in drawing.dot


@pytest.mark.parametrize(("lang", "word"), [("ja", "経路"), ("en", "path")])
def test_both_languages(lang, word):
    net, loss = network()
    e = tj.explain(loss, net[0].weight, names=net, lang=lang)
    for text in (str(e), repr(e), e.markdown(), e.html(), e._repr_markdown_()):
        assert word in text


def test_markdown_has_balanced_formulas():
    w, _, loss = scalars()
    for text in (tj.explain(loss, w).markdown(), tj.explain(network()[1], "n0").markdown()):
        formulas = re.findall(r"\$\$?(.+?)\$\$?", text)
        assert formulas
        for formula in formulas:
            assert formula.count("{") == formula.count("}")
        for row in (line for line in text.splitlines() if line.startswith("|")):
            assert len(re.findall(r"(?<!\\)\|", row)) == 4


def test_html_is_mathml_without_script():
    pytest.importorskip("latex2mathml")
    w, _, loss = scalars()
    page = tj.explain(loss, w).html()
    assert "<math" in page
    assert "<script" not in page
    assert "http" not in page


def test_html_without_latex2mathml(monkeypatch):
    import sys

    from tinygrad_jp.graph import mathml

    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    mathml.mathml.cache_clear()
    w, _, loss = scalars()
    assert "<code>" in tj.explain(loss, w).html()
    mathml.mathml.cache_clear()


def test_names_are_escaped():
    w = tj.tensor(1.0, requires_grad=True)
    w.name = NASTY
    e = tj.explain(w * w, w)
    assert "<img" not in e.html()
    assert "</script>" not in e.html()


# ── what cannot be explained ────────────────────────────────────────────────────────────────────


def test_errors():
    net, loss = network()
    with pytest.raises(ArgumentError):
        tj.explain(3.0, net[0].weight)
    with pytest.raises(ArgumentError):
        tj.explain(loss, 3.0)
    with pytest.raises(ShapeError):
        tj.explain(net(tj.tensor(X)), net[0].weight)
    with pytest.raises(OptionError, match=r"0\.weight"):
        tj.explain(loss, "0.wait", names=net)
    with pytest.raises(OptionError, match="n0"):
        tj.explain(loss, "weight")
    with pytest.raises(OptionError):
        tj.explain(loss, net[0].weight, paths=0)
    for index in [(3, 0), (0,), (0, 0.5), "a"]:
        with pytest.raises(PositionError):
            tj.explain(loss, net[0].weight, index=index)
    with pytest.raises(OptionError):
        tj.explain(loss, net[0].weight, lang="fr")
    loss.backward()
    with pytest.raises(GradientError):
        tj.explain(loss, net[0].weight)
