"""The laws that every operation keeps, each a function of one entry of the registry and one call.

A law raises LawError where an entry breaks it. `assert_rule` holds a user's own rule to all of
them, the project's own tests the whole registry, and `tests/test_tester.py` plants errors and sees
that the laws find them. More laws, on the engine's side of a rule, are in `readers.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from ..autograd import apply as generic
from ..autograd.backward import accumulate, grad, run
from ..autograd.node import fast_evaluator
from ..autograd.tensor import Tensor
from ..errors import Phrase, TinygradError
from ..vocabulary.call import binder
from ..vocabulary.domain import REAL, Call
from ..vocabulary.primitives import sum_to
from ..vocabulary.rule import Entry, Rule, label
from .calls import (
    compare,
    directions,
    dot,
    floats,
    gradients,
    leaf,
    mapped,
    moved,
    outputs,
    placed,
    values,
    variables,
    weights,
)
from .failures import ensure, same

__tracebackhide__ = True  # pytest points to the line of the test
Array = Any
Law = Callable[[Entry, Call, np.random.Generator], None]


def of_argument(entry: Entry, key: str, place: int) -> Phrase:
    """Name the gradient of an argument, counted among the floating point arrays of a call."""
    labels = getattr(entry, "labels", ())
    return Phrase(key, place=labels[place] if place < len(labels) else place)


def as_many(entry: Entry, found: Any, wanted: Any) -> None:
    """See that there are as many results as there should be."""
    ensure(len(found) == len(wanted), "testing_count", name=label(entry.fn), found=len(found),
           wanted=len(wanted))


def has_dtype(what: Phrase, found: Any, wanted: Any) -> None:
    """See that something has the dtype it should have."""
    ensure(found == wanted, "testing_dtype", what=what, found=found, wanted=wanted)


def has_shape(what: Phrase, found: Any, wanted: Any) -> None:
    """See that something has the shape it should have."""
    ensure(found == wanted, "testing_shape", what=what, found=found, wanted=wanted)


def same_values(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """On Tensors, with and without a gradient, the results are those of NumPy on arrays."""
    wanted = outputs(entry, sample)
    for make in (leaf, generic.wrap):
        found = outputs(entry, placed(sample, map(make, variables(sample))))
        as_many(entry, found, wanted)
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            what = Phrase("testing_result", place=i)
            ensure(type(a) is Tensor, "testing_kind", what=what, found=type(a).__name__,
                   wanted="Tensor")
            same(a, b, what, rtol=1e-9, atol=1e-12)


def first_order(
    entry: Entry, sample: Call, rng: np.random.Generator, rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """The gradient of every argument is the slope along a random direction."""
    xs = variables(sample)
    ys = outputs(entry, sample)
    ws = weights(rng, ys)
    gs = values(entry, sample, ws)
    noise = dot(map(abs, ws), map(abs, ys))
    for i, v in enumerate(directions(rng, xs)):
        what = of_argument(entry, "testing_gradient", i)
        has_shape(what, gs[i].shape, xs[i].shape)

        def at(v: Array, t: float, i: int = i) -> float:
            return dot(ws, outputs(entry, placed(sample, moved(xs, i, v, t))))

        compare(gs[i], v, at, noise, what, rtol, atol)


def second_order(
    entry: Entry, sample: Call, rng: np.random.Generator, rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """The gradient of the gradient, in the arguments and in what arrives, is its slope too."""
    xs, ys = variables(sample), outputs(entry, sample)
    ws = weights(rng, ys)
    us = directions(rng, xs)
    wts = [leaf(w) for w in ws]
    ts, gs = gradients(entry, sample, wts, create_graph=True)
    first = values(entry, sample, ws)
    for i, (g, h) in enumerate(zip(gs, first, strict=True)):
        same(0 * h if g is None else g, h, of_argument(entry, "testing_gradient_recorded", i),
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

        def at(v: Array, t: float, i: int = i) -> float:
            now = moved(arrays, i, v, t)
            return dot(us, values(entry, placed(sample, now[: len(xs)]), now[len(xs) :]))

        h = np.zeros_like(v) if found[i] is None else found[i]._data
        key = "testing_second" if i < len(xs) else "testing_second_arriving"
        what = of_argument(entry, key, i if i < len(xs) else i - len(xs))
        has_shape(what, h.shape, v.shape)
        compare(h, v, at, noise, what, rtol, atol)


LOOSE = {2: 6e-2, 4: 2e-4, 8: 1e-9}  # relative rounding that is let pass, by the dtype's bytes


def dtype(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Results and gradients have the dtype of the arguments, and the values of float64's."""
    xs = variables(sample)
    kind = xs[0].dtype
    ys = outputs(entry, placed(sample, [leaf(x) for x in xs]))
    for i, y in enumerate(ys):
        has_dtype(Phrase("testing_result", place=i), y.dtype, kind)
    for i, y in enumerate(evaluated(entry, sample)):
        has_dtype(Phrase("testing_evaluated", place=i), y.dtype, kind)
    ws = weights(rng, ys)
    for i, g in enumerate(pulled(entry, ys, ws)):
        has_dtype(of_argument(entry, "testing_pull", i), g.dtype, kind)
    found = values(entry, sample, ws)
    exact = values(entry, wide(sample, xs), [w.astype(np.float64) for w in ws])
    for a, y in zip(outputs(entry, wide(sample, xs)), ys, strict=True):
        if abs(a - y._data).max(initial=0) > 0.05 * max(1.0, abs(a).max(initial=0)):
            return  # an order that NumPy leaves open (np.partition) came out otherwise
    loose = LOOSE[kind.itemsize]
    for i, (g, h) in enumerate(zip(found, exact, strict=True)):
        what = of_argument(entry, "testing_gradient", i)
        has_dtype(what, g.dtype, kind)
        same(g, h, what, rtol=loose, atol=loose * max(1.0, float(abs(h).max(initial=0))))
    if is_elementwise(entry) and is_numpys(entry) and len(xs) > 1:
        for i, number in product(range(len(xs)), (0.5, 2)):
            mixed = [leaf(x) if j == i else number for j, x in enumerate(xs)]
            (y,) = outputs(entry, placed(sample, mixed))
            what = Phrase("testing_beside", number=number)
            has_dtype(what, y.dtype, kind)
            for g in pulled(entry, [y], [np.ones_like(y._data)]):
                has_dtype(what, g.dtype, kind)


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

    def is_dtype(v: Any) -> bool:
        return isinstance(v, np.dtype) and v.kind == "f"

    args = tuple(np.dtype(np.float64) if is_dtype(v) else v for v in twin.args)
    return Call(args, twin.kwargs)


