"""What `explain` gives: records of paths and steps, and the text that a terminal shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import Language, language, text_in
from ..nn.summary import width as columns
from .formulas import Derivative, general
from .model import Edge, Graph, GraphNode
from .typeset import Set
from .wording import Look, clean, number, shape, summary
from .written import write

if TYPE_CHECKING:
    from .drawing import Drawing

Array = Any

MOST_STEPS = 16  # of a path's, in words
MOST_MEETINGS = 24
MOST_NAMES = 12  # in the line that says which way a path goes


@dataclass(frozen=True, slots=True)
class Term:
    """One addend of an element's gradient: what arrives at an element of the result × the slope.

    place: of the element of the result; None for `more` others put together.
    """

    place: tuple[int, ...] | None
    arrives: float
    slope: float
    more: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """One link of a path, from a result to one of its arguments.

    arguments: name and record of each argument. arrives: the gradient at the result, on this path
    alone; hands_on: what the argument gets.
    """

    target: GraphNode
    source: GraphNode
    edge: Edge
    arguments: tuple[tuple[str, GraphNode], ...]
    arrives: Any
    hands_on: Any

    @property
    def derivative(self) -> Derivative:
        """The formula of this link."""
        formula = self.target.formula
        argument = self.edge.argument
        return general(argument) if formula is None else formula.of(argument)

    @property
    def slope(self) -> float | None:
        """The derivative as one number; None where the result or the argument is an array."""
        slope = self.edge.slope
        if slope is None or slope.size != 1 or not _is_one(self.arrives, self.hands_on):
            return None
        return float(slope.reshape(())[()])


@dataclass(frozen=True, eq=False, slots=True)
class Path:
    """One way from the loss to w. contribution: to w's gradient; terms: of the chosen element."""

    steps: tuple[Step, ...]
    contribution: Array
    terms: tuple[Term, ...] = ()

    @property
    def slopes(self) -> list[float] | None:
        """The derivatives whose product the contribution is; None where they are not numbers."""
        found = [step.slope for step in self.steps]
        return None if None in found else [s for s in found if s is not None]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no path: the key of a text, and its facts."""

    key: str
    facts: dict[str, Any]


class Explanation:
    """The chain rule from a loss to one Tensor, in numbers.

    graph: what it was read from. output, target: the records of both; target is None where there
    is no path, and `reason` why.
    count: how many paths there are; paths: those written out; rest: what the others give together.
    total: the whole gradient, as backward() would add it to w.grad. index: of the chosen element.
    meetings: the nodes between, each with the number of paths from the loss to it.
    """

    def __init__(
        self, graph: Graph, output: GraphNode, target: GraphNode | None, name: str,
        index: tuple[int, ...] | None = None, count: int = 0, found: list[Path] | None = None,
        meetings: list[tuple[GraphNode, int]] | None = None, reason: Reason | None = None,
        language: Language | None = None,
    ) -> None:
        self.graph = graph
        self.output, self.target, self.name = output, target, name
        self.index, self.count, self.reason = index, count, reason
        self.paths = found or []
        self.meetings = meetings or []
        self.total: Array | None = None if target is None else target.gradient
        self._language = language

    @cached_property
    def rest(self) -> Array | None:
        """What the paths that are not written out give together; None where there are none."""
        if self.total is None or len(self.paths) == self.count:
            return None
        shown = sum(path.contribution.astype(np.float64) for path in self.paths)
        return np.asarray(self.total - shown, self.total.dtype)

    # ── pieces that every window says alike ─────────────────────────────────────────────────

    @property
    def lang(self) -> Language:
        """The language in which it speaks."""
        return self._language or language()

    def word(self, key: str, **facts: Any) -> str:
        """Give a text in that language."""
        return text_in(self.lang, key, **facts)

    def why_not(self) -> str:
        """Say why there is no path."""
        assert self.reason is not None  # only asked for where there is none
        return self.word(self.reason.key, name=clean(self.name), **self.reason.facts)

    def amount(self, array: Any) -> str:
        """Put a gradient into words: the number, the small array, or a summary."""
        if array is None:
            return Look(language=self.lang).word("not_computed")
        if not isinstance(array, np.ndarray):
            return "(…)"  # of an operation with several results
        if array.size == 1:
            return number(array.reshape(())[()])
        texts = summary(array, Look(language=self.lang))
        if texts and texts[0].startswith("["):
            return f"{shape(array.shape)} {' '.join(texts)}"
        norm = number(float(np.linalg.norm(array.astype(np.float64))))
        return f"{shape(array.shape)} " + self.word("explain_norm") + f" {norm}"

    def at_index(self, array: Array) -> str:
        """Put what is asked for of w's gradient into words."""
        return self.amount(array) if self.index is None else number(array[self.index])

    def asked(self) -> str:
        """Name what is asked for: w, or w[0, 1]."""
        name = clean(self.name)
        return name if not self.index else f"{name}[{', '.join(map(str, self.index))}]"

    def largest(self) -> tuple[tuple[int, ...], float] | None:
        """Find the element of the gradient that is farthest from 0, where there are several."""
        if self.total is None or self.total.size < 2 or self.index is not None:
            return None
        sizes = np.abs(np.nan_to_num(self.total))
        at = tuple(int(i) for i in np.unravel_index(int(sizes.argmax()), sizes.shape))
        return at, float(self.total[at])

    def facts(self) -> list[str]:
        """List the line below the title: values, and the number of paths."""
        assert self.target is not None
        found = []
        for record, index in ((self.target, self.index), (self.output, None)):
            name = f"{symbol(record)} ({record.id})" if record.name else record.id
            if record.value is None:
                found.append(name)
            else:
                value = self.amount(record.value) if not index else number(record.value[index])
                found.append(f"{name} = {value}")
        found.append(self.word("explain_paths_number", number=self.count))
        return found

    def legend(self) -> str:
        """Say what the letters in formulas of arrays stand for; "" where there are none."""
        arrays = any(step.slope is None for path in self.paths for step in path.steps)
        return self.word("explain_legend") if arrays else ""

    def sums(self) -> str:
        """Write the sum over the paths; "" where there is only one."""
        if self.count < 2 or self.total is None:
            return ""
        parts = [self.at_index(path.contribution) for path in self.paths]
        if self.rest is not None:
            parts.append(self.at_index(self.rest))
        total = self.at_index(self.total)
        if all(part.count("[") == 0 and "(" not in part for part in parts):
            return f"{' + '.join(parts).replace('+ -', '− ')} = {total}"
        return total

    # ── text ────────────────────────────────────────────────────────────────────────────────

    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        end = symbol(self.output)
        if self.target is None:
            yield f"∂{end}/∂{clean(self.name)}: {self.why_not()}"
            return
        yield f"∂{end}/∂{self.asked()} = {self.at_index(self.total)}"
        yield "    ".join(self.facts())
        if self.total is None:
            yield self.word("explain_unknown")
        found = self.largest()
        if found is not None:
            yield self.word("explain_largest", place=list(found[0]), value=number(found[1]),
                            index=found[0])
        for i, path in enumerate(self.paths):
            yield ""
            yield self.word("explain_path", i=i + 1, count=self.count) + f": {self.route(path)}"
            rows = [self._cells(step) for step in shortened(path.steps) if step is not None]
            widths = [max((columns(row[k]) for row in rows), default=0) for k in range(2)]
            for step in shortened(path.steps):
                if step is None:
                    yield "  " + self.word("explain_more", number=len(path.steps) - MOST_STEPS)
                    continue
                cells = self._cells(step)
                padded = [c + " " * (w - columns(c)) for c, w in zip(cells, widths, strict=False)]
                yield f"  {'  '.join([*padded, cells[2]])}".rstrip()
            yield f"  {self._contribution(path)}"
            yield from (f"    {line}" for line in self._terms(path))
        if self.legend():
            yield ""
            yield self.legend()
        if self.rest is not None:
            more = self.count - len(self.paths)
            yield ""
            yield self.word("explain_rest", number=more, value=self.at_index(self.rest))
        if self.sums():
            yield ""
            yield self.word("explain_sum") + f": {self.sums()}"
        if self.count > 1:
            yield ""
            yield self.word("explain_meetings")
            listed = self.meetings
            for record, ways in listed[:MOST_MEETINGS]:
                yield (f"  {symbol(record)}: {self.word('explain_ways', number=ways)}, "
                       f"∂{end}/∂{symbol(record)} = {self.amount(record.gradient)}")
            if len(listed) > MOST_MEETINGS:
                yield "  " + self.word("explain_more", number=len(listed) - MOST_MEETINGS)

    def _cells(self, step: Step) -> tuple[str, str, str]:
        """Put a step into three cells: the operation, its derivative, the numbers."""
        here, below = symbol(step.target), symbol(step.source)
        operation = f"{here} = {call(step)}"
        if step.slope is not None:
            slope = number(step.slope)
            derivative = " = ".join(dict.fromkeys(
                [f"∂{here}/∂{below}", *([local.text] if (local := step.derivative.local) else []),
                 slope]
            ))
            return operation, derivative, (
                f"{self.amount(step.arrives)} × {slope} = {self.amount(step.hands_on)}"
            )
        end = symbol(self.output)
        return (
            operation, f"∂{end}/∂{below} = {step.derivative.pull.text}",
            f"→ {self.amount(step.hands_on)}",
        )

    def _contribution(self, path: Path) -> str:
        slopes = path.slopes
        product = "" if not slopes or not 1 < len(slopes) <= MOST_STEPS else (
            " × ".join(number(s) if s >= 0 else f"({number(s)})" for s in slopes) + " = "
        )
        name = f"∂{symbol(self.output)}/∂{self.asked()}"
        if self.count > 1:
            name = self.word("explain_contribution")
        return f"{name} = {product}{self.at_index(path.contribution)}"

    def _terms(self, path: Path) -> Iterator[str]:
        if not path.terms:
            return
        result = symbol(path.steps[-1].target)
        yield self.word("explain_terms", result=result, asked=self.asked())
        for term in path.terms:
            if term.place is None:
                yield self.word("explain_terms_more", number=term.more, value=number(term.arrives))
                continue
            place = f"{result}[{', '.join(map(str, term.place))}]" if term.place else result
            product = number(term.arrives * term.slope)
            yield f"{place}: {number(term.arrives)} × {number(term.slope)} = {product}"

    def route(self, path: Path) -> str:
        """Write the way that a path goes."""
        names = [symbol(self.output), *(symbol(step.source) for step in path.steps)]
        if len(names) > MOST_NAMES:
            half = MOST_NAMES // 2
            names = [*names[:half], "…", *names[-half:]]
        return " ← ".join(names)

    # ── other windows ───────────────────────────────────────────────────────────────────────

    def markdown(self) -> str:
        """Give the explanation as Markdown, with formulas in LaTeX."""
        from .explained import markdown

        return markdown(self)

    def html(self) -> str:
        """Give the explanation as a piece of HTML, with formulas in MathML and no script."""
        from .explained import html

        return html(self)

    def save(self, path: str | FilePath) -> FilePath:
        """Save as .html, .md, .txt, or as a picture of the graph with the places marked.

        Gives the path. Raises OptionError for another suffix; as Drawing.save does.
        """
        return write(self, path)

    def draw(self, depth: int | None = None, fold: bool = False, **options: Any) -> Drawing:
        """Draw the graph with the paths from the loss to w picked out.

        depth, fold: as those of `tj.draw`; options: those of a Look: direction="TB", theme="dark".
        """
        from .drawing import Drawing

        on = frozenset(record.id for record, _ in self.meetings)
        look = Look(language=self.lang).but(highlight=on, **options)
        return Drawing(self.graph, look, depth=depth, fold=fold)

    def _repr_markdown_(self) -> str:
        return self.markdown()


