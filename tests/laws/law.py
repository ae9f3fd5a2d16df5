"""The laws that every rule keeps, each a function of one entry of the registry and one call of it.

A law raises AssertionError where an entry breaks it. The test files call each over the whole
registry; `tests/test_tester.py` plants errors and sees that the laws find them.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp.autograd import apply as generic
from tinygrad_jp.autograd.backward import accumulate, grad, run
from tinygrad_jp.autograd.generate import op
from tinygrad_jp.autograd.node import fast_evaluator
from tinygrad_jp.errors import TinygradError
from tinygrad_jp.vocabulary.call import binder
from tinygrad_jp.vocabulary.domain import REAL, Call, Sampler, samples
from tinygrad_jp.vocabulary.fast import FAST
from tinygrad_jp.vocabulary.primitives import sum_to
from tinygrad_jp.vocabulary.rule import REGISTRY, Composite, Entry, Rule, label, rules

from .calls import (
    agree,
    along,
    directions,
    dot,
    floats,
    gradients,
    leaf,
    mapped,
    outputs,
    placed,
    values,
    variables,
    weights,
)
from .fakegpu import FakeGPU

Array = Any
Law = Callable[[Entry, Call, np.random.Generator], None]
tried: Counter[str] = Counter()  # examples tried so far, by law; shown at the end of a run

# ── over what, and how often ────────────────────────────────────────────────────────────────────


def composites() -> list[Composite]:
    """List every composite once that brings samples."""
    found = dict.fromkeys(e for e in REGISTRY.values() if isinstance(e, Composite))
    return [e for e in found if e.samples or e.domain]


def name(entry: Entry) -> str:
    return label(entry.fn)


over_rules = pytest.mark.parametrize("entry", rules(), ids=name)
over_all = pytest.mark.parametrize("entry", [*rules(), *composites()], ids=name)


def hold(
    law: Law, entry: Entry, dtype: Any = np.float64, share: float = 0.1, profile: Any = None
) -> None:
    """See that a law holds on every sample of an entry, for seeds that hypothesis draws.

    share: how many seeds, of the max_examples of the profile (that in force, unless given).
    """
    chosen = profile or settings()
    number = max(1, round(chosen.max_examples * share))

    @settings(
        chosen, max_examples=number, phases=(Phase.generate,), suppress_health_check=HealthCheck
    )
    @given(st.integers(0, 2**32 - 1))
    def every_sample(seed: int) -> None:
        for i, sample in enumerate(samples(entry, Sampler(seed, dtype))):
            try:
                law(entry, sample, np.random.default_rng([seed, i]))
            except Exception as error:
                error.add_note(f"{name(entry)}, seed {seed}, sample {i}: {sample}")
                raise
            tried[law.__name__] += 1

    every_sample()


# ── the laws ────────────────────────────────────────────────────────────────────────────────────


def same_values(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """On Tensors, with and without a gradient, the results are those of NumPy on arrays."""
    wanted = outputs(entry, sample)
    for make in (leaf, generic.wrap):
        found = outputs(entry, placed(sample, map(make, variables(sample))))
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert type(a) is tj.Tensor
            assert a.shape == b.shape
            assert_allclose(a._data, b, rtol=1e-9, atol=1e-12)


def first_order(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """The gradient of every argument is the slope along a random direction."""
    xs = variables(sample)
    ys = outputs(entry, sample)
    ws = weights(rng, ys)
    gs = values(entry, sample, ws)
    for i, v in enumerate(directions(rng, xs)):
        assert gs[i].shape == xs[i].shape
        path = along(xs, i, v)

        def at(t: float, path: Any = path) -> float:
            return dot(ws, outputs(entry, placed(sample, path(t))))

        size, noise = dot([abs(gs[i])], [abs(v)]), dot(map(abs, ws), map(abs, ys))
        agree(dot([gs[i]], [v]), at, size, noise, f"gradient of argument {i}")


def second_order(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """The gradient of the gradient, in the arguments and in what arrives, is its slope too."""
    xs, ys = variables(sample), outputs(entry, sample)
    ws = weights(rng, ys)
    us = directions(rng, xs)
    wts = [leaf(w) for w in ws]
    ts, gs = gradients(entry, sample, wts, create_graph=True)
    first = values(entry, sample, ws)
    for g, h in zip(gs, first, strict=True):
        assert_allclose(h if g is not None else 0 * h, 0 * h if g is None else g._data,
                        rtol=1e-9, atol=1e-11)
    pairs = [(g, u) for g, u in zip(gs, us, strict=True) if g is not None and g.requires_grad]
    places = [*ts, *wts]
    found: Any = [None] * len(places)
    if pairs:
        tops, seeds = map(list, zip(*pairs, strict=True))
        found = grad(tops, places, seeds, allow_unused=True)
    arrays = [*xs, *ws]
    noise = dot(map(abs, us), map(abs, first))
    for i, v in enumerate([*directions(rng, xs), *weights(rng, ws)]):
        path = along(arrays, i, v)

        def at(t: float, path: Any = path) -> float:
            now = path(t)
            return dot(us, values(entry, placed(sample, now[: len(xs)]), now[len(xs) :]))

        h = np.zeros_like(v) if found[i] is None else found[i]._data
        assert h.shape == v.shape
        agree(dot([h], [v]), at, dot([abs(h)], [abs(v)]), noise, f"second order, place {i}")


def dtype(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Results and gradients have the dtype of the arguments, and the values of float64's."""
    xs = variables(sample)
    kind = xs[0].dtype
    ts = [leaf(x) for x in xs]
    ys = outputs(entry, placed(sample, ts))
    for y in ys:
        assert y.dtype == kind, f"result of {y.dtype} from {kind}"
    for y in evaluated(entry, sample):
        assert y.dtype == kind, f"evaluation gave {y.dtype} for {kind}"
    ws = weights(rng, ys)
    for g in pulled(entry, ys, ws):
        assert g.dtype == kind, f"a pull gave {g.dtype} for {kind}"
    found = values(entry, sample, ws)
    exact = values(entry, wide(sample, xs), [w.astype(np.float64) for w in ws])
    for a, y in zip(outputs(entry, wide(sample, xs)), ys, strict=True):
        if abs(a - y._data).max(initial=0) > 0.05 * max(1.0, abs(a).max(initial=0)):
            return  # an order that NumPy leaves open (np.partition) came out otherwise
    loose = {2: 6e-2, 4: 2e-4, 8: 1e-9}[kind.itemsize]
    for g, h in zip(found, exact, strict=True):
        assert g.dtype == kind, f"gradient of {g.dtype} from {kind}"
        assert_allclose(g, h, rtol=loose, atol=loose * max(1.0, float(abs(h).max(initial=0))))
    if is_elementwise(entry) and is_numpys(entry) and len(xs) > 1:
        for i, number in product(range(len(xs)), (0.5, 2)):
            mixed = [leaf(x) if j == i else number for j, x in enumerate(xs)]
            (y,) = outputs(entry, placed(sample, mixed))
            assert y.dtype == kind, f"the number {number} made {y.dtype} of {kind}"
            for g in pulled(entry, [y], [np.ones_like(y._data)]):
                assert g.dtype == kind, f"a pull beside {number} gave {g.dtype} for {kind}"


