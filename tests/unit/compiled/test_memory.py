"""What recording and checking take of memory, and how many programs a training step needs."""

from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.compiled import comparison
from tinygrad_jp.compiled.replay import Replay
from tinygrad_jp.compiled.untouched import first_touches
from tinygrad_jp.errors import ProgramError, TinygradWarning
from tinygrad_jp.program.native import elf


def trained(compiled: Any, body: Any, calls: int = 5, before: Any = None) -> tuple[Any, Any]:
    """Run a step compiled and as it is on equal models; give the compiled one, and the model."""
    models, steps = [], []
    for make in (compiled, lambda fn: fn):
        tj.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
        opt = optim.Adam(model.parameters(), lr=0.05)
        models.append(model)
        steps.append(make(body(model, opt)))
    x = tj.tensor(np.random.default_rng(0).standard_normal((8, 4)).astype(np.float32))
    for call in range(calls):
        for model, step in zip(models, steps, strict=True):
            if before is not None:
                before(call, model)
            step(x)
        for p, q in zip(*(m.parameters() for m in models), strict=True):
            np.testing.assert_allclose(p.data, q.data, atol=2e-5)
            assert (p.grad is None) == (q.grad is None)
            if p.grad is not None:
                np.testing.assert_allclose(p.grad.data, q.grad.data, atol=2e-5)
    return steps[0], models[0]


def count(step: Any) -> int:
    return sum(map(len, step._replays.values()))


def plain(model: Any, opt: Any) -> Any:
    def step(x: Any) -> Any:
        opt.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    return step


def late(model: Any, opt: Any) -> Any:
    def step(x: Any) -> Any:
        loss = (model(x) ** 2).mean()
        model.zero_grad()
        loss.backward()
        opt.step()
        return loss

    return step


def one_by_one(model: Any, opt: Any) -> Any:
    def step(x: Any) -> Any:
        for p in model.parameters():
            p.grad = None
        loss = (model(x) ** 2).mean()
        loss.backward()
        opt.step()
        return loss

    return step


@pytest.mark.parametrize("body", [plain, late, one_by_one])
def test_a_step_that_forgets_gradients_needs_one_program(compiled, body):
    step, _ = trained(compiled, body)
    assert count(step) == 1


def test_it_serves_whatever_gradients_there_are(compiled):
    def before(call: int, model: Any) -> None:
        for p in model.parameters():
            if call in (2, 5):
                p.grad = None
            if call == 3:
                p.grad = np.ones(p.shape, np.float32)

    step, _ = trained(compiled, plain, 7, before)
    assert count(step) == 1


def test_a_gradient_that_is_gathered_needs_another(compiled):
    def body(model: Any, opt: Any) -> Any:
        def step(x: Any) -> Any:
            loss = (model(x) ** 2).mean()
            loss.backward()
            return loss

        return step

    step, _ = trained(compiled, body)
    assert count(step) == 2


def test_a_step_before_the_gradients_go(compiled):
    """What moves by the gradients of the call before must not be taken for one that has none."""

    def body(model: Any, opt: Any) -> Any:
        def step(x: Any) -> Any:
            opt.step()
            opt.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            return loss

        return step

    step, _ = trained(compiled, body)
    assert count(step) == 2


def test_a_look_at_a_gradient_is_seen(compiled):
    def body(model: Any, opt: Any) -> Any:
        def step(x: Any) -> Any:
            rate = 1.0 if next(iter(model.parameters())).grad is None else 3.0
            opt.zero_grad()
            loss = (model(x) ** 2).mean() * rate
            loss.backward()
            opt.step()
            return loss

        return step

    step, _ = trained(compiled, body)
    assert count(step) == 2


def test_touches_are_noted_in_order():
    a, b, c = (tj.tensor(1.0, requires_grad=True) for _ in range(3))
    with first_touches() as written_first:
        a.grad = None
        assert a.grad is None
        assert b.grad is None
        b.grad = None
    assert written_first == {id(a._node): True, id(b._node): False}
    with pytest.raises(ZeroDivisionError), first_touches() as written_first:
        _ = 1 / 0
    c.grad = None
    assert written_first == {}


def test_recording_holds_little(compiled):
    """In units of what the parameters take: what a first call takes at most, and what it leaves."""
    size = 512
    model = nn.Sequential(nn.Linear(size, size, bias=False), nn.ReLU(), nn.Linear(size, size, bias=False))
    opt = optim.Adam(model.parameters())
    step = compiled(plain(model, opt))
    x = tj.tensor(np.ones((16, size), np.float32))
    small = compiled(lambda v: v + 1)
    small(tj.tensor(np.ones(3)))  # what is imported and made once
    unit = 2 * size * size * 4
    gc.collect()
    tracemalloc.start()
    try:
        for call in range(3):
            step(x)
            if call == 0:
                _, first = tracemalloc.get_traced_memory()
                tracemalloc.reset_peak()
        gc.collect()
        kept, later = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert first < 7.2 * unit
    assert kept < 3.8 * unit
    assert later < 4.5 * unit
    assert count(step) == 1


