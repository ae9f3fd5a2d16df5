"""Find the operation and the user's line that first made a NaN or an infinity."""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Callable, Sequence
from contextlib import ContextDecorator
from contextvars import ContextVar, Token
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..errors import NonFiniteError, Phrase
from ..vocabulary.rule import Rule, label
from . import apply as generic
from . import backward as engine
from . import generate
from .lines import frames, line_of, origin, user_line
from .node import Node

Array = Any

_on: ContextVar[bool] = ContextVar("tinygrad_jp_anomaly", default=False)
_lock = allocate_lock()
_users = [0]  # how many `with` blocks are open, in all threads; the engine calls us while any is


class detect_anomaly(ContextDecorator):
    """Raise where a NaN or an infinity arises, inside a `with` block or a decorated function.

    NonFiniteError names the operation, the shape, dtype, range and NaN and Inf counts of its
    arguments, and the line of the program; for the backward pass, the line of the forward pass
    that it belongs to. A NaN that an argument has brought along is reported as such. An infinity
    that was brought along (a mask of −∞ before softmax) is let pass, until it makes a NaN.
    NumPy's own warnings are silent meanwhile. Holds for this thread and asyncio task only. Slow:
    for looking for an error, not for training.

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> with tj.detect_anomaly():
    ...     np.log(tj.Tensor([1.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygrad_jp.errors.NonFiniteError: ...
    """

    def __init__(self) -> None:
        self._entered: list[tuple[Token[bool], np.errstate]] = []

    def _recreate_cm(self) -> detect_anomaly:
        return detect_anomaly()  # each call of a decorated function its own

    def __enter__(self) -> None:
        quiet = np.errstate(divide="ignore", over="ignore", invalid="ignore")
        quiet.__enter__()
        self._entered.append((_on.set(True), quiet))
        with _lock:
            _users[0] += 1
            if _users[0] == 1:
                generic.watchers.append(_after_forward)
                engine.observers.append(_after_backward)
                generate.watch(True, detect_anomaly)

    def __exit__(self, *error: Any) -> None:
        with _lock:
            _users[0] -= 1
            if _users[0] == 0:
                generic.watchers.remove(_after_forward)
                engine.observers.remove(_after_backward)
                generate.watch(False, detect_anomaly)
        token, quiet = self._entered.pop()
        _on.reset(token)
        quiet.__exit__(*error)


