"""A wrong rule is found at its place on the graph; right ones are left in peace."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import ArgumentError, GradientError
from tinygrad_jp.vocabulary.rule import REGISTRY

from .programs import apples, doublings, leaf, network, steps

RNG = np.random.default_rng(0)


@pytest.fixture
def planted():
    """Make an operation whose rule has the sign wrong at one index; taken out again afterwards."""
    made = []

    def plant(index, about="sin, wrongly"):
        @tj.primitive
        def bump(x):
            return np.sin(x)

        def pull(g, x):
            sign = np.ones(x.size)
            sign[index] = -1
            return g * np.cos(x) * sign.reshape(x.shape)

        tj.rule(bump, pull, broadcasts=True, about=about)
        made.append(bump)
        return bump

    yield plant
    for fn in made:
        del REGISTRY[fn]


def test_a_wrong_sign_at_one_index(planted):
    bump = planted(4)
    x = leaf(RNG.standard_normal((3, 2)), "x")
    h = np.tanh(x)
    y = bump(h)
    loss = (y * y).sum()
    report = tj.check_graph(loss, lang="en")
    assert not report.ok
    first = report.first
    assert (first.label, first.argument, first.index) == ("bump", "x", "[2, 0]")
    expected = np.cos(h.numpy().astype(np.float64)[2, 0])
    assert first.numerical == pytest.approx(expected, rel=1e-6)
    assert first.analytic == pytest.approx(-expected, rel=1e-6)
    assert [c.verdict for c in report.checks] == ["right", "wrong", "right", "right"]
    assert "bump" in str(report)
    assert "the first one wrong" in str(report)


def test_the_first_of_several(planted):
    bump = planted(0)
    x = leaf(RNG.standard_normal(3), "x")
    loss = bump(bump(x) + 1).sum()
    report = tj.check_graph(loss)
    assert len(report.wrong) == 2
    assert report.first is report.wrong[0]
    assert int(report.wrong[0].node[1:]) < int(report.wrong[1].node[1:])
    drawing = report.draw()
    assert list(drawing.look.marks) == [report.first.node]
    assert "×" in drawing.dot


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_it_is_painted(planted, lang):
    loss = planted(1)(leaf(RNG.standard_normal(3), "x")).sum()
    report = tj.check_graph(loss, lang=lang)
    picture = report.draw(direction="TB")
    assert {"ja": "数値微分", "en": "differences"}[lang] in picture.dot
    assert picture.look.direction == "TB"
    assert {"ja": "不一致", "en": "wrong"}[lang] in report._repr_html_()


def test_a_wrong_element_of_many(planted):
    x = leaf(RNG.standard_normal((100, 50)), "x")
    loss = planted(7)(x).sum()
    first = tj.check_graph(loss).first
    assert (first.label, first.argument, first.index) == ("bump", "x", "[0, 7]")


def test_a_wrong_rule_that_mixes_elements():
    @tj.primitive
    def project(a, b):
        return a @ b

    entry = tj.rule(project, lambda g, b: g @ b.T, lambda g, a: 2 * (a.T @ g))
    try:
        a, b = leaf(RNG.standard_normal((60, 50))), leaf(RNG.standard_normal((50, 40)))
        first = tj.check_graph(project(a, b).sum()).first
        assert (first.argument, first.index) == ("b", "")
        assert first.analytic == pytest.approx(2 * first.numerical, rel=1e-3)
    finally:
        del REGISTRY[entry.fn]


PROGRAMS = {
    "apples": apples, "doublings": lambda: doublings(5), "network": lambda: network()[0],
    "steps": lambda: steps(5).sum(),
    "indexing": lambda: leaf(RNG.standard_normal((4, 5)))[1:3, [0, 2]].sum(),
    "joining": lambda: np.concatenate([leaf([1.0, 2.0]), np.ones(2, "f"), leaf([3.0])]).max(),
    "float16": lambda: np.exp(leaf(np.array([0.5, 1.5], np.float16))).sum(),
    "where": lambda: np.where(np.array([True, False]), leaf([1.0, 2.0]), leaf([3.0, 4.0])).sum(),
    "constants": lambda: (3 - leaf([1.0, 2.0]) / np.array([4.0, 5.0]) + 2).prod(),
    "large": lambda: (leaf([1e6, 2e6]) * 3 - 1e6).sum() ** 2,
    "svd": lambda: np.linalg.svd(leaf(np.diag([3.0, 2.0, 1.0]) + 0.1))[1].sum(),
    "cast": lambda: (leaf([1.0, 2.0]).double() * np.array([1.0, 2.0])).sum(),
    "variance": lambda: leaf(RNG.standard_normal((6, 3))).var(0).sum(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_ordinary_graphs_are_right(name):
    report = tj.check_graph(PROGRAMS[name]())
    assert report.ok
    assert {c.verdict for c in report.checks} == {"right"}, str(report)


@pytest.mark.parametrize("layers", [
    lambda: [nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)],
    lambda: [nn.Linear(4, 8), nn.BatchNorm1d(8), nn.GELU(), nn.Dropout(0.5), nn.Linear(8, 3)],
    lambda: [nn.Linear(4, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3), nn.LogSoftmax(1)],
    lambda: [nn.Linear(4, 300), nn.Sigmoid(), nn.Linear(300, 3)],
])
def test_networks_are_right(layers):
    tj.manual_seed(0)
    model = nn.Sequential(*layers())
    x, t = tj.tensor(RNG.standard_normal((16, 4)).astype("f")), RNG.integers(0, 3, 16)
    report = tj.check_graph(nn.CrossEntropyLoss()(model(x), t), names=model)
    assert {c.verdict for c in report.checks} == {"right"}, str(report)
    assert all(p.grad is None for p in model.parameters())


def test_a_kink_is_no_mistake():
    x = leaf([0.0, 1.0, -1.0])
    report = tj.check_graph(tj.relu(x).sum(), lang="en")
    assert report.ok
    assert [c.verdict for c in report.checks] == ["kink", "right"]
    assert "kink" in str(report)


def test_values_that_are_gone_are_stood_in_for():
    x = leaf([1.0, 2.0])
    loss = (np.sin(np.exp(x)) * 2).sum()
    with tj.no_grad():
        x[...] = 5.0  # no longer what the graph was computed with
    assert {c.verdict for c in tj.check_graph(loss).checks} == {"right"}


def test_what_changes_each_time_is_not_called_right():
    rng = np.random.default_rng(0)

    @tj.primitive
    def noisy(x):
        return x * rng.uniform(size=x.shape)

    entry = tj.rule(noisy, lambda g: g)
    try:
        report = tj.check_graph(noisy(leaf([1.0, 2.0])).sum(), lang="en")
        assert report.ok
        assert [c.verdict for c in report.checks] == ["unknown", "right"]
        assert "not to be checked" in str(report)
    finally:
        del REGISTRY[entry.fn]


def test_a_checkpoint_is_not_called_right():
    w = leaf([1.0, 2.0])
    loss = tj.checkpoint(lambda x: np.sin(x) * 2, w).sum()
    report = tj.check_graph(loss)
    assert report.ok
    assert "unknown" in {c.verdict for c in report.checks}
    assert tj.explain(loss, w).count == 1
    assert str(tj.diagnose(loss))


def test_nothing_is_touched():
    x = leaf([1.0, 2.0])
    loss = (x * x).sum()
    tj.check_graph(loss)
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [2, 4])
    with pytest.raises(GradientError):
        tj.check_graph(loss)
    with pytest.raises(ArgumentError):
        tj.check_graph(3.0)
