"""Normalisation layers: statistics, precision, second order, and what they refuse."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import OptionError, ShapeError

LAYERS = {
    "batch1d": (lambda: nn.BatchNorm1d(3), (6, 3)),
    "batch1d_long": (lambda: nn.BatchNorm1d(3), (4, 3, 5)),
    "batch2d": (lambda: nn.BatchNorm2d(3), (4, 3, 2, 2)),
    "layer": (lambda: nn.LayerNorm(4), (3, 4)),
    "layer2": (lambda: nn.LayerNorm((3, 4)), (2, 3, 4)),
    "rms": (lambda: nn.RMSNorm(4), (3, 4)),
    "group": (lambda: nn.GroupNorm(2, 4), (3, 4, 2)),
    "instance": (lambda: nn.InstanceNorm1d(3, affine=True), (2, 3, 5)),
}
RNG = np.random.default_rng(5)


@pytest.mark.parametrize("name", LAYERS)
def test_first_and_second_order(name):
    make, shape = LAYERS[name]
    layer = make().double()
    for p in layer.parameters():
        p.data[...] = RNG.uniform(0.5, 1.5, p.shape)
    x = tj.tensor(RNG.normal(size=shape), requires_grad=True)

    def f(x):
        return (layer(x) ** 2).sum() + layer(x).sin().sum()

    assert tj.gradcheck(f, [x])
    assert tj.gradgradcheck(f, [x])

    def g(weight):
        layer.__dict__["weight"] = weight
        return (layer(x.detach()) ** 3).sum()

    assert tj.gradcheck(g, [tj.tensor(layer.weight, requires_grad=True)])


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept(name, dtype):
    make, shape = LAYERS[name]
    layer = make().to(dtype)
    x = tj.tensor(RNG.normal(size=shape).astype(dtype), requires_grad=True)
    y = layer(x)
    assert y.dtype == dtype
    (y * y * y).sum().backward()
    assert x.grad.dtype == dtype
    assert layer.weight.grad.dtype == dtype
    assert np.isfinite(x.grad.numpy()).all()


def test_batch_norm_standardizes_and_tracks():
    layer = nn.BatchNorm1d(2)
    x = tj.tensor((RNG.normal(size=(50, 2)) * 3 + 5).astype(np.float32))
    y = layer(x).detach().numpy()
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-4)
    values = x.numpy()
    np.testing.assert_allclose(layer.running_mean, 0.1 * values.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, 0.9 + 0.1 * values.var(0, ddof=1), rtol=1e-5)
    assert layer.num_batches_tracked.item() == 1
    assert layer.num_batches_tracked.dtype == np.int64
    layer.eval()
    again = layer(x).detach().numpy()
    want = (values - layer.running_mean.numpy()) / np.sqrt(layer.running_var.numpy() + 1e-5)
    np.testing.assert_allclose(again, want, rtol=1e-5, atol=1e-6)
    assert layer.num_batches_tracked.item() == 1


def test_batch_norm_plain_average():
    layer = nn.BatchNorm1d(1, momentum=None)
    batches = [RNG.normal(size=(8, 1)).astype(np.float32) + i for i in range(4)]
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(
        layer.running_mean, np.mean([b.mean(0) for b in batches], axis=0), rtol=1e-5
    )


def test_batch_norm_without_running_statistics():
    layer = nn.BatchNorm1d(2, affine=False, track_running_stats=False)
    assert list(layer.state_dict()) == []
    layer.eval()
    x = tj.randn(20, 2)
    np.testing.assert_allclose(layer(x).numpy().mean(0), 0, atol=1e-5)


def test_reset():
    layer = nn.BatchNorm1d(2)
    layer(tj.randn(5, 2))
    layer.weight.data[...] = 3
    layer.reset_parameters()
    assert (layer.weight.numpy() == 1).all()
    assert (layer.running_mean.numpy() == 0).all()
    assert layer.num_batches_tracked.item() == 0


def test_backward_after_running_statistics_moved():
    layer = nn.BatchNorm1d(2)
    x = tj.randn(5, 2, requires_grad=True)
    first = layer(x).sum()
    layer(x)
    first.backward()
    layer.eval()
    held = (layer(x) ** 2).sum()
    layer.train()
    layer(tj.randn(9, 2))
    held.backward()  # evaluation copied what it needs of the running statistics


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm1d(3), (4, 2)), (nn.BatchNorm1d(3), (3,)), (nn.BatchNorm2d(3), (4, 3)),
        (nn.GroupNorm(2, 4), (3, 6)), (nn.InstanceNorm1d(3), (2, 4, 5)),
        (nn.LayerNorm(4), (4, 3)), (nn.RMSNorm(4), (4, 3)),
    ],
)
def test_shapes_that_do_not_fit(layer, shape):
    with pytest.raises(ShapeError) as caught:
        layer(tj.ones(*shape))
    assert type(layer).__name__ in str(caught.value)
    assert str(shape) in str(caught.value)


def test_batch_of_one_is_refused_in_training_only():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ShapeError, match=r"model.eval\(\)"):
        layer(tj.ones(1, 3))
    layer.eval()
    assert layer(tj.ones(1, 3)).shape == (1, 3)


def test_groups_must_divide():
    with pytest.raises(OptionError, match="multiple"):
        nn.GroupNorm(2, 5)
