"""The record of an operation's derivative, and the one registry that every reader looks in.

An operation is a NumPy function. A rule adds one pull per array argument: a function that takes
the gradient `g` of the result to the gradient of that argument, written in plain NumPy. The names
of a pull's parameters say what it needs, and so what the graph keeps:

    g            gradient that arrives           y           the result
    x, a b c     the array arguments             x_shape     only the shape of x
    axis, ...    NumPy's own keyword parameters  i, xs   which of a list, and the list
"""

from __future__ import annotations

import sys
from _thread import RLock
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

from numpy import ndarray, ufunc
from numpy._core import umath

from ..errors import RegistryError

Function = Callable[..., Any]


class Entry:
    """What the registry knows of one function; exactly one of the four kinds below."""

    __slots__ = ("about", "domain", "fn", "name", "samples")
    kind = "entry"

    def __init__(
        self, fn: Function, *, about: str = "", domain: Any = (), samples: Function | None = None
    ) -> None:
        self.fn = fn
        self.name: str = fn.__name__
        self.about = about
        self.domain = domain
        self.samples = samples

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


class Constant(Entry):
    """Not differentiable, by mathematics: evaluated on plain arrays, gives no gradient."""

    __slots__ = ()
    kind = "constant"


class Unsupported(Entry):
    """Refused on a Tensor, with the reason in two languages (ja, en)."""

    __slots__ = ("reason",)
    kind = "unsupported"

    def __init__(self, fn: Function, reason: tuple[str, str]) -> None:
        super().__init__(fn, about=reason[1])
        self.reason = reason


class Composite(Entry):
    """Written in terms of other operations, which bring the derivative."""

    __slots__ = ("body",)
    kind = "composite"

    def __init__(self, fn: Function, body: Function, **more: Any) -> None:
        super().__init__(fn, **more)
        self.body = body


class Rule(Entry):
    """An operation with one pull per array argument.

    arguments   names of the array arguments, in order: ("x",), ("a", "b"), ...; ("xs",) for a list
    pulls       one per argument; None where the argument has no derivative (an index, a mask)
    static      names of the other parameters that the rule knows, in order, with their defaults
    broadcasts  whether the engine sums gradients back to an argument's shape
    outputs     number of results, or None for a plain array
    recorded    how to evaluate it when it is recorded: gives y, then the residuals
    residual    name -> how a residual follows from the arguments, for gradients of gradients
    partial     what a call means that leaves array arguments out (np.where(mask)), if anything
    """

    __slots__ = (
        "arguments", "broadcasts", "evaluate", "listed", "outputs", "partial", "pulls", "recorded",
        "residual", "signature", "static",
    )
    kind = "rule"

    def __init__(
        self,
        fn: Function,
        pulls: tuple[Function | None, ...],
        *,
        arguments: tuple[str, ...],
        static: dict[str, Any],
        listed: bool,
        broadcasts: bool,
        outputs: int | None,
        recorded: Function | None,
        residual: dict[str, Function],
        signature: str | None,
        evaluate: Function | None,
        partial: Function | None,
        **more: Any,
    ) -> None:
        super().__init__(fn, **more)
        self.pulls = pulls
        self.arguments = arguments
        self.static = static
        self.listed = listed
        self.broadcasts = broadcasts
        self.outputs = outputs
        self.recorded = recorded
        self.residual = residual
        self.signature = signature
        self.evaluate = evaluate or fn
        self.partial = partial

    @property
    def mixes(self) -> bool:
        """Whether several arguments take part in one computation, and so in one dtype."""
        return self.broadcasts or self.listed or sum(p is not None for p in self.pulls) > 1

    def keeps(self) -> tuple[str, ...]:
        """List everything that some pull asks for besides g and i, in order and once each."""
        names = (name for pull in self.pulls if pull for name in parameters(pull))
        return tuple(dict.fromkeys(name for name in names if name not in ("g", "i")))


REQUIRED = object()  # the default of a static parameter that has none


class Registry(dict[Function, Entry]):
    """Every function's entry; the built-in rules are read in at the first look, not at import."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = RLock()
        self._filling = False
        self.pending: Callable[[], object] | None = None  # loads the rules; set by the package

    def fill(self) -> None:
        """Read the built-in rules in, if that is still to be done."""
        if self.pending is None and not self._filling:
            return
        with self._lock:  # another thread waits here; this one may come by again while loading
            load = self.pending
            if load is None or self._filling:
                return
            self._filling = True
            try:
                load()
                self.pending = None
            finally:
                self._filling = False

    def __missing__(self, fn: Function) -> Entry:
        self.fill()
        if not dict.__contains__(self, fn):
            raise KeyError(fn)
        return dict.__getitem__(self, fn)

    def get(self, fn: Function, default: Any = None) -> Any:
        """Give a function's entry, or the default."""
        entry = dict.get(self, fn)
        if entry is None:
            self.fill()
            entry = dict.get(self, fn, default)
        return entry


