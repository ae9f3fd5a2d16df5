"""An optimizer's step as part of a recorded call: the same rule, read on Traces.

What a rule does with numbers (step counts, learning rates, bias corrections) stays Python, in the
function `fill` that in_place.py writes out; it fills 0-d arrays, which the Program takes as inputs.
So nothing is frozen, and an option that takes another branch makes `fill` give None.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy import ndarray

from ..autograd.tensor import Tensor
from ..errors import CompileError
from ..program.recording import Recording
from ..program.trace import Trace, host
from .at_once import Call
from .expected import LARGE, Expected
from .in_place import Entries, Reading
from .parts import Flat, Plan, fitting, flushing, is_turned

Array = Any


@dataclass(eq=False, slots=True)
class RecordedPart:
    """One part of a group, whose arrays the Program updates.

    plan, place: to see that the optimizer has not made others since.  fill: (h, step, numbers...)
    -> new numbers, or None where a branch would fall otherwise.  created: state that this step
    makes; a part with any serves for one call.  numbers: those after the recorded call.
    """

    optimizer: Any
    place: int
    plan: Plan
    part: Flat
    group: dict[str, Any]
    fill: Any
    numbers: Any
    created: dict[str, list[Array]]

    def counting(self) -> list[Call]:
        """List the calls that count the recorded step, whose arrays are updated already."""
        part = self.part
        created = {name: part.flat(arrays) for name, arrays in self.created.items()}
        following = {"step": part.step + 1, "numbers": self.numbers}
        return [partial(part.state.update, created), partial(vars(part).update, following)]

    def sweep(self) -> None:
        """Rid the state of numbers on their way to underflow (see parts.flushing)."""
        for array in self.part.state.values():
            flushing(array)()


def record_step(optimizer: Any, recorder: Recording) -> None:
    """Record a step with every parameter that has a gradient.

    Where NumPy runs the program, the step is left to the eager engine, whose parts are made for it.
    """
    if recorder.tape.keeps_whole and recorder.defers_steps:
        params = [
            p for group in optimizer.param_groups for p in group["params"]
            if p._node is not None and p._node.grad is not None
        ]
        recorder.eager_step(optimizer.step, params)
        return
    if not hasattr(optimizer, "_update") or any(r.optimizer is optimizer for r in recorder.parts):
        raise CompileError("compile_optimizer", optimizer=type(optimizer).__name__)
    for place, group in enumerate(optimizer.param_groups):
        params = [p for p in group["params"] if p._node is not None and p._node.grad is not None]
        if params:
            plan = _plan(optimizer, place, group, params)
            for part in plan.parts:
                if not isinstance(part, Flat):
                    raise CompileError("compile_optimizer", optimizer=type(optimizer).__name__)
                _record(optimizer, place, group, plan, part, recorder)


def _plan(optimizer: Any, place: int, group: dict[str, Any], params: list[Tensor]) -> Plan:
    """Give the plan for these parameters' own arrays: the present one, or a new one."""
    leaves = [p._node for p in params]
    arrays = [_home(p._data) for p in params]
    plan: Plan | None = optimizer._plans[place]
    if plan is not None and plan.leaves == leaves and all(
        a is b for a, b in zip(plan.arrays, arrays, strict=True)
    ):
        return plan
    optimizer._settle()
    records = [optimizer._state[p] for p in params]
    for p, array, record in zip(params, arrays, records, strict=True):
        fitting(p.name or "", array, array, record)
    plan = optimizer._plans[place] = Plan(optimizer._update, params, leaves, arrays, records)
    return plan


def _home(trace: Any) -> Array:
    home = trace.home if isinstance(trace, Trace) else trace
    if not isinstance(home, ndarray):
        raise CompileError("compile_optimizer", optimizer="?")
    return home


def _record(
    optimizer: Any, place: int, group: dict[str, Any], plan: Plan, part: Flat, recorder: Recording
) -> None:
    tape, update = recorder.tape, part.update_rule
    step, present = part.step + 1, frozenset(part.state)
    reading = Reading(update, group, step, part.numbers, present)
    program = reading.program()
    cells = [np.empty((), part.dtype) for _ in range(program.cell_count)]
    numbers = program.fill(*cells, group, step, *part.numbers)
    given = [tape.number(cell, f"{type(optimizer).__name__}.c{i}") for i, cell in enumerate(cells)]
    views = {name: part.views(array) for name, array in part.state.items()}
    created: dict[str, list[Array]] = {name: [] for name in program.created}
    spent = _spent(reading)
    for i, at in enumerate(part.places):
        p = plan.params[at]
        leaf = p._node
        turned = is_turned(plan.arrays[at])
        known: dict[Entries, Any] = {
            reading.given["p"]: _turned(p._data, turned),
            reading.given["g"]: _turned(_gradient(leaf.grad), turned),
        }
        traces = {
            name: tape.state(view[i], f"{p._data.label}.{name}") for name, view in views.items()
        }
        for name, trace in traces.items():
            known[reading.given[name]] = _turned(trace, turned)
        is_dropped = recorder.drops(plan.arrays[at].nbytes >= LARGE and not created)
        tape.is_outline = is_dropped
        for n, (ufunc, inputs, result) in enumerate(reading.operations):
            operands = [known[x] if isinstance(x, Entries) else given[x] for x in inputs]
            known[result] = ufunc(*operands)
            del operands
            for x in spent[n]:  # as large as the parameter, and not needed any more
                known.pop(x, None)
        for name, entry in reading.finals.items():
            if name in traces:
                recorder.moved(traces[name], _turned(known[entry], turned))
            else:
                created[name].append(_turned(known[entry], turned).host)
        p._data[...] = p._data - _turned(known[reading.step], turned)
        tape.is_outline = False
        if is_dropped:
            homes = {"p": plan.arrays[at], **{name: view[i] for name, view in views.items()}}
            recorder.drop(p._data, Expected(
                reading, [cell.copy() for cell in cells], host(_gradient(leaf.grad)),
                {name: (*tape.roots[id(home)], home) for name, home in homes.items()}, turned,
            ))
    recorder.parts.append(RecordedPart(
        optimizer, place, plan, part, group, partial(program.fill, *cells), numbers, created
    ))


def _spent(reading: Reading) -> list[list[Entries]]:
    """List for each operation what nothing after it needs."""
    seen = {reading.step, *reading.finals.values()}
    spent: list[list[Entries]] = []
    for _, inputs, _ in reversed(reading.operations):
        last = [x for x in inputs if isinstance(x, Entries) and x not in seen]
        seen.update(last)
        spent.append(last)
    return spent[::-1]


def counted(run: str, refused: str, after: list[str], done: str = "True") -> list[str]:
    """Write a native run and what counts its step: Ctrl-C comes before both, or after both.

    Native code is not interrupted, but Python looks for Ctrl-C as soon as it is back from it. What
    counts the step may be done twice.  done: tells whether the run was through.
    """
    again = ["except BaseException:", f"    if {done}:", *(f"        {x}" for x in after)]
    again.append("    raise")
    return [
        f"try: {run}",  # one line: what is raised within it comes after the run
        *again, "try:", f"    {refused}", *(f"    {line}" for line in after), *again,
    ]


def _gradient(grad: Any) -> Any:
    return grad._data if isinstance(grad, Tensor) else grad


def _turned(x: Any, turned: bool) -> Any:
    """Give an array as it lies in memory, or back from that."""
    return x.T if turned else x
