"""Random computations over the registry: what no list of examples written by hand would try.

A program is a few steps. Each calls an operation as one of its own samples does (so the arguments
make sense: positive definite for cholesky, indices in range for take), but with arrays that follow
smoothly from earlier values. So gradients run through chains of operations nobody put together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from ..errors import ArgumentError
from ..vocabulary.domain import REAL, Call, Sampler, samples
from ..vocabulary.rule import REGISTRY, Composite, Entry, Rule, label, rules
from .calls import floats
from .failures import called, imports, pasted

Array = Any
REACH = 0.05  # how far an earlier value moves an argument: less than samples stay from a kink
LARGEST = 1e6  # a value beyond is not used further


class Value(NamedTuple):
    """The result of an earlier step, or an input, as it is."""

    place: int


class Near(NamedTuple):
    """An array, moved a little by an earlier value: array + 0.05·tanh(value), in its shape."""

    array: Array
    place: int
    symmetric: bool  # move it by a symmetric matrix, as cholesky and eigh need


class Step(NamedTuple):
    """One call: an operation, and its arguments with Value and Near in the place of arrays."""

    entry: Entry
    call: Call
    first: int  # place of its first result among the values
    results: int


def near(array: Any, value: Any, symmetric: bool) -> Any:
    """Move an array a little by a value of any shape; in NumPy, so on Tensors and JAX too."""
    move = np.tanh(np.resize(value, array.shape))
    if symmetric:
        move = (move + np.swapaxes(move, -1, -2)) / 2
    return array + REACH * move


def by_protocol(entry: Entry, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call an operation as the user would: on arrays, Tensors, or whatever answers NumPy."""
    return entry.fn(*args, **kwargs)


