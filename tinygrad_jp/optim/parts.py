"""The parameters of a group, sorted into parts that are updated together.

A NumPy call costs as much as the work on some thousand elements, so small arrays lie end to end in
one: gradients are copied in, the program runs once, and each parameter subtracts its slice of the
result. A large array is updated where it stands, in blocks that stay in the cache. No part holds a
parameter's own array: it is looked up at every step, and may be replaced at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import attrgetter
from typing import Any

import numpy as np
from numpy import ndarray, subtract

from ..autograd.apply import wrap
from ..autograd.memory import all_changed
from ..errors import ShapeError
from .in_place import Program, Update

Array = Any
SMALL = 32768  # up to so many elements an array is gathered
BLOCK = 65536  # so many elements are gathered, or updated in place, at a time
SWEEP = 64  # so many steps apart the state is rid of numbers on their way to underflow
kind = attrgetter("shape", "dtype")


class Part:
    """Some parameters of a group, their state, and how it is advanced.

    places: where they are among the parameters of the group that have a gradient.
    records: for each of them what `Optimizer.state` shows.
    """

    def __init__(self, update: Update, places: list[int], records: list[dict[str, Any]]) -> None:
        self.update_rule = update
        self.places = places
        self.records = records
        first = records[0]
        self.step = int(first["step"].item()) if "step" in first else 0
        self.numbers = [
            float(first[n].item()) if n in first else update.start[n] for n in update.numbers
        ]

    def update(
        self, h: dict[str, Any], params: list[Any], arrays: list[Array], grads: list[Array]
    ) -> None:
        """Take one step with the options h; the arrays are the parameters' own, to write into."""
        raise NotImplementedError

    def settle(self) -> None:
        """Write the step and the numbers of the state into the records."""
        for record in self.records:
            arrays = {name: record[name] for name in self.update_rule.arrays if name in record}
            record.clear()  # for PyTorch's order
            if self.update_rule.counts:
                record["step"] = wrap(np.array(self.step, np.float32))
            for name, value in zip(self.update_rule.numbers, self.numbers, strict=True):
                record[name] = wrap(np.array(value))
            record.update(arrays)


class Foreign(Part):
    """A parameter that is no plain array (on a GPU, in a trace): the rule itself, out of place."""

    def update(self, h: Any, params: Any, arrays: Any, grads: Any) -> None:
        """Run the rule, and give the parameter a new array."""
        rule, record = self.update_rule, self.records[0]
        self.step += 1
        state = rule.first(arrays[0])
        state.update(zip(rule.numbers, self.numbers, strict=True))
        state.update((n, record[n]._data) for n in rule.arrays if n in record)
        if rule.counts:
            state["step"] = self.step
        options = {name: h[name] for name in rule.options}
        change, new = rule.function(arrays[0], grads[0], **state, **options)
        self.numbers = [new[name] for name in rule.numbers]
        record.update((n, wrap(new[n])) for n in rule.arrays if new.get(n) is not None)
        params[0]._data = arrays[0] - change


