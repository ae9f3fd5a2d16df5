"""`check_graph`: each operation's rule against differences, at the recorded values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..autograd import apply as engine
from ..autograd.check import gradcheck
from ..autograd.mode import no_grad
from ..autograd.node import Node, Plan
from ..autograd.tensor import Tensor, rule_name
from ..errors import GradcheckError, Language, Phrase, TinygradError, language, text_in
from .drawing import Drawing
from .explained import plain
from .model import GraphNode
from .names import named_tensors
from .recall import arguments_of, kept_by, plan_of
from .recording import Recording
from .wording import Look, number
from .written import write

Array = Any
Verdict = Literal["right", "wrong", "kink", "unknown"]

STEP = 1e-6  # of the differences, relative to the largest argument
MOST = 2048  # elements in and out; beyond, a sample or a few directions of them are checked
SAMPLE = 256
DIRECTIONS = 8
WORDS = {
    "right": "check_right", "wrong": "check_wrong", "kink": "check_kink",
    "unknown": "check_unknown",
}
SYMMETRIC = {np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh}  # which read one triangle
SIGNS = {"right": "✓", "wrong": "×", "kink": "~", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check of one operation gave.

    verdict    "right"; "wrong"; "kink": the two differ where the function has a kink, so that no
               derivative is right; "unknown": an argument's value is not known any more
    argument   name of the argument whose derivative is wrong; index: the element, where known
    analytic, numerical: the two derivatives there
    """

    node: str
    label: str
    verdict: Verdict
    argument: str = ""
    index: str = ""
    analytic: float | None = None
    numerical: float | None = None
    line: str | None = None


class GraphCheck:
    """The check of every operation of a graph: prints as text, shows as HTML in notebooks.

    checks: one Checked for each operation, in the order of computation. ok: whether none is wrong.
    first: the first wrong one, or None. draw(): the graph with that one in red.
    """

    def __init__(
        self, recording: Recording, checks: list[Checked], lang: Language | None
    ) -> None:
        self.graph = recording.graph
        self.checks = checks
        self._language = lang

    @property
    def wrong(self) -> list[Checked]:
        """The operations whose rule disagrees with differences."""
        return [c for c in self.checks if c.verdict == "wrong"]

    @property
    def ok(self) -> bool:
        """Whether no rule is wrong."""
        return not self.wrong

    @property
    def first(self) -> Checked | None:
        """The first wrong one in the order of computation, whose error others may carry on."""
        return next(iter(self.wrong), None)

    def save(self, path: str | Path) -> Path:
        """Save as .html, .md, .txt, or as a picture of the graph with the places marked.

        Gives the path. Raises OptionError for another suffix; as Drawing.save does.
        """
        return write(self, path)

    def draw(self, depth: int | None = None, fold: bool = False, **options: Any) -> Drawing:
        """Draw the graph, the first wrong operation in red.

        depth, fold: as those of `tj.draw`; options: those of a Look: direction="TB", theme="dark".
        """
        first = self.first
        marks = {} if first is None else {first.node: f"× {self._said(first)}"}
        look = Look(language=self.lang).but(marks=marks, **options)
        return Drawing(self.graph, look, depth=depth, fold=fold)

    @property
    def lang(self) -> Language:
        """The language in which it speaks."""
        return self._language or language()

    def _words(self, key: str, **facts: Any) -> str:
        return text_in(self.lang, key, **facts)

    def _title(self) -> str:
        counts = {v: sum(c.verdict == v for c in self.checks) for v in WORDS}
        parts = [
            self._words("check_count", verdict=self._words(key), number=counts[v])
            for v, key in WORDS.items() if counts[v]
        ]
        comma = "、" if self.lang == "ja" else ", "
        return self._words("check_title", summary=comma.join(parts) or "0")

    def _said(self, check: Checked) -> str:
        if check.analytic is None or check.numerical is None:
            return self._words(WORDS[check.verdict])
        return self._words(
            "check_numbers", argument=check.argument + check.index,
            analytic=number(check.analytic), numerical=number(check.numerical),
        )

    def _noted(self) -> list[str]:
        """Put the operations that are not right into lines, the first wrong one first."""
        lines = []
        for check in sorted(self.checks, key=lambda c: list(WORDS).index(c.verdict) != 1):
            if check.verdict == "right":
                continue
            first = " " + self._words("check_first") if check is self.first else ""
            line = f"{SIGNS[check.verdict]} {check.label} ({check.node}){first}: "
            lines.append(line + self._said(check) + (f"  {check.line}" if check.line else ""))
        return lines

    def __str__(self) -> str:
        return "\n".join([self._title(), *(f"  {line}" for line in self._noted())])

    __repr__ = __str__

    def markdown(self) -> str:
        """Give the report as Markdown."""
        items = (f"- {plain(line)}" for line in self._noted())
        return "\n".join([f"**{plain(self._title())}**", "", *items]) + "\n"

    def html(self) -> str:
        """Give the report as a piece of HTML."""
        items = "".join(f"<li>{escape(line)}</li>" for line in self._noted())
        return f"<p><b>{escape(self._title())}</b></p><ul>{items}</ul>"

    _repr_html_ = html


