"""Make a Program smaller without changing what it computes; each pass can be read in a minute.

A pass takes a Program and gives another. `optimized` runs them until nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ufunc

from . import operations as ops
from .program import Instruction, Operand, Program, Value

Array = Any
Pass = Callable[[Program], Program]
FOLDED = 4096  # elements up to which a constant is computed beforehand


def optimized(program: Program) -> Program:
    """Run every pass until none finds anything more to do."""
    sizes = [-1, -2]
    while sizes[-1] != sizes[-2]:
        for improve in PASSES:
            program = improve(program)
        sizes.append(len(program.body))
    return program


def with_own_results(program: Program) -> Program:
    """Copy what a call gives back as it came in, so that every result is made by the program."""
    given = {*program.inputs, *program.constants}
    body, copies = list(program.body), {}
    for value in program.outputs:
        if value in given and value not in copies:
            copies[value] = Value(value.shape, value.dtype, value.name, value.line)
            body.append(Instruction(ops.astype, (value,), {"dtype": value.dtype}, (copies[value],)))
    outputs = [copies.get(v, v) for v in program.outputs]
    return Program(
        dict(program.inputs), dict(program.constants), body, outputs, dict(program.updates)
    )


class Rewriting:
    """A Program being written anew: `of` says what each old value is called now."""

    def __init__(self, old: Program) -> None:
        self.old = old
        self.new = Program(dict(old.inputs), dict(old.constants))
        self.of: dict[Value, Value] = {}
        self.made: dict[Value, Instruction] = {}

    def name(self, x: Operand) -> Operand:
        """Give what an operand is called now."""
        return self.of.get(x, x) if isinstance(x, Value) else x

    def keep(self, step: Instruction) -> None:
        """Take an instruction over, with its operands as they are called now."""
        inputs = tuple(self.name(x) for x in step.inputs)
        kept = step if inputs == step.inputs else Instruction(
            step.fn, inputs, step.static, step.outputs
        )
        self.new.body.append(kept)
        self.made.update((v, kept) for v in kept.outputs)

    def constant(self, value: Value, array: Array) -> None:
        """Let a value be a constant."""
        self.new.constants[value] = array

    def done(self) -> Program:
        """Give the new Program, its results as they are called now."""
        self.new.outputs = [self.of.get(v, v) for v in self.old.outputs]
        self.new.updates = {s: self.of.get(v, v) for s, v in self.old.updates.items()}
        return self.new


def is_pure(step: Instruction) -> bool:
    """Tell whether an instruction does nothing but compute: no draw, no condition."""
    name = getattr(step.fn, "__name__", "")
    return bool(step.outputs) and not name.startswith("draw")


# ── dead code ───────────────────────────────────────────────────────────────────────────────────


def without_dead_code(program: Program) -> Program:
    """Leave out what no result needs. Draws stay: the generator must move as in eager code."""
    needed = set(program.results())
    body = []
    for step in reversed(program.body):
        if not is_pure(step) or any(v in needed for v in step.outputs):
            needed.update(step.values())
            body.append(step)
    return Program(
        {v: k for v, k in program.inputs.items() if v in needed or k == "argument" or (
            v in program.updates)},
        {v: a for v, a in program.constants.items() if v in needed},
        body[::-1], list(program.outputs), dict(program.updates),
    )


# ── constants ───────────────────────────────────────────────────────────────────────────────────


def with_folded_constants(program: Program) -> Program:
    """Compute beforehand what depends on constants alone, where the result is small."""
    work = Rewriting(program)
    for step in program.body:
        known = all(x in work.new.constants for x in step.values())
        small = all(v.size <= FOLDED for v in step.outputs)
        if not (known and small and is_pure(step) and len(step.outputs) == 1):
            work.keep(step)
            continue
        given = [work.new.constants[x] if isinstance(x, Value) else x for x in step.inputs]
        with np.errstate(all="ignore"):
            array = np.asarray(step.fn(*given, **step.static))
        work.constant(step.output, np.ascontiguousarray(array).reshape(array.shape))
    return work.done()


# ── common subexpressions ───────────────────────────────────────────────────────────────────────


def key_of(step: Instruction) -> Any:
    """Give what tells two instructions apart."""
    fn = step.fn.key() if hasattr(step.fn, "key") else step.fn
    numbers = tuple(
        x if isinstance(x, Value) else (type(x).__name__, repr(x)) for x in step.inputs
    )
    return fn, numbers, repr(sorted(step.static.items(), key=lambda item: item[0]))


def without_repetition(program: Program) -> Program:
    """Compute once what is written twice, constants too."""
    work = Rewriting(program)
    arrays: dict[Any, Value] = {}
    for value, array in program.constants.items():
        if array.size <= FOLDED:
            first = arrays.setdefault((array.shape, str(array.dtype), array.tobytes()), value)
            if first is not value:
                work.of[value] = first
    seen: dict[Any, Instruction] = {}
    for step in program.body:
        inputs = tuple(work.name(x) for x in step.inputs)
        now = Instruction(step.fn, inputs, step.static, step.outputs)
        first_step = seen.setdefault(key_of(now), now) if is_pure(step) else now
        if first_step is now:
            work.keep(step)
        else:
            work.of.update(zip(step.outputs, first_step.outputs, strict=True))
    return work.done()


# ── algebra ─────────────────────────────────────────────────────────────────────────────────────


def simplified(program: Program) -> Program:
    """Apply the identities below, which change no bit of any result."""
    work = Rewriting(program)
    for step in program.body:
        if len(step.outputs) == 1:
            inputs = tuple(work.name(x) for x in step.inputs)
            here = Instruction(step.fn, inputs, step.static, step.outputs)
            for identity in IDENTITIES:
                found = identity(here, work)
                if isinstance(found, Value):
                    work.of[step.output] = found
                    break
                if found is not None:
                    here = found
            else:
                work.keep(here)
            continue
        work.keep(step)
    return work.done()


def with_risen_transpositions(program: Program) -> Program:
    """Transpose the result of an elementwise operation, not its operands; two then meet and go."""
    work = Rewriting(program)
    for step in program.body:
        inputs = tuple(work.name(x) for x in step.inputs)
        axes = _transposed_alike(step, inputs, work)
        if axes is None:
            work.keep(step)
            continue
        below = tuple(_below(x, work) if isinstance(x, Value) and x.shape else x for x in inputs)
        shape = tuple(step.output.shape[axes.index(i)] for i in range(len(axes)))
        inner = Value(shape, step.output.dtype, step.output.name, step.output.line)
        work.keep(Instruction(step.fn, below, step.static, (inner,)))
        work.keep(Instruction(ops.transpose, (inner,), {"axes": axes}, step.outputs))
    return work.done()


def _below(x: Value, work: Rewriting) -> Operand:
    return work.made[x].inputs[0]


def _transposed_alike(
    step: Instruction, inputs: tuple[Operand, ...], work: Rewriting
) -> tuple[int, ...] | None:
    """Give the axes by which all operands that are arrays are transposed, if they all are."""
    elementwise = isinstance(step.fn, ufunc) and step.fn.signature is None
    if not (elementwise or step.fn in (np.where, ops.astype)) or len(step.outputs) != 1:
        return None
    found = set()
    for x in inputs:
        if not isinstance(x, Value) or not x.shape:
            continue
        before = work.made.get(x)
        if before is None or before.fn is not ops.transpose or x.shape != step.output.shape:
            return None
        found.add(before.static["axes"])
    return found.pop() if len(found) == 1 else None


def _of_a_view(step: Instruction, work: Rewriting) -> Value | Instruction | None:
    """A transpose of a transpose is one; so is a reshape of a reshape; a whole view is nothing."""
    if step.fn not in (ops.transpose, ops.reshape, ops.broadcast):
        return None
    (x,) = step.values()
    before = work.made.get(x)
    out = step.output
    if step.fn is ops.transpose:
        axes = step.static["axes"]
        if axes == tuple(range(len(axes))):
            return x
        if before is not None and before.fn is ops.transpose:
            inner = before.static["axes"]
            both = tuple(inner[a] for a in axes)
            return Instruction(ops.transpose, before.inputs, {"axes": both}, (out,))
        longer = [n for n in x.shape if n != 1]
        if len(longer) <= 1:  # one long axis: its elements stay in a row
            return Instruction(ops.reshape, (x,), {"shape": out.shape}, (out,))
        return None
    if x.shape == out.shape:
        return x
    if before is not None and before.fn is step.fn:
        return Instruction(step.fn, before.inputs, step.static, (out,))
    return None


def _after_rewriting(step: Instruction, work: Rewriting) -> Value | Instruction | None:
    """See once more whether a transposition that was joined is none at all."""
    if step.fn is ops.transpose and step.static["axes"] == tuple(range(len(step.static["axes"]))):
        return next(step.values())
    if step.fn is ops.reshape and next(step.values()).shape == step.output.shape:
        return next(step.values())
    return None


def _of_broadcast(step: Instruction, work: Rewriting) -> Value | Instruction | None:
    """A ufunc repeats its operands itself, unless nothing else tells how far."""
    if not isinstance(step.fn, ufunc) and step.fn is not np.where:
        return None
    if getattr(step.fn, "signature", None) is not None:
        return None
    inputs = list(step.inputs)
    for i, x in enumerate(inputs):
        before = work.made.get(x) if isinstance(x, Value) else None
        if before is None or before.fn is not ops.broadcast:
            continue
        trial = [*inputs[:i], *before.inputs, *inputs[i + 1 :]]
        shapes = [t.shape for t in trial if isinstance(t, Value)]
        if np.broadcast_shapes(*shapes) == step.output.shape:
            inputs = trial
    if inputs == list(step.inputs):
        return None
    return Instruction(step.fn, tuple(inputs), step.static, step.outputs)


def _neutral(step: Instruction, work: Rewriting) -> Value | Instruction | None:
    """x · 1, x / 1, x ** 1 and x − 0 are x; −(−x) is x; x + 0 is not, for −0 + 0 is 0."""
    if step.fn is np.negative:
        before = work.made.get(next(step.values()))
        if before is not None and before.fn is np.negative:
            return before.inputs[0]  # type: ignore[return-value]
    if len(step.inputs) != 2 or not isinstance(step.fn, ufunc):
        return None
    a, b = step.inputs
    if step.fn is np.multiply and _is(a, 1, work) and not _is(b, 1, work):
        a, b = b, a
    unit = UNITS.get(step.fn)
    same = isinstance(a, Value) and (a.shape, a.dtype) == (step.output.shape, step.output.dtype)
    if unit is not None and same and step.output.dtype.kind == "f" and _is(b, unit, work):
        return a  # type: ignore[return-value]
    return None


UNITS: dict[Any, int] = {np.multiply: 1, np.divide: 1, np.power: 1, np.subtract: 0}


def _is(x: Operand, number: int, work: Rewriting) -> bool:
    """Tell whether an operand is this number everywhere (and no −0)."""
    array = work.new.constants.get(x) if isinstance(x, Value) else x
    if array is None or np.size(array) == 0 or np.size(array) > FOLDED:
        return False
    return bool(np.all(np.equal(array, number)) and not np.any(np.signbit(array)))


def _powers(step: Instruction, work: Rewriting) -> Value | Instruction | None:
    """x ** 2 is x · x, as NumPy has it; x · x is written as a square nowhere."""
    if step.fn is np.power and len(step.inputs) == 2:
        x, n = step.inputs
        if isinstance(x, Value) and x.dtype.kind == "f" and type(n) in (int, float) and n == 2:
            return Instruction(np.multiply, (x, x), {}, step.outputs)
    if step.fn is np.square:
        (x,) = step.values()
        return Instruction(np.multiply, (x, x), {}, step.outputs)
    return None


def _numbers(step: Instruction, work: Rewriting) -> Value | Instruction | None:
    """A constant that is one number everywhere is that number, in a ufunc beside an array."""
    if not isinstance(step.fn, ufunc) or step.fn.signature or step.output.dtype.kind != "f":
        return None  # matmul has a signature: (n?,k),(k,m?)->(n?,m?)
    inputs = list(step.inputs)
    for i, x in enumerate(inputs):
        array = work.new.constants.get(x) if isinstance(x, Value) else None
        if array is None or array.dtype != step.output.dtype or not 0 < array.size <= FOLDED:
            continue
        rest = [t for j, t in enumerate(inputs) if j != i and isinstance(t, Value)]
        flat = array.reshape(-1)
        uniform = np.array_equal(flat.view(f"u{flat.itemsize}"), np.full_like(
            flat, flat[0]).view(f"u{flat.itemsize}"))
        if uniform and any(t.dtype == array.dtype and t.shape == step.output.shape for t in rest):
            inputs[i] = flat[0].item()
    if inputs == list(step.inputs):
        return None
    return Instruction(step.fn, tuple(inputs), step.static, step.outputs)


IDENTITIES = (_of_a_view, _after_rewriting, _of_broadcast, _numbers, _powers, _neutral)
PASSES: tuple[Pass, ...] = (
    without_dead_code, with_folded_constants, without_repetition, simplified,
    with_risen_transpositions,
)

__all__ = ["PASSES", "optimized"]