def broadcast(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """A gradient of a broadcast argument is that of the full one, summed back."""
    ws = weights(rng, outputs(entry, sample))
    found = values(entry, sample, ws)
    for i, (g, x) in enumerate(zip(found, variables(sample), strict=True)):
        has_shape(of_argument(entry, "testing_gradient", i), g.shape, x.shape)
    if is_elementwise(entry):
        for i, (g, h) in enumerate(zip(found, values(entry, spread(sample), ws), strict=True)):
            same(g, sum_to(h, g.shape), of_argument(entry, "testing_broadcast", i), 1e-9, 1e-11)


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
    """Nothing is written into: no argument, no gradient that arrives; `.grad` is its own memory."""
    sealed = mapped(sample, read_only)
    held: list[Array] = []
    mapped(sealed, held.append)
    before = [x.copy() for x in held]
    ts = [leaf(x) for x in variables(sealed)]
    ys = [y for y in outputs(entry, placed(sealed, ts)) if y.requires_grad]
    ws = [read_only(w) for w in weights(rng, ys)]
    kept = [y._data.copy() for y in ys], [w.copy() for w in ws]
    if ys:
        run(ys, ws, False, False, accumulate)
    now, then = [*held, *(y._data for y in ys), *ws], [*before, *kept[0], *kept[1]]
    for a, b in zip(now, then, strict=True):
        same(a, b, Phrase("testing_unwritten"))
    mine = [t._node.grad for t in ts if t._node.grad is not None]
    others = [*held, *ws, *(y._data for y in ys)]
    for i, g in enumerate(mine):
        what = of_argument(entry, "testing_gradient", i)
        ensure(type(g) is np.ndarray and g.flags.writeable, "testing_kind", what=what,
               found=type(g).__name__, wanted="np.ndarray")
        for other in [*others, *mine[:i]]:
            ensure(not np.shares_memory(g, other), "testing_shared", what=what)


def layout(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Fortran order, strides, negative strides and read-only memory change no result."""
    ys = outputs(entry, sample)
    ws = weights(rng, ys)
    wanted = [*ys, *values(entry, sample, ws)]
    for change in LAYOUTS:
        other = mapped(sample, change)
        results = outputs(entry, placed(other, map(leaf, variables(other))))
        found = [*results, *values(entry, other, [change(w) for w in ws])]
        for a, b in zip(found, wanted, strict=True):
            same(a, b, Phrase("testing_layout", layout=change.__name__), rtol=1e-9, atol=1e-11)


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
    """Copy x to where nobody may write."""
    x = x.copy()
    x.flags.writeable = False
    return x


LAYOUTS: list[Callable[[Array], Array]] = [fortran, strided, backwards, read_only]


def is_numpys(entry: Entry) -> bool:
    """Tell whether an entry's function is NumPy's, not ours or a user's."""
    module = getattr(entry.fn, "__module__", "") or ""  # a ufunc has none; what exec made, None
    return isinstance(entry.fn, np.ufunc) or module.startswith("numpy")


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

    A primitive without a domain is only called as its samples call it, and so brings such itself.
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
            as_many(entry, found, wanted)
            for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
                same(a, b, Phrase("testing_empty", place=i), rtol=1e-9)
            gs = values(entry, small, weights(rng, wanted))
            for i, (g, x) in enumerate(zip(gs, variables(small), strict=True)):
                what = of_argument(entry, "testing_gradient", i)
                has_shape(what, g.shape, x.shape)
                has_dtype(what, g.dtype, x.dtype)


def edges(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """Far out, and at 0 where that is inside the domain, a finite value has no NaN for a slope."""
    if any(d != REAL for d in entry.domain) or not entry.domain:
        return
    for far in (0.0, 1e-30, 700.0, -700.0, 1e30, -1e30):
        at = placed(sample, [np.full_like(x, far) for x in variables(sample)])
        with np.errstate(all="ignore"):
            ys = outputs(entry, at)
            gs = values(entry, at, [np.ones_like(y) for y in ys])
        if all(np.isfinite(y).all() for y in ys):
            for i, g in enumerate(gs):
                ensure(not np.isnan(g).any(), "testing_nan", at=far,
                       what=of_argument(entry, "testing_gradient", i))


def complex_step(entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """The slope of an analytic function agrees with its imaginary part to the last digits.

    Source: Squire and Trapp, Using complex variables to estimate derivatives (1998).
    """
    xs, ys = variables(sample), outputs(entry, sample)
    gs = values(entry, sample, ws := weights(rng, ys))
    for i, v in enumerate(directions(rng, xs)):
        at = [x + 1e-30j * v if j == i else x + 0j for j, x in enumerate(xs)]
        y = entry.fn(*placed(sample, at).args)
        wanted, found = float(np.sum(ws[0] * np.imag(y))) / 1e-30, float(np.sum(gs[i] * v))
        allowed = 1e-12 * max(1.0, float(np.sum(abs(gs[i] * v))))
        ensure(abs(found - wanted) <= allowed, "testing_direction", found=found, wanted=wanted,
               what=of_argument(entry, "testing_gradient", i), allowed=allowed)


def is_analytic(entry: Entry) -> bool:
    """Tell whether NumPy evaluates a ufunc on complex numbers, as an analytic function."""
    if not isinstance(entry.fn, np.ufunc) or entry.fn is np.conjugate:
        return False
    return bool({"D->D", "DD->D"} & set(entry.fn.types))
