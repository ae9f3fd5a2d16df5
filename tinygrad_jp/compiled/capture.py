"""Record one call, and say what a replay has to do besides running the program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import RLock
from typing import Any

import numpy as np

from ..autograd import backward as engine
from ..autograd.apply import wrap
from ..autograd.memory import all_changed
from ..autograd.node import Leaf
from ..autograd.random import generator
from ..autograd.tensor import Tensor
from ..errors import CompileError, GradientError
from ..optim.at_once import Call, at_once
from ..program.passes import optimized, with_own_results
from ..program.program import Program, Value
from ..program.reach import Reached
from ..program.recording import Found, HostCall, Recording
from ..program.trace import SpentError, Trace
from .guards import Guards
from .pullback import Pullback, pullback_of
from .signature import Signature, in_order, is_in_place, replaced
from .template import Every, Given, Made, founds, plain_in, put_in, tensors_of
from .untouched import first_touches

Array = Any
recording_lock = RLock()  # while one call is recorded, its Tensors hold no arrays


@dataclass(eq=False, slots=True)
class Gradient:
    """What a call does to the gradient of a leaf.

    leaf: None for an argument, whose leaf each call brings; then `place` says which.
    found: the gradient that it gets, or None where the call leaves None.
    before: the array that it must have at the start; None where that does not matter.
    """

    leaf: Leaf | None
    place: int
    found: Found | None
    before: Array | None
    name: str


@dataclass(eq=False)
class Capture:
    """A recorded call.

    program      inputs: the arguments' arrays, then what was lifted
    bound        inputs whose memory stays: {value: array}
    arguments    the inputs that each call brings, in order
    template     the result, with a Found in the place of each new Tensor or array
    needs_none   leaves that had no gradient at the start and got one, where that matters
    """

    program: Program
    bound: dict[Value, Array]
    arguments: list[Value]
    template: Any
    gradients: list[Gradient]
    needs_none: list[Leaf]
    parts: list[Any]
    calls: list[HostCall]
    guards: Guards
    written: list[Array]  # arrays from outside that the call writes into
    hosts: list[tuple[Array, Array]]  # and their values after the recorded call
    argument_writes: list[tuple[int, Array]]
    result: Any = None
    is_replayable: bool = True
    random_state: Any = None
    pullback: Pullback | None = None  # where results are part of a graph
    draws: list[Found] = field(default_factory=list)  # what that needs of what was drawn
    counts: list[Call] = field(default_factory=list)  # see Recording
    expected: list[Any] = field(default_factory=list)  # of parameters that are not among the hosts
    held: list[Any] = field(default_factory=list)

    def gives_arguments(self) -> bool:
        """Tell whether the result has arguments in it, as they came."""
        found: list[Any] = []
        put_in(self.template, lambda m: m, Every(found))
        return bool(found)

    def forget_hosts(self) -> None:
        """Let go of the recorded call's values, when a replay has left them."""
        found = [*founds(self.template), *self.draws]
        found += [g.found for g in self.gradients if g.found is not None]
        for call in self.calls:
            found += [x for x in call.args if isinstance(x, Found)]
            found += [f for _, f in call.gradients]
        for f in found:
            f.host = None
        self.hosts = []
        self.expected = []
        self.argument_writes = [(place, None) for place, _ in self.argument_writes]
        self.result = None

    def commit(self, leaves: Sequence[Any]) -> Any:
        """Leave everything as eager execution of the recorded call would, and give its result."""
        writes = self.hosts + [made for e in self.expected for made in e.made()]
        writes += [(data_of(leaves[i]), host) for i, host in self.argument_writes]
        all_changed([array for array, _ in writes])
        at_once([
            *(partial(array.__setitem__, ..., host) for array, host in writes),
            *(call for part in self.parts for call in part.counting()), *self.counts,
        ])
        for call in self.calls:
            if not call.is_done:
                kept = [(leaf, leaf.grad) for leaf, _ in call.gradients]
                for leaf, found in call.gradients:
                    leaf.grad = presented(found)
                call.call(*(wrap(presented(x)) if isinstance(x, Found) else x for x in call.args))
                for leaf, grad in kept:
                    leaf.grad = grad
        for g in self.gradients:
            leaf = g.leaf if g.leaf is not None else leaves[g.place]._node
            add_gradient(leaf, g, None if g.found is None else presented(g.found))
        if self.pullback is not None:
            self.pullback.attach(
                tensors_of(self.template, self.result), leaves,
                [np.ascontiguousarray(data_of(x)).reshape(data_of(x).shape) for x in leaves],
                [presented(f) for f in self.draws],
            )
        return self.result


