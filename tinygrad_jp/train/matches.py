"""Whether predictions are right, one number a row: 1 or 0. Plain NumPy; targets come first.

The conventions are Keras 3's: (N,) and (N, 1) mean the same, a probability counts as 1 when it is
above the threshold, and of equal scores the first is the prediction.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.arguments import array_of
from ..errors import ShapeError
from .row_losses import class_labels, predictions, same_rank

Array = Any


def accuracy(y_true: Any, y_pred: Any) -> Array:
    """Tell where predictions equal targets."""
    t, p = same_rank(array_of(y_true), array_of(y_pred))
    _check("accuracy", t, p)
    return (t.astype(p.dtype) == p).astype(np.float32)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Array:
    """Tell where probabilities above the threshold meet targets of 1, others targets of 0."""
    t, p = same_rank(array_of(y_true), array_of(y_pred))
    _check("binary_accuracy", t, p)
    return (t == (p > threshold)).astype(np.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """Tell where the highest score is at the 1 of one-hot targets."""
    t, p = array_of(y_true), array_of(y_pred)
    _check("categorical_accuracy", t, p)
    return (t.argmax(-1) == p.argmax(-1)).astype(np.float32)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Array:
    """Tell where the highest score is at the class number."""
    p = predictions(y_pred)
    return (class_labels(y_true, p) == p._data.argmax(-1)).astype(np.float32)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Array:
    """Tell where the 1 of one-hot targets is among the k highest scores."""
    t, p = array_of(y_true), array_of(y_pred)
    _check("top_k_categorical_accuracy", t, p)
    return _in_top(t.argmax(-1), p, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Array:
    """Tell where the class number is among the k highest scores.

    from_sorted_ids: y_pred are class numbers already, the best first.
    """
    p = predictions(y_pred)
    labels = class_labels(y_true, p)
    if from_sorted_ids:
        return (labels[..., None] == p._data[..., :k]).any(-1).astype(np.float32)
    return _in_top(labels, p._data, k)


def _in_top(labels: Array, scores: Array, k: int) -> Array:
    mine = np.take_along_axis(scores, labels[..., None], -1)
    return ((scores > mine).sum(-1) < k).astype(np.float32)


def _check(metric: str, t: Array, p: Array) -> None:
    if t.shape != p.shape:
        raise ShapeError("loss_rows", loss=metric, y_true=t.shape, y_pred=p.shape)
