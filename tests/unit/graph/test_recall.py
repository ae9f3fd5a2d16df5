"""What is recomputed is what was computed, for every rule of the registry."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp.graph.recall import arguments_of, kept_by, recomputed
from tinygrad_jp.vocabulary.domain import Sampler, samples
from tinygrad_jp.vocabulary.rule import Rule, label, rules

NEEDS_LESS = {"linear", "minus_one_hot"}  # their pulls do not tell a missing bias, or the labels
RULES = [r for r in rules() if r.samples or r.domain]


def tensors(value):
    """Make a Tensor of each floating point array in an argument."""
    if isinstance(value, (list, tuple)) and any(isinstance(v, np.ndarray) for v in value):
        return type(value)(map(tensors, value))
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return tj.Tensor(value, requires_grad=True)
    return value


@pytest.mark.parametrize("rule", RULES, ids=lambda r: label(r.fn))
def test_recomputed(rule: Rule):
    for sample in samples(rule, Sampler(1, np.float64)):
        args = [tensors(a) for a in sample.args]
        y = rule.fn(*args, **{k: tensors(v) for k, v in sample.kwargs.items()})
        first = y[0] if isinstance(y, tuple) else y
        node = first._node.parents[0] if rule.outputs else first._node
        found = [t for a in args for t in (a if isinstance(a, (list, tuple)) else [a])]
        known = {t._node: t._data for t in found if isinstance(t, tj.Tensor)}
        given = arguments_of(node)
        assert [g.node for g in given if g.node is not None] == list(node.parents)
        value = kept_by(node).get("y", recomputed(node, known))
        if value is None and rule.name in NEEDS_LESS:
            continue
        assert value is not None, sample
        if not rule.outputs:
            assert value.dtype == y.dtype
        pairs = zip(value, y, strict=True) if rule.outputs else [(value, y)]
        for got, wanted in pairs:
            assert_array_equal(got, wanted._data)


def test_a_constant_before_in_a_list():
    x = tj.tensor(2.0, requires_grad=True)
    y = np.stack([np.array(1.0, "f"), x])
    constant, tracked = arguments_of(y._node)
    assert (constant.argument, constant.node) == ("xs[0]", None)
    assert (tracked.argument, tracked.node) == ("xs[1]", x._node)


def test_one_of_several_results_keeps_its_dtype():
    q, r = np.linalg.qr(tj.tensor(np.eye(3), requires_grad=True))
    graph = tj.draw(q.sum() + r.sum()).graph
    assert {n.dtype for n in graph.nodes} == {"float64", None}, "None is of the pair"
