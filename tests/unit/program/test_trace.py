"""A Trace does as the array it stands for: now, and when the program that it wrote is run again."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tinygrad_jp.errors import CompileError
from tinygrad_jp.program import lowered  # noqa: F401 - which fills a table
from tinygrad_jp.program.interpreter import NumpyProgram
from tinygrad_jp.program.trace import Tape, Trace, asked_by_us, in_order

rng = np.random.default_rng(0)


def recorded(fn, *arrays):
    """Record fn, and give (its values in that call, a function that runs the program)."""
    tape = Tape()
    given = [tape.argument(a) for a in arrays]
    results = fn(*given)
    results = results if isinstance(results, tuple) else (results,)
    tape.program.outputs = [r.value for r in results]
    bound = {v: tape.bound[v] for v in tape.program.inputs if v in tape.bound}
    return [r.host for r in results], NumpyProgram(tape.program).bind(bound)


def agrees(fn, *arrays):
    """See that a recording, and its program on other values, are what NumPy gives."""
    for values in (arrays, [np.asarray(a[..., ::-1] * 2) if a.ndim else a * 3 for a in arrays]):
        now, run = recorded(fn, *arrays)
        wanted = fn(*(v.copy() for v in values))
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        found = run(*map(np.ascontiguousarray, values)) if values is not arrays else now
        for p, q in zip(found, wanted, strict=True):
            assert p.dtype == q.dtype
            np.testing.assert_array_equal(p, q)


A, B = rng.standard_normal((3, 4)), rng.standard_normal((4, 3))


@pytest.mark.parametrize("fn", [
    lambda x: x.T, lambda x: x.mT, lambda x: x.transpose(1, 0), lambda x: x.transpose((1, 0)),
    lambda x: x.reshape(2, 6), lambda x: x.reshape((6, 2)), lambda x: x.astype(np.float32),
    lambda x: x.sum(0), lambda x: x.mean(axis=1, keepdims=True), lambda x: x.swapaxes(0, 1),
    lambda x: x.std(), lambda x: x.cumsum(1), lambda x: x.clip(-0.5, 0.5), lambda x: x.ravel(),
    lambda x: np.add.reduce(x, axis=1), lambda x: np.maximum.reduce(x), lambda x: np.add.accumulate(x),
    lambda x: np.add.reduce(x, axis=0, initial=2.0), lambda x: np.sum(x, dtype=np.float32),
    lambda x: np.modf(x)[0], lambda x: np.stack(list(x)), lambda x: copy.deepcopy(x) + x,
    lambda x: copy.copy(x) * 2, lambda x: np.subtract.outer(x[0], x[1]), lambda x: (x > 0).sum(),
    lambda x: (x > 0).astype(np.int8).sum(0), lambda x: x.sum(axis=(0, -1)), lambda x: x[1:, ::2],
    lambda x: np.linalg.slogdet(x[:, :3]).logabsdet, lambda x: x.argmax(0), lambda x: x.take([1, 2]),
    lambda x: np.asarray(2.0, like=x) + x, lambda x: np.zeros((2, 3), like=x) + 1,
])
def test_functions_and_methods(fn):
    agrees(fn, A)


def written_at(x):
    np.add.at(x, [0, 0, 2], 1.5)
    return x


def written_view(x):
    row = x[1]
    row[...] = 7.0
    row += 1
    return x


def filled(x):
    x[:, 1].fill(3.0)
    return x


def converted(x):
    x[...] = np.float32(0.1)
    x[0] = np.arange(4)
    return x * 2


def into(x):
    out = x.copy()
    np.multiply(x, x, out=out)
    np.clip(out, 0.1, 0.5, out=out)
    return out


def written_into_a_view(x):
    np.add(1.0, 2.0, out=x[0, 1:2])
    return x


@pytest.mark.parametrize(
    "fn", [written_at, written_view, filled, converted, into, written_into_a_view]
)
def test_writes_are_seen_by_all_who_look_later(fn):
    agrees(fn, A)


def test_arrays_from_outside_are_inputs_whatever_their_layout():
    inside, turned, strided = A.copy(), np.asfortranarray(A), rng.standard_normal((3, 8))[:, ::2]
    tape = Tape()
    x = tape.argument(np.ones((3, 4)))
    y = x + inside + turned + strided + inside
    np.testing.assert_array_equal(y.host, 1 + inside + turned + strided + inside)
    assert len(tape.program.inputs) == 4  # x, and each array once
    assert tape.state(inside) is tape.state(inside)
    tape.forget()
    assert tape.state(inside) is not x


def test_numbers_of_numpys_are_constants():
    tape = Tape()
    x = tape.argument(np.ones(2, np.float32))
    y = x * np.float64(2.5)
    assert y.dtype == np.float64
    (constant,) = tape.program.constants.values()
    assert constant == 2.5


@pytest.mark.parametrize(("use", "word"), [
    (lambda x: np.asarray([x, x]), "np.asarray"), (lambda x: float(x[0]), "float()"),
    (lambda x: int(x[0]), "int()"), (lambda x: [1, 2][x[0]], "int()"), (lambda x: f"{x}", "format()"),
    (lambda x: x.item(), ".item()"), (lambda x: x.tolist(), ".tolist()"),
    (lambda x: np.array_equal(x, x), "array_equal"), (lambda x: np.unique(x), ""),
    (lambda x: 1 if x[0] > 0 else 2, ""),
    (lambda x: x + "a", "str"), (lambda x: np.multiply(x, 2, out=np.zeros(3)), ""),
])
def test_what_needs_the_values_is_refused(use, word):
    x = Tape().argument(np.arange(3.0))
    with pytest.raises(CompileError) as caught:
        use(x)
    assert word in str(caught.value)


def test_views_that_numpy_would_not_write_through():
    x = Tape().argument(np.arange(3.0))
    wide = np.broadcast_to(x, (2, 3))
    with pytest.raises(CompileError):
        wide[0] = 1.0
    view = x[:2]
    x[...] = 5.0
    with pytest.raises(CompileError):
        view + 1


def test_traces_of_another_recording_or_of_one_that_ended():
    x, y = Tape().argument(np.ones(2)), Tape().argument(np.ones(2))
    with pytest.raises(CompileError):
        x + y
    x.tape.ended = True
    with pytest.raises(CompileError):
        x + 1


def test_what_an_array_has_and_a_trace_has_not():
    x = Tape().argument(np.ones((2, 3), np.float32))
    assert (x.ndim, x.size, x.itemsize, x.nbytes, len(x)) == (2, 6, 4, 24, 2)
    assert repr(x) == "<Trace (2, 3) float32>"
    with pytest.raises(AttributeError, match="tofile"):
        x.tofile  # noqa: B018
    with pytest.raises(TypeError, match="unsized"):
        len(x[0, 0])
    with pytest.raises(np.exceptions.AxisError):
        x.sum(2)
    assert not asked_by_us()
    assert isinstance(x, Trace)


def test_the_order_of_axes_in_memory():
    a = np.zeros((2, 3, 4))
    assert in_order(a)[1] == (0, 1, 2)
    view, back = in_order(a.transpose(2, 0, 1))
    assert view.flags.c_contiguous
    assert view.transpose(back).shape == (4, 2, 3)
    assert in_order(a[:, ::2]) is None