class Flat(Part):
    """Parameters whose state lies flat, end to end, and is advanced by a program in place."""

    fill: Callable[..., Any]
    run: Callable[..., Any]

    def __init__(
        self, update: Update, places: list[int], records: list[dict[str, Any]], like: list[Array]
    ) -> None:
        super().__init__(update, places, records)
        self.dtype = like[0].dtype
        self.shapes = [a.shape for a in like]
        self.turned = [is_turned(a) for a in like]
        ends = np.cumsum([a.size for a in like]).tolist()
        self.slices = [slice(e - a.size, e) for e, a in zip(ends, like, strict=True)]
        self.size = ends[-1]
        self.state: dict[str, Array] = {}
        for name in update.arrays:
            if name in records[0]:
                self._add(name, [r[name]._data for r in records])
            elif update.start[name] is not None:
                self._add(name, None).fill(0)
        self.program: Program | None = None

    def _add(self, name: str, values: list[Array] | None) -> Array:
        """Lay an array of the state out flat, and let the records show it."""
        flat = self.state[name] = np.empty(self.size, self.dtype)
        for i, (record, view) in enumerate(zip(self.records, self.views(flat), strict=True)):
            if values is not None:
                view[...] = values[i]
            record[name] = wrap(view)
        return flat

    def views(self, flat: Array) -> list[Array]:
        """Show a flat array as one of each parameter's shape, laid out as the parameter is."""
        return [
            flat[s].reshape(shape[::-1]).T if turned else flat[s].reshape(shape)
            for s, shape, turned in zip(self.slices, self.shapes, self.turned, strict=True)
        ]

    def advance(self, h: dict[str, Any]) -> None:
        """Count the step, compute its numbers, and see that the program fits the options."""
        self.step += 1
        if self.step % SWEEP == 0:
            for array in self.state.values():
                flush(array)
        if self.program is not None:
            numbers = self.fill(h, self.step, *self.numbers)
            if numbers is not None:
                self.numbers = numbers
                return
        program, cells, self.numbers = self.update_rule.program(
            h, self.step, self.numbers, frozenset(self.state), self._cells
        )
        for name in program.created:
            self._add(name, None)
        self.fill = partial(program.fill, *cells)
        self.prepare(program, cells)
        self.program = None if program.created else program  # a creating program serves once

    def _cells(self, count: int) -> list[Array]:
        return [np.empty((), self.dtype) for _ in range(count)]

    def prepare(self, program: Program, cells: list[Array]) -> None:
        """Bind a program to the arrays it works on."""
        raise NotImplementedError


class Gathered(Flat):
    """Small parameters: their gradients are laid end to end, what is subtracted is handed out."""

    def prepare(self, program: Program, cells: list[Array]) -> None:
        """Bind a program to whole flat arrays."""
        g = np.empty(self.size, self.dtype)
        p = np.empty(self.size, self.dtype) if program.uses_p else None
        scratch = [np.empty(self.size, self.dtype) for _ in range(program.scratch_count)]
        self.g_views = self.views(g)
        self.p_views = self.views(p) if p is not None else []
        self.changes = self.views(scratch[program.result])
        state = [self.state[name] for name in program.arrays]
        self.run = partial(program.gathered, p, g, *state, *scratch, *cells)

    def update(self, h: Any, params: Any, arrays: Any, grads: Any) -> None:
        """Gather, run the program, and subtract."""
        self.advance(h)
        for view, g in zip(self.g_views, grads):
            view[...] = g
        for view, p in zip(self.p_views, arrays):
            view[...] = p
        self.run()
        for p, change in zip(arrays, self.changes):
            subtract(p, change, p)


class Large(Flat):
    """One large parameter, updated where it stands, block by block."""

    def prepare(self, program: Program, cells: list[Array]) -> None:
        """Bind a program to blocks of the state."""
        self.run = program.in_place
        length = min(self.size, BLOCK)
        scratch = [np.empty(length, self.dtype) for _ in range(program.scratch_count)]
        state = [self.state[name] for name in program.arrays]
        self.blocks = []
        for start in range(0, self.size, BLOCK):
            part = slice(start, min(start + BLOCK, self.size))
            short = [t[: part.stop - start] for t in scratch]
            self.blocks.append((part, [*(a[part] for a in state), *short, *cells]))

    def update(self, h: Any, params: Any, arrays: Any, grads: Any) -> None:
        """Run the program on each block."""
        self.advance(h)
        (array,), (grad,) = arrays, grads
        if self.turned[0]:
            array, grad = array.T, grad.T
        p = array.reshape(-1)  # a view, or a copy of an array that is laid out otherwise
        g = grad.reshape(-1)
        for part, bound in self.blocks:
            self.run(p[part], g[part], *bound)
        if not array.flags.c_contiguous:
            array[...] = p.reshape(array.shape)


