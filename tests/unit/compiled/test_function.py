"""What compile refuses, notices and leaves behind."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.errors import (
    ArgumentError,
    CompileError,
    LabelError,
    OptionError,
    TinygradWarning,
)
from tinygrad_jp.optim import lr_scheduler


def count(compiled: Any) -> int:
    return sum(len(replays) for replays in compiled._replays.values())


def twice(fn: Any, *args: Any) -> Any:
    fn(*args)
    return fn(*args)


# ── what cannot be recorded ─────────────────────────────────────────────────────────────────────


def test_a_branch_on_a_value_is_refused(compiled: Any) -> None:
    @compiled
    def f(x: Any) -> Any:
        if x.sum() > 0:
            return x
        return -x

    with pytest.raises(CompileError) as error:
        f(tj.ones(3))
    assert error.value.key == "compile_branch"
    assert "test_function.py" in str(error.value)
    assert "if x.sum() > 0" in str(error.value)


@pytest.mark.parametrize("look", [print, float, lambda x: x.item(), lambda x: x.tolist(), repr, str,
                                  lambda x: f"{x:.2f}", lambda x: np.asarray(x)])
def test_looking_at_a_value_is_refused(compiled: Any, look: Any) -> None:
    @compiled
    def f(x: Any) -> Any:
        y = x.sum()
        look(y)
        return y

    with pytest.raises(CompileError) as error:
        f(tj.ones(3))
    assert error.value.key == "compile_value"
    assert "test_function.py" in str(error.value)


def test_keeping_a_tensor_is_refused(compiled: Any) -> None:
    kept = []

    @compiled
    def f(x: Any) -> Any:
        y = x * 2
        kept.append(y)
        return y

    with pytest.raises(CompileError) as error:
        f(tj.ones(3))
    assert error.value.key == "compile_leaked"
    assert "y = x * 2" in str(error.value)


def test_counting_outside_is_refused(compiled: Any) -> None:
    calls = 0
    log: list[int] = []

    @compiled
    def f(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return x + 1

    @compiled
    def g(x: Any) -> Any:
        log.append(1)
        return x + 1

    for fn, name in ((f, "calls"), (g, "log")):
        with pytest.raises(CompileError) as error:
            fn(tj.ones(2))
        assert error.value.facts["names"] == name


def test_random_numbers_of_others_are_refused(compiled: Any) -> None:
    rng = np.random.default_rng(0)

    @compiled
    def f(x: Any) -> Any:
        return x + tj.tensor(np.random.rand(3))

    @compiled
    def g(x: Any) -> Any:
        return x + tj.tensor(rng.random(3))

    for fn in (f, g):
        with pytest.raises(CompileError) as error:
            fn(tj.ones(3))
        assert error.value.key == "compile_np_random"


def test_masks_of_values_are_refused_and_masks_from_outside_are_not(compiled: Any) -> None:
    mask = np.array([True, False, True])
    with pytest.raises(CompileError, match="where"):
        compiled(lambda x: x[x > 0])(tj.ones(3))
    pick = compiled(lambda x: x[mask])
    assert twice(pick, tj.tensor([1.0, 2.0, 3.0])).tolist() == [1.0, 3.0]
    mask[:] = [False, True, True]
    assert pick(tj.tensor([1.0, 2.0, 3.0])).tolist() == [2.0, 3.0]


def test_the_fallback_warns_once_and_runs_eagerly(compiled: Any) -> None:
    def f(x: Any) -> Any:
        return x if x.sum() > 0 else -x

    fast = compiled(f, fallback="eager")
    with pytest.warns(TinygradWarning, match="if/while"):
        assert fast(tj.tensor([-1.0])).item() == 1.0
    assert fast(tj.tensor([2.0])).item() == 2.0  # without a warning, which would be an error


def test_nothing_changes_where_recording_fails(compiled: Any) -> None:
    w = tj.tensor([1.0, 2.0], requires_grad=True)
    w.grad = tj.tensor([5.0, 5.0])
    optimizer = optim.Adam([w])

    @compiled
    def f() -> Any:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        optimizer.step()
        return loss.item()

    with pytest.raises(CompileError):
        f()
    assert w.detach().tolist() == [1.0, 2.0]
    assert w.grad.tolist() == [5.0, 5.0]
    assert optimizer.state_dict()["state"] == {} or all(
        r["step"].item() == 0 for r in optimizer.state_dict()["state"].values()
    )
    (w * w).sum().backward()
    assert w.grad.tolist() == [7.0, 9.0]


def test_errors_of_the_function_are_its_own(compiled: Any) -> None:
    f = compiled(lambda a, b: a @ b)
    with pytest.raises(tj.errors.ShapeError):
        f(tj.ones(2, 3), tj.ones(2, 3))
    assert f(tj.ones(2, 3), tj.ones(3, 2)).shape == (2, 2)


def test_options_are_checked() -> None:
    with pytest.raises(OptionError):
        tj.compile(lambda x: x, backend="cuda")  # type: ignore[arg-type]
    with pytest.raises(OptionError):
        tj.compile(lambda x: x, fallback="torch")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError):
        tj.compile(3)  # type: ignore[arg-type]
    with pytest.raises(CompileError):
        _ = tj.compile(lambda x: x).program


# ── what is noticed ─────────────────────────────────────────────────────────────────────────────


def test_a_rate_that_changes_is_followed_and_needs_no_new_program(compiled: Any) -> None:
    w = tj.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    @compiled
    def step() -> Any:
        optimizer.zero_grad()
        loss = w.sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step()
    before = count(step)
    optimizer.param_groups[0]["lr"] = 0.25
    step()
    assert w.item() == 1 - 3 * 0.5 - 0.25
    assert count(step) == before


def test_modes_and_modules_are_noticed(compiled: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    f = compiled(lambda x: model(x).detach())
    x = tj.ones(2, 3)
    twice(f, x)
    model.eval()
    whole = f(x)
    assert tj.allclose(whole, model[0](x))
    model[0].weight.data = np.eye(3, dtype=np.float32)
    assert tj.allclose(f(x), model(x))
    model[0] = nn.Linear(3, 2)
    assert f(x).shape == (2, 2)


def test_names_that_mean_something_else_are_noticed(compiled: Any) -> None:
    scale = tj.tensor(2.0)
    factor = 3.0
    f = compiled(lambda x: x * scale * factor)
    assert twice(f, tj.tensor([1.0])).item() == 6.0
    scale = tj.tensor(5.0)
    assert f(tj.tensor([1.0])).item() == 15.0
    factor = 4.0
    assert f(tj.tensor([1.0])).item() == 20.0
    scale.fill_(1.0)
    assert f(tj.tensor([1.0])).item() == 4.0


def test_arrays_from_outside_are_read_anew(compiled: Any) -> None:
    table = np.array([1.0, 2.0], np.float32)
    f = compiled(lambda x: x + tj.tensor(table))
    assert twice(f, tj.tensor([0.0, 0.0])).tolist() == [1.0, 2.0]
    table[:] = 7
    assert f(tj.tensor([0.0, 0.0])).tolist() == [7.0, 7.0]


def test_a_label_out_of_range_is_refused_and_nothing_is_changed(compiled: Any) -> None:
    model = nn.Linear(3, 2)
    optimizer = optim.Adam(model.parameters())
    loss_fn = nn.CrossEntropyLoss()

    @compiled
    def step(x: Any, t: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_fn(model(x), t)
        loss.backward()
        optimizer.step()
        return loss

    x = tj.ones(4, 3)
    for _ in range(3):
        step(x, tj.tensor([0, 1, 0, 1]))
    before = {k: np.array(v) for k, v in model.state_dict().items()}
    steps = optimizer.state_dict()["state"][0]["step"].item()
    with pytest.raises(LabelError):
        step(x, tj.tensor([0, 1, 2, 1]))
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(np.array(value), before[key])
    assert optimizer.state_dict()["state"][0]["step"].item() == steps
    step(x, tj.tensor([0, 1, 1, 1]))


def test_state_that_is_loaded_between_calls_is_used(compiled: Any) -> None:
    model = nn.Linear(3, 2)
    optimizer = optim.Adam(model.parameters(), lr=0.1)

    @compiled
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    x = tj.ones(4, 3)
    step(x), step(x)
    saved = ({k: np.array(v) for k, v in model.state_dict().items()}, optimizer.state_dict())
    first = [step(x).item() for _ in range(3)]
    model.load_state_dict(saved[0])
    optimizer.load_state_dict(saved[1])
    assert [step(x).item() for _ in range(3)] == pytest.approx(first, rel=1e-6)


# ── what it leaves behind ───────────────────────────────────────────────────────────────────────


def test_a_gradient_that_is_kept_is_not_written_over(compiled: Any) -> None:
    w = tj.tensor([1.0, 2.0], requires_grad=True)

    @compiled
    def step(x: Any) -> Any:
        w.grad = None
        loss = (w * x).sum()
        loss.backward()
        return loss

    step(tj.tensor([1.0, 1.0])), step(tj.tensor([1.0, 1.0]))
    step(tj.tensor([2.0, 2.0]))
    kept = w.grad
    step(tj.tensor([3.0, 3.0]))
    shown = w.grad.numpy()
    step(tj.tensor([4.0, 4.0]))
    assert kept.tolist() == [2.0, 2.0]
    assert shown.tolist() == [3.0, 3.0]
    assert w.grad.tolist() == [4.0, 4.0]


def test_results_are_arrays_of_their_own(compiled: Any) -> None:
    f = compiled(lambda x: {"y": x * 2, "same": (x, 3)})
    x = tj.tensor([1.0])
    f(x), f(x)
    first = f(x)
    second = f(tj.tensor([5.0]))
    assert first["y"].item() == 2.0
    assert second["y"].item() == 10.0
    assert first["same"][0] is x
    assert first["same"][1] == 3


def test_gradients_gather_where_nothing_forgets_them(compiled: Any) -> None:
    w = tj.tensor([1.0, 2.0], requires_grad=True)

    @compiled
    def f() -> None:
        (w * w).sum().backward()

    for i in range(1, 5):
        f()
        assert w.grad.tolist() == [2.0 * i, 4.0 * i]


def test_an_argument_gets_its_gradient(compiled: Any) -> None:
    f = compiled(lambda x: (x * x).sum().backward())
    for value in (1.0, 2.0, 3.0):
        x = tj.tensor([value], requires_grad=True)
        f(x)
        assert x.grad.item() == 2 * value
        f(x)
        assert x.grad.item() == 4 * value


def test_a_graph_that_needs_old_weights_notices(compiled: Any) -> None:
    w = tj.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)

    @compiled
    def step() -> Any:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step()
    before = (w * w).sum()
    step()
    with pytest.raises(tj.errors.GradientError):
        before.backward()


def test_writes_in_place_reach_the_tensor(compiled: Any) -> None:
    total = tj.zeros(3)

    @compiled
    def add(x: Any) -> Any:
        total.add_(x)
        total[0] = 0
        return total.sum()

    for i in range(1, 4):
        assert add(tj.ones(3)).item() == 2 * i
    assert total.tolist() == [0.0, 3.0, 3.0]


def test_a_scheduler_inside_goes_on(compiled: Any) -> None:
    w = tj.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)

    @compiled
    def step() -> None:
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        scheduler.step()

    for _ in range(4):
        step()
    assert w.item() == 1 - (1 + 0.5 + 0.25 + 0.125)
    assert scheduler.last_epoch == 4


def test_two_threads_at_once(compiled: Any) -> None:
    f = compiled(lambda x: (x * 2 + 1).sum())
    f(tj.zeros(8)), f(tj.zeros(8))
    wrong = []

    def work(i: int) -> None:
        for _ in range(200):
            found = f(tj.full((8,), float(i))).item()
            if found != 8 * (2 * i + 1):
                wrong.append((i, found))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []


def test_dropout_draws_as_eager_code_does(compiled: Any) -> None:
    model = nn.Dropout(0.5)
    f = compiled(lambda x: model(x))
    x = tj.ones(100)
    f(x), f(x)
    tj.manual_seed(3)
    mine = [f(x).tolist() for _ in range(3)]
    tj.manual_seed(3)
    assert mine == [model(x).tolist() for _ in range(3)]
    assert mine[0] != mine[1]


def test_methods_and_keywords(compiled: Any) -> None:
    class Net:
        def __init__(self) -> None:
            self.w = tj.tensor([2.0])

        @compiled
        def scaled(self, x: Any, *, by: float = 1.0) -> Any:
            return x * self.w * by

    net = Net()
    assert twice(net.scaled, tj.tensor([3.0])).item() == 6.0
    assert net.scaled(tj.tensor([3.0]), by=2.0).item() == 12.0
    assert net.scaled(tj.tensor([3.0]), by=2.0).item() == 12.0


def test_many_programs_are_warned_of(compiled: Any) -> None:
    f = compiled(lambda x, k: x * k)
    for k in range(8):
        f(tj.ones(1), float(k))
    with pytest.warns(TinygradWarning, match="tj.tensor"):
        f(tj.ones(1), 9.0)


def test_what_it_did_can_be_seen(compiled: Any) -> None:
    f = compiled(lambda x: (x * x).sum())
    twice(f, tj.ones(3))
    assert "np.multiply(a0, a0)" in str(f.program)
    assert f.source
    cost = f.cost()
    assert cost.operations == 6
    assert "operations" in str(cost)
    assert "1 programs" in repr(f)


def test_a_rate_as_a_result_is_refused(compiled: Any) -> None:
    w = tj.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)

    @compiled
    def step() -> Any:
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        scheduler.step()
        return scheduler.get_last_lr()[0]

    with pytest.raises(CompileError) as error:
        step()
    assert error.value.key == "compile_number"
