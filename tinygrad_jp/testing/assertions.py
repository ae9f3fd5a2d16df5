"""What a test asserts of a function: right derivatives of any order, right values, broadcasting.

Every assertion raises LawError, which names the place, gives both numbers, and ends with Python
that shows the failure again; `--tj-draw-failures` draws the graph of it (see `plugin.py`).
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ..autograd.apply import wrap
from ..autograd.check import gradcheck
from ..autograd.mode import no_grad
from ..autograd.structure import flatten, leaves, rebuild
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, LawError, OptionError, Phrase
from ..nn.module import Module
from ..vocabulary.domain import Call, Sampler, samples
from ..vocabulary.primitives import sum_to
from ..vocabulary.rule import Composite, Entry, Rule, find, label
from . import laws
from .calls import floats, leaf, mapped, outputs, placed, values, variables, weights
from .failures import ensure, reproduction, same
from .laws import Law
from .readers import gpu, readers

__tracebackhide__ = True  # pytest points to the line of the test
Array = Any
tried: Counter[str] = Counter()  # examples tried so far, by law; shown at the end of a run

# ── the laws, by name ───────────────────────────────────────────────────────────────────────────

LAWS: dict[str, Law] = {
    "same_values": laws.same_values,
    "first_order": laws.first_order,
    "second_order": laws.second_order,
    "broadcast": laws.broadcast,
    "purity": laws.purity,
    "layout": laws.layout,
    "empty": laws.empty,
    "readers": readers,
    "dtype": laws.dtype,
}
TITLES = {
    "same_values": "testing_law_values", "first_order": "testing_law_first",
    "second_order": "testing_law_second", "broadcast": "testing_law_broadcast",
    "purity": "testing_law_purity", "layout": "testing_law_layout",
    "empty": "testing_law_empty", "readers": "testing_law_readers", "dtype": "testing_law_dtype",
    "gpu": "testing_law_gpu", "linear": "testing_law_linear", "fixed": "testing_law_fixed",
    "optimizer": "testing_law_optimizer",
}


def title(law: str) -> Phrase | str:
    """Name a law in the language in force."""
    return Phrase(TITLES[law]) if law in TITLES else law


def broken(
    law: str, name: str, reason: Exception, code: str, results: Callable[[], Any]
) -> LawError:
    """Make the error for a broken law; results: computes what to draw (see results_of)."""
    error = LawError("testing_law", name=name, law=title(law), reason=reason, code=code)
    error.results = results  # type: ignore[attr-defined]
    return error


def cause(reason: Exception) -> Exception | None:
    """Give what to show as an error's cause: a broken law has been told in full already."""
    return None if isinstance(reason, LawError) else reason


def hold(
    law: Law, entry: Entry, dtype: Any = np.float64, share: float = 0.1, profile: Any = None
) -> None:
    """See that a law holds on every sample of an entry, for seeds that hypothesis draws.

    share: how many seeds, of the max_examples of the profile (that in force, unless given).
    Raises LawError with the seed, the call as Python, and what went wrong as its cause.
    """
    chosen = profile or settings()
    number = max(1, round(chosen.max_examples * share))

    @settings(
        chosen, max_examples=number, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32 - 1))
    def every_sample(seed: int) -> None:
        for i, sample in enumerate(samples(entry, Sampler(seed, dtype))):
            held(law, entry, sample, np.random.default_rng([seed, i]))

    every_sample()


def held(law: Law, entry: Entry, sample: Call, rng: np.random.Generator) -> None:
    """See that a law holds on one call."""
    try:
        law(entry, sample, rng)
    except Exception as reason:
        code = reproduction(entry.fn, sample.args, sample.kwargs)
        error = broken(
            law.__name__, label(entry.fn), reason, code, lambda: results_of(entry, sample)
        )
        raise error from cause(reason)
    tried[law.__name__] += 1


def results_of(entry: Entry, sample: Call) -> tuple[list[Tensor], dict[str, Tensor]]:
    """Compute a call on Tensors, for a picture: (results, inputs by name)."""
    inputs = [leaf(x) for x in variables(sample)]
    names = getattr(entry, "labels", None) or [f"x{i}" for i in range(len(inputs))]
    return outputs(entry, placed(sample, inputs)), dict(zip(names, inputs, strict=False))


