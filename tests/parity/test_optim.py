"""Every optimizer and schedule gives PyTorch's numbers, step for step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj

from .golden import expected
from .optimizers import OPTIMIZERS

STEPS = 25
START = [np.array([0.5, -1.5]), np.array(0.25)]
GRADS = [
    [rng.standard_normal(2), np.array(rng.standard_normal())]
    for rng in [np.random.default_rng(7)]
    for _ in range(STEPS)
]


def trajectory(lib: Any, tensor: Any, optimizer: Any, params: list[Any], dtype: str) -> Any:
    """Take the steps; give the parameters after each, and the state at the end."""
    path = []
    for grads in GRADS:
        for p, g in zip(params, grads, strict=True):
            p.grad = tensor(g.astype(dtype))
        optimizer.step()
        path.append(np.concatenate([np.ravel(p.detach().numpy()) for p in params]))
    return {"path": np.array(path), "state": optimizer.state_dict()["state"].get(0, {})}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer(name, dtype):
    kind, options = OPTIMIZERS[name]

    def compute(torch: Any) -> Any:
        params = [torch.tensor(a.astype(dtype), requires_grad=True) for a in START]
        optimizer = getattr(torch.optim, kind)(params, **options)
        return trajectory(torch, torch.tensor, optimizer, params, dtype)

    params = [tj.Tensor(a.astype(dtype), requires_grad=True) for a in START]
    optimizer = getattr(tj.optim, kind)(params, **options)
    got = trajectory(tj, tj.Tensor, optimizer, params, dtype)
    want = expected(f"optim/{name} {dtype}", compute)
    rtol, atol = (2e-5, 2e-6) if dtype == "float32" else (1e-12, 1e-13)
    assert got["path"].dtype == dtype
    np.testing.assert_allclose(got["path"], want["path"], rtol=rtol, atol=atol)
    assert list(got["state"]) == list(want["state"])
    for key, value in want["state"].items():
        np.testing.assert_allclose(got["state"][key].numpy(), value, rtol=rtol, atol=atol)


def rosenbrock(x: Any, y: Any) -> Any:
    return (1 - x) ** 2 + 10 * (y - x * x) ** 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("wolfe", dict(line_search_fn="strong_wolfe", max_iter=4)),
        ("wolfe-long", dict(line_search_fn="strong_wolfe", max_iter=8, lr=0.5, history_size=3)),
        ("wolfe-few", dict(line_search_fn="strong_wolfe", max_iter=6, max_eval=4, lr=20)),
        ("plain", dict(lr=0.3, max_iter=3)),
        ("plain-history", dict(lr=0.2, max_iter=5, history_size=2)),
    ],
)
def test_lbfgs(name, options):
    def run(tensor: Any, optim: Any) -> Any:
        x, y = tensor(np.array(-1.2)), tensor(np.array(1.0))
        optimizer = optim.LBFGS([x, y], **options)
        count, path, losses = [0], [], []

        def closure() -> Any:
            optimizer.zero_grad()
            count[0] += 1
            loss = rosenbrock(x, y)
            loss.backward()
            return loss

        for _ in range(5):
            losses.append(optimizer.step(closure).item())
            path.append([x.item(), y.item(), count[0]])
        state = optimizer.state_dict()["state"][0]
        return {
            "path": np.array(path), "losses": np.array(losses), "keys": len(state),
            "evals": state["func_evals"], "n_iter": state["n_iter"],
        }

    def compute(torch: Any) -> Any:
        return run(lambda a: torch.tensor(a, requires_grad=True), torch.optim)

    want = expected(f"optim/lbfgs {name}", compute)
    got = run(lambda a: tj.Tensor(a, requires_grad=True), tj.optim)
    np.testing.assert_allclose(got["path"], want["path"], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(got["losses"], want["losses"], rtol=1e-6, atol=1e-10)
    assert (got["evals"], got["n_iter"]) == (want["evals"], want["n_iter"])


def halves(epoch: int) -> float:
    return float(0.5 ** (epoch // 4))


def sequential(s: Any, o: Any) -> Any:
    first = s.LinearLR(o, start_factor=0.2, total_iters=4)
    return s.SequentialLR(
        o, [first, s.CosineAnnealingLR(o, T_max=9), s.ExponentialLR(o, 0.9)], milestones=[5, 20]
    )


def constant_then_steps(s: Any, o: Any) -> Any:
    first = s.ConstantLR(o, factor=0.5, total_iters=100)
    parts = [first, s.StepLR(o, 3, 0.5), s.PolynomialLR(o, 6), s.LambdaLR(o, halves)]
    return s.SequentialLR(o, parts, milestones=[4, 12, 19])


SCHEDULES: dict[str, Any] = {
    "lambda": lambda s, o: s.LambdaLR(o, [halves, lambda e: 1 / (1 + e)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 if e % 2 else 1.05),
    "step": lambda s, o: s.StepLR(o, 7, gamma=0.3),
    "multistep": lambda s, o: s.MultiStepLR(o, [3, 3, 10, 25], gamma=0.5),
    "constant": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=6),
    "linear": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.8, total_iters=11),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.87),
    "polynomial": lambda s, o: s.PolynomialLR(o, total_iters=17, power=2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=8, eta_min=0.01),
    "cosine-long": lambda s, o: s.CosineAnnealingLR(o, T_max=35),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=5, T_mult=2, eta_min=0.001),
    "restarts-even": lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=7),
    "onecycle": lambda s, o: s.OneCycleLR(o, max_lr=[0.5, 0.3], total_steps=36),
    "onecycle-linear": lambda s, o: s.OneCycleLR(
        o, max_lr=0.5, epochs=6, steps_per_epoch=6, anneal_strategy="linear", pct_start=0.4,
        three_phase=True, base_momentum=0.7, max_momentum=0.9, div_factor=10, final_div_factor=100,
    ),
    "onecycle-fixed": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=40, cycle_momentum=False),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, [0.1, 0.2], step_size_up=5),
    "cyclic-halving": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, step_size_up=4, step_size_down=7, mode="triangular2"
    ),
    "cyclic-range": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, step_size_up=6, mode="exp_range", gamma=0.95, cycle_momentum=False
    ),
    "cyclic-own": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, step_size_up=6, scale_fn=lambda x: 1 / x, base_momentum=0.5
    ),
    "sequential": sequential,
    "sequential-many": constant_then_steps,
    "chained": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.1, total_iters=5), s.ExponentialLR(o, 0.9), s.StepLR(o, 10)]
    ),
}


def rates(lib: Any, optim: str, build: Any, tensor: Any, epochs: int) -> Any:
    """Give rate and momentum (or β₁) of two groups, epoch by epoch."""
    groups = [{"params": [tensor(np.zeros(1))]}, {"params": [tensor(np.zeros(1))], "lr": 0.05}]
    options = dict(momentum=0.9) if optim == "SGD" else {}
    optimizer = getattr(lib.optim, optim)(groups, lr=0.1, **options)
    scheduler = build(lib.optim.lr_scheduler, optimizer)
    rows = []
    for _ in range(epochs):
        momenta = [g["betas"][0] if "betas" in g else g["momentum"] for g in optimizer.param_groups]
        lrs = [g["lr"] for g in optimizer.param_groups]
        assert scheduler.get_last_lr() == lrs
        rows.append([*lrs, *momenta])
        optimizer.step()
        scheduler.step()
    return np.array(rows)


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [(name, "SGD") for name in SCHEDULES] + [(n, "Adam") for n in SCHEDULES if "cycl" in n],
)
def test_schedule(name, optimizer):
    def compute(torch: Any) -> Any:
        def tensor(a: Any) -> Any:
            return torch.tensor(a, requires_grad=True)

        return rates(torch, optimizer, SCHEDULES[name], tensor, 36)

    got = rates(tj, optimizer, SCHEDULES[name], lambda a: tj.Tensor(a, requires_grad=True), 36)
    want = expected(f"optim/schedule {name} {optimizer}", compute)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-15)


METRICS = [5, 4, 4, 4, 4, 3.999, 3.9, 3.9, 4, 4, 4, 4, 4, 3, 2.9999, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain", dict(patience=2)),
        ("cooldown", dict(patience=1, cooldown=3, factor=0.5)),
        ("absolute", dict(patience=1, threshold=0.05, threshold_mode="abs", min_lr=[0.01, 0.02])),
        ("max", dict(mode="max", patience=3, min_lr=1e-3)),
        ("max-absolute", dict(mode="max", patience=0, threshold_mode="abs", eps=1e-4)),
    ],
)
def test_plateau(name, options):
    def build(s: Any, o: Any) -> Any:
        scheduler = s.ReduceLROnPlateau(o, **options)
        metrics = iter([*METRICS, *METRICS])
        plain_step = scheduler.step
        scheduler.step = lambda: plain_step(next(metrics))
        return scheduler

    def compute(torch: Any) -> Any:
        def tensor(a: Any) -> Any:
            return torch.tensor(a, requires_grad=True)

        return rates(torch, "SGD", build, tensor, 40)

    got = rates(tj, "SGD", build, lambda a: tj.Tensor(a, requires_grad=True), 40)
    np.testing.assert_allclose(got, expected(f"optim/plateau {name}", compute), rtol=1e-12)


def test_loads_the_state_dict_of_pytorch():
    def steps(tensor: Any, params: list[Any], optimizer: Any, which: range) -> None:
        for i in which:
            for p, g in zip(params, GRADS[i], strict=True):
                p.grad = tensor(g)
            optimizer.step()

    def compute(torch: Any) -> Any:
        params = [torch.tensor(a, requires_grad=True) for a in START]
        optimizer = torch.optim.Adam(params, lr=0.05, amsgrad=True)
        steps(torch.tensor, params, optimizer, range(10))
        middle = [p.detach().clone() for p in params]
        saved = optimizer.state_dict()
        saved = {k: {n: v.clone() for n, v in s.items()} for k, s in saved["state"].items()}
        steps(torch.tensor, params, optimizer, range(10, 20))
        state = {str(k): s for k, s in saved.items()}
        return {"middle": middle, "state": state, "end": [p.detach() for p in params]}

    want = expected("optim/state of torch", compute)
    params = [tj.Tensor(a, requires_grad=True) for a in want["middle"]]
    optimizer = tj.optim.Adam(params, lr=1.0)
    options = dict(
        lr=0.05, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=True, maximize=False,
        foreach=None, capturable=False, differentiable=False, fused=None,
        decoupled_weight_decay=False, params=[0, 1],
    )
    optimizer.load_state_dict({"state": want["state"], "param_groups": [options]})
    assert set(optimizer.param_groups[0]) == {*optimizer.defaults, "params"}
    steps(tj.Tensor, params, optimizer, range(10, 20))
    for p, end in zip(params, want["end"], strict=True):
        np.testing.assert_allclose(p._data, end, rtol=1e-12)
