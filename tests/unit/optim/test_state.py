"""The state of an optimizer: shown, saved, loaded, changed by hand."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import optim


def trained(optimizer, params, steps=3):
    for i in range(steps):
        for p in params:
            p.grad = np.asarray(np.random.default_rng(i).standard_normal(p.shape), p.dtype)
        optimizer.step()


@pytest.fixture
def params():
    return [tj.Tensor(np.zeros(s), requires_grad=True) for s in [(2, 3), (4,), ()]]


def test_layout(params):
    optimizer = optim.Adam([{"params": params[:1]}, {"params": params[1:], "lr": 0.5}])
    trained(optimizer, params)
    saved = optimizer.state_dict()
    assert list(saved) == ["state", "param_groups"]
    assert list(saved["state"]) == [0, 1, 2]
    assert list(saved["state"][0]) == ["step", "exp_avg", "exp_avg_sq"]
    assert [g["params"] for g in saved["param_groups"]] == [[0], [1, 2]]
    assert [g["lr"] for g in saved["param_groups"]] == [1e-3, 0.5]
    assert [saved["state"][i]["exp_avg"].shape for i in range(3)] == [(2, 3), (4,), ()]
    assert saved["state"][1]["step"].item() == 3


def test_sgd_without_momentum_has_none(params):
    optimizer = optim.SGD(params, lr=0.1)
    trained(optimizer, params)
    assert optimizer.state_dict()["state"] == {}


def test_a_saved_state_is_a_snapshot(params):
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    trained(optimizer, params)
    saved = optimizer.state_dict()
    before = saved["state"][0]["momentum_buffer"].numpy().copy()
    trained(optimizer, params)
    saved["param_groups"][0]["lr"] = 5.0
    np.testing.assert_array_equal(saved["state"][0]["momentum_buffer"].numpy(), before)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_loading_does_not_hold_what_was_given(params):
    optimizer = optim.SGD(params, lr=0.1, momentum=0.9)
    trained(optimizer, params)
    saved = optimizer.state_dict()
    saved["state"][0]["momentum_buffer"] = given = np.ones((2, 3))
    optimizer.load_state_dict(saved)
    trained(optimizer, params)
    np.testing.assert_array_equal(given, np.ones((2, 3)))


def test_loaded_from_json(params):
    optimizer = optim.NAdam(params)
    trained(optimizer, params)
    saved = optimizer.state_dict()
    state = {k: {n: v.tolist() for n, v in r.items()} for k, r in saved["state"].items()}
    read = json.loads(json.dumps({"state": state, "param_groups": saved["param_groups"]}))
    twins = [tj.Tensor(p.detach(), requires_grad=True) for p in params]
    twin = optim.NAdam(twins, lr=1.0)
    twin.load_state_dict(read)
    assert twin.param_groups[0]["betas"] == (0.9, 0.999)
    trained(optimizer, params)
    trained(twin, twins)
    for p, q in zip(params, twins, strict=True):
        np.testing.assert_array_equal(p._data, q._data)


def test_pickled(params):
    optimizer = optim.Adam(params, lr=0.1)
    trained(optimizer, params)
    twin = pickle.loads(pickle.dumps(optimizer))
    twins = twin.param_groups[0]["params"]
    trained(optimizer, params)
    trained(twin, twins)
    for p, q in zip(params, twins, strict=True):
        assert p is not q
        np.testing.assert_array_equal(p._data, q._data)


def test_state_may_be_changed_by_hand(params):
    optimizer = optim.SGD(params, lr=1.0, momentum=0.5)
    for p in params:
        p.grad = np.ones(p.shape)
    optimizer.step()
    optimizer.state[params[0]]["momentum_buffer"].zero_()
    optimizer.state[params[1]]["momentum_buffer"] = tj.Tensor(np.full(4, 10.0))
    del optimizer.state[params[2]]
    optimizer.step()
    np.testing.assert_array_equal(params[0]._data, np.full((2, 3), -2.0))
    np.testing.assert_array_equal(params[1]._data, np.full(4, -7.0))
    assert params[2].item() == -2.0


def test_cast_to_the_parameters_dtype(params):
    optimizer = optim.Adam(params)
    trained(optimizer, params)
    halves = [tj.Tensor(p.detach().numpy().astype(np.float32), requires_grad=True) for p in params]
    twin = optim.Adam(halves)
    twin.load_state_dict(optimizer.state_dict())
    trained(twin, halves)
    assert twin.state[halves[0]]["exp_avg"].dtype == np.float32
    assert twin.state[halves[0]]["step"].item() == 6


def test_lbfgs_resumes():
    def make(values):
        w = tj.Tensor(np.array(values), requires_grad=True)
        optimizer = optim.LBFGS([w], max_iter=2, max_eval=20, line_search_fn="strong_wolfe")

        def closure():
            optimizer.zero_grad()
            loss = ((w - 1.0) ** 4).sum() + (w * w).sum()
            loss.backward()
            return loss

        return w, optimizer, closure

    w, optimizer, closure = make([3.0, -2.0, 0.1])
    optimizer.step(closure)
    v, twin, closure_of_twin = make(w.tolist())
    twin.load_state_dict(optimizer.state_dict())
    for _ in range(2):
        optimizer.step(closure)
        twin.step(closure_of_twin)
    np.testing.assert_array_equal(w._data, v._data)
    assert twin.state[v]["n_iter"] == optimizer.state[w]["n_iter"] == 6
