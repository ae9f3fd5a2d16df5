"""Hypothesis strategies: shapes, values away from kinks and poles, Tensors, labels, optimizers.

`import tinygrad_jp.testing` makes `st.from_type(tj.Tensor)` work; where the package is installed,
importing tinygrad_jp and hypothesis is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra
from hypothesis.strategies import SearchStrategy

from .. import optim
from ..autograd.tensor import Tensor
from ..errors import OptionError
from ..vocabulary.domain import REAL, Domain

Array = Any
Shape = tuple[int, ...]


def shapes(
    min_dims: int = 0, max_dims: int = 3, min_side: int = 1, max_side: int = 4
) -> SearchStrategy[Shape]:
    """Draw shapes: () to three axes of 1 to 4, unless told otherwise; min_side=0 for empty ones."""
    return extra.array_shapes(
        min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side
    )


def broadcastable_shapes(
    number: int = 2, signature: str | None = None, max_dims: int = 3, min_side: int = 1,
    max_side: int = 4,
) -> SearchStrategy[tuple[Shape, ...]]:
    """Draw several shapes that broadcast against one another.

    signature: of a generalised ufunc, in the place of number: "(n?,k),(k,m?)->(n?,m?)" for what
        np.matmul takes.
    """
    sides: dict[str, Any] = {"min_side": min_side, "max_side": max_side, "max_dims": max_dims}
    if signature is not None:
        drawn = extra.mutually_broadcastable_shapes(signature=signature, **sides)
    else:
        drawn = extra.mutually_broadcastable_shapes(num_shapes=number, **sides)
    return drawn.map(lambda found: found.input_shapes)


def dtypes(half: bool = False) -> SearchStrategy[np.dtype[Any]]:
    """Draw a floating point dtype: float64 or float32, and with half=True float16."""
    names = ["float64", "float32", *(["float16"] if half else [])]
    return st.sampled_from([np.dtype(name) for name in names])


def elements(
    low: float = -3.0, high: float = 3.0, away_from: Iterable[float] = (), gap: float = 0.1,
    dtype: Any = np.float64,
) -> SearchStrategy[float]:
    """Draw numbers between low and high, none nearer than `gap` to a kink or a pole.

    away_from: the points to keep away from: 0 for relu, abs or 1/x. Raises OptionError where
    nothing is left.

    >>> from tinygrad_jp.testing import elements
    >>> x = elements(-1.0, 1.0, away_from=(0,)).filter(lambda x: abs(x) < 0.1)
    >>> x.is_empty
    False
    """
    width = np.dtype(dtype).itemsize * 8
    kind = np.dtype(dtype).type
    ends, start = [], float(low)
    for point in sorted(float(p) for p in away_from):
        ends.append((start, point - gap))
        start = max(start, point + gap)
    ends.append((start, float(high)))
    parts = []
    for a, b in sorted(ends, key=lambda end: (end[1] <= 0, abs(end[0]))):  # positive is plainer
        inner, outer = kind(a), kind(b)  # as the dtype has them, but not outside
        inner = np.nextafter(inner, kind(np.inf)) if float(inner) < a else inner
        outer = np.nextafter(outer, kind(-np.inf)) if float(outer) > b else outer
        if inner <= outer:
            bounds = {"min_value": float(inner), "max_value": float(outer)}
            parts.append(st.floats(**bounds, width=width, allow_subnormal=False))  # type: ignore[arg-type]
    if not parts:
        raise OptionError("testing_elements", low=low, high=high, gap=gap)
    return st.one_of(parts)


def arrays(
    shape: Any = None, dtype: Any = np.float64, values: Any = REAL
) -> SearchStrategy[Array]:
    """Draw arrays; shape: a shape or a strategy; values: a Domain, or a strategy of numbers."""
    kind = np.dtype(dtype)
    if isinstance(values, Domain):
        values = elements(values.low, values.high, values.avoid, values.gap, kind)
    shape = shapes() if shape is None else shape
    return extra.arrays(kind, shape, elements=values, fill=st.nothing())


@st.composite
def tensors(
    draw: Any, shape: Any = None, dtype: Any = None, elements: Any = REAL,
    requires_grad: Any = False,
) -> Tensor:
    """Draw Tensors; a failing test shows the smallest and plainest one that fails.

    shape: a shape, or a strategy of shapes; `shapes()` unless given.
    dtype: a dtype, or a strategy; float64 or float32 unless given.
    elements: where the values lie: a Domain (REAL, NONZERO, POSITIVE, UNIT, ABOVE_ONE), or a
        strategy of numbers, `elements(away_from=(0,))` for one.
    requires_grad: True, False, or a strategy of those.
    """
    kind = draw(dtypes() if dtype is None else dtype) if _drawn(dtype) else dtype
    wants = draw(requires_grad) if _drawn(requires_grad) else requires_grad
    return Tensor(draw(arrays(shape, kind, elements)), requires_grad=wants)


def _drawn(value: Any) -> bool:
    return value is None or isinstance(value, SearchStrategy)


def labels(classes: int, shape: Any = 4) -> SearchStrategy[Array]:
    """Draw class indices from 0 to classes − 1; shape: (4,) unless given, or a strategy.

    Raises OptionError for less than one class.
    """
    if classes < 1:
        raise OptionError("testing_classes", given=classes)
    return extra.arrays(np.int64, shape, elements=st.integers(0, classes - 1))


# ── optimizers ──────────────────────────────────────────────────────────────────────────────────


class Recipe:
    """Makes an optimizer for parameters: recipe(params). Shows itself as the call it makes."""

    def __init__(self, kind: Callable[..., Any], options: dict[str, Any]) -> None:
        self.kind = kind
        self.options = options

    def __call__(self, params: Any, **more: Any) -> Any:
        """Make the optimizer; more: options that take the place of those drawn."""
        return self.kind(params, **{**self.options, **more})

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in self.options.items())
        return f"{self.kind.__name__}(params, {options})"


_BETA = st.sampled_from([0.5, 0.8, 0.9])
_DECAY = st.sampled_from([0.0, 0.1])
_FLAG = st.booleans()
OPTIONS: dict[str, dict[str, SearchStrategy[Any]]] = {
    "SGD": {"momentum": st.sampled_from([0.0, 0.5, 0.9]), "weight_decay": _DECAY},
    "Adam": {"betas": st.tuples(_BETA, _BETA), "weight_decay": _DECAY, "amsgrad": _FLAG},
    "AdamW": {"betas": st.tuples(_BETA, _BETA), "weight_decay": _DECAY, "amsgrad": _FLAG},
    "RMSprop": {"alpha": _BETA, "momentum": st.sampled_from([0.0, 0.5]), "centered": _FLAG},
    "Adagrad": {"lr_decay": _DECAY, "weight_decay": _DECAY},
    "Adadelta": {"rho": _BETA, "weight_decay": _DECAY},
    "NAdam": {"betas": st.tuples(_BETA, _BETA), "weight_decay": _DECAY},
    "Adamax": {"betas": st.tuples(_BETA, _BETA), "weight_decay": _DECAY},
    "RAdam": {"betas": st.tuples(_BETA, _BETA), "weight_decay": _DECAY},
}


@st.composite
def optimizers(draw: Any, kinds: Sequence[str] = tuple(OPTIONS)) -> Recipe:
    """Draw recipes for optimizers: `recipe(model.parameters())` makes one.

    kinds: names of classes in tj.optim to choose from; SGD is the simplest.
    """
    name = draw(st.sampled_from(kinds))
    options = {k: draw(s) for k, s in OPTIONS[name].items()}
    return Recipe(getattr(optim, name), {"lr": draw(st.sampled_from([0.01, 0.001])), **options})


def register() -> None:
    """Let hypothesis draw Tensors by their type."""
    st.register_type_strategy(Tensor, tensors())
