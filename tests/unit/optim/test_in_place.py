"""How a rule is read: guards, scratch arrays, numbers computed once."""

from __future__ import annotations

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import optim
from tinygrad_jp.autograd.memory import all_changed, changed, last_write, written_since
from tinygrad_jp.optim.adam import adam
from tinygrad_jp.optim.in_place import Update

H = dict(
    lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=0, amsgrad=False, maximize=False,
    decoupled_weight_decay=False,
)


def cells(count):
    return [np.empty(()) for _ in range(count)]


def test_names_and_defaults_of_a_rule_say_what_its_state_is():
    update = Update(adam)
    assert update.arrays == ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    assert update.options == tuple(H)
    assert update.counts
    assert optim.NAdam._update.numbers == ["mu_product"]
    first = update.first(np.ones(2))
    np.testing.assert_array_equal(first["exp_avg"], [0.0, 0.0])
    assert first["max_exp_avg_sq"] is None


def test_adam_takes_twelve_passes_and_one_scratch_array():
    update = Update(adam)
    program, _, _ = update.program(H, 1, (), frozenset(["exp_avg", "exp_avg_sq"]), cells)
    assert program.scratch_count == 1
    assert not program.uses_p
    assert program.source.split("def in_place")[1].count("partial(") == 12
    assert program.source.count("betas[1] ** step") == 1


def test_a_program_serves_until_a_decision_falls_otherwise():
    update = Update(adam)
    present = frozenset(["exp_avg", "exp_avg_sq"])
    one, _, _ = update.program(H, 1, (), present, cells)
    assert update.program({**H, "lr": 5, "betas": (0, 0)}, 9, (), present, cells)[0] is one
    two, _, _ = update.program({**H, "weight_decay": 0.1}, 1, (), present, cells)
    assert two is not one
    assert two.uses_p
    assert update.program(H, 2, (), present, cells)[0] is one
    assert update.program({**H, "amsgrad": True}, 2, (), present, cells)[0].created == [
        "max_exp_avg_sq"
    ]
    assert len(update.programs) == 3


def test_a_rule_may_branch_on_the_step():
    update = optim.RAdam._update
    w = tj.Tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.RAdam([w], lr=0.1)
    texts = set()
    for _ in range(8):
        w.grad = [1.0, -1.0]
        optimizer.step()
        texts.add(optimizer._plans[0].parts[0].bound.program.source)
    assert len(texts) == 2
    assert {p.source for p in update.programs} >= texts


def test_a_rule_cannot_branch_on_an_array():
    def odd(p, g, *, lr):
        return (g if g else p), {}

    with pytest.raises(TypeError, match="branch on an array"):
        Update(odd).program({"lr": 1}, 0, (), frozenset(), cells)


def test_what_is_subtracted_may_be_a_state_or_the_gradient():
    def echo(p, g, kept=0.0, *, lr):
        kept = kept + g
        return (kept if lr else g), {"kept": kept}

    class Echo(optim.Optimizer):
        rule = staticmethod(echo)

    a, b = tj.Tensor(np.zeros(2), requires_grad=True), tj.Tensor(np.zeros(1), requires_grad=True)
    optimizer = Echo([a, b], {"lr": 1})
    for lr in (1, 1, 0):
        optimizer.param_groups[0]["lr"] = lr
        a.grad, b.grad = [1.0, 2.0], [3.0]
        optimizer.step()
    np.testing.assert_array_equal(a._data, [-4.0, -8.0])
    np.testing.assert_array_equal(b._data, [-12.0])
    np.testing.assert_array_equal(optimizer.state[a]["kept"]._data, [3.0, 6.0])


def test_old_and_new_state_may_both_be_needed():
    def swing(p, g, speed=0.0, *, lr):
        new = g + lr * speed
        return new - speed, {"speed": new}

    class Swing(optim.Optimizer):
        rule = staticmethod(swing)

    w = tj.Tensor(np.zeros(3), requires_grad=True)
    optimizer = Swing([w], {"lr": 0.5})
    p, state = np.zeros(3), {"speed": np.zeros(3)}
    for i in range(5):
        w.grad = g = np.arange(3.0) + i
        optimizer.step()
        change, state = swing(p, g, **state, lr=0.5)
        p = p - change
    np.testing.assert_array_equal(w._data, p)


def test_all_changed_is_changed_for_each():
    a, b, c = np.zeros(3), np.zeros((2, 2)), np.zeros(1)
    before = last_write[0]
    changed(a)
    moment = last_write[0]
    all_changed([a[1:], b])
    assert last_write[0] > moment > before
    assert [written_since(x, moment) for x in (a, b.T, c)] == [True, True, False]
