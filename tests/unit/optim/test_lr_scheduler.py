"""Schedules: saved and loaded, resumed, nested, and carried on from a rate set by hand."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import optim
from tinygrad_jp.optim import lr_scheduler


def sgd(lr=1.0, **options):
    optimizer = optim.SGD([tj.Tensor([1.0], requires_grad=True)], lr=lr, **options)
    optimizer.step()
    return optimizer


def rates(scheduler, epochs):
    found = []
    for _ in range(epochs):
        scheduler.step()
        found.append(scheduler.optimizer.param_groups[0]["lr"])
    return found


class Decay:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, epoch):
        return self.factor**epoch


MAKERS = {
    "lambda": lambda o: lr_scheduler.LambdaLR(o, Decay(0.5)),
    "function": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.5**epoch),
    "step": lambda o: lr_scheduler.StepLR(o, 2),
    "multistep": lambda o: lr_scheduler.MultiStepLR(o, [2, 4]),
    "linear": lambda o: lr_scheduler.LinearLR(o, total_iters=6),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 5),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2),
    "onecycle": lambda o: lr_scheduler.OneCycleLR(o, 1.0, 12),
    "cyclic": lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, 4),
    "sequential": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.5, 20), lr_scheduler.ExponentialLR(o, 0.9)], [4]
    ),
    "chained": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.StepLR(o, 2, 0.5), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_resumes_from_its_state_dict(name):
    scheduler = MAKERS[name](sgd(momentum=0.9))
    rates(scheduler, 3)
    twin = MAKERS[name](sgd(momentum=0.9))
    twin.load_state_dict(scheduler.state_dict())
    twin.optimizer.load_state_dict(scheduler.optimizer.state_dict())
    assert twin.get_last_lr() == scheduler.get_last_lr()
    assert rates(twin, 6) == rates(scheduler, 6)


def test_a_callable_object_is_saved_with_its_state():
    scheduler = lr_scheduler.LambdaLR(sgd(), Decay(0.5))
    twin = lr_scheduler.LambdaLR(sgd(), Decay(0.1))
    twin.load_state_dict(scheduler.state_dict())
    assert rates(twin, 2) == [0.5, 0.25]


@pytest.mark.parametrize("name", ["linear", "cosine", "step", "lambda", "restarts"])
def test_goes_on_from_the_last_epoch(name):
    whole = MAKERS[name](sgd())
    rates(whole, 2)
    optimizer = sgd()
    optimizer.load_state_dict(whole.optimizer.state_dict())
    makers = {
        "linear": lambda o: lr_scheduler.LinearLR(o, total_iters=6, last_epoch=2),
        "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 5, last_epoch=2),
        "step": lambda o: lr_scheduler.StepLR(o, 2, last_epoch=2),
        "lambda": lambda o: lr_scheduler.LambdaLR(o, Decay(0.5), last_epoch=2),
        "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2, last_epoch=2),
    }
    resumed = makers[name](optimizer)
    assert resumed.last_epoch == 3
    if name in ("linear", "cosine"):  # the rate stands for the epoch that begins
        assert resumed.get_last_lr() == whole.get_last_lr()
    else:
        assert resumed.get_last_lr() == rates(whole, 1)


def test_carries_on_from_a_rate_set_by_hand():
    scheduler = lr_scheduler.ExponentialLR(sgd(), 0.5)
    rates(scheduler, 1)
    scheduler.optimizer.param_groups[0]["lr"] = 10.0
    assert rates(scheduler, 2) == [5.0, 2.5]


def test_restarts_within_an_epoch():
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(sgd(), 2, 2)
    found = []
    for epoch in (0, 0.5, 1.0, 2, 4, 6, 7.5):
        scheduler.step(epoch)
        found.append(scheduler.get_last_lr()[0])
    want = [1, (1 + np.cos(np.pi / 4)) / 2, 0.5, 1, 0.5, 1, (1 + np.cos(np.pi * 1.5 / 8)) / 2]
    np.testing.assert_allclose(found, want)


def test_a_sequence_within_a_sequence():
    o = sgd()
    inner = lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.5, 9), lr_scheduler.ExponentialLR(o, 0.5)], [2]
    )
    outer = lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o, 0.1, 9), inner], [3])
    assert rates(outer, 7) == pytest.approx([0.1, 0.1, 0.5, 0.5, 1.0, 0.5, 0.25])


def test_a_schedule_of_ones_own():
    class Inverse(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base / (1 + self.last_epoch) for base in self.base_lrs]

    assert rates(Inverse(sgd()), 3) == [1 / 2, 1 / 3, 1 / 4]


def test_plateau_takes_tensors_and_is_saved():
    scheduler = lr_scheduler.ReduceLROnPlateau(sgd(), patience=0, factor=0.5)
    scheduler.step(tj.tensor(1.0))
    twin = lr_scheduler.ReduceLROnPlateau(sgd(), patience=5)
    twin.load_state_dict(scheduler.state_dict())
    for s in (scheduler, twin):
        s.step(2.0)
        assert s.get_last_lr() == [0.5]
        assert s.best == 1.0


def test_a_schedule_of_ones_own_writes_get_lr():
    w = tj.Tensor([1.0], requires_grad=True)

    class Bare(lr_scheduler.LRScheduler):
        pass

    class Third(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base / 3 for base in self.base_lrs]

    assert Third(optim.SGD([w], lr=0.3)).get_last_lr() == pytest.approx([0.1])
    with pytest.raises(tj.errors.ArgumentError, match=r"Bare.*get_lr\(\)"):
        Bare(optim.SGD([w], lr=0.3))
