"""Calls read by the signature: what reaches a rule, and what is refused, with which words."""

import inspect

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp.autograd import protocols
from tinygrad_jp.errors import ArgumentError, GradientError
from tinygrad_jp.vocabulary.call import binder, misfit, signature
from tinygrad_jp.vocabulary.primitive import primitive
from tinygrad_jp.vocabulary.rule import REGISTRY, REQUIRED, rule, rules

X = object()


def written():
    return [entry for entry in rules() if not isinstance(entry.fn, np.ufunc)]


@pytest.mark.parametrize("entry", written(), ids=lambda entry: entry.name)
def test_every_binder_reads_positions_as_names(entry):
    """The generated function, held against inspect's own reading of the signature."""
    bind, known = binder(entry), signature(entry)
    arrays = list(known.parameters)[: len(entry.arguments)]
    given = {n: object() for n in known.parameters if n in arrays or n in entry.static}
    values = tuple(given[n] for n in arrays), tuple(given[n] for n in entry.static)
    call = inspect.BoundArguments(known, given)
    args, kwargs = call.args, call.kwargs  # by position up to the first that is left out
    assert bind(*args, **kwargs) == values
    by_name = {
        n: v for n, v in given.items()
        if known.parameters[n].kind is not inspect.Parameter.POSITIONAL_ONLY
    }
    first = [v for n, v in given.items() if n not in by_name]
    assert bind(*first, **by_name) == values


@pytest.mark.parametrize("entry", written(), ids=lambda entry: entry.name)
def test_every_binder_fills_in_the_rules_defaults(entry):
    bind, known = binder(entry), signature(entry)
    required = [p for p in known.parameters.values() if p.default is p.empty]
    _, static = bind(*(X for _ in required))
    named = [p.name for p in required]
    for (name, default), value in zip(entry.static.items(), static, strict=True):
        if name in named:
            assert value is X
        elif default is not REQUIRED:
            assert value is default


def test_what_was_left_unsaid_may_be_said():
    bind = binder(REGISTRY[np.sum])
    assert bind(X) == ((X,), (None, False))
    nothing = {"dtype": None, "out": None, "initial": np._NoValue, "where": np._NoValue}
    assert bind(X, 1, keepdims=np._NoValue, **nothing) == ((X,), (1, False))
    assert bind(X, axis=np._NoValue) == ((X,), (None, False))
    assert bind(X, 1, None, None, True, None) == ((X,), (1, True))
    assert binder(REGISTRY[np.concatenate])(X, casting="".join(["same", "_kind"])) == ((X,), (0,))
    assert binder(REGISTRY[np.copy])(X, "K", False) == ((X,), ())


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda x: np.sum(x, where=np.array([True, False])), "where"),
        (lambda x: np.sum(x, None, np.float64), "dtype"),
        (lambda x: np.sum(x, initial=0.0), "initial"),
        (lambda x: np.concatenate([x, x], casting="unsafe"), "casting"),
        (lambda x: np.stack([x, x], out=np.zeros((2, 2))), "out"),
        (lambda x: np.copy(x, order="C"), "order"),
        (lambda x: np.exp(x, where=np.array([True, False])), "where"),
    ],
)
def test_an_argument_without_a_rule_is_refused_by_name(call, name):
    with pytest.raises(ArgumentError, match=name):
        call(tj.Tensor([1.0, 2.0]))


def test_a_call_that_does_not_fit_says_what_would():
    entry = REGISTRY[np.roll]
    with pytest.raises(TypeError) as caught:
        binder(entry)(X)
    error = misfit(entry, (X,), {}, caught.value)
    assert isinstance(error, ArgumentError)
    assert "missing a required argument: 'shift'" in str(error)
    assert "(a, shift, axis=None)" in str(error)
    with pytest.raises(ArgumentError, match="missing a required argument: 'shift'"):
        protocols.call(np.roll, (tj.Tensor([1.0]),), {})
    with pytest.raises(ArgumentError, match="2"):
        protocols.call(np.add, (tj.Tensor([1.0]),), {})


def test_a_parameter_that_is_a_tensor_gives_its_values():
    x = tj.Tensor(np.arange(6.0).reshape(2, 3))
    assert np.sum(x, axis=tj.Tensor(1)).tolist() == [3.0, 12.0]
    with pytest.raises(GradientError, match="roll"):
        np.roll(x, tj.Tensor(1.0, requires_grad=True))


def test_the_defaults_of_ones_own_operation():
    @primitive
    def blended(x, y=2.0, share=0.25, *, rounded=False):
        return x * (1 - share) + y * share

    rule(blended, lambda g, share: g * (1 - share), lambda g, share: g * share)
    try:
        x = tj.Tensor([4.0], requires_grad=True)
        assert blended(x).tolist() == [3.5]
        assert blended(x, share=0.5).tolist() == [3.0]
        assert blended(x, rounded=True).tolist() == [3.5]
        with pytest.raises(ArgumentError, match=r"blended.*'shade'"):
            blended(x, shade=1)
    finally:
        del REGISTRY[blended]


def test_gathered_arguments_are_refused_unless_empty():
    @primitive
    def doubled(x, *more, **options):
        return x * 2

    rule(doubled, lambda g: g * 2)
    try:
        x = tj.Tensor([4.0])
        assert doubled(x).tolist() == [8.0]
        with pytest.raises(ArgumentError, match="more"):
            doubled(x, 1)
        with pytest.raises(ArgumentError, match="options"):
            doubled(x, fast=True)
    finally:
        del REGISTRY[doubled]
