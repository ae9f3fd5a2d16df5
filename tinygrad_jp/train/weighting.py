"""How the samples of a batch are weighed against one another, and brought to one number.

Weights have one entry a sample, or a row: (N,), (N, 1), (N, T). A mask says which rows count at
all. The conventions are those of Keras 3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.apply import as_array, wrap
from ..autograd.arguments import array_of
from ..autograd.tensor import Tensor
from ..errors import OptionError, ShapeError
from .row_losses import same_rank

Array = Any
REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None)


def reduced(
    values: Tensor, sample_weight: Any = None, reduction: str | None = "sum_over_batch_size",
    mask: Any = None,
) -> Tensor:
    """Weigh the values of the rows, and take their sum or mean.

    reduction: "sum_over_batch_size" or "mean", the sum over the number of values, whatever their
        weights; "sum"; "mean_with_sample_weight", the sum over that of the weights; "none".
    mask: rows that do not count are not counted in the mean either.
    Raises OptionError for another reduction, ShapeError for weights that do not fit.
    """
    check_reduction(reduction)
    weight = weights(sample_weight, values, mask, reduction)
    if weight is not None:
        values, weight = same_rank(values, weight)
        check_weights(weight.shape, values.shape)
        weight = weight.reshape((*weight.shape, *(1,) * (values.ndim - weight.ndim)))
        values = values * weight
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    total = values.sum()
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        return total * _inverse(weight.sum())
    count = math.prod(values.shape)
    return total / count if count else total * 0.0


def _inverse(total: Array) -> Tensor:
    """Give 1 / total, and 0 for 0."""
    array = as_array(total)
    is_zero = array == 0
    inverse = np.where(is_zero, 0.0, 1.0 / np.where(is_zero, 1.0, array))
    return wrap(as_array(inverse).astype(array.dtype))  # type: ignore[no-any-return]


def check_reduction(reduction: Any) -> None:
    """Raise OptionError for a reduction that there is not."""
    if reduction not in REDUCTIONS:
        shown = ", ".join(repr(r) for r in REDUCTIONS)
        raise OptionError("reduction", given=reduction, choices=shown)


def weights(sample_weight: Any, values: Any, mask: Any, reduction: str | None) -> Array | None:
    """Make one array of the weights of samples and the mask of rows; None where all count alike."""
    kind = values.dtype
    weight = None if sample_weight is None else array_of(sample_weight).astype(kind)
    if mask is None:
        return weight
    counts = array_of(mask).astype(kind)
    if reduction in ("mean", "sum_over_batch_size"):
        counts = counts * (array_of(_inverse(counts.sum())) * counts.size)
    if weight is None:
        return counts
    counts, weight = same_rank(counts, weight)
    return counts * weight


def check_weights(weight: tuple[int, ...], values: tuple[int, ...]) -> None:
    """Raise ShapeError for weights that are not one a sample, or a row: the first axes count."""
    if not values and weight:
        raise ShapeError("sample_weight_row", given=weight)
    pairs = zip(weight, values, strict=False)
    if len(weight) > len(values) or not all(w in (1, v) for w, v in pairs):
        raise ShapeError("sample_weight", given=weight, values=values)


def samplewise(
    values: Any, sample_weight: Any = None, is_sum: bool = False
) -> tuple[Array, Array | None]:
    """Give one value for each sample, already weighed, and the weights: (N,) and (N,) or None.

    values (N, ...) are averaged over their other axes, or with is_sum summed.
    """
    array = array_of(values).astype(np.float64)
    reduce = np.sum if is_sum else np.mean
    weight = None
    if sample_weight is not None:
        weight = np.asarray(array_of(sample_weight), np.float64)
        array, weight = same_rank(array, weight)
        if array.ndim > weight.ndim:
            array = reduce(array, axis=tuple(range(weight.ndim, array.ndim)))
        check_weights(weight.shape, array.shape)
        weight = np.broadcast_to(weight, array.shape)
        array = array * weight
        if weight.ndim > 1:
            weight = reduce(weight, axis=tuple(range(1, weight.ndim)))
    if array.ndim > 1:
        array = reduce(array, axis=tuple(range(1, array.ndim)))
    return array, weight
