"""The chain rule, backward: one walk over the graph, newest node first.

The walk keeps the gradients that wait in a heap by `seq`. A node whose turn comes has had every
gradient it will get, for whatever uses its result was made later. Leaves are served at once, and
a plain stack of layers never touches the heap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any

import numpy as np
from numpy import add, ndarray

from ..errors import ArgumentError, GradientError, ShapeError
from ..vocabulary import fast, primitives
from ..vocabulary.rule import label
from . import apply as generic
from .apply import as_array
from .explain import shown_name
from .hooks import HookedLeaf, run_hooks
from .lines import keeping, went_back
from .memory import last_write, written_since
from .mode import enable_grad
from .node import Leaf, Node, Plan, note

Array = Any
Deliver = Callable[[Leaf, Any, Any, Any], None]
observers: list[Callable[[Node, Any, Any], None]] = []  # see anomaly.py

sum_to = primitives.sum_to.raw  # type: ignore[attr-defined]


def accumulate(leaf: Leaf, h: Any, g: Any, saved: Any) -> None:
    """Add a gradient to what a leaf has.

    h becomes the leaf's own where nobody else holds it: where it is neither the gradient `g` that
    arrived, nor one of the arrays that the node `saved`, nor a view of an array that anybody but
    itself refers to (a transposed product is one). Else it is copied.
    """
    old = leaf.grad
    if type(h) is not ndarray:
        h = as_array(h)
    if h.dtype is not leaf.dtype:
        leaf.grad = h.astype(leaf.dtype) if old is None else old + h.astype(leaf.dtype)
    elif type(h) is not ndarray:
        leaf.grad = h if old is None else old + h  # create_graph: its own graph goes with it
    elif old is None:
        if h is g or (h.base is not None and not only_holder(h)):
            h = h.copy()
        else:
            for s in saved:
                if s is h:
                    h = h.copy()
        leaf.grad = h
    elif type(old) is ndarray:
        add(old, h, out=old)  # ours since the branch above
    else:
        leaf.grad = old + h


def only_holder(view: Array) -> bool:
    """Tell whether a view shows the whole of an array that nothing else refers to."""
    base = view.base
    # the view, the name `base` and the call: three references
    return (
        type(base) is ndarray and getrefcount(base) == 3
        and base.size == view.size and view.flags.writeable
    )


def walk(
    root: Any, g: Any, *, retain: bool, create_graph: bool,
    deliver: Deliver = accumulate, visit: dict[Any, Any] | None = None, floor: int = 0,
) -> None:
    """Send the gradient g of the node `root` back to every leaf below it.

    retain: keep what the nodes saved. create_graph: run the rules on Tensors, recorded.
    deliver: what to do with a leaf's gradient.
    visit: nodes whose own gradient is wanted, filled in. floor: the `seq` of the oldest of them;
    the walk ends there, and what is older keeps its graph.
    """
    heap: list[int] = []
    waiting: dict[int, list[Any]] = {}
    node = root
    if type(node) is Leaf:
        deliver(node, g, g, ())
        return
    while True:
        if type(node) is HookedLeaf:
            if node.seq >= floor:
                g = run_hooks(node.hooks, g)
            deliver(node, g, g, ())
            if not heap:
                return
            node, g = waiting.pop(-heappop(heap))
            continue
        if visit is not None:
            if node in visit:
                visit[node] = g
            if node.seq <= floor:
                if not heap:
                    return
                node, g = waiting.pop(-heappop(heap))
                continue
        saved, parents = node.saved, node.parents
        if parents is None:
            raise GradientError("backward_twice", op=label(node.plan.rule.fn))
        if node.seq < last_write[0]:
            check_writes(node)
        if create_graph:
            gs = node.plan.trace(g, lift(node))
        elif type(g) is ndarray:
            gs = node.plan.pull(g, saved)
        else:
            gs = _pull_any(node, g, saved)
        if observers:
            for observe in observers:
                observe(node, g, gs)
        if not retain:
            node.saved = node.parents = None  # frees memory, and unlinks the graph as it goes
        follow = held = None
        for p, h in zip(parents, gs):  # a plan gives one gradient per parent
            try:
                if h.shape != p.shape:
                    h = fit(node, parents, p, h, create_graph)
            except AttributeError:
                if hasattr(h, "shape"):
                    raise
                raise misfit("rule_gave", node, parents, p, kind=type(h).__name__) from None
            if type(p) is Leaf:
                deliver(p, h, g, saved)
            elif follow is None and not heap:
                follow, held = p, h
            elif follow is p:
                held = held + h
            else:
                if follow is not None:
                    _push(heap, waiting, follow, held)
                    follow = None
                _push(heap, waiting, p, h)
        if follow is not None:
            node, g = follow, held
        elif heap:
            node, g = waiting.pop(-heappop(heap))
        else:
            return


def _push(heap: list[int], waiting: dict[int, list[Any]], node: Any, h: Any) -> None:
    seq = node.seq
    entry = waiting.get(seq)
    if entry is None:
        waiting[seq] = [node, h]
        heappush(heap, -seq)
    else:
        entry[1] = entry[1] + h


def _pull_any(node: Node, g: Any, saved: Any) -> Any:
    """Pull a gradient that is not a plain array: a NumPy scalar, a tuple, a GPU array."""
    if isinstance(g, np.generic):
        return node.plan.pull(np.asarray(g), saved)
    if isinstance(g, tuple) and all(h is None or isinstance(h, (ndarray, np.generic)) for h in g):
        return node.plan.pull(g, saved)
    return node.plan.trace(g, saved)


def fit(node: Any, parents: Any, parent: Any, h: Any, create_graph: bool) -> Any:
    """Sum a gradient back to the shape of an argument that was broadcast."""
    if not node.plan.rule.broadcasts:
        raise misfit("rule_shape", node, parents, parent, given=h.shape)
    try:
        summed = (sum_to if type(h) is ndarray and not create_graph else primitives.sum_to)(
            h, parent.shape
        )
    except (ValueError, IndexError):
        raise misfit("rule_shape", node, parents, parent, given=h.shape) from None
    if summed.shape != parent.shape:
        raise misfit("rule_shape", node, parents, parent, given=h.shape)
    return summed


def misfit(key: str, node: Any, parents: Any, parent: Any, **facts: Any) -> ShapeError:
    """Make the error for a rule that gave what cannot be the gradient of an argument."""
    plan = node.plan
    place = plan.places[parents.index(parent)]
    names = plan.rule.arguments
    return ShapeError(
        key, op=label(plan.rule.fn), argument=names[min(place, len(names) - 1)],
        shape=parent.shape, **facts,
    )


def check_writes(node: Any) -> None:
    """Refuse to go on with an array that was changed in place since the node was made."""
    for slot, value in zip(node.plan.slots, node.saved, strict=True):
        for array in value if isinstance(value, (tuple, list)) else (value,):
            if written_since(array, node.seq):
                raise GradientError(
                    "changed_in_place", op=label(node.plan.rule.fn), slot=slot,
                    name=_name_of(node, slot),
                )


def _name_of(node: Any, slot: str) -> str:
    rule, found = node.plan.rule, node
    if slot in rule.arguments:
        place = rule.arguments.index(slot)
        if place not in node.plan.places:
            return ""
        found = node.parents[node.plan.places.index(place)]
    name = name_of(found)
    return f" '{name}'" if name else ""


def name_of(node: Any) -> str | None:
    """Give the name that the user gave to the Tensor of a node, if any."""
    if isinstance(node, Leaf):
        tensor = node.owner()
        return None if tensor is None else tensor.name
    return note(node).get("name") if hasattr(node, "note") else None


def lift(node: Any) -> tuple[Any, ...]:
    """Give what a node saved as Tensors that lead back into the graph."""
    plan: Plan = node.plan
    rule = plan.rule
    known: dict[str, Any] = {}
    for slot, value in zip(plan.slots, node.saved, strict=True):
        if slot == "y":
            known[slot] = generic._wrap_all(rule, value, node)
        elif slot == "xs":
            below = dict(zip(plan.places, node.parents, strict=True))
            known[slot] = [
                v if isinstance(v, (float, int, type(None))) else generic.wrap(v, below.get(i))
                for i, v in enumerate(value)
            ]
        elif slot in rule.arguments and not isinstance(value, (float, int, type(None))):
            place = rule.arguments.index(slot)
            at = plan.places.index(place) if place in plan.places else None
            known[slot] = generic.wrap(value, None if at is None else node.parents[at])
        else:
            known[slot] = value
    for name, recipe in rule.residual.items():
        if name in known:
            wanted = recipe.__code__.co_varnames[: recipe.__code__.co_argcount]
            known[name] = recipe(*(known[n] for n in wanted))
    return tuple(known[slot] for slot in plan.slots)


def start(tensors: Sequence[Any], gradients: Sequence[Any]) -> tuple[Any, Any]:
    """Join several starting points into one node, whose pull hands each its gradient."""
    if len(tensors) == 1:
        return tensors[0]._node, gradients[0]
    node = Node()
    node.plan = _Join()  # type: ignore[assignment]
    node.parents = tuple(t._node for t in tensors)
    node.saved = ()
    node.seq = 1 << 62
    node.shape = ()
    return node, _Handed(
        g.copy() if isinstance(t._node, Leaf) and type(g) is ndarray else g  # it becomes .grad
        for t, g in zip(tensors, gradients, strict=True)
    )


class _Handed(tuple[Any, ...]):
    shape = ()


class _Join:
    rule: Any = generic.ITEM  # its inverse, which hands one result on, is the nearest kin
    slots: tuple[str, ...] = ()
    places: tuple[int, ...] = ()

    @staticmethod
    def pull(g: Any, saved: Any) -> Any:
        return g

    trace = pull


def is_foreign(array: Any) -> bool:
    """Tell whether this is an array that is not NumPy's: on a GPU, in a trace."""
    return type(array) is not ndarray and hasattr(type(array), "__array_function__")


