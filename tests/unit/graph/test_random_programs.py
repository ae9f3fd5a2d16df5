"""On any random computation: its rules are right, its gradient is explained, the doctor survives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_jp as tj
from tinygrad_jp.testing import Program, programs

pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_jp.errors.TinygradWarning")


def loss_of(program: Program):
    inputs = [tj.tensor(x, requires_grad=True) for x in program.inputs]
    results = [r for r in program(*inputs) if r.requires_grad]
    loss = sum((r * np.linspace(0.5, 1.5, r.size).reshape(r.shape)).sum() for r in results)
    return inputs, loss


def examine(program: Program):
    inputs, loss = loss_of(program)
    if not isinstance(loss, tj.Tensor):
        return
    report = tj.check_graph(loss)
    assert report.ok, f"{program}\n{report}"
    diagnosis = tj.diagnose(loss)
    assert str(diagnosis)
    assert diagnosis.html()
    for x in inputs:
        e = tj.explain(loss, x, paths=64)
        (expected,) = tj.autograd.grad(loss, x, retain_graph=True, allow_unused=True)
        if expected is None:
            assert e.reason is not None
            continue
        np.testing.assert_array_equal(e.total, expected.numpy(), str(program))
        shown = sum(p.contribution for p in e.paths) + (0 if e.rest is None else e.rest)
        np.testing.assert_allclose(shown, expected.numpy(), rtol=1e-6, atol=1e-9, err_msg=str(program))
        index = tuple(n - 1 for n in x.shape)
        for window in (str(e), tj.explain(loss, x, index=index).markdown()):
            assert window
    loss.backward()


@settings(max_examples=60, deadline=None)
@given(programs())
def test_random_programs(program):
    examine(program)


@pytest.mark.slow
@settings(max_examples=2000, deadline=None)
@given(programs(max_steps=8))
def test_many_random_programs(program):
    examine(program)
