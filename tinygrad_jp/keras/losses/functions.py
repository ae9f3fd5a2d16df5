"""Losses as functions of targets and predictions: one value a row.

The formulas are `train.row_losses`'; here they have Keras's names, and its ε.
"""

from __future__ import annotations

from typing import Any

from ...autograd.tensor import Tensor
from ...errors import ArgumentError
from ...train import row_losses as rows
from ..config import epsilon

mean_squared_error = rows.mean_squared_error
mean_absolute_error = rows.mean_absolute_error
huber = rows.huber
log_cosh = rows.log_cosh
hinge = rows.hinge
squared_hinge = rows.squared_hinge
categorical_hinge = rows.categorical_hinge


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """Give 100 times the mean of |y_true − y_pred| / |y_true| of each row."""
    return rows.mean_absolute_percentage_error(y_true, y_pred, epsilon())


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """Give the mean of (log(y_true + 1) − log(y_pred + 1))² of each row."""
    return rows.mean_squared_logarithmic_error(y_true, y_pred, epsilon())


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """Give the mean of y_pred − y_true·log y_pred of each row."""
    return rows.poisson(y_true, y_pred, epsilon())


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Give minus the cosine of the angle between the rows: −1 where they point alike."""
    return -rows.cosine_similarity(y_true, y_pred, axis, epsilon())


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Give Σ y_true·log(y_true / y_pred) of each row."""
    return rows.kl_divergence(y_true, y_pred, epsilon())


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Give the mean of −t·log p − (1 − t)·log(1 − p) of each row (see train.row_losses)."""
    return rows.binary_crossentropy(
        y_true, y_pred, from_logits, label_smoothing, _axis(axis), epsilon()
    )


def binary_focal_crossentropy(
    y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25,
    gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:
    """Give the binary cross-entropy times (1 − p of the right class)^gamma."""
    return rows.binary_focal_crossentropy(
        y_true, y_pred, apply_class_balancing, alpha, gamma, from_logits, label_smoothing,
        _axis(axis), epsilon(),
    )


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """Give −Σ t·log p over the classes; t one-hot, or probabilities."""
    return rows.categorical_crossentropy(
        y_true, y_pred, from_logits, label_smoothing, _axis(axis), epsilon()
    )


def categorical_focal_crossentropy(
    y_true: Any, y_pred: Any, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False,
    label_smoothing: float = 0.0, axis: int = -1,
) -> Tensor:
    """Give the categorical cross-entropy, each class's term times alpha·(1 − p)^gamma."""
    return rows.categorical_focal_crossentropy(
        y_true, y_pred, alpha, gamma, from_logits, label_smoothing, _axis(axis), epsilon()
    )


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """Give −log p at the class numbers y_true."""
    return rows.sparse_categorical_crossentropy(
        y_true, y_pred, from_logits, ignore_class, axis, epsilon()
    )


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """Give (1 − p^q)/q of the probability p at the class numbers y_true; 0 < q < 1."""
    return rows.generalized_crossentropy(y_true, y_pred, q)


def circle(
    y_true: Any, y_pred: Any, ref_labels: Any = None, ref_embeddings: Any = None,
    remove_diagonal: bool = True, gamma: float = 80, margin: float = 0.4,
) -> Tensor:
    """Pull unit vectors of one class together and push those of others away."""
    return rows.circle(
        y_true, y_pred, ref_labels, ref_embeddings, remove_diagonal, gamma, margin
    )


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Tensor:
    """Give 1 − 2·Σ t·p / (Σ t + Σ p)."""
    return rows.dice(y_true, y_pred, axis, epsilon())


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Tensor:
    """Give 1 − Σ t·p / (Σ t·p + alpha·Σ t·(1 − p) + beta·Σ (1 − t)·p)."""
    return rows.tversky(y_true, y_pred, alpha, beta, axis, epsilon())


def _axis(axis: Any) -> int:
    if isinstance(axis, bool):  # what used to be from_logits, by position
        raise ArgumentError("one_dim", op="loss", given=axis)
    return int(axis)
