"""An operation that failed, as a graph: what led up to it, and the shapes that did not fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

import numpy as np

from ..autograd import apply as engine
from ..autograd.explain import Failure
from ..autograd.lines import OURS
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, TinygradError
from ..vocabulary.rule import Rule, label
from .formulas import formula
from .model import Edge, Graph, GraphNode, built, copied
from .names import Named
from .wording import Look, shape

_AROUND = {"__call__", "forward", "run"}  # of Modules: what they call is what failed


@dataclass(frozen=True, slots=True)
class Failed:
    """What failed: its name, and the names and values of what it was given."""

    label: str
    names: list[str]
    arguments: list[Any]
    rule: Rule | None = None


def can_be_drawn(error: BaseException | None) -> bool:
    """Tell whether an error arose on Tensors that are still there."""
    try:
        return error is not None and found(error) is not None
    except ArgumentError:
        return False


def found(error: BaseException) -> Failed | None:
    """Find the operation that raised an error, or the function of ours that refused its arguments.

    An error may say in a layer's words what its cause says in an operation's.
    """
    cause: BaseException | None = error
    while cause is not None:
        failure = getattr(cause, "failure", None)
        if isinstance(failure, Failure):
            arguments = failure.arguments()
            if any(a is failure.GONE for a in arguments):
                raise ArgumentError("draw_failure_gone", kind=type(error).__name__)
            return Failed(label(failure.rule.fn), failure.names(), arguments, failure.rule)
        cause = cause.__cause__ or cause.__context__
    return _refused(error) if isinstance(error, TinygradError) else None


def _refused(error: BaseException) -> Failed | None:
    """Find, in a traceback, what was called with Tensors: an operation, or a function of ours."""
    calls: list[FrameType] = []
    step = error.__traceback__
    while step is not None:
        frame = step.tb_frame
        if frame.f_code is engine.apply.__code__ and "inputs" in frame.f_locals:
            rule, given = frame.f_locals["rule"], frame.f_locals["inputs"]  # a NaN was found in it
            return Failed(label(rule.fn), Failure(rule, given).names(), list(given), rule)
        if frame.f_code.co_filename.startswith((OURS, "<tinygrad_jp")):
            calls.append(frame)
        else:
            calls.clear()  # the user's own code called what comes next
        step = step.tb_next
    for frame in calls:
        code = frame.f_code
        names = [n for n in code.co_varnames[: code.co_argcount] if n != "self"]
        given = [frame.f_locals.get(n) for n in names]
        if code.co_name in _AROUND or not any(isinstance(v, Tensor) for v in given):
            continue
        pairs = [(n, v) for n, v in zip(names, given, strict=True)
                 if isinstance(v, (Tensor, np.ndarray))]
        return Failed(code.co_name.strip("_"), [n for n, _ in pairs], [v for _, v in pairs])
    return None


def graph_of_failure(
    error: BaseException, named: Named, look: Look
) -> tuple[Graph, dict[str, str]]:
    """Make the Graph up to the operation that raised an error, and say what to mark in it.

    Raises ArgumentError for an error that no operation raised, or whose Tensors are gone: they
    live as long as its traceback.
    """
    failed = found(error)
    if failed is None:
        raise ArgumentError("draw_no_failure", kind=type(error).__name__)
    arguments = failed.arguments
    recorded = [a for a in arguments if isinstance(a, Tensor) and a._node is not None]
    graph, ids = built(recorded, named, gradients=False) if recorded else (Graph((), ()), {})
    nodes = [replace(node, is_output=False) for node in graph.nodes]
    edges = list(graph.edges)
    here = f"n{len(nodes) + sum(_is_new(a) for a in arguments)}"
    marks: dict[str, str] = {}
    known = {id(array): name for name, array in named.arrays}
    known |= {id(t._data): name for name, t in named.pairs}
    for name, argument in zip(failed.names, arguments, strict=False):
        if argument is None:
            continue
        if isinstance(argument, Tensor) and argument._node is not None:
            source = ids[argument._node]
        else:
            value = copied(argument)
            source = f"n{len(nodes)}"
            given = getattr(argument, "name", None) or known.get(
                id(getattr(argument, "_data", argument))
            )
            nodes.append(GraphNode(
                source, "constant", name, name=given,
                shape=None if value is None else value.shape,
                dtype=str(argument.dtype) if hasattr(argument, "dtype") else None, value=value,
            ))
        edges.append(Edge(source, here, name))
        fits_all = failed.rule is None or failed.rule.broadcasts  # as a single number does
        if np.ndim(getattr(argument, "_data", argument)) or not fits_all:
            marks[source] = ""
    rule = failed.rule
    shapes = "  ".join(
        f"{name} {shape(np.shape(getattr(a, '_data', a)))}"
        for name, a in zip(failed.names, arguments, strict=False) if a is not None
    )
    nodes.append(GraphNode(
        here, "operation", failed.label, about=rule.about if rule else "", is_output=True,
        formula=formula(rule) if rule else None,
    ))
    marks[here] = f"× {look.word('failed')}\n{shapes}"
    return Graph(tuple(nodes), tuple(edges), graph.groups), marks


def _is_new(argument: Any) -> bool:
    return argument is not None and not (
        isinstance(argument, Tensor) and argument._node is not None
    )
