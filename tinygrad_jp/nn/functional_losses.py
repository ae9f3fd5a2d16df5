"""Losses of numbers, probabilities and embeddings as functions; labels: `functional_labels`.

Each takes a reduction: "mean", "sum", or "none" for one value per element (or row).
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.apply import wrap
from ..autograd.arguments import array_of as constant
from ..autograd.arguments import tensor_of as tensor
from ..autograd.functions import clip, exp, log, maximum, minimum, sqrt, where
from ..autograd.generate import op
from ..autograd.node import Node
from ..autograd.tensor import Tensor
from ..errors import OptionError, ShapeError, warn
from ..vocabulary import activations, layers
from ..vocabulary.probability import binary_entropy

_mse = op(layers.mse)
_log_sigmoid = op(activations.log_sigmoid)
_binary_entropy = op(binary_entropy)
_warned: set[tuple[str, str, int]] = set()


def reduced(values: Tensor, reduction: str) -> Tensor:
    """Take the mean or the sum of a loss's values, or leave them."""
    if reduction == "mean":
        return values.mean()
    if reduction == "sum":
        return values.sum()
    if reduction == "none":
        return values
    raise OptionError("reduction", given=reduction, choices="'mean', 'sum', 'none'")


def warn_once(key: str) -> None:
    """Warn, once for each line of the user's that leads here."""
    depth, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_PACKAGE):
        depth, frame = depth + 1, frame.f_back
    place = (key, frame.f_code.co_filename, frame.f_lineno)
    if place not in _warned:
        _warned.add(place)
        warn(key, stacklevel=depth + 2)


_PACKAGE = __name__.partition(".")[0] + "."


def made_by(x: Any, fn: Any) -> bool:
    """Tell whether a Tensor is the result of an operation."""
    node = getattr(x, "_node", None)
    return type(node) is Node and node.plan.rule.fn is fn


