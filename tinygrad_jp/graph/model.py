"""One Graph of plain records, which every picture, page and text is made from.

`graph_of` is the only walk over the recorded graph: iterative, each node visited once. Windows
(dot.py, mermaid.py, tree.py) read the records and know nothing of the engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os.path import basename
from typing import Any, Literal

import numpy as np

from ..autograd.explain import shown_name
from ..autograd.lines import Line, is_layers, line_of, looked
from ..autograd.node import Leaf, Node, note
from ..autograd.tensor import Tensor, rule_name
from ..errors import ArgumentError, GradientError
from ..vocabulary.rule import label
from .formulas import Formula, formula
from .gradients import Chain, chain
from .groups import Call, GroupsByCall, GroupsByPath
from .names import Named, named_tensors
from .recall import Given, arguments_of, recalled

Array = Any
Kind = Literal["leaf", "operation", "constant", "module"]


@dataclass(frozen=True, eq=False, slots=True)
class GraphNode:
    """A leaf, a constant, an operation together with its result, or a module drawn as one box.

    id        n0, n1, ... in the order of computation
    label     what the operation is called, "np.exp"; the argument's name for a constant; ""
    name      what the user calls the Tensor; None if nothing
    about     the rule's own words on what it computes
    shape     None where the graph does not tell (a constant that was not kept, several results)
    dtype     None where it is not known, and for Python's numbers
    value     a copy of the values; None where neither kept nor to be recomputed
    gradient  of the output with respect to this node; None where it was not computed
    is_output whether the graph was drawn from here
    line      the source line that made it, where it was kept: see tj.keep_lines
    grad      a copy of `.grad`, which backward() gathers; None if there is none yet
    formula   of an operation: what it computes, and its derivatives by argument; else None
    contents, parameters  of a module drawn as one box: how many are inside; 0 otherwise
    repeat    of a module drawn as one box: how many blocks like this it stands for
    folded    whether this stands for its likes in repeated blocks, whose values differ
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
    grad: Array | None = None
    formula: Formula | None = None
    contents: int = 0
    parameters: int = 0
    repeat: int = 1
    folded: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Edge:
    """The result of `source` goes into `target`, as its argument of that name.

    slope         ∂target/∂source where it is a plain array: element by element, or for each
                  element of the source where the target is one number; None otherwise
    contribution  what the target hands back to the source: the gradient that arrives at the
                  target times the derivative; None where it was not computed

    The formula of the derivative is target.formula.of(edge.argument).
    """

    source: str
    target: str
    argument: str
    slope: Array | None = None
    contribution: Array | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A module: its parameters and the operations that use them. `parent` is a group's id.

    label   its name in the module around it; "" for the model itself
    kind    its class, where that is known; "" otherwise
    call    which of several calls of the same module this is, from 1
    repeat  how many blocks like this it stands for
    """

    id: str
    label: str
    path: str
    parent: str | None
    members: tuple[str, ...]
    kind: str = ""
    call: int = 1
    repeat: int = 1


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


def graph_of(
    outputs: Any, names: Any = None, values: bool = True, gradients: bool = True,
    gradient: Any = None, calls: Sequence[Call] | None = None,
) -> Graph:
    """Make the Graph of everything that one Tensor, or several, was computed from.

    outputs: a Tensor, or a list of them.
    names: a dict (locals()), a Module, its named_parameters, or (name, Tensor) pairs.
    values: recompute the values that the engine did not keep, where that can be done.
    gradients: find the gradient of every node, without touching `.grad`: of the output, if that is
        a single number, or if `gradient` (of the output, or one for each of several) is given.
    calls: of modules, if they were watched; else the paths of Parameters tell the modules.
    Raises ArgumentError for what is not a Tensor; GradientError where there is no graph, or where
    an earlier backward() has freed it; ShapeError for a `gradient` of another shape.

    >>> import tinygrad_jp as tj
    >>> apple, count = tj.Tensor(100.0, requires_grad=True), tj.Tensor(2.0, requires_grad=True)
    >>> graph = graph_of(apple * count * 1.1, names=locals())
    >>> [(n.name, float(n.value), float(n.gradient)) for n in graph.nodes if n.name]
    [('apple', 100.0, 2.200000047683716), ('count', 2.0, 110.0)]
    """
    return built(outputs_of(outputs), named_tensors(names), values, gradients, gradient, calls)[0]


def built(
    tensors: list[Tensor], named: Named, values: bool = True, gradients: bool = True,
    gradient: Any = None, calls: Sequence[Call] | None = None,
) -> tuple[Graph, dict[Any, str]]:
    """Make a Graph as graph_of does, and say which record stands for which node of the engine."""
    looked()
    nodes = recorded(tensors)
    alive = [*tensors, *(t for _, t in named.pairs)]
    known = recalled(nodes, [t for t in alive if t._node is not None], recompute=values)
    found = chain(nodes, tensors, gradient) if gradients else Chain()
    builder = _Builder(nodes, known, found, tensors, named, calls)
    return builder.build(), builder.ids


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


# ── from the engine's nodes to records ──────────────────────────────────────────────────────────


class _Builder:
    def __init__(
        self, nodes: list[Any], known: dict[Any, Array], found: Chain, tensors: list[Tensor],
        named: Named, calls: Sequence[Call] | None,
    ) -> None:
        self.nodes, self.known, self.found = nodes, known, found
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
        self.plain: dict[int, tuple[str, Array]] = {}  # arrays that are no Tensors, by their id
        for name, array in named.arrays:
            self.arrays.setdefault(id(array), name)
            self.plain.setdefault(id(array), (name, array))
        self.ids: dict[Any, str] = {}
        self.records: list[GraphNode] = []
        self.edges: list[Edge] = []
        self.constants: dict[int, str] = {}  # an array that several operations keep is one node
        self.own: set[str] = set()  # constants that belong to the operation that uses them
        self.watched = calls is not None
        self.training = {t._node.code for t in tensors if hasattr(t._node, "code")}
        kinds = {type(inner) for _, m in named.modules for inner in m.modules()}
        self.methods = tuple({f"{k.__qualname__}." for kind in kinds for k in kind.__mro__})
        self.groups: GroupsByCall | GroupsByPath = (
            GroupsByPath(named.kinds) if calls is None else GroupsByCall(calls)
        )

    def build(self) -> Graph:
        for node in self.nodes:
            if isinstance(node, Leaf):
                self.add(self.leaf(node), node)
                self.groups.leaf(self.ids[node], self.paths.get(node, ""))
                continue
            given = arguments_of(node)
            sources = [self.source(g) for g in given]
            self.add(self.operation(node), node)
            here = self.ids[node]
            self.connect(node, here, given, sources)
            parents = [self.ids[g.node] for g in given if g.node is not None]
            own = [source for source in sources if source in self.own]
            self.groups.operation(here, node.seq, parents, own, len(given), self.is_beside(node))
        groups = self.groups.listed(record.id for record in self.records)
        return Graph(tuple(self.records), tuple(self.edges), tuple(Group(*row) for row in groups))

    def is_beside(self, node: Node) -> bool:
        """Tell whether it is no module that made a node, but the code that made an output too."""
        code = getattr(node, "code", None)
        if code is None or code not in self.training or is_layers(node) or not self.methods:
            return False
        return not code.co_qualname.startswith(self.methods)

    def add(self, record: GraphNode, node: Any = None) -> str:
        self.records.append(record)
        if node is not None:
            self.ids[node] = record.id
        return record.id

    def connect(self, node: Node, here: str, given: list[Given], sources: list[str]) -> None:
        links = 0
        for argument, source in zip(given, sources, strict=True):
            if argument.node is None:
                self.edges.append(Edge(source, here, argument.argument))
                continue
            link = node, links
            self.edges.append(Edge(
                source, here, argument.argument, slope=self.found.slopes.get(link),
                contribution=self.found.contributions.get(link),
            ))
            links += 1

    def next_id(self) -> str:
        return f"n{len(self.records)}"

    def leaf(self, leaf: Leaf) -> GraphNode:
        owner = leaf.owner()
        given = None if owner is None else owner.name
        return GraphNode(
            self.next_id(), "leaf", "", name=self.paths.get(leaf) or given or self.names.get(leaf),
            shape=tuple(leaf.shape), dtype=str(leaf.dtype), value=copied(self.known.get(leaf)),
            gradient=copied(self.found.totals.get(leaf)), is_output=leaf in self.outputs,
            grad=copied(leaf.grad),
        )

    def operation(self, node: Node) -> GraphNode:
        notes = note(node) if hasattr(node, "note") else {}
        value = copied(self.known.get(node))
        name = rule_name(node)
        line = line_of(node)
        return GraphNode(
            self.next_id(), "operation", name,
            name=notes.get("name") or self.names.get(node), about=node.plan.rule.about,
            shape=None if node.shape is None else tuple(node.shape),
            dtype=None if value is None else str(value.dtype), value=value,
            gradient=copied(self.found.totals.get(node)), is_output=node in self.outputs,
            line=None if line is None else shown_line(line), grad=copied(notes.get("grad")),
            formula=formula(node.plan.rule),
        )

    def source(self, given: Given) -> str:
        if given.node is not None:
            return self.ids[given.node]
        array = given.value
        name, key = self.called(array) if isinstance(array, np.ndarray) else (None, None)
        if key in self.constants:
            return self.constants[key]
        value = copied(array)
        dtype = str(array.dtype) if isinstance(array, np.ndarray) else None
        shape = given.shape if value is None else value.shape
        made = self.add(GraphNode(
            self.next_id(), "constant", given.argument, name=name, shape=shape, dtype=dtype,
            value=value,
        ))
        if key is not None:
            self.constants[key] = made
        if (value is not None and not isinstance(array, np.ndarray)) or (
            self.watched and name is None
        ):
            self.own.add(made)
        return made

    def called(self, array: Array) -> tuple[str | None, int]:
        """Find what the user calls an array, and its id; the engine keeps a copy of a plain one."""
        if id(array) in self.arrays or not array.ndim or array.dtype.kind not in "biufc":
            return self.arrays.get(id(array)), id(array)
        alike = [
            (name, id(mine)) for name, mine in self.plain.values()
            if mine.shape == array.shape and mine.dtype == array.dtype and (mine == array).all()
        ]
        return alike[0] if len(alike) == 1 else (None, id(array))  # of two it may be either


def shown_line(line: Any) -> str:
    """Write a source line without its folder: a picture goes to people who have another one."""
    text = str(line)
    return text.replace(line.file, basename(line.file), 1) if isinstance(line, Line) else text


def copied(value: Any) -> Array | None:
    """Copy what is to be shown, so that a picture keeps the values of its moment."""
    if isinstance(value, Tensor):
        value = value._data
    if isinstance(value, (bool, int, float, np.ndarray)):
        return np.array(value)
    return None  # several results, or an array that is not in this machine's memory


