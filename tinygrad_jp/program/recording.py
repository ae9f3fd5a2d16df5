"""One call of a function, recorded: its Tensors are lifted to inputs, and what it changed is kept.

While a call is recorded, every Tensor that the function reaches holds a Trace in place of its
array; afterwards each has its array again, with the values of before. What the call did to them is
known as values of the Program, and as the arrays that eager execution would have left.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy as np
from numpy import ndarray

from ..autograd import generate
from ..autograd.apply import wrap
from ..autograd.mode import recording
from ..autograd.node import Leaf
from ..autograd.random import generator, using
from ..autograd.tensor import Tensor
from ..errors import CompileError
from . import lowered  # noqa: F401 - fills the table that a Trace looks its functions up in
from . import operations as ops
from .program import Instruction, Program, Value
from .trace import SpentError, Tape, Trace

Array = Any


@dataclass(eq=False, slots=True)
class Lifted:
    """A Tensor whose array was lifted.

    tensor: a function that gives it, or None if it is gone.  array: what it holds between calls.
    trace: what it held at first.  node: its place in the graph.
    """

    tensor: Callable[[], Tensor | None]
    array: Array
    trace: Trace
    node: Any
    name: str


@dataclass(eq=False, slots=True)
class Gathered:
    """A leaf's gradient: what it was before the call (an array or None), and its trace.

    outcome: what it is after the call: a Found, None, or "kept" where nothing touched it.
    """

    leaf: Leaf
    before: Any
    trace: Trace | None
    name: str
    outcome: Any = "kept"


@dataclass(eq=False, slots=True)
class Found:
    """A result: `value` with its axes in another order, and the values in the recorded call."""

    value: Value
    axes: tuple[int, ...]
    host: Array


@dataclass(eq=False, slots=True)
class HostCall:
    """A call of Python's that goes with each replay: a scheduler's step, say.

    args: a Found in the place of each result of the program.  is_after: after the program, or
    before.  gradients: what leaves must have in `.grad` then (an optimizer that steps eagerly).
    is_done: whether the recorded call has made it; else `commit` does.
    """

    call: Callable[..., Any]
    args: tuple[Any, ...] = ()
    is_after: bool = True
    gradients: tuple[tuple[Leaf, Found], ...] = ()
    is_done: bool = False


class Recording:
    """The recording in progress; the engine finds it in `mode.recording`."""

    def __init__(self) -> None:
        self.tape = Tape()
        self.lifts: list[Lifted] = []
        self.grads: list[Gathered] = []
        self.parts: list[Any] = []  # of optimizers, see optim/recorded.py
        self.calls: list[HostCall] = []
        # C functions that go with an optimizer's step, at once with it; they may be called twice
        self.counts: list[Callable[[], Any]] = []
        # with the values after the call; None where those were forgotten
        self.changed: list[tuple[Lifted, Array | None]] = []
        self.moves: list[tuple[Trace, Trace]] = []
        self.moved_hosts: list[tuple[Array, Array | None]] = []
        self.drawn: dict[Value, Array] = {}
        self.expected: list[Any] = []  # of large parameters, in the place of what a step made them
        # leave optimizers' steps to the eager engine, if it runs the rest; else forget their values
        self.defers_steps = True
        self.source = generator()
        self.is_stopped = False

    # ── what the engine asks ────────────────────────────────────────────────────────────────

    def lifted(self, inputs: Sequence[Any]) -> Any:
        """Lift the Tensors among the inputs of an operation that were not reached before."""
        for x in inputs:
            if isinstance(x, Tensor) and type(x._data) is ndarray:
                self.lift(x, x.name or "", ref(x))
            elif type(x) in (list, tuple):
                self.lifted(x)
        return inputs

    def copied(self, array: Array, dtype: Any) -> Trace:
        """Give the copy that a new Tensor makes of an array from outside."""
        trace = self.tape.state(array)
        return trace.copy() if dtype is None else trace.astype(dtype)

    def moved(self, trace: Trace, new: Trace) -> None:
        """Give an array that belongs to no Tensor of the user's new values at the end."""
        self.moves.append((trace, new))

    def draw(self, method: str, args: Any, kwargs: Any) -> Trace:
        """Record what is drawn from the generator in force."""
        array = np.asarray(getattr(self.source, method)(*args, **kwargs))
        names = SIGNATURES.get(method)
        tape = self.tape
        if names is None or len(args) > len(names):
            made = Instruction(DrawnWhole(method, args, kwargs), (), {}, ())
        else:
            known = {**dict(zip(names, args, strict=False)), **kwargs}
            known.pop("size", None)
            dtype = np.dtype(known.pop("dtype", array.dtype))
            before = tuple(known.get(n, d) for n, d in names.items() if n not in ("size", "dtype"))
            made = Instruction(
                ops.draw, (),
                dict(method=method, arguments=before, dtype=dtype, shape=array.shape), (),
            )
        value = Value(array.shape, array.dtype)
        made.outputs = (value,)
        tape.program.body.append(made)
        self.drawn[value] = array
        return Trace(tape, value, array)

    def assume_none(self, wrong: Trace) -> bool:
        """Write down that nothing is wrong; tell whether something is, in this call."""
        found = bool(wrong.host.any())
        if not found:
            self.tape.assume(np.logical_not(wrong).all())
        return found

    def host_call(self, call: Callable[..., Any], args: Sequence[Any] = ()) -> None:
        """Make a call at each replay, in its place before or after the steps; before them, now too.

        args: what it takes; a recorded Tensor comes to it with the values of that call.
        """
        given = [x._data if isinstance(x, Tensor) else x for x in args]
        is_late = bool(self.parts or self.calls) or any(isinstance(x, Trace) for x in given)
        if not is_late:  # what follows goes by it; a later one is made when all else is done
            token = recording.set(None)
            try:
                call(*(wrap(x.host) if isinstance(x, Trace) else x for x in given))
            finally:
                recording.reset(token)
        found = tuple(self.found(x) if isinstance(x, Trace) else x for x in given)
        self.calls.append(HostCall(call, found, is_late, is_done=not is_late))

    def eager_step(self, step: Callable[[], Any], params: Sequence[Tensor]) -> None:
        """Leave an optimizer's step to the eager engine, after the program.

        Raises SpentError later where the function goes on to use what the step changes.
        """
        gradients = []
        for p in params:
            leaf = p._node
            grad = leaf.grad._data if isinstance(leaf.grad, Tensor) else leaf.grad
            gradients.append((leaf, self.found(grad)))
            p._data.is_spent = True
        self.calls.append(HostCall(step, gradients=tuple(gradients)))

    def drops(self, is_large: bool) -> bool:
        """Tell whether to forget what a step made of a parameter: another recording could follow.

        A call of Python's that was made already would then be made twice.
        """
        return is_large and self.defers_steps and not any(c.is_done for c in self.calls)

    def drop(self, trace: Trace, expected: Any) -> None:
        """Forget the values of an updated parameter and its state, which `expected` can compute.

        Raises SpentError later where the function goes on to use them.
        """
        self.expected.append(expected)
        homes = {id(home) for home in expected.homes()}
        moved = [(old.home, new) for old, new in self.moves if id(old.home) in homes]
        for home, spent in ((trace.home, trace), *moved):
            self._update(home, spent)
            spent.host, spent.is_spent = None, True

    # ── lifting ─────────────────────────────────────────────────────────────────────────────

    def lift(self, tensor: Tensor, name: str, holder: Callable[[], Tensor | None]) -> None:
        """Put a Trace in the place of a Tensor's array."""
        array = tensor._data
        if type(array) is not ndarray:
            return
        trace = self.tape.state(array, name)
        self.lifts.append(Lifted(holder, array, trace, tensor._node, name))
        tensor._data = trace

    def lift_gradient(self, leaf: Leaf, name: str) -> None:
        """Put a Trace in the place of the gradient that a leaf has already."""
        before = leaf.grad
        trace = None
        if before is not None:
            trace = self.tape.state(before._data if isinstance(before, Tensor) else before, name)
        self.grads.append(Gathered(leaf, before, trace, name))
        if trace is not None:
            leaf.grad = trace

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record what this thread does in the block; then give every Tensor its array back."""
        before = drawn_so_far()
        try:  # with nothing before it: Ctrl-C may come at once
            recording.set(self)
            generate.watch(True, self)
            with using(Draws(self, self.source)):  # type: ignore[arg-type]
                yield
            self._collect()
        finally:
            self.stop()
        if before != drawn_so_far():
            raise CompileError("compile_np_random")

    def _collect(self) -> None:
        """Note what the call made of each Tensor that it reached."""
        for lifted in self.lifts:
            tensor = lifted.tensor()
            if tensor is None:
                continue
            now = tensor._data
            if not isinstance(now, Trace) or now.shape != lifted.array.shape or (
                now.dtype != lifted.array.dtype
            ):
                raise CompileError("compile_replaced", name=lifted.name)
            if now is not lifted.trace or now.versions:
                if now.host is not None:
                    self._update(lifted.array, now)
                self.changed.append((lifted, now.host))
        for trace, new in self.moves:
            if new.host is not None:
                self._update(trace.home, new)
            self.moved_hosts.append((trace.home, new.host))

    def _update(self, array: Array, new: Trace) -> None:
        """Let the Program write new values into the memory of an array from outside."""
        base, axes = self.tape.roots[id(array)]
        back = tuple(axes.index(i) for i in range(len(axes)))
        self.program.updates[base] = new.transpose(back).value

    def stop(self) -> None:
        """Record no more, and give every Tensor its array back; once more where Ctrl-C came in."""
        if self.is_stopped:
            return
        recording.set(None)
        for lifted in self.lifts:
            tensor = lifted.tensor()
            if tensor is not None:
                tensor._data, tensor._node = lifted.array, lifted.node
        for grad in self.grads:
            grad.leaf.grad = grad.before
        generate.watch(False, self)
        self.is_stopped = True

    def found(self, trace: Any) -> Found:
        """Give a result with the transpositions at its end taken off.

        Raises SpentError where a step that comes later changes it, or its values were forgotten.
        """
        if trace.is_spent:
            raise SpentError
        made = {v: step for step in self.tape.program.body for v in step.outputs}
        value, axes = trace.value, tuple(range(trace.ndim))
        while value in made and made[value].fn is ops.transpose:
            inner = made[value].static["axes"]
            axes = tuple(inner[a] for a in axes)
            (value,) = made[value].values()
        return Found(value, axes, trace.host)

    def end(self, keep: Sequence[Any] = ()) -> None:
        """Close the tape, and refuse Traces that somebody still holds."""
        tape = self.tape
        tape.ended = True
        tape.forget()
        for lifted in self.lifts:
            lifted.trace = None  # type: ignore[assignment]
        for grad in self.grads:
            grad.trace = None
        alive = [t for r in tape.made if (t := r()) is not None]
        if alive:
            del alive
            gc.collect()
            alive = [t for r in tape.made if (t := r()) is not None]
        if alive:
            raise CompileError("compile_leaked", line=alive[0].line, op=repr(alive[0]))

    @property
    def program(self) -> Program:
        """The Program that was recorded."""
        return self.tape.program


# how Generator's methods take their arguments, and what these are by default
SIGNATURES: dict[str, dict[str, Any]] = {
    "random": {"size": None, "dtype": np.float64},
    "standard_normal": {"size": None, "dtype": np.float64},
    "standard_exponential": {"size": None, "dtype": np.float64},
    "uniform": {"low": 0.0, "high": 1.0, "size": None},
    "normal": {"loc": 0.0, "scale": 1.0, "size": None},
    "gumbel": {"loc": 0.0, "scale": 1.0, "size": None},
}


class DrawnWhole:
    """A draw of another kind, made as it stands."""

    def __init__(self, method: str, args: Any, kwargs: Any) -> None:
        self.method, self.args, self.kwargs = method, args, kwargs
        self.__name__ = f"draw_{method}"
        self.__module__ = "tinygrad_jp.program.operations"

    def __call__(self) -> Array:
        """Draw from the generator in force."""
        return np.asarray(getattr(generator(), self.method)(*self.args, **self.kwargs))


def drawn_so_far() -> Any:
    """Give what tells whether NumPy's global generator was drawn from."""
    state: Any = np.random.get_state(legacy=False)
    inner = state["state"]
    return inner["key"].tobytes(), inner["pos"], state["has_gauss"], state["gauss"]


class Draws:
    """Stands for the generator of random numbers: what is drawn from it is recorded."""

    def __init__(self, recorder: Recording, source: Any) -> None:
        self._recorder = recorder
        self._source = source
        self.bit_generator = source.bit_generator

    def __getattr__(self, method: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            return self._recorder.draw(method, args, kwargs)

        if not callable(getattr(self._source, method)):
            raise AttributeError(method)
        return call
