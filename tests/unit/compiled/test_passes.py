"""Each pass alone leaves what a program computes as it was; and the printed programs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.errors import ProgramError
from tinygrad_jp.program import operations as ops
from tinygrad_jp.program.interpreter import NumpyProgram
from tinygrad_jp.program.passes import PASSES, optimized, with_own_results
from tinygrad_jp.program.program import Instruction, Program, Value, abstract
from tinygrad_jp.program.recording import Recording

GOLDEN = Path(__file__).parents[2] / "golden" / "programs"
F4 = np.dtype(np.float32)


def recorded(fn: Any, *arrays: Any) -> tuple[Program, list[Any]]:
    """Record fn on arrays: the program before any pass, and the arrays of its inputs."""
    recorder = Recording()
    traces = [recorder.tape.argument(a) for a in arrays]
    with recorder.running():
        made = fn(*traces)
    program = recorder.program
    results = made if isinstance(made, (tuple, list)) else [made]
    program.outputs = [r.value for r in results]
    given = [recorder.tape.bound.get(v) for v in program.inputs]
    rest = iter(arrays)
    return program, [next(rest) if g is None else g for g in given]


def network(x: Any, w: Any, t: Any) -> Any:
    """A program with something for every pass: constants, repetition, transpositions, views."""
    h = np.tanh(x @ w.T) * 1 + np.zeros_like(x @ w.T)
    z = np.negative(-h) - np.arange(3, like=x).astype(x.dtype).T * (np.ones_like(h) * 2)
    unused = np.exp(h)
    del unused
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    part = np.transpose(np.transpose(p))[1:, ::-1].reshape(-1).reshape((3, 3))
    return p, np.where(t.reshape(-1, 1) > 0, p, 0).sum(), part, (p.T * 2).T, w.T.T, h**2


def inputs() -> list[Any]:
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal((4, 5)).astype(np.float32),
        rng.standard_normal((3, 5)).astype(np.float32), rng.integers(-1, 2, 4),
    ]


@pytest.mark.parametrize("improve", PASSES, ids=lambda p: p.__name__)
def test_a_pass_alone_computes_the_same(improve: Any) -> None:
    program, arrays = recorded(network, *inputs())
    program.check()
    after = improve(program)
    after.check()
    before, _ = program.run(arrays)
    found, _ = after.run(kept(program, after, arrays))
    for a, b in zip(found, before, strict=True):
        same(a, b)


def same(a: Any, b: Any) -> None:
    """Compare to two units: NumPy's tanh and exp round otherwise where memory lies otherwise."""
    np.testing.assert_array_max_ulp(a, b, maxulp=2)


def kept(before: Program, after: Program, arrays: list[Any]) -> list[Any]:
    return [a for v, a in zip(before.inputs, arrays, strict=True) if v in after.inputs]


def test_all_passes_leave_less_to_do() -> None:
    program, arrays = recorded(network, *inputs())
    after = optimized(program)
    assert len(after.body) < 0.8 * len(program.body)
    names = [step.fn for step in after.body]
    assert names.count(np.matmul) == 1, "written twice"
    assert names.count(np.exp) == 1, "one is not used"
    assert np.negative not in names
    for a, b in zip(after.run(kept(program, after, arrays))[0], program.run(arrays)[0], strict=True):
        same(a, b)


