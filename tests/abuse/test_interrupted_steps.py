"""An optimizer's step that something cuts short: all of it was done, or nothing.

An error is raised before every single instruction of Python that a step runs, in turn, and in the
place of every call that writes. Parameters and state are then those before the step or those after
it, never between; and training that goes on ends with the very numbers of an undisturbed one.
"""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest

import tinygrad_jp as tj
from tinygrad_jp import nn, optim
from tinygrad_jp.optim import at_once as writing
from tinygrad_jp.optim import optimizer as stepping
from tinygrad_jp.optim import parts

from .interrupting import AsSignal, BeforeInstruction, on_posix

OPTIMIZERS = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.05, momentum=0.9, weight_decay=0.01),
    "adam": lambda ps: optim.Adam(ps, lr=0.05, amsgrad=True),
    "nadam": lambda ps: optim.NAdam(ps, lr=0.05),
    "two groups": lambda ps: optim.AdamW([{"params": ps[:2]}, {"params": ps[2:], "lr": 0.1}], lr=0.05),
}


class Training:
    """Parameters of two dtypes and several layouts, with gradients that follow from them."""

    def __init__(self, make):
        rng = np.random.default_rng(0)
        arrays = [
            rng.standard_normal((3, 4)).astype("f"), rng.standard_normal(5),
            np.asfortranarray(rng.standard_normal((4, 2)).astype("f")), rng.standard_normal((6, 2)),
            rng.standard_normal(1),
        ]
        self.params = [tj.Tensor(a, requires_grad=True) for a in arrays]
        self.optimizer = make(self.params)

    def gradients(self):
        for p in self.params:
            p.grad = p._data * 2 + 1

    def step(self):
        self.gradients()
        self.optimizer.step()

    def numbers(self):
        """List parameters and state; an entry that is not there yet is left out."""
        state = self.optimizer.state_dict()["state"]
        named = {(i, k): v.numpy().copy() for i, record in state.items() for k, v in record.items()}
        return {**{i: p.numpy().copy() for i, p in enumerate(self.params)}, **named}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def after(make, steps):
    training = Training(make)
    for _ in range(steps):
        training.step()
    return training


@pytest.fixture(params=["gathered", "in blocks"])
def sizes(request, monkeypatch):
    if request.param == "in blocks":
        for name, size in (("SMALL", 0), ("LONE", 0), ("BLOCK", 5)):
            monkeypatch.setattr(parts, name, size)


def all_or_nothing(make, done, disturbed):
    """Disturb the step after `done` steps; then it was taken or not, and training can go on."""
    before, whole = after(make, done).numbers(), after(make, done + 1).numbers()
    further = after(make, done + 3).numbers()
    training = after(make, done)
    training.gradients()
    disturbed(training.optimizer.step)
    found = training.numbers()
    took = same(found, whole)
    assert took or same(found, before)
    for _ in range(2 if took else 3):
        training.step()
    assert same(training.numbers(), further)
    return took


