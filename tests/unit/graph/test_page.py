"""What a page holds: the arithmetic of the chain rule, safe text, valid JSON, a strict policy."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp.errors import GradientError, MissingExtraError, OptionError
from tinygrad_jp.graph.arrays import BIG, BUDGET, SMALL, Arrays
from tinygrad_jp.graph.contents import contents
from tinygrad_jp.graph.model import graph_of
from tinygrad_jp.graph.page import inlined, page, words
from tinygrad_jp.graph.wording import Look
from tinygrad_jp.vocabulary.primitives import sum_to

from . import programs

JA, EN = Look(language="ja"), Look(language="en")


def data_of(x: Any, names: Any = None, look: Look = JA) -> dict[str, Any]:
    """Read a graph's data back from the text of its page."""
    text = page(graph_of(x, names), look)
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert found
    return json.loads(found[1])


def array(data: dict[str, Any], place: int) -> np.ndarray:
    record = data["arrays"][place]
    kind = "<f8" if "w" in record else "<f4"
    numbers = record["d"] if "d" in record else np.frombuffer(b64decode(record["b"]), kind)
    return np.array(numbers, np.float64).reshape(record["s"])


def played(data: dict[str, Any], tolerance: float) -> dict[str, np.ndarray]:
    """Play every step as the page does, checking each; give the gradients that come together."""
    gradients: dict[str, Any] = {}
    values = {n["id"] for n in data["nodes"] if n["kind"] in ("leaf", "constant")}
    for phase, what in data["steps"]:
        if phase == "f":
            assert {e["from"] for e in data["edges"] if e["to"] == what} <= values
            values.add(what)
        elif phase == "s":
            gradients[what] = gradients.get(what, 0) + array(data, data["seeds"][what])
        else:
            edge = data["edges"][what]
            sent = array(data, edge["contribution"])
            if "slope" in edge:
                arrived = gradients[edge["to"]]
                product = np.asarray(arrived * array(data, edge["slope"]))
                np.testing.assert_allclose(
                    sum_to.raw(product, sent.shape), sent, rtol=tolerance, atol=tolerance
                )
            gradients[edge["from"]] = gradients.get(edge["from"], 0) + sent
    return gradients


UNARY = [
    tj.exp, tj.tanh, tj.sin, tj.relu, tj.sigmoid, lambda x: -x, lambda x: x**2, lambda x: x * 3,
    lambda x: x.sum(axis=0, keepdims=True), lambda x: x.mean(), lambda x: x.T, lambda x: x[:1],
]
BINARY = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b, lambda a, b: a / (b * b + 1),
    np.maximum, lambda a, b: a @ b if a.ndim == b.ndim == 2 and a.shape[1] == b.shape[0] else a * 2,
]


