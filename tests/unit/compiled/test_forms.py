"""Arguments and results of every form, and calls of Python's inside: as eager execution has them."""

from __future__ import annotations

import copy
import pickle
from collections import namedtuple
from functools import partial
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.errors import CompileError, TinygradWarning
from tinygrad_jp.optim import lr_scheduler

Pair = namedtuple("Pair", "first second")
X = np.arange(6.0, dtype="f").reshape(2, 3)


def count(compiled: Any) -> int:
    return sum(len(replays) for replays in compiled._replays.values())


def plain(result: Any) -> Any:
    """Give the same structure with arrays in the place of Tensors."""
    if isinstance(result, tj.Tensor):
        return result.numpy().copy()
    if isinstance(result, tuple) and hasattr(result, "_make"):
        return type(result)(*map(plain, result))
    if isinstance(result, (tuple, list)):
        return type(result)(map(plain, result))
    return {k: plain(v) for k, v in result.items()} if isinstance(result, dict) else result


def as_eager(compiled: Any, fn: Any, *calls: Any, programs: int = 1) -> Any:
    """See that a function gives the same compiled, call by call; give it."""
    made = compiled(fn)
    for args in calls:
        wanted, found = plain(fn(*copy.deepcopy(args))), plain(made(*args))
        assert type(found) is type(wanted)
        np.testing.assert_equal(found, wanted)
    assert count(made) == programs
    return made


@pytest.mark.parametrize("form", [
    lambda x: Pair(x + 1, [x * 2, 3]),
    lambda x: Pair(x, Pair(x.sum(), None)),
    lambda x: {"a": x * 2, "b": (x, "name")},
    lambda x: [x.T, x.sum(0)],
    lambda x: x,
    lambda x: "no Tensor at all",
], ids=["named", "named in named", "dict", "list", "the argument", "plain"])
def test_results_of_every_form(compiled: Any, form: Any) -> None:
    as_eager(compiled, form, *((tj.Tensor(X * k),) for k in (1, 2, 3)))


def test_a_parameter_as_a_result_is_that_parameter(compiled: Any) -> None:
    w = tj.ones(3, requires_grad=True)
    other = tj.arange(3.0)
    made = compiled(lambda x: (w, other, x * w.detach()))
    for _ in range(3):
        found = made(tj.Tensor(X))
        assert found[0] is w
        np.testing.assert_array_equal(found[1].numpy(), [0, 1, 2])
        np.testing.assert_array_equal(found[2].numpy(), X)


@pytest.mark.parametrize("given", [
    lambda k: np.full(3, k, "f"), lambda k: Pair(tj.full((3,), k), 2.0), lambda k: [tj.full((3,), k)],
    lambda k: {"x": tj.full((3,), k), "y": np.full(3, k)},
], ids=["array", "named", "list", "dict"])
def test_arguments_of_every_form(compiled: Any, given: Any) -> None:
    def fn(x: Any) -> Any:
        parts = list(x.values()) if isinstance(x, dict) else list(x) if isinstance(x, (Pair, list)) else [x]
        return tj.as_tensor(parts[0]) * 2 + sum(tj.as_tensor(p) for p in parts[1:])

    as_eager(compiled, fn, *((given(k),) for k in (1.0, 2.0, 3.0)))


def test_the_same_tensor_twice_is_another_program(compiled: Any) -> None:
    def fn(a: Any, b: Any) -> Any:
        return a * 2 + b

    x, y = tj.Tensor(X), tj.Tensor(X + 1)
    as_eager(compiled, fn, (x, y), (x, x), (y, x), (y, y), programs=2)


def test_numpys_numbers_are_part_of_the_program(compiled: Any) -> None:
    def fn(x: Any, k: Any) -> Any:
        return x * k

    x = tj.Tensor(X)
    as_eager(compiled, fn, (x, np.float32(2)), (x, np.float32(2)), (x, np.float32(3)), programs=2)


def test_another_number_of_arguments(compiled: Any) -> None:
    def fn(*xs: Any) -> Any:
        return sum(xs[1:], xs[0])

    x = tj.Tensor(X)
    as_eager(compiled, fn, (x,), (x,), (x, tj.Tensor(X + 1)), (x, tj.Tensor(X + 1)), (x,), programs=2)


