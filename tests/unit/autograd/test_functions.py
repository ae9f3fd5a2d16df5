"""The functions of Tensors: NumPy's spelling of arguments, dtypes, gradients of choices, errors."""

from __future__ import annotations

import builtins
import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors
from tinygrad_jp.autograd import functions
from tinygrad_jp.autograd.functions import Methods

A = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]])


def tensor(data: Any = A) -> tj.Tensor:
    return tj.tensor(np.array(data, np.float64), requires_grad=True)


def same(y: Any, want: Any) -> None:
    np.testing.assert_allclose(y.detach().numpy(), want, rtol=1e-12)
    assert y.shape == np.shape(want)


# ── every name is there, as a function and as a method ──────────────────────────────────────────

LISTED = ["abs", "acos", "acosh", "add", "all", "any", "argmax", "argmin", "argsort", "asin", "asinh", "atan", "atan2", "atanh", "broadcast_to", "expand", "cat", "ceil", "celu", "chunk", "clamp", "clip", "copysign", "cos", "cosh", "cross", "cumprod", "cumsum", "deg2rad", "diag", "diagonal", "div", "einsum", "elu", "erf", "exp", "exp2", "expm1", "flatten", "flip", "floor", "fmod", "full_like", "gather", "hardsigmoid", "hardswish", "hypot", "isclose", "isfinite", "isinf", "isnan", "lerp", "log", "log10", "log1p", "log2", "log_softmax", "logaddexp", "logical_not", "logsumexp", "masked_fill", "masked_select", "max", "maximum", "mean", "min", "minimum", "mish", "mul", "nan_to_num", "neg", "nonzero", "ones_like", "pow", "prod", "rad2deg", "reciprocal", "relu", "relu6", "remainder", "repeat", "repeat_interleave", "roll", "round", "rsqrt", "scatter", "selu", "sigmoid", "sign", "silu", "sin", "sinc", "sinh", "softmax", "softsign", "sort", "split", "sqrt", "std", "sum", "tan", "tanh", "tensordot", "tile", "tril", "triu", "trunc", "unflatten", "unfold", "var", "view", "zeros_like", "arange", "empty", "eye", "full", "linspace", "meshgrid", "ones", "rand", "randn", "stack", "where", "zeros", "tensor", "manual_seed", "float16", "float32", "float64", "int32", "int64", "bool", "gelu", "norm", "matmul", "dot", "topk", "median", "concatenate", "swapaxes", "squeeze", "unsqueeze", "permute", "transpose", "one_hot", "index_select", "scatter_add"]


@pytest.mark.parametrize("name", LISTED)
def test_name_at_the_top(name: str) -> None:
    # Python's own sum, max, ... must not show through where ours is missing
    value = getattr(tj, name)
    assert callable(value) or isinstance(value, np.dtype)
    assert value is not getattr(builtins, name, None)