def check_graph(output: Any, *, names: Any = None, lang: Language | None = None) -> GraphCheck:
    """Check the rule of each recorded operation against central differences, where it was used.

    output: a Tensor whose graph is still there.
    names: where to find names: locals(), a Module, or module.named_parameters.
    lang: "ja" or "en"; None for the language in force.
    Each operation is run again in float64 on the values that were recorded (on others, where they
    are not known any more), and its derivatives are compared by `tj.gradcheck` in random
    directions; where they disagree, the element is sought.
    Of operations on more than 2048 elements, a sample of elements is checked if they work element
    by element, and else eight directions of all of them.
    Returns a GraphCheck: `.ok`, `.first`, and `.draw()`, the graph with the first wrong operation
    in red. Raises ArgumentError for what is no Tensor; GradientError where there is no graph, or
    backward() has freed it.

    >>> import tinygrad_jp as tj
    >>> x = tj.tensor([0.5, 1.0, 2.0], requires_grad=True)
    >>> print(tj.check_graph((x.exp() * x).sum(), lang="en"))
    Rules against differences: right 3
    """
    if lang is not None:
        Look(language=lang)  # refuses one that there is not
    recording = Recording(output, named_tensors(names))
    checks = [
        _check(recording, node) for node in recording.operations()
        if node.plan.rule is not engine.ITEM
    ]
    return GraphCheck(recording, checks, lang)


def _check(recording: Recording, node: Node) -> Checked:
    here = recording.ids[node]
    record = recording.records[here]
    made = _call(recording, node) if isinstance(plan_of(node), Plan) else None
    if made is None:
        return Checked(here, rule_name(node), "unknown", line=record.line)
    f, inputs = made.f, made.inputs
    sizes = [x.size for x in inputs]
    if not all(sizes) or not all(np.isfinite(x).all() for x in inputs):
        return Checked(here, rule_name(node), "unknown", line=record.line)
    outside = len(made.sample) or (0 if record.shape is None else int(np.prod(record.shape)))
    exact = sum(sizes) <= MOST and outside <= MOST
    if not exact:
        f, inputs = _directions(f, inputs)
    eps = STEP * (max(1.0, *(float(np.abs(x).max()) for x in inputs)) if exact else 1.0)
    f.__name__ = rule_name(node)
    given = tuple(Tensor(x).requires_grad_() for x in inputs)
    try:
        with np.errstate(all="ignore"):
            noise = _largest(f, inputs) * 4e-15 * (max(outside, 1) ** 0.5) / eps  # of rounding
            gradcheck(f, given, eps=eps, atol=1e-7 + noise, rtol=1e-5, mode="direction")
    except GradcheckError as error:
        return _judged(error, here, record, made, exact)
    except (TinygradError, ArithmeticError, TypeError, ValueError):
        return Checked(here, rule_name(node), "unknown", line=record.line)
    return Checked(here, rule_name(node), "right", line=record.line)


def _judged(
    error: GradcheckError, here: str, record: GraphNode, made: _Call, exact: bool
) -> Checked:
    facts = error.facts
    verdict: Verdict = "wrong"
    kink = facts.get("kink")
    if isinstance(kink, Phrase) and kink.key == "kink":
        verdict = "kink"
    elif "analytic" not in facts:
        verdict = "unknown"  # an operation that gives something else each time
    elif not np.isfinite(facts["numerical"]):
        verdict = "unknown"
    place = str(facts.get("input", ""))
    index: Any = facts.get("index", "") if exact else ""
    if made.sample and index:
        index = [int(i) for i in np.unravel_index(made.sample[index[0]], record.shape or ())]
    return Checked(
        here, record.label, verdict, made.names[int(place)] if place.isdigit() else "",
        str(index), facts.get("analytic"), facts.get("numerical"), record.line,
    )


