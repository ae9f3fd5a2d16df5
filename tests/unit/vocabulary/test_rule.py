"""Registration: what a rule keeps, what it refuses, and how calls are bound to it."""

import math

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp.errors import ArgumentError, RegistryError, RuleError
from tinygrad_jp.vocabulary.primitive import primitive, raw
from tinygrad_jp.vocabulary.primitives import erf
from tinygrad_jp.vocabulary.rule import REGISTRY, Registry, Rule, label, rule, rules


def test_parameter_names_say_what_is_kept():
    assert REGISTRY[np.add].keeps() == ()
    assert REGISTRY[np.exp].keeps() == ("y",)
    assert REGISTRY[np.multiply].keeps() == ("b", "a")
    assert REGISTRY[np.sum].keeps() == ("x_shape", "axis", "keepdims")


def test_the_graph_keeps_nothing_else():
    a = tj.Tensor([1.0, 2.0], requires_grad=True)
    b = tj.Tensor([3.0, 4.0])
    assert (a + b)._node.saved == ()
    (kept,) = (a * b)._node.saved
    assert kept is b._data


def test_a_second_rule_is_refused():
    with pytest.raises(RegistryError, match="exp"):
        rule(np.exp, lambda g, y: g * y)


def test_names_and_pulls_must_agree_in_number():
    @primitive
    def pair(a, b):
        return a + b

    with pytest.raises(RegistryError, match="pair"):
        rule(pair, lambda g: g, arguments="a b")
    assert pair not in REGISTRY


def test_an_argument_that_the_rule_does_not_know_is_refused():
    x = tj.Tensor([[1.0, 2.0]], requires_grad=True)
    with pytest.raises(ArgumentError, match="where"):
        np.sum(x, where=np.array([True, False]))
    with pytest.raises(ArgumentError, match="initial"):
        np.max(x, initial=3.0)
    with pytest.raises(ArgumentError, match="dtype"):
        np.add(x, 1.0, dtype=np.float64)
    with pytest.raises(TypeError, match="sideways"):
        np.sum(x, sideways=1)
    assert np.sum(x, axis=None, dtype=None, out=None).item() == 3.0
    assert np.sum(x, 0, keepdims=True).shape == (1, 2)


def test_what_has_no_rule_says_so():
    def nobody(x):
        return x

    x = tj.Tensor([1.0], requires_grad=True)
    with pytest.raises(RuleError, match="nobody"):
        x.__array_function__(nobody, (), (x,), {})
    with pytest.raises(RuleError, match="fft"):
        np.fft.fft(x)
    with pytest.raises(RuleError, match=r"np\.add\.at"):
        np.add.at(x, [0], 1.0)


def test_rules_are_read_in_at_the_first_look_only():
    calls = []
    registry = Registry()
    registry.pending = lambda: calls.append(1)
    assert calls == []
    assert registry.get(np.exp) is None
    assert registry.get(np.exp) is None
    assert calls == [1]
    with pytest.raises(KeyError):
        registry[np.exp]


def test_rules_lists_each_once():
    listed = rules()
    assert len(listed) == len(set(listed)) > 100
    assert all(isinstance(r, Rule) for r in listed)


def test_labels_are_what_a_caller_writes():
    assert label(np.exp) == "np.exp"
    assert label(np.linalg.inv) == "np.linalg.inv"
    assert label(np.fft.fft) == "np.fft.fft"
    assert label(erf) == "erf"
    special = pytest.importorskip("scipy.special")
    assert label(special.gammaln) == "gammaln"
    assert label(special.log1p) == "log1p", "NumPy's is another"


def test_primitive_hands_itself_to_what_answers():
    class Answer:
        def __array_function__(self, func, types, args, kwargs):
            return func, args, kwargs

    @primitive
    def join(xs, axis=0):
        return sum(xs)

    mine = Answer()
    assert join([np.ones(2), mine], axis=1) == (join, ([pytest.approx(np.ones(2)), mine],), {"axis": 1})
    assert join([1, 2]) == 3
    assert raw(join) is join.raw
    assert raw(np.exp) is np.exp


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_erf_is_right_to_a_few_ulp(dtype):
    x = np.concatenate([np.linspace(-7, 7, 20001), [0.0, -0.0, 1e-300, 1e-8, np.inf, -np.inf]])
    x = x.astype(dtype)
    exact = np.array([math.erf(v) for v in x.tolist()])
    got = erf(x)
    assert got.dtype == dtype
    ulp = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
    assert np.max(np.abs(got.astype(np.float64) - exact) / ulp) <= 4
    assert np.isnan(erf(np.array([np.nan], dtype)))[0]
    assert math.copysign(1, erf(np.array(-0.0)).item()) == -1