def add_gradient(leaf: Leaf, g: Gradient, array: Array | None) -> None:
    """Leave a gradient at its leaf as the call would: an argument's is added to what it has."""
    if g.leaf is None and leaf.grad is not None and array is not None:
        old = leaf.grad._data if isinstance(leaf.grad, Tensor) else leaf.grad
        leaf.grad = old + array
    elif g.before is not None and g.found is not None:
        g.before[...] = array
    else:
        leaf.grad = array


def presented(found: Found) -> Array:
    """Give the recorded call's values of a result as an array of its own."""
    return np.array(found.host)


def data_of(x: Any) -> Array:
    """Give the array of a Tensor, or the array itself."""
    return x._data if isinstance(x, Tensor) else x


def capture(
    fn: Callable[..., Any], args: Any, kwargs: Any, signature: Signature, whole: bool
) -> Capture:
    """Run fn(*args, **kwargs) while recording it. Nothing outside is changed yet: see `commit`.

    whole: record the primitives of networks whole, for NumPy to run, and not what they are made of.
    """
    with recording_lock:
        source = generator().bit_generator
        state = source.state
        try:
            return _Capturing(fn, args, kwargs, signature, whole).run()
        except SpentError:
            source.state = state
            again = _Capturing(fn, args, kwargs, signature, whole)
            again.recorder.defers_steps = False
            return again.run()