def assert_rule(
    fn: Any, examples: int = 3, only: Iterable[str] | None = None, gpu: bool = False,
    dtypes: Iterable[Any] = (np.float16, np.float32, np.float64),
) -> None:
    """See that an operation with a rule of its own keeps every law, on the calls it brings.

    fn: what `tj.rule` registered: a `tj.primitive`, or a NumPy function. Its rule says where it
        may be tried, by domain= or samples=.
    examples: how many seeds to draw the arrays of each call from.
    only: names of laws (keys of LAWS), to try just these.
    gpu: whether arrays that are not NumPy's must stay where they are, too.
    dtypes: which must stay what they are; without float16 for what other libraries do not have.
    The laws: values on Tensors, first and second derivatives against differences, gradients of
    broadcast arguments, dtypes, nothing written into, memory layouts, empty arrays. Raises
    LawError; ArgumentError where there is no rule, or no calls to try it on; OptionError for a law
    that does not exist.

    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp.testing import REAL, assert_rule
    >>> @tj.primitive
    ... def cube(x):
    ...     return x * x * x
    >>> _ = tj.rule(cube, lambda g, x: g * (3 * x * x), broadcasts=True, domain=(REAL,))
    >>> assert_rule(cube)
    """
    entry = find(fn)
    if not isinstance(entry, (Rule, Composite)):
        raise ArgumentError("testing_no_rule", name=getattr(fn, "__name__", repr(fn)))
    if not entry.samples and not entry.domain:
        raise ArgumentError("testing_no_samples", name=label(fn))
    chosen = list(LAWS if only is None else only)
    for law in chosen:
        if law not in LAWS:
            raise OptionError("testing_no_law", given=law, known=", ".join(LAWS))
    profile = settings(max_examples=examples, database=None, deadline=None, derandomize=True)
    for law in chosen:
        kinds = tuple(dtypes) if law == "dtype" else (np.float64,)
        for kind in kinds:
            hold(LAWS[law], entry, kind, share=1.0, profile=profile)
    if gpu:
        hold(GPU, entry, share=1.0, profile=profile)


GPU = gpu  # assert_rule has an argument of this name

# ── of any function ─────────────────────────────────────────────────────────────────────────────


class Checked(Composite):
    """A function of Tensors as an entry of its own: its floating point inputs, and nothing else.

    The inputs are those that require a gradient, or all floating point ones if none does; a
    module's parameters are inputs too. All in float64, copied.
    """

    __slots__ = ("args", "labels", "sample", "user")

    def __init__(self, f: Any, xs: Sequence[Any]) -> None:
        self.user, self.args = f, tuple(xs)
        if isinstance(f, Module):
            f = copy.deepcopy(f).to(np.float64)
        found = [p for i, x in enumerate(xs) for p in flatten(x, f"x{i}")]
        asked = any(isinstance(v, Tensor) and v.requires_grad for _, v in found)
        chosen = [i for i, (_, v) in enumerate(found) if (wanted(v) if not asked else tracked(v))]
        self.labels = [found[i][0] for i in chosen]
        arrays = [np.array(plain(found[i][1]), dtype=np.float64) for i in chosen]
        parameters = dict(f.named_parameters()) if isinstance(f, Module) else {}
        self.labels += parameters
        arrays += [np.array(p._data) for p in parameters.values()]
        self.sample = Call(tuple(arrays), {})
        if not arrays:
            raise ArgumentError("testing_nothing")

        def fn(*given: Any) -> Any:
            on_arrays = not any(isinstance(v, Tensor) for v in given)
            tensors = [v if isinstance(v, Tensor) else wrap(v) for v in given]
            kind = tensors[0].dtype if tensors else np.dtype(np.float64)
            now = [constant(v, kind) for _, v in found]
            for i, t in zip(chosen, tensors, strict=False):
                now[i] = t
            call = rebuild(tuple(self.args), now)
            lent = dict(zip(parameters, tensors[len(chosen) :], strict=True))
            if not on_arrays:
                return called_with(f, call, lent)
            with no_grad():
                return [t._data if isinstance(t, Tensor) else t
                        for t in leaves(called_with(f, call, lent))]

        name = getattr(self.user, "__name__", type(self.user).__name__)
        fn.__name__ = fn.__qualname__ = name
        fn.__module__ = getattr(self.user, "__module__", "") or ""
        super().__init__(fn, fn)

    def hold(self, law: str, test: Callable[[], Any]) -> None:
        """Run a test; where it fails, say which law is broken, and how to see it again."""
        try:
            test()
        except Exception as reason:
            code = reproduction(self.user, self.args)
            error = broken(
                law, self.fn.__name__, reason, code, lambda: results_of(self, self.sample)
            )
            raise error from cause(reason)
        tried[law] += 1