class Program:
    """A random computation: call it on its inputs (arrays or Tensors) for a list of results.

    inputs: the arrays that it was drawn for, float64.  steps: what it does.
    str(program) is Python that can be pasted.
    """

    __name__ = "program"

    def __init__(self, inputs: list[Array], steps: list[Step]) -> None:
        self.inputs = inputs
        self.steps = steps

    def __call__(
        self, *inputs: Any, call: Callable[..., Any] = by_protocol, near: Callable[..., Any] = near
    ) -> list[Any]:
        """Compute; call and near may be another library's way to do so."""
        values = list(inputs)

        def filled(part: Any) -> Any:
            if isinstance(part, Value):
                return values[part.place]
            if isinstance(part, Near):
                return near(part.array, values[part.place], part.symmetric)
            if type(part) in (list, tuple):
                return type(part)(map(filled, part))
            return part

        for step in self.steps:
            args = [filled(a) for a in step.call.args]
            kwargs = {k: filled(v) for k, v in step.call.kwargs.items()}
            values += floats_of(call(step.entry, args, kwargs))
        return [values[i] for i in self.outputs]

    @property
    def outputs(self) -> list[int]:
        """The places of the values that no later step uses; never an input alone."""
        used = {p for step in self.steps for p in places(step.call)}
        total = len(self.inputs) + sum(s.results for s in self.steps)
        return [i for i in range(len(self.inputs), total) if i not in used]

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in order."""
        return [label(step.entry.fn) for step in self.steps]

    def code(self) -> str:
        """Write the program down as Python that makes its inputs and runs."""
        lines = imports(step.entry.fn for step in self.steps)
        lines += [
            f"x{i} = tj.Tensor({pasted(x)}, requires_grad=True)" for i, x in enumerate(self.inputs)
        ]
        names = [f"x{i}" for i in range(len(self.inputs))]
        for step in self.steps:
            made = [f"v{step.first + i}" for i in range(step.results)]
            shown = [written(a, names) for a in step.call.args]
            shown += [f"{k}={written(v, names)}" for k, v in step.call.kwargs.items()]
            lines.append(f"{', '.join(made)} = {called(step.entry.fn)}({', '.join(shown)})")
            names += made
        ends = ", ".join(names[i] for i in self.outputs)
        return "\n".join([*lines, f"results = [{ends}]"])

    __str__ = code

    def __repr__(self) -> str:
        return f"<Program {' → '.join(self.operations)}>\n{self.code()}\n"


def places(part: Any) -> set[int]:
    """List the places of values that a call uses."""
    if isinstance(part, (Value, Near)):
        return {part.place}
    if isinstance(part, Call):
        return places(part.args) | places(part.kwargs)
    if isinstance(part, dict):
        part = list(part.values())
    if type(part) in (list, tuple):
        return {p for inner in part for p in places(inner)}
    return set()


def written(part: Any, names: list[str]) -> str:
    """Write an argument down as Python."""
    if isinstance(part, Value):
        return names[part.place]
    if isinstance(part, Near):
        move = f"np.tanh(np.resize({names[part.place]}, {part.array.shape}))"
        if part.symmetric:
            move = f"({move} + np.swapaxes({move}, -1, -2)) / 2"
        return f"{pasted(part.array)} + {REACH} * {move}"
    if type(part) is list:
        return f"[{', '.join(written(p, names) for p in part)}]"
    if type(part) is tuple:
        return f"({', '.join(written(p, names) for p in part)}{',' * (len(part) == 1)})"
    return pasted(part)


def floats_of(result: Any) -> list[Any]:
    """List the floating point results of a call, of any library; the structure of a result."""
    if isinstance(result, (list, tuple)):
        return [part for item in result for part in floats_of(item)]
    if isinstance(result, (np.ndarray, np.generic)) or hasattr(result, "_data"):
        return floats(result)
    is_float = getattr(result, "is_floating_point", None)  # PyTorch's
    if is_float is not None:
        return [result] if is_float() else []
    return [result] if getattr(getattr(result, "dtype", None), "kind", "") == "f" else []


# ── drawing one ─────────────────────────────────────────────────────────────────────────────────


def differentiable() -> tuple[Entry, ...]:
    """List the entries that programs are made of: rules and composites that bring samples."""
    REGISTRY.fill()
    return _differentiable(tuple(REGISTRY))


@lru_cache(8)
def _differentiable(registered: tuple[Any, ...]) -> tuple[Entry, ...]:
    found = dict.fromkeys(
        e for e in (*rules(), *REGISTRY.values()) if isinstance(e, (Rule, Composite))
    )
    usable = [e for e in found if (e.samples or e.domain) and e.fn.__name__ not in _TOO_TOUCHY]
    return tuple(sorted(usable, key=_simplicity))


# histograms and bin edges: their gradient is through the edges' kinks only
_TOO_TOUCHY = {"histogram", "histogram2d", "histogramdd", "histogram_bin_edges"}


def _simplicity(entry: Entry) -> tuple[int, str]:
    """Order for shrinking: elementwise operations of NumPy first, what is ours last."""
    name = label(entry.fn)
    return (not entry.domain, not name.startswith("np."), len(name)), name  # type: ignore[return-value]


@st.composite
def programs(
    draw: Any, operations: Sequence[Any] | None = None, max_steps: int = 5, max_inputs: int = 2,
    accept: Callable[[Entry, Call], bool] | None = None,
) -> Program:
    """Draw random computations over the registry; a failing one is shrunk to the fewest steps.

    operations: NumPy functions or primitives to choose from; all that are differentiable if None.
    max_steps, max_inputs: how long they get. accept: tells whether a call may be used.
    Each step's arguments lie where its derivative exists; values stay finite.

    >>> import numpy as np
    >>> from hypothesis import find
    >>> from tinygrad_jp.testing import programs
    >>> find(programs(operations=[np.exp]), lambda program: True).operations
    ['np.exp']
    """
    entries = chosen(operations)
    sampler = Sampler(draw(st.integers(0, 2**16)))
    inputs = [
        _short(sampler(*shape))
        for shape in draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=max_inputs))
    ]
    values, steps = list(inputs), []
    for _ in range(draw(st.integers(1, max_steps))):
        entry = draw(st.sampled_from(entries))
        calls = list(samples(entry, sampler))
        call = _rounded(draw(st.sampled_from(calls)))
        if accept is not None and not accept(entry, call):
            continue
        linked = _Linker(draw, entry, values).link(call)
        step = Step(entry, linked, len(values), 0)
        results = _tried(Program(values, [step]))
        if results:
            steps.append(step._replace(results=len(results)))
            values += results
    if not steps:
        from hypothesis import reject

        reject()
    return pruned(Program(inputs, steps))


def pruned(program: Program) -> Program:
    """Leave out the inputs that nothing uses."""
    used = {p for step in program.steps for p in places(step.call)}
    kept = [i for i in range(len(program.inputs)) if i in used]
    gone = len(program.inputs) - len(kept)
    if not gone or not kept:
        return program
    new = {old: place for place, old in enumerate(kept)}

    def renumbered(part: Any) -> Any:
        if isinstance(part, (Value, Near)):
            return part._replace(place=new.get(part.place, part.place - gone))
        if type(part) in (list, tuple):
            return type(part)(map(renumbered, part))
        return part

    steps = []
    for step in program.steps:
        kwargs = {k: renumbered(v) for k, v in step.call.kwargs.items()}
        call = Call(tuple(map(renumbered, step.call.args)), kwargs)
        steps.append(step._replace(call=call, first=step.first - gone))
    return Program([program.inputs[i] for i in kept], steps)


def _short(x: Array) -> Array:
    return np.asarray(np.round(x, 3)) if x.dtype.kind == "f" else x


SHAPES: list[tuple[int, ...]] = [(), (3,), (2, 3), (2, 1), (1, 3), (2, 2), (2, 1, 3)]


def chosen(operations: Iterable[Any] | None) -> tuple[Entry, ...]:
    """List the entries of some operations, or all; ArgumentError for one that cannot take part."""
    if operations is None:
        return differentiable()
    entries = {REGISTRY.get(fn): fn for fn in operations}
    found = tuple(e for e in differentiable() if e in entries)
    for entry in set(entries) - set(found):
        raise ArgumentError("testing_no_samples", name=called(entries[entry]))
    if not found:
        raise ArgumentError("testing_nothing")
    return found


def _rounded(call: Call) -> Call:
    """Shorten the numbers of a sample, so that a person can read and paste them."""
    from .calls import mapped

    return mapped(call, _short)  # type: ignore[no-any-return]


def _tried(program: Program) -> list[Array] | None:
    """Run the one step of a program on arrays; None where it makes no number to go on with."""
    try:
        with np.errstate(all="raise", under="ignore"):
            step = program.steps[0]
            whole = Program(program.inputs, [step._replace(results=1)])
            found = _values(whole)
    except (ArithmeticError, ValueError, TypeError, IndexError, np.linalg.LinAlgError):
        return None
    good = [np.isfinite(v).all() and abs(v).max(initial=0) < LARGEST for v in found]
    return found if found and all(good) else None


def _values(program: Program) -> list[Array]:
    """Give every value that a single step makes, also those that nothing uses."""
    step = program.steps[0]
    kept: list[Array] = []

    def call(entry: Entry, args: Any, kwargs: dict[str, Any]) -> Any:
        result = by_protocol(entry, args, kwargs)
        kept.extend(np.asarray(v) for v in floats_of(result))
        return result

    Program(program.inputs, [step._replace(results=0)])(*program.inputs, call=call)
    return kept


class _Linker:
    """Puts earlier values in the place of the floating point arrays of a call."""

    def __init__(self, draw: Any, entry: Entry, values: list[Array]) -> None:
        self.draw, self.entry, self.values = draw, entry, values
        self.free = bool(entry.domain) and all(d == REAL for d in entry.domain)

    def link(self, call: Call) -> Call:
        """Give the call with values in it, at least one where there is any."""
        self.linked = 0
        args = tuple(self._part(a) for a in call.args)
        kwargs = {k: self._part(v) for k, v in call.kwargs.items()}
        return Call(args, kwargs)

    def _part(self, part: Any) -> Any:
        if type(part) in (list, tuple):
            return type(part)(map(self._part, part))
        if not isinstance(part, np.ndarray) or part.dtype.kind != "f":
            return part
        usable = [i for i, v in enumerate(self.values) if v.size]
        if not usable or (self.linked and self.draw(st.booleans())):
            return part  # a constant beside a value
        self.linked += 1
        place = usable[-1 - self.draw(st.integers(0, len(usable) - 1))]
        value = self.values[place]
        fits = len(self.entry.domain) == 1 or value.shape == part.shape
        if self.free and fits and np.abs(value).max(initial=0) <= 3.0:
            return Value(place)
        square = part.ndim > 1 and part.shape[-1] == part.shape[-2] > 1
        return Near(part, place, bool(square and (part == part.mT).all()))
