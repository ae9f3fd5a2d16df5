"""One Graph of plain records, which every picture, page and text is made from.

`graph_of` is the only walk over the recorded graph: iterative, each node visited once. Windows
(dot.py, mermaid.py, tree.py) read the records and know nothing of the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..autograd.explain import shown_name
from ..autograd.node import Leaf, Node, note
from ..autograd.tensor import Tensor, rule_name
from ..errors import ArgumentError, GradientError
from ..vocabulary.rule import label
from .recall import Given, arguments_of, recalled

Array = Any
Kind = Literal["leaf", "operation", "constant"]


@dataclass(frozen=True, eq=False, slots=True)
class GraphNode:
    """A leaf, a constant, or an operation together with its result.

    id        n0, n1, ... in the order of computation
    label     what the operation is called, "np.exp"; the argument's name for a constant; ""
    name      what the user calls the Tensor; None if nothing
    about     the rule's own words on what it computes
    shape     None where the graph does not tell (a constant that was not kept, several results)
    dtype     None where it is not known, and for Python's numbers
    value     a copy of the values; None where neither kept nor to be recomputed
    gradient  a copy of the gradient gathered so far; None if there is none yet
    is_output whether the graph was drawn from here
    line      the source line that made it, where that was watched
    """

    id: str
    kind: Kind
    label: str
    name: str | None = None
    about: str = ""
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    value: Array | None = None
    gradient: Array | None = None
    is_output: bool = False
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """The result of `source` goes into `target`, as its argument of that name."""

    source: str
    target: str
    argument: str


@dataclass(frozen=True, slots=True)
class Group:
    """A module: its parameters and the operations that use them. `parent` is a group's id."""

    id: str
    label: str
    path: str
    parent: str | None
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """What was computed from what; nodes in the order of computation."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[Edge, ...]
    groups: tuple[Group, ...] = ()

    @property
    def outputs(self) -> tuple[GraphNode, ...]:
        """The nodes that the graph was drawn from."""
        return tuple(n for n in self.nodes if n.is_output)


def graph_of(outputs: Any, names: Any = None, values: bool = True) -> Graph:
    """Make the Graph of everything that one Tensor, or several, was computed from.

    outputs: a Tensor, or a list of them.
    names: a dict (locals()), a Module, its named_parameters, or (name, Tensor) pairs.
    values: recompute the values that the engine did not keep, where that can be done.
    Raises ArgumentError for what is not a Tensor; GradientError where there is no graph, or where
    an earlier backward() has freed it.
    """
    tensors = outputs_of(outputs)
    named = named_tensors(names)
    nodes = recorded(tensors)
    alive = [*tensors, *(t for _, t in named.pairs)]
    known = recalled(nodes, [t for t in alive if t._node is not None], recompute=values)
    return _Builder(nodes, known, tensors, named).build()


def outputs_of(outputs: Any) -> list[Tensor]:
    """Check what is to be drawn."""
    tensors = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    for t in tensors:
        if not isinstance(t, Tensor):
            raise ArgumentError("draw_not_a_tensor", kind=type(t).__name__)
        if t._node is None:
            raise GradientError("draw_no_graph", name=shown_name(t))
    if not tensors:
        raise ArgumentError("draw_not_a_tensor", kind="[]")
    return tensors


def recorded(tensors: list[Tensor]) -> list[Any]:
    """List the leaves and nodes that Tensors were computed from, oldest first."""
    visited: dict[Any, None] = {}
    stack = [t._node for t in tensors]
    while stack:
        node = stack.pop()
        if node in visited:
            continue
        visited[node] = None
        if isinstance(node, Node):
            if node.parents is None:
                raise GradientError("draw_freed", op=label(node.plan.rule.fn))
            stack.extend(node.parents)
    return sorted(visited, key=lambda node: node.seq)


# ── names ───────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Named:
    """Names that the user's program has for Tensors; `paths` are those of a Module."""

    pairs: list[tuple[str, Tensor]] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    def add_module(self, module: Any, prefix: str = "") -> None:
        """Take in a Module's parameters by their paths."""
        self.add_pairs(module.named_parameters(), prefix)

    def add_pairs(self, pairs: Iterable[tuple[str, Tensor]], prefix: str = "") -> None:
        """Take in (path, Parameter) pairs."""
        for path, tensor in pairs:
            if not isinstance(path, str) or not isinstance(tensor, Tensor):
                raise TypeError
            self.pairs.append((prefix + path, tensor))
            self.paths.add(prefix + path)


def named_tensors(names: Any) -> Named:
    """Read the names from whatever the user has them in."""
    named = Named()
    try:
        if isinstance(names, Mapping):
            for key, value in names.items():
                if not isinstance(key, str) or key.startswith("_"):
                    continue  # notebooks keep old results in _, __, _1, ...
                if isinstance(value, Tensor):
                    named.pairs.append((key, value))
                elif _is_module(value):
                    named.add_module(value, f"{key}.")
        elif names is not None and _is_module(names):
            named.add_module(names)
        elif names is not None:
            named.add_pairs(names() if callable(names) else names)
    except (TypeError, ValueError) as reason:
        raise ArgumentError("draw_names", kind=type(names).__name__) from reason
    return named


def _is_module(value: Any) -> bool:
    return not isinstance(value, type) and callable(getattr(type(value), "named_parameters", None))


# ── from the engine's nodes to records ──────────────────────────────────────────────────────────


