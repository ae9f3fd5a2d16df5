"""Ctrl-C or no memory in the middle of things: nothing is half done that was not to be done yet.

An error is raised at every line, in turn, that the package runs in a backward pass or a forward
one. Parameters, buffers and optimizer state must then be as they were, and training that goes on
after zero_grad() must end with the very numbers of a training that nobody disturbed.
"""

from __future__ import annotations

import signal
import sys
import time

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim

from .interrupting import PACKAGE, on_posix

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((8, 5)).astype("f"), rng.integers(0, 3, 8)


class Interrupting:
    """Raises an error at the n-th line of the package that runs inside the block."""

    def __init__(self, error, at):
        self.error, self.at, self.seen = error, at, 0

    def _trace(self, frame, event, argument):
        name = frame.f_code.co_filename
        if not name.startswith((PACKAGE, "<tinygrad_jp", "<string>")):
            return None
        if event == "line":
            self.seen += 1
            if self.seen == self.at:
                raise self.error
        return self._trace

    def __enter__(self):
        self.before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, kind, error, trace):
        sys.settrace(self.before)
        return error is self.error


class Training:
    """A network, its optimizer, and one step cut into its parts."""

    def __init__(self):
        tj.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 3))
        self.optimizer = optim.Adam(self.net.parameters(), lr=0.05)
        self.loss_of = nn.CrossEntropyLoss()

    def forward(self):
        return self.loss_of(self.net(tj.Tensor(X)), Y)

    def step(self):
        self.optimizer.zero_grad()
        self.forward().backward()
        self.optimizer.step()

    def numbers(self):
        state = self.optimizer.state_dict()["state"]
        moments = [v.numpy().copy() for record in state.values() for v in record.values()]
        return [v.numpy().copy() for v in self.net.state_dict().values()] + moments


def same(a, b):
    assert len(a) == len(b)
    for p, q in zip(a, b, strict=True):
        np.testing.assert_array_equal(p, q)


def undisturbed(steps):
    training = Training()
    for _ in range(steps):
        training.step()
    return training.numbers()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("part", ["forward", "backward", "zero_grad"])
def test_an_error_at_any_line_before_the_update_changes_nothing(error, part):
    wanted = undisturbed(4)

    def disturb(training, at):
        loss = training.forward() if part == "backward" else None
        work = {"forward": training.forward, "zero_grad": training.optimizer.zero_grad}
        with Interrupting(error(), at) as block:
            (loss.backward if part == "backward" else work[part])()
        return block.seen

    total = disturb(Training(), 0)
    assert total > (2 if part == "zero_grad" else 20)
    stride = max(1, total // 40)
    for at in range(1, total + 1, stride):
        training = Training()
        training.step()
        training.step()
        before = training.numbers()
        disturb(training, at)
        assert tj.is_grad_enabled()
        same(training.numbers(), before)
        training.step()
        training.step()
        same(training.numbers(), wanted)


def test_an_interrupted_update_can_go_back_to_what_was_saved():
    """Whatever a step was cut short at, a copy of both brings back what was."""
    wanted = undisturbed(4)
    training = Training()
    training.step()
    training.step()
    net, optimizer = training.net, training.optimizer
    saved = {k: v.numpy().copy() for k, v in net.state_dict().items()}, optimizer.state_dict()
    with Interrupting(KeyboardInterrupt(), 0) as block:
        training.step()
    for at in range(1, block.seen, max(1, block.seen // 40)):
        net.load_state_dict(saved[0])
        optimizer.load_state_dict(saved[1])
        with Interrupting(KeyboardInterrupt(), at):
            training.step()
        for value in training.numbers():
            assert np.isfinite(value).all()
        net.load_state_dict(saved[0])
        optimizer.load_state_dict(saved[1])
        training.step()
        training.step()
        same(training.numbers(), wanted)


def test_no_memory_for_the_first_moments_leaves_the_parameters(monkeypatch):
    from tinygrad_jp.optim import parts

    training = Training()
    before = [p.numpy().copy() for p in training.net.parameters()]
    training.forward().backward()

    def none_left(*args, **kwargs):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(parts.np, "zeros_like", none_left)
        patch.setattr(parts.np, "zeros", none_left)
        patch.setattr(parts.np, "empty", none_left)
        patch.setattr(parts.np, "empty_like", none_left)
        with pytest.raises(MemoryError):
            training.optimizer.step()
    same([p.numpy() for p in training.net.parameters()], before)
    training.optimizer.zero_grad()
    training.step()
    same(training.numbers(), undisturbed(1))


@on_posix
def test_real_signals_at_random_moments():
    wanted = undisturbed(12)
    training, moments = Training(), np.random.default_rng(7)
    start = time.perf_counter()
    for _ in range(20):
        training.forward().backward()
    length = (time.perf_counter() - start) / 20

    def stop(*_):
        raise KeyboardInterrupt

    def interrupted(delay):
        """Run forward and backward; tell whether the signal came before they were through."""
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, delay)
                training.forward().backward()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:
            return True
        return False

    before = signal.signal(signal.SIGALRM, stop)
    try:
        for _ in range(12):
            saved, longest = training.numbers(), length
            for _ in range(3):
                training.optimizer.zero_grad()
                while not interrupted(longest * float(moments.uniform(0.05, 1.0))):
                    longest = max(longest / 2, 1e-6)
            same(training.numbers(), saved)
            training.step()
    finally:
        signal.signal(signal.SIGALRM, before)
    same(training.numbers(), wanted)