@pytest.mark.parametrize("done", [0, 2, 63])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_error_before_any_instruction(name, done, sizes):
    make = OPTIMIZERS[name]

    def disturbing(at, since):
        def disturbed(step):
            with BeforeInstruction(KeyboardInterrupt(), at, since) as block:
                step()
            counts[since] = block.seen

        return disturbed

    counts = {}
    for since in (None, "at_once"):  # the second: every instruction from where it writes
        assert all_or_nothing(make, done, disturbing(0, since))
    assert counts[None] > 150
    assert counts["at_once"] > 10
    few = 40 if done == 2 else 8
    for at in range(1, counts[None], counts[None] // few):
        all_or_nothing(make, done, disturbing(at, None))
    taken = [
        all_or_nothing(make, done, disturbing(at, "at_once"))
        for at in range(1, counts["at_once"] + 1)
    ]
    assert taken == sorted(taken)  # nothing up to a point, everything from there on
    assert {*taken} == {False, True}


@pytest.mark.parametrize("error", [MemoryError, FloatingPointError, KeyboardInterrupt, RuntimeWarning])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_error_in_the_place_of_any_call_that_writes(name, error, sizes, monkeypatch):
    """No memory before a call has done its work, overflow after it: the others are made all the same."""
    make = OPTIMIZERS[name]
    plain = stepping.at_once
    counts = []
    monkeypatch.setattr(stepping, "at_once", lambda calls: (counts.append(len(calls)), plain(calls)))
    after(make, 3)
    assert counts[2] > 5

    for at in range(0, counts[2], max(1, counts[2] // 14)):
        def broken(calls, at=at):
            calls = list(calls)
            real, left = calls[at], [1]

            def once():
                if error is not MemoryError:
                    real()
                if left.pop() if left else 0:
                    raise error("on purpose")
                return real() if error is MemoryError else None

            calls[at] = once
            plain(calls)

        def disturbed(step, broken=broken):
            with monkeypatch.context() as patch:
                patch.setattr(stepping, "at_once", broken)
                with pytest.raises(error):
                    step()

        assert all_or_nothing(make, 2, disturbed)


def test_what_fails_twice_is_told():
    done = []

    def never():
        raise MemoryError("none")

    with pytest.raises(MemoryError):
        writing.at_once([lambda: done.append(1), never, lambda: done.append(2)])
    assert done == [1]


def test_overflow_under_errstate_raise_is_told_after_a_whole_step():
    w = [tj.Tensor(np.array([v, 1.0], "f"), requires_grad=True) for v in (3e38, 1.0, 3e38)]
    optimizer = optim.SGD(w, lr=1.0)
    for p in w:
        p.grad = np.array([-3e38, 0.5], "f")
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        optimizer.step()
    for p, first in zip(w, (np.inf, 3e38, np.inf), strict=True):
        np.testing.assert_array_equal(p.numpy(), np.array([first, 0.5], "f"))


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_goes_back_to_where_it_was(search):
    def start():
        w = tj.Tensor(np.array([-1.2, 1.0]), requires_grad=True)
        return w, optim.LBFGS([w], lr=0.1, max_iter=4, line_search_fn=search)

    def closure_of(w, optimizer, fail_at=0):
        count = [0]

        def closure():
            count[0] += 1
            if count[0] == fail_at:
                raise KeyboardInterrupt
            optimizer.zero_grad()
            loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
            loss.backward()
            return loss

        return closure

    w, optimizer = start()
    optimizer.step(closure_of(w, optimizer))
    optimizer.step(closure_of(w, optimizer))
    wanted = w.numpy().copy()
    for fail_at in (1, 2, 3, 4):
        w, optimizer = start()
        optimizer.step(closure_of(w, optimizer))
        before, evals = w.numpy().copy(), optimizer.state[w]["func_evals"]
        with pytest.raises(KeyboardInterrupt):
            optimizer.step(closure_of(w, optimizer, fail_at))
        np.testing.assert_array_equal(w.numpy(), before)
        assert optimizer.state[w]["func_evals"] == evals
        optimizer.step(closure_of(w, optimizer))
        np.testing.assert_array_equal(w.numpy(), wanted)


def test_gathering_anew_keeps_what_an_interrupt_left(monkeypatch):
    """A parameter that joins later makes the parts anew; the first attempt is cut short there."""
    def made():
        a, b = (tj.Tensor(np.ones(3), requires_grad=True) for _ in range(2))
        optimizer = optim.Adam([a, b], lr=0.1)
        a.grad = np.ones(3)
        optimizer.step()
        a.grad, b.grad = np.ones(3), np.full(3, 2.0)
        return a, b, optimizer

    a, b, optimizer = made()
    optimizer.step()
    wanted = a.numpy().copy(), b.numpy().copy()
    with BeforeInstruction(KeyboardInterrupt(), 0) as block:
        made()[2].step()
    total = block.seen
    for at in range(1, total, total // 40):
        a, b, optimizer = made()
        before = a.numpy().copy()
        with BeforeInstruction(KeyboardInterrupt(), at):
            optimizer.step()
        if np.array_equal(a.numpy(), before):
            optimizer.step()
        np.testing.assert_array_equal(a.numpy(), wanted[0])
        np.testing.assert_array_equal(b.numpy(), wanted[1])
        assert int(optimizer.state_dict()["state"][0]["step"]) == 2


@pytest.fixture
def warnings_on():
    """Put NumPy's warnings back: a Ctrl-C inside np.errstate's own __exit__ leaves them off."""
    before = np.geterr()
    yield
    np.seterr(**before)


@on_posix
@pytest.mark.usefixtures("warnings_on")
@pytest.mark.parametrize("backend", ["eager", "native", "numpy"])
def test_real_signals_at_random_moments_of_whole_steps(backend):
    """Parameters, state and the count of steps belong to one and the same step, always."""
    rng = np.random.default_rng(5)
    x, y = tj.tensor(rng.standard_normal((16, 5)).astype("f")), tj.tensor(rng.integers(0, 3, 16))

    def made():
        tj.manual_seed(3)
        net = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 3))
        optimizer, loss_of = optim.Adam(net.parameters(), lr=0.01), nn.CrossEntropyLoss()

        def step():
            optimizer.zero_grad()
            loss = loss_of(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return net, optimizer, step if backend == "eager" else tj.compile(step, backend=backend)

    def numbers(net, optimizer):
        state = optimizer.state_dict()["state"]
        moments = [v.numpy().copy() for record in state.values() for k, v in record.items() if k != "step"]
        return [p.numpy().copy() for p in net.parameters()] + moments

    total = 150
    net, optimizer, step = made()
    wanted = []
    for _ in range(total + 1):
        step()
        wanted.append(numbers(net, optimizer))

    def stop(*_):
        raise KeyboardInterrupt

    net, optimizer, step = made()
    step(), step()
    start = time.perf_counter()
    step()
    length, caught = time.perf_counter() - start, 0
    before = signal.signal(signal.SIGALRM, stop)
    try:
        while (done := int(optimizer.state_dict()["state"][0]["step"])) < total:
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, max(1e-6, length * float(rng.uniform(0.1, 1.1))))
                    step()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                length *= 0.8  # so that about as many steps are through as are not
            except KeyboardInterrupt:
                caught += 1
                length *= 1.2
            now = int(optimizer.state_dict()["state"][0]["step"])
            assert now in (done, done + 1)
            for found, right in zip(numbers(net, optimizer), wanted[now - 1], strict=True):
                np.testing.assert_array_equal(found, right)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert caught > 10


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize("sorts", [False, True], ids=["in one piece", "with NumPy's calls inside"])
def test_ctrl_c_wherever_python_looks_for_it_in_a_compiled_step(backend, sorts):
    rng = np.random.default_rng(5)
    x, y = tj.tensor(rng.standard_normal((6, 5)).astype("f")), tj.tensor(rng.integers(0, 3, 6))

    def made():
        tj.manual_seed(3)
        first, last = nn.Linear(5, 6), nn.Linear(6, 3)
        params = [*first.parameters(), *last.parameters()]
        optimizer, loss_of = optim.Adam(params, lr=0.01), nn.CrossEntropyLoss()

        @tj.compile(backend=backend)
        def step():
            optimizer.zero_grad()
            h = first(x)
            loss_of(last(np.sort(h, axis=1) if sorts else h.tanh()), y).backward()
            optimizer.step()

        def numbers():
            state = optimizer.state_dict()["state"]
            (count,) = {int(record["step"]) for record in state.values()}
            moments = [record["exp_avg"].numpy().copy() for record in state.values()]
            return count, [p.numpy().copy() for p in params] + moments

        step(), step(), step()
        return step, numbers

    step, numbers = made()
    wanted = dict([numbers()])
    with AsSignal(KeyboardInterrupt(), 0) as block:
        step()
    late = max(1, block.seen - 25)
    early = [*range(1, late, max(1, late // 60))]
    for _ in range(len(early) + 2):
        done, found = numbers()
        wanted[done] = found
        step()

    def disturbed(at):
        """Tell how many steps were taken, 0 or 1."""
        before = numbers()[0]
        with AsSignal(KeyboardInterrupt(), at):
            step()
        done, found = numbers()
        # not to the bit: a run that was cut short may be followed by eager ones
        for a, b in zip(found, wanted[done], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        return done - before

    step, numbers = made()
    for at in early:
        assert disturbed(at) in (0, 1)
    taken = []
    for at in range(late, block.seen + 1):
        step, numbers = made()
        taken.append(disturbed(at))
    assert taken == sorted(taken)
    assert {*taken} == {0, 1}
