"""The first replay: it does the recorded call itself, once it is seen to do what that did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..autograd import memory
from ..errors import ProgramError
from ..optim.at_once import at_once
from ..program.program import Value
from .capture import Capture
from .comparison import Gap, gap, nothing_in
from .replay import Replay

Array = Any


def first(replay: Replay, arrays: Sequence[Array], leaves: Sequence[Any], source: Any) -> Any:
    """Run the program on the arrays themselves, and go on from there if it did as it should.

    source: the generator of random numbers. Raises ProgramError, and changes nothing, where the
    replay differs from the recorded call by more than rounding.
    """
    capture = replay.capture
    before = {
        v: (a, np.zeros((), a.dtype) if nothing_in(a) else a.copy())
        for v, a in capture.bound.items() if v in capture.program.updates
    }
    given = [(arrays[i], arrays[i].copy()) for i, _ in capture.argument_writes]
    is_done: list[bool] = []
    steps = [r.part.step for r in capture.parts]
    try:
        made = verified(replay, arrays, source, before)
        result = _counted(replay, made, is_done, arrays, leaves)
    finally:
        if not is_done and steps == [r.part.step for r in capture.parts]:
            at_once([
                partial(a.__setitem__, ..., values) for a, values in (*before.values(), *given)
            ])
    if is_done:
        capture.forget_hosts()
    return result


def _counted(
    replay: Replay, made: Any, is_done: list[bool], arrays: Sequence[Array], leaves: Sequence[Any]
) -> Any:
    """Do what a call does besides the program, which has run already: `made` is what it gave.

    is_done: gets an element when that run counts.
    """
    entry = replay.scope["entry"]

    def ran(*_: Array) -> Any:
        replay.outcome.append(0)
        is_done.append(True)
        return made

    replay.is_first[0], replay.scope["entry"] = True, ran
    try:
        return replay.run(*arrays, leaves)
    finally:
        replay.is_first[0], replay.scope["entry"] = False, entry


def verified(
    replay: Replay, arrays: Sequence[Array], source: Any,
    before: dict[Value, tuple[Array, Array]],
) -> Any:
    """Run, compare with the recorded call, and give what the run gave.

    before: of what the program writes to: the memory, and what it held.
    """
    capture = replay.capture
    after = source.bit_generator.state
    source.bit_generator.state = capture.random_state
    try:
        made = replay.entry(*arrays)
    finally:
        drawn, source.bit_generator.state = source.bit_generator.state, after
    if made is True:
        raise ProgramError("compile_refused")
    if replay.is_fresh:
        replay.outputs = dict(zip(capture.program.outputs, made, strict=True))
    if str(drawn) != str(after):
        raise ProgramError("compile_draws")
    gaps = list(_gaps(replay, before))
    # what cancels out in one gradient was as large as the others
    whole = max((g.scale for _, g in gaps), default=0.0)
    near = 0.05 * whole if all(g.is_finite for _, g in gaps) else 0.0
    for name, g in gaps:
        # Adam divides a gradient by its own size: of rounding errors it makes a whole step
        if not g.is_small(2.1 * g.moved, near):
            raise ProgramError("compile_differs", name=name, largest=g.apart, scale=g.scale)
    if replay.is_fresh:
        replay.outputs = {}
    return made


def _gaps(
    replay: Replay, before: dict[Value, tuple[Array, Array]]
) -> Iterator[tuple[str, Gap]]:
    """Compare whatever the program makes: (name, how far apart)."""
    capture = replay.capture
    for f in replay.results():
        yield "result", gap(replay.view(f), f.host)
    for gradient in capture.gradients:
        if gradient.found:
            yield gradient.name, gap(replay.view(gradient.found), gradient.found.host)
    held = {id(memory.owner(a)): old for a, old in before.values()}
    trained = {
        id(a): held.get(id(memory.owner(a))) for r in capture.parts
        for i, a in enumerate(r.plan.arrays) if i in r.part.places
    }
    for array, host in capture.hosts:
        old = trained.get(id(array))
        if old is not None and old.ndim and not array.flags.c_contiguous:
            old = old.T
        yield name_of(capture, array), gap(array, host, old)
    olds = {v: old for v, (_, old) in before.items()}
    for expected in capture.expected:
        found = {n: Gap(a.itemsize) for n, (_, _, a) in expected.arrays.items()}
        with np.errstate(all="ignore"):
            for pieces in expected.pieces(olds):
                for name, (now, was, wanted) in pieces.items():
                    found[name].add(now, wanted, was if name == "p" else None)
        for name, (value, _, _) in expected.arrays.items():
            yield value.name, found[name]


def name_of(capture: Capture, array: Array) -> str:
    """Name an array from outside by its input of the Program."""
    for value, mine in capture.bound.items():
        if mine is array or mine.base is array:
            return value.name
    return "state"