REGISTRY = Registry()


def parameters(pull: Function) -> tuple[str, ...]:
    """Read a function's parameter names off its code object (40 times faster than inspect)."""
    code = pull.__code__
    return tuple(code.co_varnames[: code.co_argcount])


def _defaults(pull: Function) -> dict[str, Any]:
    names = parameters(pull)
    values = pull.__defaults__ or ()
    return dict(zip(names[len(names) - len(values) :], values, strict=True))


def _register(fn: Function, entry: Entry, alias: Iterable[Function]) -> None:
    REGISTRY.fill()
    for name in (fn, *alias):
        if REGISTRY.setdefault(name, entry) is not entry:
            raise RegistryError("rule_twice", name=name.__name__)


def rule(
    fn: Function,
    *pulls: Function | None,
    arguments: str | None = None,
    broadcasts: bool = False,
    outputs: int | None = None,
    recorded: Function | None = None,
    residual: dict[str, Function] | None = None,
    signature: str | None = None,
    evaluate: Function | None = None,
    partial: Function | None = None,
    alias: Iterable[Function] = (),
    about: str = "",
    domain: Any = (),
    samples: Function | None = None,
) -> Rule:
    """Register how to differentiate `fn`; the built-in rules and a user's own come this way.

    fn: a NumPy function, or one made by `primitive`.
    pulls: one per array argument, in order; None where there is no derivative.
    arguments: names of the array arguments, where not x, or a b c, or (for a list) xs, or (for a
        primitive) those of its own parameters.
    broadcasts: the arguments broadcast as in a ufunc; the engine sums each gradient back.
    outputs: how many arrays `fn` gives, if it gives a tuple; then g and y are tuples in a pull.
    recorded: how to evaluate where a gradient is wanted: a tuple of y and the residuals, which a
        pull may name; residual: name -> function of the arguments that gives the same residual.
    signature: "(a, axis=None)" where Python cannot tell NumPy's own.
    partial: what a call means that leaves array arguments out, as np.where(mask) does.
    evaluate: how to run it on plain arrays, where another way is the same and faster.
    domain, samples: where the rule holds and what calls to test it on (see `domain.py`).
    Raises RegistryError if `fn` has an entry already or would never reach its rule, or if a pull
    asks for something unknown.

    Your own operation, differentiable to any order:

    >>> import tinygrad_jp as tj
    >>> @tj.primitive
    ... def cube(x):
    ...     return x**3
    >>> tj.rule(cube, lambda g, x: g * 3 * x**2)
    <rule cube>
    >>> cube(tj.Tensor([1.0, 2.0]))
    tensor([1., 8.])

    >>> import numpy as np
    >>> from tinygrad_jp.vocabulary.rule import REGISTRY
    >>> REGISTRY[np.exp].keeps()
    ('y',)
    """
    if not callable(fn):
        raise RegistryError("not_a_function", what="rule", kind=type(fn).__name__)
    own = _own_parameters(fn, pulls)
    listed = arguments == "xs" or bool(pulls and pulls[0] and "xs" in parameters(pulls[0]))
    listed = listed or bool(pulls and pulls[0] and "x_shapes" in parameters(pulls[0]))
    if arguments is not None:
        names = tuple(arguments.replace(",", " ").split())
    elif listed:
        names = ("xs",)
    elif _are_named(pulls, own):
        names = own[: len(pulls)]
    else:
        names = ("x",) if len(pulls) == 1 else ("a", "b", "c", "d")[: len(pulls)]
    if len(names) != len(pulls):
        raise RegistryError("rule_arity", name=fn.__name__, pulls=len(pulls), names=names)
    special = {"g", "y", "i", "y_shape", "x_shapes", *names, *(f"{n}_shape" for n in names)}
    special.update(residual or ())
    static: dict[str, Any] = {}
    for pull in pulls:
        if pull is None:
            continue
        given = _defaults(pull)
        for name in parameters(pull):
            if name not in special and static.get(name, REQUIRED) is REQUIRED:
                static[name] = given.get(name, REQUIRED)
    if own and not listed and not (evaluate or signature or recorded):
        static, evaluate = _own_static(fn, own, len(pulls), static)
    entry = Rule(
        fn, pulls, arguments=names, static=static, listed=listed, broadcasts=broadcasts,
        outputs=outputs, recorded=recorded, residual=residual or {}, signature=signature,
        evaluate=evaluate, partial=partial,
        about=about, domain=domain, samples=samples,
    )
    _register(fn, entry, alias)
    return entry


