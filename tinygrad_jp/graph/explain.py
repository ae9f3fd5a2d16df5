"""`explain`: the chain rule from a loss to one Tensor, path by path, with the numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..autograd.apply import wrap
from ..autograd.backward import fit
from ..autograd.backward import grad as gradient_of
from ..autograd.mode import enable_grad
from ..autograd.node import Leaf
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, Language, OptionError, PositionError, ShapeError
from .explanation import Explanation, Path, Reason, Step, Term
from .gradients import handed_on
from .model import Edge, GraphNode
from .names import named_tensors
from .recall import arguments_of, plan_of
from .recording import Recording
from .wording import Look

Array = Any

MOST_TERMS = 6  # of the sum behind one element


def explain(
    loss: Any,
    w: Any,
    *,
    index: Any = None,
    names: Any = None,
    paths: int = 8,
    lang: Language | None = None,
) -> Explanation:
    """Write out why the gradient of `loss` with respect to `w` is what it is.

    loss: a Tensor of one number, whose graph is still there: explain before backward(), or after
        backward(retain_graph=True).
    w: a Tensor that the loss was computed from, a Parameter or an intermediate result; or its name
        in `names`; or the id of a node, as `tj.draw` shows it.
    index: of one element of w, whose gradient is then written as a sum; None for all of them.
    names: where to find names: locals(), a Module, or module.named_parameters.
    paths: how many paths to write out. There may be 2¹⁶ of them in a chain of sixteen doublings;
        they are counted, and those not written out are given as one sum, without walking them.
    lang: "ja" or "en"; None for the language in force.
    Returns an Explanation: prints as text, shows as LaTeX in a notebook; `.markdown()`, `.html()`.
    Its `total` is what backward() would add to w.grad. Where there is no path, it says why.
    Raises ShapeError where the loss is not one number; GradientError where there is no graph, or
    backward() has freed it; OptionError for an unknown name; PositionError for an index outside.

    >>> import tinygrad_jp as tj
    >>> w, x = tj.tensor(3.0, requires_grad=True), tj.tensor(2.0)
    >>> print(tj.explain((w * x - 1) ** 2, w, names=locals(), lang="en"))
    ∂loss/∂w = 20
    w (n0) = 3    loss (n6) = 25    paths: 1
    <BLANKLINE>
    path 1 of 1: loss ← n4 ← n2 ← w
      loss = np.power(a=n4, b=2)   ∂loss/∂n4 = b·aᵇ⁻¹ = 10  1 × 10 = 10
      n4 = np.subtract(a=n2, b=1)  ∂n4/∂n2 = 1              10 × 1 = 10
      n2 = np.multiply(a=w, b=x)   ∂n2/∂w = b = 2           10 × 2 = 20
      ∂loss/∂w = 10 × 1 × 2 = 20
    """
    if not isinstance(loss, Tensor):
        raise ArgumentError("explain_what", kind=type(loss).__name__)
    if loss._data.size != 1:
        raise ShapeError("not_a_loss", shape=tuple(loss._data.shape))
    if paths < 1:
        raise OptionError("explain_paths", given=paths)
    if lang is not None:
        Look(language=lang)  # refuses one that there is not
    recording = Recording(loss, named_tensors(names))
    name, tensor, here = _find(recording, w, names)
    _call_it(recording, recording.graph.outputs[0].id, "loss")
    if here is not None:
        _call_it(recording, here, name)
    end = recording.records[recording.graph.outputs[0].id]
    if here is None:
        reason = _why_not(recording, tensor)
        return Explanation(recording.graph, end, None, name, reason=reason, language=lang)
    record = recording.records[here]
    at = _checked(index, record.shape)
    walk = _Walk(recording, here, at)
    found = walk.paths(paths)
    return Explanation(
        recording.graph, end, record, name, index=at, count=walk.ways[end.id], found=found,
        meetings=walk.meetings(), language=lang,
    )


def _find(recording: Recording, w: Any, names: Any) -> tuple[str, Tensor | None, str | None]:
    """Find what is asked for: its name, the Tensor, and its node's id."""
    pairs = named_tensors(names).pairs
    if isinstance(w, str):
        found = next((t for name, t in pairs if name == w), None)
        if found is not None:
            return w, found, recording.id_of(found)
        match = next((n for n in recording.graph.nodes if w in (n.id, n.name)), None)
        if match is None or match.kind == "constant":
            known = [name for name, _ in pairs]
            known += [n.name or n.id for n in recording.graph.nodes if n.kind == "leaf" or n.name]
            raise OptionError(
                "explain_no_name", given=w, known=", ".join(dict.fromkeys(known)),
            )
        return match.name or w, None, match.id
    if not isinstance(w, Tensor):
        raise ArgumentError("explain_of_what", kind=type(w).__name__)
    here = recording.id_of(w) if w._node is not None else None
    named = next((name for name, t in pairs if t is w), w.name)
    return named or (recording.records[here].name if here else None) or "w", w, here


def _call_it(recording: Recording, node: str, name: str) -> None:
    """Give a node without a name one to read it by, unless another has that already."""
    records = recording.records
    if not records[node].name and all(record.name != name for record in records.values()):
        records[node] = replace(records[node], name=name)


