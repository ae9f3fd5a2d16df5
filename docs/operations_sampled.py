"""Choose the call on which an operation is drawn, for docs/operations.py: one of its own samples.

What the laws try an operation on is cut to what can be written in a small box, and rounded to
numbers that are quickly read, as far as the rule still holds there.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_jp.errors import LawError
from tinygrad_jp.testing.calls import mapped, outputs, variables
from tinygrad_jp.testing.laws import first_order
from tinygrad_jp.vocabulary.domain import Call, Sampler, samples
from tinygrad_jp.vocabulary.rule import Entry, Rule, label

TWO_SIDED = {"np.maximum", "np.minimum", "np.fmax", "np.fmin"}  # wide pictures: of numbers


@cache
def example(entry: Entry) -> Call:
    """Choose the call to draw: small arrays, in numbers of one decimal, and something happens."""
    found = list(samples(entry, Sampler()))
    best = min(range(len(found)), key=lambda i: (*_awkward(entry, found[i]), i))
    call = found[best]
    if isinstance(entry, Rule) and _is_elementwise(entry):
        call = _first(call, 1 if label(entry.fn) in TWO_SIDED else 3)
    for digits in range(1, 5):  # as few as keep values apart that must not be the same
        simple = mapped(call, lambda x, d=digits: _rounded(x, d))
        if _different(simple) < _different(call):
            continue
        with suppress(LawError):
            first_order(entry, simple, np.random.default_rng(0))
            return simple  # type: ignore[no-any-return]
    return call


def _different(call: Call) -> int:
    """Count the different numbers of a call that has few of them."""
    xs = variables(call)
    few = sum(x.size for x in xs) < 10
    return len(np.unique(np.concatenate([np.ravel(x) for x in xs]))) if few else 0


def _is_elementwise(rule: Rule) -> bool:
    pull = next(p for p in rule.pulls if p)
    return rule.broadcasts or Path(pull.__code__.co_filename).stem == "elementwise"


def arrays_of(call: Call) -> list[Any]:
    """List every array of a call."""
    found: list[Any] = []
    mapped(call, found.append)
    return found


def _awkward(entry: Entry, call: Call) -> tuple[bool, ...]:
    """Tell what speaks against drawing a call: nothing in it, nothing happens, hard to write."""
    arrays = arrays_of(call)
    floats = [x for x in arrays if x.dtype.kind == "f"]
    results = outputs(entry, call)
    same = len(results) == 1 and len(floats) == 1 and np.array_equal(results[0], floats[0])
    return (
        not floats or not results or any(x.size == 0 for x in (*arrays, *results)),
        same,
        any(x.ndim > 2 or x.size > 16 for x in (*arrays, *results)),
    )


def _first(call: Call, count: int) -> Call:
    """Leave one element, or a few, of arguments that are taken element by element."""
    together = np.broadcast_shapes(*(x.shape for x in arrays_of(call)))
    if not together:
        return call

    def cut(x: Any) -> Any:
        spread = np.broadcast_to(x, together)
        few = np.array(spread.reshape(-1, together[-1])[0, :count])
        return np.asarray(few[0]) if count == 1 else few

    return mapped(call, cut)  # type: ignore[no-any-return]


def _rounded(x: Any, digits: int) -> Any:
    return np.asarray(np.round(x, digits)) if x.dtype.kind == "f" else x


def written(entry: Entry) -> str:
    """Write the call as a program has it, the arrays by their names: "np.sum(x, axis=0)"."""
    call, names = example(entry), iter(argument_names(entry))

    def text(value: Any) -> str:
        if isinstance(value, np.ndarray):
            return next(names)
        if type(value) in (list, tuple) and arrays_of(Call((value,), {})):
            inside = ", ".join(map(text, value))
            return f"[{inside}]" if type(value) is list else f"({inside})"
        return _index(value)

    given = [text(v) for v in call.args] + [f"{k}={text(v)}" for k, v in call.kwargs.items()]
    return f"{label(entry.fn)}({', '.join(given)})"


def _index(value: Any) -> str:
    """Write a value that is no array: an index as np.s_ has it."""
    if isinstance(value, slice):
        parts = ["" if p is None else repr(p) for p in (value.start, value.stop, value.step)]
        return f"np.s_[{':'.join(parts if parts[2] else parts[:2])}]"
    if isinstance(value, tuple) and any(isinstance(v, slice) or v is ... for v in value):
        inside = (":" if v == slice(None) else _index(v).removeprefix("np.s_[").removesuffix("]")
                  if isinstance(v, slice) else "..." if v is ... else repr(v) for v in value)
        return f"np.s_[{', '.join(inside)}]"
    if callable(value):
        return getattr(value, "__name__", "f").replace("<lambda>", "f")
    return repr(value)


def argument_names(entry: Entry) -> list[str]:
    """Name every array of the call, in order: a rule's own names, or the function's."""
    call = example(entry)
    if isinstance(entry, Rule):
        words = list(entry.arguments)
    else:
        try:
            words = [p.name for p in signature(entry.fn).parameters.values()]
        except (TypeError, ValueError):
            words = []
    found: list[str] = []
    pairs = [(words[i] if i < len(words) else f"x{i}", v) for i, v in enumerate(call.args)]
    for name, value in (*pairs, *call.kwargs.items()):
        inside = arrays_of(Call((value,), {}))
        if isinstance(value, np.ndarray):
            found.append(name)
        else:
            found += [f"{name}[{i}]" for i in range(len(inside))]
    return found
