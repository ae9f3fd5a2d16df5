"""Laws on the engine's side: whoever reads a rule makes the same of it, a GPU's arrays too."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import apply as generic
from ..autograd.backward import grad
from ..autograd.generate import op
from ..autograd.tensor import Tensor
from ..errors import Phrase
from ..vocabulary.call import binder
from ..vocabulary.domain import Call
from ..vocabulary.fast import FAST
from ..vocabulary.rule import Entry, Rule
from .calls import floats, gradients, leaf, mapped, outputs, values, variables, weights
from .failures import ensure, same
from .fakegpu import FakeGPU
from .laws import as_many, has_dtype, has_shape, of_argument

__tracebackhide__ = True  # pytest points to the line of the test
Array = Any


def readers(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Every reader of a rule makes the same of it.

    The generated operation and `apply`: values, what nodes save, gradients. Rules read fast, as
    written on arrays, and on Tensors: gradients.
    """
    if not isinstance(entry, Rule):
        return  # a composite has no text of its own that could be read in two ways
    arrays, static = binder(entry)(*sample.args, **sample.kwargs)
    if entry.partial is not None and any(a is None for a in arrays):
        return
    ts = [leaf(x) for x in variables(sample)]
    swap = {id(x): t for x, t in zip(variables(sample), ts, strict=True)}
    given = mapped(arrays, lambda x: swap.get(id(x), x))
    by_text = floats(op(entry.fn)(*given, *static))
    by_apply = floats(generic.apply(entry, given, static))
    ws = weights(rng, by_apply)
    for i, (y, z) in enumerate(zip(by_text, by_apply, strict=True)):
        same(y, z, Phrase("testing_result", place=i))
        ensure((y._node is None) == (z._node is None), "testing_other",
               what=Phrase("testing_recording"))
    if not by_text or by_text[0]._node is None:
        return
    a, b = (node_of(entry, y[0]) for y in (by_text, by_apply))
    alike = a.plan is b.plan and a.parents == b.parents and a.shape == b.shape
    ensure(alike, "testing_other", what=Phrase("testing_recording"))
    for slot, p, q in zip(a.plan.slots, a.saved, b.saved, strict=True):
        same_saved(p, q, slot)
    if len(ws) != (entry.outputs or 1):
        return
    g = tuple(ws) if entry.outputs else ws[0]
    fast = a.plan.pull(g, a.saved)
    slow = a.plan._compile(lambda pull: pull)(g, a.saved)
    for i, (p, q) in enumerate(zip(fast, slow, strict=True)):
        what = of_argument(entry, "testing_gradient_fast", i)
        same(p, q, what, rtol=1e-9, atol=1e-12)
        has_dtype(what, p.dtype, q.dtype)


def node_of(entry: Rule, y: Any) -> Any:
    """Give the node of the operation itself, behind that of one of several results."""
    return y._node.parents[0] if entry.outputs else y._node


def same_saved(p: Any, q: Any, slot: str) -> None:
    """Compare what two nodes saved in a slot."""
    what = Phrase("testing_saved", slot=slot)
    if isinstance(p, (list, tuple)):
        ensure(len(p) == len(q), "testing_other", what=what)
        for a, b in zip(p, q, strict=True):
            same_saved(a, b, slot)
    elif isinstance(p, np.ndarray):
        same(p, q, what)
    else:
        ensure(p is q or p == q, "testing_other", what=what)


def fast(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """The fast evaluator of a NumPy function is that function: values, shape and dtype."""
    quick = FAST[entry.fn]
    arrays, static = binder(entry)(*sample.args, **sample.kwargs)  # type: ignore[arg-type]
    a, b = quick(*arrays, *static), entry.fn(*sample.args, **sample.kwargs)
    what = Phrase("testing_evaluated", place=0)
    has_shape(what, np.shape(a), np.shape(b))
    has_dtype(what, np.asarray(a).dtype, np.asarray(b).dtype)
    same(a, b, what, rtol=1e-12)


def gpu(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """On arrays that are not NumPy's nothing falls back to the host: forward, and back twice."""
    ys = outputs(entry, sample)
    ws = weights(rng, ys)
    wanted = values(entry, sample, ws)
    us = weights(rng, wanted)
    ts: list[Tensor] = []

    def moved(x: Array) -> Any:
        if x.dtype.kind != "f":
            return FakeGPU(x)
        ts.append(Tensor(FakeGPU(x), requires_grad=True))
        return ts[-1]

    found = outputs(entry, mapped(sample, moved))
    as_many(entry, found, ys)
    for i, (a, b) in enumerate(zip(found, ys, strict=True)):
        on_gpu(a, b, Phrase("testing_result", place=i), 1e-9, 1e-12)
    pairs = [(y, Tensor(FakeGPU(w))) for y, w in zip(found, ws, strict=True) if y.requires_grad]
    gs: Any = []
    for create_graph in (False, True):
        gs = [None] * len(ts)
        if pairs:
            tops, seeds = map(list, zip(*pairs, strict=True))
            gs = grad(
                tops, ts, seeds, retain_graph=True, create_graph=create_graph, allow_unused=True
            )
        for i, (g, h) in enumerate(zip(gs, wanted, strict=True)):
            what = of_argument(entry, "testing_gradient", i)
            if g is None:
                same(h, 0 * h, what)
            else:
                on_gpu(g, h, what, 1e-9, 1e-11)
    here, first = gradients(entry, sample, ws, create_graph=True)
    theirs, ours = again(ts, gs, list(map(FakeGPU, us))), again(here, first, us)
    for i, (a, b) in enumerate(zip(theirs, ours, strict=True)):
        what = of_argument(entry, "testing_second", i)
        ensure((a is None) == (b is None), "testing_other", what=what)
        if a is not None:
            on_gpu(a, b._data, what, 1e-8, 1e-9)


def on_gpu(found: Any, wanted: Any, what: Phrase, rtol: float, atol: float) -> None:
    """See that a Tensor's values are where they were, and right."""
    ensure(type(found._data) is FakeGPU, "testing_kind", what=what,
           found=type(found._data).__name__, wanted="FakeGPU")
    same(found._data.host, wanted, what, rtol, atol)


def again(ts: list[Any], gs: Any, us: list[Any]) -> Any:
    """Differentiate the sum of gradients, weighted, once more."""
    pairs = [(g, Tensor(u)) for g, u in zip(gs, us, strict=True) if g is not None]
    pairs = [(g, u) for g, u in pairs if g.requires_grad]
    if not pairs:
        return [None] * len(ts)
    tops, seeds = map(list, zip(*pairs, strict=True))
    return grad(tops, ts, seeds, allow_unused=True)
