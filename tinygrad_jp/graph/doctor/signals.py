"""Illnesses of what flows: NaN, gradients that vanish or explode, units that do not answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..model import GraphNode
from .chart import Chart, rows
from .finding import Finding

Array = Any

LAYERS = 3  # a chain of fewer says nothing about depth
WEAK, VERY_WEAK = 1e-3, 1e-6  # first layer's gradient against the last's, by norm
SAMPLES = 16  # a smaller batch says nothing of a unit
DEAD, ALL = 0.7, 0.95  # shares of units; half are so in a deep network, by the biases' signs alone
FLAT = 0.05  # of the largest slope: what counts as saturated
STUCK_ROWS, STUCK_UNITS = 0.9, 0.5  # samples for which a unit is flat; units that are so


# ── not finite ──────────────────────────────────────────────────────────────────────────────────


def non_finite(chart: Chart) -> Iterator[Finding]:
    """Find where the first NaN or infinity arose, forward; or else backward."""
    first = True
    for record in chart.graph.nodes:
        what = _what(record.value)
        if not what:
            continue
        if record.kind != "operation":
            if "NaN" in what or record.kind == "leaf":  # −∞ in a mask is meant
                yield _non_finite(chart, "non_finite_given", record, what)
                first = False
            continue
        sources = [chart.nodes[s] for s in chart.arguments(record.id)]
        brought = [_what(source.value) for source in sources]
        if "NaN" in what:
            arose = not any("NaN" in b for b in brought)
        else:  # a mask of −∞, which a sum does not keep, may have brought it along
            arose = not any(brought) and all(source.value is not None for source in sources)
        if arose and first:
            yield _non_finite(chart, "non_finite_arose", record, what)
            first = False
    if first:
        yield from _backward(chart)


def _backward(chart: Chart) -> Iterator[Finding]:
    for record in reversed(chart.graph.nodes):
        g = chart.gradients.get(record.id)
        if not _what(g) or record.is_output:
            continue
        users = chart.users.get(record.id, [])
        guilty = next((chart.nodes[e.target] for e in users
                       if not _what(chart.gradients.get(e.target))), None)
        if guilty is not None:
            yield _non_finite(chart, "non_finite_pulled", guilty, _what(g))
            return


def _non_finite(chart: Chart, kind: str, record: GraphNode, what: str) -> Finding:
    value = record.value
    bad = 0 if value is None else int((~np.isfinite(value)).sum())
    size = 0 if value is None else int(value.size)
    finite = [
        v[np.isfinite(v)].astype(np.float64)
        for s in chart.arguments(record.id)
        for v in [chart.nodes[s].value] if v is not None and v.dtype.kind == "f"
    ]
    known = np.concatenate([v.reshape(-1) for v in finite]) if finite else np.empty(0)
    numbers: dict[str, Any] = {
        "what": what, "count": bad, "size": size,
        "low": float(known.min()) if known.size else float("nan"),
        "high": float(known.max()) if known.size else float("nan"),
    }
    return Finding(
        kind, "error", chart.place(record.id), (record.id,), record.line, numbers,
    )


def _what(value: Array | None) -> str:
    if value is None or value.dtype.kind != "f":
        return ""
    words = [("NaN", np.isnan), ("Inf", np.isinf)]
    return ", ".join(word for word, test in words if test(value).any())


# ── with depth ──────────────────────────────────────────────────────────────────────────────────


def fading(chart: Chart) -> Iterator[Finding]:
    """Compare each layer's gradient with that of the last layer that it leads to."""
    end: dict[str, tuple[str, float, int]] = {}  # the last layer, its norm, layers up to there
    worst: dict[str, tuple[float, str, str, int]] = {}
    for node in reversed(list(chart.layers)):
        norm = chart.norm(node)
        if norm is None or not np.isfinite(norm):
            continue
        ahead = [end[n] for n in chart.following[node] if n in end]
        last, strong, depth = max(ahead, key=lambda e: e[1]) if ahead else (node, norm, 0)
        end[node] = (last, strong, depth + 1)
        if depth + 1 < LAYERS or not strong or not norm:
            continue
        ratio = norm / strong
        kind = "vanishing" if ratio < WEAK else "exploding" if ratio > 1 / WEAK else ""
        if kind and abs(np.log(ratio)) > abs(np.log(worst.get(kind, (1.0, "", "", 0))[0])):
            worst[kind] = (ratio, node, last, depth + 1)
    for kind, (ratio, node, last, depth) in worst.items():
        numbers = {
            "first": chart.norm(node), "last": chart.norm(last), "ratio": ratio, "layers": depth,
            "factor": float(ratio ** (1 / (depth - 1))), "end": chart.place(last),
        }
        severe = not VERY_WEAK < ratio < 1 / VERY_WEAK
        yield Finding(
            kind, "error" if severe else "warning", chart.layer_place(node), (node, last),
            chart.nodes[node].line, numbers,
        )


