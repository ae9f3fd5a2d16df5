"""Losses at class labels as functions: cross-entropy and negative log likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.apply import as_array, wrap
from ..autograd.arguments import array_of as constant
from ..autograd.arguments import tensor_of as tensor
from ..autograd.functions import log_softmax
from ..autograd.generate import op
from ..autograd.mode import any_of
from ..autograd.tensor import Tensor
from ..errors import DTypeError, LabelError, OptionError, ShapeError
from ..vocabulary import layers
from ..vocabulary.primitives import getitem
from .functional_losses import made_by, reduced, warn_once

_cross_entropy = op(layers.cross_entropy)
_pick = op(getitem)


def cross_entropy(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:
    """Give −log softmax(input) at the labels, or against probabilities.

    input: logits (N, K), (N, K, d₁, ...) or (K,); no softmax before it.  target: class indices
    (N, d₁, ...), or probabilities of input's shape.  weight: a factor per class (K,).
    ignore_index: a label that does not count.  label_smoothing: how much of each label is spread
    over all classes.  The mean is over labels that count, weighted.
    Raises LabelError for a label outside the classes, ShapeError, DTypeError, OptionError.
    """
    if made_by(input, layers.softmax):
        warn_once("softmax_before")
    if weight is None and label_smoothing == 0.0 and reduction in ("mean", "sum"):
        t = target._data if isinstance(target, Tensor) else target
        if hasattr(t, "dtype") and t.dtype.kind in "iu" and t.ndim == 1 and (
            ignore_index < 0 or (type(t) is ndarray and not (t == ignore_index).any())
        ):
            try:
                if reduction == "mean":
                    return _cross_entropy(input, target)
                if t.size and _is_wide(input):
                    return _cross_entropy(input, target) * int(t.size)
            except LabelError:  # one that does not count, perhaps
                if not (t == ignore_index).any():
                    raise
            except ShapeError:
                _check_labels(tensor(input)._data.shape, t)
                raise
    z, t = tensor(input), constant(target)
    if not 0.0 <= label_smoothing <= 1.0:
        raise OptionError("label_smoothing", given=label_smoothing)
    if z._data.dtype.kind != "f":
        z = z.float()
    classes = 0 if z.ndim == 1 else 1
    logs = log_softmax(z, classes)
    if t.shape == z.shape and t.dtype.kind == "f":
        return _against_probabilities(logs, tensor(target), weight, reduction, label_smoothing)
    if label_smoothing == 0.0:
        return nll_loss(logs, t, weight, ignore_index, reduction)
    return _smoothed(logs, t, weight, ignore_index, reduction, label_smoothing)


def _is_wide(input: Any) -> bool:
    """Tell whether 1/N of a gradient can be had without a loss: not so in half precision."""
    return isinstance(input, Tensor) and input._data.dtype.char in "fd"


def _against_probabilities(
    logs: Tensor, target: Tensor, weight: Any, reduction: str, smoothing: float
) -> Tensor:
    axis = 0 if logs.ndim == 1 else 1
    if smoothing:
        target = target * (1 - smoothing) + smoothing / logs.shape[axis]
    terms = logs * target
    if weight is not None:
        terms = terms * _class_weight(weight, logs).reshape(
            [-1 if i == axis else 1 for i in range(logs.ndim)]
        )
    return reduced(-terms.sum(axis), reduction)


def _smoothed(
    logs: Tensor, t: Any, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> Tensor:
    """Mix the loss at the labels with the loss at all classes alike, as PyTorch weighs them."""
    hard = nll_loss(logs, t, weight, ignore_index, reduction)
    flat, labels, counts, shape = _rows(logs, t, ignore_index)
    k = flat.shape[1]
    spread = -(flat if weight is None else flat * _class_weight(weight, logs)).sum(1)
    spread = spread * counts
    if reduction == "none":
        spread = spread.reshape(shape)
    else:
        spread = spread.sum()
        if reduction == "mean":
            each = counts if weight is None else counts * _class_weight(weight, logs)[labels]
            spread = spread / wrap(as_array(each.sum()))
    return hard * (1 - smoothing) + spread * (smoothing / k)  # type: ignore[no-any-return]


def nll_loss(
    input: Any, target: Any, weight: Any = None, ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Give −input at the labels, for log-probabilities as log_softmax gives them.

    input: (N, K), (N, K, d₁, ...) or (K,).  target: class indices (N, d₁, ...).  The rest as in
    cross_entropy.
    """
    if reduction not in ("mean", "sum", "none"):
        reduced(tensor(input), reduction)  # refuses it
    logs = tensor(input)
    flat, labels, counts, shape = _rows(logs, constant(target), ignore_index)
    if weight is not None:
        counts = counts * _class_weight(weight, logs)[labels]
    picked = -_pick(flat, (np.arange(len(labels)), labels)) * counts
    if reduction == "none":
        return picked.reshape(shape)  # type: ignore[no-any-return]
    total = picked.sum()
    if reduction == "sum":
        return total  # type: ignore[no-any-return]
    weight_sum = as_array(counts.sum())
    if any_of(weight_sum == 0):
        warn_once("all_ignored")
        return total * math.nan  # type: ignore[no-any-return]
    return total / wrap(weight_sum)  # type: ignore[no-any-return]


def _rows(z: Tensor, t: Any, ignore_index: int) -> tuple[Tensor, Any, Any, tuple[int, ...]]:
    """Bring (N, K, d₁, ...) to rows: (M, K), labels (M,), 1 or 0 for each, the labels' shape."""
    _check_labels(z.shape, t)
    if z.ndim == 1:
        z = z.reshape((1, -1))
    elif z.ndim > 2:
        z = z.moveaxis(1, -1).reshape((-1, z.shape[1]))
    labels = t.reshape(-1)
    counted = labels != ignore_index
    wrong = counted & ((labels < 0) | (labels >= z.shape[1]))
    if any_of(wrong):
        place: Any = np.unravel_index(int(np.flatnonzero(wrong)[0]), t.shape)
        label = int(t[place])
        place = tuple(map(int, place))
        raise LabelError(
            "label_range", label=label, place=place[0] if len(place) == 1 else place,
            classes=z.shape[1],
        )
    return z, np.where(counted, labels, 0), counted.astype(z.dtype), t.shape


def _check_labels(z: tuple[int, ...], t: Any) -> None:
    """Refuse labels whose shape or dtype does not fit the logits, and say what would."""
    wanted = (*z[:1], *z[2:]) if len(z) > 1 else ()
    if t.dtype.kind not in "iu":
        raise DTypeError("labels_float", dtype=t.dtype, shape=t.shape, z=z, wanted=wanted)
    if t.shape == (*wanted, 1):
        raise ShapeError("labels_column", z=z, t=t.shape, wanted=wanted)
    if t.shape == z:
        raise ShapeError("labels_one_hot", z=z, t=t.shape, wanted=wanted)
    if t.shape != wanted:
        raise ShapeError("labels_fit", z=z, t=t.shape, wanted=wanted)


def _class_weight(weight: Any, z: Tensor) -> Any:
    array = constant(weight)
    k = z.shape[0 if z.ndim == 1 else 1]
    if array.shape != (k,):
        raise ShapeError("class_weight", given=array.shape, classes=k)
    return array.astype(z._data.dtype)
