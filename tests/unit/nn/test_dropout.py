"""Dropout: what is left out, how much, and when."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import OptionError, ShapeError


def test_dropout_scales_what_it_keeps_and_its_gradient_alike():
    tj.manual_seed(0)
    x = tj.ones(100, 100, requires_grad=True)
    y = nn.Dropout(0.3)(x)
    kept = y.numpy() != 0
    np.testing.assert_allclose(kept.mean(), 0.7, atol=0.02)
    np.testing.assert_allclose(y.numpy()[kept], 1 / 0.7, rtol=1e-6)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())
    assert y.dtype == np.float32


def test_dropout_is_drawn_from_the_seed():
    layer = nn.Dropout()
    tj.manual_seed(1)
    a = layer(tj.ones(50)).numpy()
    b = layer(tj.ones(50)).numpy()
    tj.manual_seed(1)
    np.testing.assert_array_equal(a, layer(tj.ones(50)).numpy())
    assert (a != b).any()


@pytest.mark.parametrize("layer", [nn.Dropout(0.9), nn.Dropout1d(0.9), nn.AlphaDropout(0.9), nn.Dropout(0.0)])
def test_evaluation_leaves_all(layer):
    x = tj.ones(3, 4, 5)
    if layer.p:
        layer.eval()
    assert layer(x) is x


@pytest.mark.parametrize("kind", [nn.Dropout, nn.AlphaDropout])
def test_probability_one_leaves_nothing(kind):
    x = tj.ones(10, requires_grad=True)
    y = kind(1.0)(x)
    assert not y.numpy().any()
    y.sum().backward()
    assert not x.grad.numpy().any()


@pytest.mark.parametrize(("layer", "shape"), [(nn.Dropout1d(), (8, 20, 7)), (nn.Dropout2d(), (8, 20, 3, 2))])
def test_channels_go_as_a_whole(layer, shape):
    tj.manual_seed(0)
    y = layer(tj.ones(*shape)).numpy().reshape(8, 20, -1)
    assert (y == y[..., :1]).all()
    np.testing.assert_allclose((y[..., 0] != 0).mean(), 0.5, atol=0.15)
    assert layer(tj.ones(*shape[1:])).shape == shape[1:]
    with pytest.raises(ShapeError):
        layer(tj.ones(2))


def test_alpha_dropout_keeps_mean_and_variance():
    tj.manual_seed(0)
    y = nn.AlphaDropout(0.2)(tj.randn(200, 500)).numpy()
    np.testing.assert_allclose(y.mean(), 0, atol=0.01)
    np.testing.assert_allclose(y.std(), 1, atol=0.01)
    assert y.dtype == np.float32


@pytest.mark.parametrize("p", [-0.1, 1.5, float("nan")])
def test_p_is_a_probability(p):
    with pytest.raises(OptionError, match="between 0 and 1"):
        nn.Dropout(p)
    with pytest.raises(OptionError, match="between 0 and 1"):
        nn.functional.dropout(tj.ones(2), p)


def test_repr():
    assert repr(nn.Dropout(0.3)) == "Dropout(p=0.3, inplace=False)"
    assert repr(nn.Dropout2d()) == "Dropout2d(p=0.5, inplace=False)"
