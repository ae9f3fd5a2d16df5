"""First values: distributions, shapes, and the seed."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import OptionError, ShapeError

init = nn.init


def weight(*shape):
    return nn.Parameter(np.zeros(shape, np.float32))


def filled(fill, *shape):
    tj.manual_seed(0)
    w = weight(*shape)
    assert fill(w) is w
    return w.numpy()


@pytest.mark.parametrize(
    ("fill", "bound"),
    [
        (init.xavier_uniform_, np.sqrt(6 / 500)),
        (lambda w: init.xavier_uniform_(w, gain=2.0), 2 * np.sqrt(6 / 500)),
        (init.kaiming_uniform_, np.sqrt(2) * np.sqrt(3 / 300)),
        (lambda w: init.kaiming_uniform_(w, a=np.sqrt(5)), 1 / np.sqrt(300)),
        (lambda w: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu"), np.sqrt(6 / 200)),
        (lambda w: init.uniform_(w, -0.3, 0.3), 0.3),
    ],
)
def test_uniform(fill, bound):
    values = filled(fill, 200, 300)
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    np.testing.assert_allclose(values.std(), bound / np.sqrt(3), rtol=0.02)
    np.testing.assert_allclose(values.mean(), 0, atol=bound / 50)


@pytest.mark.parametrize(
    ("fill", "deviation"),
    [
        (init.xavier_normal_, np.sqrt(2 / 500)),
        (init.kaiming_normal_, np.sqrt(2 / 300)),
        (lambda w: init.kaiming_normal_(w, nonlinearity="tanh"), 5 / 3 / np.sqrt(300)),
        (lambda w: init.normal_(w, 0, 0.5), 0.5),
    ],
)
def test_normal(fill, deviation):
    values = filled(fill, 200, 300)
    np.testing.assert_allclose(values.std(), deviation, rtol=0.02)


def test_fan_of_a_convolution():
    values = filled(init.kaiming_uniform_, 8, 4, 5, 5)
    assert np.abs(values).max() <= np.sqrt(2) * np.sqrt(3 / 100)
    assert np.abs(values).max() > 0.9 * np.sqrt(2) * np.sqrt(3 / 100)


def test_constants():
    assert (filled(init.zeros_, 2, 3) == 0).all()
    assert (filled(init.ones_, 2, 3) == 1).all()
    assert (filled(lambda w: init.constant_(w, 0.5), 3) == 0.5).all()
    np.testing.assert_array_equal(filled(init.eye_, 2, 3), np.eye(2, 3))
    kernel = filled(init.dirac_, 3, 3, 3)
    np.testing.assert_array_equal(kernel[..., 1], np.eye(3))
    assert kernel.sum() == 3


def test_truncated_normal():
    values = filled(lambda w: init.trunc_normal_(w, 0.5, 1.0, 0.0, 2.0), 200, 300)
    assert values.min() >= 0
    assert values.max() <= 2
    from statistics import NormalDist

    normal = NormalDist(0.5, 1.0)
    share = (normal.cdf(1.0) - normal.cdf(0.0)) / (normal.cdf(2.0) - normal.cdf(0.0))
    np.testing.assert_allclose((values < 1.0).mean(), share, atol=0.01)
    with pytest.raises(OptionError):
        init.trunc_normal_(weight(2), 0.0, 0.1, 5.0, 6.0)


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (4, 4), (3, 2, 5)])
def test_orthogonal(shape):
    q = filled(lambda w: init.orthogonal_(w, gain=2.0), *shape).reshape(shape[0], -1) / 2
    gram = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)


def test_sparse():
    values = filled(lambda w: init.sparse_(w, 0.3), 10, 4)
    assert ((values == 0).sum(0) == 3).all()


def test_seed_and_own_generator():
    a, b = filled(init.normal_, 5), filled(init.normal_, 5)
    np.testing.assert_array_equal(a, b)
    before = filled(lambda w: init.normal_(w, generator=np.random.default_rng(9)), 5)
    tj.manual_seed(1)
    again = weight(5)
    init.normal_(again, generator=np.random.default_rng(9))
    np.testing.assert_array_equal(before, again.numpy())


def test_gains():
    assert init.calculate_gain("relu") == pytest.approx(np.sqrt(2))
    assert init.calculate_gain("tanh") == pytest.approx(5 / 3)
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx(np.sqrt(2 / 1.04))
    assert init.calculate_gain("selu") == 0.75
    assert init.calculate_gain("linear") == init.calculate_gain("sigmoid") == 1
    with pytest.raises(OptionError, match="softmax"):
        init.calculate_gain("softmax")


def test_shapes_that_do_not_fit():
    with pytest.raises(ShapeError):
        init.xavier_uniform_(weight(3))
    with pytest.raises(ShapeError):
        init.eye_(weight(3))
    with pytest.raises(ShapeError):
        init.orthogonal_(weight(3))
    with pytest.raises(ShapeError):
        init.sparse_(weight(3), 0.1)
    with pytest.raises(ShapeError):
        init.dirac_(weight(3, 3))
    with pytest.raises(OptionError):
        init.kaiming_uniform_(weight(3, 3), mode="fan")


def test_filling_is_outside_the_graph_and_seen_by_it():
    w = tj.tensor([1.0], requires_grad=True)
    y = (w * w).sum()
    init.ones_(w)
    assert w.is_leaf
    with pytest.raises(tj.errors.GradientError, match="changed in place"):
        y.backward()