def flush(array: Array) -> None:
    """Set to zero what is within a factor of 2²⁰ of underflow.

    The state of a weight that no longer gets a gradient (a dead ReLU's) decays until it is
    denormal, and stays so: arithmetic on such numbers is 50 times slower on many processors. Adam's
    step for 3-64-64-1 took 67 µs after 1,500 steps, and 16 before. In 64 steps 0.9⁶⁴ ≈ 2⁻¹⁰.
    """
    if array.dtype.itemsize >= 4:  # in float16 that is near 64, and arithmetic goes by float32
        np.putmask(array, np.abs(array) < np.finfo(array.dtype).tiny * 2.0**20, 0)


def is_turned(array: Array) -> bool:
    """Tell whether an array is laid out column by column, as nn.Linear's weight is."""
    return array.flags.f_contiguous and not array.flags.c_contiguous


class Plan:
    """The parts of a group, and what must stay the same for them to hold."""

    def __init__(
        self, update: Update, params: list[Any], leaves: list[Any], arrays: list[Array],
        records: list[dict[str, Any]],
    ) -> None:
        self.params = params
        self.leaves = leaves
        self.arrays = arrays  # to know them again; they are written into only as p._data
        self.kinds = list(map(kind, arrays))
        self.parts: list[Part] = []
        waiting: dict[Any, list[int]] = {}
        for i, (array, record) in enumerate(zip(arrays, records, strict=True)):
            if type(array) is not ndarray:
                self.parts.append(Foreign(update, [i], [record]))
            elif array.size > SMALL:
                self.parts.append(Large(update, [i], [record], [array]))
            else:
                key = (array.dtype, *alike(update, record))
                places = waiting.setdefault(key, [])
                if places and sum(arrays[j].size for j in places) + array.size > BLOCK:
                    self._gather(update, waiting.pop(key), arrays, records)
                    places = waiting.setdefault(key, [])
                places.append(i)
        for places in waiting.values():
            self._gather(update, places, arrays, records)

    def gradients(self) -> list[Array] | None:
        """Give the gradients, if nothing but they has changed since the last step; else None."""
        grads = []
        for p, leaf, array in zip(self.params, self.leaves, self.arrays):
            g = leaf.grad
            if type(g) is not ndarray or p._node is not leaf or p._data is not array:
                return None
            if g.shape != array.shape:
                return None
            grads.append(g)
        return grads

    def fits(self, leaves: list[Any], arrays: list[Array], grads: list[Array]) -> bool:
        """Tell whether the parts still hold: the same parameters, of the same shapes and dtypes."""
        if self.leaves != leaves or self.kinds != list(map(kind, arrays)):
            return False
        if [a.shape for a in arrays] != [g.shape for g in grads]:
            return False
        self.arrays = arrays  # some `p.data = ...`
        return True

    def update(self, group: dict[str, Any], grads: list[Array]) -> None:
        """Take one step with every part."""
        params, arrays = self.params, self.arrays
        if len(self.parts) == 1:  # the usual case: one part of all
            self.parts[0].update(group, params, arrays, grads)
        else:
            for part in self.parts:
                part.update(
                    group, [params[i] for i in part.places], [arrays[i] for i in part.places],
                    [grads[i] for i in part.places],
                )
        all_changed(arrays)

    def _gather(self, update: Update, places: list[int], arrays: Any, records: Any) -> None:
        part: Any = Large if len(places) == 1 else Gathered
        picked = [arrays[i] for i in places]
        self.parts.append(part(update, places, [records[i] for i in places], picked))


def alike(update: Update, record: dict[str, Any]) -> tuple[Any, ...]:
    """Tell what two parameters must have in common to be advanced together."""
    numbers = [record[n].item() if n in record else None for n in ["step", *update.numbers]]
    return (*numbers, *(n for n in update.arrays if n in record))


def fitting(name: str, array: Array, grad: Array, record: dict[str, Any]) -> None:
    """Refuse a gradient or a state of another shape than the parameter's."""
    if grad.shape != array.shape:
        raise ShapeError("optim_gradient_shape", name=name, given=grad.shape, shape=array.shape)
    for key, value in record.items():
        if value.shape not in ((), array.shape):
            raise ShapeError(
                "optim_state_shape", name=name, entry=key, given=value.shape, shape=array.shape
            )
