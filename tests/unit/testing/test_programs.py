"""Random programs: all of the registry, valid Python, right derivatives, smallest when they fail."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis.errors import NoSuchExample

import tinygrad_jp as tj
from tinygrad_jp.errors import ArgumentError, LawError, set_language
from tinygrad_jp.testing import REAL, assert_gradients, call, programs
from tinygrad_jp.testing.programs import Near, Value, differentiable
from tinygrad_jp.vocabulary.primitive import primitive
from tinygrad_jp.vocabulary.rule import REGISTRY, label


@given(programs())
def test_derivatives_of_chains_agree_with_differences(program):
    assert_gradients(program, *program.inputs, dtypes=())


def test_every_operation_can_take_part():
    """Draw each operation by itself: it must be reachable, and its samples must lead somewhere."""
    lost = []
    for entry in differentiable():
        try:
            program = find(
                programs(operations=[entry.fn], max_steps=1), lambda p: True,
                settings=settings(
                    max_examples=50, database=None, deadline=None, phases=(Phase.generate,)
                ),
            )
        except Exception:
            lost.append(label(entry.fn))
            continue
        assert program.operations == [label(entry.fn)]
    assert lost == []


def test_an_operation_that_cannot_take_part_is_refused():
    for operations in ([np.exp, np.argmax], [print], []):
        with pytest.raises(ArgumentError):
            find(programs(operations=operations), lambda p: True)


def test_steps_follow_from_one_another():
    program = find(programs(operations=[np.exp, np.matmul]), lambda p: len(p.steps) == 3)
    arguments = [a for step in program.steps for a in step.call.args]
    assert all(any(isinstance(a, (Value, Near)) for a in step.call.args) for step in program.steps)
    assert len(arguments) >= 3
    assert len(program(*program.inputs)) == len(program.outputs)


def test_only_calls_that_are_accepted():
    only = programs(operations=[np.sum], accept=lambda entry, call: "axis" not in call.kwargs)
    with pytest.raises(NoSuchExample):
        find(only, lambda p: any("axis" in s.call.kwargs for s in p.steps),
             settings=settings(max_examples=50, database=None))


def test_a_failing_program_is_shrunk_to_the_wrong_step():
    """What is told is one step of the operation that is wrong, as Python, with both numbers."""
    REGISTRY.fill()
    before = dict(REGISTRY)

    @primitive
    def bent(x):
        return x * x * x

    tj.rule(bent, lambda g, x: g * np.abs(x) * x * 3, broadcasts=True, domain=(REAL,),
            samples=lambda s: [call(s(3)), call(s(2, 3))])
    set_language("en")

    @settings(max_examples=200, database=None, deadline=None, derandomize=True)
    @given(programs(operations=[np.exp, np.sum, np.multiply, np.tanh, bent]))
    def every(program):
        assert_gradients(program, *program.inputs, dtypes=())

    try:
        with pytest.raises(LawError) as caught:
            every()
    finally:
        set_language(None)
        for fn in set(REGISTRY) - set(before):
            del REGISTRY[fn]
    code = caught.value.facts["code"]
    assert code.count("\nv") == 1, code
    assert "= bent(" in code
    assert caught.value.facts["reason"].facts["found"] == pytest.approx(
        -caught.value.facts["reason"].facts["wanted"], rel=1e-4
    )