def evaluated(entry: Entry, sample: Call) -> list[Array]:
    """Give what a rule's evaluator returns, before the engine casts anything."""
    if not isinstance(entry, Rule):
        return []
    arrays, static = binder(entry)(*sample.args, **sample.kwargs)
    if entry.partial is not None and any(a is None for a in arrays):
        return []
    return floats(fast_evaluator(entry)(*arrays, *static))


def pulled(entry: Entry, ys: list[Any], ws: list[Array]) -> Any:
    """Give what a rule's pulls themselves return, before the engine casts anything."""
    if not isinstance(entry, Rule) or not ys or ys[0]._node is None:
        return []
    node = ys[0]._node.parents[0] if entry.outputs else ys[0]._node
    if node.plan.rule is not entry or len(ys) != (entry.outputs or 1):
        return []
    return node.plan.pull(tuple(ws) if entry.outputs else ws[0], node.saved)


def wide(sample: Call, xs: list[Array]) -> Call:
    """Give the same call in float64."""
    twin = placed(sample, [x.astype(np.float64) for x in xs])
    is_dtype = lambda v: isinstance(v, np.dtype) and v.kind == "f"
    return Call(tuple(np.dtype(np.float64) if is_dtype(v) else v for v in twin.args), twin.kwargs)


def broadcast(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """A gradient of a broadcast argument is that of the full one, summed back."""
    assert isinstance(entry, Rule)
    ws = weights(rng, outputs(entry, sample))
    found = values(entry, sample, ws)
    for g, x in zip(found, variables(sample), strict=True):
        assert g.shape == x.shape
    if is_elementwise(entry):
        for g, h in zip(found, values(entry, spread(sample), ws), strict=True):
            assert_allclose(g, sum_to(h, g.shape), rtol=1e-9, atol=1e-11)


def spread(sample: Call) -> Call:
    """Broadcast the arrays of a call against one another."""
    arrays: list[Array] = []
    mapped(sample, arrays.append)
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return mapped(sample, lambda a: np.broadcast_to(a, shape).copy())  # type: ignore[no-any-return]


def is_elementwise(entry: Entry) -> bool:
    """Tell whether broadcasting beforehand is the same: so not for matmul, nor for x[0] = b."""
    if not isinstance(entry, Rule) or not entry.broadcasts or entry.static:
        return False
    return getattr(entry.fn, "signature", None) is None  # matmul has one: (n?,k),(k,m?)->(n?,m?)


def purity(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Nothing is written into: not the arguments, not the gradient that arrives; .grad is its own."""

    def locked(x: Array) -> Array:
        x = x.copy()
        x.flags.writeable = False
        return x

    sealed = mapped(sample, locked)
    held: list[Array] = []
    mapped(sealed, held.append)
    before = [x.copy() for x in held]
    ts = [leaf(x) for x in variables(sealed)]
    ys = [y for y in outputs(entry, placed(sealed, ts)) if y.requires_grad]
    ws = [locked(w) for w in weights(rng, ys)]
    kept = [y._data.copy() for y in ys], [w.copy() for w in ws]
    if ys:
        run(ys, ws, False, False, accumulate)
    for a, b in zip([*held, *(y._data for y in ys), *ws], [*before, *kept[0], *kept[1]], strict=True):
        assert_array_equal(a, b)
    mine = [t._node.grad for t in ts if t._node.grad is not None]
    others = [*held, *ws, *(y._data for y in ys)]
    for i, g in enumerate(mine):
        assert type(g) is np.ndarray
        assert g.flags.writeable
        for other in [*others, *mine[:i]]:
            assert not np.shares_memory(g, other), ".grad shares memory"


def layout(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Fortran order, strides, negative strides and read-only memory change no result."""
    ys = outputs(entry, sample)
    ws = weights(rng, ys)
    wanted = [*ys, *values(entry, sample, ws)]
    for change in LAYOUTS:
        other = mapped(sample, change)
        found = [*floats_of_tensors(entry, other), *values(entry, other, [change(w) for w in ws])]
        for a, b in zip(found, wanted, strict=True):
            assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def floats_of_tensors(entry: Entry, sample: Call) -> list[Array]:
    return [y._data for y in outputs(entry, placed(sample, map(leaf, variables(sample))))]


def fortran(x: Array) -> Array:
    """Lay x out with its first axis running fastest."""
    return np.array(x, order="F")


def strided(x: Array) -> Array:
    """Lay x out with a gap after each element of its last axis."""
    wide = np.zeros((*x.shape, 2), x.dtype)
    wide[..., 0] = x
    return wide[..., 0]


def backwards(x: Array) -> Array:
    """Lay x out from its end to its beginning."""
    turn = (slice(None, None, -1),) * x.ndim
    return np.asarray(np.asarray(x[turn]).copy()[turn])


def read_only(x: Array) -> Array:
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS = [fortran, strided, backwards, read_only]


def readers(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Every reader of a rule makes the same of it.

    The generated operation and `apply`: values, what nodes save, gradients. Rules read fast, as
    written on arrays, and on Tensors: gradients.
    """
    assert isinstance(entry, Rule)
    arrays, static = binder(entry)(*sample.args, **sample.kwargs)
    if entry.partial is not None and any(a is None for a in arrays):
        return
    ts = [leaf(x) for x in variables(sample)]
    swap = {id(x): t for x, t in zip(variables(sample), ts, strict=True)}
    given = mapped(arrays, lambda x: swap.get(id(x), x))
    by_text = op(entry.fn)(*given, *static)
    by_apply = generic.apply(entry, given, static)
    ws = weights(rng, floats(by_apply))
    for y, z in zip(floats(by_text), floats(by_apply), strict=True):
        assert_array_equal(y._data, z._data)
        assert (y._node is None) == (z._node is None)
    if not floats(by_text) or floats(by_text)[0]._node is None:
        return
    a, b = (node_of(entry, y) for y in (by_text, by_apply))
    assert a.plan is b.plan
    assert a.parents == b.parents
    assert a.shape == b.shape
    for slot, p, q in zip(a.plan.slots, a.saved, b.saved, strict=True):
        same(p, q, slot)
    if len(ws) != (entry.outputs or 1):
        return
    g = tuple(ws) if entry.outputs else ws[0]
    fast = a.plan.pull(g, a.saved)
    slow = a.plan._compile(lambda pull: pull)(g, a.saved)
    for p, q in zip(fast, slow, strict=True):
        assert_allclose(p, q, rtol=1e-9, atol=1e-12)
        assert p.dtype == q.dtype


def node_of(entry: Rule, y: Any) -> Any:
    return y[0]._node.parents[0] if entry.outputs else y._node


def same(p: Any, q: Any, slot: str) -> None:
    """Compare what two nodes saved in a slot."""
    if isinstance(p, (list, tuple)):
        assert len(p) == len(q), slot
        for a, b in zip(p, q, strict=True):
            same(a, b, slot)
    elif isinstance(p, np.ndarray):
        assert_array_equal(p, q, err_msg=slot)
    else:
        assert p is q or p == q, slot


def fast(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """The fast evaluator of a NumPy function is that function: values, shape and dtype."""
    quick = FAST[entry.fn]
    arrays, static = binder(entry)(*sample.args, **sample.kwargs)  # type: ignore[arg-type]
    a, b = quick(*arrays, *static), entry.fn(*sample.args, **sample.kwargs)
    assert np.shape(a) == np.shape(b)
    assert np.asarray(a).dtype == np.asarray(b).dtype
    assert_allclose(a, b, rtol=1e-12)


def is_numpys(entry: Entry) -> bool:
    return isinstance(entry.fn, np.ufunc) or entry.fn.__module__.startswith("numpy")


def emptied(sample: Call) -> Iterator[Call]:
    """List the call with each array in turn, and with all, without elements or axes."""
    xs = variables(sample)
    for i, x in enumerate(xs):
        for axis in range(x.ndim):
            cut = x[(slice(None),) * axis + (slice(0, 0),)]
            yield placed(sample, [cut if j == i else y for j, y in enumerate(xs)])
        if x.ndim and x.size:
            one = np.asarray(x.flat[0])
            yield placed(sample, [one if j == i else y for j, y in enumerate(xs)])
    if len(xs) > 1:
        yield mapped(sample, lambda x: x[:0] if x.ndim else x)
        yield mapped(sample, lambda x: x[..., :0] if x.ndim else x)


def empty(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Where NumPy answers for empty and 0-d arrays, Tensors answer the same, and gradients fit.

    A primitive of our own is only called as its rules call it, so it brings such samples itself.
    """
    if not entry.domain and not is_numpys(entry):
        return
    for small in emptied(sample):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # NumPy warns of a mean of nothing
            try:
                wanted = outputs(entry, small)
            except Exception:
                continue  # not something that NumPy answers
            try:
                found = outputs(entry, placed(small, map(leaf, variables(small))))
            except TinygradError:
                continue  # refused with a reason
            for a, b in zip(found, wanted, strict=True):
                assert a.shape == b.shape
                assert_allclose(a._data if isinstance(a, tj.Tensor) else a, b, rtol=1e-9)
            for g, x in zip(values(entry, small, weights(rng, wanted)), variables(small), strict=True):
                assert g.shape == x.shape
                assert g.dtype == x.dtype


def gpu(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """On arrays that are not NumPy's nothing falls back to the host: forward, and back twice."""
    ys = outputs(entry, sample)
    ws = weights(rng, ys)
    wanted = values(entry, sample, ws)
    us = weights(rng, wanted)
    ts: list[tj.Tensor] = []

    def moved(x: Array) -> Any:
        if x.dtype.kind != "f":
            return FakeGPU(x)
        ts.append(tj.Tensor(FakeGPU(x), requires_grad=True))
        return ts[-1]

    found = outputs(entry, mapped(sample, moved))
    for a, b in zip(found, ys, strict=True):
        assert type(a._data) is FakeGPU, f"the result is a {type(a._data).__name__}"
        assert_allclose(a._data.host, b, rtol=1e-9, atol=1e-12)
    pairs = [(y, tj.Tensor(FakeGPU(w))) for y, w in zip(found, ws, strict=True) if y.requires_grad]
    for create_graph in (False, True):
        gs: Any = [None] * len(ts)
        if pairs:
            tops, seeds = map(list, zip(*pairs, strict=True))
            gs = grad(tops, ts, seeds, retain_graph=True, create_graph=create_graph, allow_unused=True)
        for g, h in zip(gs, wanted, strict=True):
            if g is None:
                assert_array_equal(h, 0 * h)
                continue
            assert type(g._data) is FakeGPU, f"the gradient is a {type(g._data).__name__}"
            assert_allclose(g._data.host, h, rtol=1e-9, atol=1e-11)
    here, first = gradients(entry, sample, ws, create_graph=True)
    for a, b in zip(again(ts, gs, list(map(FakeGPU, us))), again(here, first, us), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert type(a._data) is FakeGPU
            assert_allclose(a._data.host, b._data, rtol=1e-8, atol=1e-9)


def again(ts: list[Any], gs: Any, us: list[Any]) -> Any:
    """Differentiate the sum of gradients, weighted, once more."""
    pairs = [(g, tj.Tensor(u)) for g, u in zip(gs, us, strict=True) if g is not None]
    pairs = [(g, u) for g, u in pairs if g.requires_grad]
    if not pairs:
        return [None] * len(ts)
    tops, seeds = map(list, zip(*pairs, strict=True))
    return grad(tops, ts, seeds, allow_unused=True)


def edges(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Far out, and at 0 where that is inside the domain, a finite value has no NaN for a slope."""
    assert isinstance(entry, Rule)
    for far in (0.0, 1e-30, 700.0, -700.0, 1e30, -1e30):
        if any(d != REAL for d in entry.domain) or not entry.domain:
            return
        at = placed(sample, [np.full_like(x, far) for x in variables(sample)])
        with np.errstate(all="ignore"):
            ys = outputs(entry, at)
            gs = values(entry, at, [np.ones_like(y) for y in ys])
        if all(np.isfinite(y).all() for y in ys):
            for g in gs:
                assert not np.isnan(g).any(), f"NaN at {far}"


def complex_step(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """The slope of an analytic function agrees with its imaginary part to the last digits.

    Source: Squire and Trapp, Using complex variables to estimate derivatives (1998).
    """
    xs, ys = variables(sample), outputs(entry, sample)
    gs = values(entry, sample, ws := weights(rng, ys))
    for i, v in enumerate(directions(rng, xs)):
        at = [x + 1e-30j * v if j == i else x + 0j for j, x in enumerate(xs)]
        (y,) = (entry.fn(*mapped_numbers(sample, at)),)
        wanted = float(np.sum(ws[0] * np.imag(y))) / 1e-30
        size = float(np.sum(abs(gs[i] * v)))
        assert abs(float(np.sum(gs[i] * v)) - wanted) <= 1e-12 * max(1.0, size)


def mapped_numbers(sample: Call, xs: list[Array]) -> tuple[Any, ...]:
    return placed(sample, xs).args


def is_analytic(entry: Entry) -> bool:
    """Tell whether NumPy evaluates a ufunc on complex numbers, as an analytic function."""
    if not isinstance(entry.fn, np.ufunc) or entry.fn is np.conjugate:
        return False
    return bool({"D->D", "DD->D"} & set(entry.fn.types))