# ── units ───────────────────────────────────────────────────────────────────────────────────────


def dead(chart: Chart) -> Iterator[Finding]:
    """Find ReLUs with many units that are zero on every sample of the batch."""
    for record in chart.graph.nodes:
        if not is_relu(chart, record.id):
            continue
        y = rows(record.value)
        if y is None or len(y) < SAMPLES or not np.isfinite(y).all():
            continue
        silent = int((y <= 0).all(0).sum())
        share = silent / y.shape[1]
        if share < DEAD:
            continue
        numbers = {"dead": silent, "units": y.shape[1], "percent": 100 * share, "batch": len(y)}
        yield Finding(
            "dead_relu", "error" if share >= ALL else "warning", chart.place(record.id),
            (record.id,), record.line, numbers,
        )


def is_relu(chart: Chart, node: str) -> bool:
    """Tell whether an operation is max(x, 0), however it was written."""
    if chart.is_op(node, "relu"):
        return True
    return chart.is_op(node, "np.maximum") and any(
        chart.is_number(s, 0.0) for s in chart.arguments(node)
    )


def saturated(chart: Chart) -> Iterator[Finding]:
    """Find hidden sigmoids and tanhs most of whose units are flat on nearly all samples."""
    for record in chart.graph.nodes:
        kind = squashing(chart, record.id)
        y = rows(record.value) if kind else None
        if y is None or len(y) < SAMPLES or not np.isfinite(y).all():
            continue
        if not _leads_to_layer(chart, record.id):
            continue  # at the output, a sure answer is what training is for
        y = y.astype(np.float64)
        slope = y * (1 - y) * 4 if kind == "sigmoid" else 1 - y * y
        flat = slope < FLAT
        stuck = int((flat.mean(0) >= STUCK_ROWS).sum())
        if stuck < STUCK_UNITS * y.shape[1]:
            continue
        numbers = {
            "name": kind, "stuck": stuck, "units": y.shape[1], "percent": 100 * flat.mean(),
            "slope": float(slope.mean() / (4 if kind == "sigmoid" else 1)), "batch": len(y),
        }
        yield Finding(
            "saturated", "error" if flat.mean() >= ALL else "warning", chart.place(record.id),
            (record.id,), record.line, numbers,
        )


def squashing(chart: Chart, node: str) -> str:
    """Name the squashing function that an operation ends, also 1 / (1 + np.exp(-x)); "" if none."""
    if chart.is_op(node, "sigmoid"):
        return "sigmoid"
    if chart.is_op(node, "np.tanh"):
        return "tanh"
    below = chart.given(node, "b") if chart.is_op(node, "np.divide") else None
    if below is not None and chart.is_op(below, "np.add"):
        exps = [chart.nodes[s].value for s in chart.arguments(below) if chart.is_op(s, "np.exp")]
        y = chart.nodes[node].value
        # the ones are not kept, for no derivative needs them: the numbers tell
        if len(exps) == 1 and exps[0] is not None and y is not None and y.shape == exps[0].shape:
            return "sigmoid" if np.allclose(y * (1 + exps[0]), 1, rtol=1e-3, equal_nan=True) else ""
    return ""


def _leads_to_layer(chart: Chart, node: str) -> bool:
    """Tell whether a result goes into a layer, as data, before the loss."""
    seen, stack = {node}, [node]
    while stack:
        for edge in chart.users.get(stack.pop(), ()):
            layer = chart.layers.get(edge.target)
            if layer is not None and layer.data == edge.source:
                return True
            if edge.target not in seen:
                seen.add(edge.target)
                stack.append(edge.target)
    return False