def wanted(v: Any) -> bool:
    """Tell whether a value is a floating point array, Tensor or number."""
    return isinstance(v, float) or getattr(getattr(v, "dtype", None), "kind", "") == "f"


def tracked(v: Any) -> bool:
    """Tell whether a value is a Tensor that requires a gradient."""
    return isinstance(v, Tensor) and v.requires_grad


def constant(v: Any, kind: Any) -> Any:
    """Make what is not checked a Tensor too, as f expects it, in the dtype of what is."""
    if not wanted(v) or not hasattr(v, "dtype"):
        return v
    return wrap(np.array(plain(v), dtype=kind))


def plain(v: Any) -> Any:
    """Give a Tensor's array, or the value itself."""
    return v._data if isinstance(v, Tensor) else v


def called_with(f: Any, args: Sequence[Any], lent: dict[str, Tensor]) -> Any:
    """Call f; a module with other Tensors in the place of its parameters meanwhile."""
    if not lent:
        return f(*args)
    kept = {}
    parameters = dict(f.named_parameters(remove_duplicate=False))
    twins = {id(parameters[name]): t for name, t in lent.items()}
    for path, owner in f.named_modules():
        for name, value in list(vars(owner).items()):
            if id(value) in twins:
                kept[path, name] = owner, value
                owner.__dict__[name] = twins[id(value)]
    try:
        return f(*args)
    finally:
        for (_, name), (owner, value) in kept.items():
            owner.__dict__[name] = value


def assert_gradients(
    f: Any, *xs: Any, order: int = 2, rtol: float | None = None, atol: float | None = None,
    dtypes: Iterable[Any] = (np.float32,), seed: int = 0,
) -> None:
    """See that the derivatives of a function of Tensors agree with differences, and more.

    f: takes Tensors, gives a Tensor or lists, tuples, dicts of them; a Module's parameters are
        checked as well as its inputs.
    xs: the arguments of f: arrays, Tensors, numbers, lists of them. Checked are the Tensors that
        require a gradient, or, if there are none, everything of floating point; in float64.
    order: up to which order of derivatives, 2 with those of the gradient that arrives.
    rtol, atol: 2e-6 and 1e-9 unless given, of the size of the terms that a slope is made of.
    dtypes: see that results and gradients are of the dtype of the inputs, for each of these;
        () for a function that brings float64 arrays of its own.
    Also seen: f gives the same for the same, and writes into nothing. Raises LawError with the
    argument, the index and both numbers. Method: central differences of fourth order along random
    directions, and only on failure at each index.

    >>> import numpy as np
    >>> from tinygrad_jp.testing import assert_gradients
    >>> assert_gradients(lambda x, w: (x @ w).sigmoid(), np.eye(2), np.array([[1.0], [-2.0]]))
    """
    if not isinstance(order, int) or order < 1:
        raise OptionError("gradcheck_order", given=order)
    entry = Checked(f, xs)
    sample, rng = entry.sample, np.random.default_rng(seed)
    entry.hold("fixed", lambda: same_twice(entry))
    entry.hold("purity", lambda: laws.purity(entry, sample, rng))
    for kind in dtypes:
        entry.hold("dtype", partial(same_dtype, entry, np.dtype(kind), rng))
    entry.hold("first_order", lambda: laws.first_order(entry, sample, rng, rtol, atol))
    if order > 1:
        entry.hold("second_order", lambda: laws.second_order(entry, sample, rng, rtol, atol))
    if order > 2:
        entry.hold("second_order", lambda: gradcheck(f, xs, order=order))


def same_twice(entry: Checked) -> None:
    """See that a function gives the same for the same, and anything at all."""
    first, second = outputs(entry, entry.sample), outputs(entry, entry.sample)
    ensure(first, "testing_no_result", name=entry.fn.__name__)
    for i, (a, b) in enumerate(zip(first, second, strict=True)):
        same(b, a, Phrase("testing_again", place=i))


def same_dtype(entry: Checked, kind: np.dtype[Any], rng: np.random.Generator) -> None:
    """See that results and gradients are of the dtype of the inputs."""
    sample = mapped(entry.sample, lambda x: x.astype(kind))
    if isinstance(entry.user, Module):
        return  # its parameters are float64 in here; assert_module turns modules to other dtypes
    ts = [leaf(x) for x in variables(sample)]
    ys = outputs(entry, placed(sample, ts))
    for i, y in enumerate(ys):
        laws.has_dtype(Phrase("testing_result", place=i), y.dtype, kind)
    for i, g in enumerate(values(entry, sample, weights(rng, ys))):
        laws.has_dtype(laws.of_argument(entry, "testing_gradient", i), g.dtype, kind)


