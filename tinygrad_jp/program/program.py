"""The Program: instructions on values, one assignment each, printable and checked.

A value is an array of fixed shape and dtype, in C order. Inputs are the arrays that a call brings
(`argument`), those that outlive it (`state`: parameters, buffers, what an optimizer remembers) and
numbers that change from call to call (`number`: a learning rate, a bias correction; 0-d). Nothing
is written in place: `updates` say which new value a state has at the end of the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, Literal

import numpy as np

from ..errors import ProgramError
from ..vocabulary.rule import label

Array = Any
Kind = Literal["argument", "state", "number"]


@dataclass(eq=False, slots=True)
class Value:
    """An array that an instruction makes, or that a call brings; known by its identity.

    name: what the user calls it, or "". line: the user's source line that made it, or "".
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    name: str = ""
    line: str = ""

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that it takes."""
        return self.size * self.dtype.itemsize


Operand = Value | float | int | bool  # Python's numbers widen no dtype


@dataclass(eq=False, slots=True)
class Instruction:
    """outputs = fn(*inputs, **static); no output for `assume`, usually one."""

    fn: Callable[..., Any]
    inputs: tuple[Operand, ...]
    static: dict[str, Any]
    outputs: tuple[Value, ...]

    @property
    def output(self) -> Value:
        """The one result."""
        (value,) = self.outputs
        return value

    def values(self) -> Iterator[Value]:
        """Give the inputs that are values."""
        return (x for x in self.inputs if isinstance(x, Value))


@dataclass(eq=False)
class Program:
    """What one call does.

    inputs      {value: kind}, in the order in which a call gives them
    constants   {value: array}, the same at every call
    body        instructions, each after those it needs
    outputs     values that the call gives back; an input may be one
    updates     {state: new value}, of the same shape and dtype
    """

    inputs: dict[Value, Kind] = field(default_factory=dict)
    constants: dict[Value, Array] = field(default_factory=dict)
    body: list[Instruction] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    updates: dict[Value, Value] = field(default_factory=dict)

    def results(self) -> list[Value]:
        """Give all that must be there at the end: outputs, then new states."""
        return [*self.outputs, *self.updates.values()]

    def emit(
        self, fn: Callable[..., Any], inputs: Sequence[Operand], shape: tuple[int, ...], dtype: Any,
        **static: Any,
    ) -> Value:
        """Add an instruction with one result, and give that."""
        value = Value(tuple(shape), np.dtype(dtype))
        self.body.append(Instruction(fn, tuple(inputs), static, (value,)))
        return value

    def run(self, arrays: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        """Evaluate plainly on arrays, one per input: (outputs, new states). What it all means."""
        known: dict[Value, Array] = dict(zip(self.inputs, arrays, strict=True))
        known.update(self.constants)
        for step in self.body:
            given = [known[x] if isinstance(x, Value) else x for x in step.inputs]
            with np.errstate(all="ignore"):
                made = step.fn(*given, **step.static)
            if len(step.outputs) == 1:
                known[step.output] = made
            elif step.outputs:
                known.update(zip(step.outputs, made, strict=True))
        return [known[v] for v in self.outputs], [known[v] for v in self.updates.values()]

    # ── printing ────────────────────────────────────────────────────────────────────────────

    def names(self) -> dict[Value, str]:
        """Number the values in order: a0 arguments, s0 state, n0 numbers, c0 constants, v0, ..."""
        letters = {"argument": "a", "state": "s", "number": "n"}
        counts: dict[str, int] = {}
        names: dict[Value, str] = {}

        def add(value: Value, letter: str) -> None:
            names[value] = f"{letter}{counts.setdefault(letter, 0)}"
            counts[letter] += 1

        for value, kind in self.inputs.items():
            add(value, letters[kind])
        for value in self.constants:
            add(value, "c")
        for step in self.body:
            for value in step.outputs:
                add(value, "v")
        return names

    def __str__(self) -> str:
        names = self.names()
        lines = []
        for value, kind in self.inputs.items():
            lines.append(f"{names[value]:5} {kind:9} {described(value)}")
        for value, array in self.constants.items():
            shown = np.array2string(array, threshold=8, separator=", ").replace("\n", "")
            lines.append(f"{names[value]:5} constant  {described(value)} = {shown}")
        for step in self.body:
            made = ", ".join(names[v] for v in step.outputs) or "_"
            lines.append(f"{made:5} = {worded(step, names):48} {shapes(step)}".rstrip())
        for old, new in self.updates.items():
            lines.append(f"{names[old]:5} ← {names[new]}")
        lines.append(f"return {', '.join(names[v] for v in self.outputs)}")
        return "\n".join(lines)

    # ── checking ────────────────────────────────────────────────────────────────────────────

    def check(self) -> None:
        """Hold every instruction to its shapes and dtypes, and to be after what it needs.

        Evaluates each on zeros of its inputs' shapes, which is cheap where they are views of one
        element. Raises ProgramError.
        """
        names = self.names()
        known: set[Value] = {*self.inputs, *self.constants}
        for step in self.body:
            for x in step.values():
                if x not in known:
                    raise ProgramError("program_order", value=worded(step, names))
            for made, value in zip(abstract(step), step.outputs, strict=True):
                if made != (value.shape, value.dtype):
                    raise ProgramError(
                        "program_shape", value=worded(step, names), given=described(value),
                        made=f"{made[0]} {made[1]}",
                    )
                if value in known:
                    raise ProgramError("program_twice", value=names[value])
                known.add(value)
        for value in self.results():
            if value not in known:
                raise ProgramError("program_order", value="return")
        for old, new in self.updates.items():
            if (old.shape, old.dtype) != (new.shape, new.dtype) or self.inputs.get(old) != "state":
                raise ProgramError(
                    "program_shape", value=names[old], given=described(old), made=described(new)
                )


def abstract(step: Instruction) -> list[tuple[tuple[int, ...], Any]]:
    """Find the shapes and dtypes that an instruction makes, on stand-ins for its inputs."""
    from .operations import assume, draw

    if step.fn is assume:
        return []
    if step.fn is draw:
        return [(tuple(step.static["shape"]), np.dtype(step.static["dtype"]))]
    with np.errstate(all="ignore"):
        quick = None if step.static else ufunc_made(step)
        if quick is not None:
            return [quick]
        given = [standin(x) if isinstance(x, Value) else x for x in step.inputs]
        made = step.fn(*given, **step.static)
    several = made if len(step.outputs) > 1 else (made,)
    return [(np.shape(y), np.asarray(y).dtype) for y in several]


def ufunc_made(step: Instruction) -> tuple[tuple[int, ...], Any] | None:
    """Find what a ufunc makes by a single element, however large its inputs are.

    A matrix product is looked at in one row and one column. None where it is something else.
    """
    fn: Any = step.fn
    if not isinstance(fn, np.ufunc) or fn.nout != 1:
        return None
    if fn.signature is None:
        given = [
            np.ones((1,) * len(x.shape), x.dtype) if isinstance(x, Value) else x
            for x in step.inputs
        ]
        shape = np.broadcast_shapes(*(x.shape for x in step.inputs if isinstance(x, Value)))
        return np.broadcast_shapes(shape, np.shape(made := fn(*given))), made.dtype
    matrices = [x for x in step.inputs if isinstance(x, Value) and len(x.shape) >= 2]
    if fn is not np.matmul or len(matrices) != 2:
        return None
    a, b = map(standin, matrices)
    made = fn(a[..., :1, :], b[..., :, :1])
    return (*made.shape[:-2], a.shape[-2], b.shape[-1]), made.dtype


def standin(value: Value) -> Array:
    """Make an array of a value's shape and dtype out of one element: no memory, whatever the size.

    Ones of a matrix's kind would be singular: the identity takes their place where it fits.
    Integers are zeros, which are indices into anything.
    """
    floating = value.dtype.kind == "f"
    if floating and len(value.shape) >= 2 and value.shape[-1] == value.shape[-2]:
        return np.broadcast_to(np.eye(value.shape[-1], dtype=value.dtype), value.shape)
    return np.broadcast_to(np.zeros((), value.dtype), value.shape)


def described(value: Value) -> str:
    """Say a value's name, shape and dtype."""
    name = f"{value.name} " if value.name else ""
    return f"{name}{value.shape} {value.dtype}"


def shapes(step: Instruction) -> str:
    """Say what an instruction makes."""
    return "; ".join(described(v) for v in step.outputs)


def worded(step: Instruction, names: dict[Value, str]) -> str:
    """Write an instruction as a call."""
    given = [names.get(x, "?") if isinstance(x, Value) else repr(x) for x in step.inputs]
    given += [f"{k}={static_text(v)}" for k, v in step.static.items()]
    return f"{called(step.fn)}({', '.join(given)})"


def called(fn: Callable[..., Any]) -> str:
    """Name an operation: NumPy's functions as np.name, those of a Program by their own."""
    if getattr(fn, "__module__", "").endswith("program.operations"):
        return fn.__name__
    return label(fn)


def static_text(value: Any) -> str:
    """Write a static argument; of an index, as in x[1:, 0]."""
    if isinstance(value, slice):
        ends = ("" if e is None else str(e) for e in (value.start, value.stop, value.step or ""))
        return ":".join(ends).removesuffix(":") if value.step is None else ":".join(ends)
    if isinstance(value, tuple) and any(isinstance(v, slice) for v in value):
        return f"[{', '.join(map(static_text, value))}]"
    if isinstance(value, np.dtype):
        return str(value)
    return repr(value)
