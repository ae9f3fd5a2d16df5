"""The first call of a compiled step: one run of the program, or none that counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.compiled import first
from tinygrad_jp.compiled.replay import Replay


def training() -> tuple[Any, nn.Module, optim.Optimizer, tj.Tensor]:
    tj.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Linear(5, 2))
    opt = optim.Adam(model.parameters(), lr=0.1)

    def step(x: tj.Tensor) -> tj.Tensor:
        opt.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    return step, model, opt, tj.tensor(np.random.default_rng(0).standard_normal((8, 4)))


def test_the_program_runs_once_a_call(compiled, monkeypatch):
    runs: list[int] = []
    real = Replay._bound

    def bound(self: Replay) -> Any:
        entry = real(self)

        def counted(*arrays: Any) -> Any:
            runs.append(1)
            return entry(*arrays)

        return counted

    monkeypatch.setattr(Replay, "_bound", bound)
    step, model, opt, x = training()
    ready = compiled(step)
    losses = [ready(x).item() for _ in range(3)]
    assert len(runs) == 3
    again, other, _, _ = training()
    np.testing.assert_allclose(losses, [again(x).item() for _ in range(3)], rtol=1e-5)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, atol=1e-5)
    assert opt.state_dict()["state"][0]["step"].item() == 3


@pytest.mark.parametrize("place", ["_gaps", "_counted"])
def test_what_ends_the_first_call_leaves_all_as_it_was(compiled, monkeypatch, place):
    def ended(*_: Any) -> Any:
        raise KeyboardInterrupt

    step, model, opt, x = training()
    ready = compiled(step)
    before = [p.data.copy() for p in model.parameters()]
    with monkeypatch.context() as patch:
        patch.setattr(first, place, ended)
        with pytest.raises(KeyboardInterrupt):
            ready(x)
    for p, was in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, was)
        assert p.grad is None
    assert not any(np.any(v) for s in opt.state_dict()["state"].values() for v in s.values())
    tj.manual_seed(7)
    ready(x)
    again, other, _, _ = training()
    tj.manual_seed(7)
    again(x)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, atol=1e-5)
