"""The parameters of a group, sorted into parts that are updated together.

A NumPy call costs as much as the work on some thousand elements, so small arrays lie end to end in
one: gradients are copied in, the program runs once, and each parameter subtracts its slice of the
result. A large array is updated where it stands, in blocks that stay in the cache. A parameter's
own array is looked up at every step, and may be replaced at any time.

A part computes beforehand all that may fail, and lists what is then to be written. The lists of
all parts are gone through at once (at_once.py): whatever is raised, and whenever Ctrl-C comes, a
step is taken by every parameter with its state, or by none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from functools import partial
from itertools import repeat
from operator import attrgetter, setitem
from typing import Any

import numpy as np
from numpy import ndarray, subtract

from ..autograd.apply import wrap
from ..autograd.memory import all_changed
from ..errors import ShapeError
from .at_once import Call, at_once
from .in_place import Program, Update

Array = Any
SMALL = 32768  # up to so many elements an array is gathered
LONE = 4096  # up to so many if there is but one
BLOCK = 65536  # so many elements are gathered, or updated in place, at a time
SWEEP = 64  # so many steps apart the state is rid of numbers on their way to underflow
kind = attrgetter("shape", "dtype")


class Part(ABC):
    """Some parameters of a group, their state, and how it is advanced.

    places: where they are among the parameters of the group that have a gradient.
    records: for each of them what `Optimizer.state` shows, as of the last `settle`.
    next: what the part's attributes are to be when a step is taken.
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
        self.state: dict[str, Array] = {}
        self.next: dict[str, Any] = {}
        self.turn: Call = partial(vars(self).update, self.next)

    @abstractmethod
    def calls(
        self, h: dict[str, Any], params: list[Any], arrays: list[Array], grads: list[Array]
    ) -> list[Call]:
        """List what one step with the options h writes; the arrays are the parameters' own."""

    @abstractmethod
    def views(self, flat: Array) -> list[Array]:
        """Show an array of the state as one of each parameter's shape."""

    def settle(self) -> None:
        """Write the state into the records, if there is any yet."""
        update = self.update_rule
        arrays = {n: self.views(self.state[n]) for n in update.arrays if n in self.state}
        for i, record in enumerate(self.records):
            if not (self.step or record):
                continue
            shown: dict[str, Any] = {}  # in PyTorch's order
            if update.counts:
                shown["step"] = wrap(np.array(self.step, np.float32))
            for name, value in zip(update.numbers, self.numbers, strict=True):
                shown[name] = wrap(np.array(value))
            shown.update((name, wrap(views[i])) for name, views in arrays.items())
            at_once([record.clear, partial(record.update, shown)])


class Foreign(Part):
    """A parameter that is no plain array (on a GPU, in a trace): the rule itself, out of place."""

    def __init__(self, update: Update, places: list[int], records: list[dict[str, Any]]) -> None:
        super().__init__(update, places, records)
        self.state = {n: records[0][n]._data for n in update.arrays if n in records[0]}

    def calls(self, h: Any, params: Any, arrays: Any, grads: Any) -> list[Call]:
        """Run the rule; what is left is to give the parameter a new array."""
        rule = self.update_rule
        state = rule.first(arrays[0])
        state.update(zip(rule.numbers, self.numbers, strict=True))
        state.update(self.state)
        if rule.counts:
            state["step"] = self.step + 1
        options = {name: h[name] for name in rule.options}
        change, new = rule.function(arrays[0], grads[0], **state, **options)
        given = {n: new[n] for n in rule.arrays if new.get(n) is not None}
        self.next.update(
            step=self.step + 1, numbers=[new[name] for name in rule.numbers],
            state={**self.state, **given},
        )
        return [partial(setattr, params[0], "_data", arrays[0] - change), self.turn]

    def views(self, flat: Array) -> list[Array]:
        """Show the array, which belongs to one parameter."""
        return [flat]


