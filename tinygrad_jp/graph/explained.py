"""An Explanation as Markdown with LaTeX, and as a piece of HTML with MathML."""

from __future__ import annotations

import re
from html import escape

from ..errors import MissingExtraError
from .explanation import (
    MOST_MEETINGS,
    MOST_STEPS,
    Explanation,
    Path,
    Step,
    call,
    formula_of,
    shortened,
    symbol,
)
from .mathml import Tree, mathml
from .model import GraphNode
from .typeset import Set
from .wording import clean, number


def markdown(e: Explanation) -> str:
    """Write an Explanation as Markdown; formulas between dollar signs."""
    if e.target is None:
        return f"${_partial(e.output, e.name)}$: {plain(e.why_not())}\n"
    parts = [f"$${_asked(e)} = {_latex(e.at_index(e.total))}$$", "", plain(" · ".join(e.facts()))]
    if e.total is None:
        parts += ["", plain(e.word("explain_unknown"))]
    found = e.largest()
    if found is not None:
        parts += ["", plain(e.word(
            "explain_largest", place=list(found[0]), value=number(found[1]), index=found[0]
        ))]
    for i, path in enumerate(e.paths):
        title = e.word("explain_path", i=i + 1, count=e.count)
        parts += ["", f"**{title}**: {plain(e.route(path))}", "", f"$${chain(e, path)}$$", ""]
        if path.steps:
            heads = ("explain_operation", "explain_derivative", "explain_numbers")
            parts += [f"| {' | '.join(e.word(head) for head in heads)} |", "|---|---|---|"]
            for step in shortened(path.steps):
                if step is None:
                    more = e.word("explain_more", number=len(path.steps) - MOST_STEPS)
                    parts.append(f"| {more} | | |")
                    continue
                formula = f"${derivative(e, step).latex.replace('|', chr(92) + 'vert ')}$"
                cells = (plain(_operation(step)), formula, plain(_numbers(e, step)))
                parts.append(f"| {' | '.join(cells)} |")
        terms = list(e._terms(path))
        if terms:
            parts += ["", plain(terms[0]), "", *(f"- {plain(line)}" for line in terms[1:])]
    if e.legend():
        parts += ["", plain(e.legend())]
    if e.rest is not None:
        more = e.word("explain_rest", number=e.count - len(e.paths), value=e.at_index(e.rest))
        parts += ["", plain(more)]
    if e.sums():
        parts += ["", f"**{e.word('explain_sum')}**: {plain(e.sums())}"]
    if e.count > 1:
        parts += ["", f"**{plain(e.word('explain_meetings'))}**", ""]
        parts += [f"- {plain(line)}" for line in meetings(e)]
    return "\n".join(parts) + "\n"


def html(e: Explanation) -> str:
    """Write an Explanation as HTML: colours of its own, no script, nothing from the network."""
    parts = ['<div style="font-family:sans-serif;line-height:1.6;max-width:70em">']
    if e.target is None:
        parts.append(f"<p>{_math(_partial(e.output, e.name))}: {escape(e.why_not())}</p></div>")
        return "\n".join(parts)
    title = f"{_asked(e)} = {_latex(e.at_index(e.total))}"
    parts.append(f'<p style="font-size:1.3em">{_math(title)}</p>')
    parts.append(f"<p>{escape('　'.join(e.facts()))}</p>")
    if e.total is None:
        parts.append(f"<p>{escape(e.word('explain_unknown'))}</p>")
    found = e.largest()
    if found is not None:
        words = e.word("explain_largest", place=list(found[0]), value=number(found[1]),
                       index=found[0])
        parts.append(f"<p>{escape(words)}</p>")
    cell = 'style="padding:.2em .9em;border-bottom:1px solid #8884;text-align:left"'
    for i, path in enumerate(e.paths):
        heading = e.word("explain_path", i=i + 1, count=e.count)
        parts.append(f"<p><b>{escape(heading)}</b>: {escape(e.route(path))}</p>")
        parts.append(f"<p>{_math(chain(e, path))}</p>")
        if path.steps:
            heads = ("explain_operation", "explain_derivative", "explain_numbers")
            cells = "".join(f"<th {cell}>{escape(e.word(head))}</th>" for head in heads)
            parts.append(f'<table style="border-collapse:collapse"><tr>{cells}</tr>')
            for step in shortened(path.steps):
                if step is None:
                    more = e.word("explain_more", number=len(path.steps) - MOST_STEPS)
                    parts.append(f"<tr><td {cell} colspan=3>{escape(more)}</td></tr>")
                    continue
                inside = (escape(_operation(step)), _math(derivative(e, step).latex),
                          escape(_numbers(e, step)))
                parts.append("<tr>" + "".join(f"<td {cell}>{c}</td>" for c in inside) + "</tr>")
            parts.append("</table>")
        terms = list(e._terms(path))
        if terms:
            parts.append(f"<p>{escape(terms[0])}</p><ul>")
            parts += [f"<li>{escape(line)}</li>" for line in terms[1:]]
            parts.append("</ul>")
    if e.legend():
        parts.append(f"<p><small>{escape(e.legend())}</small></p>")
    if e.rest is not None:
        words = e.word("explain_rest", number=e.count - len(e.paths), value=e.at_index(e.rest))
        parts.append(f"<p>{escape(words)}</p>")
    if e.sums():
        parts.append(f"<p><b>{escape(e.word('explain_sum'))}</b>: {escape(e.sums())}</p>")
    if e.count > 1:
        parts.append(f"<p><b>{escape(e.word('explain_meetings'))}</b></p><ul>")
        parts += [f"<li>{escape(line)}</li>" for line in meetings(e)]
        parts.append("</ul>")
    return "\n".join([*parts, "</div>"])


