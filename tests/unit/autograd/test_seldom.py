"""Lines of the engine that seldom run: races, frames of C alone, calls that NumPy lets through."""

from __future__ import annotations

import _thread
import asyncio
import threading
import time
from itertools import starmap
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp.autograd import anomaly, generate, lines, memory
from tinygrad_jp.autograd.apply import ITEM, wrap
from tinygrad_jp.errors import (
    ArgumentError,
    GradcheckError,
    GradientError,
    NonFiniteError,
    RuleError,
    ShapeError,
    TinygradError,
)
from tinygrad_jp.rules.series import convolve_full
from tinygrad_jp.testing.fakegpu import FakeGPU
from tinygrad_jp.vocabulary import call as calls
from tinygrad_jp.vocabulary.domain import Sampler, samples
from tinygrad_jp.vocabulary.layers import linear, mse_recorded
from tinygrad_jp.vocabulary.origin import is_ours
from tinygrad_jp.vocabulary.primitives import log_or_zero
from tinygrad_jp.vocabulary.rule import REGISTRY, Registry, Rule


def leaf(data: Any) -> tj.Tensor:
    return tj.tensor(data, dtype=tj.float64, requires_grad=True)


# ── anomalies ───────────────────────────────────────────────────────────────────────────────────


def test_no_line_of_a_users_where_only_c_calls():
    found: list[Any] = []
    x = tj.ones(2, requires_grad=True)
    np.exp(x)  # at the first use of an operation a line of ours would run
    _thread.start_new_thread(found.extend, (starmap(lines.user_line, [()]),))
    _thread.start_new_thread(found.extend, (starmap(generate.op(np.exp), [(x,)]),))
    until = time.monotonic() + 10
    while len(found) < 2 and time.monotonic() < until:
        time.sleep(0.001)
    (y,) = (f for f in found if f is not None)
    assert len(found) == 2
    assert lines.line_of(y._node) is None
    assert lines.user_line().file == __file__


def test_statistics_of_what_is_no_number():
    words = anomaly.statistics("t", np.array(["a", "b"]))
    assert (words.shape, words.nan, words.inf) == ((2,), 0, 0)
    assert np.isnan(words.low)
    mixed = anomaly.statistics("x", np.array([[1.0, np.nan, -np.inf, 3.0]]))
    assert (mixed.shape, mixed.low, mixed.high, mixed.nan, mixed.inf) == ((1, 4), 1.0, 3.0, 1, 1)
    none = anomaly.statistics("x", np.array([np.nan]))
    assert np.isnan(none.low)
    assert np.isnan(none.high)


def test_an_anomaly_within_a_checkpoint_is_told_when_it_runs_again():
    x = leaf([1.0, 0.0])
    state = {"bad": False}

    def f(x: tj.Tensor) -> tj.Tensor:
        return np.log(x - x) if state["bad"] else x * x

    with tj.detect_anomaly():
        y = tj.checkpoint(f, x).sum()
        state["bad"] = True
        with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match=r"np\.log"):
            y.backward(create_graph=True)


def test_an_operation_without_a_hint():
    @tj.primitive
    def vanished(x: Any) -> Any:
        return x * 1.0

    tj.rule(vanished, lambda g, x: g * np.nan, broadcasts=True)
    try:
        y = vanished(leaf([1.0]))
        with tj.detect_anomaly(), pytest.raises(NonFiniteError, match="vanished"):
            (y * 1.0).sum().backward()
    finally:
        REGISTRY.pop(vanished, None)


# ── races ───────────────────────────────────────────────────────────────────────────────────────


def test_two_threads_that_need_an_operation_first_write_it_once():
    @tj.primitive
    def shared(x: Any) -> Any:
        return x * 2.0

    tj.rule(shared, lambda g: g * 2.0, broadcasts=True)
    try:
        made = generate.op(shared)
        first, written = made.__code__, []
        with generate._lock:
            threads = [
                threading.Thread(target=lambda: written.append(generate._make(shared).__code__))
                for _ in range(2)
            ]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join()
        assert written[0] is written[1] is made.__code__ is not first
        assert made(leaf([1.0])).tolist() == [2.0]
    finally:
        REGISTRY.pop(shared, None)


