"""Read an optimizer's rule, written in plain NumPy, as a program that updates in place.

A rule such as `adam` is a pure function of arrays and numbers. Here it is run once on stand-ins,
and what it does is written out as two functions without a branch: one computes the numbers (bias
corrections, the learning rate), the other lists calls of NumPy's ufuncs with `out=`, into the
state itself and as few scratch arrays as will do; at_once.py makes them. The same ufuncs meet the
same numbers in the same order, so both readings agree to the last bit
(`tests/laws/test_optimizers.py`).

An `if` in a rule is decided when it is read, and the decision becomes a guard: the numbers'
function gives None as soon as a decision would fall otherwise, and the rule is read anew.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import partial
from math import inf
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..autograd import apply as generic

Array = Any
Function = Callable[..., Any]


class Update:
    """An optimizer's rule and the programs made of it, one per way its branches fall.

    function: (p, g, [step,] state..., *, options...) -> (what to subtract from p, new state).
    Of the state, what is annotated `float` is one number, the rest are arrays shaped as p; the
    default is what each starts with: a number; 0.0, for an array of zeros; None, for an array that
    is absent until the rule gives it.
    """

    def __init__(self, function: Function) -> None:
        code = function.__code__
        names = code.co_varnames[: code.co_argcount]
        state = [n for n in names if n not in ("p", "g", "step")]
        self.function = function
        self.start = dict(zip(state, function.__defaults__ or (), strict=True))
        self.numbers = [n for n in state if function.__annotations__.get(n) in ("float", float)]
        self.arrays = [n for n in state if n not in self.numbers]
        self.counts = "step" in names
        self.options = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]
        self.programs: list[Program] = []

    def first(self, p: Array) -> dict[str, Any]:
        """Give the state of p before the first step."""
        return {
            name: np.zeros_like(p) if name in self.arrays and value is not None else value
            for name, value in self.start.items()
        }

    def program(
        self, h: dict[str, Any], step: int, numbers: Iterable[float], present: frozenset[str],
        cells: Function,
    ) -> tuple[Program, list[Array], Any]:
        """Give the program for these options, its cells filled, and the new numbers.

        present: the arrays of the state that are there.  cells: makes n 0-d arrays.
        """
        for program in self.programs:
            if program.present == present:
                filled = cells(program.cell_count)
                values = program.fill(*filled, h, step, *numbers)
                if values is not None:
                    return program, filled, values
        program = Reading(self, h, step, numbers, present).program()
        self.programs.insert(0, program)
        filled = cells(program.cell_count)
        return program, filled, program.fill(*filled, h, step, *numbers)


class Program:
    """What a rule does for one set of options, ready to run.

    fill      (cells..., h, step, numbers...) -> the new numbers, or None if a guard fails
    gathered  (p, g, arrays..., scratch..., cells...) -> calls that leave what to subtract in
              scratch[result]
    in_place  the same, and one that subtracts it from p
    arrays    names of the state's arrays, in the order of the arguments
    """

    arrays: list[str]
    cell_count: int
    created: list[str]
    fill: Function
    gathered: Function
    in_place: Function
    present: frozenset[str]
    result: int
    scratch_count: int
    source: str
    uses_p: bool


def rounded(x: Any) -> Any:
    """Round a number to the default dtype, in which PyTorch keeps the numbers of a state."""
    return x.unary("rounded") if isinstance(x, Number) else generic.default_dtype[0].type(x).item()


class Number:
    """Stands for a number of a rule: its value now, and the variable that will hold it."""

    __slots__ = ("name", "reading", "value")
    __hash__ = object.__hash__

    def __init__(self, reading: Reading, name: str, value: Any) -> None:
        self.reading, self.name, self.value = reading, name, value

    def unary(self, function: str) -> Number:
        """Write down a function of this number: "rounded" or "-"."""
        value = {"rounded": rounded, "-": operator.neg}[function](self.value)
        return self.reading.number(f"{function}({self.name})", value)

    def __neg__(self) -> Number:
        return self.unary("-")

    def __bool__(self) -> bool:
        self.reading.decide(self.name, bool(self.value))
        return bool(self.value)


def _operator(sign: str, compute: Function, swapped: bool) -> Function:
    def method(self: Number, other: Any) -> Any:
        if isinstance(other, Entries):
            return NotImplemented
        right = other.value if isinstance(other, Number) else other
        name = other.name if isinstance(other, Number) else repr(other)
        if swapped:
            return self.reading.number(f"{name} {sign} {self.name}", compute(right, self.value))
        return self.reading.number(f"{self.name} {sign} {name}", compute(self.value, right))

    return method


for _name, _sign in {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "pow": "**",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
}.items():
    _compute = getattr(operator, _name)
    setattr(Number, f"__{_name}__", _operator(_sign, _compute, False))
    if _name in ("add", "sub", "mul", "truediv", "pow"):
        setattr(Number, f"__r{_name}__", _operator(_sign, _compute, True))


class Entries(NDArrayOperatorsMixin):
    """Stands for an array of a rule: a ufunc that meets it is written down."""

    __slots__ = ("place", "reading")
    __hash__ = object.__hash__

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.place = ""  # the variable that holds it

    def __bool__(self) -> bool:
        raise TypeError("a rule cannot branch on an array")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method != "__call__" or kwargs or ufunc.nout != 1:
            return NotImplemented
        return self.reading.operation(ufunc, inputs)


class Reading:
    """One reading of a rule: runs it on stand-ins, then chooses where each result is written."""

    def __init__(
        self, update: Update, h: dict[str, Any], step: int, numbers: Iterable[float],
        present: frozenset[str],
    ) -> None:
        self.update = update
        self.present = present
        self.lines: list[str] = []  # of the numbers' function
        self.computed: dict[str, str] = {}  # text -> variable
        self.cells: dict[str, int] = {}  # variable or constant -> cell
        self.operations: list[tuple[Any, list[Any], Entries]] = []
        self.given: dict[str, Any] = {name: Entries(self) for name in ("p", "g")}
        state: dict[str, Any] = {
            name: Number(self, name, value)
            for name, value in zip(update.numbers, numbers, strict=True)
        }
        for name in update.arrays:
            state[name] = Entries(self) if name in present else None
        if update.counts:
            state["step"] = Number(self, "step", step)
        options = {name: self._option(name, h[name]) for name in update.options}
        self.given.update({n: e for n, e in state.items() if isinstance(e, Entries)})
        self.step, new = update.function(self.given["p"], self.given["g"], **state, **options)
        self.finals = {name: new[name] for name in update.arrays if new.get(name) is not None}
        self.numbers = [new[name] for name in update.numbers]

    def _option(self, name: str, value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return tuple(Number(self, f"{name}[{i}]", v) for i, v in enumerate(value))
        return Number(self, name, value)

    # ── what the stand-ins report ───────────────────────────────────────────────────────────

    def number(self, text: str, value: Any) -> Number:
        """Write down a computation of a number, once."""
        name = self.computed.setdefault(text, f"n{len(self.computed)}")
        line = f"{name} = {text}"
        if line not in self.lines:
            self.lines.append(line)
        return Number(self, name, value)

    def decide(self, name: str, value: bool) -> None:
        """Write down a branch that was taken, as a guard."""
        guard = f"if {'not ' if value else ''}{name}: return None"
        if guard not in self.lines:
            self.lines.append(guard)

    def operation(self, ufunc: Any, inputs: Any) -> Entries:
        """Write down a ufunc on arrays; numbers reach it in cells, 0-d arrays of p's dtype."""
        result = Entries(self)
        self.operations.append((ufunc, [self._operand(x) for x in inputs], result))
        return result

    def _operand(self, x: Any) -> Any:
        if isinstance(x, Entries):
            return x
        name = x.name if isinstance(x, Number) else repr(x)
        return self.cells.setdefault(name, len(self.cells))

    # ── writing the program ─────────────────────────────────────────────────────────────────

    def program(self) -> Program:
        """Write the functions and compile them."""
        made = Program()
        made.present = self.present
        made.arrays = [n for n in self.update.arrays if n in self.present or n in self.finals]
        made.created = [n for n in made.arrays if n not in self.present]
        body, scratch, result = self._placed()
        cells = [f"c{i}" for i in range(len(self.cells))]
        arguments = ", ".join(["p", "g", *made.arrays, *scratch, *cells])
        fill = [f"{name} = h[{name!r}]" for name in self.update.options]
        fill += self.lines
        fill += [f"c{i}[()] = {name}" for name, i in self.cells.items()]
        fill.append(f"return ({''.join(f'{n.name}, ' for n in self.numbers)})")
        head = ", ".join([*cells, "h", *(["step"] if self.update.counts else ["_"])])
        heads = ", ".join([head, *self.update.numbers])
        made.source = "\n    ".join([f"def fill({heads}):", *fill]) + "\n\n"
        made.source += listing("gathered", arguments, body) + "\n"
        body.append(f"partial(subtract, p, {result}, p)")
        made.source += listing("in_place", arguments, body)
        scope: dict[str, Any] = {ufunc.__name__: ufunc for ufunc, _, _ in self.operations}
        scope.update(positive=np.positive, rounded=rounded, subtract=np.subtract, partial=partial)
        name = self.update.function.__name__
        exec(compile(made.source, f"<tinygrad_jp {name} in place>", "exec"), scope)
        made.fill, made.gathered, made.in_place = (
            scope["fill"], scope["gathered"], scope["in_place"]
        )
        made.cell_count, made.scratch_count = len(cells), len(scratch)
        made.result = scratch.index(result)
        p = self.given["p"]
        made.uses_p = any(x is p for _, inputs, _ in self.operations for x in inputs)
        return made

    def _placed(self) -> tuple[list[str], list[str], str]:
        """Choose the array each result is written to: (lines, scratch, the step's variable).

        A result may take the place of an operand that is used for the last time. A state's own
        array serves as scratch too, from the last use of the old value to the birth of the new.
        """
        last: dict[Any, float] = {}
        born: dict[Any, int] = {}
        for k, (_, inputs, result) in enumerate(self.operations):
            last.update((x, k) for x in inputs if isinstance(x, Entries))
            last.setdefault(result, k)
            born[result] = k
        last[self.step] = inf
        home = {value: name for name, value in self.finals.items() if value in born}
        last.update((value, inf) for value in home)
        deadline = {name: born[value] for value, name in home.items()}
        holder: dict[str, Entries | None] = {name: self.given.get(name) for name in deadline}
        for name, value in self.given.items():
            value.place = name
        scratch: list[str] = []
        lines = []
        for k, (ufunc, inputs, result) in enumerate(self.operations):
            ends = {x.place: None for x in inputs if isinstance(x, Entries) and last[x] <= k}
            open_to = [n for n in deadline if holder[n] is None or n in ends]
            for name in scratch:
                if name in ends:
                    holder[name] = None
            free = [n for n in [*ends, *scratch] if n in scratch and holder[n] is None]
            lent = [n for n in open_to if last[result] <= deadline[n]]
            if home.get(result) in open_to:
                place = home[result]
            elif free or lent:
                place = (free or lent)[0]
            else:
                place = f"t{len(scratch)}"
                scratch.append(place)
            texts = [x.place if isinstance(x, Entries) else f"c{x}" for x in inputs]
            out = "out=" if ufunc in (np.maximum, np.minimum) else ""  # NumPy wants it named there
            lines.append(f"partial({ufunc.__name__}, {', '.join(texts)}, {out}{place})")
            for name in ends:
                if name in holder:
                    holder[name] = None
            holder[place], result.place = result, place
        lines += [
            f"partial(positive, {value.place}, {name})"  # a copy
            for name, value in self.finals.items()
            if value.place != name
        ]
        if self.step.place not in scratch:
            scratch.append(f"t{len(scratch)}")
            lines.append(f"partial(positive, {self.step.place}, {scratch[-1]})")
            self.step.place = scratch[-1]
        return lines, scratch, self.step.place


def listing(name: str, arguments: str, calls: list[str]) -> str:
    """Write a function that lists calls."""
    lines = "".join(f"        {line},\n" for line in calls)
    return f"def {name}({arguments}):\n    return [\n{lines}    ]\n"