# ── the comparison, piece by piece ───────────────────────────────────────────────────────────


def alike(got: Any, wanted: Any, step: float = 0.0, near: float = 0.0) -> bool:
    return comparison.gap(got, wanted).is_small(step, near)


def test_arrays_are_compared_piece_by_piece(monkeypatch):
    monkeypatch.setattr(comparison, "PIECE", 7)
    rng = np.random.default_rng(0)
    for shape in ((), (0,), (3, 0, 2), (5,), (7, 11), (3, 4, 5)):
        for kind in (np.float16, np.float32, np.float64):
            x = rng.standard_normal(shape).astype(kind)
            assert alike(x, x.copy())
            assert alike(x.T, np.array(x.T, order="C"))
            found = comparison.gap(x, x + kind(0.5), x + kind(0.25))
            assert found.apart == pytest.approx(0.5 if x.size else 0, rel=1e-2)
            assert found.moved == pytest.approx(0.25 if x.size else 0, rel=1e-2)
            assert found.scale == (abs(x + kind(0.5)).max() if x.size else 0)
            for at in np.ndindex(shape):
                for wrong in (1e3, np.nan, np.inf, -np.inf):
                    y = x.copy()
                    y[at] = wrong
                    assert not alike(x, y)
                    if not np.isinf(wrong):
                        assert not alike(y, x)
                    assert alike(y, y.copy())
                    assert comparison.gap(x, y).is_finite == np.isfinite(wrong)
                y[at] = np.inf
                z = y.copy()
                z[at] = -np.inf
                assert not alike(y, z)
    assert alike(np.arange(20), np.arange(20))
    assert not alike(np.arange(20), np.arange(20) + (np.arange(20) == 19))
    assert not alike(np.ones(3), np.ones((1, 3)))


def test_a_step_is_allowed_where_it_is_said():
    x = np.zeros(100_000, np.float32)
    y = x.copy()
    y[70_000] = 0.1
    assert not alike(y, x)
    assert alike(y, x, step=0.11)
    assert not alike(y, x, step=0.09)
    assert alike(y, x, near=101.0)


def test_nothing_is_told_from_minus_zero():
    assert comparison.nothing_in(np.zeros((3, 4)))
    assert comparison.nothing_in(np.zeros((3, 4)).T)
    assert comparison.nothing_in(np.zeros((6, 4))[::2, 1:3])
    for array in (np.array([0.0, -0.0]), np.array([1, 0]), np.array([0, np.nan]), np.zeros(3, bool),
                  np.full((2, 2), 5e-324)):
        assert not comparison.nothing_in(array)


def test_minus_zeros_come_through_the_check(compiled):
    """What the check writes is taken back, to the bit."""
    w = tj.tensor(np.array([0.0, -0.0, 0.0], np.float32))
    v = tj.tensor(np.zeros(3, np.float32))

    @compiled
    def step(x):
        w.mul_(x)
        v.add_(x)
        return w + v

    step(tj.tensor(np.ones(3, np.float32)))
    assert list(np.signbit(w.data)) == [False, True, False]
    np.testing.assert_array_equal(v.data, 1)


# ── large parameters, whose values after the recorded call are not kept ──────────────────────


SIZES = (600, 520)  # 1.2 MB in float32


def pair(make: Any, turned: bool, dtype: Any = np.float32) -> tuple[Any, Any]:
    """Give a large parameter, a small one, and their optimizer."""
    rng = np.random.default_rng(1)
    w = rng.standard_normal(SIZES[::-1] if turned else SIZES).astype(dtype)
    w = nn.Parameter(tj.tensor(w))
    if turned:
        w._data = np.asfortranarray(w._data)
    b = nn.Parameter(tj.tensor(np.zeros(7, dtype)))
    return (w, b), make([w, b])


OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1, weight_decay=0.01),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, amsgrad=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("after", ["", "zero", "clip", "use", "give"])
def test_large_parameters(compiled, name, turned, after):
    """Whatever the step does beside, and however the parameter lies in memory: as eager has it."""
    runs = []
    for make in (compiled, lambda fn: fn):
        tj.manual_seed(3)
        (w, b), opt = pair(OPTIMIZERS[name], turned)

        def step(x, w=w, b=b, opt=opt):
            opt.zero_grad()
            loss = (tj.tanh(x * w) * (tj.rand(*w.shape) + 0.5)).mean() + (b - 1).square().sum()
            loss.backward()
            if after == "clip":
                nn.utils.clip_grad_norm_([w, b], 0.01)
            opt.step()
            if after == "zero":
                opt.zero_grad()
            if after == "use":
                return loss, (w * 2).sum()
            return (loss, w.detach()) if after == "give" else loss

        step = make(step)
        found = []
        for call in range(3):
            made = step(tj.tensor(np.float32(call + 1)))
            found += [np.array(y.data) for y in (made if isinstance(made, tuple) else [made])]
        found += [w.data.copy(), b.data.copy()]
        found += [g.data for g in (w.grad, b.grad) if g is not None]
        state = opt.state_dict()["state"]
        found += [np.asarray(v) for s in state.values() for _, v in sorted(s.items())]
        runs.append(found)
    for got, wanted in zip(*runs, strict=True):
        np.testing.assert_allclose(np.asarray(got), np.asarray(wanted), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ["w", "exp_avg", "exp_avg_sq"])
@pytest.mark.parametrize("fallback", [None, "eager"])
def test_a_large_parameter_that_comes_out_wrong_is_noticed(monkeypatch, name, fallback):
    """One element of it, anywhere; and all is as before, or as eager would leave it."""
    pytest.importorskip("llvmlite")
    (w, b), opt = pair(OPTIMIZERS["adam"], False)
    (v, c), other = pair(OPTIMIZERS["adam"], False)
    x = tj.tensor(np.float32(1.0))

    def make(w, b, opt):
        def step(x):
            opt.zero_grad()
            (tj.tanh(x * w).sum() + b.sum()).backward()
            opt.step()

        return step

    real = Replay._bound

    def bound(self):
        entry = real(self)
        (array,) = [
            a for u, a in self.capture.bound.items()
            if a.size == w.size and u in self.capture.program.updates
            and (u.name.rpartition(".")[2] if "exp_avg" in u.name else "w") == name
        ]

        def spoiled(*arrays):
            done = entry(*arrays)
            array.reshape(-1)[-12345] += 1000
            return done

        return spoiled

    monkeypatch.setattr(Replay, "_bound", bound)
    step = tj.compile(make(w, b, opt), backend="native", fallback=fallback)
    before = w.data.copy()
    if fallback is None:
        with pytest.raises(ProgramError):
            step(x)
        np.testing.assert_array_equal(w.data, before)
        assert w.grad is None
        assert b.data.sum() == 0
        return
    with pytest.warns(TinygradWarning):
        step(x)
    make(v, c, other)(x)
    assert not np.array_equal(w.data, before)
    for got, wanted in ((w, v), (b, c), (w.grad, v.grad)):
        np.testing.assert_array_equal(got.data, wanted.data)
    for p, q in zip(opt.state_dict()["state"].values(), other.state_dict()["state"].values(), strict=True):
        for key in p:
            np.testing.assert_array_equal(np.asarray(p[key]), np.asarray(q[key]))


PEAK = """
import sys
import numpy as np
import tinygrad_jp as tj
from tinygrad_jp import nn, optim
model = nn.Sequential(nn.Linear(20, 100), nn.ReLU(), nn.Linear(100, 5))
opt = optim.Adam(model.parameters())
x, t = tj.tensor(np.ones((64, 20), np.float32)), tj.tensor(np.arange(64) % 5)
def step(x, t):
    opt.zero_grad()
    loss = nn.functional.cross_entropy(model(x), t)
    loss.backward()
    opt.step()
    return loss
if sys.argv[1] == "compiled":
    step = tj.compile(step, backend="native")
for _ in range(20):
    step(x, t)
with open("/proc/self/status") as lines:
    print(next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not elf.possible(), reason="elsewhere LLVM comes into the process")
def test_the_peak_of_a_process_is_near_that_of_eager(tmp_path, monkeypatch):
    """Compiled, it takes what Python's own code for it takes: 4 MiB more, and not LLVM's 50 to 80."""
    pytest.importorskip("llvmlite")
    monkeypatch.setenv("TINYGRAD_JP_CACHE", str(tmp_path))
    peaks = [
        int(subprocess.run([sys.executable, "-c", PEAK, kind], capture_output=True, text=True,
                           check=True, timeout=120).stdout) / 1024
        for kind in ("eager", "compiled", "compiled")  # cold and warm
    ]
    assert max(peaks[1:]) < peaks[0] + 10, peaks
