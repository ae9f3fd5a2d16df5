"""A recorded computation from both sides: the engine's nodes, and the Graph's record of each.

What explain, the doctor and the check of rules stand on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ..autograd.node import Leaf, Node
from ..autograd.tensor import Tensor
from .groups import Call
from .model import Edge, Graph, GraphNode, built, outputs_of, recorded
from .names import Named

Array = Any


class Recording:
    """The graph of one output, with gradients; those of the sum of its elements, if it has several.

    nodes    the engine's nodes, oldest first
    graph    the records;  records: by id
    ids      the engine's node -> its record's id;  of: the other way
    """

    def __init__(self, output: Any, named: Named, calls: Sequence[Call] | None = None) -> None:
        (self.output,) = outputs_of(output)
        data = self.output._data
        self.nodes = recorded([self.output])
        self.graph: Graph
        self.graph, self.ids = built(
            [self.output], named, gradient=np.ones(data.shape, data.dtype), calls=calls
        )
        self.of: dict[str, Any] = {i: node for node, i in self.ids.items()}
        self.records: dict[str, GraphNode] = {record.id: record for record in self.graph.nodes}

    @property
    def gradients(self) -> dict[str, Array]:
        """The gradient of each node that has one, by its id."""
        return {n.id: n.gradient for n in self.graph.nodes if n.gradient is not None}

    def id_of(self, tensor: Tensor) -> str | None:
        """Find the record of a Tensor; None if the output was not computed from it."""
        return self.ids.get(tensor._node)

    def operations(self) -> list[Node]:
        """List the recorded operations, oldest first."""
        return [node for node in self.nodes if not isinstance(node, Leaf)]

    @cached_property
    def links(self) -> dict[str, list[Edge]]:
        """The edges to each node's parents, in the order of node.parents."""
        found: dict[str, list[Edge]] = {}
        for edge in self.graph.edges:
            if edge.source in self.of:
                found.setdefault(edge.target, []).append(edge)
        return found

    @cached_property
    def arguments(self) -> dict[str, list[Edge]]:
        """All edges into each node, constants too."""
        found: dict[str, list[Edge]] = {}
        for edge in self.graph.edges:
            found.setdefault(edge.target, []).append(edge)
        return found
