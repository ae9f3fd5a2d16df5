"""Run a Program through NumPy: one line of Python an instruction, results in planned buffers.

The text is written out once. An elementwise result goes, by `out=`, into a buffer that is free by
then, or in the place of an operand that is used for the last time; a view of a buffer is made once,
when the program is bound to its memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray, ufunc

from ..errors import GuardError
from ..vocabulary.fast import FAST
from ..vocabulary.primitive import raw
from ..vocabulary.quiet import quietly
from . import operations as ops
from .program import Instruction, Program, Value
from .trace import WHOLE
from .whole import Opaque

Array = Any
Entry = Callable[..., "bool | None"]
INTO = {np.sum: np.add, np.prod: np.multiply, np.max: np.maximum, np.min: np.minimum,
        np.any: np.logical_or, np.all: np.logical_and}


class NumpyProgram:
    """A Program ready to be bound to its arrays.

    source: the Python text that is run.  workspace_bytes: of the planned buffers.
    """

    gives_results = True  # as new arrays, and not in buffers that it was bound to

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = program.names()
        self.networks = set(map(raw, WHOLE))
        self.results = self._roots_of_outputs()
        self.last = self._last_uses()
        self.root: dict[Value, Value] = {}  # of a view: whose memory it shows
        self.scope: dict[str, Any] = {"empty": np.empty, "copyto": np.copyto, "owned": owned}
        self.lines: list[str] = []
        self.buffers: list[tuple[str, Value]] = []  # name, and what it is made for
        self.first: dict[str, str] = {}  # a buffer's name -> the first value that is in it
        self.free: dict[Any, list[str]] = {}
        self.home: dict[Value, str] = {}  # the buffer that a value is in
        for step_number, step in enumerate(program.body):
            self._write(step_number, step)
        self.passed: list[str] = []
        self.source = ""
        self.workspace_bytes = sum(v.nbytes for _, v in self.buffers)

    def _roots_of_outputs(self) -> set[Value]:
        """List whose memory the caller gets: they have no buffer, but an array of their own."""
        made = {v: s for s in self.program.body for v in s.outputs}
        roots = set()
        for value in self.program.outputs:
            while value in made and made[value].fn in ops.VIEWS:
                (value,) = made[value].values()
            roots.add(value)
        return roots

    def _last_uses(self) -> dict[Value, int]:
        last: dict[Value, int] = {}
        for i, step in enumerate(self.program.body):
            for x in step.values():
                last[x] = i
        end = len(self.program.body)
        last.update(dict.fromkeys(self.program.results(), end))
        for i in range(end - 1, -1, -1):  # a view keeps what it shows alive
            step = self.program.body[i]
            if step.fn in ops.VIEWS and step.outputs:
                (x,) = step.values()
                last[x] = max(last.get(x, 0), last.get(step.output, 0))
        return last

    # ── writing ─────────────────────────────────────────────────────────────────────────────

    def _write(self, i: int, step: Instruction) -> None:
        given = [self.names[x] if isinstance(x, Value) else repr_of(x) for x in step.inputs]
        if step.fn is ops.assume:
            self._line(f"if not {given[0]}.all(): return True")
            return
        name = self.names[step.outputs[0]]
        if step.fn in ops.VIEWS:
            self.root[step.output] = self._root(next(step.values()))
            self._line(f"{name} = {self._view(step, given[0])}")
            return
        static = [f"{k}={self._constant(f'{k}_{i}', v)}" for k, v in step.static.items()]
        if isinstance(step.fn, ufunc) and step.output.shape and (
            step.fn is not np.matmul or step.output.size
        ):
            f = self._constant(step.fn.__name__, step.fn)
            if step.output in self.results:
                self._line(f"{name} = {f}({', '.join(given)})")
            else:
                self._line(f"{name} = {f}({', '.join(given)}, out={self._buffer(i, step)})")
        elif step.fn in INTO and step.output.shape and step.output not in self.results:
            f = self._constant(f"{INTO[step.fn].__name__}_reduce", INTO[step.fn].reduce)
            axis, keep = step.static["axis"], step.static["keepdims"]
            out = self._buffer(i, step)
            self._line(f"{name} = {f}({given[0]}, {axis!r}, None, {out}, {keep!r})")
        elif step.fn is ops.astype and step.output not in self.results:
            out = self._buffer(i, step)
            f = self._constant("into", into)
            kind = self._constant(f"dtype_{i}", step.output.dtype)
            self._line(f"{name} = {f}({out}, {given[0]}, {kind})")
        else:
            fn, text = FAST.get(step.fn, raw(step.fn)), ", ".join([*given, *static])
            if isinstance(step.fn, Opaque):
                plain = step.fn.written(given, lambda x: self._constant(f"x{i}", x))
                if plain is not None:
                    fn, text = step.fn.fn, plain
            f = self._constant(f"f{i}", fn)
            made = ", ".join(self.names[v] for v in step.outputs)
            several = len(step.outputs) > 1
            call = f"{f}({text})"
            fresh = fn in self.networks  # these never show the memory of what they are given
            self._line(f"{made} = {call if fresh else f'owned({call}, {tuple_of(given)})'}")
            if not several and not step.output.shape:
                self._line(f"{name} = asarray({name})")
                self.scope["asarray"] = np.asarray
        self._release(i, step)

    def _view(self, step: Instruction, x: str) -> str:
        if step.fn is ops.transpose:
            return f"{x}.transpose({step.static['axes']!r})"
        if step.fn is ops.reshape:
            return f"{x}.reshape({step.static['shape']!r})"
        if step.fn is ops.getitem:
            return f"{x}[{self._constant('i' + self.names[step.output], step.static['index'])}]"
        f = self._constant("broadcast", np.broadcast_to)
        return f"{f}({x}, {step.static['shape']!r})"

    def _root(self, x: Value) -> Value:
        return self.root.get(x, x)

    def _buffer(self, i: int, step: Instruction) -> str:
        """Choose where a result goes: a free buffer of its kind, or a new one."""
        out = step.output
        kind = (out.shape, out.dtype.str)
        if isinstance(step.fn, ufunc) and step.fn is not np.matmul:
            for x in step.values():  # in the place of an operand that dies here
                root = self._root(x)
                if root is x and x in self.home and self.last[x] == i and (
                    (x.shape, x.dtype.str) == kind
                ) and sum(self._root(y) is x for y in step.values()) == 1:
                    self.home[out] = self.home.pop(x)
                    return self.home[out]
        if self.free.get(kind):
            self.home[out] = self.free[kind].pop()
        else:
            self.home[out] = f"b{len(self.buffers)}"
            self.buffers.append((self.home[out], out))
            self.first[self.home[out]] = self.names[out]
        return self.home[out]

    def _release(self, i: int, step: Instruction) -> None:
        for x in {self._root(x): None for x in step.values()}:
            if x in self.home and self.last[x] <= i:
                self.free.setdefault((x.shape, x.dtype.str), []).append(self.home.pop(x))

    def _constant(self, name: str, value: Any) -> str:
        if isinstance(value, (int, bool, str, type(None))):
            return repr(value)
        known = self.scope.setdefault(name, value)
        if known is not value:
            name = f"{name}_{len(self.scope)}"
            self.scope[name] = value
        return name

    def _line(self, text: str) -> None:
        self.lines.append(text)

    # ── binding ─────────────────────────────────────────────────────────────────────────────

    def bind(self, bound: dict[Value, Array]) -> Entry:
        """Give the function that runs the program on this memory.

        bound: inputs whose arrays stay the same. The function takes the other inputs, in order, and
        gives the outputs, or True where an `assume` failed; then nothing was changed.
        """
        program, names = self.program, self.names
        scope = dict(self.scope)
        scope.update({names[v]: a for v, a in program.constants.items()})
        scope.update({names[v]: bound[v] for v in program.inputs if v in bound})
        scope.update(dict.fromkeys(self.first))  # the first run makes them, laid out as NumPy likes
        passed = [names[v] for v in program.inputs if v not in bound]
        ends, copies = [], []
        for k, (state, new) in enumerate(program.updates.items()):
            source = names[new]
            if self._root(new) in program.inputs:  # the old values of a state, perhaps its own
                copies.append(f"u{k} = {source}.copy()")
                source = f"u{k}"
            ends.append(f"copyto({names[state]}, {source})")
        given = []
        for k, value in enumerate(program.outputs):
            given.append(names[value])
            root = self._root(value)
            if root in program.inputs or root in program.constants:
                copies.append(f"r{k} = {names[value]}.copy()")  # an array of its own
                given[-1] = f"r{k}"
        body = [*self.lines, *copies, *ends, f"return ({''.join(f'{g}, ' for g in given)})"]
        head = f"def run({', '.join(passed)}):"
        self.source = "\n    ".join([head, *body]) + "\n"
        exec(compile(self.source, "<tinygrad_jp program>", "exec"), scope)
        shared = f"global {', '.join(self.first)}" if self.first else "pass"
        kept = [f"{buffer} = {value}" for buffer, value in self.first.items()]
        begin = head.replace("run", "first_run")
        text = "\n    ".join([begin, shared, *body[:-1], *kept, body[-1]])
        exec(compile(text + "\n", "<tinygrad_jp first run>", "exec"), scope)
        runs = [scope["first_run"]]

        def entry(*arrays: Array) -> Any:
            try:
                made = runs[0](*arrays)
            except GuardError:
                return True
            if made is not True:
                runs[0] = scope["run"]
            return made

        return partial(quietly, entry)


def into(buffer: Array | None, x: Array, dtype: Any) -> Array:
    """Convert into a buffer, or make it."""
    if buffer is None:
        return x.astype(dtype)
    np.copyto(buffer, x, casting="unsafe")
    return buffer


def owned(result: Any, given: tuple[Any, ...]) -> Any:
    """Copy a result that may show the memory of what it was made from: that is written into anew.

    (np.einsum('i->i', x) is x, and a sliding window a view.)
    """
    if isinstance(result, (tuple, list)):
        return [owned(part, given) for part in result]
    if isinstance(result, ndarray) and (
        any(isinstance(x, ndarray) and np.may_share_memory(result, x) for x in given)
    ):
        return result.copy("K")
    return result


def tuple_of(names: list[str]) -> str:
    """Write a tuple down."""
    return f"({''.join(f'{name}, ' for name in names)})"


def repr_of(x: Any) -> str:
    """Write a number so that it is read back as it is."""
    if isinstance(x, float) and (x != x or x in (float("inf"), float("-inf"))):
        return f"float('{x}')"
    return repr(x)


__all__ = ["NumpyProgram"]
