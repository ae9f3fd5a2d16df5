"""Memory for time: drop what a function recorded, and run it again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import GradientError, Phrase
from ..vocabulary.rule import Rule
from . import backward as engine
from .apply import _wrap_all, wrap
from .lines import keeping, stamp
from .memory import own, tick, written_since
from .mode import enable_grad, is_grad_enabled
from .node import Leaf, Node
from .random import get_rng_state, set_rng_state
from .structure import leaves, rebuild
from .tensor import Tensor
from .transforms import is_lent

Array = Any


def checkpoint(f: Callable[..., Any], *xs: Any, **options: Any) -> Any:
    """Compute f(*xs, **options), keeping only the inputs; f runs again in the backward pass.

    f: takes Tensors and gives a Tensor, or lists, tuples and dicts of them. It may use other
        Tensors besides, a layer's parameters for instance; they get their gradients too.
    The gradients are those without checkpoint, of every order. Random numbers (tj's and those of
    np.random) come out the same in the second run, so dropout is safe. Any other side effect of f
    happens twice. Peak memory: the inputs, and what one f records.
    Raises GradientError in the backward pass if an input or parameter was changed in place
    meanwhile, or if f does something else the second time.
    Source: Chen et al., Training deep nets with sublinear memory cost (2016).

    >>> import numpy as np
    >>> import tinygrad_jp as tj
    >>> x = tj.Tensor([1.0, 2.0], requires_grad=True)
    >>> y = tj.checkpoint(lambda x: np.exp(x * 2) * x, x)
    >>> y.backward(np.ones(2))
    >>> np.allclose(x.grad.numpy(), np.exp([2.0, 4.0]) * [3.0, 5.0])
    True
    """
    if not is_grad_enabled():
        return f(*xs, **options)
    start, states = tick(), _random_states()
    arguments = leaves(xs)
    arrays = tuple(_kept(a) for a in arguments)  # before f, which may change its arguments
    above = [a._node if isinstance(a, Tensor) else None for a in arguments]
    result = f(*xs, **options)
    for i, array in enumerate(arrays):
        if written_since(array, start):
            raise GradientError("changed_in_place", op="checkpoint", slot=f"argument {i}", name="")
    parts = leaves(result)
    places = [i for i, t in enumerate(parts) if isinstance(t, Tensor) and t._node is not None]
    nodes = _outside([parts[i]._node for i in places], start)
    if not nodes:
        return result
    node = Node()
    node.plan = Replay(f, xs, options, arguments, above, nodes, states, parts, places)  # type: ignore[assignment]
    node.parents = nodes
    node.saved = (arrays, tuple(map(_values_of_leaf, nodes)), nodes)
    node.seq = tick()
    if keeping[0]:
        stamp(node)
    results = tuple(parts[i]._data for i in places)
    if len(places) == 1:
        node.shape = results[0].shape
        parts[places[0]] = wrap(results[0], node)
    else:
        node.shape = None
        wrapped = _wrap_all(node.plan.rule, results, node)
        for i, t in zip(places, wrapped, strict=True):
            parts[i] = t
    return rebuild(result, parts)


class Replay:
    """Stands where a node has its plan: goes back through f by running it again."""

    slots = ("arguments", "parameters", "nodes")

    def __init__(
        self, f: Callable[..., Any], xs: Any, options: dict[str, Any], arguments: list[Any],
        above: Sequence[Any], nodes: Sequence[Any], states: Any, parts: list[Any],
        places: Sequence[int],
    ) -> None:
        self.f, self.options, self.states = f, options, states
        self.form = rebuild(xs, [None] * len(arguments))
        index = {n: i for i, n in enumerate(nodes)}
        self.kinds = [  # of each argument: whether it is a Tensor, and which of the nodes is its
            (isinstance(a, Tensor), None if n is None else index.get(n))
            for a, n in zip(arguments, above, strict=True)
        ]
        self.wanted = [(i, parts[i].shape, parts[i].dtype) for i in places]
        self.places = tuple(range(len(nodes)))
        self.rule = Rule(
            checkpoint, (None,) * len(nodes), arguments=tuple(f"x{i}" for i in self.places),
            static={}, listed=False, broadcasts=False,
            outputs=len(places) if len(places) > 1 else None, recorded=None, residual={},
            signature=None, evaluate=None, partial=None, about="run again in the backward pass",
        )

    def pull(self, g: Any, saved: Any) -> Any:
        """Go back on plain arrays."""
        return self.replay(g, saved, False)

    def trace(self, g: Any, saved: Any) -> Any:
        """Go back on Tensors, recorded."""
        return self.replay(g, saved, True)

    def replay(self, g: Any, saved: Any, create_graph: bool) -> Any:
        """Run f on its inputs again, recorded, and send g back to where f's graph began."""
        arrays, parameters, nodes = saved
        for node, array in zip(nodes, parameters, strict=True):
            now = _values_of_leaf(node)
            if now is not None and now is not array:
                raise GradientError(
                    "changed_in_place", op="checkpoint", slot="parameter",
                    name=f" '{engine.name_of(node)}'" if engine.name_of(node) else "",
                )
        floor = tick()
        given = [
            wrap(a, None if k is None else nodes[k]) if is_tensor else a
            for a, (is_tensor, k) in zip(arrays, self.kinds, strict=True)
        ]
        with enable_grad(), _random_replayed(self.states):
            parts = leaves(self.f(*rebuild(self.form, given), **self.options))
        gs = g if isinstance(g, tuple) else (g,)
        pairs = [(self._result(parts, k), h) for k, h in enumerate(gs) if h is not None]
        pairs = [(t, h) for t, h in pairs if t._node is not None]
        found: dict[Any, Any] = dict.fromkeys(nodes)

        def deliver(leaf: Leaf, h: Any, g: Any, kept: Any) -> None:
            if leaf in found:
                old = found[leaf]
                found[leaf] = h if old is None else old + h
            elif leaf.seq < floor and not is_lent(leaf):
                raise self._changed(Phrase("checkpoint_other"))

        if pairs:
            engine.run(
                [t for t, _ in pairs], [h for _, h in pairs], create_graph, create_graph,
                deliver, found, floor,
            )
        return [self._gradient(n, h, create_graph) for n, h in found.items()]

    def _result(self, parts: list[Any], k: int) -> Tensor:
        """Find the k-th result in the second run, where it was in the first."""
        i, shape, dtype = self.wanted[k]
        t = parts[i] if i < len(parts) else None
        if not isinstance(t, Tensor) or t.shape != shape or t.dtype != dtype:
            now = f"{t.dtype}{list(t.shape)}" if isinstance(t, Tensor) else type(t).__name__
            then = f"{dtype}{list(shape)}"
            raise self._changed(Phrase("checkpoint_shape", then=then, now=now))
        return t

    def _gradient(self, node: Any, h: Any, create_graph: bool) -> Any:
        if h is None:  # the second run made a leaf of its own, which nobody can ask for
            zeros = np.zeros(node.shape, self.wanted[0][2])
            return wrap(zeros) if create_graph else zeros
        return h

    def _changed(self, what: Phrase) -> GradientError:
        name = getattr(self.f, "__name__", type(self.f).__name__)
        return GradientError("checkpoint_changed", name=name, what=what)