def at_the_edges(x: Any) -> Any:
    return x + 0, x - 0, x * 1, x / 1, np.negative(-x), x * 0, 0 - x, x**2, x + np.zeros_like(x)


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, np.nan, np.inf, -np.inf, 1e-40])
def test_identities_hold_for_the_odd_numbers(value: float) -> None:
    x = np.full((2, 2), value, np.float32)
    with np.errstate(invalid="ignore"):
        program, arrays = recorded(at_the_edges, x)
    after = optimized(program)
    for a, b in zip(after.run(arrays)[0], program.run(arrays)[0], strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def test_draws_are_neither_merged_nor_dropped() -> None:
    program = Program()
    for _ in range(3):
        static = {"method": "random", "arguments": (), "dtype": F4, "shape": (2,)}
        program.body.append(Instruction(ops.draw, (), static, (Value((2,), F4),)))
    program.outputs = [program.body[0].output]
    assert len(optimized(program).body) == 3


def test_results_that_came_in_are_copied() -> None:
    program = Program()
    x = Value((2,), F4)
    program.inputs[x] = "argument"
    program.outputs = [x, x]
    after = with_own_results(program)
    assert [step.fn for step in after.body] == [ops.astype]
    assert after.outputs[0] is after.outputs[1] is not x


# ── what is not well formed ─────────────────────────────────────────────────────────────────────


def test_a_wrong_shape_is_found() -> None:
    program = Program()
    x = Value((2, 3), F4)
    program.inputs[x] = "argument"
    program.emit(np.tanh, (x,), (3, 2), F4)
    with pytest.raises(ProgramError, match=r"np\.tanh\(a0\)"):
        program.check()


SHAPES: list[tuple[int, ...]] = [
    (), (1,), (3,), (0,), (2, 3), (3, 2), (2, 1), (1, 3), (3, 3), (4, 2, 3), (4, 3, 2), (1, 2, 3), (0, 3), (3, 0),
]


@pytest.mark.parametrize("kinds", [(F4, F4), (F4, np.dtype(np.float64)), (np.dtype(np.int64), F4)])
@pytest.mark.parametrize("fn", [np.add, np.matmul, np.greater, np.power, np.arctan2])
def test_shapes_are_found_from_one_element(fn: Any, kinds: Any) -> None:
    """What is found from one row and column is what NumPy makes, and where it refuses, so do we."""
    for a in SHAPES:
        for b in SHAPES:
            x, y = Value(a, kinds[0]), Value(b, kinds[1])
            step = Instruction(fn, (x, y), {}, (Value((), F4),))
            try:
                wanted = fn(np.ones(a, kinds[0]), np.ones(b, kinds[1]))
            except ValueError:
                with pytest.raises(ValueError):
                    abstract(step)
                continue
            assert abstract(step) == [(np.shape(wanted), wanted.dtype)]
    half = Value((2, 3), np.dtype(np.float16))
    for number in (2, 2.0, True):
        made = fn(np.ones((2, 3), np.float16), number) if fn is not np.matmul else None
        if made is not None:
            assert abstract(Instruction(fn, (half, number), {}, (half,))) == [((2, 3), made.dtype)]


def test_large_products_are_checked_in_no_time() -> None:
    x, y = Value((20_000, 30_000), F4), Value((30_000, 40_000), F4)
    step = Instruction(np.matmul, (x, y), {}, (Value((20_000, 40_000), F4),))
    assert abstract(step) == [((20_000, 40_000), F4)]
    assert abstract(Instruction(np.exp, (x,), {}, (x,))) == [((20_000, 30_000), F4)]


def test_a_value_used_before_it_is_made_is_found() -> None:
    program = Program()
    x, y, z = (Value((2,), F4) for _ in range(3))
    program.inputs[x] = "argument"
    program.body = [Instruction(np.tanh, (y,), {}, (z,)), Instruction(np.exp, (x,), {}, (y,))]
    with pytest.raises(ProgramError):
        program.check()
    program.body = [Instruction(np.exp, (x,), {}, (y,)), Instruction(np.tanh, (x,), {}, (y,))]
    with pytest.raises(ProgramError):
        program.check()


def test_an_update_of_an_argument_is_found() -> None:
    program = Program()
    x = Value((2,), F4)
    program.inputs[x] = "argument"
    program.updates[x] = program.emit(np.tanh, (x,), (2,), F4)
    with pytest.raises(ProgramError):
        program.check()


# ── buffers ─────────────────────────────────────────────────────────────────────────────────────


def test_buffers_are_used_again() -> None:
    def chain(x: Any) -> Any:
        for _ in range(20):
            x = np.tanh(x * 2 + 1)
        return x.sum()

    program, arrays = recorded(chain, np.ones((8, 8), np.float32))
    ready = NumpyProgram(program)
    assert ready.workspace_bytes == 8 * 8 * 4
    (found,) = ready.bind({})(*arrays)  # type: ignore[misc]
    np.testing.assert_allclose(found, program.run(arrays)[0][0], rtol=1e-6)


def test_states_may_swap_and_shift() -> None:
    program = Program()
    a, b = Value((3,), F4), Value((3,), F4)
    program.inputs.update({a: "state", b: "state"})
    program.updates = {a: b, b: a}
    one, two = np.zeros(3, F4), np.ones(3, F4)
    NumpyProgram(program).bind({a: one, b: two})()
    assert one.tolist() == [1.0] * 3
    assert two.tolist() == [0.0] * 3


# ── golden programs ─────────────────────────────────────────────────────────────────────────────


def moons() -> Any:
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    optimizer, loss_fn = optim.SGD(model.parameters(), lr=0.1), nn.CrossEntropyLoss()

    def step(x: Any, t: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_fn(model(x), t)
        loss.backward()
        optimizer.step()
        return loss

    return step, (tj.ones(4, 2), tj.tensor([0, 1, 0, 1]))


def adam() -> Any:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4, 1))
    optimizer = optim.Adam(model.parameters())

    def step(x: Any, t: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), t)
        loss.backward()
        optimizer.step()
        return loss

    return step, (tj.ones(5, 3), tj.zeros(5, 1))


def inference() -> Any:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2), nn.Softmax(-1)).eval()
    return (lambda x: model(x).detach()), (tj.ones(4, 3),)


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("make", [moons, adam, inference], ids=lambda m: m.__name__)
def test_printed_programs(make: Any, backend: str) -> None:
    from tinygrad_jp.compiled.capture import capture
    from tinygrad_jp.compiled.signature import Signature

    tj.manual_seed(0)
    step, arguments = make()
    captured = None
    for _ in range(2):  # gradients are there at the second
        captured = capture(step, arguments, {}, Signature(arguments, {}), backend == "numpy")
        captured.commit(arguments)
    path = GOLDEN / f"{make.__name__}_{backend}.txt"
    text = str(captured.program) + "\n"
    if os.environ.get("TINYGRAD_JP_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    assert text == path.read_text("utf-8")