def pair(loss: str, input: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Check the shapes of a prediction and its target; integers become floats.

    A target may broadcast to the prediction's shape along axes of length 1, or be one number;
    (N, 1) against (N,), which would give (N, N), is refused.
    """
    a, b = tensor(input), tensor(target)
    if a._data.shape != b._data.shape:
        _check_pair(loss, a._data.shape, b._data.shape)
    if a._data.dtype.kind != "f":
        a = a.float()
    if b._data.dtype.kind != "f":
        b = wrap(b._data.astype(a._data.dtype))
    return a, b


def _check_pair(loss: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    if math.prod(b) == 1 or (len(a) == len(b) and _broadcasts(b, a)):
        return
    facts = {"loss": loss, "input": a, "target": b}
    if a == (*b, 1):
        raise ShapeError("loss_shapes_squeeze", **facts)
    if b == (*a, 1):
        raise ShapeError("loss_shapes_unsqueeze", **facts)
    raise ShapeError("loss_shapes", **facts)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return all(n in (1, m) for n, m in zip(shape, to, strict=True))


# ── regression ──────────────────────────────────────────────────────────────────────────────────


def mse_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Give the mean of (input − target)².

    weight: factors of the elements; their mean is weighted by them.
    Raises ShapeError unless both have one shape.
    """
    if reduction == "mean" and weight is None:
        kind = type(target)
        if isinstance(input, Tensor) and (kind is ndarray or isinstance(target, Tensor)):
            other = target if kind is ndarray else target._data
            mine = input._data
            if mine.shape == other.shape and mine.dtype is other.dtype:
                return _mse(input, target)
        a, b = pair("mse_loss", input, target)
        if a._data.shape == b._data.shape:
            return _mse(a, b)
        return reduced(_squared(a - b), reduction)
    a, b = pair("mse_loss", input, target)
    return _weighted(_squared(a - b), weight, reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """Give the mean of |input − target|."""
    a, b = pair("l1_loss", input, target)
    return _weighted(abs(a - b), weight, reduction)


def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Tensor:
    """Give d²/2 where |d| ≤ delta, else delta·(|d| − delta/2), for d = input − target."""
    if not delta > 0:
        raise OptionError("not_positive", loss="huber_loss", name="delta", given=delta)
    a, b = pair("huber_loss", input, target)
    return _weighted(_huber(a - b, delta), weight, reduction)


def smooth_l1_loss(
    input: Any, target: Any, reduction: str = "mean", beta: float = 1.0
) -> Tensor:
    """Give d²/(2·beta) where |d| < beta, else |d| − beta/2, for d = input − target."""
    if beta < 0:
        raise OptionError("not_positive", loss="smooth_l1_loss", name="beta", given=beta)
    a, b = pair("smooth_l1_loss", input, target)
    if beta == 0:
        return reduced(abs(a - b), reduction)
    return reduced(_huber(a - b, beta) * (1 / beta), reduction)


def _squared(d: Tensor) -> Tensor:
    return d * d


def _huber(d: Tensor, delta: float) -> Tensor:
    near = clip(d, -delta, delta)  # with c the clipped d: c·(d − c/2), which is both branches
    return near * (d - near * 0.5)


def _weighted(values: Tensor, weight: Any, reduction: str) -> Tensor:
    if weight is None:
        return reduced(values, reduction)
    w = tensor(weight)
    values = values * w
    if reduction != "mean":
        return reduced(values, reduction)
    return values.sum() / (w.sum() * (values._data.size / w._data.size))  # type: ignore[no-any-return]


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """Give the negative log likelihood of counts: eˣ − t·x, or x − t·log x where not log_input.

    full: add Stirling's approximation of log t!, for t > 1.
    """
    a, t = pair("poisson_nll_loss", input, target)
    values = exp(a) - t * a if log_input else a - t * log(a + eps)
    if full:
        above = where(t._data > 1, t, 1.0)
        stirling = above * log(above) - above + log(above * (2 * math.pi)) * 0.5
        values = values + where(t._data > 1, stirling, 0.0)
    return reduced(values, reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Give the negative log likelihood of targets under means `input` and variances `var`.

    var: of input's shape, or with a last axis of 1 or none (one variance a row), or a number.
    """
    a, t = pair("gaussian_nll_loss", input, target)
    v = tensor(var)
    if v.shape == a.shape[:-1] and v.ndim:
        v = v.reshape((*v.shape, 1))
    elif v.ndim and not (v.ndim == a.ndim and _broadcasts(v.shape, a.shape)):
        raise ShapeError("loss_shapes", loss="gaussian_nll_loss", input=a.shape, target=v.shape)
    if (v._data < 0).any():
        raise OptionError("negative_variance", given=float(v._data.min()))
    floor = np.maximum(v._data, eps).astype(v._data.dtype)
    v = v + (floor - v._data)  # torch clamps the value and lets the gradient through
    values = (log(v) + _squared(a - t) / v) * 0.5
    if full:
        values = values + 0.5 * math.log(2 * math.pi)
    return reduced(values, reduction)


# ── probabilities ───────────────────────────────────────────────────────────────────────────────


def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean"
) -> Tensor:
    """Give −t·log p − (1 − t)·log(1 − p), each logarithm at least −100.

    input: probabilities p, as sigmoid gives them. Raises OptionError for one outside [0, 1].
    """
    p, t = pair("binary_cross_entropy", input, target)
    values = p._data
    if values.size and (values.min() < 0 or values.max() > 1):
        place = np.argwhere((values < 0) | (values > 1))[0]
        raise OptionError(
            "not_probability", given=float(values[tuple(place)]), place=tuple(map(int, place))
        )
    losses = _binary_entropy(p, t)
    return reduced(losses if weight is None else losses * tensor(weight), reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """Give −t·log σ(x) − (1 − t)·log(1 − σ(x)) of logits x, safe for large |x|.

    pos_weight: a factor for the positive part, broadcast over the last axes.
    """
    if made_by(input, activations.sigmoid):
        warn_once("sigmoid_before")
    x, t = pair("binary_cross_entropy_with_logits", input, target)
    if pos_weight is None:
        losses = (1 - t) * x - _log_sigmoid(x)
    else:
        losses = (1 - t) * x - (1 + (tensor(pos_weight) - 1) * t) * _log_sigmoid(x)
    return reduced(losses if weight is None else losses * tensor(weight), reduction)


def kl_div(
    input: Any, target: Any, reduction: str = "mean", log_target: bool = False
) -> Tensor:
    """Give t·(log t − input) for log-probabilities `input` and probabilities t.

    reduction: also "batchmean", the sum over the batch's length, which is the divergence itself.
    log_target: whether t is given as its logarithm.
    """
    a, t = pair("kl_div", input, target)
    if log_target:
        values = exp(t) * (t - a)
    else:
        positive = t._data > 0
        safe = where(positive, t, 1.0)  # 0·log 0 is 0, and has no gradient
        values = where(positive, t * log(safe), 0.0) - t * a
    if reduction == "batchmean":
        return values.sum() / (a.shape[0] if a.ndim else 1)
    return reduced(values, reduction)


# ── embeddings and rankings ─────────────────────────────────────────────────────────────────────


def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Give 1 − cos for pairs with target 1, max(0, cos − margin) for those with −1.

    input1, input2: (N, D) or (D,).  target: 1 or −1, (N,) or a scalar.
    """
    a, b = pair("cosine_embedding_loss", input1, input2)
    axis = 0 if a.ndim == 1 else 1
    t = constant(target)
    if t.shape != a.shape[:axis]:
        raise ShapeError(
            "loss_shapes", loss="cosine_embedding_loss", input=a.shape, target=t.shape
        )
    tiny = 1e-12  # PyTorch's, inside the root
    cos = (a * b).sum(axis) / sqrt(
        ((a * a).sum(axis) + tiny) * ((b * b).sum(axis) + tiny)
    )
    apart = maximum(cos - margin, 0)
    return reduced(where(t == 1, 1 - cos, where(t == -1, apart, 0.0)), reduction)


def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Give max(0, −t·(x₁ − x₂) + margin): t = 1 where x₁ should be the larger, else −1."""
    a, b = pair("margin_ranking_loss", input1, input2)
    _, t = pair("margin_ranking_loss", a, target)
    return reduced(maximum(-t * (a - b) + margin, 0), reduction)


def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """Give x where the target is 1, max(0, margin − x) where it is −1."""
    a, t = pair("hinge_embedding_loss", input, target)
    sign = t._data
    return reduced(
        where(sign == 1, a, where(sign == -1, maximum(margin - a, 0), 0.0)), reduction
    )


def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Give log(1 + e^(−t·x)) for targets 1 and −1."""
    a, t = pair("soft_margin_loss", input, target)
    return reduced(-_log_sigmoid(t * a), reduction)


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0,
    eps: float = 1e-6, swap: bool = False, reduction: str = "mean",
) -> Tensor:
    """Give max(0, |a − p| − |a − n| + margin) by the p-norm along the last axis.

    swap: take the distance of positive and negative where that is the smaller.
    """
    from .functional import pairwise_distance

    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(maximum(near - far + margin, 0), reduction)