class _Builder:
    def __init__(
        self, nodes: list[Any], known: dict[Any, Array], tensors: list[Tensor], named: Named
    ) -> None:
        self.nodes, self.known = nodes, known
        self.outputs = {t._node for t in tensors}
        self.names: dict[Any, str] = {}  # by node; by id of the array for what has no node
        self.paths: dict[Any, str] = {}
        self.arrays: dict[int, str] = {}
        for name, t in [*named.pairs, *((t.name, t) for t in tensors if t.name)]:
            if name in named.paths and t._node is not None:
                self.paths.setdefault(t._node, name)
            elif t._node is not None:
                self.names.setdefault(t._node, name)
            else:
                self.arrays.setdefault(id(t._data), t.name or name)
        self.ids: dict[Any, str] = {}
        self.records: list[GraphNode] = []
        self.edges: list[Edge] = []
        self.constants: dict[int, str] = {}  # an array that several operations keep is one node
        self.numbers: set[str] = set()  # constants that are numbers in the program's text
        self.groups = _Groups()

    def build(self) -> Graph:
        for node in self.nodes:
            if isinstance(node, Leaf):
                self.add(self.leaf(node), node)
                self.groups.leaf(self.ids[node], self.paths.get(node, ""))
                continue
            given = arguments_of(node)
            sources = [(self.source(g), g.argument) for g in given]
            self.add(self.operation(node), node)
            here = self.ids[node]
            self.edges += [Edge(source, here, argument) for source, argument in sources]
            parents = [self.ids[g.node] for g in given if g.node is not None]
            numbers = [i for i, _ in sources if i in self.numbers]
            self.groups.operation(here, parents, numbers, len(given))
        return Graph(tuple(self.records), tuple(self.edges), self.groups.listed(self.records))

    def add(self, record: GraphNode, node: Any = None) -> str:
        self.records.append(record)
        if node is not None:
            self.ids[node] = record.id
        return record.id

    def next_id(self) -> str:
        return f"n{len(self.records)}"

    def leaf(self, leaf: Leaf) -> GraphNode:
        owner = leaf.owner()
        given = None if owner is None else owner.name
        return GraphNode(
            self.next_id(), "leaf", "", name=self.paths.get(leaf) or given or self.names.get(leaf),
            shape=tuple(leaf.shape), dtype=str(leaf.dtype), value=copied(self.known.get(leaf)),
            gradient=copied(leaf.grad), is_output=leaf in self.outputs,
        )

    def operation(self, node: Node) -> GraphNode:
        notes = note(node) if hasattr(node, "note") else {}
        value = copied(self.known.get(node))
        return GraphNode(
            self.next_id(), "operation", rule_name(node),
            name=notes.get("name") or self.names.get(node), about=node.plan.rule.about,
            shape=None if node.shape is None else tuple(node.shape),
            dtype=None if value is None else str(value.dtype), value=value,
            gradient=copied(notes.get("grad")), is_output=node in self.outputs,
            line=notes.get("line"),
        )

    def source(self, given: Given) -> str:
        if given.node is not None:
            return self.ids[given.node]
        array = given.value
        if isinstance(array, np.ndarray) and id(array) in self.constants:
            return self.constants[id(array)]
        value = copied(array)
        dtype = str(array.dtype) if isinstance(array, np.ndarray) else None
        shape = given.shape if value is None else value.shape
        made = self.add(GraphNode(
            self.next_id(), "constant", given.argument, name=self.arrays.get(id(array)),
            shape=shape, dtype=dtype, value=value,
        ))
        if isinstance(array, np.ndarray):
            self.constants[id(array)] = made
        elif value is not None:
            self.numbers.add(made)
        return made


def copied(value: Any) -> Array | None:
    """Copy what is to be shown, so that a picture keeps the values of its moment."""
    if isinstance(value, Tensor):
        value = value._data
    if isinstance(value, (bool, int, float, np.ndarray)):
        return np.array(value)
    return None  # several results, or an array that is not in this machine's memory


class _Groups:
    """Modules, as the paths of parameters tell them.

    An operation belongs to the module whose parameters, or what was made of them alone, it uses;
    numbers go with it, data that flow in do not.
    """

    def __init__(self) -> None:
        self.path: dict[str, str] = {}  # of a node: the module it belongs to
        self.owned: dict[str, str] = {}  # made of one module's parameters alone

    def leaf(self, here: str, path: str) -> None:
        module = path.rpartition(".")[0]
        if module:
            self.path[here] = self.owned[here] = module

    def operation(
        self, here: str, parents: list[str], numbers: list[str], arguments: int
    ) -> None:
        modules = {self.owned[p] for p in parents if p in self.owned}
        if len(modules) != 1:
            return
        (module,) = modules
        self.path.update(dict.fromkeys([here, *numbers], module))
        if sum(p in self.owned for p in parents) + len(numbers) == arguments:
            self.owned[here] = module

    def listed(self, records: list[GraphNode]) -> tuple[Group, ...]:
        members: dict[str, list[str]] = {}
        for record in records:
            path = self.path.get(record.id)
            if path is not None:
                parts = path.split(".")
                for depth in range(1, len(parts) + 1):  # a module stands before its own modules
                    members.setdefault(".".join(parts[:depth]), [])
                members[path].append(record.id)
        ids = {path: f"g{i}" for i, path in enumerate(members)}
        return tuple(
            Group(ids[path], name, path, ids.get(outer), tuple(inside))
            for path, inside in members.items()
            for outer, _, name in [path.rpartition(".")]
        )
