"""What a recorded step leaves of a large parameter and its state: computed again, not kept.

Beside the parameter, its gradient and its state, their values after the recorded call would be as
much memory again. The rule works element by element; so they are computed a piece at a time, when
the first replay is checked, or when no replay takes the recorded call over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..program.program import Value
from .in_place import Entries, Reading

Array = Any
LARGE = 1 << 20  # bytes from which on the values of a parameter are not kept
PIECE = 1 << 15  # elements that are computed at once


@dataclass(eq=False, slots=True)
class Expected:
    """One parameter.

    reading, cells: the rule, and the numbers of the recorded step.  gradient: of that call.
    arrays: the parameter ("p") and its state by name: (input of the Program, the axes that turn its
    memory to the array, the array).  turned: whether the parameter lies column by column.
    """

    reading: Reading
    cells: list[Array]
    gradient: Array
    arrays: dict[str, tuple[Value, tuple[int, ...], Array]]
    turned: bool

    def homes(self) -> list[Array]:
        """List the arrays from outside that the step changes."""
        return [array for _, _, array in self.arrays.values()]

    def pieces(self, before: dict[Value, Array]) -> Iterator[dict[str, tuple[Array, Array, Array]]]:
        """Go through the arrays: for each, by its name, (what is there, what was, what should be).

        before: what the inputs' memory held; a single number for all of it will do.
        """
        old = []
        for value, axes, array in self.arrays.values():
            was: Array = before.get(value, array)
            old.append(was if not was.ndim or was is array else was.transpose(axes))
        count = len(old)
        arrays = [self._turn(a) for a in (*self.homes(), *old, self.gradient)]
        for parts in np.nditer(
            arrays, ["external_loop", "buffered", "zerosize_ok"], order="K", buffersize=PIECE
        ):
            wanted = self._step(dict(zip(self.arrays, parts[count:-1], strict=True)), parts[-1])
            yield {
                name: (now, was, wanted[name])
                for name, now, was in zip(self.arrays, parts, parts[count:], strict=False)
            }

    def made(self) -> list[tuple[Array, Array]]:
        """Compute all at once what the recorded step would have left: (array, its new values)."""
        homes = dict(zip(self.arrays, self.homes(), strict=True))
        wanted = self._step({n: self._turn(a) for n, a in homes.items()}, self._turn(self.gradient))
        return [(home, self._turn(wanted[name])) for name, home in homes.items()]

    def _step(self, old: dict[str, Array], g: Array) -> dict[str, Array]:
        """Compute the values after the step from those before it."""
        reading = self.reading
        known: dict[Entries, Array] = {reading.given[name]: x for name, x in old.items()}
        known[reading.given["g"]] = g
        with np.errstate(all="ignore"):
            for ufunc, inputs, result in reading.operations:
                known[result] = ufunc(
                    *(known[x] if isinstance(x, Entries) else self.cells[x] for x in inputs)
                )
            made = {name: known[entry] for name, entry in reading.finals.items()}
            return {**old, **made, "p": old["p"] - known[reading.step]}

    def _turn(self, array: Array) -> Array:
        return array.T if self.turned else array
