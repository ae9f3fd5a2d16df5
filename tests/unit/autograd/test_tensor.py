"""What a Tensor is besides its values: data, gradient, copies, conversions, operators, how it shows."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinygrad_jp as tj
from tinygrad_jp.errors import DTypeError, GradientError, OptionError, RuleError, ShapeError


def leaf(*values: float) -> tj.Tensor:
    return tj.tensor(list(values), dtype=tj.float64, requires_grad=True)


# ── data ────────────────────────────────────────────────────────────────────────────────────────


def test_new_data_may_have_another_shape_and_dtype_and_gradients_follow():
    w = leaf(1.0, 2.0)
    w.data = np.array([[1.0], [2.0], [3.0]], np.float32)
    (w * w).sum().backward()
    assert w.grad.shape == (3, 1)
    assert w.grad.dtype == np.float32
    assert w.grad.tolist() == [[2.0], [4.0], [6.0]]


def test_new_data_of_the_same_shape_is_copied_in():
    w, values = leaf(1.0, 2.0), np.array([5.0, 6.0])
    w.data = values
    values[0] = 9.0
    assert w.tolist() == [5.0, 6.0]
    plain = tj.tensor([1.0])
    plain.data = [7.0, 8.0]
    assert plain.tolist() == [7.0, 8.0]
    assert not plain.requires_grad


def test_an_update_through_data_writes_once():
    w = leaf(1.0, 2.0)
    array = w._data
    w.data -= 0.5
    assert w.tolist() == [0.5, 1.5]
    assert w.requires_grad
    assert w._data is array


def test_new_data_may_be_a_part_of_the_old_in_another_order():
    x = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    for part in (lambda d: d[:1], lambda d: d[:, ::-1], lambda d: d.T, lambda d: d.reshape(3, 2), lambda d: d[1:]):
        for read in (lambda w: w.data, lambda w: np.array(w.data)):  # its own memory, and a copy
            w = tj.tensor(x, requires_grad=True)
            before = w.data
            w.data = part(read(w))
            assert w.tolist() == part(np.array(x)).tolist()
            before[...] = 0.0  # is another's by now
            assert w.tolist() == part(np.array(x)).tolist()
            w.sum().backward()
            assert w.grad.shape == w.shape
    whole = tj.arange(5.0)
    window = whole[:3]
    window.data = whole.data[1:4]  # of the same shape, elsewhere in the same memory
    assert window.tolist() == [1.0, 2.0, 3.0]


def test_a_write_into_data_is_noticed_whatever_writes():
    for write in (
        lambda d: d.sort(),
        lambda d: d.fill(3.0),
        lambda d: np.copyto(d, 3.0),
        lambda d: np.negative(d, out=d),
        lambda d: np.add.at(d, [0], 1.0),
        lambda d: np.divmod(d, 2.0, out=(d, np.empty(2))),
        lambda d: np.divmod(d, 2.0, out=(np.empty(2), d)),
    ):
        w = leaf(2.0, 1.0)
        y = (w * w).sum()
        write(w.data)
        with pytest.raises(GradientError):
            y.backward()


def test_results_of_reading_data_are_arrays_of_numpy():
    data = leaf(2.0, 1.0).data
    assert type(np.add(data, 1.0)) is np.ndarray
    assert type(np.divmod(data, 2.0)[0]) is np.ndarray
    assert repr(data) == "array([2., 1.])"
    twin = pickle.loads(pickle.dumps(data))
    assert type(twin) is np.ndarray
    assert_array_equal(twin, [2.0, 1.0])


def test_the_device_is_the_cpu():
    assert leaf(1.0).device == "cpu"


# ── the gradient ────────────────────────────────────────────────────────────────────────────────


def test_requires_grad_is_turned_on_and_off():
    x = tj.tensor([1.0])
    x.requires_grad = True
    assert x.requires_grad
    assert x.requires_grad_() is x
    assert x.requires_grad_(False) is x
    assert not x.requires_grad
    y = leaf(1.0) * 2
    y.name = "answer"
    with pytest.raises(GradientError, match="answer"):
        y.requires_grad = False
    with pytest.raises(DTypeError, match="int64"):
        tj.tensor([1]).requires_grad_()


def test_a_gradient_is_put_in_by_hand():
    w = leaf(1.0, 2.0)
    w.grad = [3, 4]
    assert w.grad.tolist() == [3.0, 4.0]
    assert w.grad.dtype == np.float64
    g = tj.tensor([5.0, 6.0])
    w.grad = g
    assert w.grad is g
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        w.grad = [1.0, 2.0, 3.0]
    w.grad = None
    assert w.grad is None
    constant = tj.tensor([1.0])
    constant.grad = None
    with pytest.raises(GradientError):
        constant.grad = [1.0]


def test_a_kept_gradient_adds_up():
    w = leaf(3.0)
    y = w * 2
    y.retain_grad()
    y.retain_grad()  # once more changes nothing
    z = (y * y).sum()
    z.backward(retain_graph=True)
    assert y.grad.tolist() == [12.0]
    z.backward()
    assert y.grad.tolist() == [24.0]
    w.retain_grad()  # a leaf keeps its gradient anyway
    assert w.grad.tolist() == [48.0]


# ── becoming something else ─────────────────────────────────────────────────────────────────────


def test_one_element_is_a_number():
    assert tj.tensor([2.5]).item() == 2.5
    assert float(tj.tensor(2.5)) == 2.5
    assert int(tj.tensor([7])) == 7
    assert operator.index(tj.tensor(7)) == 7
    assert [10, 20][tj.tensor(1)] == 20
    assert bool(tj.tensor([0.0])) is False
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        tj.tensor([1.0, 2.0]).item()
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        bool(tj.tensor([1.0, 2.0]))
    with pytest.raises(DTypeError, match="float32"):
        operator.index(tj.tensor(1.0))


def test_length_iteration_membership():
    x = leaf(1.0, 2.0, 3.0)
    assert len(x) == 3
    assert [v.item() for v in x] == [1.0, 2.0, 3.0]
    assert sum(v * v for v in x).requires_grad
    assert 2.0 in x
    assert 4.0 not in x
    for ask in (len, iter, tj.unbind, lambda t: tj.tensor_split(t, 2)):
        with pytest.raises(ShapeError):
            ask(tj.tensor(1.0))


def test_an_array_of_a_tensor():
    x = tj.tensor([1.5, 2.5])
    assert not np.asarray(x).flags.writeable
    assert np.shares_memory(np.asarray(x), x.data)
    assert np.asarray(x, np.int64).tolist() == [1, 2]
    own = np.array(x, copy=True)
    assert own.flags.writeable
    assert not np.shares_memory(own, x.data)
    with pytest.raises(GradientError):
        np.asarray(leaf(1.0))


def test_numpys_out_and_its_methods():
    x, w = tj.tensor([1.0, 2.0], dtype=tj.float64), leaf(1.0, 2.0)
    out = np.zeros(2)
    assert np.add(x, 1.0, out=out) is out
    assert out.tolist() == [2.0, 3.0]
    with pytest.raises(GradientError):
        np.add(w, 1.0, out=out)
    target = tj.zeros(2, dtype=tj.float64)
    assert np.add(w, 1.0, out=target) is target
    assert target.tolist() == [2.0, 3.0]
    assert target.requires_grad
    assert np.multiply.outer(w, x).tolist() == [[1.0, 2.0], [2.0, 4.0]]
    assert np.add.reduce(tj.ones(2, 3)).tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(RuleError, match="reduceat"):
        np.add.reduceat(w, [0, 1])


def test_copies_keep_values_names_and_gradients_but_no_graph():
    w = leaf(1.0, 2.0)
    w.name = "重み"
    (w * w).sum().backward()
    for twin in (copy.copy(w), copy.deepcopy(w)):
        assert twin is not w
        assert twin.name == "重み"
        assert twin.requires_grad
        assert twin.grad.tolist() == [2.0, 4.0]
        twin.data[0] = 9.0
        twin.grad.data[0] = 9.0
    assert w.tolist() == [1.0, 2.0]
    assert w.grad.tolist() == [2.0, 4.0]
    assert copy.copy(leaf(1.0)).grad is None
    assert not copy.copy(tj.tensor([1.0])).requires_grad
    with pytest.raises(GradientError):
        copy.deepcopy(w * 2)


@pytest.mark.parametrize("requires_grad", [True, False])
def test_pickled(requires_grad):
    w = tj.tensor([[1.0, 2.0]], dtype=tj.float16, requires_grad=requires_grad)
    twin = pickle.loads(pickle.dumps(w))
    assert twin.tolist() == [[1.0, 2.0]]
    assert (twin.dtype, twin.requires_grad) == (np.float16, requires_grad)


def test_how_it_shows_itself():
    assert repr(tj.tensor([1.0])) == "tensor([1.])"
    assert repr(tj.tensor([1], dtype=tj.int8)) == "tensor([1], dtype=int8)"
    w = leaf(1.0)
    assert repr(w) == "tensor([1.], dtype=float64, requires_grad=True)"
    assert repr(np.exp(w * 0)) == "tensor([1.], dtype=float64, grad_fn=np.exp)"
    values, _ = np.linalg.eigh(w.reshape(1, 1))
    assert "grad_fn=np.linalg.eigh[0]" in repr(values)
    values.sum().backward()
    assert "grad_fn=item" in repr(values), "what made it was freed"
    assert f"{tj.tensor(3.14159):.2f}" == "3.14"
    assert f"{tj.tensor([1.0, 2.0])}" == f"{tj.tensor([1.0, 2.0]):>3}" == "tensor([1., 2.])"


def test_in_a_notebook_names_are_escaped():
    w = leaf(1.0)
    w.name = "<script>"
    shown = w._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;: shape=(1,) dtype=float64" in shown
    assert "[1.]" in shown
    assert "grad_fn=np.multiply" in (w * 2)._repr_html_()
    assert tj.tensor([1.0])._repr_html_().startswith("<div><small>shape=(1,)")


def test_size_is_a_number_and_a_method():
    x = tj.ones(2, 3)
    assert x.size == 6
    assert x.size() == (2, 3)
    assert x.size(0) == 2
    assert x.size(-1) == 3


def test_the_default_dtype():
    assert tj.get_default_dtype() == np.float32
    try:
        tj.set_default_dtype("float64")
        assert tj.get_default_dtype() == np.float64
        assert tj.tensor(1.0).dtype == np.float64
        assert tj.tensor(1).dtype == np.int64
    finally:
        tj.set_default_dtype(tj.float32)
    for wrong in (np.int32, np.longdouble, np.complex64):
        with pytest.raises(OptionError, match=np.dtype(wrong).name):
            tj.set_default_dtype(wrong)
    assert tj.tensor(1.0).dtype == np.float32


# ── operators ───────────────────────────────────────────────────────────────────────────────────

REFLECTED = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne, divmod,
]  # fmt: skip


@pytest.mark.parametrize("f", REFLECTED)
def test_operators_on_either_side(f):
    a = np.array([2.0, 3.0, 4.0])
    for x, y in ((a, 3.0), (3.0, a), (a, a[::-1])):
        ours = f(
            *(tj.tensor(v, dtype=tj.float64) if isinstance(v, np.ndarray) else v for v in (x, y))
        )
        for one, other in zip(np.atleast_2d(f(x, y)), ours if isinstance(ours, tuple) else (ours,)):
            assert isinstance(other, tj.Tensor)
            assert_array_equal(other.numpy(), one)


def test_products_of_matrices_with_lists_and_arrays():
    w = tj.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=tj.float64, requires_grad=True)
    for left in ([1.0, 10.0], np.array([1.0, 10.0])):
        y = left @ w
        assert y.tolist() == [31.0, 42.0]
        assert y.requires_grad


def test_bits():
    a, b = np.array([12, 10]), np.array([10, 3])
    for f in (operator.and_, operator.or_, operator.xor):
        assert_array_equal(f(tj.tensor(a), tj.tensor(b)).numpy(), f(a, b))
    assert_array_equal((~tj.tensor(a)).numpy(), ~a)
    assert (~tj.tensor([True, False])).tolist() == [False, True]
    assert (+leaf(1.0)).requires_grad


def test_nothing_is_equal_to_none_or_a_word():
    x = tj.tensor([1.0])
    assert (x == None) is False  # noqa: E711
    assert (x != "a") is True


def test_in_place():
    x = tj.tensor([4.0, 6.0])
    assert x.add_(1.0) is x
    assert x.sub_(tj.tensor([1.0, 2.0]), alpha=2).tolist() == [3.0, 3.0]
    assert x.add_(1.0, alpha=3).tolist() == [6.0, 6.0]
    assert x.sub_(5.0, alpha=0).tolist() == x.add_(5.0, alpha=0).tolist() == [6.0, 6.0]
    assert tj.tensor([4.0]).add_(1.0).sub_(2.0).tolist() == [3.0]
    assert x.sub_(2.0).mul_(3.0).div_(2.0).tolist() == [6.0, 6.0]
    x **= 2
    assert x.tolist() == [36.0, 36.0]
    with pytest.raises(ShapeError, match=r"\(3,\)"):
        x += [1.0, 2.0, 3.0]
    count = tj.tensor([1])
    with pytest.raises(DTypeError, match="float"):
        count += 0.5
    assert x.tolist() == [36.0, 36.0]


def test_in_place_within_a_graph():
    w = leaf(1.0, 2.0)
    y = w * 1.0
    y.mul_(w).add_(w, alpha=3).div_(2.0)
    assert tj.autograd.grad(y.sum(), w)[0].tolist() == [2.5, 3.5]  # (w² + 3w) / 2
    y = w * 1.0
    with pytest.raises(ShapeError, match=r"\(2, 2\)"):
        y += tj.ones(2, 2)
    with pytest.raises(GradientError):
        w.add_(1.0)
    with pytest.raises(GradientError):
        (w * 1.0)[:1].mul_(2.0)
    narrow = tj.tensor([1.0, 2.0])
    narrow += w  # of the graph now, and float32 still
    assert narrow.dtype == np.float32
    assert tj.autograd.grad(narrow.sum(), w)[0].dtype == np.float64
    whole = tj.tensor([1, 2])
    with pytest.raises(DTypeError, match="int64"):
        whole += w
