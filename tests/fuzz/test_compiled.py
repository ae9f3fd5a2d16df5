"""Random programs, compiled: values and gradients are those of eager execution, call after call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import tinygrad_jp as tj
from tinygrad_jp.errors import CompileError
from tinygrad_jp.testing import programs


def step_of(program: Any) -> Any:
    """Make a function that computes a program, goes back through it, and gives all there is."""

    def step(*xs: Any) -> Any:
        for x in xs:
            x.grad = None
        ys = [y for y in program(*xs) if isinstance(y, tj.Tensor)]
        total = ys[0].sum()
        for y in ys[1:]:
            total = total + y.sum()
        total.backward()
        return [*ys, *(x.grad for x in xs)]

    return step


def arrays(results: Any) -> list[Any]:
    return [None if t is None else t.detach().numpy().copy() for t in results]


def compare(program: Any, backend: Any) -> None:
    """Raise AssertionError where a compiled program differs from the eager one."""
    step = step_of(program)
    compiled = tj.compile(step, backend=backend)
    for move in (0.0, 0.0, 0.001):  # recorded, replayed, replayed with other values
        xs = [tj.Tensor(x + move, requires_grad=True) for x in program.inputs]
        wanted = arrays(step(*xs))
        try:
            found = arrays(compiled(*xs))
        except CompileError:
            return  # refused with a reason: another shape at every call, say
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert (a is None) == (b is None), program
            if b is not None:
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11, err_msg=str(program))


def campaign(number: int, backend: str, fresh: bool) -> None:
    @settings(
        max_examples=number, deadline=None, database=None, derandomize=not fresh,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
    )
    @given(programs())
    def every(program: Any) -> None:
        if any(isinstance(y, tj.Tensor) and y.requires_grad for y in traced(program)):
            compare(program, backend)

    every()


def traced(program: Any) -> list[Any]:
    return program(*(tj.Tensor(x, requires_grad=True) for x in program.inputs))  # type: ignore[no-any-return]


def test_numpy_backend() -> None:
    campaign(25, "numpy", fresh=False)


def test_native_backend() -> None:
    campaign(8, "auto", fresh=False)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_long(backend: str) -> None:
    campaign(2000, backend, fresh=True)