def meetings(e: Explanation) -> list[str]:
    """List the nodes between, with the paths that come to each and the gradient there."""
    lines = []
    for record, ways in e.meetings[:MOST_MEETINGS]:
        words = e.word("explain_ways", number=ways)
        lines.append(
            f"{symbol(record)}: {words}, ∂{symbol(e.output)}/∂{symbol(record)} = "
            f"{e.amount(record.gradient)}"
        )
    if len(e.meetings) > MOST_MEETINGS:
        lines.append(e.word("explain_more", number=len(e.meetings) - MOST_MEETINGS))
    return lines


def chain(e: Explanation, path: Path) -> str:
    """Write the chain rule along a path as one formula, with its product where there is one."""
    if not path.steps:
        return f"{_asked(e)} = 1"
    steps = shortened(path.steps)
    factors = [
        r"\cdots" if step is None else _fraction(symbol(step.target), symbol(step.source))
        for step in steps
    ]
    parts = [r" \cdot ".join(factors)]
    slopes = path.slopes
    if slopes is not None and len(slopes) <= MOST_STEPS:
        parts.append(r" \times ".join(
            _latex(number(s)) if s >= 0 else rf"\left({_latex(number(s))}\right)" for s in slopes
        ))
    parts.append(_latex(e.at_index(path.contribution)))
    name = _asked(e) if e.count == 1 else ""
    return " = ".join(filter(None, [name, *dict.fromkeys(parts)]))


def derivative(e: Explanation, step: Step) -> Set:
    """Write what a step does to the gradient as a formula."""
    shown = formula_of(step)
    if step.slope is None:
        left = _fraction(symbol(e.output), symbol(step.source))
        return Set(f"{left} = {shown.latex}", shown.text)
    left = _fraction(symbol(step.target), symbol(step.source))
    parts = [left, *([shown.latex] if step.derivative.local else []), _latex(number(step.slope))]
    return Set(" = ".join(dict.fromkeys(parts)), shown.text)


def plain(text: str) -> str:
    """Take Markdown's signs for signs."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|$~" else c for c in text)


def _operation(step: Step) -> str:
    return f"{symbol(step.target)} = {call(step)}"


def _numbers(e: Explanation, step: Step) -> str:
    if step.slope is None:
        return f"→ {e.amount(step.hands_on)}"
    return f"{e.amount(step.arrives)} × {number(step.slope)} = {e.amount(step.hands_on)}"


def _asked(e: Explanation) -> str:
    return _fraction(symbol(e.output), e.asked())


def _partial(output: GraphNode, name: str) -> str:
    return _fraction(symbol(output), clean(name))


def _fraction(above: str, below: str) -> str:
    return rf"\frac{{\partial {_latex(above)}}}{{\partial {_latex(below)}}}"


def _latex(text: str) -> str:
    """Set a number as it is, and any other text upright."""
    try:
        float(text)
    except ValueError:
        pass
    else:
        mantissa, _, exponent = text.partition("e")
        return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else text
    if text in ("∞", "-∞"):
        return text.replace("∞", r"\infty")
    safe = "".join(
        {"\\": r"\backslash ", "‖": r"\|"}.get(c, rf"\{c}" if c in "_&%$#{}" else c)
        for c in text if c not in "^~"
    )
    return rf"\mathrm{{{safe.replace(' ', '~')}}}"


def _math(latex: str) -> str:
    """Set LaTeX as MathML; as code where latex2mathml is not installed.

    Names are taken out before and put in after, as text: the converter would read them as letters.
    """
    names: list[str] = []

    def taken(found: re.Match[str]) -> str:
        names.append(re.sub(r"\\backslash |\\(.)|~", _plain_sign, found[1]))
        return rf"\text{{{PLACE}{len(names) - 1}}}"

    try:
        tree = mathml(Set(re.sub(r"\\mathrm\{((?:\\.|[^\\{}])*)\}", taken, latex), latex))
    except MissingExtraError:
        return f"<code>{escape(latex)}</code>"
    return _markup(tree, names).replace("<math", '<math displaystyle="true"', 1)


PLACE = "\N{WHITE SQUARE}"  # and a number: where a name goes


def _plain_sign(found: re.Match[str]) -> str:
    if found[0] == "~":
        return " "
    return {"|": "‖", None: "\\"}.get(found[1], found[1])


def _markup(tree: Tree, names: list[str]) -> str:
    tag, attributes, children = tree
    given = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    inside = "".join(
        _markup(c, names) if not isinstance(c, str) else
        escape(names[int(c[1:])] if c.startswith(PLACE) else c)
        for c in children
    )
    return f"<{tag}{given}>{inside}</{tag}>"