def _kept(argument: Any) -> Any:
    """Keep an argument for the second run; an array of the user's is copied."""
    return argument._data if isinstance(argument, Tensor) else own(argument)


def _values_of_leaf(node: Any) -> Array:
    """Give the array of a leaf's Tensor, if that lives, to see whether it is still the same."""
    tensor = node.owner() if isinstance(node, Leaf) else None
    return None if tensor is None else tensor._data


def _outside(nodes: Sequence[Any], start: int) -> tuple[Any, ...]:
    """List the nodes older than f's run, and the leaves, that the graph of its results reaches."""
    todo, seen, found = list(nodes), set(nodes), []
    while todo:
        node = todo.pop()
        if isinstance(node, Leaf):
            if node.seq < start or not is_lent(node):
                found.append(node)
        elif node.seq < start:
            found.append(node)
        else:
            fresh = [p for p in dict.fromkeys(node.parents or ()) if p not in seen]
            seen.update(fresh)
            todo += fresh
    return tuple(found)


def _random_states() -> tuple[Any, Any]:
    return get_rng_state(), np.random.get_state(legacy=False)


@contextmanager
def _random_replayed(states: tuple[Any, Any]) -> Iterator[None]:
    """Draw the same random numbers as before, and go on afterwards as if nothing had been drawn."""
    ours, numpys = _random_states()
    set_rng_state(states[0])
    np.random.set_state(states[1])
    try:
        yield
    finally:
        set_rng_state(ours)
        np.random.set_state(numpys)