def _own_parameters(fn: Function, pulls: tuple[Function | None, ...]) -> tuple[str, ...]:
    """Give the parameter names of a primitive, and refuse what could never work."""
    for pull in pulls:
        if pull is not None and not hasattr(pull, "__code__"):
            raise RegistryError("rule_pull", name=fn.__name__, kind=type(pull).__name__)
    undecorated = getattr(fn, "raw", None)
    if undecorated is not None:
        return parameters(undecorated)
    if isinstance(fn, FunctionType) and not hasattr(fn, "_implementation"):
        raise RegistryError("rule_no_primitive", name=fn.__name__)
    return ()


def _are_named(pulls: tuple[Function | None, ...], own: tuple[str, ...]) -> bool:
    """Tell whether the pulls call the arguments by a primitive's own parameter names."""
    if len(own) < len(pulls) or {"g", "y", "i"} & set(own):
        return False
    known = {"g", "y", "y_shape", *own, *(f"{n}_shape" for n in own)}
    return all(set(parameters(p)) <= known for p in pulls if p)


def _own_static(
    fn: Function, own: tuple[str, ...], count: int, asked: dict[str, Any]
) -> tuple[dict[str, Any], Function | None]:
    """List all parameters of a primitive that are not arrays, in its own order."""
    inside = fn.raw  # type: ignore[attr-defined]
    code = inside.__code__
    only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    unknown = [n for n in asked if n not in own[count:] and n not in only]
    if unknown:
        raise RegistryError(
            "rule_name", name=fn.__name__, unknown=", ".join(unknown), known=", ".join(own + only)
        )
    given = {**_defaults(inside), **(inside.__kwdefaults__ or {})}
    static = {n: given.get(n, asked.get(n, REQUIRED)) for n in (*own[count:], *only)}
    if not only:
        return static, None
    first = len(own)
    return static, lambda *values: inside(
        *values[:first], **dict(zip(only, values[first:], strict=True))
    )


def constant(*fns: Function, about: str = "") -> None:
    """Register functions that have no derivative by mathematics (floor, argmax, comparisons)."""
    for fn in fns:
        _register(fn, Constant(fn, about=about), ())


def unsupported(reason_ja: str, reason_en: str, *fns: Function) -> None:
    """Register functions that a Tensor refuses, with the reason and the way out."""
    for fn in fns:
        _register(fn, Unsupported(fn, (reason_ja, reason_en)), ())


_refused: dict[str, tuple[str, str]] = {}


def refused_modules(reason_ja: str, reason_en: str, *modules: str) -> None:
    """Refuse all functions of modules that NumPy itself imports only when they are asked for."""
    _refused.update(dict.fromkeys(modules, (reason_ja, reason_en)))


def find(fn: Function) -> Entry | None:
    """Look a function up: its own entry, that of its public twin, or that of its module.

    With like=t, NumPy hands over a hidden twin of np.eye; and its functions of strings are ufuncs
    without a single loop for numbers.
    """
    entry: Entry | None = REGISTRY.get(fn)
    if entry is not None:
        return entry
    module = getattr(fn, "__module__", None) or ""
    if isinstance(fn, ufunc):
        module = module if fn.types else "numpy.strings"
    elif module.startswith("numpy"):
        twin = getattr(sys.modules.get(module), fn.__name__, fn)
        if twin is not fn:
            return find(twin)
    reason = _refused.get(module)
    return Unsupported(fn, reason) if reason else None


def composite(
    *fns: Function, about: str = "", domain: Any = (), samples: Function | None = None
) -> Callable[[Function], Function]:
    """Register the decorated function as what `fns` mean on a Tensor."""

    def register(body: Function) -> Function:
        entry = Composite(fns[0], body, about=about, domain=domain, samples=samples)
        _register(fns[0], entry, fns[1:])
        return body

    return register


def rules() -> list[Rule]:
    """List every differentiable operation once, in the order of registration."""
    REGISTRY.fill()
    return list(dict.fromkeys(e for e in REGISTRY.values() if isinstance(e, Rule)))


def label(fn: Function) -> str:
    """Name an operation as its caller would write it."""
    module = getattr(fn, "__module__", "") or ""
    if isinstance(fn, ufunc) and getattr(umath, fn.__name__, None) is not fn:
        return fn.__name__  # another library's
    if isinstance(fn, ufunc) or module == "numpy" or module.startswith("numpy."):
        folder = module.removeprefix("numpy").lstrip(".")
        place = f"{folder}." if folder in ("linalg", "fft", "lib.stride_tricks") else ""
        return f"np.{place}{fn.__name__}"
    return fn.__name__


def is_array(value: Any) -> bool:
    """Tell whether a value answers NumPy's function protocol: an ndarray, a Tensor, a GPU array."""
    return type(value) is ndarray or hasattr(type(value), "__array_function__")
