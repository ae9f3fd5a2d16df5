"""Layers and losses as functions of their inputs and weights, under PyTorch's names.

Activations are the package's own functions; losses and normalisations have a file each.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.apply import wrap
from ..autograd.arguments import array_of as constant
from ..autograd.arguments import tensor_of as tensor
from ..autograd.functions import (
    celu,
    einsum,
    elu,
    flatten,
    gelu,
    glu,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_softmax,
    logsigmoid,
    maximum,
    mish,
    one_hot,
    prelu,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold,
    unflatten,
    where,
)
from ..autograd.generate import op
from ..autograd.random import generator
from ..autograd.tensor import Tensor
from ..errors import DTypeError, LabelError, OptionError, ShapeError
from ..vocabulary import layers
from ..vocabulary.primitives import getitem
from .functional_labels import cross_entropy, nll_loss
from .functional_losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    gaussian_nll_loss,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    poisson_nll_loss,
    smooth_l1_loss,
    soft_margin_loss,
    triplet_margin_loss,
)
from .functional_norms import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)

__all__ = [
    "alpha_dropout", "batch_norm", "bilinear", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "celu", "cosine_embedding_loss", "cosine_similarity",
    "cross_entropy", "dropout", "dropout1d", "dropout2d", "elu", "embedding", "flatten",
    "gaussian_nll_loss", "gelu", "glu", "group_norm", "gumbel_softmax", "hardshrink",
    "hardsigmoid", "hardswish", "hardtanh", "hinge_embedding_loss", "huber_loss",
    "instance_norm", "kl_div", "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax",
    "logsigmoid", "margin_ranking_loss", "mish", "mse_loss", "nll_loss", "normalize", "one_hot",
    "pad", "pairwise_distance", "poisson_nll_loss", "prelu", "relu", "relu6", "rms_norm",
    "rrelu", "selu", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold",
    "triplet_margin_loss", "unflatten",
]

_linear = op(layers.linear)
_pick = op(getitem)


# ── linear maps and tables ──────────────────────────────────────────────────────────────────────


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """Give x·Wᵀ + b for x (..., D), W (M, D) and b (M,) or None."""
    return _linear(input, weight, bias)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Tensor:
    """Give x₁ᵀ·W·x₂ + b for x₁ (..., I), x₂ (..., J), W (M, I, J) and b (M,) or None."""
    y = einsum("...i,mij,...j->...m", input1, weight, input2)
    return y if bias is None else y + bias


def embedding(input: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """Give the rows of weight (V, D) at integers of any shape (...): (..., D).

    padding_idx: a row that gets no gradient. Raises LabelError for an index outside 0 to V − 1,
    DTypeError for one that is no integer.
    """
    index = constant(input)
    table = tensor(weight)
    if index.dtype.kind not in "iu":
        raise DTypeError("embedding_dtype", dtype=index.dtype)
    rows = table.shape[0]
    if index.size and (index.min() < 0 or index.max() >= rows):
        place = tuple(map(int, np.argwhere((index < 0) | (index >= rows))[0]))
        raise LabelError("embedding_index", index=int(index[place]), place=place, rows=rows)
    y = _pick(table, index.copy())
    if padding_idx is None:
        return y
    padding = (index == padding_idx % rows)[..., None]
    return where(padding, y.detach(), y)  # type: ignore[no-any-return]


# ── activations that only networks use ──────────────────────────────────────────────────────────


def rrelu(
    input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False
) -> Tensor:
    """Give x where x ≥ 0, else x times a slope drawn from [lower, upper], or their mean."""
    x = tensor(input)
    if not training:
        return leaky_relu(x, (lower + upper) / 2)
    slope = generator().uniform(lower, upper, x.shape).astype(x.dtype)
    return x * wrap(np.where(x._data >= 0, np.ones_like(slope), slope))  # type: ignore[no-any-return]


def gumbel_softmax(
    logits: Any, tau: float = 1.0, hard: bool = False, dim: int = -1
) -> Tensor:
    """Draw from the categorical distribution of logits, softened by tau so that it has a slope.

    hard: give one-hot vectors, with the soft draw's gradient.
    Source: E. Jang et al., Categorical Reparameterization with Gumbel-Softmax (2017).
    """
    z = tensor(logits)
    noise = generator().gumbel(size=z.shape).astype(z.dtype)
    soft = softmax((z + wrap(noise)) / tau, dim)
    if not hard:
        return soft
    one = np.zeros_like(soft._data)
    np.put_along_axis(one, np.expand_dims(soft._data.argmax(dim), dim), 1, dim)
    return soft + wrap(one - soft._data)  # type: ignore[no-any-return]


# ── dropout ─────────────────────────────────────────────────────────────────────────────────────


def probability(p: float) -> float:
    """Check a probability. Raises OptionError unless 0 ≤ p ≤ 1."""
    if not 0.0 <= p <= 1.0:
        raise OptionError("dropout_p", given=p)
    return p


def _kept(shape: tuple[int, ...], p: float, dtype: Any) -> Any:
    """Draw 1 with probability 1 − p, else 0."""
    return (generator().random(shape, np.float32) >= p).astype(dtype)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability p and scale the rest by 1/(1 − p), while training."""
    return _drop(tensor(input), p, training, None)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L) with probability p, while training."""
    return _drop(tensor(input), p, training, 1)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, H, W) or (C, H, W) with probability p, while training."""
    return _drop(tensor(input), p, training, 2)