def test_a_registry_is_filled_once_by_whoever_comes_first():
    registry, entered, go = Registry(), threading.Event(), threading.Event()
    loads: list[int] = []

    def load() -> None:
        registry.fill()  # what is loaded looks into the registry: that is not yet another load
        loads.append(1)
        entered.set()
        go.wait(10)
        dict.__setitem__(registry, "fn", "entry")

    registry.pending = load
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(registry["fn"])) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    go.set()
    for thread in threads:
        thread.join()
    assert found == ["entry"] * 3
    assert loads == [1]
    assert registry.get("other") is None
    with pytest.raises(KeyError, match="other"):
        registry["other"]


def test_loading_that_fails_is_tried_again():
    registry, tries = Registry(), []

    def load() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("interrupted")

    registry.pending = load
    with pytest.raises(OSError, match="interrupted"):
        registry.fill()
    registry.fill()
    registry.fill()
    assert len(tries) == 2


# ── what NumPy lets through ─────────────────────────────────────────────────────────────────────


def test_half_of_clip():
    x = leaf([1.0, 2.0, 3.0])
    assert np.clip(x, None, 2.0).tolist() == [1.0, 2.0, 2.0]
    assert np.clip(x, 2.0, None).tolist() == [2.0, 2.0, 3.0]
    assert tj.gradcheck(lambda x: np.clip(x, None, 2.5) + np.clip(x, 1.5, None), x)


def test_a_ufunc_with_arguments_that_say_nothing():
    x = leaf([1.0, 2.0])
    assert np.exp(x, dtype=None).requires_grad
    with pytest.raises(ArgumentError, match="dtype"):
        np.exp(x, dtype=np.float32)
    with pytest.raises(ArgumentError, match="where"):
        np.add(x, 1.0, where=[True, False])
    bind = calls.binder(REGISTRY[np.add])
    assert bind(1, 2, where=None) == ((1, 2), ())
    with pytest.raises(ArgumentError, match="3"):
        bind(1, 2, 3)


def test_what_a_composite_cannot_take():
    x = leaf([[3.0, 1.0], [2.0, 4.0]])
    with pytest.raises(TinygradError):
        np.rot90(x, 1, (0,))
    with pytest.raises(TinygradError):
        np.trace(x, axis1=5)
    with pytest.raises(TypeError):
        np.rot90(x, "a")


def test_arguments_that_numpy_takes_and_a_composite_does_not():
    x = leaf([[3.0, 1.0], [2.0, 4.0]])
    for options in ({"stat_length": 2}, {"end_values": 2}):
        with pytest.raises(ArgumentError, match=next(iter(options))):
            np.pad(x, 1, "mean", **options)


def test_where_alone_lists_places():
    x = leaf([[3.0, 1.0], [2.0, 4.0]])
    rows, columns = np.where(x > 2)
    assert (rows.tolist(), columns.tolist()) == ([0, 1], [0, 1])


def test_least_squares_with_a_bound_for_what_counts_as_zero():
    a, b = np.array([[1.0, 0.0], [0.0, 1e-6], [0.0, 0.0]]), np.ones(3)
    for rcond, rank in ((1e-9, 2), (1e-3, 1)):
        ours, theirs = np.linalg.lstsq(leaf(a), b, rcond), np.linalg.lstsq(a, b, rcond)
        assert ours[2] == theirs[2] == rank
        assert_allclose(ours[0].detach().numpy(), theirs[0], rtol=1e-9)


def test_only_vectors_are_convolved():
    for a, b in ((np.ones(()), np.ones(2)), (np.ones((2, 2)), np.ones(2)), (np.ones(2), np.ones((2, 2)))):
        with pytest.raises(ValueError, match="vectors"):
            convolve_full(a, b)
    assert convolve_full(np.ones(2), np.array([1.0, 3.0])).tolist() == [1.0, 4.0, 3.0]


