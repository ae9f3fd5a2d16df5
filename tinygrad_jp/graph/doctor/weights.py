"""Illnesses of parameters and of the data that come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .chart import Chart
from .finding import Finding, Severity

Array = Any

SAMPLES = 8  # rows of data, below which a spread means nothing
LARGE = 10.0  # mean or deviation of a feature
UNLIKE = 100.0  # largest deviation of a feature against the smallest
SMALL = 1e-3  # deviation of every feature
MOST_NAMES = 6  # in one finding


def without_part(chart: Chart) -> Iterator[Finding]:
    """Report the parameters that the loss does not depend on at all."""
    for kind in dict.fromkeys(chart.missing.values()):
        names = [name for name, k in chart.missing.items() if k == kind]
        severity: Severity = "note" if kind == "unreached_tensor" else "warning"
        yield Finding(kind, severity, listed(names), numbers={"count": len(names)})


def uncomputed(chart: Chart) -> Iterator[Finding]:
    """Report a backward pass that cannot be made."""
    leaves = [n for n in chart.graph.nodes if n.kind == "leaf" and n.id not in chart.gradients]
    if leaves:
        yield Finding(
            "gradient_unknown", "error", listed([chart.place(n.id) for n in leaves]),
            tuple(n.id for n in leaves), numbers={"count": len(leaves)},
        )


def zero_gradients(chart: Chart) -> Iterator[Finding]:
    """Report the leaves whose gradient is exactly zero in every element."""
    leaves = [n for n in chart.graph.nodes if n.kind == "leaf" and n.id in chart.gradients]
    still = [n for n in leaves if n.value is not None and n.value.size
             and not chart.gradients[n.id].any()]
    if not still:
        return
    stationary = len(still) == len(leaves) and not any(record.shape for record in still)
    yield Finding(
        "zero_gradient", "note" if stationary else "warning",
        listed([chart.place(record.id) for record in still]), tuple(r.id for r in still), None,
        {"count": len(still), "of": len(leaves)},
    )


def listed(names: list[str]) -> str:
    """Write some names in a row, and how many more there are."""
    more = f", … (+{len(names) - MOST_NAMES})" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def symmetric(chart: Chart) -> Iterator[Finding]:
    """Find hidden layers whose units have the same weights and the same gradients.

    Such units stay the same for ever: descent cannot tell them apart.
    """
    seen = set()
    for layer in chart.layers.values():
        leaf = chart.nodes[layer.weight]
        g = chart.gradients.get(layer.weight)
        if layer.units is None or leaf.id in seen or leaf.value is None or g is None:
            continue
        if not chart.following[layer.node]:
            continue  # the last layer's units are told apart by their targets
        seen.add(leaf.id)
        units = leaf.value.shape[layer.units]
        both = np.concatenate([
            _digits(np.moveaxis(a, layer.units, 0).reshape(units, -1)) for a in (leaf.value, g)
        ], axis=1)
        different = len(np.unique(both, axis=0))
        if units < 2 or not np.isfinite(both).all() or different * 2 > units:
            continue
        key = "zero_weights" if not leaf.value.any() else "symmetric_units"
        yield Finding(
            key, "error", chart.place(leaf.id), (leaf.id,), None,
            {"units": units, "different": different},
        )


def _digits(x: Array) -> Array:
    """Keep five digits: equal rows' products may differ in the last, as BLAS shares work out."""
    largest = float(np.abs(x).max(initial=0.0))
    return np.round(x.astype(np.float64) / (largest or 1.0), 5)


def raw_inputs(chart: Chart) -> Iterator[Finding]:
    """Find data that go into a layer with features far from mean 0 and deviation 1."""
    seen = set()
    for layer in chart.layers.values():
        record = chart.nodes[layer.data]
        if record.kind == "operation" or record.id in seen or record.value is None:
            continue
        seen.add(record.id)
        x = record.value
        if x.ndim < 2 or len(x) < SAMPLES or x.dtype.kind not in "fiu":
            continue
        x = x.reshape(-1, x.shape[-1]) if x.ndim == 2 else x.reshape(len(x), -1)
        x = x.astype(np.float64)
        if not np.isfinite(x).all():
            continue
        means, spread = x.mean(0), x.std(0)
        alive = spread[spread > 0]
        largest = max(float(np.abs(means).max()), float(spread.max()))
        unlike = float(alive.max() / alive.min()) if alive.size else 1.0
        uneven = unlike > UNLIKE and x.shape[1] <= 64 and float(alive.max()) > 1
        if largest <= LARGE and not uneven and not (alive.size and alive.max() < SMALL):
            continue
        yield Finding(
            "raw_inputs", "warning", chart.place(record.id), (record.id,), None,
            {
                "low": float(x.min()), "high": float(x.max()),
                "mean": float(means[np.abs(means).argmax()]),
                "smallest": float(alive.min()) if alive.size else 0.0,
                "largest": float(spread.max()), "unlike": unlike,
            },
        )
