"""Losses with one value a row: what is trained on, and what is watched, by the same formula.

Each takes the targets and the predictions (N, ..., D) and gives the mean, or sum, over the last
axis: (N, ...). `weighting.py` then weighs the rows and brings them to one number. The conventions
are those of Keras 3: ε = 1e-7 keeps logarithms and divisors finite, targets take the predictions'
dtype, and (N,) against (N, 1) means the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.arguments import array_of
from ..autograd.functions import (
    abs,
    clip,
    log,
    log_softmax,
    logsumexp,
    maximum,
    mul,
    sigmoid,
    softmax,
    softplus,
    square,
    sub,
    sum,
    where,
)
from ..autograd.generate import op
from ..autograd.mode import any_of
from ..autograd.tensor import Tensor, get_default_dtype
from ..errors import LabelError, OptionError, ShapeError
from ..nn import functional
from ..vocabulary.primitives import getitem
from ..vocabulary.probability import binary_entropy

Array = Any
EPSILON = 1e-7
_entropy = op(binary_entropy)
_pick = op(getitem)


# ── targets and predictions ─────────────────────────────────────────────────────────────────────


def predictions(given: Any) -> Tensor:
    """Give predictions as a floating point Tensor; what is no Tensor takes the default dtype."""
    if isinstance(given, Tensor):
        return given if given._data.dtype.kind == "f" else given.to(get_default_dtype())
    array = np.asarray(given)
    return Tensor(array, get_default_dtype())


def targets(given: Any, like: Tensor) -> Any:
    """Give targets in the predictions' dtype: a plain array, or a Tensor if it has a gradient."""
    kind = like._data.dtype
    if isinstance(given, Tensor):
        if given._node is not None:
            return given.to(kind)
        given = given._data
    array = given if hasattr(given, "dtype") else np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise ShapeError("loss_ragged", given=array.shape)
    return array if array.dtype == kind else array.astype(kind)


def same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Bring (N, 1) and (N,), or (N, D, 1) and (N, D), to one number of axes."""
    for _ in range(2):
        if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
            if b.ndim == 1:
                b = b.reshape((*b.shape, 1))
            else:
                a = a.reshape(a.shape[:-1])
        a, b = b, a
    return a, b


def paired(loss: str, y_true: Any, y_pred: Any) -> tuple[Any, Tensor]:
    """Read targets and predictions of one shape.

    Targets may be of length 1 along an axis other than the first, and stand for all there.
    Raises ShapeError for shapes that do not fit.
    """
    p = predictions(y_pred)
    t = targets(y_true, p)
    if t.shape != p.shape:
        t, p = same_rank(t, p)
        if t.shape != p.shape and not _fits(t.shape, p.shape):
            raise ShapeError(
                "loss_rows", loss=loss, y_true=array_of(y_true).shape, y_pred=array_of(y_pred).shape
            )
    return t, p


def _fits(t: tuple[int, ...], p: tuple[int, ...]) -> bool:
    if math.prod(t) == 1:
        return True
    inner = all(n in (1, m) for n, m in zip(t[1:], p[1:], strict=False))
    return len(t) == len(p) and t[:1] == p[:1] and inner


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """Give the mean of (y_true − y_pred)² of each row."""
    t, p = paired("mean_squared_error", y_true, y_pred)
    return _mean(square(p - t))


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """Give the mean of |y_true − y_pred| of each row."""
    t, p = paired("mean_absolute_error", y_true, y_pred)
    return _mean(abs(p - t))


def mean_absolute_percentage_error(
    y_true: Any, y_pred: Any, epsilon: float = EPSILON
) -> Tensor:
    """Give 100 times the mean of |y_true − y_pred| / max(|y_true|, ε) of each row."""
    t, p = paired("mean_absolute_percentage_error", y_true, y_pred)
    return _mean(abs((p - t) / maximum(abs(t), epsilon))) * 100.0


def mean_squared_logarithmic_error(
    y_true: Any, y_pred: Any, epsilon: float = EPSILON
) -> Tensor:
    """Give the mean of (log(y_true + 1) − log(y_pred + 1))²; what is below ε counts as ε."""
    t, p = paired("mean_squared_logarithmic_error", y_true, y_pred)
    return _mean(square(log(maximum(p, epsilon) + 1.0) - log(maximum(t, epsilon) + 1.0)))


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Give the mean of d²/2 where |d| ≤ delta, else delta·(|d| − delta/2), d = y_pred − y_true.

    Source: P. Huber, Robust Estimation of a Location Parameter (1964).
    """
    t, p = paired("huber", y_true, y_pred)
    return _mean(functional.huber_loss(p, t, "none", delta))


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """Give the mean of log cosh(y_pred − y_true), as d + log(1 + e⁻²ᵈ) − log 2."""
    t, p = paired("log_cosh", y_true, y_pred)
    d = p - t
    return _mean(d + softplus(d * -2.0) - math.log(2.0))


