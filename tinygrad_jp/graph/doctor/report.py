"""What `diagnose` gives: findings and layers, as text, Markdown, HTML, a table or a drawing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import Language, language, text_in
from ...nn.summary import width as columns
from ..drawing import Drawing
from ..explained import plain
from ..wording import Look, number, shape
from ..written import write
from .chart import Chart
from .finding import SEVERITIES, Finding

MOST_LAYERS = 40  # in a text; .layers has them all
WORDS = {"error": "severity_error", "warning": "severity_warning", "note": "severity_note"}
SIGNS = {"error": "×", "warning": "!", "note": "·"}
COLOURS = {"error": "#D55E00", "warning": "#E69F00", "note": "#0072B2"}  # Okabe & Ito
STYLES = {"error": "bold red", "warning": "yellow", "note": "blue"}


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer in numbers.

    norm: of the loss's gradient at the layer's output. ratio: that against the last layer's.
    """

    place: str
    node: str
    shape: tuple[int, ...] | None
    mean: float | None
    std: float | None
    norm: float | None
    ratio: float | None


class Diagnosis:
    """What the doctor found: prints as text, shows as HTML in notebooks.

    findings: the illnesses, the worst first. layers: one row for each product with a weight.
    healthy: whether there is no error and no warning. graph: what was looked at.
    """

    def __init__(
        self, chart: Chart, findings: list[Finding], lang: Language | None, stands_in: bool
    ) -> None:
        self.findings = findings
        self.graph = chart.graph
        self.layers = list(_rows(chart))
        self.stands_in = stands_in
        self._language = lang

    @property
    def healthy(self) -> bool:
        """Whether nothing worse than a note was found."""
        return all(f.severity == "note" for f in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Give findings and layers as plain values, for JSON."""
        layers = [{name: getattr(row, name) for name in LayerRow.__slots__} for row in self.layers]
        return {"findings": [f.to_dict() for f in self.findings], "layers": layers}

    # ── words ───────────────────────────────────────────────────────────────────────────────

    @property
    def lang(self) -> Language:
        """The language in which it speaks."""
        return self._language or language()

    def _words(self, key: str, **facts: Any) -> str:
        return text_in(self.lang, key, **facts)

    def _title(self) -> str:
        operations = sum(node.kind == "operation" for node in self.graph.nodes)
        counts = [
            self._words(
                "diagnosis_counts", severity=self._words(WORDS[s]),
                number=sum(f.severity == s for f in self.findings),
            )
            for s in SEVERITIES if any(f.severity == s for f in self.findings)
        ]
        comma = "、" if self.lang == "ja" else ", "
        summary = comma.join(counts) or self._words("diagnosis_healthy")
        return self._words(
            "diagnosis_title", summary=summary, operations=operations, layers=len(self.layers)
        )

    def _said(self, finding: Finding) -> tuple[str, str, str]:
        return finding.said(self.lang)

    def _table(self) -> tuple[list[str], list[list[str]]]:
        head = [
            self._words("diagnosis_layer"), self._words("diagnosis_output"),
            self._words("diagnosis_spread"), self._words("diagnosis_norm"),
            self._words("diagnosis_ratio"),
        ]
        rows = self.layers
        half = MOST_LAYERS // 2
        if len(rows) > MOST_LAYERS:
            more = self._words("diagnosis_more", number=len(rows) - MOST_LAYERS)
            between = [[more, "", "", "", ""]]
            return head, [
                *map(_cells, rows[:half]), *between, *map(_cells, rows[-half:])
            ]
        return head, [_cells(row) for row in rows]

    def save(self, path: str | Path) -> Path:
        """Save as .html, .md, .txt, or as a picture of the graph with the places marked.

        Gives the path. Raises OptionError for another suffix; as Drawing.save does.
        """
        return write(self, path)

    def draw(self, depth: int | None = None, fold: bool = False, **options: Any) -> Drawing:
        """Draw the graph with the places marked that something was found at.

        depth, fold: as those of `tj.draw`; options: those of a Look: direction="TB", theme="dark".
        """
        chosen = self.lang
        marks: dict[str, str] = {}
        for finding in reversed(self.findings):  # so that the worst is said
            text = f"{SIGNS[finding.severity]} {finding.said(chosen)[0]}"
            for node in finding.nodes:
                marks[node] = "\n".join(filter(None, [text, marks.get(node, "")]))
        look = Look(language=chosen).but(marks=marks, **options)
        return Drawing(self.graph, look, depth=depth, fold=fold)

    # ── windows ─────────────────────────────────────────────────────────────────────────────

    def __str__(self) -> str:
        parts = [self._title()]
        if self.stands_in:
            parts.append(self._words("diagnosis_stands_in"))
        for finding in self.findings:
            title, what, cure = self._said(finding)
            word = self._words(WORDS[finding.severity])
            lines = [
                "", f"{SIGNS[finding.severity]} {title} [{word}]", f"  {what}", f"  → {cure}",
            ]
            if finding.line:
                lines.append("  " + self._words("diagnosis_line", line=finding.line))
            parts += lines
        if self.layers:
            head, rows = self._table()
            parts += ["", *_aligned([head, *rows])]
        return "\n".join(parts)

    __repr__ = __str__

    def __rich__(self) -> Any:
        """Give rich's renderables: `rich.print(report)`."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        parts: list[Any] = [Text(self._title(), style="bold")]
        for finding in self.findings:
            title, what, cure = self._said(finding)
            word = self._words(WORDS[finding.severity])
            heading = f"\n{SIGNS[finding.severity]} {title} [{word}]"
            parts.append(Text(heading, style=STYLES[finding.severity]))
            parts.append(Text(f"  {what}"))
            parts.append(Text(f"  → {cure}", style="green"))
            if finding.line:
                parts.append(Text(f"  {finding.line}", style="dim"))
        if self.layers:
            head, rows = self._table()
            table = Table()
            for i, cell in enumerate(head):
                table.add_column(cell, justify="left" if i < 2 else "right")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            parts.append(table)
        return Group(*parts)

    def markdown(self) -> str:
        """Give the report as Markdown."""
        parts = [f"**{plain(self._title())}**", ""]
        for finding in self.findings:
            title, what, cure = self._said(finding)
            word = self._words(WORDS[finding.severity])
            parts.append(f"- **{plain(title)}** ({word})  ")
            parts.append(f"  {plain(what)}  ")
            parts.append(f"  → {plain(cure)}" + ("  " if finding.line else ""))
            if finding.line:
                parts.append(f"  {plain(finding.line)}")
        if self.layers:
            head, rows = self._table()
            parts += ["", f"| {' | '.join(map(plain, head))} |", "|---|---|---:|---:|---:|"]
            parts += [f"| {' | '.join(map(plain, row))} |" for row in rows]
        return "\n".join(parts) + "\n"

    def html(self) -> str:
        """Give the report as a piece of HTML, with its own colours and no script."""
        parts = [
            '<div style="font-family:sans-serif;line-height:1.5;max-width:60em">',
            f"<p><b>{escape(self._title())}</b></p>",
        ]
        if self.stands_in:
            parts.append(f"<p>{escape(self._words('diagnosis_stands_in'))}</p>")
        for finding in self.findings:
            title, what, cure = self._said(finding)
            word, colour = self._words(WORDS[finding.severity]), COLOURS[finding.severity]
            line = f"<br><small>{escape(finding.line)}</small>" if finding.line else ""
            parts.append(
                f'<div style="border-left:4px solid {colour};padding:.2em .8em;margin:.6em 0">'
                f"<b>{SIGNS[finding.severity]} {escape(title)}</b> ({escape(word)})"
                f"<br>{escape(what)}<br>→ {escape(cure)}{line}</div>"
            )
        if self.layers:
            head, rows = self._table()
            parts.append('<table style="border-collapse:collapse;font-size:.9em">')
            for kind, row in [("th", head), *(("td", row) for row in rows)]:
                cells = "".join(
                    f'<{kind} style="text-align:{"left" if i < 2 else "right"};'
                    f'padding:.15em .8em;border-bottom:1px solid #8884">{escape(cell)}</{kind}>'
                    for i, cell in enumerate(row)
                )
                parts.append(f"<tr>{cells}</tr>")
            parts.append("</table>")
        return "\n".join([*parts, "</div>"])

    _repr_html_ = html


def _rows(chart: Chart) -> Iterator[LayerRow]:
    last = next(
        (n for node in reversed(chart.layers) for n in [chart.norm(node)] if n is not None), None
    )
    for node, layer in chart.layers.items():
        value, norm = chart.nodes[layer.output].value, chart.norm(node)
        numbers = None if value is None or not value.size else value.astype(np.float64)
        with np.errstate(all="ignore"):
            yield LayerRow(
                chart.layer_place(node), node, chart.nodes[node].shape,
                None if numbers is None else float(numbers.mean()),
                None if numbers is None else float(numbers.std()),
                norm, norm / last if norm is not None and last else None,
            )


def _cells(row: LayerRow) -> list[str]:
    spread = "" if row.mean is None else f"{number(row.mean)} ± {number(row.std)}"
    return [
        row.place, "" if row.shape is None else shape(row.shape), spread,
        "" if row.norm is None else number(row.norm),
        "" if row.ratio is None else number(row.ratio),
    ]


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(columns(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell + " " * (w - columns(cell)) if i < 2 else " " * (w - columns(cell)) + cell
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