def _largest(f: Callable[..., Any], inputs: Sequence[Array]) -> float:
    """Say how large the results are, whose last bits are what differences see of rounding."""
    with no_grad():
        results = f(*(Tensor(x) for x in inputs))
    parts = results if isinstance(results, tuple) else (results,)
    arrays = [np.abs(t._data[np.isfinite(t._data)]) for t in parts if t._data.dtype.kind == "f"]
    return max(1.0, *(float(a.max(initial=0.0)) for a in arrays), 0.0)


@dataclass(frozen=True, slots=True)
class _Call:
    """An operation as a function of some of its arguments.

    inputs, names: of the arguments. sample: the places, in the flat result, of the elements that
    are left; empty where all are.
    """

    f: Callable[..., Any]
    inputs: list[Array]
    names: list[str]
    sample: list[int]


def _call(recording: Recording, node: Node) -> _Call | None:
    """Give an operation as a function of the arguments that need a gradient, and their values.

    What the rule did not keep its derivative does not depend on, or it was changed since: then
    other numbers stand in for it. None where not even a shape is known.
    """
    rule, kept = node.plan.rule, kept_by(node)
    values: list[Any] = []
    names: list[str] = []
    tracked: list[int] = []
    places = {given.argument: given for given in arguments_of(node)}
    order = list(places) if rule.listed else list(rule.arguments)
    for i, name in enumerate(order):
        given = places.get(name)
        if given is None:
            values.append(None)
        elif given.node is not None:
            value = recording.records[recording.ids[given.node]].value
            if value is None and given.node.shape is None:
                return None
            if value is None:
                value = _stand_in(given.node.shape)
            tracked.append(i)
            names.append(name)
            values.append(value)
        elif given.value is not None:
            values.append(given.value)
        elif given.shape is not None:
            values.append(_stand_in(given.shape))
        elif rule.broadcasts and node.shape is not None:
            values.append(_stand_in(node.shape))
        else:
            return None
    static = []
    for name in rule.static:
        if name not in kept:
            return None
        value = kept[name]
        if name == "dtype" and value is not None and np.dtype(value).kind == "f":
            value = np.dtype(np.float64)
        static.append(value)
    values = [_wide(v) for v in values]
    sample: list[int] = []
    if rule.broadcasts and not rule.outputs and int(np.prod(node.shape)) > MOST:
        values, sample = _sampled(values, node.shape)

    mirrored = rule.fn in SYMMETRIC

    def f(*given: Any) -> Any:
        arguments = list(values)
        for i, x in zip(tracked, given, strict=True):
            arguments[i] = (x + np.swapaxes(x, -1, -2)) / 2 if mirrored else x
        return engine.apply(rule, [arguments] if rule.listed else arguments, static)

    return _Call(f, [values[i] for i in tracked], names, sample)


def _stand_in(shape: Sequence[int]) -> Array:
    """Draw numbers that every function is defined for."""
    return np.random.default_rng(0).uniform(0.25, 0.75, tuple(shape))


def _wide(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return value.astype(np.float64)
    return value


def _sampled(values: Sequence[Any], shape: Any) -> tuple[list[Any], list[int]]:
    """Take some elements, the smallest and largest among them; and say which places they had."""
    flat = [
        np.broadcast_to(v, shape).reshape(-1) if isinstance(v, np.ndarray) else v for v in values
    ]
    arrays = [v for v in flat if isinstance(v, np.ndarray)]
    size = arrays[0].size
    rng = np.random.default_rng(0)
    places = {int(p) for v in arrays for p in (v.argmin(), v.argmax())}
    places |= set(range(min(SAMPLE // 2, size)))
    places |= {int(p) for p in rng.choice(size, min(SAMPLE, size), replace=False)}
    chosen = sorted(places)
    return [v[chosen].copy() if isinstance(v, np.ndarray) else v for v in flat], chosen


def _directions(
    f: Callable[..., Any], inputs: Sequence[Array]
) -> tuple[Callable[..., Any], list[Array]]:
    """Make a function of eight steps along random directions of each input."""
    rng = np.random.default_rng(0)
    ways = [rng.standard_normal((DIRECTIONS, *x.shape)) for x in inputs]

    def along(*steps: Any) -> Any:
        moved = [
            x + (s.reshape((DIRECTIONS,) + (1,) * x.ndim) * way).sum(0)
            for x, way, s in zip(inputs, ways, steps, strict=True)
        ]
        return f(*moved)

    return along, [np.zeros(DIRECTIONS) for _ in inputs]