def poisson(y_true: Any, y_pred: Any, epsilon: float = EPSILON) -> Tensor:
    """Give the mean of y_pred − y_true·log(y_pred + ε): rates, and the counts they stand for."""
    t, p = paired("poisson", y_true, y_pred)
    return _mean(p - mul(t, log(p + epsilon)))


def cosine_similarity(
    y_true: Any, y_pred: Any, axis: int = -1, epsilon: float = EPSILON
) -> Tensor:
    """Give the cosine of the angle between targets and predictions: 1 where they point alike."""
    t, p = paired("cosine_similarity", y_true, y_pred)
    t = functional.normalize(t, 2.0, axis, epsilon)
    return sum(functional.normalize(p, 2.0, axis, epsilon) * t, axis)


def _mean(values: Tensor) -> Tensor:
    return values.mean(-1) if values.ndim else values


# ── classes, by margin ──────────────────────────────────────────────────────────────────────────


def _signs(t: Any) -> Any:
    """Turn labels into −1 and 1 if all are 0 or 1; leave others."""
    values = array_of(t)
    is_binary = np.all((values == 0) | (values == 1)).astype(values.dtype)
    return t + (t - 1.0) * is_binary


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Give the mean of max(1 − y_true·y_pred, 0) for targets −1 and 1 (or 0 and 1)."""
    t, p = paired("hinge", y_true, y_pred)
    return _mean(maximum(1.0 - p * _signs(t), 0.0))


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Give the mean of max(1 − y_true·y_pred, 0)² for targets −1 and 1 (or 0 and 1)."""
    t, p = paired("squared_hinge", y_true, y_pred)
    return _mean(square(maximum(1.0 - p * _signs(t), 0.0)))


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Give max(largest score of a wrong class − score of the right one + 1, 0), targets one-hot."""
    t, p = paired("categorical_hinge", y_true, y_pred)
    right, wrong = (p * t).sum(-1), (p * (1.0 - t)).max(axis=-1)
    return maximum(wrong - right + 1.0, 0.0)


# ── classes, by probability ─────────────────────────────────────────────────────────────────────


def kl_divergence(y_true: Any, y_pred: Any, epsilon: float = EPSILON) -> Tensor:
    """Give Σ y_true·log(y_true / y_pred), both kept between ε and 1."""
    t, p = paired("kl_divergence", y_true, y_pred)
    t, p = clip(t, epsilon, 1.0), clip(p, epsilon, 1.0)
    return sum(t * log(t / p), -1)


def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0,
    axis: int = -1, epsilon: float = EPSILON,
) -> Tensor:
    """Give the mean of −t·log p − (1 − t)·log(1 − p), p kept between ε and 1 − ε.

    from_logits: y_pred is a score x, and p = σ(x).  label_smoothing: how far labels move to 1/2.
    """
    t, p = paired("binary_crossentropy", y_true, y_pred)
    return binary_elements(_softened(t, label_smoothing, 2), p, from_logits, epsilon).mean(axis)


def _softened(t: Any, smoothing: float, classes: int) -> Any:
    if not 0.0 <= smoothing <= 1.0:
        raise OptionError("label_smoothing", given=smoothing)
    return t * (1.0 - smoothing) + smoothing / classes if smoothing else t


def binary_elements(t: Any, p: Tensor, from_logits: bool, epsilon: float) -> Tensor:
    """Give −t·log p − (1 − t)·log(1 − p) of each element, t and p of one shape."""
    if from_logits:
        return functional.binary_cross_entropy_with_logits(p, t, reduction="none")
    return _entropy(clip(p, epsilon, 1.0 - epsilon), t)


def binary_focal_crossentropy(
    y_true: Any, y_pred: Any, apply_class_balancing: bool = False, alpha: float = 0.25,
    gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
    epsilon: float = EPSILON,
) -> Tensor:
    """Give the binary cross-entropy times (1 − p of the right class)^gamma.

    apply_class_balancing: weigh ones by alpha, zeros by 1 − alpha.
    Source: T.-Y. Lin et al., Focal Loss for Dense Object Detection (2017).
    """
    t, p = paired("binary_focal_crossentropy", y_true, y_pred)
    t = _softened(t, label_smoothing, 2)
    p = sigmoid(p) if from_logits else p
    right = p * t + (1.0 - p) * (1.0 - t)
    losses = (1.0 - right) ** gamma * binary_elements(t, p, False, epsilon)
    if apply_class_balancing:
        losses = losses * (t * alpha + (1.0 - t) * (1.0 - alpha))
    return losses.mean(axis)  # type: ignore[no-any-return]


def _log_probabilities(p: Tensor, from_logits: bool, axis: int, epsilon: float) -> Tensor:
    if from_logits:
        return log_softmax(p, axis)
    return log(clip(p / p.sum(axis, keepdims=True), epsilon, 1.0 - epsilon))


def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0,
    axis: int = -1, epsilon: float = EPSILON,
) -> Tensor:
    """Give −Σ t·log p over the classes; t one-hot, or probabilities.

    y_pred: probabilities, divided by their sum and kept between ε and 1 − ε; or with from_logits
    scores, whose softmax is p.  label_smoothing: how much of each label is spread over all.
    """
    t, p = _distributions("categorical_crossentropy", y_true, y_pred)
    t = _softened(t, label_smoothing, t.shape[-1])
    return -sum(_log_probabilities(p, from_logits, axis, epsilon) * t, axis)


def categorical_focal_crossentropy(
    y_true: Any, y_pred: Any, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False,
    label_smoothing: float = 0.0, axis: int = -1, epsilon: float = EPSILON,
) -> Tensor:
    """Give the categorical cross-entropy with each class's term times alpha·(1 − p)^gamma.

    alpha: a number, or one for each class.
    """
    t, p = _distributions("categorical_focal_crossentropy", y_true, y_pred)
    t = _softened(t, label_smoothing, t.shape[-1])
    p = softmax(p, axis) if from_logits else p
    p = clip(p / p.sum(axis, keepdims=True), epsilon, 1.0 - epsilon)
    weight = alpha if isinstance(alpha, (int, float)) else targets(alpha, p)
    return -sum((1.0 - p) ** gamma * weight * (log(p) * t), axis)


def _distributions(loss: str, y_true: Any, y_pred: Any) -> tuple[Any, Tensor]:
    """Read targets and predictions, and refuse class numbers where one-hot targets are meant."""
    p = predictions(y_pred)
    t = targets(y_true, p)
    if t.shape != p.shape:
        raise ShapeError("loss_not_one_hot", loss=loss, y_true=t.shape, y_pred=p.shape)
    return t, p


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None,
    axis: int = -1, epsilon: float = EPSILON,
) -> Tensor:
    """Give −log p at the labels y_true: whole numbers from 0 to K − 1, (N, ...) or (N, ..., 1).

    y_pred: as in categorical_crossentropy, the classes along `axis`.
    ignore_class: a label whose rows count nothing (see `counted`).
    Raises ShapeError where the labels' shape does not fit, LabelError for a label outside.
    """
    p = predictions(y_pred)
    if axis not in (-1, p.ndim - 1):
        p = p.moveaxis(axis, -1)
    labels = class_labels(y_true, p, axis)
    if ignore_class is not None:
        valid = labels != ignore_class
        labels = np.where(valid, labels, 0)
        p = where(valid[..., None], p, 1.0)  # of a row that does not count, no gradient
    _check_range(labels, p.shape[-1])
    if from_logits:
        losses = -_picked(log_softmax(p, -1), labels)
    else:  # only the probabilities at the labels need a logarithm
        losses = -log(clip(_picked(p, labels) / p.sum(-1), epsilon, 1.0 - epsilon))
    return losses if ignore_class is None else where(valid, losses, 0.0)


def _picked(rows: Tensor, labels: Array) -> Tensor:
    """Give the value of each row (..., K) at its label (...)."""
    if rows.ndim != 2:
        flat = rows.reshape((-1, rows.shape[-1]))
        return _picked(flat, labels.reshape(-1)).reshape(labels.shape)
    return _pick(rows, (np.arange(labels.size), labels))


def class_labels(y_true: Any, p: Tensor, axis: int = -1) -> Array:
    """Read labels for predictions (..., K) as whole numbers of shape (...).

    Raises ShapeError for another shape, LabelError for a label that is not whole.
    """
    given = array_of(y_true)
    labels = given
    if labels.ndim == p.ndim and labels.shape[axis] == 1:
        at = axis % labels.ndim
        labels = labels.reshape((*labels.shape[:at], *labels.shape[at + 1 :]))
    if labels.shape != p.shape[:-1]:
        key = "loss_one_hot" if labels.shape == p.shape else "loss_labels"
        raise ShapeError(key, y_true=given.shape, y_pred=p.shape, wanted=p.shape[:-1])
    if labels.dtype.kind in "iu":
        return labels if labels.dtype == np.int64 else labels.astype(np.int64)
    whole = labels.astype(np.int64)
    if any_of(whole != labels):
        place = tuple(map(int, np.argwhere(whole != labels)[0]))
        raise LabelError("loss_label_not_whole", label=float(labels[place]), place=place)
    return whole


def _check_range(labels: Array, classes: int) -> None:
    if any_of((labels < 0) | (labels >= classes)):
        place = tuple(map(int, np.argwhere((labels < 0) | (labels >= classes))[0]))
        raise LabelError(
            "label_range", label=int(labels[place]), place=place[0] if len(place) == 1 else place,
            classes=classes,
        )


def counted(y_true: Any, y_pred: Any, ignore_class: int, axis: int = -1) -> Array:
    """Tell which rows count: those whose label is not `ignore_class`."""
    p = predictions(y_pred)
    p = p if axis in (-1, p.ndim - 1) else p.moveaxis(axis, -1)
    return class_labels(y_true, p, axis) != ignore_class


def generalized_crossentropy(y_true: Any, y_pred: Any, q: float = 0.5) -> Tensor:
    """Give (1 − p^q)/q of the probability p at the labels: between cross-entropy and |1 − p|.

    Source: Z. Zhang, M. Sabuncu, Generalized Cross Entropy Loss (2018).
    """
    p = predictions(y_pred)
    labels = class_labels(y_true, p)
    _check_range(labels, p.shape[-1])
    return sub(1.0, _picked(p, labels) ** q) / q


# ── overlap ─────────────────────────────────────────────────────────────────────────────────────


def dice(y_true: Any, y_pred: Any, axis: Any = None, epsilon: float = EPSILON) -> Tensor:
    """Give 1 − 2·Σ t·p / (Σ t + Σ p + ε) over all elements, or along axes."""
    t, p = paired("dice", y_true, y_pred)
    total = sum(t, axis) + p.sum(axis) + epsilon
    return 1.0 - (p * t).sum(axis) * 2.0 / total  # type: ignore[no-any-return]


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None,
    epsilon: float = EPSILON,
) -> Tensor:
    """Give 1 − Σ t·p / (Σ t·p + alpha·Σ t·(1 − p) + beta·Σ (1 − t)·p + ε).

    Source: S. Salehi et al., Tversky loss function for image segmentation (2017).
    """
    t, p = paired("tversky", y_true, y_pred)
    common = (p * t).sum(axis)
    missed, extra = ((1.0 - p) * t).sum(axis), (p * (1.0 - t)).sum(axis)
    return 1.0 - common / (common + missed * alpha + extra * beta + epsilon)  # type: ignore[no-any-return]


# ── embeddings ──────────────────────────────────────────────────────────────────────────────────


def circle(
    y_true: Any, y_pred: Any, ref_labels: Any = None, ref_embeddings: Any = None,
    remove_diagonal: bool = True, gamma: float = 80.0, margin: float = 0.4,
) -> Tensor:
    """Give log(1 + Σ e^… Σ e^…) of unit vectors (N, D): alike within a class, apart between them.

    y_true: class numbers (N,).  ref_labels, ref_embeddings: what to compare with; the batch itself
    unless given, then with remove_diagonal not each with itself.
    Source: Y. Sun et al., Circle Loss: A Unified Perspective of Pair Similarity (2020).
    """
    p = predictions(y_pred)
    refs = p if ref_embeddings is None else predictions(ref_embeddings)
    labels = array_of(y_true).reshape(-1)
    others = labels if ref_labels is None else array_of(ref_labels).reshape(-1)
    distances = maximum(1.0 - p @ refs.T, 0.0)
    same = labels[:, None] == others
    near, far = same & (np.eye(len(labels), len(others)) == 0) if remove_diagonal else same, ~same
    pull = (distances + margin) * (distances - margin) * gamma
    push = maximum(1.0 + margin - distances, 0.0) * ((1.0 - margin) - distances) * gamma
    never = -1e9  # of a row without such pairs, the loss is 0
    return softplus(
        logsumexp(where(near, pull, never), 1) + logsumexp(where(far, push, never), 1)
    )