def test_a_tensor_that_was_computed_is_refused(compiled: Any) -> None:
    w = tj.ones(3, requires_grad=True)
    with pytest.raises(CompileError) as error:
        compiled(lambda x: x * 2)(w * 3)
    assert error.value.key == "compile_inside_graph"
    eager = compiled(lambda x: x * 2, fallback="eager")
    with pytest.warns(TinygradWarning):
        np.testing.assert_array_equal(eager(w * 3).detach().numpy(), [6, 6, 6])


def test_bound_partial_and_nested_functions_are_reached(compiled: Any) -> None:
    class Scaled:
        def __init__(self) -> None:
            self.w = tj.full((3,), 2.0)

        def apply(self, x: Any) -> Any:
            return x * self.w

        @tj.compile
        def decorated(self, x: Any) -> Any:
            return x + self.w

    kept = Scaled()
    bound, part = kept.apply, partial(np.add, kept.w)
    inner = compiled(lambda x: x - kept.w)
    made = compiled(lambda x: (bound(x), part(x), inner(x)))
    for value in (2.0, 3.0):
        kept.w.data = np.full(3, value, "f")
        for found, wanted in zip(made(tj.Tensor(X)), (X * value, X + value, X - value), strict=True):
            np.testing.assert_array_equal(found.numpy(), wanted)
        np.testing.assert_array_equal(kept.decorated(tj.Tensor(X)).numpy(), X + value)
    assert count(Scaled.decorated) == 2  # another array, another program


