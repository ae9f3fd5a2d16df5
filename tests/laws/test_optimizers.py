"""Laws over every optimizer with every option: both readings of a rule agree, all of them descend,
what is saved resumes, gradients stay as they are, and no host array comes beside a GPU's."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import optim
from tinygrad_jp.optim import keras_formulas, parts
from tinygrad_jp.testing.fakegpu import FakeGPU

from ..parity.optimizers import FORMULAS, OPTIMIZERS

EVERY = OPTIMIZERS | FORMULAS
every = pytest.mark.parametrize("name", EVERY)
SHAPES = [(3, 4), (5,), (), (2, 1, 3), (0, 2), (7, 2)]


def made(name: str, params: list[Any], **options: Any) -> Any:
    kind, given = EVERY[name]
    place = keras_formulas if name in FORMULAS else optim
    return getattr(place, kind)(params, **{**given, **options})


def arrays(rng: Any, dtype: Any) -> list[Any]:
    return [np.asarray(rng.standard_normal(s)).astype(dtype) for s in SHAPES]


def tensors(values: list[Any]) -> list[Any]:
    return [tj.Tensor(v, requires_grad=True) for v in values]


def by_rule(optimizer: Any, p: Any, grads: list[Any]) -> tuple[Any, dict[str, Any]]:
    """Follow the rule as it is written, on one parameter."""
    update = type(optimizer)._update
    h = {name: optimizer.param_groups[0][name] for name in update.options}
    state = update.first(p)
    for step, g in enumerate(grads, 1):
        if update.counts:
            state["step"] = step
        change, new = type(optimizer).rule(p, g, **state, **h)
        state.update(new)
        p = p - change
    return p, state


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", ["gathered", "large", "blocks"])
def test_in_place_is_the_rule_to_the_last_bit(name, dtype, sizes, monkeypatch):
    monkeypatch.setattr(parts, "SMALL", {"gathered": 1000, "large": 0, "blocks": 0}[sizes])
    monkeypatch.setattr(parts, "BLOCK", {"gathered": 25, "large": 1000, "blocks": 5}[sizes])
    rng = np.random.default_rng(1)
    start, steps = arrays(rng, dtype), [arrays(rng, dtype) for _ in range(12)]
    params = tensors(start)
    optimizer = made(name, params)
    for grads in steps:
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        optimizer.step()
    for i, p in enumerate(params):
        want, state = by_rule(optimizer, start[i], [grads[i] for grads in steps])
        np.testing.assert_array_equal(p._data, want)
        assert p.dtype == dtype
        for key, value in optimizer.state[p].items():
            if key != "step":
                np.testing.assert_array_equal(value._data, state[key])


@every
def test_descends_a_quadratic(name):
    if "maximize" in EVERY[name][1]:
        sign = -1.0
    else:
        sign = 1.0
    w = tj.tensor([2.0, -3.0, 0.5], requires_grad=True)
    optimizer = made(name, [w])

    def loss():
        return (w * w).sum() * 0.5

    first = loss().item()
    for _ in range(200):
        optimizer.zero_grad()
        (loss() * sign).backward()
        optimizer.step()
    # Adadelta starts with steps of the size of √eps
    assert loss().item() < first * (0.999 if "adadelta" in name else 0.8)


def train(optimizer: Any, params: list[Any], seeds: range) -> None:
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for p in params:
            p.grad = np.asarray(rng.standard_normal(p.shape)).astype(p.dtype)
        optimizer.step()


@every
@pytest.mark.parametrize("copied", ["state_dict", "deepcopy"])
def test_what_is_saved_resumes_bit_for_bit(name, copied):
    params = tensors(arrays(np.random.default_rng(0), np.float32))
    optimizer = made(name, params)
    train(optimizer, params, range(7))
    if copied == "state_dict":
        twins = tensors([p.detach() for p in params])
        twin = made(name, twins, lr=1.0)
        twin.load_state_dict(optimizer.state_dict())
    else:
        twins, twin = copy.deepcopy((params, optimizer))
    train(optimizer, params, range(7, 14))
    train(twin, twins, range(7, 14))
    for p, q in zip(params, twins, strict=True):
        np.testing.assert_array_equal(p._data, q._data)


@every
def test_gradients_and_kept_arrays_stay_as_they_are(name):
    params = tensors(arrays(np.random.default_rng(0), np.float32))
    optimizer = made(name, params)
    for seed in range(3):
        grads = arrays(np.random.default_rng(seed), np.float32)
        for p, g in zip(params, grads, strict=True):
            p.grad = g
        held = [p.grad for p in params]
        optimizer.step()
        for p, g, h in zip(params, grads, held, strict=True):
            assert p.grad is h
            np.testing.assert_array_equal(h._data, g)


@every
def test_stays_on_the_gpu(name):
    rng = np.random.default_rng(3)
    start, steps = rng.standard_normal((3, 2)), rng.standard_normal((5, 3, 2))
    (here,) = tensors([start])
    (there,) = tensors([FakeGPU(start)])
    both = made(name, [here]), made(name, [there])
    for g in steps:
        here._node.grad, there._node.grad = g, FakeGPU(g)
        for optimizer in both:
            optimizer.step()
    assert type(there._data) is FakeGPU
    np.testing.assert_array_equal(there._data.host, here._data)
