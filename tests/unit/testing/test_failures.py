"""What a failure says, and how its picture comes to be: also when there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import find

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import LawError, OptionError, set_language
from tinygrad_jp.graph.drawing import Drawing
from tinygrad_jp.testing import (
    REAL,
    assert_gradients,
    assert_linear_in,
    assert_rule,
    modules,
    pictures,
)
from tinygrad_jp.testing.calls import compare
from tinygrad_jp.testing.failures import home, imports, pasted, reproduction, same
from tinygrad_jp.testing.fakegpu import FakeGPU
from tinygrad_jp.vocabulary.rule import REGISTRY


@pytest.fixture(autouse=True)
def in_english():
    set_language("en")
    yield
    set_language(None)


# ── comparing ───────────────────────────────────────────────────────────────────────────────────


def test_the_worst_element_is_named():
    wanted = np.zeros((2, 3))
    found = wanted.copy()
    found[0, 1], found[1, 2] = 1e-3, -5.0
    with pytest.raises(LawError) as caught:
        same(found, wanted, "it")
    assert caught.value.facts["index"] == [1, 2]
    assert caught.value.facts["failed"] == 2
    assert str(caught.value).startswith("it: -5.0 at index [1, 2], should be 0.0")
    found[0, 0] = np.nan
    with pytest.raises(LawError) as caught:
        same(found, wanted, "it")
    assert caught.value.facts["index"] == [0, 0]


def test_what_is_the_same():
    same(np.array([np.nan, np.inf]), np.array([np.nan, np.inf]), "it")
    same(tj.Tensor([1.0]), np.array([1.0 + 1e-8]), "it", rtol=1e-6)
    same(np.zeros((0, 2)), np.zeros((0, 2)), "it")
    same(np.array(["a"]), np.array(["a"]), "it")
    with pytest.raises(LawError, match="not the same"):
        same(np.array(["a"]), np.array(["b"]), "it")
    with pytest.raises(LawError, match=r"the shape is \(1,\), should be \(\)"):
        same(np.zeros(1), np.zeros(()), "it")
    with pytest.raises(LawError):
        same(np.array([np.inf]), np.array([-np.inf]), "it")


def test_a_direction_is_told_where_no_index_is_to_blame():
    """Moving one element alone may make no sense: a matrix that must stay symmetric."""

    def at(v, t):
        if np.count_nonzero(v) == 1:
            raise np.linalg.LinAlgError
        return 2.0 * t * float(v.sum())

    with pytest.raises(LawError, match="along a random direction") as caught:
        compare(np.ones((2, 2)), np.ones((2, 2)), at, 1.0, "it")
    assert caught.value.facts["found"] == 4.0
    assert caught.value.facts["wanted"] == pytest.approx(8.0)


# ── as Python ───────────────────────────────────────────────────────────────────────────────────


def test_functions_are_named_as_their_caller_names_them():
    assert pasted(np.exp) == "np.exp"
    assert pasted(np.float32) == "np.float32"
    assert pasted(float) == "float"
    assert pasted(lambda x: x) == "f"
    assert imports([np.linalg.svd, find]) == [
        "import numpy as np", "import tinygrad_jp as tj", "from hypothesis.core import find",
    ]
    lines = reproduction(lambda x, n: x * n, [np.ones(2), 3])
    assert f"# f: {__file__}:" in lines
    assert lines.endswith("x0 = tj.Tensor(np.array([1.0, 1.0]), requires_grad=True)\ny = f(x0, 3)")
    assert "# f: Linear(in_features=1" in reproduction(nn.Linear(1, 1), [])
    assert pasted(tj.Tensor([1.0], requires_grad=True)) == (
        "tj.Tensor(np.array([1.0], np.float32), requires_grad=True)"
    )
    assert pasted(np.zeros(1, ">f4")) == "np.array([0.0], '>f4')"


# ── pictures ────────────────────────────────────────────────────────────────────────────────────


def failure():
    with pytest.raises(LawError) as caught:
        assert_gradients(lambda x: abs(x) * abs(x.detach()), np.array([2.0]))
    return caught.value


def test_an_error_in_a_group_or_behind_another_is_found(tmp_path):
    outer = ExceptionGroup("several", [ValueError("other"), failure()])
    assert "the graph is drawn" in pictures.save(outer, tmp_path / "new", "a/b::test[x y]")
    names = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert names == ["a_b_test_x_y.svg", "a_b_test_x_y.txt"]
    wrapped = RuntimeError("around")
    wrapped.__cause__ = failure()
    assert "the graph is drawn" in pictures.save(wrapped, tmp_path, "t")
    assert pictures.save(ValueError("nothing to draw"), tmp_path, "t") == ""


def test_where_nothing_can_be_drawn_it_says_so(tmp_path, monkeypatch):
    error = failure()
    error.results = lambda: ([tj.ones(2)], {})
    assert "no graph to draw" in pictures.save(error, tmp_path, "t")

    def broken():
        raise ZeroDivisionError("again")

    error.results = broken
    assert "could not be drawn: again" in pictures.save(error, tmp_path, "t")

    def no_engine(self, path):
        if str(path).endswith(".svg"):
            raise OptionError("seed", given=1)
        path = tmp_path / "t.txt"
        path.write_text("x")
        return path

    monkeypatch.setattr(Drawing, "save", no_engine)
    said = pictures.save(failure(), tmp_path, "t")
    assert "t.txt" in said
    assert "a seed is" in said, "the reason why there is no SVG"


def test_a_module_is_drawn_with_its_parameters_by_name(tmp_path):
    from tinygrad_jp.testing import assert_module

    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(np.ones(3, np.float32))

        def forward(self, x):
            return x * self.weight + x.detach()

    with pytest.raises(LawError) as caught:
        assert_module(Wrong(), np.ones((2, 3)))
    pictures.save(caught.value, tmp_path, "t")
    assert "weight" in (tmp_path / "t.txt").read_text("utf-8")


# ── odds and ends ───────────────────────────────────────────────────────────────────────────────


def test_networks_with_dropout():
    net = find(modules(dropout=True), lambda net: any(type(m) is nn.Dropout for m in net))
    assert net(tj.zeros(2, 3)).shape == (2, 2)


def test_linear_in_one_of_several():
    assert_linear_in(lambda x, w, b: x @ w + 0 * b, np.ones((2, 3)), np.ones((3, 2)), np.ones(2))


def test_the_stand_in_for_a_gpu_refuses_what_a_gpu_would():
    x = FakeGPU(np.ones((2, 2)))
    for use in (lambda: np.asarray(x), lambda: x + np.ones(2), lambda: np.concatenate([x, np.ones((2, 2))]),
                lambda: x + np.float64(1), lambda: np.where(x > 0, [1, 2], x)[object()],
                lambda: x.no_such_thing):
        with pytest.raises((TypeError, AttributeError)):
            use()
    assert len(x) == 2
    assert x.size == 4
    assert float(x[0, 0]) == 1.0
    assert int(x[0, 0]) == 1
    assert bool(x[0, 0])
    x[0] = FakeGPU(np.zeros(2))
    np.add.at(x, (np.array([0, 0]),), FakeGPU(np.ones(2)))
    np.testing.assert_array_equal(x.host, [[2, 2], [1, 1]])
    assert type(x.T) is type(x.mT) is FakeGPU


def test_a_ufunc_of_another_library_is_imported_from_there():
    special = pytest.importorskip("scipy.special")
    code = reproduction(special.gammaln, [2.5])
    assert "from scipy.special import gammaln" in code.splitlines()
    held = {}
    exec(code, held)
    assert held["y"] == special.gammaln(2.5)
    assert home(np.add) == "numpy"
    assert home(np.frompyfunc(len, 1, 1)) == ""


def test_float16_can_be_left_out_of_the_law_of_dtypes():
    def widened(x):
        return np.exp(x).astype(np.promote_types(x.dtype, "f"))

    entry = tj.rule(tj.primitive(widened), lambda g, y: (g * y), broadcasts=True, domain=(REAL,))
    try:
        with pytest.raises(LawError, match="float16"):
            assert_rule(entry.fn, only=["dtype"])
        assert_rule(entry.fn, only=["dtype"], dtypes=(np.float32, np.float64))
    finally:
        del REGISTRY[entry.fn]
