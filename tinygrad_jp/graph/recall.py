"""Find the values of a recorded graph again: kept by a rule, still alive, or recomputed.

The engine keeps only what the rules need, so most intermediate values are gone by the time a
graph is drawn. Going forward once, each is computed again from its arguments where these are
known. An array that was changed in place since is not what the graph was computed with, and is
left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ..autograd import apply as engine
from ..autograd.hooks import Hooked
from ..autograd.memory import written_since
from ..autograd.node import Leaf, Node, Plan, note, spare_place
from ..vocabulary.call import signature
from ..vocabulary.rule import Rule

Array = Any
MISSING = object()  # not kept; None may be a value


@dataclass(frozen=True, eq=False, slots=True)
class Given:
    """One argument of a recorded operation.

    node   where it came from; None for a constant
    value  of a constant, if it was kept, else None; shape: of a constant, if that was kept
    """

    argument: str
    node: Any = None
    value: Any = None
    shape: tuple[int, ...] | None = None


def arguments_of(node: Node) -> list[Given]:
    """List an operation's arguments in order: the nodes it has, and the constants it had.

    A constant that the rule did not need is listed too, without a value. An optional one is not,
    for nothing tells whether it was given.
    """
    plan, rule, kept = node.plan, node.plan.rule, kept_by(node)
    parents = dict(zip(plan.places, node.parents, strict=True))
    if rule.listed:
        values, shapes = kept.get("xs"), kept.get("x_shapes")
        count = len(values or shapes or ()) or max(parents) + 1
        return [
            Given(f"xs[{i}]", parents[i]) if i in parents else Given(
                f"xs[{i}]", None, values[i] if values else None, shapes[i] if shapes else None,
            )
            for i in range(count)
        ]
    found = []
    for i, name in enumerate(rule.arguments):
        if i in parents:
            found.append(Given(name, parents[i]))
            continue
        value, shape = kept.get(name, MISSING), kept.get(f"{name}_shape")
        if value is None or (value is MISSING and shape is None and i in optional(rule)):
            continue
        found.append(Given(name, None, None if value is MISSING else value, shape))
    return found


@cache
def optional(rule: Rule) -> frozenset[int]:
    """Tell which arguments of a rule's function may be left out."""
    if isinstance(rule.fn, np.ufunc):
        return frozenset()
    order = signature(rule).parameters.values()
    return frozenset(i for i, p in enumerate(order) if p.default is None)


def kept_by(node: Node) -> dict[str, Any]:
    """Give what a node saved, by name, less the arrays that were changed since.

    Also the constants that a watched run wrote down, for the rule itself may need none of them.
    """
    pairs = list(zip(node.plan.slots, node.saved, strict=True))
    if hasattr(node, "note"):
        pairs += note(node).get("given", {}).items()
    if hasattr(node, "number"):
        plan = plan_of(node)
        place = spare_place(plan)
        assert place is not None  # where the engine has put a number
        pairs.append((plan.rule.arguments[place], node.number))
    return {slot: value for slot, value in pairs if not _stale(value, node.seq)}


def plan_of(node: Node) -> Any:
    """Give a node's plan without the hooks around it, which belong to the user's own backward."""
    plan: Any = node.plan
    while isinstance(plan, Hooked):
        plan = plan.plan
    return plan


def _stale(value: Any, moment: int) -> bool:
    parts = value if isinstance(value, (tuple, list)) else (value,)
    return any(written_since(part, moment) for part in parts)


def recalled(nodes: list[Any], tensors: list[Any], recompute: bool = True) -> dict[Any, Array]:
    """Find the value of each node, as far as it can be known.

    nodes: oldest first. tensors: those still at hand.
    recompute: run operations again, at the cost of one forward pass.
    """
    known: dict[Any, Array] = {t._node: t._data for t in tensors}
    for node in nodes:
        if isinstance(node, Leaf):
            owner = node.owner()
            if owner is not None:
                known[node] = owner._data
    for node in nodes:
        if isinstance(node, Node):
            kept = kept_by(node)
            if "y" in kept:
                known.setdefault(node, kept["y"])
            for place, parent in zip(node.plan.places, node.parents, strict=True):
                value = _argument(node.plan.rule, place, kept)
                if value is not MISSING:
                    known.setdefault(parent, value)
    if recompute:
        with np.errstate(all="ignore"):  # the forward pass has warned already
            for node in nodes:
                if isinstance(node, Node) and node not in known:
                    value = recomputed(node, known)
                    if value is not None:
                        known[node] = value
    return known


def _argument(rule: Rule, place: int, kept: dict[str, Any]) -> Any:
    if rule.listed:
        return kept["xs"][place] if "xs" in kept else MISSING
    return kept.get(rule.arguments[place], MISSING)


def recomputed(node: Node, known: dict[Any, Array]) -> Array | None:
    """Run one operation again; None where an argument is not known any more.

    A list of which nothing was kept is taken to have had no constants, if the shape agrees. What
    stands where a plan would, and runs a function of the user's (a checkpoint), is left alone.
    """
    if not isinstance(plan_of(node), Plan):
        return None
    rule, kept = node.plan.rule, kept_by(node)
    static = [kept.get(name, MISSING) for name in rule.static]
    parents = dict(zip(node.plan.places, node.parents, strict=True))
    count = len(rule.arguments)
    if rule.listed:
        count = len(kept.get("xs") or kept.get("x_shapes") or ()) or max(parents) + 1
    values = []
    for i in range(count):
        if i in parents:
            value = known.get(parents[i], MISSING)
            value = MISSING if _stale(value, node.seq) else value
        else:
            value = _argument(rule, i, kept)
        values.append(value)
    if any(v is MISSING for v in (*values, *static)):
        return None
    if rule.mixes:
        values = engine.promoted(rule, values)
    y, _ = engine.evaluate(rule, values, static, record=True)
    if rule.outputs:
        return y
    if "dtype" not in rule.static:
        parts = [p for v in values for p in (v if isinstance(v, tuple) else (v,))]  # of several
        y = engine.narrowed(y, parts)
    return y if y.shape == node.shape else None