def _drop(x: Tensor, p: float, training: bool, space: int | None) -> Tensor:
    probability(p)
    if not training or p == 0.0:
        return x
    shape = x.shape
    if space is not None:
        if len(shape) not in (space + 1, space + 2):
            raise ShapeError("dropout_channels", given=shape, space=space)
        shape = shape[: len(shape) - space] + (1,) * space
    mask = _kept(shape, p, x.dtype)
    if p < 1.0:
        mask *= 1 / (1 - p)
    return x * wrap(mask)  # type: ignore[no-any-return]


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False) -> Tensor:
    """Leave elements out so that mean 0 and variance 1 stay, for networks of SELU.

    Source: G. Klambauer et al., Self-Normalizing Neural Networks (2017).
    """
    x = tensor(input)
    probability(p)
    if not training or p == 0.0:
        return x
    if p == 1.0:
        return x * 0.0
    low = -1.7580993408473766  # SELU's limit −λα, where a unit is off
    scale = 1 / math.sqrt((1 - p) * (1 + p * low * low))
    kept = _kept(x.shape, p, x.dtype)
    shift = (1 - kept) * (low * scale) - low * p * scale
    return x * wrap(kept * scale) + wrap(shift.astype(x.dtype))  # type: ignore[no-any-return]


# ── distances, and changes of shape ─────────────────────────────────────────────────────────────


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """Divide by the p-norm along an axis, or by eps where the norm is less."""
    x = tensor(input)
    return x / maximum(x.norm(p, dim, True), eps)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Give x₁·x₂ / (max(‖x₁‖, eps)·max(‖x₂‖, eps)) along an axis."""
    a, b = tensor(x1), tensor(x2)
    lengths = maximum(a.norm(2, dim), eps) * maximum(b.norm(2, dim), eps)
    return (a * b).sum(dim) / lengths


def pairwise_distance(
    x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Give the p-norm of x₁ − x₂ + eps along the last axis."""
    return (tensor(x1) - tensor(x2) + eps).norm(p, -1, keepdim)


def pad(input: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """Widen axes, the last one first: pad = (left, right, top, bottom, ...).

    mode: "constant" (with `value`, 0 if None), "reflect", "replicate" or "circular". A negative
    width cuts off. Raises OptionError for another mode, ShapeError for more pairs than axes.
    """
    x = tensor(input)
    if mode not in _PAD_MODES:
        raise OptionError("pad_mode", given=mode, known=", ".join(_PAD_MODES))
    if len(pad) % 2 or len(pad) // 2 > x.ndim:
        raise ShapeError("pad_pairs", given=x.shape, pad=tuple(pad))
    widths = [(0, 0)] * x.ndim
    for i in range(len(pad) // 2):
        widths[x.ndim - 1 - i] = (int(pad[2 * i]), int(pad[2 * i + 1]))
    cut = tuple(
        slice(max(-before, 0), n - max(-after, 0))
        for n, (before, after) in zip(x.shape, widths, strict=True)
    )
    if any(min(pair) < 0 for pair in widths):
        x = x[cut]
    wider = [(max(before, 0), max(after, 0)) for before, after in widths]
    if mode == "constant":
        return np.pad(x, wider, constant_values=0 if value is None else value)  # type: ignore[return-value]
    for axis, pair in enumerate(wider):
        if pair != (0, 0):
            places = np.pad(np.arange(x.shape[axis]), pair, mode=_PAD_MODES[mode])  # type: ignore[call-overload]
            x = x.take(places, axis)
    return x


_PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
