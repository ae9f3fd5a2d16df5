"""assert_module and assert_optimizer pass what is right, and name what is wrong."""

import numpy as np
import pytest
from hypothesis import given

import tinygrad_jp as tj
from tinygrad_jp import nn
from tinygrad_jp.errors import ArgumentError, LawError, set_language
from tinygrad_jp.testing import assert_module, assert_optimizer, modules, optimizers

from ...parity.optimizers import OPTIMIZERS

X = np.random.default_rng(0).standard_normal((4, 3))


@pytest.fixture(autouse=True)
def in_english():
    set_language("en")
    yield
    set_language(None)


@given(modules())
def test_drawn_modules_keep_every_law(net):
    assert_module(net, X)


LAYERS = [
    nn.Linear(3, 2), nn.Dropout(0.5), nn.BatchNorm1d(3), nn.LayerNorm(3), nn.Tanh(), nn.Softmax(-1),
    nn.Sequential(nn.Linear(3, 5, bias=False), nn.GELU(), nn.Dropout(0.2), nn.RMSNorm(5)),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_layers(layer):
    before = {k: v.numpy().copy() for k, v in layer.state_dict().items()}
    assert_module(layer, X)
    assert layer.training
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_inputs_that_are_labels():
    assert_module(nn.Embedding(5, 2), np.array([0, 3, 4]))
    assert_module(nn.CrossEntropyLoss(), X, np.array([0, 1, 2, 1]))


class Broken(nn.Module):
    """A linear layer with one thing wrong."""

    def __init__(self, what):
        super().__init__()
        self.what = what
        self.weight = nn.Parameter(np.ones((3,), np.float32))
        self.calls = 0

    def train(self, mode=True):
        super().train(mode)
        return None if self.what == "mode" else self

    def state_dict(self, *args, **kwargs):
        state = super().state_dict(*args, **kwargs)
        return {} if self.what == "state" else state

    def load_state_dict(self, state_dict, strict=True):
        return super().load_state_dict(state_dict, strict=False)

    def __deepcopy__(self, memo):
        twin = Broken(self.what)
        if self.what != "copy":
            twin.weight.data[...] = self.weight.numpy()
        return twin

    def forward(self, x):
        self.calls += 1
        y = x * self.weight
        if self.what == "repeat":
            y = y + self.calls
        if self.what == "seed":
            y = y * tj.Tensor(np.random.default_rng().random(3), dtype=y.dtype) if self.training else y
        if self.what == "dtype":
            y = y * tj.Tensor(np.ones(3))
        if self.what == "gradient":
            y = y + x.detach()
        if self.what == "unused":
            y = x * 1.0
        if self.what == "input":
            x.data[...] = 0
        return y


@pytest.mark.parametrize(
    ("what", "said"),
    [("mode", "what train.. and eval"), ("repeat", "computed again"), ("seed", "same seed"),
     ("state", "state dicts"), ("dtype", "float64, should be float32"), ("gradient", "gradient of argument x0"),
     ("unused", "no gradient reaches the parameter weight"), ("input", "must not be written into")],
)
def test_what_is_wrong_with_a_module_is_named(what, said):
    module = Broken(what)
    module.weight.data[...] = 2.0
    with pytest.raises(LawError, match=said):
        assert_module(module, X)


def test_a_parameter_may_be_unused_on_purpose():
    assert_module(Broken("unused"), X, unused=["weight"])


def test_a_right_module_of_ones_own():
    assert_module(Broken(""), X)


def test_only_modules():
    with pytest.raises(ArgumentError):
        assert_module(lambda x: x, X)


# ── optimizers ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    kind, options = OPTIMIZERS[name]
    assert_optimizer(lambda params: getattr(tj.optim, kind)(params, **options))


@given(optimizers())
def test_drawn_optimizers(recipe):
    assert_optimizer(recipe, steps=50, falls_to=0.9999)


class Wrong(tj.optim.SGD):
    """Gradient descent with one thing wrong."""

    what = ""

    def step(self, closure=None):
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    if self.what == "still":
                        p.data[...] -= 1.0
                    continue
                g = p.grad.numpy()
                if self.what == "up":
                    g = -g
                if self.what == "counts":
                    self.count = getattr(self, "count", 0) + 1
                    g = g * (1.0 / self.count)
                if self.what == "grad":
                    p.grad.data[...] *= 0.5
                if self.what == "memory":
                    p.data = p.numpy() - group["lr"] * g
                elif self.what == "dtype":
                    p.data = p.numpy().astype(np.float64) - group["lr"] * g
                else:
                    p.data[...] -= group["lr"] * g
        return loss


@pytest.mark.parametrize(
    ("what", "said"),
    [("up", "it should fall"), ("still", "without a gradient"), ("counts", "resuming"),
     ("grad", "gradient after step"), ("memory", "memory"), ("dtype", "float64, should be float32")],
)
def test_what_is_wrong_with_an_optimizer_is_named(what, said):
    kind = type("Wrong", (Wrong,), {"what": what})
    with pytest.raises(LawError, match=said):
        assert_optimizer(lambda params: kind(params, lr=0.05))
    assert_optimizer(lambda params: Wrong(params, lr=0.05))