def symbol(record: GraphNode) -> str:
    """Name a node in a formula: by its name, else its id."""
    return clean(record.name) if record.name else record.id


def call(step: Step) -> str:
    """Write an operation as a call; with the arguments' own names where the formula needs them."""
    shown = [(name, _given(record)) for name, record in step.arguments]
    if len(shown) > 1:
        return f"{step.target.label}({', '.join(f'{name}={text}' for name, text in shown)})"
    return f"{step.target.label}({', '.join(text for _, text in shown)})"


def formula_of(step: Step) -> Set:
    """Give the formula of a step: the local derivative where it is a number, else the pull."""
    local = step.derivative.local
    return local if step.slope is not None and local is not None else step.derivative.pull


def shortened(steps: tuple[Step, ...]) -> list[Step | None]:
    """Take the first and last steps of a long path; None stands for those between."""
    if len(steps) <= MOST_STEPS:
        return list(steps)
    half = MOST_STEPS // 2
    return [*steps[:half], None, *steps[-half:]]


def _given(record: GraphNode) -> str:
    if record.name:
        return clean(record.name)
    value = record.value
    if record.kind == "constant" and value is not None and value.ndim == 0:
        return number(value[()])
    return record.id


def _is_one(*values: Any) -> bool:
    return all(isinstance(v, np.ndarray) and v.size == 1 for v in values)
