"""Activations, regularizers, constraints, initializers and operations as Keras 3 has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras as ours

from .golden import close, expected

X = np.array(
    [[-30.0, -3.0, -1.0, -0.5, -0.1], [0.1, 0.5, 1.0, 2.0, 7.0], [0.3, -0.2, 6.5, 30.0, -2.9]],
    "float32",
)
W = np.random.default_rng(3).normal(size=(4, 3)).astype("float32")

ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in (
        "relu", "relu6", "leaky_relu", "softmax", "log_softmax", "elu", "selu", "celu", "softplus",
        "softsign", "soft_shrink", "hard_shrink", "tanh_shrink", "hard_tanh", "hard_sigmoid",
        "hard_silu", "silu", "swish", "gelu", "tanh", "sigmoid", "log_sigmoid", "exponential",
        "linear", "mish", "squareplus", "sparse_plus", "sparse_sigmoid",
    )},
    "relu-slope": ("relu", dict(negative_slope=0.1)),
    "relu-max": ("relu", dict(max_value=1.5)),
    "relu-six": ("relu", dict(max_value=6)),
    "relu-threshold": ("relu", dict(threshold=0.4)),
    "relu-all": ("relu", dict(negative_slope=0.2, max_value=4.0, threshold=0.4)),
    "leaky-relu-slope": ("leaky_relu", dict(negative_slope=0.01)),
    "softmax-axis": ("softmax", dict(axis=0)),
    "elu-alpha": ("elu", dict(alpha=0.3)),
    "celu-alpha": ("celu", dict(alpha=0.3)),
    "gelu-tanh": ("gelu", dict(approximate=True)),
    "threshold": ("threshold", dict(threshold=0.2, default_value=-7.0)),
    "squareplus-b": ("squareplus", dict(b=1)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    kind, options = ACTIVATIONS[name]
    weights = np.linspace(-1, 1, X.size, dtype="float32").reshape(X.shape)

    def theirs(keras: Any) -> Any:
        import torch

        x = torch.tensor(X, requires_grad=True)
        y = getattr(keras.activations, kind)(x, **options)
        (y * torch.tensor(weights)).sum().backward()
        return {"value": y, "slope": x.grad}

    want = expected(f"keras_parts/activation {name}", theirs)
    x = tj.Tensor(X, requires_grad=True)
    y = getattr(ours.activations, kind)(x, **options)
    (y * weights).sum().backward()
    case = f"keras_parts/activation-{name}"
    close(case, y.detach().numpy(), want["value"], rtol=3e-6, atol=1e-6)
    close(case, x.grad.numpy(), want["slope"], rtol=2e-5, atol=1e-6, what="gradient")


PENALTIES: dict[str, tuple[str, dict[str, Any]]] = {
    "l1": ("L1", dict(l1=0.3)), "l2": ("L2", dict(l2=0.2)), "l1l2": ("L1L2", dict(l1=0.1, l2=0.4)),
    "l1-default": ("L1", {}), "l2-default": ("L2", {}), "l1l2-default": ("L1L2", {}),
    "rows": ("OrthogonalRegularizer", dict(factor=0.5)),
    "columns": ("OrthogonalRegularizer", dict(factor=0.5, mode="columns")),
}


@pytest.mark.parametrize("name", PENALTIES)
def test_regularizer(name):
    kind, options = PENALTIES[name]

    def theirs(keras: Any) -> Any:
        import torch

        w = torch.tensor(W, requires_grad=True)
        penalty = getattr(keras.regularizers, kind)(**options)(w)
        if penalty.requires_grad:
            penalty.backward()
        return {"value": penalty, "slope": torch.zeros_like(w) if w.grad is None else w.grad}

    want = expected(f"keras_parts/regularizer {name}", theirs)
    w = tj.Tensor(W, requires_grad=True)
    penalty = getattr(ours.regularizers, kind)(**options)(w)
    slope = np.zeros_like(W)
    if penalty.requires_grad:
        penalty.backward()
        slope = w.grad.numpy()
    case = f"keras_parts/regularizer-{name}"
    close(case, penalty.detach().numpy(), want["value"], rtol=3e-6, atol=0)
    close(case, slope, want["slope"], rtol=1e-5, atol=1e-7, what="gradient")


CONSTRAINTS: dict[str, tuple[str, dict[str, Any]]] = {
    "max": ("MaxNorm", {}), "max-axis": ("MaxNorm", dict(max_value=0.7, axis=1)),
    "non-neg": ("NonNeg", {}), "unit": ("UnitNorm", {}), "unit-axes": ("UnitNorm", dict(axis=(0, 1))),
    "min-max": ("MinMaxNorm", {}),
    "min-max-all": ("MinMaxNorm", dict(min_value=0.5, max_value=0.9, rate=0.4, axis=1)),
}


@pytest.mark.parametrize("name", CONSTRAINTS)
def test_constraint(name):
    kind, options = CONSTRAINTS[name]
    want = expected(
        f"keras_parts/constraint {name}",
        lambda keras: getattr(keras.constraints, kind)(**options)(keras.ops.convert_to_tensor(W)),
    )
    got = getattr(ours.constraints, kind)(**options)(W)
    close(f"keras_parts/constraint-{name}", got.numpy(), want, rtol=3e-6, atol=1e-7)


INITIALIZERS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "glorot-uniform": ("GlorotUniform", {}, (60, 90)),
    "glorot-normal": ("GlorotNormal", {}, (60, 90)),
    "he-uniform": ("HeUniform", {}, (60, 90)),
    "he-normal": ("HeNormal", {}, (60, 90)),
    "lecun-uniform": ("LecunUniform", {}, (60, 90)),
    "lecun-normal": ("LecunNormal", {}, (60, 90)),
    "normal": ("RandomNormal", {}, (60, 90)),
    "uniform": ("RandomUniform", {}, (60, 90)),
    "truncated": ("TruncatedNormal", dict(mean=0.2, stddev=0.3), (60, 90)),
    "scaling": ("VarianceScaling", {}, (60, 90)),
    "scaling-all": (
        "VarianceScaling",
        dict(scale=3.0, mode="fan_out", distribution="untruncated_normal"), (60, 90),
    ),
    "kernel": ("HeNormal", {}, (3, 3, 20, 40)),
    "vector": ("GlorotUniform", {}, (5000,)),
    "orthogonal": ("Orthogonal", dict(gain=2.0), (60, 90)),
}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializer_has_the_same_distribution(name):
    """Bounds and moments: drawn numbers differ between libraries, distributions must not."""
    kind, options, shape = INITIALIZERS[name]

    def facts(keras: Any) -> Any:
        drawn = keras.ops.convert_to_numpy(
            getattr(keras.initializers, kind)(**options, seed=3)(shape)
        ).astype("float64")
        return np.array([drawn.mean(), drawn.std(), np.abs(drawn - drawn.mean()).max()])

    want, got = expected(f"keras_parts/initializer {name}", facts), facts(ours)
    size = np.sqrt(np.prod(shape))
    assert abs(got[0] - want[0]) < 6 * want[1] / size
    np.testing.assert_allclose(got[1], want[1], rtol=6 / size)
    is_bounded = kind not in ("RandomNormal", "Orthogonal") and "untruncated" not in str(options)
    if is_bounded:  # a truncated or even draw comes close to its bounds
        np.testing.assert_allclose(got[2], want[2], rtol=2e-2)


@pytest.mark.parametrize("name", ["Zeros", "Ones", "Constant", "Identity"])
def test_constant_initializer(name):
    options = {"Constant": dict(value=0.3), "Identity": dict(gain=2.0)}.get(name, {})
    want = expected(
        f"keras_parts/initializer {name}",
        lambda keras: getattr(keras.initializers, name)(**options)((3, 4)),
    )
    np.testing.assert_array_equal(getattr(ours.initializers, name)(**options)((3, 4)).numpy(), want)


A = np.random.default_rng(8).normal(size=(2, 3, 4)).astype("float32")
B = np.random.default_rng(9).normal(size=(4, 3)).astype("float32")

C = B.copy()
C[1, 2] = np.nan

OPERATIONS: dict[str, Any] = {
    **{name: (lambda o, name=name: getattr(o, name)(A)) for name in (
        "abs", "exp", "square", "sin", "tanh", "sigmoid", "sign", "floor", "negative", "relu",
        "softmax", "log_softmax", "gelu", "leaky_relu", "sum", "mean", "max", "min", "prod", "var",
        "std", "logsumexp", "argmax", "argmin", "argsort", "sort", "ravel", "transpose", "flip",
        "isnan", "zeros_like", "ones_like", "median", "all", "any", "count_nonzero", "normalize",
        "hard_sigmoid", "erf", "shape", "ndim", "size",
    )},
    "sum-axis": lambda o: o.sum(A, axis=(0, 2), keepdims=True),
    "mean-axis": lambda o: o.mean(A, axis=-1, keepdims=True),
    "max-initial": lambda o: o.max(A, axis=1, initial=0.5),
    "var-axis": lambda o: o.var(A, axis=1),
    "moments": lambda o: list(o.moments(o.convert_to_tensor(A), axes=[0, 1])),
    "norm": lambda o: o.norm(A, axis=-1),
    "matmul": lambda o: o.matmul(A, B),
    "dot": lambda o: o.dot(A, B),
    "einsum": lambda o: o.einsum("ijk,kl->ilj", A, B),
    "tensordot": lambda o: o.tensordot(A, B, axes=1),
    "outer": lambda o: o.outer(B[0], B[1]),
    "reshape": lambda o: o.reshape(A, (4, -1)),
    "transpose-axes": lambda o: o.transpose(A, (1, 0, 2)),
    "concatenate": lambda o: o.concatenate([A, A + 1], axis=1),
    "stack": lambda o: o.stack([B, B + 1], axis=-1),
    "unstack": lambda o: o.unstack(o.convert_to_tensor(A), axis=1),
    "split": lambda o: o.split(A, 2, axis=2),
    "split-places": lambda o: o.split(A, [1, 3], axis=2),
    "tile": lambda o: o.tile(B, (2, 1)),
    "repeat": lambda o: o.repeat(B, 2, axis=1),
    "roll": lambda o: o.roll(B, 2, axis=0),
    "expand-dims": lambda o: o.expand_dims(B, 1),
    "squeeze": lambda o: o.squeeze(B[:, None], 1),
    "swapaxes": lambda o: o.swapaxes(A, 0, 2),
    "moveaxis": lambda o: o.moveaxis(A, 0, -1),
    "pad": lambda o: o.pad(B, ((1, 0), (2, 1))),
    "broadcast": lambda o: o.broadcast_to(B, (2, 4, 3)),
    "take": lambda o: o.take(B, np.array([[0, 2], [3, 1]]), axis=0),
    "take-flat": lambda o: o.take(B, np.array([0, 5])),
    "take-along": lambda o: o.take_along_axis(B, np.array([[0, 2, 1]]), axis=0),
    "where": lambda o: o.where(B > 0, B, 0.0),
    "clip": lambda o: o.clip(B, -0.5, 0.5),
    "maximum": lambda o: o.maximum(B, 0.1),
    "divide-no-nan": lambda o: o.divide_no_nan(B, np.where(B > 0, B, 0).astype("float32")),
    "cast": lambda o: o.cast(B, "int32"),
    "one-hot": lambda o: o.one_hot(np.array([0, 2, 1]), 4),
    "one-hot-axis": lambda o: o.one_hot(np.array([0, 2, 3]), 4, axis=0),
    "top-k": lambda o: list(o.top_k(B, 2)),
    "in-top-k": lambda o: o.in_top_k(np.array([0, 2, 1, 0]), B, 2),
    "cumsum": lambda o: o.cumsum(B, axis=0),
    "cumprod-flat": lambda o: o.cumprod(B),
    "tril": lambda o: o.tril(B),
    "eye": lambda o: o.eye(3, 4, 1),
    "arange": lambda o: o.arange(2, 11, 3),
    "arange-float": lambda o: o.arange(0.0, 1.0, 0.25),
    "linspace": lambda o: o.linspace(0.0, 1.0, 5),
    "full": lambda o: o.full((2, 2), 3.0),
    "slice": lambda o: o.slice(A, (0, 1, 1), (2, 1, 2)),
    "append": lambda o: o.append(B, B),
    "average": lambda o: o.average(B[0], axis=0, weights=np.exp(B[1])),
    "segment-sum": lambda o: o.segment_sum(B, np.array([0, 1, 1, 2]), num_segments=4),
    "bce": lambda o: o.binary_crossentropy(np.abs(np.sign(B)), 1 / (1 + np.exp(-B))),
    "cce": lambda o: o.categorical_crossentropy(np.eye(3, dtype="float32")[[0, 1, 2, 1]], B, from_logits=True),
    "scce": lambda o: o.sparse_categorical_crossentropy(np.array([0, 1, 2, 1]), np.exp(B)),
    "fori": lambda o: o.fori_loop(0, 4, lambda i, x: x * 2.0 + float(i), o.convert_to_tensor(B)),
    "while": lambda o: o.while_loop(lambda x: o.sum(x) < 100, lambda x: [x + 5.0], [o.convert_to_tensor(B)]),
    "map": lambda o: o.map(lambda x: o.sum(x) * 2.0, o.convert_to_tensor(B)),
    "cond": lambda o: o.cond(o.sum(B) > 0, lambda: o.ones(2), lambda: o.zeros(2)),
    "multi-hot": lambda o: o.multi_hot(np.array([[0, 2], [1, 1]]), 4),
    "meshgrid": lambda o: list(o.meshgrid(np.arange(2.0, dtype="float32"), np.arange(3.0, dtype="float32"))),
    "logical": lambda o: o.logical_and(B > 0, B < 1),
    **{name: (lambda o, name=name: getattr(o, name)(C)) for name in (
        "nanmax", "nanmin", "nanmean", "nansum", "nanstd", "nanvar", "nanprod", "nanmedian",
        "nancumsum", "nanargmax", "fliplr", "flipud", "rot90", "corrcoef", "diff", "ptp",
    )},
    "nanmean-axis": lambda o: o.nanmean(C, axis=0, keepdims=True),
    "quantile": lambda o: o.quantile(B, 0.3, axis=0),
    "percentile": lambda o: o.percentile(B, 70, axis=1),
    "kron": lambda o: o.kron(B[:2], B[2:]),
    "array-split": lambda o: o.array_split(B, 3, axis=0),
    "vsplit": lambda o: o.vsplit(B, 2),
    "dstack": lambda o: o.dstack([B, B + 1]),
    "trapezoid": lambda o: o.trapezoid(B, axis=0),
    "vander": lambda o: o.vander(B[0], 3),
    "isin": lambda o: o.isin(np.array([1, 2, 5]), np.array([2, 5])),
    "digitize": lambda o: o.digitize(B, np.array([-1.0, 0.0, 1.0], "float32")),
    "bincount": lambda o: o.bincount(np.array([0, 2, 2, 1])),
    "inv": lambda o: o.inv(B[:3]),
    "det": lambda o: o.det(B[:3]),
    "solve": lambda o: o.solve(B[:3], B[1:]),
    "cholesky": lambda o: o.cholesky(o.matmul(o.transpose(B), B)),
    "logdet": lambda o: o.logdet(o.matmul(o.transpose(B), B)),
    "singular": lambda o: o.svd(B, compute_uv=False),
    "eigenvalues": lambda o: o.eigh(o.matmul(o.transpose(B), B))[0],
    "layer-norm": lambda o: o.layer_normalization(B, gamma=B[0], beta=B[1], epsilon=1e-3),
    "rms-norm": lambda o: o.rms_normalization(B, scale=B[0], axis=-1),
    "batch-norm": lambda o: o.batch_normalization(
        B, np.mean(B, 0), np.var(B, 0), axis=-1, offset=B[0], scale=B[1]
    ),
    "slice-update": lambda o: o.slice_update(A, (0, 1, 1), np.ones((2, 2, 2), "float32")),
    "scatter": lambda o: o.scatter(np.array([[0, 1], [2, 0], [0, 1]]), B[:3], (3, 2, 3)),
    "switch": lambda o: o.switch(1, [lambda x: x, lambda x: x * 2.0], o.convert_to_tensor(B)),
    "scan": lambda o: list(o.scan(
        lambda c, x: (c + x, c * x), o.convert_to_tensor(B[0]), o.convert_to_tensor(B)
    )),
    "vectorized-map": lambda o: o.vectorized_map(lambda x: x * 2.0, o.convert_to_tensor(B)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name):
    make = OPERATIONS[name]
    want = expected(f"keras_parts/op {name}", lambda keras: make(keras.ops))
    compare(make(ours.ops), want, name)


def compare(got: Any, want: Any, name: str) -> None:
    if isinstance(want, list):
        got = list(got)
        assert len(got) == len(want), name
        for a, b in zip(got, want, strict=True):
            compare(a, b, name)
        return
    got = np.asarray(got.detach() if hasattr(got, "detach") else got)
    assert got.shape == want.shape, name
    if want.dtype.kind == "f":
        assert got.dtype == want.dtype, name
    close(f"keras_parts/op-{name}", got, want, rtol=4e-6, atol=1e-6)
