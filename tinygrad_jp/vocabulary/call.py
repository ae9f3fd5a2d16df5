"""Bind a call of a NumPy function to the arguments that its rule knows.

A rule has an exact signature: an argument that the function takes and the rule does not know
(`np.sum(where=)`) is refused, for ignoring it would give a silently wrong gradient.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy import ufunc

from ..errors import ArgumentError, TinygradError
from .rule import REQUIRED, Rule, label

Bound = tuple[tuple[Any, ...], tuple[Any, ...]]

# What NumPy passes on unsaid; any of them may be given explicitly without asking for anything.
UNSAID: tuple[Any, ...] = (None, inspect.Parameter.empty, getattr(np, "_NoValue", None))
GATHERING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)  # *args, **kwargs


def signature(rule: Rule) -> inspect.Signature:
    """Give the signature by which a call of the rule's function is read."""
    if rule.signature is None:
        return inspect.signature(rule.fn)
    scope: dict[str, Any] = {}
    exec(f"def call{rule.signature}: return None", scope)  # text from a rule in our own source
    return inspect.signature(scope["call"])


def binder(rule: Rule) -> Callable[..., Bound]:
    """Make the function that splits a call's arguments into (arrays, static parameters).

    It is written out from the signature: inspect's own `bind` costs more than a small operation.
    A call that does not fit raises TypeError, as any function does; `misfit` makes of it what the
    user is told. An argument that the rule does not know raises ArgumentError.

    >>> from tinygrad_jp.vocabulary.rule import REGISTRY
    >>> bind = binder(REGISTRY[np.cumsum])
    >>> bind("x", axis=1)
    (('x',), (1,))
    >>> print(bind.__doc__)
    def bind(a, axis=axis_, dtype=dtype_, out=out_):
        if not (dtype is dtype_ and out is out_):
            refuse_(dtype=dtype, out=out)
        if axis is unsaid_: axis = axis_
        return (a,), (axis,)
    """
    if isinstance(rule.fn, ufunc):
        return _ufunc_binder(rule)
    scope: dict[str, Any] = {}
    text = _source(rule, scope)
    exec(compile(text, f"<tinygrad_jp call of {rule.name}>", "exec"), scope)
    scope["bind"].__doc__ = text
    return cast(Callable[..., Bound], scope["bind"])


def misfit(rule: Rule, args: Any, kwargs: Any, reason: TypeError) -> TypeError:
    """Give the typed error for a call that the rule's binder did not take."""
    if isinstance(reason, TinygradError):
        return reason
    known = _whole_signature(rule)
    said = str(reason)
    try:
        known.bind(*args, **kwargs)
    except TypeError as same:  # without the name that the binder goes by
        said = str(same)
    return ArgumentError("bad_call", op=label(rule.fn), reason=said, takes=str(known))


def _whole_signature(rule: Rule) -> inspect.Signature:
    """Name the parameters, too, that NumPy takes as **kwargs (np.pad's constant_values)."""
    known = signature(rule)
    missing = [n for n in rule.static if n not in known.parameters]
    if not missing:
        return known
    rest = [p for p in known.parameters.values() if p.kind is not p.VAR_KEYWORD]
    extra = [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=rule.static[n])
        for n in missing
    ]
    return known.replace(parameters=rest + extra)


class _Named:
    """Stands for a default in the text of a signature, by a name in the scope."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


def _source(rule: Rule, scope: dict[str, Any]) -> str:
    """Give the text of a rule's binder, and put the values that it names into the scope."""
    known = _whole_signature(rule)
    arrays, static = list(signature(rule).parameters)[: len(rule.arguments)], list(rule.static)
    head = []
    for p in known.parameters.values():
        default = p.default
        if p.name in static and rule.static[p.name] is not REQUIRED:
            default = rule.static[p.name]
        elif p.name in arrays + static and _is_unsaid(default):
            default = None
        scope[f"{p.name}_"] = default
        named = p.empty if p.default is p.empty else _Named(f"{p.name}_")
        head.append(p.replace(default=named, annotation=p.empty))
    unknown = [p for p in known.parameters.values() if p.name not in static + arrays]
    scope["unsaid_"], scope["refuse_"] = UNSAID[2], _refusal(rule, known)
    shown = known.replace(parameters=head, return_annotation=inspect.Signature.empty)
    lines = [f"def bind{shown}:"]
    if unknown:
        same = (
            f"not {p.name}" if p.kind in GATHERING else f"{p.name} is {p.name}_" for p in unknown
        )
        given = ", ".join(f"{p.name}={p.name}" for p in unknown)
        lines += [f"    if not ({' and '.join(same)}):", f"        refuse_({given})"]
    lines += [f"    if {n} is unsaid_: {n} = {n}_" for n in static]
    both = ("".join(f"{n}, " for n in names).rstrip(" ") for names in (arrays, static))
    lines.append("    return " + ", ".join(f"({names})" for names in both))
    return "\n".join(lines) + "\n"


def _refusal(rule: Rule, known: inspect.Signature) -> Callable[..., None]:
    """Make the function that refuses what the rule does not know, if it asks for something."""

    def refuse(**given: Any) -> None:
        for name, value in given.items():
            if not _is_default(known.parameters[name], value):
                raise ArgumentError("unknown_argument", op=label(rule.fn), name=name)

    return refuse


def _is_default(p: inspect.Parameter, value: Any) -> bool:
    if p.kind in GATHERING:
        return not value
    return value is p.default or _is_unsaid(value) or (
        isinstance(value, (str, bool, int)) and value == p.default
    )


def _is_unsaid(value: Any) -> bool:
    return any(value is u for u in UNSAID)


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
