"""The chain rule over a recorded graph, link by link, leaving every `.grad` and hook alone.

One walk, newest node first, as the engine's own: it runs the very rules that backward() runs, in
the same order, so what it finds is what backward() would give, bit by bit. What cannot be had (no
scalar to start from, an array changed in place since, a rule that fails) is left out, never zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd import apply as engine
from ..autograd import backward
from ..autograd.memory import owner
from ..autograd.node import Leaf, Node, Plan
from .recall import plan_of

Array = Any
Link = tuple[Any, int]  # an operation's node, and which of its parents


@dataclass(frozen=True, slots=True)
class Chain:
    """What the chain rule gives on a graph; what is not here was not computed.

    totals         node -> gradient of the output with respect to it, all paths together
    contributions  (node, k) -> what the node hands on to its k-th parent
    slopes         (node, k) -> derivative of the node's result with respect to its k-th parent:
                   element by element for elementwise operations, for each element of the parent
                   where the result is one number; nothing for others (a matrix product)
    """

    totals: dict[Any, Array] = field(default_factory=dict)
    contributions: dict[Link, Array] = field(default_factory=dict)
    slopes: dict[Link, Array] = field(default_factory=dict)


def chain(nodes: Sequence[Any], tensors: Sequence[Any], gradient: Any = None) -> Chain:
    """Find the gradient of every node, and what each operation contributes to its arguments.

    nodes: oldest first, as `recorded` lists them. tensors: the outputs.
    gradient: of the output, or one for each of several; not needed for a single number.
    Raises ShapeError for a gradient of another shape than the output's.
    """
    found = Chain()
    with np.errstate(all="ignore"):  # the forward pass has warned already
        for node in nodes:
            if isinstance(node, Node):
                found.slopes.update(_slopes(node))
        for t, g in _seeds(tensors, gradient):
            old = found.totals.get(t._node)
            found.totals[t._node] = g if old is None else engine.as_array(old + g)
        if found.totals:
            _walk(nodes, found)
    return found


def _seeds(tensors: Sequence[Any], gradient: Any) -> list[tuple[Any, Array]]:
    """Pair the outputs with the gradients to start from; nothing where there is none."""
    if gradient is None:
        if len(tensors) != 1 or tensors[0]._data.size != 1:
            return []
        given = [None]
    else:
        given = list(gradient) if isinstance(gradient, (list, tuple)) and len(tensors) > 1 else [
            gradient
        ]
    seeds = []
    for t, g in zip(tensors, given, strict=True):
        started = backward.seed(t, g)
        array = started._data if isinstance(started, engine.Tensor) else started
        if isinstance(array, np.ndarray):
            seeds.append((t, np.array(array, t._data.dtype)))
    return seeds


def _walk(nodes: Sequence[Any], found: Chain) -> None:
    unknown: set[Any] = set()
    for node in reversed(nodes):
        if isinstance(node, Leaf):
            continue
        if node not in found.totals and node not in unknown:
            continue  # nothing that is asked for was made of it
        links = None if node in unknown else handed_on(node, found.totals[node])
        for k, parent in enumerate(node.parents):
            h = None if links is None else links[k]
            if h is None:
                unknown.add(parent)
                found.totals.pop(parent, None)
            else:
                found.contributions[node, k] = h
                if parent not in unknown:
                    old = found.totals.get(parent)
                    found.totals[parent] = h if old is None else engine.as_array(old + h)
    for node in nodes:
        if isinstance(node, Leaf) and node in found.totals:
            total = found.totals[node]
            found.totals[node] = total.astype(node.dtype) if total.dtype != node.dtype else total


def handed_on(node: Node, g: Array) -> list[Any] | None:
    """Give what a node hands on to each parent, summed to its shape; None if that cannot be had."""
    plan = plan_of(node)
    try:
        backward.check_writes(node)
        pulled = plan.pull(g, node.saved)
        given = []
        for parent, h in zip(node.parents, pulled, strict=True):
            if h.shape != parent.shape:
                h = backward.fit(node, node.parents, parent, h, False)
            given.append(_own(engine.as_array(h), node))
    except Exception:  # a user's rule may fail in any way; backward() is the one to say so
        return None
    return given


def _own(h: Array, node: Node) -> Array:
    """Copy what shares memory with what the node keeps: a picture keeps the values of its time."""
    if not isinstance(h, np.ndarray):
        return h
    kept = node.saved if isinstance(node.saved, tuple) else ()
    held = {id(owner(s)) for s in kept if isinstance(s, np.ndarray)}
    return h.copy() if id(owner(h)) in held else h


def _slopes(node: Node) -> dict[Link, Array]:
    """Find the derivatives of one operation by themselves, where they are plain arrays."""
    plan = plan_of(node)
    rule = node.plan.rule
    if not isinstance(plan, Plan) or rule.outputs or rule is engine.ITEM or node.shape is None:
        return {}
    if not rule.broadcasts and int(np.prod(node.shape)) != 1:
        return {}
    try:
        backward.check_writes(node)
        pulled = plan.pull(np.ones(node.shape, _dtype(node)), node.saved)
        arrays = [_own(engine.as_array(h), node) for h in pulled]
    except Exception:  # as above
        return {}
    return {(node, k): h for k, h in enumerate(arrays) if isinstance(h, np.ndarray)}


def _dtype(node: Node) -> Any:
    """Guess the dtype of a result from what was kept; a rule's constants are Python's numbers."""
    for value in node.saved:
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return value.dtype
    return engine.default_dtype[0]
