"""Ctrl-C before any instruction of a Keras optimizer's step: all of it was done, or nothing.

All is the variables, the moments, the averages, the gradients gathered so far, and `iterations`,
which schedules go by.
"""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import keras

from .interrupting import AsSignal, BeforeInstruction

O = keras.optimizers
DECAY = keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)
MAKERS = {
    "schedule": lambda: O.Adam(DECAY, weight_decay=0.01),
    "gathering": lambda: O.SGD(0.05, momentum=0.9, gradient_accumulation_steps=2, clipnorm=1.0),
    "averages": lambda: O.Nadam(0.05, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2),
    "constraints": lambda: O.RMSprop(DECAY, global_clipnorm=2.0),
}


class Training:
    """Two variables, an optimizer, and gradients that follow from the values."""

    def __init__(self, name):
        rng = np.random.default_rng(0)
        self.variables = [
            keras.Variable(rng.standard_normal(shape).astype("f"), name="v") for shape in ((3, 4), (5,))
        ]
        if name == "constraints":
            self.variables[0].constraint = keras.constraints.UnitNorm()
            self.variables[1].constraint = keras.constraints.MaxNorm(0.5)
        self.optimizer = MAKERS[name]()
        self.optimizer.build(self.variables)

    def gradients(self):
        for v in self.variables:
            v.grad = v._data * 2 + 1

    def step(self):
        self.gradients()
        self.optimizer.step()

    def numbers(self):
        found = [v.numpy() for v in self.variables]
        kept = self.optimizer.state_dict()
        waiting = [{**kept, "engine": kept["engine"]["state"]}]  # the rate is told anew at each step
        while waiting:
            part = waiting.pop()
            if isinstance(part, dict):
                waiting += part.values()
            elif isinstance(part, list):
                waiting += part
            elif part is not None:
                found.append(np.array(part.numpy() if isinstance(part, tj.Tensor) else part))
        return found


def same(a, b):
    return len(a) == len(b) and all(map(np.array_equal, a, b))


def after(name, steps):
    training = Training(name)
    for _ in range(steps):
        training.step()
    return training


@pytest.mark.parametrize("done", [2, 3])
@pytest.mark.parametrize("name", MAKERS)
def test_all_or_nothing(name, done):
    before, whole, further = (after(name, done + n).numbers() for n in (0, 1, 3))
    assert not same(before, whole)

    def disturbed(at, since):
        training = after(name, done)
        training.gradients()
        with BeforeInstruction(KeyboardInterrupt(), at, since) as block:
            training.optimizer.step()
        found = training.numbers()
        took = same(found, whole)
        assert took or same(found, before)
        assert tj.is_grad_enabled()
        for _ in range(2 if took else 3):
            training.step()
        assert same(training.numbers(), further)
        return took, block.seen

    total = disturbed(0, None)[1]
    assert total > 100
    for at in range(1, total, total // 40):
        disturbed(at, None)
    late = disturbed(0, "at_once")[1]
    assert late > 5
    taken = [disturbed(at, "at_once")[0] for at in range(1, late + 1)]
    assert taken == sorted(taken)
    assert {*taken} == {False, True}


@pytest.mark.parametrize("backend", ["native", "numpy"])
def test_compiled(backend):
    x, y = tj.Tensor(np.ones((4, 3), "f")), tj.Tensor(np.arange(4, dtype="f") + 1)

    def made():
        w = keras.Variable(np.full(3, 0.5, "f"))
        optimizer = O.Adam(DECAY)
        optimizer.build([w])

        def step():
            optimizer.zero_grad()
            loss = ((x @ w - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        compiled = tj.compile(step, backend=backend)
        for _ in range(3):
            compiled()
        return w, optimizer, compiled

    def numbers(w, optimizer):
        return [w.numpy(), int(optimizer.iterations), optimizer.current_rate()]

    before = numbers(*made()[:2])
    w, optimizer, compiled = made()
    with AsSignal(KeyboardInterrupt(), 0) as block:
        compiled()
    whole = numbers(w, optimizer)
    assert whole[1] == before[1] + 1
    compiled()
    further = numbers(w, optimizer)
    assert block.seen > 10
    taken = set()
    for at in range(1, block.seen + 1):
        w, optimizer, compiled = made()
        with AsSignal(KeyboardInterrupt(), at):
            compiled()
        found = numbers(w, optimizer)
        took = same(found, whole)
        assert took or same(found, before)
        taken.add(took)
        for _ in range(1 if took else 2):
            compiled()
        assert same(numbers(w, optimizer), further)
    assert taken == {False, True}