class _Capturing:
    def __init__(
        self, fn: Any, args: Any, kwargs: Any, signature: Signature, whole: bool
    ) -> None:
        self.fn, self.args, self.kwargs = fn, args, kwargs
        self.signature = signature
        self.recorder = Recording()
        self.recorder.tape.keeps_whole = whole
        self.reached = Reached((fn, *signature.held))
        self.guards = Guards(self.reached)
        self.traces: list[Trace] = []
        self.starts: list[Any] = []  # of arguments: (tensor, array, gradient before)
        self.argument_gradients: list[tuple[int, Found | None]] = []
        self.argument_writes: list[tuple[int, Trace]] = []
        self.outer: list[Any] = []  # results that are part of a graph
        self.way_back: Any = None
        self.written_first: dict[int, bool] = {}  # gradients, by the id of their leaf

    def run(self) -> Capture:
        recorder = self.recorder
        state = recorder.source.bit_generator.state
        others = self._generators()
        try:
            try:
                self._lift()
                with recorder.running(), first_touches() as self.written_first:
                    template = self._run()
            finally:
                self._give_back()
        finally:
            self._give_back()  # Ctrl-C may have cut the first one short
        program, pullback, draws = self._parted(recorder.program)
        arguments = list(program.inputs)[: len(self.traces)]
        for place, new in self.argument_writes:
            program.inputs[arguments[place]] = "state"
            program.updates[arguments[place]] = new.value
            del new  # what is held on to when all is done is taken for a Tensor that escaped
        gradients = self._gradients()
        changed = [data for lifted, data in ((x, x.array) for x, _ in recorder.changed)]
        after = [(x.array, host) for x, host in recorder.changed] + recorder.moved_hosts
        hosts = [(array, host) for array, host in after if host is not None]
        writes = [(place, new.host) for place, new in self.argument_writes]
        if any(host is None for _, host in writes):
            raise SpentError
        results = [*founds(template), *(g.found for g in gradients if g.found is not None)]
        for call in recorder.calls:
            results += [x for x in call.args if isinstance(x, Found)]
            results += [found for _, found in call.gradients]
        results += draws
        program.outputs = list(dict.fromkeys(f.value for f in results))
        result = put_in(
            template, lambda m: m.made(presented(m.found)), self.signature.leaves
        )
        made = Capture(
            program, dict(recorder.tape.bound), arguments, template, gradients,
            self._without_before(), recorder.parts, recorder.calls, self.guards,
            changed + [a for a, _ in recorder.moved_hosts], hosts, writes, result,
            is_replayable=not any(p.created for p in recorder.parts), random_state=state,
            held=self.signature.held, pullback=pullback, draws=draws, expected=recorder.expected,
            counts=recorder.counts,
        )
        self.traces.clear()
        self.argument_writes.clear()
        self.starts.clear()
        self.outer.clear()
        recorder.moves.clear()
        recorder.end()
        self._look_for_side_effects(others)
        if recorder.calls and any(type(x) is float for x in plain_in(template)):
            raise CompileError("compile_number")
        made.program = with_own_results(optimized(program))
        made.program.check()
        renamed = dict(zip(program.outputs, made.program.outputs, strict=True))
        for found in results:
            found.value = renamed.get(found.value, found.value)
        self._settle_gradients(made)
        return made

    # ── before ──────────────────────────────────────────────────────────────────────────────

    def _lift(self) -> None:
        recorder, tape = self.recorder, self.recorder.tape
        mine = {id(x) for x in self.signature.leaves if isinstance(x, Tensor)}
        for i, x in enumerate(self.signature.leaves):
            plain = in_order(data_of(x))
            self.traces.append(tape.argument(plain, getattr(x, "name", None) or f"arg{i}"))
        for x, trace in zip(self.signature.leaves, self.traces, strict=True):
            if not isinstance(x, Tensor):
                continue
            leaf = x._node
            self.starts.append((x, x._data, leaf, None if leaf is None else leaf.grad))
            x._data = trace
            if leaf is not None:
                leaf.grad = None
        for name, tensor in self.reached.tensors.values():
            if id(tensor) in mine:
                continue
            recorder.lift(tensor, tensor.name or name, lambda t=tensor: t)  # type: ignore[misc]
            if isinstance(tensor._node, Leaf):
                recorder.lift_gradient(tensor._node, f"{tensor.name or name}.grad")

    def _generators(self) -> list[tuple[Any, str]]:
        """Note the state of generators of the user's own, whose draws would be frozen."""
        found = [x for x in self.reached.objects if isinstance(x, np.random.Generator)]
        return [(x, str(x.bit_generator.state)) for x in found]

    # ── during ──────────────────────────────────────────────────────────────────────────────

    def _run(self) -> Any:
        pairs = zip(self.signature.leaves, self.traces, strict=True)
        by_array = iter([trace for x, trace in pairs if not isinstance(x, Tensor)])

        def given(x: Any) -> Any:
            return x if isinstance(x, Tensor) else next(by_array)

        args = replaced(self.args, given)
        kwargs = replaced(self.kwargs, given)
        result = self.fn(*args, **kwargs)
        template = replaced(result, self._found)
        if self.outer:
            self._go_back(template)
        places = {id(x): i for i, x in enumerate(self.signature.leaves)}
        for x, data, leaf, _ in self.starts:
            place = places[id(x)]
            trace, now = self.traces[place], x._data
            if not isinstance(now, Trace) or now.shape != trace.shape or now.dtype != trace.dtype:
                raise CompileError("compile_replaced", name=x.name or f"arg{place}")
            if now is not trace or trace.versions:
                if not is_in_place(data):
                    raise CompileError("compile_argument", name=x.name or f"arg{place}")
                self.argument_writes.append((place, now))
            if leaf is not None:
                grad = leaf.grad._data if isinstance(leaf.grad, Tensor) else leaf.grad
                if grad is not None:
                    self.argument_gradients.append((place, self.recorder.found(grad)))
        for grad in self.recorder.grads:
            now = grad.leaf.grad
            now = now._data if isinstance(now, Tensor) else now
            unchanged = now is grad.trace and (now is None or not now.versions)
            grad.outcome = "kept" if unchanged else (
                None if now is None else self.recorder.found(now)
            )
        return template

    def _found(self, x: Any) -> Any:
        """Put in the template what stands for a Tensor or array of the result."""
        if isinstance(x, Tensor):
            for lifted in self.recorder.lifts:
                if lifted.tensor() is x:
                    return x
            for place, leaf in enumerate(self.signature.leaves):
                if leaf is x:
                    return Given(place)
            if not isinstance(x._data, Trace):
                return x
            made = Made(self.recorder.found(x._data), True, x._node is not None)
            if made.is_tracked and all(x is not y for y in self.outer):
                self.outer.append(x)
            return made
        if isinstance(x, Trace):
            return Made(self.recorder.found(x), False)
        return x

    def _go_back(self, template: Any) -> None:
        """Record the way back from the results that are part of a graph, if it is there still."""
        tape = self.recorder.tape
        begin = len(tape.program.body)
        arriving = [tape.argument(np.ones(x.shape, x.dtype), "arriving") for x in self.outer]
        gathered: dict[Any, Any] = {}

        def gather(leaf: Any, h: Any, g: Any, saved: Any) -> None:
            gathered[leaf] = gathered[leaf] + h if leaf in gathered else h

        try:
            engine.run(self.outer, list(arriving), True, False, gather)
        except GradientError:  # fn has gone back itself, and freed the graph
            del tape.program.body[begin:]
            for t in arriving:
                del tape.program.inputs[t.value]
            put_in(template, Made.let_go)
            return
        places = {id(leaf): i for i, leaf in enumerate(
            x._node if isinstance(x, Tensor) else None for x in self.signature.leaves
        ) if leaf is not None}
        leaves = [
            (places.get(id(leaf), leaf), self.recorder.found(h)) for leaf, h in gathered.items()
        ]
        self.way_back = begin, len(tape.program.body), [t.value for t in arriving], leaves

    def _parted(self, program: Program) -> tuple[Program, Pullback | None, list[Found]]:
        """Part the way forward from the way back, if that was recorded."""
        if self.way_back is None:
            return program, None, []
        begin, end, arriving, leaves = self.way_back
        arguments = list(program.inputs)[: len(self.traces)]
        bound = dict(self.recorder.tape.bound)
        pullback = pullback_of(program, end, bound, arguments, arriving, leaves)
        pullback.draws = [v for v in pullback.draws if v in pullback.program.inputs]
        for value in arriving:
            del program.inputs[value]
        del program.body[begin:end]
        draws = [
            Found(v, tuple(range(len(v.shape))), self.recorder.drawn[v]) for v in pullback.draws
        ]
        return program, pullback, draws

    # ── after ───────────────────────────────────────────────────────────────────────────────

    def _give_back(self) -> None:
        for x, data, leaf, before in self.starts:
            x._data, x._node = data, leaf
            if leaf is not None:
                leaf.grad = before
        self.recorder.stop()

    def _gradients(self) -> list[Gradient]:
        made = [Gradient(None, place, found, None, "") for place, found in self.argument_gradients]
        for grad in self.recorder.grads:
            if grad.outcome != "kept":
                before = grad.before
                before = before._data if isinstance(before, Tensor) else before
                made.append(Gradient(grad.leaf, -1, grad.outcome, before, grad.name))
        return made

    def _without_before(self) -> list[Leaf]:
        return [
            g.leaf for g in self.recorder.grads if g.before is None and isinstance(g.outcome, Found)
            and not self.written_first.get(id(g.leaf))
        ]

    def _settle_gradients(self, made: Capture) -> None:
        """Forget gradients of before that the program turned out not to read."""
        for g in made.gradients:
            if g.before is None:
                continue
            root = self.recorder.tape.roots.get(id(g.before))
            if root is None or root[0] not in made.program.inputs:
                g.before = None

    def _look_for_side_effects(self, generators: list[tuple[Any, str]]) -> None:
        changed = self.guards.side_effects()
        if changed:
            code = getattr(self.fn, "__code__", None)
            line = f"{code.co_filename}:{code.co_firstlineno}" if code else "?"
            raise CompileError("compile_side_effect", names=", ".join(changed), line=line)
        for x, state in generators:
            if str(x.bit_generator.state) != state:
                raise CompileError("compile_np_random")