@st.composite
def any_program(draw: Any) -> tuple[Any, list[Any]]:
    """Make a scalar from a few leaves by random operations, results used again at random."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    shapes = draw(st.lists(st.sampled_from([(), (2,), (2, 2), (1, 2)]), min_size=1, max_size=3))
    leaves = [tj.Tensor(rng.normal(size=s).astype(dtype), requires_grad=True) for s in shapes]
    known = list(leaves)
    for _ in range(draw(st.integers(1, 8))):
        pick = st.integers(0, len(known) - 1)
        a, b = known[draw(pick)], known[draw(pick)]
        if draw(st.booleans()) and a.ndim:
            y = draw(st.sampled_from(UNARY))(a)
        else:
            y = draw(st.sampled_from(BINARY))(a, b)
        known.append(y * 0.5)
    loss = sum((k.sum() for k in known[len(leaves):]), tj.Tensor(np.zeros((), dtype)))
    return loss, leaves


@given(any_program())
@settings(max_examples=60, deadline=None)
def test_playing_all_steps_gives_the_engines_gradients(program):
    loss, leaves = program
    data = data_of(loss)
    tolerance = 1e-4 if loss.dtype == np.float32 else 1e-9
    gradients = played(data, tolerance)
    for node in data["nodes"]:
        if "gradient" in node:
            shown = array(data, node["gradient"])
            np.testing.assert_allclose(
                gradients.pop(node["id"]), shown, rtol=tolerance, atol=tolerance
            )
    assert not gradients
    loss.backward()
    shown_leaves = [n for n in data["nodes"] if n["kind"] == "leaf"]
    used = [t for t in leaves if t.grad is not None]
    assert len(shown_leaves) == len(used)
    for node, leaf in zip(shown_leaves, used, strict=True):
        np.testing.assert_array_equal(
            array(data, node["gradient"]).astype(leaf.dtype), leaf.grad.numpy()
        )
    operations = [n for n in data["nodes"] if n["kind"] == "operation"]
    assert len([s for s in data["steps"] if s[0] == "f"]) == len(operations)


@pytest.mark.parametrize("name", ["apples", "network", "doublings"])
@tj.keep_lines(False)
def test_golden_data(name, golden):
    if name == "apples":
        graph = graph_of(programs.apples())
    elif name == "network":
        loss, paths = programs.network()
        graph = graph_of(loss, paths)
    else:
        graph = graph_of(programs.doublings(3))
    data = contents(graph, EN)
    data["layout"] = {"links": data["layout"]["links"]}  # places depend on the engine
    data["layouts"] = [{k: made[k] for k in ("folded", "links")} for made in data["layouts"]]
    data["formulas"] = [{"text": f["text"]} for f in data["formulas"]]
    golden(f"{name}.page.json", json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def test_a_gradient_that_was_not_computed_is_null():
    x = programs.leaf([1.0, 2.0], "x")
    data = data_of(x * 2)  # not a number, and no gradient to start from
    assert all("gradient" not in node for node in data["nodes"])
    assert [s[0] for s in data["steps"]] == ["f"]


def test_two_outputs_and_one_used_again():
    x = programs.leaf([1.0, 2.0], "x")
    y = x * 2
    z = (y * y).sum()
    graph = graph_of([y, z], gradient=[np.array([1.0, 10.0]), None])
    data = json.loads(inlined(contents(graph, EN)))
    gradients = played(data, 1e-6)
    np.testing.assert_allclose(gradients["n0"], [2 * (1 + 4), 2 * (10 + 8)])
    by_id = {n["id"]: n for n in data["nodes"]}
    np.testing.assert_allclose(array(data, by_id["n0"]["gradient"]), gradients["n0"])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_and_infinities_are_valid_json():
    x = programs.leaf([np.nan, np.inf, -np.inf, -0.0], "x")
    big = programs.leaf(np.r_[np.nan, np.inf, np.linspace(-1, 1, SMALL)], "big")
    data = data_of((x * 1).sum() + (big * 1).sum())
    node = next(n for n in data["nodes"] if n.get("name") == "x")
    assert data["arrays"][node["value"]]["d"] == ["NaN", "Infinity", "-Infinity", -0.0]
    node = next(n for n in data["nodes"] if n.get("name") == "big")
    record = data["arrays"][node["value"]]
    assert record["n"] == 2
    assert (record["l"], record["h"]) == (-1, 1)
    assert sum(record["g"]) == SMALL


def test_arrays_are_written_once_and_within_limits():
    arrays = Arrays()
    a = np.arange(6.0).reshape(2, 3)
    assert arrays.add(a) == arrays.add(a.copy()) == 0
    assert arrays.add(a.astype(np.float32)) == 1  # another dtype has other digits
    assert arrays.add(None) is None
    assert arrays.add(np.array(["a"])) is None
    for numbers in (np.linspace(0, 1, 100), np.linspace(0, 1, 100, dtype="f")):
        place = arrays.add(numbers)
        np.testing.assert_array_equal(array({"arrays": arrays.records}, place), numbers)
    assert arrays.records[0] == {"s": [2, 3], "d": [0, 1, 2, 3, 4, 5]}
    assert "b" not in arrays.records[arrays.add(np.zeros(BIG + 1, np.float32))]
    for i in range(BUDGET // (4 * 100_000) + 3):
        arrays.add(np.full(100_000, i, np.float32))
    big = [len(b64decode(r["b"])) for r in arrays.records if "b" in r and "m" in r]
    assert BUDGET - 400_000 < sum(big) <= BUDGET
    assert arrays.records[-1]["m"] == i


@pytest.mark.parametrize("numbers", [
    [1.0] * 300, np.linspace(-1, 1, 300) * 1.7e308, [1.0] * 299 + [np.nextafter(1.0, 2)],
    [5e-324] * 299 + [0.0], [np.nan] * 300,
])
def test_statistics_of_strange_arrays(numbers):
    arrays = Arrays()
    arrays.add(np.array(numbers))
    (record,) = json.loads(inlined(arrays.records))
    assert sum(record.get("g", [])) == 300 - record["n"]


def test_float32_keeps_its_digits_and_no_more():
    x = np.float32(0.1)
    arrays = Arrays()
    arrays.add(np.array(x))
    assert inlined(arrays.records[0]["d"]) == "[0.1]"


def test_text_of_the_user_starts_no_tag():
    x = programs.leaf(1.0, programs.NASTY)
    y = programs.leaf(2.0, programs.QUOTES)
    z = x * y
    z.name = programs.NASTY
    text = page(graph_of(z), JA)
    assert text.count("<script") == 3
    assert text.count("</script>") == 3
    assert "<img" not in text
    assert "\u2028" not in text
    text.encode()  # nothing that a file cannot hold
    assert data_of(z)["nodes"][0]["name"].startswith("</script>")


def test_the_policy_lets_only_this_program_run():
    text = page(graph_of(programs.apples()), EN)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; ")
    from base64 import b64encode

    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    program = re.findall(r"<script>(.*?)</script>", text, re.S)[-1]
    for part in (style, program):
        assert b64encode(sha256(part.encode()).digest()).decode() in policy
    assert "unsafe" not in policy
    assert not re.search(r"""(src|href)\s*=|url\((?!#)|@import|https?://(?!www\.w3\.org)""", text)
    assert " style=" not in text  # the policy would refuse it


def test_the_page_says_the_same_in_two_languages():
    fields = re.compile(r"\{(\w+)\}")
    for key, (ja, en) in words().items():
        assert set(fields.findall(ja)) == set(fields.findall(en)), key
    from importlib.resources import files

    folder = files("tinygrad_jp.graph").joinpath("player")
    program = "".join(p.read_text("utf-8") for p in folder.iterdir() if p.name.endswith(".js"))
    assert [key for key in words() if f'"{key}"' not in program and f"{key}:" not in program] == []
    asked = set(re.findall(r'\bword\("(\w+)"', program))
    assert asked <= set(words())


def test_too_many_nodes_are_refused_at_once(monkeypatch):
    from tinygrad_jp.graph import contents as module

    monkeypatch.setattr(module, "layout", lambda *given: pytest.fail("laid out"))
    monkeypatch.setattr("tinygrad_jp.graph.render.MOST_NODES", 4)
    with pytest.raises(OptionError, match="5"):
        page(graph_of(programs.apples()), EN)


def test_a_page_needs_latex2mathml(monkeypatch):
    import sys

    from tinygrad_jp.graph import mathml

    mathml.mathml.cache_clear()
    monkeypatch.setitem(sys.modules, "latex2mathml.converter", None)
    with pytest.raises(MissingExtraError, match="latex2mathml"):
        page(graph_of(programs.apples()), EN)


def test_every_formula_becomes_mathml():
    from tinygrad_jp.graph.formulas import ELEMENTWISE, MIXING, formula
    from tinygrad_jp.graph.mathml import mathml

    for name in [*ELEMENTWISE, *MIXING]:
        found = formula(name)
        for one in (found.forward, *(d.pull for d in found.derivatives.values())):
            assert mathml(one)[0] == "math"
            assert "\\" not in json.dumps(mathml(one), ensure_ascii=False)
    odd = formula("</math><script>&\\")
    assert "script" in mathml(odd.forward)[2][0][2][0]


def trained_model() -> tuple[Any, Any, tj.Recorder]:
    from tinygrad_jp import nn, optim

    tj.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    sgd = optim.SGD(model.parameters(), lr=0.1)
    x, t = tj.randn(8, 2), tj.randn(8, 1)
    with tj.Recorder(model) as record:
        for _ in range(5):
            sgd.zero_grad()
            loss = nn.MSELoss()(model(x), t)
            loss.backward()
            sgd.step()
            record.step(loss)
    return nn.MSELoss()(model(x), t), model, record


def test_a_page_holds_a_recorded_training():
    loss, model, record = trained_model()
    for history in (record, record.to_dict()):
        data = json.loads(inlined(contents(graph_of(loss, model), EN, history)))["history"]
        assert data["steps"] == [1, 2, 3, 4, 5]
        assert data["losses"][0] == float(f"{record.losses[0]:.4g}")
        assert set(data["parameters"]["0.weight"]) == {"norm", "gradient", "update"}
        assert set(data["modules"]) == {"0", "1", "2"}
    with pytest.raises(GradientError):
        page(graph_of(loss, model), EN, tj.Recorder(model))


def test_a_player_shows_itself_in_a_frame_and_saves_itself(tmp_path, monkeypatch):
    drawing = tj.draw(programs.apples(), lang="en")
    player = drawing.player(height=500)
    assert player.html == drawing.html()
    assert player.save(tmp_path / "a.html").read_text("utf-8") == player.html
    frame = player._repr_html_()
    assert frame.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert 'height="500"' in frame
    assert frame.count("<") == 2
    assert 'sandbox="allow-scripts"' in frame
    seen = []
    monkeypatch.setattr("webbrowser.open", seen.append)
    assert player.view().as_uri() == seen[0]
    assert "characters" in repr(player)
