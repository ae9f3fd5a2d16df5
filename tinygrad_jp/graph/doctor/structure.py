"""Illnesses of how a network is put together: visible in the graph, whatever the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from .chart import RESHAPING, Chart
from .finding import Finding
from .signals import squashing

REDUCTIONS = {"np.sum", "np.mean", "mse"}
PER_ELEMENT = {
    "np.square", "np.absolute", "np.power", "np.multiply", "np.negative", "np.divide", "np.log",
    "np.add", "np.subtract", "np.where", "np.clip", "np.minimum", "np.maximum",
}


def linear_linear(chart: Chart) -> Iterator[Finding]:
    """Find a layer that takes another layer's result as it is: the two are one linear map."""
    outputs = {layer.output: layer for layer in chart.layers.values()}
    for layer in chart.layers.values():
        before = outputs.get(_unshaped(chart, layer.data))
        if before is None or len(chart.users.get(before.output, ())) != 1:
            continue
        first, second = chart.nodes[before.weight].shape, chart.nodes[layer.weight].shape
        inner = _units(chart, before.node)
        ends = [n for n in (_inputs(chart, before.node), _units(chart, layer.node)) if n]
        if inner is not None and len(ends) == 2 and inner < min(ends):
            continue  # narrower than both ends: a factored matrix, which is meant
        yield Finding(
            "linear_linear", "warning",
            f"{chart.place(before.weight)} → {chart.place(layer.weight)}",
            (before.node, layer.node), chart.nodes[layer.node].line,
            {"first": first, "second": second},
        )


def _unshaped(chart: Chart, node: str) -> str:
    while chart.is_op(node) and chart.nodes[node].label in RESHAPING:
        if len(chart.users.get(node, ())) != 1:
            return node
        node = chart.arguments(node)[0]
    return node


def _units(chart: Chart, node: str) -> int | None:
    layer = chart.layers[node]
    sizes = chart.nodes[layer.weight].shape
    return None if sizes is None or layer.units is None else sizes[layer.units]


def _inputs(chart: Chart, node: str) -> int | None:
    layer = chart.layers[node]
    sizes = chart.nodes[layer.weight].shape
    return None if sizes is None or layer.units is None or len(sizes) != 2 else (
        sizes[1 - layer.units]
    )


def softmax_twice(chart: Chart) -> Iterator[Finding]:
    """Find a softmax or sigmoid before a loss that applies its own."""
    for record in chart.graph.nodes:
        if chart.is_op(record.id, "cross_entropy", "log_softmax"):
            source = chart.arguments(record.id)[0]
            if is_softmax(chart, source):
                yield _twice(chart, "softmax_twice", source, record.id)
        elif chart.is_op(record.id, "log_sigmoid"):
            source = chart.arguments(record.id)[0]
            if squashing(chart, source) == "sigmoid":
                yield _twice(chart, "sigmoid_twice", source, record.id)


def _twice(chart: Chart, kind: str, source: str, loss: str) -> Finding:
    return Finding(
        kind, "warning", chart.place(source), (source, loss), chart.nodes[loss].line,
        {"loss": chart.place(loss)},
    )


def is_softmax(chart: Chart, node: str) -> bool:
    """Tell whether an operation is a softmax, also exp(x) / sum(exp(x))."""
    if chart.is_op(node, "softmax"):
        return True
    if not chart.is_op(node, "np.divide"):
        return False
    below = chart.given(node, "b")
    return (
        chart.is_op(chart.given(node, "a"), "np.exp") and chart.is_op(below, "np.sum")
        and chart.is_op(chart.arguments(below or "")[0], "np.exp")
    )


def broadcast_loss(chart: Chart) -> Iterator[Finding]:
    """Find a prediction (N, 1) against a target (N,), which broadcast to (N, N), in a loss."""
    for record in chart.graph.nodes:
        if not chart.is_op(record.id, "np.subtract", "np.multiply") or record.shape is None:
            continue
        sizes = record.shape
        if len(sizes) != 2 or sizes[0] != sizes[1] or sizes[0] < 2:
            continue
        n = sizes[0]
        sources = chart.arguments(record.id)
        known = [s for s in sources if chart.is_op(s)]
        given = [s for s in sources if chart.nodes[s].kind == "constant"]
        if len(known) != 1 or len(given) != 1:
            continue
        mine, other = chart.nodes[known[0]].shape, chart.nodes[given[0]].shape
        if other is None:  # the rule did not keep it; only one of the two can have made (N, N)
            other = (n,) if mine == (n, 1) else (n, 1) if mine == (n,) else None
        if {mine, other} != {(n,), (n, 1)} or not _is_reduced(chart, record.id):
            continue
        yield Finding(
            "broadcast_loss", "error", chart.place(record.id), (record.id,), record.line,
            {"mine": mine, "other": other, "result": sizes},
        )


def _is_reduced(chart: Chart, node: str) -> bool:
    """Tell whether a result goes, element by element, into one number."""
    stack, seen = [node], {node}
    while stack:
        here = stack.pop()
        for edge in chart.users.get(here, ()):
            target = chart.nodes[edge.target]
            if target.label in REDUCTIONS and target.shape == ():
                return True
            if target.label in PER_ELEMENT and target.id not in seen:
                seen.add(target.id)
                stack.append(target.id)
    return False
