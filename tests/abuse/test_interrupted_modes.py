"""Ctrl-C wherever Python looks for it: grad mode, NumPy's warnings and eval() are as they were.

A `with` block whose `__exit__` is written in Python does not leave its mode where Ctrl-C comes as
that begins: `with tj.no_grad():` and `with np.errstate(...):` in a program of the user's own among
them. What the package does by itself is not to rest on them.
"""

from __future__ import annotations

import os

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras, nn, optim
from tinygrad_jp.autograd import mode

from .interrupting import PACKAGE, AsSignal

ERRSTATE = os.path.join(os.path.dirname(np.__file__), "_core", "_ufunc_config")
X = np.random.default_rng(0).standard_normal((4, 3)).astype("f")
T = np.array([0, 1, 2, 0])


def network():
    tj.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.GELU(approximate="none"), nn.Dropout(0.5), nn.Linear(4, 3))


def evaluate():
    net = network()
    return lambda: tj.evaluate(net, (X, T), nn.CrossEntropyLoss()), net


def predict():
    net = network()
    return lambda: tj.predict(net, X), net


def eager_step():
    net = network()
    optimizer = optim.Adam(net.parameters())
    net[0].weight.register_hook(lambda g: g * 2)
    net[1].register_full_backward_hook(lambda module, before, after: None)

    def step():
        optimizer.zero_grad()
        tj.logsumexp(net(tj.Tensor(X)), 1).sum().backward()
        optimizer.step()

    return step, net


def numpy_step():
    net = network()
    optimizer, loss_of = optim.Adam(net.parameters()), nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        loss_of(net(tj.Tensor(X)), T).backward()
        optimizer.step()

    compiled = tj.compile(step, backend="numpy")
    compiled(), compiled()
    return compiled, net


def native_step():
    """A native program with one of NumPy's calls inside."""
    net = network()
    optimizer = optim.Adam(net.parameters())

    def step():
        optimizer.zero_grad()
        np.sort(net(tj.Tensor(X)), axis=1)[:, 0].sum().backward()
        optimizer.step()

    compiled = tj.compile(step, backend="native")
    compiled(), compiled()
    return compiled, net


def keras_made():
    net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "gelu"), keras.layers.Dense(3)])
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return net


def keras_predict():
    net = keras_made()
    return lambda: net.predict(X, verbose=0), net


def keras_evaluate():
    net = keras_made()
    return lambda: net.test_on_batch(X, T), net


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "made", [evaluate, predict, eager_step, numpy_step, native_step, keras_predict, keras_evaluate],
    ids=lambda made: made.__name__,
)
def test_modes_are_left_as_they_were(made):
    warns = np.geterr()
    work, net = made()
    work()
    modes = [m.training for m in net.modules()]

    def disturbed(at):
        with AsSignal(KeyboardInterrupt(), at, files=(PACKAGE, "<tinygrad_jp", ERRSTATE)) as block:
            work()
        found = np.geterr()
        np.seterr(**warns)
        assert found == warns
        assert tj.is_grad_enabled()
        assert [m.training for m in net.modules()] == modes
        return block.seen

    total = disturbed(0)
    assert total > 20
    for at in range(1, total + 1, max(1, total // 400)):
        disturbed(at)
    if made is not native_step:  # after Ctrl-C among NumPy's calls, that may run eagerly
        assert disturbed(0) == total  # and all goes on as before


# Python drops what is raised while it throws a generator away
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("since", ["_lift", "stop", None])
def test_a_first_call_of_a_compiled_function_gives_every_tensor_its_array_back(since):
    def made():
        net = network()
        optimizer, loss_of = optim.Adam(net.parameters()), nn.CrossEntropyLoss()
        x = tj.Tensor(X)

        def step(x):
            optimizer.zero_grad()
            loss = loss_of(net(x), T)
            loss.backward()
            optimizer.step()
            return loss

        return net, x, tj.compile(step, backend="numpy")

    def numbers(net):
        return [p.numpy().copy() for p in net.parameters()]

    def disturbed(at):
        net, x, compiled = made()
        before = numbers(net)
        with AsSignal(KeyboardInterrupt(), at, since) as block:
            compiled(x)
        assert mode.recording.get() is None
        assert type(x._data) is np.ndarray
        assert all(type(p._data) is np.ndarray for p in net.parameters())
        if at:
            assert all(map(np.array_equal, numbers(net), before))
            compiled(x)
            assert not any(map(np.array_equal, numbers(net), before))  # and all goes on
        return block.seen

    total = disturbed(0)
    for at in range(1, min(total, 40)) if since else range(1, total // 3, total // 24):
        disturbed(at)
