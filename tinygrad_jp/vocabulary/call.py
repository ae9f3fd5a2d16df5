"""Bind a call of a NumPy function to the arguments that its rule knows.

A rule has an exact signature: an argument that the function takes and the rule does not know
(`np.sum(where=)`) is refused, for ignoring it would give a silently wrong gradient.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ufunc

from ..errors import ArgumentError
from .rule import REQUIRED, Rule, label

Bound = tuple[tuple[Any, ...], tuple[Any, ...]]

# What NumPy passes on unsaid; any of them may be given explicitly without asking for anything.
UNSAID: tuple[Any, ...] = (None, inspect.Parameter.empty, getattr(np, "_NoValue", None))


def signature(rule: Rule) -> inspect.Signature:
    """Give the signature by which a call of the rule's function is read."""
    if rule.signature is None:
        return inspect.signature(rule.fn)
    scope: dict[str, Any] = {}
    exec(f"def call{rule.signature}: return None", scope)  # text from a rule in our own source
    return inspect.signature(scope["call"])


def binder(rule: Rule) -> Callable[..., Bound]:
    """Make the function that splits a call's arguments into (arrays, static parameters)."""
    if isinstance(rule.fn, ufunc):
        return _ufunc_binder(rule)
    known = signature(rule)
    order = list(known.parameters)
    count = len(rule.arguments)
    arrays, static = order[:count], list(rule.static)
    missing = [n for n in static if n not in order]
    if missing:
        # parameters that NumPy takes as **kwargs (np.pad's constant_values)
        rest = [p for p in known.parameters.values() if p.kind is not p.VAR_KEYWORD]
        extra = [
            inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=rule.static[n])
            for n in missing
        ]
        known = known.replace(parameters=rest + extra)

    def bind(*args: Any, **kwargs: Any) -> Bound:
        try:
            given = known.bind(*args, **kwargs).arguments
        except TypeError as reason:
            raise ArgumentError(
                "bad_call", op=label(rule.fn), reason=str(reason), takes=str(known)
            ) from None
        for name, value in given.items():
            if name not in static and name not in arrays and not _is_default(known, name, value):
                raise ArgumentError("unknown_argument", op=label(rule.fn), name=name)
        values = []
        for name in static:
            value = given.get(name, REQUIRED)
            if value is REQUIRED or value is UNSAID[2]:
                value = rule.static[name]
            if value is REQUIRED:
                value = known.parameters[name].default
            values.append(None if value is inspect.Parameter.empty else value)
        return tuple(given.get(name) for name in arrays), tuple(values)

    return bind


def _is_default(known: inspect.Signature, name: str, value: Any) -> bool:
    default = known.parameters[name].default
    return value is default or any(value is u for u in UNSAID) or (
        isinstance(value, (str, bool, int)) and value == default
    )


def _ufunc_binder(rule: Rule) -> Callable[..., Bound]:
    count = rule.fn.nin  # type: ignore[attr-defined]

    def bind(*args: Any, **kwargs: Any) -> Bound:
        for name, value in kwargs.items():
            if value is not None:
                raise ArgumentError("unknown_argument", op=label(rule.fn), name=name)
        if len(args) != count:
            raise ArgumentError(
                "bad_call", op=label(rule.fn), reason=f"{len(args)} arguments", takes=str(count)
            )
        return args, ()

    return bind
