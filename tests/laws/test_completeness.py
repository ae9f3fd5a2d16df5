"""Every function that NumPy lets a library override has an entry, and composites agree with it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
from numpy.testing.overrides import (
    get_overridable_numpy_array_functions,
    get_overridable_numpy_ufuncs,
)

import tinygrad_jp as tj
from tinygrad_jp.errors import ArgumentError, GradientError, RuleError, set_language
from tinygrad_jp.testing import calls
from tinygrad_jp.vocabulary.rule import (
    REGISTRY,
    Composite,
    Constant,
    Entry,
    Rule,
    Unsupported,
    find,
    label,
)

from . import law

LAZY = ("numpy.fft", "numpy.strings", "numpy.char", "numpy.rec", "numpy.lib.recfunctions")


def overridable() -> list[Any]:
    """List every function and ufunc, those of modules that NumPy imports lazily too."""
    for module in LAZY:
        importlib.import_module(module)
    found = [*get_overridable_numpy_array_functions(), *get_overridable_numpy_ufuncs()]
    return sorted(found, key=lambda f: (label(f), repr(f)))


FUNCTIONS = overridable()


def test_numpy_offers_what_this_test_thinks_it_does() -> None:
    """See that the list is the whole of it, so that a pass below means something."""
    assert len(FUNCTIONS) > 350
    for fn in (np.sum, np.matmul, np.einsum, np.linalg.svd, np.fft.fft, np.exp):
        assert fn in FUNCTIONS


@pytest.mark.parametrize("fn", FUNCTIONS, ids=label)
def test_has_an_entry_of_one_of_four_kinds(fn: Any) -> None:
    entry = find(fn)
    assert isinstance(entry, (Rule, Composite, Constant, Unsupported)), label(fn)
    if isinstance(entry, Unsupported):
        ja, en = entry.reason
        assert ja
        assert en
        assert ja != en
        assert any("\u3040" <= c <= "\u30ff" for c in ja), "the first reason is not Japanese"
        assert en.isascii() or "₁" in en


@pytest.mark.parametrize(
    "entry", [e for e in dict.fromkeys(REGISTRY.values()) if isinstance(e, (Rule, Composite))],
    ids=law.name,
)
def test_differentiable_entry_brings_samples(entry: Entry) -> None:
    assert entry.samples or entry.domain


@pytest.mark.parametrize("entry", law.composites(), ids=law.name)
def test_composite_agrees_with_numpy_in_every_result(entry: Any) -> None:
    """Values, shapes, the number of results and their kind: integers and structure too."""

    def agree(entry: Any, sample: Any, rng: Any) -> None:
        wanted = entry.fn(*sample.args, **sample.kwargs)
        found = entry.fn(*calls.mapped(sample, tj.Tensor).args, **calls.mapped(sample, tj.Tensor).kwargs)
        same_structure(found, wanted)

    law.hold(agree, entry)


def same_structure(found: Any, wanted: Any) -> None:
    if isinstance(wanted, (list, tuple)):
        assert isinstance(found, type(wanted))
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            same_structure(a, b)
        return
    if isinstance(found, int):  # the rank that lstsq gives
        assert found == wanted
        return
    assert type(found) is tj.Tensor
    assert found.shape == np.shape(wanted)
    assert found.dtype.kind == np.asarray(wanted).dtype.kind
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9, atol=1e-12)


# ── what a user meets ───────────────────────────────────────────────────────────────────────────


def tensor() -> tj.Tensor:
    return tj.Tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)


CONSTANTS = [
    (np.shape, (2, 2)), (np.ndim, 2), (np.size, 4), (np.iscomplexobj, False), (np.isrealobj, True),
    (lambda t: np.array_equal(t, t), True), (lambda t: np.allclose(t, t + 1), False),
    (lambda t: np.result_type(t, np.float64), np.dtype(np.float64)),
    (lambda t: np.array_str(t[0]), "[1. 2.]"), (lambda t: np.may_share_memory(t, t), True),
]


@pytest.mark.parametrize(("fn", "value"), CONSTANTS)
def test_a_fact_is_a_plain_python_value(fn: Any, value: Any) -> None:
    found = fn(tensor())
    assert type(found) is type(value)
    assert found == value


@pytest.mark.parametrize("fn", [np.argmax, np.unique, np.argsort, np.sign])
def test_a_constant_gives_a_tensor_without_a_gradient(fn: Any) -> None:
    y = fn(tensor())
    assert isinstance(y, tj.Tensor)
    assert not y.requires_grad
    np.testing.assert_array_equal(y.numpy(), fn(tensor().detach().numpy()))


REFUSED = [
    lambda t: np.fft.fft(t), lambda t: np.roots(t[0]), lambda t: np.copyto(t, 0), lambda t: np.i0(t),
    lambda t: np.strings.str_len(t), lambda t: np.zeros(3, like=t), lambda t: np.eye(3, like=t),
    lambda t: np.emath.sqrt(t), lambda t: np.modf(t), lambda t: np.sort_complex(t),
]


@pytest.mark.parametrize("fn", REFUSED)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_what_is_refused_says_why(fn: Any, language: Any) -> None:
    set_language(language)
    try:
        with pytest.raises(RuleError) as caught:
            fn(tensor())
        assert caught.value.key == "unsupported"
        assert len(str(caught.value)) > 20
    finally:
        set_language(None)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.quantile(np.ones(3), t[0, 0]), lambda t: np.gradient(t[0], t[1]),
        lambda t: np.histogram(np.ones(4), 2, weights=t.reshape(4)),
        lambda t: np.pad(t, 1, constant_values=t[0, 0]),
    ],
)
def test_a_gradient_that_would_be_lost_is_refused(call: Any) -> None:
    with pytest.raises(GradientError):
        call(tensor())


def test_outer_and_reductions_of_ufuncs() -> None:
    t = tensor()
    y = np.subtract.outer(t[0], t[1])
    np.testing.assert_array_equal(y.detach().numpy(), [[-2.0, -4.0], [-1.0, -3.0]])
    np.testing.assert_array_equal(np.add.reduce(t).detach().numpy(), [4.0, 7.0])
    np.testing.assert_array_equal(np.add.accumulate(t).detach().numpy(), [[1.0, 2.0], [4.0, 7.0]])
    np.sum(y).backward()
    np.testing.assert_array_equal(t.grad.numpy(), [[2.0, 2.0], [-2.0, -2.0]])  # type: ignore[union-attr]


def test_zeros_are_trimmed_and_their_gradient_is_put_back() -> None:
    t = tj.Tensor([0.0, 2.0, 0.0, 3.0, 0.0], requires_grad=True)
    y = np.trim_zeros(t)
    assert y.shape == (3,)
    y.sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), [0.0, 1.0, 1.0, 1.0, 0.0])  # type: ignore[union-attr]
    assert np.trim_zeros(tj.Tensor([0.0, 0.0])).shape == (0,)
    assert np.trim_zeros(tj.Tensor([0.0, 1.0]), "b").shape == (2,)


TIES: list[Any] = [
    (np.max, [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], [[0, 1 / 2, 1 / 2], [1 / 3, 1 / 3, 1 / 3]]),
    (np.min, [[1.0, 1.0, 3.0], [2.0, 5.0, 4.0]], [[1 / 2, 1 / 2, 0], [1, 0, 0]]),
]


@pytest.mark.parametrize(("fn", "x", "wanted"), TIES)
def test_ties_share_the_gradient(fn: Any, x: Any, wanted: Any) -> None:
    t = tj.Tensor(x, requires_grad=True)
    fn(t, axis=1).sum().backward()
    np.testing.assert_allclose(t.grad.numpy(), wanted, rtol=1e-6)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["dtype", "where", "initial", "out"])
def test_an_argument_that_a_rule_does_not_know_is_refused(name: str) -> None:
    value = {"dtype": np.float64, "where": np.array([True, False]), "initial": 1.0, "out": None}[name]
    if name == "out":
        value = np.empty(())
    with pytest.raises(ArgumentError):
        np.sum(tensor(), **{name: value})  # type: ignore[call-overload]


def test_a_constant_does_not_write_into_a_tensor_unseen() -> None:
    with pytest.raises(ArgumentError):
        np.argmax(tensor(), axis=0, out=tj.Tensor([0, 0]))  # type: ignore[call-overload]


def test_lists_and_numbers_beside_a_tensor_widen_nothing() -> None:
    x = tj.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    for y in (
        np.dot(x, [0.5, 1.5, 2.5]), np.append(x, 4.0), np.interp([0.5], [0.0, 1.0, 2.0], x),
        np.linspace(x[0], 9.0, 3), np.average(x, weights=[1.0, 2.0, 3.0]), np.insert(x, 1, 0.5),
        np.diff(x, prepend=0.0), np.polyval(x, 2.0), np.full_like(x, 0.1), np.kron(x, [1.0, 2.0]),
    ):
        assert y.dtype == np.float32


def test_indices_may_be_tensors() -> None:
    x = tj.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    places = tj.Tensor([1, 1, 0])
    np.testing.assert_array_equal(np.take(x, places, axis=1).detach().numpy()[0], [2.0, 2.0, 1.0])
    z = np.sum(np.take(x, places, axis=1))
    places[0] = 0  # the graph has its own copy
    z.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[1.0, 2.0], [1.0, 2.0]])  # type: ignore[union-attr]
