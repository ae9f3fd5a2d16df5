"""detect_anomaly: who made the NaN, where, out of what, and what to do about it."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import warnings
from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp.autograd import apply, backward, generate
from tinygrad_jp.autograd.lines import line_of
from tinygrad_jp.errors import NonFiniteError
from tinygrad_jp.vocabulary.rule import REGISTRY


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    tj.set_language("en")
    yield
    tj.set_language(None)


def leaf(*values: float, dtype: Any = np.float32) -> tj.Tensor:
    return tj.Tensor(np.array(values, dtype), requires_grad=True)


def caught(run: Callable[[], Any]) -> NonFiniteError:
    with pytest.raises(NonFiniteError) as error, tj.detect_anomaly():
        run()
    return error.value


def here(offset: int = 0) -> str:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return f"{__file__}:{frame.f_back.f_lineno + offset} "


def is_on() -> bool:
    return bool(generate.scope["watching"] or apply.watchers or backward.observers)


# ── forward ─────────────────────────────────────────────────────────────────────────────────────


def test_log_of_zero() -> None:
    x = leaf(1.0, 0.0, 4.0)
    x.name = "p"
    error, line = caught(lambda: np.log(x) * 2.0), here()
    assert error.key == "non_finite_forward"
    assert error.facts["op"] == "np.log"
    assert error.facts["what"] == "Inf"
    (seen,) = error.facts["inputs"]
    assert seen == ("x 'p'", (3,), "float32", 0.0, 4.0, 0, 0)
    assert str(error.facts["where"]).startswith(line)
    assert "np.log(x) * 2.0" in str(error)
    assert "1e-7" in str(error)
    assert "cross_entropy" in str(error)


@pytest.mark.parametrize(
    ("run", "what", "hint"),
    [
        (lambda x: np.log(x - 1.0), "Inf", "hint_log_zero"),
        (lambda x: np.log(-x), "NaN", "hint_log_negative"),
        (lambda x: x / (x - 1.0), "Inf", "hint_divide_zero"),
        (lambda x: (x - 1.0) / (x - 1.0), "NaN", "hint_divide_zero"),
        (lambda x: 1.0 / (x - 1.0), "Inf", "hint_divide_zero"),
        (lambda x: np.sqrt(-x), "NaN", "hint_root_negative"),
        (lambda x: np.exp(x * 100.0), "Inf", "hint_exp"),
        (lambda x: (x - 1.0) ** -1.5, "Inf", "hint_power"),
        (lambda x: (-x) ** 0.5, "NaN", "hint_power"),
        (lambda x: np.arccos(x + 1.0), "NaN", "hint_domain"),
        (lambda x: x * 3e38 * 2.0, "Inf", "hint_overflow"),
        (lambda x: x * np.float32(np.inf) - np.float32(np.inf), "NaN", "hint_infinite_input"),
        (lambda x: np.log1p(x - 3.0), "NaN", "hint_domain"),
    ],
)
@pytest.mark.parametrize("requires_grad", [True, False])
def test_causes(run: Any, what: str, hint: str, requires_grad: bool) -> None:
    x = tj.Tensor(np.float32([1.0]), requires_grad=requires_grad)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error = caught(lambda: run(x))
    assert error.key == "non_finite_forward"
    assert error.facts["what"] == what
    assert error.facts["hint"].key == hint


def test_a_nan_that_came_in_is_not_blamed_on_the_operation() -> None:
    x, data = leaf(1.0, 2.0), np.array([1.0, np.nan], np.float32)
    error = caught(lambda: x * data)
    assert error.key == "non_finite_input"
    assert error.facts["argument"] == "b"
    assert error.facts["inputs"][1].nan == 1
    assert "not to blame" in str(error)
    w = leaf(np.nan, 1.0)
    w.name = "w"
    assert caught(lambda: np.exp(w)).facts["argument"] == "x 'w'"
    assert caught(lambda: np.concatenate([x, w])).facts["argument"] == "xs[1] 'w'"


def test_a_nan_that_is_replaced_is_no_anomaly() -> None:
    data = np.array([1.0, np.nan], np.float32)
    with tj.detect_anomaly():
        x = np.where(np.isnan(data), 0.0, tj.Tensor(data, requires_grad=True))
        (x * x).sum().backward()
    assert x.tolist() == [1.0, 0.0]


def test_a_mask_of_minus_infinity_is_no_anomaly() -> None:
    x = leaf(1.0, 2.0, 3.0)
    with tj.detect_anomaly():
        z = np.where(np.array([True, True, False]), x, -np.inf)
        e = np.exp(z - 2.0)
        (e / e.sum()).sum().backward()
    assert e.tolist()[2] == 0.0
    assert x.grad is not None


def test_results_without_floats_and_good_ones_pass() -> None:
    with tj.detect_anomaly():
        x = leaf(1.0, 2.0)
        assert ((x > 1.0).tolist(), np.argmax(x).item()) == ([False, True], 1)
        y = np.tanh(x * x).sum()
        y.backward()
    assert x.grad is not None
    assert np.all(np.isfinite(x.grad.numpy()))


# ── backward ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_root_of_zero(create_graph: bool) -> None:
    x = leaf(4.0, 0.0)
    with tj.detect_anomaly():
        y = np.sqrt(x)
        line = here(-1)
        with pytest.raises(NonFiniteError) as error:
            y.sum().backward(create_graph=create_graph)
    assert error.value.key == "non_finite_backward"
    assert error.value.facts["op"] == "np.sqrt"
    assert error.value.facts["argument"] == "x"
    assert str(error.value.facts["where"]).startswith(line)
    assert error.value.facts["hint"].key == "hint_root_zero"
    assert [s.name for s in error.value.facts["inputs"]] == ["g", "y"]
    assert "y = np.sqrt(x)" in str(error.value)
    assert "1e-12" in str(error.value)


def test_zero_times_infinity_in_the_backward_pass() -> None:
    x = leaf(0.0)
    error = caught(lambda: (np.sqrt(x) * 0.0).sum().backward())
    assert error.facts["op"] == "np.sqrt"
    assert error.facts["what"] == "NaN"
    error = caught(lambda: np.where(x > 0, np.sqrt(x), 0.0).sum().backward())
    assert error.facts["op"] == "np.sqrt"
    assert error.facts["what"] == "NaN"


def test_a_forward_pass_outside_is_unknown() -> None:
    with tj.keep_lines(False):
        y = np.sqrt(leaf(0.0)).sum()
    error = caught(y.backward)
    assert error.facts["where"].key == "line_unknown_hint"
    y = np.sqrt(leaf(0.0)).sum()
    error = caught(y.backward)
    assert str(error.facts["where"]).endswith("y = np.sqrt(leaf(0.0)).sum()  → np.sqrt(leaf(0.0))")


def test_a_bad_gradient_to_start_with() -> None:
    x = leaf(1.0, 2.0)
    error = caught(lambda: (x * 2.0).backward(np.array([1.0, np.nan])))
    assert error.key == "non_finite_gradient"
    assert error.facts["inputs"][0].nan == 1


def test_through_transforms_and_checkpoints() -> None:
    error = caught(lambda: tj.grad(lambda x: np.sqrt(x).sum())(np.zeros(2)))
    assert error.key == "non_finite_backward"
    assert error.facts["op"] == "np.sqrt"
    x = leaf(0.0)
    error = caught(lambda: tj.checkpoint(lambda x: np.sqrt(x) * 2.0, x).backward(np.ones(1)))
    assert error.key == "non_finite_backward"
    assert error.facts["op"] == "np.sqrt"
    assert error.facts["where"].function == "<lambda>"


@tj.primitive
def both_halves(x: Any) -> Any:
    return x * 0.5, x * 0.25


@pytest.mark.parametrize("create_graph", [False, True])
def test_several_outputs_and_several_results(create_graph: bool) -> None:
    tj.rule(both_halves, lambda g, x: (g[0] + g[1]) / (x - 1.0), outputs=2)
    try:
        x = leaf(2.0)
        with tj.detect_anomaly():
            a, b = both_halves(x)
            assert tj.autograd.grad([a, b, x], x)[0].tolist() == [3.0]
        x = leaf(1.0)
        error = caught(lambda: both_halves(x)[1].backward(create_graph=create_graph))
        assert error.key == "non_finite_backward"
        assert error.facts["op"] == "both_halves"
    finally:
        del REGISTRY[both_halves]


# ── where it holds ──────────────────────────────────────────────────────────────────────────────


def test_nothing_is_left_behind() -> None:
    x = leaf(0.0)
    assert not is_on()
    with tj.detect_anomaly():
        assert is_on()
        with tj.detect_anomaly():
            assert is_on()
        assert is_on()
        with pytest.raises(NonFiniteError):
            np.log(x)
    assert not is_on()
    caught(lambda: np.log(x))
    assert not is_on()
    with np.errstate(divide="ignore"):
        assert np.log(x).item() == -np.inf
    with pytest.warns(RuntimeWarning, match="divide"):
        np.log(x)


def test_as_a_decorator_that_is_recursive() -> None:
    @tj.detect_anomaly()
    def halve(x: Any, times: int) -> Any:
        return halve(x * 0.5, times - 1) if times else np.log(x)

    assert halve(leaf(1.0), 3).item() == pytest.approx(np.log(0.125))
    with pytest.raises(NonFiniteError):
        halve(leaf(0.0), 3)
    assert not is_on()


def test_another_thread_is_left_alone() -> None:
    inside, done = Barrier(2), Barrier(2)
    found: list[float] = []

    def other() -> None:
        inside.wait(10)
        with np.errstate(divide="ignore"):
            x = leaf(0.0)
            y = np.log(x)
            found.append(y.item())
            y.backward(np.ones(1))
            found.append(x.grad.item())
        done.wait(10)

    thread = Thread(target=other)
    thread.start()
    with tj.detect_anomaly():
        inside.wait(10)
        done.wait(10)
        with pytest.raises(NonFiniteError):
            np.log(leaf(0.0))
    thread.join()
    assert found == [-np.inf, np.inf]


def test_many_threads_at_once() -> None:
    wrong: list[int] = []

    def work(k: int) -> None:
        for _ in range(30):
            try:
                with tj.detect_anomaly():
                    np.exp(leaf(float(k)) * 100.0)
                if k:
                    wrong.append(k)
            except NonFiniteError:
                if not k:
                    wrong.append(k)

    threads = [Thread(target=work, args=(k,)) for k in (0, 1, 2, 0)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
    assert not is_on()


def test_another_task_is_left_alone() -> None:
    async def watched(ready: asyncio.Event) -> str:
        with tj.detect_anomaly():
            ready.set()
            await asyncio.sleep(0)
            try:
                np.log(leaf(0.0))
            except NonFiniteError as error:
                return error.key
        return "nothing"

    async def free(ready: asyncio.Event) -> float:
        await ready.wait()
        with np.errstate(divide="ignore"):
            return float(np.log(leaf(0.0)).item())

    async def both() -> list[Any]:
        ready = asyncio.Event()
        return await asyncio.gather(watched(ready), free(ready))

    assert asyncio.run(both()) == ["non_finite_forward", -np.inf]
    assert not is_on()


@tj.keep_lines(False)
def test_every_node_has_a_line() -> None:
    x = leaf(1.0)
    with tj.detect_anomaly():
        y = np.exp(x)
    line = line_of(y.grad_fn)
    assert line is not None
    assert (line.file, line.number) == (__file__, int(here(-3).split(":")[-1]))
    assert line.function == "test_every_node_has_a_line"
    assert line_of(np.exp(x).grad_fn) is None


def test_the_error_can_be_pickled_and_is_told_in_the_language_in_force() -> None:
    error = pickle.loads(pickle.dumps(caught(lambda: np.log(leaf(0.0)))))
    assert error.facts["inputs"][0].low == 0.0
    assert "add" not in str(error).lower()[:20]
    tj.set_language("ja")
    assert "順伝播の np.log で Inf が生じました" in str(error)
    assert "1e-7" in str(error)
