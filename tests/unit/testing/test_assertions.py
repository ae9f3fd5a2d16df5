"""The assertions find what is wrong in a function that is not ours, and say where."""

import numpy as np
import pytest
from hypothesis import given

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import ArgumentError, LawError, OptionError, set_language
from tinygrad_jp.testing import (
    NONZERO,
    REAL,
    assert_broadcast_law,
    assert_gradients,
    assert_linear_in,
    assert_rule,
    assert_values,
    programs,
    tensors,
)
from tinygrad_jp.testing.failures import pasted
from tinygrad_jp.vocabulary.primitive import primitive
from tinygrad_jp.vocabulary.rule import REGISTRY

X = np.array([[1.0, -2.0, 0.5], [3.0, 0.25, -1.5]])


@pytest.fixture(autouse=True)
def as_they_were():
    """Forget the operations registered here, and read the errors in English."""
    REGISTRY.fill()
    before = dict(REGISTRY)
    set_language("en")
    yield
    for fn in set(REGISTRY) - set(before):
        del REGISTRY[fn]
    set_language(None)


def operation(pull, fn=lambda x: x * x * x, **more):
    @primitive
    def cube(x):
        return fn(x)

    tj.rule(cube, pull, **{"domain": (REAL,), "broadcasts": True, **more})
    return cube


def right(g, x):
    return g * (3 * x * x)


@primitive
def flipped(g):
    y = g.copy()
    if y.ndim == 2:
        y[1, 2] *= -1
    return y


@primitive
def hidden(x):
    return 3 * x * x


def test_a_right_operation_passes():
    cube = operation(right)
    assert_rule(cube, gpu=True)
    assert_gradients(cube, X, order=3)
    assert_values(cube, lambda x: x**3, X)
    assert_broadcast_law(lambda a, b: cube(a) * b, X, X[0])


def test_wrong_value():
    cube = operation(right)
    with pytest.raises(LawError, match=r"result 0: 8\.0 at index \[\], should be 8\.001") as caught:
        assert_values(cube, lambda x: x**3 + 1e-3, 2.0)
    assert "law of values" in str(caught.value)


def test_wrong_derivative():
    with pytest.raises(LawError, match="first derivatives"):
        assert_gradients(operation(lambda g, x: g * (3.0001 * x * x)), X)


def test_wrong_sign_at_one_index_is_found_there():
    tj.rule(flipped, lambda g: flipped(g))
    cube = operation(lambda g, x: flipped(g) * (3 * x * x))
    with pytest.raises(LawError) as caught:
        assert_gradients(cube, X)
    reason = caught.value.facts["reason"]
    assert reason.facts["index"] == [1, 2]
    assert reason.facts["failed"] == 1
    assert reason.facts["found"] == pytest.approx(-reason.facts["wanted"])
    assert "x0 = tj.Tensor(np.array([[1.0, -2.0, 0.5]" in str(caught.value)


def test_wrong_second_order():
    tj.rule(hidden, lambda g, x: g * 0)
    cube = operation(lambda g, x: g * hidden(x))
    assert_gradients(cube, X, order=1)
    with pytest.raises(LawError, match="second derivatives"):
        assert_gradients(cube, X)


def test_wrong_dtype():
    with pytest.raises(LawError, match="float64, should be float32"):
        assert_gradients(lambda x: x * tj.Tensor(np.ones(3)), X)
    assert_gradients(lambda x: x * tj.Tensor(np.ones(3)), X, dtypes=())
    with pytest.raises(LawError, match="dtype"):
        assert_rule(operation(lambda g, x: g * (np.float64(3) * x * x)))


def test_mutation_of_an_input():
    def fn(x):
        y = x * x * x
        x *= 1
        return y

    cube = operation(right, fn=fn)
    with pytest.raises(LawError, match="writing into nothing"):
        assert_gradients(cube, X)
    with pytest.raises(LawError, match="writing into nothing"):
        assert_rule(cube, only=["purity"])


def test_randomness_is_seen():
    with pytest.raises(LawError, match="switch off dropout"):
        assert_gradients(nn.Dropout(0.5), np.ones(200))


