"""Programs built by hand, and held to their plain evaluation when they run natively."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_jp.program import native
from tinygrad_jp.program import operations as ops
from tinygrad_jp.program.program import Instruction, Program, Value, abstract


class Builder:
    """Writes a Program instruction by instruction: `b(np.add, x, 1.0)`."""

    def __init__(self) -> None:
        self.program = Program()
        self.arrays: list[np.ndarray] = []

    def input(self, array: Any, kind: str = "argument") -> Value:
        array = np.array(array, order="C")
        value = Value(array.shape, array.dtype)
        self.program.inputs[value] = kind
        self.arrays.append(array)
        return value

    def constant(self, array: Any) -> Value:
        array = np.array(array)
        value = Value(array.shape, array.dtype)
        self.program.constants[value] = array
        return value

    def __call__(self, fn: Any, *xs: Any, **static: Any) -> Value:
        step = Instruction(fn, xs, static, (Value((), np.dtype(bool)),))
        ((shape, dtype),) = abstract(step)
        value = Value(tuple(shape), np.dtype(dtype))
        self.program.body.append(Instruction(fn, xs, static, (value,)))
        return value

    def assume(self, x: Value) -> None:
        self.program.body.append(Instruction(ops.assume, (x,), {}, ()))

    def total(self, x: Value, axis: Any = None, keepdims: bool = False, fn: Any = np.sum) -> Value:
        return self(fn, x, axis=axis, keepdims=keepdims)

    def returns(self, *values: Value) -> None:
        self.program.outputs.extend(values)


def room(program: Program) -> dict[Value, np.ndarray]:
    """Make arrays for the outputs, full of rubbish."""
    own = [v for v in program.outputs if v not in program.inputs]
    return {v: np.full(v.shape, 77, v.dtype) for v in own}


def run_native(b: Builder, calls: int = 1) -> tuple[list[np.ndarray], list[np.ndarray], Any]:
    """Run natively: (outputs, new states, the NativeProgram). The Builder's arrays stay."""
    program = b.program
    program.check()
    made = native.build(program)
    outputs = room(program)
    arrays = [a.copy() for a in b.arrays]
    entry = made.bind(outputs)
    for _ in range(calls):
        assert entry(*arrays) is None
    inputs = dict(zip(program.inputs, arrays, strict=True))
    got = [outputs[v] if v in outputs else inputs[v] for v in program.outputs]
    return got, [inputs[v] for v in program.updates], made


def agree(b: Builder, rtol: float | None = None, atol: float | None = None) -> Any:
    """Hold the native run to the plain one, in two calls in turn; gives the NativeProgram."""
    arrays = [a.copy() for a in b.arrays]
    places = {v: i for i, v in enumerate(b.program.inputs)}
    for _ in range(2):
        wanted, states = b.program.run(arrays)
        wanted = [np.array(w) for w in wanted]
        for state, new in zip(b.program.updates, [np.array(s) for s in states], strict=True):
            arrays[places[state]] = new
    news = [arrays[places[s]] for s in b.program.updates]
    got, states, made = run_native(b, 2)
    for value, g, w in zip(b.program.outputs, got, wanted, strict=True):
        close(g, w, value in b.program.inputs, rtol, atol)
    for g, w in zip(states, news, strict=True):
        close(g, w, False, rtol, atol)
    return made


def close(got: np.ndarray, wanted: np.ndarray, skip: bool, rtol: Any, atol: Any) -> None:
    if skip:
        return
    assert got.dtype == wanted.dtype
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, wanted)
        return
    single = got.dtype.itemsize == 4
    finite = np.abs(wanted[np.isfinite(wanted)])
    scale = float(finite.max()) if finite.size else 0.0
    near = (3e-6 if single else 3e-14) if rtol is None else rtol
    slack = near * max(scale, 1e-30) if atol is None else atol
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    np.testing.assert_allclose(got, wanted, rtol=near * 10, atol=slack)
