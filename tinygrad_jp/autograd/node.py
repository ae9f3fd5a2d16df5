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


class Leaf:
    """Where the gradient of a Tensor that the user made is gathered."""

    __slots__ = ("dtype", "grad", "hooks", "owner", "seq", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: Any, seq: int, owner: Any) -> None:
        self.shape = shape
        self.dtype = dtype
        self.seq = seq
        self.grad: Any = None
        self.hooks: Any = None  # see backward.HookedLeaf
        self.owner = owner  # a weak reference to the Tensor: its name, and whether it lives


class Node:
    """One recorded operation."""

    __slots__ = ("note", "parents", "plan", "saved", "seq", "shape")

    plan: Plan
    parents: Any  # nodes of the arguments that need a gradient, in order
    saved: Any  # what plan.slots names
    seq: int
    shape: Any  # of the result; None for a node whose result is a tuple
    note: dict[str, Any]  # name, source line, kept gradient; usually not set at all


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
        self.pull = self._compile(at_speed)
        return self.pull(g, saved)

    def _make_trace(self, g: Any, saved: Any) -> Any:
        self.trace = self._compile(lambda pull: pull)
        return self.trace(g, saved)

    def _compile(self, read: Function) -> Function:
        if self.rule.listed or self.rule.outputs:
            return self._general(read)
        return compile_pull(self, read)

    def _general(self, read: Function) -> Function:
        """Make the pull of a rule with a list of arguments or several results."""
        rule, slots = self.rule, self.slots
        pulls = [read(p) if p else None for p in rule.pulls]

        def pull(g: Any, saved: Any) -> Any:
            known = dict(zip(slots, saved, strict=True))
            if rule.outputs:
                pairs = zip(g, known["y"], strict=True)
                g = tuple(np.zeros_like(y) if h is None else h for h, y in pairs)
            grads = []
            for i in self.places:
                j = 0 if rule.listed else i
                wanted = parameters(rule.pulls[j])  # type: ignore[arg-type]
                given = {**known, "g": g, "i": i}
                grads.append(pulls[j](**{n: given[n] for n in wanted}))  # type: ignore[misc]
            return grads

        return pull


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


def compile_pull(plan: Plan, read: Function) -> Function:
    """Write the function (g, saved) -> gradients out as text: a call by name costs 3 times more."""
    unpack = ", ".join(f"s_{name}" for name in plan.slots)
    calls, scope = [], {}
    for i in plan.places:
        pull = plan.rule.pulls[i]
        assert pull is not None  # a plan is made of arguments that have a pull
        scope[f"pull{i}"] = read(pull)
        names = ("g" if n == "g" else f"s_{n}" for n in parameters(pull))
        calls.append(f"pull{i}({', '.join(names)})")
    lines = ["def pull(g, saved):"]
    if plan.slots:
        lines.append(f"    ({unpack},) = saved")
    lines.append(f"    return ({', '.join(calls)},)")
    exec("\n".join(lines), scope)
    return scope["pull"]  # type: ignore[no-any-return]


def fast_evaluator(rule: Rule) -> Function:
    """Give the quickest way to run an operation on plain arrays."""
    return raw(fast.FAST.get(rule.fn, rule.evaluate))