def _checked(index: Any, shape: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if index is None:
        return None
    at = tuple(index) if isinstance(index, (tuple, list)) else (index,)
    sizes = shape or ()
    if len(at) != len(sizes) or not all(
        isinstance(i, (int, np.integer)) and -n <= i < n for i, n in zip(at, sizes, strict=True)
    ):
        raise PositionError("explain_index", index=index, shape=sizes)
    return tuple(int(i) % n for i, n in zip(at, sizes, strict=True))


def _why_not(recording: Recording, tensor: Tensor | None) -> Reason:
    """Say why the loss has no path to a Tensor."""
    if tensor is None:
        return Reason("explain_unused", {})
    if tensor._node is None:
        return Reason("explain_no_grad", {})
    for node in recording.operations():
        for given in arguments_of(node):
            value = given.value
            if isinstance(value, np.ndarray) and np.may_share_memory(value, tensor._data):
                record = recording.records[recording.ids[node]]
                return Reason("explain_cut", {
                    "place": f"{record.label} ({record.id})", "argument": given.argument,
                })
    if tensor._node.seq > recording.output._node.seq and not isinstance(tensor._node, Leaf):
        return Reason("explain_later", {})
    return Reason("explain_unused", {})


class _Walk:
    """Everything between the output and one node."""

    def __init__(self, recording: Recording, here: str, index: tuple[int, ...] | None) -> None:
        self.recording = recording
        self.here = here
        self.index = index
        self.ways: dict[str, int] = {here: 1}  # how many paths lead from a node down to w
        for record in recording.graph.nodes:
            if record.id == here:
                continue
            ways = sum(self.ways.get(e.source, 0) for e in recording.links.get(record.id, ()))
            if ways:
                self.ways[record.id] = ways
        self.end = recording.graph.outputs[0].id
        self.ways.setdefault(self.end, 0)

    def meetings(self) -> list[tuple[GraphNode, int]]:
        """List the nodes between, from the output down, with the paths from the output to each."""
        down: dict[str, int] = {self.end: 1}
        listed = []
        for record in reversed(self.recording.graph.nodes):
            if record.id not in down or record.id not in self.ways:
                continue
            listed.append((self.recording.records[record.id], down[record.id]))
            if record.id == self.here:
                continue
            for edge in self.recording.links.get(record.id, ()):
                if edge.source in self.ways:
                    down[edge.source] = down.get(edge.source, 0) + down[record.id]
        return listed

    def paths(self, most: int) -> list[Path]:
        """Walk the first paths, depth first; each link is pulled once for each path through it."""
        found: list[Path] = []
        start = np.ones(self.recording.output._data.shape, self.recording.output._data.dtype)
        stack: list[tuple[str, Any, tuple[Any, ...] | None]] = [(self.end, start, None)]
        while stack and len(found) < most:
            node, g, so_far = stack.pop()
            if node == self.here:
                found.append(self.path(g, so_far))
                continue
            engine_node = self.recording.of[node]
            links = handed_on(engine_node, g)
            if links is None:
                continue
            edges = self.recording.links[node]
            stack += [
                (edges[k].source, links[k], (so_far, edges[k], k, g))
                for k in reversed(range(len(edges))) if edges[k].source in self.ways
            ]
        return found

    def path(self, g: Any, so_far: tuple[Any, ...] | None) -> Path:
        """Put one path's steps into records."""
        steps: list[Step] = []
        hands_on = g
        terms: list[Term] = []
        last = so_far
        while so_far is not None:
            before, edge, _, arrives = so_far
            steps.append(self.step(edge, arrives, hands_on))
            so_far, hands_on = before, arrives
        if last is not None and self.index is not None and isinstance(last[3], np.ndarray):
            terms = self.terms(last[1], last[2], last[3])
        return Path(tuple(reversed(steps)), np.asarray(g), tuple(terms))

    def step(self, edge: Edge, arrives: Any, hands_on: Any) -> Step:
        """Put one link into a record."""
        records, made = self.recording.records, self.recording.arguments
        target = records[edge.target]
        return Step(
            target, records[edge.source], edge,
            tuple((e.argument, records[e.source]) for e in made[edge.target]),
            arrives, hands_on,
        )

    def terms(self, edge: Edge, k: int, g: Array) -> list[Term]:
        """Write one element's gradient as Σ (gradient at the result) × (its derivative).

        The rule is linear in the gradient that arrives, so differentiating what it hands on with
        respect to that gradient gives the derivatives, exactly.
        """
        node = self.recording.of[edge.target]
        given = wrap(g.copy()).requires_grad_()
        try:
            with enable_grad():
                h = plan_of(node).trace(given, node.saved)[k]
                if h.shape != node.parents[k].shape:
                    h = fit(node, node.parents, node.parents[k], h, True)
                (column,) = gradient_of(h[self.index], given)
        except Exception:  # a user's rule that only plain arrays can take
            return []
        slopes = column._data
        products = g * slopes
        places = np.flatnonzero(slopes)
        order = np.argsort(-np.abs(products.reshape(-1)[places]), kind="stable")
        terms = [
            Term(
                tuple(int(i) for i in np.unravel_index(p, g.shape)), float(g.flat[p]),
                float(slopes.flat[p]),
            )
            for p in places[order[:MOST_TERMS]]
        ]
        if len(places) > MOST_TERMS:
            shown = sum(t.arrives * t.slope for t in terms)
            terms.append(Term(None, float(products.sum()) - shown, 1.0, len(places) - MOST_TERMS))
        return terms