class Flat(Part):
    """Parameters whose state lies flat, end to end, and is advanced by a program in place."""

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
        for name in update.arrays:
            if name in records[0]:
                self.state[name] = self.flat([r[name]._data for r in records])
            elif update.start[name] is not None:
                self.state[name] = np.zeros(self.size, self.dtype)
        self.bound: Bound | None = None

    def flat(self, values: list[Array]) -> Array:
        """Lay an array of the state out flat."""
        flat = np.empty(self.size, self.dtype)
        for view, value in zip(self.views(flat), values, strict=True):
            view[...] = value
        return flat

    def views(self, flat: Array) -> list[Array]:
        """Show a flat array as one of each parameter's shape, laid out as the parameter is."""
        return [
            flat[s].reshape(shape[::-1]).T if turned else flat[s].reshape(shape)
            for s, shape, turned in zip(self.slices, self.shapes, self.turned, strict=True)
        ]

    def ready(self, h: dict[str, Any]) -> tuple[Bound, list[Call]]:
        """Compute the numbers of the next step, and see that the program fits the options.

        Gives the program, and what is to be written before it runs.
        """
        following, bound = self.next, self.bound
        following["step"] = step = self.step + 1
        first = [] if step % SWEEP else [flushing(a) for a in self.state.values()]
        if bound is not None:
            following["numbers"] = bound.fill(h, step, *self.numbers)
            if following["numbers"] is not None:
                return bound, first
        program, cells, following["numbers"] = self.update_rule.program(
            h, step, self.numbers, frozenset(self.state), self._cells
        )
        created = {name: np.empty(self.size, self.dtype) for name in program.created}
        bound = self.binding(program, cells, {**self.state, **created})
        if created:  # such a program serves once
            first.append(partial(self.state.update, created))
        else:
            self.bound = bound
        return bound, first

    def _cells(self, count: int) -> list[Array]:
        return [np.empty((), self.dtype) for _ in range(count)]

    @abstractmethod
    def binding(
        self, program: Program, cells: list[Array], state: dict[str, Array]
    ) -> Bound:
        """Bind a program to the arrays it works on."""


class Bound:
    """A program with the arrays it works on.

    fill: (options, step, numbers...) -> the new numbers, or None.
    """

    def __init__(self, program: Program, cells: list[Array]) -> None:
        self.program = program
        self.fill = partial(program.fill, *cells)


class Gathered(Flat):
    """Small parameters: their gradients are laid end to end, what is subtracted is handed out."""

    def binding(
        self, program: Program, cells: list[Array], state: dict[str, Array]
    ) -> BoundWhole:
        """Bind a program to whole flat arrays."""
        return BoundWhole(program, cells, state, self)

    def calls(self, h: Any, params: Any, arrays: Any, grads: Any) -> list[Call]:
        """Gather; what is left is to run the program, and to subtract."""
        bound: Any
        bound, first = self.ready(h)
        deque(map(setitem, bound.g_views, repeat(...), grads), 0)
        if bound.p_views:
            deque(map(setitem, bound.p_views, repeat(...), arrays), 0)
        listed: list[Call] = bound.listed if bound.written is arrays else bound.calls(arrays)
        return first + listed if first else listed


class BoundWhole(Bound):
    """A program that works on whole flat arrays."""

    def __init__(
        self, program: Program, cells: list[Array], state: dict[str, Array], part: Gathered
    ) -> None:
        super().__init__(program, cells)
        scratch = [np.empty(part.size, part.dtype) for _ in range(program.scratch_count)]
        flat = [state[name] for name in program.arrays]
        g = np.empty(part.size, part.dtype)
        p = np.empty(part.size, part.dtype) if program.uses_p else None
        self.turn = part.turn
        self.g_views = part.views(g)
        self.p_views = part.views(p) if p is not None else []
        self.changes = part.views(scratch[program.result])
        self.run: list[Call] = program.gathered(p, g, *flat, *scratch, *cells)
        self.written: list[Array] = []  # the parameters' arrays, as they were the last time
        self.listed: list[Call] = []

    def calls(self, arrays: list[Array]) -> list[Call]:
        """List the calls of a step; they serve until a parameter has another array."""
        subtracts: list[Call] = [
            partial(subtract, p, change, p) for p, change in zip(arrays, self.changes, strict=True)
        ]
        self.listed = [*self.run, *subtracts, self.turn]
        self.written = arrays
        return self.listed