def test_the_logarithm_that_is_zero_at_zero_warns_of_nothing():
    x = leaf([0.0, 2.0])
    with np.errstate(all="raise"):
        y = log_or_zero(x)
        y.sum().backward()
    assert y.tolist() == [0.0, np.log(2.0)]
    assert x.grad.tolist() == [0.0, 0.5]


def test_nothing_has_the_default_dtype():
    assert tj.tensor([]).dtype == np.float32
    assert tj.tensor([[]]).shape == (1, 0)
    assert tj.tensor([np.float64(1.0)]).dtype == np.float64
    assert tj.tensor([[1.0], [2.0]]).dtype == np.float32


def test_a_quantile_of_what_is_missing_is_missing():
    x = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 7.0]])
    assert_array_equal(np.quantile(tj.tensor(x), 0.3, axis=1).numpy(), np.quantile(x, 0.3, axis=1))
    assert_array_equal(np.median(leaf(x), axis=1).detach().numpy(), [np.nan, 5.0])
    assert_allclose(np.nanquantile(leaf(x), 0.3, axis=1).detach().numpy(), np.nanquantile(x, 0.3, axis=1))


def test_bins_by_a_rule_with_a_name():
    x = np.array([1.0, 2.0, 2.5, 4.0, 7.0])
    for bins in ("auto", "sturges", 3):
        edges = np.histogram_bin_edges(leaf(x), bins)
        assert_allclose(edges.detach().numpy(), np.histogram_bin_edges(x, bins), rtol=1e-15)


def test_matrices_of_two_precisions():
    a, b = np.array([[2.0, 0.0], [0.0, 4.0]], np.float16), np.array([2.0, 4.0], np.float32)
    y = np.linalg.solve(tj.tensor(a), tj.tensor(b))
    assert y.dtype == np.float32
    assert y.tolist() == [1.0, 1.0]
    assert np.linalg.solve(tj.tensor(a), tj.tensor(b, dtype=tj.float16)).dtype == np.float16
    assert np.linalg.eigh(tj.tensor(a)).eigenvalues.dtype == np.float16


def test_parameters_that_numpy_takes_as_keywords_are_named_in_the_error():
    def padded(array, mode="constant", **kwargs):
        return array

    rule = Rule(
        padded, (lambda g: g,), arguments=("array",), static={"mode": "constant", "value": 0},
        listed=False, broadcasts=False, outputs=None, recorded=None, residual={}, signature=None,
        evaluate=None, partial=None, about="",
    )  # fmt: skip
    error = calls.misfit(rule, (1,), {"wrong": 2}, TypeError("?"))
    assert isinstance(error, ArgumentError)
    assert "wrong" in str(error)
    assert "(array, mode='constant', *, value=0)" in str(error)
    kept = ArgumentError("bad_call", op="f", reason="r", takes="t")
    assert calls.misfit(rule, (), {}, kept) is kept


def test_an_entry_without_samples_or_domain_is_tried_on_nothing():
    @tj.primitive
    def three(a: Any, b: Any, c: Any) -> Any:
        return a * b * c

    tj.rule(three, lambda g, b, c: g * b * c, lambda g, a, c: g * a * c, lambda g, a, b: g * a * b)
    try:
        assert list(samples(REGISTRY[three], Sampler(np.random.default_rng(0)))) == []
    finally:
        REGISTRY.pop(three, None)


# ── the rest of the walk ────────────────────────────────────────────────────────────────────────


def test_one_of_several_results():
    parts = (np.ones(2), np.zeros(3))
    assert ITEM.fn(parts, 1, 2) is parts[1]
    g = ITEM.pulls[0](np.ones(3), 1, 2)
    assert g[0] is None
    assert g[1].tolist() == [1.0, 1.0, 1.0]
    q, r = np.linalg.qr(leaf([[2.0, 1.0], [1.0, 3.0]]))
    assert tj.gradcheck(lambda x: np.linalg.qr(x)[1], leaf([[2.0, 1.0], [1.0, 3.0]]))
    (q.sum() + r.sum()).backward()