METHODS = ["sum", "mean", "var", "std", "max", "min", "argmax", "argmin", "prod", "cumsum", "norm", "exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "relu", "sigmoid", "softmax", "log_softmax", "gelu", "clip", "clamp", "reshape", "view", "flatten", "transpose", "permute", "swapaxes", "squeeze", "unsqueeze", "expand", "broadcast_to", "split", "chunk", "gather", "sort", "topk", "masked_fill", "pow", "matmul", "dot", "to", "float", "double", "half", "long", "int", "bool", "astype", "type", "cpu", "clone", "contiguous", "numel", "dim", "is_floating_point", "uniform_", "normal_", "T", "mT", "where"]


@pytest.mark.parametrize("name", METHODS)
def test_name_of_a_method(name: str) -> None:
    assert hasattr(tj.Tensor, name)


def test_every_public_function_has_a_docstring() -> None:
    for name in functions.__all__:
        assert inspect.getdoc(getattr(functions, name)), name


def test_a_method_is_the_function_itself() -> None:
    assert Methods.exp is tj.exp
    assert Methods.softmax is tj.softmax


def test_functions_take_lists_and_numbers() -> None:
    assert tj.exp([0.0, 0.0]).dtype == np.float32
    assert tj.maximum([1.0, 5.0], 3.0).tolist() == [3.0, 5.0]
    assert tj.softmax([0.0, 0.0]).tolist() == [0.5, 0.5]
    assert tj.sum([1.0, 2.0]).item() == 3.0
    assert tj.max([1.0, 4.0]).item() == 4.0
    assert tj.stack([1.0, 2.0]).tolist() == [1.0, 2.0]
    assert tj.where([True, False], 1.0, 2.0).tolist() == [1.0, 2.0]
    assert tj.reshape([1.0, 2.0], 2, 1).shape == (2, 1)
    assert tj.floor(1.5).item() == 1.0


# ── NumPy's spelling ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "amax", "amin", "max", "min"])
@pytest.mark.parametrize("kwargs", [{"axis": 0}, {"axis": 1, "keepdims": True}, {"axis": (0, 1)}, {"keepdims": True}])
def test_axis_and_keepdims(name: str, kwargs: dict[str, Any]) -> None:
    if name == "prod" and isinstance(kwargs.get("axis"), tuple):
        kwargs = {"axis": -1}
    want = getattr(np, name)(A, **kwargs)
    same(getattr(tensor(), name)(**kwargs), want)
    same(getattr(tj, name)(A, **kwargs), want)


def test_positional_axis_is_numpys_and_pytorchs() -> None:
    same(tensor().sum(0), A.sum(0))
    same(tensor().mean(1, True), A.mean(1, keepdims=True))
    same(tensor().sum((0, 1)), A.sum())
    same(tensor().sum([0, 1]), A.sum())


def test_max_along_dim_gives_indices_and_along_axis_does_not() -> None:
    values, indices = tensor().max(dim=1)
    assert values.tolist() == [5.0, 6.0]
    assert indices.tolist() == [1, 2]
    assert indices.dtype == np.int64
    assert tensor().max(1).indices.tolist() == [1, 2]
    assert tensor().max(axis=1).tolist() == [5.0, 6.0]
    assert tensor().sort(axis=1).tolist() == np.sort(A, 1).tolist()
    assert tensor().median(axis=1).tolist() == [2.0, 4.0]
    assert tensor().median(dim=1).indices.tolist() == [2, 0]


def test_std_and_var_have_three_words_for_one_thing() -> None:
    for name in ("std", "var"):
        f = getattr(tensor(), name)
        plain = getattr(np, name)
        same(f(), plain(A, ddof=1))
        same(f(axis=0, ddof=0), plain(A, 0))
        same(f(1, correction=0), plain(A, 1))
        same(f(1, False), plain(A, 1))
        same(f(unbiased=True), plain(A, ddof=1))
        np.testing.assert_allclose(plain(tensor()).item(), plain(A))  # np.var keeps NumPy's ddof


def test_argmax_and_friends_take_axis() -> None:
    assert tensor().argmax(axis=1).tolist() == [1, 2]
    assert tensor().argmin(axis=0, keepdims=True).shape == (1, 3)
    assert tensor().argsort(axis=0).tolist() == np.argsort(A, 0).tolist()
    assert tensor().any(axis=0).tolist() == [True] * 3
    assert tensor().all(axis=1, keepdims=True).shape == (2, 1)
    assert tensor().softmax(axis=0).sum(axis=0).tolist() == pytest.approx([1, 1, 1])
    assert tensor().logsumexp(axis=1, keepdims=True).shape == (2, 1)
    assert tensor().norm(axis=1).tolist() == pytest.approx(np.linalg.norm(A, axis=1).tolist())
    assert tensor().norm(ord=1).item() == 21.0
    assert tj.clip(tensor(), a_min=2, a_max=4).tolist() == np.clip(A, 2, 4).tolist()
    assert tensor().cumsum().tolist() == np.cumsum(A).tolist()
    assert tensor().cumprod(axis=0).tolist() == np.cumprod(A, 0).tolist()


def test_shapes_in_numpys_way() -> None:
    x = tj.tensor(np.arange(24.0).reshape(2, 3, 4))
    assert x.transpose().shape == (4, 3, 2)
    assert x.transpose(None).shape == (4, 3, 2)
    assert x.transpose((1, 0, 2)).shape == (3, 2, 4)
    assert x.transpose(2, 0, 1).shape == (4, 2, 3)
    assert x.transpose(0, 1).shape == (3, 2, 4)  # two numbers swap, as PyTorch has it
    assert tj.transpose(x[0], (1, 0)).shape == (4, 3)
    assert x.T.shape == (4, 3, 2)
    assert x.mT.shape == (2, 4, 3)
    assert x.flip().tolist() == np.flip(x.numpy()).tolist()
    assert x.flip(axis=0).tolist() == np.flip(x.numpy(), 0).tolist()
    assert x.repeat(2, axis=1).tolist() == np.repeat(x.numpy(), 2, 1).tolist()
    assert tj.concatenate([x, x], axis=2).shape == (2, 3, 8)
    assert tj.cat([x, x], axis=1).shape == (2, 6, 4)
    assert tj.stack([x, x], axis=-1).shape == (2, 3, 4, 2)
    assert x.roll(1, axis=0).tolist() == np.roll(x.numpy(), 1, 0).tolist()
    assert x.tril(k=1).tolist() == np.tril(x.numpy(), 1).tolist()
    assert x.diagonal(axis1=1, axis2=2).tolist() == np.diagonal(x.numpy(), 0, 1, 2).tolist()
    assert x.take([0, 2], axis=1).tolist() == np.take(x.numpy(), [0, 2], 1).tolist()
    assert [p.shape for p in x.split(2, axis=2)] == [(2, 3, 2), (2, 3, 2)]
    assert tj.expand_dims(x, (0, -1)).shape == (1, 2, 3, 4, 1)
    assert x.size == 24
    assert x.size() == (2, 3, 4)


def test_squeeze_by_dim_forgives_and_by_axis_does_not() -> None:
    x = tj.ones(1, 2)
    assert x.squeeze(1).shape == (1, 2)
    assert x.squeeze(axis=0).shape == (2,)
    with pytest.raises(errors.ShapeError):
        x.squeeze(axis=1)


def test_dim_and_axis_may_agree() -> None:
    assert tensor().sum(dim=0, axis=0).shape == (3,)


# ── which way a gradient goes ───────────────────────────────────────────────────────────────────


def gradient(x: tj.Tensor, y: tj.Tensor) -> Any:
    y.backward()
    assert x.grad is not None
    return x.grad.tolist()


def test_max_along_dim_sends_the_gradient_to_one_of_equals_and_amax_shares_it() -> None:
    x = tensor([2.0, 2.0])
    assert gradient(x, x.max(0).values) == [1.0, 0.0]
    x = tensor([2.0, 2.0])
    assert gradient(x, x.amax(0)) == [0.5, 0.5]
    x = tensor([2.0, 2.0])
    assert gradient(x, x.max()) == [0.5, 0.5]


def test_clip_has_slope_1_at_its_bounds_and_hardtanh_0() -> None:
    x = tensor([-1.0, 0.0, 1.0])
    assert gradient(x, x.clip(-1, 1).sum()) == [1.0, 1.0, 1.0]
    x = tensor([-1.0, 0.0, 1.0])
    assert gradient(x, tj.hardtanh(x).sum()) == [0.0, 1.0, 0.0]


def test_a_second_gradient_goes_through_a_choice() -> None:
    for f in (tj.hardswish, tj.mish, tj.selu, lambda x: tj.gelu(x, "tanh"), lambda x: x.sort().values ** 3,
              lambda x: x.scatter(0, [0], x[1:2] ** 3), lambda x: x.norm() ** 3, lambda x: x.var()):
        x = tensor([0.3, -0.7, 1.1])
        (first,) = tj.autograd.grad(f(x).sum(), x, create_graph=True)
        (second,) = tj.autograd.grad((first * first).sum(), x)
        step = 1e-5
        near = []
        for sign in (1, -1):
            z = tensor(np.array([0.3, -0.7, 1.1]) + sign * step * np.array([1.0, 0.0, 0.0]))
            (g,) = tj.autograd.grad(f(z).sum(), z)
            near.append((g * g).sum().item())
        assert second[0].item() == pytest.approx((near[0] - near[1]) / (2 * step), rel=1e-5)


def test_scatter_with_reduce_is_differentiable() -> None:
    x, s = tensor([2.0, 3.0]), tensor([5.0, 7.0, 11.0])
    y = x.scatter(0, [0, 0, 1], s, reduce="multiply")
    assert y.tolist() == [70.0, 33.0]
    y.sum().backward()
    assert x.grad is not None
    assert s.grad is not None
    assert x.grad.tolist() == [35.0, 11.0]
    assert s.grad.tolist() == [14.0, 10.0, 3.0]
    x, s = tensor([2.0, 3.0]), tensor([5.0, 7.0, 11.0])
    y = x.scatter(0, [0, 0, 1], s, reduce="add")
    assert y.tolist() == [14.0, 14.0]
    (y * tj.tensor([1.0, 2.0], tj.float64)).sum().backward()
    assert s.grad is not None
    assert s.grad.tolist() == [1.0, 1.0, 2.0]


def test_scatter_of_one_number_and_of_nothing() -> None:
    x = tj.zeros(3)
    assert x.scatter(0, [0, 0, 2], 2.0, reduce="add").tolist() == [4.0, 0.0, 2.0]
    assert (x + 1).scatter(0, [0, 0, 2], 3.0, reduce="multiply").tolist() == [9.0, 1.0, 3.0]
    assert x.scatter(0, [], tj.zeros(0), reduce="multiply").tolist() == [0.0] * 3
    assert x.tolist() == [0.0] * 3


def test_astype_sends_the_gradient_back_in_the_first_dtype() -> None:
    x = tj.tensor([1.0, 2.0], requires_grad=True)
    (x.double() ** 2).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    assert x.grad.tolist() == [2.0, 4.0]
    assert not x.long().requires_grad


def test_clone_is_recorded_and_its_own() -> None:
    x = tensor([1.0, 2.0])
    y = x.clone()
    assert gradient(x, (y * y).sum()) == [2.0, 4.0]
    z = x.detach().clone()
    z += 1
    assert x.tolist() == [1.0, 2.0]
    assert tj.tensor([True]).clone().tolist() == [True]


# ── dtypes ──────────────────────────────────────────────────────────────────────────────────────

STAY = ["exp", "sqrt", "sigmoid", "relu", "softmax", "log_softmax", "gelu", "mish", "selu", "celu", "hardtanh", "hardswish", "softplus", "softsign", "softshrink", "hardshrink", "tanhshrink", "sum", "mean", "std", "var", "prod", "amax", "logsumexp", "norm", "cumsum", "cumprod", "sort", "median", "flatten", "tril", "softmin", "logsigmoid", "elu", "leaky_relu", "silu", "square", "rsqrt", "erf", "expm1", "sinc", "nansum", "nanmean", "diff", "flip"]


@pytest.mark.parametrize("dtype", [tj.float16, tj.float32, tj.float64])
@pytest.mark.parametrize("name", STAY)
def test_a_dtype_stays_what_it_is(name: str, dtype: Any) -> None:
    x = tj.tensor(A, dtype, requires_grad=True)
    y = getattr(tj, name)(x)
    y = y[0] if isinstance(y, tuple) else y
    assert y.dtype == dtype
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype


def test_python_numbers_widen_nothing() -> None:
    x = tj.ones(2, dtype=tj.float16)
    for y in (tj.clamp(x, 0.5, 2.0), tj.lerp(x, x, 0.3), x.masked_fill(x > 2, -1e4), tj.where(x > 0, x, 0.5),
              tj.hardtanh(x, -0.5, 0.5), x.addcmul(x, x, value=0.5), x.scatter(0, [0], 1.5), x.index_fill(0, [0], 2.5)):
        assert y.dtype == np.float16


def test_integers_become_the_default_dtype_where_they_must() -> None:
    x = tj.arange(4)
    for y in (x / 2, x.sqrt(), x.mean(), x.std(), x.softmax(0), x.sigmoid(), x.norm(), x.logsumexp(0), x.gelu()):
        assert y.dtype == np.float32, y


def test_conversions() -> None:
    x = tj.tensor([1.7, -1.7, 0.0])
    assert x.long().tolist() == [1, -1, 0]
    assert x.bool().tolist() == [True, True, False]
    for name in ("half", "float", "double", "short", "int", "long", "bool"):
        assert getattr(x, name)().dtype == getattr(tj, name)
    assert x.to(tj.float32) is x
    assert x.to("cpu") is x
    assert x.to("cpu", tj.float64).dtype == np.float64
    assert x.to(tj.ones(1, dtype=tj.float16)).dtype == np.float16
    assert x.to(x, copy=True) is not x
    assert x.to(float).dtype == np.float64  # as both PyTorch and NumPy read Python's float
    assert round(x, 1).tolist() == x.tolist()
    assert x.astype("float64").dtype == np.float64
    assert x.type() == "float32"
    assert x.type_as(tj.arange(2)).dtype == np.int64
    assert x.cpu() is x
    assert x.contiguous() is x
    assert x.is_contiguous()
    assert not tj.ones(2, 3).T.is_contiguous()
    assert x.nbytes == 12
    assert x.itemsize == x.element_size() == 4
    assert x.numel() == x.nelement() == 3
    assert x.dim() == x.ndimension() == 1


# ── errors ──────────────────────────────────────────────────────────────────────────────────────

X = tj.ones(2, 3)
ERRORS: list[tuple[str, Any, type[Exception]]] = [
    ("dim_and_axis", lambda: X.sum(dim=0, axis=1), errors.ArgumentError),
    ("op_failed", lambda: X.sum(2), errors.ShapeError),
    ("one_dim", lambda: X.max(dim=(0, 1)), errors.ArgumentError),
    ("one_dim", lambda: X.max(True), errors.ArgumentError),
    ("no_dim", lambda: X.max(2), errors.ShapeError),
    ("no_dim", lambda: X.softmax(-3), errors.ShapeError),
    ("no_dim", lambda: X.chunk(2, 5), errors.ShapeError),
    ("no_choice", lambda: tj.div(X, X, rounding_mode="up"), errors.OptionError),
    ("no_choice", lambda: X.norm("l2"), errors.OptionError),
    ("no_choice", lambda: X.gelu("fast"), errors.OptionError),
    ("no_choice", lambda: tj.meshgrid(X[0], indexing="yx"), errors.OptionError),
    ("no_choice", lambda: X.scatter(0, [[0]], 1.0, reduce="max"), errors.OptionError),
    ("not_sizes", lambda: X.reshape(2.0, 3), errors.ArgumentError),
    ("not_sizes", lambda: tj.zeros("2"), errors.ArgumentError),
    ("not_sizes", lambda: tj.zeros(True), errors.ArgumentError),
    ("no_device", lambda: X.to("cuda"), errors.OptionError),
    ("no_device", lambda: tj.zeros(2, device="cuda:0"), errors.OptionError),
    ("clip_bounds", lambda: X.clamp(), errors.ArgumentError),
    ("where_two", lambda: tj.where(X > 0, X), errors.ArgumentError),
    ("prelu_weight", lambda: tj.prelu(X, tj.ones(2)), errors.ShapeError),
    ("glu_odd", lambda: tj.glu(X), errors.ShapeError),
    ("corrections", lambda: X.var(ddof=0, correction=1), errors.ArgumentError),
    ("empty_axis", lambda: tj.zeros(0, 3).max(0), errors.ShapeError),
    ("empty_axis", lambda: tj.zeros(0).argmax(), errors.ShapeError),
    ("empty_axis", lambda: tj.zeros(0).median(), errors.ShapeError),
    ("k_range", lambda: X.topk(4), errors.OptionError),
    ("k_range", lambda: X.kthvalue(0), errors.OptionError),
    ("flatten_order", lambda: X.flatten(1, 0), errors.OptionError),
    ("expand", lambda: X.expand(3), errors.ShapeError),
    ("expand", lambda: X.expand(-1, 2, 3), errors.ShapeError),
    ("t_dims", lambda: tj.ones(1, 2, 3).t(), errors.ShapeError),
    ("mt_dims", lambda: X[0].mT, errors.ShapeError),
    ("split_size", lambda: X.split(0), errors.OptionError),
    ("split_size", lambda: X.chunk(0), errors.OptionError),
    ("split_sum", lambda: X.split([1, 1], 1), errors.ShapeError),
    ("repeat_sizes", lambda: X.repeat(2), errors.ShapeError),
    ("unfold_size", lambda: X.unfold(1, 4, 1), errors.ShapeError),
    ("index_vector", lambda: X.index_select(0, [[0]]), errors.ShapeError),
    ("narrow", lambda: X.narrow(1, 2, 2), errors.ShapeError),
    ("gather", lambda: X.gather(1, [0]), errors.ShapeError),
    ("gather", lambda: X.gather(1, [[0], [0], [0]]), errors.ShapeError),
    ("scatter_src", lambda: X.scatter(1, [[0, 1]], tj.ones(1, 1)), errors.ShapeError),
    ("not_a_mask", lambda: X.masked_fill(X, 0.0), errors.DTypeError),
    ("not_an_index", lambda: X.gather(1, X), errors.DTypeError),
    ("one_hot_classes", lambda: tj.one_hot([]), errors.OptionError),
    ("label_range", lambda: tj.one_hot([0, 3], 3), errors.LabelError),
    ("product_dims", lambda: X.mm(X[0]), errors.ShapeError),
    ("bmm_batch", lambda: tj.ones(2, 1, 1).bmm(tj.ones(3, 1, 1)), errors.ShapeError),
    ("op_failed", lambda: X.mm(X), errors.ShapeError),
    ("op_failed", lambda: X.reshape(4), errors.ShapeError),
    ("dtype_unknown", lambda: X.to("complex64"), errors.DTypeError),
    ("dtype_unknown", lambda: X.to("no such"), errors.DTypeError),
    ("op_failed", lambda: X.take([7]), errors.OptionError),
]


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(("key", "call", "kind"), ERRORS)
def test_error(key: str, call: Any, kind: type[Exception], language: Any) -> None:
    errors.set_language(language)
    try:
        with pytest.raises(kind) as caught:
            call()
        assert caught.value.key == key  # type: ignore[attr-defined]
        text = str(caught.value)
        assert "{" not in text
        assert any(ord(c) > 0x3000 for c in text) == (language == "ja")
    finally:
        errors.set_language(None)


def test_in_place_draws_refuse_a_parameter_outside_no_grad() -> None:
    w = tj.zeros(3, requires_grad=True)
    with pytest.raises(errors.GradientError):
        w.uniform_()
    with tj.no_grad():
        w.uniform_(2.0, 3.0)
    assert all(2 <= v < 3 for v in w.tolist())
    assert w.requires_grad


def test_an_in_place_draw_is_seen_by_a_graph_that_needs_the_old_values() -> None:
    w = tj.ones(3, requires_grad=True)
    loss = (w * w).sum()
    with tj.no_grad():
        w.normal_()
    with pytest.raises(errors.GradientError):
        loss.backward()


def test_clamp_in_place() -> None:
    w = tj.tensor([-1.0, 2.0], requires_grad=True)
    with tj.no_grad():
        assert w.clamp_(min=0.0) is w
    assert w.tolist() == [0.0, 2.0]


def test_add_and_sub_take_alpha_and_integers_have_a_reciprocal():
    assert tj.add(tj.ones(2), tj.ones(2), alpha=2).tolist() == [3.0, 3.0]
    assert tj.ones(2).sub(1, alpha=3).tolist() == [-2.0, -2.0]
    assert tj.reciprocal(tj.tensor([1, 2])).tolist() == [1.0, 0.5]


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_running_reductions_of_a_number(name):
    x = tj.tensor(3.0, requires_grad=True)
    y = getattr(x, name)(0)
    y.backward()
    assert (y.shape, y.item(), x.grad.item()) == ((), 3.0, 1.0)
    getattr(np, name)(x, axis=0).sum().backward()
    assert x.grad.item() == 2.0
