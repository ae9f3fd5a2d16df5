"""Functions of Tensors where arguments are rare: no axes, nothing in them, lists, other spellings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp.autograd import hooks
from tinygrad_jp.autograd.explain import Failure, describe
from tinygrad_jp.errors import (
    ArgumentError,
    GradientError,
    LabelError,
    MatrixError,
    OptionError,
    RuleError,
    ShapeError,
    TinygradError,
    TinygradWarning,
)
from tinygrad_jp.vocabulary.rule import REGISTRY


def leaf(data: Any) -> tj.Tensor:
    return tj.tensor(data, dtype=tj.float64, requires_grad=True)


X = [[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]]


# ── a Tensor without axes ───────────────────────────────────────────────────────────────────────

WITHOUT_AXES = {
    "sort": lambda x: x.sort().values, "sort along": lambda x: x.sort(dim=-1).values,
    "topk": lambda x: x.topk(1).values.reshape(()), "kthvalue": lambda x: tj.kthvalue(x, 1).values,
    "mode": lambda x: tj.mode(x).values, "median": lambda x: tj.median(x),
    "median along": lambda x: tj.median(x, 0).values, "cummax": lambda x: tj.cummax(x, 0).values,
    "cummin": lambda x: tj.cummin(x, 0).values, "cumsum": lambda x: tj.cumsum(x, 0),
    "cumprod": lambda x: tj.cumprod(x, 0), "flatten": lambda x: x.flatten().reshape(()),
    "gather": lambda x: tj.gather(x, 0, tj.tensor(0)), "softmax": lambda x: x * tj.softmax(x, 0),
    "take the only one": lambda x: tj.gather(x, -1, tj.tensor([0])).sum(), "ravel": lambda x: x.ravel().sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_AXES)
def test_one_number_is_itself(name):
    x = leaf(2.5)
    y = WITHOUT_AXES[name](x)
    assert (y.item(), y.shape) == (2.5, ())
    (y * 3).backward()
    assert x.grad.item() == 3.0


def test_indices_of_one_number():
    x = tj.tensor(2.5)
    for found in (x.sort(), tj.mode(x), tj.cummax(x, 0), tj.cummin(x, 0), tj.kthvalue(x, 1)):
        assert (found.indices.item(), found.indices.dtype) == (0, np.int64)
    assert x.argsort().item() == 0
    for k in (-1, 2):
        with pytest.raises(OptionError, match=str(k)) as caught:
            x.topk(k)
        assert (caught.value.facts["low"], caught.value.facts["length"]) == (0, 1)
    with pytest.raises(OptionError, match="0") as caught:
        tj.kthvalue(x, 0)
    assert (caught.value.facts["low"], caught.value.facts["length"]) == (1, 1)


def test_running_totals_without_an_axis_are_of_all():
    x = tj.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert tj.cumsum(x).tolist() == [1.0, 3.0, 6.0, 10.0]
    assert tj.cumprod(x, dtype=tj.float64).tolist() == [1.0, 2.0, 6.0, 24.0]
    for fn in (tj.cumsum, tj.cumprod):
        assert fn(x, 0, dtype=tj.float64).dtype == np.float64
        assert fn(x, 0).dtype == np.float32
    assert tj.cumprod(x, dim=1).tolist() == [[1.0, 2.0], [3.0, 12.0]]


# ── spellings ───────────────────────────────────────────────────────────────────────────────────


def test_axes_by_a_list_or_a_tensor():
    x = leaf(X)
    assert x.sum(dim=[0, 1]).item() == 21.0
    assert x.sum(dim=tj.tensor(1)).tolist() == [6.0, 15.0]
    assert x.sum(dim=tj.tensor([0, 1])).item() == 21.0
    assert tj.ones(np.array([2, 3])).shape == (2, 3)
    assert tj.ones(tj.tensor([2, 3])).shape == (2, 3)
    assert tj.tensordot(x, x, tj.tensor([[0, 1], [0, 1]])).item() == 91.0
    assert tj.tensordot(x, x, axes=([0, 1], [0, 1])).item() == 91.0
    with pytest.raises(ArgumentError):
        x.sum(dim=0, axis=1)
    with pytest.raises(ArgumentError):
        tj.ones("2")


def test_an_axis_that_is_not_there_says_which_are():
    for language in ("ja", "en"):
        tj.set_language(language)
        try:
            with pytest.raises(ShapeError, match=r"-2.*1|1.*-2") as caught:
                tj.sort(leaf(X), 5)
        finally:
            tj.set_language(None)
        assert "5" in str(caught.value)


def test_other_spellings():
    x = leaf(X)
    assert x.view_as(tj.ones(3, 2)).shape == (3, 2)
    assert x.ravel().shape == (6,)
    assert tj.as_tensor(x) is x
    assert tj.as_tensor(x, tj.float32).dtype == np.float32
    assert tj.as_tensor([1, 2]).tolist() == [1, 2]
    assert tj.is_tensor(x)
    assert not tj.is_tensor(X)
    assert x.new_empty(2, 2).shape == (2, 2)
    assert x.new_empty((2,), dtype=tj.int64).dtype == np.int64
    assert x.to(tj.tensor(1, dtype=tj.float16)).dtype == np.float16
    assert x.to("cpu") is x
    assert x.to(None, tj.float32).dtype == np.float32
    assert x.norm("nuc").item() == pytest.approx(np.linalg.norm(X, "nuc"))
    assert x.norm("nuc", keepdim=True).shape == (1, 1)
    assert tj.einsum("ij->i", [x]).tolist() == [6.0, 15.0]
    for none in ((), ([],)):
        with pytest.raises(TinygradError):
            tj.einsum("ij->i", *none)
    assert tj.inference_mode()(lambda: x * 2)().requires_grad is False
    assert [t.tolist() for t in tj.tensor_split(x, [1], dim=1)] == [[[3.0], [6.0]], [[1.0, 2.0], [5.0, 4.0]]]
    with pytest.raises(OptionError, match="0"):
        tj.tensor_split(x, 0)


def test_a_softmax_in_another_dtype():
    x = tj.tensor(X[0], dtype=tj.float16)
    assert tj.softmax(x, 0, dtype=tj.float64).dtype == np.float64
    assert tj.log_softmax(x, dim=0, dtype=tj.float32).dtype == np.float32


def test_products_of_vectors_along_the_first_axis_of_three():
    a, b = np.arange(6.0).reshape(3, 2), np.array([[1.0], [2.0], [-1.0]])
    full = np.broadcast_to(b, (3, 2))
    assert_allclose(tj.cross(leaf(a), b).detach().numpy(), np.cross(a, full, axis=0))
    assert_allclose(tj.cross(leaf(a.T), full.T, dim=1).detach().numpy(), np.cross(a.T, full.T))
    square = np.arange(9.0).reshape(3, 3)  # two axes of three: the first, as in PyTorch
    y = tj.cross(leaf(square), square[::-1]).detach().numpy()
    assert_allclose(y, np.cross(square, square[::-1], axis=0))
    row = np.array([[1.0, -2.0, 3.0]])  # one row for all three
    y = tj.cross(leaf(row), square).detach().numpy()
    assert_allclose(y, np.cross(np.broadcast_to(row, (3, 3)), square, axis=0))
    with pytest.raises(ShapeError):
        tj.cross(leaf(np.ones((2, 2))), np.ones((2, 2)))


def test_norms_of_matrices_are_over_the_last_two_axes():
    x = np.arange(24.0).reshape(2, 3, 4)
    for ord in ("fro", "nuc", 1):
        ours = tj.linalg.matrix_norm(leaf(x), ord).detach().numpy()
        assert_allclose(ours, [np.linalg.norm(m, ord) for m in x])
    assert tj.linalg.matrix_norm(leaf(x), keepdim=True).shape == (2, 1, 1)


def test_lists_as_indices():
    x = leaf(X)
    assert x[[True, False]].tolist() == [X[0]]
    assert x[[1, 0, 1]].tolist() == [X[1], X[0], X[1]]
    assert x[[]].shape == (0, 3)
    assert x[:, [False, True, True]].tolist() == [[1.0, 2.0], [5.0, 4.0]]


def test_differences_are_of_the_last_axis():
    for x in (np.arange(4.0) ** 2, np.arange(24.0).reshape(2, 3, 4) ** 2):
        for n in (1, 2):
            assert_array_equal(tj.diff(leaf(x), n).detach().numpy(), np.diff(x, n))
        assert_array_equal(tj.diff(leaf(x), dim=0).detach().numpy(), np.diff(x, axis=0))


def test_a_norm_keeps_its_axis_by_either_name():
    for keeps in ({"keepdim": True}, {"keepdims": True}):
        assert tj.linalg.norm(leaf(X), dim=1, **keeps).shape == (2, 1)
        assert tj.linalg.vector_norm(leaf(X), dim=0, **keeps).shape == (1, 3)
    assert tj.linalg.norm(leaf(X), dim=1).shape == (2,)


def test_products_that_are_scaled_and_added():
    a, b, v, x = np.arange(6.0).reshape(2, 3), np.ones((3, 2)), np.arange(3.0), np.array([[5.0, 7.0]])
    for beta, alpha in ((1, 1), (3, 1), (1, 0.5), (0, 2)):
        y = tj.addmm(leaf(x), leaf(a), b, beta=beta, alpha=alpha)
        assert_array_equal(y.detach().numpy(), beta * x + alpha * (a @ b))
        z = tj.addmv(leaf(x[0]), leaf(a), v, beta=beta, alpha=alpha)
        assert_array_equal(z.detach().numpy(), beta * x[0] + alpha * (a @ v))


def test_zero_times_the_logarithm_of_anything_is_zero():
    x, y = np.array([0.0, 0.0, 0.0, -1.0, -1.0, 2.0]), np.array([0.0, -3.0, 2.0, 0.0, -2.0, 1.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = tj.xlogy(leaf(x), leaf(y)).detach().numpy()
    assert_array_equal(found, [0.0, 0.0, 0.0, np.inf, np.nan, 0.0])
    assert np.isnan(tj.xlogy(leaf(0.0), leaf(np.nan)).item())


def test_batches_of_products_have_the_same_length():
    a, b = np.arange(24.0).reshape(2, 3, 4), np.arange(40.0).reshape(2, 4, 5)
    assert_array_equal(tj.bmm(leaf(a), leaf(b)).detach().numpy(), a @ b)
    with pytest.raises(ShapeError) as caught:
        tj.bmm(leaf(a), leaf(np.ones((3, 4, 5))))
    assert caught.value.key == "bmm_batch"


def test_a_filling_has_the_dtype_of_what_is_filled():
    x, mask = tj.ones(3, dtype=tj.float32), [True, False, True]
    for value in (leaf(2.5), tj.tensor(2.5, dtype=tj.float16), 2.5):
        y = tj.masked_fill(x, tj.tensor(mask), value)
        assert (y.dtype, y.tolist()) == (np.float32, [2.5, 1.0, 2.5])


def test_prelu_of_one_and_of_many_slopes():
    x = np.arange(-6.0, 6.0).reshape(1, 2, 3, 2)
    slopes = np.array([0.1, 10.0])
    for weight, spread in (([0.5], 0.5), (0.25, 0.25), (slopes, slopes[:, None, None])):
        w = leaf(weight)
        y = tj.prelu(leaf(x), w)
        assert_allclose(y.detach().numpy(), np.where(x > 0, x, spread * x))
        y.sum().backward()
        negative = np.where(x > 0, 0.0, x)
        wanted = negative.sum(axis=(0, 2, 3)) if np.ndim(spread) else negative.sum()
        assert_allclose(w.grad.numpy(), np.reshape(wanted, np.shape(weight)))
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        tj.prelu(x, np.ones(3))


def test_windows():
    x = leaf(np.arange(6.0))
    assert x.unfold(0, 6, 1).shape == (1, 6)
    assert x.unfold(0, 2, 2).tolist() == [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    for size, step in ((0, 1), (7, 1), (2, 0)):
        with pytest.raises(TinygradError):
            x.unfold(0, size, step)


def test_grids():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0, 5.0])
    for indexing in ("ij", "xy"):
        for ours, theirs in zip(
            tj.meshgrid(x, y, indexing=indexing), np.meshgrid([1.0, 2.0], [3.0, 4.0, 5.0], indexing=indexing), strict=True
        ):
            assert_array_equal(ours.detach().numpy(), theirs)
    (only,) = tj.meshgrid(x, indexing="xy")
    assert only.tolist() == [1.0, 2.0]


def test_side_by_side():
    for parts in (([1.0, 2.0], [3.0]), (np.ones((2, 1)), np.zeros((2, 2))), (1.0, 2.0)):
        ours = tj.hstack([leaf(p) for p in parts])
        assert_array_equal(ours.detach().numpy(), np.hstack(parts))


def test_parts_have_the_length_of_the_whole():
    x = leaf(np.arange(4.0))
    assert [len(part) for part in tj.split(x, [1, 0, 3])] == [1, 0, 3]
    for sizes in ([1, 2], [1, 4], [5, -1]):
        with pytest.raises(TinygradError):
            tj.split(x, sizes)


def test_middles_and_modes():
    assert tj.mode(tj.tensor([2.0, 1.0, 2.0, 1.0, 3.0])).values.item() == 1.0
    assert tj.mode(tj.tensor([2.0, 1.0, 2.0, 1.0, 3.0])).indices.item() == 3
    assert tj.median(tj.tensor([[3, 1, 2, 4]]), 1).values.tolist() == [2]
    found = tj.median(tj.tensor([1.0, float("nan"), 0.0]), 0)
    assert np.isnan(found.values.item())
    assert found.indices.item() == 1
    for fn in (tj.mode, tj.median):
        with pytest.raises(ShapeError, match=r"\(2, 0\)"):
            fn(tj.ones(2, 0), 1)


# ── what went wrong, in words ───────────────────────────────────────────────────────────────────


def test_an_argument_in_a_few_words():
    x = leaf(X)
    x.name = "入力"
    assert describe(x) == "'入力' float64[2, 3]"
    assert describe(x, "a") == "a='入力' float64[2, 3]"
    assert describe(2.5, "b") == "b=2.5"
    assert describe((1, 2)) == "(1, 2)"
    assert describe(np.float32) == repr(np.float32)


def test_a_failure_remembers_what_lives():
    x, number = leaf(X), 2.5
    failure = Failure(REGISTRY[np.add], [x, number])
    assert failure.names() == ["a", "b"]
    assert failure.arguments() == [x, 2.5]
    del x
    assert failure.arguments() == [Failure.GONE, 2.5]
    listed = next(r for r in set(REGISTRY.values()) if getattr(r, "listed", False))
    assert Failure(listed, [1.0, 2.0]).names() == ["xs[0]", "xs[1]"]


HINTS = {
    "matmul": (lambda: leaf(X) @ leaf(X), ShapeError, ".mT"),
    "reshape": (lambda: leaf(X).reshape(4, 2), ShapeError, "-1"),
    "broadcast": (lambda: leaf(X) + leaf([1.0, 2.0]), ShapeError, "(2,)"),
    "list": (lambda: np.concatenate([leaf(X), leaf([[1.0]])]), ShapeError, "xs[1]"),
    "axis": (lambda: np.sum(leaf(X), axis=2), ShapeError, "2"),
    "singular": (lambda: np.linalg.inv(leaf(np.zeros((2, 2)))), MatrixError, "float64[2, 2]"),
    "None": (lambda: np.matmul(leaf(X), None), TinygradError, "None"),
    "a word": (lambda: leaf(X) * "a", TypeError, "str"),
    "a list of words": (lambda: leaf(X) * ["a", "b", "c"], ArgumentError, "list"),
}


@pytest.mark.parametrize("case", HINTS)
def test_what_failed_is_told_with_its_arguments(case):
    ask, kind, told = HINTS[case]
    with pytest.raises(kind) as caught:
        ask()
    assert told in str(caught.value)


def test_why_a_function_has_no_rule_is_said_in_the_users_language():
    reasons = REGISTRY[np.linalg.eig].reason
    for language, said, unsaid in (("ja", *reasons), ("en", *reversed(reasons))):
        tj.set_language(language)
        try:
            with pytest.raises(RuleError) as caught:
                np.linalg.eig(leaf(np.eye(2)))
            assert said in str(caught.value)
            assert unsaid not in str(caught.value)
        finally:
            tj.set_language(None)


def test_a_list_that_would_lose_a_gradient_is_refused_by_name():
    w = leaf(1.0)
    w.name = "w0"
    with pytest.raises(GradientError, match=" 'w0'"):
        leaf(X) * [w, w, w]
    with pytest.raises(GradientError) as caught:
        leaf(X) * [[leaf(1.0), 1.0, 1.0]]
    assert "''" not in str(caught.value)
    assert (leaf(X) * [tj.tensor(2.0), 1.0, 0.0]).tolist() == [[6.0, 1.0, 0.0], [12.0, 5.0, 0.0]]


def test_numbers_of_numpy_and_lists_widen_nothing():
    x = tj.tensor(X, dtype=tj.float16)
    for other in (np.float64(2.0), np.int64(2), 2.0, True):
        assert (x * other).dtype == np.float16
    assert (tj.tensor([1, 2]) * [0.5, 0.5]).dtype == np.float32
    assert (tj.tensor([1, 2]) * [2, 3]).dtype == np.int64


def test_functions_of_booleans_are_numbers():
    yes = tj.tensor([True, False])
    assert_allclose(np.sin(yes).numpy(), np.sin([1.0, 0.0]), rtol=1e-3)
    assert (yes / tj.tensor([True, True])).tolist() == [1.0, 0.0]
    assert (yes / yes.new_tensor([True, True])).dtype == np.float32
    assert (tj.tensor([6, 4]) / tj.tensor([True, True])).tolist() == [6.0, 4.0]
    assert tj.where(yes, tj.tensor([6, 4]), tj.tensor([True, True])).tolist() == [6, 1]


def test_a_value_of_fewer_axes_that_is_put_everywhere_gathers_its_gradient():
    x, v = leaf(np.zeros((4, 2, 3))), leaf(X)
    y = x * 1.0
    y[...] = v
    (y * 2).sum().backward()
    assert v.grad.tolist() == [[8.0] * 3] * 2
    assert not x.grad.numpy().any()


# ── backward's own refusals ─────────────────────────────────────────────────────────────────────


def test_gradients_that_do_not_fit():
    x = leaf(X)
    y = x * 2
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        tj.autograd.grad(y, x, [np.ones((2, 3)), np.ones((2, 3))])
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        y.backward(np.ones(3))


RULES_THAT_ERR = {
    "another shape": (lambda g, x: np.ones((7, 7)), {}, "(7, 7)"),
    "too few axes": (lambda g, x: np.ones(3), {}, "(3,)"),
    "another shape, where it broadcasts": (lambda g, x: np.ones((7, 7)), {"broadcasts": True}, "(7, 7)"),
    "fewer axes, where it broadcasts": (lambda g, x: np.ones(3), {"broadcasts": True}, "(3,)"),
    "no array": (lambda g, x: "nothing", {}, "str"),
    "another shape, computed": (lambda g, x: g.sum() * np.ones((7, 7)), {"broadcasts": True}, "(7, 7)"),
    "fewer axes, computed": (lambda g, x: g[0], {"broadcasts": True}, "(3,)"),
    "none of the axes": (lambda g, x: g.sum(), {"broadcasts": True}, "()"),
}  # fmt: skip


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("case", RULES_THAT_ERR)
def test_a_rule_that_gives_no_gradient_is_named(case, create_graph):
    pull, options, told = RULES_THAT_ERR[case]

    @tj.primitive
    def doubled(x: Any) -> Any:
        return x * 2

    tj.rule(doubled, pull, **options)
    try:
        y = doubled(leaf(X)).sum()
        with pytest.raises((ShapeError, RuleError)) as caught:
            y.backward(create_graph=create_graph)
        assert "doubled" in str(caught.value)
        assert told in str(caught.value)
    finally:
        REGISTRY.pop(doubled, None)


def test_a_hook_may_change_a_gradient_but_not_its_shape():
    x = leaf([1.0, 2.0])
    y = x * 3
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.register_hook(lambda g: g.numpy() * 10)  # an array will do
    x.register_hook(lambda g: g + 1)
    y.sum().backward()
    assert seen == [[1.0, 1.0]]
    assert x.grad.tolist() == [31.0, 31.0]
    z = x * 3
    z.register_hook(lambda g: g.sum())
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        z.sum().backward()
    x.grad = None
    undo = hooks.add_hook(x, lambda g: g * 0)
    undo()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    with pytest.raises(GradientError):
        tj.tensor([1.0]).register_hook(lambda g: None)


def test_a_check_in_low_precision_warns_at_the_line_that_asked():
    with pytest.warns(TinygradWarning, match="float32") as caught:
        assert tj.gradcheck(lambda x: (x * x).to(tj.float32), leaf(X))
    assert [w.filename for w in caught] == [__file__]


def test_labels_are_refused_before_they_index():
    with pytest.raises(LabelError, match="3"):
        tj.nn.functional.cross_entropy(leaf(X), [0, 3])
