"""Calls as the laws see them: the arrays in them, their gradients, and numerical slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd import apply as generic
from ..autograd.backward import grad
from ..autograd.tensor import Tensor
from ..errors import ArgumentError, LawError, Phrase
from ..vocabulary.domain import Call
from ..vocabulary.rule import Entry, label
from .failures import ensure

__tracebackhide__ = True  # pytest points to the line of the test
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
    """List the floating point arrays of a call; ArgumentError if there is none."""
    found: list[Array] = []
    mapped(sample, lambda x: found.append(x) if x.dtype.kind == "f" else None)
    if not found:
        raise ArgumentError("testing_nothing")
    return found


def placed(sample: Call, xs: Any) -> Call:
    """Put other values in the place of the floating point arrays."""
    rest = iter(xs)
    return mapped(sample, lambda x: next(rest) if x.dtype.kind == "f" else x)  # type: ignore[no-any-return]


def outputs(entry: Entry, sample: Call) -> list[Any]:
    """Call the entry's function, and list its floating point results."""
    return floats(entry.fn(*sample.args, **sample.kwargs))


def floats(y: Any) -> list[Any]:
    """List the floating point results in what a function gives."""
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


def leaf(x: Array) -> Tensor:
    """Make a leaf around this very array, uncopied."""
    tensor = generic.wrap(x)
    return tensor.requires_grad_()  # type: ignore[no-any-return]


def gradients(entry: Entry, sample: Call, ws: list[Any], *, create_graph: bool = False) -> Any:
    """Give (the leaves made of the arguments, their gradients as Tensors or None)."""
    ts = [leaf(x) for x in variables(sample)]
    ys = outputs(entry, placed(sample, ts))
    ensure(len(ys) == len(ws), "testing_count", name=label(entry.fn), found=len(ys),
           wanted=len(ws))
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
RTOL, ATOL = 2e-6, 1e-9
MOST = 4096  # elements that are looked through one by one for the wrong one

Moves = Callable[[Array, float], float]  # (direction, how far) -> the value there


def slope(f: Callable[[float], float], step: float) -> float:
    """Differentiate f at 0 by central differences of fourth order."""
    near, far = f(step) - f(-step), f(2 * step) - f(-2 * step)
    return (8 * near - far) / (12 * step)


def dot(a: Any, b: Any) -> float:
    """Sum the products of two lists of arrays."""
    return sum(float(np.sum(x * y)) for x, y in zip(a, b, strict=True))


def compare(
    g: Array, v: Array, at: Moves, noise: float, what: str | Phrase, rtol: float | None = None,
    atol: float | None = None,
) -> None:
    """Compare a gradient with slopes: along one direction, and if that fails at every index.

    g: the gradient by the derivative.  v: a direction of its shape.  at(v, t): the value after
    moving by t·v.  noise: the size of the value's terms, which bounds its rounding.
    Raises LawError with the worst index and both numbers there.
    """
    rtol, atol = RTOL if rtol is None else rtol, ATOL if atol is None else atol

    def apart(v: Array) -> tuple[bool, float, float, float]:
        found, size = dot([g], [v]), dot([abs(g)], [abs(v)])
        nearest = (np.inf, 0.0, 0.0)
        for step in STEPS:
            wanted = slope(lambda t: at(v, t), step)
            allowed = rtol * max(size, abs(wanted)) + 1e-14 * noise / step + atol
            if abs(found - wanted) <= allowed:
                return True, found, wanted, allowed
            nearest = min(nearest, (abs(found - wanted), wanted, allowed))
        return False, found, nearest[1], nearest[2]

    fine, found, wanted, allowed = apart(v)
    if fine:
        return
    worst: tuple[float, Any, float, float, float] | None = None
    failed = 0
    if g.shape == v.shape and v.size <= MOST:
        for index in np.ndindex(v.shape):
            unit = np.zeros_like(v)
            unit[index] = 1.0
            ok, a, b, c = apart_at(g, index, unit, apart)
            failed += not ok
            if not ok and (worst is None or not abs(a - b) <= worst[0]):
                worst = (abs(a - b), list(index), a, b, c)
    if worst is not None:
        _, index_, found, wanted, allowed = worst
        raise LawError(
            "testing_slope", what=what, index=index_, found=found, wanted=wanted, allowed=allowed,
            failed=failed, total=v.size,
        )
    raise LawError(
        "testing_direction", what=what, found=found, wanted=wanted, allowed=allowed
    )


def apart_at(
    g: Array, index: tuple[int, ...], unit: Array,
    apart: Callable[[Array], tuple[bool, float, float, float]],
) -> tuple[bool, float, float, float]:
    """Compare one element; where a matrix was symmetric, moving one alone may make no sense."""
    try:
        return apart(unit)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return True, float(g[index]), float(g[index]), 0.0


def moved(xs: list[Array], i: int, v: Array, t: float) -> list[Array]:
    """Move the i-th of several arrays by t·v."""
    return [np.asarray(x + t * v) if j == i else x for j, x in enumerate(xs)]
