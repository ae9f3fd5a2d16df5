"""An array changed in place after it was recorded never gives a silently wrong gradient."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import errors
from tinygrad_jp.autograd.memory import Data
from tinygrad_jp.errors import DTypeError, GradientError, ShapeError


def squared(x):
    return (x * x).sum()


def write_data(x):
    x.data[0] = 100.0


def write_numpy(x):
    x.numpy()[0] = 100.0


def write_whole(x):
    x.data[...] = np.zeros(3, np.float32)


def write_view(x):
    x.data[1:][0] = 100.0


def write_operator(x):
    x.data *= 2


def write_out(x):
    np.add(x.data, 1, out=x.data)


def write_at(x):
    np.add.at(x.data, [0, 0], 1)


def write_copyto(x):
    np.copyto(x.data, 7.0)


def write_fill(x):
    x.data.fill(7.0)


def write_sort(x):
    x.data[...] = [3.0, 2.0, 1.0]
    x.data.sort()


def write_detached(x):
    x.detach()[0] = 100.0


def write_detached_operator(x):
    view = x.detach()
    view += 1.0


def write_no_grad(x):
    with tj.no_grad():
        x += 1.0


def write_no_grad_item(x):
    with tj.no_grad():
        x[0] = 100.0


def write_copy(x):
    with tj.no_grad():
        x.copy_(tj.Tensor([0.0, 0.0, 0.0]))


WRITES = [f for name, f in list(globals().items()) if name.startswith("write_")]


@pytest.mark.parametrize("write", WRITES)
def test_write_after_recording_raises_and_names_the_tensor(write):
    x = tj.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    x.name = "体重"
    loss = squared(x)
    write(x)
    with pytest.raises(GradientError, match=r"in place|書き換え") as caught:
        loss.backward()
    assert "体重" in str(caught.value)
    assert "np.multiply" in str(caught.value)
    assert x.grad is None


@pytest.mark.parametrize("write", WRITES)
def test_write_before_recording_is_harmless(write):
    x = tj.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    write(x)
    squared(x).backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * x.numpy())


def test_write_into_what_no_rule_keeps_is_harmless():
    x = tj.Tensor([1.0, 2.0], requires_grad=True)
    y = (x + 1.0).sum()
    x.data[0] = 5.0
    y.backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_write_into_a_result_that_the_rule_keeps_raises():
    x = tj.Tensor([1.0, 2.0], requires_grad=True)
    y = np.exp(x)
    loss = y.sum()
    y.data[0] = 0.0
    with pytest.raises(GradientError):
        loss.backward()


def test_write_through_a_view_tensor_raises():
    x = tj.Tensor(np.arange(6.0), requires_grad=True)
    loss = squared(x)
    rows = x.detach().reshape(2, 3)
    rows[1, 1] = -1.0
    with pytest.raises(GradientError):
        loss.backward()


def test_arrays_from_outside_are_copied():
    given = np.array([1.0, 2.0, 3.0])
    x = tj.Tensor(given, requires_grad=True)
    factor = np.array([2.0, 2.0, 2.0])
    loss = (x * factor * x).sum()
    given[:] = 0.0
    factor[:] = 0.0
    loss.backward()
    np.testing.assert_array_equal(x.grad.numpy(), [4.0, 8.0, 12.0])


def test_index_from_outside_is_copied():
    x = tj.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    index = np.array([0, 1])
    y = x[index].sum()
    index[:] = 2
    y.backward()
    assert x.grad.tolist() == [1.0, 1.0, 0.0]


def test_what_numpy_makes_of_a_tensor_is_read_only():
    x = tj.Tensor([1.0, 2.0])
    for view in (np.asarray(x), np.asarray(x.data), np.asarray(x.numpy())):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 5.0
    assert x.tolist() == [1.0, 2.0]


def test_arithmetic_on_data_gives_plain_arrays():
    x = tj.Tensor([1.0, 2.0])
    assert type(x.data + 1) is np.ndarray
    assert type(np.concatenate([x.data, x.data])) is np.ndarray
    assert type(x.data.sum()) is np.float32
    assert isinstance(x.data, Data)
    assert repr(x.data) == "array([1., 2.], dtype=float32)"


def test_optimiser_style_update_between_steps_is_right():
    w = tj.Tensor([3.0], requires_grad=True)
    for _ in range(3):
        w.grad = None
        (w * w).sum().backward()
        with tj.no_grad():
            w -= 0.25 * w.grad
    assert w.tolist() == [3.0 * 0.5**3]


def test_leaf_in_place_outside_no_grad_is_refused():
    w = tj.Tensor([3.0], requires_grad=True)
    w.name = "w1"
    with pytest.raises(GradientError, match="w1"):
        w += 1.0
    with pytest.raises(GradientError, match="no_grad"):
        w[0] = 1.0
    assert w.tolist() == [3.0]


def test_in_place_inside_a_graph_is_recorded():
    w = tj.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    h = w * 2.0
    kept = np.exp(h)  # needs its own result, and h as it was
    h += w
    h[0] = 10.0
    h *= 3.0
    (h.sum() + kept.sum()).backward()
    expected = 2.0 * np.exp(2.0 * w.numpy()) + np.array([0.0, 9.0, 9.0], np.float32)
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-6)


def test_assigning_a_tracked_value_into_a_plain_tensor_records():
    w = tj.Tensor([1.0, 2.0], requires_grad=True)
    board = tj.Tensor(np.zeros(4, np.float32))
    board[1:3] = w * 3.0
    (board * board).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), [18.0, 36.0])


def test_in_place_that_would_grow_is_refused():
    x = tj.Tensor([1.0, 2.0])
    with pytest.raises(ShapeError):
        x += np.ones((3, 2), np.float32)
    w = tj.Tensor([1.0], requires_grad=True) * 1.0
    with pytest.raises(ShapeError):
        w += np.ones(3, np.float32)


@pytest.mark.parametrize("shape", [(2, 3), (1, 3), (4, 3)])
@pytest.mark.parametrize("recorded", [False, True])
def test_in_place_that_would_get_more_axes_is_refused(shape, recorded):
    x = tj.ones(3, requires_grad=recorded) * 2.0
    with pytest.raises(ShapeError) as caught:
        x += tj.ones(*shape)
    assert caught.value.key == "in_place_shape"
    assert x.tolist() == [2.0, 2.0, 2.0]


def test_in_place_keeps_the_dtype():
    x = tj.Tensor([1.0, 2.0])
    x += np.array([1.0, 1.0])
    assert x.dtype == np.float32
    h = tj.Tensor([1.0], requires_grad=True) * 2.0
    h += tj.Tensor(np.array([1.0]))
    assert h.dtype == np.float32


def test_array_plus_equals_tensor_writes_values():
    a = np.array([1.0, 2.0])
    a += tj.Tensor(np.array([1.0, 1.0]))
    assert type(a) is np.ndarray
    assert a.tolist() == [2.0, 3.0]
    with pytest.raises(GradientError):
        a += tj.Tensor(np.array([1.0, 1.0]), requires_grad=True)
    assert a.tolist() == [2.0, 3.0]


def test_replacing_data_leaves_what_was_recorded_right():
    x = tj.Tensor([1.0, 2.0], requires_grad=True)
    loss = squared(x)
    x.data = np.array([10.0, 20.0], np.float32)
    loss.backward()
    assert x.grad.tolist() == [2.0, 4.0]
    assert x.tolist() == [10.0, 20.0]


def test_the_log_of_writes_forgets_arrays_that_died():
    from tinygrad_jp.autograd import memory

    before = len(memory._writes)
    for _ in range(100):
        x = tj.Tensor([1.0])
        x.data[0] = 2.0
    del x
    assert len(memory._writes) <= before + 1


def test_a_list_of_tracked_tensors_never_loses_their_gradient():
    t = tj.Tensor([1.0, 2.0], requires_grad=True)
    u = tj.Tensor(3.0, requires_grad=True)
    u.name = "u"
    for use in (lambda: np.add(t, [u, u]), lambda: t * [1.0, u], lambda: tj.tensor([[u]])):
        with pytest.raises(GradientError, match=r"u.*stack"):
            use()
    assert (t + [u.detach(), 1.0]).tolist() == [4.0, 3.0]


def test_a_view_of_a_leaf_is_refused_as_the_leaf_is():
    x = tj.ones(3, requires_grad=True)
    x.name = "weight"
    for change in (lambda: x[:2].zero_(), lambda: x.view(3).add_(1)):
        with pytest.raises(GradientError, match="weight"):
            change()
    y = x[[0, 1]]  # a copy
    y += 1
    with tj.no_grad():
        x[:2].zero_()
    assert x.tolist() == [0.0, 0.0, 1.0]


def test_changes_in_place_that_do_not_fit_give_typed_errors():
    w = tj.ones(3, requires_grad=True)
    for target, change, kind in [
        (tj.ones(3), lambda x: x.copy_(tj.ones(2)), errors.ShapeError),
        (tj.ones(3), lambda x: x.__setitem__(7, 1), errors.PositionError),
        (tj.arange(3), lambda x: x.__iadd__(1.5), errors.DTypeError),
        (tj.arange(3), lambda x: x.__itruediv__(2), errors.DTypeError),
        (tj.arange(3), lambda x: x.__iadd__(w), errors.DTypeError),
    ]:
        with pytest.raises(kind):
            change(target)
    with pytest.raises(IndexError):
        tj.ones(2, 3)[5]


def test_an_integer_tensor_does_not_take_a_tracked_value():
    w = tj.ones(3, requires_grad=True)
    whole = tj.arange(3)
    with pytest.raises(DTypeError, match="int64"):
        whole[0] = w[0]
    assert whole.tolist() == [0, 1, 2]


def test_a_method_in_place_on_a_recorded_view_is_refused_and_the_index_form_works():
    w = tj.ones(3, requires_grad=True)
    y = w * 2.0
    for change in (lambda: y[:2].zero_(), lambda: y.view(3).add_(1.0), lambda: y[:1].copy_(5.0)):
        with pytest.raises(GradientError, match=r"y\[\.\.\.\]"):
            change()
    y[:2] = 0.0
    y[2:] += 1.0
    y.mul_(3.0)
    assert y.tolist() == [0.0, 0.0, 9.0]
    y.sum().backward()
    assert w.grad.tolist() == [0.0, 0.0, 6.0]
