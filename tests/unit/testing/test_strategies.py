"""What is drawn lies where it should, and shrinks to something plain."""

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import OptionError
from tinygrad_jp.testing import (
    ABOVE_ONE,
    NONZERO,
    arrays,
    broadcastable_shapes,
    dtypes,
    elements,
    labels,
    load_profile,
    modules,
    optimizers,
    shapes,
    tensors,
)


@given(st.from_type(tj.Tensor))
def test_a_tensor_by_its_type(x):
    assert type(x) is tj.Tensor
    assert x.dtype in (np.float32, np.float64)
    assert np.isfinite(x.numpy()).all()


@given(shape=shapes(min_dims=1, max_dims=2, min_side=0, max_side=3))
def test_shapes(shape):
    assert 1 <= len(shape) <= 2
    assert all(0 <= n <= 3 for n in shape)


@given(broadcastable_shapes(3), broadcastable_shapes(signature="(n?,k),(k,m?)->(n?,m?)"))
def test_shapes_that_broadcast(three, two):
    assert len(three) == 3
    np.broadcast_shapes(*three)
    a, b = (np.ones(shape) for shape in two)
    assert np.matmul(a, b).size >= 1


@given(tensors(dtype=dtypes(half=True), elements=NONZERO, requires_grad=st.booleans()))
def test_values_keep_away_from_a_pole(x):
    assert (abs(x.numpy()) >= 0.099).all()
    assert (abs(x.numpy()) <= 3).all()


@given(arrays(shape=(3,), values=elements(-1, 1, away_from=(0, 0.5), gap=0.2)))
def test_values_keep_away_from_several_points(x):
    for point in (0, 0.5):
        assert (abs(x - point) >= 0.2 - 1e-12).all()


@given(arrays(dtype=np.float16, values=ABOVE_ONE))
def test_the_ends_are_as_the_dtype_has_them(x):
    assert x.dtype == np.float16
    assert (x >= 1.1).all()


def test_nothing_is_left_to_draw():
    with pytest.raises(OptionError, match="0"):
        elements(-0.1, 0.1, away_from=(0,), gap=0.2)
    with pytest.raises(OptionError):
        labels(0)


def test_the_plainest_tensor_is_found():
    x = find(tensors(), lambda x: (x.numpy() > 1.5).any())
    assert x.shape == ()
    assert x.item() == 2.0


@given(labels(3, (2, 2)))
def test_labels(y):
    assert y.shape == (2, 2)
    assert y.dtype == np.int64
    assert ((y >= 0) & (y < 3)).all()


@given(modules(4, 2), st.integers(2, 5))
def test_modules(net, number):
    state = tj.get_rng_state()
    assert net(tj.Tensor(np.ones((number, 4), np.float32))).shape == (number, 2)
    assert tj.get_rng_state() == state


def test_the_plainest_module_is_one_layer():
    net = find(modules(3, 2), lambda net: True)
    assert [type(layer) for layer in net] == [nn.Linear]
    assert any(True for _ in find(modules(3, 2, smooth=False), lambda net: len(net) > 2))


@given(optimizers())
def test_optimizers(recipe):
    w = tj.tensor([1.0], requires_grad=True)
    optimizer = recipe([w], lr=0.5)
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert repr(recipe).startswith(type(optimizer).__name__ + "(params, lr=")


def test_the_plainest_optimizer_is_sgd():
    assert repr(find(optimizers(), lambda r: True)).startswith("SGD(params, lr=0.01")


def test_an_unknown_profile():
    with pytest.raises(OptionError, match="tj-thorough"):
        load_profile("tj-none")
