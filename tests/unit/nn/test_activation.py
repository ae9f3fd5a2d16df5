"""Activations as modules: texts as PyTorch's, options passed on. Values: tests/parity."""

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import ShapeError

TEXTS = {
    "ReLU()": nn.ReLU(), "ReLU(inplace=True)": nn.ReLU(True), "ReLU6()": nn.ReLU6(),
    "LeakyReLU(negative_slope=0.01)": nn.LeakyReLU(), "PReLU(num_parameters=1)": nn.PReLU(),
    "LeakyReLU(negative_slope=0.2, inplace=True)": nn.LeakyReLU(0.2, inplace=True),
    "ELU(alpha=1.0)": nn.ELU(), "CELU(alpha=1.0)": nn.CELU(), "SELU()": nn.SELU(),
    "GELU(approximate='none')": nn.GELU(), "GELU(approximate='tanh')": nn.GELU("tanh"),
    "SiLU()": nn.SiLU(), "Mish()": nn.Mish(), "Sigmoid()": nn.Sigmoid(),
    "LogSigmoid()": nn.LogSigmoid(), "Tanh()": nn.Tanh(),
    "Softplus(beta=1.0, threshold=20.0)": nn.Softplus(), "Softsign()": nn.Softsign(),
    "Softmax(dim=1)": nn.Softmax(1), "LogSoftmax(dim=1)": nn.LogSoftmax(dim=1),
    "Softmin(dim=1)": nn.Softmin(1), "Hardtanh(min_val=-1.0, max_val=1.0)": nn.Hardtanh(),
    "Hardsigmoid()": nn.Hardsigmoid(), "Hardswish()": nn.Hardswish(),
    "Threshold(threshold=0.1, value=20)": nn.Threshold(0.1, 20), "Hardshrink(0.5)": nn.Hardshrink(),
    "Softshrink(0.5)": nn.Softshrink(), "Tanhshrink()": nn.Tanhshrink(), "GLU(dim=-1)": nn.GLU(),
    "RReLU(lower=0.125, upper=0.3333333333333333)": nn.RReLU(),
    "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)": nn.BatchNorm1d(3),
    "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=True)": nn.BatchNorm2d(3, affine=False),
    "LayerNorm((2, 3), eps=1e-05, elementwise_affine=True, bias=False)": nn.LayerNorm((2, 3), bias=False),
    "RMSNorm((4,), eps=None, elementwise_affine=True)": nn.RMSNorm(4),
    "GroupNorm(2, 4, eps=1e-05, affine=True, bias=True)": nn.GroupNorm(2, 4),
    "InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)": nn.InstanceNorm1d(3),
    "Embedding(5, 3, padding_idx=0)": nn.Embedding(5, 3, padding_idx=0),
    "Flatten(start_dim=1, end_dim=-1)": nn.Flatten(), "Identity()": nn.Identity(),
    "Unflatten(dim=1, unflattened_size=(2, 3))": nn.Unflatten(1, (2, 3)),
    "Bilinear(in1_features=2, in2_features=3, out_features=4, bias=True)": nn.Bilinear(2, 3, 4),
    "MSELoss()": nn.MSELoss(), "CrossEntropyLoss()": nn.CrossEntropyLoss(),
}


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_pytorchs(text):
    assert repr(TEXTS[text]) == text


def test_rrelu_draws_slopes_between_its_bounds_in_training():
    tj.manual_seed(0)
    layer = nn.RReLU(0.1, 0.3)
    x = tj.tensor(np.array([-1.0] * 1000 + [2.0]), requires_grad=True)
    y = layer(x)
    slopes = -y.detach().numpy()[:-1]
    assert slopes.min() >= 0.1
    assert slopes.max() <= 0.3
    assert slopes.std() > 0.04
    assert y[-1].item() == 2
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy()[:-1], slopes)
    layer.eval()
    np.testing.assert_allclose(layer(x).detach().numpy()[:-1], -0.2)


def test_prelu_per_channel():
    layer = nn.PReLU(3, init=0.5)
    x = tj.tensor(-np.ones((2, 3, 4), np.float32))
    y = layer(x)
    assert (y.detach().numpy() == -0.5).all()
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [-8, -8, -8])
    with pytest.raises(ShapeError):
        layer(tj.ones(2, 4))


def test_gumbel_softmax():
    tj.manual_seed(0)
    z = tj.tensor(np.log(np.tile([0.1, 0.2, 0.7], (4000, 1))), requires_grad=True)
    hard = nn.functional.gumbel_softmax(z, tau=0.5, hard=True)
    np.testing.assert_allclose(hard.detach().numpy().mean(0), [0.1, 0.2, 0.7], atol=0.03)
    np.testing.assert_allclose(hard.detach().numpy().max(1), 1, atol=1e-12)
    hard[:, 0].sum().backward()
    assert np.abs(z.grad.numpy()).max() > 0
    soft = nn.functional.gumbel_softmax(z)
    np.testing.assert_allclose(soft.detach().numpy().sum(1), 1)


def test_functional_has_the_promised_names():
    names = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu", "embedding", "gelu", "glu", "hardtanh", "layer_norm", "leaky_relu", "linear", "log_softmax", "logsigmoid", "mse_loss", "huber_loss", "smooth_l1_loss", "l1_loss", "kl_div", "nll_loss", "normalize", "pad", "selu", "softmax", "softplus", "softsign", "batch_norm", "relu", "relu6", "sigmoid", "silu", "tanh", "mish", "celu", "hardswish", "hardsigmoid"]
    assert [n for n in names if not callable(getattr(nn.functional, n, None))] == []