def seed(tensor: Any, gradient: Any) -> Any:
    """Check, or make, the gradient that a backward pass starts with; a plain array or a Tensor."""
    data = tensor._data
    if gradient is None:
        if data.size != 1:
            raise GradientError(
                "backward_not_scalar", shape=tuple(data.shape), name=shown_name(tensor)
            )
        return fast.ones_like(data) if type(data) is ndarray else np.ones_like(data)
    if not isinstance(gradient, generic.Tensor) and not is_foreign(gradient):
        try:
            gradient = np.asarray(gradient, dtype=data.dtype)
        except (TypeError, ValueError) as reason:
            raise ArgumentError("not_numbers", reason=str(reason)) from None
    if gradient.shape != data.shape:
        raise ShapeError(
            "gradient_shape", given=tuple(gradient.shape), shape=tuple(data.shape)
        )
    return gradient


def backward(
    tensor: Any, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Add to `.grad` of every leaf that `tensor` was computed from (see Tensor.backward)."""
    if tensor._node is None:
        raise GradientError("backward_no_graph", name=shown_name(tensor))
    if keeping[0]:
        went_back()
    g = seed(tensor, gradient)
    retain = create_graph if retain_graph is None else retain_graph
    if type(g) is ndarray and not create_graph:
        walk(tensor._node, g, retain=retain, create_graph=False)
    else:
        run([tensor], [g], retain, create_graph)


def run(
    tensors: Sequence[Any], gradients: Sequence[Any], retain: bool, create_graph: bool,
    deliver: Deliver = accumulate, visit: dict[Any, Any] | None = None, floor: int = 0,
) -> None:
    """Walk back from several Tensors at once (see `walk`)."""
    if create_graph:
        gradients = [g if isinstance(g, generic.Tensor) else generic.wrap(g) for g in gradients]
    else:
        gradients = [g._data if isinstance(g, generic.Tensor) else g for g in gradients]
    root, g = start(tensors, gradients)
    with enable_grad() if create_graph else nullcontext():
        walk(
            root, g, retain=retain, create_graph=create_graph, deliver=deliver, visit=visit,
            floor=floor,
        )


def grad(
    outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
    create_graph: bool = False, allow_unused: bool = False,
) -> tuple[Any, ...]:
    """Compute the gradients of outputs with respect to inputs, without touching any `.grad`.

    outputs, inputs: a Tensor or several; inputs may be intermediate results.
    grad_outputs: one gradient per output; may be left out for scalars.
    Returns a tuple, one Tensor per input (None for one without a path, if allow_unused).
    Raises GradientError where an input has no path to the outputs, or requires no gradient.

    >>> import tinygrad_jp as tj
    >>> x = tj.tensor(3.0, requires_grad=True)
    >>> (first,) = tj.autograd.grad(x**3, x, create_graph=True)
    >>> tj.autograd.grad(first, x)[0].item()
    18.0
    """
    outs = _several(outputs)
    ins = _several(inputs)
    given = _several(grad_outputs) if grad_outputs is not None else [None] * len(outs)
    if len(given) != len(outs):
        raise ShapeError("gradient_shape", given=(len(given),), shape=(len(outs),))
    for i, t in enumerate(ins):
        if t._node is None:
            raise GradientError("input_no_grad", index=i, name=shown_name(t))
    for t in outs:
        if t._node is None:
            raise GradientError("backward_no_graph", name=shown_name(t))
    found: dict[Any, Any] = {t._node: None for t in ins}

    def collect(leaf: Leaf, h: Any, g: Any, saved: Any) -> None:
        if leaf in found:
            old = found[leaf]
            found[leaf] = h if old is None else old + h

    retain = create_graph if retain_graph is None else retain_graph
    gradients = [seed(t, g) for t, g in zip(outs, given, strict=True)]
    oldest = min((n.seq for n in found), default=0)
    run(outs, gradients, retain, create_graph, collect, found, oldest)
    result = []
    for i, t in enumerate(ins):
        g = found[t._node]
        if g is None and not allow_unused:
            raise GradientError("unused_input", index=i, name=shown_name(t))
        result.append(g if g is None else _as_gradient(t, g))
    return tuple(result)


def _as_gradient(t: Any, g: Any) -> Any:
    if isinstance(g, generic.Tensor):
        return g if g._data.dtype == t._data.dtype else generic.cast_to(g, t._data.dtype)
    if isinstance(g, (ndarray, np.generic)):
        return generic.wrap(np.array(g, dtype=t._data.dtype))
    return generic.wrap(g.astype(t._data.dtype))


def _several(x: Any) -> list[Any]:
    return list(x) if isinstance(x, (list, tuple)) else [x]