class Statistics(NamedTuple):
    """What can be said of an array in a line; low and high are of its finite elements."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    nan: int
    inf: int

    def __str__(self) -> str:
        return (
            f"{self.name} {self.dtype}{list(self.shape)} min={self.low:.6g} max={self.high:.6g} "
            f"NaN={self.nan} Inf={self.inf}"
        )


class Report(tuple[Statistics, ...]):
    """The statistics of several arrays."""

    __slots__ = ()

    def __str__(self) -> str:
        return "; ".join(map(str, self))


def statistics(name: str, value: Any) -> Statistics:
    """Sum up a floating point array, or a number."""
    x = np.asarray(value)
    kind = "" if not isinstance(value, ndarray) else str(x.dtype)
    if x.dtype.kind not in "fiub":
        return Statistics(name, x.shape, kind, float("nan"), float("nan"), 0, 0)
    finite = x[np.isfinite(x)]
    low, high = (finite.min(), finite.max()) if finite.size else (np.nan, np.nan)
    return Statistics(
        name, x.shape, kind, float(low), float(high), int(np.isnan(x).sum()), int(np.isinf(x).sum())
    )


def _inside_rule() -> bool:
    """Tell whether what runs now is a rule that a recorded backward pass reads on Tensors."""
    for frame in frames():
        if frame.f_code is engine.walk.__code__:
            return True
        if frame.f_code.co_name == "replay" and origin(frame.f_code.co_filename) == "engine":
            return False  # a checkpoint, which runs the forward pass again
    return False


def _arrays(value: Any) -> list[Array]:
    """List the floating point arrays of a result or a gradient."""
    parts = value if isinstance(value, tuple) else (value,)
    found = []
    for part in parts:
        array = getattr(part, "_data", part)
        if isinstance(array, (ndarray, np.floating)) and array.dtype.kind == "f":
            found.append(np.asarray(array))
    return found


def _has(value: Any, test: Callable[[Any], Any]) -> bool:
    if isinstance(value, float):
        return bool(test(value))
    return any(bool(test(a).any()) for a in _arrays(value))


def _what(value: Any) -> str:
    kinds = [("NaN", np.isnan), ("Inf", np.isinf)]
    return ", ".join(word for word, test in kinds if _has(value, test))


def _after_forward(rule: Rule, values: Sequence[Any], y: Any, node: Any) -> None:
    """Look at a result."""
    if not _on.get():
        return
    what = _what(y)
    if not what or _inside_rule():
        return
    names = _names(rule, values, node)
    with_nan = [n for n, v in zip(names, values, strict=True) if _has(v, np.isnan)]
    with_inf = [n for n, v in zip(names, values, strict=True) if _has(v, np.isinf)]
    inputs = Report(
        statistics(n, v) for n, v in zip(names, values, strict=True) if v is not None
    )
    where = user_line() or Phrase("line_unknown")
    if with_nan and "NaN" in what:
        raise NonFiniteError(
            "non_finite_input", op=label(rule.fn), what="NaN", argument=with_nan[0],
            inputs=inputs, where=where,
        )
    if with_nan or (with_inf and "NaN" not in what):
        return  # an infinity that was brought along
    plain = rule.arguments if not rule.listed else names
    hint = _hint(rule, dict(zip(plain, values, strict=False)), y, False, bool(with_inf))
    raise NonFiniteError(
        "non_finite_forward", op=label(rule.fn), what=what, inputs=inputs, where=where, hint=hint
    )


def _names(rule: Rule, values: Sequence[Any], node: Any) -> list[str]:
    """Name the arguments: the rule's names, with the Tensor's own where it has one."""
    names = [f"xs[{i}]" for i in range(len(values))] if rule.listed else list(rule.arguments)
    if node is not None and node.parents is not None:
        for place, parent in zip(node.plan.places, node.parents, strict=True):
            own = engine.name_of(parent)
            if own:
                names[place] += f" '{own}'"
    return names


def _after_backward(node: Node, g: Any, gs: Any) -> None:
    """Look at the gradients that a node hands on."""
    plan = node.plan
    if not _on.get() or plan.rule is generic.ITEM:
        return  # ITEM takes a tuple apart or puts one together, and computes nothing
    for place, h in zip(plan.places, gs, strict=False):
        what = _what(h)
        if not what or ("NaN" not in what and _has(g, np.isinf)):
            continue
        names = plan.rule.arguments
        argument = f"xs[{place}]" if plan.rule.listed else names[place]
        where = line_of(node) or Phrase("line_unknown_hint")
        arrived = [statistics("g", a) for a in _arrays(g)]
        if _has(g, np.isnan):
            raise NonFiniteError(
                "non_finite_gradient", op=label(plan.rule.fn), what="NaN",
                inputs=Report(arrived), where=where,
            )
        saved = dict(zip(plan.slots, node.saved, strict=True))
        kept = [statistics(n, v) for n, v in saved.items() if isinstance(v, ndarray)]
        raise NonFiniteError(
            "non_finite_backward", op=label(plan.rule.fn), what=what, argument=argument,
            inputs=Report([*arrived, *kept]), where=where,
            hint=_hint(plan.rule, saved, h, True, _has(g, np.isinf)),
        )


_LOGS = {np.log, np.log2, np.log10}
_EXPS = {np.exp, np.exp2, np.expm1, np.sinh, np.cosh}
_ROOTS = {np.sqrt, np.cbrt, np.hypot, np.linalg.norm}
_EDGES = {np.arcsin, np.arccos, np.arctanh}


def _hint(
    rule: Rule, known: dict[str, Any], result: Any, backward: bool, infinite: bool
) -> Phrase:
    """Guess the usual cause from the operation and what is known of its arguments."""

    def some(test: Callable[[Any], Any], *names: str) -> bool:
        found = [known[n] for n in names if known.get(n) is not None]
        return any(bool(np.any(test(np.asarray(v)))) for v in found)

    fn = rule.fn
    zero, negative = (lambda v: v == 0), (lambda v: v < 0)
    key = ""
    if fn in _LOGS:
        key = "hint_log_negative" if some(negative, "x") else ""
        key = "hint_log_zero" if some(zero, "x") else key
    elif fn in (np.divide, np.reciprocal, np.remainder, np.fmod):
        key = "hint_divide_zero" if some(zero, "b", "x") or fn is np.reciprocal else ""
    elif fn in _ROOTS:
        key = "hint_root_zero" if backward else "hint_root_negative" if some(negative, "x") else ""
    elif fn in _EXPS and not backward:
        key = "hint_exp"
    elif fn in (np.power, np.float_power):
        key = "hint_power" if some(lambda v: v <= 0, "a") else ""
    elif fn in _EDGES:
        key = "hint_edge" if some(lambda v: np.abs(v) == 1, "x", "y") else "hint_domain"
    if key:
        return Phrase(key)
    if infinite:
        return Phrase("hint_infinite_input")
    if _has(result, np.isinf):
        return Phrase("hint_overflow", dtype=_arrays(result)[0].dtype)
    return Phrase("hint_none") if backward else Phrase("hint_domain")
