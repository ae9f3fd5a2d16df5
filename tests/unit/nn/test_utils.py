"""Clipping gradients, and parameters as a vector."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import NonFiniteError, ShapeError

utils = nn.utils


def parameters(*gradients):
    made = []
    for g in gradients:
        p = nn.Parameter(np.zeros_like(np.asarray(g, np.float32)))
        p.grad = np.asarray(g, np.float32)
        made.append(p)
    return made


@pytest.mark.parametrize(("norm", "total"), [(2.0, 13.0), (1.0, 19.0), (float("inf"), 12.0), (3.0, (27 + 64 + 1728) ** (1 / 3))])
def test_clip_grad_norm(norm, total):
    several = [*parameters([3.0, -4.0], [[12.0]]), nn.Parameter([1.0])]
    given = utils.clip_grad_norm_(several, 1.0, norm)
    np.testing.assert_allclose(given.item(), total, rtol=1e-6)
    np.testing.assert_allclose(several[0].grad, np.array([3.0, -4.0]) / total, rtol=1e-5)
    assert several[2].grad is None
    assert several[0].grad.dtype == np.float32


def test_small_gradients_stay():
    (p,) = parameters([0.3, 0.4])
    assert utils.clip_grad_norm_(p, 1.0).item() == pytest.approx(0.5)
    np.testing.assert_array_equal(p.grad, np.float32([0.3, 0.4]))


def test_norm_does_not_overflow():
    (p,) = parameters([3e30, 4e30])
    np.testing.assert_allclose(utils.clip_grad_norm_([p], 1.0).item(), 5e30, rtol=1e-6)
    np.testing.assert_allclose(p.grad, [0.6, 0.8], rtol=1e-5)


def test_non_finite_norm():
    several = parameters([1.0, np.nan], [2.0])
    with pytest.raises(NonFiniteError, match=r"2\.0-norm"):
        utils.clip_grad_norm_(several, 1.0, error_if_nonfinite=True)
    assert several[1].grad.item() == 2.0
    assert np.isnan(utils.clip_grad_norm_(several, 1.0).item())


def test_no_gradients_at_all():
    assert utils.clip_grad_norm_([nn.Parameter([1.0])], 1.0).item() == 0
    assert utils.clip_grad_norm_([], 1.0).item() == 0


def test_clip_grad_value():
    several = parameters([3.0, -4.0], [0.5])
    utils.clip_grad_value_(several, 1.0)
    np.testing.assert_array_equal(several[0].grad, [1, -1])
    np.testing.assert_array_equal(several[1].grad, [0.5])


def test_vector_round_trip_and_gradient():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (13,)
    (vector * vector).sum().backward()
    np.testing.assert_allclose(net[0].bias.grad, 2 * net[0].bias.detach().numpy(), rtol=1e-6)
    utils.vector_to_parameters(np.arange(13.0), net.parameters())
    np.testing.assert_array_equal(net[0].weight.detach(), np.arange(6).reshape(3, 2))
    assert net[1].bias.item() == 12
    with pytest.raises(ShapeError, match="13"):
        utils.vector_to_parameters(tj.ones(12), net.parameters())
