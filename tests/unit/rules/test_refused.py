"""What NumPy refuses, a rule refuses with a typed error; what it does at the edges, a rule does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp.errors import OptionError, ShapeError, TinygradError
from tinygrad_jp.rules.index import counts_of
from tinygrad_jp.vocabulary import fast, primitives
from tinygrad_jp.vocabulary.layers import label_places, log_softmax, softmax
from tinygrad_jp.vocabulary.primitives import may_repeat


def leaf(*shape: int) -> tj.Tensor:
    """Give a tracked Tensor of 1, 2, 3 …"""
    return tj.tensor(np.arange(1.0, np.prod(shape) + 1).reshape(shape), requires_grad=True)


# what is asked, the error, and what its text must tell in either language
REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "linalg.outer of a matrix": (lambda: np.linalg.outer(leaf(2, 2), leaf(2)), OptionError, "(2, 1)"),
    "linalg.outer with a matrix": (lambda: np.linalg.outer(leaf(2), leaf(2, 2)), OptionError, "(1, 2)"),
    "tensordot": (lambda: np.tensordot(leaf(2, 3), leaf(2, 3), 1), ShapeError, "(2, 3)"),
    "cross": (lambda: np.cross(leaf(2, 4), leaf(2, 4)), ShapeError, "(2, 4)"),
    "cross with": (lambda: np.linalg.cross(leaf(3), leaf(2)), ShapeError, "(2,)"),
    "multi_dot": (lambda: np.linalg.multi_dot([leaf(2, 2)]), OptionError, "multi_dot"),
    "matrix_power": (lambda: np.linalg.matrix_power(leaf(2, 3), 2), ShapeError, "(2, 3)"),
    "matrix_power of a vector": (lambda: np.linalg.matrix_power(leaf(2), 2), ShapeError, "(2,)"),
    "einsum lengths": (lambda: np.einsum("ij,jk->ik", leaf(2, 3), leaf(2, 3)), ShapeError, "j"),
    "einsum operands": (lambda: np.einsum("ij,jk->ik", leaf(2, 3)), ShapeError, "ij,jk->ik"),
    "einsum few axes": (lambda: np.einsum("ijk->k", leaf(2, 3)), ShapeError, "ijk"),
    "einsum many axes": (lambda: np.einsum("i->i", leaf(2, 3)), ShapeError, "i->i"),
    "einsum ellipsis": (lambda: np.einsum("...ijk->k", leaf(2, 3)), ShapeError, "ijk"),
    "einsum result twice": (lambda: np.einsum("ij->ii", leaf(2, 3)), OptionError, "ii"),
    "einsum result unknown": (lambda: np.einsum("ij->k", leaf(2, 3)), OptionError, "k"),
    "take": (lambda: np.take(leaf(3), [0], mode="no"), OptionError, "wrap"),
    "choose": (lambda: np.choose([0], [leaf(1)], mode="no"), OptionError, "wrap"),
    "choose high": (lambda: np.choose([0, 2], [leaf(2), leaf(2)]), OptionError, "2"),
    "choose low": (lambda: np.choose([0, -1], [leaf(2), leaf(2)]), OptionError, "-1"),
    "piecewise": (lambda: np.piecewise(leaf(2), [[True, False]], [1, 2, 3]), OptionError, "3"),
    "bincount lengths": (lambda: np.bincount([0, 1], leaf(3)), ShapeError, "(3,)"),
    "bincount low": (lambda: np.bincount([0, -2], leaf(2)), OptionError, "-2"),
    "array_split": (lambda: np.array_split(leaf(3), 0), OptionError, "0"),
    "split in none": (lambda: np.split(leaf(3), 0), OptionError, "0"),
    "split in fewer than none": (lambda: np.split(leaf(3), -3), OptionError, "-3"),
    "split unequal": (lambda: np.split(leaf(3), 2), OptionError, "3"),
    "pad mode": (lambda: np.pad(leaf(3), 1, "median"), OptionError, "reflect"),
    "pad odd": (lambda: np.pad(leaf(3), 1, "reflect", reflect_type="odd"), OptionError, "even"),
    "pad by words": (lambda: np.pad(leaf(3), 1, "reflect", reflect_type="any"), OptionError, "even"),
    "norm": (lambda: np.linalg.norm(leaf(2, 2, 2), 1), OptionError, "3"),
    "polyder order": (lambda: np.polyder(leaf(3), -1), OptionError, "-1"),
    "polyder axes": (lambda: np.polyder(leaf(3, 1)), OptionError, "2"),
    "poly": (lambda: np.poly(leaf(2, 3)), OptionError, "2"),
    "average shape": (lambda: np.average(leaf(2, 3), 0, leaf(3)), ShapeError, "(3,)"),
    "average of all": (lambda: np.average(leaf(2, 3), weights=leaf(2)), ShapeError, "(2,)"),
    "average of nothing": (lambda: np.average(leaf(2), weights=[1.0, -1.0]), ZeroDivisionError, ""),
    "diff": (lambda: np.diff(leaf(3), -1), OptionError, "-1"),
    "gradient order": (lambda: np.gradient(leaf(3), edge_order=3), OptionError, "1, 2"),
    "gradient axes": (lambda: np.gradient(leaf(3, 3), 1.0, 1.0, 1.0), ShapeError, "3"),
    "gradient short": (lambda: np.gradient(leaf(2), edge_order=2), ShapeError, "3"),
    "gradient spacing": (lambda: np.gradient(leaf(3), [0.0, 1.0]), ShapeError, "2"),
    "interp points": (lambda: np.interp(leaf(2), [0.0, 1.0], leaf(3)), ShapeError, "(3,)"),
    "interp axes": (lambda: np.interp(leaf(2), [[0.0, 1.0]], leaf(1, 2)), ShapeError, "(1, 2)"),
    "convolve": (lambda: np.convolve(leaf(2, 2), leaf(2)), ShapeError, "(2, 2)"),
    "convolve with": (lambda: np.convolve(leaf(2), leaf(2, 2)), ShapeError, "(2, 2)"),
    "convolve nothing": (lambda: np.convolve(leaf(2), leaf(0)), ShapeError, "(0,)"),
    "correlate nothing": (lambda: np.correlate(leaf(0), leaf(2)), ShapeError, "(0,)"),
    "correlate mode": (lambda: np.correlate(leaf(2), leaf(2), "no"), OptionError, "valid"),
    "meshgrid": (lambda: np.meshgrid(leaf(2), leaf(2), indexing="no"), OptionError, "xy, ij"),
    "rot90": (lambda: np.rot90(leaf(2, 2), 1, (0, -2)), OptionError, "-2"),
    "diagonal": (lambda: np.diagonal(leaf(2, 2), 0, 1, -1), OptionError, "-1"),
    "diagonal of the first axis twice": (lambda: np.diagonal(leaf(2, 2), 0, 0, -2), OptionError, "-2"),
    "matrix_power of a stack": (lambda: np.linalg.matrix_power(leaf(2, 2, 3), 2), ShapeError, "(2, 2, 3)"),
    "diag": (lambda: np.diag(leaf(2, 2, 2)), OptionError, "3"),
}
if hasattr(np, "cumulative_sum"):  # NumPy 2.1
    REFUSED |= {
        "cumulative_sum": (lambda: np.cumulative_sum(leaf(2, 2)), OptionError, "axis"),
        "cumulative_prod": (lambda: np.cumulative_prod(leaf(2, 2)), OptionError, "axis"),
    }


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_typed_error(case, language):
    ask, kind, told = REFUSED[case]
    tj.set_language(language)
    try:
        with pytest.raises(kind) as caught:
            ask()
        said = str(caught.value)
    finally:
        tj.set_language(None)
    assert told in said
    assert kind is ZeroDivisionError or isinstance(caught.value, TinygradError)


X = np.array([[3.0, 1.0, 2.0], [6.0, 5.0, 4.0]])

HOLES = np.array([[False, True, False], [True, False, False]])

# what NumPy allows: the value and the gradient of Σ k·y, k = 1, 2, 3 …, against NumPy's own values
ALLOWED: dict[str, Any] = {
    "einsum spreads the first": lambda x: np.einsum("ij,kj->ik", x[:, :1], x),
    "einsum spreads the second": lambda x: np.einsum("ij,kj->ik", x, x[:, 1:2]),
    "einsum without an arrow": lambda x: np.einsum("ij,jk", x, x.T),
    "einsum without an arrow, one axis left": lambda x: np.einsum("ba", x),
    "einsum without an arrow, with an ellipsis": lambda x: np.einsum("...i,i...", x, x.T),
    "einsum of sublists": lambda x: np.einsum(x, [0, 1], x, [2, 1]),
    "take nothing": lambda x: np.take(x, [], axis=0),
    "take around": lambda x: np.take(x, [-4, 7], axis=1, mode="wrap"),
    "take clipped": lambda x: np.take(x, [-4, 7], axis=1, mode="clip"),
    "choose around": lambda x: np.choose([-1, 0, 3], [x[0], x[1]], mode="wrap"),
    "choose clipped": lambda x: np.choose([-1, 0, 3], [x[0], x[1]], mode="clip"),
    "unequal parts": lambda x: np.array_split(x, 2, axis=1)[0],
    "parts of the first axis": lambda x: np.array_split(x, 2)[0],
    "parts cut at places": lambda x: np.array_split(x, [1], axis=1)[1],
    "pad with two values": lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=(5.0, 7.0)),
    "pad one axis only": lambda x: np.pad(x, ((0, 0), (1, 2)), "reflect"),
    "pad nothing at all": lambda x: np.pad(x, 0, "edge"),
    "average of rows": lambda x: np.average(x, axis=0, weights=[1.0, 3.0]),
    "average over both, axes turned": lambda x: np.average(x, axis=(1, 0), weights=X.T),
    "a slope with its own places": lambda x: np.gradient(x, [0.0, 1.0, 4.0], axis=1),
    "slopes of even places": lambda x: np.gradient(x, [0.0, 2.0, 4.0], axis=1),
    "interpolated on a ring": lambda x: np.interp(x, [0.5, 1.5, 4.5], [1.0, 2.0, 0.0], period=5.0),
    "interpolated from one point": lambda x: np.interp(x, [2.0], x[0, :1]),
    "interpolated from one point at one place": lambda x: np.interp(x[0, 0], [2.0], x[0, :1]),
    "a diagonal put": lambda x: np.diag(x[0], -1),
    "turned by nothing": lambda x: np.rot90(x, 4),
    "turned by seven quarters": lambda x: np.rot90(x, 7),
    "turned back by six quarters": lambda x: np.rot90(x, -6),
    "fifty steps, if not said": lambda x: np.geomspace(x[0], x[1]),
    "the 0th difference": lambda x: np.diff(x, 0),
    "running totals of what is not missing": lambda x: np.nancumsum(np.where(HOLES, np.nan, x), axis=1),
    "running products of what is not missing": lambda x: np.nancumprod(np.where(HOLES, np.nan, x), axis=1),
    "the condition of no square, upside down": lambda x: np.linalg.cond(x, -2),
    "an axis rolled to where it is": lambda x: np.rollaxis(x, 1, 1),
    "an axis rolled to the end": lambda x: np.rollaxis(x, 0, 2),
    "an axis rolled to the start": lambda x: np.rollaxis(x, -1),
    "each element as often as it is told": lambda x: np.repeat(x, [1, 0, 2, 1, 3, 1]),
    "fifty equal steps, if not said": lambda x: np.linspace(x[0], x[1]),
    "fifty powers, if not said": lambda x: np.logspace(x[0] / 9.0, x[1] / 9.0),
    "covariances of rows and rows": lambda x: np.cov(x, x[:, ::-1] ** 2),
    "covariances of columns and columns": lambda x: np.cov(x, x[:, ::-1] ** 2, rowvar=False),
    "covariances of columns and one more": lambda x: np.cov(x, x[:, 0], rowvar=False),
    "a trace of each matrix": lambda x: np.linalg.trace(np.stack([x, x + 1.0], axis=2), offset=1),
}
if np.lib.NumpyVersion(np.__version__) >= "2.2.0":
    ALLOWED["pad by a dict"] = lambda x: np.pad(x, {-1: (1, 2)}, "edge")
    ALLOWED["pad by a dict, both sides alike"] = lambda x: np.pad(x, {0: 1}, "wrap")


@pytest.mark.parametrize("case", ALLOWED)
def test_done_as_numpy_does(case):
    f = ALLOWED[case]
    x = tj.tensor(X, requires_grad=True)
    y = f(x)
    expected = np.asarray(f(X))
    assert_allclose(y.detach().numpy(), expected, rtol=4e-15)
    weights = np.arange(1.0, expected.size + 1).reshape(expected.shape)
    assert tj.gradcheck(lambda x: (f(x) * weights).sum() + x.sum(), x)


def test_counts_are_whole_numbers_without_a_gradient():
    x = tj.tensor([2.0, 0.0, 2.0], requires_grad=True)
    counts = np.bincount(x.to(tj.int64), minlength=4)
    assert counts.tolist() == [1, 0, 2, 0]
    assert counts.dtype == np.int64
    assert not counts.requires_grad
    assert counts_of(np.array([1, 1]), 3).tolist() == [0, 2, 0]
    assert np.bincount(tj.tensor([], dtype=tj.int64)).tolist() == []


# ── the words beneath ───────────────────────────────────────────────────────────────────────────


def test_ones_are_kept_by_size_and_dtype_and_never_too_many():
    a, b = fast.ones(70_000, np.float32(0)), fast.ones(70_000, np.float32(0))
    assert a is not b, "a large one is not kept"
    for size in range(1, 80):
        kept = fast.ones(size, np.float64(0))
        assert kept.shape == (size,)
        assert kept.dtype == np.float64
        assert kept.sum() == size
        assert not kept.flags.writeable
        assert fast.ones(size, np.float64(0)) is kept
    assert len(fast._ones) == 64
    assert fast.ones(3, np.float32(0)).dtype == np.float32


def test_a_large_broadcast_takes_no_memory():
    small, large = fast.broadcast_to(np.ones(1), 65_536), fast.broadcast_to(np.ones(1), 65_537)
    assert small.strides == (8,)
    assert small.flags.writeable
    assert large.strides == (0,)
    assert large.shape == (65_537,)


def test_axes_out_of_range_are_numpys_own_error():
    assert fast.expand_dims(np.ones((2, 3)), -3).shape == (1, 2, 3)
    assert fast.expand_dims(np.ones((2, 3)), 2).shape == (2, 3, 1)
    assert fast.expand_dims(np.ones((2, 3)), (0, -1)).shape == (1, 2, 3, 1)
    for axis in (3, -4):
        with pytest.raises(np.exceptions.AxisError):
            fast.expand_dims(np.ones((2, 3)), axis)


def test_orders_of_memory():
    x = np.arange(6)
    assert_array_equal(fast.reshape(x, (2, 3), "F"), x.reshape((2, 3), order="F"))
    for order in ("A", "K"):
        with pytest.raises(OptionError, match=order):
            fast.reshape(x, (2, 3), order)


@pytest.mark.parametrize("fn", [softmax, log_softmax])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_no_classes_at_all(fn, dtype):
    x = np.empty((3, 0), dtype)
    y = fn(x, 1)
    assert y is not x
    assert (y.shape, y.dtype) == ((3, 0), dtype)


def test_places_of_labels():
    for n in (*range(1, 70), 70_000):  # more lengths than are kept, and one that is too long to be
        t = np.arange(n, dtype=np.int32) % 3
        assert_array_equal(label_places(t, n, 3), t * n + np.arange(n))
    with pytest.raises(TinygradError, match="float64"):
        label_places(np.zeros(2), 2, 3)
    for wrong in (3, -1):
        with pytest.raises(TinygradError, match=str(wrong)):
            label_places(np.array([0, wrong]), 2, 3)


def test_which_indices_can_name_a_place_twice():
    assert may_repeat([0, 0])
    assert may_repeat(np.array([1]))
    assert not may_repeat([True, False])
    assert not may_repeat(slice(None))
    assert not may_repeat(1)
    assert not may_repeat(np.int64(1))


def test_adjoints_refuse_gradients_of_another_shape():
    with pytest.raises(ValueError, match="places"):
        primitives.put_along(np.ones(2), np.array([0, 1, 2]), 0, (4,))
    with pytest.raises(ValueError, match="windows"):
        primitives.fold(np.ones((2, 2)), (2,), (0,), (4,))
