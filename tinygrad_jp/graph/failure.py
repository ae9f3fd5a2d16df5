"""An operation that failed, as a graph: what led up to it, and the shapes that did not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..autograd.explain import Failure
from ..autograd.tensor import Tensor
from ..errors import ArgumentError
from ..vocabulary.rule import label
from .formulas import formula
from .model import Edge, Graph, GraphNode, built, copied
from .names import Named
from .wording import Look, shape


def can_be_drawn(error: BaseException) -> bool:
    """Tell whether an operation raised the error, and what it was given is still there."""
    failure = getattr(error, "failure", None)
    return isinstance(failure, Failure) and all(
        argument is not failure.GONE for argument in failure.arguments()
    )


def graph_of_failure(
    error: BaseException, named: Named, look: Look
) -> tuple[Graph, dict[str, str]]:
    """Make the Graph up to the operation that raised an error, and say what to mark in it.

    Raises ArgumentError for an error that no operation raised, or whose Tensors are gone: they
    live as long as its traceback.
    """
    failure = getattr(error, "failure", None)
    if not isinstance(failure, Failure):
        raise ArgumentError("draw_no_failure", kind=type(error).__name__)
    arguments = failure.arguments()
    if any(a is failure.GONE for a in arguments):
        raise ArgumentError("draw_failure_gone", kind=type(error).__name__)
    recorded = [a for a in arguments if isinstance(a, Tensor) and a._node is not None]
    graph, ids = built(recorded, named, gradients=False) if recorded else (Graph((), ()), {})
    nodes = [replace(node, is_output=False) for node in graph.nodes]
    edges = list(graph.edges)
    here = f"n{len(nodes) + sum(_is_new(a) for a in arguments)}"
    marks: dict[str, str] = {}
    known = {id(t._data): name for name, t in named.pairs}
    for name, argument in zip(failure.names(), arguments, strict=False):
        if argument is None:
            continue
        if isinstance(argument, Tensor) and argument._node is not None:
            source = ids[argument._node]
        else:
            value = copied(argument)
            source = f"n{len(nodes)}"
            given = argument.name or known.get(id(argument._data)) if isinstance(
                argument, Tensor
            ) else None
            nodes.append(GraphNode(
                source, "constant", name, name=given,
                shape=None if value is None else value.shape,
                dtype=str(argument.dtype) if hasattr(argument, "dtype") else None, value=value,
            ))
        edges.append(Edge(source, here, name))
        if np.ndim(getattr(argument, "_data", argument)):
            marks[source] = ""
    rule = failure.rule
    shapes = "  ".join(
        f"{name} {shape(np.shape(getattr(a, '_data', a)))}"
        for name, a in zip(failure.names(), arguments, strict=False) if a is not None
    )
    nodes.append(GraphNode(
        here, "operation", label(rule.fn), about=rule.about, is_output=True,
        formula=formula(rule),
    ))
    marks[here] = f"× {look.word('failed')}\n{shapes}"
    return Graph(tuple(nodes), tuple(edges), graph.groups), marks


def _is_new(argument: Any) -> bool:
    return argument is not None and not (
        isinstance(argument, Tensor) and argument._node is not None
    )