def test_a_whole_number_beside_a_result_has_no_gradient():
    @tj.primitive
    def halved(x: Any) -> Any:
        return x / 2, np.asarray(x > 1).astype(np.int64)

    def pull(g: Any) -> Any:
        return g[0] / 2

    tj.rule(halved, pull, outputs=2)
    try:
        x = leaf([1.0, 4.0])
        y, large = halved(x)
        assert large.tolist() == [0, 1]
        assert not large.requires_grad
        y.sum().backward()
        assert x.grad.tolist() == [0.5, 0.5]
    finally:
        REGISTRY.pop(halved, None)


def test_a_hooked_leaf_while_older_nodes_wait():
    w, seen = leaf([3.0]), []
    y = w * 2
    x = leaf([5.0])  # newer than y
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * y).sum().backward()
    assert (seen, x.grad.tolist(), w.grad.tolist()) == ([[6.0]], [6.0], [10.0])


def test_a_gradient_that_only_looks_like_an_array_fails_in_its_own_words():
    class Odd:
        shape = (7, 7)

    @tj.primitive
    def odd(x: Any) -> Any:
        return x * 2

    tj.rule(odd, lambda g, x: Odd(), broadcasts=True)
    try:
        with pytest.raises(AttributeError, match="Odd"):
            odd(leaf([1.0])).sum().backward()
    finally:
        REGISTRY.pop(odd, None)


def test_a_constant_that_was_changed_is_named_by_its_place():
    w, c = leaf([1.0, 2.0]), tj.tensor([1.0, 2.0], dtype=tj.float64)
    y = (w * c).sum()
    c.data[0] = 5.0
    with pytest.raises(GradientError, match=r"\bb\b.*np\.multiply|np\.multiply.*\bb\b"):
        y.backward()


def test_a_checkpoint_that_loses_its_graph_when_it_runs_again():
    x, runs = leaf([1.0, 2.0]), []

    def f(x: tj.Tensor) -> tj.Tensor:
        runs.append(1)
        return x * 2 if len(runs) == 1 else (x * 2).detach()

    tj.checkpoint(f, x).sum().backward()
    assert len(runs) == 2
    assert x.grad.tolist() == [0.0, 0.0]


def test_a_transform_within_a_checkpoint():
    w = leaf([1.0, 2.0])
    slope = tj.grad(lambda z: (z**3).sum())
    tj.checkpoint(slope, w).sum().backward()
    assert w.grad.tolist() == [6.0, 12.0]


def test_a_mode_that_is_entered_twice():
    mode = tj.set_grad_enabled(False)
    with mode:
        with mode:
            assert not tj.is_grad_enabled()
        assert not tj.is_grad_enabled()
    assert tj.is_grad_enabled()


def test_a_decorated_generator_keeps_its_name():
    @tj.no_grad()
    def numbers() -> Any:
        """Count."""
        yield tj.is_grad_enabled()

    assert (numbers.__name__, numbers.__doc__) == ("numbers", "Count.")
    assert list(numbers()) == [False]

    @tj.no_grad()
    async def later() -> bool:
        """Wait."""
        return tj.is_grad_enabled()

    assert (later.__name__, later.__doc__) == ("later", "Wait.")
    assert asyncio.run(later()) is False


def test_a_checkpoint_whose_results_need_no_gradient():
    x = leaf([1.0, 2.0])
    a, b = tj.checkpoint(lambda x: (x * 2, x.detach() * 3), x)
    assert a.requires_grad
    (a.sum() + b.sum()).backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_hooked_leaf_that_is_the_last_one():
    seen: list[Any] = []
    for f in (lambda x: x * 2, lambda x: x):
        x = leaf([1.0, 2.0])
        x.register_hook(lambda g: seen.append(g.tolist()))
        tj.autograd.grad(f(x).sum(), x, create_graph=True)
    assert seen == [[2.0, 2.0], [1.0, 1.0]]


