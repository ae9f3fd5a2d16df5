"""What shape a layer's output has, found out without values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.mode import no_grad
from ..autograd.random import get_rng_state, set_rng_state
from ..autograd.structure import leaves, rebuild
from ..autograd.tensor import Tensor
from .symbolic import KerasTensor, symbols

SIZES = (3, 5)  # two batches: an axis whose length follows them is one that is not known yet


class Spec:
    """A shape and a dtype."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: Any, dtype: str) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype


def output_spec(layer: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Give the Specs of what a layer makes of KerasTensors, nested as its output is."""
    own = layer._shape_rule()
    if own is not None and len(args) == 1 and not symbols(kwargs):
        shapes = own(rebuild(args[0], [x.shape for x in leaves(args[0])]))
        nested = as_shapes(shapes)
        dtype = layer.output_dtype([x.dtype for x in symbols(args)])
        return rebuild(nested, [Spec(s, dtype) for s in leaves(nested)])
    first, second = (_run(layer, args, kwargs, size) for size in SIZES)
    specs = [
        Spec((n if n == m else None for n, m in zip(y.shape, z.shape, strict=True)), str(y.dtype))
        for y, z in zip(leaves(first), leaves(second), strict=True)
    ]
    return rebuild(first, specs)


class Shape:
    """A shape inside a nest, where a bare tuple would be taken for a nest itself."""

    __slots__ = ("lengths",)

    def __init__(self, lengths: Any) -> None:
        self.lengths = tuple(lengths)

    def __iter__(self) -> Any:
        return iter(self.lengths)


def as_shapes(value: Any) -> Any:
    """Mark the shapes in a nest of them."""
    if isinstance(value, dict):
        return {key: as_shapes(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        if all(n is None or isinstance(n, (int, np.integer)) for n in value):
            return Shape(value)
        return [as_shapes(v) for v in value]
    return value


def _run(layer: Any, args: Any, kwargs: dict[str, Any], size: int) -> Any:
    """Call a layer on numbers of the shapes of KerasTensors, leaving no trace."""
    def filled(value: Any) -> Any:
        return rebuild(value, [_ones(x, size) for x in leaves(value)])

    state = get_rng_state()
    try:
        with no_grad(), np.errstate(all="ignore"):
            return layer.forward(*filled(args), **filled(kwargs))
    finally:
        layer._clear_losses()
        set_rng_state(state)


def _ones(x: Any, size: int) -> Any:
    if not isinstance(x, KerasTensor):
        return x
    shape = tuple(size if n is None else n for n in x.shape)
    return Tensor(np.ones(shape, x.dtype))
