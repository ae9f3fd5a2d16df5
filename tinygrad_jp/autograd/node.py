"""The recorded graph: nodes made by operations, leaves that hold gradients, and plans.

A Node never points to a Tensor, only to its parents' nodes, so intermediate Tensors die as soon
as the user drops them; what stays is what the rules named. `seq` counts operations and writes
alike: it is a topological order and a clock in one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..vocabulary import fast
from ..vocabulary.fast import at_speed
from ..vocabulary.primitive import raw
from ..vocabulary.rule import Function, Rule, parameters

Array = Any
SMALL = 256  # elements up to which an array that no pull needs is kept all the same, for pictures
LARGE = 1 << 20  # the same, as long as source lines are kept too


class Leaf:
    """Where the gradient of a Tensor that the user made is gathered."""

    __slots__ = ("dtype", "grad", "hooks", "owner", "seq", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any, seq: int, owner: Any) -> None:
        self.shape = shape
        self.dtype = dtype
        self.seq = seq
        self.grad: Any = None
        self.hooks: Any = None  # see hooks.HookedLeaf
        self.owner = owner  # a weak reference to the Tensor: its name, and whether it lives


class Node:
    """One recorded operation."""

    __slots__ = ("at", "code", "note", "number", "parents", "plan", "saved", "seq", "shape")

    plan: Plan
    parents: Any  # nodes of the arguments that need a gradient, in order
    saved: Any  # what plan.slots names
    seq: int
    shape: Any  # of the result; None for a node whose result is a tuple
    number: Any  # the argument at plan's spare place; usually not set: see spare_place
    note: dict[str, Any]  # name, kept gradient; usually not set at all
    code: Any  # of the user's that ran it, with the place in there: see lines.py
    at: int


def note(node: Any) -> dict[str, Any]:
    """Give a node's notes, to read or to write in."""
    try:
        return node.note  # type: ignore[no-any-return]
    except AttributeError:
        node.note = {}
        return node.note  # type: ignore[no-any-return]


class Cotangents(tuple[Any, ...]):
    """Gradients that arrive at an operation with several results; None where none did."""

    shape = None  # as Node.shape of such an operation

    def __add__(self, other: Any) -> Cotangents:
        pairs = zip(self, other, strict=True)
        return Cotangents(b if a is None else a if b is None else a + b for a, b in pairs)


class Plan:
    """How to go back through one rule for one set of arguments that need a gradient.

    slots   what a node must save, in order: "y", "a", "a_shape", "axis", ...
    places  positions, among the rule's arguments, of those that need a gradient
    pull    (g, saved) -> one gradient for each of places, on plain arrays
    trace   the same on anything that answers NumPy's protocols: Tensors, GPU arrays, traces
    """

    __slots__ = ("places", "pull", "rule", "slots", "trace")

    def __init__(self, rule: Rule, places: tuple[int, ...]) -> None:
        self.rule = rule
        self.places = places
        self.slots = slots_of(rule, places)
        self.pull = self._make_pull  # made at first use: compiling text costs 0.2 ms
        self.trace = self._make_trace

    def _make_pull(self, g: Array, saved: Any) -> Any:
        self.pull = self._compile(at_speed, plain_zeros_like)
        return self.pull(g, saved)

    def _make_trace(self, g: Any, saved: Any) -> Any:
        self.trace = self._compile(lambda pull: pull)
        return self.trace(g, saved)

    def _compile(self, read: Function, zeros_like: Function = np.zeros_like) -> Function:
        return compile_pull(self, read, zeros_like)


def spare_place(plan: Plan) -> int | None:
    """Give the place of the one argument that is neither tracked nor saved, if there is just one.

    A number or an array there (x + 3) is kept beside the node, for pictures: no pull needs it.
    """
    rule = plan.rule
    if rule.listed or rule.outputs:
        return None
    spare = [
        i for i, name in enumerate(rule.arguments)
        if i not in plan.places and rule.pulls[i] is not None and name not in plan.slots
    ]
    return spare[0] if len(spare) == 1 else None


def remembered(array: Array, given: Any) -> Array:
    """Give an array as it is to be kept: one that came bare may be changed by its owner."""
    return array.copy() if array is given else array


def slots_of(rule: Rule, places: tuple[int, ...]) -> tuple[str, ...]:
    """List what the pulls of these arguments need, in order and once each."""
    pulls = [rule.pulls[0]] if rule.listed else [rule.pulls[i] for i in places]
    names = [n for p in pulls if p for n in parameters(p) if n not in ("g", "i")]
    for name in names:
        if name in rule.residual:
            names.extend(parameters(rule.residual[name]))  # to follow it to the second order
    if rule.outputs:
        names.append("y")  # to know what a missing gradient's zeros look like
    return tuple(dict.fromkeys(names))


def compile_pull(plan: Plan, read: Function, zeros_like: Function) -> Function:
    """Write the function (g, saved) -> gradients out as text: a call by name costs 3 times more."""
    rule = plan.rule
    scope: dict[str, Any] = {"places": plan.places, "zeros_like": zeros_like}
    lines = ["def pull(g, saved):"]
    if plan.slots:
        lines.append(f"    ({', '.join(f's_{name}' for name in plan.slots)},) = saved")
    if rule.outputs:  # a result that nothing was made of has no gradient yet
        lines.append("    g = tuple([zeros_like(y) if h is None else h for h, y in zip(g, s_y)])")
    calls = []
    for i in plan.places[:1] if rule.listed else plan.places:
        j = 0 if rule.listed else i
        pull = rule.pulls[j]
        assert pull is not None  # a plan is made of arguments that have a pull
        scope[f"pull{j}"] = read(pull)
        names = (n if n in ("g", "i") else f"s_{n}" for n in parameters(pull))
        calls.append(f"pull{j}({', '.join(names)})")
    if rule.listed:
        lines.append(f"    return [{calls[0]} for i in places]")
    else:
        lines.append(f"    return ({', '.join(calls)},)")
    exec("\n".join(lines), scope)
    return scope["pull"]  # type: ignore[no-any-return]


def plain_zeros_like(x: Array) -> Array:
    """Do as np.zeros_like of a plain array, without its wrapper."""
    return np.zeros(x.shape, x.dtype)


def fast_evaluator(rule: Rule) -> Function:
    """Give the quickest way to run an operation on plain arrays."""
    return raw(fast.FAST.get(rule.fn, rule.evaluate))
