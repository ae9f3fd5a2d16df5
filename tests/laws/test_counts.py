"""Every rule is tried in full: each argument that has a derivative, on several seeds."""

from __future__ import annotations

from typing import Any

from tinygrad_jp.testing import assertions, calls, laws
from tinygrad_jp.vocabulary.domain import Sampler, samples
from tinygrad_jp.vocabulary.rule import rules

from . import law


@law.over_rules
def test_each_argument_with_a_derivative_is_sampled(entry: Any) -> None:
    reached = set()
    for sample in samples(entry, Sampler(1)):
        ts = [calls.leaf(x) for x in calls.variables(sample)]
        result = entry.fn(*calls.placed(sample, ts).args, **sample.kwargs)
        for y in calls.floats(result):
            node = y._node
            if node is not None and entry.outputs:
                node = node.parents[0]
            if node is not None and node.plan.rule is entry:
                reached.update([0] if entry.listed else node.plan.places)
    assert reached == {i for i, pull in enumerate(entry.pulls) if pull is not None}


def test_a_rule_is_tried_on_several_seeds() -> None:
    assertions.tried.clear()
    law.hold(laws.first_order, rules()[0], share=0.1)
    assert assertions.tried["first_order"] >= 3