class Large(Flat):
    """One large parameter, updated where it stands, block by block."""

    def binding(
        self, program: Program, cells: list[Array], state: dict[str, Array]
    ) -> BoundBlocks:
        """Bind a program to blocks of the state."""
        return BoundBlocks(program, cells, state, self)

    def calls(self, h: Any, params: Any, arrays: Any, grads: Any) -> list[Call]:
        """List the calls of the program for each block."""
        bound: Any
        bound, listed = self.ready(h)
        (array,), (grad,) = arrays, grads
        if self.turned[0]:
            array, grad = array.T, grad.T
        p = array.reshape(-1)  # a view, or a copy of an array that is laid out otherwise
        g = grad.reshape(-1)
        in_place = bound.program.in_place
        for part, mine in bound.blocks:
            listed += in_place(p[part], g[part], *mine) if part else in_place(p, g, *mine)
        if not array.flags.c_contiguous:
            listed.append(partial(array.__setitem__, ..., p.reshape(array.shape)))
        listed.append(self.turn)
        return listed


class BoundBlocks(Bound):
    """A program that works on one array, block by block."""

    def __init__(
        self, program: Program, cells: list[Array], state: dict[str, Array], part: Large
    ) -> None:
        super().__init__(program, cells)
        length = min(part.size, BLOCK)
        scratch = [np.empty(length, part.dtype) for _ in range(program.scratch_count)]
        flat = [state[name] for name in program.arrays]
        self.blocks: list[Any] = []  # where in the array, and what else the program works on
        for start in range(0, part.size, BLOCK):
            place = slice(start, min(start + BLOCK, part.size))
            short = [t[: place.stop - start] for t in scratch]
            mine = [*(a[place] for a in flat), *short, *cells]
            self.blocks.append((None if length == part.size else place, mine))


def flushing(array: Array) -> Call:
    """Give the call that sets to zero what is within a factor of 2²⁰ of underflow.

    The state of a weight that no longer gets a gradient (a dead ReLU's) decays until it is
    denormal, and stays so: arithmetic on such numbers is 50 times slower on many processors. Adam's
    step for 3-64-64-1 took 67 µs after 1,500 steps, and 16 before. In 64 steps 0.9⁶⁴ ≈ 2⁻¹⁰.
    """
    near: Any = []
    if array.dtype.itemsize >= 4:  # in float16 that is near 64, and arithmetic goes by float32
        near = np.abs(array) < np.finfo(array.dtype).tiny * 2.0**20
    return partial(array.__setitem__, near, 0)


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
        self.picked: list[list[Array]] | None = None  # the arrays of each part
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
        self.arrays, self.picked = arrays, None  # some `p.data = ...`
        return True

    def calls(self, group: dict[str, Any], grads: list[Array]) -> list[Call]:
        """List what one step with every part writes."""
        params, parts = self.params, self.parts
        all_changed(self.arrays)  # before they are: better a graph too many that is known as stale
        if len(parts) == 1:  # the usual case: one part of all
            return parts[0].calls(group, params, self.arrays, grads)
        picked = self.picked
        if picked is None:
            picked = self.picked = [[self.arrays[i] for i in part.places] for part in parts]
        listed: list[Call] = []
        for part, arrays in zip(parts, picked, strict=True):
            places = part.places
            listed += part.calls(
                group, [params[i] for i in places], arrays, [grads[i] for i in places]
            )
        return listed

    def _gather(self, update: Update, places: list[int], arrays: Any, records: Any) -> None:
        picked = [arrays[i] for i in places]
        part: Any = Large if len(places) == 1 and picked[0].size > LONE else Gathered
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
