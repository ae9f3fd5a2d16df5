"""What the doctor looks at: the Graph with its gradients, who feeds whom, and where the layers are.

A layer is an operation that multiplies what flows through it by a weight: `nn.Linear`, `x @ W`, a
convolution. It is found in the graph by its weight, so that it needs no Module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from ..model import Edge, Graph, GraphNode

Array = Any

# operations that hand a weight on as it is, but for its shape, its dtype or a factor
RESHAPING = {
    "np.transpose", "np.swapaxes", "np.moveaxis", "np.reshape", "np.matrix_transpose", "astype",
    "np.squeeze", "np.expand_dims", "np.ravel", "np.positive",
}
# operations linear in each of two arguments, and which one is the weight where both could be
PRODUCTS = {
    "linear": "w", "np.matmul": "b", "np.dot": "b", "np.tensordot": "b", "np.einsum": "",
    "conv1d": "w", "conv2d": "w", "conv_transpose2d": "w", "convolution": "w",
}
SQUASHING = {"sigmoid", "np.tanh"}


@dataclass(frozen=True, slots=True)
class Layer:
    """One product with a weight.

    node    the operation; data, weight: the nodes that it multiplies, the weight as the leaf
    output  the result with its bias, where that is added by an operation of its own
    units   the axis of the leaf's array that counts the outputs; None where that is not known
    """

    node: str
    data: str
    weight: str
    output: str
    units: int | None


@dataclass(frozen=True, eq=False)
class Chart:
    """A Graph, the gradient of each of its nodes by id, and what is known of the program.

    missing  what takes no part in the loss: name -> the kind of its finding
    """

    graph: Graph
    gradients: dict[str, Array]
    missing: dict[str, str] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> dict[str, GraphNode]:
        """Every node by its id."""
        return {node.id: node for node in self.graph.nodes}

    @cached_property
    def inputs(self) -> dict[str, list[Edge]]:
        """The edges into each node."""
        return _gathered((edge.target, edge) for edge in self.graph.edges)

    @cached_property
    def users(self) -> dict[str, list[Edge]]:
        """The edges out of each node."""
        return _gathered((edge.source, edge) for edge in self.graph.edges)

    @cached_property
    def modules(self) -> dict[str, str]:
        """The path of the module that a node belongs to."""
        return {i: group.path for group in self.graph.groups for i in group.members}

    def given(self, node: str, argument: str) -> str | None:
        """Find the node that an operation takes as this argument."""
        return next((e.source for e in self.inputs.get(node, ()) if e.argument == argument), None)

    def arguments(self, node: str) -> list[str]:
        """List the nodes that an operation takes."""
        return [edge.source for edge in self.inputs.get(node, ())]

    def is_op(self, node: str | None, *labels: str) -> bool:
        """Tell whether a node is an operation, and one of these."""
        if node is None:
            return False
        record = self.nodes[node]
        return record.kind == "operation" and (not labels or record.label in labels)

    def is_number(self, node: str, *values: float) -> bool:
        """Tell whether a node is a plain number of the program's, and one of these."""
        record = self.nodes[node]
        if record.kind != "constant" or record.value is None or record.value.ndim:
            return False
        return not values or float(record.value) in values

    def place(self, node: str) -> str:
        """Say where a node is: its name, or its operation and the module, and its id."""
        record = self.nodes[node]
        if record.name:
            return f"{record.name} ({node})"
        what = record.label if record.kind == "operation" else record.kind
        module = self.modules.get(node)
        return f"{module}: {what} ({node})" if module else f"{what} ({node})"

    def layer_place(self, node: str) -> str:
        """Say where a layer is: by its weight, unless that is used several times."""
        weight = self.layers[node].weight
        return self.place(node if self._uses[weight] > 1 else weight)

    @cached_property
    def _uses(self) -> Counter[str]:
        return Counter(layer.weight for layer in self.layers.values())

    def norm(self, node: str) -> float | None:
        """Give the L2 norm of the loss's gradient at a node; None where there is none."""
        g = self.gradients.get(node)
        return None if g is None else float(np.linalg.norm(np.asarray(g, np.float64)))

    # ── layers ──────────────────────────────────────────────────────────────────────────────

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every layer, by the node of its product, in the order of computation."""
        found = {}
        for record in self.graph.nodes:
            if record.kind == "operation" and record.label in PRODUCTS:
                layer = self._layer(record)
                if layer is not None:
                    found[record.id] = layer
        return found

    def _layer(self, record: GraphNode) -> Layer | None:
        edges = self.inputs.get(record.id, [])[:2]
        leaves = {e.argument: self.weight_leaf(e.source) for e in edges}
        weights = [a for a, leaf in leaves.items() if leaf is not None]
        usual = PRODUCTS[record.label]
        if len(edges) < 2 or not weights:
            return None
        argument = usual if usual in weights else weights[0]
        weight = leaves[argument]
        data = next((e.source for e in edges if e.argument != argument), None)
        if weight is None or data is None:
            return None
        return Layer(
            record.id, data, weight, self._with_bias(record.id),
            self._units(record, argument, weight),
        )

    def weight_leaf(self, node: str) -> str | None:
        """Follow a weight back to its leaf, through reshaping; None for what is no weight."""
        while True:
            record = self.nodes[node]
            if record.kind == "leaf":
                return node if record.shape is not None and len(record.shape) > 1 else None
            others = [s for s in self.arguments(node) if not self.is_number(s)]
            scaled = record.label in ("np.multiply", "np.divide") and len(others) == 1
            if record.kind != "operation" or not (record.label in RESHAPING or scaled):
                return None
            if len(others) != 1:
                return None
            node = others[0]

    def _with_bias(self, node: str) -> str:
        """Go on to the sum with a leaf, if the result goes there and nowhere else."""
        users = self.users.get(node, [])
        if len(users) == 1 and self.is_op(users[0].target, "np.add"):
            others = [s for s in self.arguments(users[0].target) if s != node]
            if len(others) == 1 and self.nodes[others[0]].kind == "leaf":
                return users[0].target
        return node

    def _units(self, record: GraphNode, argument: str, weight: str) -> int | None:
        if record.label in ("linear", "conv1d", "conv2d", "convolution"):
            return 0
        sizes = self.nodes[weight].shape
        if record.label not in ("np.matmul", "np.dot") or sizes is None or len(sizes) != 2:
            return None
        direct = self.given(record.id, argument) == weight
        turned = not direct and self.is_op(
            self.given(record.id, argument), "np.transpose", "np.swapaxes", "np.matrix_transpose"
        )
        if not direct and not turned:
            return None
        return (1 if argument == "b" else 0) ^ int(turned)

    @cached_property
    def following(self) -> dict[str, list[str]]:
        """For each layer the layers that its result reaches next."""
        reached: dict[str, dict[str, None]] = {}  # of a node: the first layers at or after it
        for record in reversed(self.graph.nodes):
            ahead: dict[str, None] = {}
            for edge in self.users.get(record.id, ()):
                layer = self.layers.get(edge.target)
                if layer is None:
                    ahead.update(reached[edge.target])
                elif layer.data == edge.source:
                    ahead[edge.target] = None
            reached[record.id] = ahead
        return {node: list(reached[node]) for node in self.layers}


def _gathered(pairs: Iterable[tuple[str, Edge]]) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for key, edge in pairs:
        found.setdefault(key, []).append(edge)
    return found


def rows(value: Array | None) -> Array | None:
    """Lay an activation out as samples × units: (N, D) as it is, (N, C, ...) per channel.

    None for what has no batch.
    """
    if value is None or value.ndim < 2 or value.dtype.kind != "f":
        return None
    if value.ndim == 2:
        return value
    if value.ndim == 3:  # (N, T, D), as in a sequence
        return value.reshape(-1, value.shape[-1])
    return np.moveaxis(value, 1, -1).reshape(-1, value.shape[1])
