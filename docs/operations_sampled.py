"""Choose the call on which an operation is drawn, for docs/operations.py: one of its own samples.

What the laws try an operation on is cut to what can be written in a small box, and rounded to
numbers that are quickly read, as far as the rule still holds there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache, partial
from inspect import signature
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_jp.errors import LawError
from tinygrad_jp.testing.calls import mapped, outputs, variables
from tinygrad_jp.testing.laws import first_order
from tinygrad_jp.vocabulary.domain import Call, Sampler, samples
from tinygrad_jp.vocabulary.rule import Composite, Entry, Rule, label

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
        simple = mapped(call, partial(_rounded, digits=digits))
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
        label(entry.fn).startswith("np.nan") and not any(np.isnan(x).any() for x in floats),
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
    given = [_text(v, names) for v in call.args]
    given += [f"{k}={_text(v, names)}" for k, v in call.kwargs.items()]
    return f"{label(entry.fn)}({', '.join(given)})"


def _text(value: Any, names: Iterator[str]) -> str:
    """Write an argument: an array by its name, an index as np.s_ has it, a function by its name."""
    if isinstance(value, np.ndarray):
        return next(names)
    if isinstance(value, np.dtype):
        return f"np.{value.name}"
    if callable(value):
        return label(value).replace("<lambda>", "f")
    if isinstance(value, tuple) and any(isinstance(v, slice) or v is ... for v in value):
        return f"np.s_[{', '.join(_slice(v) for v in value)}]"
    if type(value) in (list, tuple):
        inside = ", ".join(_text(v, names) for v in value)
        comma = "," if type(value) is tuple and len(value) == 1 else ""
        return f"[{inside}]" if type(value) is list else f"({inside}{comma})"
    return f"np.s_[{_slice(value)}]" if isinstance(value, slice) or value is ... else repr(value)


def _slice(value: Any) -> str:
    if isinstance(value, slice):
        parts = ["" if p is None else repr(p) for p in (value.start, value.stop, value.step)]
        return ":".join(parts if parts[2] else parts[:2])
    return "..." if value is ... else repr(value)


def argument_names(entry: Entry) -> list[str]:
    """Name every array of the call, in order: a rule's own names, or the function's, or letters."""
    call = example(entry)
    words: list[str] = []
    listed = ""
    if isinstance(entry, Rule):
        words, listed = list(entry.arguments), "{name}[{i}]"
    elif isinstance(entry, Composite):
        words = _parameters(entry)
    pairs = [(words[i] if i < len(words) else "", v) for i, v in enumerate(call.args)]
    letters = (c for c in "abcdefgh" if c not in words)
    found: list[str] = []
    for name, value in (*pairs, *call.kwargs.items()):
        if isinstance(value, np.ndarray):
            found.append(name or next(letters))
            continue
        inside = range(len(arrays_of(Call((value,), {}))))
        found += [listed.format(name=name, i=i) if listed else next(letters) for i in inside]
    return found


def _parameters(entry: Composite) -> list[str]:
    """List a function's parameters that can be given by their places, up to *args."""
    try:
        every = signature(entry.fn).parameters
    except (TypeError, ValueError):  # NumPy does not tell: the composite's own
        every = signature(entry.body).parameters
    named = takewhile(lambda p: p.kind != p.VAR_POSITIONAL, every.values())
    return [p.name for p in named]
