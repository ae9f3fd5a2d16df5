"""Functions of networks: activations, one-hot, cross-entropies, normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.arguments import array_of, constant, tensor_of
from ...autograd.tensor import Tensor
from ...nn import functional
from ...train import row_losses as rows
from .. import activations
from ..activations import celu as celu
from ..activations import elu as elu
from ..activations import glu as glu
from ..activations import hard_shrink as hard_shrink
from ..activations import hard_sigmoid as hard_sigmoid
from ..activations import hard_silu as hard_silu
from ..activations import hard_swish as hard_swish
from ..activations import hard_tanh as hard_tanh
from ..activations import leaky_relu as leaky_relu
from ..activations import log_sigmoid as log_sigmoid
from ..activations import log_softmax as log_softmax
from ..activations import mish as mish
from ..activations import relu6 as relu6
from ..activations import selu as selu
from ..activations import sigmoid as sigmoid
from ..activations import silu as silu
from ..activations import soft_shrink as soft_shrink
from ..activations import softmax as softmax
from ..activations import softplus as softplus
from ..activations import softsign as softsign
from ..activations import sparse_plus as sparse_plus
from ..activations import sparse_sigmoid as sparse_sigmoid
from ..activations import sparsemax as sparsemax
from ..activations import squareplus as squareplus
from ..activations import swish as swish
from ..activations import tanh as tanh
from ..activations import tanh_shrink as tanh_shrink
from ..activations import threshold as threshold
from ..config import epsilon as default_epsilon
from ..config import standardize_dtype
from ..symbolic import recordable


@recordable
def relu(x: Any) -> Tensor:
    """Give x where x > 0, else 0."""
    return activations.relu(x)


@recordable
def gelu(x: Any, approximate: bool = True) -> Tensor:
    """Give x·Φ(x), by tanh unless approximate is False."""
    return activations.gelu(x, approximate)


@recordable
def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Tensor:
    """Give 1 at each class number and 0 elsewhere, the classes along a new axis.

    A number outside 0 … num_classes − 1 gives zeros, as in Keras.
    """
    numbers = array_of(x).astype(np.int64)
    kind = np.dtype(standardize_dtype(dtype))
    table = (numbers[..., None] == np.arange(num_classes)).astype(kind)
    return constant(np.moveaxis(table, -1, axis))


@recordable
def multi_hot(
    inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Tensor:
    """Give 1 at each of the class numbers of a row (..., n), 0 elsewhere: (..., num_classes)."""
    return constant(array_of(one_hot(inputs, num_classes, -1, dtype)).max(-2))


@recordable
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Give −t·log p − (1 − t)·log(1 − p) of each element."""
    t, p = rows.paired("binary_crossentropy", target, output)
    t, p = (a.reshape((*p.shape, 1)) for a in (t, p))
    return rows.binary_crossentropy(t, p, from_logits, epsilon=default_epsilon())


@recordable
def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Give −Σ t·log p over the classes."""
    return rows.categorical_crossentropy(
        target, output, from_logits, 0.0, axis, default_epsilon()
    )


@recordable
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Tensor:
    """Give −log p at the class numbers."""
    return rows.sparse_categorical_crossentropy(
        target, output, from_logits, None, axis, default_epsilon()
    )


@recordable
def normalize(x: Any, axis: int = -1, order: float = 2, epsilon: float | None = None) -> Tensor:
    """Divide by the norm along an axis, or by epsilon where the norm is less."""
    floor = default_epsilon() if epsilon is None else epsilon
    return functional.normalize(x, float(order), axis, floor)


@recordable
def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Give the mean and the variance Σ(x − mean)²/n along axes."""
    x = tensor_of(x)
    axes = tuple(axes) if isinstance(axes, (tuple, list)) else axes
    return x.mean(axes, keepdims=keepdims), x.var(axes, keepdims=keepdims, correction=0)


@recordable
def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Tensor:
    """Standardize along axes, then scale by gamma and shift by beta."""
    x = tensor_of(x)
    mean, variance = moments(x, axis, keepdims=True)
    floor = default_epsilon() if epsilon is None else epsilon
    return _scaled((x - mean) / (variance + floor).sqrt(), gamma, beta)


@recordable
def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Tensor:
    """Divide by the root mean square along axes, then scale."""
    x = tensor_of(x)
    floor = default_epsilon() if epsilon is None else epsilon
    return _scaled(x / (x.square().mean(axis, keepdims=True) + floor).sqrt(), scale, None)


@recordable
def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Standardize by a mean and a variance for each place along an axis, then scale and shift."""
    x = tensor_of(x)
    shape = [1] * x.ndim
    shape[axis] = -1
    m, v, s, o = (
        None if a is None else tensor_of(a).reshape(tuple(shape))
        for a in (mean, variance, scale, offset)
    )
    return _scaled((x - m) / (tensor_of(v) + epsilon).sqrt(), s, o)


def _scaled(y: Tensor, scale: Any, shift: Any) -> Tensor:
    y = y if scale is None else y * scale
    return y if shift is None else y + shift