def assert_values(
    f: Any, reference: Callable[..., Any], *xs: Any, rtol: float = 1e-9, atol: float = 1e-12
) -> None:
    """See that f on Tensors gives what a reference gives on arrays: number, shapes and values.

    reference: takes arrays (float64) in the place of f's Tensors, gives an array or several.

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> from tinygrad_jp.testing import assert_values
    >>> assert_values(tj.relu, lambda x: np.maximum(x, 0), np.array([-1.0, 2.0]))
    """
    entry = Checked(f, xs)
    wanted = floats(reference(*(mapped_arrays(x) for x in xs)))

    def test() -> None:
        found = outputs(entry, entry.sample)
        laws.as_many(entry, found, wanted)
        for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
            same(a, b, Phrase("testing_result", place=i), rtol, atol)

    entry.hold("same_values", test)


def mapped_arrays(x: Any) -> Any:
    """Turn Tensors inside an argument into arrays, floating point ones into float64."""
    parts = [plain(v) for v in leaves(x)]
    return rebuild(x, [np.array(v, np.float64) if wanted(v) else v for v in parts])


def assert_broadcast_law(f: Any, *xs: Any, rtol: float = 1e-9, atol: float = 1e-11) -> None:
    """See that an elementwise f treats broadcast arguments as if they were written out.

    xs: arrays or Tensors whose shapes broadcast. Values must be the same, and each gradient that
    of the full argument, summed back over the axes that it was repeated along.

    >>> import numpy as np
    >>> from tinygrad_jp.testing import assert_broadcast_law
    >>> assert_broadcast_law(lambda a, b: a * b, np.ones((2, 3)), np.arange(3.0))
    """
    entry = Checked(f, xs)
    sample, full = entry.sample, laws.spread(entry.sample)

    def test() -> None:
        ys = outputs(entry, sample)
        for i, (a, b) in enumerate(zip(ys, outputs(entry, full), strict=True)):
            same(a, b, Phrase("testing_result", place=i), rtol, atol)
        ws = weights(np.random.default_rng(0), ys)
        pairs = zip(values(entry, sample, ws), values(entry, full, ws), strict=True)
        for i, (g, h) in enumerate(pairs):
            what = laws.of_argument(entry, "testing_broadcast", i)
            same(g, sum_to(h, g.shape), what, rtol, atol)

    entry.hold("broadcast", test)


def assert_linear_in(
    f: Any, *xs: Any, argument: int = 0, rtol: float = 1e-9, atol: float = 1e-9
) -> None:
    """See that f is linear in one argument: f(αx + βz) = αf(x) + βf(z), with a constant gradient.

    argument: which of the checked inputs (see assert_gradients), counted from 0.

    >>> import numpy as np
    >>> from tinygrad_jp.testing import assert_linear_in
    >>> assert_linear_in(lambda x, w: x @ w, np.ones((2, 3)), np.ones((3, 1)), argument=1)
    """
    entry = Checked(f, xs)
    arrays = list(entry.sample.args)
    if not 0 <= argument < len(arrays):
        raise OptionError("testing_argument", given=argument, count=len(arrays))
    rng = np.random.default_rng(0)
    x, z = arrays[argument], rng.standard_normal(arrays[argument].shape)
    alpha, beta = 0.75, -1.25

    def with_(value: Array) -> Call:
        return Call((*arrays[:argument], np.asarray(value), *arrays[argument + 1 :]), {})

    def test() -> None:
        both = outputs(entry, with_(alpha * x + beta * z))
        parts = zip(outputs(entry, with_(x)), outputs(entry, with_(z)), strict=True)
        for y, (a, b) in zip(both, parts, strict=True):
            size = float(np.abs(alpha * a).max(initial=0) + np.abs(beta * b).max(initial=0))
            what = Phrase("testing_linear", argument=entry.labels[argument])
            same(y, alpha * a + beta * b, what, rtol, atol + rtol * size)
        ws = weights(rng, both)
        first, second = values(entry, with_(x), ws), values(entry, with_(z), ws)
        what = laws.of_argument(entry, "testing_gradient", argument)
        same(second[argument], first[argument], what, rtol, atol)

    entry.hold("linear", test)