@pytest.mark.parametrize("outside", [False, True])
def test_an_argument_that_is_written_into(compiled: Any, outside: bool) -> None:
    kept = tj.zeros(2, 3)

    def fn(x: Any, y: Any) -> Any:
        x += 1
        x[0] = 7.0
        y *= 2
        if outside:
            kept.copy_(x)
        return (x * y).sum()

    made = compiled(fn)
    w = tj.ones(2, 3, requires_grad=True)
    for k in range(1, 4):
        eager, mine = (tj.Tensor(X * k), tj.Tensor(X)), (tj.Tensor(X * k), tj.Tensor(X))
        held = (w * mine[0]).sum()  # a graph that needs what is written over
        assert made(*mine).item() == fn(*eager).item()
        for a, b in zip(mine, eager, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
        with pytest.raises(tj.errors.GradientError):
            held.backward()
    assert count(made) == 1


@pytest.mark.parametrize("odd", [
    lambda a: a.astype(">f4"), np.asfortranarray, lambda a: np.repeat(a, 2, 1)[:, ::2], lambda a: a[::-1],
    lambda a: pickle.loads(pickle.dumps(a)),
], ids=["byte order", "columns", "strided", "backwards", "unpickled"])
def test_arguments_of_every_layout(compiled: Any, odd: Any) -> None:
    def tensor(array: Any) -> Any:
        made = tj.Tensor(X)
        made._data = odd(array.copy())
        return made

    def fn(x: Any, y: Any) -> Any:
        return (x * 2 + y).sum(0)

    as_eager(compiled, fn, *((tensor(X * k), odd(X)) for k in (1, 2, 3)))
    x = tensor(X)
    x.requires_grad_()
    compiled(lambda x: (x * x).sum().backward())(x)
    np.testing.assert_array_equal(x.grad.numpy(), 2 * odd(X))

    def writes(x: Any) -> Any:
        x += 1
        return x.sum()

    x = tensor(X)
    if x._data.flags.c_contiguous and x._data.dtype.isnative:  # which need not be a copy
        made = compiled(writes)
        assert [made(x).item() for _ in range(3)] == [21, 27, 33]
        np.testing.assert_array_equal(x.numpy(), X + 3)
        return
    with pytest.raises(CompileError) as error:
        compiled(writes)(x)
    assert error.value.key == "compile_argument"
    with pytest.warns(TinygradWarning):
        compiled(writes, fallback="eager")(x)
    np.testing.assert_array_equal(x.numpy(), odd(X) + 1)


def test_an_argument_that_gets_another_shape_is_refused(compiled: Any) -> None:
    def fn(x: Any) -> Any:
        x.data = x.data.sum(0)
        return x * 2

    with pytest.raises(CompileError) as error:
        compiled(fn)(tj.Tensor(X))
    assert error.value.key == "compile_replaced"


def test_writing_numbers_of_another_dtype_or_shape(compiled: Any) -> None:
    """What is written into a Tensor takes its dtype and shape."""
    kept = tj.zeros(2, 3)

    def fn(x: Any) -> Any:
        with tj.no_grad():
            kept.copy_(x.sum(0))
            np.add(kept.data, x.data.astype(np.float64), out=kept.data, casting="same_kind")
        return kept * 1

    made = compiled(fn)
    for k in (1, 2, 3):
        found = made(tj.Tensor(X * k))
        np.testing.assert_array_equal(found.numpy(), X * k + (X * k).sum(0))
        np.testing.assert_array_equal(kept.numpy(), found.numpy())
        assert kept.dtype == np.float32


def test_gradients_of_arguments_gather(compiled: Any) -> None:
    made = compiled(lambda x: (x * x).sum().backward())
    x = tj.Tensor(X, requires_grad=True)
    for k in (1, 2, 3):
        made(x)
        np.testing.assert_array_equal(x.grad.numpy(), 2 * X * k)


def test_gradients_that_are_there_are_added_to(compiled: Any) -> None:
    w = tj.Tensor(X, requires_grad=True)
    w.grad = tj.ones(2, 3)
    memory = w.grad.numpy()
    made = compiled(lambda x: (x * w).sum().backward())
    for k in (1, 2, 3):
        made(tj.Tensor(X))
        np.testing.assert_array_equal(w.grad.numpy(), 1 + X * k)
        assert np.shares_memory(w.grad.numpy(), memory)


def test_gradients_that_are_forgotten_at_the_end(compiled: Any) -> None:
    w = tj.Tensor(X, requires_grad=True)

    def fn(x: Any) -> Any:
        (x * w).sum().backward()
        norm = w.grad.sum()
        w.grad = None
        return norm

    made = compiled(fn)
    for k in (1, 2, 3):
        assert made(tj.Tensor(X * k)).item() == 15 * k
        assert w.grad is None


def test_a_scheduler_that_is_told_a_loss(compiled: Any) -> None:
    def made(wrap: Any) -> Any:
        w = tj.ones(3, requires_grad=True)
        optimizer = optim.SGD([w], lr=1.0)
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5)

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            loss = (w * 0 + x).sum()
            loss.backward()
            optimizer.step()
            scheduler.step(loss)
            return loss

        return optimizer, scheduler, wrap(step)

    (one, first, eager), (other, second, replayed) = made(lambda f: f), made(compiled)
    for k in (3.0, 4.0, 5.0, 2.0, 2.0, 2.0, 2.0, 2.0):
        assert eager(tj.full((3,), k)).item() == replayed(tj.full((3,), k)).item()
        assert one.param_groups[0]["lr"] == other.param_groups[0]["lr"]
        assert first.num_bad_epochs == second.num_bad_epochs
    assert one.param_groups[0]["lr"] < 1


def test_a_program_can_be_drawn_from_the_function(compiled: Any) -> None:
    made = compiled(nn.Linear(3, 2))
    made(tj.Tensor(X))
    drawn = made.draw(lang="en")
    assert "Linear" in str(made) or "compiled" in repr(made)
    assert drawn.svg().startswith("<")


def test_numpys_functions_on_the_arrays_of_tensors(compiled: Any) -> None:
    """A Tensor beside an array that is recorded, a dtype asked for, and a place for the result."""
    kept = tj.zeros(3)

    def fn(x: Any) -> Any:
        np.median(x.data, axis=0, out=kept.data)
        wide = np.asarray(x.data, np.float64, like=x.data)
        return np.add(x.data, x), np.concatenate([x.data, x]), tj.as_tensor(wide).sum()

    made = compiled(fn)
    for k in (1, 2, 3):
        x = tj.Tensor(X * k)
        both, joined, total = made(x)
        np.testing.assert_array_equal(both.numpy(), 2 * X * k)
        np.testing.assert_array_equal(joined.numpy(), np.concatenate([X * k, X * k]))
        assert (total.item(), total.dtype) == (15 * k, np.float64)
        np.testing.assert_array_equal(kept.numpy(), np.median(X * k, axis=0))
