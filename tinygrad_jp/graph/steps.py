"""The order in which a page plays a graph: forward through the computation, back by the chain rule.

Backward, a node's turn comes when every gradient it will get has come, for whatever uses its
result was computed later; each step sends one contribution along one edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .model import Edge, Graph, GraphNode

Array = Any
Phase = Literal["forward", "seed", "backward"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the play.

    forward   the value of `node` is computed from its arguments
    seed      the gradient of the output `node` by itself, where the way back starts
    backward  `node` sends its contribution along graph.edges[edge]
    """

    phase: Phase
    node: str
    edge: int | None = None


def play(graph: Graph) -> list[Step]:
    """List the steps of a graph in order."""
    forward = [Step("forward", n.id) for n in graph.nodes if n.kind in ("operation", "module")]
    seeds = [Step("seed", n.id) for n in graph.outputs if seed_of(graph, n) is not None]
    into: dict[str, list[int]] = {}
    for i, edge in enumerate(graph.edges):
        if isinstance(edge.contribution, np.ndarray):
            into.setdefault(edge.target, []).append(i)
    backward = [
        Step("backward", node.id, i)
        for node in reversed(graph.nodes)
        for i in into.get(node.id, ())
    ]
    return [*forward, *seeds, *backward]


def seed_of(graph: Graph, output: GraphNode) -> Array | None:
    """Give the gradient that the way back starts with at an output; None if there is none.

    That is what its gradient has beyond the contributions of what was computed from it: all of it,
    in the usual case of one output.
    """
    if not isinstance(output.gradient, np.ndarray):
        return None
    used = [e.contribution for e in leaving(graph, output.id) if e.contribution is not None]
    return output.gradient - sum(used) if used else output.gradient


def leaving(graph: Graph, node: str) -> list[Edge]:
    """List the edges that leave a node."""
    return [edge for edge in graph.edges if edge.source == node]