def test_a_gradient_that_is_also_what_a_node_kept_is_copied():
    @tj.primitive
    def scaled(x: Any, w: Any) -> Any:
        return x * w

    tj.rule(scaled, lambda g, w: w, lambda g, x: x, broadcasts=True)  # d(Σ x·w)
    try:
        x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
        scaled(x, w).backward(np.ones(2))
        assert x.grad.tolist() == [3.0, 4.0]
        assert not np.shares_memory(x.grad.data, w.data)
        x.grad.data[0] = 9.0
        assert w.tolist() == [3.0, 4.0]
    finally:
        REGISTRY.pop(scaled, None)


def test_a_check_by_directions_that_no_element_shows():
    # too small for each element, and too large for all of them together
    @tj.primitive
    def nearly(x: Any) -> Any:
        return x * x

    slack = 1e-3
    tj.rule(nearly, lambda g, x: g * (2 * x + slack), broadcasts=True)
    try:
        x = leaf(np.ones(400))
        assert tj.gradcheck(lambda x: nearly(x).sum(), x, atol=1.5 * slack, rtol=0.0)
        with pytest.raises(GradcheckError):
            tj.gradcheck(lambda x: nearly(x).sum(), x, mode="direction", atol=1.5 * slack, rtol=0.0)
    finally:
        REGISTRY.pop(nearly, None)


def test_memory_that_is_no_array_of_numpy():
    class Trace:
        written = 0

    trace, other = Trace(), object()
    before = memory.last_write[0]
    memory.all_changed([trace, other, np.ones(1)])
    assert trace.written == memory.last_write[0] > before


def test_shapes_that_do_not_fit_are_told_by_the_rule_that_broadcasts_nothing():
    x = leaf([[1.0, 2.0]])
    with pytest.raises((ShapeError, RuleError), match="convolve"):
        np.convolve(x, x)


@pytest.mark.parametrize("apart", [False, True])
def test_a_leaf_that_a_transform_lent_and_a_checkpoint_kept(apart):
    def leaking(x: tj.Tensor) -> tj.Tensor:
        inner: list[tj.Tensor] = []
        given = x.detach() if apart else x
        tj.grad(lambda z: inner.append(z * 2) or (z * z).sum())(given)
        return inner[0] * x  # 2x·x, of which the first x is the transform's own

    results = []
    for f in (leaking, lambda x: tj.checkpoint(leaking, x)):
        x = leaf([1.0, 2.0])
        f(x).sum().backward()
        results.append(x.grad.tolist())
    assert results == [[2.0, 4.0] if apart else [4.0, 8.0]] * 2


@pytest.mark.parametrize("create_graph", [False, True])
def test_what_is_recorded_for_one_argument_is_not_asked_for_another(create_graph):
    asked: list[str] = []

    @tj.primitive
    def scaled(a: Any, b: Any) -> Any:
        return a * b

    def again(a: Any, b: Any) -> Any:
        asked.append("again")
        return b * 1.0

    tj.rule(
        scaled, lambda g, r: g * r, lambda g, a: g * a, broadcasts=True,
        recorded=lambda a, b: (a * b, b * 1.0), residual={"r": again},
    )  # fmt: skip
    try:
        for needed, wanted in (("b", [2.0]), ("a", [3.0])):
            a = tj.tensor([2.0], dtype=tj.float64, requires_grad=needed == "a")
            b = tj.tensor([3.0], dtype=tj.float64, requires_grad=needed == "b")
            asked.clear()
            scaled(a, b).sum().backward(create_graph=create_graph)
            assert (a.grad if needed == "a" else b.grad).tolist() == wanted
            assert asked == (["again"] if needed == "a" and create_graph else [])
    finally:
        REGISTRY.pop(scaled, None)


