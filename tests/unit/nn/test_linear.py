"""Linear layers, tables and changes of shape."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import ArgumentError, DTypeError, LabelError, OptionError, ShapeError


def test_linear_starts_as_pytorchs_does_and_from_the_seed():
    tj.manual_seed(3)
    a = nn.Linear(400, 300)
    tj.manual_seed(3)
    b = nn.Linear(400, 300)
    np.testing.assert_array_equal(a.weight.detach(), b.weight.detach())
    np.testing.assert_array_equal(a.bias.detach(), b.bias.detach())
    bound = 1 / np.sqrt(400)
    for values in (a.weight.detach().numpy(), a.bias.detach().numpy()):
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.97 * bound
        np.testing.assert_allclose(values.std(), bound / np.sqrt(3), rtol=0.1)
    assert a.weight.dtype == np.float32
    tj.manual_seed(4)
    assert (nn.Linear(400, 300).weight.numpy() != a.weight.numpy()).any()


def test_linear_follows_the_default_dtype():
    tj.set_default_dtype(tj.float64)
    try:
        assert nn.Linear(2, 2).weight.dtype == np.float64
    finally:
        tj.set_default_dtype(tj.float32)
    assert nn.Linear(2, 2, dtype=tj.float16).weight.dtype == np.float16


@pytest.mark.parametrize("shape", [(2,), (5, 2), (4, 5, 2), (0, 2)])
def test_linear_takes_any_leading_axes(shape):
    layer = nn.Linear(2, 3)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y = layer(x)
    want = x @ layer.weight.numpy().T + layer.bias.numpy()
    np.testing.assert_allclose(y.detach(), want, rtol=1e-5, atol=1e-6)
    assert y.dtype == np.float32


def test_linear_says_which_layer_and_both_shapes():
    with pytest.raises(ShapeError) as caught:
        nn.Linear(3, 4)(tj.ones(5, 2))
    said = str(caught.value)
    assert "Linear(in_features=3, out_features=4, bias=True)" in said
    assert "must be 3" in said
    assert "(5, 2)" in said
    with pytest.raises(ShapeError, match=r"put nn.Flatten\(\) before"):
        nn.Linear(12, 4)(tj.ones(5, 3, 4))


@pytest.mark.parametrize("number", [3.0, 3, True, np.float32(3)])
def test_linear_of_a_number_is_refused_by_shape(number):
    with pytest.raises(ShapeError, match=r"must be 2, but the input has shape \(\)"):
        nn.Linear(2, 3)(number)
    with pytest.raises(ShapeError, match="None where an array is needed"):
        nn.Linear(2, 3)(None)


@pytest.mark.parametrize("sizes", [(-1, 2), (2, 1.5), ("2", 3)])
def test_linear_refuses_sizes(sizes):
    with pytest.raises(ArgumentError, match="must be an integer"):
        nn.Linear(*sizes)


def test_lazy_linear():
    net = nn.Sequential(nn.LazyLinear(3), nn.ReLU(), nn.LazyLinear(2, bias=False))
    assert repr(net[0]) == "LazyLinear(in_features=0, out_features=3, bias=True)"
    assert repr(net[0].weight) == "<UninitializedParameter>"
    held = list(net.parameters())  # as an optimizer holds them before the first batch
    y = net(tj.ones(5, 4))
    assert y.shape == (5, 2)
    assert repr(net[0]) == "Linear(in_features=4, out_features=3, bias=True)"
    assert [p.shape for p in held] == [(3, 4), (3,), (2, 3)]
    assert held[0] is net[0].weight
    assert type(held[0]) is nn.Parameter
    assert held[0].numpy().any()
    y.sum().backward()
    assert held[0].grad.shape == (3, 4)
    with pytest.raises(ShapeError):
        net(tj.ones(5, 3))
    assert nn.LazyLinear(3)([[1.0, 2.0]]).shape == (1, 3)
    with pytest.raises(ShapeError):
        nn.LazyLinear(3)(1.0)


def test_linear_of_integers_and_lists():
    layer = nn.Linear(2, 3)
    for x in ([[1.0, 2.0]], np.array([[1, 2]]), tj.tensor([[1, 2]])):
        y = layer(x)
        assert y.dtype == np.float32
        layer.zero_grad()
        y.sum().backward()
        np.testing.assert_array_equal(layer.weight.grad, [[1, 2]] * 3)
        assert layer.weight.grad.dtype == np.float32


def test_embedding():
    table = nn.Embedding(5, 3, padding_idx=-1)
    assert table.padding_idx == 4
    assert not table.weight.numpy()[4].any()
    index = np.array([[0, 4], [2, 0]])
    y = table(index)
    np.testing.assert_array_equal(y.detach(), table.weight.numpy()[index])
    y.sum().backward()
    np.testing.assert_array_equal(table.weight.grad.numpy()[:, 0], [2, 0, 1, 0, 0])
    assert table(tj.tensor(1)).shape == (3,)
    assert table([1, 2]).shape == (2, 3)


def test_embedding_is_not_fooled_by_a_later_change_of_the_index():
    table = nn.Embedding(3, 1)
    index = np.array([0, 0])
    y = table(index)
    index[:] = 2
    y.sum().backward()
    np.testing.assert_array_equal(table.weight.grad.numpy().ravel(), [2, 0, 0])


@pytest.mark.parametrize("wrong", [[0, 5], [-1]])
def test_embedding_refuses_an_index_outside(wrong):
    with pytest.raises(LabelError, match="outside the table of 5 rows"):
        nn.Embedding(5, 3)(wrong)


def test_embedding_refuses_floats_and_bad_padding():
    with pytest.raises(DTypeError, match="integer"):
        nn.Embedding(5, 3)(tj.ones(2))
    with pytest.raises(OptionError, match="padding_idx 5"):
        nn.Embedding(5, 3, padding_idx=5)


def test_embedding_from_pretrained():
    table = nn.Embedding.from_pretrained(np.eye(3, dtype=np.float32))
    assert not table.weight.requires_grad
    np.testing.assert_array_equal(table([2, 0]).numpy(), np.eye(3)[[2, 0]])
    assert nn.Embedding.from_pretrained(np.eye(3), freeze=False).weight.requires_grad
    with pytest.raises(ShapeError):
        nn.Embedding.from_pretrained(np.ones(3))


def test_changes_of_shape():
    x = tj.ones(2, 3, 4)
    assert nn.Flatten()(x).shape == (2, 12)
    assert nn.Flatten(0, 1)(x).shape == (6, 4)
    assert nn.Unflatten(1, (3, 1))(x).shape == (2, 3, 1, 4)
    assert nn.Identity(1, two=2)(x) is x


def test_bilinear_refuses_bad_sizes_and_keeps_shapes():
    layer = nn.Bilinear(2, 3, 4)
    assert layer(tj.ones(5, 2), tj.ones(5, 3)).shape == (5, 4)
    with pytest.raises(ArgumentError):
        nn.Bilinear(-2, 3, 4)
