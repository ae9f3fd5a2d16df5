"""Calls as the laws see them: the arrays in them, their gradients, and numerical slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp.autograd import apply as generic
from tinygrad_jp.autograd.backward import grad
from tinygrad_jp.vocabulary.domain import Call
from tinygrad_jp.vocabulary.rule import Entry

Array = Any

# ── a call, and the floating point arrays in it ─────────────────────────────────────────────────


def mapped(value: Any, change: Callable[[Array], Any]) -> Any:
    """Replace every array in a call, inside lists and tuples too."""
    if isinstance(value, Call):
        kwargs = {k: mapped(v, change) for k, v in value.kwargs.items()}
        return Call(tuple(mapped(v, change) for v in value.args), kwargs)
    if type(value) in (list, tuple):
        return type(value)(mapped(v, change) for v in value)
    return change(value) if isinstance(value, np.ndarray) else value


def variables(sample: Call) -> list[Array]:
    """List the floating point arrays of a call; there must be one."""
    found: list[Array] = []
    mapped(sample, lambda x: found.append(x) if x.dtype.kind == "f" else None)
    assert found, "a sample without a floating point array"
    return found


def placed(sample: Call, xs: Any) -> Call:
    """Put other values in the place of the floating point arrays."""
    rest = iter(xs)
    return mapped(sample, lambda x: next(rest) if x.dtype.kind == "f" else x)  # type: ignore[no-any-return]


def outputs(entry: Entry, sample: Call) -> list[Any]:
    """Call the entry's function, and list its floating point results."""
    return floats(entry.fn(*sample.args, **sample.kwargs))


def floats(y: Any) -> list[Any]:
    if isinstance(y, (list, tuple)):
        return [part for item in y for part in floats(item)]
    if isinstance(y, np.generic):
        y = np.asarray(y)
    return [y] if hasattr(y, "dtype") and y.dtype.kind == "f" else []


def weights(rng: np.random.Generator, like: Any) -> list[Array]:
    """Draw numbers of either sign, none of them near 0, so that no element can hide."""
    return [
        np.asarray(rng.uniform(0.5, 1.0, x.shape) * rng.choice([-1.0, 1.0], x.shape), x.dtype)
        for x in like
    ]


def directions(rng: np.random.Generator, xs: list[Array]) -> list[Array]:
    """Draw a direction for each argument; symmetric where the argument is (cholesky, eigh)."""
    found = weights(rng, xs)
    for i, x in enumerate(xs):
        if x.ndim > 1 and x.shape[-1] == x.shape[-2] > 1 and (x == x.mT).all():
            found[i] = (found[i] + found[i].mT) / 2
    return found


def leaf(x: Array) -> tj.Tensor:
    """Make a leaf around this very array, uncopied."""
    tensor = generic.wrap(x)
    return tensor.requires_grad_()  # type: ignore[no-any-return]


def gradients(entry: Entry, sample: Call, ws: list[Any], *, create_graph: bool = False) -> Any:
    """Give (the leaves made of the arguments, their gradients as Tensors or None)."""
    ts = [leaf(x) for x in variables(sample)]
    ys = outputs(entry, placed(sample, ts))
    assert len(ys) == len(ws), "another number of results on Tensors"
    pairs = [(y, w) for y, w in zip(ys, ws, strict=True) if y.requires_grad]
    if not pairs:
        return ts, [None] * len(ts)
    ys, ws = map(list, zip(*pairs, strict=True))
    return ts, grad(ys, ts, ws, create_graph=create_graph, allow_unused=True)


def values(entry: Entry, sample: Call, ws: list[Array]) -> list[Array]:
    """Give the gradients as arrays, zeros for None."""
    ts, gs = gradients(entry, sample, ws)
    return [np.zeros_like(t._data) if g is None else g._data for t, g in zip(ts, gs, strict=True)]


# ── numerical differentiation ───────────────────────────────────────────────────────────────────

STEPS = (5e-4, 2e-5)  # the second for a kink, or a vector that turns its sign, within the first


def slope(f: Callable[[float], float], step: float) -> float:
    """Differentiate f at 0 by central differences of fourth order."""
    near, far = f(step) - f(-step), f(2 * step) - f(-2 * step)
    return (8 * near - far) / (12 * step)


def dot(a: Any, b: Any) -> float:
    return sum(float(np.sum(x * y)) for x, y in zip(a, b, strict=True))


def agree(
    found: float, f: Callable[[float], float], size: float, noise: float, what: str
) -> None:
    """Compare a slope with that of f; size: of the terms that make it up, noise: of f's terms."""
    for step in STEPS:
        wanted = slope(f, step)
        allowed = 2e-6 * max(size, abs(wanted)) + 1e-14 * noise / step + 1e-9
        if abs(found - wanted) <= allowed:
            return
    raise AssertionError(
        f"{what}: {found!r} by the rule, {wanted!r} by differences, {allowed:.2g} allowed"
    )


def along(xs: list[Array], i: int, v: Array) -> Callable[[float], list[Array]]:
    return lambda t: [np.asarray(x + t * v) if j == i else x for j, x in enumerate(xs)]