def test_only_tensors_that_require_a_gradient_are_checked():
    w = tj.Tensor(X, requires_grad=True)
    assert_gradients(lambda x, w: x.detach() * w, X, w)
    with pytest.raises(LawError):
        assert_gradients(lambda x, w: x.detach() * w, X, X)


def test_parameters_of_a_module_are_checked():
    class Wrong(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(np.ones(3, np.float32))

        def forward(self, x):
            return x * self.w.detach()

    with pytest.raises(LawError, match="gradient of argument w"):
        assert_gradients(Wrong(), X)
    net = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    before = net[0].weight
    assert_gradients(net, X)
    assert net[0].weight is before
    assert net[0].weight.grad is None


def test_nested_arguments_are_named():
    with pytest.raises(LawError, match=r"gradient of argument x0\['w'\]\[0\]"):
        assert_gradients(lambda p: p["w"][0].detach() * p["b"], {"w": [X], "b": X})


def test_broadcasting_forgotten():
    assert_broadcast_law(lambda a, b: a * b, X, X[0])
    with pytest.raises(LawError, match="broadcast"):
        assert_broadcast_law(lambda a, b: a * b.sum(0, keepdim=True), X, X[:1])


def test_linearity():
    assert_linear_in(lambda x, w: x @ w, X, np.ones((3, 2)), argument=1)
    with pytest.raises(LawError, match="linearity"):
        assert_linear_in(lambda x: x * x, X)
    with pytest.raises(LawError, match="linearity"):
        assert_linear_in(lambda x: x + 1, X)
    with pytest.raises(OptionError, match="1 inputs"):
        assert_linear_in(lambda x: x, X, argument=3)


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(ArgumentError, match="at least one"):
        assert_gradients(lambda n: n, 3)
    with pytest.raises(ArgumentError, match=r"tj\.primitive"):
        assert_rule(lambda x: x)
    with pytest.raises(ArgumentError, match="domain="):
        assert_rule(operation(right, domain=()))
    with pytest.raises(OptionError, match="first_order"):
        assert_rule(operation(right), only=["everything"])
    with pytest.raises(OptionError):
        assert_gradients(lambda x: x, X, order=0)
    with pytest.raises(LawError, match="no floating point Tensor"):
        assert_gradients(lambda x: x > 0, X)


def test_an_error_inside_the_function_is_the_cause():
    with pytest.raises(LawError, match="boom") as caught:
        assert_gradients(boom, X)
    assert type(caught.value.__cause__) is KeyError


def boom(x):
    raise KeyError("boom")


def test_both_languages_say_where():
    cube = operation(lambda g, x: g * (2 * x * x))
    with pytest.raises(LawError) as caught:
        assert_gradients(cube, np.array([2.0]))
    assert "index [0]" in str(caught.value)
    set_language("ja")
    assert "添字 [0]" in str(caught.value)
    assert "再現するには" in str(caught.value)


@given(tensors(elements=NONZERO))
def test_with_drawn_tensors(x):
    assert_gradients(lambda x: abs(x) + 1 / x, x)


# ── what is pasted ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "value",
    [X, X.astype(np.float32), np.array([1, 2]), np.array([True, False]), np.zeros((0, 2)), np.array(2.5),
     [1.0, (2, None)], {"a": X}, (1,), np.float16(0.5), np.array([np.nan, np.inf, -np.inf]), "axis",
     np.dtype(np.float32)],
)
def test_what_is_pasted_makes_the_same_value(value):
    np.testing.assert_equal(eval(pasted(value), {"np": np, "tj": tj}), value)


@given(programs(max_steps=3))
def test_a_program_is_python_that_gives_the_same(program):
    scope = {}
    exec(program.code(), scope)
    wanted = program(*(tj.Tensor(x, requires_grad=True) for x in program.inputs))
    assert len(scope["results"]) == len(wanted)
    for a, b in zip(scope["results"], wanted, strict=True):
        np.testing.assert_allclose(
            np.asarray(a.detach() if hasattr(a, "detach") else a),
            np.asarray(b.detach() if hasattr(b, "detach") else b), rtol=1e-9, atol=1e-12,
        )
