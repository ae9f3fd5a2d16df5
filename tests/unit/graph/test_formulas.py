"""The formulas that are shown are the ones that the engine computes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp.autograd import apply as engine
from tinygrad_jp.graph.formulas import ELEMENTWISE, MIXING, Formula, formula, times_g
from tinygrad_jp.graph.reading import expression_of
from tinygrad_jp.graph.typeset import typeset
from tinygrad_jp.vocabulary.activations import sigmoid
from tinygrad_jp.vocabulary.domain import Sampler, samples
from tinygrad_jp.vocabulary.layers import softmax
from tinygrad_jp.vocabulary.primitives import erf
from tinygrad_jp.vocabulary.rule import REGISTRY, Rule, label

REGISTRY.fill()
RULES = {label(r.fn): r for r in REGISTRY.values() if isinstance(r, Rule)}


def normal(x: Any) -> Any:
    return 0.5 * (1 + erf(x / math.sqrt(2)))


def over(reduce: Any) -> Any:
    """Reduce over the last axis, which is what the samples below are reduced over."""
    return lambda x: reduce(x, axis=-1, keepdims=True)


MEANING = {
    **vars(np),  # exp, log, tril, ...
    "sigma": sigmoid, "Phi": normal, "phi": lambda x: np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi),
    "one": lambda x: np.asarray(x, float), "finite": np.isfinite, "pi": math.pi,
    "sum": over(np.sum), "mean": over(np.mean), "softmax": lambda z: softmax(z, -1),
    "one_hot": lambda t: np.eye(t.max() + 1)[t], "spread": lambda g: g,
    "sum_rows": lambda g: g.reshape(-1, g.shape[-1]).sum(0),
}


def recorded(rule: Rule, args: Any, kwargs: Any) -> tuple[Any, list[Any]]:
    """Run a rule on leaves; give the result and the arguments as arrays."""
    count = len(rule.arguments)
    given = list(args[:count]) + [kwargs.get(n) for n in rule.arguments[len(args):]]
    static = [*args[count:]]
    static += [kwargs.get(n, d) for n, d in list(rule.static.items())[len(static):]]
    leaves = [
        tj.Tensor(a, requires_grad=True)
        if isinstance(a, np.ndarray) and a.dtype.kind == "f" and rule.pulls[i] else a
        for i, a in enumerate(given)
    ]
    return engine.apply(rule, leaves, static), given


def check(name: str, expressions: dict[str, str], args: Any, kwargs: Any) -> int:
    rule = RULES[name]
    y, given = recorded(rule, args, kwargs)
    g = np.random.default_rng(0).normal(size=y.shape)
    node = y._node
    scope = {**MEANING, **dict(zip(rule.static, args[len(given):], strict=False)), **kwargs}
    scope |= {**dict(zip(rule.arguments, given, strict=True)), "y": y.numpy(), "g": g}
    found = 0
    for place, sent in zip(node.plan.places, node.plan.pull(g, node.saved), strict=True):
        said = eval(expressions[rule.arguments[place]], scope)
        np.testing.assert_allclose(np.broadcast_to(said, sent.shape), sent, rtol=1e-10, atol=1e-12)
        found += 1
    return found


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_local_derivatives_are_the_rules(name):
    if name == "convert":  # a change of dtype on the way; it has no rule of its own
        return
    expressions = {a: times_g(e) for a, e in ELEMENTWISE[name][1].items()}
    rule = RULES[name]
    tried = 0
    for sample in samples(rule, Sampler(1)):
        args = sample.args
        if any(np.size(a) == 0 for a in args if isinstance(a, np.ndarray)):
            continue
        if name == "np.clip" and any(a is None for a in args):
            continue  # a bound that is not there has no formula
        if name == "softplus":
            assert args[2] == 20.0  # above it the engine takes the straight line
        tried += check(name, expressions, args, sample.kwargs)
    assert tried


S = Sampler(3)
ROWS: dict[str, tuple[Any, ...]] = {
    "linear": (S(4, 3), S(2, 3), S(2)), "np.matmul": (S(2, 3), S(3, 4)),
    "sum_outer": (S(4, 3), S(4, 2)), "sum_rows": (S(4, 3),), "softmax": (S(4, 3), -1),
    "log_softmax": (S(4, 3), -1), "np.tril": (S(3, 3),), "np.triu": (S(3, 3),),
    "np.transpose": (S(2, 3),), "minus_one_hot": (S(4, 3), S.integers(3, 4)),
}


@pytest.mark.parametrize("name", ROWS)
def test_formulas_of_matrices_are_the_rules(name):
    assert check(name, MIXING[name][1], ROWS[name], {})


def reduced(name: str, **more: Any) -> None:
    x = S.distinct(2, 3)
    y, _ = recorded(RULES[name], (x,), {"axis": -1, "keepdims": True})
    g = S(2, 1)
    (sent,) = y._node.plan.pull(g, y._node.saved)
    scope = {**MEANING, "x": x, "y": y.numpy(), "g": g, "n": 3, "mu": x.mean(-1, keepdims=True)}
    said = eval(MIXING[name][1]["x"], scope | more)
    np.testing.assert_allclose(np.broadcast_to(said, sent.shape), sent, rtol=1e-10)


@pytest.mark.parametrize(
    "name", ["np.sum", "np.mean", "np.var", "np.std", "np.max", "np.min", "np.prod", "logsumexp"]
)
def test_formulas_of_reductions_are_the_rules(name):
    reduced(name)


def test_formulas_of_losses_are_the_rules():
    a, b = S(4, 3), S(4, 3)
    for name, args, more in (
        ("mse", (a, b), {"n": 12}), ("cross_entropy", (a, np.array([0, 1, 2, 1])), {"N": 4}),
    ):
        y, given = recorded(RULES[name], args, {})
        scope = {**MEANING, **more, **dict(zip(RULES[name].arguments, given, strict=True)), "g": 0.7}
        for place, sent in zip(
            y._node.plan.places, y._node.plan.pull(np.array(0.7), y._node.saved), strict=True
        ):
            said = eval(MIXING[name][1][RULES[name].arguments[place]], scope)
            np.testing.assert_allclose(said, sent, rtol=1e-10)


def test_every_formula_names_arguments_of_its_rule():
    for name, (_, derivatives) in [*ELEMENTWISE.items(), *MIXING.items()]:
        if name in RULES:
            assert set(derivatives) <= set(RULES[name].arguments), name
    assert not set(ELEMENTWISE) & set(MIXING)


def test_every_built_in_rule_has_words_or_a_formula():
    general = [n for n, r in RULES.items() if formula(r).is_general]
    assert len(general) < len(RULES) / 5, general
    for rule in RULES.values():
        found = formula(rule)
        assert found.forward.text.startswith("y = ")
        for argument in rule.arguments:
            assert found.of(argument).pull.text


@pytest.mark.parametrize(("expression", "latex", "text"), [
    ("-a / b**2", r"\frac{-a}{{b}^{2}}", "−a / b²"),
    ("a * (b + c)", r"a \cdot \left(b + c\right)", "a·(b + c)"),
    ("a - (b - c)", r"a - \left(b - c\right)", "a − (b − c)"),
    ("a / (b * c)", r"\frac{a}{b \cdot c}", "a / (b·c)"),
    ("(a + b)**2", r"{\left(a + b\right)}^{2}", "(a + b)²"),
    ("(a / b)**2", r"{\left(\frac{a}{b}\right)}^{2}", "(a / b)²"),
    ("x.T @ g", r"{x}^{\top}\,g", "xᵀ g"),
    ("2 * x", "2x", "2·x"),
    ("2 * 3", r"2 \cdot 3", "2·3"),
    ("sqrt(1 - x**2)", r"\sqrt{1 - {x}^{2}}", "√(1 − x²)"),
    ("exp(-x)", "e^{-x}", "e⁻ˣ"),
    ("exp(a * b)", r"e^{a \cdot b}", "exp(a·b)"),
    ("sin(x)", r"\sin x", "sin x"),
    ("sin(x + 1)", r"\sin \left(x + 1\right)", "sin(x + 1)"),
    ("one_hot(t)", r"\operatorname{one-hot}\left(t\right)", "one_hot(t)"),
    ("x_1 + mu", r"x_{1} + \mu", "x_1 + μ"),
    ("g * (-a)", r"g \cdot \left(-a\right)", "g·(−a)"),
])
def test_typesetting(expression, latex, text):
    found = typeset(expression)
    assert (found.latex, found.text) == (latex, text)


@pytest.mark.parametrize("expression", ["lambda: 1", "f(a=1)", "f()", "a if b else c", "'x'"])
def test_what_cannot_be_set_is_refused(expression):
    with pytest.raises(SyntaxError):
        typeset(expression)


@tj.primitive
def cube(x: Any) -> Any:
    return x**3


tj.rule(cube, lambda g, x: g * (3 * np.square(x)))


@tj.primitive
def relu(x: Any) -> Any:
    return x * 2


tj.rule(relu, lambda g: g * 2, about="twice {x} \\ as much")


def _doubled(g: Any) -> Any:
    h = g + g
    return h


def test_a_users_own_rule_is_its_formula():
    found = formula(cube)
    assert found.of("x").pull.text == "g·3·x²"
    assert found.forward.text == "y = cube(…)"
    assert not found.is_general


def test_a_users_own_rule_is_not_taken_for_a_built_in():
    found = formula(relu)
    assert found.of("x").pull.text == "g·2"
    assert found.forward.text == "y = twice {x} \\ as much"
    assert formula("relu").forward.text == "y = max(x, 0)"


def test_what_cannot_be_read_gets_the_chain_rule():
    assert expression_of(_doubled) is None
    found = formula("unheard_of")
    assert isinstance(found, Formula)
    assert found.is_general
    assert found.of("xs[2]").pull.text == "g·∂y/∂xs"
    assert formula("np.concatenate").of("xs[2]").pull.text == "part(g)"