def test_a_tensor_on_a_gpu_is_copied_there():
    here = FakeGPU(np.array([1.0, 2.0]))
    for dtype in (None, tj.float32):
        twin = tj.tensor(wrap(here), dtype)
        assert isinstance(twin._data, FakeGPU)
        assert twin._data is not here
        assert twin._data.host.tolist() == [1.0, 2.0]
        assert twin.dtype == (dtype or np.float64)
    assert wrap(here).device == "gpu"
    with pytest.raises(TypeError, match="GPU"):
        np.asarray(wrap(here))


def test_an_error_that_is_no_error_of_arrays_goes_through_as_it_is():
    @tj.primitive
    def broken(x: Any) -> Any:
        raise KeyError("mine")

    @tj.primitive
    def refused(x: Any) -> Any:
        return broken_shape(x)

    @tj.primitive
    def broken_shape(x: Any) -> Any:
        return np.reshape(x, (7,))

    for fn in (broken, refused):
        tj.rule(fn, lambda g: g)
    try:
        with pytest.raises(KeyError, match="mine"):
            broken(leaf([1.0]))
        with pytest.raises(ShapeError, match="refused") as caught:
            refused(leaf([1.0]))
        assert caught.value.failure.rule is REGISTRY[refused]
    finally:
        for fn in (broken, refused):
            REGISTRY.pop(fn, None)


def test_the_mean_square_of_two_numbers():
    a, b = leaf(5.0), leaf(2.0)
    y = tj.nn.functional.mse_loss(a, b)
    y.backward()
    assert (y.item(), a.grad.item(), b.grad.item()) == (9.0, 6.0, -6.0)
    value, difference = mse_recorded(np.array(5.0), np.array(2.0))
    assert (float(value), float(difference), type(difference)) == (9.0, 3.0, np.ndarray)


def test_an_update_in_place_on_a_gpu_makes_a_new_array_there():
    x = wrap(FakeGPU(np.array([1.0, 2.0])))
    before = x._data
    for _ in range(2):
        x -= 0.5
    x *= wrap(FakeGPU(np.array([2.0, 3.0])))
    assert isinstance(x._data, FakeGPU)
    assert x._data.host.tolist() == [0.0, 3.0]
    assert before.host.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("rows", [63, 64])
@pytest.mark.parametrize("outputs", [16, 17])
@pytest.mark.parametrize("bias", [None, np.float32, np.float64])
def test_a_linear_map_is_the_same_however_it_is_laid_out(rows, outputs, bias):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((rows, 3), np.float32), rng.standard_normal((outputs, 3), np.float32)
    b = None if bias is None else rng.standard_normal(outputs).astype(bias)
    y = linear(x, w, b)
    assert y.dtype == (bias or np.float32)
    assert_allclose(y, x @ w.T + (0 if b is None else b), rtol=1e-5, atol=1e-6)


def test_whose_code_something_is():
    assert is_ours(None)
    assert is_ours("mse")
    assert is_ours(tj.nn.ReLU())
    assert is_ours(tj.nn.functional.cross_entropy)
    assert not is_ours(tj.nn.functional.relu)  # written at run time, of no module: not promised
    assert not is_ours(print)
    assert not is_ours(leaf)
    assert not is_ours(np.float64(1.0))


def test_an_entry_shows_what_it_is():
    assert repr(REGISTRY[np.add]) == "<rule add>"
    assert repr(REGISTRY[np.argmax]) == "<constant argmax>"


def test_a_gradient_that_cannot_even_be_summed_is_the_rules_mistake():
    @tj.primitive
    def strange(x: Any) -> Any:
        return x * 2

    tj.rule(strange, lambda g, x: np.ones(5), broadcasts=True)
    try:
        with pytest.raises(ShapeError, match=r"strange.*\(5,\).*\(1, 3\)"):
            strange(leaf([[1.0, 2.0, 3.0]])).sum().backward()
    finally:
        REGISTRY.pop(strange, None)
